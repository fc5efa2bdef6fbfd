/**
 * The tier of a parcel, its flags and its date, from its areas and a profile. A pure function of
 * integers: what it says is where a lead is to be looked at first, never what it is.
 */
#ifndef TUBAN_RULES_TIER_H
#define TUBAN_RULES_TIER_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/profile.h"

/** What a test says where an area may not be known. */
typedef enum tb_answer { TB_NO, TB_YES, TB_UNKNOWN } tb_answer;

enum { TB_CODES_SIZE = 96, TB_NEAR_SIZE = 512, TB_CLAUSE_SIZE = 512 };

/** A parcel as the rules see it. Areas are in dm2 (0.01 m²), or TB_AREA_UNKNOWN. */
typedef struct tb_tier_input {
    const tb_stream *stream; /**< of the same profile */
    int64_t          pbf_dm2, erl_dm2, farmland_dm2;
    int64_t          farmland_outside_pbf_dm2; /**< GDMJ_XP, for T1_XP */
    int64_t          union_dm2;                /**< PRUNION: on PBF or ERL */
    int64_t          uncertainty_dm2; /**< AREA_U; unknown: the profile's default, for NEAR */
    const char      *classes;         /**< YSLX as a person set it, joined by +; NULL or "": none */
    int              hint_permille;   /**< the engine's strongest hint of a class */
    bool             is_doubtful;     /**< the county's answer is in doubt */
    tb_day           issue;           /**< month of issue, and its day if known */
} tb_tier_input;

typedef struct tb_tier_result {
    int       tier;                  /**< 0 .. 3; -1: not known, or the stream has none */
    int       tier_least, tier_most; /**< what is certain of it; -1: the stream has none */
    int       tier_by_area;          /**< without the class route; -1: not known, or none */
    tb_answer is_tier[TB_TIERS];     /**< nested; [0] says that it is no other */
    char      t3_why[TB_CODES_SIZE]; /**< codes joined by + */
    bool      is_candidate;         /**< a strong hint, and the area: for the reviewer to look at */
    tb_answer is_t1_outside_pbf;    /**< T1_XP: T1 with F read as farmland outside PBF */
    bool      passes_by_union_only; /**< PBF and ERL together reach a tier neither reaches */
    char      city_check[TB_CODES_SIZE]; /**< CITY_WY, codes joined by + */
    tb_answer gate;                      /**< GATE; unknown also where the stream has none */
    bool      has_gate;
    char      near[TB_NEAR_SIZE]; /**< thresholds within the uncertainty: JBNTMJ:5, joined by + */
    tb_day    due;                /**< DUE_CNTY; year 0: none */
    bool      is_late;            /**< the date was past at issue */
    char      clause[TB_CLAUSE_SIZE];     /**< what decided tier or gate, with its citation */
    char      due_clause[TB_CLAUSE_SIZE]; /**< what the date rests on */
} tb_tier_result;

/** All areas unknown, no class, no date. */
void tb_tier_input_init(tb_tier_input *input, const tb_stream *stream);

/**
 * Decides. A threshold is reached at or above its area (above, where it is strict); T3 is part of
 * T2, T2 of T1. Where an area is not known, what does not depend on it is still decided.
 * Cannot fail. Threads: safe. Cost: O(thresholds).
 */
void tb_tier_decide(const tb_profile *profile, const tb_tier_input *input, tb_tier_result *result);

#endif
