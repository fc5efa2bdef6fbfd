/* The ground floor: errors, memory, text, files, YAML, the loop. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/rank.h"
#include "core/text.h"
#include "core/yaml.h"

static void memory_is_aligned_counted_and_refuses_overflow(void **state)
{
    size_t   before = tb_memory_in_use();
    void    *block  = NULL;
    tb_error error  = {0};

    (void)state;
    assert_int_equal(tb_alloc(&block, 100, 7, "test", &error), TB_OK);
    assert_int_equal((uintptr_t)block % 64, 0);
    assert_int_equal(tb_memory_in_use(), before + 700);
    tb_free(block);
    assert_int_equal(tb_memory_in_use(), before);
    assert_int_equal(tb_alloc(&block, SIZE_MAX / 2, 3, "too much", &error), TB_E_MEMORY);
    assert_null(block);
    assert_non_null(strstr(error.message, "too much"));
    tb_free(NULL);
}

static void memory_fails_the_nth_time_and_only_then(void **state)
{
    void *a = NULL, *b = NULL;

    (void)state;
    tb_memory_fail_at(2);
    assert_int_equal(tb_alloc(&a, 1, 1, "a", NULL), TB_OK);
    assert_int_equal(tb_alloc(&b, 1, 1, "b", NULL), TB_E_MEMORY);
    assert_true(tb_memory_has_failed());
    assert_int_equal(tb_alloc(&b, 1, 1, "b", NULL), TB_OK);
    tb_memory_fail_at(0);
    tb_free(a);
    tb_free(b);
}

static void growing_keeps_what_was_there(void **state)
{
    int *numbers = NULL;

    (void)state;
    assert_int_equal(tb_grow(&numbers, 4, sizeof *numbers, "numbers", NULL), TB_OK);
    for (int i = 0; i < 4; i++)
        numbers[i] = i * i;
    assert_int_equal(tb_grow(&numbers, 1000, sizeof *numbers, "numbers", NULL), TB_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(numbers[i], i * i);
    tb_free(numbers);
}

static void a_file_is_written_whole_and_leaves_nothing_beside(void **state)
{
    char     folder[] = "/tmp/tuban-core-XXXXXX";
    char    *path     = NULL;
    tb_text  text     = {0};
    tb_error error    = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(tb_path_join(&path, folder, "deep/er/file.txt", &error), TB_OK);
    assert_int_equal(tb_file_write(path, "x", 1, &error), TB_E_OUTPUT);
    tb_free(path);
    assert_int_equal(tb_path_join(&path, folder, "file.txt", &error), TB_OK);
    assert_int_equal(tb_file_write(path, "hello", 5, &error), TB_OK);
    assert_int_equal(tb_file_read(path, &text, &error), TB_OK);
    assert_string_equal(text.data, "hello");
    tb_text_reset(&text);
    tb_folder_remove(folder);
    assert_false(tb_file_exists(folder));
    tb_free(path);
}

static void folders_that_were_made_go_again_and_others_stay(void **state)
{
    static const char *const names[]  = {"a/b/c", "a/b/c///", "a//b/./c", "d/"};
    static const int         made[]   = {3, 3, 3, 1};
    char                     folder[] = "/tmp/tuban-core-XXXXXX";
    char                    *path     = NULL;
    tb_error                 error    = {0};
    int                      levels   = 0;

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        assert_int_equal(tb_path_join(&path, folder, names[i], &error), TB_OK);
        assert_int_equal(tb_folder_make(path, &levels, &error), TB_OK);
        assert_true(levels >= made[i]); /* "." counts as one where it was there by then */
        assert_true(tb_file_exists(path));
        tb_folder_unmake(path, levels);
        assert_false(tb_file_exists(path));
        assert_true(tb_file_exists(folder));
        tb_free(path);
    }
    assert_int_equal(tb_path_join(&path, folder, "file", &error), TB_OK);
    assert_int_equal(tb_file_write(path, "x", 1, &error), TB_OK);
    tb_free(path);
    assert_int_equal(tb_path_join(&path, folder, "file/a/b", &error), TB_OK);
    assert_int_equal(tb_folder_make(path, &levels, &error), TB_E_OUTPUT);
    assert_non_null(strstr(error.message, "expected a folder, got a file"));
    assert_int_equal(levels, 0);
    tb_folder_unmake(folder, 1); /* not empty */
    assert_true(tb_file_exists(folder));
    tb_free(path);
    tb_folder_remove(folder);
}

