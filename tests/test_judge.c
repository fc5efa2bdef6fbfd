/* Judging given polygons, as the library's own users do: texts that do not fit, failed allocations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cpl_conv.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "publish/vector.h"
#include "scenes.h"
#include "tuban/judge.h"
#include "tuban/run.h"

/* ---- texts ---- */

typedef struct fitting_case {
    const char *driver, *encoding;
    int         width;
    const char *given, *found;
    int         cut, replaced;
} fitting_case;

/* What a file holds of the text, read through GDAL (free with CPLFree). */
static char *written(const fitting_case *c, tb_vector_fitting *fitting)
{
    char                    path[300], encoding[40];
    bool                    is_shapefile    = strcmp(c->driver, "GPKG") != 0;
    const char             *layer_options[] = {is_shapefile ? encoding : NULL, NULL};
    const tb_vector_options options         = {.driver = c->driver, .date = "2000-01-01T00:00:00Z"};
    const tb_vector_field   field           = {"NAME", NULL, TB_VECTOR_TEXT, c->width, 0};
    const tb_vector_layer   layer           = {.name        = "texts",
                                               .geometry    = TB_VECTOR_NO_GEOMETRY,
                                               .fields      = &field,
                                               .field_count = 1,
                                               .options     = layer_options};
    const tb_vector_value   value           = {.is_set = true, .text = c->given};
    tb_vector              *vector;
    GDALDatasetH            dataset;
    OGRFeatureH             feature;
    char                   *text;
    int                     number;

    in_folder(is_shapefile ? "texts.dbf" : "texts.gpkg", path, sizeof path);
    snprintf(encoding, sizeof encoding, "ENCODING=%s", c->encoding);
    assert_int_equal(tb_vector_create(&vector, path, &options, NULL), TB_OK);
    assert_int_equal(tb_vector_add_layer(vector, &layer, &number, NULL), TB_OK);
    assert_int_equal(tb_vector_add(vector, number, NULL, &value, NULL), TB_OK);
    *fitting = tb_vector_fitted(vector);
    assert_int_equal(tb_vector_finish(vector, NULL), TB_OK);
    tb_vector_close(vector);
    dataset = GDALOpenEx(path, GDAL_OF_VECTOR, NULL, NULL, NULL);
    assert_non_null(dataset);
    feature = OGR_L_GetNextFeature(GDALDatasetGetLayer(dataset, 0));
    text    = CPLStrdup(OGR_F_GetFieldAsString(feature, 0));
    OGR_F_Destroy(feature);
    GDALClose(dataset);
    return text;
}

static void texts_are_made_to_fit_and_told_of(void **state)
{
    static const fitting_case cases[] = {
        {"ESRI Shapefile", "UTF-8", 6, "甲乙", "甲乙", 0, 0},
        {"ESRI Shapefile", "UTF-8", 6, "甲乙丙", "甲乙", 1, 0},
        {"ESRI Shapefile", "UTF-8", 8, "甲乙丙", "甲乙", 1, 0},
        {"ESRI Shapefile", "UTF-8", 7, "a甲乙", "a甲乙", 0, 0},
        {"ESRI Shapefile", "UTF-8", 4, "𠮷", "𠮷", 0, 0},
        {"ESRI Shapefile", "UTF-8", 3, "𠮷", "", 1, 0},
        {"ESRI Shapefile", "UTF-8", 3, "abcd", "abc", 1, 0},
        {"ESRI Shapefile", "GBK", 6, "甲乙丙", "甲乙丙", 0, 0},
        {"ESRI Shapefile", "GBK", 6, "甲乙丙丁", "甲乙丙", 1, 0},
        {"ESRI Shapefile", "GBK", 5, "甲乙丙", "甲乙", 1, 0},
        {"ESRI Shapefile", "GBK", 6, "a𠮷b", "a〓b", 0, 1},
        {"ESRI Shapefile", "GBK", 3, "𠮷𠮷", "〓", 1, 1},
        {"ESRI Shapefile", "GBK", 9, "〔2024〕", "〔2024〕", 0, 0},
        {"GPKG", "UTF-8", 3, "甲乙丙", "甲乙丙", 0, 0},
        {"GPKG", "UTF-8", 3, "甲乙丙丁", "甲乙丙", 1, 0},
        {"GPKG", "UTF-8", 3, "𠮷𠮷𠮷", "𠮷𠮷𠮷", 0, 0},
    };

    (void)state;
    folder_begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const fitting_case *c = &cases[i];
        tb_vector_fitting   fitting;
        char               *text = written(c, &fitting);

        if (strcmp(text, c->found) != 0 || fitting.cut != c->cut || fitting.replaced != c->replaced)
            fail_msg("%s %s width %d \"%s\": \"%s\", %lld cut, %lld replaced", c->driver,
                     c->encoding, c->width, c->given, text, (long long)fitting.cut,
                     (long long)fitting.replaced);
        assert_string_equal(fitting.example, c->cut + c->replaced > 0 ? "NAME" : "");
        CPLFree(text);
    }
    folder_end();
}

/* ---- judging ---- */

static void write_text(const char *name, const char *text)
{
    char path[300];

    assert_int_equal(tb_file_write(in_folder(name, path, sizeof path), text, strlen(text), NULL),
                     TB_OK);
}

