/* Tiers of a table of cases: CSV in, JSON out. The rules are rules/tier.h's. */
#include "tuban/tier.h"

#include <stdio.h>
#include <string.h>

#include <cpl_csv.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <jansson.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "job/report.h"
#include "raster/capture.h"
#include "rules/profile.h"
#include "rules/tier.h"

typedef enum column {
    COLUMN_ID,
    COLUMN_STREAM,
    COLUMN_PBF,
    COLUMN_ERL,
    COLUMN_FARMLAND,
    COLUMN_FARMLAND_OUTSIDE,
    COLUMN_UNION,
    COLUMN_CLASSES,
    COLUMN_MONTH,
    COLUMN_UNCERTAINTY,
    COLUMN_HINT,
    COLUMN_DOUBT,
    COLUMNS,
    COLUMNS_NEEDED = COLUMN_UNCERTAINTY,
} column;

static const char *const column_name[COLUMNS] = {"id",    "STREAM",  "JBNTMJ",  "STHXMJ",
                                                 "GDMJ",  "GDMJ_XP", "PRUNION", "YSLX",
                                                 "MONTH", "AREA_U",  "HINT",    "DOUBT"};

static const size_t RECORD_MAX = 1 << 20; /* bytes of one line */

/* A table that is being read. */
typedef struct table {
    const char *name;
    tb_text     text;
    VSILFILE   *file;
    char        path[64];       /* of the text as a file of GDAL's */
    int         place[COLUMNS]; /* of each column in a record; -1: none */
    int         fields;         /* of a record */
    char      **record;
    int64_t     line;    /* the record begins on, from 1 */
    int64_t     counted; /* bytes before that line */
} table;

/* ---- records ---- */

static tb_status complain(const table *t, tb_error *err, column which, const char *expected,
                          const char *found)
{
    return tb_error_set(err, TB_E_INPUT, "%s:%lld: column %s: expected %s, got \"%.80s\"", t->name,
                        (long long)t->line, column_name[which], expected, found);
}

static tb_status open_table(table *t, const char *cases, tb_error *err)
{
    bool      is_stdin = cases == NULL || strcmp(cases, "-") == 0;
    tb_status status   = TB_OK;

    t->name = is_stdin ? "standard input" : cases;
    t->line = 1;
    TB_TRY(tb_file_read(is_stdin ? "/dev/stdin" : cases, &t->text, err));
    if (t->text.length == 0) {
        status = tb_error_set(err, TB_E_INPUT, "%s:1: expected a line of column names, got nothing",
                              t->name);
        goto done;
    }
    if (!CPLIsUTF8(t->text.data, (int)t->text.length)) {
        status =
            tb_error_set(err, TB_E_INPUT, "read %s: expected UTF-8, got another encoding", t->name);
        tb_error_hint(err, "save it as CSV UTF-8, or convert it: iconv -f GB18030 -t UTF-8");
        goto done;
    }
    snprintf(t->path, sizeof t->path, "/vsimem/tuban-tier-%p.csv", (void *)t);
    t->file =
        VSIFileFromMemBuffer(t->path, (GByte *)t->text.data, (vsi_l_offset)t->text.length, FALSE);
    if (t->file == NULL)
        status = tb_error_set(err, TB_E_MEMORY, "out of memory, %s", t->name);
done:
    return status;
}

static void close_table(table *t)
{
    CSLDestroy(t->record);
    if (t->file != NULL) {
        VSIFCloseL(t->file);
        VSIUnlink(t->path);
    }
    tb_text_reset(&t->text);
}

static void trim(char *field)
{
    static const char blanks[] = " \t\r";
    size_t            lead     = strspn(field, blanks), length;

    memmove(field, field + lead, strlen(field + lead) + 1);
    for (length = strlen(field); length > 0 && strchr(blanks, field[length - 1]) != NULL; length--)
        field[length - 1] = '\0';
}

