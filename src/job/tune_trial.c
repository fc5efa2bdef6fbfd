#include "job/tune_trial.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "job/stages.h"

static const uint64_t MEMORY_DEFAULT = (uint64_t)4 << 30;

typedef struct trial {
    const tb_tune_options *options;
    const tb_kernels      *kernels;
    tb_tune_grid          *grid;
    const tb_tune_labels  *labels;
    tb_tune_tally         *flagged;
    tb_progress            quiet; /* cancels, says nothing */
    char                  *work;
    int64_t                done, steps; /* sweeps */
} trial;

typedef struct painter {
    const tb_tune_labels *labels;
    tb_tune_tally        *sets;
    int                   pair;
} painter;

static tb_status count_run(void *context, const tb_assembled_run *run, tb_error *err)
{
    painter *p = context;

    (void)err;
    if (run->kind != TB_RUN_UNOBSERVED && run->verdict == TB_VERDICT_KEPT)
        for (int64_t x = run->first; x <= run->last; x++)
            tb_tune_labels_add(p->labels, p->sets, p->pair, x, run->row);
    return TB_OK;
}

/* Fitted and swept: one assembly for each least size. */
static tb_status try_sizes(trial *t, int pair, tb_job *job, tb_stages *stages, int *value,
                           tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   pixels = stages->pair.lattice.width * stages->pair.lattice.height;

    for (int m = 0; m < t->grid->values[TB_TUNE_MIN_PIXELS].count; m++) {
        int                 c;
        painter             p       = {.labels = t->labels, .pair = pair};
        tb_assemble_visitor visitor = {.run = count_run, .context = &p};
        tb_assemble_totals  totals;

        value[TB_TUNE_MIN_PIXELS] = m;
        c                         = tb_tune_grid_find(t->grid, value);
        if (c < 0)
            continue;
        p.sets          = t->flagged + (size_t)c * (size_t)tb_tune_labels_sets(t->labels);
        job->min_pixels = (int64_t)t->grid->values[TB_TUNE_MIN_PIXELS].number[m];
        TB_TRY(tb_stages_assemble(stages, &visitor, &totals, err));
        t->grid->combination[c].is_implausible |=
            (totals.kept_pixels + totals.small_pixels + totals.weak_pixels) * 1000 >
            (pixels - totals.unobserved_pixels) * tb_implausible_permille(job->prior);
    }
    value[TB_TUNE_MIN_PIXELS] = 0;
done:
    return status;
}

static tb_status empty_work(const trial *t, tb_error *err)
{
    tb_folder_remove(t->work);
    return tb_folder_make(t->work, NULL, err);
}

static tb_status open_pair(const trial *t, int pair, const int *value, tb_job **job,
                           tb_stages *stages, tb_error *err)
{
    tb_status           status = TB_OK;
    const tb_tune_pair *of     = &t->options->pairs[pair];
    const char         *method = t->grid->values[TB_TUNE_METHOD].word[value[TB_TUNE_METHOD]];
    uint64_t            held   = 0;
    tb_detect_options   detect = {
          .before            = of->before,
          .after             = of->after,
          .sensor            = t->options->sensor,
          .method            = strcmp(method, "auto") == 0 ? NULL : method,
          .prior             = t->grid->values[TB_TUNE_PRIOR].word[value[TB_TUNE_PRIOR]],
          .smoothing         = t->grid->values[TB_TUNE_SMOOTHING].word[value[TB_TUNE_SMOOTHING]],
          .is_not_registered = t->options->is_not_registered,
          .sample            = t->options->sample,
          .may_flag_all      = true,
          .runtime           = t->options->runtime};
    const tb_blocks *blocks = &t->labels->pair[pair].blocks;

    for (int p = 0; p < t->labels->pairs; p++)
        held += (uint64_t)(t->labels->pair[p].blocks.width * t->labels->pair[p].blocks.height);
    if (detect.runtime.memory_bytes == 0)
        detect.runtime.memory_bytes = MEMORY_DEFAULT;
    detect.runtime.memory_bytes -=
        held < detect.runtime.memory_bytes ? held : detect.runtime.memory_bytes - 1;
    TB_TRY(tb_job_of_images(job, &detect, err));
    TB_TRY(tb_stages_open(stages, *job, 1, t->kernels, &t->quiet, err));
    if (stages->pair.lattice.width != blocks->width ||
        stages->pair.lattice.height != blocks->height) {
        status = tb_error_set(err, TB_E_INPUT,
                              "tune %s: expected a truth of the size of %s, %lldx%lld, got "
                              "%lldx%lld",
                              of->truth, of->before, (long long)stages->pair.lattice.width,
                              (long long)stages->pair.lattice.height, (long long)blocks->width,
                              (long long)blocks->height);
        tb_error_hint(err, "bring it onto that grid, for instance with gdalwarp -r near");
    }
done:
    return status;
}

