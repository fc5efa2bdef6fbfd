/* Registration: shift in, shift out; nothing in, nothing out; the real pairs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gdal.h>

#include "align/registration.h"
#include "core/memory.h"

enum { BANDS_MOST = 16, CELLS_MOST = 64, CELL = 512 };

/* ---- pictures: planes of floats, with what a sensor does to them ---- */

typedef struct picture {
    int64_t width, height;
    int     bands;
    float  *plane[BANDS_MOST];
} picture;

static void *need(size_t count, size_t size)
{
    void *p = calloc(count > 0 ? count : 1, size);

    assert_non_null(p);
    return p;
}

static picture picture_new(int64_t width, int64_t height, int bands)
{
    picture p = {.width = width, .height = height, .bands = bands};

    for (int b = 0; b < bands; b++)
        p.plane[b] = need((size_t)(width * height), sizeof(float));
    return p;
}

static void picture_free(picture *p)
{
    for (int b = 0; b < p->bands; b++)
        free(p->plane[b]);
    *p = (picture){0};
}

/* xorshift64*: the same everywhere. */
static double uniform(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (double)((*seed * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static double normal(uint64_t *seed)
{
    double sum = 0.0;

    for (int i = 0; i < 12; i++)
        sum += uniform(seed);
    return sum - 6.0;
}

/* A sum of cosines looked at from (dx, dy): exact at any shift. Amplitudes fall with the frequency.
 * Columns and rows may be of another size, and the later date's rows lean. */
typedef struct view {
    double dx, dy, across, down, lean; /* (x, y) shows (across x + lean y - dx, down y - dy) */
} view;

static void add_view(picture *p, view from, uint64_t seed)
{
    enum { WAVES = 120 };
    double *across = need((size_t)p->width * 2, sizeof *across);

    for (int b = 0; b < p->bands; b++)
        for (int k = 0; k < WAVES; k++) {
            double fx    = (uniform(&seed) - 0.5) * 0.5;
            double fy    = (uniform(&seed) - 0.5) * 0.5;
            double phase = uniform(&seed) * 6.283185307179586;
            double size  = 20.0 / (1.0 + 12.0 * sqrt(fx * fx + fy * fy));

            for (int64_t x = 0; x < p->width; x++) {
                double turn = 6.283185307179586 * fx * (from.across * (double)x - from.dx) + phase;

                across[2 * x]     = size * cos(turn);
                across[2 * x + 1] = size * sin(turn);
            }
            for (int64_t y = 0; y < p->height; y++) {
                double turn = 6.283185307179586 *
                              (fy * (from.down * (double)y - from.dy) + fx * from.lean * (double)y);
                double c = cos(turn), s = sin(turn);

                for (int64_t x = 0; x < p->width; x++)
                    p->plane[b][y * p->width + x] +=
                        (float)(across[2 * x] * c - across[2 * x + 1] * s);
            }
        }
    free(across);
}

static void add_texture(picture *p, double dx, double dy, uint64_t seed)
{
    add_view(p, (view){dx, dy, 1.0, 1.0, 0.0}, seed);
}

static void change_radiometry(picture *p, double gain, double offset, double noise, uint64_t seed)
{
    for (int b = 0; b < p->bands; b++)
        for (int64_t i = 0; i < p->width * p->height; i++)
            p->plane[b][i] = (float)(gain * (double)p->plane[b][i] + offset +
                                     (noise > 0.0 ? noise * normal(&seed) : 0.0));
}

/* Standard deviation of a band. */
static double deviation(const picture *p, int band)
{
    double sum = 0.0, squares = 0.0, n = (double)(p->width * p->height);

    for (int64_t i = 0; i < p->width * p->height; i++) {
        sum += (double)p->plane[band][i];
        squares += (double)p->plane[band][i] * (double)p->plane[band][i];
    }
    return sqrt(fmax(0.0, squares / n - sum / n * sum / n));
}

/* Rectangles until `share` of the area is covered, filled from `other` or with NaN. */
static void cover(picture *p, const picture *other, double share, uint64_t seed)
{
    unsigned char *is_done = need((size_t)(p->width * p->height), 1);
    int64_t        done    = 0;

    while ((double)done < share * (double)(p->width * p->height)) {
        int64_t w  = 10 + (int64_t)(uniform(&seed) * 60.0),
                h  = 10 + (int64_t)(uniform(&seed) * 60.0);
        int64_t x0 = (int64_t)(uniform(&seed) * (double)p->width);
        int64_t y0 = (int64_t)(uniform(&seed) * (double)p->height);

        for (int64_t y = y0; y < y0 + h && y < p->height; y++)
            for (int64_t x = x0; x < x0 + w && x < p->width; x++) {
                int64_t i = y * p->width + x;

                done += !is_done[i];
                is_done[i] = 1;
                for (int b = 0; b < p->bands; b++)
                    p->plane[b][i] = other != NULL ? other->plane[b][i] : NAN;
            }
    }
    free(is_done);
}

/* A window of a picture; with `half`, the mean of 2 x 2 neighbours: looked at from half a pixel on.
 */
static picture crop(const picture *p, int64_t x0, int64_t y0, int64_t width, int64_t height,
                    int half)
{
    picture out = picture_new(width, height, p->bands);

    for (int b = 0; b < p->bands; b++)
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                const float *s = p->plane[b] + (y0 + y) * p->width + x0 + x;

                out.plane[b][y * width + x] =
                    half ? (s[0] + s[1] + s[p->width] + s[p->width + 1]) * 0.25f : s[0];
            }
    return out;
}

/* Means of `factor` * `factor` pixels from (x0, y0) on: a coarser sensor, whose shift against
 * another is (x0 - x0') / factor exactly. */
static picture coarsen(const picture *p, int64_t x0, int64_t y0, int64_t factor)
{
    picture out =
        picture_new((p->width - factor) / factor, (p->height - factor) / factor, p->bands);

    for (int b = 0; b < p->bands; b++)
        for (int64_t y = 0; y < out.height; y++)
            for (int64_t x = 0; x < out.width; x++) {
                double sum = 0.0;

                for (int64_t j = 0; j < factor; j++)
                    for (int64_t i = 0; i < factor; i++)
                        sum +=
                            (double)
                                p->plane[b][(y0 + y * factor + j) * p->width + x0 + x * factor + i];
                out.plane[b][y * out.width + x] = (float)(sum / (double)(factor * factor));
            }
    return out;
}

/* ---- fitting two pictures, cut into lattice cells ---- */

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The rows of a cell of both pictures, each date's bands after one another. */
static void rows_of(const float **rows, const picture *before, const picture *after, tb_rect cell,
                    int64_t y)
{
    for (int b = 0; b < before->bands; b++) {
        int64_t at = (cell.y + y) * before->width + cell.x;

        rows[b]                 = before->plane[b] + at;
        rows[before->bands + b] = after->plane[b] + at;
    }
}

static tb_status fit_with(const picture *before, const picture *after, const tb_kernels *kernels,
                          tb_registration *out, tb_error *err)
{
    tb_align    *align  = NULL;
    tb_arena     arena  = {0};
    tb_status    status = TB_OK;
    const float *rows[2 * BANDS_MOST];
    tb_rect      cell[CELLS_MOST];
    int          count = 0;

    assert_true(before->bands <= BANDS_MOST);
    for (int64_t y = 0; y < before->height; y += CELL)
        for (int64_t x = 0; x < before->width && count < CELLS_MOST; x += CELL)
            cell[count++] = (tb_rect){x, y, before->width - x < CELL ? before->width - x : CELL,
                                      before->height - y < CELL ? before->height - y : CELL};
    TB_TRY(tb_align_new(&align, before->bands, cell, count, 1, &arena, kernels, err));
    for (int c = 0; c < count && tb_align_to_weigh(align) > 0; c++)
        for (int64_t y = 0; y < cell[c].height; y++) {
            rows_of(rows, before, after, cell[c], y);
            tb_align_weigh_row(align, c, y, rows);
        }
    tb_align_weigh(align);
    for (int c = 0; c < count; c++)
        for (int64_t y = 0; y < cell[c].height; y++) {
            rows_of(rows, before, after, cell[c], y);
            tb_align_take_row(align, 0, c, y, rows);
        }
    TB_TRY(tb_registration_fit(align, (tb_rect){0, 0, before->width, before->height}, out, err));

done:
    tb_align_free(align);
    tb_arena_reset(&arena);
    return status;
}

static tb_registration fit(const picture *before, const picture *after)
{
    tb_registration   r       = {0};
    tb_error          error   = {0};
    const tb_kernels *kernels = tb_kernels_named(getenv("TUBAN_CPU"), tb_kernels_features());

    assert_non_null(kernels);
    if (fit_with(before, after, kernels, &r, &error) != TB_OK)
        fail_msg("%s", error.message);
    assert_non_null(r.reason);
    assert_true(isfinite(r.dx) && isfinite(r.dy));
    return r;
}

static void show(const char *name, const tb_registration *r)
{
    printf("  %-34s %+8.3f %+8.3f  spread %.3f  windows %3d/%3d  corr %.4f -> %.4f  %s: %s\n", name,
           r->dx, r->dy, r->residual_px, r->accepted, r->windows, r->correlation_at_zero,
           r->correlation_at_shift, r->applied ? "APPLIED" : "not", r->reason);
}

static double miss(const tb_registration *r, double dx, double dy)
{
    return sqrt((r->dx - dx) * (r->dx - dx) + (r->dy - dy) * (r->dy - dy));
}

/* ---- made-up pairs ---- */

typedef struct scenario {
    const char *name;
    double      dx, dy, gain, offset, noise, changed, missing;
    int64_t     width, height;
} scenario;

static void make_scenario(const scenario *s, picture *before, picture *after)
{
    picture other = picture_new(s->width, s->height, 2);

    *before = picture_new(s->width, s->height, 2);
    *after  = picture_new(s->width, s->height, 2);
    add_texture(before, 0.0, 0.0, 7);
    add_texture(after, s->dx, s->dy, 7);
    add_texture(&other, 0.0, 0.0, 11);
    if (s->changed > 0.0)
        cover(after, &other, s->changed, 3);
    change_radiometry(before, 1.0, 0.0, s->noise * deviation(before, 0), 21);
    change_radiometry(after, s->gain, s->offset, s->noise * s->gain * deviation(before, 0), 22);
    if (s->missing > 0.0) {
        cover(before, NULL, s->missing / 2.0, 5);
        cover(after, NULL, s->missing / 2.0, 6);
    }
    picture_free(&other);
}

static void made_up_shifts_are_found(void **state)
{
    static const scenario all[] = {
        {"nothing", 0, 0, 1, 0, 0, 0, 0, 512, 512},
        {"nothing, gain, noise", 0, 0, 1.3, 20, .02, 0, 0, 512, 512},
        {"nothing, changed 20 %", 0, 0, 1.3, 20, .02, .2, 0, 512, 512},
        {"+1 -2", 1, -2, 1, 0, 0, 0, 0, 512, 512},
        {"+5 +4", 5, 4, 1, 0, 0, 0, 0, 512, 512},
        {"-37 +21", -37, 21, 1, 0, .02, 0, 0, 512, 512},
        {"+90 -110", 90, -110, 1, 0, .02, 0, 0, 512, 512},
        {"+.30 -.70", .30, -.70, 1, 0, 0, 0, 0, 512, 512},
        {"+.06 +.05", .06, .05, 1, 0, 0, 0, 0, 512, 512},
        {"+.50 +.50 gain", .5, .5, .6, -30, 0, 0, 0, 512, 512},
        {"+2.25 +1.60 noise 10 %", 2.25, 1.6, 1.4, 9, .10, 0, 0, 512, 512},
        {"-.40 +.85 changed 20 %", -.40, .85, 1.2, 5, .02, .2, 0, 512, 512},
        {"-.40 +.85 missing 30 %", -.40, .85, 1.2, 5, .02, 0, .3, 512, 512},
        {"+1.35 -.65 all of it", 1.35, -.65, .7, 5, .05, .2, .3, 512, 512},
        {"+12.4 -7.7 all of it", 12.4, -7.7, .7, 5, .05, .2, .3, 512, 512},
        {"+1.35 -.65 four cells", 1.35, -.65, .7, 5, .05, .2, .3, 700, 650},
        {"+1.35 -.65 nine cells", 1.35, -.65, .7, 5, .05, .2, .3, 1536, 1536},
        {"-18.6 +11.3 nine cells", -18.6, 11.3, .7, 5, .05, .2, .3, 1536, 1536},
        {"+1.35 -.65 200x200", 1.35, -.65, .7, 5, .05, .1, .1, 200, 200},
        {"+.45 +.25 100x101", .45, .25, .7, 5, .02, .1, 0, 100, 101},
        {"-8.45 +6.25 200x200", -8.45, 6.25, .7, 5, .02, .1, 0, 200, 200},
    };
    double worst = 0.0;

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const scenario *s = &all[i];
        picture         before, after;

        make_scenario(s, &before, &after);

        double          start = seconds();
        tb_registration r     = fit(&before, &after);
        double          took  = seconds() - start;
        tb_registration back  = fit(&after, &before);

        show(s->name, &r);
        printf("  %-34s missed by %.4f px, %.0f ms\n", "", miss(&r, s->dx, s->dy), 1e3 * took);
        worst = fmax(worst, miss(&r, s->dx, s->dy));
        assert_true(miss(&r, s->dx, s->dy) <= 0.05);
        assert_int_equal(r.applied, s->dx * s->dx + s->dy * s->dy > 0.125 * 0.125);
        assert_false(tb_field_exists(&r.field));
        assert_true(miss(&back, -r.dx, -r.dy) < 1e-9);
        assert_int_equal(back.applied, r.applied);
        picture_free(&before);
        picture_free(&after);
    }
    printf("  worst made-up error %.4f px\n", worst);
}

/*
 * Other scales and a lean: the shift differs by pixels over the picture. With changed ground,
 * clouds nobody masked, missing pixels and noise the field is found to a tenth of a pixel, and both
 * ways.
 */
static void a_field_is_found(void **state)
{
    static const struct {
        view   from;
        double noise, changed, missing;
    } all[] = {
        {{0.4, -0.3, 1.004, 0.997, 0.0}, 0, 0, 0},
        {{0.4, -0.3, 1.004, 0.997, 0.0}, .05, .05, .2},
        {{1.3, 0.2, 1.0, 1.0, 0.005}, .05, .05, .2},
        {{-6.6, 9.2, 1.003, 1.003, -0.003}, .05, .05, .1},
    };
    double worst = 0.0;

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        picture before = picture_new(640, 600, 2), after = picture_new(640, 600, 2);
        picture other = picture_new(640, 600, 2);
        double  off = 0.0, turned = 0.0;

        add_texture(&before, 0.0, 0.0, 7);
        add_view(&after, all[i].from, 7);
        add_texture(&other, 0.0, 0.0, 11);
        if (all[i].changed > 0.0)
            cover(&after, &other, all[i].changed, 3);
        change_radiometry(&after, 1.2, 5.0, all[i].noise * deviation(&before, 0), 22);
        if (all[i].missing > 0.0)
            cover(&after, NULL, all[i].missing, 6);

        tb_registration r    = fit(&before, &after);
        tb_registration back = fit(&after, &before);

        show("field", &r);
        assert_true(r.applied && tb_field_exists(&r.field));
        assert_true(back.applied && tb_field_exists(&back.field));
        assert_true(r.held_out[1] < r.held_out[0]);
        assert_true(r.field_correlation > r.correlation_of_shift);
        for (int y = 40; y < 600; y += 40)
            for (int x = 40; x < 640; x += 40) {
                /* after(p + d) shows before(p) */
                double py = (y + all[i].from.dy) / all[i].from.down;
                double px = (x + all[i].from.dx - all[i].from.lean * py) / all[i].from.across;
                double dx, dy, bx, by;

                tb_field_at(&r.field, x + 0.5, y + 0.5, &dx, &dy);
                tb_field_at(&back.field, px + 0.5, py + 0.5, &bx, &by);
                off    = fmax(off, hypot(dx - (px - x), dy - (py - y)));
                turned = fmax(turned, hypot(dx + bx, dy + by));
            }
        printf("  step %d, %d x %d nodes, held out %.3f -> %.3f, off %.4f px, both ways %.4f px\n",
               (int)r.field.step, r.field.columns, r.field.rows, r.held_out[0], r.held_out[1], off,
               turned);
        worst = fmax(worst, off);
        assert_true(off <= 0.1);
        assert_true(turned <= 0.1);
        picture_free(&before);
        picture_free(&after);
        picture_free(&other);
    }
    printf("  worst field %.4f px\n", worst);
}

