#include "region/turns.h"

#include "core/memory.h"
#include "region/array.h"

enum { GROUP_COLUMNS = 64 * 64 };

static void free_line(tb_turns_line *freed)
{
    tb_free(freed->edges);
    tb_free(freed->inside);
    tb_free(freed->used);
    *freed = (tb_turns_line){0};
}

static void free_lines(tb_turns *turns)
{
    free_line(&turns->above);
    free_line(&turns->below);
    tb_free(turns->began);
    turns->began       = NULL;
    turns->line_groups = 0;
}

void tb_turns_reset(tb_turns *turns)
{
    free_lines(turns);
    tb_free(turns->turn);
    *turns = (tb_turns){0};
}

static tb_status make_line(tb_turns_line *made, size_t groups, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_alloc_zero(&made->edges, groups, 64 * sizeof *made->edges, "edges of a line", err));
    TB_TRY(tb_alloc_zero(&made->inside, groups, 64 * sizeof *made->inside, "edges of a line", err));
    TB_TRY(tb_alloc_zero(&made->used, groups, sizeof *made->used, "edges of a line", err));
done:
    return status;
}

/* Room for edges in columns 0 .. width. */
static tb_status reserve_lines(tb_turns *turns, size_t width, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    groups = width / GROUP_COLUMNS + 1;

    if (groups <= turns->line_groups)
        return TB_OK;
    free_lines(turns);
    TB_TRY(make_line(&turns->above, groups, err));
    TB_TRY(make_line(&turns->below, groups, err));
    TB_TRY(tb_alloc_zero(&turns->began, groups, GROUP_COLUMNS * sizeof *turns->began,
                         "edges of a line", err));
    turns->line_groups = groups;
done:
    return status;
}

/*
 * Room for so many vertices more, `taken` of `count` spans being done with theirs: for all there
 * will be, as these let expect, within bounds.
 */
static tb_status reserve_vertices(tb_turns *turns, size_t more, size_t taken, size_t count,
                                  tb_error *err)
{
    tb_status status = TB_OK;
    size_t    needed = turns->count + more, capacity, expected;
    double    times  = 1.1 * (double)count / (double)(taken + 1);

    if (needed >= TB_TURN_TWIN)
        return tb_error_set(err, TB_E_INPUT,
                            "trace a shape: expected fewer than 2^31 vertices, got %zu", needed);
    if (needed <= turns->capacity)
        return TB_OK;
    capacity = tb_array_larger(needed);
    expected = (size_t)((double)needed * (times < 4.0 ? times : 4.0));
    capacity = expected > capacity ? expected : capacity;
    TB_TRY(tb_grow(&turns->turn, capacity, sizeof *turns->turn, "vertices", err));
    turns->capacity = capacity;
done:
    return status;
}

/* Marks words first..last. */
static void use_words(tb_turns_line *of, uint32_t first, uint32_t last)
{
    uint64_t from = -(UINT64_C(1) << first % 64), to = UINT64_MAX >> (63 - last % 64);

    if (first / 64 == last / 64) {
        of->used[first / 64] |= from & to;
        return;
    }
    of->used[first / 64] |= from;
    for (uint32_t group = first / 64 + 1; group < last / 64; group++)
        of->used[group] = UINT64_MAX;
    of->used[last / 64] |= to;
}

/* Takes the spans of `row` that follow as the line below, which holds nothing; columns count from
 * `left`. Returns where the next row begins. */
