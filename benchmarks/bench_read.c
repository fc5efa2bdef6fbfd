/*
 * Reading alone: every tile of files, as the tile cache asks for them, without GDAL and with it.
 *
 *     bench_read FILE...
 *
 * CPU seconds of this process, the better of some rounds in turn. GDAL's are less than gdal_read's
 * where that decodes a block it has lost from its cache again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <gdal.h>

#include "core/memory.h"
#include "raster/image.h"

enum { ROUNDS = 3, WAYS = 2 };

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static tb_status read_all(const char *path, const tb_kernels *kernels, tb_error *err)
{
    tb_status            status  = TB_OK;
    tb_image            *image   = NULL;
    const tb_image_info *info    = NULL;
    void                *samples = NULL;
    uint8_t             *valid   = NULL;
    tb_rect              whole;

    TB_TRY(tb_image_open(&image, path, err));
    tb_image_use(image, kernels);
    info  = tb_image_describe(image);
    whole = (tb_rect){0, 0, info->width, info->height};
    TB_TRY(tb_alloc(&samples, (size_t)(info->tile_width * info->tile_height),
                    (size_t)info->bands * tb_sample_size(info->type), "tile", err));
    TB_TRY(tb_alloc(&valid, (size_t)(info->tile_width * info->tile_height), 1, "tile", err));
    for (int64_t y = 0; y < info->height; y += info->tile_height)
        for (int64_t x = 0; x < info->width; x += info->tile_width) {
            tb_rect tile = {x, y, info->tile_width, info->tile_height};

            TB_TRY(tb_image_read(image, tb_rect_intersect(tile, whole), samples, valid, err));
        }
done:
    tb_image_close(image);
    tb_free(samples);
    tb_free(valid);
    return status;
}

int main(int argc, char **argv)
{
    const tb_kernels *ways[WAYS] = {tb_kernels_named(getenv("TUBAN_CPU"), tb_kernels_features()),
                                    NULL};

    GDALSetCacheMax64(64 << 20);
    printf("%9s %9s %7s\n", "direct s", "GDAL s", "ratio");
    for (int i = 1; i < argc; i++) {
        double best[WAYS] = {1e9, 1e9};

        for (int round = 0; round < ROUNDS; round++)
            for (int w = 0; w < WAYS; w++) {
                tb_error error = {0};
                double   start = seconds(), now;

                if (read_all(argv[i], ways[w], &error) != TB_OK) {
                    fprintf(stderr, "bench_read: %s\n", error.message);
                    return EXIT_FAILURE;
                }
                now     = seconds() - start;
                best[w] = now < best[w] ? now : best[w];
            }
        printf("%9.3f %9.3f %7.2f  %s\n", best[0], best[1], best[0] / best[1], argv[i]);
    }
    return EXIT_SUCCESS;
}
