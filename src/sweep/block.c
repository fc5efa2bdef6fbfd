#include "sweep/block.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"

enum { COLUMNS_A_BAND = 4 };

tb_status tb_evidence_new(tb_evidence *evidence, const tb_model *model, tb_error *err)
{
    static const char *const  kinds[COLUMNS_A_BAND] = {"before", "before_squared", "after",
                                                       "after_squared"};
    tb_status                 status                = TB_OK;
    const tb_evidence_layout *fixed                 = tb_evidence_fixed();
    int                       columns = TB_EVIDENCE_FIXED + COLUMNS_A_BAND * model->bands;

    *evidence = (tb_evidence){0};
    TB_TRY(tb_alloc(&evidence->names, (size_t)columns, sizeof *evidence->names, "evidence", err));
    TB_TRY(tb_alloc(&evidence->name, (size_t)columns, sizeof *evidence->name, "evidence", err));
    TB_TRY(tb_alloc_zero(&evidence->is_maximum, (size_t)columns, sizeof(bool), "evidence", err));
    for (int c = 0; c < TB_EVIDENCE_FIXED; c++) {
        evidence->name[c]       = fixed->names[c];
        evidence->is_maximum[c] = fixed->is_maximum[c];
    }
    for (int b = 0; b < model->bands; b++) {
        for (int k = 0; k < COLUMNS_A_BAND; k++) {
            int c = TB_EVIDENCE_FIXED + b * COLUMNS_A_BAND + k;

            snprintf(evidence->names[c], sizeof *evidence->names, "%s_%d", kinds[k], b + 1);
            evidence->name[c] = evidence->names[c];
        }
        /* A power of two, so that dividing by it is exact: some 256 steps to a standard deviation.
         */
        evidence->quantum[b] = 1.0;
        for (int s = 0; s < tb_model_strata(model); s++) {
            double spread = model->stratum[s].spread[b];
            int    exponent;

            if (model->stratum[s].state != TB_STRATUM_FITTED || spread <= 0.0)
                continue;
            (void)frexp(spread / 256.0, &exponent);
            evidence->quantum[b] = ldexp(1.0, exponent - 1);
            break;
        }
    }
    evidence->layout = (tb_evidence_layout){columns, evidence->name, evidence->is_maximum};
done:
    if (status != TB_OK)
        tb_evidence_reset(evidence);
    return status;
}

void tb_evidence_reset(tb_evidence *evidence)
{
    tb_free(evidence->names);
    tb_free(evidence->name);
    tb_free(evidence->is_maximum);
    *evidence = (tb_evidence){0};
}

void tb_block_reset(tb_block *block)
{
    tb_pair_block_reset(&block->pixels);
    tb_scores_reset(&block->scores);
    tb_screen_buffers_reset(&block->screen);
    tb_free(block->classes);
    tb_label_free(block->label);
    tb_free(block->evidence);
    *block = (tb_block){0};
}

static void decide(tb_block *block, tb_rect rect, int halo, const tb_model *model,
                   const tb_kernels *kernels)
{
    _Static_assert(TB_RUN_NONE == 0 && TB_RUN_WEAK == 1 && TB_RUN_STRONG == 2 &&
                       TB_RUN_UNOBSERVED == 3,
                   "kernels/classify.h");

    for (int64_t y = 0; y < rect.height; y++) {
        const int16_t *stratum =
            block->pixels.stratum + (y + halo) * block->pixels.rect.width + halo;
        int64_t row = y * rect.width;

        for (int64_t x = 0, end; x < rect.width; x = end) {
            const tb_model_threshold *t;

            for (end = x + 1; end < rect.width && stratum[end] == stratum[x];)
                end++;
            if (stratum[x] < 0 || model->judge[stratum[x]] == NULL) {
                memset(block->classes + row + x, TB_RUN_UNOBSERVED, (size_t)(end - x));
                continue;
            }
            t = &model->judge[stratum[x]]->threshold;
            kernels->classify(block->classes + row + x, block->scores.score + row + x,
                              block->scores.contrast + row + x, (float)t->weak, (float)t->strong,
                              (float)t->contrast, (size_t)(end - x));
        }
    }
}

static bool is_beside_unobserved(const int16_t *at, int64_t width, const tb_model *model)
{
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) {
            int16_t stratum = at[dy * width + dx];

            if (stratum < 0 || model->judge[stratum] == NULL)
                return true;
        }
    return false;
}

