#include "cli/month.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_WIDTH = 22, NUMBER_WIDTH = 11, COVERAGE_WIDTH = 16 };

static bool is_chinese(void)
{
    const char *names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && value[0] != '\0')
            return strncmp(value, "zh", 2) == 0;
    }
    return false;
}

/* Columns a text takes on a terminal: Chinese characters are two wide. */
static int width_of(const char *text)
{
    int width = 0;

    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if ((*c & 0xC0) != 0x80)
            width += *c >= 0xE3 ? 2 : 1;
    return width;
}

static void print_left(const char *text, int width)
{
    int pad = width - width_of(text);

    printf("%s%*s", text, pad > 0 ? pad : 0, "");
}

static void print_right(const char *text, int width)
{
    int pad = width - width_of(text);

    printf("%*s%s", pad > 0 ? pad : 0, "", text);
}

static void print_mu(const json_t *square_metres)
{
    char text[32] = "-";

    if (json_is_number(square_metres))
        snprintf(text, sizeof text, "%.2f", json_number_value(square_metres) * 0.0015);
    print_right(text, NUMBER_WIDTH);
}

static void print_areas(const json_t *row)
{
    static const char *const keys[] = {"JCMJ", "GDMJ", "JBNTMJ", "STHXMJ"};

    for (int i = 0; i < 4; i++)
        print_mu(json_object_get(row, keys[i]));
}

static void print_square_kilometres(const json_t *square_metres)
{
    char text[32] = "-";

    if (json_is_number(square_metres))
        snprintf(text, sizeof text, "%.3f", json_number_value(square_metres) / 1e6);
    print_right(text, COVERAGE_WIDTH);
}

static void print_heads(const char *first, const char *const *heads, int count)
{
    print_left(first, NAME_WIDTH);
    for (int i = 0; i < count; i++)
        print_right(heads[i], i < count - 4 ? 8 : NUMBER_WIDTH);
}

static void print_tiers(const json_t *rows, bool chinese)
{
    static const char *const zh[] = {"图斑", "面积(亩)", "耕地", "永农", "红线"};
    static const char *const en[] = {"parcels", "area (mu)", "farmland", "PBF", "red line"};
    size_t                   i;
    json_t                  *row;

    printf("\n");
    print_heads(chinese ? "等级" : "tier", chinese ? zh : en, 5);
    printf("  %s\n", chinese ? "县级上报期限" : "county reports by");
    json_array_foreach(rows, i, row)
    {
        char        name[80], count[24];
        const char *due = json_string_value(json_object_get(row, "due"));

        snprintf(name, sizeof name, "T%d %s", (int)json_integer_value(json_object_get(row, "tier")),
                 json_string_value(json_object_get(row, "name")));
        snprintf(count, sizeof count, "%lld",
                 (long long)json_integer_value(json_object_get(row, "parcels")));
        print_left(name, NAME_WIDTH);
        print_right(count, 8);
        print_areas(row);
        printf("  %s\n", due != NULL ? due : "");
    }
}

static void print_units(const json_t *rows, bool chinese)
{
    static const char *const zh[] = {"T3", "T2", "T1", "T0", "面积(亩)", "耕地", "永农", "红线"};
    static const char *const en[] = {"T3",        "T2",       "T1",  "T0",
                                     "area (mu)", "farmland", "PBF", "red line"};
    size_t                   i;
    json_t                  *row;

    printf("\n");
    print_heads(chinese ? "管理单元" : "unit", chinese ? zh : en, 8);
    print_right(chinese ? "已观测(km²)" : "observed (km²)", COVERAGE_WIDTH);
    print_right(chinese ? "未观测" : "not observed", COVERAGE_WIDTH);
    printf("\n");
    json_array_foreach(rows, i, row)
    {
        const char *name  = json_string_value(json_object_get(row, "name"));
        const char *code  = json_string_value(json_object_get(row, "code"));
        json_t     *tiers = json_object_get(row, "tiers");

        print_left(name != NULL   ? name
                   : code != NULL ? code
                   : chinese      ? "（单元之外）"
                                  : "(no unit)",
                   NAME_WIDTH);
        for (int t = 3; t >= 0; t--)
            printf("%8lld", (long long)json_integer_value(json_array_get(tiers, (size_t)t)));
        print_areas(row);
        print_square_kilometres(json_object_get(row, "observed_m2"));
        print_square_kilometres(json_object_get(row, "unobserved_m2"));
        printf("\n");
    }
}

void print_month(const json_t *report)
{
    bool          chinese = is_chinese();
    const json_t *tiers   = json_object_get(report, "tiers"),
                 *units   = json_object_get(report, "units");
    const json_t *reduced = json_object_get(report, "reduced");
    const char   *reason;
    json_t       *count;
    int64_t       parcels = json_integer_value(json_object_get(report, "parcels"));

    if (json_object_get(report, "parcels") == NULL)
        return;
    if (json_array_size(tiers) > 0)
        print_tiers(tiers, chinese);
    if (json_array_size(units) > 0)
        print_units(units, chinese);
    printf(chinese ? "\n图斑 %lld 个（草案，线索，须经实地核查）"
                   : "\n%lld parcels (a draft: leads, to be checked on the ground)",
           (long long)parcels);
    json_object_foreach(json_object_get(report, "rejected_for"), reason, count)
        printf(chinese ? "；剔除 %lld：%s" : "; rejected %lld: %s",
               (long long)json_integer_value(count), reason);
    if (json_array_size(reduced) > 0)
        printf(chinese ? "；扣减后降级 %zu" : "; %zu lower by approvals", json_array_size(reduced));
    printf("\n");
}
