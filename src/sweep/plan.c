#include "sweep/plan.h"

#include <math.h>

#include "core/parallel.h"
#include "detect/score.h"
#include "model/fit.h"
#include "model/sample.h"
#include "raster/cache.h"
#include "raster/warp.h"
#include "sweep/block.h"

static const size_t DEFAULT_BUDGET = (size_t)4 << 30;
static const size_t BASE           = (size_t)160 << 20; /* measured: libraries, PROJ, HDF5, GEOS */
enum { SHARD_STEP = 512 };

/* The samples of a block stay in the processor's outer cache, and its halo is a tenth of it. */
enum { DEFAULT_BLOCK = 512, LEAST_BLOCK = 128 };

/*
 * Bytes of tiles from where on panels are made narrower though the budget would hold more, as long
 * as a panel is of PANEL_TILES: beyond, memory costs more to be given than the tiles beside a
 * border to be decoded twice.
 */
static const size_t CACHE_WISH = (size_t)320 << 20;
enum { PANEL_TILES = 12 };

/*
 * Blocks end so many rows and columns, and the halo, before a tile does: what is below and to the
 * right of it is not decoded for them, and of a panel two rows of tiles are touched and not three.
 * More than a resampler's taps: dates lie apart by some pixels.
 */
enum { APART_MOST = 32, TAPS = 4 };

/* One shard for so many pixels: about a minute of work to lose. */
static const int64_t SHARD_PIXELS = (int64_t)1 << 28;

/* Decoded bytes under one lattice pixel, and the largest tile's height and width in lattice pixels.
 */
typedef struct date_cost {
    double bytes_per_pixel;
    double tile_width, tile_height;
    size_t tile_bytes;
    size_t decoder_bytes; /* of a worker's handles */
    bool   is_aligned;    /* no row of blocks touches more tiles than its own and those above */
    bool   is_stored;     /* a tile is read again as soon as found */
} date_cost;

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Whether the file's tiles end where blocks of the plan do, but for what they may lie apart. */
static bool is_aligned(const tb_plan *plan, const tb_warp *warp, int64_t tile)
{
    tb_warp_position x, y;
    int64_t          off;

    if (plan->lead == 0 || tb_warp_kind_of(warp) == TB_WARP_GENERAL || tb_warp_scale(warp) != 1.0 ||
        (plan->block % tile != 0 && tile % plan->block != 0))
        return false;
    tb_warp_row(warp, 0, 0, 1, &x, &y);
    if (y.index == INT64_MIN)
        return false;
    off = (y.index % tile + tile) % tile;
    return off <= APART_MOST || tile - off <= APART_MOST;
}

static date_cost cost_of(const tb_plan *plan, const tb_epoch *epoch)
{
    date_cost cost = {.is_aligned = true, .is_stored = true};

    for (int f = 0; f < tb_epoch_files(epoch); f++) {
        const tb_image_info *info  = tb_epoch_file(epoch, f);
        double               scale = tb_warp_scale(tb_epoch_warp(epoch, f));
        size_t               tile  = tb_cache_tile_bytes(info);
        double               bytes =
            (double)tile / ((double)info->tile_width * (double)info->tile_height) * scale * scale;

        cost.bytes_per_pixel = bytes > cost.bytes_per_pixel ? bytes : cost.bytes_per_pixel;
        if ((double)info->tile_width / scale > cost.tile_width)
            cost.tile_width = (double)info->tile_width / scale;
        if ((double)info->tile_height / scale > cost.tile_height)
            cost.tile_height = (double)info->tile_height / scale;
        cost.tile_bytes = tile > cost.tile_bytes ? tile : cost.tile_bytes;
        cost.decoder_bytes += info->decoder_bytes;
        cost.is_stored = cost.is_stored && info->is_stored;
        cost.is_aligned =
            cost.is_aligned && is_aligned(plan, tb_epoch_warp(epoch, f), info->tile_height);
    }
    return cost;
}

/* Tiles that so many rows touch of one panel, and those the next rows will want again. */
static size_t cache_of(const tb_plan *plan, date_cost cost, int64_t panel, double rows)
{
    int64_t width   = panel < plan->lattice.width ? panel : plan->lattice.width;
    double  columns = (double)width + 2.0 * plan->halo + 2.0 * cost.tile_width;

    return (size_t)(columns * rows * cost.bytes_per_pixel) +
           (size_t)(1 + plan->threads) * cost.tile_bytes;
}

/* For a row of blocks. */
static size_t panel_cache(const tb_plan *plan, date_cost cost)
{
    double block = (double)plan->block;
    double rows  = block + 2.0 * plan->halo + 2.0 * cost.tile_height;

    if (cost.is_aligned)
        rows = fmax(block, cost.tile_height) + cost.tile_height;
    return cache_of(plan, cost, plan->panel, rows);
}

/* For a row of cells of the sample, so many columns of it. */
static size_t cells_cache(const tb_plan *plan, date_cost cost, int64_t columns)
{
    return cache_of(plan, cost, columns,
                    TB_SAMPLE_CELL + 2.0 * plan->halo + 2.0 * cost.tile_height);
}

