#include "tuban/doctor.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairo.h>
#include <cpl_conv.h>
#include <cpl_string.h>
#include <fftw3.h>
#include <gdal.h>
#include <geos_c.h>
#include <hdf5.h>
#include <jansson.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>
#include <yaml.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/text.h"
#include "job/machine.h"
#include "kernels/table.h"
#include "raster/capture.h"

enum { ROWS_MAX = 64 };

/* Below this a province's work folder, or even a county's, is likely not to fit. */
static const int64_t DISK_LEAST_BYTES   = INT64_C(2) << 30;
static const int64_t MEMORY_LEAST_BYTES = INT64_C(2) << 30;

static const char *text_or(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

static tb_status add(tb_doctor *doctor, tb_error *err, tb_doctor_state state, const char *name,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));

static tb_status add(tb_doctor *doctor, tb_error *err, tb_doctor_state state, const char *name,
                     const char *format, ...)
{
    tb_status status = TB_OK;
    char      detail[1024];
    char     *copies[2] = {NULL, NULL};
    va_list   arguments;

    if (doctor->count == ROWS_MAX)
        return tb_error_set(err, TB_E_BUG, "doctor: expected at most %d rows", ROWS_MAX);
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    TB_TRY(tb_copy_text(&copies[0], name, err));
    TB_TRY(tb_copy_text(&copies[1], detail, err));
    doctor->rows[doctor->count++] = (tb_doctor_row){copies[0], state, copies[1]};
    if (state > doctor->worst)
        doctor->worst = state;
    return TB_OK;
done:
    tb_free(copies[0]);
    return status;
}

/* ---- libraries ---- */

static tb_status look_at_libraries(tb_doctor *doctor, tb_error *err)
{
    tb_status   status = TB_OK;
    const char *gdal   = GDALVersionInfo("RELEASE_NAME");
    char        hdf5[32];
    unsigned    major = 0, minor = 0, release = 0;
    int         proj[3] = {0};

    if (strcmp(gdal, GDAL_RELEASE_NAME) == 0)
        TB_TRY(add(doctor, err, TB_DOCTOR_OK, "GDAL", "%s", gdal));
    else
        TB_TRY(add(doctor, err, TB_DOCTOR_WARNING, "GDAL", "%s, but built against %s", gdal,
                   GDAL_RELEASE_NAME));
    (void)H5get_libversion(&major, &minor, &release);
    snprintf(hdf5, sizeof hdf5, "%u.%u.%u", major, minor, release);
    if (major == H5_VERS_MAJOR && minor == H5_VERS_MINOR)
        TB_TRY(add(doctor, err, TB_DOCTOR_OK, "HDF5", "%s", hdf5));
    else
        TB_TRY(add(doctor, err, TB_DOCTOR_WARNING, "HDF5", "%s, but built against %d.%d.%d", hdf5,
                   H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE));
    TB_TRY(add(doctor, err, TB_DOCTOR_OK, "FFTW", "%s", fftw_version));
    OSRGetPROJVersion(&proj[0], &proj[1], &proj[2]);
    TB_TRY(add(doctor, err, TB_DOCTOR_OK, "PROJ", "%d.%d.%d", proj[0], proj[1], proj[2]));
    TB_TRY(add(doctor, err, TB_DOCTOR_OK, "GEOS", "%s", GEOSversion()));
    TB_TRY(add(doctor, err, TB_DOCTOR_OK, "libyaml", "%s", yaml_get_version_string()));
    TB_TRY(add(doctor, err, TB_DOCTOR_OK, "jansson", "%s", jansson_version_str()));
    TB_TRY(add(doctor, err, TB_DOCTOR_OK, "cairo", "%s", cairo_version_string()));
done:
    return status;
}

/* ---- drivers ---- */

typedef enum driver_use { READS, WRITES_RASTER, WRITES_VECTOR } driver_use;

