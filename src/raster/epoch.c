#include "raster/epoch.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "raster/footprints.h"
#include "raster/window.h"

typedef struct epoch_file {
    tb_image *header; /* for the description only; readers open their own */
    tb_warp  *warp;
    tb_rect   footprint;
} epoch_file;

struct tb_epoch {
    int              count; /* image files; the validity raster, if any, stands behind them */
    int              bands;
    bool             has_valid;
    tb_image_options as;
    tb_grid          lattice;
    int64_t          version; /* of the ways the files are brought to it */
    epoch_file      *file;
    char            *footprints_path; /* NULL: none */
    tb_footprints   *footprints;
};

static tb_status open_file(epoch_file *file, const char *path, const tb_epoch_options *options,
                           const tb_image_options *as, tb_error *err)
{
    tb_status status = tb_image_open_as(&file->header, path, as, err);

    if (status == TB_OK && options->has_nodata)
        tb_image_set_nodata(file->header, options->nodata);
    return status;
}

static tb_status open_valid(epoch_file *file, const char *path, tb_error *err)
{
    tb_status status = tb_image_open(&file->header, path, err);
    int       bands  = status == TB_OK ? tb_image_describe(file->header)->bands : 1;

    if (bands != 1)
        status =
            tb_error_set(err, TB_E_INPUT,
                         "%s: expected 1 band, as it says where was observed, got %d", path, bands);
    return status;
}

/* The first file with another number of bands than file 0, or 0. */
static int odd_one(const tb_epoch *epoch)
{
    for (int f = 1; f < epoch->count; f++)
        if (tb_epoch_file(epoch, f)->bands != epoch->bands)
            return f;
    return 0;
}

void tb_epoch_mask_alpha(tb_epoch *epoch)
{
    for (int f = 0; f < epoch->count; f++)
        tb_image_mask_alpha(epoch->file[f].header);
    epoch->bands = tb_epoch_file(epoch, 0)->bands;
}

tb_status tb_epoch_open(tb_epoch **out, const tb_epoch_options *options, tb_error *err)
{
    tb_status status = TB_OK;
    tb_epoch *epoch  = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&epoch, 1, sizeof *epoch, "epoch", err));
    epoch->count     = options->image_count;
    epoch->has_valid = options->valid != NULL;
    epoch->as        = options->as;
    if (epoch->has_valid && !epoch->as.has_classes)
        epoch->as = (tb_image_options){.bands = options->as.bands, .has_classes = true};
    if (options->footprints != NULL)
        TB_TRY(tb_copy_text(&epoch->footprints_path, options->footprints, err));
    TB_TRY(
        tb_alloc_zero(&epoch->file, (size_t)epoch->count + 1, sizeof *epoch->file, "files", err));
    for (int f = 0; f < epoch->count; f++)
        TB_TRY(open_file(&epoch->file[f], options->images[f], options, &epoch->as, err));
    epoch->bands = tb_epoch_file(epoch, 0)->bands;
    if (odd_one(epoch) > 0)
        tb_epoch_mask_alpha(epoch);
    if (odd_one(epoch) > 0) {
        const tb_image_info *info = tb_epoch_file(epoch, odd_one(epoch));

        status = tb_error_set(err, TB_E_INPUT, "%s: expected %d bands as in %s, got %d", info->path,
                              epoch->bands, tb_epoch_file(epoch, 0)->path, info->bands);
        goto done;
    }
    if (epoch->has_valid)
        TB_TRY(open_valid(&epoch->file[epoch->count], options->valid, err));
done:
    if (status == TB_OK)
        *out = epoch;
    else
        tb_epoch_close(epoch);
    return status;
}

void tb_epoch_close(tb_epoch *epoch)
{
    if (epoch == NULL)
        return;
    if (epoch->file != NULL)
        for (int f = 0; f <= epoch->count; f++) {
            tb_image_close(epoch->file[f].header);
            tb_warp_free(epoch->file[f].warp);
        }
    tb_footprints_free(epoch->footprints);
    tb_free(epoch->footprints_path);
    tb_free(epoch->file);
    tb_free(epoch);
}

int tb_epoch_files(const tb_epoch *epoch)
{
    return epoch->count;
}