/* The next record that is not blank; t->record is NULL at the end. */
static tb_status read_record(table *t, tb_error *err)
{
    for (;;) {
        int64_t at = (int64_t)VSIFTellL(t->file);

        for (; t->counted < at; t->counted++)
            t->line += t->text.data[t->counted] == '\n';
        CSLDestroy(t->record);
        t->record = CSVReadParseLine3L(t->file, RECORD_MAX, ",", true, false, false, at == 0);
        if (t->record == NULL) {
            if (VSIFTellL(t->file) == (vsi_l_offset)t->text.length)
                return TB_OK;
            return tb_error_set(err, TB_E_INPUT,
                                "%s:%lld: expected a line of at most %zu bytes, "
                                "got a longer one",
                                t->name, (long long)t->line, RECORD_MAX);
        }
        for (char **field = t->record; *field != NULL; field++)
            trim(*field);
        if (CSLCount(t->record) > 1 || (t->record[0] != NULL && t->record[0][0] != '\0'))
            return TB_OK;
    }
}

static tb_status read_header(table *t, json_t *notes, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(read_record(t, err));
    if (t->record == NULL) {
        status = tb_error_set(err, TB_E_INPUT, "%s:1: expected a line of column names, got nothing",
                              t->name);
        goto done;
    }
    t->fields = CSLCount(t->record);
    for (int c = 0; c < COLUMNS; c++) {
        t->place[c] = -1;
        for (int f = 0; f < t->fields; f++) {
            if (strcmp(t->record[f], column_name[c]) != 0)
                continue;
            if (t->place[c] >= 0) {
                status = tb_error_set(err, TB_E_INPUT,
                                      "%s:%lld: expected each column once, got %s "
                                      "a second time",
                                      t->name, (long long)t->line, column_name[c]);
                goto done;
            }
            t->place[c] = f;
        }
        if (t->place[c] < 0 && c < COLUMNS_NEEDED) {
            status = tb_error_set(
                err, TB_E_INPUT,
                "%s:%lld: expected the columns "
                "id,STREAM,JBNTMJ,STHXMJ,GDMJ,GDMJ_XP,PRUNION,YSLX,MONTH, got none called %s",
                t->name, (long long)t->line, column_name[c]);
            goto done;
        }
    }
    for (int f = 0; f < t->fields; f++) {
        bool is_known = false;

        for (int c = 0; c < COLUMNS; c++)
            is_known = is_known || t->place[c] == f;
        if (!is_known)
            json_array_append_new(notes, json_sprintf("column %s is not read", t->record[f]));
    }
done:
    return status;
}

/* ---- fields ---- */

static const char *field_of(const table *t, column which)
{
    return t->place[which] >= 0 ? t->record[t->place[which]] : "";
}

static tb_status read_area(const table *t, column which, int64_t *out, tb_error *err)
{
    const char *text = field_of(t, which);

    if (text[0] == '\0' || tb_decimal_parse(text, TB_M2_DIGITS, out, NULL))
        return TB_OK;
    return complain(t, err, which, "m² as digits with a decimal point, or nothing", text);
}

static tb_status read_stream(const table *t, const tb_profile *profile, const tb_stream **out,
                             tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   names  = {0};

    *out = tb_profile_stream(profile, field_of(t, COLUMN_STREAM));
    if (*out != NULL)
        return TB_OK;
    for (int s = 0; s < profile->stream_count; s++)
        TB_TRY(tb_text_append(&names, err, "%s%s", s == 0 ? "one of " : ", ",
                              profile->stream[s].name));
    status = complain(t, err, COLUMN_STREAM, names.data, field_of(t, COLUMN_STREAM));
done:
    tb_text_reset(&names);
    return status;
}

static tb_status read_hint(const table *t, int *permille, tb_error *err)
{
    const char *text = field_of(t, COLUMN_HINT);
    int64_t     hint = 0;

    if (text[0] != '\0' && (!tb_decimal_parse(text, 3, &hint, NULL) || hint > 1000))
        return complain(t, err, COLUMN_HINT, "a number from 0 to 1, or nothing", text);
    *permille = (int)hint;
    return TB_OK;
}

