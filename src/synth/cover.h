/** What the ground is covered with, as it looks from above. */
#ifndef TUBAN_SYNTH_COVER_H
#define TUBAN_SYNTH_COVER_H

typedef enum tb_cover {
    /* grown */
    TB_COVER_WHEAT, /**< winter wheat, then summer maize */
    TB_COVER_MAIZE, /**< one crop a year */
    TB_COVER_PEANUT,
    TB_COVER_VEGETABLE,
    TB_COVER_PADDY,
    TB_COVER_FALLOW,
    TB_COVER_ORCHARD,
    TB_COVER_FOREST,
    TB_COVER_TREE,
    TB_COVER_PINE,
    TB_COVER_GRASS,
    TB_COVER_TURF,
    /* not grown */
    TB_COVER_WATER,
    TB_COVER_MUD,
    TB_COVER_SAND,
    TB_COVER_EARTH, /**< dug or heaped */
    TB_COVER_LEVELLED,
    TB_COVER_BARE,
    TB_COVER_TRACK,
    TB_COVER_ASPHALT,
    TB_COVER_CONCRETE,
    TB_COVER_YARD,
    TB_COVER_GRAVEL,
    TB_COVER_FILM,
    TB_COVER_PANEL,
    TB_COVER_RED_ROOF,
    TB_COVER_GREY_ROOF,
    TB_COVER_BLUE_ROOF,
    TB_COVER_WHITE_ROOF,
    TB_COVERS
} tb_cover;

#endif
