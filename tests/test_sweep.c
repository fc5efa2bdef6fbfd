/* Plan and sweep: what tiles what, sums against plain counting, every allocation failing once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include <cmocka.h>
#include <cpl_vsi.h>

#include "checks.h"
#include "core/file.h"
#include "core/memory.h"
#include "model/fit.h"
#include "scenes.h"
#include "sweep/block.h"
#include "sweep/plan.h"
#include "sweep/sweep.h"

static const size_t MANY = (size_t)1 << 40;

/* A pair with texture, changes, clouds in both dates, and two later files. */
static tb_pair scene_open(int width, int height, int bands, bool has_two_files)
{
    const double right_at[6] = {400000 + 10 * (width / 2), 10, 0, 4150000, 0, -10};
    const double base_at[6]  = {400000, 10, 0, 4150000, 0, -10};
    const char  *before      = "/vsimem/sweep-0.tif",
               *after[2]     = {"/vsimem/sweep-1.tif", "/vsimem/sweep-2.tif"};
    size_t   plane           = (size_t)width * (size_t)height;
    float   *samples         = malloc(plane * (size_t)bands * sizeof *samples);
    uint64_t seed            = 55;
    tb_pair  pair;

    for (int file = 0; file < (has_two_files ? 3 : 2); file++) {
        for (int b = 0; b < bands; b++)
            for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++) {
                    double at = x + (file == 2 ? width / 2 : 0);
                    double v  = 900 + 260 * ground(at, y, b, 5) + random_real(&seed, -12, 12);

                    if (file > 0 && ground(at + 500, y, 9, 8) > 0.42)
                        v += b % 2 ? -700 : 800;
                    if (file > 0)
                        v = file == 1 ? v * 0.8 + 100 : v * 1.3 - 50;
                    if (ground(at, y + 300 * (file + 1), 7, 6) > 0.5)
                        v = 0;
                    samples[(size_t)b * plane + (size_t)(y * width + x)] = (float)(v < 0 ? 0 : v);
                }
        made_write(file == 0 ? before : after[file - 1],
                   &(made){.width      = width,
                           .height     = height,
                           .bands      = bands,
                           .type       = GDT_UInt16,
                           .transform  = file == 2 ? right_at : base_at,
                           .epsg       = 32651,
                           .tile       = 128,
                           .has_nodata = true},
                   samples);
    }
    free(samples);

    tb_epoch_options b = {.images = &before, .image_count = 1};
    tb_epoch_options a = {.images = after, .image_count = has_two_files ? 2 : 1};

    OK(tb_pair_open(&pair, &b, &a, heard));
    return pair;
}

static tb_engine engine_of(int workers)
{
    return (tb_engine){
        .kernels = kernels_here(), .workers = workers, .cache_bytes = (size_t)32 << 20};
}

static tb_model *fit(const tb_pair *pair)
{
    tb_fit_options options = {.method = &tb_method_cva, .may_flag_all = true};
    tb_engine      engine  = engine_of(2);
    tb_model      *model   = NULL;

    OK(tb_model_fit(&model, pair, &options, &engine, heard));
    return model;
}

/* ---- plan ---- */

