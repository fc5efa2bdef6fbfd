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
        /* A power of two, so that no digit is lost: some 256 steps to a standard deviation. */
        evidence->by_quantum[b] = 1.0;
        for (int s = 0; s < tb_model_strata(model); s++) {
            double spread = model->stratum[s].spread[b];
            int    exponent;

            if (model->stratum[s].state != TB_STRATUM_FITTED || spread <= 0.0)
                continue;
            (void)frexp(spread / 256.0, &exponent);
            evidence->by_quantum[b] = ldexp(1.0, 1 - exponent);
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
    tb_free(block->score);
    tb_label_free(block->label);
    tb_free(block->of_runs);
    tb_free(block->evidence);
    *block = (tb_block){0};
}

size_t tb_block_bytes(int bands, int64_t side, int halo)
{
    enum { BYTES_OF_RUNS = 20, PIXELS_OF_RUN = 8 };
    tb_rect wide        = {0, 0, side + 2 * halo, side + 2 * halo};
    bool    is_screened = halo > TB_SCORING_HALO_MAX;
    int64_t rows        = is_screened ? wide.height : tb_pair_depth(wide, tb_scoring_rows(halo));
    size_t  pixels      = (size_t)(side * side);
    size_t  columns     = (size_t)(TB_EVIDENCE_FIXED + COLUMNS_A_BAND * bands);

    return tb_pair_block_bytes(bands, wide.width * rows) + tb_scores_row_bytes(wide.width) +
           (is_screened ? (size_t)tb_rect_area(wide) * TB_SCREEN_PIXEL_BYTES : 0) +
           pixels * (1 + sizeof(float) + BYTES_OF_RUNS) +
           pixels / PIXELS_OF_RUN * columns * 2 * sizeof(int64_t);
}

/* A block in the making. */
typedef struct making {
    tb_block          *block;
    tb_rect            rect;
    const tb_model    *model;
    const tb_evidence *evidence;
    bool               keeps_scores;
    const tb_kernels  *kernels;
} making;

/* Decides row `y` of the block with its halo. */
static void classify_row(uint8_t *classes, int64_t y, const float *score, const float *contrast,
                         const making *m)
{
    const tb_model      *model   = m->model;
    const tb_pair_block *pixels  = &m->block->pixels;
    int64_t              halo    = model->scoring.halo;
    const int16_t       *stratum = pixels->stratum + tb_pair_row(pixels, y) + halo;

    _Static_assert(TB_RUN_NONE == 0 && TB_RUN_WEAK == 1 && TB_RUN_STRONG == 2 &&
                       TB_RUN_UNOBSERVED == 3,
                   "kernels/classify.h");

    for (int64_t x = 0, end; x < m->rect.width; x = end) {
        const tb_model_threshold *t;

        end = tb_pair_stratum_end(pixels, y, halo + x, halo + m->rect.width) - halo;
        if (stratum[x] < 0 || model->judge[stratum[x]] == NULL) {
            memset(classes + x, TB_RUN_UNOBSERVED, (size_t)(end - x));
            continue;
        }
        t = &model->judge[stratum[x]]->threshold;
        m->kernels->classify(classes + x, score + x, contrast + x, (float)t->weak, (float)t->strong,
                             (float)t->contrast, (size_t)(end - x));
    }
}

