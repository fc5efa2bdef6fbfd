#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/memory.h"

tb_status tb_file_complain(const char *verb, const char *path, tb_error *err)
{
    tb_error_set(err, TB_E_OUTPUT, "%s %s: expected success, got \"%s\"", verb, path,
                 strerror(errno));
    tb_file_advise(err, path);
    return TB_E_OUTPUT;
}

/* Less is left than any file system gives at once. */
static bool is_full(const char *path)
{
    enum { LEAST = 16384 };
    char          *folder = NULL;
    struct statvfs disk;
    bool           is_known = statvfs(path, &disk) == 0;

    if (!is_known && tb_path_folder(&folder, path, NULL) == TB_OK)
        is_known = statvfs(folder, &disk) == 0;
    tb_free(folder);
    return is_known && (uint64_t)disk.f_bavail * disk.f_frsize < LEAST;
}

void tb_file_advise(tb_error *err, const char *path)
{
    static const char *const signs[]  = {"No space left", "quota exceeded", "disk is full"};
    bool                     is_short = false;

    if (err == NULL)
        return;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        is_short = is_short || strstr(err->message, signs[i]) != NULL;
    if (is_short || is_full(path))
        tb_error_hint(err, "free some space on that disk, or name another folder with --out");
}

tb_status tb_path_join(char **out, const char *folder, const char *name, tb_error *err)
{
    if (name[0] == '/' || folder[0] == '\0')
        return tb_copy_text(out, name, err);

    tb_text   text   = {0};
    tb_status status = tb_text_append(&text, err, "%s/%s", folder, name);

    *out = text.data;
    return status;
}

tb_status tb_path_folder(char **out, const char *path, tb_error *err)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return tb_copy_text(out, ".", err);
    if (slash == path)
        return tb_copy_text(out, "/", err);

    tb_status status = tb_copy_text(out, path, err);

    if (status == TB_OK)
        (*out)[slash - path] = '\0';
    return status;
}

/* Without slashes at the end: of "a/b/" the parent is "a". */
static tb_status copy_folder_name(char **out, const char *path, tb_error *err)
{
    tb_status status = tb_copy_text(out, path, err);

    if (status == TB_OK)
        for (size_t n = strlen(*out); n > 1 && (*out)[n - 1] == '/'; n--)
            (*out)[n - 1] = '\0';
    return status;
}

const char *tb_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

bool tb_file_exists(const char *path)
{
    struct stat information;

    return stat(path, &information) == 0;
}

int64_t tb_file_bytes(const char *path)
{
    struct stat information;

    return stat(path, &information) == 0 ? (int64_t)information.st_size : -1;
}

tb_status tb_file_read(const char *path, tb_text *text, tb_error *err)
{
    tb_status status = TB_OK;
    char      buffer[65536];
    size_t    got;
    FILE     *file = fopen(path, "rb");

    if (file == NULL)
        return tb_error_set(err, TB_E_INPUT, "open %s: expected a readable file, got \"%s\"", path,
                            strerror(errno));
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0) {
        if (memchr(buffer, '\0', got) != NULL) {
            status = tb_error_set(err, TB_E_INPUT, "read %s: expected text, got binary data", path);
            goto done;
        }
        TB_TRY(tb_text_append(text, err, "%.*s", (int)got, buffer));
    }
    if (ferror(file))
        status = tb_error_set(err, TB_E_INPUT, "read %s: expected text, got \"%s\"", path,
                              strerror(errno));
done:
    fclose(file);
    return status;
}

tb_status tb_file_sync(const char *path, tb_error *err)
{
    tb_status status = TB_OK;
    int       file   = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return tb_file_complain("open", path, err);
    if (fsync(file) != 0)
        status = tb_file_complain("sync", path, err);
    close(file);
    return status;
}

tb_status tb_file_commit(const char *temporary, const char *path, tb_error *err)
{
    tb_status status = TB_OK;
    char     *folder = NULL;

    TB_TRY(tb_path_folder(&folder, path, err));
    TB_TRY(tb_file_sync(temporary, err));
    if (rename(temporary, path) != 0) {
        status = tb_file_complain("rename to", path, err);
        goto done;
    }
    TB_TRY(tb_file_sync(folder, err));
done:
    if (status != TB_OK)
        tb_file_remove(temporary);
    tb_free(folder);
    return status;
}