static void blocks_tile_what_shards_tile(void **state)
{
    uint64_t seed = 17;

    (void)state;
    for (int i = 0; i < 400; i++) {
        tb_plan plan = {.lattice = {0, 0, random_between(&seed, 1, i % 4 ? 90 : 4000),
                                    random_between(&seed, 1, i % 4 ? 90 : 4000)},
                        .block   = random_between(&seed, 1, i % 4 ? 40 : 1500)};
        int64_t next = 0;

        plan.panel  = plan.block * random_between(&seed, 1, 6);
        plan.lead   = i % 3 ? random_between(&seed, 0, plan.block / 2) : 0;
        plan.shards = random_between(&seed, 1, plan.lattice.height < 12 ? plan.lattice.height : 12);
        for (int64_t s = 0; s < plan.shards; s++) {
            tb_rect  shard  = tb_plan_shard(&plan, s);
            int64_t  blocks = tb_plan_blocks(&plan, shard), seen_panel = 0, pixels = 0;
            uint8_t *hit = calloc(1, (size_t)tb_rect_area(shard));

            assert_true(shard.x == 0 && shard.width == plan.lattice.width && shard.y == next);
            assert_true(shard.height > 0);
            next += shard.height;
            for (int64_t k = 0; k < blocks; k++) {
                tb_rect r = tb_plan_block(&plan, shard, k);

                assert_false(tb_rect_is_empty(r));
                assert_true(r.width <= plan.block && r.height <= plan.block);
                assert_true((r.x + plan.lead) / plan.panel >= seen_panel); /* panel by panel */
                seen_panel = (r.x + plan.lead) / plan.panel;
                for (int j = 0; j < 3; j++) {
                    int64_t of = random_between(&seed, 0, blocks - 1);
                    tb_rect beside, below;

                    tb_plan_left(&plan, shard, of, &beside, &below);
                    if ((tb_plan_block(&plan, shard, of).x + plan.lead) / plan.panel == seen_panel)
                        assert_int_equal(tb_rect_area(tb_rect_intersect(r, beside)) +
                                             tb_rect_area(tb_rect_intersect(r, below)),
                                         k > of ? tb_rect_area(r) : 0);
                }
                pixels += tb_rect_area(r);
                if (i % 4 == 0) /* each pixel only where that is cheap */
                    continue;
                for (int64_t y = r.y; y < r.y + r.height; y++)
                    for (int64_t x = r.x; x < r.x + r.width; x++)
                        assert_int_equal(hit[(y - shard.y) * shard.width + x]++, 0);
            }
            assert_int_equal(pixels, tb_rect_area(shard));
            free(hit);
        }
        assert_int_equal(next, plan.lattice.height);
    }
}

static void plans_of_great_lattices(void **state)
{
    tb_plan plan = {
        .lattice = {0, 0, 600000, 700000}, .block = 1024, .panel = 10240, .shards = 1565};
    int64_t pixels = 0;

    (void)state;
    for (int64_t s = 0; s < plan.shards; s++) {
        tb_rect shard = tb_plan_shard(&plan, s), last;

        pixels += tb_rect_area(shard);
        last = tb_plan_block(&plan, shard, tb_plan_blocks(&plan, shard) - 1);
        assert_true(last.x + last.width == 600000 &&
                    last.y + last.height == shard.y + shard.height);
    }
    assert_true(pixels == (int64_t)600000 * 700000);
}

static void a_refusal_names_the_least(void **state)
{
    tb_pair pair = scene_open(700, 500, 4, true);

    (void)state;
    for (int k = 0; k < 4; k++) {
        tb_plan_options options = {
            .threads = k < 2 ? 1 : 8, .budget_bytes = 1, .block = k % 2 ? 512 : 0};
        tb_error    error = {0};
        tb_plan     plan;
        const char *figure;

        assert_int_equal(tb_plan_make(&plan, &pair, &options, &error), TB_E_MEMORY);
        figure = strstr(error.message, "at least ");
        assert_non_null(figure);
        options.budget_bytes = (size_t)atoll(figure + 9) << 20;
        OK(tb_plan_make(&plan, &pair, &options, heard));
        assert_true(plan.needed_bytes <= options.budget_bytes);
        options.budget_bytes -= (size_t)1 << 20;
        assert_int_equal(tb_plan_make(&plan, &pair, &options, NULL), TB_E_MEMORY);
    }

    /* More memory: no smaller blocks, no fewer threads. */
    tb_plan_options options  = {.threads = 4};
    tb_plan         previous = {0};

    for (size_t mib = 300; mib < 3000; mib += 150) {
        tb_plan plan;

        options.budget_bytes = mib << 20;
        if (tb_plan_make(&plan, &pair, &options, NULL) != TB_OK)
            continue;
        assert_true(plan.block >= previous.block && plan.threads >= previous.threads);
        assert_true(plan.panel % plan.block == 0 && plan.panel >= plan.block);
        previous = plan;
    }
    assert_int_equal(previous.threads, 4);
    tb_pair_close(&pair);
}

