/** The month as a table a person likes to read, in Chinese or English by locale. */
#ifndef TUBAN_CLI_MONTH_H
#define TUBAN_CLI_MONTH_H

#include <jansson.h>

/** Prints the tiers and units of what `tuban run` reports; nothing where nothing was judged. */
void print_month(const json_t *report);

#endif
