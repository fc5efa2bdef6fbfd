/** Rasters made up for tests: written by GDAL, in memory or in a folder of the test's own. */
#ifndef TUBAN_TESTS_SCENES_H
#define TUBAN_TESTS_SCENES_H

#include <stdbool.h>
#include <stdint.h>

#include <gdal.h>

#include "kernels/table.h"

/** The best row functions this machine has. */
const tb_kernels *kernels_here(void);

/** xorshift; the state must not be 0. */
uint64_t random_next(uint64_t *state);

/** Whole numbers low .. high, and reals low .. high. */
int64_t random_between(uint64_t *state, int64_t low, int64_t high);
double  random_real(uint64_t *state, double low, double high);

typedef struct made {
    int           width, height, bands;
    GDALDataType  type;      /**< GDT_Unknown: float */
    const double *transform; /**< NULL: none */
    int           epsg;      /**< 0: none */
    int           tile;      /**< side; 0: strips */
    bool          has_nodata;
    double        nodata;
    bool          has_alpha;   /**< one band more, the last of `samples` */
    const char   *compression; /**< NULL: none */
} made;

/** Writes [bands][height][width] samples as GeoTIFF. */
void made_write(const char *path, const made *m, const float *samples);

/** Smooth texture of several scales at a place; about -1 .. 1, another for each band and seed. */
double ground(double x, double y, int band, uint64_t seed);

/** Makes a folder below the temporary one; removed by folder_end. */
void        folder_begin(void);
void        folder_end(void);
const char *in_folder(const char *name, char *buffer, size_t size);

/** Files in the folder. */
int folder_count(void);

#endif
