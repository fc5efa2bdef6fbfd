/** The fields of the layers that are delivered: names, aliases, types, widths. docs/parcels.md */
#ifndef TUBAN_JOB_FIELDS_H
#define TUBAN_JOB_FIELDS_H

#include <stdbool.h>

#include "publish/vector.h"

/** The fields of a layer, in their order; lives as long as the program. */
typedef struct tb_fields {
    const tb_vector_field *field;
    int                    count;
} tb_fields;

/** Room for the fields of any layer. */
enum { TB_FIELDS_MAX = 112 };

tb_fields tb_fields_parcels(void);
tb_fields tb_fields_rejected(void); /**< those of parcels, and REASON */
tb_fields tb_fields_observed(void);
tb_fields tb_fields_units(void);
tb_fields tb_fields_qc(void);

/** Whether a field never leaves the centre. */
bool tb_field_is_internal(const char *name);

#endif
