#include "raster/safe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cpl_minixml.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "raster/capture.h"

const char *const tb_safe_bands_words[] = {"10m", "20m", "all", NULL};

/* Bands in the order of the image, with ESA's number of each: RADIO_ADD_OFFSET band_id. */
static const struct {
    const char *name;
    const char *in_file; /* as files spell it */
    int         number;
    bool        is_coarse;
} known[TB_SAFE_BANDS_MAX] = {
    {"B2", "B02", 1, false},  {"B3", "B03", 2, false}, {"B4", "B04", 3, false},
    {"B8", "B08", 7, false},  {"B5", "B05", 4, true},  {"B6", "B06", 5, true},
    {"B7", "B07", 6, true},   {"B8A", "B8A", 8, true}, {"B11", "B11", 11, true},
    {"B12", "B12", 12, true},
};

/* From this baseline on the metadata has to tell of offsets. */
static const double OFFSETS_SINCE = 4.0, OFFSET_MOST = 10000.0;

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcasecmp(text + n - m, end) == 0;
}

/* The main metadata file of a product by its name: compact, or as it was until 2016. */
static bool is_metadata(const char *name)
{
    return ends_with(name, ".xml") &&
           (strncmp(name, "MTD_MSIL", 8) == 0 ||
            (strncmp(name, "S2", 2) == 0 && strstr(name, "_MTD_SAFL") != NULL));
}

/* Looks for the metadata file in a folder; *is_product tells of a product, with or without it. */
static tb_status look_in(const char *folder, tb_text *xml, bool *is_product, tb_error *err)
{
    tb_status status = TB_OK;
    char    **names  = VSIReadDir(folder);

    for (int i = 0; names != NULL && names[i] != NULL; i++) {
        *is_product = *is_product || strcmp(names[i], "GRANULE") == 0;
        if (xml->data != NULL || !is_metadata(names[i]))
            continue;
        *is_product = true;
        TB_TRY(tb_text_append(xml, err, "%s/%s", folder, names[i]));
    }
done:
    CSLDestroy(names);
    return status;
}

static tb_status look_in_zip(const char *path, tb_text *xml, bool *is_product, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   root = {0}, inner = {0};
    char    **names = NULL;

    TB_TRY(tb_text_append(&root, err, "/vsizip/%s", path));
    names = VSIReadDir(root.data);
    if (names == NULL) {
        status = tb_error_set(err, TB_E_INPUT,
                              "open %s: expected a zip archive with its list of files at the end, "
                              "got one that is cut short or damaged",
                              path);
        tb_error_hint(err, "fetch the product again from where it came");
        goto done;
    }
    TB_TRY(look_in(root.data, xml, is_product, err));
    for (int i = 0; names[i] != NULL && xml->data == NULL; i++) {
        if (!ends_with(names[i], ".SAFE"))
            continue;
        *is_product = true;
        tb_text_reset(&inner);
        TB_TRY(tb_text_append(&inner, err, "%s/%s", root.data, names[i]));
        TB_TRY(look_in(inner.data, xml, is_product, err));
    }
done:
    CSLDestroy(names);
    tb_text_reset(&root);
    tb_text_reset(&inner);
    return status;
}

/* The path of the product's metadata; empty where the path is no product. */
static tb_status find_metadata(const char *path, tb_text *xml, tb_error *err)
{
    tb_status status     = TB_OK;
    bool      is_product = false;
    tb_text   folder     = {0};

    TB_TRY(tb_text_append(&folder, err, "%s", path));
    while (folder.length > 1 && folder.data[folder.length - 1] == '/')
        folder.data[--folder.length] = '\0';
    if (is_metadata(tb_path_name(path))) {
        TB_TRY(tb_text_append(xml, err, "%s", path));
    } else if (ends_with(path, ".zip")) {
        if (tb_file_exists(path))
            TB_TRY(look_in_zip(path, xml, &is_product, err));
    } else {
        is_product = ends_with(folder.data, ".SAFE") && tb_file_exists(folder.data);
        TB_TRY(look_in(folder.data, xml, &is_product, err));
    }
    if (is_product && xml->data == NULL) {
        status = tb_error_set(err, TB_E_INPUT,
                              "open %s: expected a Sentinel-2 product with MTD_MSIL1C.xml or "
                              "MTD_MSIL2A.xml, got none",
                              path);
        tb_error_hint(err, "without it neither offsets nor dates are known: fetch it whole");
    }
done:
    tb_text_reset(&folder);
    return status;
}

