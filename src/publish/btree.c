#include "publish/btree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/memory.h"

enum {
    BUFFER_BYTES    = 64 * 1024, /* stays in the processor's cache between two pages */
    DIRECT_BYTES    = 4 << 20,   /* a direct write waits for the disk: many bytes at a time */
    SECTOR          = 4096,      /* direct writes begin and end with one, in memory too */
    PAGE_MOST       = 65536,
    LEVELS          = 16,  /* of 2^32 pages with two children each at worst no more are in use */
    HEADER          = 100, /* bytes of the file's */
    LEAF_HEADER     = 8,   /* of a page's */
    INTERIOR_HEADER = 12,
    LEAF            = 13,
    INTERIOR        = 5,
    INTERIOR_CELL   = 13, /* bytes, at most */
};

/* SQLite locks bytes from here on and stores nothing in the page that holds them. */
static const uint64_t LOCK_BYTE = UINT64_C(1) << 30;

static const uint32_t PAGES_MOST = UINT32_MAX - 2;

/*
 * What lies behind is written directly, past the system's memory. Else a large file takes as much
 * of that as it is long, new pages all of it, and to find, fill and drop them costs the system more
 * than the rest of the work costs us. A smaller file is found in memory by who reads it next.
 */
static const uint64_t DIRECT_FROM = UINT64_C(64) << 20;

struct tb_pages {
    int      file;
    int      direct; /* the same file, for direct writes; -1 where there are none */
    char    *path;
    uint32_t bytes;           /* of a page */
    uint32_t next;            /* number of the page that is appended next, from 1 */
    uint8_t *memory, *buffer; /* what was allocated, and what of it is in use */
    size_t   room, buffered;  /* bytes: of the buffer; and in it, the pages just before `next` */
    bool     has_tried_direct;
};

uint8_t *tb_btree_put_number(uint8_t *at, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        *at++ = (uint8_t)(number >> (8 * i));
    return at;
}

static uint32_t number_at(const uint8_t *at, int bytes)
{
    uint32_t number = 0;

    for (int i = 0; i < bytes; i++)
        number = number << 8 | at[i];
    return number;
}

static int varint_bytes(uint64_t number)
{
    int bytes = 1;

    while (bytes < 9 && number >> 7 * bytes != 0)
        bytes++;
    return bytes;
}

uint8_t *tb_btree_put_varint(uint8_t *at, uint64_t number)
{
    int bytes = varint_bytes(number);

    if (bytes == 9) { /* the last byte holds eight bits */
        for (int i = 0; i < 8; i++)
            *at++ = (uint8_t)(0x80 | (number >> (57 - 7 * i) & 0x7F));
        *at++ = (uint8_t)number;
        return at;
    }
    for (int i = bytes - 1; i >= 0; i--)
        *at++ = (uint8_t)((i > 0 ? 0x80 : 0) | (number >> 7 * i & 0x7F));
    return at;
}

static const int integer_bytes[] = {0, 1, 2, 3, 4, 6, 8, 0, 0, 0};

int tb_btree_integer_type(int64_t value)
{
    if (value == 0 || value == 1)
        return 8 + (int)value;
    for (int type = 1; type < 6; type++) {
        int64_t end = INT64_C(1) << (8 * integer_bytes[type] - 1);

        if (value >= -end && value < end)
            return type;
    }
    return 6;
}

uint8_t *tb_btree_put_integer(uint8_t *at, int type, int64_t value)
{
    return tb_btree_put_number(at, (uint64_t)value, integer_bytes[type]);
}

/* ---------------------------------------------------------------- pages */

