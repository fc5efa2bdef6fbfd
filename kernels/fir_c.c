#include "kernels/fir.h"

#include "kernels/lanes.h"

enum {
    CHUNK       = 1024,
    FEW_COLUMNS = 64,
    WIDE        = 8,                       /* registers of one output's columns, */
    FEW         = TB_FLOATS >= 16 ? 2 : 1, /* and of several outputs': as many as there are */
    ROWS        = 2 * TB_FIR_RADIUS_MAX + TB_FIR_OUTPUTS_MAX
};

/* The share of each tap, and what all of them come to, in the order in which they are added. */
typedef struct shares {
    float of[TB_FIR_RADIUS_MAX + 1];
    float all;
} shares;

static shares shares_of(const float *taps, int radius)
{
    shares it;
    float  sum = taps[0];

    for (int k = 1; k <= radius; k++) {
        sum += taps[k];
        sum += taps[k];
    }
    it.of[0] = it.all = taps[0] / sum;
    for (int k = 1; k <= radius; k++)
        it.of[k] = taps[k] / sum;
    for (int k = 1; k <= radius; k++) {
        it.all += it.of[k];
        it.all += it.of[k];
    }
    return it;
}

/* ---- where nothing is missing: in registers from the first tap to the last ---- */

/* What is missing goes through every sum it is in, so through the sum of these, `all`: where that
 * is not NaN, all was there. (Where infinities make it NaN the sums are made anew, to the same
 * bits.) */

static inline void sum_wide(float *restrict dst, const float *const *rows, const shares *share,
                            int radius, size_t at, int registers, tb_floats *all)
{
    tb_floats sum[WIDE];

    for (int i = 0; i < registers; i++)
        sum[i] = share->of[0] * tb_floats_load(rows[radius] + at + i * TB_FLOATS);
    for (int k = 1; k <= radius; k++)
        for (int i = 0; i < registers; i++) {
            size_t x = at + (size_t)(i * TB_FLOATS);

            sum[i] += share->of[k] *
                      (tb_floats_load(rows[radius - k] + x) + tb_floats_load(rows[radius + k] + x));
        }
    for (int i = 0; i < registers; i++) {
        tb_floats_store(dst + at + i * TB_FLOATS, sum[i]);
        *all += sum[i];
    }
}

static float sum_one(const float *const *rows, const shares *share, int radius, size_t x)
{
    float sum = share->of[0] * rows[radius][x];

    for (int k = 1; k <= radius; k++) {
        sum += share->of[k] * (rows[radius - k][x] + rows[radius + k][x]);
    }
    return sum;
}

static void sum_plain(float *restrict dst, const float *const *rows, const shares *share,
                      int radius, size_t n, tb_floats *all)
{
    tb_floats whole = *all;
    size_t    x     = 0;

    for (; x + WIDE * TB_FLOATS <= n; x += WIDE * TB_FLOATS)
        sum_wide(dst, rows, share, radius, x, WIDE, &whole);
    for (; x + TB_FLOATS <= n; x += TB_FLOATS)
        sum_wide(dst, rows, share, radius, x, 1, &whole);
    if (x < n && n >= TB_FLOATS) /* some of the last ones twice */
        sum_wide(dst, rows, share, radius, n - TB_FLOATS, 1, &whole);
    for (; x < n && n < TB_FLOATS; x++) {
        dst[x] = sum_one(rows, share, radius, x);
        whole[0] += dst[x];
    }
    *all = whole;
}

#ifdef __AVX512F__
/* WIDE registers of columns along a row. Samples that do not begin where a line of the cache does
 * take twice as long to load: all are loaded once, and moved within registers. */
static inline void sum_along(float *restrict dst, const float *src, const shares *share, int radius,
                             tb_floats *all)
{
    tb_floats from[WIDE + 1], sum[WIDE];

    from[0] = tb_floats_load_last(src - TB_FLOATS, radius);
    for (int i = 0; i < WIDE; i++) {
        from[i + 1] = tb_floats_load(src + i * TB_FLOATS);
        sum[i]      = share->of[0] * from[i + 1];
    }
    for (int k = 1; k <= radius; k++)
        for (int i = 0; i < WIDE; i++) {
            sum[i] += share->of[k] * (tb_floats_between(from[i], from[i + 1], TB_FLOATS - k) +
                                      tb_floats_load(src + i * TB_FLOATS + k));
        }
    for (int i = 0; i < WIDE; i++) {
        tb_floats_store(dst + i * TB_FLOATS, sum[i]);
        *all += sum[i];
    }
}
#endif

/* A row smoothed along it, where nothing is missing: as far as it is of whole blocks of registers.
 * @return that many. */
static size_t sum_blocks(float *restrict dst, const float *src, const shares *share, int radius,
                         size_t n, tb_floats *all)
{
    size_t x = 0;

#ifdef __AVX512F__
    for (; x + WIDE * TB_FLOATS <= n; x += WIDE * TB_FLOATS)
        sum_along(dst + x, src + x, share, radius, all);
#else
    (void)dst, (void)src, (void)share, (void)radius, (void)n, (void)all;
#endif
    return x;
}

/* All outputs at once. What lies left of one at tap k lay left of the one before at tap k - 1, and
 * so on the right: of two rows a tap all are made. */
