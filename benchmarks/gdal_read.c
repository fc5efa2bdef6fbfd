/*
 * What GDAL takes to read files, and no more: the limit speed.py measures against.
 *
 *     gdal_read FILE...
 *
 * Whole tiles of 512 pixels, all bands in one call in their own type, one thread, in the order of
 * the file; a cache of 64 MB, as tuban has. Prints the bytes and a sum over them, so that nothing
 * is left out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <gdal.h>

enum { TILE = 512, CACHE_BYTES = 64 << 20 };

static uint64_t sum_of(const unsigned char *bytes, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i += 4096)
        sum += bytes[i];
    return sum;
}

static int read_file(const char *path, int64_t *bytes, uint64_t *sum)
{
    GDALDatasetH   image = GDALOpen(path, GA_ReadOnly);
    unsigned char *tile  = NULL;
    GDALDataType   type;
    int            width, height, bands, failed = 0;
    size_t         pixel;

    if (image == NULL)
        return 1;
    width  = GDALGetRasterXSize(image);
    height = GDALGetRasterYSize(image);
    bands  = GDALGetRasterCount(image);
    type   = GDALGetRasterDataType(GDALGetRasterBand(image, 1));
    pixel  = (size_t)bands * (size_t)GDALGetDataTypeSizeBytes(type);
    tile   = malloc(pixel * TILE * TILE);
    failed = tile == NULL;
    for (int y = 0; y < height && !failed; y += TILE)
        for (int x = 0; x < width && !failed; x += TILE) {
            int w = width - x < TILE ? width - x : TILE, h = height - y < TILE ? height - y : TILE;

            failed = GDALDatasetRasterIO(image, GF_Read, x, y, w, h, tile, w, h, type, bands, NULL,
                                         0, 0, 0) != CE_None;
            *bytes += (int64_t)pixel * w * h;
            *sum += sum_of(tile, pixel * (size_t)w * (size_t)h);
        }
    free(tile);
    GDALClose(image);
    return failed;
}

int main(int argc, char **argv)
{
    int64_t  bytes = 0;
    uint64_t sum   = 0;

    GDALAllRegister();
    GDALSetCacheMax64(CACHE_BYTES);
    for (int i = 1; i < argc; i++)
        if (read_file(argv[i], &bytes, &sum) != 0) {
            fprintf(stderr, "gdal_read: %s cannot be read\n", argv[i]);
            return EXIT_FAILURE;
        }
    printf("%" PRId64 " bytes, sum %" PRIu64 "\n", bytes, sum);
    return EXIT_SUCCESS;
}
