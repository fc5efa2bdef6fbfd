#include "parcel/rtree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/*
 * A node as SQLite's R*Tree module stores it (rtree.c, "Database Format of R-Tree Tables"; part of
 * its file format): two bytes that are the depth of the tree in the root, two the number of cells,
 * then cells of a number and four floats: low and high x, low and high y. All is big-endian.
 */
enum { HEAD = 4, CELL = 24, NODE_MOST = 4096, DEPTH_MOST = 40, ROOT = 1 };

typedef struct walk {
    tb_gpkg       *table;
    const tb_look *look;  /* all of them, a little wider */
    uint32_t      *which; /* numbers of looks: those of a node after those of the one above */
    int64_t        nodes; /* that may still be read */
    bool           is_readable;
    int64_t       *number; /* found */
    size_t         count, capacity;
} walk;

static uint64_t whole_at(const unsigned char *at, int bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static double float_at(const unsigned char *at)
{
    uint32_t bits = (uint32_t)whole_at(at, 4);
    float    value;

    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static tb_look box_of(const unsigned char *cell)
{
    return (tb_look){.low  = {float_at(cell + 8), float_at(cell + 16)},
                     .high = {float_at(cell + 12), float_at(cell + 20)}};
}

static bool do_meet(const tb_look *a, const tb_look *b)
{
    return a->high[0] >= b->low[0] && a->low[0] <= b->high[0] && a->high[1] >= b->low[1] &&
           a->low[1] <= b->high[1];
}

static tb_status add_number(walk *w, int64_t number, tb_error *err)
{
    tb_status status = TB_OK;

    if (w->count == w->capacity) {
        size_t more = w->capacity > 0 ? 2 * w->capacity : 1024;

        TB_TRY(tb_grow(&w->number, more, sizeof *w->number, "features found", err));
        w->capacity = more;
    }
    w->number[w->count++] = number;
done:
    return status;
}

/* Copies a node; the number of its cells. */
static size_t read_node(walk *w, int64_t number, unsigned char *node)
{
    const unsigned char *data;
    size_t               bytes, count = 0;

    w->is_readable = w->nodes-- > 0 && tb_gpkg_node(w->table, number, &data, &bytes) &&
                     bytes >= HEAD && bytes <= NODE_MOST;
    if (w->is_readable) {
        count          = (size_t)whole_at(data + 2, 2);
        w->is_readable = HEAD + CELL * count <= bytes;
    }
    if (!w->is_readable)
        return 0;
    memcpy(node, data, bytes);
    return count;
}

/* Walks a node that looks first .. first + count of `which` may meet, and what is below it. */
static tb_status visit(walk *w, int64_t number, int depth, size_t first, size_t count,
                       tb_error *err)
{
    tb_status     status = TB_OK;
    unsigned char node[NODE_MOST];
    size_t        cells = read_node(w, number, node);

    for (size_t c = 0; c < cells && w->is_readable; c++) {
        const unsigned char *cell = node + HEAD + CELL * c;
        int64_t              own  = (int64_t)whole_at(cell, 8);
        tb_look              box  = box_of(cell);
        size_t               meet = 0;

        for (size_t i = first; i < first + count && (depth > 0 || meet == 0); i++)
            if (do_meet(&box, &w->look[w->which[i]]))
                w->which[first + count + meet++] = w->which[i];
        if (meet == 0)
            continue;
        if (depth > 0)
            TB_TRY(visit(w, own, depth - 1, first + count, meet, err));
        else
            TB_TRY(add_number(w, own, err));
    }
done:
    return status;
}

static int compare_numbers(const void *a, const void *b)
{
    const int64_t *p = a, *q = b;

    return (*p > *q) - (*p < *q);
}

/* Looks in whole thousandths of a metre or 1e-9 degree, a little wider. */
static tb_status widen(const tb_hunt *hunt, tb_look **out, tb_error *err)
{
    tb_status status = TB_OK;
    double    most   = 0.0, scale;

    TB_TRY(tb_alloc(out, hunt->count, sizeof **out, "boxes of parcels", err));
    for (size_t i = 0; i < hunt->count; i++)
        for (int k = 0; k < 2; k++)
            most = fmax(most, fmax(-hunt->boxes[i].low[k], hunt->boxes[i].high[k]));
    scale = most < 1e3 ? 1e9 : 1e3;
    for (size_t i = 0; i < hunt->count; i++)
        for (int k = 0; k < 2; k++) {
            (*out)[i].low[k]  = floor(hunt->boxes[i].low[k] * scale) / scale;
            (*out)[i].high[k] = ceil(hunt->boxes[i].high[k] * scale) / scale;
        }
done:
    return status;
}

/* The depth of the tree; below 0 where it cannot be told. */
static int depth_of(walk *w)
{
    unsigned char node[NODE_MOST];
    int           depth;

    (void)read_node(w, ROOT, node);
    if (!w->is_readable)
        return -1;
    depth = (int)whole_at(node, 2);
    return depth <= DEPTH_MOST ? depth : -1;
}

tb_status tb_rtree_find(tb_gpkg *table, const tb_hunt *hunt, int64_t nodes, int64_t **numbers,
                        size_t *count, tb_error *err)
{
    tb_status status = TB_OK;
    walk      w      = {.table = table, .nodes = nodes};
    tb_look  *looks  = NULL;
    int       depth  = depth_of(&w);

    *numbers = NULL;
    *count   = 0;
    if (depth < 0 || hunt->count > UINT32_MAX)
        return TB_OK;
    TB_TRY(widen(hunt, &looks, err));
    TB_TRY(tb_alloc(&w.which, hunt->count * ((size_t)depth + 2), sizeof *w.which,
                    "boxes of parcels", err));
    for (size_t i = 0; i < hunt->count; i++)
        w.which[i] = (uint32_t)i;
    w.look = looks;
    TB_TRY(visit(&w, ROOT, depth, 0, hunt->count, err));
    if (!w.is_readable)
        goto done;
    if (w.number == NULL) /* nothing lies there */
        TB_TRY(tb_alloc(&w.number, 1, sizeof *w.number, "features found", err));
    if (w.count > 0)
        qsort(w.number, w.count, sizeof *w.number, compare_numbers);
    for (size_t i = 0; i < w.count; i++)
        if (*count == 0 || w.number[i] != w.number[*count - 1])
            w.number[(*count)++] = w.number[i];
    *numbers = w.number;
    w.number = NULL;
done:
    tb_free(w.number);
    tb_free(w.which);
    tb_free(looks);
    return status;
}
