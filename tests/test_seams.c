/* Which ground is whose, and parcels across the cuts, against the same worked out pixel by pixel.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "job/seams.h"
#include "parcel/area.h"
#include "scenes.h"

enum { SIDE = 330, PAIRS = 3, THINGS = 14, PIXEL_M = 2 };

static const double WEST = 40600000.0, NORTH = 4100000.0;

/* A pair as a window of the whole, and what it observed. */
typedef struct window {
    int  x, y, width, height;
    bool sees[SIDE][SIDE]; /* of the whole */
} window;

typedef struct layout {
    window  window[PAIRS];
    bool    is_thing[SIDE][SIDE];
    int     owner[SIDE][SIDE]; /* -1: nobody's */
    uint8_t truth[SIDE][SIDE]; /* delivered */
} layout;

static bool is_in(const window *w, int x, int y)
{
    return x >= w->x && x < w->x + w->width && y >= w->y && y < w->y + w->height;
}

static void make_layout(layout *l, uint64_t seed)
{
    uint64_t state = seed * 2654435761u + 1;

    memset(l, 0, sizeof *l);
    for (int p = 0; p < PAIRS; p++) {
        window *w = &l->window[p];

        w->width  = (int)random_between(&state, 90, 230);
        w->height = (int)random_between(&state, 90, 230);
        w->x      = (int)random_between(&state, 0, SIDE - w->width);
        w->y      = (int)random_between(&state, 0, SIDE - w->height);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                w->sees[y][x] = is_in(w, x, y);
        for (int hole = 0; hole < 2; hole++) { /* clouds */
            int hx = (int)random_between(&state, 0, SIDE - 60),
                hy = (int)random_between(&state, 0, SIDE - 60);
            int hw = (int)random_between(&state, 5, 60), hh = (int)random_between(&state, 5, 60);

            for (int y = hy; y < hy + hh; y++)
                for (int x = hx; x < hx + hw; x++)
                    w->sees[y][x] = false;
        }
    }
    for (int t = 0; t < THINGS; t++) {
        int tw = (int)random_between(&state, 3, 70), th = (int)random_between(&state, 3, 70);
        int tx = (int)random_between(&state, 0, SIDE - tw),
            ty = (int)random_between(&state, 0, SIDE - th);

        for (int y = ty; y < ty + th; y++)
            for (int x = tx; x < tx + tw; x++)
                l->is_thing[y][x] = true;
    }
}

/* 0 whole, 1 in part, 2 not at all: the cell of a window a pixel lies in. */
static int state_of_cell(const window *w, int x, int y)
{
    int left = w->x + (x - w->x) / TB_CELL * TB_CELL, top = w->y + (y - w->y) / TB_CELL * TB_CELL;
    int seen = 0, all = 0;

    for (int v = top; v < top + TB_CELL && v < w->y + w->height; v++)
        for (int u = left; u < left + TB_CELL && u < w->x + w->width; u++, all++)
            seen += w->sees[v][u];
    return seen == all ? 0 : seen > 0 ? 1 : 2;
}

static void find_owners(layout *l)
{
    static int8_t state[PAIRS][SIDE][SIDE];

    for (int p = 0; p < PAIRS; p++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                const window *w = &l->window[p];

                if (!is_in(w, x, y))
                    state[p][y][x] = 3;
                else if ((x - w->x) % TB_CELL == 0 && (y - w->y) % TB_CELL == 0)
                    state[p][y][x] = (int8_t)state_of_cell(w, x, y);
                else
                    state[p][y][x] =
                        (x - w->x) % TB_CELL != 0 ? state[p][y][x - 1] : state[p][y - 1][x];
            }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int best = 3;

            l->owner[y][x] = -1;
            for (int p = 0; p < PAIRS; p++)
                if (state[p][y][x] < best) {
                    best           = state[p][y][x];
                    l->owner[y][x] = p;
                }
            l->truth[y][x] =
                l->owner[y][x] >= 0 && l->is_thing[y][x] && l->window[l->owner[y][x]].sees[y][x];
        }
}