static const struct {
    const char *name;
    driver_use  use;
    const char *ending; /* of a file made to try it */
    const char *purpose;
} DRIVERS[] = {
    {"GTiff", WRITES_RASTER, "tif", "images, change maps and scores"},
    {"VRT", READS, "", "mosaics of images"},
    {"JP2OpenJPEG", READS, "", "JPEG 2000 images, such as Sentinel-2's"},
    {"SENTINEL2", READS, "", "Sentinel-2 products"},
    {"GPKG", WRITES_VECTOR, "gpkg", "parcels, layers and the ledger"},
    {"ESRI Shapefile", WRITES_VECTOR, "shp", "layers, and --formats shp"},
    {"OpenFileGDB", WRITES_VECTOR, "gdb", "layers, and --formats gdb"},
    {"GeoJSON", WRITES_VECTOR, "geojson", "--formats geojson"},
    {"LIBKML", WRITES_VECTOR, "kmz", "--formats kmz"},
};

static bool try_raster(GDALDriverH driver, const char *path)
{
    uint8_t      wrote[4] = {1, 2, 3, 255}, found[4] = {0};
    bool         works   = false;
    char       **options = CSLSetNameValue(NULL, "COMPRESS", "DEFLATE");
    GDALDatasetH dataset = GDALCreate(driver, path, 2, 2, 1, GDT_Byte, options);

    CSLDestroy(options);
    if (dataset == NULL)
        return false;
    works = GDALDatasetRasterIO(dataset, GF_Write, 0, 0, 2, 2, wrote, 2, 2, GDT_Byte, 1, NULL, 0, 0,
                                0) == CE_None;
    GDALClose(dataset);
    dataset = GDALOpenEx(path, GDAL_OF_RASTER | GDAL_OF_READONLY, NULL, NULL, NULL);
    if (dataset == NULL)
        return false;
    works = works &&
            GDALDatasetRasterIO(dataset, GF_Read, 0, 0, 2, 2, found, 2, 2, GDT_Byte, 1, NULL, 0, 0,
                                0) == CE_None &&
            memcmp(wrote, found, sizeof wrote) == 0;
    GDALClose(dataset);
    return works;
}

static bool add_feature(OGRLayerH layer)
{
    OGRFieldDefnH field   = OGR_Fld_Create("JCBH", OFTString);
    OGRFeatureH   feature = NULL;
    OGRGeometryH  polygon = NULL;
    char          wkt[]   = "POLYGON ((117 36,117 36.001,117.001 36.001,117.001 36,117 36))";
    char         *rest    = wkt;
    bool          works   = OGR_L_CreateField(layer, field, TRUE) == OGRERR_NONE;

    OGR_Fld_Destroy(field);
    works = works && OGR_G_CreateFromWkt(&rest, NULL, &polygon) == OGRERR_NONE;
    if (works) {
        feature = OGR_F_Create(OGR_L_GetLayerDefn(layer));
        OGR_F_SetFieldString(feature, 0, "371000");
        works = OGR_F_SetGeometry(feature, polygon) == OGRERR_NONE &&
                OGR_L_CreateFeature(layer, feature) == OGRERR_NONE;
        OGR_F_Destroy(feature);
    }
    OGR_G_DestroyGeometry(polygon);
    return works;
}

static bool try_vector(GDALDriverH driver, const char *path)
{
    bool                 works   = false;
    OGRSpatialReferenceH crs     = OSRNewSpatialReference(NULL);
    GDALDatasetH         dataset = GDALCreate(driver, path, 0, 0, 0, GDT_Unknown, NULL);

    if (dataset != NULL) {
        /* A CRS that cannot be made is another row's complaint. */
        OGRSpatialReferenceH usable = OSRImportFromEPSG(crs, 4490) == OGRERR_NONE ? crs : NULL;
        OGRLayerH layer = GDALDatasetCreateLayer(dataset, "parcels", usable, wkbPolygon, NULL);

        works = layer != NULL && add_feature(layer);
        GDALClose(dataset);
    }
    OSRDestroySpatialReference(crs);
    if (!works)
        return false;
    dataset = GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_READONLY, NULL, NULL, NULL);
    if (dataset == NULL)
        return false;
    works = GDALDatasetGetLayerCount(dataset) == 1 &&
            OGR_L_GetFeatureCount(GDALDatasetGetLayer(dataset, 0), TRUE) == 1;
    GDALClose(dataset);
    return works;
}

