#include "parcel/hunt.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

enum { CELLS = 256, JOINED_MOST = 64 };

static void stretch(tb_look *it, const tb_look *by)
{
    for (int i = 0; i < 2; i++) {
        it->low[i]  = fmin(it->low[i], by->low[i]);
        it->high[i] = fmax(it->high[i], by->high[i]);
    }
}

/* A look and its row of cells. */
typedef struct in_row {
    double  row;
    tb_look look;
} in_row;

static int compare_in_rows(const void *a, const void *b)
{
    const in_row *p = a, *q = b;

    if (p->row != q->row)
        return (p->row > q->row) - (p->row < q->row);
    return (p->look.low[0] > q->look.low[0]) - (p->look.low[0] < q->look.low[0]);
}

enum { CORNERS = 4, BORDER = 8 };

/* Places of the border of a box: its corners, then the middles of its sides. */
static void put_border(const tb_box *of, size_t places, double *x, double *y)
{
    static const double along[BORDER][2] = {{0, 0},   {1, 0},   {0, 1},   {1, 1},
                                            {0.5, 0}, {0, 0.5}, {1, 0.5}, {0.5, 1}};

    for (size_t k = 0; k < places; k++) {
        x[k] = of->low.x + (of->high.x - of->low.x) * along[k][0];
        y[k] = of->low.y + (of->high.y - of->low.y) * along[k][1];
    }
}

/* How many of them tell where the boxes lie: a side of 5 km bends by less than a metre, which is
 * less than what boxes are made wider by. */
static size_t count_places(const tb_features *reach)
{
    static const double STRAIGHT = 0.05; /* degrees */

    for (size_t i = 0; i < reach->count; i++) {
        const tb_box *box = &reach->feature[i].box;

        if (!(box->high.x - box->low.x < STRAIGHT && box->high.y - box->low.y < STRAIGHT))
            return BORDER;
    }
    return CORNERS;
}

/*
 * The boxes of all features within reach, in the layer's plane, a metre and a hundredth wider: more
 * than their sides bend between the places that are brought over. None where one has no place
 * there.
 */
