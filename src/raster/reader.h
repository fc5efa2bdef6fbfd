/** Reading a date: every pixel of a rectangle of the lattice from the first of its files that has
 * it. */
#ifndef TUBAN_RASTER_READER_H
#define TUBAN_RASTER_READER_H

#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "kernels/table.h"
#include "raster/cache.h"
#include "raster/epoch.h"

/** A worker's handles and buffers for reading a date. One caller per object. */
typedef struct tb_epoch_reader tb_epoch_reader;

/** Borrows epoch, cache and kernels. `first_id` numbers this date's files in the cache. */
tb_status tb_epoch_reader_new(tb_epoch_reader **out, const tb_epoch *epoch, tb_cache *cache,
                              int first_id, const tb_kernels *kernels, tb_error *err);
void      tb_epoch_reader_free(tb_epoch_reader *reader);

/**
 * Reads a rectangle of the lattice.
 * @param planes  bands pointers to rect.height * rect.width floats; NaN where not observed.
 * @param file    rect.height * rect.width: which file gave the pixel, -1 where none did.
 * @param only    the file that gave all pixels, -1 where not one alone did; may be NULL.
 */
tb_status tb_epoch_read(tb_epoch_reader *reader, tb_rect rect, float *const *planes, int16_t *file,
                        int16_t *only, tb_error *err);

/** Drops the tiles that hold what was read for `done` and nothing that will be for `beside` and
 * `below`, rectangles of the lattice, and shrinks those that only hold rows for `below`; either may
 * be empty. */
void tb_epoch_forget(tb_epoch_reader *reader, tb_rect done, tb_rect beside, tb_rect below);

#endif