/* True when the driver writes and reads back a small file in memory. */
static bool try_driver(size_t number, GDALDriverH driver, const void *whose)
{
    char folder[80], path[120];
    bool works;

    snprintf(folder, sizeof folder, "/vsimem/tuban-doctor-%p", whose);
    snprintf(path, sizeof path, "%s/try.%s", folder, DRIVERS[number].ending);
    works =
        DRIVERS[number].use == WRITES_RASTER ? try_raster(driver, path) : try_vector(driver, path);
    (void)VSIRmdirRecursive(folder);
    return works;
}

static tb_status look_at_compressions(tb_doctor *doctor, GDALDriverH gtiff, tb_error *err)
{
    static const char *const wanted[] = {"DEFLATE", "LZW", "ZSTD", "JPEG", "WEBP", "LERC"};
    const char              *options =
        text_or(GDALGetMetadataItem(gtiff, GDAL_DMD_CREATIONOPTIONLIST, NULL), "");
    tb_status status = TB_OK;
    tb_text   here = {0}, missing = {0};

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char     value[40];
        tb_text *list = &missing;

        snprintf(value, sizeof value, "<Value>%s</Value>", wanted[i]);
        if (strstr(options, value) != NULL)
            list = &here;
        TB_TRY(tb_text_append(list, err, "%s%s", list->length > 0 ? ", " : "", wanted[i]));
    }
    TB_TRY(add(doctor, err, missing.length > 0 ? TB_DOCTOR_WARNING : TB_DOCTOR_OK,
               "GeoTIFF compressions", "%s%s%s", text_or(here.data, "none"),
               missing.length > 0 ? "; missing: " : "", text_or(missing.data, "")));
done:
    tb_text_reset(&here);
    tb_text_reset(&missing);
    return status;
}

static tb_status look_at_drivers(tb_doctor *doctor, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t i = 0; i < sizeof DRIVERS / sizeof *DRIVERS; i++) {
        GDALDriverH driver = GDALGetDriverByName(DRIVERS[i].name);
        char        row[64];
        tb_capture  capture;
        bool        works = false;

        snprintf(row, sizeof row, "driver %s", DRIVERS[i].name);
        if (driver == NULL) {
            TB_TRY(add(doctor, err, TB_DOCTOR_MISSING, row, "not in this GDAL; needed for %s",
                       DRIVERS[i].purpose));
            continue;
        }
        if (DRIVERS[i].use == READS) {
            TB_TRY(add(doctor, err, TB_DOCTOR_OK, row, "reads; for %s", DRIVERS[i].purpose));
            continue;
        }
        tb_capture_begin(&capture);
        works = try_driver(i, driver, doctor);
        tb_capture_end(&capture);
        if (works)
            TB_TRY(add(doctor, err, TB_DOCTOR_OK, row, "reads and writes; for %s",
                       DRIVERS[i].purpose));
        else
            TB_TRY(add(doctor, err, TB_DOCTOR_MISSING, row, "cannot write, needed for %s: %s",
                       DRIVERS[i].purpose, tb_capture_text(&capture, "no reason given")));
        if (DRIVERS[i].use == WRITES_RASTER)
            TB_TRY(look_at_compressions(doctor, driver, err));
    }
done:
    return status;
}

/* ---- the machine ---- */

static tb_status look_at_processors(tb_doctor *doctor, tb_error *err)
{
    tb_status         status   = TB_OK;
    unsigned          features = tb_kernels_features();
    const char       *wish     = getenv("TUBAN_CPU");
    const tb_kernels *table    = tb_kernels_named(wish, features);
    int               usable   = tb_parallel_processors();

    TB_TRY(add(doctor, err, TB_DOCTOR_OK, "instruction sets", "c%s%s",
               features & TB_FEATURE_AVX2 ? ", avx2" : "",
               features & TB_FEATURE_AVX512 ? ", avx512" : ""));
    if (table == NULL)
        TB_TRY(
            add(doctor, err, TB_DOCTOR_BAD, "kernels",
                "TUBAN_CPU is \"%s\": expected c, avx2 or avx512, and one that this processor has",
                wish));
    else
        TB_TRY(add(doctor, err, TB_DOCTOR_OK, "kernels", "%s%s", table->isa,
                   wish != NULL && wish[0] != '\0' ? ", as TUBAN_CPU asks" : ""));
    TB_TRY(add(doctor, err, TB_DOCTOR_OK, "processors", "%d usable", usable));
done:
    return status;
}

