/* Imagery in and out: where pixels come from, what is missing, tiles read once, rasters written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include <cmocka.h>
#include <cpl_conv.h>
#include <cpl_vsi.h>
#include <gdal.h>
#include <ogr_srs_api.h>

#include "checks.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "raster/cache.h"
#include "raster/epoch.h"
#include "raster/grid.h"
#include "raster/image.h"
#include "raster/pair.h"
#include "raster/pool.h"
#include "raster/reader.h"
#include "raster/sink.h"
#include "raster/warp.h"
#include "raster/window.h"
#include "scenes.h"

static const double plain[6] = {0, 1, 0, 0, 0, 1};

/* ---- grid and warp ---- */

static void transforms_invert_and_compose(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        double a[6], b[6], inverse[6], both[6], e, n, x, y, ce, cn;

        for (int k = 0; k < 6; k++) {
            a[k] = random_real(&seed, -5, 5) * (k % 3 == 0 ? 1e5 : 1);
            b[k] = random_real(&seed, -5, 5) * (k % 3 == 0 ? 1e3 : 1);
        }
        if (fabs(a[1] * a[5] - a[2] * a[4]) < 0.5)
            continue;
        tb_transform_invert(a, inverse);
        tb_transform_apply(a, 17.25, -3.5, &e, &n);
        tb_transform_apply(inverse, e, n, &x, &y);
        assert_true(fabs(x - 17.25) < 1e-6 && fabs(y + 3.5) < 1e-6);
        tb_transform_compose(a, b, both);
        tb_transform_apply(b, 1.5, 2.5, &x, &y);
        tb_transform_apply(a, x, y, &e, &n);
        tb_transform_apply(both, 1.5, 2.5, &ce, &cn);
        assert_true(fabs(e - ce) < 1e-6 && fabs(n - cn) < 1e-6);
    }
}

static char *wkt_of(int epsg)
{
    OGRSpatialReferenceH crs = OSRNewSpatialReference(NULL);
    char                *wkt = NULL;

    assert_int_equal(OSRImportFromEPSG(crs, epsg), OGRERR_NONE);
    assert_int_equal(OSRExportToWkt(crs, &wkt), OGRERR_NONE);
    OSRDestroySpatialReference(crs);
    return wkt;
}

static tb_grid grid_of(int64_t width, int64_t height, const double *transform, const char *crs)
{
    tb_grid grid = {.width = width, .height = height, .has_transform = true, .crs = crs};

    memcpy(grid.transform, transform, sizeof grid.transform);
    return grid;
}

static tb_image_info info_of(int64_t width, int64_t height, const double *transform,
                             const char *crs)
{
    tb_image_info info = {.path = "made", .width = width, .height = height, .bands = 1, .crs = crs};

    info.has_transform = true;
    memcpy(info.transform, transform, sizeof info.transform);
    return info;
}

static tb_warp *warp_of(const double *lattice, const double *image, const char *lattice_crs,
                        const char *image_crs)
{
    tb_grid       grid = grid_of(500, 400, lattice, lattice_crs);
    tb_image_info info = info_of(300, 200, image, image_crs);
    tb_warp      *warp = NULL;

    OK(tb_warp_new(&warp, &grid, &info, false, heard));
    return warp;
}