/*
 * Rows of trees, 9 pixels apart, over ground that does not repeat, and the later date moved by one
 * row: where the rows are all that windows see, they lock onto the next one, and agree. The coarse
 * search must look all the same.
 */
static void a_row_further_is_told(void **state)
{
    static const double weak[] = {1.0, 0.1, 0.07};

    (void)state;
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
        picture picture_of[2];

        for (int k = 0; k < 2; k++) {
            picture *p = &picture_of[k];

            *p = picture_new(1100, 1100, 2);
            add_texture(p, 9.0 * k, 0.4 * k, 7);
            change_radiometry(p, weak[i], 0.0, 0.02 * deviation(p, 0), 21 + (uint64_t)k);
            for (int b = 0; b < 2; b++)
                for (int64_t y = 0; y < p->height; y++)
                    for (int64_t x = 0; x < p->width; x++)
                        p->plane[b][y * p->width + x] +=
                            (float)(60.0 *
                                    exp(8.0 * (cos(6.283185307179586 / 9.0 * (double)x) - 1.0)) *
                                    exp(4.0 *
                                        (cos(6.283185307179586 / 9.0 * ((double)y - 0.4 * k)) -
                                         1.0)));
        }

        tb_registration r = fit(&picture_of[0], &picture_of[1]);

        show("a row further", &r);
        printf("  %-34s missed by %.4f px\n", "", miss(&r, 9.0, 0.4));
        assert_true(r.applied && miss(&r, 9.0, 0.4) <= 0.05);
        picture_free(&picture_of[0]);
        picture_free(&picture_of[1]);
    }
}

