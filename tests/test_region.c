/* Runs, labels, shards, assembly and tracing: properties over random masks, against GEOS and a
 * flood fill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>
#include <geos_c.h>

#include "checks.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "region/assemble.h"
#include "region/label.h"
#include "region/outline.h"
#include "region/record.h"
#include "region/runs.h"
#include "region/sheet.h"
#include "region/trace.h"

/* HDF5 1.10 loses memory of its own when it meets a file whose metadata is damaged. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5_serial";
}

/* ---------------------------------------------------------------- masks */

typedef struct mask {
    int64_t  x, y; /* of its corner on the lattice */
    int      width, height;
    uint8_t *classes;
} mask;

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed >> 11;
}

static int below(uint64_t *seed, int limit)
{
    return (int)(next_random(seed) % (uint64_t)limit);
}

/* Each pixel strong, weak or not observed with the given shares of 1000. */
static mask random_mask(int width, int height, int strong, int weak, int unobserved, uint64_t seed)
{
    mask m = {-7, 1000000000000, width, height, malloc((size_t)(width * height))};

    seed = seed * 2654435761u + 88172645463325252u;
    for (int i = 0; i < width * height; i++) {
        int chance = below(&seed, 1000);

        m.classes[i] = chance < strong                       ? TB_RUN_STRONG
                       : chance < strong + weak              ? TB_RUN_WEAK
                       : chance < strong + weak + unobserved ? TB_RUN_UNOBSERVED
                                                             : TB_RUN_NONE;
    }
    return m;
}

static mask drawn_mask(const char *const *rows)
{
    int  width = (int)strlen(rows[0]), height = 0;
    mask m;

    while (rows[height] != NULL)
        height++;
    m = (mask){0, 0, width, height, malloc((size_t)(width * height))};
    for (int i = 0; i < width * height; i++) {
        char c = rows[i / width][i % width];

        m.classes[i] = c == '#'   ? TB_RUN_STRONG
                       : c == 'w' ? TB_RUN_WEAK
                       : c == '?' ? TB_RUN_UNOBSERVED
                                  : TB_RUN_NONE;
    }
    return m;
}

static bool is_changed(const mask *m, int x, int y)
{
    uint8_t kind;

    if (x < 0 || y < 0 || x >= m->width || y >= m->height)
        return false;
    kind = m->classes[y * m->width + x];
    return kind == TB_RUN_WEAK || kind == TB_RUN_STRONG;
}

/* ---------------------------------------------------------------- the oracle: a flood fill */

enum { COLUMNS = TB_EVIDENCE_FIXED + 2 };

static const char *const column_names[COLUMNS] = {
    "pixels", "strong", "score_sum", "score_max", "unobserved_beside", "hash_sum", "hash_max"};

static const bool column_maximum[COLUMNS] = {[TB_EVIDENCE_SCORE_MAX] = true, [COLUMNS - 1] = true};

static const tb_evidence_layout layout = {COLUMNS, column_names, column_maximum};

static void add_pixel(const mask *m, int x, int y, int64_t *row)
{
    uint64_t hash           = ((uint64_t)y * 31337u + (uint64_t)x * 271u) * 2654435761u % 100003u;
    bool     is_beside      = false;
    int64_t  one[COLUMNS]   = {1};
    one[TB_EVIDENCE_STRONG] = m->classes[y * m->width + x] == TB_RUN_STRONG;
    one[TB_EVIDENCE_SCORE_SUM] = (int64_t)hash % 255;
    one[TB_EVIDENCE_SCORE_MAX] = (int64_t)hash % 255;
    one[TB_EVIDENCE_FIXED]     = (int64_t)hash - 50000;
    one[TB_EVIDENCE_FIXED + 1] = (int64_t)hash - 100003; /* a maximum below zero */

    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            if (x + dx >= 0 && y + dy >= 0 && x + dx < m->width && y + dy < m->height)
                is_beside =
                    is_beside || m->classes[(y + dy) * m->width + x + dx] == TB_RUN_UNOBSERVED;
    one[TB_EVIDENCE_UNOBSERVED_BESIDE] = is_beside;
    tb_evidence_join(&layout, row, one);
}

typedef struct flood {
    int     *labels; /* component + 1 of each pixel */
    int64_t *evidence;
    int      count;
} flood;

/* Components in the order of their first pixels. */
static flood flood_fill(const mask *m, int connectivity)
{
    int   size  = m->width * m->height;
    flood f     = {calloc((size_t)size, sizeof(int)), NULL, 0};
    int  *stack = malloc((size_t)size * sizeof(int));

    f.evidence = malloc(((size_t)size + 1) * COLUMNS * sizeof(int64_t));
    for (int start = 0; start < size; start++) {
        int depth = 0;

        if (f.labels[start] != 0 || !is_changed(m, start % m->width, start / m->width))
            continue;
        tb_evidence_clear(&layout, f.evidence + (size_t)f.count * COLUMNS, 1);
        f.labels[start] = ++f.count;
        stack[depth++]  = start;
        while (depth > 0) {
            int at = stack[--depth], x = at % m->width, y = at / m->width;

            add_pixel(m, x, y, f.evidence + (size_t)(f.count - 1) * COLUMNS);
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++) {
                    int to = (y + dy) * m->width + x + dx;

                    if ((connectivity == 4 && dx != 0 && dy != 0) ||
                        !is_changed(m, x + dx, y + dy) || f.labels[to] != 0)
                        continue;
                    f.labels[to]   = f.count;
                    stack[depth++] = to;
                }
        }
    }
    free(stack);
    return f;
}

static void flood_free(flood *f)
{
    free(f->labels);
    free(f->evidence);
}

/* ---------------------------------------------------------------- writing shards */

static tb_status append_block(tb_run_writer *writer, tb_label *label, const mask *m, tb_rect inner,
                              tb_connectivity connectivity, tb_error *err)
{
    tb_status    status   = TB_OK;
    int64_t     *evidence = NULL;
    tb_rect      rect     = {m->x + inner.x, m->y + inner.y, inner.width, inner.height};
    tb_run_block block;

    TB_TRY(tb_label_block(label, m->classes + inner.y * m->width + inner.x, (size_t)m->width, rect,
                          connectivity, &block, err));
    TB_TRY(tb_alloc(&evidence, block.part_count * COLUMNS, sizeof *evidence, "evidence", err));
    tb_evidence_clear(&layout, evidence, block.part_count);
    for (size_t r = 0; r < block.run_count; r++)
        for (int64_t x = block.runs[r].first; block.runs[r].part >= 0 && x <= block.runs[r].last;
             x++)
            add_pixel(m, (int)(x - m->x), (int)(block.runs[r].row - m->y),
                      evidence + (size_t)block.runs[r].part * COLUMNS);
    block.evidence = evidence;
    TB_TRY(tb_run_writer_append(writer, &block, err));
done:
    tb_free(evidence);
    return status;
}

enum { SHARDS_MAX = 8 };

