/* Rules: areas, calendar, land classes, profiles whole and damaged, and the conformance cases of
 * tests/cases/tier.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "checks.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/yaml.h"
#include "rules/landclass.h"
#include "rules/lookup.h"
#include "rules/profile.h"
#include "rules/tier.h"

static const char profiles[] = TUBAN_SOURCE_DIR "/profiles/";

/* ---- areas ---- */

static void mu_becomes_whole_hundredths_of_a_square_metre(void **state)
{
    static const int64_t expected[][2] = {{2, 133333},   {5, 333333},   {10, 666667},
                                          {20, 1333333}, {25, 1666667}, {30, 2000000},
                                          {50, 3333333}, {100, 6666667}};

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(tb_area_of_mu(expected[i][0] * 10000), expected[i][1]);
    assert_int_equal(tb_area_of_mu(1), 7); /* 6.67 dm2 */
    assert_int_equal(tb_area_of_mu(3), 20);
    /* 4 sqrt(T) half a pixel of 2 m, from domain: some 0.35 mu at 5 mu. */
    assert_int_equal(tb_area_uncertainty(333333, 20), 23093); /* of 23093.997 */
    assert_int_equal(tb_area_uncertainty(0, 20), 0);
    assert_int_equal(tb_area_uncertainty(250000, 10), 10000);
}

static void decimals_are_read_exactly(void **state)
{
    static const struct {
        const char *text;
        int64_t     value;
        bool        is_exact;
    } good[]                       = {{"0", 0, true},
                                      {"3333.33", 333333, true},
                                      {"3333.335", 333334, false},
                                      {"3333.3349999999999999999999", 333333, false},
                                      {"7", 700, true},
                                      {"7.5", 750, true},
                                      {"7.500000", 750, true},
                                      {"000000000000000000000001.99", 199, true},
                                      {"99999999999999.995", 10000000000000000, false}};
    static const char *const bad[] = {"",    "-1",  "+1",   "1e3", ".5",    "5.",
                                      "1,5", "1 2", "0x10", "nan", "1.2.3", "100000000000000",
                                      "１２"};
    int64_t                  value = 77;
    bool                     is_exact;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(tb_decimal_parse(good[i].text, TB_M2_DIGITS, &value, &is_exact));
        assert_int_equal(value, good[i].value);
        assert_int_equal(is_exact, good[i].is_exact);
    }
    value = 77;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (tb_decimal_parse(bad[i], TB_M2_DIGITS, &value, NULL))
            fail_msg("\"%s\" was read", bad[i]);
    assert_int_equal(value, 77);
}

/* ---- calendar ---- */

static void days_follow_one_another(void **state)
{
    tb_day day     = {1900, 1, 1};
    int    weekday = 1; /* a Monday */
    int    count   = 0;

    (void)state;
    while (day.year <= 2200) {
        char   text[TB_DAY_TEXT_SIZE];
        tb_day back, next = {day.year, day.month, day.day + 1};

        assert_int_equal(tb_day_weekday(day), weekday);
        tb_day_text(day, text);
        assert_true(tb_day_parse(text, &back));
        assert_int_equal(tb_day_compare(day, back), 0);
        if (!tb_day_is_valid(next))
            next = tb_day_in_month(day, 1, 1);
        assert_true(tb_day_compare(day, next) < 0 && tb_day_compare(next, day) > 0);
        day     = next;
        weekday = (weekday + 1) % 7;
        count++;
    }
    assert_int_equal(count, 301 * 365 + 73); /* 1900, 2100 and 2200 are no leap years */
}

