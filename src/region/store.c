#include "region/store.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <hdf5.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "region/hdf5.h"

/* Small enough that a file of few runs stays small, large enough that HDF5's cost a chunk is
 * nothing. */
enum { CHUNK_BYTES = 64 * 1024 };

typedef struct store_table {
    hid_t         dataset;
    tb_store_type type;
    int           columns;
    size_t        row_bytes;
    size_t        chunk_rows;
    int64_t       rows;     /* in the file */
    size_t        buffered; /* rows waiting in `buffer`, fewer than chunk_rows */
    uint8_t      *buffer;   /* one chunk; NULL when reading */
} store_table;

struct tb_store {
    hid_t       file; /* negative when closed */
    char       *path;
    char       *temporary; /* NULL when reading, or once it is renamed */
    store_table table[TB_STORE_TABLES_MAX];
    int         tables;
};

/* Formats of 1.10 on: checksums over all but the data. No locks: network disks often refuse them.
 */
static hid_t access_list(void)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);

    if (list >= 0) {
        H5Pset_libver_bounds(list, H5F_LIBVER_V110, H5F_LIBVER_V110);
        H5Pset_file_locking(list, 0, 1);
        H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
    }
    return list;
}

static tb_status make_store(tb_store **out, const char *path, tb_error *err)
{
    tb_status status = TB_OK;
    tb_store *store  = NULL;

    TB_TRY(tb_alloc_zero(&store, 1, sizeof *store, "run file", err));
    store->file = H5I_INVALID_HID;
    TB_TRY(tb_copy_text(&store->path, path, err));
done:
    if (status == TB_OK)
        *out = store;
    else
        tb_free(store);
    return status;
}

tb_status tb_store_create(tb_store **out, const char *path, tb_error *err)
{
    tb_status     status  = TB_OK;
    tb_store     *store   = NULL;
    tb_text       beside  = {0};
    tb_hdf5_quiet before  = tb_hdf5_quiet_begin();
    hid_t         access  = H5I_INVALID_HID;
    hid_t         creator = H5I_INVALID_HID;

    *out = NULL;
    TB_TRY(make_store(&store, path, err));
    TB_TRY(tb_text_append(&beside, err, "%s.new", path));
    access  = access_list();
    creator = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_obj_track_times(creator, 0);
    store->temporary = beside.data; /* from here on it is ours to remove, half made or not */
    beside           = (tb_text){0};
    store->file      = H5Fcreate(store->temporary, H5F_ACC_TRUNC, creator, access);
    if (store->file < 0)
        status = tb_hdf5_write_error(store->path, err);
done:
    H5Pclose(creator);
    H5Pclose(access);
    tb_hdf5_quiet_end(before);
    tb_text_reset(&beside);
    if (status == TB_OK)
        *out = store;
    else
        tb_store_close(store);
    return status;
}

tb_status tb_store_open(tb_store **out, const char *path, tb_error *err)
{
    tb_status     status = TB_OK;
    tb_store     *store  = NULL;
    tb_hdf5_quiet before = tb_hdf5_quiet_begin();
    hid_t         access = H5I_INVALID_HID;

    *out = NULL;
    TB_TRY(make_store(&store, path, err));
    if (!tb_file_exists(path)) {
        status =
            tb_error_set(err, TB_E_INPUT, "open %s: expected a run file, got no such file", path);
        goto done;
    }
    access      = access_list();
    store->file = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (store->file < 0)
        status = tb_hdf5_read_error(store->path, "header", err);
done:
    H5Pclose(access);
    tb_hdf5_quiet_end(before);
    if (status == TB_OK)
        *out = store;
    else
        tb_store_close(store);
    return status;
}

const char *tb_store_path(const tb_store *store)
{
    return store->path;
}

hid_t tb_store_file(const tb_store *store)
{
    return store->file;
}

static size_t type_bytes(tb_store_type type)
{
    return type == TB_STORE_U8 ? 1 : type == TB_STORE_I32 ? 4 : 8;
}

static hid_t file_type(tb_store_type type)
{
    return type == TB_STORE_U8    ? H5T_STD_U8LE
           : type == TB_STORE_I32 ? H5T_STD_I32LE
                                  : H5T_STD_I64LE;
}

static hid_t memory_type(tb_store_type type)
{
    return type == TB_STORE_U8    ? H5T_NATIVE_UINT8
           : type == TB_STORE_I32 ? H5T_NATIVE_INT32
                                  : H5T_NATIVE_INT64;
}

static void describe_table(store_table *table, tb_store_type type, int columns)
{
    *table            = (store_table){.dataset = H5I_INVALID_HID, .type = type, .columns = columns};
    table->row_bytes  = type_bytes(type) * (size_t)columns;
    table->chunk_rows = CHUNK_BYTES / table->row_bytes;
    if (table->chunk_rows < 1)
        table->chunk_rows = 1;
}

