/** Objects of a map: 8-connected sets of its pixels. */
#ifndef TUBAN_EVAL_OBJECTS_H
#define TUBAN_EVAL_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

/** Which pixels form objects, and which of them are met. */
typedef struct tb_objects_query {
    uint8_t inside;     /**< a pixel belongs to an object when it has all these bits */
    uint8_t touch;      /**< and touches the other map when it has all these too */
    int64_t min_pixels; /**< smaller objects do not count */
    /** Hears of every object that counts, in the order of their first pixels; or NULL. */
    void (*hear)(void *context, int64_t pixels, bool touches);
    void *context;
} tb_objects_query;

/**
 * Counts the objects of enough pixels, and those of them with at least one touching pixel.
 *
 * Union-find over the runs of each row, two rows at a time.
 * @param pixels   shape [height][width], bits a pixel; borrowed.
 * @param objects  how many there are.
 * @param touched  how many of them touch.
 * Cost: O(pixels); 24 bytes a part (of which there is at most one in four pixels), thrice that
 * while their array grows, and 24 bytes a column.
 */
tb_status tb_objects_count(const uint8_t *pixels, int64_t width, int64_t height,
                           const tb_objects_query *query, int64_t *objects, int64_t *touched,
                           tb_error *err);

#endif