static void kinds_of_warp(void **state)
{
    char        *utm = wkt_of(32651), *degrees = wkt_of(4326);
    const double at[6]       = {400000.123, 0.3, 0, 4100000.7, 0, -0.3};
    const double whole[6]    = {400000.123 + 0.9, 0.3, 0, 4100000.7 + 0.6, 0, -0.3};
    const double half[6]     = {400000.123 + 0.15, 0.3, 0, 4100000.7, 0, -0.3};
    const double finer[6]    = {400000.123, 0.1, 0, 4100000.7, 0, -0.1};
    const double south_up[6] = {400000.123, 0.3, 0, 4000000, 0, 0.3};
    const double turned[6]   = {400000.123, 0.3, 0.001, 4100000.7, 0.001, -0.3};
    const struct {
        const double *image;
        tb_warp_kind  kind;
        double        scale;
    } cases[] = {{at, TB_WARP_COPY, 1},
                 {whole, TB_WARP_COPY, 1},
                 {half, TB_WARP_SEPARABLE, 1},
                 {finer, TB_WARP_SEPARABLE, 3},
                 {south_up, TB_WARP_SEPARABLE, 1},
                 {turned, TB_WARP_GENERAL, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tb_warp *warp = warp_of(at, cases[i].image, utm, utm);

        assert_int_equal(tb_warp_kind_of(warp), cases[i].kind);
        assert_true(fabs(tb_warp_scale(warp) - cases[i].scale) < 1e-3);
        tb_warp_free(warp);
    }

    tb_warp         *warp = warp_of(at, whole, utm, utm);
    tb_warp_position px[2], py[2];

    tb_warp_row(warp, 10, 20, 2, px, py);
    assert_true(px[0].index == 7 && px[1].index == 8 && px[0].phase == 0);
    assert_true(py[0].index == 22 && py[1].index == 22 && py[0].phase == 0);
    tb_warp_shift(warp, 0.25, 0);
    assert_int_equal(tb_warp_kind_of(warp), TB_WARP_SEPARABLE);
    tb_warp_row(warp, 10, 20, 1, px, py);
    assert_true(px[0].index == 7 && px[0].phase == 64 && py[0].phase == 0);
    tb_warp_shift(warp, -2, 5);
    assert_int_equal(tb_warp_kind_of(warp), TB_WARP_COPY);
    tb_warp_row(warp, 10, 20, 1, px, py);
    assert_true(px[0].index == 5 && py[0].index == 27);
    tb_warp_free(warp);

    /* One with a CRS and one without is refused. */
    tb_grid       grid  = grid_of(10, 10, at, utm);
    tb_image_info info  = info_of(10, 10, at, NULL);
    tb_error      error = {0};

    assert_int_equal(tb_warp_new(&warp, &grid, &info, false, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "expected a CRS"));

    /* The same transform in another CRS is another place. */
    const double by_degrees[6] = {122, 1e-4, 0, 37, 0, -1e-4};

    warp = warp_of(at, by_degrees, utm, degrees);
    assert_int_equal(tb_warp_kind_of(warp), TB_WARP_GENERAL);
    tb_warp_free(warp);
    CPLFree(utm);
    CPLFree(degrees);
}

/* Far too fine an image is refused: its taps would not fit. */
static void an_image_that_is_too_fine(void **state)
{
    const double  at[6] = {0, 30, 0, 0, 0, -30}, fine[6] = {0, 0.5, 0, 0, 0, -0.5};
    tb_grid       grid  = grid_of(10, 10, at, NULL);
    tb_image_info info  = info_of(600, 600, fine, NULL);
    tb_warp      *warp  = NULL;
    tb_error      error = {0};

    (void)state;
    assert_int_equal(tb_warp_new(&warp, &grid, &info, false, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "60"));
    OK(tb_warp_new(&warp, &grid, &info, true, heard));
    tb_warp_free(warp);
}

static void check_against_proj(int from_epsg, const double *from, int to_epsg, const double *to,
                               int64_t width, int64_t height)
{
    char                        *from_crs = wkt_of(from_epsg), *to_crs = wkt_of(to_epsg);
    tb_grid                      grid = grid_of(width, height, from, from_crs);
    tb_image_info                info = info_of(3000, 3000, to, to_crs);
    OGRSpatialReferenceH         a    = OSRNewSpatialReference(from_crs);
    OGRSpatialReferenceH         b    = OSRNewSpatialReference(to_crs);
    OGRCoordinateTransformationH way;
    double                       inverse[6], worst = 0;
    tb_warp                     *warp = NULL;

    OSRSetAxisMappingStrategy(a, OAMS_TRADITIONAL_GIS_ORDER);
    OSRSetAxisMappingStrategy(b, OAMS_TRADITIONAL_GIS_ORDER);
    way = OCTNewCoordinateTransformation(a, b);
    assert_non_null(way);
    OK(tb_warp_new(&warp, &grid, &info, false, heard));
    assert_int_equal(tb_warp_kind_of(warp), TB_WARP_GENERAL);
    tb_transform_invert(to, inverse);
    for (int64_t y = 0; y < height; y += 37)
        for (int64_t x = 0; x < width; x += 41) {
            tb_warp_position px, py;
            double           e, n, sx, sy;

            tb_warp_row(warp, x, y, 1, &px, &py);
            tb_transform_apply(from, (double)x + 0.5, (double)y + 0.5, &e, &n);
            assert_true(OCTTransform(way, 1, &e, &n, NULL));
            tb_transform_apply(inverse, e, n, &sx, &sy);
            sx -= 0.5 + (double)px.index + px.phase / 256.0;
            sy -= 0.5 + (double)py.index + py.phase / 256.0;
            worst = fabs(sx) > worst ? fabs(sx) : worst;
            worst = fabs(sy) > worst ? fabs(sy) : worst;
        }
    assert_true(worst < 1.0 / 128);
    tb_warp_free(warp);
    OCTDestroyCoordinateTransformation(way);
    OSRDestroySpatialReference(a);
    OSRDestroySpatialReference(b);
    CPLFree(from_crs);
    CPLFree(to_crs);
}

static void other_crs_as_proj_has_it(void **state)
{
    const double utm[6]     = {400000, 10, 0, 4150000, 0, -10};
    const double degrees[6] = {121.8, 1e-4, 0, 37.6, 0, -1e-4};
    const double gauss[6]   = {39900000, 10, 0, 4180000, 0, -10};
    const double fine[6]    = {400000, 0.5, 0, 4150000, 0, -0.5};

    (void)state;
    check_against_proj(32651, utm, 4326, degrees, 2000, 1500);
    check_against_proj(32651, utm, 4527, gauss, 2000, 1500);
    check_against_proj(4326, degrees, 4527, gauss, 2000, 1500);
    check_against_proj(4527, gauss, 32651, utm, 1300, 1100);
    check_against_proj(32651, fine, 4490, degrees, 3000, 2000);
}

static bool holds(tb_rect rect, int64_t x, int64_t y)
{
    return x >= rect.x && y >= rect.y && x < rect.x + rect.width && y < rect.y + rect.height;
}

static int64_t clip(int64_t value, int64_t extent)
{
    return value < 0 ? 0 : value >= extent ? extent - 1 : value;
}

/* Every tap of every pixel that lies in the image is in the window and the pixel in the footprint.
 */
static void check_window(const tb_warp *warp, tb_rect rect, int64_t width, int64_t height)
{
    tb_rect             window = tb_warp_window(warp, rect), footprint = tb_warp_footprint(warp);
    const tb_warp_axis *ax = tb_warp_axis_x(warp), *ay = tb_warp_axis_y(warp);

    assert_true(tb_rect_is_empty(window) ||
                (window.x >= 0 && window.y >= 0 && window.x + window.width <= width &&
                 window.y + window.height <= height));
    for (int64_t y = rect.y; y < rect.y + rect.height; y++)
        for (int64_t x = rect.x; x < rect.x + rect.width; x++) {
            tb_warp_position px, py;

            tb_warp_row(warp, x, y, 1, &px, &py);
            if (px.index == INT64_MIN ||
                px.index + (px.phase >= 128) != clip(px.index + (px.phase >= 128), width) ||
                py.index + (py.phase >= 128) != clip(py.index + (py.phase >= 128), height))
                continue;
            assert_true(holds(footprint, x, y));
            assert_true(holds(window, clip(px.index + ax->first, width),
                              clip(py.index + ay->first, height)));
            assert_true(holds(window, clip(px.index + ax->first + ax->taps - 1, width),
                              clip(py.index + ay->first + ay->taps - 1, height)));
        }
}

static void windows_hold_every_tap(void **state)
{
    uint64_t seed = 99;
    char    *utm = wkt_of(32651), *degrees = wkt_of(4326);

    (void)state;
    for (int i = 0; i < 600; i++) {
        int64_t      lw = random_between(&seed, 1, 200), lh = random_between(&seed, 1, 200);
        int64_t      w = random_between(&seed, 1, 200), h = random_between(&seed, 1, 200);
        double       angle         = i % 3 == 0 ? 0 : random_real(&seed, -3.2, 3.2);
        double       size          = exp(random_real(&seed, -2, 2));
        bool         is_other_crs  = i % 5 == 0;
        const double grid_at[6]    = {400000, 10, 0, 4150000, 0, -10};
        double       at[6]         = {400000 + random_real(&seed, -900, 900),
                                      10 * size * cos(angle),
                                      10 * size * sin(angle),
                                      4150000 + random_real(&seed, -900, 900),
                                      10 * size * sin(angle),
                                      -10 * size * cos(angle)};
        const double by_degrees[6] = {
            121.86 + random_real(&seed, -0.01, 0.01), 1e-4 * size, 0,
            37.49 + random_real(&seed, -0.01, 0.01),  0,           -1e-4 * size};
        tb_grid       grid = grid_of(lw, lh, grid_at, utm);
        tb_image_info info =
            is_other_crs ? info_of(w, h, by_degrees, degrees) : info_of(w, h, at, utm);
        tb_warp *warp = NULL;

        OK(tb_warp_new(&warp, &grid, &info, i % 7 == 0, heard));
        tb_warp_shift(warp, random_real(&seed, -9, 9), random_real(&seed, -9, 9));
        for (int k = 0; k < 4; k++) {
            int64_t x = random_between(&seed, 0, lw - 1), y = random_between(&seed, 0, lh - 1);
            tb_rect rect = {x, y, random_between(&seed, 1, lw - x),
                            random_between(&seed, 1, lh - y)};

            if (k == 0)
                rect = (tb_rect){0, 0, lw, lh};
            if (tb_rect_area(rect) < 6000 || k == 0)
                check_window(warp, rect, w, h);
        }
        tb_warp_free(warp);
    }
    CPLFree(utm);
    CPLFree(degrees);
}

/* Transforms no one would make do not overflow on the way. */
static void places_beyond_all_bounds(void **state)
{
    const double huge[4] = {1e-150, 1e150, 1e18, 1e-18};
    const double at[6]   = {400000, 10, 0, 4150000, 0, -10};

    (void)state;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++) {
            const double image[6] = {
                k == 1 ? 1e300 : 0, huge[i], k == 2 ? huge[i] / 2 : 0, 5, 0, -huge[i]};
            tb_grid       grid = grid_of(100, 100, at, NULL);
            tb_image_info info = info_of(100, 100, image, NULL);
            tb_warp      *warp = NULL;

            if (tb_warp_new(&warp, &grid, &info, true, NULL) != TB_OK)
                continue;
            check_window(warp, (tb_rect){0, 0, 100, 100}, 100, 100);
            tb_warp_free(warp);
        }
}

/* ---- reading a date ---- */

typedef struct date {
    tb_epoch        *epoch;
    tb_cache        *cache;
    tb_epoch_reader *reader;
    tb_grid          lattice;
} date;

static void date_begin(date *d, const char *const *paths, int count, const char *valid,
                       const double *nodata, const tb_grid *lattice)
{
    tb_epoch_options options = {.images      = paths,
                                .image_count = count,
                                .valid       = valid,
                                .has_nodata  = nodata != NULL,
                                .nodata      = nodata != NULL ? *nodata : 0};

    *d = (date){0};
    OK(tb_epoch_open(&d->epoch, &options, heard));
    if (lattice != NULL)
        d->lattice = *lattice;
    else
        OK(tb_epoch_lattice(d->epoch, &d->lattice, heard));
    OK(tb_epoch_bring(d->epoch, &d->lattice, heard));
    OK(tb_cache_new(&d->cache, (size_t)64 << 20, heard));
    OK(tb_epoch_reader_new(&d->reader, d->epoch, d->cache, 0, kernels_here(), heard));
}

static void date_end(date *d)
{
    tb_epoch_reader_free(d->reader);
    tb_cache_free(d->cache);
    tb_epoch_close(d->epoch);
}

/* Planes of a rectangle, one after the other; free. */
static float *read_rect(date *d, tb_rect rect, int16_t *file)
{
    int     bands = tb_epoch_bands(d->epoch);
    size_t  plane = (size_t)tb_rect_area(rect);
    float  *all   = malloc(plane * (size_t)bands * sizeof *all);
    float  *planes[TB_BANDS_MAX];
    int16_t only;
    bool    is_one = true; /* all pixels of one file, or all of none */

    for (int b = 0; b < bands; b++)
        planes[b] = all + (size_t)b * plane;
    OK(tb_epoch_read(d->reader, rect, planes, file, &only, heard));
    for (size_t i = 0; i < plane && is_one; i++)
        is_one = file[i] == file[0];
    assert_int_equal(only, is_one && tb_epoch_valid(d->epoch) == NULL ? file[0] : -1);
    return all;
}

