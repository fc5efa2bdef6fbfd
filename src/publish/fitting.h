/** Texts made to fit the fields of a file: by width, and by what its encoding has. */
#ifndef TUBAN_PUBLISH_FITTING_H
#define TUBAN_PUBLISH_FITTING_H

#include <stdbool.h>

#include "core/text.h"
#include "publish/vector.h"

/**
 * Whether a text has to be looked at character by character.
 * @param encoding  of a Shapefile's texts; NULL: widths are in characters. Below, too.
 */
bool tb_fitting_is_needed(const char *encoding, const tb_vector_field *field, const char *text);

/** Puts into `out` what of a text its field can hold, whole characters only, and counts what was
 * done to it. GDAL complains of characters that cannot be encoded; nobody needs to hear it. */
tb_status tb_fitting_fit(tb_text *out, tb_vector_fitting *fitting, const char *encoding,
                         const tb_vector_field *field, const char *text, tb_error *err);

#endif
