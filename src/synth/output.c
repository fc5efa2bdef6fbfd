#include "synth/output.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"

static const char *const JOB = "job.yaml", *const STAGING = ".tuban-new";

struct tb_output {
    char   *folder, *staging, *path;
    int     made; /* levels of folders */
    bool    is_finished;
    json_t *files;
};

/* Files a county consists of, whatever its number of dates. */
static bool is_of_a_county(const char *name)
{
    static const char *const fixed[] = {"survey.gpkg", "approvals.gpkg", "truth.gpkg", "truth.tif",
                                        "job.yaml"};
    size_t                   digits  = 0;

    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(name, fixed[i]) == 0)
            return true;
    if (name[0] != 't')
        return false;
    while (isdigit((unsigned char)name[1 + digits]))
        digits++;
    return digits > 0 &&
           (strcmp(name + 1 + digits, ".tif") == 0 || strcmp(name + 1 + digits, "_valid.tif") == 0);
}

typedef struct look {
    bool may_replace;
    char stranger[256]; /* a name that stands in the way; empty if none */
} look;

static tb_status look_at(void *context, const char *name, tb_error *err)
{
    look *l = context;

    (void)err;
    if (strcmp(name, STAGING) != 0 && l->stranger[0] == '\0' && !l->may_replace)
        snprintf(l->stranger, sizeof l->stranger, "%s", name);
    return TB_OK;
}

static tb_status check_empty(const char *folder, bool may_replace, tb_error *err)
{
    tb_status status = TB_OK;
    look      l      = {.may_replace = may_replace};

    TB_TRY(tb_folder_each(folder, look_at, &l, err));
    if (l.stranger[0] != '\0') {
        status =
            tb_error_set(err, TB_E_OUTPUT, "write %s: expected an empty folder, got one with %s",
                         folder, l.stranger);
        tb_error_hint(err, "name another folder, or --force to replace an earlier county in it");
    }
done:
    return status;
}

tb_status tb_output_open(tb_output **out, const char *folder, bool may_replace, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_output *output = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&output, 1, sizeof *output, "output folder", err));
    output->files = json_array();
    TB_TRY(tb_copy_text(&output->folder, folder, err));
    TB_TRY(tb_folder_make(folder, &output->made, err));
    TB_TRY(check_empty(folder, may_replace, err));
    TB_TRY(tb_folder_check_writable(folder, err));
    TB_TRY(tb_path_join(&output->staging, folder, STAGING, err));
    tb_folder_remove(output->staging); /* a killed run has left it */
    TB_TRY(tb_folder_make(output->staging, NULL, err));
done:
    if (status == TB_OK)
        *out = output;
    else
        tb_output_close(output);
    return status;
}

tb_status tb_output_file(tb_output *output, const char *name, const char **path, tb_error *err)
{
    tb_status status = TB_OK;

    tb_free(output->path);
    output->path = NULL;
    TB_TRY(tb_path_join(&output->path, output->staging, name, err));
    json_array_append_new(output->files, json_string(name));
    *path = output->path;
done:
    return status;
}

json_t *tb_output_files(const tb_output *output)
{
    return output->files;
}

/* Removes an earlier county's files: the job first, so that none is there without all the rest. */
static tb_status remove_earlier(void *context, const char *name, tb_error *err)
{
    const tb_output *output = context;
    tb_status        status = TB_OK;
    char            *path   = NULL;

    if (!is_of_a_county(name))
        goto done;
    TB_TRY(tb_path_join(&path, output->folder, name, err));
    tb_file_remove(path);
done:
    tb_free(path);
    return status;
}

static tb_status move_in(const tb_output *output, const char *name, tb_error *err)
{
    tb_status status = TB_OK;
    char     *from = NULL, *to = NULL;

    TB_TRY(tb_path_join(&from, output->staging, name, err));
    TB_TRY(tb_path_join(&to, output->folder, name, err));
    TB_TRY(tb_file_commit(from, to, err));
done:
    tb_free(from);
    tb_free(to);
    return status;
}

static tb_status move_in_all_but_job(void *context, const char *name, tb_error *err)
{
    return strcmp(name, JOB) == 0 ? TB_OK : move_in(context, name, err);
}

tb_status tb_output_finish(tb_output *output, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(remove_earlier(output, JOB, err));
    TB_TRY(tb_folder_each(output->folder, remove_earlier, output, err));
    TB_TRY(tb_folder_each(output->staging, move_in_all_but_job, output, err));
    TB_TRY(move_in(output, JOB, err));
    output->is_finished = true;
done:
    return status;
}

void tb_output_close(tb_output *output)
{
    if (output == NULL)
        return;
    if (output->staging != NULL)
        tb_folder_remove(output->staging);
    if (!output->is_finished && output->folder != NULL)
        tb_folder_unmake(output->folder, output->made);
    json_decref(output->files);
    tb_free(output->folder);
    tb_free(output->staging);
    tb_free(output->path);
    tb_free(output);
}