/* Two textures show other ground; against noise, or in little ground, nothing is certain. */
static void other_ground_is_told(void **state)
{
    picture  here = picture_new(420, 400, 2), there = picture_new(420, 400, 2);
    picture  noise = picture_new(420, 400, 2), small, other;
    uint64_t seed  = 5;

    (void)state;
    add_view(&here, (view){0.0, 0.0, 0.3, 0.3, 0.0}, 7);
    add_view(&there, (view){0.0, 0.0, 0.3, 0.3, 0.0}, 11);
    for (int b = 0; b < 2; b++)
        for (int64_t i = 0; i < 420 * 400; i++)
            noise.plane[b][i] = (float)uniform(&seed);

    tb_registration r = fit(&here, &there);

    show("other ground", &r);
    printf("  best %.4f +- %.4f at %+.1f %+.1f\n", r.best_correlation, r.best_error, r.best_dx,
           r.best_dy);
    assert_true(r.is_other_ground && !r.applied && r.best_correlation < 0.1);
    assert_false(fit(&here, &here).is_other_ground);
    assert_false(fit(&here, &noise).is_other_ground);
    assert_false(fit(&noise, &noise).is_other_ground);
    small = crop(&here, 0, 0, 250, 250, 0);
    other = crop(&there, 0, 0, 250, 250, 0);
    assert_false(fit(&small, &other).is_other_ground); /* too little to be sure */
    cover(&there, &here, 0.6, 9);                      /* most of it is the same after all */
    assert_false(fit(&here, &there).is_other_ground);
    picture_free(&here);
    picture_free(&there);
    picture_free(&noise);
    picture_free(&small);
    picture_free(&other);
}