static tb_status find_boxes(const tb_passage *it, const tb_features *reach, tb_hunt *h,
                            tb_error *err)
{
    tb_status                    status = TB_OK;
    OGRCoordinateTransformationH back   = tb_plane_way_back(it->plane);
    double                       unit_m = tb_plane_unit_m(it->plane);
    double                       more   = unit_m > 0.0 ? 1.0 / unit_m : 1e-5;
    double                      *x = NULL, *y = NULL;
    size_t                       places = count_places(reach);

    if (back == NULL || reach->count > INT_MAX / BORDER)
        goto done; /* the layer is read whole */
    TB_TRY(tb_alloc(&h->boxes, reach->count, sizeof *h->boxes, "boxes of parcels", err));
    TB_TRY(tb_alloc(&x, reach->count * places, sizeof *x, "boxes of parcels", err));
    TB_TRY(tb_alloc(&y, reach->count * places, sizeof *y, "boxes of parcels", err));
    for (size_t i = 0; i < reach->count; i++)
        put_border(&reach->feature[i].box, places, x + places * i, y + places * i);
    if (!OCTTransform(back, (int)(reach->count * places), x, y, NULL))
        goto done;
    for (size_t i = 0; i < reach->count; i++) {
        tb_look *to = &h->boxes[i];

        *to = (tb_look){{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
        for (size_t k = places * i; k < places * (i + 1); k++)
            stretch(to, &(tb_look){{x[k], y[k]}, {x[k], y[k]}});
        for (int k = 0; k < 2; k++) {
            double wider = more + 0.01 * (to->high[k] - to->low[k]);

            to->low[k] -= wider;
            to->high[k] += wider;
        }
    }
    h->count = reach->count;
done:
    if (back != NULL)
        OCTDestroyCoordinateTransformation(back);
    tb_free(x);
    tb_free(y);
    return status;
}

static double area_of(const tb_look *it)
{
    return (it->high[0] - it->low[0]) * (it->high[1] - it->low[1]);
}

/*
 * Joins boxes that lie so close that one look is cheaper: in cells of a fixed grid, row by row,
 * where little lies between them.
 */
static tb_status join_boxes(tb_hunt *h, tb_error *err)
{
    tb_status status = TB_OK;
    tb_look   all    = h->boxes[0];
    in_row   *box    = NULL;
    double    cell[2], area = 0.0;
    size_t    kept = 0, joined = 0;

    TB_TRY(tb_alloc(&box, h->count, sizeof *box, "boxes of parcels", err));
    for (size_t i = 1; i < h->count; i++)
        stretch(&all, &h->boxes[i]);
    for (int k = 0; k < 2; k++)
        cell[k] = fmax((all.high[k] - all.low[k]) / CELLS, 1e-12);
    for (size_t i = 0; i < h->count; i++)
        box[i] = (in_row){floor((h->boxes[i].low[1] - all.low[1]) / cell[1]), h->boxes[i]};
    qsort(box, h->count, sizeof *box, compare_in_rows);
    for (size_t i = 0; i < h->count; i++) {
        tb_look both = box[i].look;
        double  more = area_of(&both);

        if (kept > 0)
            stretch(&both, &h->boxes[kept - 1]);
        if (kept > 0 && joined < JOINED_MOST && both.high[0] - both.low[0] <= cell[0] &&
            both.high[1] - both.low[1] <= 2.0 * cell[1] && area_of(&both) <= 2.0 * (area + more)) {
            h->boxes[kept - 1] = both;
            area += more;
            joined++;
        } else {
            h->boxes[kept++] = box[i].look;
            area             = more;
            joined           = 1;
        }
    }
    h->count = kept;
done:
    tb_free(box);
    return status;
}

tb_status tb_hunt_plan(tb_hunt *h, const tb_passage *passage, const tb_features *reach,
                       tb_error *err)
{
    tb_status status = find_boxes(passage, reach, h, err);

    if (status == TB_OK && h->count > 0)
        status = join_boxes(h, err);
    return status;
}

void tb_hunt_reset(tb_hunt *h)
{
    tb_free(h->boxes);
    tb_free(h->seen);
    *h = (tb_hunt){0};
}

static size_t slot_of(const tb_hunt *h, int64_t fid)
{
    size_t slot =
        (size_t)((uint64_t)fid * UINT64_C(11400714819323198485) >> 20) & (h->seen_capacity - 1);

    while (h->seen[slot] != 0 && h->seen[slot] != fid + 1)
        slot = (slot + 1) & (h->seen_capacity - 1);
    return slot;
}

tb_status tb_hunt_remember(tb_hunt *h, int64_t fid, bool *is_new, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    slot;

    if (2 * h->seen_count >= h->seen_capacity) {
        tb_hunt grown = {.seen_capacity = h->seen_capacity > 0 ? 2 * h->seen_capacity : 1024};

        TB_TRY(tb_alloc_zero(&grown.seen, grown.seen_capacity, sizeof *grown.seen, "features read",
                             err));
        for (size_t i = 0; i < h->seen_capacity; i++)
            if (h->seen[i] != 0)
                grown.seen[slot_of(&grown, h->seen[i] - 1)] = h->seen[i];
        tb_free(h->seen);
        h->seen          = grown.seen;
        h->seen_capacity = grown.seen_capacity;
    }
    slot    = slot_of(h, fid);
    *is_new = h->seen[slot] == 0;
    h->seen_count += *is_new;
    h->seen[slot] = fid + 1;
done:
    return status;
}

static bool find_one(void *context, size_t number)
{
    (void)number;
    *(bool *)context = true;
    return false;
}

tb_status tb_hunt_meets(const tb_passage *it, const tb_features *reach, tb_box of, bool *meets,
                        tb_error *err)
{
    tb_status status = TB_OK;
    double    p[4][2], low[2], high[2], more;
    bool      has_all;

    *meets = reach == NULL;
    if (reach == NULL || reach->tree == NULL)
        goto done;
    for (int i = 0; i < 4; i++) {
        p[i][0] = i % 2 ? of.high.x : of.low.x;
        p[i][1] = i / 2 ? of.high.y : of.low.y;
    }
    TB_TRY(tb_plane_bring(it->plane, p[0], 4, &has_all, err));
    if (!has_all) {
        *meets = true;
        goto done;
    }
    for (int k = 0; k < 2; k++) {
        low[k]  = fmin(fmin(p[0][k], p[1][k]), fmin(p[2][k], p[3][k]));
        high[k] = fmax(fmax(p[0][k], p[1][k]), fmax(p[2][k], p[3][k]));
    }
    more = 1e-6 + 0.01 * fmax(high[0] - low[0], high[1] - low[1]);
    tb_boxtree_find(reach->tree,
                    (tb_box){{low[0] - more, low[1] - more}, {high[0] + more, high[1] + more}},
                    find_one, meets);
done:
    return status;
}
