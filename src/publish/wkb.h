/** Polygons as well-known binary (OGC 06-103r4, 8.2), in the machine's own byte order. */
#ifndef TUBAN_PUBLISH_WKB_H
#define TUBAN_PUBLISH_WKB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "publish/boxes.h"
#include "publish/vector.h"

/** Bytes of the outline as one polygon, or as a multipolygon. */
size_t tb_wkb_bytes(const tb_vector_outline *outline, bool is_multi);

/** Writes as many; *box is around the exterior rings. */
void tb_wkb_put(uint8_t *at, const tb_vector_outline *outline, bool is_multi, tb_box *box);

#endif
