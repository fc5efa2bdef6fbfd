#include "synth/land.h"

#include <math.h>

#include "core/memory.h"
#include "synth/cover.h"

static const tb_use_class classes[TB_USES] = {
    [TB_USE_PADDY]     = {"0101", "水田", 0.06, true, true},
    [TB_USE_IRRIGATED] = {"0102", "水浇地", 0.08, true, true},
    [TB_USE_DRY]       = {"0103", "旱地", 0.10, true, true},
    [TB_USE_ORCHARD]   = {"0201", "果园", 0.0, false, true},
    [TB_USE_FOREST]    = {"0301", "乔木林地", 0.0, false, false},
    [TB_USE_SHELTER]   = {"0307", "其他林地", 0.0, false, true},
    [TB_USE_GRASS]     = {"0404", "其他草地", 0.0, false, true},
    [TB_USE_INDUSTRY]  = {"0601", "工业用地", 0.0, false, false},
    [TB_USE_VILLAGE]   = {"0702", "农村宅基地", 0.0, false, false},
    [TB_USE_HIGHWAY]   = {"1003", "公路用地", 0.0, false, false},
    [TB_USE_ROAD]      = {"1003", "公路用地", 0.0, false, false},
    [TB_USE_TRACK]     = {"1006", "农村道路", 0.0, false, true},
    [TB_USE_RIVER]     = {"1101", "河流水面", 0.0, false, false},
    [TB_USE_POND]      = {"1104", "坑塘水面", 0.0, false, false},
    [TB_USE_BANK]      = {"1106", "内陆滩涂", 0.0, false, true},
    [TB_USE_DITCH]     = {"1107", "沟渠", 0.0, false, true},
    [TB_USE_FACILITY]  = {"1202", "设施农用地", 0.0, false, false},
    [TB_USE_BARE]      = {"1206", "裸土地", 0.0, false, true},
};

static const tb_unit_name units[TB_UNITS] = {
    {"379921", "临汐县"}, {"379922", "沐阳县"}, {"379971", "沐阳经济开发区"}};

const tb_use_class *tb_use_describe(tb_use use)
{
    return &classes[use];
}

const tb_unit_name *tb_unit_describe(int unit)
{
    return &units[unit];
}

/* A grid of cells, each with the faces that reach into it. */
typedef struct places {
    uint32_t *first, *faces; /* faces of cell i: first[i] .. first[i + 1] - 1 */
    int64_t   columns, rows;
} places;

struct tb_land {
    tb_mesh   mesh;
    tb_plot  *plots;
    size_t    plot_capacity;
    tb_point  low, high;
    bool      has_river;
    tb_figure zones[TB_ZONES];
    places    places;
    tb_random random;
    double    river_at, river_width, river_phase;
};

/* Side of a cell in which faces are looked up, metres. */
static const double CELL = 128.0;

/* Ground a block between roads may cover, square metres, by what bounds it. */
static const double ROAD_BLOCK = 900e3, TRACK_BLOCK = 170e3;

size_t tb_land_count(const tb_land *land)
{
    return land->mesh.face_count;
}

const tb_plot *tb_land_plot(const tb_land *land, uint32_t face)
{
    return &land->plots[face];
}

tb_status tb_land_ring(tb_land *land, uint32_t face, const tb_point **corners, size_t *count,
                       tb_error *err)
{
    return tb_mesh_ring(&land->mesh, face, corners, count, err);
}

void tb_land_extent(const tb_land *land, tb_point *low, tb_point *high)
{
    *low  = land->low;
    *high = land->high;
}

const tb_figure *tb_land_zone(const tb_land *land, int zone)
{
    return &land->zones[zone];
}

double tb_land_river_at(const tb_land *land, double y, double *width)
{
    *width = land->has_river
                 ? land->river_width * (1.0 + 0.22 * tb_wave(y / 1900.0 + 2 * land->river_phase))
                 : 0.0;
    return land->river_at + 150.0 * tb_wave(y / 2700.0 + land->river_phase) +
           46.0 * tb_wave(y / 870.0 + 3 * land->river_phase);
}