typedef struct cutting {
    uint64_t seed;       /* 0: one block */
    int      largest;    /* block side */
    int      shards;     /* wanted; of equal width or height */
    bool     is_upright; /* shards side by side, else one below the other */
} cutting;

/* Cuts a shard into panels of blocks in row order, all sizes at random. */
static tb_status write_shard(const char *path, const mask *m, tb_rect inner, cutting *cut,
                             tb_connectivity connectivity, tb_error *err)
{
    tb_status      status = TB_OK;
    tb_run_writer *writer = NULL;
    tb_label      *label  = NULL;
    tb_rect        rect   = {m->x + inner.x, m->y + inner.y, inner.width, inner.height};

    TB_TRY(tb_label_new(&label, err));
    TB_TRY(tb_run_writer_create(&writer, path, rect, &layout, err));
    for (int64_t x = 0; x < inner.width;) {
        int64_t width = cut->seed == 0 ? inner.width : 1 + below(&cut->seed, cut->largest);

        if (width > inner.width - x)
            width = inner.width - x;
        for (int64_t y = 0; y < inner.height;) {
            int64_t height = cut->seed == 0 ? inner.height : 1 + below(&cut->seed, cut->largest);

            if (height > inner.height - y)
                height = inner.height - y;
            TB_TRY(append_block(writer, label, m,
                                (tb_rect){inner.x + x, inner.y + y, width, height}, connectivity,
                                err));
            y += height;
        }
        x += width;
    }
    TB_TRY(tb_run_writer_finish(writer, err));
done:
    tb_run_writer_close(writer);
    tb_label_free(label);
    return status;
}

/* Writes and opens the shards of a mask; *count of them. */
static tb_status make_shards(const char *folder, const mask *m, cutting cut,
                             tb_connectivity connectivity, tb_run_reader **shards, int *count,
                             tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   extent = cut.is_upright ? m->width : m->height;
    int       wanted = cut.shards < extent ? cut.shards : (int)extent;

    *count = 0;
    for (int s = 0; s < wanted; s++) {
        char    path[300];
        int64_t from = extent * s / wanted, to = extent * (s + 1) / wanted;
        tb_rect inner = cut.is_upright ? (tb_rect){from, 0, to - from, m->height}
                                       : (tb_rect){0, from, m->width, to - from};

        snprintf(path, sizeof path, "%s/shard-%d.h5", folder, s);
        TB_TRY(write_shard(path, m, inner, &cut, connectivity, err));
        TB_TRY(tb_run_reader_open(&shards[s], path, err));
        ++*count;
    }
done:
    return status;
}

static void close_shards(tb_run_reader **shards, int count)
{
    for (int s = 0; s < count; s++) {
        char path[300];

        snprintf(path, sizeof path, "%s", tb_run_reader_path(shards[s]));
        tb_run_reader_close(shards[s]);
        tb_file_remove(path);
    }
}

/* ---------------------------------------------------------------- hearing the result */

typedef struct listener {
    tb_text             transcript;
    tb_assemble_visitor record;
    tb_trace           *trace;
    tb_outline         *outline;
    tb_assemble_totals  totals;
} listener;

static tb_status hear_run(void *context, const tb_assembled_run *run, tb_error *err)
{
    listener *heard  = context;
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(&heard->transcript, err, "run %lld %lld %lld %d of %lld %d\n",
                          (long long)run->row, (long long)run->first, (long long)run->last,
                          (int)run->kind, (long long)run->component, (int)run->verdict));
    if (heard->record.run != NULL)
        TB_TRY(heard->record.run(heard->record.context, run, err));
done:
    return status;
}

static tb_status hear_component(void *context, const tb_component *c, tb_error *err)
{
    listener *heard  = context;
    tb_status status = TB_OK;
    tb_text  *text   = &heard->transcript;
    tb_shape  shape, lines;

    TB_TRY(tb_text_append(text, err, "component %lld %d: %lld px at %lld %lld %lldx%lld, evidence",
                          (long long)c->number, (int)c->verdict, (long long)c->pixels,
                          (long long)c->bounds.x, (long long)c->bounds.y,
                          (long long)c->bounds.width, (long long)c->bounds.height));
    for (int i = 0; i < COLUMNS; i++)
        TB_TRY(tb_text_append(text, err, " %lld", (long long)c->evidence[i]));
    for (size_t s = 0; s < c->span_count; s++)
        TB_TRY(tb_text_append(text, err, "; %lld %lld %lld",
                              (long long)(c->origin_y + c->spans[s].row),
                              (long long)(c->origin_x + c->spans[s].first),
                              (long long)(c->origin_x + c->spans[s].last)));
    TB_TRY(tb_trace_component(heard->trace, c, &shape, err));
    for (size_t r = 0; r < shape.ring_count; r++) {
        TB_TRY(tb_text_append(text, err, "\n ring"));
        for (size_t i = 0; i < shape.rings[r].count; i++)
            TB_TRY(tb_text_append(
                text, err, " %lld,%lld",
                (long long)(shape.origin_x + shape.corners[shape.rings[r].first + i].x),
                (long long)(shape.origin_y + shape.corners[shape.rings[r].first + i].y)));
    }
    TB_TRY(tb_outline_simplify(heard->outline, &shape, c->nearby, c->nearby_count,
                               &(tb_outline_options){0.7, 4}, &lines, err));
    TB_TRY(tb_text_append(text, err, "\n lines"));
    for (size_t i = 0; i < lines.corner_count; i++)
        TB_TRY(tb_text_append(text, err, " %d,%d", lines.corners[i].x, lines.corners[i].y));
    TB_TRY(tb_text_append(text, err, "\n"));
    if (heard->record.component != NULL)
        TB_TRY(heard->record.component(heard->record.context, c, err));
done:
    return status;
}

/* Shards of the mask, assembled and traced, everything heard written down, and runs.h5 made. */
static tb_status run_scenario(const char *folder, const mask *m, cutting cut,
                              tb_connectivity connectivity, int64_t min_pixels,
                              const char *record_path, tb_text *transcript,
                              tb_assemble_totals *totals, tb_error *err)
{
    tb_status      status = TB_OK;
    tb_run_reader *shards[SHARDS_MAX];
    int            count  = 0;
    tb_record     *record = NULL;
    listener       heard  = {0};

    TB_TRY(make_shards(folder, m, cut, connectivity, shards, &count, err));
    TB_TRY(tb_trace_new(&heard.trace, err));
    TB_TRY(tb_outline_new(&heard.outline, err));
    TB_TRY(tb_record_create(&record, record_path, &layout, err));
    heard.record = tb_record_visitor(record);

    tb_assemble_options options = {.shards       = shards,
                                   .shard_count  = (size_t)count,
                                   .connectivity = connectivity,
                                   .min_pixels   = min_pixels};
    tb_assemble_visitor visitor = {hear_run, hear_component, &heard, true};

    TB_TRY(tb_assemble_shards(&options, &visitor, totals, err));
    TB_TRY(tb_record_finish(record, err));
done:
    tb_record_close(record);
    tb_trace_free(heard.trace);
    tb_outline_free(heard.outline);
    close_shards(shards, count);
    if (transcript != NULL)
        *transcript = heard.transcript;
    else
        tb_text_reset(&heard.transcript);
    return status;
}

