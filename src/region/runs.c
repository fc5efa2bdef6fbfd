#include "region/runs.h"

#include <string.h>

#include "core/memory.h"
#include "region/store.h"

/*
 * The file: attributes format, version, rect, columns (names), maximum (one flag a column), and
 *   blocks    int64 [blocks][6]   x, y, width, height, runs, parts
 *   runs      int32 [runs][5]     row and first and last column from the block's corner, part, kind
 *   evidence  int64 [parts][columns]
 * with the runs and parts of the blocks one after the other.
 */
static const char FORMAT[] = "tuban shard of runs";

enum { VERSION = 1, BLOCK_COLUMNS = 6, RUN_COLUMNS = 5, RECORDS = 4096 };

typedef struct record {
    int32_t row, first, last, part, kind;
} record;

static const char *const fixed_names[TB_EVIDENCE_FIXED] = {"pixels", "strong", "score_sum",
                                                           "score_max", "unobserved_beside"};

static const bool fixed_maximum[TB_EVIDENCE_FIXED] = {[TB_EVIDENCE_SCORE_MAX] = true};

static const tb_evidence_layout fixed_layout = {TB_EVIDENCE_FIXED, fixed_names, fixed_maximum};

const tb_evidence_layout *tb_evidence_fixed(void)
{
    return &fixed_layout;
}

void tb_evidence_clear(const tb_evidence_layout *layout, int64_t *evidence, size_t rows)
{
    for (size_t row = 0; row < rows; row++, evidence += layout->columns)
        for (int c = 0; c < layout->columns; c++)
            evidence[c] = layout->is_maximum[c] ? INT64_MIN : 0;
}

void tb_evidence_join(const tb_evidence_layout *layout, int64_t *into, const int64_t *from)
{
    for (int c = 0; c < layout->columns; c++) {
        if (!layout->is_maximum[c])
            into[c] = tb_evidence_sum(into[c], from[c]);
        else if (from[c] > into[c])
            into[c] = from[c];
    }
}

struct tb_run_writer {
    tb_store                 *store;
    const tb_evidence_layout *layout;
    tb_rect                   rect;
    int64_t                   covered; /* pixels of the rectangle in blocks so far */
    int                       blocks, runs, evidence;
    record                    records[RECORDS];
};

tb_status tb_run_writer_create(tb_run_writer **out, const char *path, tb_rect rect,
                               const tb_evidence_layout *layout, tb_error *err)
{
    tb_status      status    = TB_OK;
    tb_run_writer *writer    = NULL;
    int64_t        version   = VERSION;
    int64_t        corner[4] = {rect.x, rect.y, rect.width, rect.height};

    *out = NULL;
    if (layout->columns < TB_EVIDENCE_FIXED || layout->columns > TB_EVIDENCE_COLUMNS_MAX)
        return tb_error_set(err, TB_E_BUG,
                            "write %s: expected %d to %d columns of evidence, got %d", path,
                            TB_EVIDENCE_FIXED, TB_EVIDENCE_COLUMNS_MAX, layout->columns);
    TB_TRY(tb_alloc_zero(&writer, 1, sizeof *writer, "writer of runs", err));
    writer->layout = layout;
    writer->rect   = rect;
    TB_TRY(tb_store_create(&writer->store, path, err));
    TB_TRY(tb_store_set_text(writer->store, "format", FORMAT, err));
    TB_TRY(tb_store_set_integers(writer->store, "version", &version, 1, err));
    TB_TRY(tb_store_set_integers(writer->store, "rect", corner, 4, err));
    TB_TRY(tb_store_set_layout(writer->store, layout, err));
    TB_TRY(tb_store_add_table(writer->store, "blocks", TB_STORE_I64, BLOCK_COLUMNS, &writer->blocks,
                              err));
    TB_TRY(
        tb_store_add_table(writer->store, "runs", TB_STORE_I32, RUN_COLUMNS, &writer->runs, err));
    TB_TRY(tb_store_add_table(writer->store, "evidence", TB_STORE_I64, layout->columns,
                              &writer->evidence, err));
done:
    if (status == TB_OK)
        *out = writer;
    else
        tb_run_writer_close(writer);
    return status;
}

static bool is_inside(tb_rect inner, tb_rect outer)
{
    return inner.x >= outer.x && inner.y >= outer.y && inner.width > 0 && inner.height > 0 &&
           inner.width <= outer.width && inner.height <= outer.height &&
           inner.x - outer.x <= outer.width - inner.width &&
           inner.y - outer.y <= outer.height - inner.height;
}