/* ---- real pictures ---- */

/* Where the real pictures lie; where there are none the test ends as skipped. */
static void find_data(char *folder, size_t size)
{
    const char *given = getenv("TUBAN_DATA");

    if (given != NULL)
        snprintf(folder, size, "%s", given);
    else
        snprintf(folder, size, "%s/../shared/data", TUBAN_SOURCE_DIR);
    if (access(folder, R_OK) != 0) {
        printf("  SKIPPED: no data at %s\n", folder);
        skip();
    }
}

/* Reads a file at its own size, or stretched to width * height. False when it is not there. */
static int picture_read(picture *out, const char *folder, const char *name, int64_t width,
                        int64_t height)
{
    char                 path[4096];
    GDALDatasetH         file;
    GDALRasterIOExtraArg extra;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = access(path, R_OK) == 0 ? GDALOpen(path, GA_ReadOnly) : NULL;
    if (file == NULL)
        return 0;

    int w = GDALGetRasterXSize(file), h = GDALGetRasterYSize(file),
        bands = GDALGetRasterCount(file);

    INIT_RASTERIO_EXTRA_ARG(extra);
    extra.eResampleAlg = GRIORA_Cubic;
    *out               = picture_new(width > 0 ? width : w, height > 0 ? height : h,
                       bands < BANDS_MOST ? bands : BANDS_MOST);
    for (int b = 0; b < out->bands; b++)
        assert_int_equal(GDALRasterIOEx(GDALGetRasterBand(file, b + 1), GF_Read, 0, 0, w, h,
                                        out->plane[b], (int)out->width, (int)out->height,
                                        GDT_Float32, 0, 0, &extra),
                         CE_None);
    GDALClose(file);
    return 1;
}