/* An element anywhere below the root or beside it, where a declaration comes first: hence the "=".
 */
static const char *text_of(CPLXMLNode *root, const char *element)
{
    CPLXMLNode *node = CPLSearchXMLNode(root, element);

    return node != NULL ? CPLGetXMLValue(node, NULL, "") : "";
}

/* The whole text as a number. */
static bool read_number(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    while (*end == ' ' || *end == '\n' || *end == '\r' || *end == '\t')
        end++;
    return end != text && *end == '\0' && *out == *out;
}

static tb_status read_offset(tb_safe_band *band, int number, CPLXMLNode *list, const char *path,
                             tb_error *err)
{
    for (CPLXMLNode *node = list->psChild; node != NULL; node = node->psNext) {
        const char *id = CPLGetXMLValue(node, "band_id", NULL), *text;

        if (node->eType != CXT_Element || id == NULL || atoi(id) != number)
            continue;
        text = CPLGetXMLValue(node, NULL, "");
        if (read_number(text, &band->offset) && band->offset >= -OFFSET_MOST &&
            band->offset <= OFFSET_MOST && band->offset == (double)(int)band->offset)
            return TB_OK;
        return tb_error_set(err, TB_E_INPUT,
                            "open %s: expected a whole number from -10000 to 10000 as %s of band "
                            "%s, got \"%s\"",
                            path, node->pszValue, band->name, text);
    }
    return tb_error_set(err, TB_E_INPUT, "open %s: expected an offset of band %s (%s), got none",
                        path, band->name, list->pszValue);
}

/* What is added to the samples of each band. Before baseline 04.00 there was nothing to add. */
static tb_status read_offsets(tb_safe *safe, const int *number, CPLXMLNode *root, const char *path,
                              tb_error *err)
{
    tb_status   status   = TB_OK;
    CPLXMLNode *list     = CPLSearchXMLNode(root, safe->has_classes ? "=BOA_ADD_OFFSET_VALUES_LIST"
                                                                    : "=Radiometric_Offset_List");
    double      baseline = 0.0;

    if (!read_number(safe->baseline, &baseline)) {
        status = tb_error_set(err, TB_E_INPUT,
                              "open %s: expected a PROCESSING_BASELINE such as 05.10, got \"%s\"",
                              path, safe->baseline);
        goto done;
    }
    if (list == NULL && baseline >= OFFSETS_SINCE) {
        status = tb_error_set(err, TB_E_INPUT,
                              "open %s: expected %s in the metadata of a product of baseline %s, "
                              "got none",
                              path, safe->has_classes ? "BOA_ADD_OFFSET" : "RADIO_ADD_OFFSET",
                              safe->baseline);
        tb_error_hint(err, "its samples would be 1000 off: fetch the product again");
        goto done;
    }
    for (int b = 0; b < safe->bands && list != NULL; b++)
        TB_TRY(read_offset(&safe->band[b], number[b], list, path, err));
done:
    return status;
}

static void choose_bands(tb_safe *safe, tb_safe_bands bands, int *number)
{
    for (int k = 0; k < TB_SAFE_BANDS_MAX; k++) {
        if (bands != TB_SAFE_ALL && known[k].is_coarse != (bands == TB_SAFE_20M))
            continue;
        number[safe->bands]       = known[k].number;
        safe->band[safe->bands++] = (tb_safe_band){known[k].name, known[k].is_coarse, 0.0};
    }
}

