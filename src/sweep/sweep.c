#include "sweep/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/text.h"
#include "sweep/block.h"

typedef struct worker {
    tb_pair_reader *reader;
    tb_block        block;
} worker;

typedef struct sweep {
    const tb_sweep_options *options;
    tb_rect                 shard;
    tb_evidence             evidence;
    tb_cache               *cache;
    int64_t                 bytes_before, tiles_before; /* that were decoded in it */
    worker                 *worker;
    tb_run_writer          *writer;
    int                     scores_file; /* -1: none */
    const char             *scores_name;
    int64_t                 done_pixels;
} sweep;

static tb_status make(void *context, int number, int64_t item, tb_error *err)
{
    sweep  *s    = context;
    worker *w    = &s->worker[number];
    tb_rect rect = tb_plan_block(s->options->plan, s->shard, item);

    return tb_block_make(&w->block, rect, s->options->model, &s->evidence, s->scores_file >= 0,
                         w->reader, s->options->engine->kernels, err);
}

static tb_status write_scores(const sweep *s, const tb_block *block, tb_error *err)
{
    tb_rect rect = block->runs.rect;

    for (int64_t y = 0; y < rect.height; y++) {
        const char *bytes = (const char *)(block->score + y * rect.width);
        size_t      left  = (size_t)rect.width * sizeof(float);
        off_t at = (off_t)(((rect.y + y - s->shard.y) * s->shard.width + rect.x - s->shard.x) *
                           (int64_t)sizeof(float));

        while (left > 0) {
            ssize_t wrote = pwrite(s->scores_file, bytes, left, at);

            if (wrote < 0 && errno == EINTR)
                continue;
            if (wrote <= 0)
                return tb_file_complain("write", s->scores_name, err);
            bytes += wrote;
            left -= (size_t)wrote;
            at += wrote;
        }
    }
    return TB_OK;
}

/* What is read for blocks of a rectangle: nothing for none. */
static tb_rect grown(tb_rect rect, int halo)
{
    return tb_rect_is_empty(rect) ? rect : tb_rect_grow(rect, halo);
}

/* Tiles that no block after this one needs. */
static void forget_tiles(const sweep *s, const worker *w, int64_t item)
{
    int     halo = s->options->model->scoring.halo + s->options->model->screen_halo;
    tb_rect beside, below;

    tb_plan_left(s->options->plan, s->shard, item, &beside, &below);
    tb_pair_forget(w->reader, tb_rect_grow(w->block.runs.rect, halo), grown(beside, halo),
                   grown(below, halo));
}

static tb_status emit(void *context, int number, int64_t item, tb_error *err)
{
    sweep             *s        = context;
    worker            *w        = &s->worker[number];
    const tb_progress *progress = s->options->engine->progress;
    tb_status          status   = TB_OK;

    forget_tiles(s, w, item);
    TB_TRY(tb_run_writer_append(s->writer, &w->block.runs, err));
    if (s->scores_file >= 0)
        TB_TRY(write_scores(s, &w->block, err));
    s->done_pixels += tb_rect_area(w->block.runs.rect);
    if (progress != NULL && progress->report != NULL)
        progress->report(progress->context, "sweep", s->done_pixels,
                         tb_rect_area(s->options->plan->lattice));
done:
    return status;
}

static tb_status open_workers(sweep *s, tb_error *err)
{
    tb_status        status = TB_OK;
    const tb_engine *engine = s->options->engine;

    TB_TRY(tb_engine_take_cache(engine, s->options->plan->cache_bytes, &s->cache, err));
    tb_cache_counts(s->cache, &s->bytes_before, &s->tiles_before);
    TB_TRY(tb_alloc_zero(&s->worker, (size_t)s->options->plan->threads, sizeof *s->worker,
                         "workers", err));
    for (int w = 0; w < s->options->plan->threads; w++)
        TB_TRY(tb_pair_reader_new(&s->worker[w].reader, s->options->pair, s->cache, engine->kernels,
                                  err));
done:
    return status;
}

static void close_workers(sweep *s)
{
    if (s->worker != NULL)
        for (int w = 0; w < s->options->plan->threads; w++) {
            tb_pair_reader_free(s->worker[w].reader);
            tb_block_reset(&s->worker[w].block);
        }
    tb_free(s->worker);
    tb_engine_return_cache(s->options->engine, s->cache);
}

tb_status tb_sweep_shard(const tb_sweep_options *options, tb_sweep_totals *totals, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   beside = {0};
    sweep     s      = {.options     = options,
                        .shard       = tb_plan_shard(options->plan, options->shard),
                        .scores_file = -1,
                        .scores_name = options->scores_path,
                        .done_pixels = options->done_pixels};
    tb_loop   loop   = {.count    = tb_plan_blocks(options->plan, s.shard),
                        .workers  = options->plan->threads,
                        .make     = make,
                        .emit     = emit,
                        .context  = &s,
                        .progress = options->engine->progress};

    TB_TRY(tb_evidence_new(&s.evidence, options->model, err));
    TB_TRY(open_workers(&s, err));
    TB_TRY(tb_run_writer_create(&s.writer, options->runs_path, s.shard, &s.evidence.layout, err));
    if (options->scores_path != NULL) {
        TB_TRY(tb_text_append(&beside, err, "%s.new", options->scores_path));
        s.scores_file = open(beside.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (s.scores_file < 0) {
            status = tb_file_complain("write", options->scores_path, err);
            goto done;
        }
    }
    TB_TRY(tb_loop_run(&loop, err));
    if (s.scores_file >= 0) {
        int closed = close(s.scores_file);

        s.scores_file = -1;
        if (closed != 0) {
            status = tb_file_complain("close", options->scores_path, err);
            goto done;
        }
        TB_TRY(tb_file_commit(beside.data, options->scores_path, err));
    }
    TB_TRY(tb_run_writer_finish(s.writer, err));
    if (totals != NULL) {
        tb_cache_counts(s.cache, &totals->decoded_bytes, &totals->decoded_tiles);
        totals->decoded_bytes -= s.bytes_before;
        totals->decoded_tiles -= s.tiles_before;
    }
done:
    if (s.scores_file >= 0)
        close(s.scores_file);
    if (status != TB_OK && beside.data != NULL)
        tb_file_remove(beside.data);
    tb_run_writer_close(s.writer);
    close_workers(&s);
    tb_evidence_reset(&s.evidence);
    tb_text_reset(&beside);
    return status;
}