/* Takes the 8-connected component at (x, y) out of a mask; its pixels, and as spans of a window. */
static int take_component(uint8_t mask[SIDE][SIDE], int x, int y, const window *w, tb_span *spans,
                          size_t *span_count)
{
    static int     stack[SIDE * SIDE * 8][2];
    static uint8_t own[SIDE][SIDE];
    int            depth = 0, pixels = 0;

    memset(own, 0, sizeof own);
    stack[depth][0]   = x;
    stack[depth++][1] = y;
    while (depth > 0) {
        int u = stack[--depth][0], v = stack[depth][1];

        if (u < 0 || v < 0 || u >= SIDE || v >= SIDE || !mask[v][u])
            continue;
        mask[v][u] = 0;
        own[v][u]  = 1;
        pixels++;
        for (int k = 0; k < 9; k++) {
            stack[depth][0]   = u + k % 3 - 1;
            stack[depth++][1] = v + k / 3 - 1;
        }
    }
    *span_count = 0;
    for (int v = 0; w != NULL && v < SIDE; v++)
        for (int u = 0; u < SIDE; u++) {
            tb_span *last = *span_count > 0 ? &spans[*span_count - 1] : NULL;

            if (!own[v][u])
                continue;
            if (last != NULL && last->row == v - w->y && last->last == u - w->x - 1)
                last->last++;
            else
                spans[(*span_count)++] = (tb_span){v - w->y, u - w->x, u - w->x};
        }
    return pixels;
}

static tb_status open_window(tb_pair *pair, const window *w, int number)
{
    static float samples[SIDE * SIDE];
    const double transform[6] = {WEST + w->x * PIXEL_M,  PIXEL_M, 0,
                                 NORTH - w->y * PIXEL_M, 0,       -PIXEL_M};
    const made   image        = {
                 .width = w->width, .height = w->height, .bands = 1, .transform = transform, .epsg = 4528};
    char                   name[20], path[300];
    const char            *images[] = {path};
    const tb_epoch_options date     = {.images = images, .image_count = 1};

    snprintf(name, sizeof name, "%d.tif", number);
    made_write(in_folder(name, path, sizeof path), &image, samples);
    return tb_pair_open(pair, &date, &date, NULL);
}

/* What a pair tells: its candidates, and what it did not observe. */
static tb_status tell(tb_pairs *pairs, tb_candidates *candidates, const layout *l, int p,
                      const tb_pair *pair, tb_error *err)
{
    static uint8_t mask[SIDE][SIDE];
    static tb_span spans[SIDE * SIDE];
    const window  *w      = &l->window[p];
    tb_status      status = TB_OK;
    tb_geographic *way    = NULL;
    tb_trace      *trace  = NULL;
    size_t         count  = 0;

    TB_TRY(tb_trace_new(&trace, err));
    TB_TRY(tb_geographic_new(&way, &pair->lattice, "window", err));
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            mask[y][x] = l->is_thing[y][x] && w->sees[y][x];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            tb_candidate *it;
            tb_shape      shape;
            int           pixels;

            if (!mask[y][x])
                continue;
            pixels = take_component(mask, x, y, w, spans, &count);
            TB_TRY(tb_candidates_append(candidates, &it, err));
            *it = (tb_candidate){
                .pair = p, .pixels = pixels, .source = "auto", .score = 1.5, .score_max = 2.0};
            snprintf(it->id, sizeof it->id, "D-%d-%zu", p + 1, candidates->count);
            TB_TRY(tb_trace_spans(trace, spans, count, &shape, err));
            TB_TRY(tb_geographic_outline(way, &shape, 1, &it->outline, err));
        }
    count = 0;
    for (int y = w->y; y < w->y + w->height; y++)
        for (int x = w->x; x < w->x + w->width; x++)
            if (!w->sees[y][x])
                spans[count++] = (tb_span){y - w->y, x - w->x, x - w->x};
    TB_TRY(tb_pairs_claim(pairs, p, way, trace, spans, count, err));
done:
    tb_geographic_free(way);
    tb_trace_free(trace);
    return status;
}

static tb_status go(const layout *l, const tb_pair *pair, tb_candidates *candidates,
                    tb_pairs **pairs, tb_seam_totals *totals, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_pairs_new(pairs, PAIRS, err));
    for (int p = 0; p < PAIRS; p++)
        TB_TRY(tb_pairs_add(*pairs, p, &pair[p], err));
    TB_TRY(tb_pairs_relate(*pairs, err));
    for (int p = 0; p < PAIRS; p++)
        TB_TRY(tell(*pairs, candidates, l, p, &pair[p], err));
    TB_TRY(tb_pairs_divide(*pairs, err));
    TB_TRY(tb_seams_apply(*pairs, candidates, 1, totals, err));
done:
    return status;
}