int tb_epoch_bands(const tb_epoch *epoch)
{
    return epoch->bands;
}

const tb_image_info *tb_epoch_file(const tb_epoch *epoch, int file)
{
    return tb_image_describe(epoch->file[file].header);
}

const tb_image_info *tb_epoch_valid(const tb_epoch *epoch)
{
    return epoch->has_valid ? tb_epoch_file(epoch, epoch->count) : NULL;
}

bool tb_epoch_has_mask(const tb_epoch *epoch)
{
    bool has_classes = true;

    for (int f = 0; f < epoch->count; f++)
        has_classes = has_classes && tb_epoch_file(epoch, f)->classes != 0;
    return epoch->has_valid || has_classes;
}

/* Pixels of an edge between which another CRS does not make it bulge by a pixel. */
enum { EDGE_STEP = 64 };

/* Grows the span left, top, right, bottom of the first file's pixels by the place of one pixel. */
static void cover(int64_t span[4], const tb_warp *back, int64_t x, int64_t y)
{
    tb_warp_position px, py;

    tb_warp_row(back, x, y, 1, &px, &py);
    if (px.index == INT64_MIN)
        return;
    span[0] = px.index < span[0] ? px.index : span[0];
    span[1] = py.index < span[1] ? py.index : span[1];
    span[2] = px.index + 1 > span[2] ? px.index + 1 : span[2];
    span[3] = py.index + 1 > span[3] ? py.index + 1 : span[3];
}

static void cover_edges(int64_t span[4], const tb_warp *back, int64_t width, int64_t height)
{
    for (int64_t x = 0; x < width + EDGE_STEP - 1; x += EDGE_STEP) {
        cover(span, back, x < width ? x : width - 1, 0);
        cover(span, back, x < width ? x : width - 1, height - 1);
    }
    for (int64_t y = 0; y < height + EDGE_STEP - 1; y += EDGE_STEP) {
        cover(span, back, 0, y < height ? y : height - 1);
        cover(span, back, width - 1, y < height ? y : height - 1);
    }
}

tb_status tb_epoch_lattice(const tb_epoch *epoch, tb_grid *out, tb_error *err)
{
    const tb_image_info *first   = tb_epoch_file(epoch, 0);
    tb_grid              grid    = {.width         = first->width,
                                    .height        = first->height,
                                    .has_transform = first->has_transform,
                                    .crs           = first->crs};
    int64_t              span[4] = {0, 0, first->width, first->height};

    memcpy(grid.transform, first->transform, sizeof grid.transform);
    for (int f = 1; f < epoch->count; f++) {
        const tb_image_info *info   = tb_epoch_file(epoch, f);
        tb_grid              own    = {.width         = info->width,
                                       .height        = info->height,
                                       .has_transform = info->has_transform,
                                       .crs           = info->crs};
        tb_image_info        target = *first;
        tb_warp             *back   = NULL;
        tb_status            status;

        /* Where the file's own pixels lie on the first file's grid, as if that went on for ever. */
        memcpy(own.transform, info->transform, sizeof own.transform);
        status = tb_warp_new(&back, &own, &target, true, err);
        if (status != TB_OK)
            return status;
        cover_edges(span, back, info->width, info->height);
        tb_warp_free(back);
        if (span[2] - span[0] > INT32_MAX || span[3] - span[1] > INT32_MAX)
            return tb_error_set(err, TB_E_INPUT,
                                "%s: expected a file beside %s, got one so far off that the two "
                                "span %lld x %lld pixels",
                                info->path, first->path, (long long)(span[2] - span[0]),
                                (long long)(span[3] - span[1]));
    }
    tb_transform_apply(first->transform, (double)span[0], (double)span[1], &grid.transform[0],
                       &grid.transform[3]);
    grid.anchor_x = -span[0];
    grid.anchor_y = -span[1];
    grid.width    = span[2] - span[0];
    grid.height   = span[3] - span[1];
    *out          = grid;
    return TB_OK;
}