static inline void sum_all(float *const *dst, const float *const *rows, const shares *share,
                           int radius, size_t at, tb_floats *all)
{
    enum { LAST = TB_FIR_OUTPUTS_MAX - 1 };
    tb_floats left[TB_FIR_OUTPUTS_MAX][FEW], right[TB_FIR_OUTPUTS_MAX][FEW],
        sum[TB_FIR_OUTPUTS_MAX][FEW];

    for (int j = 0; j <= LAST; j++)
        for (int i = 0; i < FEW; i++) {
            left[j][i] = right[j][i] = tb_floats_load(rows[radius + j] + at + i * TB_FLOATS);
            sum[j][i]                = share->of[0] * left[j][i];
        }
    for (int k = 1; k <= radius; k++)
        for (int i = 0; i < FEW; i++) {
            for (int j = LAST; j > 0; j--)
                left[j][i] = left[j - 1][i];
            left[0][i] = tb_floats_load(rows[radius - k] + at + i * TB_FLOATS);
            for (int j = 0; j < LAST; j++)
                right[j][i] = right[j + 1][i];
            right[LAST][i] = tb_floats_load(rows[radius + LAST + k] + at + i * TB_FLOATS);
            for (int j = 0; j <= LAST; j++) {
                sum[j][i] += share->of[k] * (left[j][i] + right[j][i]);
            }
        }
    for (int j = 0; j <= LAST; j++)
        for (int i = 0; i < FEW; i++) {
            tb_floats_store(dst[j] + at + i * TB_FLOATS, sum[j][i]);
            *all += sum[j][i];
        }
}

/* ---- where something may be ---- */

static void add_pair(float *restrict sum, float *restrict weight, const float *restrict left,
                     const float *restrict right, float share, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        int   has_left  = left[x] == left[x];
        int   has_right = right[x] == right[x];
        float l         = has_left ? left[x] : 0.0f;
        float r         = has_right ? right[x] : 0.0f;

        sum[x] += share * (l + r);
        weight[x] += has_left ? share : 0.0f;
        weight[x] += has_right ? share : 0.0f;
    }
}

static int is_whole(tb_floats all)
{
    float sum = 0.0f;

    for (int i = 0; i < TB_FLOATS; i++)
        sum += all[i];
    return sum == sum;
}

/* Makes sums anew in which something was missing. */
static void mend_few(float *restrict sum, const float *const *rows, const shares *share, int radius,
                     size_t at, size_t n)
{
    float weight[FEW_COLUMNS];

    for (size_t x = 0; x < n; x++) {
        sum[at + x] = share->of[0] * rows[radius][at + x];
        weight[x]   = share->of[0];
    }
    for (int k = 1; k <= radius; k++)
        add_pair(sum + at, weight, rows[radius - k] + at, rows[radius + k] + at, share->of[k], n);
    for (size_t x = 0; x < n; x++)
        sum[at + x] = weight[x] == share->all ? sum[at + x] : sum[at + x] / weight[x];
}

/* The same of those columns of a row where something was: often its ends alone. */
static void mend(float *restrict sum, const float *const *rows, const shares *share, int radius,
                 size_t n)
{
    for (size_t at = 0, length; at < n; at += length) {
        tb_floats all = {0};
        size_t    x   = 0;

        length = n - at < FEW_COLUMNS ? n - at : FEW_COLUMNS;
        for (; x + TB_FLOATS <= length; x += TB_FLOATS)
            all += tb_floats_load(sum + at + x);
        for (; x < length; x++)
            all[0] += sum[at + x];
        if (!is_whole(all))
            mend_few(sum, rows, share, radius, at, length);
    }
}

void TB_KERNEL(tb_fir_columns)(float *const *dst, const float *const *rows, const float *taps,
                               int radius, int outputs, size_t n)
{
    const shares share = shares_of(taps, radius);
    const float *from[ROWS];

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t    length = n - at < CHUNK ? n - at : CHUNK, x = 0;
        tb_floats all = {0};
        float    *sum[TB_FIR_OUTPUTS_MAX];

        for (int k = 0; k < 2 * radius + outputs; k++)
            from[k] = rows[k] + at;
        for (int j = 0; j < outputs; j++)
            sum[j] = dst[j] + at;
        if (outputs == TB_FIR_OUTPUTS_MAX && length >= FEW * TB_FLOATS) {
            for (; x + FEW * TB_FLOATS <= length; x += FEW * TB_FLOATS)
                sum_all(sum, from, &share, radius, x, &all);
            if (x < length) /* some of the last ones twice */
                sum_all(sum, from, &share, radius, length - FEW * TB_FLOATS, &all);
        } else {
            for (int j = 0; j < outputs; j++)
                sum_plain(sum[j], from + j, &share, radius, length, &all);
        }
        for (int j = 0; j < outputs && !is_whole(all); j++)
            mend(sum[j], from + j, &share, radius, length);
    }
}

void TB_KERNEL(tb_fir_row)(float *restrict dst, const float *restrict src, const float *taps,
                           int radius, size_t n)
{
    const shares share = shares_of(taps, radius);
    const float *rows[2 * TB_FIR_RADIUS_MAX + 1];

    for (size_t at = 0; at < n; at += CHUNK) {
        tb_floats all    = {0};
        size_t    length = n - at < CHUNK ? n - at : CHUNK;
        size_t    x      = sum_blocks(dst + at, src + at, &share, radius, length, &all);

        for (int k = -radius; k <= radius; k++)
            rows[k + radius] = src + at + x + k;
        sum_plain(dst + at + x, rows, &share, radius, length - x, &all);
        if (is_whole(all))
            continue;
        for (int k = -radius; k <= radius; k++)
            rows[k + radius] = src + at + k;
        mend(dst + at, rows, &share, radius, length);
    }
}