static int64_t quantised_score(float score, const tb_model_threshold *t)
{
    double units = t->value > 0.0 ? (double)score / t->value * TB_SCORE_UNIT : 0.0;

    return (int64_t)floor((units < 1e9 ? units : 1e9) + 0.5);
}

static int64_t quantised_sample(float sample, double quantum)
{
    double units = floor((double)sample / quantum + 0.5);

    return (int64_t)(units > 1e9 ? 1e9 : units < -1e9 ? -1e9 : units);
}

static void add_pixel(const tb_block *block, size_t at, size_t in_core, int64_t *row,
                      tb_run_kind kind, const tb_model *model, const tb_evidence *evidence)
{
    int16_t stratum = block->pixels.stratum[at];
    int64_t score =
        quantised_score(block->scores.score[in_core], &model->judge[stratum]->threshold);

    row[TB_EVIDENCE_PIXELS]++;
    row[TB_EVIDENCE_STRONG] += kind == TB_RUN_STRONG;
    row[TB_EVIDENCE_SCORE_SUM] += score;
    if (score > row[TB_EVIDENCE_SCORE_MAX])
        row[TB_EVIDENCE_SCORE_MAX] = score;
    row[TB_EVIDENCE_UNOBSERVED_BESIDE] +=
        is_beside_unobserved(block->pixels.stratum + at, block->pixels.rect.width, model);
    for (int b = 0; b < model->bands; b++) {
        int64_t *column = row + TB_EVIDENCE_FIXED + b * COLUMNS_A_BAND;
        int64_t  before = quantised_sample(block->pixels.before[b][at], evidence->quantum[b]);
        int64_t  after  = quantised_sample(block->pixels.after[b][at], evidence->quantum[b]);

        column[0] += before;
        column[1] = tb_evidence_sum(column[1], before * before);
        column[2] += after;
        column[3] = tb_evidence_sum(column[3], after * after);
    }
}

static tb_status gather_evidence(tb_block *block, tb_rect rect, int halo, const tb_model *model,
                                 const tb_evidence *evidence, tb_error *err)
{
    tb_status status  = TB_OK;
    size_t    columns = (size_t)evidence->layout.columns;
    size_t    needed  = block->runs.part_count * columns;

    if (needed > block->evidence_capacity) {
        TB_TRY(tb_grow(&block->evidence, needed * 3 / 2, sizeof *block->evidence, "evidence", err));
        block->evidence_capacity = needed * 3 / 2;
    }
    tb_evidence_clear(&evidence->layout, block->evidence, block->runs.part_count);
    for (size_t r = 0; r < block->runs.run_count; r++) {
        const tb_run *run = &block->runs.runs[r];
        int64_t       y = run->row - rect.y, x = run->first - rect.x;

        if (run->kind == TB_RUN_UNOBSERVED)
            continue;
        for (; x <= run->last - rect.x; x++)
            add_pixel(block, (size_t)((y + halo) * block->pixels.rect.width + x + halo),
                      (size_t)(y * rect.width + x), block->evidence + (size_t)run->part * columns,
                      (tb_run_kind)run->kind, model, evidence);
    }
    block->runs.evidence = block->evidence;
done:
    return status;
}

tb_status tb_block_make(tb_block *block, tb_rect rect, const tb_model *model,
                        const tb_evidence *evidence, tb_pair_reader *reader,
                        const tb_kernels *kernels, tb_error *err)
{
    tb_status status = TB_OK;
    int       halo   = model->scoring.halo;
    size_t    pixels = (size_t)tb_rect_area(rect);

    if (block->label == NULL)
        TB_TRY(tb_label_new(&block->label, err));
    if (pixels > block->class_capacity) {
        TB_TRY(tb_grow(&block->classes, pixels, 1, "classes", err));
        block->class_capacity = pixels;
    }
    TB_TRY(
        tb_pair_begin(reader, tb_rect_grow(rect, halo + model->screen_halo), &block->pixels, err));
    if (model->screen_halo > 0) {
        TB_TRY(tb_pair_need(&block->pixels, block->pixels.rect.height, err));
        TB_TRY(tb_screen_apply(&block->screen, &block->pixels, model->bands, model->screen, err));
    }
    TB_TRY(tb_scores_make(&block->scores, &model->scoring, &block->pixels, model->radiometry,
                          kernels, err));
    decide(block, rect, halo, model, kernels);
    TB_TRY(tb_label_block(block->label, block->classes, (size_t)rect.width, rect, TB_CONNECT_8,
                          &block->runs, err));
    TB_TRY(gather_evidence(block, rect, halo, model, evidence, err));
done:
    return status;
}
