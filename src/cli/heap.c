#include "cli/heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __GLIBC__
#    include <malloc.h>
#endif

void heap_wish_large_pages(void)
{
#if defined __GLIBC__ && defined MADV_HUGEPAGE
    enum { PAGE = 2 << 20, MAPPED = 1 << 20, AHEAD = 32 << 20, BLOCK = 64 << 10, BLOCKS = 8 };
    void     *block[BLOCKS];
    int       blocks = 0;
    uintptr_t from = (uintptr_t)sbrk(0), end = from;

    /* What is smaller, as the blocks GDAL decodes, is not mapped anew each time it is taken. */
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED);
    /* The heap grows when what is left of it is used up, and by so much then. */
    (void)mallopt(M_TOP_PAD, AHEAD);
    while (blocks < BLOCKS && end == from) {
        block[blocks++] = malloc(BLOCK);
        end             = (uintptr_t)sbrk(0);
    }
    from = (from + PAGE - 1) / PAGE * PAGE;
    if (end > from)
        (void)madvise((void *)from, end - from, MADV_HUGEPAGE);
    while (blocks > 0)
        free(block[--blocks]);
#endif
}
