#include "publish/boxes.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

enum {
    CELL_BYTES  = 24,
    CELLS_MOST  = 51, /* SQLite's RTREE_MAXCELLS */
    LEVELS      = 16,
    CURVE_BITS  = 16, /* of each coordinate */
    DIGIT_BITS  = 11, /* of a pass of the sort */
    DIGITS      = 1 << DIGIT_BITS,
    RECORD_MOST = 4 + 4 + CELLS_MOST * CELL_BYTES + 8,
};

typedef struct float_box {
    float side[4]; /* least and greatest x, then y: the order in the file */
} float_box;

struct tb_boxes {
    float_box *boxes;
    size_t     count, capacity;
    tb_box     bounds;
};

/* A box by its number, and how far along the curve it lies. */
typedef struct keyed {
    uint32_t key, box;
} keyed;

/* The tree while it is written. Level 0 are the leaves. */
typedef struct packing {
    const tb_boxes *boxes;
    keyed          *order; /* boxes along the curve */
    uint32_t       *leaf;  /* node of each box */
    float_box      *nodes; /* boxes of the nodes, level by level */
    size_t          node_count;
    size_t          first[LEVELS], count[LEVELS]; /* nodes of a level */
    int             levels;
    size_t          cells; /* a node holds */
    size_t          node_bytes;
} packing;

tb_status tb_boxes_new(tb_boxes **out, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_alloc_zero(out, 1, sizeof **out, "boxes of features", err));
    (*out)->bounds = (tb_box){INFINITY, -INFINITY, INFINITY, -INFINITY};
done:
    return status;
}

void tb_boxes_free(tb_boxes *boxes)
{
    if (boxes == NULL)
        return;
    tb_free(boxes->boxes);
    tb_free(boxes);
}

/* Outwards by the same steps as SQLite's R-tree, so that the boxes are the ones it would keep. */
static const double STEP = 1.0 / 8388608.0;

static float float_below(double value)
{
    float nearest = (float)value;

    return (double)nearest > value ? (float)(value * (value < 0 ? 1.0 + STEP : 1.0 - STEP))
                                   : nearest;
}

static float float_above(double value)
{
    float nearest = (float)value;

    return (double)nearest < value ? (float)(value * (value < 0 ? 1.0 - STEP : 1.0 + STEP))
                                   : nearest;
}

tb_status tb_boxes_add(tb_boxes *boxes, tb_box box, tb_error *err)
{
    tb_status status = TB_OK;
    tb_box   *all    = &boxes->bounds;

    if (boxes->count == boxes->capacity) {
        size_t capacity = 2 * boxes->capacity + 1024;

        TB_TRY(tb_grow(&boxes->boxes, capacity, sizeof *boxes->boxes, "boxes of features", err));
        boxes->capacity = capacity;
    }
    boxes->boxes[boxes->count++] = (float_box){{float_below(box.min_x), float_above(box.max_x),
                                                float_below(box.min_y), float_above(box.max_y)}};
    all->min_x                   = box.min_x < all->min_x ? box.min_x : all->min_x;
    all->max_x                   = box.max_x > all->max_x ? box.max_x : all->max_x;
    all->min_y                   = box.min_y < all->min_y ? box.min_y : all->min_y;
    all->max_y                   = box.max_y > all->max_y ? box.max_y : all->max_y;
done:
    return status;
}

int64_t tb_boxes_count(const tb_boxes *boxes)
{
    return (int64_t)boxes->count;
}

tb_box tb_boxes_bounds(const tb_boxes *boxes)
{
    return boxes->bounds;
}

/* ---------------------------------------------------------------- along the curve */

/* How far along the Hilbert curve a place lies (Hilbert 1891). */
static uint32_t along_curve(uint32_t x, uint32_t y)
{
    uint32_t along = 0;

    for (uint32_t half = UINT32_C(1) << (CURVE_BITS - 1); half > 0; half >>= 1) {
        uint32_t right = (x & half) != 0, lower = (y & half) != 0;
        uint32_t is_upper = lower - 1; /* all bits, or none: half of all places are there */
        uint32_t flip = -right & is_upper, swap = ((x ^ y) & is_upper);

        along = along << 2 | (3 * right ^ lower);
        x ^= swap ^ flip;
        y ^= swap ^ flip;
    }
    return along;
}

