#include "job/set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "core/file.h"
#include "core/memory.h"
#include "job/report.h"

static const char *const MANIFEST = "MANIFEST.json", *const RUN = "run.json";

/* The manifest of the set that is being replaced, in the staging folder. */
static const char *const EARLIER = ".earlier.json";

struct tb_set {
    char   *folder, *work, *staging;
    int     made_folder, made_work; /* levels */
    bool    is_moving; /* all files are durable: what this run cannot move, the next one will */
    tb_text earlier;   /* entries the work folder had, each between slashes */
    int     lock;      /* -1: none */
};

static tb_status move(const tb_set *set, const char *name, tb_error *err)
{
    tb_status status = TB_OK;
    char     *from = NULL, *to = NULL;

    TB_TRY(tb_path_join(&from, set->staging, name, err));
    TB_TRY(tb_path_join(&to, set->folder, name, err));
    if (rename(from, to) != 0)
        status = tb_file_complain("rename to", to, err);
done:
    tb_free(from);
    tb_free(to);
    return status;
}

static tb_status move_product(void *context, const char *name, tb_error *err)
{
    return strcmp(name, MANIFEST) == 0 || strcmp(name, EARLIER) == 0 ? TB_OK
                                                                     : move(context, name, err);
}

static json_t *manifest_of(const char *folder, const char *name)
{
    char   *path = NULL;
    json_t *root = NULL;

    if (tb_path_join(&path, folder, name, NULL) == TB_OK)
        root = json_load_file(path, 0, NULL);
    tb_free(path);
    return root;
}

