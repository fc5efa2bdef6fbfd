#include "job/tune_labels.h"

#include "core/memory.h"
#include "eval/strips.h"
#include "job/stages.h"

enum { FOLDS_DEFAULT = 5, SIDE_DEFAULT = 128, UNKNOWN = 255 };

/* Two scores share a source pixel when they are nearer than twice the widest halo. */
enum { GUARD_DEFAULT = 2 * TB_SCORING_HALO_MAX };

tb_status tb_tune_labels_check(tb_tune_labels *labels, const tb_tune_options *options,
                               tb_error *err)
{
    labels->pairs = options->pair_count;
    labels->side  = options->side > 0 ? options->side : SIDE_DEFAULT;
    labels->guard = options->guard > 0 ? options->guard : GUARD_DEFAULT;
    if (options->pair_count < 1)
        return tb_error_set(err, TB_E_USAGE, "tune: expected at least one pair, got %d",
                            options->pair_count);
    for (int p = 0; p < options->pair_count; p++)
        if (options->pairs[p].before == NULL || options->pairs[p].after == NULL ||
            options->pairs[p].truth == NULL)
            return tb_error_set(err, TB_E_USAGE,
                                "tune pair %d: expected two images and a truth, got not all",
                                p + 1);
    if (options->folds < 0 || options->folds == 1 || options->folds > 1000)
        return tb_error_set(err, TB_E_USAGE, "tune: expected 2 to 1000 folds, got %d",
                            options->folds);
    if (labels->guard > labels->side / 2)
        return tb_error_set(err, TB_E_USAGE,
                            "tune: expected a guard of at most half a block, %lld pixels, got %lld",
                            (long long)(labels->side / 2), (long long)labels->guard);
    return TB_OK;
}

static tb_status read_truth(tb_tune_truth *to, const char *path, int64_t side, int64_t guard,
                            tb_error *err)
{
    tb_status            status = TB_OK;
    tb_strips            strips = {0};
    const tb_image_info *info;
    int64_t              rows;

    TB_TRY(tb_strips_open(&strips, path, err));
    info = strips.info;
    rows = tb_strips_rows(info->width, info->height);
    TB_TRY(tb_strips_prepare(&strips, rows, err));
    TB_TRY(tb_alloc(&to->truth, (size_t)info->width * (size_t)info->height, 1, "truth", err));
    for (int64_t y = 0; y < info->height; y += rows) {
        tb_rect  strip = {0, y, info->width, rows < info->height - y ? rows : info->height - y};
        uint8_t *here  = to->truth + y * info->width;

        TB_TRY(tb_strips_read(&strips, strip, err));
        for (int64_t i = 0; i < tb_rect_area(strip); i++)
            here[i] = tb_strips_is_unknown(&strips, i) ? UNKNOWN : strips.values[i] != 0.0;
    }
    TB_TRY(tb_blocks_init(&to->blocks, to->truth, info->width, info->height, side, guard, err));
done:
    tb_strips_close(&strips);
    return status;
}

void tb_tune_labels_add(const tb_tune_labels *labels, tb_tune_tally *sets, int pair, int64_t x,
                        int64_t y)
{
    const tb_tune_truth *l = &labels->pair[pair];
    uint8_t class          = l->truth[y * l->blocks.width + x];
    int near[TB_BLOCKS_NEAR_MAX], count;

    if (class == UNKNOWN)
        return;
    count = tb_blocks_near(&l->blocks, x, y, near);
    for (int i = -1; i <= count; i++) {
        tb_tune_tally *set = i < 0        ? &sets[near[0]]
                             : i == count ? &sets[2 * labels->folds + pair]
                                          : &sets[labels->folds + near[i]];

        if (class == 1)
            set->changed++;
        else
            set->unchanged++;
    }
}

tb_status tb_tune_labels_read(tb_tune_labels *labels, const tb_tune_options *options,
                              tb_text *notes, tb_error *err)
{
    tb_status  status  = TB_OK;
    int64_t    changed = 0;
    tb_blocks *rasters = NULL;

    TB_TRY(tb_alloc_zero(&labels->pair, (size_t)labels->pairs, sizeof *labels->pair, "pairs", err));
    TB_TRY(tb_alloc_zero(&rasters, (size_t)labels->pairs, sizeof *rasters, "pairs", err));
    for (int p = 0; p < labels->pairs; p++) {
        TB_TRY(read_truth(&labels->pair[p], options->pairs[p].truth, labels->side, labels->guard,
                          err));
        changed += tb_blocks_changed(&labels->pair[p].blocks);
        rasters[p] = labels->pair[p].blocks;
    }
    if (changed < 2) {
        status = tb_error_set(err, TB_E_INPUT,
                              "tune: expected at least 2 blocks of %lld pixels with change, got "
                              "%lld",
                              (long long)labels->side, (long long)changed);
        tb_error_hint(err, "give more pairs, or smaller blocks with --side");
        goto done;
    }
    labels->folds = options->folds > 0 ? options->folds : FOLDS_DEFAULT;
    if (labels->folds > changed) {
        TB_TRY(tb_text_append(notes, err, "only %lld blocks have change: as many folds are made\n",
                              (long long)changed));
        labels->folds = (int)changed;
    }
    TB_TRY(tb_blocks_deal(rasters, labels->pairs, labels->folds, err));
    TB_TRY(tb_alloc_zero(&labels->all, (size_t)tb_tune_labels_sets(labels), sizeof *labels->all,
                         "tallies", err));
    for (int p = 0; p < labels->pairs; p++)
        for (int64_t y = 0; y < labels->pair[p].blocks.height; y++)
            for (int64_t x = 0; x < labels->pair[p].blocks.width; x++)
                tb_tune_labels_add(labels, labels->all, p, x, y);
done:
    tb_free(rasters);
    return status;
}

void tb_tune_labels_reset(tb_tune_labels *labels)
{
    for (int p = 0; labels->pair != NULL && p < labels->pairs; p++) {
        tb_blocks_reset(&labels->pair[p].blocks);
        tb_free(labels->pair[p].truth);
    }
    tb_free(labels->pair);
    tb_free(labels->all);
    *labels = (tb_tune_labels){0};
}