static char *make_folder(char folder[64])
{
    snprintf(folder, 64, "/tmp/tuban-region-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return folder;
}

/* ---------------------------------------------------------------- labelling */

static void labels_agree_with_a_flood_fill(void **state)
{
    static const int sizes[][2] = {{1, 1}, {1, 40}, {40, 1}, {2, 2}, {31, 37}, {64, 9}, {97, 53}};
    tb_label        *label      = NULL;
    tb_run_block     block;

    (void)state;
    assert_int_equal(tb_label_new(&label, NULL), TB_OK);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int density = 0; density <= 1000; density += 125)
            for (int connectivity = 4; connectivity <= 8; connectivity += 4) {
                mask    m   = random_mask(sizes[s][0], sizes[s][1], density / 2, density / 3,
                                          (1000 - density) / 5, (uint64_t)(density + 7));
                flood   f   = flood_fill(&m, connectivity);
                int64_t row = INT64_MIN, end = 0;
                int    *part_of, pixels = 0, next = 0;

                assert_int_equal(tb_label_block(label, m.classes, (size_t)m.width,
                                                (tb_rect){m.x, m.y, m.width, m.height},
                                                (tb_connectivity)connectivity, &block, NULL),
                                 TB_OK);
                assert_int_equal(block.part_count, f.count);
                part_of = calloc((size_t)f.count + 1, sizeof(int));
                for (size_t r = 0; r < block.run_count; r++) {
                    const tb_run *run = &block.runs[r];

                    assert_true(run->row > row || (run->row == row && run->first >= end));
                    row = run->row;
                    end = run->last + 1;
                    for (int64_t x = run->first; x <= run->last; x++, pixels++) {
                        int at = (int)((run->row - m.y) * m.width + x - m.x);

                        assert_int_equal(m.classes[at], run->kind);
                        /* Both number by first appearance: the labels are the same, not only alike.
                         */
                        assert_int_equal(run->part, f.labels[at] - 1);
                    }
                    assert_true(run->part <= next);
                    next += run->part == next;
                }
                for (int i = 0; i < m.width * m.height; i++)
                    pixels -= m.classes[i] != TB_RUN_NONE;
                assert_int_equal(pixels, 0);
                free(part_of);
                flood_free(&f);
                free(m.classes);
            }
    tb_label_free(label);
}

/* ---------------------------------------------------------------- tracing */

typedef struct geos_message {
    char text[256];
} geos_message;

static void keep_message(const char *message, void *context)
{
    snprintf(((geos_message *)context)->text, sizeof(geos_message), "%s", message);
}

static GEOSGeometry *geos_ring(GEOSContextHandle_t geos, const tb_shape *shape, tb_ring ring)
{
    GEOSCoordSequence *points = GEOSCoordSeq_create_r(geos, (unsigned)ring.count + 1, 2);

    for (size_t i = 0; i <= ring.count; i++) {
        const tb_corner *corner = &shape->corners[ring.first + i % ring.count];

        GEOSCoordSeq_setXY_r(geos, points, (unsigned)i, corner->x, corner->y);
    }
    return GEOSGeom_createLinearRing_r(geos, points);
}

static GEOSGeometry *geos_shape(GEOSContextHandle_t geos, const tb_shape *shape)
{
    GEOSGeometry **polygons = malloc((shape->polygon_count + 1) * sizeof *polygons);
    GEOSGeometry  *whole;

    for (size_t p = 0; p < shape->polygon_count; p++) {
        tb_polygon     polygon = shape->polygons[p];
        GEOSGeometry **holes   = malloc(polygon.count * sizeof *holes);

        for (size_t r = 1; r < polygon.count; r++)
            holes[r - 1] = geos_ring(geos, shape, shape->rings[polygon.first + r]);
        polygons[p] =
            GEOSGeom_createPolygon_r(geos, geos_ring(geos, shape, shape->rings[polygon.first]),
                                     holes, (unsigned)polygon.count - 1);
        free(holes);
    }
    whole = GEOSGeom_createCollection_r(geos, GEOS_MULTIPOLYGON, polygons,
                                        (unsigned)shape->polygon_count);
    free(polygons);
    return whole;
}

/* Twice the area; positive where the ring runs anticlockwise on the screen. */
static int64_t double_area(const tb_shape *shape, tb_ring ring)
{
    int64_t sum = 0;

    for (size_t i = 0; i < ring.count; i++) {
        const tb_corner *a = &shape->corners[ring.first + i];
        const tb_corner *b = &shape->corners[ring.first + (i + 1) % ring.count];

        sum += (int64_t)b->x * a->y - (int64_t)a->x * b->y;
    }
    return sum;
}

typedef struct checker {
    const mask         *m;
    tb_trace           *trace;
    GEOSContextHandle_t geos;
    geos_message        message;
    int                *drawn; /* component + 1 of each pixel that the polygons cover */
    int64_t             components, holes;
} checker;

static void check_ring(const tb_shape *shape, tb_ring ring, bool is_exterior)
{
    const tb_corner *c = shape->corners + ring.first;

    assert_true(ring.count >= 4);
    assert_true(is_exterior == (double_area(shape, ring) > 0));
    for (size_t i = 0; i < ring.count; i++) {
        const tb_corner *a = &c[i], *b = &c[(i + 1) % ring.count], *d = &c[(i + 2) % ring.count];

        assert_true(i == 0 || c[0].y < a->y || (c[0].y == a->y && c[0].x < a->x));
        /* Every vertex turns: edges are upright and level in turn, none of no length. */
        assert_true((a->x == b->x) != (a->y == b->y));
        assert_true((a->x == b->x) == (b->y == d->y));
    }
}

static tb_status check_component(void *context, const tb_component *c, tb_error *err)
{
    checker      *check  = context;
    const mask   *m      = check->m;
    tb_status     status = TB_OK;
    int64_t       area   = 0;
    GEOSGeometry *whole;
    tb_shape      shape;

    TB_TRY(tb_trace_component(check->trace, c, &shape, err));
    for (size_t p = 0; p < shape.polygon_count; p++)
        for (size_t r = 0; r < shape.polygons[p].count; r++) {
            tb_ring ring = shape.rings[shape.polygons[p].first + r];

            check_ring(&shape, ring, r == 0);
            area += double_area(&shape, ring);
            check->holes += r > 0;
            for (size_t i = 0; i < ring.count; i++) { /* fill by even and odd crossings */
                const tb_corner *a = &shape.corners[ring.first + i];
                const tb_corner *b = &shape.corners[ring.first + (i + 1) % ring.count];

                for (int64_t y = a->y < b->y ? a->y : b->y;
                     a->x == b->x && y < (a->y < b->y ? b->y : a->y); y++)
                    for (int64_t x = shape.origin_x + a->x - m->x; x < m->width; x++)
                        check->drawn[(shape.origin_y + y - m->y) * m->width + x] ^=
                            (int)c->number + 1;
            }
        }
    assert_int_equal(area, 2 * c->pixels);
    whole = geos_shape(check->geos, &shape);
    if (GEOSisValid_r(check->geos, whole) != 1)
        print_error("%s\n", check->message.text);
    assert_int_equal(GEOSisValid_r(check->geos, whole), 1);
    GEOSGeom_destroy_r(check->geos, whole);
    check->components++;
done:
    return status;
}