static float *ramp_of(int width, int height, int bands)
{
    float *samples = malloc((size_t)width * (size_t)height * (size_t)bands * sizeof *samples);

    for (int b = 0; b < bands; b++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                samples[((size_t)b * (size_t)height + (size_t)y) * (size_t)width + (size_t)x] =
                    (float)(3 + 0.25 * x - 0.125 * y + 2 * b);
    return samples;
}

/* A ramp and a constant come through any phase as they are. */
static void ramps_are_kept(void **state)
{
    const double scales[] = {1, 0.5, 1.2, 1.3, 1.5, 1.7, 2, 2.75, 3, 7.3};
    float       *samples  = ramp_of(120, 110, 2);
    const char  *path     = "/vsimem/ramp.tif";
    uint64_t     seed     = 5;

    (void)state;
    for (size_t i = 0; i < 110 * 120; i++)
        samples[120 * 110 + i] = 41.5f;
    made_write(
        path,
        &(made){.width = 120, .height = 110, .bands = 2, .transform = (double[]){0, 1, 0, 0, 0, 2}},
        samples);
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        for (int k = 0; k < 24; k++) {
            /* Sides are multiples of 1/256 so that no position is rounded. */
            double  side = round(scales[i] * 256) / 256, angle = k % 4 == 3 ? 0.3 : 0;
            tb_grid grid = {.width = 20, .height = 16, .has_transform = true};
            date    d;
            int16_t file[20 * 16];

            grid.transform[0] = 30;
            grid.transform[1] = side * cos(angle);
            grid.transform[2] = side * sin(angle);
            grid.transform[3] = 2 * 25;
            grid.transform[4] = 2 * -side * sin(angle);
            grid.transform[5] = 2 * side * cos(angle);

            date_begin(&d, &path, 1, NULL, NULL, &grid);
            double dx = (double)random_between(&seed, -512, 512) / 256,
                   dy = (double)random_between(&seed, -512, 512) / 256;

            tb_epoch_shift(d.epoch, 0, dx / side, dy / side);
            if (angle != 0)
                assert_int_equal(tb_warp_kind_of(tb_epoch_warp(d.epoch, 0)), TB_WARP_GENERAL);

            float *got = read_rect(&d, (tb_rect){0, 0, 20, 16}, file);

            for (int y = 2; y < 12 && 25 + (y + 4) * side < 100; y++)
                for (int x = 2; x < 18 && 30 + (x + 12) * side < 110; x++) {
                    tb_warp_position px, py;

                    tb_warp_row(tb_epoch_warp(d.epoch, 0), x, y, 1, &px, &py);

                    double sx = (double)px.index + px.phase / 256.0;
                    double sy = (double)py.index + py.phase / 256.0;

                    if (angle == 0) {
                        assert_true(fabs(sx - (30 + (x + 0.5) * side + dx - 0.5)) < 1.0 / 256);
                        assert_true(fabs(sy - (25 + (y + 0.5) * side + dy - 0.5)) < 1.0 / 256);
                    }
                    if (fabs(got[y * 20 + x] - (3 + 0.25 * sx - 0.125 * sy)) > 1e-4)
                        fail_msg("scale %g at %d %d: expected %.6f, got %.6f", scales[i], x, y,
                                 3 + 0.25 * sx - 0.125 * sy, (double)got[y * 20 + x]);
                    assert_true(fabsf(got[320 + y * 20 + x] - 41.5f) < 1e-4f);
                }
            free(got);
            date_end(&d);
        }
    free(samples);
}

/* AFTER(x + dx, y + dy) is taken for lattice (x, y). */
static void shifts_have_the_right_sign(void **state)
{
    const char *path    = "/vsimem/shift.tif";
    float      *samples = ramp_of(40, 30, 1);
    tb_grid     grid    = grid_of(40, 30, plain, NULL);
    date        d;
    int16_t     file[40 * 30];

    (void)state;
    made_write(path, &(made){.width = 40, .height = 30, .bands = 1}, samples);
    date_begin(&d, &path, 1, NULL, NULL, &grid);
    tb_epoch_shift(d.epoch, 0, 3, -2);
    assert_int_equal(tb_warp_kind_of(tb_epoch_warp(d.epoch, 0)), TB_WARP_COPY);

    float *got = read_rect(&d, (tb_rect){0, 0, 40, 30}, file);

    for (int y = 0; y < 30; y++)
        for (int x = 0; x < 40; x++)
            if (x + 3 < 40 && y - 2 >= 0) {
                assert_int_equal(file[y * 40 + x], 0);
                assert_true(got[y * 40 + x] == samples[(y - 2) * 40 + x + 3]);
            } else {
                assert_int_equal(file[y * 40 + x], -1);
                assert_true(isnan(got[y * 40 + x]));
            }
    free(got);
    tb_epoch_shift(d.epoch, 0, 0.25, -0.5);
    got = read_rect(&d, (tb_rect){0, 0, 40, 30}, file);
    assert_true(fabs(got[10 * 40 + 10] - (3 + 0.25 * 10.25 - 0.125 * 9.5)) < 1e-5);
    free(got);

    /* The nearest pixel decides what is observed at the edge. */
    tb_epoch_shift(d.epoch, 0, 0.25, 0);
    got = read_rect(&d, (tb_rect){0, 0, 40, 30}, file);
    for (int i = 0; i < 40 * 30; i++)
        assert_int_equal(file[i], 0);
    free(got);
    tb_epoch_shift(d.epoch, 0, 0.75, 0);
    got = read_rect(&d, (tb_rect){0, 0, 40, 30}, file);
    for (int i = 0; i < 40 * 30; i++)
        assert_int_equal(file[i], i % 40 == 39 ? -1 : 0);
    free(got);
    date_end(&d);
    free(samples);
}

/* A plane through a field of shifts: each pixel is the plane where the field says, and any block
 * has the same bytes. A field that is one shift is that shift. */
static void fields_bend(void **state)
{
    const char *path    = "/vsimem/bend.tif";
    float      *samples = ramp_of(90, 70, 1);
    tb_grid     grid    = grid_of(90, 70, plain, NULL);
    tb_field    field   = {0};
    uint64_t    seed    = 3;
    date        d;
    int16_t     file[90 * 70], part_file[90 * 70];

    (void)state;
    made_write(path, &(made){.width = 90, .height = 70, .bands = 1}, samples);
    date_begin(&d, &path, 1, NULL, NULL, &grid);
    for (int meshes = 1; meshes <= TB_FIELD_SIDE_MAX - 1; meshes++) {
        tb_field_span(&field, (tb_rect){0, 0, 90, 70}, meshes);
        assert_true(field.columns <= TB_FIELD_SIDE_MAX && field.rows <= TB_FIELD_SIDE_MAX);
        assert_true((field.columns - 1) * field.step >= 90 && (field.rows - 1) * field.step >= 70);
        for (int i = 0; i < field.columns * field.rows; i++) {
            field.dx[i] = random_real(&seed, -6, 6);
            field.dy[i] = random_real(&seed, -6, 6);
        }
        tb_epoch_bend(d.epoch, 0, &field);
        assert_int_equal(tb_warp_kind_of(tb_epoch_warp(d.epoch, 0)), TB_WARP_GENERAL);

        float *got  = read_rect(&d, (tb_rect){0, 0, 90, 70}, file);
        int    seen = 0;

        for (int y = 0; y < 70; y++)
            for (int x = 0; x < 90; x++) {
                double dx, dy;

                tb_field_at(&field, x + 0.5, y + 0.5, &dx, &dy);
                dx = floor((x + dx) * 256 + 0.5) / 256; /* positions are so fine */
                dy = floor((y + dy) * 256 + 0.5) / 256;
                if (dx < 2 || dy < 2 || dx > 87 || dy > 67) {
                    bool is_near = dx > -1.5 && dy > -1.5 && dx < 90.5 && dy < 70.5;

                    assert_true(is_near || file[y * 90 + x] == -1);
                    continue;
                }
                seen++;
                assert_int_equal(file[y * 90 + x], 0);
                assert_true(fabs(got[y * 90 + x] - (3 + 0.25 * dx - 0.125 * dy)) <
                            1e-4 + 0.375 / 256);
            }
        assert_true(seen > 3000);
        for (int k = 0; k < 12; k++) {
            tb_rect r = {random_between(&seed, 0, 80), random_between(&seed, 0, 60), 0, 0};
            float  *part;

            r.width  = random_between(&seed, 1, 90 - r.x);
            r.height = random_between(&seed, 1, 70 - r.y);
            part     = read_rect(&d, r, part_file);
            for (int64_t y = 0; y < r.height; y++) {
                assert_memory_equal(part + y * r.width, got + (r.y + y) * 90 + r.x,
                                    (size_t)r.width * sizeof(float));
                assert_memory_equal(part_file + y * r.width, file + (r.y + y) * 90 + r.x,
                                    (size_t)r.width * sizeof(int16_t));
            }
            free(part);
        }
        free(got);
    }
    for (int i = 0; i < field.columns * field.rows; i++) {
        field.dx[i] = 3.0;
        field.dy[i] = -2.0;
    }
    tb_epoch_bend(d.epoch, 0, &field);

    float *bent = read_rect(&d, (tb_rect){0, 0, 90, 70}, file);

    tb_epoch_shift(d.epoch, 0, 3, -2);

    float *moved = read_rect(&d, (tb_rect){0, 0, 90, 70}, part_file);

    assert_memory_equal(file, part_file, sizeof file);
    for (int i = 0; i < 90 * 70; i++)
        assert_true(isnan(moved[i]) ? isnan(bent[i]) : bent[i] == moved[i]);
    free(bent);
    free(moved);
    date_end(&d);
    free(samples);
}

static void nan_reaches_as_far_as_the_taps(void **state)
{
    const char *path    = "/vsimem/nan.tif";
    float      *samples = ramp_of(40, 30, 2);
    tb_grid     grid    = grid_of(40, 30, plain, NULL);
    date        d;
    int16_t     file[40 * 30];

    (void)state;
    samples[40 * 30 + 15 * 40 + 20] = NAN; /* of one band: all bands */
    made_write(path, &(made){.width = 40, .height = 30, .bands = 2}, samples);
    date_begin(&d, &path, 1, NULL, NULL, &grid);
    for (int k = 0; k < 3; k++) {
        /* Copied, cubic along both axes, and turned by nothing at all but the path. */
        tb_epoch_shift(d.epoch, 0, k * 0.5, k * 0.25);

        float *got = read_rect(&d, (tb_rect){0, 0, 40, 30}, file);

        for (int y = 4; y < 26; y++)
            for (int x = 4; x < 36; x++) {
                int left  = k == 1 ? 18 : 17,
                    right = k == 1 ? 21 : 20; /* x + floor(dx) - 1 .. + 2 */
                bool is_near =
                    k == 0 ? x == 20 && y == 15 : x >= left && x <= right && y >= 13 && y <= 16;

                assert_int_equal(isnan(got[y * 40 + x]), is_near);
                assert_int_equal(isnan(got[1200 + y * 40 + x]), is_near);
                assert_int_equal(file[y * 40 + x], is_near ? -1 : 0);
            }
        free(got);
    }
    date_end(&d);
    free(samples);
}

static void nodata_as_the_header_says(void **state)
{
    const char  *path         = "/vsimem/nodata.tif";
    const float  both[2 * 6]  = {0, 0, 5, 7, 255, 9, /* band 2 */ 0, 4, 0, 7, 8, 255};
    const float  alpha[3 * 6] = {1, 2, 3, 4, 0, 0, 1, 2, 3, 4, 5, 0, 255, 0, 255, 0, 255, 255};
    const double override     = 7;
    date         d;
    int16_t      file[6];

    (void)state;
    /* A nodata of 0: missing where all bands have it, dark where one has. */
    made_write(path,
               &(made){.width = 6, .height = 1, .bands = 2, .type = GDT_Byte, .has_nodata = true},
               both);
    date_begin(&d, &path, 1, NULL, NULL, NULL);
    free(read_rect(&d, (tb_rect){0, 0, 6, 1}, file));
    for (int i = 0; i < 6; i++)
        assert_int_equal(file[i], i == 0 ? -1 : 0);
    date_end(&d);

    /* Another nodata: missing where any band has it. */
    made_write(path,
               &(made){.width      = 6,
                       .height     = 1,
                       .bands      = 2,
                       .type       = GDT_UInt16,
                       .has_nodata = true,
                       .nodata     = 255},
               both);
    date_begin(&d, &path, 1, NULL, NULL, NULL);
    free(read_rect(&d, (tb_rect){0, 0, 6, 1}, file));
    for (int i = 0; i < 6; i++)
        assert_int_equal(file[i], i >= 4 ? -1 : 0);
    date_end(&d);

    /* What the caller says replaces it. */
    date_begin(&d, &path, 1, NULL, &override, NULL);
    free(read_rect(&d, (tb_rect){0, 0, 6, 1}, file));
    for (int i = 0; i < 6; i++)
        assert_int_equal(file[i], i == 3 ? -1 : 0);
    date_end(&d);

    /* Alpha is no band; where it is 0 nothing was seen, also beside a nodata value. */
    for (int k = 0; k < 2; k++) {
        made_write(path,
                   &(made){.width      = 6,
                           .height     = 1,
                           .bands      = 2,
                           .type       = GDT_Byte,
                           .has_alpha  = true,
                           .has_nodata = k == 1},
                   alpha);
        date_begin(&d, &path, 1, NULL, NULL, NULL);
        assert_int_equal(tb_epoch_bands(d.epoch), 2);
        free(read_rect(&d, (tb_rect){0, 0, 6, 1}, file));
        for (int i = 0; i < 6; i++)
            assert_int_equal(file[i], i == 1 || i == 3 || (i == 5 && k == 1) ? -1 : 0);
        date_end(&d);
    }

    /* A mask of its own. */
    const uint8_t mask[6] = {255, 255, 0, 255, 255, 0};
    GDALDatasetH  dataset;

    made_write(path, &(made){.width = 6, .height = 1, .bands = 2, .type = GDT_Byte}, alpha);
    dataset = GDALOpen(path, GA_Update);
    CPLSetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES");
    assert_int_equal(GDALCreateDatasetMaskBand(dataset, GMF_PER_DATASET), CE_None);
    assert_int_equal(GDALRasterIO(GDALGetMaskBand(GDALGetRasterBand(dataset, 1)), GF_Write, 0, 0, 6,
                                  1, (void *)(uintptr_t)mask, 6, 1, GDT_Byte, 0, 0),
                     CE_None);
    GDALClose(dataset);
    date_begin(&d, &path, 1, NULL, NULL, NULL);
    free(read_rect(&d, (tb_rect){0, 0, 6, 1}, file));
    for (int i = 0; i < 6; i++)
        assert_int_equal(file[i], mask[i] == 0 ? -1 : 0);
    date_end(&d);
}

static void the_first_file_that_saw_it_wins(void **state)
{
    const double  east[6]  = {110, 10, 0, 400, 0, -10}; /* 11 pixels right of the first */
    const double  west[6]  = {-30, 10, 0, 450, 0, -10}; /* 3 left, 5 above */
    const double  first[6] = {0, 10, 0, 400, 0, -10};
    const char   *paths[3] = {"/vsimem/m0.tif", "/vsimem/m1.tif", "/vsimem/m2.tif"};
    float         samples[20 * 20];
    date          d;
    const double *at[3] = {first, east, west};

    (void)state;
    for (int f = 0; f < 3; f++) {
        for (int i = 0; i < 400; i++)
            samples[i] = (float)(100 * (f + 1) + i % 7);
        if (f == 0)
            for (int y = 5; y < 9; y++)
                for (int x = 10; x < 15; x++)
                    samples[y * 20 + x] = -1;
        made_write(paths[f],
                   &(made){.width      = 20,
                           .height     = 20,
                           .bands      = 1,
                           .transform  = at[f],
                           .epsg       = 32651,
                           .has_nodata = true,
                           .nodata     = -1},
                   samples);
    }
    date_begin(&d, paths, 3, NULL, NULL, NULL);
    assert_true(d.lattice.width == 34 && d.lattice.height == 25);
    assert_true(d.lattice.anchor_x == 3 && d.lattice.anchor_y == 5);
    assert_true(d.lattice.transform[0] == -30 && d.lattice.transform[3] == 450);

    int16_t file[34 * 25];
    float  *got = read_rect(&d, (tb_rect){0, 0, 34, 25}, file);

    for (int y = 0; y < 25; y++)
        for (int x = 0; x < 34; x++) {
            bool in_first = x >= 3 && x < 23 && y >= 5 && !(x >= 13 && x < 18 && y >= 10 && y < 14);
            bool in_east = x >= 14 && y >= 5, in_west = x < 20 && y < 20;
            int  expected = in_first ? 0 : in_east ? 1 : in_west ? 2 : -1;

            assert_int_equal(file[y * 34 + x], expected);
            assert_int_equal(isnan(got[y * 34 + x]), expected < 0);
            if (expected >= 0)
                assert_int_equal((int)got[y * 34 + x] / 100, expected + 1);
        }
    free(got);
    date_end(&d);
}

static void validity_on_its_own_grid(void **state)
{
    const double fine[6] = {0, 10, 0, 400, 0, -10}, coarse[6] = {50, 30, 0, 380, 0, -30};
    const char  *image = "/vsimem/v.tif", *valid = "/vsimem/valid.tif";
    float       *samples = ramp_of(40, 40, 2), mask[10 * 10];
    date         d;
    int16_t      file[40 * 40];

    (void)state;
    for (int i = 0; i < 100; i++)
        mask[i] = (float)(i % 3 == 0 ? 0 : i % 3 == 1 ? 9 : 1);
    made_write(image,
               &(made){.width = 40, .height = 40, .bands = 2, .transform = fine, .epsg = 32651},
               samples);
    made_write(valid,
               &(made){.width      = 10,
                       .height     = 10,
                       .bands      = 1,
                       .type       = GDT_Byte,
                       .transform  = coarse,
                       .epsg       = 32651,
                       .has_nodata = true,
                       .nodata     = 9},
               mask);
    date_begin(&d, &image, 1, valid, NULL, NULL);

    float *got = read_rect(&d, (tb_rect){0, 0, 40, 40}, file);

    for (int y = 0; y < 40; y++)
        for (int x = 0; x < 40; x++) {
            double e = 10 * (x + 0.5), n = 400 - 10 * (y + 0.5);
            int    column = (int)floor((e - 50) / 30), row = (int)floor((380 - n) / 30);
            bool   is_valid =
                column >= 0 && row >= 0 && column < 10 && row < 10 && mask[row * 10 + column] == 1;

            assert_int_equal(file[y * 40 + x], is_valid ? 0 : -1);
            assert_int_equal(isnan(got[y * 40 + x]), !is_valid);
            assert_int_equal(isnan(got[1600 + y * 40 + x]), !is_valid);
        }
    free(got);
    free(samples);
    date_end(&d);
}

/* Reading a rectangle is cutting it out of the whole, bit for bit, whatever way pixels come. */
static void check_rectangles(const char *const *paths, int count, const char *valid,
                             const tb_grid *lattice, double dx, double dy, tb_warp_kind kind)
{
    date     d;
    uint64_t seed = 31;

    date_begin(&d, paths, count, valid, NULL, lattice);
    tb_epoch_shift(d.epoch, count - 1, dx, dy);
    assert_int_equal(tb_warp_kind_of(tb_epoch_warp(d.epoch, count - 1)), kind);

    tb_rect  whole = {-20, -20, d.lattice.width + 40, d.lattice.height + 40};
    int16_t *file  = malloc((size_t)tb_rect_area(whole) * sizeof *file), part[150 * 150];
    float   *all   = read_rect(&d, whole, file);
    size_t   plane = (size_t)tb_rect_area(whole), seen = 0;

    for (size_t i = 0; i < plane; i++)
        seen += file[i] == count - 1;
    assert_true(seen > 100);
    for (int64_t y = whole.y; y < whole.y + whole.height; y++)
        for (int64_t x = whole.x; x < whole.x + whole.width; x++)
            if (!holds((tb_rect){0, 0, d.lattice.width, d.lattice.height}, x, y))
                assert_int_equal(file[(y - whole.y) * whole.width + x - whole.x], -1);
    for (int i = 0; i < 60; i++) {
        tb_rect rect = {random_between(&seed, whole.x, whole.x + whole.width - 1),
                        random_between(&seed, whole.y, whole.y + whole.height - 1),
                        random_between(&seed, 1, 150), random_between(&seed, 1, 150)};

        rect = tb_rect_intersect(rect, whole);

        float *cut = read_rect(&d, rect, part);

        for (int b = 0; b < tb_epoch_bands(d.epoch); b++)
            for (int64_t y = 0; y < rect.height; y++) {
                size_t from = (size_t)((rect.y - whole.y + y) * whole.width + rect.x - whole.x);

                assert_memory_equal(cut + (size_t)b * (size_t)tb_rect_area(rect) + y * rect.width,
                                    all + (size_t)b * plane + from,
                                    (size_t)rect.width * sizeof *cut);
                assert_memory_equal(part + y * rect.width, file + from,
                                    (size_t)rect.width * sizeof *part);
            }
        free(cut);
    }
    free(all);
    free(file);
    date_end(&d);
}

static void a_rectangle_is_cut_from_the_whole(void **state)
{
    const double utm[6]        = {400000, 10, 0, 4150000, 0, -10};
    const double finer[6]      = {402000, 4.1, 0, 4149000, 0, -4.1};
    const double turned[6]     = {401300, 8, 3, 4148900, 3, -8};
    const double aside[6]      = {401500, 10, 0, 4149300, 0, -10};
    const double by_degrees[6] = {121.883, 1e-4, 0, 37.480, 0, -1e-4};
    const double mask_at[6]    = {399000, 45, 0, 4151000, 0, -45};
    const char  *base = "/vsimem/r0.tif", *other = "/vsimem/r1.tif", *valid = "/vsimem/rv.tif";
    const char  *two[2]  = {base, other};
    float       *samples = malloc(3 * 260 * 230 * sizeof *samples);
    char        *crs     = wkt_of(32651);
    tb_grid      grid    = grid_of(260, 230, utm, crs);
    uint64_t     seed    = 3;

    (void)state;
    for (int i = 0; i < 3 * 260 * 230; i++)
        samples[i] = (float)random_between(&seed, 0, 9000);
    for (int i = 0; i < 40; i++)
        samples[random_between(&seed, 0, 3 * 260 * 230 - 1)] = -9;
    made_write(base,
               &(made){.width      = 260,
                       .height     = 230,
                       .bands      = 3,
                       .type       = GDT_Int16,
                       .transform  = utm,
                       .epsg       = 32651,
                       .tile       = 64,
                       .has_nodata = true,
                       .nodata     = -9},
               samples);
    made_write(valid,
               &(made){.width     = 90,
                       .height    = 90,
                       .bands     = 1,
                       .type      = GDT_Byte,
                       .transform = mask_at,
                       .epsg      = 32651},
               samples);
    check_rectangles(&base, 1, NULL, NULL, 0, 0, TB_WARP_COPY);
    check_rectangles(&base, 1, NULL, NULL, 3, -7, TB_WARP_COPY);
    check_rectangles(&base, 1, NULL, &grid, 0.3, -0.7, TB_WARP_SEPARABLE);
    check_rectangles(&base, 1, valid, &grid, 0.5, 0, TB_WARP_SEPARABLE);

    const struct {
        const double *at;
        int           epsg;
        tb_warp_kind  kind;
    } cases[] = {{finer, 32651, TB_WARP_SEPARABLE},
                 {turned, 32651, TB_WARP_GENERAL},
                 {aside, 32651, TB_WARP_SEPARABLE},
                 {by_degrees, 4326, TB_WARP_GENERAL}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made_write(other,
                   &(made){.width      = 260,
                           .height     = 230,
                           .bands      = 3,
                           .type       = GDT_Int16,
                           .transform  = cases[i].at,
                           .epsg       = cases[i].epsg,
                           .tile       = 64,
                           .has_nodata = true,
                           .nodata     = -9},
                   samples);
        check_rectangles(&other, 1, NULL, &grid, 0.4, 0.2, cases[i].kind);
        check_rectangles(two, 2, i % 2 ? valid : NULL, NULL, 0.4, 0.2, cases[i].kind);
    }
    free(samples);
    CPLFree(crs);
}

/* A lattice holds all of a file in another CRS, also where its edges bulge. */
static void a_mosaic_of_two_zones(void **state)
{
    const double a[6]    = {800000, 1000, 0, 4200000, 0, -1000},
                 b[6]    = {200000, 1000, 0, 4200000, 0, -1000};
    const char *paths[2] = {"/vsimem/z0.tif", "/vsimem/z1.tif"};
    float      *samples  = ramp_of(300, 300, 1);
    date        d;
    char       *from = wkt_of(32651), *to = wkt_of(32650);
    tb_warp    *back = NULL;

    (void)state;
    made_write(paths[0],
               &(made){.width = 300, .height = 300, .bands = 1, .transform = a, .epsg = 32650},
               samples);
    made_write(paths[1],
               &(made){.width = 300, .height = 300, .bands = 1, .transform = b, .epsg = 32651},
               samples);
    date_begin(&d, paths, 2, NULL, NULL, NULL);

    tb_grid       own    = grid_of(300, 300, b, from);
    tb_image_info target = info_of(d.lattice.width, d.lattice.height, d.lattice.transform, to);

    OK(tb_warp_new(&back, &own, &target, true, heard));
    for (int y = 0; y < 300; y++)
        for (int x = 0; x < 300; x++) {
            tb_warp_position px, py;

            tb_warp_row(back, x, y, 1, &px, &py);
            assert_true(px.index >= -1 && py.index >= -1 && px.index <= d.lattice.width &&
                        py.index <= d.lattice.height);
        }
    tb_warp_free(back);
    date_end(&d);
    CPLFree(from);
    CPLFree(to);
    free(samples);
}

static void lattices_without_bounds_are_refused(void **state)
{
    const double     near[6] = {0, 0.1, 0, 0, 0, -0.1}, far[6] = {4e9, 10, 0, 0, 0, -10};
    const char      *paths[2] = {"/vsimem/l0.tif", "/vsimem/l1.tif"};
    float           *samples  = ramp_of(8, 8, 1);
    tb_epoch_options options  = {.images = paths, .image_count = 2};
    tb_epoch        *epoch    = NULL;
    tb_grid          grid;
    tb_error         error = {0};

    (void)state;
    made_write(paths[0], &(made){.width = 8, .height = 8, .bands = 1, .transform = near}, samples);
    made_write(paths[1], &(made){.width = 8, .height = 8, .bands = 1, .transform = far}, samples);
    OK(tb_epoch_open(&epoch, &options, heard));
    assert_int_equal(tb_epoch_lattice(epoch, &grid, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "l1.tif"));
    tb_epoch_close(epoch);
    free(samples);
}

/* ---- cache ---- */

static int64_t tiles_of(date *d)
{
    int64_t bytes, tiles;

    tb_cache_counts(d->cache, &bytes, &tiles);
    return tiles;
}

/* The first place of so many free units, from one end or the other; -1: there is none. */
static int free_place(const bool *is_taken, int limit, size_t needed, bool is_last)
{
    size_t run = 0;

    for (int k = 0; k < limit; k++) {
        int u = is_last ? limit - 1 - k : k;

        run = is_taken[u] ? 0 : run + 1;
        if (run == needed)
            return is_last ? u : u + 1 - (int)needed;
    }
    return -1;
}

/* Nothing is handed out twice, nothing beyond the limit, and the lowest place that is free first,
 * or the highest. */
static void a_pool_hands_out_its_lowest_memory(void **state)
{
    enum { UNIT = 64 << 10, UNITS = 40, PIECES = 60 };
    tb_pool        pool          = {0};
    unsigned char *piece[PIECES] = {NULL};
    size_t         bytes[PIECES];
    uint64_t       seed = 12;

    (void)state;
    OK(tb_pool_new(&pool, UNITS * UNIT + 5, heard));
    assert_null(tb_pool_take(&pool, UNITS * UNIT + 1));
    for (int i = 0; i < 20000; i++) {
        int  k               = (int)random_between(&seed, 0, PIECES - 1);
        bool is_taken[UNITS] = {false};
        int  limit           = i / 500 % 2 ? UNITS / 2 : UNITS, place;
        bool is_last         = random_between(&seed, 0, 2) == 0;

        tb_pool_limit(&pool, (size_t)limit * UNIT);
        if (piece[k] != NULL) {
            for (size_t at = 0; at < bytes[k]; at += 4096)
                assert_int_equal(piece[k][at], k);
            tb_pool_give(&pool, piece[k], bytes[k]);
            piece[k] = NULL;
            continue;
        }
        for (int j = 0; j < PIECES; j++)
            for (size_t at = 0; piece[j] != NULL && at < bytes[j]; at += UNIT)
                is_taken[((size_t)(piece[j] - pool.base) + at) / UNIT] = true;
        bytes[k] = (size_t)random_between(&seed, 1, 9 * UNIT);
        place    = free_place(is_taken, limit, (bytes[k] + UNIT - 1) / UNIT, is_last);
        piece[k] = (is_last ? tb_pool_take_last : tb_pool_take)(&pool, bytes[k]);
        assert_ptr_equal(piece[k], place < 0 ? NULL : pool.base + (size_t)place * UNIT);
        if (piece[k] != NULL) {
            assert_false(tb_pool_is_beyond(&pool, piece[k], bytes[k]));
            memset(piece[k], k, bytes[k]);
        }
    }
    tb_pool_reset(&pool);
}

static void each_tile_is_decoded_once(void **state)
{
    const char *path    = "/vsimem/cache.tif";
    float      *samples = ramp_of(1000, 700, 2);
    uint64_t    seed    = 8;
    int16_t    *file    = malloc(1000 * 700 * sizeof *file);
    date        d;

    (void)state;
    made_write(path,
               &(made){.width       = 1000,
                       .height      = 700,
                       .bands       = 2,
                       .type        = GDT_UInt16,
                       .tile        = 256,
                       .compression = "DEFLATE"},
               samples);
    date_begin(&d, &path, 1, NULL, NULL, NULL);
    free(read_rect(&d, (tb_rect){300, 300, 10, 10}, file));
    assert_int_equal(tiles_of(&d), 1);
    free(read_rect(&d, (tb_rect){250, 250, 10, 10}, file));
    assert_int_equal(tiles_of(&d), 4);
    for (int i = 0; i < 60; i++)
        free(read_rect(
            &d,
            (tb_rect){random_between(&seed, -50, 990), random_between(&seed, -50, 690), 300, 200},
            file));
    free(read_rect(&d, (tb_rect){0, 0, 1000, 700}, file));
    assert_int_equal(tiles_of(&d), 12);

    /* A cache too small for a single tile is slow, not wrong. */
    float    *whole = read_rect(&d, (tb_rect){0, 0, 1000, 700}, file);
    tb_cache *small = NULL;

    tb_epoch_reader_free(d.reader);
    OK(tb_cache_new(&small, 1000, heard));
    OK(tb_epoch_reader_new(&d.reader, d.epoch, small, 0, kernels_here(), heard));

    float *again = read_rect(&d, (tb_rect){0, 0, 1000, 700}, file);

    assert_memory_equal(again, whole, 2 * 1000 * 700 * sizeof *whole);
    free(again);

    /* Nor does it matter that it is made smaller, and larger again; nor what is forgotten. */
    tb_epoch_reader_free(d.reader);
    tb_cache_free(small);
    OK(tb_cache_new(&small, (size_t)64 << 20, heard));
    OK(tb_epoch_reader_new(&d.reader, d.epoch, small, 0, kernels_here(), heard));
    for (int k = 0; k < 3; k++) {
        int64_t bytes, tiles, wanted;

        again = read_rect(&d, (tb_rect){0, 0, 1000, 700}, file);
        assert_memory_equal(again, whole, 2 * 1000 * 700 * sizeof *whole);
        free(again);
        tb_cache_counts(small, &bytes, &wanted);
        if (k == 0)
            tb_cache_limit(small, 300000);
        else
            tb_cache_limit(small, (size_t)64 << 20);
        again = read_rect(&d, (tb_rect){0, 0, 1000, 700}, file);
        assert_memory_equal(again, whole, 2 * 1000 * 700 * sizeof *whole);
        tb_cache_counts(small, &bytes, &tiles);
        assert_int_equal(tiles > wanted, k < 2);
        if (k < 2)
            free(again);
    }
    {
        /* Tiles under the left half are dropped, but for those the last columns need. */
        tb_rect left = {0, 0, 500, 700}, right = {500, 0, 500, 700};
        int64_t bytes, tiles, wanted;

        tb_cache_counts(small, &bytes, &wanted);
        tb_epoch_forget(d.reader, left, right, (tb_rect){0});
        free(again);
        again = read_rect(&d, right, file);
        tb_cache_counts(small, &bytes, &tiles);
        assert_int_equal(tiles, wanted);
        free(again);
        again = read_rect(&d, left, file);
        tb_cache_counts(small, &bytes, &tiles);
        assert_true(tiles > wanted && tiles <= wanted + 6);
    }
    tb_epoch_reader_free(d.reader);
    d.reader = NULL;
    tb_cache_free(small);
    free(again);
    free(whole);
    free(file);
    free(samples);
    date_end(&d);
}

enum { CROWD = 4, CROWD_ITEMS = 120 };

typedef struct crowd {
    tb_epoch_reader *reader[CROWD];
    const float     *whole;
    tb_error         error[CROWD_ITEMS];
    bool             may_fail;
    int              wrong;
} crowd;

static tb_status crowd_make(void *context, int worker, int64_t item, tb_error *err)
{
    crowd    *c = context;
    int64_t   x = item * 37 % 800, y = item * 53 % 500;
    float     got[200 * 200], *plane = got;
    int16_t   file[200 * 200];
    tb_status status = tb_epoch_read(c->reader[worker], (tb_rect){x, y, 200, 200}, &plane, file,
                                     NULL, &c->error[item]);

    if (status != TB_OK && c->may_fail)
        return TB_OK;
    if (status == TB_OK)
        for (int64_t row = 0; row < 200; row++)
            if (memcmp(got + row * 200, c->whole + (y + row) * 1000 + x, 200 * sizeof *got) != 0)
                __atomic_add_fetch(&c->wrong, 1, __ATOMIC_RELAXED);
    if (status != TB_OK && err != NULL)
        *err = c->error[item];
    return status;
}

static void cut_file(const char *path, double share)
{
    VSILFILE *file = VSIFOpenL(path, "rb+");

    assert_non_null(file);
    assert_int_equal(VSIFSeekL(file, 0, SEEK_END), 0);
    assert_int_equal(VSIFTruncateL(file, (vsi_l_offset)((double)VSIFTellL(file) * share)), 0);
    VSIFCloseL(file);
}

/* Some read, some did not; whoever met a bad tile heard the same of it. */
static void check_errors(const crowd *c)
{
    char first[4][1024];
    int  failed = 0, kinds = 0;

    for (int i = 0; i < CROWD_ITEMS; i++) {
        const tb_error *e = &c->error[i];
        int             k = 0;

        if (e->status == TB_OK)
            continue;
        failed++;
        assert_int_equal(e->status, TB_E_INPUT);
        assert_non_null(strstr(e->message, "crowd.tif block ("));
        assert_non_null(strstr(e->message, "band 1"));
        while (k < kinds && strcmp(first[k], e->message) != 0)
            k++;
        if (k == kinds) {
            assert_true(kinds < 4); /* as many as tiles that begin in the cut */
            snprintf(first[kinds++], sizeof first[0], "%s", e->message);
        }
    }
    assert_true(failed > 0 && failed < CROWD_ITEMS);
}

/* Whatever is shrunk or forgotten, and read again from above what was left: the same pixels. What
 * is left serves for the rows it has. */
static void a_shrunk_tile_keeps_its_last_rows(void **state)
{
    enum { W = 600, H = 500, TILE = 128 };
    float   *samples = ramp_of(W, H, 3);
    int16_t *file    = malloc((size_t)(W * H) * sizeof *file);
    uint64_t seed    = 21;
    char     path[300];
    date     d;

    (void)state;
    folder_begin();
    in_folder("shrunk.tif", path, sizeof path);
    made_write(path,
               &(made){.width       = W,
                       .height      = H,
                       .bands       = 3,
                       .type        = GDT_UInt16,
                       .tile        = TILE,
                       .compression = "DEFLATE"},
               samples);
    date_begin(&d, &(const char *){path}, 1, NULL, NULL, NULL);

    float *whole = read_rect(&d, (tb_rect){0, 0, W, H}, file);

    for (int round = 0; round < 300; round++) {
        int64_t y     = random_between(&seed, 0, H - 60);
        tb_rect upper = {0, 0, W, y}, lower = {0, y, W, H - y};
        tb_rect some = {random_between(&seed, 0, W - 50), random_between(&seed, 0, H - 50), 50,
                        random_between(&seed, 1, 50)};
        int64_t before;
        float  *read;

        if (round % 2 == 0)
            tb_epoch_forget(d.reader, upper, (tb_rect){0}, lower);
        before = tiles_of(&d);
        free(read_rect(&d, (tb_rect){0, y, W, 60}, file));
        if (round == 0)
            assert_int_equal(tiles_of(&d), before);
        read = read_rect(&d, some, file);
        for (int b = 0; b < 3; b++)
            for (int64_t i = 0; i < some.height; i++)
                assert_memory_equal(read + ((int64_t)b * some.height + i) * some.width,
                                    whole + ((int64_t)b * H + some.y + i) * W + some.x,
                                    (size_t)some.width * sizeof *read);
        free(read);
    }
    assert_true(tiles_of(&d) > 20);
    free(whole);
    free(file);
    free(samples);
    date_end(&d);
    folder_end();
}

static void many_readers_share_a_cache(void **state)
{
    const char *path    = "/vsimem/crowd.tif";
    float      *samples = ramp_of(1000, 700, 1);

    (void)state;
    made_write(path, &(made){.width = 1000, .height = 700, .bands = 1, .tile = 64}, samples);
    for (int k = 0; k < 4; k++) {
        bool      is_cut = k == 3;
        crowd    *c      = calloc(1, sizeof *c);
        date      d;
        tb_cache *cache = NULL;
        tb_loop   loop = {.count = CROWD_ITEMS, .workers = CROWD, .make = crowd_make, .context = c};
        int64_t   bytes, tiles;

        c->whole    = samples;
        c->may_fail = is_cut;
        if (is_cut)
            cut_file(path, 0.55);
        date_begin(&d, &path, 1, NULL, NULL, NULL);
        OK(tb_cache_new(&cache, k == 0 ? (size_t)64 << 20 : k == 1 ? 100000 : 0, heard));
        for (int w = 0; w < CROWD; w++)
            OK(tb_epoch_reader_new(&c->reader[w], d.epoch, cache, 0, kernels_here(), heard));
        OK(tb_loop_run(&loop, heard));
        assert_int_equal(c->wrong, 0);
        tb_cache_counts(cache, &bytes, &tiles);
        if (k == 0)
            assert_int_equal(tiles, 4 * 3); /* 64-pixel blocks are read four by four */
        if (is_cut)
            check_errors(c);
        for (int w = 0; w < CROWD; w++)
            tb_epoch_reader_free(c->reader[w]);
        tb_cache_free(cache);
        date_end(&d);
        free(c);
    }
    free(samples);
}

/* ---- image ---- */

static void a_truncated_image_names_the_block(void **state)
{
    const char *path    = "/vsimem/cut.tif";
    float      *samples = ramp_of(512, 512, 2);
    uint16_t   *got     = malloc(2 * 512 * 512 * sizeof *got);
    tb_image   *image   = NULL;
    tb_error    error   = {0};

    (void)state;
    made_write(path,
               &(made){.width = 512, .height = 512, .bands = 2, .type = GDT_UInt16, .tile = 128},
               samples);
    cut_file(path, 0.6);
    OK(tb_image_open(&image, path, heard));
    OK(tb_image_read(image, (tb_rect){0, 0, 128, 128}, got, NULL, heard));
    assert_int_equal(tb_image_read(image, (tb_rect){0, 0, 512, 512}, got, NULL, &error),
                     TB_E_INPUT);
    assert_non_null(strstr(error.message, "cut.tif block ("));
    assert_non_null(strstr(error.message, "band "));
    assert_non_null(strstr(error.message, "expected 128x128 pixels, got"));
    assert_int_equal(tb_image_read(image, (tb_rect){0, 0, 513, 1}, got, NULL, &error), TB_E_BUG);
    tb_image_close(image);
    free(got);
    free(samples);
}

static void write_text(const char *path, const char *text)
{
    VSILFILE *file = VSIFOpenL(path, "wb");

    assert_non_null(file);
    assert_int_equal(VSIFWriteL(text, 1, strlen(text), file), strlen(text));
    VSIFCloseL(file);
}

static void headers_that_are_refused(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\"/>", "expected an image"},
        {"<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\"><GeoTransform>0,0,0,0,0,0</GeoTransform>"
         "<VRTRasterBand dataType=\"Byte\" band=\"1\"/></VRTDataset>",
         "geotransform"},
        {"<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\"><GeoTransform>nan,1,0,0,0,1"
         "</GeoTransform><VRTRasterBand dataType=\"Byte\" band=\"1\"/></VRTDataset>",
         "geotransform"},
        {"<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\"><GeoTransform>0,1e308,0,0,0,1e308"
         "</GeoTransform><VRTRasterBand dataType=\"Byte\" band=\"1\"/></VRTDataset>",
         "geotransform"},
        {"<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\"><GeoTransform>0,2,4,0,1,2"
         "</GeoTransform><VRTRasterBand dataType=\"Byte\" band=\"1\"/></VRTDataset>",
         "geotransform"},
        {"<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\">"
         "<VRTRasterBand dataType=\"CFloat32\" band=\"1\"/></VRTDataset>",
         "real samples"},
        {"II*", "GDAL can read"},
        {"", "GDAL can read"},
    };
    tb_image *image = NULL;
    char      path[300], many[4000] = "<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\">";

    (void)state;
    folder_begin();
    in_folder("bad.vrt", path, sizeof path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tb_error error = {0};
        size_t   held  = tb_memory_in_use();

        write_text(path, cases[i].text);
        assert_int_equal(tb_image_open(&image, path, &error), TB_E_INPUT);
        assert_null(image);
        if (strstr(error.message, cases[i].expected) == NULL)
            fail_msg("expected %s, got %s", cases[i].expected, error.message);
        assert_true(tb_memory_in_use() <= held);
    }
    for (int b = 1; b <= 17; b++)
        snprintf(many + strlen(many), sizeof many - strlen(many),
                 "<VRTRasterBand dataType=\"Byte\" band=\"%d\"/>", b);
    strcat(many, "</VRTDataset>");
    write_text(path, many);
    assert_int_equal(tb_image_open(&image, path, NULL), TB_E_INPUT);
    assert_int_equal(tb_image_open(&image, "/vsimem/none.tif", NULL), TB_E_INPUT);
    folder_end();
}