static void months_are_read_and_counted(void **state)
{
    static const char *const bad[] = {"",           "2024",       "2024-13",    "202400",
                                      "2024-00",    "2024/04",    "24-04",      "2024-4",
                                      "2023-02-29", "1900-02-29", "2024-04-31", "2024-04-00",
                                      "2024-04-1",  "20240401",   " 2024-04",   "2024-04-2x"};
    tb_day                   day   = {0}, next;
    char                     text[TB_DAY_TEXT_SIZE];

    (void)state;
    assert_true(tb_day_parse("202402", &day));
    assert_int_equal(day.day, 0);
    tb_day_text(day, text);
    assert_string_equal(text, "2024-02");
    assert_true(tb_day_parse("2024-02-29", &day));
    next = tb_day_in_month((tb_day){2024, 12, 31}, 1, 10);
    tb_day_text(next, text);
    assert_string_equal(text, "2025-01-10");
    next = tb_day_in_month((tb_day){2025, 1, 5}, -1, 25);
    tb_day_text(next, text);
    assert_string_equal(text, "2024-12-25");
    assert_string_equal(tb_weekday_name(tb_day_weekday((tb_day){2024, 2, 29})), "周四");
    tb_day_text((tb_day){0}, text);
    assert_string_equal(text, "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (tb_day_parse(bad[i], &day))
            fail_msg("\"%s\" was read", bad[i]);
}

/* ---- land classes ---- */

static void codes_have_classes(void **state)
{
    static const struct {
        tb_landclass      landclass;
        const char *const codes[24];
    } expected[] = {
        {TB_LANDCLASS_FARMLAND, {"01", "0101", "0102", "0103", " 0103 "}},
        {TB_LANDCLASS_OTHER_AGRICULTURAL,
         {"02",    "0201",  "0201K", "0202",  "0204",  "03",   "0301", "0301K",
          "0307K", "0401",  "0402",  "0403",  "0403K", "1006", "1103", "1104",
          "1104A", "1104K", "1107",  "1107A", "1202",  "1203", "0101K"}},
        {TB_LANDCLASS_CONSTRUCTION,
         {"05",   "05H1", "0508", "06",    "0601", "0602", "0603",  "0701",
          "0702", "08H1", "08H2", "08H2A", "0809", "0810", "0810A", "09",
          "1001", "1002", "1005", "1007",  "1008", "1009", "1109"}},
        {TB_LANDCLASS_UNUSED,
         {"0404", "1101", "1102", "1105", "1106", "1108", "1110", "1204", "1205", "1206", "1207"}},
        {TB_LANDCLASS_UNKNOWN, {"",      "1",    "101", "04",   "10",    "11",     "12",     "0405",
                                "1010",  "1208", "13",  "2001", "0101X", "0101KK", "0101 K", "010",
                                "01011", "水田", "K",   "K01",  "1010K", "0101k"}},
    };
    tb_landclasses *classes;

    (void)state;
    OK(tb_landclasses_open(&classes, TUBAN_SOURCE_DIR "/profiles/landclass-sandiao.yaml", heard));
    assert_string_equal(tb_landclasses_name(classes), "landclass-sandiao");
    for (size_t e = 0; e < sizeof expected / sizeof *expected; e++)
        for (size_t i = 0; i < 24 && expected[e].codes[i] != NULL; i++) {
            tb_landclass got = tb_landclass_of(classes, expected[e].codes[i]);

            if (got != expected[e].landclass)
                fail_msg("\"%s\": expected %s, got %s", expected[e].codes[i],
                         tb_landclass_name(expected[e].landclass), tb_landclass_name(got));
        }
    assert_int_equal(tb_landclass_of(classes, "1201"), TB_LANDCLASS_CONSTRUCTION);
    assert_int_equal(tb_landclass_of(classes, NULL), TB_LANDCLASS_UNKNOWN);
    tb_landclasses_free(classes);
    tb_landclasses_free(NULL);
}

/* ---- profiles ---- */

static tb_profile *open_profile(const char *name)
{
    char        path[256];
    tb_profile *profile;

    snprintf(path, sizeof path, "%s%s.yaml", profiles, name);
    OK(tb_profile_open(&profile, path, heard));
    return profile;
}

static void profiles_say_what_others_need(void **state)
{
    static const char *const names[] = {"shandong-2024", "weihai-city", "ministry-quarterly",
                                        "ningxia-2024"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tb_profile     *p = open_profile(names[i]);
        tb_landclasses *classes;

        assert_string_equal(p->name, names[i]);
        assert_int_equal(p->minimum_m2, 200);
        assert_true(p->minimum_gsd_m == 2.0);
        assert_int_equal(p->minimum_pixels, 20);
        assert_int_equal(p->cluster_gap_dm, 200);
        assert_true(p->is_net_of_ridges);
        assert_int_equal(p->approval_count, 4);
        assert_string_equal(p->approval[0].kind, "农转用");
        assert_false(p->approval[0].needs_validity);
        for (int a = 1; a < p->approval_count; a++)
            assert_true(p->approval[a].needs_validity);
        for (int a = 0; a < p->approval_count; a++)
            assert_true(strcmp(p->approval[a].kind, "预审选址") != 0 &&
                        strcmp(p->approval[a].kind, "征收") != 0);
        OK(tb_landclasses_open(&classes, p->classification, heard));
        tb_landclasses_free(classes);
        assert_int_equal(p->notes.length, 0);
        tb_profile_free(p);
    }
    tb_profile_free(NULL);
}

static void profiles_are_stamped(void **state)
{
    tb_profile *province = open_profile("shandong-2024"), *city = open_profile("weihai-city");
    char        stamp[TB_RULESET_SIZE], expected[TB_RULESET_SIZE];

    (void)state;
    assert_int_equal(strlen(province->version), 16);
    assert_string_not_equal(province->version, city->version);
    assert_false(tb_profile_is_old(province, (tb_day){2024, 1, 0}));
    assert_false(tb_profile_is_old(province, (tb_day){2024, 12, 31}));
    assert_true(tb_profile_is_old(province, (tb_day){2023, 12, 31}));
    assert_true(tb_profile_is_old(province, (tb_day){2025, 1, 0}));
    tb_profile_stamp(province, (tb_day){2024, 5, 0}, stamp);
    snprintf(expected, sizeof expected, "shandong-2024@%s", province->version);
    assert_string_equal(stamp, expected);
    tb_profile_stamp(province, (tb_day){2025, 1, 0}, stamp);
    snprintf(expected, sizeof expected, "shandong-2024@%s RULESET_OLD", province->version);
    assert_string_equal(stamp, expected);
    tb_profile_free(province);
    tb_profile_free(city);
}

/* A folder of the test's own with copies of the profiles. */
typedef struct scratch {
    char folder[200];
} scratch;

static int copy_profile(const scratch *s, const char *name)
{
    char    from[300], to[300];
    tb_text text = {0};

    snprintf(from, sizeof from, "%s%s.yaml", profiles, name);
    snprintf(to, sizeof to, "%s/%s.yaml", s->folder, name);
    if (tb_file_read(from, &text, NULL) != TB_OK ||
        tb_file_write(to, text.data, text.length, NULL) != TB_OK)
        return -1;
    tb_text_reset(&text);
    return 0;
}

static int scratch_begin(void **state)
{
    static scratch s;
    const char    *root = getenv("TMPDIR");

    snprintf(s.folder, sizeof s.folder, "%s/tuban-rules-XXXXXX", root != NULL ? root : "/tmp");
    if (mkdtemp(s.folder) == NULL)
        return -1;
    *state = &s;
    return copy_profile(&s, "shandong-2024") + copy_profile(&s, "landclass-sandiao");
}

static int scratch_end(void **state)
{
    tb_folder_remove(((scratch *)*state)->folder);
    return 0;
}

/* shandong-2024 with the first `old` replaced by `new`, as damaged.yaml. */
static void write_damaged(const scratch *s, const char *old, const char *new)
{
    tb_text     text = {0}, out = {0};
    char        path[300];
    const char *at;

    snprintf(path, sizeof path, "%sshandong-2024.yaml", profiles);
    OK(tb_file_read(path, &text, heard));
    at = strstr(text.data, old);
    if (at == NULL)
        fail_msg("the profile has no \"%s\"", old);
    OK(tb_text_append(&out, heard, "%.*s%s%s", (int)(at - text.data), text.data, new,
                      at + strlen(old)));
    snprintf(path, sizeof path, "%s/damaged.yaml", s->folder);
    OK(tb_file_write(path, out.data, out.length, heard));
    tb_text_reset(&text);
    tb_text_reset(&out);
}

static void write_local(const scratch *s, const char *body)
{
    char    path[300];
    tb_text text = {0};

    snprintf(path, sizeof path, "%s/local.yaml", s->folder);
    OK(tb_text_append(&text, heard,
                      "profile: local\ntitle: 某市\nextends: shandong-2024\n"
                      "notices:\n  own: {cited_as: 某自然资发〔2024〕1号}\n"
                      "citations:\n  own: {notice: own, clause: 一}\n%s",
                      body));
    OK(tb_file_write(path, text.data, text.length, heard));
    tb_text_reset(&text);
}

/* Refused with TB_E_JOB, in one line that names the file with a line, and `said`. */
static void expect_refusal(const scratch *s, const char *name, const char *said)
{
    char        path[300], place[320];
    tb_error    error   = {0};
    tb_profile *profile = NULL;
    size_t      in_use  = tb_memory_in_use();

    snprintf(path, sizeof path, "%s/%s.yaml", s->folder, name);
    if (tb_profile_open(&profile, path, &error) != TB_E_JOB)
        fail_msg("expected a refusal with \"%s\", got \"%s\"", said, error.message);
    assert_null(profile);
    snprintf(place, sizeof place, "%s:", path);
    if (strstr(error.message, place) == NULL || strstr(error.message, said) == NULL ||
        strchr(error.message, '\n') != NULL)
        fail_msg("expected \"%s\" and \"%s\" in: %s", place, said, error.message);
    assert_int_equal(tb_memory_in_use(), in_use);
}

static void damaged_profiles_are_refused(void **state)
{
    static const char        first[] = "{quantity: JBNTMJ, operator: \">=\", value: 5, unit: mu, "
                                       "code: PBF, cite: monthly}";
    static const char *const damages[][3] = {
        {"code: PBF, cite: monthly", "code: PBF", "any[0]: expected a key cite, got none"},
        {"cite: monthly}", "cite: hearsay}",
         "any[0].cite: expected a name that stands under citations, got \"hearsay\""},
        {"notice: weihai, clause: 二（一）1, restates: 鲁",
         "notice: rumour, clause: 二（一）1, restates: 鲁",
         "citations.monthly.notice: expected a name that stands under notices, got \"rumour\""},
        {"notice: weihai, clause: 二（一）1, restates: 鲁",
         "notice: weihai, clause: \"\", restates: 鲁",
         "citations.monthly.clause: expected the clause"},
        {"day: 10, month: next, cite: reporting", "day: 10, month: next",
         "T0.due: expected a key cite"},
        {"day: 10,", "day: 31,", "T0.due.day: expected a whole number from 1 to 28, got \"31\""},
        {"month: next", "month: later", "T0.due.month: expected one of issue, next, got \"later\""},
        {"value: 5,", "value: five,", "any[0].value: expected an area in mu above 0"},
        {"value: 5,", "value: -5,", "any[0].value: expected an area in mu above 0"},
        {"value: 5,", "value: 0,", "any[0].value: expected an area in mu above 0"},
        {"value: 5,", "value: 5.00001,", "any[0].value: expected an area in mu above 0"},
        {"value: 5,", "value: [5],", "any[0].value: expected an area in mu above 0"},
        {"operator: \">=\"", "operator: \"=>\"",
         "any[0].operator: expected one of >=, >, got \"=>\""},
        {"unit: mu", "unit: ha", "any[0].unit: expected one of mu, got \"ha\""},
        {"unit: mu, ", "", "any[0]: expected a key unit, got none"},
        {"quantity: JBNTMJ", "quantity: JBNT",
         "expected one of JBNTMJ, STHXMJ, GDMJ, got \"JBNT\""},
        {"quantity: STHXMJ", "quantity: JBNTMJ", "any[1]: expected each quantity once in a list"},
        {first, "5", "any[0]: expected a map of keys"},
        {"code: PBF", "code: 基本", "any[0].code: expected 1 to 15 of A-Z"},
        {"value: 20,", "value: 4,",
         "T2: expected tiers that nest, JBNTMJ from T1 to T2 not falling"},
        {"ridges: net", "ridges: some", "key ridges: expected one of net, gross, got \"some\""},
        {"ridges: net\n", "", "expected a key ridges, got none"},
        {"ridges:", "ridge:", "key ridge: expected one of"},
        {"classification: landclass-sandiao\n", "", "expected a key classification, got none"},
        {"from: 2024-01, to: 2024-12", "from: 2024-12, to: 2024-01",
         "key effective: expected a month to"},
        {"from: 2024-01", "from: 2024",
         "effective.from: expected a month as YYYY-MM, got \"2024\""},
        {"effective: {from: 2024-01, to: 2024-12}", "", "expected a key effective, got none"},
        {"pixels: 20", "pixels: many", "minimum_parcel.pixels: expected a whole number"},
        {"gap_m: 20", "gap_m: 20.55", "cluster.gap_m: expected metres"},
        {"only_within_validity: false", "only_within_validity: maybe",
         "approvals[0].only_within_validity: expected one of"},
        {"basis: named", "basis: heard",
         "list[0].basis: expected one of named, inferred, got \"heard\""},
        {"strong_hint: 0.9", "strong_hint: 9",
         "classes.strong_hint: expected a number from 0 to 1"},
        {"stream: MQ", "stream: pm", "streams[1].stream: expected 1 to 15 of A-Z"},
        {"    due: {day: 25, month: issue, cite: reporting}\n  - stream: AY",
         "    late: 3\n  - stream: AY", "streams[1].late: expected one of stream, title"},
        {"name: 大图斑\n", "\n", "T2: expected a key name, got none"},
    };
    const scratch *s = *state;

    write_damaged(s, "profile: shandong-2024", "profile: shandong-2024");
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        write_damaged(s, damages[i][0], damages[i][1]);
        expect_refusal(s, "damaged", damages[i][2]);
    }
}

