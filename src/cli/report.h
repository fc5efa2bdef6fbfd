/** Values of the reports that commands print, most of them JSON of the library. */
#ifndef TUBAN_CLI_REPORT_H
#define TUBAN_CLI_REPORT_H

#include <jansson.h>

/** The number or the text of a key: NaN and "" where there is none. Text borrows the JSON. */
double      number_at(const json_t *json, const char *key);
const char *text_at(const json_t *json, const char *key);

/** A new JSON number, null where it is not finite. */
json_t *number_json(double value);

#endif
