#include "synth/site.h"

#include <math.h>
#include <stdint.h>

#include "core/memory.h"

static const tb_site_class classes[TB_SITE_KINDS] = {
    [TB_SITE_BUILDING] = {"20", "建/构筑物"}, [TB_SITE_DIGGING] = {"DT", "动土"},
    [TB_SITE_HEAP] = {"TD", "推堆土"},        [TB_SITE_LEVELLING] = {"TP", "推平"},
    [TB_SITE_PAVING] = {"YH", "硬化"},        [TB_SITE_ROAD] = {"DL1", "新建公路"},
    [TB_SITE_TRACK] = {"DL2", "新建道路"},    [TB_SITE_PANELS] = {"GF", "光伏"},
    [TB_SITE_LAKE] = {"SM", "水面"},          [TB_SITE_POND] = {"KT", "坑塘"},
    [TB_SITE_GREENHOUSE] = {"QT", "大棚"},    [TB_SITE_GOLF] = {"GEF", "高尔夫"},
};

const tb_site_class *tb_site_describe(tb_site_kind kind)
{
    return &classes[kind];
}

/* What the ground of a case has to be. */
typedef enum ground {
    ON_FIELDS,
    ON_BASIC_FARMLAND,
    ON_UNUSED,
    IN_RED_LINE,
    ACROSS_UNITS,
    AT_VILLAGE,
    AT_WORKS,
} ground;

static const char *const notes[] = {
    [ON_FIELDS]         = "fields",
    [ON_BASIC_FARMLAND] = "permanent basic farmland",
    [ON_UNUSED]         = "unused land",
    [IN_RED_LINE]       = "red line",
    [ACROSS_UNITS]      = "across two units",
    [AT_VILLAGE]        = "touches a village",
    [AT_WORKS]          = "touches works",
};

typedef struct plan {
    tb_site_kind kind;
    double       area_mu; /* of a road: its length is what follows from 10 m of width */
    ground       on;
    tb_papers    papers;
} plan;

/* In the order in which they are wanted: a small scene gets the first ones. */
static const plan plans[] = {
    {TB_SITE_BUILDING, 5.4, ON_BASIC_FARMLAND, TB_PAPERS_NONE},
    {TB_SITE_BUILDING, 0.35, AT_VILLAGE, TB_PAPERS_NONE},
    {TB_SITE_DIGGING, 2.6, ON_FIELDS, TB_PAPERS_NONE},
    {TB_SITE_PAVING, 1.2, ON_FIELDS, TB_PAPERS_NONE},
    {TB_SITE_GREENHOUSE, 10.6, ON_BASIC_FARMLAND, TB_PAPERS_FACILITY},
    {TB_SITE_BUILDING, 0.7, AT_VILLAGE, TB_PAPERS_CONVERTED},
    {TB_SITE_POND, 3.4, ON_BASIC_FARMLAND, TB_PAPERS_NONE},
    {TB_SITE_HEAP, 1.6, ON_FIELDS, TB_PAPERS_NONE},
    {TB_SITE_DIGGING, 20.8, ON_BASIC_FARMLAND, TB_PAPERS_NONE},
    {TB_SITE_BUILDING, 12.4, ACROSS_UNITS, TB_PAPERS_NONE},
    {TB_SITE_TRACK, 3.0, ON_FIELDS, TB_PAPERS_NONE},
    {TB_SITE_BUILDING, 12.0, ON_FIELDS, TB_PAPERS_PARTLY},
    {TB_SITE_PANELS, 14.0, ON_UNUSED, TB_PAPERS_CONVERTED},
    {TB_SITE_BUILDING, 6.2, IN_RED_LINE, TB_PAPERS_NONE},
    {TB_SITE_LEVELLING, 52.0, ON_BASIC_FARMLAND, TB_PAPERS_NONE},
    {TB_SITE_ROAD, 16.0, ON_FIELDS, TB_PAPERS_CONVERTED},
    {TB_SITE_GREENHOUSE, 27.5, ON_BASIC_FARMLAND, TB_PAPERS_NONE},
    {TB_SITE_PAVING, 4.7, AT_WORKS, TB_PAPERS_LATE},
    {TB_SITE_PANELS, 104.0, ON_FIELDS, TB_PAPERS_PARTLY},
    {TB_SITE_LAKE, 23.0, ON_FIELDS, TB_PAPERS_NONE},
    {TB_SITE_GOLF, 61.0, IN_RED_LINE, TB_PAPERS_NONE},
    {TB_SITE_BUILDING, 10.3, ON_FIELDS, TB_PAPERS_LATE},
    {TB_SITE_DIGGING, 8.5, ON_FIELDS, TB_PAPERS_TEMPORARY},
    {TB_SITE_HEAP, 5.1, ON_UNUSED, TB_PAPERS_ENDED},
    {TB_SITE_LEVELLING, 15.0, ON_FIELDS, TB_PAPERS_TAKEN},
    {TB_SITE_BUILDING, 33.0, ON_FIELDS, TB_PAPERS_PRELIMINARY},
    {TB_SITE_PAVING, 2.1, ON_BASIC_FARMLAND, TB_PAPERS_UNDATED},
    {TB_SITE_BUILDING, 1.0, AT_VILLAGE, TB_PAPERS_NONE},
    {TB_SITE_BUILDING, 0.5, ON_FIELDS, TB_PAPERS_NONE},
    {TB_SITE_LEVELLING, 26.0, ACROSS_UNITS, TB_PAPERS_NONE},
    {TB_SITE_DIGGING, 120.0, ON_FIELDS, TB_PAPERS_CONVERTED},
    {TB_SITE_POND, 7.2, IN_RED_LINE, TB_PAPERS_NONE},
    {TB_SITE_BUILDING, 3.9, ON_BASIC_FARMLAND, TB_PAPERS_NONE},
    {TB_SITE_TRACK, 1.4, ON_BASIC_FARMLAND, TB_PAPERS_NONE},
    {TB_SITE_GREENHOUSE, 4.4, ON_FIELDS, TB_PAPERS_NONE},
    {TB_SITE_PAVING, 0.8, ON_FIELDS, TB_PAPERS_NONE},
};