tb_status tb_run_writer_append(tb_run_writer *writer, const tb_run_block *block, tb_error *err)
{
    tb_status status               = TB_OK;
    tb_rect   rect                 = block->rect;
    int64_t   entry[BLOCK_COLUMNS] = {rect.x,
                                      rect.y,
                                      rect.width,
                                      rect.height,
                                      (int64_t)block->run_count,
                                      (int64_t)block->part_count};

    if (!is_inside(rect, writer->rect) || rect.width > INT32_MAX || rect.height > INT32_MAX ||
        block->part_count > INT32_MAX)
        return tb_error_set(err, TB_E_BUG,
                            "append a block to %s: expected one inside the shard, got %lld %lld "
                            "%lldx%lld",
                            tb_store_path(writer->store), (long long)rect.x, (long long)rect.y,
                            (long long)rect.width, (long long)rect.height);
    for (size_t from = 0; from < block->run_count; from += RECORDS) {
        size_t count = block->run_count - from < RECORDS ? block->run_count - from : RECORDS;

        for (size_t i = 0; i < count; i++) {
            const tb_run *run = &block->runs[from + i];
            writer->records[i] =
                (record){(int32_t)(run->row - rect.y), (int32_t)(run->first - rect.x),
                         (int32_t)(run->last - rect.x), run->part, run->kind};
        }
        TB_TRY(tb_store_append(writer->store, writer->runs, writer->records, count, err));
    }
    TB_TRY(
        tb_store_append(writer->store, writer->evidence, block->evidence, block->part_count, err));
    TB_TRY(tb_store_append(writer->store, writer->blocks, entry, 1, err));
    writer->covered += tb_rect_area(rect);
done:
    return status;
}

tb_status tb_run_writer_finish(tb_run_writer *writer, tb_error *err)
{
    if (writer->covered != tb_rect_area(writer->rect))
        return tb_error_set(err, TB_E_BUG, "finish %s: expected blocks of %lld pixels, got %lld",
                            tb_store_path(writer->store), (long long)tb_rect_area(writer->rect),
                            (long long)writer->covered);
    return tb_store_finish(writer->store, err);
}

void tb_run_writer_close(tb_run_writer *writer)
{
    if (writer == NULL)
        return;
    tb_store_close(writer->store);
    tb_free(writer);
}

struct tb_run_reader {
    tb_store          *store;
    tb_rect            rect;
    tb_evidence_layout layout;
    char              *names; /* the attribute, cut at its commas */
    const char        *name[TB_EVIDENCE_COLUMNS_MAX];
    bool               is_maximum[TB_EVIDENCE_COLUMNS_MAX];
    tb_run_entry      *entries;
    size_t             count;
    int                runs, evidence;
    record             records[RECORDS];
};

static tb_status damaged(const tb_run_reader *reader, const char *what, tb_error *err)
{
    tb_error_set(err, TB_E_INPUT, "read %s: expected a sound shard of runs, got %s",
                 tb_store_path(reader->store), what);
    tb_error_hint(err, "remove the file and run again: it is made anew");
    return TB_E_INPUT;
}

static tb_status read_layout(tb_run_reader *reader, tb_error *err)
{
    tb_status status = TB_OK;
    int       count  = 0;
    int64_t   maximum[TB_EVIDENCE_COLUMNS_MAX];

    TB_TRY(tb_store_get_text(reader->store, "columns", &reader->names, err));
    for (char *at = reader->names; at != NULL && count < TB_EVIDENCE_COLUMNS_MAX; count++) {
        char *comma = strchr(at, ',');

        reader->name[count] = at;
        if (comma != NULL)
            *comma++ = '\0';
        at = comma;
    }
    TB_TRY(tb_store_get_integers(reader->store, "maximum", maximum, (size_t)count, err));
    for (int c = 0; c < count; c++)
        reader->is_maximum[c] = maximum[c] != 0;
    for (int c = 0; c < TB_EVIDENCE_FIXED; c++)
        if (c >= count || strcmp(reader->name[c], fixed_names[c]) != 0 ||
            reader->is_maximum[c] != fixed_maximum[c]) {
            status = damaged(reader, "other columns of evidence", err);
            goto done;
        }
    reader->layout = (tb_evidence_layout){count, reader->name, reader->is_maximum};
done:
    return status;
}

static tb_status read_entries(tb_run_reader *reader, int table, int64_t blocks, int64_t runs,
                              int64_t parts, tb_error *err)
{
    tb_status status  = TB_OK;
    int64_t   covered = 0, first_run = 0, first_part = 0;
    int64_t(*rows)[BLOCK_COLUMNS] = NULL;

    TB_TRY(tb_alloc(&reader->entries, (size_t)blocks, sizeof *reader->entries, "index of blocks",
                    err));
    TB_TRY(tb_alloc(&rows, (size_t)blocks, sizeof *rows, "index of blocks", err));
    TB_TRY(tb_store_read(reader->store, table, 0, (size_t)blocks, rows, err));
    for (int64_t b = 0; b < blocks; b++) {
        tb_run_entry *entry = &reader->entries[b];

        *entry = (tb_run_entry){.rect       = {rows[b][0], rows[b][1], rows[b][2], rows[b][3]},
                                .first_run  = first_run,
                                .run_count  = rows[b][4],
                                .first_part = first_part,
                                .part_count = rows[b][5]};
        if (!is_inside(entry->rect, reader->rect) || entry->rect.width > INT32_MAX ||
            entry->rect.height > INT32_MAX || entry->run_count < 0 || entry->part_count < 0 ||
            entry->run_count > runs - first_run || entry->part_count > parts - first_part ||
            entry->part_count > INT32_MAX) {
            status = damaged(reader, "an impossible index of blocks", err);
            goto done;
        }
        covered += tb_rect_area(entry->rect);
        first_run += entry->run_count;
        first_part += entry->part_count;
    }
    if (covered != tb_rect_area(reader->rect) || first_run != runs || first_part != parts)
        status = damaged(reader, "blocks that do not add up", err);
    reader->count = (size_t)blocks;
done:
    tb_free(rows);
    return status;
}