/* ---------------------------------------------------------------- cutting */

/* The plot of a face that was just cut off another: the same to begin with. */
static tb_status inherit(tb_land *land, uint32_t face, uint32_t other, tb_error *err)
{
    tb_status status = TB_OK;

    if (land->mesh.face_count > land->plot_capacity) {
        size_t capacity = 2 * land->mesh.face_count + 256;

        TB_TRY(
            tb_grow(&land->plots, capacity, sizeof *land->plots, "plots of a made-up county", err));
        land->plot_capacity = capacity;
    }
    if (other != face)
        land->plots[other] = land->plots[face];
done:
    return status;
}

static tb_status cut(tb_land *land, uint32_t face, tb_point at, tb_point direction, uint32_t *other,
                     tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_mesh_cut(&land->mesh, face, at, direction, other, err));
    if (*other != TB_MESH_NONE)
        TB_TRY(inherit(land, face, *other, err));
done:
    return status;
}

static tb_status cut_along(tb_land *land, uint32_t face, const tb_point *line, size_t count,
                           uint32_t *other, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_mesh_cut_along(&land->mesh, face, line, count, other, err));
    TB_TRY(inherit(land, face, *other, err));
done:
    return status;
}

/*
 * Cuts a face in two with a strip of some use between. *other is the part to the right of the
 * direction, TB_MESH_NONE where the line does not cut it.
 */
static tb_status cut_strip(tb_land *land, uint32_t face, tb_point at, tb_point direction,
                           double width, tb_use use, uint32_t *other, tb_error *err)
{
    tb_status status = TB_OK;
    tb_point  right  = {at.x - direction.y * width / 2, at.y + direction.x * width / 2};
    tb_point  left   = {at.x + direction.y * width / 2, at.y - direction.x * width / 2};
    uint32_t  strip;

    TB_TRY(cut(land, face, right, direction, other, err));
    if (*other == TB_MESH_NONE)
        goto done;
    TB_TRY(cut(land, face, left, direction, &strip, err));
    if (strip != TB_MESH_NONE) {
        land->plots[strip].use  = (uint8_t)use;
        land->plots[strip].axis = direction;
    }
done:
    return status;
}

/* A face's size: area, centre, and extent along and across its plot's axis. */
typedef struct measure {
    double   area, along, across;
    tb_point centre;
} measure;

static tb_status measure_face(tb_land *land, uint32_t face, measure *m, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_point        axis   = land->plots[face].axis;
    double          low_u = HUGE_VAL, high_u = -HUGE_VAL, low_v = HUGE_VAL, high_v = -HUGE_VAL;
    const tb_point *ring;
    size_t          count;

    TB_TRY(tb_mesh_ring(&land->mesh, face, &ring, &count, err));
    for (size_t i = 0; i < count; i++) {
        double u = ring[i].x * axis.x + ring[i].y * axis.y;
        double v = ring[i].y * axis.x - ring[i].x * axis.y;

        low_u  = u < low_u ? u : low_u;
        high_u = u > high_u ? u : high_u;
        low_v  = v < low_v ? v : low_v;
        high_v = v > high_v ? v : high_v;
    }
    *m = (measure){.area   = fabs(tb_ring_area(ring, count)),
                   .along  = high_u - low_u,
                   .across = high_v - low_v,
                   .centre = tb_ring_centre(ring, count)};
done:
    return status;
}

/* ---------------------------------------------------------------- river, borders, zones */

enum { BENDS = 4096 };

static tb_status cut_river_bank(tb_land *land, uint32_t face, double side, double beyond,
                                uint32_t *other, tb_error *err)
{
    tb_status status = TB_OK;
    double    height = land->high.y - land->low.y;
    size_t    count  = (size_t)(height / 45.0) + 2;
    tb_point *line   = NULL;

    if (count > BENDS)
        count = BENDS;
    TB_TRY(tb_alloc(&line, count, sizeof *line, "river", err));
    for (size_t i = 0; i < count; i++) { /* from below upwards: the right is the east */
        double y = land->high.y - height * (double)i / (double)(count - 1);
        double width, middle = tb_land_river_at(land, y, &width);
        double uneven = 5.0 * tb_wave(y / 210.0 + side) + 2.0 * tb_wave(y / 77.0);

        line[i] = tb_point_snap((tb_point){middle + side * (width / 2 + beyond) + uneven, y});
    }
    TB_TRY(cut_along(land, face, line, count, other, err));
done:
    tb_free(line);
    return status;
}

