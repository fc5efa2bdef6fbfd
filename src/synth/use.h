/** What the made-up county's land is used for, and who answers for it. */
#ifndef TUBAN_SYNTH_USE_H
#define TUBAN_SYNTH_USE_H

#include <stdbool.h>

/** What land is used for: a row of the survey's classes each. */
typedef enum tb_use {
    TB_USE_PADDY,
    TB_USE_IRRIGATED,
    TB_USE_DRY,
    TB_USE_ORCHARD,
    TB_USE_FOREST,
    TB_USE_SHELTER,
    TB_USE_GRASS,
    TB_USE_INDUSTRY,
    TB_USE_VILLAGE,
    TB_USE_HIGHWAY,
    TB_USE_ROAD,
    TB_USE_TRACK,
    TB_USE_RIVER,
    TB_USE_POND,
    TB_USE_BANK,
    TB_USE_DITCH,
    TB_USE_FACILITY,
    TB_USE_BARE,
    TB_USES
} tb_use;

/** The survey's code and name of a use, its ridge share, and what may be built over it. */
typedef struct tb_use_class {
    const char *code, *name;
    double      ridge_share; /**< KCXS */
    bool        is_farmland;
    bool        is_open; /**< a construction may spread over it */
} tb_use_class;

const tb_use_class *tb_use_describe(tb_use use);

/** Who answers for the ground: two counties, and a zone taken out of the second. */
enum { TB_UNITS = 3 };

typedef struct tb_unit_name {
    const char *code, *name;
} tb_unit_name;

const tb_unit_name *tb_unit_describe(int unit);

#endif
