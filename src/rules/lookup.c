#include "rules/lookup.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

static const char extension[] = ".yaml";

static bool is_path(const char *name)
{
    size_t length = strlen(name), tail = sizeof extension - 1;

    return strchr(name, '/') != NULL ||
           (length > tail && strcmp(name + length - tail, extension) == 0);
}

/**
 * The profiles of the tree this code lies in, wherever that was moved: <prefix>/lib or
 * <prefix>/lib/<triplet> when installed, <build>/src or <build>/tests when not. `out` stays empty
 * where there is none.
 */
static tb_status find_own_folder(tb_text *out, tb_error *err)
{
    static const char anchor  = 0;
    const char *const above[] = {"..", "../.."};
    tb_status         status  = TB_OK;
    char             *folder  = NULL;
    Dl_info           whose;

    if (dladdr(&anchor, &whose) == 0 || whose.dli_fname == NULL)
        return TB_OK;
    TB_TRY(tb_path_folder(&folder, whose.dli_fname, err));
    for (size_t i = 0; i < sizeof above / sizeof *above; i++) {
        tb_text_reset(out);
        TB_TRY(tb_text_append(out, err, "%s/%s/share/tuban/profiles", folder, above[i]));
        if (tb_file_exists(out->data))
            goto done;
    }
    tb_text_reset(out);
done:
    tb_free(folder);
    return status;
}

static tb_status list_profile(void *context, const char *name, tb_error *err)
{
    tb_text *list   = context;
    size_t   length = strlen(name), tail = sizeof extension - 1;

    if (length <= tail || strcmp(name + length - tail, extension) != 0 ||
        strncmp(name, "landclass-", 10) == 0 || strncmp(name, "fieldmap-", 9) == 0)
        return TB_OK;
    return tb_text_append(list, err, "%s%.*s", list->length > 0 ? ", " : "", (int)(length - tail),
                          name);
}

/* Looks in one folder; NULL or empty is none. `list` gathers what there is instead. */
static tb_status look_in(const char *folder, const char *name, char **out, tb_text *list,
                         tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   path   = {0};

    if (folder == NULL || folder[0] == '\0')
        return TB_OK;
    TB_TRY(tb_text_append(&path, err, "%s/%s%s", folder, name, extension));
    if (tb_file_exists(path.data))
        TB_TRY(tb_copy_text(out, path.data, err));
    else if (tb_file_exists(folder))
        TB_TRY(tb_folder_each(folder, list_profile, list, err));
done:
    tb_text_reset(&path);
    return status;
}

tb_status tb_rules_find(char **out, const char *name, const char *beside, tb_error *err)
{
    tb_status   status = TB_OK;
    tb_text     own = {0}, list = {0};
    const char *chosen = getenv("TUBAN_PROFILES");

    *out = NULL;
    if (is_path(name))
        return beside != NULL ? tb_path_join(out, beside, name, err) : tb_copy_text(out, name, err);
    TB_TRY(find_own_folder(&own, err));

    const char *const folders[] = {beside, chosen, own.data};

    for (size_t i = 0; i < sizeof folders / sizeof *folders && *out == NULL; i++)
        TB_TRY(look_in(folders[i], name, out, &list, err));
    if (*out != NULL)
        goto done;
    status = tb_error_set(err, TB_E_JOB, "profile %s: expected a path, or one of %s, got neither",
                          name, list.length > 0 ? list.data : "no profiles at all");
    tb_error_hint(err, "looked in %s%s%s; TUBAN_PROFILES names another folder",
                  chosen != NULL ? chosen : "", chosen != NULL ? ", " : "",
                  own.data != NULL ? own.data : "share/tuban/profiles");
done:
    tb_text_reset(&own);
    tb_text_reset(&list);
    return status;
}
