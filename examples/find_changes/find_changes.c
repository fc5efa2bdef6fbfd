/*
 * What changed between two images, through the public API alone.
 *
 *   find_changes BEFORE AFTER FOLDER
 *
 * Describes both images, compares them, and leaves change.tif, score.tif and model.yaml in the
 * folder.
 */
#include <stdio.h>

#include <tuban/info.h>
#include <tuban/run.h>

static int complain(const tb_error *error)
{
    fprintf(stderr, "%s: %s\n", tb_status_describe(error->status), error->message);
    if (error->hint[0] != '\0')
        fprintf(stderr, "%s\n", error->hint);
    return (int)error->status;
}

static tb_status describe(const char *path, tb_error *error)
{
    tb_info  *info;
    tb_status status = tb_info_read(path, &info, error);

    if (status != TB_OK)
        return status;
    printf("%s: %lld x %lld pixels of %.3g m, %d bands of %s, %.1f %% valid\n", path,
           (long long)info->width, (long long)info->height, info->gsd_m, info->bands, info->type,
           100.0 * info->valid_share);
    tb_info_free(info);
    return TB_OK;
}

static void tell(void *context, const char *stage, int64_t done, int64_t total)
{
    (void)context;
    if (done == total)
        fprintf(stderr, "%s done\n", stage);
}

int main(int argc, char **argv)
{
    const tb_progress progress = {.report = tell};
    tb_detect_options options  = {.runtime = {.progress = &progress}};
    tb_error          error    = {0};
    char             *json     = NULL;

    if (argc != 4) {
        fprintf(stderr, "usage: find_changes BEFORE AFTER FOLDER\n");
        return TB_E_USAGE;
    }
    options.before = argv[1];
    options.after  = argv[2];
    options.out    = argv[3];
    if (describe(options.before, &error) != TB_OK || describe(options.after, &error) != TB_OK ||
        tb_detect(&options, &json, &error) != TB_OK)
        return complain(&error);
    puts(json);
    tb_text_release(json);
    return 0;
}
