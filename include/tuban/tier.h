/**
 * Tiers, flags and dates of parcels from their areas alone, by a rule profile.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_TIER_H
#define TUBAN_TIER_H

#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tb_tier_options {
    /** A profile's name, such as "shandong-2024"; or the path of one: with a slash, or in .yaml. */
    const char *profile;
    /** A CSV file in UTF-8; NULL or "-": standard input. */
    const char *cases;
} tb_tier_options;

/**
 * Reads cases and decides each.
 *
 * Columns id, STREAM, JBNTMJ, STHXMJ, GDMJ, GDMJ_XP, PRUNION (m², read exactly and rounded half up
 * to 0.01; empty: not known), YSLX (classes a person set, joined by +; empty: none), MONTH (of
 * issue, YYYY-MM or YYYYMM, or the day YYYY-MM-DD); and, where they are there, AREA_U (m²), HINT
 * (0 to 1), DOUBT (yes or no). Other columns are passed over, and noted.
 *
 * @param json  {"profile", "ruleset", "rows": [{id, TIER, T1, T2, T3, T3_WHY, CITY_WY, T1_XP, NEAR,
 *              GATE, DUE_CNTY, clause, ...}], "notes": [...]}; docs/rules.md lists the fields. What
 *              is not known is null, text that is empty is "". Free with tb_text_release.
 * @return TB_OK; TB_E_USAGE without a profile; TB_E_JOB when the profile is wrong; TB_E_INPUT with
 *         line, column, what was found and what is allowed; TB_E_MEMORY. On failure *json is NULL.
 *
 * Threads: safe. Cost: O(bytes), the text and its JSON in memory.
 */
TB_API tb_status tb_tier_cases(const tb_tier_options *options, char **json, tb_error *err);

#ifdef __cplusplus
}
#endif
#endif