static double gibibytes(int64_t bytes)
{
    return (double)bytes / 1073741824.0;
}

static tb_status look_at_memory(tb_doctor *doctor, tb_error *err)
{
    tb_machine_memory memory = tb_machine_memory_read();
    int64_t           usable = memory.available_bytes;
    char              limit[64];

    if (memory.total_bytes == 0)
        return add(doctor, err, TB_DOCTOR_WARNING, "memory",
                   "unknown: /proc/meminfo cannot be read");
    if (memory.limit_bytes > 0 && memory.limit_bytes < usable)
        usable = memory.limit_bytes;
    if (memory.limit_bytes > 0)
        snprintf(limit, sizeof limit, "limited to %.1f GiB by a control group",
                 gibibytes(memory.limit_bytes));
    else
        snprintf(limit, sizeof limit, "no control group limit");
    return add(doctor, err, usable < MEMORY_LEAST_BYTES ? TB_DOCTOR_WARNING : TB_DOCTOR_OK,
               "memory", "%.1f GiB, %.1f GiB available, %s", gibibytes(memory.total_bytes),
               gibibytes(memory.available_bytes), limit);
}

static tb_status look_at_disk(tb_doctor *doctor, const char *row, const char *folder, tb_error *err)
{
    int64_t  bytes = 0;
    tb_error error = {0};

    if (!tb_machine_disk_free(folder, &bytes))
        return add(doctor, err, TB_DOCTOR_MISSING, row, "%s: no such folder, or no access", folder);
    if (tb_folder_check_writable(folder, &error) != TB_OK)
        return add(doctor, err, TB_DOCTOR_WARNING, row, "%s: %.1f GiB free, but: %s", folder,
                   gibibytes(bytes), error.message);
    return add(doctor, err, bytes < DISK_LEAST_BYTES ? TB_DOCTOR_WARNING : TB_DOCTOR_OK, row,
               "%s: %.1f GiB free", folder, gibibytes(bytes));
}

/* ---- coordinates ---- */

static tb_status look_at_database(tb_doctor *doctor, tb_error *err)
{
    char    **folders = OSRGetPROJSearchPaths();
    tb_status status  = TB_OK;
    char     *path    = NULL;
    bool      found   = false;

    for (int i = 0; folders != NULL && folders[i] != NULL && !found; i++) {
        tb_free(path);
        path = NULL;
        TB_TRY(tb_path_join(&path, folders[i], "proj.db", err));
        found = tb_file_exists(path);
    }
    if (found)
        TB_TRY(add(doctor, err, TB_DOCTOR_OK, "PROJ database", "%s", path));
    else
        TB_TRY(add(doctor, err, TB_DOCTOR_MISSING, "PROJ database",
                   "proj.db is in none of PROJ's folders; install proj-data or set PROJ_DATA"));
done:
    tb_free(path);
    CSLDestroy(folders);
    return status;
}

/* A CRS of the database with x east (or longitude) first; NULL when it cannot be made. */
static OGRSpatialReferenceH make_crs(int code)
{
    OGRSpatialReferenceH crs = OSRNewSpatialReference(NULL);

    if (OSRImportFromEPSG(crs, code) != OGRERR_NONE) {
        OSRDestroySpatialReference(crs);
        return NULL;
    }
    OSRSetAxisMappingStrategy(crs, OAMS_TRADITIONAL_GIS_ORDER);
    return crs;
}

