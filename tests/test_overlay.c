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
#include "parcel/area.h"
#include "parcel/edges.h"
#include "parcel/holdings.h"
#include "parcel/overlay.h"
#include "parcel/rings.h"

#include "checks.h"
#include "grounds.h"

/* ---- overlay ---- */

static void shared_ground_counts_once(void **state)
{
    tb_geos      *geos   = open_geos(state);
    tb_features   mask   = {.geos = geos};
    GEOSGeometry *parcel = box_of(geos, 117.000, 36.000, 117.004, 36.001);
    tb_tract      ground = tb_tract_of(parcel);
    tb_overlay    on     = {0};
    double        unit, area;

    add_ground(&mask, box_of(geos, 117.001, 35.999, 117.003, 36.002));
    add_ground(&mask,
               box_of(geos, 117.002, 35.999, 117.005, 36.002)); /* half of it under the first */
    add_ground(&mask, box_of(geos, 117.010, 35.999, 117.012, 36.002)); /* elsewhere */
    add_ground(&mask, box_of(geos, 117.001, 35.999, 117.002, 36.002)); /* wholly under the first */
    OK(tb_features_index(&mask, heard));
    unit = tb_area_of_geometry(geos, parcel) / 4;
    OK(tb_overlay_find(geos, &ground, &mask, NULL, NULL, &on, heard));
    assert_int_equal(on.count, 2);
    assert_ptr_equal(on.item[0].feature, &mask.feature[0]);
    assert_ptr_equal(on.item[1].feature, &mask.feature[1]);
    assert_ptr_equal(tb_overlay_largest(&on), &on.item[0]);
    assert_true(fabs(on.item[0].ground.area_m2 - 2 * unit) < 1e-4);
    assert_true(fabs(on.item[1].ground.area_m2 - unit) < 1e-4);
    assert_true(fabs(on.shared_m2 - 2 * unit) < 1e-4);
    tb_overlay_reset(&on);
    tb_tract_reset(geos, &ground);
    OK(tb_overlay_area(geos, parcel, &mask, &area, heard));
    assert_true(fabs(area - 3 * unit) < 1e-4);
    tb_features_reset(&mask);
    GEOSGeom_destroy_r(geos->handle, parcel);
    tb_geos_free(geos);
}

/* ---- edges ---- */

static double area_in_common(tb_geos *geos, const GEOSGeometry *a, const GEOSGeometry *b,
                             GEOSGeometry **piece)
{
    GEOSGeometry *common = GEOSIntersection_r(geos->handle, a, b);
    double        area   = tb_area_of_geometry(geos, common);

    assert_non_null(common);
    if (piece != NULL)
        *piece = common;
    else
        GEOSGeom_destroy_r(geos->handle, common);
    return area;
}

static double area_of_rings(const tb_rings *rings)
{
    double sum = 0.0;

    for (size_t r = 0; r < rings->count; r++)
        sum += tb_area_of_ring(&rings->points[rings->ring[r].first].x, 2, rings->ring[r].edges);
    return sum;
}

/* Edges say what GEOS's pieces are, or nothing; and "apart" only of features that are. */
static void edges_agree_with_pieces(void **state)
{
    enum { CASES = 10000, MOST = 4 };
    tb_geos *geos     = open_geos(state);
    uint64_t seed     = 20240315;
    tb_rings rings    = {0};
    int      answered = 0, apart = 0, cut_apart = 0, shared = 0, outlines = 0;

    for (int n = 0; n < CASES; n++) {
        tb_rings       *outline[MOST];
        GEOSGeometry   *parcel, *piece[MOST];
        tb_feature      feature[MOST];
        tb_feature     *pointer[MOST];
        tb_edges_answer answer;
        double          area[MOST], whole, x, y, common = 0.0;
        size_t          count  = 0;
        bool            is_cut = n % 3 == 0, is_sure;

        x      = random_between(&seed, 75, 133);
        y      = random_between(&seed, 19, 52);
        parcel = make_polygon(geos, &seed, x, y);
        whole  = tb_area_of_geometry(geos, parcel);
        for (count = 0; count < MOST; count++)
            feature[count] = (tb_feature){.geometry = make_polygon(geos, &seed, x, y)};
        if (is_cut) {
            GEOSGeometry *half[2];

            cut_along(geos, feature[0].geometry, tb_degree_snapped(x), half);
            GEOSGeom_destroy_r(geos->handle, feature[1].geometry);
            for (int i = 0; i < 2; i++)
                feature[i].geometry = half[i];
            for (count = 2; count < MOST; count++)
                GEOSGeom_destroy_r(geos->handle, feature[count].geometry);
            count = 2;
        }
        for (size_t i = 0; i < count; i++)
            pointer[i] = &feature[i];
        OK(tb_rings_load(geos, parcel, &rings, &is_sure, heard));
        assert_true(is_sure);
        OK(tb_edges_measure(geos, &rings, pointer, count, area, outline, &answer, heard));
        for (size_t i = 0; i < count; i++) {
            double theirs = area_in_common(geos, parcel, feature[i].geometry, &piece[i]);

            if (outline[i] != NULL && fabs(area_of_rings(outline[i]) - theirs) > 1e-4)
                fail_msg("case %d feature %zu: an outline of %.9f, of GEOS %.9f", n, i,
                         area_of_rings(outline[i]), theirs);
            outlines += outline[i] != NULL;
            tb_free(outline[i]);
            if (answer.has_areas && fabs(area[i] - theirs) > fmax(1e-9 * whole, 1e-4))
                fail_msg("case %d feature %zu: %.9f, of GEOS %.9f", n, i, area[i], theirs);
        }
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < i; k++)
                common += area_in_common(geos, piece[i], piece[k], NULL);
        if (answer.is_apart && common > 1e-6)
            fail_msg("case %d: said to be apart, share %.9f m2", n, common);
        answered += answer.has_areas;
        apart += answer.is_apart;
        cut_apart += answer.is_apart && is_cut && area[0] > 0.0 && area[1] > 0.0;
        shared += answer.has_areas && common > 1e-6;
        for (size_t i = 0; i < count; i++) {
            GEOSGeom_destroy_r(geos->handle, piece[i]);
            tb_feature_reset(geos, &feature[i]);
        }
        GEOSGeom_destroy_r(geos->handle, parcel);
    }
    assert_true(outlines > CASES / 2);
    print_message("edges: %d of %d answered, %d apart, %d of them neighbours, %d share ground\n",
                  answered, CASES, apart, cut_apart, shared);
    tb_rings_reset(&rings);
    assert_true(answered > CASES * 99 / 100 && apart > CASES / 10 && cut_apart > 100 &&
                shared > 500);
    tb_geos_free(geos);
}

