/** What model.yaml calls things, where it is written and where it is read. NULL ends each. */
#ifndef TUBAN_MODEL_NAMES_H
#define TUBAN_MODEL_NAMES_H

extern const char *const tb_model_sample_names[]; /**< by is_intensity */
extern const char *const tb_model_state_names[];  /**< by tb_model_state */
extern const char *const tb_model_screen_keys[];  /**< the screen of each date */

#endif