static tb_status write_at(const tb_pages *pages, const uint8_t *from, size_t bytes, uint64_t offset,
                          tb_error *err)
{
    while (bytes > 0) {
        ssize_t written = pwrite(pages->file, from, bytes, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return tb_file_complain("write", pages->path, err);
        from += written;
        bytes -= (size_t)written;
        offset += (uint64_t)written;
    }
    return TB_OK;
}

/* Writes directly what can be; returns the bytes. What is wrong is told by writing the others. */
static size_t write_directly(const tb_pages *pages, uint64_t offset)
{
    size_t done = 0;

    while (pages->direct >= 0 && done < pages->buffered && done % SECTOR == 0) {
        ssize_t written = pwrite(pages->direct, pages->buffer + done, pages->buffered - done,
                                 (off_t)(offset + done));

        if (written == 0 || (written < 0 && errno != EINTR))
            break;
        done += written > 0 ? (size_t)written : 0;
    }
    return done;
}

static tb_status check_header(tb_pages *pages, tb_error *err)
{
    uint8_t     header[HEADER];
    struct stat information;

    if (pread(pages->file, header, sizeof header, 0) != (ssize_t)sizeof header ||
        fstat(pages->file, &information) != 0)
        return tb_file_complain("read", pages->path, err);
    pages->bytes = number_at(header + 16, 2);
    if (pages->bytes == 1)
        pages->bytes = PAGE_MOST;
    /* Written by a journal, no bytes reserved, and a number of pages that is that of the file. */
    if (memcmp(header, "SQLite format 3", 16) != 0 || pages->bytes < 512 || header[18] != 1 ||
        header[20] != 0 ||
        (uint64_t)number_at(header + 28, 4) * pages->bytes != (uint64_t)information.st_size)
        return tb_error_set(err, TB_E_OUTPUT,
                            "write %s: expected a plain SQLite file of whole pages, got another "
                            "(%lld bytes, pages of %u)",
                            pages->path, (long long)information.st_size, (unsigned)pages->bytes);
    pages->next = number_at(header + 28, 4) + 1;
    return TB_OK;
}

/* Room for pages that are not written yet. */
static tb_status reserve_buffer(tb_pages *pages, size_t bytes, tb_error *err)
{
    tb_status status = TB_OK;

    tb_free(pages->memory);
    pages->memory = NULL;
    pages->room   = 0;
    TB_TRY(tb_alloc(&pages->memory, bytes + SECTOR, 1, "pages of a database", err));
    pages->buffer = pages->memory + (SECTOR - (uintptr_t)pages->memory % SECTOR) % SECTOR;
    pages->room   = bytes;
done:
    return status;
}

tb_status tb_pages_open(tb_pages **out, const char *path, tb_error *err)
{
    tb_status status = TB_OK;
    tb_pages *pages  = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&pages, 1, sizeof *pages, "pages of a database", err));
    pages->file = pages->direct = -1;
    TB_TRY(tb_copy_text(&pages->path, path, err));
    TB_TRY(reserve_buffer(pages, BUFFER_BYTES, err));
    pages->file = open(path, O_RDWR | O_CLOEXEC);
    if (pages->file < 0)
        TB_TRY(tb_file_complain("open", path, err));
    TB_TRY(check_header(pages, err));
done:
    if (status == TB_OK)
        *out = pages;
    else
        tb_pages_close(pages);
    return status;
}

void tb_pages_close(tb_pages *pages)
{
    if (pages == NULL)
        return;
    if (pages->file >= 0)
        (void)close(pages->file);
    if (pages->direct >= 0)
        (void)close(pages->direct);
    tb_free(pages->memory);
    tb_free(pages->path);
    tb_free(pages);
}

uint32_t tb_pages_bytes(const tb_pages *pages)
{
    return pages->bytes;
}

static uint64_t offset_of(const tb_pages *pages, uint32_t number)
{
    return (uint64_t)(number - 1) * pages->bytes;
}

/* Goes over to direct writes, where the file system has them and pages are of whole sectors. */
static tb_status begin_direct(tb_pages *pages, tb_error *err)
{
    tb_status status = TB_OK;

    pages->has_tried_direct = true;
    if (pages->bytes % SECTOR != 0)
        return TB_OK;
    pages->direct = open(pages->path, O_WRONLY | O_DIRECT | O_CLOEXEC);
    if (pages->direct >= 0)
        TB_TRY(reserve_buffer(pages, DIRECT_BYTES, err));
done:
    return status;
}

static tb_status flush(tb_pages *pages, tb_error *err)
{
    tb_status status = TB_OK;
    uint64_t  end = offset_of(pages, pages->next), offset = end - pages->buffered;
    size_t    done = write_directly(pages, offset);

    TB_TRY(write_at(pages, pages->buffer + done, pages->buffered - done, offset + done, err));
    pages->buffered = 0;
    if (end >= DIRECT_FROM && !pages->has_tried_direct)
        TB_TRY(begin_direct(pages, err));
done:
    pages->buffered = 0;
    return status;
}

static bool is_lock_page(const tb_pages *pages, uint32_t number)
{
    return number == LOCK_BYTE / pages->bytes + 1;
}

/* The number the next page will have. */
static uint32_t next_number(const tb_pages *pages)
{
    return pages->next + (is_lock_page(pages, pages->next) ? 1 : 0);
}

/* Appends a page, to be filled before the next one is. */
static tb_status append_page(tb_pages *pages, uint8_t **page, uint32_t *number, tb_error *err)
{
    tb_status status = TB_OK;
    bool      is_passed;

    if (pages->next >= PAGES_MOST)
        return tb_error_set(err, TB_E_OUTPUT, "write %s: expected fewer than 2^32 pages, got more",
                            pages->path);
    do {
        is_passed = is_lock_page(pages, pages->next);
        if (pages->buffered + pages->bytes > pages->room)
            TB_TRY(flush(pages, err));
        *page = pages->buffer + pages->buffered;
        if (is_passed)
            memset(*page, 0, pages->bytes);
        pages->buffered += pages->bytes;
        *number = pages->next++;
    } while (is_passed);
done:
    return status;
}

