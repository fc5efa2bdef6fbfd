#include "rules/profile.h"

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "rules/lookup.h"
#include "rules/profile_file.h"

struct tb_profile_files {
    tb_yaml *document[TB_PROFILE_DEPTH]; /* 0 is the file that extends none */
    int      count;
    uint64_t hash;
    char    *classification;
};

const char *tb_quantity_name(tb_quantity quantity)
{
    static const char *const names[TB_QUANTITIES] = {"JBNTMJ", "STHXMJ", "GDMJ"};

    return names[quantity];
}

/* FNV-1a, G. Fowler, L. C. Noll and P. Vo: tells versions of a file apart, and proves nothing. */
static uint64_t hash_bytes(uint64_t hash, const char *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* A rule file that cannot be read is a wrong profile, whatever tb_file_read calls it. */
static tb_status read_text(const char *path, tb_text *text, tb_error *err)
{
    tb_status status = tb_file_read(path, text, err);

    if (status != TB_E_INPUT)
        return status;
    if (err != NULL)
        err->status = TB_E_JOB;
    return TB_E_JOB;
}

/* Reads the file at `path` after those it extends. */
static tb_status read_file(tb_profile *profile, const char *path, int level, tb_error *err)
{
    tb_profile_files *files    = profile->files;
    tb_status         status   = TB_OK;
    tb_text           text     = {0};
    tb_yaml          *document = NULL;
    char             *folder = NULL, *above = NULL;
    const char       *extends;

    if (level == TB_PROFILE_DEPTH)
        return tb_error_set(err, TB_E_JOB,
                            "%s: key extends: expected at most %d profiles that extend one "
                            "another, got more",
                            path, TB_PROFILE_DEPTH);
    TB_TRY(read_text(path, &text, err));
    TB_TRY(tb_yaml_parse(&document, text.data != NULL ? text.data : "", path, TB_E_JOB, err));
    TB_TRY(tb_profile_file_begin(tb_yaml_root(document), &extends, err));
    TB_TRY(tb_path_folder(&folder, path, err));
    if (extends != NULL) {
        TB_TRY(tb_rules_find(&above, extends, folder, err));
        TB_TRY(read_file(profile, above, level + 1, err));
    }
    files->hash = hash_bytes(files->hash, text.data, text.length);

    const char     *before = profile->classification;
    tb_profile_file file   = {
          .profile = profile, .root = tb_yaml_root(document), .depth = files->count};

    files->document[files->count++] = document; /* from here on the profile's, which borrows */
    document                        = NULL;
    TB_TRY(tb_profile_file_read(&file, err));
    if (profile->classification != before) {
        tb_free(files->classification);
        files->classification = NULL;
        TB_TRY(tb_rules_find(&files->classification, profile->classification, folder, err));
        profile->classification = files->classification;
    }
done:
    tb_text_reset(&text);
    tb_yaml_free(document);
    tb_free(folder);
    tb_free(above);
    return status;
}

/* The land classes are rules too: a change of theirs changes the version. */
static tb_status hash_classification(tb_profile *profile, tb_error *err)
{
    tb_text   text   = {0};
    tb_status status = read_text(profile->classification, &text, err);

    if (status == TB_OK)
        profile->files->hash = hash_bytes(profile->files->hash, text.data, text.length);
    tb_text_reset(&text);
    return status;
}

tb_status tb_profile_open(tb_profile **out, const char *name, tb_error *err)
{
    tb_status   status  = TB_OK;
    tb_profile *profile = NULL;
    char       *path    = NULL;

    *out = NULL;
    TB_TRY(tb_rules_find(&path, name, NULL, err));
    TB_TRY(tb_alloc_zero(&profile, 1, sizeof *profile, "rule profile", err));
    TB_TRY(tb_alloc_zero(&profile->files, 1, sizeof *profile->files, "rule profile", err));
    profile->files->hash = UINT64_C(0xcbf29ce484222325);
    TB_TRY(read_file(profile, path, 0, err));
    TB_TRY(hash_classification(profile, err));
    snprintf(profile->version, sizeof profile->version, "%016llx",
             (unsigned long long)profile->files->hash);
    *out    = profile;
    profile = NULL;
done:
    tb_profile_free(profile);
    tb_free(path);
    return status;
}

void tb_profile_free(tb_profile *profile)
{
    if (profile == NULL)
        return;
    if (profile->files != NULL) {
        for (int i = 0; i < profile->files->count; i++)
            tb_yaml_free(profile->files->document[i]);
        tb_free(profile->files->classification);
    }
    tb_free(profile->files);
    tb_text_reset(&profile->notes);
    tb_free(profile);
}

const tb_stream *tb_profile_stream(const tb_profile *profile, const char *name)
{
    for (int s = 0; s < profile->stream_count; s++) {
        const tb_stream *stream = &profile->stream[s];

        if (strcmp(stream->name, name) == 0)
            return stream;
        for (int a = 0; a < stream->alias_count; a++)
            if (strcmp(stream->aliases[a], name) == 0)
                return stream;
    }
    return NULL;
}

bool tb_profile_is_old(const tb_profile *profile, tb_day day)
{
    tb_day month = {.year = day.year, .month = day.month};

    return tb_day_compare(month, profile->first) < 0 || tb_day_compare(month, profile->last) > 0;
}

void tb_profile_stamp(const tb_profile *profile, tb_day day, char stamp[TB_RULESET_SIZE])
{
    snprintf(stamp, TB_RULESET_SIZE, "%.60s@%s%s", profile->name, profile->version,
             tb_profile_is_old(profile, day) ? " RULESET_OLD" : "");
}