static tb_status read_doubt(const table *t, bool *is_doubtful, tb_error *err)
{
    const char *text = field_of(t, COLUMN_DOUBT);

    if (text[0] != '\0' && strcmp(text, "no") != 0 && strcmp(text, "yes") != 0)
        return complain(t, err, COLUMN_DOUBT, "yes, no or nothing", text);
    *is_doubtful = strcmp(text, "yes") == 0;
    return TB_OK;
}

static tb_status read_case(const table *t, const tb_profile *profile, tb_tier_input *input,
                           tb_error *err)
{
    const char      *month  = field_of(t, COLUMN_MONTH);
    const tb_stream *stream = NULL;
    tb_status        status = TB_OK;

    if (CSLCount(t->record) != t->fields)
        return tb_error_set(err, TB_E_INPUT, "%s:%lld: expected %d fields, got %d", t->name,
                            (long long)t->line, t->fields, CSLCount(t->record));
    TB_TRY(read_stream(t, profile, &stream, err));
    tb_tier_input_init(input, stream);
    TB_TRY(read_area(t, COLUMN_PBF, &input->pbf_dm2, err));
    TB_TRY(read_area(t, COLUMN_ERL, &input->erl_dm2, err));
    TB_TRY(read_area(t, COLUMN_FARMLAND, &input->farmland_dm2, err));
    TB_TRY(read_area(t, COLUMN_FARMLAND_OUTSIDE, &input->farmland_outside_pbf_dm2, err));
    TB_TRY(read_area(t, COLUMN_UNION, &input->union_dm2, err));
    TB_TRY(read_area(t, COLUMN_UNCERTAINTY, &input->uncertainty_dm2, err));
    TB_TRY(read_hint(t, &input->hint_permille, err));
    TB_TRY(read_doubt(t, &input->is_doubtful, err));
    input->classes = field_of(t, COLUMN_CLASSES);
    if (!tb_day_parse(month, &input->issue))
        status =
            complain(t, err, COLUMN_MONTH,
                     "the month of issue as YYYY-MM or YYYYMM, or its day as YYYY-MM-DD", month);
done:
    return status;
}

/* ---- rows ---- */

static json_t *answer_json(tb_answer answer)
{
    return answer == TB_UNKNOWN ? json_null() : json_boolean(answer == TB_YES);
}

static json_t *tier_json(int tier)
{
    return tier < 0 ? json_null() : json_integer(tier);
}

static json_t *row_json(const char *id, const tb_profile *profile, const tb_tier_input *input,
                        const tb_tier_result *result)
{
    char        due[TB_DAY_TEXT_SIZE], ruleset[TB_RULESET_SIZE];
    bool        has_due = result->due.year != 0;
    const char *gate    = result->gate == TB_YES ? "yes" : result->gate == TB_NO ? "no" : "";

    tb_day_text(result->due, due);
    tb_profile_stamp(profile, input->issue, ruleset);
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:o, "
        "s:s, s:s, s:s}",
        "id", id, "STREAM", input->stream->name, "TIER", tier_json(result->tier), "T1",
        answer_json(result->is_tier[1]), "T2", answer_json(result->is_tier[2]), "T3",
        answer_json(result->is_tier[3]), "T3_WHY", result->t3_why, "CITY_WY", result->city_check,
        "T1_XP", answer_json(result->is_t1_outside_pbf), "NEAR", result->near, "GATE", gate,
        "DUE_CNTY", due, "DUE_NOTE", has_due ? tb_weekday_name(tb_day_weekday(result->due)) : "",
        "LATE_ISSUE", has_due && input->issue.day > 0 ? json_boolean(result->is_late) : json_null(),
        "UNION", (int)result->passes_by_union_only, "T3_CAND", (int)result->is_candidate,
        "TIER_AREA", tier_json(result->tier_by_area), "RULESET", ruleset, "clause", result->clause,
        "due_clause", result->due_clause);
}