static size_t worker_bytes(const tb_pair *pair, const tb_plan *plan, date_cost before,
                           date_cost after)
{
    int64_t side = plan->block + 2 * plan->halo;
    size_t  strips =
        (size_t)((before.bytes_per_pixel + after.bytes_per_pixel) * (double)side * 128.0 * 4.0);

    return tb_block_bytes(pair->bands, plan->block, plan->halo) + strips + before.decoder_bytes +
           after.decoder_bytes;
}

static int64_t lead_of(const tb_plan *plan)
{
    int64_t lead = plan->halo + TAPS + APART_MOST;

    return lead <= plan->block / 2 ? lead : 0;
}

static void fill_bytes(tb_plan *plan, const tb_pair *pair)
{
    date_cost before, after;
    size_t    sweep;

    before = cost_of(plan, pair->before);
    after  = cost_of(plan, pair->after);

    plan->fit_cache_bytes =
        cells_cache(plan, before, TB_SAMPLE_CELL) + cells_cache(plan, after, TB_SAMPLE_CELL);
    plan->cache_bytes  = panel_cache(plan, before) + panel_cache(plan, after);
    plan->worker_bytes = worker_bytes(pair, plan, before, after);
    sweep              = plan->cache_bytes + (size_t)plan->threads * plan->worker_bytes;
    plan->needed_bytes = plan->base_bytes + (sweep > plan->fit_bytes + plan->fit_cache_bytes
                                                 ? sweep
                                                 : plan->fit_bytes + plan->fit_cache_bytes);
}

static bool fits(const tb_plan *plan)
{
    return plan->needed_bytes <= plan->budget_bytes;
}

/* More tiles than are good for it, and panels wide enough to be made narrower for that. */
static bool is_wasteful(const tb_plan *plan, const tb_pair *pair)
{
    date_cost before = cost_of(plan, pair->before), after = cost_of(plan, pair->after);
    double    tile = before.tile_width > after.tile_width ? before.tile_width : after.tile_width;

    return plan->cache_bytes > CACHE_WISH && (double)plan->panel > 2 * PANEL_TILES * tile &&
           plan->panel >= 4 * plan->block;
}

/* Whole panels first, then narrower ones, then smaller blocks, then fewer workers. */
static void shrink(tb_plan *plan, const tb_pair *pair, bool is_block_given, double sample_share)
{
    int64_t width = plan->lattice.width;

    for (;;) {
        plan->fit_bytes = tb_model_fit_bytes(pair, sample_share, plan->threads, plan->kept_planes);
        plan->lead      = lead_of(plan);
        plan->panel     = divide_up(width + plan->lead, plan->block) * plan->block;
        fill_bytes(plan, pair);
        while ((!fits(plan) && plan->panel > plan->block) || is_wasteful(plan, pair)) {
            plan->panel = divide_up(plan->panel / 2, plan->block) * plan->block;
            fill_bytes(plan, pair);
        }
        if (fits(plan))
            return;
        if (!is_block_given && plan->block > LEAST_BLOCK)
            plan->block /= 2;
        else if (plan->threads > 1)
            plan->threads--;
        else
            return;
    }
}

/*
 * For the fit, as much of rows of cells side by side as the sweep keeps of tiles, to which the
 * memory goes over: then the sample's tiles are decoded once for all its passes. Not for tiles that
 * are only read: new memory costs more.
 */
static void widen_fit_cache(tb_plan *plan, const tb_pair *pair)
{
    date_cost before = cost_of(plan, pair->before), after = cost_of(plan, pair->after);

    if (before.is_stored && after.is_stored)
        return;

    size_t rows = cells_cache(plan, before, plan->lattice.width) +
                  cells_cache(plan, after, plan->lattice.width);
    size_t room = plan->budget_bytes - plan->base_bytes - plan->fit_bytes;

    room = room < plan->cache_bytes ? room : plan->cache_bytes;
    rows = rows < room ? rows : room;
    if (rows > plan->fit_cache_bytes)
        plan->fit_cache_bytes = rows;
}

static void fill_reading(tb_plan *plan, const tb_pair *pair, double sample_share)
{
    const tb_epoch *dates[2] = {pair->before, pair->after};
    double          panels   = ceil((double)plan->lattice.width / (double)plan->panel);
    double          twice    = 0.0;

    for (int d = 0; d < 2; d++) {
        date_cost cost = cost_of(plan, dates[d]);

        for (int f = 0; f < tb_epoch_files(dates[d]); f++) {
            const tb_image_info *info = tb_epoch_file(dates[d], f);

            plan->source_bytes +=
                info->width * info->height * info->bands * (int64_t)tb_sample_size(info->type);
        }
        twice +=
            (panels - 1) * cost.tile_width * (double)plan->lattice.height * cost.bytes_per_pixel;
        twice += (double)(plan->shards - 1) * cost.tile_height * (double)plan->lattice.width *
                 cost.bytes_per_pixel;
    }
    plan->decoded_share = 1.0 + (plan->source_bytes > 0 ? twice / (double)plan->source_bytes : 0.0);
    for (int s = 0; s < tb_pair_strata(pair); s++)
        plan->sampled_pixels +=
            tb_sample_size_of(tb_rect_area(tb_pair_footprint(pair, s)), sample_share);
}