static tb_status read_metadata(tb_safe *safe, const char *xml, const char *path,
                               tb_safe_bands bands, tb_error *err)
{
    tb_status   status = TB_OK;
    CPLXMLNode *root   = NULL;
    const char *level, *start;
    int         number[TB_SAFE_BANDS_MAX], year, month, day;
    tb_capture  capture;

    tb_capture_begin(&capture);
    root = CPLParseXMLFile(xml);
    tb_capture_end(&capture);
    if (root == NULL) {
        status = tb_error_set(err, TB_E_INPUT, "open %s: expected the XML of a product, got: %s",
                              xml, tb_capture_text(&capture, "nothing that can be read"));
        goto done;
    }
    CPLStripXMLNamespace(root, NULL, TRUE);
    level = text_of(root, "=PROCESSING_LEVEL");
    start = text_of(root, "=PRODUCT_START_TIME");
    if (strncmp(level, "Level-1C", 8) != 0 && strncmp(level, "Level-2A", 8) != 0) {
        status = tb_error_set(err, TB_E_INPUT,
                              "open %s: expected a product of Level-1C or Level-2A, got \"%s\"",
                              path, level);
        goto done;
    }
    if (sscanf(start, "%4d-%2d-%2dT", &year, &month, &day) != 3 || strlen(start) < 11) {
        status = tb_error_set(err, TB_E_INPUT,
                              "open %s: expected a PRODUCT_START_TIME such as "
                              "2024-06-12T03:05:19.024Z, got \"%s\"",
                              path, start);
        goto done;
    }
    TB_TRY(tb_copy_text(&safe->start, start, err));
    snprintf(safe->level, sizeof safe->level, "L%.2s", level + 6);
    snprintf(safe->baseline, sizeof safe->baseline, "%s", text_of(root, "=PROCESSING_BASELINE"));
    safe->has_classes = strcmp(safe->level, "L2A") == 0;
    choose_bands(safe, bands, number);
    TB_TRY(read_offsets(safe, number, root, path, err));
done:
    CPLDestroyXMLNode(root);
    return status;
}

/* The one subdataset of a resolution: a product of several UTM zones has more. */
static tb_status find_inner(char **out, char **list, const char *resolution, const char *path,
                            tb_error *err)
{
    const char *found = NULL;
    int         count = 0;

    for (int i = 0; list != NULL && list[i] != NULL; i++) {
        const char *value = strchr(list[i], '=');

        if (value == NULL || strstr(list[i], "_NAME=") == NULL || strstr(value, resolution) == NULL)
            continue;
        found = value + 1;
        count++;
    }
    if (count != 1)
        return tb_error_set(err, TB_E_INPUT,
                            "open %s: expected bands%s in one UTM zone, got %d such images", path,
                            resolution, count);
    return tb_copy_text(out, found, err);
}

static tb_status find_images(tb_safe *safe, const char *xml, const char *path, tb_error *err)
{
    tb_status    status = TB_OK;
    tb_capture   capture;
    GDALDatasetH product;
    char       **list;

    tb_capture_begin(&capture);
    product = GDALOpenEx(xml, GDAL_OF_RASTER | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR, NULL, NULL,
                         NULL);
    tb_capture_end(&capture);
    if (product == NULL)
        return tb_error_set(err, TB_E_INPUT, "open %s: expected a Sentinel-2 product, got: %s",
                            path, tb_capture_text(&capture, "no reason"));
    list = GDALGetMetadata(product, "SUBDATASETS");
    TB_TRY(find_inner(&safe->fine, list, ":10m:", path, err));
    TB_TRY(find_inner(&safe->coarse, list, ":20m:", path, err));
done:
    GDALClose(product);
    return status;
}

tb_status tb_safe_read(tb_safe **out, const char *path, tb_safe_bands bands, tb_error *err)
{
    tb_status status = TB_OK;
    tb_safe  *safe   = NULL;
    tb_text   xml    = {0};

    *out = NULL;
    TB_TRY(find_metadata(path, &xml, err));
    if (xml.data == NULL)
        goto done;
    tb_gdal_register();
    TB_TRY(tb_alloc_zero(&safe, 1, sizeof *safe, "product", err));
    TB_TRY(read_metadata(safe, xml.data, path, bands, err));
    TB_TRY(find_images(safe, xml.data, path, err));
    *out = safe;
    safe = NULL;
done:
    tb_safe_free(safe);
    tb_text_reset(&xml);
    return status;
}