/* A class nobody listed reaches no tier: said, so that a slip of the pen does not lower one. */
static void note_classes(const table *t, const tb_profile *profile, const char *classes,
                         json_t *notes)
{
    while (*classes != '\0') {
        size_t length   = strcspn(classes, "+");
        bool   is_known = profile->class_count == 0;

        for (int i = 0; i < profile->class_count && !is_known; i++)
            is_known = strlen(profile->class_name[i]) == length &&
                       strncmp(classes, profile->class_name[i], length) == 0;
        if (!is_known)
            json_array_append_new(notes, json_sprintf("%s:%lld: YSLX %.*s is no class of %s",
                                                      t->name, (long long)t->line, (int)length,
                                                      classes, profile->name));
        classes += length + (classes[length] == '+');
    }
}

static tb_status decide_rows(table *t, const tb_profile *profile, json_t *rows, json_t *notes,
                             tb_error *err)
{
    tb_status status   = TB_OK;
    int64_t   outdated = 0, unknown = 0;

    TB_TRY(read_header(t, notes, err));
    for (;;) {
        tb_tier_input  input;
        tb_tier_result result;

        TB_TRY(read_record(t, err));
        if (t->record == NULL)
            break;
        TB_TRY(read_case(t, profile, &input, err));
        tb_tier_decide(profile, &input, &result);
        note_classes(t, profile, input.classes, notes);
        outdated += tb_profile_is_old(profile, input.issue);
        unknown += input.stream->has_tiers && result.tier < 0;
        if (json_array_append_new(
                rows, row_json(field_of(t, COLUMN_ID), profile, &input, &result)) != 0) {
            status = tb_error_set(err, TB_E_MEMORY, "out of memory, rows of %s", t->name);
            goto done;
        }
    }
    if (outdated > 0)
        json_array_append_new(
            notes, json_sprintf("%s is made for %04d-%02d to %04d-%02d: %lld rows lie outside and "
                                "are stamped RULESET_OLD",
                                profile->name, profile->first.year, profile->first.month,
                                profile->last.year, profile->last.month, (long long)outdated));
    if (unknown > 0)
        json_array_append_new(
            notes, json_sprintf("%lld rows have no TIER: it depends on an area that is not known",
                                (long long)unknown));
done:
    return status;
}

static void note_changes(const tb_profile *profile, json_t *notes)
{
    const char *line = profile->notes.data;

    while (line != NULL && *line != '\0') {
        size_t length = strcspn(line, "\n");

        json_array_append_new(notes, json_sprintf("%s: %.*s", profile->name, (int)length, line));
        line += length + (line[length] == '\n');
    }
}

tb_status tb_tier_cases(const tb_tier_options *options, char **json, tb_error *err)
{
    tb_status   status  = TB_OK;
    tb_profile *profile = NULL;
    table       t       = {0};
    json_t     *rows = json_array(), *notes = json_array(), *report;
    tb_capture  capture;

    *json = NULL;
    tb_capture_begin(&capture);
    if (options->profile == NULL) {
        status = tb_error_set(err, TB_E_USAGE, "tier: expected a profile, got none");
        goto done;
    }
    TB_TRY(tb_profile_open(&profile, options->profile, err));
    note_changes(profile, notes);
    TB_TRY(open_table(&t, options->cases, err));
    TB_TRY(decide_rows(&t, profile, rows, notes, err));
    report = json_pack("{s:s, s:o, s:O, s:O}", "profile", profile->name, "ruleset",
                       json_sprintf("%s@%s", profile->name, profile->version), "rows", rows,
                       "notes", notes);
    TB_TRY(tb_report_text(report, json, err));
done:
    tb_capture_end(&capture);
    json_decref(rows);
    json_decref(notes);
    close_table(&t);
    tb_profile_free(profile);
    return status;
}
