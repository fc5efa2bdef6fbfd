#include "eval/strips.h"

#include <math.h>

#include "core/memory.h"

enum { UNKNOWN = 255 };

/* Pixels of a strip: enough to read whole tiles of common files, little beside the maps. */
static const int64_t STRIP_PIXELS = INT64_C(1) << 22;

tb_status tb_strips_open(tb_strips *of, const char *path, tb_error *err)
{
    tb_status status = tb_image_open(&of->image, path, err);

    if (status != TB_OK)
        return status;
    of->path = path;
    of->info = tb_image_describe(of->image);
    return TB_OK;
}

void tb_strips_close(tb_strips *of)
{
    tb_image_close(of->image);
    tb_free(of->values);
    tb_free(of->valid);
    tb_free(of->samples);
    *of = (tb_strips){0};
}

tb_status tb_strips_prepare(tb_strips *of, int64_t rows, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = (size_t)(of->info->width * rows);

    TB_TRY(tb_alloc(&of->values, count, sizeof *of->values, "strip of values", err));
    if (of->info->has_mask) {
        TB_TRY(tb_alloc(&of->valid, count, 1, "strip of a mask", err));
        TB_TRY(tb_alloc(&of->samples, count * (size_t)of->info->bands,
                        tb_sample_size(of->info->type), "strip of samples", err));
    }
done:
    return status;
}

int64_t tb_strips_rows(int64_t width, int64_t height)
{
    int64_t rows = STRIP_PIXELS / width;

    rows = rows < 1 ? 1 : rows;
    return rows < height ? rows : height;
}

tb_status tb_strips_read(tb_strips *of, tb_rect strip, tb_error *err)
{
    tb_status status = TB_OK;

    if (of->valid != NULL)
        TB_TRY(tb_image_read(of->image, strip, of->samples, of->valid, err));
    TB_TRY(tb_image_read_band(of->image, 0, strip, of->values, err));
done:
    return status;
}

bool tb_strips_is_void(const tb_strips *of, int64_t i)
{
    double value = of->values[i];

    return isnan(value) || (of->valid != NULL && of->valid[i] == 0) ||
           (of->info->has_nodata && value == of->info->nodata);
}

bool tb_strips_is_unknown(const tb_strips *of, int64_t i)
{
    double value = of->values[i];

    if (of->valid != NULL && of->valid[i] == 0)
        return true;
    return value != 0.0 && value != 1.0 && (value == UNKNOWN || tb_strips_is_void(of, i));
}