/* A ring that is said to be simple is a valid polygon to GEOS. */
static void simple_rings_are_valid(void **state)
{
    tb_geos *geos   = open_geos(state);
    uint64_t seed   = 5;
    int      simple = 0, valid = 0;

    for (int n = 0; n < 20000; n++) {
        double        xy[2 * CORNERS_MOST + 2];
        unsigned      count = make_ring(&seed, 117, 36, n % 5 ? 1e-3 : 4e-9, n % 2, xy);
        bool          is_simple;
        GEOSGeometry *polygon;

        if (n % 7 == 0 && count > 5) /* a corner on another, or on an edge */
            memcpy(xy + 2 * (count / 2), xy, 2 * sizeof *xy);
        if (n % 11 == 0 && count > 5)
            xy[4] = (xy[0] + xy[2]) / 2, xy[5] = (xy[1] + xy[3]) / 2;
        is_simple = tb_ring_is_surely_simple((const tb_point *)(const void *)xy, count);
        polygon   = GEOSGeom_createPolygon_r(geos->handle, ring_of(geos, xy, count), NULL, 0);
        valid += GEOSisValid_r(geos->handle, polygon) == 1;
        simple += is_simple;
        assert_true(!is_simple || GEOSisValid_r(geos->handle, polygon) == 1);
        GEOSGeom_destroy_r(geos->handle, polygon);
    }
    print_message("rings: %d said to be simple of %d valid\n", simple, valid);
    assert_true(simple > valid * 9 / 10);
    tb_geos_free(geos);
}

/* Stars drawn in one go: corners n of a circle, each k-th after the other. They turn to one side
 * all the way, and are simple where they go round once. */
static void rings_that_go_round_twice_are_not_simple(void **state)
{
    (void)state;
    for (int n = 5; n <= 23; n += 2)
        for (int k = 1; k < n; k++) {
            tb_point p[24];
            bool     goes_round_once = k == 1 || k == n - 1, has_repeats = false;

            for (int i = 0; i <= n; i++) {
                double angle = 2.0 * 3.14159265358979323846 * (double)(i * k % n) / n;

                p[i] = (tb_point){117.0 + 1e-3 * cos(angle), 36.0 + 1e-3 * sin(angle)};
                has_repeats |= i > 0 && i < n && i * k % n == 0;
            }
            if (has_repeats)
                continue;
            assert_int_equal(tb_ring_is_surely_simple(p, (size_t)n + 1), goes_round_once);
        }
}

/* The sign of a determinant of whole numbers. */
static int sign_of(__int128 value)
{
    return (value > 0) - (value < 0);
}

/* Sides of places on a lattice of 2^-30 degree: the sign where there is one, and with the moved
 * shape's corner there, the sign a small way off where there is none. */
