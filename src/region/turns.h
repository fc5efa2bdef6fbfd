/**
 * The turns of the rings of a set of pixels, and what joins them: found line by line of the
 * lattice, for region/trace.c to walk.
 */
#ifndef TUBAN_REGION_TURNS_H
#define TUBAN_REGION_TURNS_H

#include "region/trace.h"

/** Of a note that is none. */
#define TB_TURN_NONE UINT32_MAX

/** Marks a vertex at a corner where two pixels meet: there are two, one after the other. */
#define TB_TURN_TWIN (UINT32_C(1) << 31)

/** Marks the note of an edge that was walked. */
#define TB_TURN_WALKED (UINT32_C(1) << 31)

/** An edge of no meaning lies before the others. */
enum { TB_TURN_NO = 0, TB_TURN_FIRST = 2 };

/**
 * A turn of a ring. Vertices are numbered by (y, x) from TB_TURN_FIRST on. Those of a line between
 * two rows come in pairs, the ends of a horizontal edge: 2 k and 2 k + 1, side by side in memory.
 * So only vertical edges need to be kept.
 */
typedef struct tb_turn {
    tb_corner at;
    uint32_t  across; /**< the vertex at the other end of the vertical edge, and TB_TURN_TWIN */
    /**
     * Of the left end of an edge, once it is walked: TB_TURN_WALKED and the ring; before, where a
     * ring can start with the inside above it, a vertex to its left that is of the same region;
     * else TB_TURN_NONE. Of the right end, once it is walked: the place in the ring of the end that
     * was come to first.
     */
    uint32_t note;
} tb_turn;

/**
 * A row of pixels as bits, a column each, 64 to a word and the leftmost the lowest: where vertical
 * edges are, and what is inside. Words that hold nothing are zero; which may hold something stands
 * in `used`, a bit each.
 */
typedef struct tb_turns_line {
    uint64_t *edges, *inside, *used;
} tb_turns_line;

/** A workspace. Zero-initialised is empty; grown as needed, freed with tb_turns_reset. */
typedef struct tb_turns {
    tb_turn *turn; /**< TB_TURN_FIRST .. count - 1 */
    size_t   count, capacity;

    tb_turns_line above, below;
    uint32_t
        *began; /**< by column: the vertex of the vertical edge that goes on there, or TB_TURN_NO */
    size_t line_groups; /**< of 64 words that lines have room for */
} tb_turns;

void tb_turns_reset(tb_turns *turns);

/**
 * Finds the vertices of all rings and what joins them; they count from the first span's corner.
 * @param spans  as tb_trace_spans has them, in columns left .. left + width - 1.
 * @return TB_OK; TB_E_MEMORY; TB_E_INPUT for 2^31 vertices. Threads: one caller per workspace.
 */
tb_status tb_turns_find(tb_turns *turns, const tb_local_span *spans, size_t count, int32_t left,
                        size_t width, tb_error *err);

#endif