void tb_safe_free(tb_safe *safe)
{
    if (safe == NULL)
        return;
    tb_free(safe->fine);
    tb_free(safe->coarse);
    tb_free(safe->start);
    tb_free(safe);
}

/* How many files are of a band: .._B04_10m.jp2, .._B04.jp2, .._SCL_20m.jp2 */
static int count_files(const char *const *files, const char *in_file)
{
    int  count = 0;
    char mark[16];

    snprintf(mark, sizeof mark, "_%s", in_file);
    for (int i = 0; files != NULL && files[i] != NULL; i++) {
        const char *at = strstr(tb_path_name(files[i]), mark);

        count += at != NULL && (at[strlen(mark)] == '_' || at[strlen(mark)] == '.');
    }
    return count;
}

static bool is_of_image(const tb_safe *safe, const char *name)
{
    for (int b = 0; b < safe->bands; b++)
        if (strcmp(safe->band[b].name, name) == 0)
            return true;
    return false;
}

tb_status tb_safe_check_files(const tb_safe *safe, bool is_coarse, const char *band,
                              const char *const *files, const char *path, tb_error *err)
{
    char   missing[160] = "";
    size_t used         = 0;
    int    most         = 1; /* a product of several granules has as many files of each band */

    for (int k = 0; k < TB_SAFE_BANDS_MAX && band == NULL; k++) {
        int count = known[k].is_coarse == is_coarse ? count_files(files, known[k].in_file) : 0;

        most = count > most ? count : most;
    }
    for (int k = 0; k < TB_SAFE_BANDS_MAX && band == NULL; k++)
        if (known[k].is_coarse == is_coarse && is_of_image(safe, known[k].name) &&
            count_files(files, known[k].in_file) < most)
            used += (size_t)snprintf(missing + used, sizeof missing - used, "%s%s",
                                     used > 0 ? ", " : "", known[k].name);
    if (band != NULL && count_files(files, band) == 0)
        used = (size_t)snprintf(missing, sizeof missing, "%s", band);
    if (used == 0)
        return TB_OK;
    tb_error_set(err, TB_E_INPUT, "open %s: expected a file of each band, got none of %s", path,
                 missing);
    tb_error_hint(err, "the product is not whole: fetch it again%s",
                  band != NULL ? ", or do without scene classes (--scl off, detect.scl)" : "");
    return TB_E_INPUT;
}

bool tb_safe_bands_parse(const char *text, tb_safe_bands *bands)
{
    for (int i = 0; tb_safe_bands_words[i] != NULL; i++)
        if (strcmp(text, tb_safe_bands_words[i]) == 0) {
            *bands = (tb_safe_bands)i;
            return true;
        }
    return false;
}

uint16_t tb_safe_default_classes(void)
{
    return 1u << 0 | 1u << 1 | 1u << 3 | 1u << 8 | 1u << 9 | 1u << 10;
}

tb_status tb_safe_parse_classes(const char *text, uint16_t *classes, tb_error *err)
{
    const char *at = text;

    *classes = 0;
    if (strcmp(text, "off") == 0)
        return TB_OK;
    for (;;) {
        char *end;
        long  number = strtol(at, &end, 10);

        if (end == at || *at < '0' || *at > '9' || number < 0 || number >= TB_SAFE_CLASSES ||
            (*end != ',' && *end != '\0'))
            return tb_error_set(err, TB_E_USAGE,
                                "expected off or a list of scene classes from 0 to 11 such as "
                                "0,1,3,8,9,10, got \"%s\"",
                                text);
        *classes |= (uint16_t)(1u << number);
        if (*end == '\0')
            return TB_OK;
        at = end + 1;
    }
}