static bool is_beside_unobserved(const tb_pair_block *pixels, int64_t x, int64_t y,
                                 const tb_model *model)
{
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) {
            int16_t stratum = pixels->stratum[tb_pair_row(pixels, y + dy) + x + dx];

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

static int64_t quantised_sample(float sample, double by_quantum)
{
    double units = floor((double)sample * by_quantum + 0.5);

    return (int64_t)(units > 1e9 ? 1e9 : units < -1e9 ? -1e9 : units);
}

/* Adds the pixel in column `x` and row `y` of the block with its halo. */
static void add_pixel(int64_t *sums, const making *m, int64_t x, int64_t y, float score)
{
    const tb_pair_block *pixels = &m->block->pixels;
    int64_t              at     = tb_pair_row(pixels, y) + x;
    const tb_model      *model  = m->model;
    int64_t units = quantised_score(score, &model->judge[pixels->stratum[at]]->threshold);

    sums[TB_EVIDENCE_PIXELS]++;
    sums[TB_EVIDENCE_SCORE_SUM] += units;
    if (units > sums[TB_EVIDENCE_SCORE_MAX])
        sums[TB_EVIDENCE_SCORE_MAX] = units;
    sums[TB_EVIDENCE_UNOBSERVED_BESIDE] += is_beside_unobserved(pixels, x, y, model);
    for (int b = 0; b < model->bands; b++) {
        int64_t *column     = sums + TB_EVIDENCE_FIXED + b * COLUMNS_A_BAND;
        double   by_quantum = m->evidence->by_quantum[b];
        int64_t  before     = quantised_sample(pixels->before[b][at], by_quantum);
        int64_t  after      = quantised_sample(pixels->after[b][at], by_quantum);

        column[0] += before;
        column[1] = tb_evidence_sum(column[1], before * before);
        column[2] += after;
        column[3] = tb_evidence_sum(column[3], after * after);
    }
}

/* The first changed pixel from `x` on. */
static int64_t next_changed(const uint8_t *classes, int64_t x, int64_t width)
{
    uint64_t eight;

    while (x < width && (classes[x] == TB_RUN_NONE || classes[x] == TB_RUN_UNOBSERVED)) {
        while (x + 8 <= width && (memcpy(&eight, classes + x, 8), eight == 0))
            x += 8;
        x += x < width && (classes[x] == TB_RUN_NONE || classes[x] == TB_RUN_UNOBSERVED);
    }
    return x;
}

/* The evidence of one more changed run; *out has nothing in it. */
static tb_status add_run(int64_t **out, tb_block *block, const tb_evidence_layout *layout,
                         tb_error *err)
{
    tb_status status  = TB_OK;
    size_t    columns = (size_t)layout->columns;

    if (block->changed == block->run_capacity) {
        size_t capacity = 2 * block->run_capacity + 256;

        TB_TRY(
            tb_grow(&block->of_runs, capacity * columns, sizeof *block->of_runs, "evidence", err));
        block->run_capacity = capacity;
    }
    *out = block->of_runs + block->changed++ * columns;
    tb_evidence_clear(layout, *out, 1);
done:
    return status;
}

/* Decides a row, and takes the evidence of its runs while their samples are there. */
static tb_status take_row(void *context, int64_t y, const float *score, const float *contrast,
                          tb_error *err)
{
    const making *m      = context;
    tb_status     status = TB_OK;
    tb_block     *block  = m->block;
    int64_t       halo = m->model->scoring.halo, width = m->rect.width;
    uint8_t      *classes = block->classes + (y - halo) * width;

    classify_row(classes, y, score, contrast, m);
    if (m->keeps_scores)
        memcpy(block->score + (y - halo) * width, score, (size_t)width * sizeof *score);
    for (int64_t x = 0; (x = next_changed(classes, x, width)) < width;) {
        uint8_t  kind = classes[x];
        int64_t *sums;

        TB_TRY(add_run(&sums, block, &m->evidence->layout, err));
        for (; x < width && classes[x] == kind; x++)
            add_pixel(sums, m, x + halo, y, score[x]);
        sums[TB_EVIDENCE_STRONG] = kind == TB_RUN_STRONG ? sums[TB_EVIDENCE_PIXELS] : 0;
    }
done:
    return status;
}

/* A part's evidence is that of its runs. */
static tb_status join_evidence(tb_block *block, const tb_evidence_layout *layout, tb_error *err)
{
    tb_status      status  = TB_OK;
    size_t         columns = (size_t)layout->columns, needed = block->runs.part_count * columns;
    const int64_t *sums = block->of_runs;

    if (needed > block->evidence_capacity) {
        TB_TRY(tb_grow(&block->evidence, needed * 3 / 2, sizeof *block->evidence, "evidence", err));
        block->evidence_capacity = needed * 3 / 2;
    }
    tb_evidence_clear(layout, block->evidence, block->runs.part_count);
    for (size_t r = 0; r < block->runs.run_count; r++) {
        const tb_run *run = &block->runs.runs[r];

        if (run->kind == TB_RUN_UNOBSERVED)
            continue;
        tb_evidence_join(layout, block->evidence + (size_t)run->part * columns, sums);
        sums += columns;
    }
    block->runs.evidence = block->evidence;
done:
    return status;
}

static tb_status reserve(tb_block *block, size_t pixels, bool keeps_scores, tb_error *err)
{
    tb_status status = TB_OK;

    if (block->label == NULL)
        TB_TRY(tb_label_new(&block->label, err));
    if (pixels > block->class_capacity) {
        TB_TRY(tb_grow(&block->classes, pixels, 1, "classes", err));
        block->class_capacity = pixels;
    }
    if (keeps_scores && pixels > block->score_capacity) {
        TB_TRY(tb_grow(&block->score, pixels, sizeof *block->score, "scores", err));
        block->score_capacity = pixels;
    }
done:
    return status;
}

tb_status tb_block_make(tb_block *block, tb_rect rect, const tb_model *model,
                        const tb_evidence *evidence, bool keeps_scores, tb_pair_reader *reader,
                        const tb_kernels *kernels, tb_error *err)
{
    tb_status status = TB_OK;
    tb_rect   wide   = tb_rect_grow(rect, model->scoring.halo + model->screen_halo);
    int64_t   kept   = model->screen_halo > 0 ? wide.height : tb_scoring_rows(model->scoring.halo);
    making    m      = {.block        = block,
                        .rect         = rect,
                        .model        = model,
                        .evidence     = evidence,
                        .keeps_scores = keeps_scores,
                        .kernels      = kernels};

    TB_TRY(reserve(block, (size_t)tb_rect_area(rect), keeps_scores, err));
    TB_TRY(tb_pair_begin(reader, wide, kept, &block->pixels, err));
    if (model->screen_halo > 0) {
        TB_TRY(tb_pair_need(&block->pixels, wide.height, err));
        TB_TRY(tb_screen_apply(&block->screen, &block->pixels, model->bands, model->screen, err));
    }
    block->changed = 0;
    TB_TRY(tb_scores_hand_out(&block->scores, &model->scoring, &block->pixels, model->radiometry,
                              take_row, &m, kernels, err));
    TB_TRY(tb_label_block(block->label, block->classes, (size_t)rect.width, rect, TB_CONNECT_8,
                          &block->runs, err));
    TB_TRY(join_evidence(block, &evidence->layout, err));
done:
    return status;
}