/* Boxes of 0.001 degree side by side, with texts in two fields. */
static void write_boxes(const char *name, const char *layer, const char *const fields[2],
                        const char *const (*rows)[2], int count)
{
    char                 path[300];
    OGRSpatialReferenceH crs = OSRNewSpatialReference(NULL);
    GDALDatasetH         dataset;
    OGRLayerH            to;

    GDALAllRegister();
    OSRImportFromEPSG(crs, 4490);
    OSRSetAxisMappingStrategy(crs, OAMS_TRADITIONAL_GIS_ORDER);
    dataset = GDALCreate(GDALGetDriverByName("GPKG"), in_folder(name, path, sizeof path), 0, 0, 0,
                         GDT_Unknown, NULL);
    to      = GDALDatasetCreateLayer(dataset, layer, crs, wkbPolygon, NULL);
    for (int f = 0; f < 2; f++) {
        OGRFieldDefnH field = OGR_Fld_Create(fields[f], OFTString);

        OGR_L_CreateField(to, field, TRUE);
        OGR_Fld_Destroy(field);
    }
    for (int i = 0; i < count; i++) {
        OGRFeatureH  feature = OGR_F_Create(OGR_L_GetLayerDefn(to));
        OGRGeometryH polygon = OGR_G_CreateGeometry(wkbPolygon),
                     ring    = OGR_G_CreateGeometry(wkbLinearRing);
        double west = 117.0 + 0.001 * i, south = 36.6, side = 0.001;

        for (int k = 0; k < 5; k++)
            OGR_G_AddPoint_2D(ring, west + (k % 4 == 1 || k % 4 == 2 ? side : 0.0),
                              south + (k % 4 >= 2 ? side : 0.0));
        OGR_G_AddGeometryDirectly(polygon, ring);
        OGR_F_SetGeometryDirectly(feature, polygon);
        for (int f = 0; f < 2; f++)
            if (rows[i][f] != NULL)
                OGR_F_SetFieldString(feature, f, rows[i][f]);
        assert_int_equal(OGR_L_CreateFeature(to, feature), OGRERR_NONE);
        OGR_F_Destroy(feature);
    }
    GDALClose(dataset);
    OSRDestroySpatialReference(crs);
}

static void write_job(void)
{
    static const double      transform[6] = {116.999, 2e-5, 0, 36.603, 0, -2e-5};
    static const char *const land[2] = {"DLBM", "BSM"}, *const drawn[2] = {"YSLX", "YSLX_BY"};
    static const char *const ground[][2]  = {{"0103", "1"}, {"0702", "2"}, {"0201", "3"}};
    static const char *const parcels[][2] = {{"大棚房", "审核员"}, {NULL, NULL}, {NULL, NULL}};
    static float             samples[300 * 300];
    const made               image = {
                      .width = 300, .height = 300, .bands = 1, .transform = transform, .epsg = 4490};
    char path[300];

    made_write(in_folder("before.tif", path, sizeof path), &image, samples);
    made_write(in_folder("after.tif", path, sizeof path), &image, samples);
    write_boxes("survey.gpkg", "DLTB", land, ground, 3);
    write_boxes("drawn.gpkg", "drawn", drawn, parcels, 3);
    write_boxes("withheld.gpkg", "withheld", land, ground, 1);
    write_text("job.yaml",
               "job: {month: 2024-03, profile: shandong-2024}\n"
               "pairs:\n  - before: {image: before.tif, date: 2024-02-11}\n"
               "    after: {image: after.tif, date: 2024-03-12}\n"
               "layers: {landuse: {path: survey.gpkg}, pbf: {path: survey.gpkg, layer: DLTB}, "
               "redline: {path: survey.gpkg, layer: DLTB}, withheld: {path: withheld.gpkg}}\n"
               "output: {formats: [gpkg, shp], encoding: GBK}\n");
}

static void every_failed_allocation_is_told_and_leaves_nothing(void **state)
{
    char             job[300], drawn[300], out[300], moving[300];
    tb_judge_options options = {0};
    const char      *every   = getenv("TUBAN_EVERY");
    long             n, step = every != NULL ? 1 : 11;

    (void)state;
    folder_begin();
    options.job          = in_folder("job.yaml", job, sizeof job);
    options.parcels.path = in_folder("drawn.gpkg", drawn, sizeof drawn);
    options.out          = in_folder("out", out, sizeof out);
    in_folder("out/.tuban-new/MANIFEST.json", moving, sizeof moving);
    write_job();
    /* TUBAN_EVERY=1: each of some two thousand, which takes a minute. */
    for (n = 1;; n += n < 100 ? 1 : step) {
        size_t    before = tb_memory_in_use();
        tb_error  error  = {0};
        char     *json   = NULL;
        tb_status status;

        tb_memory_fail_at(n);
        status = tb_parcels_judge(&options, &json, &error);
        if (!tb_memory_has_failed()) {
            if (status != TB_OK)
                fail_msg("%s", error.message);
            assert_non_null(strstr(json, "\"parcels\": 1"));
            assert_non_null(strstr(json, "\"withheld\": 2")); /* one lies on it, one touches it */
            tb_text_release(json);
            assert_int_equal(tb_memory_in_use(), before);
            break;
        }
        if (status != TB_E_MEMORY)
            fail_msg("allocation %ld: status %d, %s", n, status, error.message);
        assert_null(json);
        assert_int_equal(tb_memory_in_use(), before);
        if (tb_file_exists(out) && !tb_file_exists(moving))
            fail_msg("allocation %ld: left a folder; %s", n, error.message);
        tb_folder_remove(out); /* what was being moved in, the next start would finish */
    }
    tb_memory_fail_at(0);
    assert_true(n > 1000);
    folder_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_made_to_fit_and_told_of),
        cmocka_unit_test(every_failed_allocation_is_told_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