static tb_status make_river(tb_land *land, uint32_t *east, tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  strip;

    /* Four lines from east to west, each cutting what is to its right. */
    TB_TRY(cut_river_bank(land, 0, 1.0, 14.0, east, err));
    TB_TRY(cut_river_bank(land, 0, 1.0, 0.0, &strip, err));
    land->plots[strip].use = TB_USE_BANK;
    TB_TRY(cut_river_bank(land, 0, -1.0, 0.0, &strip, err));
    land->plots[strip].use = TB_USE_RIVER;
    TB_TRY(cut_river_bank(land, 0, -1.0, 14.0, &strip, err));
    land->plots[strip].use = TB_USE_BANK;
done:
    return status;
}

/* The second county lies east of a bent line, the zone in its south-west. */
static tb_status make_units(tb_land *land, uint32_t face, tb_error *err)
{
    enum { POINTS = 9 };
    tb_status status = TB_OK;
    double    width = land->high.x - land->low.x, height = land->high.y - land->low.y;
    tb_point  line[POINTS];
    uint32_t  second, zone;
    double    phase = tb_random_between(&land->random, 0, 1);

    for (int i = 0; i < POINTS; i++) {
        double at = (double)i / (POINTS - 1);

        line[i] = tb_point_snap(
            (tb_point){land->low.x + width * (0.62 + 0.035 * tb_wave(1.3 * at + phase) +
                                              0.015 * tb_wave(3.1 * at)),
                       land->high.y - height * at});
    }
    TB_TRY(cut_along(land, face, line, POINTS, &second, err));
    land->plots[second].unit = 1;
    TB_TRY(cut(land, second, (tb_point){land->low.x + width * 0.85, land->low.y + height * 0.66},
               tb_direction(0.006), &zone, err));
    if (zone != TB_MESH_NONE)
        land->plots[zone].unit = 2;
done:
    return status;
}

static void make_zones(tb_land *land)
{
    enum { SIDE = TB_SHAPE_CORNERS / 2 };
    double     width = land->high.x - land->low.x, height = land->high.y - land->low.y;
    tb_figure *river = &land->zones[TB_ZONE_RIVER];
    tb_point   east  = {1.0, 0.0};

    if (land->has_river)
        for (int i = 0; i < SIDE; i++) {
            double y = land->low.y + height * (0.05 + 0.6 * i / (SIDE - 1));
            double wide, middle = tb_land_river_at(land, y, &wide);
            double beyond = wide / 2 + 130.0;

            river->corner[i]                        = tb_point_snap((tb_point){middle + beyond, y});
            river->corner[TB_SHAPE_CORNERS - 1 - i] = tb_point_snap((tb_point){middle - beyond, y});
            river->count                            = TB_SHAPE_CORNERS;
        }
    land->zones[TB_ZONE_HILL] =
        tb_figure_blob((tb_point){land->low.x + 0.80 * width, land->low.y + 0.22 * height}, east,
                       0.24 * width, 0.22 * height, 0.3, 28, &land->random);
    land->zones[TB_ZONE_URBAN] =
        tb_figure_blob((tb_point){land->low.x + 0.80 * width, land->low.y + 0.84 * height}, east,
                       0.18 * width, 0.17 * height, 0.15, 14, &land->random);
}

static bool is_in_zone(const tb_land *land, int zone, tb_point p)
{
    const tb_figure *f = &land->zones[zone];

    return f->count > 0 && tb_ring_contains(f->corner, (size_t)f->count, p);
}

/* ---------------------------------------------------------------- blocks and fields */

