/**
 * A rule profile: what a notice asks for, as data. No number of a notice stands in C; docs/rules.md
 * lists the keys of the YAML.
 */
#ifndef TUBAN_RULES_PROFILE_H
#define TUBAN_RULES_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/text.h"
#include "rules/area.h"
#include "rules/calendar.h"

enum {
    TB_TIERS         = 4, /**< T0 .. T3, nested: T3 in T2 in T1 */
    TB_CLASSES_MAX   = 16,
    TB_STREAMS_MAX   = 8,
    TB_ALIASES_MAX   = 4,
    TB_APPROVALS_MAX = 16,
    TB_PROFILE_DEPTH = 4, /**< files that extend one another */
    TB_RULESET_SIZE  = 128,
};

/** The areas of a parcel that thresholds test. */
typedef enum tb_quantity {
    TB_QUANTITY_PBF,      /**< JBNTMJ, on permanent basic farmland */
    TB_QUANTITY_ERL,      /**< STHXMJ, inside the ecological protection red line */
    TB_QUANTITY_FARMLAND, /**< GDMJ */
    TB_QUANTITIES,
} tb_quantity;

/** The field's name, such as JBNTMJ. */
const char *tb_quantity_name(tb_quantity quantity);

/** Where a rule stands. All text of a profile is the profile's. */
typedef struct tb_citation {
    const char *notice; /**< the notice that was read, as it is cited: 威自然资发〔2024〕22号 */
    const char *clause;   /**< as readable there: 二（一）1 */
    const char *restates; /**< the text it restates, which was not seen; NULL: none */
} tb_citation;

/** "quantity at or above the area", above it where is_strict. */
typedef struct tb_threshold {
    tb_quantity quantity;
    bool        is_strict;
    int64_t     area_dm2;
    const char *mu;   /**< the area in mu, as the profile writes it */
    const char *code; /**< what T3_WHY or CITY_WY say when it is reached */
    tb_citation citation;
    int         depth; /**< which file of the profile it comes from; 0 is the one extended most */
} tb_threshold;

/** Reached when any one is reached; each quantity stands once at most. */
typedef struct tb_thresholds {
    tb_threshold item[TB_QUANTITIES];
    int          count;
} tb_thresholds;

/** A day of the month of issue, or of one after it, that is included. */
typedef struct tb_due {
    bool        is_given;
    int         day;
    int         months; /**< after the month of issue */
    tb_citation citation;
} tb_due;

/** A class of YSLX that reaches a tier together with an area. */
typedef struct tb_class {
    const char *name;
    bool        is_inferred; /**< from 等: not named by the notice */
} tb_class;

typedef struct tb_class_route {
    tb_class      item[TB_CLASSES_MAX];
    int           count; /**< 0: no class route */
    tb_thresholds area;
    int           hint_permille; /**< from here on a hint of the engine's is strong */
} tb_class_route;

typedef struct tb_tier_rule {
    const char    *name; /**< 重点监测图斑 */
    tb_citation    citation;
    tb_thresholds  any;
    tb_class_route classes;
    tb_due         due;
} tb_tier_rule;

/** Who issues parcels: PM, MQ, ... */
typedef struct tb_stream {
    const char   *name;
    const char   *title;
    const char   *aliases[TB_ALIASES_MAX];
    int           alias_count;
    bool          has_tiers;
    tb_tier_rule  tier[TB_TIERS];
    tb_thresholds gate;             /**< count 0: none. A flag only: no parcel is refused for it */
    tb_due        due;              /**< of a stream without tiers */
    bool          is_field_checked; /**< by the city's rule for field checks */
} tb_stream;

/** What a city adds: C1 as it is decided here; C4, C5 and W1 for those who keep the ledger. */
typedef struct tb_city {
    tb_thresholds field_check; /**< C1: any of these areas */
    int           check_tier;  /**< C1: from this tier on; 0: none */
    const char   *tier_code;   /**< what CITY_WY says of it */
    const char   *doubt_code;  /**< of a doubtful county answer; NULL: not asked */
    tb_thresholds supervision; /**< C4 */
    tb_thresholds direct_case; /**< C5 */
    tb_thresholds warning;     /**< W1, of a unit's sum */
} tb_city;

/** An approval that reduces the tier. */
typedef struct tb_approval {
    const char *kind;
    bool        needs_validity; /**< only inside its validity */
} tb_approval;

typedef struct tb_profile_files tb_profile_files;

typedef struct tb_profile {
    const char *name;
    const char *title;
    char        version[17];    /**< hash of the files' contents */
    tb_day      first, last;    /**< months it is made for, inclusive */
    const char *classification; /**< path of the land classes */
    bool        is_net_of_ridges;
    int64_t     minimum_m2;                 /**< least parcel, at pixels up to ... */
    double      minimum_gsd_m;              /**< ... so many metres */
    int64_t     minimum_pixels;             /**< least parcel at coarser pixels */
    int64_t     cluster_gap_dm;             /**< neighbours this near are one cluster, decimetres */
    int64_t     uncertainty_pixel_dm;       /**< for NEAR where AREA_U is not given, decimetres */
    const char *class_name[TB_CLASSES_MAX]; /**< what YSLX may say; an open list */
    int         class_count;
    tb_approval approval[TB_APPROVALS_MAX];
    int         approval_count;
    tb_stream   stream[TB_STREAMS_MAX];
    int         stream_count;
    tb_city     city;
    tb_text     notes; /**< what a local profile changes, a line each */

    tb_profile_files *files; /**< what the text above lies in */
} tb_profile;

/**
 * Reads a profile and those it extends (free with tb_profile_free).
 *
 * @param name  see tb_rules_find.
 * @return TB_OK; TB_E_JOB with file, line, key, what was found and what is allowed: among others
 *         for a threshold without citation, and for one that a local profile changes without saying
 *         why; TB_E_MEMORY.
 */
tb_status tb_profile_open(tb_profile **out, const char *name, tb_error *err);

void tb_profile_free(tb_profile *profile);

/** The stream of that name or alias, or NULL. */
const tb_stream *tb_profile_stream(const tb_profile *profile, const char *name);

/** True if the month of `day` lies outside the months the profile is made for. */
bool tb_profile_is_old(const tb_profile *profile, tb_day day);

/** RULESET: "NAME@VERSION", and " RULESET_OLD" after it where the profile is old. */
void tb_profile_stamp(const tb_profile *profile, tb_day day, char stamp[TB_RULESET_SIZE]);

#endif
