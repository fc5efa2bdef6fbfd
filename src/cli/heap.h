/** The memory malloc gives to libraries and to small allocations. */
#ifndef TUBAN_CLI_HEAP_H
#define TUBAN_CLI_HEAP_H

/**
 * Asks the system for large pages under the heap, which it otherwise gives small ones for, one by
 * one as they are touched, and for all blocks below a megabyte to come from it. Only a wish, and
 * what is not touched takes no memory. Once, at the start of the program, before it has threads.
 */
void heap_wish_large_pages(void);

#endif
