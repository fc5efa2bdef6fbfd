#include "job/pairs.h"

#include <string.h>

#include "core/memory.h"
#include "raster/warp.h"

enum { STEP = 16 };

static tb_image_info as_image(const tb_pair *pair)
{
    tb_image_info info = {.path   = tb_epoch_file(pair->before, 0)->path,
                          .crs    = pair->lattice.crs,
                          .width  = pair->lattice.width,
                          .height = pair->lattice.height,
                          .bands  = pair->bands};

    memcpy(info.transform, pair->lattice.transform, sizeof info.transform);
    return info;
}

/* Every STEP-th pixel of a lattice, and its last ones, put to the other. */
static bool shares_ground(const tb_warp *way, const tb_grid *from, const tb_image_info *to)
{
    tb_warp_position x, y;

    for (int64_t row = 0; row < from->height + STEP - 1; row += STEP)
        for (int64_t column = 0; column < from->width + STEP - 1; column += STEP) {
            int64_t r = row < from->height ? row : from->height - 1;
            int64_t c = column < from->width ? column : from->width - 1;

            tb_warp_row(way, c, r, 1, &x, &y);
            if (x.index >= 0 && x.index < to->width && y.index >= 0 && y.index < to->height)
                return true;
        }
    return false;
}

static tb_status check_two(const tb_stages *a, const tb_stages *b, tb_error *err)
{
    tb_status     status = TB_OK;
    tb_warp      *way    = NULL;
    tb_image_info other  = as_image(&a->pair);

    TB_TRY(tb_warp_new(&way, &b->pair.lattice, &other, true, err));
    if (shares_ground(way, &b->pair.lattice, &other)) {
        status =
            tb_error_set(err, TB_E_JOB,
                         "pairs %d and %d: expected different ground, got an overlap of %s and %s",
                         a->number, b->number, other.path, tb_epoch_file(b->pair.before, 0)->path);
        tb_error_hint(err, "give overlapping images of one grid as one pair with lists of images");
    }
done:
    tb_warp_free(way);
    return status;
}

tb_status tb_pair_check_georeference(const tb_pair *pair, tb_error *err)
{
    if (pair->lattice.crs != NULL)
        return TB_OK;
    tb_error_set(err, TB_E_INPUT, "%s: expected an image with a CRS, got none",
                 tb_epoch_file(pair->before, 0)->path);
    tb_error_hint(err, "parcels need one (gdal_edit.py -a_srs); tuban detect works in pixels");
    return TB_E_INPUT;
}

tb_status tb_pairs_check_apart(const tb_stages *stages, int count, tb_error *err)
{
    tb_status status = TB_OK;

    for (int b = 1; b < count; b++)
        for (int a = 0; a < b; a++)
            TB_TRY(check_two(&stages[a], &stages[b], err));
done:
    return status;
}