/* ---- sweep ---- */

/* All of a swept lattice: classes of pixels, and the evidence of all parts joined. */
typedef struct swept {
    uint8_t *classes;
    int64_t  total[TB_EVIDENCE_COLUMNS_MAX];
    float   *scores;
    size_t   parts;
} swept;

static void read_shard(swept *out, const char *path, tb_rect lattice)
{
    tb_run_reader            *reader = NULL;
    const tb_evidence_layout *layout;

    OK(tb_run_reader_open(&reader, path, heard));
    layout = tb_run_reader_layout(reader);
    for (size_t b = 0; b < tb_run_reader_block_count(reader); b++) {
        const tb_run_entry *entry = tb_run_reader_entry(reader, b);
        tb_run             *runs  = malloc(((size_t)entry->run_count + 1) * sizeof *runs);
        int64_t            *rows =
            malloc(((size_t)entry->part_count + 1) * (size_t)layout->columns * sizeof *rows);

        OK(tb_run_reader_read(reader, b, 0, (size_t)entry->run_count, runs, heard));
        OK(tb_run_reader_read_evidence(reader, b, 0, (size_t)entry->part_count, rows, heard));
        for (int64_t r = 0; r < entry->run_count; r++)
            for (int64_t x = runs[r].first; x <= runs[r].last; x++) {
                assert_int_equal(out->classes[runs[r].row * lattice.width + x], 0);
                out->classes[runs[r].row * lattice.width + x] = runs[r].kind;
            }
        for (int64_t p = 0; p < entry->part_count; p++)
            tb_evidence_join(layout, out->total, rows + p * layout->columns);
        out->parts += (size_t)entry->part_count;
        free(runs);
        free(rows);
    }
    tb_run_reader_close(reader);
}

static swept sweep(const tb_pair *pair, const tb_model *model, int64_t block, int64_t panels,
                   int64_t shards, int threads)
{
    tb_engine   engine = engine_of(threads);
    tb_plan     plan   = {.lattice     = {0, 0, pair->lattice.width, pair->lattice.height},
                          .threads     = threads,
                          .block       = block,
                          .panel       = panels * block,
                          .shards      = shards,
                          .cache_bytes = (size_t)1 << 20};
    swept       out    = {0};
    tb_evidence evidence;
    char        runs[300], scores[300];
    int64_t     done = 0;

    OK(tb_evidence_new(&evidence, model, heard));
    tb_evidence_clear(&evidence.layout, out.total, 1);
    tb_evidence_reset(&evidence);
    out.classes = calloc(1, (size_t)tb_rect_area(plan.lattice));
    out.scores  = calloc(sizeof(float), (size_t)tb_rect_area(plan.lattice));
    in_folder("runs.h5", runs, sizeof runs);
    in_folder("scores.raw", scores, sizeof scores);
    for (int64_t s = 0; s < shards; s++) {
        tb_sweep_options options = {.pair        = pair,
                                    .model       = model,
                                    .plan        = &plan,
                                    .engine      = &engine,
                                    .shard       = s,
                                    .runs_path   = runs,
                                    .scores_path = scores,
                                    .done_pixels = done};
        tb_rect          shard   = tb_plan_shard(&plan, s);
        FILE            *file;

        OK(tb_sweep_shard(&options, NULL, heard));
        assert_int_equal(folder_count(), 2);
        read_shard(&out, runs, plan.lattice);
        file = fopen(scores, "rb");
        assert_int_equal(fread(out.scores + done, sizeof(float), (size_t)tb_rect_area(shard), file),
                         tb_rect_area(shard));
        assert_int_equal(fgetc(file), EOF);
        fclose(file);
        done += tb_rect_area(shard);
    }
    assert_int_equal(done, tb_rect_area(plan.lattice));
    tb_file_remove(runs);
    tb_file_remove(scores);
    return out;
}

static void swept_reset(swept *s)
{
    free(s->classes);
    free(s->scores);
}

