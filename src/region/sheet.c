#include "region/sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/forest.h"
#include "core/memory.h"
#include "region/array.h"
#include "region/pending.h"

enum { BUFFER_BYTES = 64 * 1024, PROGRESS_ROWS = 64 };

/* Labels are numbers of 32 bits. */
static const size_t LABELS_MOST = UINT32_MAX - 1;

/* A row as bits, 64 pixels to a word and the first the lowest; and its runs: from edges[2 i] to
 * before edges[2 i + 1]; behind the last INT32_MAX twice. */
typedef struct row {
    uint64_t *bits;
    int32_t  *edges;
    uint32_t *labels;
    size_t    count;
} row;

struct tb_sheet {
    int64_t width, rows, expected_rows;
    size_t  words; /* of a row's bits */
    int32_t reach; /* 1 where corners connect */
    row     now, above;

    uint32_t *parent; /* of labels; then the number of a label's component */
    int64_t *pixels; /* of labels; then of components, or minus the slot minus one of an open one */
    size_t   label_count, label_capacity;

    char    *path;
    int      file;
    uint8_t *buffer;
    size_t   at, held; /* bytes: written to the buffer; or read from it, of so many in it */

    const tb_sheet_options *options;
    tb_pending              pending;
};

static size_t words_of(int64_t width)
{
    return ((size_t)width + 63) / 64;
}

static tb_status make_row(row *made, int64_t width, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    most   = (size_t)width / 2 + 1;

    TB_TRY(tb_alloc(&made->bits, words_of(width), sizeof *made->bits, "runs of a row", err));
    TB_TRY(tb_alloc(&made->edges, 2 * most + 2, sizeof *made->edges, "runs of a row", err));
    TB_TRY(tb_alloc(&made->labels, most, sizeof *made->labels, "runs of a row", err));
    made->edges[0] = made->edges[1] = INT32_MAX;
done:
    return status;
}

