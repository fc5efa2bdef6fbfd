/**
 * What judging has to know of the images of a job's pairs, which are closed by then: how fine they
 * are, how well they lie on each other, and which of them, captured when, lies under a parcel.
 */
#ifndef TUBAN_JOB_IMAGERY_H
#define TUBAN_JOB_IMAGERY_H

#include "core/error.h"
#include "job/candidates.h"
#include "job/job.h"
#include "parcel/layer.h"
#include "tuban/progress.h"

typedef struct tb_imagery tb_imagery;

/** Of a job's pairs; free with tb_imagery_free before the GEOS context it has read with. */
tb_status tb_imagery_new(tb_imagery **out, const tb_job *job, tb_error *err);
void      tb_imagery_free(tb_imagery *imagery);

/** Tells of a pair, from 0, while it is open. Borrows nothing. */
tb_status tb_imagery_add(tb_imagery *imagery, int pair, const tb_pair *it, tb_error *err);

/** Tells how well a pair's dates lie on each other: the worst of its files. */
void tb_imagery_set_model(tb_imagery *imagery, int pair, const tb_model *model);

/** Ground sampling distance; and the registration's residual, 0 where it is not known. Metres. */
double tb_imagery_gsd_m(const tb_imagery *imagery, int pair);
double tb_imagery_residual_m(const tb_imagery *imagery, int pair);

/**
 * Reads the footprints the job names, as far as the candidates reach.
 * @param notes  hears of footprints without a day; may be NULL.
 */
tb_status tb_imagery_read(tb_imagery *imagery, tb_geos *geos, const tb_features *reach,
                          const tb_progress *notes, tb_error *err);

enum { TB_SCENES_SIZE = 240 };

/** Days are YYYY-MM-DD, or empty. Scenes are listed with semicolons, those with most of it first.
 */
typedef struct tb_under {
    char before[11], after[11];
    char before_scenes[TB_SCENES_SIZE], after_scenes[TB_SCENES_SIZE];
    bool is_of_several_days;
} tb_under;

/**
 * What lies under a candidate. Of several days, the one under most of it; where footprints or files
 * of one date overlap, the first listed counts.
 * Cost: an intersection a footprint under it.
 */
tb_status tb_imagery_under(const tb_imagery *imagery, const tb_candidate *candidate,
                           const GEOSGeometry *geometry, tb_under *out, tb_error *err);

#endif