static void files_that_are_not_there_are_told(void **state)
{
    const scratch *s = *state;
    tb_error       error;
    tb_profile    *profile;
    char           path[300];

    error = (tb_error){0};
    assert_int_equal(tb_profile_open(&profile, "atlantis-2024", &error), TB_E_JOB);
    assert_non_null(strstr(error.message, "profile atlantis-2024: expected a path, or one of"));
    assert_non_null(strstr(error.message, "shandong-2024"));
    assert_null(strstr(error.message, "landclass"));
    error = (tb_error){0};
    snprintf(path, sizeof path, "%s/none.yaml", s->folder);
    assert_int_equal(tb_profile_open(&profile, path, &error), TB_E_JOB);
    assert_int_equal(error.status, TB_E_JOB);
    assert_non_null(strstr(error.message, path));

    write_damaged(s, "classification: landclass-sandiao", "classification: landclass-none");
    snprintf(path, sizeof path, "%s/damaged.yaml", s->folder);
    assert_int_equal(tb_profile_open(&profile, path, &error), TB_E_JOB);
    assert_non_null(strstr(error.message, "landclass-none"));
    write_damaged(s, "profile: shandong-2024", "profile: shandong-2024\nextends: damaged");
    assert_int_equal(tb_profile_open(&profile, path, &error), TB_E_JOB);
    assert_non_null(strstr(error.message, "expected at most 4 profiles that extend one another"));
}

