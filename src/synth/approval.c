/* Papers for sites: what they are called, when they were given, how much ground they cover. */
#include <math.h>
#include <stdio.h>

#include "synth/season.h"
#include "synth/survey.h"

/* Months from the image that shows the site; share of its area. */
typedef struct paper {
    const char *kind;
    int         given, ends; /* NEVER: no such date */
    double      share;
} paper;

enum { NEVER = 1000 };

static const paper papers[] = {
    [TB_PAPERS_NONE]        = {NULL, NEVER, NEVER, 0.0},
    [TB_PAPERS_CONVERTED]   = {"农转用", -5, NEVER, 1.12},
    [TB_PAPERS_PARTLY]      = {"农转用", -3, NEVER, 0.667},
    [TB_PAPERS_LATE]        = {"农转用", 1, NEVER, 1.10},
    [TB_PAPERS_TEMPORARY]   = {"临时用地", -6, 18, 1.15},
    [TB_PAPERS_ENDED]       = {"临时用地", -26, -2, 1.10},
    [TB_PAPERS_FACILITY]    = {"设施农业", -4, 56, 1.08},
    [TB_PAPERS_TAKEN]       = {"征收", -7, NEVER, 1.10},
    [TB_PAPERS_PRELIMINARY] = {"预审选址", -9, NEVER, 1.20},
    [TB_PAPERS_UNDATED]     = {"农转用", NEVER, NEVER, 1.10},
};

static void write_date(char out[40], tb_date from, int months)
{
    int month = from.year * 12 + from.month - 1 + months;

    snprintf(out, 40, "%04d-%02d-%02d", month / 12, month % 12 + 1, from.day > 28 ? 28 : from.day);
}

static tb_status add(tb_vector *vector, int layer, const tb_place *place, const tb_site *site,
                     size_t serial, tb_error *err)
{
    const paper *p     = &papers[site->papers];
    tb_date      seen  = tb_date_of(site->date);
    tb_figure    shape = tb_figure_scaled(&site->outline, sqrt(p->share));
    char         name[96], number[96], file[48], given[40], ends[40];

    write_date(given, seen, p->given == NEVER ? 0 : p->given);
    write_date(ends, seen, p->ends == NEVER ? 0 : p->ends);
    snprintf(name, sizeof name, "%s项目%03zu号", tb_site_describe(site->kind)->name, serial);
    snprintf(number, sizeof number, "鲁图地字〔%.4s〕%zu号", given, 100 + serial);
    snprintf(file, sizeof file, "3799%.4s%06zu", given, serial);

    tb_vector_value values[] = {tb_place_text(name),
                                tb_place_text(number),
                                tb_place_text(file),
                                tb_place_text(p->kind),
                                tb_place_text(p->given == NEVER ? NULL : given),
                                tb_place_text(p->ends == NEVER ? NULL : ends)};

    return tb_place_add(place, vector, layer, shape.corner, (size_t)shape.count, values, err);
}

tb_status tb_approvals_write(const char *path, const tb_sites *sites, const tb_place *place,
                             int64_t *count, tb_error *err)
{
    static const tb_vector_field fields[] = {
        {"XMMC", "项目名称", TB_VECTOR_TEXT, 200, 0},
        {"PZWH", "批准文号", TB_VECTOR_TEXT, 100, 0},
        {"DZJGH", "电子监管号", TB_VECTOR_TEXT, 50, 0},
        {"SPLX", "审批类型", TB_VECTOR_TEXT, 40, 0},
        {"PZRQ", "批准日期", TB_VECTOR_DATE, 0, 0},
        {"YXQZ", "有效期至", TB_VECTOR_DATE, 0, 0},
    };
    tb_status  status = TB_OK;
    tb_vector *vector = NULL;
    size_t     serial = 0;
    int        layer;

    TB_TRY(tb_vector_create(&vector, path, &tb_place_options, err));
    TB_TRY(
        tb_place_add_layer(place, vector, "ZZ_NYDZYFW", "农用地转用范围", fields, 6, &layer, err));
    for (size_t i = 0; i < sites->count; i++)
        if (sites->items[i].papers != TB_PAPERS_NONE)
            TB_TRY(add(vector, layer, place, &sites->items[i], ++serial, err));
    TB_TRY(tb_vector_finish(vector, err));
    *count = (int64_t)serial;
done:
    tb_vector_close(vector);
    return status;
}
