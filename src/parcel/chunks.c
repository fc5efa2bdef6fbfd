#include "parcel/chunks.h"

#include <stdalign.h>
#include <string.h>

#include "core/memory.h"

enum {
    LEAST = 4096,
    MOST  = (2 << 20) - 64 /* with what tb_alloc puts before it a large page */
};

tb_status tb_chunks_take(tb_chunks *it, size_t bytes, void *out, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    more   = (bytes + alignof(max_align_t) - 1) / alignof(max_align_t);
    char     *taken;

    more *= alignof(max_align_t);
    if (it->count == 0 || more > it->size - it->used) {
        size_t size = it->count == 0 ? LEAST : 2 * it->size < MOST ? 2 * it->size : MOST;

        size = size > more ? size : more;
        TB_TRY(tb_grow(&it->chunk, it->count + 1, sizeof *it->chunk, "features", err));
        TB_TRY(tb_alloc(&it->chunk[it->count], 1, size, "features", err));
        it->count++;
        it->used = 0;
        it->size = size;
    }
    taken = it->chunk[it->count - 1] + it->used;
    it->used += more;
    memcpy(out, &taken, sizeof taken);
done:
    return status;
}

void tb_chunks_reset(tb_chunks *it)
{
    for (size_t i = 0; i < it->count; i++)
        tb_free(it->chunk[i]);
    tb_free(it->chunk);
    *it = (tb_chunks){0};
}