static void local_profiles_lower_nothing_in_silence(void **state)
{
    const scratch *s = *state;
    tb_profile    *p;
    char           path[300];

    snprintf(path, sizeof path, "%s/local.yaml", s->folder);

    /* Saying the same again is no change. */
    write_local(s, "streams:\n  - stream: PM\n    tiers:\n      T1:\n        any:\n"
                   "          - {quantity: JBNTMJ, operator: \">=\", value: 5.0, unit: mu, code: "
                   "PBF, cite: own}\n");
    OK(tb_profile_open(&p, path, heard));
    assert_int_equal(p->notes.length, 0);
    assert_int_equal(p->stream[0].tier[1].any.count, 3);
    assert_string_equal(p->stream[0].tier[1].any.item[0].citation.notice, "某自然资发〔2024〕1号");
    assert_string_equal(p->stream[0].tier[1].any.item[1].citation.notice, "威自然资发〔2024〕22号");
    tb_profile_free(p);

    write_local(s, "streams:\n  - stream: PM\n    tiers:\n      T1:\n        any:\n"
                   "          - {quantity: JBNTMJ, operator: \">=\", value: 4, unit: mu, code: "
                   "PBF, cite: own}\n");
    expect_refusal(
        s, "local",
        "local.yaml:13: key streams[0].tiers.T1.any[0].value: expected >= 5 mu, as the profile it "
        "extends says of JBNTMJ here, or a key because with the reason, got \"4\"");
    write_local(s, "streams:\n  - stream: PM\n    tiers:\n      T1:\n        any:\n"
                   "          - {quantity: JBNTMJ, operator: \">\", value: 5, unit: mu, code: PBF, "
                   "cite: own}\n");
    expect_refusal(s, "local", "expected >= 5 mu, as the profile it extends says");
    write_local(
        s,
        "streams:\n  - stream: MQ\n    gate:\n"
        "      - {quantity: STHXMJ, operator: \">=\", value: 5, unit: mu, code: ERL, cite: own}\n");
    expect_refusal(s, "local",
                   "expected no such threshold, as the profile it extends says of STHXMJ here");

    write_local(s, "streams:\n  - stream: PM\n    tiers:\n      T1:\n        any:\n"
                   "          - {quantity: JBNTMJ, operator: \">=\", value: 4, unit: mu, code: "
                   "PBF, cite: own, "
                   "because: 市政府会议纪要}\n");
    OK(tb_profile_open(&p, path, heard));
    assert_string_equal(p->notes.data, "streams[0].tiers.T1.any[0]: JBNTMJ >= 4 mu, where >= 5 mu "
                                       "stood: 市政府会议纪要\n");
    assert_int_equal(p->stream[0].tier[1].any.item[0].area_dm2, 266667);
    tb_profile_free(p);
}

