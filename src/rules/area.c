#include "rules/area.h"

#include <stddef.h>

enum { WHOLE_DIGITS_MAX = 14 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool tb_decimal_parse(const char *text, int digits, int64_t *out, bool *is_exact)
{
    int64_t value     = 0;
    int     whole     = 0;
    bool    is_cut    = false;
    bool    rounds_up = false;

    if (!is_digit(*text))
        return false;
    for (; is_digit(*text); text++) {
        value = 10 * value + (*text - '0');
        whole += whole > 0 || *text != '0';
        if (whole > WHOLE_DIGITS_MAX)
            return false;
    }
    if (*text == '.' && !is_digit(*++text))
        return false;
    for (int place = 0; place < digits; place++)
        value = 10 * value + (is_digit(*text) ? *text++ - '0' : 0);
    if (is_digit(*text))
        rounds_up = *text >= '5';
    for (; is_digit(*text); text++)
        is_cut = is_cut || *text != '0';
    if (*text != '\0')
        return false;
    *out = value + (rounds_up ? 1 : 0);
    if (is_exact != NULL)
        *is_exact = !is_cut;
    return true;
}

int64_t tb_area_of_mu(int64_t ten_thousandths)
{
    /* 2000/3 m² are 200000/3 dm2; over 10000 that is 20/3; half up is twice that, plus 1, halved.
     */
    return (ten_thousandths * 40 + 3) / 6;
}

static int64_t integer_root(int64_t of)
{
    int64_t root = 0;

    for (int64_t bit = INT64_C(1) << 30; bit > 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= of)
            root += bit;
    return root;
}

int64_t tb_area_uncertainty(int64_t area_dm2, int64_t pixel_dm)
{
    /* Under one root, so that nothing is rounded before it is multiplied. */
    return integer_root(4 * pixel_dm * pixel_dm * area_dm2);
}
