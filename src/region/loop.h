/** A ring while it is simplified: its places, a pixel side apart, and how far each may move. */
#ifndef TUBAN_REGION_LOOP_H
#define TUBAN_REGION_LOOP_H

#include "region/trace.h"

/** Borrows its arrays. Places are told by how many sides they lie from the start, round and round.
 */
typedef struct tb_loop {
    const tb_corner *places;       /**< [count] */
    const uint8_t   *room;         /**< [count], kinds of room.h */
    uint32_t         count, start; /**< the place that counts as the first */
    const double    *reach;        /**< of each kind of room, in pixels */
} tb_loop;

/** Which of `places` lies `at` sides from the start. Few go round more than once or twice, and a
 * division takes as long as all else that is done at a place. */
static inline uint32_t tb_loop_place(const tb_loop *l, uint32_t at)
{
    uint64_t place = (uint64_t)l->start + at;

    while (place >= l->count)
        place -= l->count;
    return (uint32_t)place;
}

static inline tb_corner tb_loop_corner(const tb_loop *l, uint32_t at)
{
    return l->places[tb_loop_place(l, at)];
}

/** How far the place may move, in pixels. */
static inline double tb_loop_reach(const tb_loop *l, uint32_t at)
{
    return l->reach[l->room[tb_loop_place(l, at)]];
}

#endif