tb_status tb_run_reader_open(tb_run_reader **out, const char *path, tb_error *err)
{
    tb_status      status  = TB_OK;
    tb_run_reader *reader  = NULL;
    char          *format  = NULL;
    int64_t        version = 0, blocks = 0, runs = 0, parts = 0;
    int64_t        rect[4];
    int            table;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&reader, 1, sizeof *reader, "reader of runs", err));
    TB_TRY(tb_store_open(&reader->store, path, err));
    TB_TRY(tb_store_get_text(reader->store, "format", &format, err));
    TB_TRY(tb_store_get_integers(reader->store, "version", &version, 1, err));
    if (strcmp(format, FORMAT) != 0 || version != VERSION) {
        status = damaged(reader, "another format or version", err);
        goto done;
    }
    TB_TRY(tb_store_get_integers(reader->store, "rect", rect, 4, err));
    reader->rect = (tb_rect){rect[0], rect[1], rect[2], rect[3]};
    TB_TRY(read_layout(reader, err));
    TB_TRY(tb_store_find_table(reader->store, "blocks", TB_STORE_I64, BLOCK_COLUMNS, &table,
                               &blocks, err));
    TB_TRY(tb_store_find_table(reader->store, "runs", TB_STORE_I32, RUN_COLUMNS, &reader->runs,
                               &runs, err));
    TB_TRY(tb_store_find_table(reader->store, "evidence", TB_STORE_I64, reader->layout.columns,
                               &reader->evidence, &parts, err));
    TB_TRY(read_entries(reader, table, blocks, runs, parts, err));
done:
    tb_free(format);
    if (status == TB_OK)
        *out = reader;
    else
        tb_run_reader_close(reader);
    return status;
}

void tb_run_reader_close(tb_run_reader *reader)
{
    if (reader == NULL)
        return;
    tb_store_close(reader->store);
    tb_free(reader->entries);
    tb_free(reader->names);
    tb_free(reader);
}

const char *tb_run_reader_path(const tb_run_reader *reader)
{
    return tb_store_path(reader->store);
}

tb_rect tb_run_reader_rect(const tb_run_reader *reader)
{
    return reader->rect;
}

const tb_evidence_layout *tb_run_reader_layout(const tb_run_reader *reader)
{
    return &reader->layout;
}

size_t tb_run_reader_block_count(const tb_run_reader *reader)
{
    return reader->count;
}

const tb_run_entry *tb_run_reader_entry(const tb_run_reader *reader, size_t block)
{
    return &reader->entries[block];
}

static bool is_possible(const record *run, const tb_run_entry *entry)
{
    bool is_unobserved = run->kind == TB_RUN_UNOBSERVED;

    return run->row >= 0 && run->row < entry->rect.height && run->first >= 0 &&
           run->first <= run->last && run->last < entry->rect.width && run->kind >= TB_RUN_WEAK &&
           run->kind <= TB_RUN_UNOBSERVED &&
           (is_unobserved ? run->part == -1 : run->part >= 0 && run->part < entry->part_count);
}

tb_status tb_run_reader_read(tb_run_reader *reader, size_t block, int64_t first, size_t count,
                             tb_run *runs, tb_error *err)
{
    const tb_run_entry *entry = &reader->entries[block];

    for (size_t from = 0; from < count; from += RECORDS) {
        size_t    some = count - from < RECORDS ? count - from : RECORDS;
        tb_status status =
            tb_store_read(reader->store, reader->runs, entry->first_run + first + (int64_t)from,
                          some, reader->records, err);

        if (status != TB_OK)
            return status;
        for (size_t i = 0; i < some; i++) {
            const record *read = &reader->records[i];

            if (!is_possible(read, entry))
                return damaged(reader, "a run outside its block", err);
            runs[from + i] = (tb_run){.row   = entry->rect.y + read->row,
                                      .first = entry->rect.x + read->first,
                                      .last  = entry->rect.x + read->last,
                                      .part  = read->part,
                                      .kind  = (uint8_t)read->kind};
        }
    }
    return TB_OK;
}

tb_status tb_run_reader_read_evidence(tb_run_reader *reader, size_t block, int64_t first,
                                      size_t count, int64_t *evidence, tb_error *err)
{
    return tb_store_read(reader->store, reader->evidence, reader->entries[block].first_part + first,
                         count, evidence, err);
}