/* One cell shows as much as four here, in a quarter of the time. */
static int64_t at_most_a_cell(int64_t n)
{
    return n < CELL ? n : CELL;
}

static const char *const singles[] = {
    "oscd_abudhabi/T1.tif",
    "oscd_aguasclaras/T1.tif",
    "oscd_beihai/T1.tif",
    "oscd_beihai/T2.tif",
    "oscd_mumbai/T1.tif",
    "oscd_nantes/T1.tif",
    "oscd_rennes/T1.tif",
    "landsat_taizhou/T1.tif",
    "landsat_taizhou/T2.tif",
    "naip_northdakota_series/m_4709963_se_14_1_20090818.tif",
    "landsat7_juelich_2001/T1_LS20010525.tif",
};

static void real_images_against_themselves(void **state)
{
    char   folder[2048];
    double worst_whole = 0.0, worst_half = 0.0, worst_zero = 0.0;

    (void)state;
    find_data(folder, sizeof folder);
    for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++) {
        static const struct {
            int    x, y, half;
            double dx, dy;
        } shifts[] = {{8, 8, 0, 0, 0}, {6, 9, 0, 2, -1}, {8, 8, 1, -.5, -.5}, {0, 13, 0, 8, -5}};
        picture whole;

        if (!picture_read(&whole, folder, singles[i], 0, 0)) {
            printf("  SKIPPED: no %s\n", singles[i]);
            continue;
        }
        for (size_t k = 0; k < sizeof shifts / sizeof shifts[0]; k++) {
            int64_t w = at_most_a_cell(whole.width - 16), h = at_most_a_cell(whole.height - 16);
            picture before = crop(&whole, 8, 8, w, h, 0);
            picture after  = crop(&whole, shifts[k].x, shifts[k].y, w, h, shifts[k].half);

            for (int b = 0; b < after.bands; b++) {
                picture one = {.width = w, .height = h, .bands = 1, .plane = {after.plane[b]}};

                change_radiometry(&one, 1.2, 13.0, 0.02 * 1.2 * deviation(&one, 0),
                                  100 + (uint64_t)b);
            }

            tb_registration r   = fit(&before, &after);
            double          off = miss(&r, shifts[k].dx, shifts[k].dy);
            char            name[64];

            snprintf(name, sizeof name, "%.24s %+g%+g", singles[i], shifts[k].dx, shifts[k].dy);
            show(name, &r);
            if (k == 0) {
                worst_zero = fmax(worst_zero, off);
                assert_false(r.applied);
                assert_true(off < 0.02);
            } else {
                worst_whole = shifts[k].half ? worst_whole : fmax(worst_whole, off);
                worst_half  = shifts[k].half ? fmax(worst_half, off) : worst_half;
                assert_true(r.applied);
                assert_true(off <= 0.05);
            }
            picture_free(&before);
            picture_free(&after);
        }
        picture_free(&whole);
    }
    printf("  worst: unshifted %.4f, whole %.4f, half a pixel %.4f px\n", worst_zero, worst_whole,
           worst_half);
}

/* Bright discs until `share` of the area is covered. */
static void add_clouds(picture *p, double share, uint64_t seed)
{
    unsigned char *is_done = need((size_t)(p->width * p->height), 1);
    int64_t        done    = 0;

    while ((double)done < share * (double)(p->width * p->height)) {
        double r  = (0.02 + 0.07 * uniform(&seed)) * (double)p->height;
        double x0 = uniform(&seed) * (double)p->width, y0 = uniform(&seed) * (double)p->height;

        for (int64_t y = 0; y < p->height; y++)
            for (int64_t x = 0; x < p->width; x++) {
                int64_t i = y * p->width + x;

                if (hypot((double)x - x0, (double)y - y0) > r)
                    continue;
                done += !is_done[i];
                is_done[i] = 1;
                for (int b = 0; b < p->bands; b++)
                    p->plane[b][i] = (float)(400.0 + 4.0 * normal(&seed));
            }
    }
    free(is_done);
}

/* Landsat's grey levels under clouds of which no mask tells, other ones each date, 30 % together.
 */
static void clouds_nobody_masked(void **state)
{
    static const int moves[][2] = {{2, -1}, {-12, 9}, {20, -20}};
    char             folder[2048];
    picture          whole;

    (void)state;
    find_data(folder, sizeof folder);
    if (!picture_read(&whole, folder, "landsat_taizhou/T1.tif", 0, 0)) {
        printf("  SKIPPED: no data at %s\n", folder);
        skip();
    }
    for (size_t k = 0; k < sizeof moves / sizeof moves[0]; k++) {
        picture before = crop(&whole, 20, 20, 360, 360, 0);
        picture after  = crop(&whole, 20 - moves[k][0], 20 - moves[k][1], 360, 360, 0);

        add_clouds(&before, 0.163, 3 + k);
        add_clouds(&after, 0.163, 30 + k);
        change_radiometry(&before, 1.0, 0.0, 5.0, 41);
        change_radiometry(&after, 1.1, 4.0, 5.0, 42);

        tb_registration r = fit(&before, &after);

        show("clouds nobody masked", &r);
        assert_true(r.applied && miss(&r, moves[k][0], moves[k][1]) <= 0.06);
        picture_free(&before);
        picture_free(&after);
    }
    picture_free(&whole);
}