/* The whole image as one block, decided and counted as plainly as can be. */
static swept reference(const tb_pair *pair, const tb_model *model)
{
    tb_rect         all    = {0, 0, pair->lattice.width, pair->lattice.height};
    tb_cache       *cache  = NULL;
    tb_pair_reader *reader = NULL;
    tb_pair_block   block  = {0};
    tb_scores       scores = {0};
    tb_evidence     evidence;
    swept           out  = {0};
    int             halo = model->scoring.halo;

    out.classes                      = calloc(1, (size_t)tb_rect_area(all));
    out.scores                       = calloc(sizeof(float), (size_t)tb_rect_area(all));
    out.total[TB_EVIDENCE_SCORE_MAX] = INT64_MIN;
    OK(tb_cache_new(&cache, (size_t)64 << 20, heard));
    OK(tb_pair_reader_new(&reader, pair, cache, kernels_here(), heard));
    OK(tb_pair_read(reader, tb_rect_grow(all, halo), &block, heard));
    OK(tb_scores_make(&scores, &model->scoring, &block, model->radiometry, kernels_here(), heard));
    OK(tb_evidence_new(&evidence, model, heard));
    assert_int_equal(evidence.layout.columns, TB_EVIDENCE_FIXED + 4 * model->bands);
    memcpy(out.scores, scores.score, (size_t)tb_rect_area(all) * sizeof(float));
    for (int64_t y = 0; y < all.height; y++)
        for (int64_t x = 0; x < all.width; x++) {
            int64_t at = (y + halo) * block.rect.width + x + halo, core = y * all.width + x;
            bool    is_beside = false;

            if (block.stratum[at] < 0) {
                out.classes[core] = TB_RUN_UNOBSERVED;
                continue;
            }

            const tb_model_threshold *t = &model->judge[block.stratum[at]]->threshold;

            if (!(scores.score[core] >= (float)t->weak &&
                  scores.contrast[core] >= (float)t->contrast))
                continue;
            out.classes[core] =
                scores.score[core] >= (float)t->strong ? TB_RUN_STRONG : TB_RUN_WEAK;
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++)
                    is_beside = is_beside || block.stratum[at + dy * block.rect.width + dx] < 0;

            int64_t units =
                (int64_t)floor((double)scores.score[core] / t->value * TB_SCORE_UNIT + 0.5);

            out.total[TB_EVIDENCE_PIXELS]++;
            out.total[TB_EVIDENCE_STRONG] += out.classes[core] == TB_RUN_STRONG;
            out.total[TB_EVIDENCE_SCORE_SUM] += units;
            if (units > out.total[TB_EVIDENCE_SCORE_MAX])
                out.total[TB_EVIDENCE_SCORE_MAX] = units;
            out.total[TB_EVIDENCE_UNOBSERVED_BESIDE] += is_beside;
            for (int b = 0; b < model->bands; b++) {
                int64_t *column = out.total + TB_EVIDENCE_FIXED + 4 * b;
                int64_t  v = (int64_t)floor(block.before[b][at] * evidence.by_quantum[b] + 0.5);
                int64_t  w = (int64_t)floor(block.after[b][at] * evidence.by_quantum[b] + 0.5);

                column[0] += v;
                column[1] += v * v;
                column[2] += w;
                column[3] += w * w;
            }
        }
    tb_evidence_reset(&evidence);
    tb_scores_reset(&scores);
    tb_pair_block_reset(&block);
    tb_pair_reader_free(reader);
    tb_cache_free(cache);
    return out;
}