static void sides_are_exact(void **state)
{
    uint64_t seed = 3;
    int      zero = 0;

    (void)state;
    for (int n = 0; n < 200000; n++) {
        const double unit = 1.0 / 1073741824.0;
        int64_t      x[3], y[3];
        tb_point     p[3];
        int          side, exact;

        for (int i = 0; i < 3; i++) {
            x[i] = (int64_t)random_between(&seed, 0, n % 2 ? 6 : 1e6);
            y[i] = (int64_t)random_between(&seed, 0, n % 2 ? 6 : 1e6);
        }
        if (n % 5 == 0) { /* nearly on one line, far away */
            x[2] = x[0] + (x[1] - x[0]) * 1000 + (int64_t)random_between(&seed, -1, 2);
            y[2] = y[0] + (y[1] - y[0]) * 1000;
        }
        for (int i = 0; i < 3; i++)
            p[i] = (tb_point){117.0 + (double)x[i] * unit, 36.0 + (double)y[i] * unit};
        if (tb_points_equal(p[0], p[1]))
            continue;
        exact = sign_of((__int128)(x[0] - x[2]) * (y[1] - y[2]) -
                        (__int128)(y[0] - y[2]) * (x[1] - x[2]));
        zero += exact == 0;
        for (int moved = 0; moved < 2; moved++) {
            int64_t far = (int64_t)1 << 40, e = moved ? far : -far; /* of units / 2^64, squared */

            side = tb_side(p[0], p[1], p[2], moved);
            assert_int_equal(tb_side(p[1], p[0], p[2], moved), -side);
            if (exact == 0) /* moved by (e, 1) with e much more than 1 */
                exact = sign_of((__int128)(y[0] - y[1]) * e +
                                (__int128)(x[1] - x[0]) * (e > 0 ? 1 : -1));
            assert_int_equal(side, exact);
            exact = sign_of((__int128)(x[0] - x[2]) * (y[1] - y[2]) -
                            (__int128)(y[0] - y[2]) * (x[1] - x[2]));
        }
    }
    assert_true(zero > 10000);
}

/* ---- tracts ---- */

enum { SETS = 4, LAYER_MOST = 5 };

/* Copies, sometimes, a polygon that there is, or half of it: borders in common, as of layers that
 * were drawn from each other. */
static GEOSGeometry *make_related(tb_geos *geos, uint64_t *seed, GEOSGeometry *const *others,
                                  int count, double x, double y)
{
    int           from = (int)random_between(seed, 0, count + 3);
    GEOSGeometry *half[2];

    if (from >= count || GEOSisEmpty_r(geos->handle, others[from]))
        return make_polygon(geos, seed, x, y);
    if (random_between(seed, 0, 1) < 0.5)
        return GEOSGeom_clone_r(geos->handle, others[from]);
    cut_along(geos, GEOSGeom_clone_r(geos->handle, others[from]), tb_degree_snapped(x), half);
    GEOSGeom_destroy_r(geos->handle, half[1]);
    if (GEOSGeomTypeId_r(geos->handle, half[0]) != GEOS_POLYGON ||
        GEOSisEmpty_r(geos->handle, half[0])) {
        GEOSGeom_destroy_r(geos->handle, half[0]);
        return make_polygon(geos, seed, x, y);
    }
    return half[0];
}

/* What two, three and four polygons have in common is what GEOS makes of it. */
static void common_ground_of_several_agrees_with_geos(void **state)
{
    enum { CASES = 10000 };
    tb_geos *geos           = open_geos(state);
    uint64_t seed           = 42;
    int      by_edges[SETS] = {0}, found[SETS] = {0};

    for (int n = 0; n < CASES; n++) {
        GEOSGeometry *geometry[SETS], *sum;
        tb_tract      single[SETS], common[SETS] = {{0}};
        double        x = random_between(&seed, 75, 133), y = random_between(&seed, 19, 52), whole;

        for (int i = 0; i < SETS; i++) {
            geometry[i] = make_related(geos, &seed, geometry, i, x, y);
            single[i]   = tb_tract_of(geometry[i]);
        }
        sum   = GEOSGeom_clone_r(geos->handle, geometry[0]);
        whole = tb_area_of_geometry(geos, sum);
        for (int i = 1; i < SETS; i++) {
            GEOSGeometry *more = GEOSIntersection_r(geos->handle, sum, geometry[i]);
            double        theirs;

            GEOSGeom_destroy_r(geos->handle, sum);
            OK(tb_geos_polygons(geos, more, "test", &sum, heard));
            theirs                = tb_area_of_geometry(geos, sum);
            single[i].is_doubtful = n % 10 == i; /* as if edges did not tell */
            OK(tb_tract_common(geos, i > 1 ? &common[i - 1] : &single[0], &single[i], &common[i],
                               heard));
            if (fabs(common[i].area_m2 - theirs) > fmax(1e-9 * whole, 1e-4))
                fail_msg("case %d, %d polygons: %.9f, of GEOS %.9f", n, i + 1, common[i].area_m2,
                         theirs);
            found[i] += theirs > 1e-6;
            by_edges[i] += theirs > 1e-6 && common[i].geometry == NULL;
        }
        GEOSGeom_destroy_r(geos->handle, sum);
        for (int i = SETS; i-- > 0;) {
            tb_tract_reset(geos, &common[i]);
            tb_tract_reset(geos, &single[i]);
            GEOSGeom_destroy_r(geos->handle, geometry[i]);
        }
    }
    for (int i = 1; i < SETS; i++) {
        print_message("%d polygons: %d share ground, %d told by edges\n", i + 1, found[i],
                      by_edges[i]);
        assert_true(found[i] > 500 && by_edges[i] > found[i] * 6 / 10 && by_edges[i] < found[i]);
    }
    tb_geos_free(geos);
}