static tb_status parse(const char *yaml, tb_yaml **document, tb_error *error)
{
    return tb_yaml_parse(document, yaml, "job.yaml", TB_E_JOB, error);
}

static void yaml_complaints_name_file_line_key_found_and_allowed(void **state)
{
    static const char *const allowed[] = {"grid", "job", NULL};
    static const char *const inner[]   = {"threads", NULL};
    tb_yaml                 *document  = NULL;
    tb_error                 error     = {0};
    tb_node                  grid, threads;
    int64_t                  value = 0;

    (void)state;
    assert_int_equal(parse("job: {}\ngrid:\n  threads: many\n", &document, &error), TB_OK);
    assert_int_equal(tb_node_check_keys(tb_yaml_root(document), allowed, &error), TB_OK);
    assert_true(tb_node_find(tb_yaml_root(document), "grid", &grid));
    assert_int_equal(tb_node_check_keys(grid, inner, &error), TB_OK);
    assert_true(tb_node_find(grid, "threads", &threads));
    assert_int_equal(tb_node_integer(threads, 1, 64, &value, &error), TB_E_JOB);
    assert_string_equal(error.message,
                        "job.yaml:3: key grid.threads: expected a whole number from 1 "
                        "to 64, got \"many\"");
    tb_yaml_free(document);

    assert_int_equal(parse("a: 1\ngird: 2\n", &document, &error), TB_OK);
    assert_int_equal(tb_node_check_keys(tb_yaml_root(document), allowed, &error), TB_E_JOB);
    assert_string_equal(error.message,
                        "job.yaml:1: key a: expected one of grid, job, got an unknown key");
    tb_yaml_free(document);

    assert_int_equal(parse("job: 1\njob: 2\n", &document, &error), TB_OK);
    assert_int_equal(tb_node_check_keys(tb_yaml_root(document), allowed, &error), TB_E_JOB);
    assert_non_null(strstr(error.message, "job.yaml:2: key job: expected each key once"));
    tb_yaml_free(document);

    assert_int_equal(parse("a: [1\nb: }", &document, &error), TB_E_JOB);
    assert_null(document);
    assert_int_equal(parse("", &document, &error), TB_E_JOB);
}

typedef struct counter {
    int64_t next;
    int64_t fail_from;
} counter;

static tb_status make(void *context, int worker, int64_t item, tb_error *err)
{
    counter *count = context;

    (void)worker;
    if (item >= count->fail_from)
        return tb_error_set(err, TB_E_INPUT, "item %lld", (long long)item);
    return TB_OK;
}

static tb_status emit(void *context, int worker, int64_t item, tb_error *err)
{
    counter *count = context;

    (void)worker;
    (void)err;
    assert_int_equal(item, count->next);
    count->next++;
    return TB_OK;
}

static void the_loop_emits_in_order_and_the_lowest_failure_wins(void **state)
{
    (void)state;
    for (int workers = 1; workers <= 4; workers++) {
        counter  count = {.fail_from = 1000};
        tb_error error = {0};
        tb_loop  loop  = {
              .count = 100, .workers = workers, .make = make, .emit = emit, .context = &count};

        assert_int_equal(tb_loop_run(&loop, &error), TB_OK);
        assert_int_equal(count.next, 100);
        count = (counter){.fail_from = 17};
        assert_int_equal(tb_loop_run(&loop, &error), TB_E_INPUT);
        assert_string_equal(error.message, "item 17");
        assert_int_equal(count.next, 17);
    }
}

enum { UNORDERED = 500 };

typedef struct heap {
    atomic_int  made[UNORDERED];
    int64_t     failing[2];
    atomic_int  asked, asking;
    atomic_bool were_two;
    int         cancel_after;
} heap;