static uint32_t step_of(double least, double greatest, float from, float to)
{
    const double steps = (double)(1 << CURVE_BITS) - 1;
    double       share =
        greatest > least ? (0.5 * ((double)from + (double)to) - least) / (greatest - least) : 0.0;

    return (uint32_t)(steps * (share > 0.0 ? share < 1.0 ? share : 1.0 : 0.0));
}

/* Sorts by key, stable: least digits first. The result is in p->order; p->leaf is as large and of
 * use for something else then. */
static tb_status sort(packing *p, tb_error *err)
{
    tb_status       status = TB_OK;
    const tb_boxes *boxes  = p->boxes;
    const tb_box   *all    = &boxes->bounds;
    keyed          *from = NULL, *to = NULL;

    TB_TRY(tb_alloc(&from, boxes->count, sizeof *from, "order of boxes", err));
    TB_TRY(tb_alloc(&to, boxes->count, sizeof *to, "order of boxes", err));
    for (size_t i = 0; i < boxes->count; i++) {
        const float *side = boxes->boxes[i].side;

        from[i] = (keyed){along_curve(step_of(all->min_x, all->max_x, side[0], side[1]),
                                      step_of(all->min_y, all->max_y, side[2], side[3])),
                          (uint32_t)i};
    }
    for (int shift = 0; shift < 2 * CURVE_BITS; shift += DIGIT_BITS) {
        size_t place[DIGITS] = {0}, sum = 0;
        keyed *swap = from;

        for (size_t i = 0; i < boxes->count; i++)
            place[from[i].key >> shift & (DIGITS - 1)]++;
        for (int d = 0; d < DIGITS; d++) {
            size_t count = place[d];

            place[d] = sum;
            sum += count;
        }
        for (size_t i = 0; i < boxes->count; i++)
            to[place[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
        from = to;
        to   = swap;
    }
done:
    p->order = from;
    p->leaf  = (uint32_t *)(void *)to;
    return status;
}

/* ---------------------------------------------------------------- nodes */

/* Node numbers: the root is 1, the others follow from the leaves upwards. */
static size_t number_of(const packing *p, int level, size_t i)
{
    return level == p->levels - 1 ? 1 : 2 + p->first[level] + i;
}

/* Children first .. *end-1 of a node. */
static size_t children_of(const packing *p, int level, size_t i, size_t *end)
{
    size_t all = level == 0 ? p->boxes->count : p->count[level - 1];

    *end = (i + 1) * p->cells < all ? (i + 1) * p->cells : all;
    return i * p->cells;
}

static const float_box *child_box(const packing *p, int level, size_t child)
{
    return level == 0 ? &p->boxes->boxes[p->order[child].box]
                      : &p->nodes[p->first[level - 1] + child];
}

/* Lays out the levels and finds the boxes of their nodes. */
static tb_status find_nodes(packing *p, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = p->boxes->count;

    do {
        count               = count > 0 ? (count + p->cells - 1) / p->cells : 1;
        p->first[p->levels] = p->node_count;
        p->count[p->levels] = count;
        p->node_count += count;
        p->levels++;
    } while (count > 1);
    TB_TRY(tb_alloc(&p->nodes, p->node_count, sizeof *p->nodes, "nodes of an index", err));
    for (int level = 0; level < p->levels; level++)
        for (size_t i = 0; i < p->count[level]; i++) {
            float_box *around = &p->nodes[p->first[level] + i];
            size_t     end;

            *around = (float_box){{INFINITY, -INFINITY, INFINITY, -INFINITY}};
            for (size_t c = children_of(p, level, i, &end); c < end; c++) {
                const float *side = child_box(p, level, c)->side;

                for (int s = 0; s < 4; s += 2) {
                    around->side[s] = side[s] < around->side[s] ? side[s] : around->side[s];
                    around->side[s + 1] =
                        side[s + 1] > around->side[s + 1] ? side[s + 1] : around->side[s + 1];
                }
                if (level == 0)
                    p->leaf[p->order[c].box] = (uint32_t)number_of(p, 0, i);
            }
        }
done:
    return status;
}

static tb_status write_node(const packing *p, int level, size_t i, tb_btree *table, tb_error *err)
{
    uint8_t  record[RECORD_MOST], *at = record + 1, *node;
    size_t   end, first               = children_of(p, level, i, &end), header;
    uint32_t bits;

    /* nodeno is the row's number and stands as a null, data is a blob. */
    *at++   = 0;
    at      = tb_btree_put_varint(at, 12 + 2 * p->node_bytes);
    header  = (size_t)(at - record);
    *record = (uint8_t)header;
    node    = at;
    memset(node, 0, p->node_bytes);
    at = tb_btree_put_number(at, level == p->levels - 1 ? (uint64_t)level : 0, 2);
    at = tb_btree_put_number(at, end - first, 2);
    for (size_t c = first; c < end; c++) {
        const float_box *box = child_box(p, level, c);

        at = tb_btree_put_number(
            at, level == 0 ? (uint64_t)p->order[c].box + 1 : number_of(p, level - 1, c), 8);
        for (int s = 0; s < 4; s++) {
            memcpy(&bits, &box->side[s], sizeof bits);
            at = tb_btree_put_number(at, bits, 4);
        }
    }
    return tb_btree_add(table, (int64_t)number_of(p, level, i), record, header + p->node_bytes,
                        err);
}

static tb_status write_nodes(const packing *p, tb_btree *table, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(write_node(p, p->levels - 1, 0, table, err));
    for (int level = 0; level < p->levels - 1; level++)
        for (size_t i = 0; i < p->count[level]; i++)
            TB_TRY(write_node(p, level, i, table, err));
    TB_TRY(tb_btree_finish(table, err));
done:
    return status;
}

/* A row of two columns, the first the row's number. */
static tb_status write_pair(tb_btree *table, int64_t row, int64_t value, tb_error *err)
{
    int      type     = tb_btree_integer_type(value);
    uint8_t  pair[12] = {3, 0, (uint8_t)type};
    uint8_t *end      = tb_btree_put_integer(pair + 3, type, value);

    return tb_btree_add(table, row, pair, (size_t)(end - pair), err);
}

static tb_status write_leaves(const packing *p, tb_btree *table, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t i = 0; i < p->boxes->count; i++)
        TB_TRY(write_pair(table, (int64_t)i + 1, p->leaf[i], err));
    TB_TRY(tb_btree_finish(table, err));
done:
    return status;
}

static tb_status write_parents(const packing *p, tb_btree *table, tb_error *err)
{
    tb_status status = TB_OK;

    for (int level = 0; level < p->levels - 1; level++)
        for (size_t i = 0; i < p->count[level]; i++)
            TB_TRY(write_pair(table, (int64_t)number_of(p, level, i),
                              (int64_t)number_of(p, level + 1, i / p->cells), err));
    TB_TRY(tb_btree_finish(table, err));
done:
    return status;
}

typedef tb_status write_fn(const packing *p, tb_btree *table, tb_error *err);

static tb_status write_table(const packing *p, tb_pages *pages, uint32_t root, write_fn *write,
                             tb_error *err)
{
    tb_status status = TB_OK;
    tb_btree *table  = NULL;

    TB_TRY(tb_btree_new(&table, pages, root, err));
    TB_TRY(write(p, table, err));
done:
    tb_btree_free(table);
    return status;
}

tb_status tb_boxes_write(tb_boxes *boxes, tb_pages *pages, tb_boxes_roots roots, tb_error *err)
{
    tb_status status = TB_OK;
    packing   p      = {.boxes = boxes};

    /* As SQLite has it: a node and its row fit into a page. */
    p.cells      = (tb_pages_bytes(pages) - 64 - 4) / CELL_BYTES;
    p.cells      = p.cells < CELLS_MOST ? p.cells : CELLS_MOST;
    p.node_bytes = p.cells < CELLS_MOST ? tb_pages_bytes(pages) - 64 : 4 + CELLS_MOST * CELL_BYTES;
    if (boxes->count >= UINT32_MAX)
        return tb_error_set(err, TB_E_OUTPUT, "index features: expected fewer than 2^32, got %zu",
                            boxes->count);
    TB_TRY(sort(&p, err));
    TB_TRY(find_nodes(&p, err));
    TB_TRY(write_table(&p, pages, roots.node, write_nodes, err));
    TB_TRY(write_table(&p, pages, roots.rowid, write_leaves, err));
    TB_TRY(write_table(&p, pages, roots.parent, write_parents, err));
done:
    tb_free(p.order);
    tb_free(p.leaf);
    tb_free(p.nodes);
    return status;
}