/* ---- holdings ---- */

/* One parcel of four equal parts: farmland with a ridge, orchard, construction, nothing. */
static void holdings_of_a_parcel(void **state)
{
    tb_geos  *geos = open_geos(state);
    tb_mask   land = {.features = {.geos = geos}}, pbf = {.features = {.geos = geos}};
    tb_mask   approved = {.features = {.geos = geos}};
    tb_ground ground[] = {TB_GROUND_FARMLAND, TB_GROUND_OTHER_AGRICULTURAL, TB_GROUND_CONSTRUCTION};
    double    ridge[] = {0.1, 0, 0}, none[] = {0.05};
    tb_approval_state states[] = {TB_APPROVAL_NONE, TB_APPROVAL_HOLDS, TB_APPROVAL_LATE};
    tb_masks          masks    = {.landuse = &land, .pbf = &pbf, .approvals = &approved};
    GEOSGeometry     *parcel   = box_of(geos, 117.000, 36.000, 117.004, 36.001);
    tb_tract          tract    = tb_tract_of(parcel);
    tb_overlay        on_land;
    tb_holdings       h;
    double            unit = tb_area_of_geometry(geos, parcel) / 4;

    for (int i = 0; i < 3; i++)
        add_ground(&land.features,
                   box_of(geos, 117.0 + i * 0.001, 35.9, 117.0 + (i + 1) * 0.001, 36.1));
    add_ground(&pbf.features,
               box_of(geos, 117.0005, 35.9, 117.0035, 36.1)); /* over the construction too */
    for (int i = 0; i < 3; i++) /* that which reduces nothing lies first, over all */
        add_ground(&approved.features, box_of(geos,
                                              i == 0   ? 116.0
                                              : i == 1 ? 117.0
                                                       : 117.0,
                                              35.9,
                                              i == 0   ? 118.0
                                              : i == 1 ? 117.0005
                                                       : 117.001,
                                              36.1));
    land.ground       = ground;
    land.ridge        = ridge;
    pbf.ridge         = none;
    approved.approval = states;
    OK(tb_features_index(&land.features, heard));
    OK(tb_features_index(&pbf.features, heard));
    OK(tb_features_index(&approved.features, heard));
    OK(tb_holdings_measure(geos, &tract, &masks, &h, &on_land, heard));
    assert_int_equal(on_land.count, 3);
    tb_overlay_reset(&on_land);
    tb_tract_reset(geos, &tract);
    assert_true(fabs(h.farmland_gross - unit) < 1e-3);
    assert_true(fabs(h.farmland_net - 0.9 * unit) < 1e-3);
    assert_true(fabs(h.other_agricultural - 1.1 * unit) < 1e-3);
    assert_true(fabs(h.construction - unit) < 1e-3);
    assert_true(fabs(h.unsurveyed - unit) < 1e-3);
    assert_true(fabs(h.pbf_gross - 2 * unit) < 1e-3); /* not on construction land */
    assert_true(fabs(h.pbf_net - 1.9 * unit) < 1e-3);
    assert_true(fabs(h.pbf_on_farmland - 0.5 * unit) < 1e-3);
    assert_true(fabs(h.farmland_beyond_pbf - 0.45 * unit) < 1e-3);
    assert_true(fabs(h.approved - 0.5 * unit) < 1e-3);
    assert_true(fabs(h.late - 0.5 * unit) < 1e-3);
    assert_true(fabs(h.farmland_unapproved - 0.45 * unit) < 1e-3);
    assert_true(fabs(h.pbf_unapproved - 1.9 * unit) < 1e-3);
    tb_features_reset(&land.features);
    tb_features_reset(&pbf.features);
    tb_features_reset(&approved.features);
    GEOSGeom_destroy_r(geos->handle, parcel);
    tb_geos_free(geos);
}

/* Sums of strips along x, from one place to the next; takes nothing. */
static void add_strips(tb_geos *geos, tb_features *to, const GEOSGeometry *whole, const double *x,
                       int count)
{
    GEOSGeometry *rest = GEOSGeom_clone_r(geos->handle, whole);

    for (int i = 0; i < count; i++) {
        GEOSGeometry *half[2];

        cut_along(geos, rest, x[i], half);
        add_ground(to, half[0]);
        rest = half[1];
    }
    add_ground(to, rest);
    OK(tb_features_index(to, heard));
}

/* The formula is not additive along long edges; what lies on a mask whole has none beyond, what
 * touches it nowhere has all. */
