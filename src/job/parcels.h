/** parcels.gpkg: the parcels of all pairs, what was rejected, and what was observed, in EPSG:4490.
 */
#ifndef TUBAN_JOB_PARCELS_H
#define TUBAN_JOB_PARCELS_H

#include "core/error.h"
#include "job/set.h"
#include "job/stages.h"

typedef struct tb_parcels tb_parcels;

/** Starts parcels.gpkg in the set; free with tb_parcels_close. */
tb_status tb_parcels_create(tb_parcels **out, tb_set *set, const tb_job *job, tb_error *err);

/** Assembles a pair and adds its parcels. */
tb_status tb_parcels_add(tb_parcels *parcels, tb_stages *stages, tb_assemble_totals *totals,
                         tb_error *err);

tb_status tb_parcels_finish(tb_parcels *parcels, tb_error *err);
void      tb_parcels_close(tb_parcels *parcels);

#endif