enum { PLANS = sizeof plans / sizeof *plans, TRIES = 3000, SIDE = 9, ROUNDS = 4, GROWING = 3 };

static const double MU = 2000.0 / 3.0;

/* ---------------------------------------------------------------- outlines */

static tb_figure outline_of(const plan *want, tb_point centre, tb_point axis, double area_m2,
                            tb_random *random)
{
    double    aspect = tb_random_between(random, 1.0, 1.9), side = sqrt(area_m2 / aspect);
    tb_figure f;

    switch (want->kind) {
    case TB_SITE_ROAD:
    case TB_SITE_TRACK: {
        double   width  = want->kind == TB_SITE_ROAD ? 13.0 : 6.5;
        double   half   = area_m2 / width / 2;
        double   bend   = half * tb_random_between(random, -0.18, 0.18);
        tb_point away   = {-axis.y, axis.x};
        tb_point line[] = {{centre.x - half * axis.x, centre.y - half * axis.y},
                           {centre.x - half / 3 * axis.x + bend * away.x,
                            centre.y - half / 3 * axis.y + bend * away.y},
                           {centre.x + half / 3 * axis.x + bend * away.x,
                            centre.y + half / 3 * axis.y + bend * away.y},
                           {centre.x + half * axis.x, centre.y + half * axis.y}};

        f = tb_figure_band(line, 4, width);
        break;
    }
    case TB_SITE_LAKE:
    case TB_SITE_GOLF:
        f = tb_figure_blob(centre, axis, aspect * side, side, 0.35, 28, random);
        break;
    case TB_SITE_DIGGING:
    case TB_SITE_HEAP:
    case TB_SITE_POND:
        if (tb_random_chance(random, 0.6)) {
            f = tb_figure_blob(centre, axis, aspect * side, side, 0.22, 11, random);
            break;
        }
        f = tb_figure_rectangle(centre, axis, aspect * side, side);
        break;
    default:
        f = tb_figure_rectangle(centre, axis, aspect * side, side);
    }
    return tb_figure_scaled(&f, sqrt(area_m2 / tb_figure_area(&f)));
}

/* ---------------------------------------------------------------- places */

/* Of points spread over an outline, how many lie on what. */
typedef struct tally {
    int all, outside, closed, farmland, basic, unused, red, village, works, units[TB_UNITS];
} tally;

static bool is_red(const tb_land *land, tb_point p)
{
    for (int z = TB_ZONE_RIVER; z <= TB_ZONE_HILL; z++) {
        const tb_figure *zone = tb_land_zone(land, z);

        if (zone->count > 0 && tb_ring_contains(zone->corner, (size_t)zone->count, p))
            return true;
    }
    return false;
}

static void count_point(const tb_land *land, tb_point p, tally *t)
{
    uint32_t       face = tb_land_at(land, p);
    const tb_plot *plot;
    tb_use         use;

    t->all++;
    if (face == TB_MESH_NONE) {
        t->outside++;
        return;
    }
    plot = tb_land_plot(land, face);
    use  = (tb_use)plot->use;
    t->closed += !tb_use_describe(use)->is_open;
    t->farmland += tb_use_describe(use)->is_farmland;
    t->basic += plot->is_basic_farmland && tb_use_describe(use)->is_farmland;
    t->unused += use == TB_USE_GRASS || use == TB_USE_BARE || use == TB_USE_BANK;
    t->village += use == TB_USE_VILLAGE;
    t->works += use == TB_USE_INDUSTRY;
    t->red += is_red(land, p);
    t->units[plot->unit]++;
}

