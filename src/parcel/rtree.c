#include "parcel/rtree.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/text.h"
#include "raster/capture.h"

enum { LOOKS_AT_ONCE = 500 };

/* A name within double quotes of SQL. */
static tb_status append_name(tb_text *sql, const char *name, tb_error *err)
{
    tb_status status = TB_OK;

    for (; *name != '\0'; name++)
        TB_TRY(tb_text_append(sql, err, *name == '"' ? "\"%c" : "%c", *name));
done:
    return status;
}

static double farthest(const tb_look *look)
{
    return fmax(fmax(-look->low[0], look->high[0]), fmax(-look->low[1], look->high[1]));
}

/*
 * Looks go out as whole numbers, a little wider: in thousandths of a metre or 1e-9 degree. Digits
 * of doubles would cost as much as the index.
 */
static tb_status write_query(tb_text *sql, OGRLayerH layer, const tb_look *looks, size_t count,
                             tb_error *err)
{
    tb_status status = TB_OK;
    double    most   = 0.0, scale;

    for (size_t i = 0; i < count; i++)
        most = fmax(most, farthest(&looks[i]));
    scale = most < 1e3 ? 1e9 : 1e3;
    TB_TRY(tb_text_append(sql, err, "SELECT group_concat(r.id) FROM (VALUES "));
    for (size_t i = 0; i < count; i++)
        TB_TRY(tb_text_append(
            sql, err, "%s(%lld,%lld,%lld,%lld)", i > 0 ? "," : "",
            (long long)floor(looks[i].low[0] * scale), (long long)ceil(looks[i].high[0] * scale),
            (long long)floor(looks[i].low[1] * scale), (long long)ceil(looks[i].high[1] * scale)));
    TB_TRY(tb_text_append(sql, err, ") b CROSS JOIN \"rtree_"));
    TB_TRY(append_name(sql, OGR_L_GetName(layer), err));
    TB_TRY(tb_text_append(sql, err, "_"));
    TB_TRY(append_name(sql, OGR_L_GetGeometryColumn(layer), err));
    TB_TRY(tb_text_append(sql, err,
                          "\" r ON r.maxx >= b.column1 / %.1f AND r.minx <= b.column2 / %.1f AND "
                          "r.maxy >= b.column3 / %.1f AND r.miny <= b.column4 / %.1f",
                          scale, scale, scale, scale));
done:
    return status;
}

/* Adds the numbers of a text, with commas between; *is_read is false where it is none of these. */
static tb_status read_numbers(const char *text, int64_t **numbers, size_t *count, size_t *capacity,
                              bool *is_read, tb_error *err)
{
    tb_status status = TB_OK;

    while (*text != '\0' && *is_read) {
        char     *end;
        long long number;

        errno    = 0;
        number   = strtoll(text, &end, 10);
        *is_read = end != text && errno == 0 && (*end == ',' || *end == '\0');
        if (*count == *capacity) {
            size_t more = *capacity > 0 ? 2 * *capacity : 1024;

            TB_TRY(tb_grow(numbers, more, sizeof **numbers, "features found", err));
            *capacity = more;
        }
        (*numbers)[(*count)++] = number;
        text                   = *end == ',' ? end + 1 : end;
    }
done:
    return status;
}

static int compare_numbers(const void *a, const void *b)
{
    const int64_t *p = a, *q = b;

    return (*p > *q) - (*p < *q);
}

tb_status tb_rtree_find(GDALDatasetH dataset, OGRLayerH layer, const tb_hunt *hunt,
                        int64_t **numbers, size_t *count, tb_error *err)
{
    tb_status status   = TB_OK;
    size_t    capacity = 0, kept = 0;
    bool is_read = strcmp(GDALGetDriverShortName(GDALGetDatasetDriver(dataset)), "GPKG") == 0 &&
                   OGR_L_TestCapability(layer, OLCFastSpatialFilter);
    tb_text sql = {0};

    *numbers = NULL;
    *count   = 0;
    for (size_t i = 0; i < hunt->count && is_read; i++)
        is_read = farthest(&hunt->boxes[i]) < 1e15;
    for (size_t i = 0; i < hunt->count && is_read; i += LOOKS_AT_ONCE) {
        size_t      left    = hunt->count - i;
        OGRLayerH   answers = NULL;
        OGRFeatureH answer  = NULL;
        tb_capture  capture;

        tb_text_reset(&sql);
        TB_TRY(write_query(&sql, layer, hunt->boxes + i,
                           left < LOOKS_AT_ONCE ? left : LOOKS_AT_ONCE, err));
        tb_capture_begin(&capture);
        answers = GDALDatasetExecuteSQL(dataset, sql.data, NULL, NULL);
        answer  = answers != NULL ? OGR_L_GetNextFeature(answers) : NULL;
        is_read = !tb_capture_end(&capture) && answer != NULL;
        if (is_read && OGR_F_IsFieldSetAndNotNull(answer, 0))
            status = read_numbers(OGR_F_GetFieldAsString(answer, 0), numbers, count, &capacity,
                                  &is_read, err);
        if (answer != NULL)
            OGR_F_Destroy(answer);
        if (answers != NULL)
            GDALDatasetReleaseResultSet(dataset, answers);
        if (status != TB_OK)
            goto done;
    }
    if (is_read && *numbers == NULL) /* nothing lies there */
        TB_TRY(tb_alloc(numbers, 1, sizeof **numbers, "features found", err));
    if (*count > 0)
        qsort(*numbers, *count, sizeof **numbers, compare_numbers);
    for (size_t i = 0; i < *count; i++)
        if (kept == 0 || (*numbers)[i] != (*numbers)[kept - 1])
            (*numbers)[kept++] = (*numbers)[i];
    *count = kept;
done:
    tb_text_reset(&sql);
    if (status != TB_OK || !is_read) {
        tb_free(*numbers);
        *numbers = NULL;
        *count   = 0;
    }
    return status;
}