tb_status tb_file_write(const char *path, const void *data, size_t bytes, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   beside = {0};
    FILE     *file   = NULL;

    TB_TRY(tb_text_append(&beside, err, "%s.new", path));
    file = fopen(beside.data, "wb");
    if (file == NULL) {
        status = tb_file_complain("write", path, err);
        goto done;
    }
    if (fwrite(data, 1, bytes, file) != bytes || fflush(file) != 0)
        status = tb_file_complain("write", path, err);
    if (fclose(file) != 0 && status == TB_OK)
        status = tb_file_complain("write", path, err);
    if (status != TB_OK) {
        tb_file_remove(beside.data);
        goto done;
    }
    TB_TRY(tb_file_commit(beside.data, path, err));
done:
    tb_text_reset(&beside);
    return status;
}

void tb_file_remove(const char *path)
{
    (void)unlink(path);
}

void tb_folder_unmake(const char *path, int levels)
{
    char *own = NULL, *parent = NULL;

    if (levels < 1 || copy_folder_name(&own, path, NULL) != TB_OK)
        return;
    if (rmdir(own) == 0 && tb_path_folder(&parent, own, NULL) == TB_OK)
        tb_folder_unmake(parent, levels - 1);
    tb_free(own);
    tb_free(parent);
}

tb_status tb_folder_make(const char *path, int *levels, tb_error *err)
{
    struct stat information;
    tb_status   status = TB_OK;
    char       *own = NULL, *parent = NULL;
    int         made = 0;

    TB_TRY(copy_folder_name(&own, path, err));
    if (stat(own, &information) != 0) {
        TB_TRY(tb_path_folder(&parent, own, err));
        if (strcmp(parent, ".") != 0 && strcmp(parent, "/") != 0)
            TB_TRY(tb_folder_make(parent, &made, err));
        if (mkdir(own, 0777) == 0) {
            made++;
            goto done;
        }
        if (errno != EEXIST || stat(own, &information) != 0) {
            status = tb_file_complain("make folder", own, err);
            tb_folder_unmake(parent, made);
            made = 0;
            goto done;
        }
    }
    if (!S_ISDIR(information.st_mode))
        status =
            tb_error_set(err, TB_E_OUTPUT, "make folder %s: expected a folder, got a file", own);
done:
    if (levels != NULL)
        *levels = made;
    tb_free(own);
    tb_free(parent);
    return status;
}

tb_status tb_folder_check_writable(const char *path, tb_error *err)
{
    tb_text probe = {0};
    /* One name for all: what a killed run leaves, the next one removes. */
    tb_status status = tb_text_append(&probe, err, "%s/.tuban-probe", path);

    if (status != TB_OK)
        return status;

    int file = open(probe.data, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

    if (file < 0) {
        status = tb_file_complain("write into folder", path, err);
    } else {
        close(file);
        tb_file_remove(probe.data);
    }
    tb_text_reset(&probe);
    return status;
}

tb_status tb_file_check_writable(const char *path, tb_error *err)
{
    tb_status   status = TB_OK;
    struct stat information;
    char       *folder = NULL;

    TB_TRY(tb_path_folder(&folder, path, err));
    TB_TRY(tb_folder_check_writable(folder, err));
    if (stat(path, &information) == 0 && S_ISDIR(information.st_mode))
        status =
            tb_error_set(err, TB_E_OUTPUT, "write %s: expected a file's name, got a folder", path);
done:
    tb_free(folder);
    return status;
}

static tb_status remove_entry(void *context, const char *name, tb_error *err)
{
    struct stat information;
    char       *path   = NULL;
    tb_status   status = tb_path_join(&path, context, name, err);

    if (status != TB_OK)
        return status;
    if (lstat(path, &information) == 0 && S_ISDIR(information.st_mode))
        tb_folder_remove(path);
    else
        tb_file_remove(path);
    tb_free(path);
    return TB_OK;
}

void tb_folder_remove(const char *path)
{
    char *folder = NULL;

    if (tb_copy_text(&folder, path, NULL) != TB_OK)
        return;
    (void)tb_folder_each(folder, remove_entry, folder, NULL);
    (void)rmdir(folder);
    tb_free(folder);
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

tb_status tb_folder_each(const char *path,
                         tb_status (*visit)(void *context, const char *name, tb_error *err),
                         void *context, tb_error *err)
{
    struct dirent **entries = NULL;
    tb_status       status  = TB_OK;
    int             count   = scandir(path, &entries, is_entry, compare_names);

    if (count < 0)
        return tb_error_set(err, TB_E_OUTPUT,
                            "list folder %s: expected a readable folder, got \"%s\"", path,
                            strerror(errno));
    for (int i = 0; i < count; i++) {
        if (status == TB_OK)
            status = visit(context, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return status;
}