static const tb_local_span *take_line(tb_turns_line *below, const tb_local_span *span,
                                      const tb_local_span *end_of_spans, int32_t row, int32_t left,
                                      bool is_wide)
{
    const tb_local_span *start = span;
    uint64_t            *edges = below->edges, *inside = below->inside;

    for (; span < end_of_spans && span->row == row; span++) {
        uint32_t first = (uint32_t)(span->first - left), end = (uint32_t)(span->last - left) + 1;
        uint32_t word = first / 64, last = end / 64;
        uint64_t from = UINT64_C(1) << first % 64, to = UINT64_C(1) << end % 64;

        edges[word] |= from;
        edges[last] |= to;
        if (is_wide)
            use_words(below, word, last);
        if (word == last) {
            inside[word] |= to - from;
            continue;
        }
        inside[word] |= -from;
        while (++word < last)
            inside[word] = UINT64_MAX;
        inside[last] |= to - 1;
    }
    if (span > start && !is_wide) /* what lies between as well: it costs less than to ask */
        use_words(below, (uint32_t)(start->first - left) / 64,
                  (uint32_t)(span[-1].last + 1 - left) / 64);
    return span;
}

/* Joins two vertices by a vertical edge; they may be marked as twins already. */
static void join(tb_turn *v, uint32_t a, uint32_t b)
{
    v[a].across |= b;
    v[b].across |= a;
}

/* 64 columns of the line between two rows. */
typedef struct word {
    uint64_t  up, low;               /* edges above and below */
    uint64_t  up_before, low_before; /* whether the pixel to the left is inside, above and below */
    uint64_t  twins;                 /* of the columns with both */
    uint64_t  below_span;            /* an edge starts there with the inside above it */
    uint32_t *began;                 /* of these columns */
    int32_t   x, y;                  /* corner of the first one */
    uint32_t  last;                  /* what began holds for the last edge before them */
} word;

/*
 * Two pixels meet at a corner, and each keeps its own turn: the vertex to the left ends the
 * horizontal edge there, the other begins the next, and each goes on with the vertical edge of its
 * own pixel.
 */
static uint32_t place_twins(const word *w, tb_turn *v, uint32_t n, int bit)
{
    bool      is_upper_left = (w->up_before >> bit & 1) != 0;
    tb_corner corner        = {w->x + bit, w->y};

    v[n]     = (tb_turn){corner, TB_TURN_TWIN, TB_TURN_NONE};
    v[n + 1] = (tb_turn){corner, TB_TURN_TWIN, TB_TURN_NONE};
    join(v, is_upper_left ? n : n + 1, w->began[bit]);
    w->began[bit] = is_upper_left ? n + 1 : n;
    return n + 2;
}

/* Where a span ends below another, a hole may start. The last edge before is of the one or the
 * other; if it ended here, the vertex before is. */
static uint32_t place_below_span(const word *w, tb_turn *v, uint32_t n, int bit)
{
    uint64_t edges  = (w->up | w->low) & ((UINT64_C(1) << bit) - 1);
    uint32_t beside = edges != 0 ? w->began[63 - __builtin_clzll(edges)] : w->last;

    v[n] = (tb_turn){{w->x + bit, w->y}, TB_TURN_NO, beside != TB_TURN_NO ? beside : n - 1};
    w->began[bit] = n;
    return n + 1;
}

/* Places the vertices of a word; a function of its own, since it is all in registers there. */
static __attribute__((noinline)) uint32_t place_word(const word *w, tb_turn *v, uint32_t n)
{
    uint64_t  rare  = w->twins | w->below_span;
    uint32_t *began = w->began;
    int32_t   x = w->x, y = w->y;

    for (uint64_t turns = (w->up ^ w->low) | w->twins; turns != 0; turns &= turns - 1) {
        int      bit = __builtin_ctzll(turns);
        uint32_t other, begins;

        if ((rare & turns & -turns) != 0) {
            n = (w->twins & turns & -turns) != 0 ? place_twins(w, v, n, bit)
                                                 : place_below_span(w, v, n, bit);
            continue;
        }
        /* Whether the vertical edge ends or begins here cannot be foreseen, so there is no branch
         * for it; where it begins, the next vertex, which is none yet, is written to. */
        other  = began[bit];
        begins = -((other - 1) >> 31); /* all bits, where there is no other */
        v[n]   = (tb_turn){{x + bit, y}, other, TB_TURN_NONE};
        v[other | ((n + 1) & begins)].across |= n;
        began[bit] = n & begins;
        n++;
    }
    return n;
}