/* A TIFF with any byte of its header wrong opens or not, reads or not, and nothing else. */
static void hostile_headers(void **state)
{
    const double at[6]   = {400000, 10, 0, 4150000, 0, -10};
    const char  *path    = "/vsimem/hostile.tif";
    float       *samples = ramp_of(40, 30, 2);
    uint64_t     seed    = 77;
    vsi_l_offset size    = 0;
    uint8_t     *good, *bytes;
    size_t       held   = tb_memory_in_use();
    int          opened = 0, read = 0;

    (void)state;
    made_write(path,
               &(made){.width      = 40,
                       .height     = 30,
                       .bands      = 2,
                       .type       = GDT_UInt16,
                       .transform  = at,
                       .epsg       = 32651,
                       .tile       = 16,
                       .has_nodata = true},
               samples);
    good  = VSIGetMemFileBuffer(path, &size, TRUE);
    bytes = malloc(size);
    for (int i = 0; i < 1500; i++) {
        tb_image *image = NULL;

        memcpy(bytes, good, size);
        for (int64_t k = random_between(&seed, 1, 3); k > 0; k--)
            bytes[random_between(&seed, 0, i % 2 ? 400 : 900)] = (uint8_t)random_next(&seed);
        VSIFCloseL(VSIFileFromMemBuffer(path, bytes, size, FALSE));
        if (tb_image_open(&image, path, NULL) == TB_OK) {
            const tb_image_info *info   = tb_image_describe(image);
            tb_rect              rect   = {0, 0, info->width < 64 ? info->width : 64,
                            info->height < 64 ? info->height : 64};
            void                *buffer = malloc(64 * 64 * 4 * TB_BANDS_MAX);
            uint8_t              valid[64 * 64];

            opened++;
            assert_true(info->bands >= 1 && info->bands <= TB_BANDS_MAX);
            assert_true(info->width > 0 && info->height > 0 && info->tile_width > 0 &&
                        info->tile_height > 0);
            /* A block of gigabytes is GDAL's to refuse, but not ours to try. */
            if (info->block_width * info->block_height < 1 << 22)
                read += tb_image_read(image, rect, buffer, valid, NULL) == TB_OK;
            free(buffer);
        }
        tb_image_close(image);
        VSIUnlink(path);
    }
    assert_true(opened > 100 && read > 50);
    assert_true(tb_memory_in_use() <= held);
    CPLFree(good);
    free(bytes);
    free(samples);
}