tb_status tb_sheet_new(tb_sheet **out, int64_t width, int64_t expected_rows,
                       tb_connectivity connectivity, const char *work, tb_error *err)
{
    tb_status status = TB_OK;
    tb_sheet *sheet  = NULL;

    *out = NULL;
    if (width >= INT32_MAX)
        return tb_error_set(err, TB_E_INPUT,
                            "join the rows of a raster: expected fewer than 2^31 columns, got %lld",
                            (long long)width);
    TB_TRY(tb_alloc_zero(&sheet, 1, sizeof *sheet, "components", err));
    sheet->width         = width;
    sheet->expected_rows = expected_rows;
    sheet->words         = words_of(width);
    sheet->reach         = connectivity == TB_CONNECT_4 ? 0 : 1;
    sheet->file          = -1;
    TB_TRY(make_row(&sheet->now, width, err));
    TB_TRY(make_row(&sheet->above, width, err));
    TB_TRY(tb_alloc(&sheet->buffer, BUFFER_BYTES, 1, "runs of a row", err));
    TB_TRY(tb_copy_text(&sheet->path, work, err));
    sheet->file = open(work, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (sheet->file < 0)
        TB_TRY(tb_file_complain("open", work, err));
    tb_file_remove(work);
done:
    if (status == TB_OK)
        *out = sheet;
    else
        tb_sheet_free(sheet);
    return status;
}

void tb_sheet_free(tb_sheet *sheet)
{
    if (sheet == NULL)
        return;
    if (sheet->file >= 0)
        (void)close(sheet->file);
    if (sheet->options != NULL)
        tb_pending_reset(&sheet->pending);
    tb_free(sheet->now.bits);
    tb_free(sheet->now.edges);
    tb_free(sheet->now.labels);
    tb_free(sheet->above.bits);
    tb_free(sheet->above.edges);
    tb_free(sheet->above.labels);
    tb_free(sheet->parent);
    tb_free(sheet->pixels);
    tb_free(sheet->buffer);
    tb_free(sheet->path);
    tb_free(sheet);
}

/* ---------------------------------------------------------------- the work file */

static tb_status flush(tb_sheet *s, tb_error *err)
{
    for (size_t done = 0; done < s->at;) {
        ssize_t written = write(s->file, s->buffer + done, s->at - done);

        if (written < 0 && errno != EINTR)
            return tb_file_complain("write", s->path, err);
        done += written > 0 ? (size_t)written : 0;
    }
    s->at = 0;
    return TB_OK;
}

static tb_status put(tb_sheet *s, const void *from, size_t bytes, tb_error *err)
{
    tb_status      status = TB_OK;
    const uint8_t *next   = from;

    while (bytes > 0) {
        size_t room = BUFFER_BYTES - s->at, some = bytes < room ? bytes : room;

        memcpy(s->buffer + s->at, next, some);
        s->at += some;
        next += some;
        bytes -= some;
        if (s->at == BUFFER_BYTES)
            TB_TRY(flush(s, err));
    }
done:
    return status;
}

static tb_status get(tb_sheet *s, void *to, size_t bytes, tb_error *err)
{
    uint8_t *next = to;

    while (bytes > 0) {
        size_t some = s->held - s->at < bytes ? s->held - s->at : bytes;

        memcpy(next, s->buffer + s->at, some);
        s->at += some;
        next += some;
        bytes -= some;
        if (bytes > 0) {
            ssize_t held = read(s->file, s->buffer, BUFFER_BYTES);

            if (held < 0 && errno == EINTR)
                continue;
            if (held <= 0)
                return tb_error_set(err, TB_E_INPUT,
                                    "read %s: expected the runs that were written, got %s", s->path,
                                    held < 0 ? strerror(errno) : "fewer");
            s->at   = 0;
            s->held = (size_t)held;
        }
    }
    return TB_OK;
}

/* Finds the runs of a row: there is an edge wherever a pixel differs from the one before. */
static void find_edges(row *r, size_t words, int64_t width)
{
    int32_t *edge = r->edges;
    uint64_t last = 0;

    for (size_t w = 0; w < words; w++) {
        uint64_t bits  = r->bits[w];
        uint64_t edges = bits ^ (bits << 1 | last);

        last = bits >> 63;
        for (; edges != 0; edges &= edges - 1)
            *edge++ = (int32_t)(64 * w) + __builtin_ctzll(edges);
    }
    if ((edge - r->edges) % 2 != 0) /* the last run ends with the row, and with a whole word */
        *edge++ = (int32_t)width;
    r->count = (size_t)(edge - r->edges) / 2;
    edge[0] = edge[1] = INT32_MAX;
}

static tb_status put_row(tb_sheet *s, const row *r, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(put(s, r->bits, s->words * sizeof *r->bits, err));
    TB_TRY(put(s, r->labels, r->count * sizeof *r->labels, err));
done:
    return status;
}

static tb_status get_row(tb_sheet *s, row *r, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(get(s, r->bits, s->words * sizeof *r->bits, err));
    find_edges(r, s->words, s->width);
    TB_TRY(get(s, r->labels, r->count * sizeof *r->labels, err));
done:
    return status;
}

/* ---------------------------------------------------------------- joining */

/* Eight bytes of 0 or 1 as bits, the first the lowest. */
static uint64_t bits_of(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word * UINT64_C(0x0102040810204080) >> 56;
}

/* Up to 64 pixels as bits. */
static uint64_t bits_from(const uint8_t *pixels, int64_t count)
{
    uint64_t bits = 0;
    int64_t  i    = 0;

    for (; i + 8 <= count && i < 64; i += 8)
        bits |= bits_of(pixels + i) << i;
    for (; i < count && i < 64; i++)
        bits |= (uint64_t)pixels[i] << i;
    return bits;
}

static void pack(uint64_t *bits, const uint8_t *pixels, int64_t width)
{
    for (int64_t x = 0; x < width; x += 64)
        *bits++ = bits_from(pixels + x, width - x);
}

/* Gives each run the label of what it meets in the row above, or a new one. */
static void connect(tb_sheet *s)
{
    const row     *up     = &s->above;
    row           *now    = &s->now;
    uint32_t      *parent = s->parent;
    const int32_t *u      = up->edges;
    const int32_t  reach  = s->reach;

    for (size_t c = 0; c < now->count; c++) {
        int32_t  first = now->edges[2 * c] - reach, end = now->edges[2 * c + 1] + reach;
        int64_t  pixels = (int64_t)now->edges[2 * c + 1] - now->edges[2 * c];
        uint32_t label;

        while (u[1] <= first)
            u += 2;
        if (u[0] >= end) {
            label            = (uint32_t)s->label_count++;
            parent[label]    = label;
            s->pixels[label] = 0;
        } else {
            label = tb_forest_root(parent, up->labels[(u - up->edges) / 2]);
            for (; u[2] < end; u += 2) {
                uint32_t other = up->labels[(u - up->edges) / 2 + 1];

                if (other != label) {
                    tb_forest_unite(parent, label, other);
                    label = parent[label];
                }
            }
        }
        now->labels[c] = label;
        s->pixels[label] += pixels;
    }
}

/* Room for as many labels as the rows there were let expect, within bounds. */
static size_t capacity_for(const tb_sheet *s, int64_t rows, size_t needed)
{
    double share = rows > 0 ? (double)s->expected_rows / (double)rows : 0.0, least = 1.5,
           most  = 8.0;
    double times = 1.02 * share;

    return (size_t)((double)needed * (times > least ? times < most ? times : most : least));
}

tb_status tb_sheet_add(tb_sheet *s, const uint8_t *is_changed, int64_t rows, tb_error *err)
{
    tb_status status = TB_OK;

    for (int64_t y = 0; y < rows; y++, is_changed += s->width) {
        row    swap   = s->above;
        size_t needed = s->label_count + (size_t)s->width / 2 + 1;

        s->above = s->now;
        s->now   = swap;
        if (needed > LABELS_MOST)
            return tb_error_set(err, TB_E_INPUT,
                                "join the rows of a raster: expected fewer than 2^32 pieces, got "
                                "more by row %lld",
                                (long long)(s->rows + y));
        if (needed > s->label_capacity) {
            size_t capacity = capacity_for(s, s->rows + y, needed);

            TB_TRY(tb_grow(&s->parent, capacity, sizeof *s->parent, "components", err));
            TB_TRY(tb_grow(&s->pixels, capacity, sizeof *s->pixels, "components", err));
            s->label_capacity = capacity;
        }
        pack(s->now.bits, is_changed, s->width);
        find_edges(&s->now, s->words, s->width);
        connect(s);
        TB_TRY(put_row(s, &s->now, err));
    }
    s->rows += rows;
done:
    return status;
}

/*
 * Makes numbers of labels. A root comes before the labels under it, so one pass in order does, and
 * numbers, which are lower still, can be written over what was read.
 */
static void number_components(tb_sheet *s, tb_assemble_totals *totals)
{
    size_t count = 0;

    for (size_t i = 0; i < s->label_count; i++) {
        int64_t pixels = s->pixels[i];

        if (s->parent[i] == i) {
            s->parent[i]       = (uint32_t)count;
            s->pixels[count++] = pixels;
        } else {
            s->parent[i] = s->parent[s->parent[i]];
            s->pixels[s->parent[i]] += pixels;
        }
    }
    for (size_t i = 0; i < count; i++) {
        int64_t pixels  = s->pixels[i];
        bool    is_kept = pixels >= s->options->min_pixels;

        *(is_kept ? &totals->kept : &totals->small) += 1;
        *(is_kept ? &totals->kept_pixels : &totals->small_pixels) += pixels;
        s->pixels[i] = is_kept ? 2 * pixels + 1 : s->options->wants_nearby ? 2 * pixels : 0;
    }
}

/* ---------------------------------------------------------------- telling */

static tb_status tell(void *context, uint32_t slot, tb_component *component, tb_error *err)
{
    const tb_sheet *s = context;

    (void)slot;
    return s->options->component(s->options->context, component, err);
}

static tb_status take_row(tb_sheet *s, int64_t y, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t c = 0; c < s->now.count; c++) {
        uint32_t number = s->parent[s->now.labels[c]], slot;
        int64_t  state  = s->pixels[number];

        if (state == 0)
            continue;
        if (state > 0) {
            TB_TRY(tb_pending_begin(&s->pending, number, state, &slot, err));
            s->pixels[number] = state = -(int64_t)slot - 1;
        }
        slot = (uint32_t)(-state - 1);
        TB_TRY(tb_pending_add(
            &s->pending, slot,
            (tb_local_span){(int32_t)y, s->now.edges[2 * c], s->now.edges[2 * c + 1] - 1}, false,
            err));
    }
done:
    return status;
}

