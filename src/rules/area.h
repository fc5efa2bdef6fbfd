/**
 * Areas as the rules compare them: whole numbers of 0.01 m², a square decimetre, written dm2.
 * Decimals are read as text into integers; no floating point comes near a threshold.
 */
#ifndef TUBAN_RULES_AREA_H
#define TUBAN_RULES_AREA_H

#include <stdbool.h>
#include <stdint.h>

/** Stands for an area that is not known, such as that on a layer that is absent. */
#define TB_AREA_UNKNOWN INT64_C(-1)

/** Decimals of m² in dm2, and of mu in a profile. */
enum { TB_M2_DIGITS = 2, TB_MU_DIGITS = 4 };

/**
 * Reads an unsigned decimal such as "3333.335" as a whole number of 10^-digits, half up.
 * @param is_exact  set to false where digits were rounded away; may be NULL.
 * @return false, *out as it was, where `text` is no such decimal or has more than 14 whole digits.
 */
bool tb_decimal_parse(const char *text, int digits, int64_t *out, bool *is_exact);

/** The area of so many 0.0001 mu, a mu being exactly 2000/3 m², half up: 5 mu is 333333 dm2. */
int64_t tb_area_of_mu(int64_t ten_thousandths);

/**
 * The uncertainty half a pixel along the boundary makes in a square of the given area:
 * 4 sqrt(area) * pixel / 2, cut to whole dm2.
 * @param pixel_dm  side of a pixel in decimetres, up to 1000.
 */
int64_t tb_area_uncertainty(int64_t area_dm2, int64_t pixel_dm);

#endif