/* More strata than a pixel can name are refused. */
static void strata_without_number(void **state)
{
    enum { FILES = 200 };
    const char      *path    = "/vsimem/one.tif", *paths[FILES];
    float            sample  = 1;
    tb_epoch_options options = {.images = paths, .image_count = FILES};
    tb_pair          pair;
    tb_error         error = {0};

    (void)state;
    made_write(path, &(made){.width = 1, .height = 1, .bands = 1}, &sample);
    for (int f = 0; f < FILES; f++)
        paths[f] = path;
    assert_int_equal(tb_pair_open(&pair, &options, &options, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "40000"));
    options.image_count = 3;
    OK(tb_pair_open(&pair, &options, &options, heard));
    assert_int_equal(tb_pair_strata(&pair), 9);
    tb_pair_close(&pair);
}

/* ---- sink ---- */

static void check_sink(int64_t width, int64_t height, tb_sample_type type, bool has_crs)
{
    const double at[6]  = {400000, 10, 0, 4150000, 0, -10};
    char        *crs    = wkt_of(4527), path[2][300];
    tb_grid      grid   = grid_of(width, height, has_crs ? at : plain, has_crs ? crs : NULL);
    size_t       sample = tb_sample_size(type), size = (size_t)(width * height);
    uint8_t     *all = malloc(size * sample), *back = malloc(size * sample);
    uint64_t     seed     = 12;
    tb_image    *image    = NULL;
    char        *bytes[2] = {NULL, NULL};
    vsi_l_offset length[2];

    grid.has_transform = has_crs;
    for (size_t i = 0; i < size; i++)
        if (type == TB_SAMPLE_U8)
            all[i] = (uint8_t)(random_next(&seed) >> 20);
        else
            ((float *)(void *)all)[i] = i % 5 == 0 ? NAN : (float)random_real(&seed, -1, 9);
    for (int k = 0; k < 2; k++) {
        tb_sink *sink = NULL;

        in_folder(k == 0 ? "a.tif" : "b.tif", path[k], sizeof path[k]);
        tb_file_remove(path[k]);
        OK(tb_sink_create(&sink, path[k], &grid, type, type == TB_SAMPLE_U8 ? 255 : NAN, "score",
                          heard));
        for (int64_t y = 0; y < height; y++) {
            assert_false(tb_file_exists(path[k]));
            OK(tb_sink_row(sink, all + (size_t)(y * width) * sample, heard));
        }
        OK(tb_sink_finish(sink, heard));
        tb_sink_close(sink);
        assert_true(VSIIngestFile(NULL, path[k], (GByte **)&bytes[k], &length[k], -1));
    }
    assert_int_equal(folder_count(), 2);
    assert_int_equal(length[0], length[1]);
    assert_memory_equal(bytes[0], bytes[1], length[0]);
    OK(tb_image_open(&image, path[0], heard));

    const tb_image_info *info = tb_image_describe(image);

    assert_true(info->width == width && info->height == height && info->type == type);
    assert_true(info->has_transform == has_crs && (info->crs != NULL) == has_crs);
    assert_true(info->has_nodata &&
                (type == TB_SAMPLE_U8 ? info->nodata == 255 : isnan(info->nodata)));
    OK(tb_image_read(image, (tb_rect){0, 0, width, height}, back, NULL, heard));
    for (size_t i = 0; i < size; i++)
        if (type == TB_SAMPLE_U8)
            assert_int_equal(back[i], all[i]);
        else
            assert_true(isnan(((float *)(void *)back)[i])
                            ? isnan(((float *)(void *)all)[i])
                            : ((float *)(void *)back)[i] == ((float *)(void *)all)[i]);
    tb_image_close(image);

    GDALDatasetH dataset   = GDALOpen(path[0], GA_ReadOnly);
    int          overviews = GDALGetOverviewCount(GDALGetRasterBand(dataset, 1));

    assert_string_equal(GDALGetDescription(GDALGetRasterBand(dataset, 1)), "score");
    assert_true((overviews > 0) == (width > 512 || height > 512));
    if (overviews > 0) {
        GDALRasterBandH last = GDALGetOverview(GDALGetRasterBand(dataset, 1), overviews - 1);

        assert_true(GDALGetRasterBandXSize(last) <= 512 && GDALGetRasterBandYSize(last) <= 512);
    }
    GDALClose(dataset);
    CPLFree(bytes[0]);
    CPLFree(bytes[1]);
    free(all);
    free(back);
    CPLFree(crs);
    for (int k = 0; k < 2; k++)
        tb_file_remove(path[k]);
}

