#include "synth/survey.h"

#include <math.h>
#include <stdio.h>

/* As areas are given: square metres on the ellipsoid, two decimals. */
static tb_vector_value area(const tb_place *place, const tb_point *ring, size_t count)
{
    return tb_place_real(floor(fabs(tb_ring_area(ring, count)) * place->area_scale * 100.0 + 0.5) /
                         100.0);
}

/* The number every object of the survey has: unit, layer, serial. */
static void make_number(char number[24], int unit, int layer, size_t serial)
{
    snprintf(number, 24, "%s%02d%010zu", tb_unit_describe(unit)->code, layer,
             serial % 10000000000u);
}

static tb_status write_land(tb_vector *vector, tb_land *land, const tb_place *place, int64_t *count,
                            tb_error *err)
{
    static const tb_vector_field fields[] = {
        {"BSM", "标识码", TB_VECTOR_TEXT, 18, 0},
        {"DLBM", "地类编码", TB_VECTOR_TEXT, 5, 0},
        {"DLMC", "地类名称", TB_VECTOR_TEXT, 60, 0},
        {"ZLDWDM", "坐落单位代码", TB_VECTOR_TEXT, 19, 0},
        {"ZLDWMC", "坐落单位名称", TB_VECTOR_TEXT, 255, 0},
        {"KCXS", "扣除地类系数", TB_VECTOR_REAL, 0, 0},
        {"TBMJ", "图斑面积", TB_VECTOR_REAL, 0, 0},
    };
    tb_status status = TB_OK;
    int       layer;

    TB_TRY(tb_place_add_layer(place, vector, "DLTB", "地类图斑", fields, 7, &layer, err));
    for (uint32_t face = 0; face < tb_land_count(land); face++) {
        const tb_plot *plot       = tb_land_plot(land, face);
        const tb_use_class *class = tb_use_describe((tb_use)plot->use);
        const tb_unit_name *unit  = tb_unit_describe(plot->unit);
        const tb_point     *ring;
        size_t              corners;
        char                number[24], village[24];

        TB_TRY(tb_land_ring(land, face, &ring, &corners, err));
        make_number(number, plot->unit, 10, face + 1);
        snprintf(village, sizeof village, "%s0000000000000", unit->code);

        tb_vector_value values[] = {tb_place_text(number),      tb_place_text(class->code),
                                    tb_place_text(class->name), tb_place_text(village),
                                    tb_place_text(unit->name),  tb_place_real(class->ridge_share),
                                    area(place, ring, corners)};

        TB_TRY(tb_place_add(place, vector, layer, ring, corners, values, err));
    }
    *count = (int64_t)tb_land_count(land);
done:
    return status;
}

static tb_status write_basic_farmland(tb_vector *vector, tb_land *land, const tb_place *place,
                                      tb_error *err)
{
    static const tb_vector_field fields[] = {
        {"BSM", "标识码", TB_VECTOR_TEXT, 18, 0},
        {"YJJBNTTBBH", "永久基本农田图斑编号", TB_VECTOR_TEXT, 20, 0},
        {"DLBM", "地类编码", TB_VECTOR_TEXT, 5, 0},
        {"KCXS", "扣除地类系数", TB_VECTOR_REAL, 0, 0},
        {"JBNTMJ", "基本农田面积", TB_VECTOR_REAL, 0, 0},
    };
    tb_status status = TB_OK;
    size_t    serial = 0;
    int       layer;

    TB_TRY(tb_place_add_layer(place, vector, "YJJBNTBHTB", "永久基本农田保护图斑", fields, 5,
                              &layer, err));
    for (uint32_t face = 0; face < tb_land_count(land); face++) {
        const tb_plot *plot       = tb_land_plot(land, face);
        const tb_use_class *class = tb_use_describe((tb_use)plot->use);
        const tb_point *ring;
        size_t          corners;
        char            number[24], name[24];

        if (!plot->is_basic_farmland || !class->is_farmland)
            continue;
        TB_TRY(tb_land_ring(land, face, &ring, &corners, err));
        make_number(number, plot->unit, 20, ++serial);
        snprintf(name, sizeof name, "%s%08zu", tb_unit_describe(plot->unit)->code, serial);

        double gross = floor(fabs(tb_ring_area(ring, corners)) * place->area_scale * 100.0 + 0.5);
        tb_vector_value values[] = {
            tb_place_text(number), tb_place_text(name), tb_place_text(class->code),
            tb_place_real(class->ridge_share),
            tb_place_real(floor(gross * (1.0 - class->ridge_share) + 0.5) / 100.0)};

        TB_TRY(tb_place_add(place, vector, layer, ring, corners, values, err));
    }
done:
    return status;
}

