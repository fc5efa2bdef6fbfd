/*
 * CPU time of every row function, in nanoseconds a pixel for the C definition and as a ratio to it
 * for each variant, timed in turn in one run. The best of several rounds counts: only ratios are
 * steady on a shared machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel_cases.h"

enum { N = 4096, ROUNDS = 15, VARIANTS = 3 };

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double time_of(const kernel_case *it, const tb_kernels *kernels, const case_inputs *in,
                      void *out, int repeats)
{
    double start = seconds();

    for (int i = 0; i < repeats; i++)
        it->run(kernels, out, in, N);
    return (seconds() - start) / repeats;
}

/* Repeats that make a round of some two milliseconds. */
static int repeats_of(const kernel_case *it, const tb_kernels *kernels, const case_inputs *in,
                      void *out)
{
    int repeats = 1;

    while (repeats < 1 << 20 && time_of(it, kernels, in, out, repeats) * repeats < 2e-3)
        repeats *= 2;
    return repeats;
}

static void print_case(const kernel_case *it, const tb_kernels *const *table, const case_inputs *in,
                       void *out)
{
    double best[VARIANTS] = {1e9, 1e9, 1e9};
    int    repeats        = repeats_of(it, table[0], in, out);

    for (int round = 0; round < ROUNDS; round++) {
        for (int v = 0; v < VARIANTS; v++) {
            if (table[v] != NULL) {
                double now = time_of(it, table[v], in, out, repeats);

                best[v] = now < best[v] ? now : best[v];
            }
        }
    }
    printf("%-26s %9.3f", it->name, best[0] / N * 1e9);
    for (int v = 1; v < VARIANTS; v++) {
        if (table[v] != NULL)
            printf(" %8.2fx", best[0] / best[v]);
        else
            printf(" %9s", "-");
    }
    printf("\n");
}

int main(void)
{
    static _Alignas(64) double out[CASE_N_MAX];
    const unsigned             features        = tb_kernels_features();
    const tb_kernels          *table[VARIANTS] = {&tb_kernels_c, tb_kernels_named("avx2", features),
                                                  tb_kernels_named("avx512", features)};
    case_inputs               *in              = case_inputs_new(7, false);

    if (in == NULL)
        return EXIT_FAILURE;
    printf("%-26s %9s %9s %9s\n", "kernel", "c ns/px", "avx2", "avx512");
    for (size_t k = 0; k < kernel_cases_count; k++)
        print_case(&kernel_cases[k], table, in, out);
    case_inputs_free(in);
    return EXIT_SUCCESS;
}