static tb_point turned(tb_point axis, double turns)
{
    tb_point d = tb_direction(turns);

    return (tb_point){axis.x * d.x - axis.y * d.y, axis.x * d.y + axis.y * d.x};
}

static tb_point across(tb_point axis)
{
    return (tb_point){-axis.y, axis.x};
}

typedef struct purpose {
    tb_use use;
    double share, hill_share; /* of the blocks, outside and inside of the hills */
} purpose;

static const purpose purposes[] = {
    {TB_USE_ORCHARD, 0.06, 0.30}, {TB_USE_FOREST, 0.035, 0.45}, {TB_USE_GRASS, 0.025, 0.10},
    {TB_USE_INDUSTRY, 0.02, 0.0}, {TB_USE_POND, 0.03, 0.0},     {TB_USE_FACILITY, 0.03, 0.0},
    {TB_USE_BARE, 0.015, 0.06},   {TB_USE_PADDY, 0.05, 0.0},    {TB_USE_DRY, 0.12, 0.09},
    {TB_USE_IRRIGATED, 1.0, 1.0},
};

static tb_use choose_use(tb_land *land, tb_point centre)
{
    bool   is_hill  = is_in_zone(land, TB_ZONE_HILL, centre);
    bool   is_urban = is_in_zone(land, TB_ZONE_URBAN, centre);
    double draw     = tb_random_between(&land->random, 0, 1);
    double river, wide = 0.0;

    if (is_urban && draw < 0.55)
        return TB_USE_INDUSTRY;
    river = tb_land_river_at(land, centre.y, &wide);
    if (wide > 0.0 && fabs(centre.x - river) < 350.0 && draw > 0.6)
        return TB_USE_PADDY;
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++) {
        draw -= is_hill ? purposes[i].hill_share : purposes[i].share;
        if (draw < 0.0)
            return purposes[i].use;
    }
    return TB_USE_IRRIGATED;
}

static uint8_t choose_crop(tb_land *land, tb_use use, tb_cover usual)
{
    double draw = tb_random_between(&land->random, 0, 1);

    if (use == TB_USE_PADDY)
        return draw < 0.92 ? TB_COVER_PADDY : TB_COVER_WHEAT;
    if (draw < 0.62)
        return (uint8_t)usual;
    if (use == TB_USE_DRY)
        return draw < 0.80 ? TB_COVER_PEANUT : draw < 0.92 ? TB_COVER_MAIZE : TB_COVER_FALLOW;
    return draw < 0.80   ? TB_COVER_WHEAT
           : draw < 0.89 ? TB_COVER_MAIZE
           : draw < 0.96 ? TB_COVER_VEGETABLE
                         : TB_COVER_FALLOW;
}

/* Strips of land of one holding: cut until they are as narrow as the block's usual field. */
static tb_status make_fields(tb_land *land, uint32_t face, double field_width, double field_length,
                             tb_cover usual, tb_error *err)
{
    tb_status status = TB_OK;
    tb_plot  *plot   = &land->plots[face];
    measure   m;
    uint32_t  other = TB_MESH_NONE;

    TB_TRY(measure_face(land, face, &m, err));
    if (m.along > field_length * 1.5 || m.across > field_width * 1.6) {
        bool     is_long   = m.along / field_length > m.across / field_width;
        double   extent    = is_long ? m.along : m.across;
        double   usual_one = is_long ? field_length : field_width;
        double   parts     = floor(extent / usual_one + 0.5);
        double   share     = floor(parts / 2) / parts - 0.5; /* where whole fields meet */
        double   jitter    = usual_one * tb_random_between(&land->random, -0.3, 0.3);
        tb_point forward   = is_long ? plot->axis : across(plot->axis);
        double   aside     = parts >= 2 ? share * extent + jitter : jitter;
        tb_point at        = {m.centre.x + aside * forward.x, m.centre.y + aside * forward.y};
        tb_point line      = turned(across(forward), tb_random_between(&land->random, -.002, .002));

        TB_TRY(cut(land, face, at, line, &other, err));
    }
    if (other == TB_MESH_NONE) {
        plot       = &land->plots[face];
        plot->crop = choose_crop(land, (tb_use)plot->use, usual);
        goto done;
    }
    TB_TRY(make_fields(land, face, field_width, field_length, usual, err));
    TB_TRY(make_fields(land, other, field_width, field_length, usual, err));
done:
    return status;
}