static void real_images_coarsened(void **state)
{
    char   folder[2048];
    double worst = 0.0;

    (void)state;
    find_data(folder, sizeof folder);
    for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++) {
        picture whole;

        if (!picture_read(&whole, folder, singles[i], 0, 0))
            continue;
        for (int k = 1; k <= 3; k++) {
            picture before = coarsen(&whole, 0, 0, 4);
            picture after  = coarsen(&whole, k, 4 - k, 4);

            change_radiometry(&after, 0.8, 13.0, 0.02 * 0.8 * deviation(&after, 0), 100);

            tb_registration r = fit(&before, &after);
            char            name[64];

            snprintf(name, sizeof name, "%.24s /4 %+.2f%+.2f", singles[i], -0.25 * k,
                     -0.25 * (4 - k));
            show(name, &r);
            worst = fmax(worst, miss(&r, -0.25 * k, -0.25 * (4 - k)));
            assert_true(r.applied);
            assert_true(miss(&r, -0.25 * k, -0.25 * (4 - k)) <= 0.1);
            picture_free(&before);
            picture_free(&after);
        }
        picture_free(&whole);
    }
    printf("  worst coarsened %.4f px\n", worst);
}

/*
 * What the data's READMEs say of each pair, and the grids of naip; the tolerance is as wide as what
 * is said is vague. NO: a shift found there would be doubtful, and is expensive when it is wrong.
 */
enum { NO, YES, EITHER };

static const struct {
    const char *name, *before, *after;
    int         is_applied;
    double      dx, dy, tolerance;
    bool        is_found_apart;
} pairs[] = {
    {"beihai", "oscd_beihai/T1.tif", "oscd_beihai/T2.tif", YES, 1, 1, .4, true},
    {"abudhabi", "oscd_abudhabi/T1.tif", "oscd_abudhabi/T2.tif", YES, 1, 1, .6, true},
    {"aguasclaras", "oscd_aguasclaras/T1.tif", "oscd_aguasclaras/T2.tif", EITHER, 0, 0, .5, true},
    {"mumbai", "oscd_mumbai/T1.tif", "oscd_mumbai/T2.tif", EITHER, 0, 0, .5, true},
    {"nantes", "oscd_nantes/T1.tif", "oscd_nantes/T2.tif", EITHER, 0, 0, .5, true},
    {"rennes", "oscd_rennes/T1.tif", "oscd_rennes/T2.tif", EITHER, 0, 0, .5, true},
    {"taizhou", "landsat_taizhou/T1.tif", "landsat_taizhou/T2.tif", NO, 0, 0, .2, true},
    {"juelich", "landsat7_juelich_2001/T1_LS20010525.tif",
     "landsat7_juelich_2001/T2_LS20010626.tif", EITHER, 0, 0, .5, true},
    {"beijing", "optical_beijing_A/T1.tif", "optical_beijing_A/T2.tif", YES, -2, -3, .71, true},
    {"naip 2009-2016", "naip_northdakota_series/m_4709963_se_14_1_20090818.tif",
     "naip_northdakota_series/m_4709963_se_14_1_20160816.tif", EITHER, -.12, -.16, .5, false},
    {"naip 2016-2017", "naip_northdakota_series/m_4709963_se_14_1_20160816.tif",
     "naip_northdakota_series/m_4709963_se_14_1_20170827.tif", YES, -.28, .36, .2, true},
    {"naip 2017-2019", "naip_northdakota_series/m_4709963_se_14_1_20170827.tif",
     "naip_northdakota_series/m_4709963_se_14_1_20190904.tif", YES, .6, -.4, .5, true},
    {"burn", "celik_1986_1992/burn_T1_1986.tif", "celik_1986_1992/burn_T2_1992.tif", EITHER, 0, 0,
     .5, true},
    {"conifer", "celik_1986_1992/conifer_T1_1986.tif", "celik_1986_1992/conifer_T2_1992.tif",
     EITHER, 0, 0, .5, true},
    {"forest", "celik_1986_1992/forest_T1_1986.tif", "celik_1986_1992/forest_T2_1992.tif", EITHER,
     0, 0, 1.5, true},
    {"slovenia 0-1", "sentinel2_slovenia_lulc/scene0_2015-08-20.tif",
     "sentinel2_slovenia_lulc/scene1_2015-07-31.tif", NO, 0, 0, 1, false},
    {"slovenia 1-2", "sentinel2_slovenia_lulc/scene1_2015-07-31.tif",
     "sentinel2_slovenia_lulc/scene2_2015-09-09.tif", EITHER, 0, 0, 1, false},
    {"slovenia 3-4", "sentinel2_slovenia_lulc/scene3_2015-08-30.tif",
     "sentinel2_slovenia_lulc/scene4_2015-07-11.tif", EITHER, 0, 0, 1, true},
    {"ottawa", "sar_ottawa/T1.tif", "sar_ottawa/T2.tif", NO, 0, 0, 1, true},
    {"bern", "sar_bern/T1.tif", "sar_bern/T2.tif", NO, 0, 0, 1, true},
    {"sanfrancisco", "sar_sanfrancisco/T1.tif", "sar_sanfrancisco/T2.tif", NO, 0, 0, 1, true},
    {"yellowriver", "sar_yellowriver_D/T1.tif", "sar_yellowriver_D/T2.tif", NO, 0, 0, 1, false},
    {"dsifn 0_2", "dsifn_samples/0_2/T1.tif", "dsifn_samples/0_2/T2.tif", NO, 0, 0, 9, false},
    {"dsifn 1_1", "dsifn_samples/1_1/T1.tif", "dsifn_samples/1_1/T2.tif", NO, 0, 0, 9, false},
    {"dsifn 2_4", "dsifn_samples/2_4/T1.tif", "dsifn_samples/2_4/T2.tif", NO, 0, 0, 9, false},
    {"dsifn 3_4", "dsifn_samples/3_4/T1.tif", "dsifn_samples/3_4/T2.tif", NO, 0, 0, 9, false},
    {"dsifn 4_4", "dsifn_samples/4_4/T1.tif", "dsifn_samples/4_4/T2.tif", NO, 0, 0, 9, false},
};