static void ground_on_a_mask_whole_is_not_beyond_it(void **state)
{
    tb_geos      *geos      = open_geos(state);
    const double  corners[] = {117.002, 36.0,    117.009, 36.003,  117.006,
                               36.009,  116.999, 36.006,  117.002, 36.0};
    const double  survey[] = {117.0013, 117.0052}, beyond[] = {117.02};
    const double  masks_at[][3] = {{117.0007, 117.0041, 117.0077}, {117.0, 117.003, 117.006}};
    tb_ground     ground[]      = {TB_GROUND_FARMLAND, TB_GROUND_FARMLAND, TB_GROUND_FARMLAND};
    GEOSGeometry *parcel =
        GEOSGeom_createPolygon_r(geos->handle, ring_of(geos, corners, 5), NULL, 0);
    GEOSGeometry *around = box_of(geos, 116.9, 35.9, 117.1, 36.1), *half[2];
    double        whole  = tb_area_of_geometry(geos, parcel);

    for (int n = 0; n < 4; n++) {
        tb_mask     land  = {.features = {.geos = geos}, .ground = ground};
        tb_mask     pbf   = {.features = {.geos = geos}};
        tb_masks    masks = {.landuse = &land, .pbf = &pbf};
        tb_tract    tract = tb_tract_of(parcel);
        tb_overlay  on_land;
        tb_holdings h;

        add_strips(geos, &land.features, around, survey, 2);
        if (n < 2) {
            add_strips(geos, &pbf.features, around, masks_at[n], 3);
        } else {
            cut_along(geos, GEOSGeom_clone_r(geos->handle, around), n == 2 ? 117.02 : 117.004,
                      half);
            GEOSGeom_destroy_r(geos->handle, half[0]);
            add_strips(geos, &pbf.features, half[1], beyond, 1);
            GEOSGeom_destroy_r(geos->handle, half[1]);
        }
        OK(tb_holdings_measure(geos, &tract, &masks, &h, &on_land, heard));
        assert_int_equal(on_land.count, 3);
        assert_true(fabs(h.farmland_gross - whole) < 1e-5 * whole); /* long edges are cut */
        if (n < 2) { /* strips that are not the survey's */
            assert_true(h.farmland_beyond_pbf == 0.0);
            assert_true(h.pbf_on_farmland == h.farmland_gross);
        } else if (n == 2) {
            assert_true(h.farmland_beyond_pbf == h.farmland_net);
            assert_true(h.pbf_on_farmland == 0.0);
        } else {
            GEOSGeometry *cut  = box_of(geos, 116.9, 35.9, 117.004, 36.1);
            double        west = area_in_common(geos, parcel, cut, NULL);

            assert_true(fabs(h.farmland_beyond_pbf - west) < 1e-5 * whole);
            GEOSGeom_destroy_r(geos->handle, cut);
        }
        tb_overlay_reset(&on_land);
        tb_tract_reset(geos, &tract);
        tb_features_reset(&land.features);
        tb_features_reset(&pbf.features);
    }
    GEOSGeom_destroy_r(geos->handle, around);
    GEOSGeom_destroy_r(geos->handle, parcel);
    tb_geos_free(geos);
}

/*
 * The same figures by slabs: between two heights at which nothing ends or crosses, all edges are
 * straight and in one order, and each place between two of them is on certain features. It knows no
 * topology that rounding could turn (GEOS, asked for the same, now and then gave more than the
 * whole).
 */
enum { SETS_MOST = 1 + 4 * LAYER_MOST, EDGES_IN_ALL = 4096, HEIGHTS_MOST = 1 << 16 };

typedef struct slab_edge {
    double x[2], y[2]; /* from the origin, the lower end first */
    int    set;
} slab_edge;

typedef struct crossing {
    double low, middle, high; /* x at the heights of a slab */
    int    set;
} crossing;

typedef struct slabs {
    double    x, y; /* the origin */
    slab_edge edge[EDGES_IN_ALL];
    int       edges;
    double    height[HEIGHTS_MOST];
    int       heights;
    double    bottom, top; /* of the parcel */
} slabs;

static void add_height(slabs *s, double y)
{
    assert_true(s->heights < HEIGHTS_MOST);
    s->height[s->heights++] = y;
}

static void add_edges(slabs *s, tb_geos *geos, const GEOSGeometry *geometry, int set)
{
    tb_rings rings = {0};
    bool     is_sure;

    OK(tb_rings_load(geos, geometry, &rings, &is_sure, heard));
    assert_true(is_sure);
    for (size_t i = 0; i + 1 < rings.point_count; i++) {
        tb_point p = rings.points[i], q = rings.points[i + 1];
        bool     is_up = p.y < q.y, is_gap = false;

        for (size_t r = 1; r < rings.count; r++)
            is_gap |= i + 1 == rings.ring[r].first;
        if (is_gap || p.y == q.y ||
            (set > 0 && (fmin(p.y, q.y) - s->y >= s->top || fmax(p.y, q.y) - s->y <= s->bottom)))
            continue; /* it bounds nothing beside the parcel */
        assert_true(s->edges < EDGES_IN_ALL);
        s->edge[s->edges++] = (slab_edge){{(is_up ? p : q).x - s->x, (is_up ? q : p).x - s->x},
                                          {(is_up ? p : q).y - s->y, (is_up ? q : p).y - s->y},
                                          set};
    }
    tb_rings_reset(&rings);
}