static tb_status make_farm_block(tb_land *land, uint32_t face, tb_use use, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_random *random = &land->random;
    double width = tb_random_between(random, 18, 62), length = tb_random_between(random, 130, 320);
    tb_cover usual = use == TB_USE_DRY               ? TB_COVER_PEANUT
                     : use == TB_USE_PADDY           ? TB_COVER_PADDY
                     : tb_random_chance(random, 0.8) ? TB_COVER_WHEAT
                                                     : TB_COVER_MAIZE;
    double   draw  = tb_random_between(random, 0, 1);
    bool     is_pbf =
        use != TB_USE_DRY ? !tb_random_chance(random, 0.12) : tb_random_chance(random, 0.4);
    uint32_t other = TB_MESH_NONE;
    measure  m;

    land->plots[face].use               = (uint8_t)use;
    land->plots[face].is_basic_farmland = is_pbf;
    TB_TRY(measure_face(land, face, &m, err));
    if (m.area > 45e3 && draw < 0.75) {
        tb_use   between = draw < 0.4 ? TB_USE_TRACK : draw < 0.6 ? TB_USE_DITCH : TB_USE_SHELTER;
        double   wide    = draw < 0.4 ? 3.5 : draw < 0.6 ? 4.0 : 9.0;
        tb_point axis    = land->plots[face].axis;
        tb_point along   = m.along > m.across ? across(axis) : axis;

        TB_TRY(cut_strip(land, face, m.centre, along, wide, between, &other, err));
    }
    if (tb_random_chance(random, 0.5) || use == TB_USE_PADDY)
        land->plots[face].axis = across(land->plots[face].axis);
    if (other != TB_MESH_NONE) {
        land->plots[other].axis = land->plots[face].axis;
        TB_TRY(make_fields(land, other, width, length, usual, err));
    }
    TB_TRY(make_fields(land, face, width, length, usual, err));
done:
    return status;
}

/* A part of a block becomes a village, or a yard, without a road between it and the fields. */
static tb_status set_apart(tb_land *land, uint32_t *face, double share, tb_use use, tb_error *err)
{
    tb_status status = TB_OK;
    tb_point  axis   = land->plots[*face].axis;
    uint32_t  other;
    measure   m;

    TB_TRY(measure_face(land, *face, &m, err));
    tb_point forward = m.along > m.across ? axis : across(axis);
    double   extent  = m.along > m.across ? m.along : m.across;
    double   aside   = (0.5 - share) * extent;
    tb_point at      = {m.centre.x + aside * forward.x, m.centre.y + aside * forward.y};

    TB_TRY(cut(land, *face, at, (tb_point){forward.y, -forward.x}, &other, err));
    if (other == TB_MESH_NONE)
        other = *face;
    else if (tb_random_chance(&land->random, 0.5)) {
        land->plots[other].use = (uint8_t)use;
        goto done;
    }
    land->plots[*face].use = (uint8_t)use;
    *face                  = other;
done:
    return status;
}