static void local_approvals_are_noted(void **state)
{
    const scratch *s = *state;
    tb_profile    *p;
    char           path[300];

    snprintf(path, sizeof path, "%s/local.yaml", s->folder);
    write_local(s, "approvals:\n  - {kind: 农转用, only_within_validity: false}\n");
    OK(tb_profile_open(&p, path, heard));
    assert_int_equal(p->approval_count, 1);
    assert_non_null(strstr(p->notes.data, "approvals: its own list"));
    tb_profile_free(p);
}

static void inferred_classes_can_be_switched_off(void **state)
{
    const scratch *s = *state;
    tb_profile    *p;
    char           path[300];

    snprintf(path, sizeof path, "%s/damaged.yaml", s->folder);
    write_damaged(s, "use_inferred: true", "use_inferred: false");
    OK(tb_profile_open(&p, path, heard));
    assert_int_equal(p->stream[0].tier[3].classes.count, 2);
    assert_string_equal(p->stream[0].tier[3].classes.item[1].name, "违建别墅");
    tb_profile_free(p);
}

static void damaged_land_classes_are_refused(void **state)
{
    static const char *const damages[][2] = {
        {"landclass: x\nversion: 1\nprefixes: {farmland: [\"01\"], other_agricultural: [\"01\"], "
         "construction: [], unused: []}\n",
         "prefixes.other_agricultural[0]: expected each prefix once"},
        {"landclass: x\nversion: 1\nprefixes: {farmland: [\"01\"]}\n",
         "expected a key other_agricultural"},
        {"landclass: x\nversion: 1\nprefixes: {farmland: [\"1a\"], other_agricultural: [], "
         "construction: [], "
         "unused: []}\n",
         "prefixes.farmland[0]: expected 1 to 4 digits"},
        {"landclass: x\nprefixes: {}\n", "expected a key version"},
    };
    const scratch *s = *state;
    char           path[300];

    snprintf(path, sizeof path, "%s/classes.yaml", s->folder);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        tb_landclasses *classes;
        tb_error        error = {0};

        OK(tb_file_write(path, damages[i][0], strlen(damages[i][0]), heard));
        assert_int_equal(tb_landclasses_open(&classes, path, &error), TB_E_JOB);
        assert_null(classes);
        if (strstr(error.message, damages[i][1]) == NULL)
            fail_msg("expected \"%s\" in: %s", damages[i][1], error.message);
    }
}