static bool lists(const json_t *manifest, const char *name)
{
    size_t  i;
    json_t *file;

    json_array_foreach(json_object_get(manifest, "files"), i, file)
    {
        const char *other = json_string_value(json_object_get(file, "name"));

        if (other != NULL && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

/* From here until the new manifest is there, the folder has none: one that is there is true. */
static tb_status set_manifest_aside(const tb_set *set, tb_error *err)
{
    tb_status status = TB_OK;
    char     *from = NULL, *to = NULL;

    TB_TRY(tb_path_join(&from, set->folder, MANIFEST, err));
    TB_TRY(tb_path_join(&to, set->staging, EARLIER, err));
    if (rename(from, to) != 0 && errno != ENOENT)
        status = tb_file_complain("rename", from, err);
    else
        status = tb_file_sync(set->folder, err);
done:
    tb_free(from);
    tb_free(to);
    return status;
}

static void remove_outdated(const tb_set *set)
{
    json_t *earlier = manifest_of(set->staging, EARLIER);
    json_t *next    = manifest_of(set->staging, MANIFEST), *file;
    size_t  i;

    json_array_foreach(json_object_get(earlier, "files"), i, file)
    {
        const char *name = json_string_value(json_object_get(file, "name"));
        char       *path = NULL;

        if (name == NULL || strchr(name, '/') != NULL || lists(next, name))
            continue;
        if (tb_path_join(&path, set->folder, name, NULL) == TB_OK)
            tb_file_remove(path);
        tb_free(path);
    }
    json_decref(earlier);
    json_decref(next);
}

/* The staging folder holds a manifest once all its files are durable: then it may be moved in. */
static tb_status move_in(tb_set *set, tb_error *err)
{
    tb_status status = TB_OK;

    set->is_moving = true;
    TB_TRY(set_manifest_aside(set, err));
    remove_outdated(set);
    TB_TRY(tb_folder_each(set->staging, move_product, set, err));
    TB_TRY(tb_file_sync(set->folder, err));
    TB_TRY(move(set, MANIFEST, err));
    set->is_moving = false;
    TB_TRY(tb_file_sync(set->folder, err));
    tb_folder_remove(set->staging);
done:
    return status;
}

static tb_status recover(tb_set *set, tb_error *err)
{
    json_t *manifest;

    if (!tb_file_exists(set->staging))
        return TB_OK;
    manifest = manifest_of(set->staging, MANIFEST);
    if (manifest == NULL) {
        tb_folder_remove(set->staging);
        return TB_OK;
    }
    json_decref(manifest);
    return move_in(set, err);
}

static tb_status lock(tb_set *set, tb_error *err)
{
    set->lock = open(set->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (set->lock < 0)
        return tb_error_set(err, TB_E_OUTPUT, "open folder %s: expected success, got \"%s\"",
                            set->folder, strerror(errno));
    if (flock(set->lock, LOCK_EX | LOCK_NB) != 0) {
        close(set->lock); /* what lies in it is the other run's */
        set->lock = -1;
        return tb_error_set(err, TB_E_OUTPUT,
                            "lock folder %s: expected no other run in it, got one at work",
                            set->folder);
    }
    return TB_OK;
}

static tb_status note_earlier(void *context, const char *name, tb_error *err)
{
    tb_set *set = context;

    return tb_text_append(&set->earlier, err, "/%s/", name);
}

tb_status tb_set_open(tb_set **out, const char *folder, tb_error *err)
{
    tb_status status = TB_OK;
    tb_set   *set    = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&set, 1, sizeof *set, "product set", err));
    set->lock = -1;
    TB_TRY(tb_copy_text(&set->folder, folder, err));
    TB_TRY(tb_path_join(&set->work, folder, "work", err));
    TB_TRY(tb_path_join(&set->staging, folder, ".tuban-new", err));
    TB_TRY(tb_folder_make(folder, &set->made_folder, err));
    TB_TRY(tb_folder_check_writable(folder, err));
    TB_TRY(lock(set, err));
    TB_TRY(recover(set, err));
    TB_TRY(tb_folder_make(set->work, &set->made_work, err));
    TB_TRY(tb_folder_each(set->work, note_earlier, set, err));
done:
    if (status == TB_OK) {
        *out = set;
    } else if (set != NULL) {
        tb_set_abandon(set, true); /* nothing is made yet */
        tb_set_close(set);
    }
    return status;
}

void tb_set_close(tb_set *set)
{
    if (set == NULL)
        return;
    if (set->lock >= 0)
        close(set->lock);
    tb_text_reset(&set->earlier);
    tb_free(set->folder);
    tb_free(set->work);
    tb_free(set->staging);
    tb_free(set);
}

static bool was_there(const tb_set *set, const char *name)
{
    tb_text wanted = {0};
    bool    is_there =
        tb_text_append(&wanted, NULL, "/%s/", name) != TB_OK || /* when in doubt, it stays */
        (set->earlier.data != NULL && strstr(set->earlier.data, wanted.data) != NULL);

    tb_text_reset(&wanted);
    return is_there;
}

static tb_status remove_new(void *context, const char *name, tb_error *err)
{
    tb_set   *set    = context;
    tb_status status = TB_OK;
    char     *path   = NULL;

    if (was_there(set, name))
        goto done;
    TB_TRY(tb_path_join(&path, set->work, name, err));
    tb_file_remove(path);
done:
    tb_free(path);
    return status;
}

void tb_set_abandon(tb_set *set, bool keeps_work)
{
    if (set->lock >= 0) { /* else nothing in it is ours */
        if (!set->is_moving)
            tb_folder_remove(set->staging);
        if (!keeps_work && !set->is_moving)
            (void)tb_folder_each(set->work, remove_new, set, NULL);
    }
    tb_folder_unmake(set->work, set->made_work);
    tb_folder_unmake(set->folder, set->made_folder);
}

const char *tb_set_work(const tb_set *set)
{
    return set->work;
}

bool tb_set_is_current(const tb_set *set, const char *key)
{
    json_t     *manifest = manifest_of(set->folder, MANIFEST), *file;
    const char *found    = json_string_value(json_object_get(manifest, "key"));
    bool        is_there = found != NULL && strcmp(found, key) == 0;
    size_t      i;

    json_array_foreach(json_object_get(manifest, "files"), i, file)
    {
        const char *name = json_string_value(json_object_get(file, "name"));
        char       *path = NULL;
        struct stat information;

        if (!is_there || name == NULL || tb_path_join(&path, set->folder, name, NULL) != TB_OK)
            is_there = false;
        else
            is_there = stat(path, &information) == 0 &&
                       information.st_size == json_integer_value(json_object_get(file, "size"));
        tb_free(path);
    }
    json_decref(manifest);
    return is_there;
}

tb_status tb_set_path(tb_set *set, const char *name, char **out, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_folder_make(set->staging, NULL, err));
    TB_TRY(tb_path_join(out, set->staging, name, err));
done:
    return status;
}

typedef struct listing {
    const tb_set *set;
    json_t       *files;
} listing;

static tb_status list_product(void *context, const char *name, tb_error *err)
{
    listing    *list   = context;
    tb_status   status = TB_OK;
    char       *path   = NULL;
    char        digest[TB_SHA256_SIZE];
    struct stat information;

    TB_TRY(tb_path_join(&path, list->set->staging, name, err));
    TB_TRY(tb_file_sync(path, err));
    if (strcmp(name, RUN) == 0)
        goto done;
    TB_TRY(tb_file_sha256(path, digest, err));
    if (stat(path, &information) != 0) {
        status = tb_file_complain("read", path, err);
        goto done;
    }
    json_array_append_new(list->files,
                          json_pack("{s:s, s:I, s:s}", "name", name, "size",
                                    (json_int_t)information.st_size, "sha256", digest));
done:
    tb_free(path);
    return status;
}

tb_status tb_set_write_json(tb_set *set, const char *name, json_t *json, tb_error *err)
{
    tb_status status = TB_OK;
    char     *text = NULL, *path = NULL;

    TB_TRY(tb_report_text(json, &text, err));
    TB_TRY(tb_set_path(set, name, &path, err));
    TB_TRY(tb_file_write(path, text, strlen(text), err));
done:
    tb_text_release(text);
    tb_free(path);
    return status;
}

tb_status tb_set_publish(tb_set *set, const char *key, tb_error *err)
{
    tb_status status = TB_OK;
    json_t   *root   = NULL;
    char     *text = NULL, *path = NULL;
    listing   list = {.set = set, .files = json_array()};

    TB_TRY(tb_folder_each(set->staging, list_product, &list, err));
    root = json_pack("{s:s, s:s, s:O}", "tuban", TUBAN_VERSION, "key", key, "files", list.files);
    text = json_dumps(root, JSON_INDENT(2));
    if (text == NULL) {
        status = tb_error_set(err, TB_E_MEMORY, "out of memory, %s", MANIFEST);
        goto done;
    }
    TB_TRY(tb_path_join(&path, set->staging, MANIFEST, err));
    TB_TRY(tb_file_write(path, text, strlen(text), err));
    TB_TRY(move_in(set, err));
done:
    json_decref(root);
    json_decref(list.files);
    free(text);
    tb_free(path);
    return status;
}
