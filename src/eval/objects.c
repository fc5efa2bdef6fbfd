#include "eval/objects.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/memory.h"

/* What is known to be connected; it belongs to the object of its parent, or is one's root. */
typedef struct part {
    int64_t parent;
    int64_t pixels;
    bool    touches;
} part;

typedef struct run {
    int64_t first, last; /* columns */
    int64_t part;
} run;

typedef struct forest {
    part   *parts;
    int64_t count;
    int64_t capacity;
} forest;

static int64_t root_of(forest *trees, int64_t i)
{
    part *parts = trees->parts;

    while (parts[i].parent != i) {
        parts[i].parent = parts[parts[i].parent].parent;
        i               = parts[i].parent;
    }
    return i;
}

/* The elder root stays, so that the forest does not depend on anything but the map. */
static int64_t unite(forest *trees, int64_t a, int64_t b)
{
    int64_t elder   = root_of(trees, a);
    int64_t younger = root_of(trees, b);

    if (elder == younger)
        return elder;
    if (younger < elder) {
        int64_t swap = elder;

        elder   = younger;
        younger = swap;
    }
    trees->parts[younger].parent = elder;
    trees->parts[elder].pixels += trees->parts[younger].pixels;
    trees->parts[elder].touches |= trees->parts[younger].touches;
    return elder;
}

static tb_status plant(forest *trees, int64_t *index, tb_error *err)
{
    if (trees->count == trees->capacity) {
        int64_t   capacity = trees->capacity > 0 ? 2 * trees->capacity : 1024;
        tb_status status =
            tb_grow(&trees->parts, (size_t)capacity, sizeof *trees->parts, "parts of objects", err);

        if (status != TB_OK)
            return status;
        trees->capacity = capacity;
    }
    *index               = trees->count++;
    trees->parts[*index] = (part){.parent = *index};
    return TB_OK;
}

/* The runs of a row, joined to those of the row above that they touch at a side or a corner. */
static tb_status join_row(forest *trees, const uint8_t *row, int64_t width,
                          const tb_objects_query *query, const run *above, int64_t above_count,
                          run *here, int64_t *here_count, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   next = 0, count = 0;

    for (int64_t x = 0; x < width; x++) {
        if ((row[x] & query->inside) != query->inside)
            continue;

        run  found   = {.first = x, .part = -1};
        bool touches = false;

        for (; x < width && (row[x] & query->inside) == query->inside; x++)
            touches |= (row[x] & query->touch) == query->touch;
        found.last = x - 1;
        while (next < above_count && above[next].last < found.first - 1)
            next++;
        for (int64_t a = next; a < above_count && above[a].first <= found.last + 1; a++)
            found.part = found.part < 0 ? root_of(trees, above[a].part)
                                        : unite(trees, found.part, above[a].part);
        if (found.part < 0)
            TB_TRY(plant(trees, &found.part, err));
        trees->parts[found.part].pixels += found.last - found.first + 1;
        trees->parts[found.part].touches |= touches;
        here[count++] = found;
    }
    *here_count = count;
done:
    return status;
}

tb_status tb_objects_count(const uint8_t *pixels, int64_t width, int64_t height,
                           const tb_objects_query *query, int64_t *objects, int64_t *touched,
                           tb_error *err)
{
    tb_status status = TB_OK;
    forest    trees  = {0};
    run      *above = NULL, *here = NULL;
    int64_t   above_count = 0, here_count = 0;
    size_t    runs = (size_t)(width / 2 + 1);

    TB_TRY(tb_alloc(&above, runs, sizeof *above, "runs of a row", err));
    TB_TRY(tb_alloc(&here, runs, sizeof *here, "runs of a row", err));
    for (int64_t y = 0; y < height; y++) {
        TB_TRY(join_row(&trees, pixels + y * width, width, query, above, above_count, here,
                        &here_count, err));

        run *swap = above;

        above       = here;
        here        = swap;
        above_count = here_count;
    }
    *objects = 0;
    *touched = 0;
    for (int64_t i = 0; i < trees.count; i++)
        if (trees.parts[i].parent == i && trees.parts[i].pixels >= query->min_pixels) {
            ++*objects;
            *touched += trees.parts[i].touches;
            if (query->hear != NULL)
                query->hear(query->context, trees.parts[i].pixels, trees.parts[i].touches);
        }
done:
    tb_free(above);
    tb_free(here);
    tb_free(trees.parts);
    return status;
}