/* What `began` holds for the last edge of a word, if it has any. */
static uint32_t last_began(const word *w)
{
    uint64_t edges = w->up | w->low;

    return edges != 0 ? w->began[63 - __builtin_clzll(edges)] : w->last;
}

/* Places the vertices between two rows of columns 0 .. width, and makes the upper one empty. */
static void place_line(tb_turns *turns, int32_t left, int32_t y, size_t width)
{
    tb_turns_line *above = &turns->above, *below = &turns->below;
    uint32_t       n    = (uint32_t)turns->count;
    uint32_t       last = TB_TURN_NO, next = 0; /* word */
    uint64_t       in_up = 0, in_low = 0;       /* of the word before */

    for (size_t group = 0; group <= width / GROUP_COLUMNS; group++) {
        uint64_t words = above->used[group] | below->used[group];

        for (; words != 0; words &= words - 1) {
            uint32_t i = (uint32_t)(64 * group) + (uint32_t)__builtin_ctzll(words);
            word     w = {.up    = above->edges[i],
                          .low   = below->edges[i],
                          .began = turns->began + (size_t)64 * i,
                          .x     = left + (int32_t)(64 * i),
                          .y     = y,
                          .last  = last};

            w.up_before     = above->inside[i] << 1 | (i == next ? in_up >> 63 : 0);
            w.low_before    = below->inside[i] << 1 | (i == next ? in_low >> 63 : 0);
            w.twins         = w.up & w.low & (w.up_before ^ w.low_before);
            w.below_span    = w.low & ~w.up & w.up_before & w.low_before;
            n               = place_word(&w, turns->turn, n);
            in_up           = above->inside[i];
            in_low          = below->inside[i];
            last            = last_began(&w);
            next            = i + 1;
            above->edges[i] = above->inside[i] = 0;
        }
        above->used[group] = 0;
    }
    turns->count = n;
}

/* Where the row after `row` begins, if its spans, from `to` on, are those of the row above once
 * more; else NULL. */
static const tb_local_span *pass_repeated(const tb_local_span *from, const tb_local_span *to,
                                          const tb_local_span *end, int32_t row)
{
    ptrdiff_t count = to - from;

    if (count == 0 || count > end - to || (count < end - to && to[count].row == row))
        return NULL;
    for (ptrdiff_t i = 0; i < count; i++)
        if (to[i].row != row || to[i].first != from[i].first || to[i].last != from[i].last)
            return NULL;
    return to + count;
}

tb_status tb_turns_find(tb_turns *turns, const tb_local_span *spans, size_t count, int32_t left,
                        size_t width, tb_error *err)
{
    tb_status            status = TB_OK;
    const tb_local_span *from = spans, *to = spans; /* spans of the row above the tb_turns_line */
    const tb_local_span *end = spans + count;

    turns->count = TB_TURN_FIRST;
    TB_TRY(reserve_lines(turns, width, err));
    while (from < end) {
        int32_t              row  = from == to ? from->row : from->row + 1;
        const tb_local_span *next = pass_repeated(from, to, end, row);
        tb_turns_line        swap;

        if (next != NULL) { /* no edge turns there, and the line above is what it was */
            from = to;
            to   = next;
            continue;
        }
        next = take_line(&turns->below, to, end, row, left, width >= GROUP_COLUMNS);
        TB_TRY(reserve_vertices(turns, 2 * (size_t)(next - from) + 2, (size_t)(to - spans), count,
                                err)); /* and what is none */
        place_line(turns, left - spans->first, row - spans->row, width);
        swap         = turns->above;
        turns->above = turns->below;
        turns->below = swap;
        from         = to;
        to           = next;
    }
done:
    if (status != TB_OK)
        free_lines(turns); /* they hold what was not placed */
    return status;
}
