#include "align/bend.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

/* docs/methods/registration.md says on what each of these was chosen. */
enum {
    NODES  = TB_FIELD_NODES_MAX,
    FOLDS  = 4,
    SQUARE = 256, /* pixels held out together */
    LEVELS = 4,   /* of fields: 1, 2, 4, 8 meshes */
    ROUNDS = 8,
    LEAST  = 12, /* windows */
};

static const double spread_least = 0.05;                  /* pixels */
static const double stiffness    = 1.0 / (0.1 * 0.1);     /* of second differences, 1 / pixels^2 */
static const double definiteness = 1.0 / (100.0 * 100.0); /* of first ones, so that there is one
                                                           solution */
static const double one_shift     = 1e9; /* of first ones, for a field that is one shift */
static const double redescent     = 2.0; /* deviations */
static const double clip          = 3.0; /* deviations */
static const double gain_least    = 0.1; /* of the error on windows held out */
static const double certainty     = 3.0; /* standard errors */
static const double normal_median = 1.1774100225154747; /* of a distance in the plane */

typedef struct bend {
    tb_vote *votes;
    int      n;
    double  *matrix;   /* [NODES][NODES] */
    double  *right[2]; /* [NODES] */
    double  *sorted;   /* [n] */
    double  *error;    /* [1 + LEVELS][n]: squared, of each vote while it was held out */
} bend;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int fold_of(const tb_vote *v)
{
    int64_t across = (int64_t)floor(v->x / SQUARE), down = (int64_t)floor(v->y / SQUARE);

    return (int)((across + 2 * down) & (FOLDS - 1));
}

static double squared_distance(const tb_field *field, const tb_vote *v)
{
    double dx, dy;

    tb_field_at(field, v->x, v->y, &dx, &dy);
    return (v->dx - dx) * (v->dx - dx) + (v->dy - dy) * (v->dy - dy);
}

/* Robust standard deviation, each axis, of the votes of all folds but one; `of_kept`: of those. */
static double spread(const bend *b, const tb_field *field, int held_out, bool of_kept)
{
    int m = 0;

    for (int i = 0; i < b->n; i++)
        if (fold_of(&b->votes[i]) != held_out && (!of_kept || b->votes[i].is_kept))
            b->sorted[m++] = sqrt(squared_distance(field, &b->votes[i]));
    if (m == 0)
        return 0.0;
    qsort(b->sorted, (size_t)m, sizeof *b->sorted, by_value);

    double median = m % 2 ? b->sorted[m / 2] : 0.5 * (b->sorted[m / 2 - 1] + b->sorted[m / 2]);

    return median / normal_median;
}

/* Adds weight (a . nodes)^2 for a difference of up to three nodes. */
static void add_penalty(const bend *b, int size, const int *node, const double *a, int count,
                        double weight)
{
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            b->matrix[node[i] * size + node[j]] += weight * a[i] * a[j];
}

static void add_smoothness(const bend *b, const tb_field *field, double first)
{
    static const double step[2] = {1.0, -1.0}, curve[3] = {1.0, -2.0, 1.0};
    int                 size = field->columns * field->rows;

    for (int row = 0; row < field->rows; row++)
        for (int column = 0; column < field->columns; column++)
            for (int axis = 0; axis < 2; axis++) {
                int stride  = axis == 0 ? 1 : field->columns;
                int left    = axis == 0 ? field->columns - column : field->rows - row;
                int at      = row * field->columns + column;
                int node[3] = {at, at + stride, at + 2 * stride};

                if (left > 1)
                    add_penalty(b, size, node, step, 2, first);
                if (left > 2)
                    add_penalty(b, size, node, curve, 3, stiffness);
            }
}

static void add_votes(const bend *b, const tb_field *field, int held_out, double overlap)
{
    double deviation = spread(b, field, held_out, false);
    int    size      = field->columns * field->rows;

    deviation = deviation > spread_least ? deviation : spread_least;
    for (int i = 0; i < b->n; i++) {
        const tb_vote   *v = &b->votes[i];
        tb_field_weights w = tb_field_weigh(field, v->x, v->y);
        double far = squared_distance(field, v) / (redescent * redescent * deviation * deviation);
        double weight =
            1.0 / ((1.0 / v->weight + deviation * deviation) * overlap * (1.0 + far) * (1.0 + far));

        if (fold_of(v) == held_out)
            continue;
        for (int j = 0; j < 4; j++) {
            for (int k = 0; k < 4; k++)
                b->matrix[w.node[j] * size + w.node[k]] += weight * w.weight[j] * w.weight[k];
            b->right[0][w.node[j]] += weight * w.weight[j] * v->dx;
            b->right[1][w.node[j]] += weight * w.weight[j] * v->dy;
        }
    }
}

/* Cholesky, in place; the matrix is positive definite but for rounding. */
static bool solve(const bend *b, int size)
{
    double *m = b->matrix;

    for (int j = 0; j < size; j++)
        for (int i = j; i < size; i++) {
            double v = m[i * size + j];

            for (int k = 0; k < j; k++)
                v -= m[i * size + k] * m[j * size + k];
            if (i > j)
                m[i * size + j] = v / m[j * size + j];
            else if (v > 0.0)
                m[j * size + j] = sqrt(v);
            else
                return false;
        }
    for (int axis = 0; axis < 2; axis++) {
        double *z = b->right[axis];

        for (int i = 0; i < size; i++) {
            for (int k = 0; k < i; k++)
                z[i] -= m[i * size + k] * z[k];
            z[i] /= m[i * size + i];
        }
        for (int i = size - 1; i >= 0; i--) {
            for (int k = i + 1; k < size; k++)
                z[i] -= m[k * size + i] * z[k];
            z[i] /= m[i * size + i];
        }
    }
    return true;
}

