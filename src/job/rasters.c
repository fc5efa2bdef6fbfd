#include "job/rasters.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "raster/sink.h"

enum { CHANGED = 1, UNOBSERVED = 255 };

typedef struct painter {
    tb_sink *sink;
    uint8_t *row;
    int64_t  width, y;
} painter;

static tb_status advance(painter *p, int64_t row, tb_error *err)
{
    tb_status status = TB_OK;

    while (p->y < row) {
        TB_TRY(tb_sink_row(p->sink, p->row, err));
        memset(p->row, 0, (size_t)p->width);
        p->y++;
    }
done:
    return status;
}

static tb_status paint(void *context, const tb_assembled_run *run, tb_error *err)
{
    painter  *p      = context;
    tb_status status = TB_OK;

    TB_TRY(advance(p, run->row, err));
    if (run->kind == TB_RUN_UNOBSERVED || run->verdict == TB_VERDICT_KEPT)
        memset(p->row + run->first, run->kind == TB_RUN_UNOBSERVED ? UNOBSERVED : CHANGED,
               (size_t)(run->last - run->first + 1));
done:
    return status;
}

tb_status tb_rasters_write_change(tb_stages *stages, tb_set *set, tb_assemble_totals *totals,
                                  tb_error *err)
{
    tb_status           status  = TB_OK;
    char               *path    = NULL;
    painter             p       = {.width = stages->pair.lattice.width};
    tb_assemble_visitor visitor = {.run = paint, .context = &p};

    TB_TRY(tb_set_path(set, "change.tif", &path, err));
    TB_TRY(tb_alloc_zero(&p.row, (size_t)p.width, 1, "row of change.tif", err));
    TB_TRY(tb_sink_create(&p.sink, path, &stages->pair.lattice, TB_SAMPLE_U8, UNOBSERVED, "change",
                          err));
    TB_TRY(tb_stages_assemble(stages, &visitor, totals, err));
    TB_TRY(advance(&p, stages->pair.lattice.height, err));
    TB_TRY(tb_sink_finish(p.sink, err));
done:
    tb_sink_close(p.sink);
    tb_free(p.row);
    tb_free(path);
    return status;
}

static tb_status write_row(void *context, const float *scores, tb_error *err)
{
    return tb_sink_row(context, scores, err);
}

tb_status tb_rasters_write_score(tb_stages *stages, tb_set *set, tb_error *err)
{
    tb_status status = TB_OK;
    char     *path   = NULL;
    tb_sink  *sink   = NULL;

    TB_TRY(tb_set_path(set, "score.tif", &path, err));
    TB_TRY(tb_sink_create(&sink, path, &stages->pair.lattice, TB_SAMPLE_F32, NAN, "score", err));
    TB_TRY(tb_stages_scores(stages, write_row, sink, err));
    TB_TRY(tb_sink_finish(sink, err));
done:
    tb_sink_close(sink);
    tb_free(path);
    return status;
}