static tb_status write_red_lines(tb_vector *vector, const tb_land *land, const tb_place *place,
                                 tb_error *err)
{
    static const tb_vector_field fields[] = {{"BSM", "标识码", TB_VECTOR_TEXT, 18, 0},
                                             {"HXMC", "红线名称", TB_VECTOR_TEXT, 100, 0},
                                             {"HXLX", "红线类型", TB_VECTOR_TEXT, 60, 0}};
    static const char *const     names[]  = {"临汐河水源涵养生态保护红线",
                                             "沐阳丘陵水土保持生态保护红线"};
    static const char *const     kinds[]  = {"水源涵养", "水土保持"};
    tb_status                    status   = TB_OK;
    int                          layer;

    TB_TRY(tb_place_add_layer(place, vector, "STBHHX", "生态保护红线", fields, 3, &layer, err));
    for (int z = TB_ZONE_RIVER; z <= TB_ZONE_HILL; z++) {
        const tb_figure *zone = tb_land_zone(land, z);
        char             number[24];

        if (zone->count == 0)
            continue;
        make_number(number, z, 30, (size_t)z + 1);

        tb_vector_value values[] = {tb_place_text(number), tb_place_text(names[z]),
                                    tb_place_text(kinds[z])};

        TB_TRY(tb_place_add(place, vector, layer, zone->corner, (size_t)zone->count, values, err));
    }
done:
    return status;
}

static tb_status write_units(tb_vector *vector, tb_land *land, const tb_place *place, tb_error *err)
{
    static const tb_vector_field fields[] = {{"BSM", "标识码", TB_VECTOR_TEXT, 18, 0},
                                             {"XZQDM", "行政区代码", TB_VECTOR_TEXT, 12, 0},
                                             {"XZQMC", "行政区名称", TB_VECTOR_TEXT, 100, 0}};
    tb_status                    status   = TB_OK;
    int                          layer;

    TB_TRY(tb_place_add_layer(place, vector, "XZQ", "行政区", fields, 3, &layer, err));
    for (int u = 0; u < TB_UNITS; u++) {
        const tb_point *ring;
        size_t          corners;
        char            number[24];

        TB_TRY(tb_land_unit_ring(land, u, &ring, &corners, err));
        if (corners == 0)
            continue;
        make_number(number, u, 40, (size_t)u + 1);

        tb_vector_value values[] = {tb_place_text(number), tb_place_text(tb_unit_describe(u)->code),
                                    tb_place_text(tb_unit_describe(u)->name)};

        TB_TRY(tb_place_add(place, vector, layer, ring, corners, values, err));
    }
done:
    return status;
}

static tb_status write_urban(tb_vector *vector, const tb_land *land, const tb_place *place,
                             tb_error *err)
{
    static const tb_vector_field fields[] = {{"BSM", "标识码", TB_VECTOR_TEXT, 18, 0},
                                             {"XZQDM", "行政区代码", TB_VECTOR_TEXT, 12, 0},
                                             {"XZQMC", "行政区名称", TB_VECTOR_TEXT, 100, 0},
                                             {"MJ", "面积", TB_VECTOR_REAL, 0, 0}};
    const tb_figure             *zone     = tb_land_zone(land, TB_ZONE_URBAN);
    tb_status                    status   = TB_OK;
    int                          layer;
    char                         number[24];

    TB_TRY(tb_place_add_layer(place, vector, "CZKFBJ", "城镇开发边界", fields, 4, &layer, err));
    make_number(number, 2, 50, 1);

    tb_vector_value values[] = {tb_place_text(number), tb_place_text(tb_unit_describe(2)->code),
                                tb_place_text(tb_unit_describe(2)->name),
                                area(place, zone->corner, (size_t)zone->count)};

    TB_TRY(tb_place_add(place, vector, layer, zone->corner, (size_t)zone->count, values, err));
done:
    return status;
}

tb_status tb_survey_write(const char *path, tb_land *land, const tb_place *place, int64_t *count,
                          tb_error *err)
{
    tb_status  status = TB_OK;
    tb_vector *vector = NULL;

    TB_TRY(tb_vector_create(&vector, path, &tb_place_options, err));
    TB_TRY(write_land(vector, land, place, count, err));
    TB_TRY(write_basic_farmland(vector, land, place, err));
    TB_TRY(write_red_lines(vector, land, place, err));
    TB_TRY(write_units(vector, land, place, err));
    TB_TRY(write_urban(vector, land, place, err));
    TB_TRY(tb_vector_finish(vector, err));
done:
    tb_vector_close(vector);
    return status;
}