static void a_sweep_is_the_whole_image(void **state)
{
    static const struct {
        int64_t block, panels, shards;
        int     threads;
    } cases[] = {{64, 1, 1, 1}, {37, 3, 7, 2}, {256, 2, 2, 2}, {1000, 1, 1, 2}, {128, 2, 311, 3}};

    (void)state;
    folder_begin();
    for (int files = 1; files <= 2; files++) {
        tb_pair   pair  = scene_open(499, 311, 3, files == 2);
        tb_model *model = fit(&pair);
        swept     whole = reference(&pair, model);
        size_t    area  = (size_t)(pair.lattice.width * pair.lattice.height);

        assert_true(whole.total[TB_EVIDENCE_STRONG] > 1000);
        assert_true(whole.total[TB_EVIDENCE_UNOBSERVED_BESIDE] > 10);
        for (size_t i = files == 1 ? 3 : 0; i < sizeof cases / sizeof *cases; i++) {
            swept got = sweep(&pair, model, cases[i].block, cases[i].panels, cases[i].shards,
                              cases[i].threads);

            assert_memory_equal(got.classes, whole.classes, area);
            assert_memory_equal(got.total, whole.total, sizeof whole.total);
            assert_memory_equal(got.scores, whole.scores, area * sizeof(float));
            swept_reset(&got);
        }
        swept_reset(&whole);
        tb_model_free(model);
        tb_pair_close(&pair);
    }
    folder_end();
}

/* Samples far outside of anything add up to something defined. */
static void evidence_of_absurd_samples(void **state)
{
    const char      *before = "/vsimem/absurd-0.tif", *after = "/vsimem/absurd-1.tif";
    float           *samples = malloc(400 * 300 * sizeof *samples);
    uint64_t         seed    = 2;
    tb_epoch_options b       = {.images = &before, .image_count = 1},
                     a       = {.images = &after, .image_count = 1};
    tb_pair   pair;
    tb_model *model;
    swept     got, other;

    (void)state;
    for (int date = 0; date < 2; date++) {
        for (int i = 0; i < 400 * 300; i++) {
            samples[i] = (float)(0.2 + 0.05 * ground(i % 400, (double)(i / 400), 0, 5) +
                                 random_real(&seed, -0.003, 0.003));
            if (date == 1 && i / 400 >= 100 && i / 400 < 180 && i % 400 < 120)
                samples[i] = -3.4e38f;
        }
        made_write(date == 0 ? before : after, &(made){.width = 400, .height = 300, .bands = 1},
                   samples);
    }
    free(samples);
    OK(tb_pair_open(&pair, &b, &a, heard));
    folder_begin();
    model = fit(&pair);
    got   = sweep(&pair, model, 64, 2, 1, 2);
    other = sweep(&pair, model, 400, 1, 3, 1);
    assert_memory_equal(got.total, other.total, sizeof got.total);
    assert_true(got.total[TB_EVIDENCE_FIXED + 3] == INT64_MAX);
    swept_reset(&got);
    swept_reset(&other);
    tb_model_free(model);
    tb_pair_close(&pair);
    folder_end();
}

/* A read error ends the sweep with the same words whoever met it, and leaves nothing. */
static void a_sweep_that_fails_leaves_nothing(void **state)
{
    tb_pair   pair        = scene_open(499, 311, 2, false);
    tb_model *model       = fit(&pair);
    tb_engine engine      = engine_of(3);
    tb_plan   plan        = {.lattice = {0, 0, 499, 311}, .block = 64, .panel = 128, .shards = 1};
    char      first[1024] = "", runs[300], scores[300];
    VSILFILE *file        = VSIFOpenL("/vsimem/sweep-1.tif", "rb+");

    (void)state;
    VSIFSeekL(file, 0, SEEK_END);
    VSIFTruncateL(file, VSIFTellL(file) * 6 / 10);
    VSIFCloseL(file);
    folder_begin();
    for (int threads = 1; threads <= 3; threads++) {
        tb_error         error   = {0};
        tb_sweep_options options = {.pair        = &pair,
                                    .model       = model,
                                    .plan        = &plan,
                                    .engine      = &engine,
                                    .runs_path   = in_folder("runs.h5", runs, sizeof runs),
                                    .scores_path = in_folder("scores.raw", scores, sizeof scores)};

        plan.threads = threads;
        assert_int_equal(tb_sweep_shard(&options, NULL, &error), TB_E_INPUT);
        assert_non_null(strstr(error.message, "sweep-1.tif block ("));
        if (threads == 1)
            strcpy(first, error.message);
        assert_string_equal(error.message, first);
        assert_int_equal(folder_count(), 0);
    }
    tb_model_free(model);
    tb_pair_close(&pair);
    folder_end();
}