static double x_at(const slab_edge *e, double y)
{
    return e->x[0] + (y - e->y[0]) / (e->y[1] - e->y[0]) * (e->x[1] - e->x[0]);
}

static int compare_numbers(const void *a, const void *b)
{
    const double *p = a, *q = b;

    return (*p > *q) - (*p < *q);
}

static int compare_crossings(const void *a, const void *b)
{
    return compare_numbers(&((const crossing *)a)->middle, &((const crossing *)b)->middle);
}

/* All heights at which an edge ends or crosses another, in order. */
static void find_heights(slabs *s)
{
    s->heights = 0;
    for (int i = 0; i < s->edges; i++) {
        const slab_edge *a = &s->edge[i];

        add_height(s, a->y[0]);
        add_height(s, a->y[1]);
        for (int k = 0; k < i; k++) {
            const slab_edge *b   = &s->edge[k];
            double           low = fmax(a->y[0], b->y[0]), high = fmin(a->y[1], b->y[1]);
            double at_low = x_at(a, low) - x_at(b, low), at_high = x_at(a, high) - x_at(b, high);

            if (low < high && at_low * at_high < 0.0)
                add_height(s, low + (high - low) * at_low / (at_low - at_high));
        }
    }
    qsort(s->height, (size_t)s->heights, sizeof *s->height, compare_numbers);
}

/* The first feature of a layer that a place is on, or -1; `count`: how many. */
static int first_of(const bool *is_on, const tb_mask *mask, tb_approval_state state, int *count)
{
    int first = -1;

    *count = 0;
    for (size_t i = 0; i < mask->features.count; i++)
        if (is_on[i] && (mask->approval == NULL || mask->approval[i] == state)) {
            first = first < 0 ? (int)i : first;
            ++*count;
        }
    return first;
}

/* Adds some ground of the parcel, as the definitions have it. */
static void add_ground_of(const bool *is_on, const tb_masks *masks, double area, tb_holdings *h)
{
    int count, lands;
    int land = first_of(is_on + 1, masks->landuse, TB_APPROVAL_NONE, &lands);
    int pbf  = first_of(is_on + 1 + LAYER_MOST, masks->pbf, TB_APPROVAL_NONE, &count);
    int red  = first_of(is_on + 1 + 2 * LAYER_MOST, masks->redline, TB_APPROVAL_NONE, &count);
    const bool *on_approvals = is_on + 1 + 3 * LAYER_MOST;
    int         held         = first_of(on_approvals, masks->approvals, TB_APPROVAL_HOLDS, &count);
    int         late         = first_of(on_approvals, masks->approvals, TB_APPROVAL_LATE, &count);
    tb_ground   ground       = land < 0 ? TB_GROUND_UNKNOWN : masks->landuse->ground[land];
    bool        is_open      = ground != TB_GROUND_CONSTRUCTION;
    double      ridge        = land < 0 ? 0.0 : masks->landuse->ridge[land];
    double      net_of_pbf   = pbf < 0 ? 0.0 : 1.0 - masks->pbf->ridge[pbf];

    h->total += area;
    h->shared += lands > 1 ? area * (lands - 1) : 0.0;
    h->approved += held >= 0 ? area : 0.0;
    h->late += late >= 0 && held < 0 ? area : 0.0;
    h->construction += is_open ? 0.0 : area;
    h->unused += ground == TB_GROUND_UNUSED ? area : 0.0;
    h->unsurveyed += ground == TB_GROUND_UNKNOWN ? area : 0.0;
    h->other_agricultural += ground == TB_GROUND_OTHER_AGRICULTURAL ? area : 0.0;
    h->pbf_on_construction += pbf >= 0 && !is_open ? area : 0.0;
    if (ground == TB_GROUND_FARMLAND) {
        h->farmland_gross += area;
        h->farmland_net += area * (1.0 - ridge);
        h->other_agricultural += area * ridge;
        h->farmland_beyond_pbf += pbf < 0 ? area * (1.0 - ridge) : 0.0;
        h->pbf_on_farmland += pbf >= 0 ? area : 0.0;
        h->farmland_unapproved += held < 0 ? area * (1.0 - ridge) : 0.0;
    }
    if (pbf >= 0 && is_open) {
        h->pbf_gross += area;
        h->pbf_net += area * net_of_pbf;
        h->pbf_or_redline += area * net_of_pbf;
        h->pbf_unapproved += held < 0 ? area * net_of_pbf : 0.0;
    }
    if (red >= 0 && is_open) {
        h->redline += area;
        h->pbf_or_redline += pbf < 0 ? area : 0.0;
        h->redline_unapproved += held < 0 ? area : 0.0;
    }
}