/* Every allocation fails once: an error if and only if one failed, and nothing kept. */
static void profiles_survive_running_out_of_memory(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        tb_profile *profile = NULL;
        tb_error    error   = {0};
        size_t      in_use  = tb_memory_in_use();

        tb_memory_fail_at(n);

        tb_status status =
            tb_profile_open(&profile, TUBAN_SOURCE_DIR "/profiles/weihai-city.yaml", &error);
        bool has_failed = tb_memory_has_failed();

        tb_memory_fail_at(0);
        assert_int_equal(status, has_failed ? TB_E_MEMORY : TB_OK);
        assert_int_equal(profile != NULL, !has_failed);
        tb_profile_free(profile);
        assert_int_equal(tb_memory_in_use(), in_use);
        if (!has_failed)
            break;
    }
}

/* ---- tiers ---- */

static void read_given(tb_node given, const tb_profile *profile, tb_tier_input *input)
{
    static const char *const allowed[] = {"STREAM",  "JBNTMJ",  "STHXMJ", "GDMJ",
                                          "GDMJ_XP", "PRUNION", "AREA_U", "YSLX",
                                          "MONTH",   "HINT",    "DOUBT",  NULL};
    struct {
        const char *key;
        int64_t    *area;
        int64_t     otherwise;
    } areas[] = {
        {"JBNTMJ", &input->pbf_dm2, 0},    {"STHXMJ", &input->erl_dm2, 0},
        {"GDMJ", &input->farmland_dm2, 0}, {"GDMJ_XP", &input->farmland_outside_pbf_dm2, 0},
        {"PRUNION", &input->union_dm2, 0}, {"AREA_U", &input->uncertainty_dm2, TB_AREA_UNKNOWN}};
    const char *text;
    tb_node     node;
    int64_t     value;

    OK(tb_node_check_keys(given, allowed, heard));
    OK(tb_node_require(given, "STREAM", &node, heard));
    OK(tb_node_text(node, &text, heard));
    tb_tier_input_init(input, tb_profile_stream(profile, text));
    assert_non_null(input->stream);
    for (size_t i = 0; i < sizeof areas / sizeof *areas; i++) {
        char number[32];

        *areas[i].area = areas[i].otherwise;
        if (!tb_node_find(given, areas[i].key, &node))
            continue;
        OK(tb_node_text(node, &text, heard));
        if (strcmp(text, "unknown") == 0) {
            *areas[i].area = TB_AREA_UNKNOWN;
        } else if (sscanf(text, "%31[0-9.] mu", number) == 1 && strstr(text, " mu") != NULL) {
            assert_true(tb_decimal_parse(number, TB_MU_DIGITS, &value, NULL));
            *areas[i].area = tb_area_of_mu(value);
        } else {
            assert_true(tb_decimal_parse(text, TB_M2_DIGITS, areas[i].area, NULL));
        }
    }
    if (tb_node_find(given, "YSLX", &node))
        OK(tb_node_text(node, &input->classes, heard));
    if (tb_node_find(given, "HINT", &node)) {
        OK(tb_node_text(node, &text, heard));
        assert_true(tb_decimal_parse(text, 3, &value, NULL));
        input->hint_permille = (int)value;
    }
    if (tb_node_find(given, "DOUBT", &node))
        OK(tb_node_boolean(node, &input->is_doubtful, heard));
    OK(tb_node_require(given, "MONTH", &node, heard));
    OK(tb_node_text(node, &text, heard));
    assert_true(tb_day_parse(text, &input->issue));
}