static void polygons_are_valid_and_give_the_mask_back(void **state)
{
    static const int sizes[][2] = {{1, 1}, {1, 23}, {23, 1}, {2, 3}, {4, 4}, {13, 17}, {61, 59}};
    char             folder[64];
    checker          check = {0};
    int64_t          holes = 0;

    (void)state;
    make_folder(folder);
    check.geos = GEOS_init_r();
    GEOSContext_setNoticeMessageHandler_r(check.geos, keep_message, &check.message);
    assert_int_equal(tb_trace_new(&check.trace, NULL), TB_OK);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int density = 0; density <= 1000; density += 50)
            for (int connectivity = 4; connectivity <= 8; connectivity += 4) {
                mask           m = random_mask(sizes[s][0], sizes[s][1], density, 0, 0,
                                               (uint64_t)(density + (int)s));
                flood          f = flood_fill(&m, connectivity);
                tb_run_reader *shards[SHARDS_MAX];
                int            count = 0;
                tb_error       error = {0};

                check.m          = &m;
                check.drawn      = calloc((size_t)(m.width * m.height), sizeof(int));
                check.components = 0;
                assert_int_equal(make_shards(folder, &m, (cutting){.shards = 1},
                                             (tb_connectivity)connectivity, shards, &count, &error),
                                 TB_OK);
                tb_assemble_options options = {.shards       = shards,
                                               .shard_count  = (size_t)count,
                                               .connectivity = (tb_connectivity)connectivity};
                tb_assemble_visitor visitor = {.component = check_component, .context = &check};

                assert_int_equal(tb_assemble_shards(&options, &visitor, NULL, &error), TB_OK);
                assert_int_equal(check.components, f.count);
                assert_memory_equal(check.drawn, f.labels,
                                    (size_t)(m.width * m.height) * sizeof(int));
                holes += check.holes;
                close_shards(shards, count);
                free(check.drawn);
                flood_free(&f);
                free(m.classes);
            }
    assert_true(holes > 1000);
    tb_trace_free(check.trace);
    GEOS_finish_r(check.geos);
    tb_folder_remove(folder);
}

static void assert_drawn(const char *const *rows, const char *expected)
{
    char               folder[64], path[100];
    mask               m     = drawn_mask(rows);
    tb_text            heard = {0};
    tb_assemble_totals totals;
    const char        *rings;

    make_folder(folder);
    snprintf(path, sizeof path, "%s/runs.h5", folder);
    assert_int_equal(run_scenario(folder, &m, (cutting){.shards = 1}, TB_CONNECT_8, 0, path, &heard,
                                  &totals, NULL),
                     TB_OK);
    rings = strstr(heard.data, "\n ring");
    assert_non_null(rings);
    strstr(rings, " lines")[0] = '\0'; /* of rings alone */
    assert_string_equal(rings + 1, expected);
    tb_text_reset(&heard);
    free(m.classes);
    tb_folder_remove(folder);
}

static void rings_that_meet_themselves_are_split(void **state)
{
    static const char *const touching_hole[]   = {"####", "#.##", "##.#", "####", NULL};
    static const char *const corner[]          = {"#.", ".#", NULL};
    static const char *const hole_at_outline[] = {"####.", "#..#.", "####.",
                                                  "##..#", ".####", NULL};
    static const char *const closed_diagonal[] = {"##.", "#.#", "###", NULL};

    (void)state;
    assert_drawn(touching_hole,
                 " ring 0,0 0,4 4,4 4,0\n ring 1,1 2,1 2,2 1,2\n ring 2,2 3,2 3,3 2,3\n");
    assert_drawn(corner, " ring 0,0 0,1 1,1 1,0\n ring 1,1 1,2 2,2 2,1\n");
    /* The outline comes back to (4,3): what it closes off there is a hole that touches it. */
    assert_drawn(
        hole_at_outline,
        " ring 0,0 0,4 1,4 1,5 5,5 5,3 4,3 4,0\n ring 1,1 3,1 3,2 1,2\n ring 2,3 4,3 4,4 2,4\n");
    assert_drawn(closed_diagonal, " ring 0,0 0,3 3,3 3,1 2,1 2,0\n ring 1,1 2,1 2,2 1,2\n");
}

/* Spans of the changed pixels of a mask, each pixel `factor` columns wide and `left` added. */
static size_t stretched_spans(const mask *m, int64_t factor, int64_t left, tb_span *spans)
{
    size_t count = 0;

    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++) {
            if (m->classes[y * m->width + x] != TB_RUN_STRONG)
                continue;
            if (x > 0 && m->classes[y * m->width + x - 1] == TB_RUN_STRONG)
                spans[count - 1].last += factor;
            else
                spans[count++] = (tb_span){y, left + x * factor, left + (x + 1) * factor - 1};
        }
    return count;
}

/* Rows of one word, of several, and of thousands, full and nearly empty: the corners only move. */
static void wider_pixels_have_the_same_corners(void **state)
{
    static const int64_t factors[] = {1, 2, 63, 64, 65, 200, 4096, 5001};
    uint64_t             seed      = 20270413;
    tb_trace            *narrow = NULL, *wide = NULL;

    (void)state;
    assert_int_equal(tb_trace_new(&narrow, NULL), TB_OK);
    assert_int_equal(tb_trace_new(&wide, NULL), TB_OK);
    for (int trial = 0; trial < 300; trial++) {
        int      width = 1 + below(&seed, 40), height = 1 + below(&seed, 20);
        mask     m      = random_mask(width, height, below(&seed, 1000), 0, 0, (uint64_t)trial);
        tb_span *spans  = malloc((size_t)(width * height) * sizeof *spans);
        size_t   count  = stretched_spans(&m, 1, 0, spans);
        int64_t  factor = factors[trial % 8], left = below(&seed, 1000) - 500;
        tb_shape a, b;

        assert_int_equal(tb_trace_spans(narrow, spans, count, &a, NULL), TB_OK);
        count = stretched_spans(&m, factor, left, spans);
        assert_int_equal(tb_trace_spans(wide, spans, count, &b, NULL), TB_OK);
        assert_int_equal(b.ring_count, a.ring_count);
        assert_int_equal(b.polygon_count, a.polygon_count);
        assert_int_equal(b.corner_count, a.corner_count);
        for (size_t p = 0; p < a.polygon_count; p++)
            assert_int_equal(b.polygons[p].count, a.polygons[p].count);
        for (size_t r = 0; r < a.ring_count; r++) {
            assert_int_equal(b.rings[r].count, a.rings[r].count);
            for (size_t i = 0; i < a.rings[r].count; i++) {
                tb_corner from = a.corners[a.rings[r].first + i];
                tb_corner to   = b.corners[b.rings[r].first + i];

                assert_int_equal(b.origin_x + to.x, left + factor * (a.origin_x + from.x));
                assert_int_equal(b.origin_y + to.y, a.origin_y + from.y);
            }
        }
        free(spans);
        free(m.classes);
    }
    tb_trace_free(narrow);
    tb_trace_free(wide);
}