tb_status tb_store_add_table(tb_store *store, const char *name, tb_store_type type, int columns,
                             int *table, tb_error *err)
{
    tb_status     status   = TB_OK;
    store_table  *added    = &store->table[store->tables];
    tb_hdf5_quiet before   = tb_hdf5_quiet_begin();
    hid_t         space    = H5I_INVALID_HID;
    hid_t         creator  = H5I_INVALID_HID;
    hsize_t       empty[2] = {0, (hsize_t)columns};
    hsize_t       most[2]  = {H5S_UNLIMITED, (hsize_t)columns};
    hsize_t       chunk[2];

    if (store->tables == TB_STORE_TABLES_MAX || columns < 1) {
        status = tb_error_set(err, TB_E_BUG, "add table %s to %s: expected at most %d tables", name,
                              store->path, TB_STORE_TABLES_MAX);
        goto done;
    }
    describe_table(added, type, columns);
    TB_TRY(tb_alloc(&added->buffer, added->chunk_rows, added->row_bytes, "chunk of runs", err));
    chunk[0] = added->chunk_rows;
    chunk[1] = (hsize_t)columns;
    space    = H5Screate_simple(2, empty, most);
    creator  = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creator, 2, chunk);
    H5Pset_obj_track_times(creator, 0);
    H5Pset_fill_time(creator, H5D_FILL_TIME_NEVER); /* chunks are always written whole */
    added->dataset =
        H5Dcreate2(store->file, name, file_type(type), space, H5P_DEFAULT, creator, H5P_DEFAULT);
    if (added->dataset < 0) {
        status = tb_hdf5_write_error(store->path, err);
        goto done;
    }
    *table = store->tables++;
done:
    H5Pclose(creator);
    H5Sclose(space);
    tb_hdf5_quiet_end(before);
    if (status != TB_OK && store->tables < TB_STORE_TABLES_MAX) {
        tb_free(added->buffer);
        added->buffer = NULL;
    }
    return status;
}

/* Writes the buffered rows as one chunk; what is missing to a whole one is zero. */
static tb_status flush_chunk(tb_store *store, store_table *table, tb_error *err)
{
    hsize_t extent[2] = {(hsize_t)table->rows + table->buffered, (hsize_t)table->columns};
    hsize_t offset[2] = {(hsize_t)table->rows, 0};
    size_t  bytes     = table->chunk_rows * table->row_bytes;
    size_t  used      = table->buffered * table->row_bytes;

    memset(table->buffer + used, 0, bytes - used);
    if (H5Dset_extent(table->dataset, extent) < 0 ||
        H5Dwrite_chunk(table->dataset, H5P_DEFAULT, 0, offset, bytes, table->buffer) < 0)
        return tb_hdf5_write_error(store->path, err);
    table->rows += (int64_t)table->buffered;
    table->buffered = 0;
    return TB_OK;
}

tb_status tb_store_append(tb_store *store, int number, const void *rows, size_t count,
                          tb_error *err)
{
    tb_status      status = TB_OK;
    store_table   *table  = &store->table[number];
    const uint8_t *from   = rows;
    tb_hdf5_quiet  before;

    if (count == 0) /* rows may be NULL */
        return TB_OK;
    if (count < table->chunk_rows - table->buffered) { /* the usual case, without a word to HDF5 */
        memcpy(table->buffer + table->buffered * table->row_bytes, from, count * table->row_bytes);
        table->buffered += count;
        return TB_OK;
    }
    before = tb_hdf5_quiet_begin();
    while (count > 0) {
        size_t room = table->chunk_rows - table->buffered;
        size_t some = count < room ? count : room;

        memcpy(table->buffer + table->buffered * table->row_bytes, from, some * table->row_bytes);
        table->buffered += some;
        from += some * table->row_bytes;
        count -= some;
        if (table->buffered == table->chunk_rows)
            TB_TRY(flush_chunk(store, table, err));
    }
done:
    tb_hdf5_quiet_end(before);
    return status;
}

/* To close again what could not be closed is a crash inside HDF5. */
static herr_t close_once(hid_t *handle, herr_t (*close)(hid_t))
{
    hid_t once = *handle;

    *handle = H5I_INVALID_HID;
    return close(once);
}