tb_status tb_epoch_bring(tb_epoch *epoch, const tb_grid *lattice, tb_error *err)
{
    tb_status status = TB_OK;

    epoch->lattice = *lattice;
    epoch->version++;
    for (int f = 0; f < epoch->count + (epoch->has_valid ? 1 : 0); f++) {
        epoch_file *file = &epoch->file[f];

        tb_warp_free(file->warp);
        file->warp = NULL;
        TB_TRY(tb_warp_new(&file->warp, lattice, tb_epoch_file(epoch, f), f == epoch->count, err));
        file->footprint = tb_warp_footprint(file->warp);
    }
    tb_footprints_free(epoch->footprints);
    epoch->footprints = NULL;
    if (epoch->footprints_path != NULL)
        TB_TRY(tb_footprints_read(&epoch->footprints, epoch->footprints_path, lattice, err));
done:
    return status;
}

int tb_epoch_sources(const tb_epoch *epoch)
{
    return epoch->footprints != NULL ? tb_footprints_count(epoch->footprints) + 1 : epoch->count;
}

const char *tb_epoch_footprints_path(const tb_epoch *epoch)
{
    return epoch->footprints_path;
}

/* What any of the files can reach. */
static tb_rect hull_of_files(const tb_epoch *epoch)
{
    tb_rect hull = epoch->file[0].footprint;

    for (int f = 1; f < epoch->count; f++) {
        tb_rect r     = epoch->file[f].footprint;
        int64_t right = hull.x + hull.width, bottom = hull.y + hull.height;

        if (tb_rect_is_empty(r))
            continue;
        right       = r.x + r.width > right ? r.x + r.width : right;
        bottom      = r.y + r.height > bottom ? r.y + r.height : bottom;
        hull.x      = r.x < hull.x ? r.x : hull.x;
        hull.y      = r.y < hull.y ? r.y : hull.y;
        hull.width  = right - hull.x;
        hull.height = bottom - hull.y;
    }
    return hull;
}

tb_rect tb_epoch_source_bounds(const tb_epoch *epoch, int source)
{
    if (epoch->footprints == NULL)
        return epoch->file[source].footprint;
    return tb_rect_intersect(hull_of_files(epoch), tb_footprints_bounds(epoch->footprints, source));
}

tb_status tb_epoch_locate(const tb_epoch *epoch, tb_rect rect, int16_t *file, tb_error *err)
{
    tb_status status = TB_OK;
    int16_t  *number = NULL;
    size_t    pixels = (size_t)tb_rect_area(rect);

    if (epoch->footprints == NULL)
        return TB_OK;
    TB_TRY(tb_alloc(&number, pixels, sizeof *number, "footprints", err));
    TB_TRY(tb_footprints_number(epoch->footprints, rect, number, err));
    for (size_t i = 0; i < pixels; i++)
        file[i] = file[i] < 0 ? -1 : number[i];
done:
    tb_free(number);
    return status;
}

void tb_epoch_shift(tb_epoch *epoch, int file, double dx, double dy)
{
    epoch->version++;
    tb_warp_shift(epoch->file[file].warp, dx, dy);
    epoch->file[file].footprint = tb_warp_footprint(epoch->file[file].warp);
}

void tb_epoch_bend(tb_epoch *epoch, int file, const tb_field *field)
{
    epoch->version++;
    tb_warp_bend(epoch->file[file].warp, field);
    epoch->file[file].footprint = tb_warp_footprint(epoch->file[file].warp);
}

int64_t tb_epoch_version(const tb_epoch *epoch)
{
    return epoch->version;
}

const tb_warp *tb_epoch_warp(const tb_epoch *epoch, int file)
{
    return epoch->file[file].warp;
}

tb_rect tb_epoch_footprint(const tb_epoch *epoch, int file)
{
    return epoch->file[file].footprint;
}

int tb_epoch_ids(const tb_epoch *epoch)
{
    return epoch->count + 1;
}

tb_status tb_epoch_open_image(const tb_epoch *epoch, int file, const tb_kernels *kernels,
                              tb_image **out, tb_error *err)
{
    tb_status            status = TB_OK;
    const tb_image_info *info   = tb_epoch_file(epoch, file);

    TB_TRY(tb_image_open_as(out, info->path, &epoch->as, err));
    tb_image_use(*out, kernels);
    if (info->has_nodata)
        tb_image_set_nodata(*out, info->nodata);
    if (tb_image_describe(*out)->bands != info->bands)
        tb_image_mask_alpha(*out);
done:
    return status;
}
