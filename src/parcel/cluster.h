/** Parcels that lie near each other, so that splitting one up is seen. */
#ifndef TUBAN_PARCEL_CLUSTER_H
#define TUBAN_PARCEL_CLUSTER_H

#include "parcel/layer.h"

/**
 * Numbers the clusters of features that lie at most `gap_m` apart.
 * @param cluster  [features->count] returned: the lowest place of a feature in each one's cluster.
 * Cost: a distance for each pair whose boxes are that near.
 */
tb_status tb_clusters_find(const tb_features *features, double gap_m, size_t *cluster,
                           tb_error *err);

#endif