static tally look_at(const tb_land *land, const tb_figure *f)
{
    tb_point low = f->corner[0], high = low;
    tally    t = {0};

    for (int i = 0; i < f->count; i++) {
        low.x  = f->corner[i].x < low.x ? f->corner[i].x : low.x;
        low.y  = f->corner[i].y < low.y ? f->corner[i].y : low.y;
        high.x = f->corner[i].x > high.x ? f->corner[i].x : high.x;
        high.y = f->corner[i].y > high.y ? f->corner[i].y : high.y;
        count_point(land, f->corner[i], &t);
    }
    for (int i = 0; i < SIDE * SIDE; i++) {
        tb_point p = {low.x + (high.x - low.x) * (i % SIDE + 0.5) / SIDE,
                      low.y + (high.y - low.y) * ((int)(i / SIDE) + 0.5) / SIDE};

        if (tb_ring_contains(f->corner, (size_t)f->count, p))
            count_point(land, p, &t);
    }
    return t;
}

static bool suits(const tally *t, ground on)
{
    int most = 0;

    for (int u = 0; u < TB_UNITS; u++)
        most = t->units[u] > most ? t->units[u] : most;
    if (t->outside > 0)
        return false;
    switch (on) {
    case AT_VILLAGE:
        return t->village > 0 && t->village * 4 < t->all && t->closed == t->village;
    case AT_WORKS:
        return t->works > 0 && t->works * 4 < t->all && t->closed == t->works;
    case ON_FIELDS:
        return t->closed == 0 && t->farmland * 10 > t->all * 6;
    case ON_BASIC_FARMLAND:
        return t->closed == 0 && t->basic * 10 > t->all * 8;
    case ON_UNUSED:
        return t->closed == 0 && t->unused * 10 > t->all * 7;
    case IN_RED_LINE:
        return t->closed == 0 && t->red * 10 > t->all * 8;
    case ACROSS_UNITS:
        return t->closed == 0 && most * 10 < t->all * 8;
    }
    return false;
}

/* Away from all sites but one (SIZE_MAX: but none). */
static bool is_free(const tb_sites *sites, tb_point centre, double radius, size_t but)
{
    for (size_t i = 0; i < sites->count; i++) {
        const tb_site *s  = &sites->items[i];
        double         dx = s->centre.x - centre.x, dy = s->centre.y - centre.y;
        double         apart = radius + s->radius + 25.0;

        if (i != but && dx * dx + dy * dy < apart * apart)
            return false;
    }
    return true;
}

static double radius_of(const tb_figure *f, tb_point centre)
{
    double most = 0.0;

    for (int i = 0; i < f->count; i++) {
        double dx = f->corner[i].x - centre.x, dy = f->corner[i].y - centre.y;

        most = dx * dx + dy * dy > most ? dx * dx + dy * dy : most;
    }
    return sqrt(most);
}

static bool is_within(const tb_figure *f, double width, double height)
{
    for (int i = 0; i < f->count; i++)
        if (f->corner[i].x < 8.0 || f->corner[i].y < 8.0 || f->corner[i].x > width - 8.0 ||
            f->corner[i].y > height - 8.0)
            return false;
    return true;
}

/* Where to try next: anywhere, or about the border of two units. */
static tb_point choose_place(const tb_land *land, ground on, double width, double height,
                             double area_m2, tb_random *random)
{
    tb_point p;
    double   near = 0.2 * sqrt(area_m2);

    if (on == ACROSS_UNITS && tb_land_border_place(land, random, &p))
        return tb_point_between(random, (tb_point){p.x - near, p.y - near},
                                (tb_point){p.x + near, p.y + near});
    return tb_point_between(random, (tb_point){0, 0}, (tb_point){width, height});
}

static tb_status add_site(tb_sites *sites, const plan *want, const tb_figure *outline,
                          tb_point centre, tb_point axis, int date, const char *note, tb_error *err)
{
    tb_status status = TB_OK;

    if (sites->count == sites->capacity) {
        size_t capacity = 2 * sites->capacity + 64;

        TB_TRY(tb_grow(&sites->items, capacity, sizeof *sites->items, "sites", err));
        sites->capacity = capacity;
    }
    sites->items[sites->count++] = (tb_site){.kind    = want->kind,
                                             .papers  = want->papers,
                                             .outline = *outline,
                                             .centre  = centre,
                                             .axis    = axis,
                                             .area_m2 = tb_figure_area(outline),
                                             .radius  = radius_of(outline, centre),
                                             .date    = date,
                                             .note    = note};
done:
    return status;
}