static tb_status look_at_transform(tb_doctor *doctor, int from_code, int to_code,
                                   const double from[2], const double expected[2], double tolerance,
                                   tb_error *err)
{
    tb_capture                   capture;
    char                         row[64];
    double                       x = from[0], y = from[1];
    bool                         works     = false;
    OGRCoordinateTransformationH transform = NULL;

    snprintf(row, sizeof row, "EPSG:%d to EPSG:%d", from_code, to_code);
    tb_capture_begin(&capture);

    OGRSpatialReferenceH source = make_crs(from_code);
    OGRSpatialReferenceH target = make_crs(to_code);

    if (source != NULL && target != NULL)
        transform = OCTNewCoordinateTransformation(source, target);
    if (transform != NULL) {
        works = OCTTransform(transform, 1, &x, &y, NULL) != 0;
        OCTDestroyCoordinateTransformation(transform);
    }
    if (source != NULL)
        OSRDestroySpatialReference(source);
    if (target != NULL)
        OSRDestroySpatialReference(target);
    tb_capture_end(&capture);
    if (!works)
        return add(doctor, err, TB_DOCTOR_MISSING, row, "does not work: %s",
                   tb_capture_text(&capture, "no reason given"));
    if (!(fabs(x - expected[0]) <= tolerance && fabs(y - expected[1]) <= tolerance))
        return add(doctor, err, TB_DOCTOR_MISSING, row,
                   "gives nonsense: %.10g %.10g for %.10g %.10g, expected %.10g %.10g", x, y,
                   from[0], from[1], expected[0], expected[1]);
    return add(doctor, err, TB_DOCTOR_OK, row, "works: %.10g %.10g gives %.10g %.10g", from[0],
               from[1], x, y);
}

static tb_status look_at_coordinates(tb_doctor *doctor, tb_error *err)
{
    /* On the central meridian of zone 39 the easting is 39,500 km by definition, and the northing
     * the meridian arc of CGCS2000's ellipsoid (that of GRS 1980 to 0.1 mm): 3985542.7 m at 36
     * degrees. */
    static const double jinan[2] = {117.0, 36.0}, zone_39[2] = {39500000.0, 3985542.7};
    tb_status           status = TB_OK;

    TB_TRY(look_at_database(doctor, err));
    TB_TRY(look_at_transform(doctor, 4326, 4490, jinan, jinan, 1e-4, err));
    TB_TRY(look_at_transform(doctor, 4490, 4527, jinan, zone_39, 1.0, err));
done:
    return status;
}

tb_status tb_doctor_examine(tb_doctor **out, tb_error *err)
{
    tb_status   status = TB_OK;
    tb_doctor  *doctor = NULL;
    const char *folder = text_or(getenv("TMPDIR"), "/tmp");

    *out = NULL;
    GDALAllRegister();
    TB_TRY(tb_alloc_zero(&doctor, 1, sizeof *doctor, "doctor", err));
    TB_TRY(tb_alloc_zero(&doctor->rows, ROWS_MAX, sizeof *doctor->rows, "doctor's rows", err));
    TB_TRY(look_at_libraries(doctor, err));
    TB_TRY(look_at_drivers(doctor, err));
    TB_TRY(look_at_coordinates(doctor, err));
    TB_TRY(look_at_processors(doctor, err));
    TB_TRY(look_at_memory(doctor, err));
    TB_TRY(look_at_disk(doctor, "disk of this folder", ".", err));
    TB_TRY(look_at_disk(doctor, "disk of TMPDIR", folder, err));
    *out   = doctor;
    doctor = NULL;
done:
    tb_doctor_free(doctor);
    return status;
}

void tb_doctor_free(tb_doctor *doctor)
{
    if (doctor == NULL)
        return;
    for (size_t i = 0; i < doctor->count; i++) {
        tb_free(doctor->rows[i].name);
        tb_free(doctor->rows[i].detail);
    }
    tb_free(doctor->rows);
    tb_free(doctor);
}

const char *tb_doctor_state_name(tb_doctor_state state)
{
    switch (state) {
    case TB_DOCTOR_OK:
        return "ok";
    case TB_DOCTOR_WARNING:
        return "warning";
    case TB_DOCTOR_MISSING:
        return "missing";
    case TB_DOCTOR_BAD:
        break;
    }
    return "bad";
}
