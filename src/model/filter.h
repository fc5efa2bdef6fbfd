/** Trained filters as files: docs/train.md describes them. */
#ifndef TUBAN_MODEL_FILTER_H
#define TUBAN_MODEL_FILTER_H

#include <stdbool.h>

#include "core/error.h"
#include "core/text.h"
#include "core/yaml.h"
#include "detect/filter.h"

/** An empty filter with room for so many trees; free with tb_filter_free. */
tb_status tb_filter_new(tb_filter **out, int trees, tb_error *err);
void      tb_filter_free(tb_filter *filter);

/** A copy; NULL gives NULL. */
tb_status tb_filter_copy(tb_filter **out, const tb_filter *filter, tb_error *err);

/**
 * Appends all that judging needs, as a YAML map's lines with `indent` before each. Floats are
 * written so that they are read back as the same bits.
 */
tb_status tb_filter_write(const tb_filter *filter, const char *indent, tb_text *out, tb_error *err);

/** Reads that map. `more` are further keys it may have (NULL ends), or NULL. */
tb_status tb_filter_read(tb_filter **out, tb_node map, const char *const *more, tb_error *err);

/**
 * Opens a filter file. *out is NULL, and the call succeeds, where the file is something else or
 * cannot be parsed: whoever reads it as a model complains.
 * @return TB_E_INPUT naming file, line and key of what is wrong with a filter.
 */
tb_status tb_filter_open(tb_filter **out, const char *path, tb_error *err);

#endif
