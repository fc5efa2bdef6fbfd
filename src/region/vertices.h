/** The vertices of a simplified ring: where the lines of neighbouring pieces cross. */
#ifndef TUBAN_REGION_VERTICES_H
#define TUBAN_REGION_VERTICES_H

#include "region/sides.h"

/** Makes the vertices at the stops of all pieces, and the sides between them. */
void tb_vertices_make(tb_pieces *pieces, const tb_loop *loop, tb_sides *sides);

#endif