static tb_status make_block(tb_land *land, uint32_t face, tb_error *err)
{
    tb_status status = TB_OK;
    measure   m;
    tb_use    use;

    TB_TRY(measure_face(land, face, &m, err));
    use = choose_use(land, m.centre);
    if (m.area < 4e3) {
        land->plots[face].use = TB_USE_GRASS;
        goto done;
    }
    if (m.area > 35e3 && tb_random_chance(&land->random, 0.16) &&
        !is_in_zone(land, TB_ZONE_HILL, m.centre)) {
        TB_TRY(set_apart(land, &face, tb_random_between(&land->random, 0.4, 0.75), TB_USE_VILLAGE,
                         err));
        if (land->plots[face].use == TB_USE_VILLAGE)
            goto done;
    }
    if (classes[use].is_farmland) {
        TB_TRY(make_farm_block(land, face, use, err));
        goto done;
    }
    if (use == TB_USE_POND || use == TB_USE_FACILITY || use == TB_USE_BARE || use == TB_USE_GRASS) {
        /* These take a part of their block, fields the rest. */
        TB_TRY(set_apart(land, &face, tb_random_between(&land->random, 0.25, 0.6), use, err));
        if (land->plots[face].use != use)
            TB_TRY(make_farm_block(land, face, TB_USE_IRRIGATED, err));
        goto done;
    }
    land->plots[face].use = (uint8_t)use;
done:
    return status;
}

static tb_status make_blocks(tb_land *land, uint32_t face, tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  other  = TB_MESH_NONE;
    measure   m;
    double    limit;

    if (land->plots[face].use == TB_USE_RIVER || land->plots[face].use == TB_USE_BANK ||
        land->plots[face].use == TB_USE_HIGHWAY)
        return TB_OK;
    TB_TRY(measure_face(land, face, &m, err));
    limit = TRACK_BLOCK * tb_random_between(&land->random, 0.55, 1.3);
    if (m.area > limit) {
        tb_point *axis    = &land->plots[face].axis;
        bool      is_road = m.area > ROAD_BLOCK;
        bool      is_long = m.along > m.across;
        double    extent  = is_long ? m.along : m.across;
        double    aside   = extent * tb_random_between(&land->random, -0.1, 0.1);

        *axis = turned(*axis, tb_random_between(&land->random, -0.008, 0.008));

        tb_point forward = is_long ? *axis : across(*axis);
        tb_point at      = {m.centre.x + aside * forward.x, m.centre.y + aside * forward.y};

        TB_TRY(cut_strip(land, face, at, across(forward),
                         is_road ? 11.0 : tb_random_between(&land->random, 4.5, 6.0),
                         is_road ? TB_USE_ROAD : TB_USE_TRACK, &other, err));
    }
    if (other == TB_MESH_NONE) {
        TB_TRY(make_block(land, face, err));
        goto done;
    }
    TB_TRY(make_blocks(land, face, err));
    TB_TRY(make_blocks(land, other, err));
done:
    return status;
}

/* Two lines across everything, and what lies between them is the highway. */
static tb_status make_highway(tb_land *land, tb_point at, tb_point direction, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = land->mesh.face_count;

    for (size_t face = 0; face < count; face++) {
        uint32_t other;
        measure  m;

        TB_TRY(measure_face(land, (uint32_t)face, &m, err));
        /* The chord is looked for where the line passes the face. */
        double   along = (m.centre.x - at.x) * direction.x + (m.centre.y - at.y) * direction.y;
        tb_point foot  = {at.x + along * direction.x, at.y + along * direction.y};

        if (land->plots[face].use == TB_USE_RIVER || land->plots[face].use == TB_USE_BANK) {
            double width;

            foot.x = tb_land_river_at(land, foot.y, &width);
            if (land->plots[face].use == TB_USE_BANK)
                foot.x += (m.centre.x > tb_land_river_at(land, m.centre.y, &width) ? 0.5 : -0.5) *
                          (width + 14.0);
            along  = (foot.x - at.x) / direction.x;
            foot.y = at.y + along * direction.y;
        }
        TB_TRY(cut_strip(land, (uint32_t)face, foot, direction, 22.0, TB_USE_HIGHWAY, &other, err));
    }
done:
    return status;
}

/* ---------------------------------------------------------------- looking up places */

static int64_t cell_of(double at, double low, int64_t count)
{
    int64_t cell = (int64_t)floor((at - low) / CELL);

    return cell < 0 ? 0 : cell >= count ? count - 1 : cell;
}