/* Adds the ground between two heights. */
static void add_slab(const slabs *s, double low, double high, const tb_masks *masks, tb_holdings *h)
{
    crossing across[EDGES_IN_ALL];
    bool     is_on[SETS_MOST] = {false};
    int      count            = 0;
    double   middle           = (low + high) / 2.0, north, east;

    for (int i = 0; i < s->edges; i++)
        if (s->edge[i].y[0] <= low && s->edge[i].y[1] >= high)
            across[count++] = (crossing){x_at(&s->edge[i], low), x_at(&s->edge[i], middle),
                                         x_at(&s->edge[i], high), s->edge[i].set};
    qsort(across, (size_t)count, sizeof *across, compare_crossings);
    tb_metres_per_degree(s->y + middle, &north, &east);
    for (int i = 0; i + 1 < count; i++) {
        double width = across[i + 1].low - across[i].low + across[i + 1].high - across[i].high;

        is_on[across[i].set] = !is_on[across[i].set];
        if (is_on[0])
            add_ground_of(is_on, masks, width / 2.0 * east * (high - low) * north, h);
    }
}

static tb_holdings holdings_by_slabs(tb_geos *geos, const GEOSGeometry *parcel,
                                     const tb_masks *masks, double x, double y)
{
    static slabs   s;
    const tb_mask *layer[] = {masks->landuse, masks->pbf, masks->redline, masks->approvals};
    tb_holdings    h       = {0};

    s.x      = x;
    s.y      = y;
    s.edges  = 0;
    s.bottom = INFINITY;
    s.top    = -INFINITY;
    add_edges(&s, geos, parcel, 0);
    for (int i = 0; i < s.edges; i++) {
        s.bottom = fmin(s.bottom, s.edge[i].y[0]);
        s.top    = fmax(s.top, s.edge[i].y[1]);
    }
    for (int l = 0; l < 4; l++)
        for (size_t i = 0; i < layer[l]->features.count; i++)
            add_edges(&s, geos, layer[l]->features.feature[i].geometry,
                      1 + l * LAYER_MOST + (int)i);
    find_heights(&s);
    for (int i = 0; i + 1 < s.heights; i++)
        if (s.height[i] >= s.bottom && s.height[i + 1] <= s.top && s.height[i] < s.height[i + 1])
            add_slab(&s, s.height[i], s.height[i + 1], masks, &h);
    return h;
}

typedef struct place {
    double x, y;
} place;

/* Moves a point to a tenth of its way from a place: where edges are short, the formula's mean
 * longitudes of edges and of their parts make no difference. */
static int shrink(double *x, double *y, void *context)
{
    const place *to = context;

    *x = to->x + (*x - to->x) / 10.0;
    *y = to->y + (*y - to->y) / 10.0;
    return 1;
}

static void shrink_all(tb_geos *geos, GEOSGeometry **geometry, double x, double y)
{
    GEOSGeometry *small = GEOSGeom_transformXY_r(geos->handle, *geometry, shrink, &(place){x, y});

    GEOSGeom_destroy_r(geos->handle, *geometry);
    *geometry = small;
}

/* Fills a layer: with strips that tile the ground, as neighbours of a survey do, or with anything,
 * some of it of other layers. */
static void fill_layer(tb_mask *mask, uint64_t *seed, GEOSGeometry **made, int *made_count,
                       double x, double y)
{
    tb_geos *geos   = mask->features.geos;
    bool     tiles  = random_between(seed, 0, 1) < 0.6;
    int      wanted = (int)random_between(seed, 1, LAYER_MOST + 1);

    if (tiles) {
        GEOSGeometry *rest =
            box_of(geos, tb_degree_snapped(x - 1.5e-3), tb_degree_snapped(y - 1.5e-3),
                   tb_degree_snapped(x + 1.5e-3), tb_degree_snapped(y + 1.5e-3));
        double at = x - 5e-4;

        for (int i = 0; i + 1 < wanted; i++, at += random_between(seed, 5e-5, 5e-4)) {
            GEOSGeometry *half[2];

            cut_along(geos, rest, tb_degree_snapped(at), half);
            add_ground(&mask->features, half[0]);
            rest = half[1];
        }
        add_ground(&mask->features, rest);
    }
    for (int i = 0; !tiles && i < wanted; i++)
        add_ground(&mask->features, make_related(geos, seed, made, *made_count, x, y));
    for (size_t i = 0; i < mask->features.count; i++)
        made[(*made_count)++] = mask->features.feature[i].geometry;
}

/* Checks a layer as a survey that was read is; features that are told to be apart are to GEOS. */
static void check_layer(tb_geos *geos, tb_features *f, int *told, int *untold)
{
    tb_qc qc = {0};

    f->qc = &qc;
    OK(tb_qc_begin(&qc, "survey.gpkg", "DLTB", "landuse", heard));
    OK(tb_features_check(f, 0, -1, true, heard));
    for (size_t i = 0; i < f->count; i++) {
        *told += f->feature[i].is_apart;
        *untold += !f->feature[i].is_apart;
        for (size_t k = 0; k < f->count && f->feature[i].is_apart; k++)
            assert_true(k == i || area_in_common(geos, f->feature[i].geometry,
                                                 f->feature[k].geometry, NULL) < 1e-6);
    }
    f->qc = NULL;
    tb_qc_reset(&qc);
}

