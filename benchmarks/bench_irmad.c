/*
 * IR-MAD of the upper left corner of two images: CPU nanoseconds a pixel and pass, and the
 * canonical correlations, as one line of JSON (benchmarks/peers.py puts numpy's beside it).
 *
 *   bench_irmad BEFORE AFTER [SIDE [PASSES]]      2000 10
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <gdal.h>

#include "core/memory.h"
#include "radiometry/irmad.h"

static float *read_corner(const char *path, int side, int *bands)
{
    GDALDatasetH image = GDALOpen(path, GA_ReadOnly);
    size_t       count = (size_t)side * (size_t)side;
    float       *samples;

    if (image == NULL)
        exit(1);
    *bands = GDALGetRasterCount(image);
    if (tb_alloc(&samples, (size_t)*bands * count, sizeof *samples, "samples", NULL) != TB_OK ||
        GDALDatasetRasterIO(image, GF_Read, 0, 0, side, side, samples, side, side, GDT_Float32,
                            *bands, NULL, 0, 0, 0) != CE_None)
        exit(1);
    GDALClose(image);
    return samples;
}

int main(int argc, char **argv)
{
    int              side = argc > 3 ? atoi(argv[3]) : 2000, bands = 0, bands_after = 0;
    tb_irmad_options options = {.delta = 1e-30, .iterations_max = argc > 4 ? atoi(argv[4]) : 10};
    size_t           count   = (size_t)side * (size_t)side;
    const float     *planes[2][TB_PIXELS_BANDS_MAX];
    float           *samples[2];
    double           best  = 1e300;
    tb_error         error = {0};
    tb_irmad         fit;

    if (argc < 3) {
        fprintf(stderr, "bench_irmad BEFORE AFTER [SIDE [PASSES]]\n");
        return 2;
    }
    GDALAllRegister();
    samples[0] = read_corner(argv[1], side, &bands);
    samples[1] = read_corner(argv[2], side, &bands_after);
    if (bands != bands_after || bands > TB_PIXELS_BANDS_MAX)
        return 1;
    for (int date = 0; date < 2; date++)
        for (int band = 0; band < bands; band++)
            planes[date][band] = samples[date] + (size_t)band * count;

    tb_pixels pixels = {
        .bands = bands, .count = (int64_t)count, .before = planes[0], .after = planes[1]};

    for (int round = 0; round < 3; round++) {
        clock_t start = clock();

        if (tb_irmad_fit(&fit, &pixels, &options, tb_kernels_select(tb_kernels_features()),
                         &error) != TB_OK) {
            fprintf(stderr, "%s\n", error.message);
            return 1;
        }

        double used = (double)(clock() - start) / CLOCKS_PER_SEC;

        best = used < best ? used : best;
    }
    printf("{\"ns\": %.3f, \"iterations\": %d, \"rho\": [",
           best / (double)count / fit.iterations * 1e9, fit.iterations);
    for (int i = 0; i < fit.components; i++)
        printf("%s%.9f", i > 0 ? ", " : "", fit.rho[i]);
    printf("]}\n");
    tb_free(samples[0]);
    tb_free(samples[1]);
    return 0;
}