static tb_status try_to_site(tb_sites *sites, const tb_land *land, double width, double height,
                             const plan *want, double area_m2, int date, tb_random *random,
                             tb_error *err)
{
    tb_status status = TB_OK;
    int       tries  = want->on == ACROSS_UNITS ? TRIES / 20 : TRIES;

    for (int i = 0; i < tries; i++) {
        tb_point  at   = choose_place(land, want->on, width, height, area_m2, random);
        uint32_t  face = tb_land_at(land, at);
        tb_figure f;
        tally     t;

        if (face == TB_MESH_NONE)
            continue;
        f = outline_of(want, at, tb_land_plot(land, face)->axis, area_m2, random);
        if (!is_within(&f, width, height) || !is_free(sites, at, radius_of(&f, at), SIZE_MAX))
            continue;
        t = look_at(land, &f);
        if (!suits(&t, want->on))
            continue;
        TB_TRY(add_site(sites, want, &f, at, tb_land_plot(land, face)->axis, date, notes[want->on],
                        err));
        break;
    }
done:
    return status;
}

/* Some yards of the date before get as much again beside them: an event that grows. */
static tb_status grow(tb_sites *sites, const tb_land *land, double width, double height, int date,
                      tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = sites->count;
    int       grown  = 0;

    for (size_t i = 0; i < count && grown < GROWING; i++) {
        const tb_site earlier = sites->items[i];
        const plan    want    = {.kind = earlier.kind, .on = ON_FIELDS, .papers = TB_PAPERS_NONE};
        tb_figure     f       = earlier.outline;
        tb_point      away    = {f.corner[1].x - f.corner[0].x, f.corner[1].y - f.corner[0].y};
        tb_point      centre  = {earlier.centre.x + away.x, earlier.centre.y + away.y};
        tally         t;

        if (earlier.date != date - 1 || f.count != 4 || earlier.area_m2 > 15.0 * MU)
            continue;
        for (int c = 0; c < f.count; c++) {
            f.corner[c].x += away.x;
            f.corner[c].y += away.y;
        }
        t = look_at(land, &f);
        if (!is_within(&f, width, height) || !is_free(sites, centre, radius_of(&f, centre), i) ||
            !suits(&t, ON_FIELDS))
            continue;
        TB_TRY(
            add_site(sites, &want, &f, centre, earlier.axis, date, "grows an earlier site", err));
        grown++;
    }
done:
    return status;
}

tb_status tb_sites_choose(tb_sites *sites, const tb_land *land, double width, double height,
                          int dates, uint64_t seed, tb_error *err)
{
    tb_status status    = TB_OK;
    double    ground_m2 = width * height;

    for (int date = 1; date < dates; date++) {
        tb_random random = tb_random_begin(seed, 200 + (uint64_t)date);
        double    left   = ground_m2 / (20.0 + 10.0 * dates);
        int       rounds = (int)(ground_m2 / 17e6) + 1;

        TB_TRY(grow(sites, land, width, height, date, err));

        for (int i = 0; i < rounds * PLANS; i++) {
            const plan *want    = &plans[i % PLANS];
            double      area_m2 = want->area_mu * MU * tb_random_between(&random, 1.0, 1.05);

            if (area_m2 > left || area_m2 > ground_m2 / 40.0)
                continue;
            size_t before = sites->count;

            TB_TRY(try_to_site(sites, land, width, height, want, area_m2, date, &random, err));
            if (sites->count > before)
                left -= area_m2;
        }
    }
done:
    return status;
}

tb_status tb_sites_scatter(tb_sites *sites, const tb_site_space *space, uint64_t seed,
                           tb_error *err)
{
    tb_status status    = TB_OK;
    double    ground_m2 = space->width * space->height, left = ground_m2 / 40.0;
    tb_random random = tb_random_begin(seed, 300);

    for (int i = 0; i < ROUNDS * PLANS; i++) {
        const plan *want    = &plans[i % PLANS];
        double      area_m2 = want->area_mu * MU;
        tb_point    axis    = tb_direction(tb_random_between(&random, -0.06, 0.06));

        if (area_m2 < space->least_m2 || area_m2 > left || area_m2 > ground_m2 / 60.0)
            continue;
        for (int n = 0; n < TRIES; n++) {
            tb_point  at = tb_point_between(&random, (tb_point){0, 0},
                                            (tb_point){space->width, space->height});
            tb_figure f  = outline_of(want, at, axis, area_m2, &random);

            if (!is_within(&f, space->width, space->height) ||
                !is_free(sites, at, radius_of(&f, at), SIZE_MAX) ||
                !space->is_free(space->context, &f))
                continue;
            TB_TRY(add_site(sites, want, &f, at, axis, 1, "planted", err));
            left -= area_m2;
            break;
        }
    }
done:
    return status;
}

void tb_sites_reset(tb_sites *sites)
{
    tb_free(sites->items);
    *sites = (tb_sites){0};
}
