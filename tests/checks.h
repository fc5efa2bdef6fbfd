/** What several tests check with; after cmocka.h. */
#ifndef TUBAN_TESTS_CHECKS_H
#define TUBAN_TESTS_CHECKS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/error.h"

/** Fails with what a call said, which takes `heard` for its error, unless it went well. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        tb_error  said  = {0};                                                                     \
        tb_error *heard = &said;                                                                   \
        if ((call) != TB_OK)                                                                       \
            fail_msg("%s: %s", #call, said.message);                                               \
    } while (0)

/** Whether two files hold the same. */
static inline bool have_same_bytes(const char *a, const char *b)
{
    FILE *p = fopen(a, "rb"), *q = fopen(b, "rb");
    int   c, d;

    assert_non_null(p);
    assert_non_null(q);
    do {
        c = fgetc(p);
        d = fgetc(q);
    } while (c == d && c != EOF);
    fclose(p);
    fclose(q);
    return c == d;
}

#endif