/* Candidates do not overlap, are valid, and have names of their own. */
static double check_candidates(tb_geos *geos, const tb_candidates *found)
{
    GEOSContextHandle_t handle = geos->handle;
    GEOSGeometry      **shape  = calloc(found->count, sizeof(*shape));
    double              sum    = 0.0;

    for (size_t i = 0; i < found->count; i++) {
        assert_int_equal(tb_outline_geometry(geos, &found->item[i].outline, &shape[i], NULL),
                         TB_OK);
        assert_int_equal(GEOSisValid_r(handle, shape[i]), 1);
        sum += tb_area_of_geometry(geos, shape[i]);
        for (size_t k = 0; k < i; k++) {
            GEOSGeometry *common = GEOSIntersection_r(handle, shape[i], shape[k]);

            assert_true(tb_area_of_geometry(geos, common) < 0.005);
            GEOSGeom_destroy_r(handle, common);
            assert_string_not_equal(found->item[i].id, found->item[k].id);
        }
    }
    for (size_t i = 0; i < found->count; i++)
        GEOSGeom_destroy_r(handle, shape[i]);
    free(shape);
    return sum;
}

static void ground_and_parcels_are_those_counted_by_pixels(void **state)
{
    static layout  l;
    static uint8_t left[SIDE][SIDE];
    int64_t        joined = 0;
    double         pixel_m2;

    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        tb_pair        pair[PAIRS] = {{0}};
        tb_pairs      *pairs       = NULL;
        tb_candidates  found       = {0};
        tb_seam_totals totals      = {0};
        tb_error       error       = {0};
        size_t         things      = 0, none;
        int64_t        pixels = 0, counted = 0;
        double         area;

        folder_begin();
        make_layout(&l, seed);
        find_owners(&l);
        for (int p = 0; p < PAIRS; p++)
            assert_int_equal(open_window(&pair[p], &l.window[p], p), TB_OK);
        if (go(&l, pair, &found, &pairs, &totals, &error) != TB_OK)
            fail_msg("seed %d: %s", (int)seed, error.message);
        memcpy(left, l.truth, sizeof left);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                if (left[y][x]) {
                    pixels += take_component(left, x, y, NULL, NULL, &none);
                    things++;
                }
        area = check_candidates(tb_pairs_geos(pairs), &found);
        for (size_t i = 0; i < found.count; i++)
            counted += found.item[i].pixels;
        /* A pixel of the plane on the ellipsoid; a rim at cuts that cross what one of two did not
         * see. */
        pixel_m2 = PIXEL_M * PIXEL_M * 0.99975;
        if (found.count != things || area < (double)pixels * pixel_m2 * 0.9995 ||
            area > (double)pixels * pixel_m2 * 1.0005 + 60.0 * pixel_m2 ||
            llabs(counted - pixels) > (int64_t)found.count)
            fail_msg("seed %d: expected %zu parcels of %lld pixels, got %zu of %lld and %.1f m2",
                     (int)seed, things, (long long)pixels, found.count, (long long)counted, area);
        for (int p = 0; p < PAIRS; p++) {
            const GEOSGeometry *ground = tb_pairs_ground(pairs, p);
            int64_t             owned  = 0;

            for (int y = 0; y < SIDE; y++)
                for (int x = 0; x < SIDE; x++)
                    owned += l.owner[y][x] == p;
            if (ground != NULL)
                assert_true(fabs(tb_area_of_geometry(tb_pairs_geos(pairs), ground) /
                                     ((double)owned * pixel_m2 + 1e-9) -
                                 1.0) < 5e-4 ||
                            owned == 0);
        }
        joined += totals.joined;
        tb_candidates_reset(&found);
        tb_pairs_free(pairs);
        for (int p = 0; p < PAIRS; p++)
            tb_pair_close(&pair[p]);
        folder_end();
    }
    assert_true(joined > 20);
}

static void every_failed_allocation_is_told(void **state)
{
    static layout l;
    tb_pair       pair[PAIRS] = {{0}};
    long          n;

    (void)state;
    folder_begin();
    make_layout(&l, 3);
    for (int p = 0; p < PAIRS; p++)
        assert_int_equal(open_window(&pair[p], &l.window[p], p), TB_OK);
    for (n = 1;; n += n < 50 ? 1 : 5) {
        size_t         before     = tb_memory_in_use();
        tb_pairs      *pairs      = NULL;
        tb_candidates  candidates = {0};
        tb_seam_totals totals;
        tb_error       error = {0};
        tb_status      status;

        tb_memory_fail_at(n);
        status = go(&l, pair, &candidates, &pairs, &totals, &error);
        tb_candidates_reset(&candidates);
        tb_pairs_free(pairs);
        assert_int_equal(tb_memory_in_use(), before);
        if (!tb_memory_has_failed()) {
            assert_int_equal(status, TB_OK);
            break;
        }
        if (status != TB_E_MEMORY)
            fail_msg("allocation %ld: status %d, %s", n, status, error.message);
    }
    tb_memory_fail_at(0);
    assert_true(n > 100);
    for (int p = 0; p < PAIRS; p++)
        tb_pair_close(&pair[p]);
    folder_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ground_and_parcels_are_those_counted_by_pixels),
        cmocka_unit_test(every_failed_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