/* Visits the cells of a face's box; counts them, or enters the face where `faces` are. */
static tb_status enter_face(tb_land *land, uint32_t face, bool is_counting, tb_error *err)
{
    tb_status       status = TB_OK;
    places         *p      = &land->places;
    tb_point        low = {HUGE_VAL, HUGE_VAL}, high = {-HUGE_VAL, -HUGE_VAL};
    const tb_point *ring;
    size_t          count;

    TB_TRY(tb_mesh_ring(&land->mesh, face, &ring, &count, err));
    for (size_t i = 0; i < count; i++) {
        low.x  = ring[i].x < low.x ? ring[i].x : low.x;
        low.y  = ring[i].y < low.y ? ring[i].y : low.y;
        high.x = ring[i].x > high.x ? ring[i].x : high.x;
        high.y = ring[i].y > high.y ? ring[i].y : high.y;
    }
    for (int64_t y = cell_of(low.y, land->low.y, p->rows);
         y <= cell_of(high.y, land->low.y, p->rows); y++)
        for (int64_t x = cell_of(low.x, land->low.x, p->columns);
             x <= cell_of(high.x, land->low.x, p->columns); x++) {
            uint32_t *first = &p->first[y * p->columns + x];

            if (is_counting)
                first[1]++;
            else
                p->faces[(*first)++] = face;
        }
done:
    return status;
}

static tb_status make_places(tb_land *land, tb_error *err)
{
    tb_status status = TB_OK;
    places   *p      = &land->places;
    size_t    cells;

    p->columns = (int64_t)ceil((land->high.x - land->low.x) / CELL);
    p->rows    = (int64_t)ceil((land->high.y - land->low.y) / CELL);
    cells      = (size_t)(p->columns * p->rows);
    TB_TRY(tb_alloc_zero(&p->first, cells + 1, sizeof *p->first, "places of the land", err));
    for (size_t f = 0; f < land->mesh.face_count; f++)
        TB_TRY(enter_face(land, (uint32_t)f, true, err));
    for (size_t i = 0; i < cells; i++)
        p->first[i + 1] += p->first[i];
    TB_TRY(tb_alloc(&p->faces, p->first[cells], sizeof *p->faces, "places of the land", err));
    for (size_t f = 0; f < land->mesh.face_count; f++)
        TB_TRY(enter_face(land, (uint32_t)f, false, err));
    for (size_t i = cells; i > 0; i--) /* entering has moved each to its end */
        p->first[i] = p->first[i - 1];
    p->first[0] = 0;
done:
    return status;
}

static bool face_contains(const tb_mesh *mesh, uint32_t face, tb_point p)
{
    uint32_t first = mesh->faces[face], h = first;
    bool     is_inside = false;

    do {
        tb_point a = mesh->vertices[mesh->halves[h].origin];
        tb_point b = mesh->vertices[mesh->halves[h ^ 1].origin];

        if ((a.y <= p.y) != (b.y <= p.y) && p.x < a.x + (p.y - a.y) * (b.x - a.x) / (b.y - a.y))
            is_inside = !is_inside;
        h = mesh->halves[h].next;
    } while (h != first);
    return is_inside;
}

uint32_t tb_land_at(const tb_land *land, tb_point p)
{
    const places *in = &land->places;
    int64_t       cell;

    if (p.x < land->low.x || p.y < land->low.y || p.x >= land->high.x || p.y >= land->high.y)
        return TB_MESH_NONE;
    cell =
        cell_of(p.y, land->low.y, in->rows) * in->columns + cell_of(p.x, land->low.x, in->columns);
    for (uint32_t i = in->first[cell]; i < in->first[cell + 1]; i++)
        if (face_contains(&land->mesh, in->faces[i], p))
            return in->faces[i];
    return TB_MESH_NONE;
}

/* ---------------------------------------------------------------- units */

static int unit_of(const tb_land *land, uint32_t half)
{
    uint32_t face = land->mesh.halves[half].face;

    return face == TB_MESH_NONE ? -1 : land->plots[face].unit;
}

