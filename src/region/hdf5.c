#include "region/hdf5.h"

#include <stdio.h>
#include <string.h>

#include "core/file.h"

tb_hdf5_quiet tb_hdf5_quiet_begin(void)
{
    tb_hdf5_quiet before = {0};

    /*
     * After a damaged file HDF5 holds objects that it can never let go of, and complains of an
     * endless loop when the program ends. All that is ours is closed by then: it has nothing to do
     * there.
     */
    H5dont_atexit();
    H5Eget_auto2(H5E_DEFAULT, &before.function, &before.data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return before;
}

void tb_hdf5_quiet_end(tb_hdf5_quiet before)
{
    H5Eset_auto2(H5E_DEFAULT, before.function, before.data);
}

static herr_t take_innermost(unsigned depth, const H5E_error2_t *error, void *context)
{
    char *text = context;

    (void)depth;
    snprintf(text, 256, "%s", error->desc != NULL ? error->desc : "");
    return 1; /* one is enough */
}

/*
 * HDF5's innermost complaint. Of a failed system call it lists times and addresses too; the part a
 * person needs stands after "error message = '".
 */
static void complaint(char text[static 256])
{
    static const char mark[] = "error message = '";
    char             *from;

    text[0] = '\0';
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, text);
    from = strstr(text, mark);
    if (from != NULL) {
        from += sizeof mark - 1;
        memmove(text, from, strlen(from) + 1);
        text[strcspn(text, "'")] = '\0';
    }
    if (text[0] == '\0')
        snprintf(text, 256, "a failure without a message");
}

tb_status tb_hdf5_write_error(const char *path, tb_error *err)
{
    char text[256];

    complaint(text);
    tb_error_set(err, TB_E_OUTPUT, "write %s: expected success, got \"%s\"", path, text);
    tb_file_advise(err, path);
    return TB_E_OUTPUT;
}

tb_status tb_hdf5_read_error(const char *path, const char *what, tb_error *err)
{
    char text[256];

    complaint(text);
    return tb_error_set(err, TB_E_INPUT, "read %s of %s: expected a sound file, got \"%s\"", what,
                        path, text);
}