/* ---------------------------------------------------------------- assembling */

static void cuts_leave_no_trace(void **state)
{
    static const struct {
        int width, height, strong, weak, unobserved;
    } cases[] = {{1, 1, 1000, 0, 0},     {1, 50, 500, 200, 100}, {50, 1, 500, 200, 100},
                 {61, 47, 300, 100, 50}, {61, 47, 50, 450, 20},  {101, 89, 1000, 0, 0},
                 {101, 89, 620, 0, 0},   {83, 79, 0, 600, 300},  {200, 150, 410, 0, 5}};
    char folder[64], whole_path[100], cut_path[100];

    (void)state;
    make_folder(folder);
    snprintf(whole_path, sizeof whole_path, "%s/whole.h5", folder);
    snprintf(cut_path, sizeof cut_path, "%s/cut.h5", folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int connectivity = 4; connectivity <= 8; connectivity += 4) {
            mask    m = random_mask(cases[i].width, cases[i].height, cases[i].strong, cases[i].weak,
                                    cases[i].unobserved, i + 1);
            tb_text whole = {0};
            tb_assemble_totals totals;
            tb_error           error = {0};

            assert_int_equal(run_scenario(folder, &m, (cutting){.shards = 1},
                                          (tb_connectivity)connectivity, 4, whole_path, &whole,
                                          &totals, &error),
                             TB_OK);
            for (int trial = 0; trial < 12; trial++) {
                static const int   largest[]  = {1, 2, 7, 16, 33, 64};
                cutting            cut        = {.seed       = (uint64_t)trial * 77 + 5,
                                                 .largest    = largest[trial % 6],
                                                 .shards     = 1 + trial % 7,
                                                 .is_upright = trial % 2 == 1};
                tb_text            pieces     = {0};
                tb_assemble_totals cut_totals = {0};

                assert_int_equal(run_scenario(folder, &m, cut, (tb_connectivity)connectivity, 4,
                                              cut_path, &pieces, &cut_totals, &error),
                                 TB_OK);
                if (whole.data == NULL)
                    assert_null(pieces.data);
                else
                    assert_string_equal(pieces.data, whole.data);
                assert_memory_equal(&cut_totals, &totals, sizeof totals);
                assert_true(have_same_bytes(whole_path, cut_path));
                tb_text_reset(&pieces);
            }
            tb_text_reset(&whole);
            free(m.classes);
        }
    tb_folder_remove(folder);
}

typedef struct comparison {
    const mask  *m;
    const flood *f;
    int64_t      min_pixels, next_number;
    int         *number_of; /* flood label - 1 to component, or -1 */
    int64_t      pixels, unobserved, last_row, last_first;
    int64_t      closing_row, closing_number, heard;
    bool         hears_nearby;
} comparison;

static tb_status compare_run(void *context, const tb_assembled_run *run, tb_error *err)
{
    comparison *c     = context;
    int         label = c->f->labels[(run->row - c->m->y) * c->m->width + run->first - c->m->x] - 1;

    (void)err;
    assert_true(run->row > c->last_row || (run->row == c->last_row && run->first > c->last_first));
    c->last_row   = run->row;
    c->last_first = run->first;
    if (run->kind == TB_RUN_UNOBSERVED) {
        assert_int_equal(run->component, -1);
        assert_int_equal(run->verdict, TB_VERDICT_NONE);
        c->unobserved += run->last - run->first + 1;
        return TB_OK;
    }
    if (c->number_of[label] < 0)
        c->number_of[label] = (int)c->next_number++;
    assert_int_equal(run->component, c->number_of[label]);
    assert_int_equal(run->verdict, c->f->evidence[label * COLUMNS] >= c->min_pixels
                                       ? TB_VERDICT_KEPT
                                       : TB_VERDICT_SMALL);
    for (int64_t x = run->first; x <= run->last; x++, c->pixels++)
        assert_int_equal(c->m->classes[(run->row - c->m->y) * c->m->width + x - c->m->x],
                         run->kind);
    return TB_OK;
}

/* Whether a pixel of another kept or small component lies within two rows and columns of one of
 * the component's. */
static bool is_nearby(const comparison *c, int label, int x, int y)
{
    int other = c->f->labels[y * c->m->width + x] - 1;

    if (other < 0 || other == label || c->f->evidence[other * COLUMNS + TB_EVIDENCE_STRONG] == 0)
        return false;
    for (int v = y > 2 ? y - 2 : 0; v <= y + 2 && v < c->m->height; v++)
        for (int u = x > 2 ? x - 2 : 0; u <= x + 2 && u < c->m->width; u++)
            if (c->f->labels[v * c->m->width + u] == label + 1)
                return true;
    return false;
}

/* Everything within two rows and columns is told of, and nothing that is not another's. */
static void compare_nearby(const comparison *c, const tb_component *component, int label)
{
    int      size = c->m->width * c->m->height;
    uint8_t *told = calloc((size_t)size, 1);

    for (size_t i = 0; i < component->nearby_count; i++) {
        tb_span it = component->nearby[i];

        assert_true(
            i == 0 || component->nearby[i - 1].row < it.row ||
            (component->nearby[i - 1].row == it.row && component->nearby[i - 1].first <= it.first));
        for (int64_t x = it.first; x <= it.last; x++) {
            int64_t place = (it.row - c->m->y) * c->m->width + x - c->m->x;

            assert_true(c->f->labels[place] != 0 && c->f->labels[place] != label + 1);
            told[place] = 1;
        }
    }
    for (int i = 0; i < size; i++)
        if (is_nearby(c, label, i % c->m->width, i / c->m->width))
            assert_int_equal(told[i], 1);
    free(told);
}

static tb_status compare_component(void *context, const tb_component *component, tb_error *err)
{
    comparison          *c     = context;
    const tb_local_span *start = component->spans;
    const tb_local_span *end   = &component->spans[component->span_count - 1];
    int64_t              y = component->origin_y - c->m->y, x = component->origin_x - c->m->x;
    int64_t              row = component->origin_y + end->row;
    int label                = c->f->labels[(y + start->row) * c->m->width + x + start->first] - 1;

    (void)err;
    assert_int_equal(component->number, c->number_of[label]);
    assert_memory_equal(component->evidence, c->f->evidence + label * COLUMNS,
                        COLUMNS * sizeof(int64_t));
    assert_int_equal(component->pixels, c->f->evidence[label * COLUMNS]);
    assert_int_equal(component->bounds.y + component->bounds.height - 1, row);
    assert_true(row > c->closing_row ||
                (row == c->closing_row && component->number > c->closing_number));
    if (c->hears_nearby && component->number % 5 == 0)
        compare_nearby(c, component, label);
    else if (!c->hears_nearby)
        assert_int_equal(component->nearby_count, 0);
    c->closing_row    = row;
    c->closing_number = component->number;
    c->heard++;
    return TB_OK;
}

