#include "job/candidates.h"

#include <math.h>
#include <stdio.h>

#include "core/memory.h"
#include "region/outline.h"
#include "region/trace.h"
#include "sweep/block.h"

/* The pair being added, and what tracing needs. */
typedef struct gathering {
    tb_candidates *to;
    tb_stages     *stages;
    tb_trace      *trace;
    tb_outline    *outline;
    tb_geographic *way;
    tb_span       *missing, *seen; /* not observed and observed, row by row */
    size_t         missing_count, missing_capacity, seen_count, seen_capacity;
    int64_t        next_row, next_column; /* observed from here on, as far as is known */
} gathering;

void tb_candidates_reset(tb_candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        tb_outline_reset(&candidates->item[i].outline);
        tb_free(candidates->item[i].part);
        tb_free(candidates->item[i].kind);
        tb_free(candidates->item[i].classes);
        tb_free(candidates->item[i].classes_by);
        tb_free(candidates->item[i].classes_day);
    }
    for (size_t i = 0; i < candidates->observed_count; i++)
        tb_outline_reset(&candidates->observed[i].outline);
    tb_free(candidates->item);
    tb_free(candidates->observed);
    *candidates = (tb_candidates){0};
}

tb_status tb_candidates_append(tb_candidates *candidates, tb_candidate **out, tb_error *err)
{
    tb_status status = TB_OK;

    if (candidates->count == candidates->capacity) {
        size_t more = candidates->capacity > 0 ? 2 * candidates->capacity : 64;

        TB_TRY(tb_grow(&candidates->item, more, sizeof *candidates->item, "candidates", err));
        candidates->capacity = more;
    }
    *out  = &candidates->item[candidates->count++];
    **out = (tb_candidate){0};
done:
    return status;
}

static double rounded(double value)
{
    return floor(value * 1e4 + 0.5) / 1e4;
}

static tb_status add_component(void *context, const tb_component *component, tb_error *err)
{
    gathering     *g        = context;
    const tb_job  *job      = g->stages->job;
    const int64_t *evidence = component->evidence;
    double         pixels   = (double)component->pixels;
    tb_status      status   = TB_OK;
    tb_candidate  *it;
    tb_shape       traced, shape;

    TB_TRY(tb_candidates_append(g->to, &it, err));
    it->source = "auto";
    snprintf(it->id, sizeof it->id, "D%.4s%.2s-%d-%06lld",
             job->month[0] != '\0' ? job->month : "0000",
             job->month[0] != '\0' ? job->month + 5 : "00", g->stages->number,
             (long long)component->number + 1);
    it->pair        = g->stages->number - 1;
    it->is_small    = component->verdict != TB_VERDICT_KEPT;
    it->pixels      = component->pixels;
    it->edge_pixels = evidence[TB_EVIDENCE_UNOBSERVED_BESIDE];
    it->score       = rounded((double)evidence[TB_EVIDENCE_SCORE_SUM] / pixels / TB_SCORE_UNIT);
    it->score_max   = rounded((double)evidence[TB_EVIDENCE_SCORE_MAX] / TB_SCORE_UNIT);
    TB_TRY(tb_trace_component(g->trace, component, &traced, err));
    TB_TRY(tb_outline_simplify(g->outline, &traced, component->nearby, component->nearby_count,
                               &(tb_outline_options){job->simplify_px, job->fill_pixels}, &shape,
                               err));
    TB_TRY(tb_geographic_outline(g->way, &shape, 1, &it->outline, err));
done:
    return status;
}

static tb_status push(tb_span **spans, size_t *count, size_t *capacity, tb_span span, tb_error *err)
{
    tb_status status = TB_OK;

    if (*count == *capacity) {
        size_t more = *capacity > 0 ? 2 * *capacity : 1024;

        TB_TRY(tb_grow(spans, more, sizeof **spans, "observed area", err));
        *capacity = more;
    }
    (*spans)[(*count)++] = span;
done:
    return status;
}

/* What lies before (row, column) and has not been told of as unobserved was observed. */
static tb_status fill_seen(gathering *g, int64_t row, int64_t column, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   width  = g->stages->pair.lattice.width;

    while (g->next_row < row || (g->next_row == row && g->next_column < column)) {
        int64_t last = g->next_row < row ? width - 1 : column - 1;

        if (last >= g->next_column)
            TB_TRY(push(&g->seen, &g->seen_count, &g->seen_capacity,
                        (tb_span){g->next_row, g->next_column, last}, err));
        if (g->next_row == row) {
            g->next_column = column;
        } else {
            g->next_row++;
            g->next_column = 0;
        }
    }
done:
    return status;
}

static tb_status hear_run(void *context, const tb_assembled_run *run, tb_error *err)
{
    gathering *g      = context;
    tb_status  status = TB_OK;

    if (run->kind != TB_RUN_UNOBSERVED)
        return TB_OK;
    TB_TRY(fill_seen(g, run->row, run->first, err));
    TB_TRY(push(&g->missing, &g->missing_count, &g->missing_capacity,
                (tb_span){run->row, run->first, run->last}, err));
    g->next_row    = run->row;
    g->next_column = run->last + 1;
done:
    return status;
}

static tb_status add_observed(gathering *g, const char *state, const tb_span *spans, size_t count,
                              tb_error *err)
{
    tb_status    status = TB_OK;
    tb_observed *it;
    tb_shape     shape;

    if (count == 0)
        return TB_OK;
    TB_TRY(tb_grow(&g->to->observed, g->to->observed_count + 1, sizeof *g->to->observed,
                   "observed area", err));
    it  = &g->to->observed[g->to->observed_count++];
    *it = (tb_observed){.state = state, .pair = g->stages->number - 1};
    for (size_t i = 0; i < count; i++)
        it->pixels += spans[i].last - spans[i].first + 1;
    TB_TRY(tb_trace_spans(g->trace, spans, count, &shape, err));
    TB_TRY(tb_geographic_outline(g->way, &shape, 1, &it->outline, err));
done:
    return status;
}

tb_status tb_candidates_add(tb_candidates *candidates, tb_stages *stages, tb_pairs *pairs,
                            tb_assemble_totals *totals, tb_error *err)
{
    tb_status           status  = TB_OK;
    gathering           g       = {.to = candidates, .stages = stages};
    tb_assemble_visitor visitor = {.run          = hear_run,
                                   .component    = add_component,
                                   .context      = &g,
                                   .wants_nearby = stages->job->simplify_px > 0.0 ||
                                                   stages->job->fill_pixels > 0};

    TB_TRY(tb_trace_new(&g.trace, err));
    TB_TRY(tb_outline_new(&g.outline, err));
    TB_TRY(tb_geographic_new(&g.way, &stages->pair.lattice,
                             tb_epoch_file(stages->pair.before, 0)->path, err));
    TB_TRY(tb_stages_assemble(stages, &visitor, totals, err));
    TB_TRY(fill_seen(&g, stages->pair.lattice.height, 0, err));
    TB_TRY(add_observed(&g, "observed", g.seen, g.seen_count, err));
    TB_TRY(add_observed(&g, "unobserved", g.missing, g.missing_count, err));
    TB_TRY(
        tb_pairs_claim(pairs, stages->number - 1, g.way, g.trace, g.missing, g.missing_count, err));
done:
    tb_geographic_free(g.way);
    tb_trace_free(g.trace);
    tb_outline_free(g.outline);
    tb_free(g.missing);
    tb_free(g.seen);
    return status;
}
