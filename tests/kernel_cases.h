/* Every row function of the table behind one signature, for the check and for the benchmark. */
#ifndef TUBAN_TESTS_KERNEL_CASES_H
#define TUBAN_TESTS_KERNEL_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/table.h"

enum { CASE_ROWS = 40, CASE_MARGIN = 64, CASE_N_MAX = 8192 };

/* Rows of floats readable CASE_MARGIN elements to either side, and what else a kernel may want. */
typedef struct case_inputs {
    const float    *rows[CASE_ROWS];
    const uint8_t  *u8;
    const uint16_t *u16;
    const int32_t  *index; /* 0 .. 15 steps from x */
    const uint8_t  *phase; /* 0 .. 15 */
    const double   *positive;
} case_inputs;

typedef struct kernel_case {
    const char *name;
    bool        is_double;      /* of the output's elements */
    size_t      fixed_elements; /* that run writes; 0: n */
    bool is_for_nan; /* the contract covers NaN inputs; else every bit of the output counts */
    void (*run)(const tb_kernels *kernels, void *out, const case_inputs *in, size_t n);
} kernel_case;

extern const kernel_case kernel_cases[];
extern const size_t      kernel_cases_count;

/* Random rows, the same on every machine; with_nan strews NaN, infinities and zeros among them. */
case_inputs *case_inputs_new(uint64_t seed, bool with_nan);
void         case_inputs_free(case_inputs *in);

#endif