static void components_evidence_and_hysteresis_agree_with_a_flood_fill(void **state)
{
    char folder[64];

    (void)state;
    make_folder(folder);
    for (int trial = 0; trial < 40; trial++) {
        mask m = random_mask(71, 67, trial * 10, (40 - trial) * 10, trial * 5, (uint64_t)trial + 1);
        flood              f = flood_fill(&m, 8);
        tb_run_reader     *shards[SHARDS_MAX];
        int                count = 0, kept = 0, small = 0, weak = 0;
        tb_assemble_totals totals = {0};
        comparison         c      = {.m            = &m,
                                     .f            = &f,
                                     .min_pixels   = trial % 9,
                                     .last_row     = INT64_MIN,
                                     .closing_row  = INT64_MIN,
                                     .hears_nearby = trial % 2 == 0,
                                     .number_of    = malloc(((size_t)f.count + 1) * sizeof(int))};
        int64_t            pixels = 0, unobserved = 0;

        for (int i = 0; i < f.count; i++) {
            c.number_of[i]     = -1;
            int64_t *row       = f.evidence + i * COLUMNS;
            bool     is_strong = row[TB_EVIDENCE_STRONG] > 0;

            weak += !is_strong;
            kept += is_strong && row[0] >= c.min_pixels;
            small += is_strong && row[0] < c.min_pixels;
            pixels += is_strong ? row[0] : 0;
        }
        for (int i = 0; i < m.width * m.height; i++)
            unobserved += m.classes[i] == TB_RUN_UNOBSERVED;
        assert_int_equal(make_shards(folder, &m, (cutting){(uint64_t)trial + 1, 20, 3, true},
                                     TB_CONNECT_8, shards, &count, NULL),
                         TB_OK);

        tb_assemble_options options = {
            .shards = shards, .shard_count = (size_t)count, .min_pixels = c.min_pixels};
        tb_assemble_visitor visitor = {compare_run, compare_component, &c, trial % 2 == 0};

        assert_int_equal(tb_assemble_shards(&options, &visitor, &totals, NULL), TB_OK);
        assert_int_equal(c.heard, kept + small);
        assert_int_equal(c.pixels, pixels);
        assert_int_equal(c.unobserved, unobserved);
        assert_int_equal(totals.kept, kept);
        assert_int_equal(totals.small, small);
        assert_int_equal(totals.weak, weak);
        assert_int_equal(totals.unobserved_pixels, unobserved);
        assert_int_equal(totals.kept_pixels + totals.small_pixels, pixels);
        close_shards(shards, count);
        free(c.number_of);
        flood_free(&f);
        free(m.classes);
    }
    tb_folder_remove(folder);
}

/* All that a component is told with but its evidence, as text. */
static tb_status write_down(void *context, const tb_component *c, tb_error *err)
{
    tb_text  *text   = context;
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(text, err, "%lld %d %lld [%lld %lld %lld %lld]", (long long)c->number,
                          (int)c->verdict, (long long)c->pixels, (long long)c->bounds.x,
                          (long long)c->bounds.y, (long long)c->bounds.width,
                          (long long)c->bounds.height));
    for (size_t i = 0; i < c->span_count; i++)
        TB_TRY(tb_text_append(text, err, " %lld:%lld-%lld",
                              (long long)(c->origin_y + c->spans[i].row),
                              (long long)(c->origin_x + c->spans[i].first),
                              (long long)(c->origin_x + c->spans[i].last)));
    for (size_t i = 0; i < c->nearby_count; i++)
        TB_TRY(tb_text_append(text, err, " (%lld:%lld-%lld)", (long long)c->nearby[i].row,
                              (long long)c->nearby[i].first, (long long)c->nearby[i].last));
    TB_TRY(tb_text_append(text, err, "\n"));
done:
    return status;
}

static tb_status tell_sheet(const mask *m, const char *work, tb_connectivity connectivity,
                            int strip, const tb_sheet_options *options, tb_assemble_totals *totals,
                            tb_error *err)
{
    tb_status status  = TB_OK;
    tb_sheet *sheet   = NULL;
    size_t    count   = (size_t)(m->width * m->height);
    uint8_t  *changed = malloc(count);

    for (size_t i = 0; i < count; i++)
        changed[i] = m->classes[i] == TB_RUN_STRONG;
    TB_TRY(tb_sheet_new(&sheet, m->width, m->height, connectivity, work, err));
    for (int y = 0; y < m->height; y += strip)
        TB_TRY(tb_sheet_add(sheet, changed + (size_t)y * (size_t)m->width,
                            m->height - y < strip ? m->height - y : strip, err));
    assert_false(tb_file_exists(work));
    TB_TRY(tb_sheet_tell(sheet, options, totals, err));
done:
    tb_sheet_free(sheet);
    free(changed);
    return status;
}

/* Rows of every length about that of a word, and rows longer than the work file's buffer. */
static void a_sheet_tells_what_assembly_tells(void **state)
{
    char     folder[64], *work = NULL;
    uint64_t seed = 20260711;

    (void)state;
    make_folder(folder);
    assert_int_equal(tb_path_join(&work, folder, "work", NULL), TB_OK);
    for (int trial = 0; trial < 400; trial++) {
        int  width  = trial < 200 ? 1 + trial : trial % 50 == 0 ? 20000 : 1 + below(&seed, 150);
        int  height = 1 + below(&seed, 60);
        mask m      = random_mask(width, height, below(&seed, 1000), 0, 0, (uint64_t)trial);
        tb_connectivity    connectivity = trial % 2 == 0 ? TB_CONNECT_8 : TB_CONNECT_4;
        tb_run_reader     *shards[SHARDS_MAX];
        tb_text            expected = {0}, found = {0};
        tb_assemble_totals expected_totals = {0}, totals = {0};
        bool               wants_nearby = trial % 3 == 0;
        tb_sheet_options   telling      = {.min_pixels   = trial % 7,
                                           .wants_nearby = wants_nearby,
                                           .component    = write_down,
                                           .context      = &found};
        int                count        = 0;

        m.x = m.y = 0;
        assert_int_equal(make_shards(folder, &m, (cutting){(uint64_t)trial + 1, 20, 3, true},
                                     connectivity, shards, &count, NULL),
                         TB_OK);

        tb_assemble_options options = {.shards       = shards,
                                       .shard_count  = (size_t)count,
                                       .connectivity = connectivity,
                                       .min_pixels   = telling.min_pixels};
        tb_assemble_visitor visitor = {NULL, write_down, &expected, wants_nearby};

        assert_int_equal(tb_assemble_shards(&options, &visitor, &expected_totals, NULL), TB_OK);
        assert_int_equal(
            tell_sheet(&m, work, connectivity, 1 + below(&seed, 20), &telling, &totals, NULL),
            TB_OK);
        assert_memory_equal(&totals, &expected_totals, sizeof totals);
        if (!wants_nearby) { /* small ones are left out */
            tb_text all = expected;

            expected = (tb_text){0};
            for (char *line = all.data; line != NULL && *line != '\0';) {
                char *end = strchr(line, '\n');

                if (strncmp(strchr(line, ' '), " 1 ", 3) == 0)
                    assert_int_equal(
                        tb_text_append(&expected, NULL, "%.*s", (int)(end + 1 - line), line),
                        TB_OK);
                line = end + 1;
            }
            tb_text_reset(&all);
        }
        assert_string_equal(found.data != NULL ? found.data : "",
                            expected.data != NULL ? expected.data : "");
        tb_text_reset(&expected);
        tb_text_reset(&found);
        close_shards(shards, count);
        free(m.classes);
    }
    tb_free(work);
    tb_folder_remove(folder);
}

