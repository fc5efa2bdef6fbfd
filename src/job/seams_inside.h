/** What the files of seams share: the pieces that candidates are cut into, and where they meet. */
#ifndef TUBAN_JOB_SEAMS_INSIDE_H
#define TUBAN_JOB_SEAMS_INSIDE_H

#include "job/seams.h"

/** Two that are nearer than this touch: coordinates are multiples of 1e-9 degree. */
#define TB_SEAM_TOUCHING_M 0.001

/** Coordinates of outlines, degrees. */
#define TB_SEAM_GRID 1e-9

enum { TB_SEAM_NONE = -1 };

/** A candidate, or a part of one that was cut, on its pair's own ground. */
typedef struct tb_seam_piece {
    size_t        candidate;
    GEOSGeometry *geometry;       /**< (L, B) */
    double        area_m2, share; /**< of the candidate */
    int64_t       next;           /**< of the same group; TB_SEAM_NONE ends */
} tb_seam_piece;

/** Two pieces within a pixel of each other. */
typedef struct tb_seam_meeting {
    size_t  a, b; /**< a < b */
    double  distance_m;
    int64_t next; /**< of the same group */
} tb_seam_meeting;

typedef struct tb_seams {
    tb_pairs        *pairs;
    tb_geos         *geos;
    tb_candidates   *candidates;
    int64_t          min_pixels;
    tb_seam_totals   totals;
    tb_candidates    out;
    bool            *is_cut; /**< one a candidate */
    tb_seam_piece   *piece;
    size_t           piece_count, piece_capacity;
    tb_seam_meeting *meeting;
    size_t           meeting_count, meeting_capacity;
    uint32_t        *parent;                              /**< of pieces */
    int64_t         *last, *first_meeting, *last_meeting; /**< of groups, by their first piece */
    size_t           from; /**< the piece whose neighbours are looked for */
    tb_status        heard;
    tb_error        *err;
    double           north, east; /**< metres of a degree where work is being done */
} tb_seams;

/** Metres of a pixel of the pair that a piece is of. */
double tb_seam_gsd_m(const tb_seams *s, size_t piece);

/** Sets the metres of a degree to those of the middle of a geometry. */
void tb_seams_set_place(tb_seams *s, const GEOSGeometry *geometry);

/** Callbacks of GEOSGeom_transformXY_r; the context is the tb_seams. */
int tb_seam_to_metres(double *x, double *y, void *context);
int tb_seam_to_degrees(double *x, double *y, void *context);

/** Cuts candidates, which stand together by their pairs, and observed ground to the grounds of
 * their pairs. */
tb_status tb_seams_cut(tb_seams *s);

/** Finds the pieces that meet, and chains pieces and meetings by their groups, in order. */
tb_status tb_seams_group(tb_seams *s);

/** The outline of a group: united where pairs meet, the pieces of one candidate as they are. Free
 * with GEOSGeom_destroy_r. */
tb_status tb_seams_unite(tb_seams *s, size_t root, GEOSGeometry **out);
tb_status tb_seams_gather(tb_seams *s, size_t root, GEOSGeometry **out);

#endif