static const char *answer_text(tb_answer answer)
{
    return answer == TB_YES ? "yes" : answer == TB_NO ? "no" : "unknown";
}

static void expect_field(const char *name, tb_node expect, const char *key, const char *got)
{
    bool        is_part = strcmp(key, "clause") == 0;
    const char *wanted;
    tb_node     node;

    if (!tb_node_find(expect, key, &node))
        return;
    OK(tb_node_text(node, &wanted, heard));
    if (is_part && wanted[0] != '\0' ? strstr(got, wanted) == NULL : strcmp(got, wanted) != 0)
        fail_msg("%s: %s: expected \"%s\", got \"%s\"", name, key, wanted, got);
}

static void expect_result(const char *name, tb_node expect, const tb_tier_result *r)
{
    static const char *const allowed[] = {"TIER",     "T1",    "T2",      "T3",        "T3_WHY",
                                          "CITY_WY",  "T1_XP", "NEAR",    "GATE",      "DUE_CNTY",
                                          "DUE_NOTE", "UNION", "T3_CAND", "TIER_AREA", "LATE_ISSUE",
                                          "clause",   NULL};
    char                     tier[16] = "", by_area[16] = "", due[TB_DAY_TEXT_SIZE];

    OK(tb_node_check_keys(expect, allowed, heard));
    if (r->tier >= 0)
        snprintf(tier, sizeof tier, "%d", r->tier);
    if (r->tier_by_area >= 0)
        snprintf(by_area, sizeof by_area, "%d", r->tier_by_area);
    tb_day_text(r->due, due);
    expect_field(name, expect, "TIER", tier);
    expect_field(name, expect, "TIER_AREA", by_area);
    expect_field(name, expect, "T1", answer_text(r->is_tier[1]));
    expect_field(name, expect, "T2", answer_text(r->is_tier[2]));
    expect_field(name, expect, "T3", answer_text(r->is_tier[3]));
    expect_field(name, expect, "T3_WHY", r->t3_why);
    expect_field(name, expect, "CITY_WY", r->city_check);
    expect_field(name, expect, "T1_XP", answer_text(r->is_t1_outside_pbf));
    expect_field(name, expect, "NEAR", r->near);
    expect_field(name, expect, "GATE", r->gate == TB_UNKNOWN ? "" : answer_text(r->gate));
    expect_field(name, expect, "DUE_CNTY", due);
    expect_field(name, expect, "DUE_NOTE",
                 r->due.year != 0 ? tb_weekday_name(tb_day_weekday(r->due)) : "");
    expect_field(name, expect, "LATE_ISSUE", r->is_late ? "yes" : "no");
    expect_field(name, expect, "UNION", r->passes_by_union_only ? "yes" : "no");
    expect_field(name, expect, "T3_CAND", r->is_candidate ? "yes" : "no");
    expect_field(name, expect, "clause", r->clause);
}