tb_status tb_land_unit_ring(tb_land *land, int unit, const tb_point **corners, size_t *count,
                            tb_error *err)
{
    tb_status status = TB_OK;
    tb_mesh  *mesh   = &land->mesh;
    uint32_t  first  = 0, h;

    *count = 0;
    while (first < mesh->half_count &&
           (unit_of(land, first) != unit || unit_of(land, first ^ 1) == unit))
        first++;
    if (first == mesh->half_count)
        goto done;
    h = first;
    do {
        if (*count + 1 > mesh->ring_capacity) {
            size_t capacity = 2 * mesh->ring_capacity + 256;

            TB_TRY(tb_grow(&mesh->ring, capacity, sizeof *mesh->ring, "border of a unit", err));
            mesh->ring_capacity = capacity;
        }
        mesh->ring[(*count)++] = mesh->vertices[mesh->halves[h].origin];
        h                      = mesh->halves[h].next;
        while (unit_of(land, h ^ 1) == unit) /* inside: on to the next face around the vertex */
            h = mesh->halves[h ^ 1].next;
    } while (h != first);
    *corners = mesh->ring;
done:
    return status;
}

bool tb_land_border_place(const tb_land *land, tb_random *random, tb_point *place)
{
    const tb_mesh *mesh    = &land->mesh;
    size_t         borders = 0, chosen;

    for (size_t h = 0; h < mesh->half_count; h += 2)
        borders += unit_of(land, (uint32_t)h) >= 0 && unit_of(land, (uint32_t)h ^ 1) >= 0 &&
                   unit_of(land, (uint32_t)h) != unit_of(land, (uint32_t)h ^ 1);
    if (borders == 0)
        return false;
    chosen = tb_random_below(random, (uint32_t)borders);
    for (size_t h = 0; h < mesh->half_count; h += 2)
        if (unit_of(land, (uint32_t)h) >= 0 && unit_of(land, (uint32_t)h ^ 1) >= 0 &&
            unit_of(land, (uint32_t)h) != unit_of(land, (uint32_t)h ^ 1) && chosen-- == 0) {
            *place = mesh->vertices[mesh->halves[h].origin];
            break;
        }
    return true;
}

/* ---------------------------------------------------------------- all of it */

tb_status tb_land_new(tb_land **out, double width, double height, double margin, uint64_t seed,
                      tb_error *err)
{
    tb_status status = TB_OK;
    tb_land  *land   = NULL;
    uint32_t  east   = 0;
    size_t    count;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&land, 1, sizeof *land, "made-up county", err));
    land->random = tb_random_begin(seed, 1);
    land->low    = tb_point_snap((tb_point){-margin, -margin});
    land->high   = tb_point_snap((tb_point){width + margin, height + margin});
    TB_TRY(tb_mesh_begin(&land->mesh, land->low, land->high, err));
    TB_TRY(inherit(land, 0, 0, err));
    land->plots[0]    = (tb_plot){.use  = TB_USE_IRRIGATED,
                                  .axis = tb_direction(tb_random_between(&land->random, -.02, .02))};
    land->has_river   = width > 900.0;
    land->river_at    = land->low.x + 0.27 * (land->high.x - land->low.x);
    land->river_width = tb_random_between(&land->random, 38.0, 60.0);
    land->river_phase = tb_random_between(&land->random, 0, 1);
    make_zones(land);
    if (land->has_river)
        TB_TRY(make_river(land, &east, err));
    TB_TRY(make_units(land, east, err));
    if (width > 900.0)
        TB_TRY(make_highway(land, (tb_point){width / 2, height * 0.43},
                            tb_direction(tb_random_between(&land->random, 0.01, 0.03)), err));
    count = land->mesh.face_count;
    for (size_t face = 0; face < count; face++)
        TB_TRY(make_blocks(land, (uint32_t)face, err));
    TB_TRY(make_places(land, err));
done:
    if (status == TB_OK)
        *out = land;
    else
        tb_land_free(land);
    return status;
}

void tb_land_free(tb_land *land)
{
    if (land == NULL)
        return;
    tb_mesh_reset(&land->mesh);
    tb_free(land->plots);
    tb_free(land->places.first);
    tb_free(land->places.faces);
    tb_free(land);
}