tb_status tb_pages_finish(tb_pages *pages, tb_error *err)
{
    tb_status status = TB_OK;
    uint8_t   count[4];

    TB_TRY(flush(pages, err));
    tb_btree_put_number(count, pages->next - 1, 4);
    TB_TRY(write_at(pages, count, sizeof count, 28, err));
done:
    return status;
}

/* ---------------------------------------------------------------- the tree */

/* The page that is being filled on one level. The last child of an interior page is no cell. */
typedef struct level {
    uint8_t *page;
    uint32_t cells, top; /* cells lie from `top` to the end */
    uint32_t child;      /* the latest, of which no cell was made yet; 0: none */
    int64_t  key;        /* of the latest row or child */
    uint32_t cell_child; /* of the last cell of an interior page */
    int64_t  cell_key;
    bool     is_split; /* pages of this level were written before */
} level;

struct tb_btree {
    tb_pages *pages;
    uint32_t  root;
    level     levels[LEVELS];
    int       depth;
};

static tb_status add_level(tb_btree *table, tb_error *err)
{
    tb_status status = TB_OK;
    level    *added  = &table->levels[table->depth];

    if (table->depth == LEVELS)
        return tb_error_set(err, TB_E_BUG, "write %s: expected at most %d levels",
                            table->pages->path, LEVELS);
    TB_TRY(tb_alloc_zero(&added->page, table->pages->bytes, 1, "page of a table", err));
    added->top = table->pages->bytes;
    table->depth++;
done:
    return status;
}

tb_status tb_btree_new(tb_btree **out, tb_pages *pages, uint32_t root, tb_error *err)
{
    tb_status status = TB_OK;
    tb_btree *table  = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&table, 1, sizeof *table, "table", err));
    table->pages = pages;
    table->root  = root;
    TB_TRY(add_level(table, err));
done:
    if (status == TB_OK)
        *out = table;
    else
        tb_btree_free(table);
    return status;
}

void tb_btree_free(tb_btree *table)
{
    if (table == NULL)
        return;
    for (int i = 0; i < table->depth; i++)
        tb_free(table->levels[i].page);
    tb_free(table);
}

static bool has_room(const level *l, uint32_t header, uint32_t bytes)
{
    return header + 2 * (l->cells + 1) + bytes <= l->top;
}

/* Makes room for a cell and its pointer; returns where the cell goes. */
static uint8_t *place_cell(level *l, uint32_t header, uint32_t bytes)
{
    l->top -= bytes;
    tb_btree_put_number(l->page + header + (size_t)2 * l->cells++, l->top, 2);
    return l->page + l->top;
}

static uint32_t interior_bytes(int64_t key)
{
    return 4 + (uint32_t)varint_bytes((uint64_t)key);
}

static void put_interior_cell(level *l)
{
    uint8_t *at = place_cell(l, INTERIOR_HEADER, interior_bytes(l->key));

    tb_btree_put_varint(tb_btree_put_number(at, l->child, 4), (uint64_t)l->key);
    l->cell_child = l->child;
    l->cell_key   = l->key;
}

static void put_header(const level *l, int type)
{
    tb_btree_put_number(l->page, (uint64_t)type, 1);
    tb_btree_put_number(l->page + 1, 0, 2);
    tb_btree_put_number(l->page + 3, l->cells, 2);
    tb_btree_put_number(l->page + 5, l->top, 2); /* 65536 is written as 0 */
    l->page[7] = 0;
    if (type == INTERIOR)
        tb_btree_put_number(l->page + 8, l->child, 4);
}

static tb_status write_page(tb_btree *table, level *l, int type, uint32_t *number, tb_error *err)
{
    tb_status status = TB_OK;
    uint8_t  *page   = NULL;

    put_header(l, type);
    TB_TRY(append_page(table->pages, &page, number, err));
    memcpy(page, l->page, table->pages->bytes);
    memset(l->page, 0, table->pages->bytes);
    l->cells    = 0;
    l->top      = table->pages->bytes;
    l->is_split = true;
done:
    return status;
}

static tb_status push(tb_btree *table, int at, uint32_t child, int64_t key, tb_error *err);

/* The last cell becomes the last child of its page, the latest child begins the next one: so none
 * has fewer than two. */