static void a_component_may_span_everything(void **state)
{
    /* A spiral: one component that every block of any cut sees many parts of. */
    enum { SIDE = 101 };
    mask               m = {0, 0, SIDE, SIDE, calloc(SIDE * SIDE, 1)};
    char               folder[64], path[100];
    tb_assemble_totals totals;
    int                x = 0, y = 0, dx = 1, dy = 0, pixels = 0;

    (void)state;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/runs.h5", folder);
    for (int turns = 0; turns < 2;) {
        int ax = x + dx, ay = y + dy, bx = ax + dx, by = ay + dy;

        pixels += m.classes[y * SIDE + x] == 0;
        m.classes[y * SIDE + x] = TB_RUN_WEAK;
        if (ax < 0 || ay < 0 || ax >= SIDE || ay >= SIDE ||
            (bx >= 0 && by >= 0 && bx < SIDE && by < SIDE && m.classes[by * SIDE + bx] != 0)) {
            int swap = dx;

            dx = -dy;
            dy = swap;
            turns++;
        } else {
            x     = ax;
            y     = ay;
            turns = 0;
        }
    }
    m.classes[y * SIDE + x] = TB_RUN_STRONG; /* its very end decides */
    assert_int_equal(run_scenario(folder, &m, (cutting){9, 9, 7, false}, TB_CONNECT_8, 0, path,
                                  NULL, &totals, NULL),
                     TB_OK);
    assert_int_equal(totals.kept, 1);
    assert_int_equal(totals.weak, 0);
    assert_int_equal(totals.kept_pixels, pixels);
    assert_true(pixels > SIDE * SIDE / 3);
    free(m.classes);
    tb_folder_remove(folder);
}

/* ---------------------------------------------------------------- files */

static void shards_are_read_as_they_were_written(void **state)
{
    char           folder[64], path[100];
    mask           m     = random_mask(50, 30, 300, 300, 100, 4);
    tb_label      *label = NULL;
    tb_run_reader *reader;
    tb_run_block   block;
    tb_run        *runs;
    cutting        cut   = {.shards = 1};
    tb_error       error = {0};

    (void)state;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/a.h5", folder);
    assert_int_equal(write_shard(path, &m, (tb_rect){0, 0, 50, 30}, &cut, TB_CONNECT_8, &error),
                     TB_OK);
    assert_int_equal(tb_run_reader_open(&reader, path, &error), TB_OK);
    assert_int_equal(tb_label_new(&label, NULL), TB_OK);
    assert_int_equal(tb_label_block(label, m.classes, 50, (tb_rect){m.x, m.y, 50, 30}, TB_CONNECT_8,
                                    &block, NULL),
                     TB_OK);
    assert_int_equal(tb_run_reader_block_count(reader), 1);
    assert_int_equal(tb_run_reader_entry(reader, 0)->run_count, block.run_count);
    assert_int_equal(tb_run_reader_entry(reader, 0)->part_count, block.part_count);
    assert_int_equal(tb_run_reader_rect(reader).y, m.y);
    assert_int_equal(tb_run_reader_layout(reader)->columns, COLUMNS);
    assert_string_equal(tb_run_reader_layout(reader)->names[COLUMNS - 1], "hash_max");
    assert_true(tb_run_reader_layout(reader)->is_maximum[COLUMNS - 1]);
    runs = malloc(block.run_count * sizeof *runs);
    assert_int_equal(tb_run_reader_read(reader, 0, 3, block.run_count - 3, runs, &error), TB_OK);
    for (size_t i = 3; i < block.run_count; i++) {
        assert_int_equal(runs[i - 3].row, block.runs[i].row);
        assert_int_equal(runs[i - 3].first, block.runs[i].first);
        assert_int_equal(runs[i - 3].last, block.runs[i].last);
        assert_int_equal(runs[i - 3].part, block.runs[i].part);
        assert_int_equal(runs[i - 3].kind, block.runs[i].kind);
    }
    free(runs);
    tb_run_reader_close(reader);
    tb_label_free(label);
    free(m.classes);
    tb_folder_remove(folder);
}

static void an_unfinished_or_uncovered_shard_leaves_no_file(void **state)
{
    char           folder[64], path[100], beside[104];
    tb_run_writer *writer = NULL;
    tb_error       error  = {0};

    (void)state;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/a.h5", folder);
    snprintf(beside, sizeof beside, "%s.new", path);
    assert_int_equal(tb_run_writer_create(&writer, path, (tb_rect){0, 0, 5, 5}, &layout, &error),
                     TB_OK);
    assert_int_equal(tb_run_writer_finish(writer, &error), TB_E_BUG);
    tb_run_writer_close(writer);
    assert_false(tb_file_exists(path));
    assert_false(tb_file_exists(beside));
    tb_run_writer_close(NULL);
    assert_int_equal(
        tb_run_writer_create(&writer, "/nowhere/at/all.h5", (tb_rect){0, 0, 5, 5}, &layout, &error),
        TB_E_OUTPUT);
    assert_non_null(strstr(error.message, "/nowhere/at/all.h5"));
    assert_non_null(strstr(error.message, "No such file"));
    tb_folder_remove(folder);
}

static size_t read_bytes(const char *path, uint8_t **bytes)
{
    FILE *file = fopen(path, "rb");
    long  size;

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    *bytes = malloc((size_t)size);
    assert_int_equal(fread(*bytes, 1, (size_t)size, file), size);
    fclose(file);
    return (size_t)size;
}