tb_status tb_plan_make(tb_plan *plan, const tb_pair *pair, const tb_plan_options *options,
                       tb_error *err)
{
    int64_t pixels;

    *plan             = (tb_plan){.lattice = {0, 0, pair->lattice.width, pair->lattice.height}};
    pixels            = tb_rect_area(plan->lattice);
    plan->threads     = options->threads > 0 ? options->threads : tb_parallel_processors();
    plan->halo        = options->halo > 0 ? options->halo : TB_SCORING_HALO_MAX;
    plan->kept_planes = options->kept_planes;
    plan->block       = options->block > 0 ? options->block : DEFAULT_BLOCK;
    plan->shards =
        options->shards > 0 ? options->shards : (pixels + SHARD_PIXELS - 1) / SHARD_PIXELS;
    if (plan->shards > plan->lattice.height)
        plan->shards = plan->lattice.height;
    plan->budget_bytes = options->budget_bytes > 0 ? options->budget_bytes : DEFAULT_BUDGET;
    plan->base_bytes   = BASE + TB_PLAN_GDAL_CACHE;
    shrink(plan, pair, options->block > 0, options->sample_share);
    fill_reading(plan, pair, options->sample_share);
    if (!fits(plan)) {
        tb_error_set(err, TB_E_MEMORY,
                     "plan of %s: expected a memory budget of at least %zu MiB, got "
                     "%zu MiB",
                     tb_epoch_file(pair->before, 0)->path, (plan->needed_bytes + 0xFFFFF) >> 20,
                     plan->budget_bytes >> 20);
        tb_error_hint(err, "give --memory %zuMiB%s", (plan->needed_bytes + 0xFFFFF) >> 20,
                      options->block > LEAST_BLOCK ? ", or a smaller --block" : "");
        return TB_E_MEMORY;
    }
    widen_fit_cache(plan, pair);
    return TB_OK;
}

/* Borders of shards fall on tiles where a shard is tall enough to have several. */
static int64_t border_of(const tb_plan *plan, int64_t shard)
{
    int64_t rows = plan->lattice.height;
    int64_t step = rows / plan->shards >= 2 * SHARD_STEP ? SHARD_STEP : 1;
    int64_t row  = (int64_t)((__int128)rows * shard / plan->shards);

    return shard == plan->shards ? rows : row / step * step;
}

tb_rect tb_plan_shard(const tb_plan *plan, int64_t shard)
{
    int64_t top = border_of(plan, shard);

    return (tb_rect){0, top, plan->lattice.width, border_of(plan, shard + 1) - top};
}

/* Rows and columns of blocks; the first ends early. */
static int64_t rows_of(const tb_plan *plan, tb_rect shard)
{
    return divide_up(shard.height + plan->lead, plan->block);
}

static int64_t columns_of(const tb_plan *plan, tb_rect shard)
{
    return divide_up(shard.width + plan->lead, plan->block);
}

int64_t tb_plan_blocks(const tb_plan *plan, tb_rect shard)
{
    return columns_of(plan, shard) * rows_of(plan, shard);
}

/* The panel a block lies in, all of its rows. */
static tb_rect panel_of(const tb_plan *plan, tb_rect shard, int64_t block)
{
    int64_t each  = plan->panel / plan->block * rows_of(plan, shard);
    tb_rect panel = {shard.x + block / each * plan->panel - plan->lead, shard.y, plan->panel,
                     shard.height};

    return tb_rect_intersect(panel, shard);
}

tb_rect tb_plan_block(const tb_plan *plan, tb_rect shard, int64_t block)
{
    int64_t across = plan->panel / plan->block, each = across * rows_of(plan, shard);
    int64_t first = block / each * across, within = block % each;
    int64_t columns =
        columns_of(plan, shard) - first < across ? columns_of(plan, shard) - first : across;
    tb_rect rect = {shard.x + (first + within % columns) * plan->block - plan->lead,
                    shard.y + within / columns * plan->block - plan->lead, plan->block,
                    plan->block};

    return tb_rect_intersect(rect, shard);
}

void tb_plan_left(const tb_plan *plan, tb_rect shard, int64_t block, tb_rect *beside,
                  tb_rect *below)
{
    tb_rect panel = panel_of(plan, shard, block), rect = tb_plan_block(plan, shard, block);
    int64_t right = rect.x + rect.width, bottom = rect.y + rect.height;

    *beside = (tb_rect){right, rect.y, panel.x + panel.width - right, rect.height};
    *below  = (tb_rect){panel.x, bottom, panel.width, plan->lattice.height - bottom};
}