static tb_status split_interior(tb_btree *table, int at, tb_error *err)
{
    tb_status status = TB_OK;
    level    *l      = &table->levels[at];
    uint32_t  child = l->child, bytes = interior_bytes(l->cell_key), number;
    int64_t   key = l->key, last = l->cell_key;

    l->child = l->cell_child;
    l->cells--;
    tb_btree_put_number(l->page + INTERIOR_HEADER + (size_t)2 * l->cells, 0, 2);
    memset(l->page + l->top, 0, bytes);
    l->top += bytes;
    TB_TRY(write_page(table, l, INTERIOR, &number, err));
    l->child = child;
    l->key   = key;
    put_interior_cell(l);
    TB_TRY(push(table, at + 1, number, last, err));
done:
    return status;
}

static tb_status push(tb_btree *table, int at, uint32_t child, int64_t key, tb_error *err)
{
    tb_status status = TB_OK;
    level    *l      = &table->levels[at];

    if (at == table->depth)
        TB_TRY(add_level(table, err));
    if (l->child != 0 && !has_room(l, INTERIOR_HEADER, INTERIOR_CELL))
        TB_TRY(split_interior(table, at, err));
    else if (l->child != 0)
        put_interior_cell(l);
    l->child = child;
    l->key   = key;
done:
    return status;
}

static tb_status flush_leaf(tb_btree *table, tb_error *err)
{
    tb_status status = TB_OK;
    level    *l      = &table->levels[0];
    uint32_t  number;

    TB_TRY(write_page(table, l, LEAF, &number, err));
    TB_TRY(push(table, 1, number, l->key, err));
done:
    return status;
}

/* Bytes of a record that stay in the leaf. */
static size_t local_bytes(size_t usable, size_t bytes)
{
    size_t most = usable - 35, least = (usable - 12) * 32 / 255 - 23, fitting;

    if (bytes <= most)
        return bytes;
    fitting = least + (bytes - least) % (usable - 4);
    return fitting <= most ? fitting : least;
}

/* What does not fit into the leaf: a chain of pages. */
static tb_status put_overflow(tb_pages *pages, const uint8_t *from, size_t bytes, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    room   = pages->bytes - 4;
    uint32_t  number;
    uint8_t  *page = NULL;

    while (bytes > 0) {
        size_t some = bytes < room ? bytes : room;

        TB_TRY(append_page(pages, &page, &number, err));
        tb_btree_put_number(page, some < bytes ? next_number(pages) : 0, 4);
        memcpy(page + 4, from, some);
        memset(page + 4 + some, 0, room - some);
        from += some;
        bytes -= some;
    }
done:
    return status;
}

tb_status tb_btree_add(tb_btree *table, int64_t rowid, const void *record, size_t bytes,
                       tb_error *err)
{
    tb_status status = TB_OK;
    level    *l      = &table->levels[0];
    size_t    local  = local_bytes(table->pages->bytes, bytes);
    size_t    cell   = (size_t)(varint_bytes(bytes) + varint_bytes((uint64_t)rowid)) + local +
                  (local < bytes ? 4 : 0);
    uint8_t *at;

    if (bytes > INT32_MAX || ((l->cells > 0 || l->is_split) && rowid <= l->key))
        return tb_error_set(err, TB_E_BUG,
                            "write %s: expected rows in ascending order and below 2^31 bytes, got "
                            "row %lld of %zu bytes",
                            table->pages->path, (long long)rowid, bytes);
    if (!has_room(l, LEAF_HEADER, (uint32_t)cell))
        TB_TRY(flush_leaf(table, err));
    at     = place_cell(l, LEAF_HEADER, (uint32_t)cell);
    at     = tb_btree_put_varint(tb_btree_put_varint(at, bytes), (uint64_t)rowid);
    l->key = rowid;
    memcpy(at, record, local);
    if (local < bytes) {
        tb_btree_put_number(at + local, next_number(table->pages), 4);
        TB_TRY(put_overflow(table->pages, (const uint8_t *)record + local, bytes - local, err));
    }
done:
    return status;
}

tb_status tb_btree_finish(tb_btree *table, tb_error *err)
{
    tb_status status = TB_OK;
    int       top    = 0;
    uint32_t  number;

    for (; table->levels[top].is_split; top++) {
        level  *l   = &table->levels[top];
        int64_t key = l->key;

        TB_TRY(write_page(table, l, top == 0 ? LEAF : INTERIOR, &number, err));
        TB_TRY(push(table, top + 1, number, key, err));
    }
    put_header(&table->levels[top], top == 0 ? LEAF : INTERIOR);
    TB_TRY(write_at(table->pages, table->levels[top].page, table->pages->bytes,
                    offset_of(table->pages, table->root), err));
done:
    return status;
}