static void write_bytes(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static tb_status hear_nothing(void *context, const tb_component *component, tb_error *err)
{
    tb_shape shape;

    return tb_trace_component(context, component, &shape, err);
}

/* Opens and assembles one file of unknown soundness. */
static tb_status try_shard(const char *path, tb_error *error)
{
    tb_run_reader *reader = NULL;
    tb_trace      *trace  = NULL;
    tb_status      status = tb_run_reader_open(&reader, path, error);

    if (status == TB_OK)
        status = tb_trace_new(&trace, error);
    if (status == TB_OK) {
        tb_assemble_options options = {.shards = &reader, .shard_count = 1};
        tb_assemble_visitor visitor = {.component = hear_nothing, .context = trace};

        status = tb_assemble_shards(&options, &visitor, NULL, error);
    }
    tb_trace_free(trace);
    tb_run_reader_close(reader);
    return status;
}

static void damaged_shards_are_refused(void **state)
{
    char     folder[64], path[100];
    mask     m    = random_mask(60, 60, 300, 100, 50, 11);
    cutting  cut  = {.seed = 3, .largest = 30, .shards = 1};
    uint64_t seed = 12345;
    uint8_t *bytes;
    size_t   size;
    int      refused = 0;
    tb_error error   = {0};

    (void)state;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/a.h5", folder);
    assert_int_equal(try_shard(path, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "no such file"));
    write_bytes(path, (const uint8_t *)"this is not HDF5", 16);
    assert_int_equal(try_shard(path, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(write_shard(path, &m, (tb_rect){0, 0, 60, 60}, &cut, TB_CONNECT_8, &error),
                     TB_OK);
    assert_int_equal(try_shard(path, &error), TB_OK);
    size = read_bytes(path, &bytes);
    write_bytes(path, bytes, size / 2);
    assert_int_equal(try_shard(path, &error), TB_E_INPUT);
    for (int trial = 0; trial < 400; trial++) {
        size_t    at  = next_random(&seed) % size;
        uint8_t   old = bytes[at];
        tb_status status;

        if (old == 0) /* most of the file is the empty rest of chunks */
            at = next_random(&seed) % 8192, old = bytes[at];
        bytes[at] = (uint8_t)next_random(&seed);
        write_bytes(path, bytes, size);
        status    = try_shard(path, &error);
        bytes[at] = old;
        assert_true(status == TB_OK || status == TB_E_INPUT);
        refused += status == TB_E_INPUT;
    }
    assert_true(refused > 50);
    free(bytes);
    free(m.classes);
    tb_folder_remove(folder);
}

static void shards_that_do_not_fit_are_refused(void **state)
{
    char           folder[64], path[2][100];
    mask           m   = random_mask(20, 20, 500, 0, 0, 2);
    cutting        cut = {.shards = 1};
    tb_run_reader *shards[2];
    tb_error       error = {0};

    (void)state;
    make_folder(folder);
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/%d.h5", folder, i);
        assert_int_equal(
            write_shard(path[i], &m, (tb_rect){5 * i, 0, 10, 20}, &cut, TB_CONNECT_8, &error),
            TB_OK);
        assert_int_equal(tb_run_reader_open(&shards[i], path[i], &error), TB_OK);
    }
    tb_assemble_options options = {.shards = shards, .shard_count = 2};
    tb_assemble_visitor visitor = {0};

    assert_int_equal(tb_assemble_shards(&options, &visitor, NULL, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "overlap"));
    for (int i = 0; i < 2; i++)
        tb_run_reader_close(shards[i]);
    free(m.classes);
    tb_folder_remove(folder);
}

static tb_status count_entry(void *context, const char *name, tb_error *err)
{
    (void)name;
    (void)err;
    ++*(int *)context;
    return TB_OK;
}

static void every_failed_allocation_is_survived(void **state)
{
    char     folder[64], path[100];
    mask     m      = random_mask(41, 29, 350, 100, 100, 21);
    size_t   before = tb_memory_in_use();
    int      files;
    tb_error error;

    (void)state;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/runs.h5", folder);
    for (long n = 1;; n++) {
        tb_status status;
        tb_text   heard = {0};

        error = (tb_error){0};
        tb_memory_fail_at(n);
        status = run_scenario(folder, &m, (cutting){n == 0 ? 1u : 7u, 11, 3, true}, TB_CONNECT_8, 3,
                              path, &heard, NULL, &error);
        int has_failed = tb_memory_has_failed();
        tb_memory_fail_at(0);
        tb_text_reset(&heard);
        assert_int_equal(status, has_failed ? TB_E_MEMORY : TB_OK);
        assert_int_equal(error.status, status);
        assert_int_equal(tb_memory_in_use(), before);
        files = 0;
        assert_int_equal(tb_folder_each(folder, count_entry, &files, NULL), TB_OK);
        assert_true(files <= 1); /* a shard that was complete but not yet opened */
        tb_folder_remove(folder);
        if (!has_failed) {
            assert_int_equal(files, 1);
            assert_true(n > 60);
            break;
        }
        assert_int_equal(tb_folder_make(folder, NULL, NULL), TB_OK);
    }
    free(m.classes);
}

static void a_full_disk_is_reported_with_the_path(void **state)
{
    char     folder[64], path[100];
    mask     m   = random_mask(1000, 1000, 400, 0, 0, 31);
    cutting  cut = {.shards = 1};
    int      files;
    tb_error error;

    (void)state;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/a.h5", folder);
    if (mount("tmpfs", folder, "tmpfs", 0, "size=1m") != 0) {
        print_message("skipped: no tmpfs can be mounted here\n");
        tb_folder_remove(folder);
        free(m.classes);
        skip();
    }
    /* From a disk with no room at all to one that the file nearly fits on: each time another write
     * fails. */
    for (int pages = 0; pages <= 1024; pages = 2 * pages + 4) {
        char     options[32];
        uint64_t seed = (uint64_t)pages + 1;

        snprintf(options, sizeof options, "size=%dk", 4 * pages + 4);
        assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, options), 0);
        error       = (tb_error){0};
        cut.seed    = seed;
        cut.largest = 300;
        assert_int_equal(
            write_shard(path, &m, (tb_rect){0, 0, 1000, 1000}, &cut, TB_CONNECT_8, &error),
            TB_E_OUTPUT);
        assert_non_null(strstr(error.message, path));
        assert_non_null(strstr(error.message, "No space left"));
        files = 0;
        assert_int_equal(tb_folder_each(folder, count_entry, &files, NULL), TB_OK);
        assert_int_equal(files, 0);
    }
    assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    assert_int_equal(write_shard(path, &m, (tb_rect){0, 0, 1000, 1000}, &cut, TB_CONNECT_8, &error),
                     TB_OK);
    assert_int_equal(try_shard(path, &error), TB_OK);
    assert_int_equal(umount(folder), 0);
    tb_folder_remove(folder);
    free(m.classes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_agree_with_a_flood_fill),
        cmocka_unit_test(polygons_are_valid_and_give_the_mask_back),
        cmocka_unit_test(rings_that_meet_themselves_are_split),
        cmocka_unit_test(wider_pixels_have_the_same_corners),
        cmocka_unit_test(cuts_leave_no_trace),
        cmocka_unit_test(components_evidence_and_hysteresis_agree_with_a_flood_fill),
        cmocka_unit_test(a_sheet_tells_what_assembly_tells),
        cmocka_unit_test(a_component_may_span_everything),
        cmocka_unit_test(shards_are_read_as_they_were_written),
        cmocka_unit_test(an_unfinished_or_uncovered_shard_leaves_no_file),
        cmocka_unit_test(damaged_shards_are_refused),
        cmocka_unit_test(shards_that_do_not_fit_are_refused),
        cmocka_unit_test(every_failed_allocation_is_survived),
        cmocka_unit_test(a_full_disk_is_reported_with_the_path),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