/* ---- every allocation fails once ---- */

static tb_status all_of_it(tb_error *err)
{
    const char      *before = "/vsimem/sweep-0.tif", *after = "/vsimem/sweep-1.tif";
    tb_epoch_options b         = {.images = &before, .image_count = 1},
                     a         = {.images = &after, .image_count = 1};
    tb_fit_options fit_options = {
        .method = &tb_method_cva, .is_registered = true, .may_flag_all = true};
    tb_engine       engine       = engine_of(1);
    tb_plan_options plan_options = {.threads = 1, .block = 64, .budget_bytes = MANY};
    tb_status       status       = TB_OK;
    tb_pair         pair         = {0};
    tb_model       *model = NULL, *again = NULL;
    tb_text         text = {0};
    tb_plan         plan;
    char            runs[300], scores[300], yaml[300];

    in_folder("model.yaml", yaml, sizeof yaml);
    TB_TRY(tb_pair_open(&pair, &b, &a, err));
    TB_TRY(tb_plan_make(&plan, &pair, &plan_options, err));
    TB_TRY(tb_model_fit(&model, &pair, &fit_options, &engine, err));
    TB_TRY(tb_model_write(model, &pair, &text, err));
    TB_TRY(tb_file_write(yaml, text.data, text.length, err));
    TB_TRY(tb_model_read(&again, yaml, err));
    TB_TRY(tb_model_apply(again, &pair, err));

    tb_sweep_options options = {.pair        = &pair,
                                .model       = again,
                                .plan        = &plan,
                                .engine      = &engine,
                                .runs_path   = in_folder("runs.h5", runs, sizeof runs),
                                .scores_path = in_folder("scores.raw", scores, sizeof scores)};

    TB_TRY(tb_sweep_shard(&options, NULL, err));
done:
    tb_text_reset(&text);
    tb_model_free(again);
    tb_model_free(model);
    tb_pair_close(&pair);
    return status;
}

static void every_allocation_fails_once(void **state)
{
    tb_pair pair = scene_open(96, 80, 2, false);
    size_t  held;
    long    n = 1, tried = 0;
    char    runs[300], scores[300], yaml[300];

    (void)state;
    tb_pair_close(&pair);
    folder_begin();
    in_folder("runs.h5", runs, sizeof runs);
    in_folder("scores.raw", scores, sizeof scores);
    in_folder("model.yaml", yaml, sizeof yaml);
    OK(all_of_it(heard));
    held = tb_memory_in_use();
    for (;; n += n < 400 ? 1 : 17, tried++) {
        tb_error  error = {0};
        tb_status status;
        bool      was_hit;

        tb_file_remove(runs);
        tb_file_remove(scores);
        tb_file_remove(yaml);
        tb_memory_fail_at(n);
        status  = all_of_it(&error);
        was_hit = tb_memory_has_failed();
        tb_memory_fail_at(0);
        if (was_hit ? status != TB_E_MEMORY || error.status != TB_E_MEMORY : status != TB_OK)
            fail_msg("allocation %ld: %s, status %d: %s", n, was_hit ? "failed" : "held", status,
                     error.message);
        if (tb_memory_in_use() != held)
            fail_msg("allocation %ld: %zu bytes leaked", n, tb_memory_in_use() - held);
        assert_false(was_hit && tb_file_exists(runs));
        tb_file_remove(runs);
        tb_file_remove(scores);
        tb_file_remove(yaml);
        if (folder_count() != 0)
            fail_msg("allocation %ld: a file was left", n);
        if (!was_hit)
            break;
    }
    print_message("%ld allocations, %ld of them failed\n", n, tried);
    folder_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_tile_what_shards_tile),
        cmocka_unit_test(plans_of_great_lattices),
        cmocka_unit_test(a_refusal_names_the_least),
        cmocka_unit_test(a_sweep_is_the_whole_image),
        cmocka_unit_test(evidence_of_absurd_samples),
        cmocka_unit_test(a_sweep_that_fails_leaves_nothing),
        cmocka_unit_test(every_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
