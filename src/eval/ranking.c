#include "eval/ranking.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/memory.h"

/* Pairs of pixels outgrow 64 bits on a province. */
__extension__ typedef unsigned __int128 pairs;

enum { DIGIT_BITS = 16, DIGITS = 64 / DIGIT_BITS, BUCKETS = 1 << DIGIT_BITS };

static const uint64_t SIGN = UINT64_C(1) << 63;

/* Integers that are ordered as the numbers are: negative ones turned over, the others above them.
 */
static uint64_t key_of(double score)
{
    uint64_t bits;
    double   unsigned_zero = score + 0.0;

    memcpy(&bits, &unsigned_zero, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

static double score_of(uint64_t key)
{
    uint64_t bits = key & SIGN ? key & ~SIGN : ~key;
    double   score;

    memcpy(&score, &bits, sizeof score);
    return score;
}

static size_t digit_of(uint64_t key, int digit)
{
    return (size_t)(key >> (digit * DIGIT_BITS)) & (BUCKETS - 1);
}

tb_status tb_ranking_sort(double *scores, double *scratch, size_t count, tb_error *err)
{
    tb_status status  = TB_OK;
    size_t   *buckets = NULL;
    double   *from = scores, *to = scratch;

    if (count == 0)
        return TB_OK;
    TB_TRY(tb_alloc_zero(&buckets, (size_t)DIGITS * BUCKETS, sizeof *buckets, "sort", err));
    for (size_t i = 0; i < count; i++) {
        uint64_t key = key_of(scores[i]);

        scores[i] = score_of(key);
        for (int d = 0; d < DIGITS; d++)
            buckets[(size_t)d * BUCKETS + digit_of(key, d)]++;
    }
    for (int d = 0; d < DIGITS; d++) {
        size_t *starts = buckets + (size_t)d * BUCKETS;
        size_t  start  = 0;

        if (starts[digit_of(key_of(from[0]), d)] == count)
            continue;
        for (size_t b = 0; b < BUCKETS; b++) {
            size_t held = starts[b];

            starts[b] = start;
            start += held;
        }
        for (size_t i = 0; i < count; i++)
            to[starts[digit_of(key_of(from[i]), d)]++] = from[i];

        double *swap = from;

        from = to;
        to   = swap;
    }
    if (from != scores)
        memcpy(scores, from, count * sizeof *scores);
done:
    tb_free(buckets);
    return status;
}

/* A walk down the ranking, one group of equal scores a step. */
typedef struct walk {
    const tb_ranking *ranking;
    size_t            changed, unchanged; /* ranked pixels still below */
    double            score;              /* of the last group; NaN: of those without one */
    bool              is_at_end;
} walk;

static walk walk_begin(const tb_ranking *ranking)
{
    return (walk){ranking, ranking->changed_count, ranking->unchanged_count, NAN, false};
}

/* Gives the pixels of the next group, or false when there is none. */
static bool walk_step(walk *at, size_t *changed, size_t *unchanged)
{
    const tb_ranking *ranking = at->ranking;

    *changed   = 0;
    *unchanged = 0;
    if (at->changed > 0 || at->unchanged > 0) {
        double top = at->changed == 0 ? ranking->unchanged[at->unchanged - 1]
                                      : ranking->changed[at->changed - 1];

        if (at->changed > 0 && at->unchanged > 0 && ranking->unchanged[at->unchanged - 1] > top)
            top = ranking->unchanged[at->unchanged - 1];
        for (; at->changed > 0 && ranking->changed[at->changed - 1] == top; at->changed--)
            ++*changed;
        for (; at->unchanged > 0 && ranking->unchanged[at->unchanged - 1] == top; at->unchanged--)
            ++*unchanged;
        at->score = top;
        return true;
    }
    if (at->is_at_end)
        return false;
    at->is_at_end = true;
    at->score     = NAN;
    *changed      = ranking->changed_unranked;
    *unchanged    = ranking->unchanged_unranked;
    return *changed > 0 || *unchanged > 0;
}

double tb_ranking_auc(const tb_ranking *ranking)
{
    size_t total_changed   = ranking->changed_count + ranking->changed_unranked;
    size_t total_unchanged = ranking->unchanged_count + ranking->unchanged_unranked;
    size_t changed, unchanged, below = total_unchanged;
    pairs  twice_right = 0;
    walk   at          = walk_begin(ranking);

    if (total_changed == 0 || total_unchanged == 0)
        return NAN;
    while (walk_step(&at, &changed, &unchanged)) {
        below -= unchanged;
        twice_right += (pairs)changed * (2 * below + unchanged);
    }
    return (double)twice_right / (2.0 * (double)total_changed * (double)total_unchanged);
}

void tb_ranking_precision(const tb_ranking *ranking, double *ap, double *best_f1,
                          double *best_threshold)
{
    size_t total = ranking->changed_count + ranking->changed_unranked;
    size_t changed, unchanged, tp = 0, fp = 0;
    walk   at = walk_begin(ranking);

    *ap             = NAN;
    *best_f1        = NAN;
    *best_threshold = NAN;
    if (total == 0)
        return;
    *ap      = 0.0;
    *best_f1 = 0.0;
    while (walk_step(&at, &changed, &unchanged)) {
        tp += changed;
        fp += unchanged;

        double precision = (double)tp / (double)(tp + fp);
        double f1        = 2.0 * (double)tp / (double)(tp + fp + total);

        *ap += (double)changed / (double)total * precision;
        if (f1 > *best_f1) {
            *best_f1        = f1;
            *best_threshold = at.score;
        }
    }
}

int tb_ranking_curve(const tb_ranking *ranking, tb_eval_point *points, int room)
{
    size_t total = ranking->changed_count + ranking->changed_unranked;
    size_t changed, unchanged, tp = 0, fp = 0, reached = 0;
    size_t steps    = (size_t)room - 2;
    int    count    = 0;
    bool   has_more = total > 0;
    walk   at       = walk_begin(ranking);

    if (has_more)
        has_more = walk_step(&at, &changed, &unchanged);
    while (has_more) {
        tb_eval_point point = {.threshold = at.score};

        tp += changed;
        fp += unchanged;
        point.recall    = (double)tp / (double)total;
        point.precision = (double)tp / (double)(tp + fp);
        has_more        = walk_step(&at, &changed, &unchanged);
        if (count == 0 || !has_more || (size_t)((pairs)tp * steps / total) > reached)
            points[count++] = point;
        reached = (size_t)((pairs)tp * steps / total);
    }
    return count;
}