/* Both dates of a pair, cut to a common size, or stretched to it where the grids differ by more. */
static int read_pair(picture *before, picture *after, const char *folder, size_t i)
{
    if (!picture_read(before, folder, pairs[i].before, 0, 0))
        return 0;
    assert_true(picture_read(after, folder, pairs[i].after, 0, 0));
    if (llabs(after->width - before->width) + llabs(after->height - before->height) > 2) {
        picture_free(after);
        assert_true(picture_read(after, folder, pairs[i].after, before->width, before->height));
    } else if (after->width != before->width || after->height != before->height) {
        int64_t w = after->width < before->width ? after->width : before->width;
        int64_t h = after->height < before->height ? after->height : before->height;
        picture b = crop(before, 0, 0, w, h, 0), a = crop(after, 0, 0, w, h, 0);

        picture_free(before);
        picture_free(after);
        *before = b;
        *after  = a;
    }
    return 1;
}

static void real_pairs(void **state)
{
    char folder[2048];

    (void)state;
    find_data(folder, sizeof folder);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        picture before, after;

        if (!read_pair(&before, &after, folder, i)) {
            printf("  SKIPPED: no %s\n", pairs[i].before);
            continue;
        }

        double          start = seconds();
        tb_registration r     = fit(&before, &after);

        show(pairs[i].name, &r);
        assert_false(r.is_other_ground);
        if (tb_field_exists(&r.field))
            printf("  %-34s field of %d px: held out %.3f -> %.3f px, corr %.4f -> %.4f\n", "",
                   (int)r.field.step, r.held_out[0], r.held_out[1], r.correlation_of_shift,
                   r.field_correlation);
        printf("  %-34s %.0f ms\n", "", 1e3 * (seconds() - start));
        assert_true(miss(&r, pairs[i].dx, pairs[i].dy) <= pairs[i].tolerance);
        if (pairs[i].is_applied != EITHER)
            assert_int_equal(r.applied, pairs[i].is_applied == YES);
        if (before.width * before.height < 100000) {
            tb_registration back = fit(&after, &before);

            assert_true(miss(&back, -r.dx, -r.dy) < 1e-9);
            assert_int_equal(back.applied, r.applied);
        }
        picture_free(&before);
        picture_free(&after);
    }
}

/* The pairs that resemble, AFTER looked at from further off: the shift grows by as much. */
static void real_pairs_moved_apart(void **state)
{
    enum { MARGIN = 16 };
    static const struct {
        int x, y;
    } moves[] = {{4, -3}, {-13, 9}};
    char folder[2048];

    (void)state;
    find_data(folder, sizeof folder);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        picture before, after;

        if (!read_pair(&before, &after, folder, i))
            continue;

        int64_t         w     = at_most_a_cell(before.width - 2 * MARGIN);
        int64_t         h     = at_most_a_cell(before.height - 2 * MARGIN);
        picture         b     = crop(&before, MARGIN, MARGIN, w, h, 0);
        picture         a     = crop(&after, MARGIN, MARGIN, w, h, 0);
        tb_registration still = fit(&b, &a);

        for (size_t k = 0; k < sizeof moves / sizeof moves[0]; k++) {
            picture         far = crop(&after, MARGIN - moves[k].x, MARGIN - moves[k].y, w, h, 0);
            tb_registration r   = fit(&b, &far);
            double          off = miss(&r, still.dx + moves[k].x, still.dy + moves[k].y);
            char            name[64];

            snprintf(name, sizeof name, "%s %+d%+d", pairs[i].name, moves[k].x, moves[k].y);
            show(name, &r);
            printf("  %-34s differs by %.3f px\n", "", off);
            if (pairs[i].is_found_apart)
                assert_true(off <= (still.applied ? 0.3 : 1.0)); /* naip's windows spread by 0.3 */
            assert_true(r.applied || !pairs[i].is_found_apart);
            picture_free(&far);
        }
        picture_free(&a);
        picture_free(&b);
        picture_free(&before);
        picture_free(&after);
    }
}

/* ---- what cannot be measured, and what goes wrong ---- */