tb_status tb_store_finish(tb_store *store, tb_error *err)
{
    tb_status     status = TB_OK;
    tb_hdf5_quiet before = tb_hdf5_quiet_begin();

    for (int t = 0; t < store->tables; t++) {
        if (store->table[t].buffered > 0)
            TB_TRY(flush_chunk(store, &store->table[t], err));
        if (close_once(&store->table[t].dataset, H5Dclose) < 0) {
            status = tb_hdf5_write_error(store->path, err);
            goto done;
        }
    }
    /* A failed close leaves HDF5 with a file it can never close; a failed flush does not. */
    if (H5Fflush(store->file, H5F_SCOPE_GLOBAL) < 0 || close_once(&store->file, H5Fclose) < 0) {
        status = tb_hdf5_write_error(store->path, err);
        goto done;
    }
    TB_TRY(tb_file_commit(store->temporary, store->path, err));
    tb_free(store->temporary);
    store->temporary = NULL;
done:
    tb_hdf5_quiet_end(before);
    return status;
}

tb_status tb_store_find_table(tb_store *store, const char *name, tb_store_type type, int columns,
                              int *table, int64_t *rows, tb_error *err)
{
    tb_status     status    = TB_OK;
    store_table  *found     = &store->table[store->tables];
    tb_hdf5_quiet before    = tb_hdf5_quiet_begin();
    hid_t         space     = H5I_INVALID_HID;
    hid_t         kind      = H5I_INVALID_HID;
    hid_t         access    = H5I_INVALID_HID;
    hsize_t       extent[2] = {0, 0};

    if (store->tables == TB_STORE_TABLES_MAX) {
        status = tb_error_set(err, TB_E_BUG, "find table %s of %s: expected at most %d tables",
                              name, store->path, TB_STORE_TABLES_MAX);
        goto done;
    }
    describe_table(found, type, columns);
    /* Without a cache HDF5 reads what is asked for and not whole chunks: many blocks are read in
     * turn. */
    access = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(access, 1, 0, 1.0);
    found->dataset = H5Dopen2(store->file, name, access);
    if (found->dataset < 0) {
        status = tb_hdf5_read_error(store->path, name, err);
        goto done;
    }
    store->tables++;
    space = H5Dget_space(found->dataset);
    kind  = H5Dget_type(found->dataset);
    if (H5Sget_simple_extent_ndims(space) != 2 ||
        H5Sget_simple_extent_dims(space, extent, NULL) < 0 || extent[1] != (hsize_t)columns ||
        H5Tequal(kind, file_type(type)) <= 0) {
        status =
            tb_error_set(err, TB_E_INPUT,
                         "read %s of %s: expected a table of %d columns of %zu bytes, got another",
                         name, store->path, columns, type_bytes(type));
        goto done;
    }
    *table      = store->tables - 1;
    *rows       = (int64_t)extent[0];
    found->rows = *rows;
done:
    H5Pclose(access);
    H5Tclose(kind);
    H5Sclose(space);
    tb_hdf5_quiet_end(before);
    return status;
}

tb_status tb_store_read(tb_store *store, int number, int64_t first, size_t count, void *rows,
                        tb_error *err)
{
    tb_status     status  = TB_OK;
    store_table  *table   = &store->table[number];
    hsize_t       from[2] = {(hsize_t)first, 0};
    hsize_t       size[2] = {count, (hsize_t)table->columns};
    tb_hdf5_quiet before;
    hid_t         file_space, memory_space;

    if (count == 0)
        return TB_OK;
    before       = tb_hdf5_quiet_begin();
    file_space   = H5Dget_space(table->dataset);
    memory_space = H5Screate_simple(2, size, NULL);
    if (H5Sselect_hyperslab(file_space, H5S_SELECT_SET, from, NULL, size, NULL) < 0 ||
        H5Dread(table->dataset, memory_type(table->type), memory_space, file_space, H5P_DEFAULT,
                rows) < 0)
        status = tb_hdf5_read_error(store->path, "rows", err);
    H5Sclose(memory_space);
    H5Sclose(file_space);
    tb_hdf5_quiet_end(before);
    return status;
}

void tb_store_close(tb_store *store)
{
    tb_hdf5_quiet before;

    if (store == NULL)
        return;
    before = tb_hdf5_quiet_begin();
    if (store->temporary != NULL) {
        /*
         * The file is given up, and a full disk may be why. HDF5 will not let go of a file before
         * it has written its metadata: emptying the file makes the room for that.
         */
        int ignored = truncate(store->temporary, 0);

        (void)ignored;
    }
    for (int t = 0; t < store->tables; t++) {
        H5Dclose(store->table[t].dataset);
        tb_free(store->table[t].buffer);
    }
    H5Fclose(store->file);
    if (store->temporary != NULL)
        tb_file_remove(store->temporary);
    tb_hdf5_quiet_end(before);
    tb_free(store->temporary);
    tb_free(store->path);
    tb_free(store);
}
