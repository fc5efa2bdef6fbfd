/**
 * The parcels as files: parcels.gpkg (EPSG:4490) with the layers parcels, rejected, observed and
 * units; restricted.gpkg where there is a layer of withheld ground; and parcels.shp where it is
 * asked for. docs/parcels.md
 */
#ifndef TUBAN_JOB_PARCELS_H
#define TUBAN_JOB_PARCELS_H

#include "core/error.h"
#include "job/candidates.h"
#include "job/judge.h"
#include "job/set.h"

/** What every product says of itself: a lead, never a verdict. */
#define TB_NOTICE                                                                                                                       \
    "本图斑为遥感监测判读反映的地表变化线索，不得直接作为作出行政处罚的依据；须经实地核查，" \
    "并比对调查、规划、审批等管理数据，依据事实、按照法律法规规定处置。"

/**
 * Writes them into the set.
 * @param heard  is told of texts that had to be cut to fit a field; may be NULL.
 */
tb_status tb_parcels_write(tb_set *set, const tb_job *job, const tb_candidates *candidates,
                           const tb_judge *judge, const tb_progress *heard, tb_error *err);

#endif