static void nothing_is_made_of_nothing(void **state)
{
    static const struct {
        int64_t width, height;
    } sizes[] = {{1, 1}, {1, 500}, {500, 1}, {63, 300}, {64, 64}, {100, 101}, {300, 260}};
    static const char *const kinds[] = {"constant", "NaN",     "half NaN", "noise", "stripes",
                                        "squares",  "impulse", "infinite", "huge"};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            picture  before = picture_new(sizes[i].width, sizes[i].height, 2);
            picture  after  = picture_new(sizes[i].width, sizes[i].height, 2);
            uint64_t seed   = 77;
            char     name[64];

            for (int b = 0; b < 2; b++)
                for (int64_t y = 0; y < before.height; y++)
                    for (int64_t x = 0; x < before.width; x++) {
                        int64_t p       = y * before.width + x;
                        float   u       = (float)(100.0 * uniform(&seed)),
                              v         = (float)(100.0 * uniform(&seed));
                        float both[][2] = {
                            {7.3f, 9.1f},
                            {NAN, NAN},
                            {x % 2 ? u : NAN, v},
                            {u, v},
                            {(float)(x % 16 < 8), (float)((x + 3) % 16 < 8)},
                            {(float)((x / 8 + y / 8) % 2), (float)((x / 8 + y / 8) % 2)},
                            {(float)(p == 999), (float)(p == 777)},
                            {p % 50 ? u : INFINITY, p % 70 ? v : -INFINITY},
                            {u * 1e36f, v * 1e36f}};

                        before.plane[b][p] = both[k][0];
                        after.plane[b][p]  = both[k][1];
                    }

            tb_registration r = fit(&before, &after);

            snprintf(name, sizeof name, "%s %dx%d", kinds[k], (int)before.width,
                     (int)before.height);
            show(name, &r);
            assert_false(r.applied);
            picture_free(&before);
            picture_free(&after);
        }
}

static void without_cells_there_is_a_reason(void **state)
{
    tb_registration r     = {.applied = true};
    tb_align       *align = NULL;
    tb_arena        arena = {0};

    (void)state;
    assert_int_equal(tb_align_new(&align, 1, NULL, 0, 1, &arena, &tb_kernels_c, NULL), TB_OK);
    assert_int_equal(tb_registration_fit(align, (tb_rect){0}, &r, NULL), TB_OK);
    tb_align_free(align);
    tb_arena_reset(&arena);
    assert_false(r.applied);
    assert_non_null(r.reason);
    assert_true(r.dx == 0.0 && r.dy == 0.0 && r.windows == 0);
}

static void instruction_sets_agree_to_the_bit(void **state)
{
    static const char *const names[] = {"c", "avx2", "avx512"};
    static const scenario    s       = {"", 12.4, -7.7, .7, 5, .05, .2, .3, 300, 280};
    picture                  before, after;
    tb_registration          first = {0};

    (void)state;
    make_scenario(&s, &before, &after);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const tb_kernels *kernels = tb_kernels_named(names[i], tb_kernels_features());
        tb_registration   r       = {0};

        if (kernels == NULL) {
            printf("  SKIPPED: no %s here\n", names[i]);
            continue;
        }
        assert_int_equal(fit_with(&before, &after, kernels, &r, NULL), TB_OK);
        printf("  bits %-7s %a %a %a %a %a %d %d %d\n", names[i], r.dx, r.dy, r.residual_px,
               r.correlation_at_zero, r.correlation_at_shift, r.windows, r.accepted, r.applied);
        if (i == 0)
            first = r;
        assert_memory_equal(&r.dx, &first.dx, sizeof r.dx);
        assert_memory_equal(&r.dy, &first.dy, sizeof r.dy);
        assert_memory_equal(&r.residual_px, &first.residual_px, sizeof r.residual_px);
        assert_memory_equal(&r.correlation_at_zero, &first.correlation_at_zero, sizeof(double));
        assert_memory_equal(&r.correlation_at_shift, &first.correlation_at_shift, sizeof(double));
        assert_int_equal(r.windows, first.windows);
        assert_int_equal(r.accepted, first.accepted);
    }
    picture_free(&before);
    picture_free(&after);
}

static void fails_at_every_allocation(const scenario *s)
{
    picture before, after;
    size_t  held = tb_memory_in_use();
    long    n    = 0;
    int     is_hit;

    make_scenario(s, &before, &after);
    do {
        tb_registration r     = {.windows = -1};
        tb_error        error = {0};
        tb_status       status;

        tb_memory_fail_at(++n);
        status = fit_with(&before, &after, &tb_kernels_c, &r, &error);
        is_hit = tb_memory_has_failed();
        tb_memory_fail_at(0);
        assert_int_equal(status, is_hit ? TB_E_MEMORY : TB_OK);
        assert_int_equal(r.windows == -1, is_hit);
        assert_int_equal(error.message[0] != '\0', is_hit);
        assert_int_equal(tb_memory_in_use(), held);
    } while (is_hit);
    printf("  %ld allocations\n", n - 1);
    assert_true(n > 10);
    picture_free(&before);
    picture_free(&after);
}

/* In one cell, which is held, and in six, of which four are. */
static void a_failed_allocation_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    fails_at_every_allocation(&(scenario){"", 6, -4, 1, 0, 0, 0, 0, 80, 80});
    fails_at_every_allocation(&(scenario){"", 6, -4, 1, 0, 0, 0, 0, 1100, 600});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_made_of_nothing),
        cmocka_unit_test(without_cells_there_is_a_reason),
        cmocka_unit_test(instruction_sets_agree_to_the_bit),
        cmocka_unit_test(a_failed_allocation_is_an_error_and_leaks_nothing),
        cmocka_unit_test(made_up_shifts_are_found),
        cmocka_unit_test(a_field_is_found),
        cmocka_unit_test(a_row_further_is_told),
        cmocka_unit_test(other_ground_is_told),
        cmocka_unit_test(real_images_against_themselves),
        cmocka_unit_test(clouds_nobody_masked),
        cmocka_unit_test(real_images_coarsened),
        cmocka_unit_test(real_pairs),
        cmocka_unit_test(real_pairs_moved_apart),
    };

    GDALAllRegister();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
