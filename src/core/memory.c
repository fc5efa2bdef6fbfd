#include "core/memory.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * The counters are the one process-wide state of tuban: memory belongs to the process, and a budget
 * that each caller counted for itself would not be one.
 */
static atomic_size_t in_use;
static atomic_size_t peak;
static atomic_long   allocations_to_failure;
static atomic_int    has_failed;

enum {
    ALIGNMENT = 64,
    PAGE      = 2 << 20, /* a large one, where there are any */
    LARGE     = PAGE / 2,
    REST      = PAGE / 4 /* beyond whole pages: less is not worth another one */
};

/* Sits in the ALIGNMENT bytes before what the caller sees. */
typedef struct header {
    size_t bytes;
    void  *base; /* what the system gave */
} header;

static header *header_of(void *pointer)
{
    return (header *)(void *)((char *)pointer - ALIGNMENT);
}

static void count(size_t bytes)
{
    size_t now  = atomic_fetch_add(&in_use, bytes) + bytes;
    size_t seen = atomic_load(&peak);

    while (now > seen && !atomic_compare_exchange_weak(&peak, &seen, now))
        ;
}

static int is_to_fail(void)
{
    if (atomic_load(&allocations_to_failure) == 0)
        return 0;
    if (atomic_fetch_sub(&allocations_to_failure, 1) != 1)
        return 0;
    atomic_store(&has_failed, 1);
    return 1;
}

/*
 * Memory in large pages, for which the system is asked: it gives memory page by page, and giving
 * small ones takes it longer than filling them takes us. Only a wish.
 */
static void *allocate_large(size_t bytes)
{
    size_t rest = bytes % PAGE;
    void  *base = NULL;

    if (rest >= REST)
        bytes += PAGE - rest;
    if (posix_memalign(&base, PAGE, bytes) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    (void)madvise(base, bytes, MADV_HUGEPAGE);
#endif
    return base;
}

static void *allocate(size_t count_of, size_t size)
{
    size_t  bytes;
    void   *base = NULL;
    header *at;

    if (__builtin_mul_overflow(count_of, size, &bytes) || bytes > SIZE_MAX / 2 || is_to_fail())
        return NULL;
    if (bytes >= LARGE)
        base = allocate_large(bytes + ALIGNMENT);
    else
        base = malloc(bytes + 2 * ALIGNMENT); /* an aligned one takes three times as long */
    if (base == NULL)
        return NULL;
    at  = header_of((void *)(((uintptr_t)base + 2 * ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1)));
    *at = (header){bytes, base};
    count(bytes);
    return (char *)at + ALIGNMENT;
}

static tb_status fail(size_t count_of, size_t size, const char *what, tb_error *err)
{
    return tb_error_set(err, TB_E_MEMORY, "out of memory, %s: expected %.1f MiB, got none", what,
                        (double)count_of * (double)size / 1048576.0);
}

tb_status tb_alloc(void *out, size_t count_of, size_t size, const char *what, tb_error *err)
{
    void *pointer = allocate(count_of, size);

    memcpy(out, &pointer, sizeof pointer);
    return pointer != NULL ? TB_OK : fail(count_of, size, what, err);
}

tb_status tb_alloc_zero(void *out, size_t count_of, size_t size, const char *what, tb_error *err)
{
    void *pointer = allocate(count_of, size);

    memcpy(out, &pointer, sizeof pointer);
    if (pointer == NULL)
        return fail(count_of, size, what, err);
    memset(pointer, 0, count_of * size);
    return TB_OK;
}

tb_status tb_grow(void *inout, size_t count_of, size_t size, const char *what, tb_error *err)
{
    void *old;
    void *pointer = allocate(count_of, size);

    if (pointer == NULL)
        return fail(count_of, size, what, err);
    memcpy(&old, inout, sizeof old);
    if (old != NULL) {
        size_t held = header_of(old)->bytes;

        memcpy(pointer, old, held < count_of * size ? held : count_of * size);
        tb_free(old);
    }
    memcpy(inout, &pointer, sizeof pointer);
    return TB_OK;
}

tb_status tb_copy_text(char **out, const char *text, tb_error *err)
{
    size_t    bytes  = strlen(text) + 1;
    tb_status status = tb_alloc(out, bytes, 1, "text", err);

    if (status == TB_OK)
        memcpy(*out, text, bytes);
    return status;
}

void tb_free(void *pointer)
{
    if (pointer == NULL)
        return;

    header *base = header_of(pointer);

    atomic_fetch_sub(&in_use, base->bytes);
    free(base->base);
}

void tb_memory_return(void *from, size_t bytes)
{
#ifdef MADV_DONTNEED
    size_t before = (size_t)(-(uintptr_t)from % PAGE);

    if (before < bytes)
        (void)madvise((char *)from + before, (bytes - before) / PAGE * PAGE, MADV_DONTNEED);
#endif
}

tb_status tb_arena_begin(tb_arena *arena, size_t bytes, const char *what, tb_error *err)
{
    tb_status status = TB_OK;

    arena->taken = 0;
    if (bytes <= arena->bytes)
        return TB_OK;
    tb_arena_reset(arena);
    TB_TRY(tb_alloc(&arena->base, bytes, 1, what, err));
    arena->bytes = bytes;
done:
    return status;
}

void *tb_arena_take(tb_arena *arena, size_t bytes)
{
    void *part = arena->base + arena->taken;

    assert(bytes <= arena->bytes - arena->taken);
    bytes += (size_t)(-bytes % TB_ARENA_ROUND);
    arena->taken += bytes < arena->bytes - arena->taken ? bytes : arena->bytes - arena->taken;
    return part;
}

void tb_arena_reset(tb_arena *arena)
{
    tb_free(arena->base);
    *arena = (tb_arena){0};
}

size_t tb_memory_in_use(void)
{
    return atomic_load(&in_use);
}

size_t tb_memory_peak(void)
{
    return atomic_load(&peak);
}

void tb_memory_peak_reset(void)
{
    atomic_store(&peak, atomic_load(&in_use));
}

void tb_memory_fail_at(long n)
{
    atomic_store(&has_failed, 0);
    atomic_store(&allocations_to_failure, n);
}

int tb_memory_has_failed(void)
{
    return atomic_load(&has_failed);
}