static void report_progress(trial *t)
{
    const tb_progress *progress = t->options->runtime.progress;

    t->done++;
    if (progress != NULL && progress->report != NULL)
        progress->report(progress->context, "tune", t->done, t->steps);
}

/* One method, smoothing and prior on one pair: a fit, then a sweep for each factor. */
static tb_status try_fit(trial *t, int pair, int *value, tb_error *err)
{
    tb_status           status = TB_OK;
    tb_job             *job    = NULL;
    tb_stages           stages = {0};
    tb_model_threshold *fitted = NULL;

    TB_TRY(open_pair(t, pair, value, &job, &stages, err));
    TB_TRY(tb_stages_fit(&stages, err));
    stages.work = t->work;
    TB_TRY(tb_alloc(&fitted, (size_t)tb_model_strata(stages.model), sizeof *fitted, "thresholds",
                    err));
    for (int s = 0; s < tb_model_strata(stages.model); s++)
        fitted[s] = stages.model->stratum[s].threshold;
    for (int f = 0; f < t->grid->values[TB_TUNE_FACTOR].count; f++) {
        value[TB_TUNE_FACTOR] = f;
        if (!tb_tune_grid_wants(t->grid, value, TB_TUNE_FACTOR + 1))
            continue;
        TB_TRY(empty_work(t, err));
        TB_TRY(tb_stages_scale(&stages, fitted, t->grid->values[TB_TUNE_FACTOR].number[f], err));
        TB_TRY(tb_stages_sweep(&stages, err));
        TB_TRY(try_sizes(t, pair, job, &stages, value, err));
        report_progress(t);
    }
    value[TB_TUNE_FACTOR] = 0;
done:
    tb_free(fitted);
    tb_stages_close(&stages);
    tb_job_free(job);
    return status;
}

static tb_status try_all(trial *t, tb_error *err)
{
    tb_status status = TB_OK;

    t->steps = tb_tune_grid_sweeps(t->grid) * t->labels->pairs;
    for (int p = 0; p < t->labels->pairs; p++) {
        int value[TB_TUNE_PARAMETERS] = {0};

        do {
            if (tb_tune_grid_wants(t->grid, value, TB_TUNE_PRIOR + 1))
                TB_TRY(try_fit(t, p, value, err));
        } while (tb_tune_grid_step(t->grid, value, TB_TUNE_PRIOR + 1));
    }
done:
    return status;
}

static tb_status make_work(trial *t, tb_error *err)
{
    tb_status   status = TB_OK;
    const char *folder = getenv("TMPDIR");

    TB_TRY(tb_path_join(&t->work, folder != NULL && folder[0] != '\0' ? folder : "/tmp",
                        "tuban-tune-XXXXXX", err));
    if (mkdtemp(t->work) == NULL) {
        status = tb_file_complain("make folder", t->work, err);
        tb_free(t->work);
        t->work = NULL;
    }
done:
    return status;
}

tb_status tb_tune_try(const tb_tune_options *options, const tb_kernels *kernels, tb_tune_grid *grid,
                      const tb_tune_labels *labels, tb_tune_tally *flagged, tb_error *err)
{
    const tb_progress *progress = options->runtime.progress;
    tb_status          status   = TB_OK;
    trial              t        = {
                            .options = options, .kernels = kernels, .grid = grid, .labels = labels, .flagged = flagged};

    if (progress != NULL)
        t.quiet =
            (tb_progress){.is_cancelled = progress->is_cancelled, .context = progress->context};
    TB_TRY(make_work(&t, err));
    TB_TRY(try_all(&t, err));
done:
    if (t.work != NULL)
        tb_folder_remove(t.work);
    tb_free(t.work);
    return status;
}
