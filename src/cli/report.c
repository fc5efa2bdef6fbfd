#include "cli/report.h"

#include <math.h>

double number_at(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *text_at(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text != NULL ? text : "";
}

json_t *number_json(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}