static void rasters_are_written_as_given(void **state)
{
    (void)state;
    folder_begin();
    check_sink(1, 1, TB_SAMPLE_U8, false);
    check_sink(1, 700, TB_SAMPLE_F32, true);
    check_sink(513, 511, TB_SAMPLE_U8, true);
    check_sink(512, 512, TB_SAMPLE_F32, false);
    check_sink(1201, 1031, TB_SAMPLE_F32, true);
    check_sink(1201, 1031, TB_SAMPLE_U8, true);
    folder_end();
}

static void a_raster_is_written_whole_or_not_at_all(void **state)
{
    tb_grid  grid = grid_of(600, 600, plain, NULL);
    char     path[300];
    uint8_t  row[600] = {0};
    tb_sink *sink     = NULL;
    tb_error error    = {0};

    (void)state;
    folder_begin();
    in_folder("x.tif", path, sizeof path);
    OK(tb_sink_create(&sink, path, &grid, TB_SAMPLE_U8, 255, "x", heard));
    for (int y = 0; y < 599; y++)
        OK(tb_sink_row(sink, row, heard));
    assert_int_equal(tb_sink_finish(sink, NULL), TB_E_BUG);
    tb_sink_close(sink);
    assert_int_equal(folder_count(), 0);
    in_folder("no/such/x.tif", path, sizeof path);
    assert_int_equal(tb_sink_create(&sink, path, &grid, TB_SAMPLE_U8, 255, "x", &error),
                     TB_E_OUTPUT);
    assert_non_null(strstr(error.message, "no/such/x.tif"));
    assert_null(sink);
    folder_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transforms_invert_and_compose),
        cmocka_unit_test(kinds_of_warp),
        cmocka_unit_test(an_image_that_is_too_fine),
        cmocka_unit_test(other_crs_as_proj_has_it),
        cmocka_unit_test(windows_hold_every_tap),
        cmocka_unit_test(places_beyond_all_bounds),
        cmocka_unit_test(ramps_are_kept),
        cmocka_unit_test(shifts_have_the_right_sign),
        cmocka_unit_test(fields_bend),
        cmocka_unit_test(nan_reaches_as_far_as_the_taps),
        cmocka_unit_test(nodata_as_the_header_says),
        cmocka_unit_test(the_first_file_that_saw_it_wins),
        cmocka_unit_test(validity_on_its_own_grid),
        cmocka_unit_test(a_rectangle_is_cut_from_the_whole),
        cmocka_unit_test(a_mosaic_of_two_zones),
        cmocka_unit_test(lattices_without_bounds_are_refused),
        cmocka_unit_test(a_pool_hands_out_its_lowest_memory),
        cmocka_unit_test(each_tile_is_decoded_once),
        cmocka_unit_test(a_shrunk_tile_keeps_its_last_rows),
        cmocka_unit_test(many_readers_share_a_cache),
        cmocka_unit_test(a_truncated_image_names_the_block),
        cmocka_unit_test(headers_that_are_refused),
        cmocka_unit_test(hostile_headers),
        cmocka_unit_test(strata_without_number),
        cmocka_unit_test(rasters_are_written_as_given),
        cmocka_unit_test(a_raster_is_written_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