/* Holdings are what their definitions say, whatever the layers. */
static void holdings_are_those_of_slabs(void **state)
{
    enum { CASES = 10000, LAYERS = 4 };
    static const size_t figures = offsetof(tb_holdings, extra) / sizeof(double);

    tb_geos *geos  = open_geos(state);
    uint64_t seed  = 7;
    int      apart = 0, overlapping = 0, all_set = 0, told = 0, untold = 0;

    for (int n = 0; n < CASES; n++) {
        tb_mask           layer[LAYERS] = {{.features = {0}}};
        tb_ground         ground[LAYER_MOST];
        double            ridge[2][LAYER_MOST];
        tb_approval_state approval[LAYER_MOST];
        tb_masks          masks = {&layer[0], &layer[1], &layer[2], &layer[3], NULL, {NULL}, 0};
        double        x = random_between(&seed, 75, 133), y  = random_between(&seed, 19, 52), most;
        GEOSGeometry *made[1 + LAYERS * LAYER_MOST], *parcel = make_polygon(geos, &seed, x, y);
        int           made_count = 1;
        tb_tract      tract;
        tb_overlay    on_land;
        tb_holdings   ours, theirs;
        const double *p = &ours.total, *q = &theirs.total;

        made[0] = parcel;
        for (int l = 0; l < LAYERS; l++) {
            layer[l].features.geos = geos;
            fill_layer(&layer[l], &seed, made, &made_count, x, y);
        }
        if (n % 2)
            shrink_all(geos, &parcel, x, y);
        for (int l = 0; l < LAYERS; l++) {
            for (size_t i = 0; n % 2 && i < layer[l].features.count; i++) {
                tb_feature *it = &layer[l].features.feature[i];

                shrink_all(geos, &it->geometry, x, y);
                it->box = tb_box_of_geometry(geos, it->geometry);
            }
            if (n % 4 < 2 && l < 2)
                check_layer(geos, &layer[l].features, &told, &untold);
            OK(tb_features_index(&layer[l].features, heard));
        }
        tract = tb_tract_of(parcel);
        for (int i = 0; i < LAYER_MOST; i++) {
            ground[i]   = (tb_ground)random_between(&seed, 0, 5);
            ridge[0][i] = random_between(&seed, 0, 0.2);
            ridge[1][i] = random_between(&seed, 0, 0.2);
            approval[i] = (tb_approval_state)random_between(&seed, 0, 3);
        }
        layer[0].ground   = ground;
        layer[0].ridge    = ridge[0];
        layer[1].ridge    = ridge[1];
        layer[3].approval = approval;
        OK(tb_holdings_measure(geos, &tract, &masks, &ours, &on_land, heard));
        theirs =
            holdings_by_slabs(geos, parcel, &masks, tb_degree_snapped(x), tb_degree_snapped(y));
        most = n % 2 ? 1e-4 : fmax(3e-6 * ours.total, 1e-2);
        for (size_t i = 0; i < figures; i++)
            if (fabs(p[i] - q[i]) > most)
                fail_msg("case %d, figure %zu: %.9f, by slabs %.9f", n, i, p[i], q[i]);
        if (fabs(ours.shared - theirs.shared) > most)
            fail_msg("case %d, shared: %.9f, by slabs %.9f", n, ours.shared, theirs.shared);
        apart += ours.shared == 0.0 && on_land.count > 1;
        overlapping += ours.shared > 0.0;
        all_set += ours.construction > 0.0 && ours.pbf_gross > 0.0 && ours.redline > 0.0 &&
                   ours.approved > 0.0 && ours.farmland_gross > 0.0;
        tb_overlay_reset(&on_land);
        tb_tract_reset(geos, &tract);
        for (int l = 0; l < LAYERS; l++)
            tb_features_reset(&layer[l].features);
        GEOSGeom_destroy_r(geos->handle, parcel);
    }
    print_message(
        "holdings: %d on neighbours, %d on shared ground, %d with everything; of features "
        "%d are told to be apart, %d are not\n",
        apart, overlapping, all_set, told, untold);
    assert_true(told > CASES / 2 && untold > CASES / 10);
    assert_true(apart > CASES / 10 && overlapping > CASES / 10 && all_set > CASES / 100);
    tb_geos_free(geos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_ground_counts_once),
        cmocka_unit_test(edges_agree_with_pieces),
        cmocka_unit_test(simple_rings_are_valid),
        cmocka_unit_test(rings_that_go_round_twice_are_not_simple),
        cmocka_unit_test(sides_are_exact),
        cmocka_unit_test(common_ground_of_several_agrees_with_geos),
        cmocka_unit_test(holdings_of_a_parcel),
        cmocka_unit_test(ground_on_a_mask_whole_is_not_beyond_it),
        cmocka_unit_test(holdings_are_those_of_slabs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
