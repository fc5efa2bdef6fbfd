#include "rules/calendar.h"

#include <stdio.h>
#include <string.h>

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

bool tb_day_is_valid(tb_day day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return day.year >= 1900 && day.year <= 2200 && day.month >= 1 && day.month <= 12 &&
           day.day >= 0 &&
           day.day <= days[day.month - 1] + (day.month == 2 && is_leap(day.year) ? 1 : 0);
}

/* Exactly `count` digits; -1 where there are others. */
static int read_digits(const char *text, int count)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = 10 * value + (text[i] - '0');
    }
    return value;
}

bool tb_day_parse(const char *text, tb_day *out)
{
    size_t length = strlen(text);
    tb_day day    = {0};

    if (length != 6 && length != 7 && length != 10)
        return false;
    if ((length != 6 && text[4] != '-') || (length == 10 && text[7] != '-'))
        return false;
    day.year  = read_digits(text, 4);
    day.month = read_digits(text + (length == 6 ? 4 : 5), 2);
    if (length == 10) {
        day.day = read_digits(text + 8, 2);
        if (day.day == 0)
            return false;
    }
    if (!tb_day_is_valid(day))
        return false;
    *out = day;
    return true;
}

void tb_day_text(tb_day day, char text[TB_DAY_TEXT_SIZE])
{
    if (!tb_day_is_valid(day))
        text[0] = '\0';
    else if (day.day == 0)
        snprintf(text, TB_DAY_TEXT_SIZE, "%04d-%02d", day.year % 10000, day.month % 100);
    else
        snprintf(text, TB_DAY_TEXT_SIZE, "%04d-%02d-%02d", day.year % 10000, day.month % 100,
                 day.day % 100);
}

tb_day tb_day_in_month(tb_day from, int months, int day)
{
    int count = from.year * 12 + from.month - 1 + months;

    return (tb_day){.year = count / 12, .month = count % 12 + 1, .day = day};
}

int tb_day_compare(tb_day a, tb_day b)
{
    if (a.year != b.year)
        return a.year - b.year;
    return a.month != b.month ? a.month - b.month : a.day - b.day;
}

int tb_day_weekday(tb_day day)
{
    /* T. Sakamoto, comp.lang.c, 1993: January and February count to the year before. */
    static const int shift[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    int              year    = day.month < 3 ? day.year - 1 : day.year;

    return (year + year / 4 - year / 100 + year / 400 + shift[day.month - 1] + day.day) % 7;
}

const char *tb_weekday_name(int weekday)
{
    static const char *const names[] = {"周日", "周一", "周二", "周三", "周四", "周五", "周六"};

    return names[weekday];
}