/* The median of one axis of the votes that are not held out: where the rounds begin. */
static double median_of(const bend *b, int held_out, bool is_x)
{
    int m = 0;

    for (int i = 0; i < b->n; i++)
        if (fold_of(&b->votes[i]) != held_out)
            b->sorted[m++] = is_x ? b->votes[i].dx : b->votes[i].dy;
    qsort(b->sorted, (size_t)m, sizeof *b->sorted, by_value);
    return m > 0 ? b->sorted[m / 2] : 0.0;
}

/* One shift for all at level 0, from level 1 on a field. False where it cannot be solved. */
static bool fit(const bend *b, tb_field *field, tb_rect over, int level, int held_out,
                double overlap)
{
    *field = (tb_field){0};
    tb_field_span(field, over, level > 0 ? 1 << (level - 1) : 1);

    int    size = field->columns * field->rows;
    double x = median_of(b, held_out, true), y = median_of(b, held_out, false);

    for (int i = 0; i < size; i++) {
        field->dx[i] = x;
        field->dy[i] = y;
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < size * size; i++)
            b->matrix[i] = 0.0;
        for (int i = 0; i < size; i++)
            b->right[0][i] = b->right[1][i] = 0.0;
        add_smoothness(b, field, level > 0 ? definiteness : one_shift);
        add_votes(b, field, held_out, overlap);
        if (!solve(b, size))
            return false;
        for (int i = 0; i < size; i++) {
            field->dx[i] = b->right[0][i];
            field->dy[i] = b->right[1][i];
        }
    }
    return true;
}

/* Squared errors of all votes, each foretold by the others' folds. */
static bool hold_out(const bend *b, tb_rect over, int level, double overlap)
{
    for (int fold = 0; fold < FOLDS; fold++) {
        tb_field field;
        int      others = 0;

        for (int i = 0; i < b->n; i++)
            others += fold_of(&b->votes[i]) != fold;
        if (others < LEAST / 2 || !fit(b, &field, over, level, fold, overlap))
            return false;
        for (int i = 0; i < b->n; i++)
            if (fold_of(&b->votes[i]) == fold)
                b->error[level * b->n + i] = squared_distance(&field, &b->votes[i]);
    }
    return true;
}

/* The mean error of a level, none above `most`, and how sure it is to be under level 0's. */
static double mean_error(const bend *b, int level, double most, double overlap, double *sure)
{
    double sum = 0.0, gain = 0.0, squares = 0.0, n = (double)b->n;

    for (int i = 0; i < b->n; i++) {
        double one = b->error[i], e = b->error[level * b->n + i];

        one = one < most ? one : most;
        e   = e < most ? e : most;
        sum += e;
        gain += one - e;
        squares += (one - e) * (one - e);
    }

    double variance = (squares - gain * gain / n) / (n - 1.0);

    *sure = variance > 0.0 ? gain / n / sqrt(variance * overlap / n) : 0.0;
    return sum / n;
}

static void choose(const bend *b, tb_field *out, tb_rect over, double overlap, double held_out[2],
                   double *residual)
{
    tb_field one, field;
    int      best = 0;
    double   deviation, most, sure, least;

    if (!fit(b, &one, over, 0, -1, overlap) || !hold_out(b, over, 0, overlap))
        return;
    deviation   = spread(b, &one, -1, false);
    deviation   = deviation > spread_least ? deviation : spread_least;
    most        = clip * clip * 2.0 * deviation * deviation;
    least       = mean_error(b, 0, most, overlap, &sure);
    held_out[0] = held_out[1] = sqrt(least);
    least *= (1.0 - gain_least) * (1.0 - gain_least);
    for (int level = 1; level <= LEVELS; level++) {
        tb_field_span(&field, over, 1 << (level - 1));
        if (field.columns * field.rows > b->n || !hold_out(b, over, level, overlap))
            break;

        double error = mean_error(b, level, most, overlap, &sure);

        if (error > least || sure < certainty)
            continue;
        best        = level;
        least       = error;
        held_out[1] = sqrt(error);
    }
    if (best == 0 || !fit(b, &field, over, best, -1, overlap))
        return;
    for (int pass = 0; pass < 2; pass++) {
        deviation = spread(b, &field, -1, pass > 0);
        deviation = deviation > spread_least ? deviation : spread_least;
        for (int i = 0; i < b->n; i++)
            b->votes[i].is_kept =
                squared_distance(&field, &b->votes[i]) <= clip * clip * deviation * deviation;
    }
    *residual = spread(b, &field, -1, true);
    *out      = field;
}

tb_status tb_bend_fit(tb_field *out, tb_vote *votes, int n, tb_rect over, double overlap,
                      double held_out[2], double *residual, tb_error *err)
{
    tb_status status  = TB_OK;
    double   *storage = NULL;
    bend      b       = {.votes = votes, .n = n};

    *out        = (tb_field){0};
    held_out[0] = held_out[1] = *residual = 0.0;
    if (n < LEAST || tb_rect_is_empty(over))
        return TB_OK;
    TB_TRY(tb_alloc(&storage, NODES * NODES + 2 * NODES + (size_t)(LEVELS + 2) * (size_t)n,
                    sizeof *storage, "a field of shifts", err));
    b.matrix   = storage;
    b.right[0] = b.matrix + NODES * NODES;
    b.right[1] = b.right[0] + NODES;
    b.sorted   = b.right[1] + NODES;
    b.error    = b.sorted + n;
    choose(&b, out, over, overlap, held_out, residual);

done:
    tb_free(storage);
    return status;
}