static void conformance_cases_hold(void **state)
{
    static const char *const allowed[] = {"case", "profile", "given", "expect", NULL};
    tb_yaml                 *document;
    tb_node                  cases, node;

    (void)state;
    OK(tb_yaml_open(&document, TUBAN_SOURCE_DIR "/tests/cases/tier.yaml", TB_E_INPUT, heard));
    OK(tb_node_require(tb_yaml_root(document), "cases", &cases, heard));
    assert_true(tb_node_count(cases) > 30);
    for (size_t i = 0; i < tb_node_count(cases); i++) {
        tb_node        one = tb_node_item(cases, i), given, expect;
        const char    *name, *profile_name;
        tb_profile    *profile;
        tb_tier_input  input;
        tb_tier_result result;

        OK(tb_node_check_keys(one, allowed, heard));
        OK(tb_node_require(one, "case", &node, heard));
        OK(tb_node_text(node, &name, heard));
        OK(tb_node_require(one, "profile", &node, heard));
        OK(tb_node_text(node, &profile_name, heard));
        OK(tb_node_require(one, "given", &given, heard));
        OK(tb_node_require(one, "expect", &expect, heard));
        profile = open_profile(profile_name);
        read_given(given, profile, &input);
        tb_tier_decide(profile, &input, &result);
        expect_result(name, expect, &result);
        tb_profile_free(profile);
    }
    tb_yaml_free(document);
}

/* More area never lowers a tier, and a tier holds where one above it does. */
static void tiers_nest_and_rise(void **state)
{
    tb_profile              *profile   = open_profile("weihai-city");
    const tb_stream         *stream    = tb_profile_stream(profile, "PM");
    static const char *const classes[] = {"", "大棚房"};
    int64_t                  seed      = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        tb_tier_input  input;
        tb_tier_result less, more;
        int64_t       *areas[] = {&input.pbf_dm2, &input.erl_dm2, &input.farmland_dm2};

        tb_tier_input_init(&input, stream);
        for (size_t a = 0; a < 3; a++) {
            seed      = (seed * 48271) % 2147483647;
            *areas[a] = seed % 8000000;
        }
        input.classes = classes[i % 2];
        tb_tier_decide(profile, &input, &less);
        *areas[i % 3] += seed % 1000000;
        tb_tier_decide(profile, &input, &more);
        assert_true(more.tier >= less.tier);
        assert_true(less.tier >= less.tier_by_area);
        for (int t = 1; t < TB_TIERS; t++)
            assert_int_equal(less.is_tier[t] == TB_YES, t <= less.tier);
        assert_int_equal(less.is_tier[0] == TB_YES, less.tier == 0);
        assert_int_equal(less.t3_why[0] != '\0', less.tier == 3);
    }
    tb_profile_free(profile);
}

static void nothing_states_a_verdict(void **state)
{
    static const char *const names[] = {"shandong-2024", "weihai-city", "ministry-quarterly",
                                        "ningxia-2024", "landclass-sandiao"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char    path[300];
        tb_text text = {0};

        snprintf(path, sizeof path, "%s%s.yaml", profiles, names[i]);
        OK(tb_file_read(path, &text, heard));
        assert_null(strstr(text.data, "违法"));
        tb_text_reset(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mu_becomes_whole_hundredths_of_a_square_metre),
        cmocka_unit_test(decimals_are_read_exactly),
        cmocka_unit_test(days_follow_one_another),
        cmocka_unit_test(months_are_read_and_counted),
        cmocka_unit_test(codes_have_classes),
        cmocka_unit_test(profiles_say_what_others_need),
        cmocka_unit_test(profiles_are_stamped),
        cmocka_unit_test_setup_teardown(damaged_profiles_are_refused, scratch_begin, scratch_end),
        cmocka_unit_test_setup_teardown(files_that_are_not_there_are_told, scratch_begin,
                                        scratch_end),
        cmocka_unit_test_setup_teardown(local_profiles_lower_nothing_in_silence, scratch_begin,
                                        scratch_end),
        cmocka_unit_test_setup_teardown(local_approvals_are_noted, scratch_begin, scratch_end),
        cmocka_unit_test_setup_teardown(inferred_classes_can_be_switched_off, scratch_begin,
                                        scratch_end),
        cmocka_unit_test_setup_teardown(damaged_land_classes_are_refused, scratch_begin,
                                        scratch_end),
        cmocka_unit_test(profiles_survive_running_out_of_memory),
        cmocka_unit_test(conformance_cases_hold),
        cmocka_unit_test(tiers_nest_and_rise),
        cmocka_unit_test(nothing_states_a_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
