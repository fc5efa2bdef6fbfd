#include "scenes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cpl_string.h>
#include <ogr_srs_api.h>

#include "core/file.h"

static char folder[200];

const tb_kernels *kernels_here(void)
{
    return tb_kernels_select(tb_kernels_features());
}

uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

int64_t random_between(uint64_t *state, int64_t low, int64_t high)
{
    return low + (int64_t)((random_next(state) >> 11) % (uint64_t)(high - low + 1));
}

double random_real(uint64_t *state, double low, double high)
{
    return low + (high - low) * (double)(random_next(state) >> 11) / 0x1p53;
}

void made_write(const char *path, const made *m, const float *samples)
{
    int          bands   = m->bands + m->has_alpha;
    GDALDataType type    = m->type == GDT_Unknown ? GDT_Float32 : m->type;
    char       **options = NULL;
    char         side[16];
    GDALDatasetH dataset;

    GDALAllRegister();
    if (m->tile > 0) {
        snprintf(side, sizeof side, "%d", m->tile);
        options = CSLSetNameValue(options, "TILED", "YES");
        options = CSLSetNameValue(options, "BLOCKXSIZE", side);
        options = CSLSetNameValue(options, "BLOCKYSIZE", side);
    }
    if (m->compression != NULL)
        options = CSLSetNameValue(options, "COMPRESS", m->compression);
    options = CSLSetNameValue(options, "PHOTOMETRIC", "MINISBLACK");
    dataset =
        GDALCreate(GDALGetDriverByName("GTiff"), path, m->width, m->height, bands, type, options);
    CSLDestroy(options);
    assert_non_null(dataset);
    if (m->has_alpha)
        GDALSetRasterColorInterpretation(GDALGetRasterBand(dataset, bands), GCI_AlphaBand);
    if (m->transform != NULL)
        assert_int_equal(GDALSetGeoTransform(dataset, (double *)(uintptr_t)m->transform), CE_None);
    if (m->epsg != 0) {
        OGRSpatialReferenceH crs = OSRNewSpatialReference(NULL);

        assert_int_equal(OSRImportFromEPSG(crs, m->epsg), OGRERR_NONE);
        assert_int_equal(GDALSetSpatialRef(dataset, crs), CE_None);
        OSRDestroySpatialReference(crs);
    }
    if (m->has_nodata)
        GDALSetRasterNoDataValue(GDALGetRasterBand(dataset, 1), m->nodata);
    for (int b = 0; b < bands; b++)
        assert_int_equal(
            GDALRasterIO(
                GDALGetRasterBand(dataset, b + 1), GF_Write, 0, 0, m->width, m->height,
                (void *)(uintptr_t)(samples + (size_t)b * (size_t)m->width * (size_t)m->height),
                m->width, m->height, GDT_Float32, 0, 0),
            CE_None);
    GDALClose(dataset);
}

static double lattice_value(int64_t x, int64_t y, uint64_t salt)
{
    uint64_t h = (uint64_t)x * 0x9E3779B97F4A7C15u ^ (uint64_t)y * 0xC2B2AE3D27D4EB4Fu ^ salt;

    h ^= h >> 29;
    h *= 0xBF58476D1CE4E5B9u;
    h ^= h >> 32;
    h *= 0x94D049BB133111EBu;
    h ^= h >> 29;
    return (double)(h >> 11) / 0x1p52 - 1.0;
}

static double eased(double t)
{
    return t * t * t * (t * (t * 6 - 15) + 10);
}

static double octave(double x, double y, uint64_t salt)
{
    double  fx = floor(x), fy = floor(y), u = eased(x - fx), v = eased(y - fy);
    int64_t ix = (int64_t)fx, iy = (int64_t)fy;

    return (lattice_value(ix, iy, salt) * (1 - u) + lattice_value(ix + 1, iy, salt) * u) * (1 - v) +
           (lattice_value(ix, iy + 1, salt) * (1 - u) + lattice_value(ix + 1, iy + 1, salt) * u) *
               v;
}

double ground(double x, double y, int band, uint64_t seed)
{
    uint64_t salt = seed * 0x2545F4914F6CDD1Du + (uint64_t)band * 0x5851F42D4C957F2Du;

    return 0.45 * octave(x / 6, y / 6, seed) + 0.3 * octave(x / 17, y / 17, salt + 1) +
           0.25 * octave(x / 61, y / 61, salt + 2);
}

void folder_begin(void)
{
    const char *parent = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%.150s/tuban-test-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(folder));
}

void folder_end(void)
{
    tb_folder_remove(folder);
}

const char *in_folder(const char *name, char *buffer, size_t size)
{
    snprintf(buffer, size, "%s/%s", folder, name);
    return buffer;
}

static tb_status count_one(void *context, const char *name, tb_error *err)
{
    (void)name;
    (void)err;
    ++*(int *)context;
    return TB_OK;
}

int folder_count(void)
{
    int count = 0;

    assert_int_equal(tb_folder_each(folder, count_one, &count, NULL), TB_OK);
    return count;
}