static tb_status report(const tb_sheet *s, int64_t y, tb_error *err)
{
    const tb_progress *progress = s->options->progress;

    if (progress == NULL || y % PROGRESS_ROWS != 0)
        return TB_OK;
    if (progress->is_cancelled != NULL && progress->is_cancelled(progress->context))
        return tb_error_set(err, TB_E_CANCELLED, "cancelled");
    if (progress->report != NULL)
        progress->report(progress->context, "assemble", y * s->width, s->rows * s->width);
    return TB_OK;
}

tb_status tb_sheet_tell(tb_sheet *s, const tb_sheet_options *options, tb_assemble_totals *totals,
                        tb_error *err)
{
    tb_status status = TB_OK;

    *totals    = (tb_assemble_totals){0};
    s->options = options;
    tb_pending_init(&s->pending, 0, 0, true, options->wants_nearby, tell, s);
    if (s->rows >= INT32_MAX)
        return tb_error_set(err, TB_E_INPUT,
                            "join the rows of a raster: expected fewer than 2^31 rows, got %lld",
                            (long long)s->rows);
    TB_TRY(flush(s, err));
    if (lseek(s->file, 0, SEEK_SET) != 0)
        TB_TRY(tb_file_complain("read", s->path, err));
    number_components(s, totals);
    TB_TRY(tb_pending_end_row(&s->pending, 0, err));
    for (int64_t y = 0; y < s->rows; y++) {
        TB_TRY(report(s, y, err));
        TB_TRY(get_row(s, &s->now, err));
        TB_TRY(take_row(s, y, err));
        TB_TRY(tb_pending_end_row(&s->pending, y + 1, err));
    }
    TB_TRY(tb_pending_end_row(&s->pending, INT64_MAX, err));
done:
    return status;
}