static tb_status make_any(void *context, int worker, int64_t item, tb_error *err)
{
    heap *it = context;

    (void)worker;
    atomic_fetch_add(&it->made[item], 1);
    if (item == it->failing[0] || item == it->failing[1])
        return tb_error_set(err, TB_E_INPUT, "item %lld", (long long)item);
    return TB_OK;
}

static bool ask(void *context)
{
    heap *it    = context;
    int   asked = atomic_fetch_add(&it->asked, 1);

    if (atomic_fetch_add(&it->asking, 1) > 0)
        atomic_store(&it->were_two, true);
    atomic_fetch_sub(&it->asking, 1);
    return it->cancel_after > 0 && asked >= it->cancel_after;
}

/* Without `emit`: each item once, the lowest failure, and one who asks whether to stop. */
static void the_loop_without_order_makes_all_and_the_lowest_failure_wins(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        heap        it       = {.failing = {-1, -1}};
        tb_progress progress = {.is_cancelled = ask, .context = &it};
        tb_error    error    = {0};
        tb_loop     loop     = {.count    = UNORDERED,
                                .workers  = 1 + round % 4,
                                .make     = make_any,
                                .context  = &it,
                                .progress = &progress};

        assert_int_equal(tb_loop_run(&loop, &error), TB_OK);
        for (int i = 0; i < UNORDERED; i++)
            assert_int_equal(it.made[i], 1);
        assert_false(it.were_two);

        it = (heap){.failing = {UNORDERED / 2 + round % 3, UNORDERED / 2 + 1}};
        assert_int_equal(tb_loop_run(&loop, &error), TB_E_INPUT);
        assert_string_equal(error.message, round % 3 == 0 ? "item 250" : "item 251");
        for (int i = 0; i < UNORDERED / 2; i++)
            assert_int_equal(it.made[i], 1);

        if (loop.workers > 1)
            continue;
        it = (heap){.failing = {-1, -1}, .cancel_after = 7};
        assert_int_equal(tb_loop_run(&loop, &error), TB_E_CANCELLED);
        assert_int_equal(it.made[7], 1);
        assert_int_equal(it.made[8], 0);
    }
}

typedef struct patience {
    atomic_bool is_second_made;
    double      held, waiting;
    int         told;
} patience;

/* The first item goes on for a while after the second is made, which has to wait for it. */
static tb_status make_slowly(void *context, int worker, int64_t item, tb_error *err)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    patience             *p   = context;

    (void)worker;
    (void)err;
    if (item == 1)
        atomic_store(&p->is_second_made, true);
    for (int i = 0; item == 0 && i < 5000 && !atomic_load(&p->is_second_made); i++)
        nanosleep(&nap, NULL);
    for (int i = 0; item == 0 && i < 5; i++)
        nanosleep(&nap, NULL);
    return TB_OK;
}

static tb_status make_at_once(void *context, int worker, int64_t item, tb_error *err)
{
    (void)context;
    (void)worker;
    (void)item;
    (void)err;
    return TB_OK;
}

static void hear_waiting(void *context, double held, double waiting)
{
    patience *p = context;

    p->held    = held;
    p->waiting = waiting;
    p->told++;
}

static void the_loop_tells_how_long_workers_waited(void **state)
{
    patience    p        = {0};
    tb_progress progress = {.waited = hear_waiting, .context = &p};
    tb_loop     loop     = {
                .count = 2, .workers = 2, .make = make_slowly, .context = &p, .progress = &progress};

    (void)state;
    assert_int_equal(tb_loop_run(&loop, NULL), TB_OK);
    assert_int_equal(p.told, 1);
    assert_true(p.waiting > 0.0 && p.waiting < p.held);
    loop.workers = 1;
    loop.make    = make_at_once;
    loop.count   = 100;
    assert_int_equal(tb_loop_run(&loop, NULL), TB_OK);
    assert_int_equal(p.told, 2);
    assert_true(p.waiting >= 0.0 && p.waiting <= p.held);
}

