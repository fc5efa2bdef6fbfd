#include "eval/blocks.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/memory.h"

tb_status tb_blocks_init(tb_blocks *blocks, const uint8_t *truth, int64_t width, int64_t height,
                         int64_t side, int64_t guard, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count;

    *blocks = (tb_blocks){.width   = width,
                          .height  = height,
                          .side    = side,
                          .guard   = guard,
                          .columns = (width + side - 1) / side,
                          .rows    = (height + side - 1) / side};
    count   = (size_t)(blocks->columns * blocks->rows);
    TB_TRY(tb_alloc_zero(&blocks->fold, count, sizeof *blocks->fold, "blocks", err));
    TB_TRY(tb_alloc_zero(&blocks->changed, count, sizeof *blocks->changed, "blocks", err));
    TB_TRY(tb_alloc_zero(&blocks->labelled, count, sizeof *blocks->labelled, "blocks", err));
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            int64_t block = y / side * blocks->columns + x / side;
            uint8_t class = truth[y * width + x];

            blocks->changed[block] += class == 1;
            blocks->labelled[block] += class <= 1;
        }
done:
    if (status != TB_OK)
        tb_blocks_reset(blocks);
    return status;
}

void tb_blocks_reset(tb_blocks *blocks)
{
    tb_free(blocks->fold);
    tb_free(blocks->changed);
    tb_free(blocks->labelled);
    *blocks = (tb_blocks){0};
}

typedef struct card {
    int64_t changed, labelled, number; /* over all rasters */
    int    *fold;
} card;

static int by_change(const void *a, const void *b)
{
    const card *p = a, *q = b;

    if (p->changed != q->changed)
        return p->changed < q->changed ? 1 : -1;
    if (p->labelled != q->labelled)
        return p->labelled < q->labelled ? 1 : -1;
    return (p->number > q->number) - (p->number < q->number);
}

tb_status tb_blocks_deal(tb_blocks *rasters, int count, int folds, tb_error *err)
{
    tb_status status = TB_OK;
    card     *cards  = NULL;
    int64_t   all = 0, n = 0;

    for (int r = 0; r < count; r++)
        all += rasters[r].columns * rasters[r].rows;
    TB_TRY(tb_alloc(&cards, (size_t)all, sizeof *cards, "blocks", err));
    for (int r = 0; r < count; r++)
        for (int64_t b = 0; b < rasters[r].columns * rasters[r].rows; b++, n++)
            cards[n] =
                (card){rasters[r].changed[b], rasters[r].labelled[b], n, &rasters[r].fold[b]};
    qsort(cards, (size_t)all, sizeof *cards, by_change);
    for (int64_t i = 0; i < all; i++) {
        int turn = (int)(i % (2 * folds));

        *cards[i].fold = turn < folds ? turn : 2 * folds - 1 - turn;
    }
done:
    tb_free(cards);
    return status;
}

int64_t tb_blocks_changed(const tb_blocks *blocks)
{
    int64_t count = 0;

    for (int64_t b = 0; b < blocks->columns * blocks->rows; b++)
        count += blocks->changed[b] > 0;
    return count;
}

int tb_blocks_fold(const tb_blocks *blocks, int64_t x, int64_t y)
{
    return blocks->fold[y / blocks->side * blocks->columns + x / blocks->side];
}

/* First and last block within the guard along one axis. */
static void span(int64_t at, int64_t side, int64_t guard, int64_t count, int64_t *first,
                 int64_t *last)
{
    *first = at >= guard ? (at - guard) / side : 0;
    *last  = (at + guard) / side;
    *last  = *last < count ? *last : count - 1;
}

int tb_blocks_near(const tb_blocks *blocks, int64_t x, int64_t y, int near[TB_BLOCKS_NEAR_MAX])
{
    int64_t left, right, top, bottom;
    int     count = 1;

    near[0] = tb_blocks_fold(blocks, x, y);
    span(x, blocks->side, blocks->guard, blocks->columns, &left, &right);
    span(y, blocks->side, blocks->guard, blocks->rows, &top, &bottom);
    for (int64_t row = top; row <= bottom; row++)
        for (int64_t column = left; column <= right; column++) {
            int  fold     = blocks->fold[row * blocks->columns + column];
            bool is_there = false;

            for (int i = 0; i < count; i++)
                is_there |= near[i] == fold;
            if (!is_there)
                near[count++] = fold;
        }
    return count;
}
