/** Several pairs of one job: each piece of ground belongs to one of them. */
#ifndef TUBAN_JOB_PAIRS_H
#define TUBAN_JOB_PAIRS_H

#include "core/error.h"
#include "job/stages.h"

/** Refuses a pair whose images have no CRS: parcels need one. */
tb_status tb_pair_check_georeference(const tb_pair *pair, tb_error *err);

/**
 * Refuses pairs whose lattices share ground: a change there would be delivered twice.
 * @return TB_E_JOB naming two pairs that overlap, or TB_E_INPUT as tb_warp_new.
 * Cost: one transformed point for every 16 x 16 pixels of each lattice, for each two pairs.
 */
tb_status tb_pairs_check_apart(const tb_stages *stages, int count, tb_error *err);

#endif