/* Steps take parts side by side, in the same memory unless one wants more. */
static void an_arena_serves_one_step_after_another(void **state)
{
    tb_arena       arena = {0};
    tb_error       error;
    size_t         held = tb_memory_in_use();
    unsigned char *first, *second, *base;

    (void)state;
    assert_int_equal(tb_arena_begin(&arena, 5 + TB_ARENA_ROUND + 200, "a test", NULL), TB_OK);
    base  = arena.base;
    first = tb_arena_take(&arena, 5);
    memset(first, 1, 5);
    second = tb_arena_take(&arena, 200);
    memset(second, 2, 200);
    assert_true(second >= first + 5 && first[4] == 1);
    assert_int_equal((uintptr_t)first % 64, 0);
    assert_int_equal((uintptr_t)second % 64, 0);
    assert_int_equal(tb_arena_begin(&arena, 100, "a test", NULL), TB_OK);
    assert_ptr_equal(tb_arena_take(&arena, 100), base);
    tb_memory_fail_at(1);
    assert_int_equal(tb_arena_begin(&arena, 4096, "a test", &error), TB_E_MEMORY);
    tb_memory_fail_at(0);
    assert_null(arena.base);
    assert_int_equal(tb_memory_in_use(), held);
    assert_int_equal(tb_arena_begin(&arena, 4096, "a test", NULL), TB_OK);
    memset(tb_arena_take(&arena, 4096), 3, 4096);
    tb_arena_reset(&arena);
    tb_arena_reset(&arena);
    assert_int_equal(tb_memory_in_use(), held);
}

/* Against sorting: ties, runs in and against order, and any rank; and what lies on either side. */
static void ranks_are_those_of_sorting(void **state)
{
    enum { MOST = 3000 };
    static float sorted[MOST], values[MOST], mixed[MOST];
    uint64_t     seed = 7;

    (void)state;
    for (int kind = 0; kind < 7; kind++)
        for (int n = 1; n <= MOST; n += n < 300 ? kind + 1 : 331) {
            for (int i = 0; i < n; i++) {
                seed      = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                values[i] = kind == 0   ? (float)i
                            : kind == 1 ? (float)-i
                            : kind == 2 ? 1.5f
                            : kind == 3 ? (float)(seed >> 61)
                            : kind == 4 ? (float)(seed >> 63)
                            : kind == 5 ? (i % 9 == 0   ? INFINITY
                                           : i % 7 == 0 ? -INFINITY
                                                        : 0.0f)
                                        : (float)(int32_t)(seed >> 32);
            }
            memcpy(sorted, values, (size_t)n * sizeof *sorted);
            tb_rank_sort(sorted, n);
            for (int rank = 0; rank < n; rank += n < 20 ? 1 : n / 7) {
                assert_true(tb_rank_find(values, n, rank, mixed) == sorted[rank]);
                memcpy(mixed, values, (size_t)n * sizeof *mixed);
                assert_true(tb_rank_select(mixed, n, rank) == sorted[rank]);
                for (int i = 0; i < n; i++)
                    assert_true(i < rank ? mixed[i] <= sorted[rank] : mixed[i] >= sorted[rank]);
                tb_rank_sort(mixed, n);
                assert_memory_equal(mixed, sorted, (size_t)n * sizeof *mixed);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_serves_one_step_after_another),
        cmocka_unit_test(ranks_are_those_of_sorting),
        cmocka_unit_test(memory_is_aligned_counted_and_refuses_overflow),
        cmocka_unit_test(memory_fails_the_nth_time_and_only_then),
        cmocka_unit_test(growing_keeps_what_was_there),
        cmocka_unit_test(a_file_is_written_whole_and_leaves_nothing_beside),
        cmocka_unit_test(folders_that_were_made_go_again_and_others_stay),
        cmocka_unit_test(yaml_complaints_name_file_line_key_found_and_allowed),
        cmocka_unit_test(the_loop_emits_in_order_and_the_lowest_failure_wins),
        cmocka_unit_test(the_loop_without_order_makes_all_and_the_lowest_failure_wins),
        cmocka_unit_test(the_loop_tells_how_long_workers_waited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
