#include "parcel/qc.h"

#include <stdio.h>

#include "core/memory.h"

static const struct {
    const char *name, *action;
} findings[TB_FINDINGS] = {
    [TB_FINDING_NO_GEOMETRY] = {"no_geometry", "无面状图形，未采用"},
    [TB_FINDING_INVALID]     = {"invalid", "图形无效，已修复"},
    [TB_FINDING_LOST]        = {"lost", "图形无效且修复后无面积，未采用"},
    [TB_FINDING_CURVE]       = {"curve", "含曲线，已折线化"},
    [TB_FINDING_HEIGHT]      = {"height", "含Z或M值，已舍去"},
    [TB_FINDING_WINDING]     = {"winding", "内外环同向，按内环计"},
    [TB_FINDING_DUPLICATE]   = {"duplicate", "与前一图形重复，面积只计一次"},
    [TB_FINDING_OVERLAP]     = {"overlap", "与前一图形重叠，重叠部分归前者"},
    [TB_FINDING_AREA]        = {"area", "属性面积与图形面积不符，按图形计"},
};

const char *tb_finding_name(tb_finding finding)
{
    return findings[finding].name;
}

const char *tb_finding_action(tb_finding finding)
{
    return findings[finding].action;
}

tb_status tb_qc_begin(tb_qc *qc, const char *path, const char *name, const char *role,
                      tb_error *err)
{
    tb_status    status = TB_OK;
    tb_qc_layer *it;

    TB_TRY(tb_grow(&qc->layer, qc->layer_count + 1, sizeof *qc->layer, "quality log", err));
    it  = &qc->layer[qc->layer_count++];
    *it = (tb_qc_layer){0};
    TB_TRY(tb_copy_text(&it->path, path, err));
    TB_TRY(tb_copy_text(&it->name, name, err));
    TB_TRY(tb_copy_text(&it->role, role, err));
done:
    return status;
}

tb_status tb_qc_log(tb_qc *qc, tb_finding finding, int64_t fid, double before_m2, double after_m2,
                    const char *detail, tb_error *err)
{
    tb_status    status = TB_OK;
    tb_qc_layer *layer;
    tb_qc_row   *row;

    if (qc == NULL || qc->layer_count == 0)
        return TB_OK;
    layer = &qc->layer[qc->layer_count - 1];
    layer->found[finding]++;
    if (layer->rows == TB_QC_ROWS_MOST)
        return TB_OK;
    if (qc->row_count == qc->row_capacity) {
        size_t more = qc->row_capacity > 0 ? 2 * qc->row_capacity : 64;

        TB_TRY(tb_grow(&qc->row, more, sizeof *qc->row, "quality log", err));
        qc->row_capacity = more;
    }
    row  = &qc->row[qc->row_count++];
    *row = (tb_qc_row){.layer     = (int)qc->layer_count - 1,
                       .fid       = fid,
                       .finding   = finding,
                       .before_m2 = before_m2,
                       .after_m2  = after_m2};
    snprintf(row->detail, sizeof row->detail, "%s", detail != NULL ? detail : "");
    layer->rows++;
done:
    return status;
}

void tb_qc_reset(tb_qc *qc)
{
    for (size_t i = 0; i < qc->layer_count; i++) {
        tb_free(qc->layer[i].path);
        tb_free(qc->layer[i].name);
        tb_free(qc->layer[i].role);
    }
    tb_free(qc->layer);
    tb_free(qc->row);
    *qc = (tb_qc){0};
}
