/** Months and days: deadlines are literal calendar dates, never shifted. Integers only. */
#ifndef TUBAN_RULES_CALENDAR_H
#define TUBAN_RULES_CALENDAR_H

#include <stdbool.h>

enum { TB_DAY_TEXT_SIZE = 16 };

/** A day of the Gregorian calendar; day 0 means the month as a whole, year 0 none at all. */
typedef struct tb_day {
    int year, month, day;
} tb_day;

/** True for a month of 1900 .. 2200 and a day it has, or day 0. */
bool tb_day_is_valid(tb_day day);

/** Reads YYYY-MM, YYYYMM (then day is 0) or YYYY-MM-DD; false, and *out as it was, on anything
 * else. */
bool tb_day_parse(const char *text, tb_day *out);

/** YYYY-MM-DD; YYYY-MM where day is 0; empty where year is 0. */
void tb_day_text(tb_day day, char text[TB_DAY_TEXT_SIZE]);

/** The given day of the month that lies so many months after (before) that of `from`. */
tb_day tb_day_in_month(tb_day from, int months, int day);

/** Below, at or above 0 as a lies before, at or after b; a month as a whole lies before its days.
 */
int tb_day_compare(tb_day a, tb_day b);

/** 0 Sunday .. 6 Saturday. */
int tb_day_weekday(tb_day day);

/** 周日 .. 周六. */
const char *tb_weekday_name(int weekday);

#endif
