/** How much a workspace grows: a quarter more than is needed, for the larger shape that follows. */
#ifndef TUBAN_REGION_GROWTH_H
#define TUBAN_REGION_GROWTH_H

#include <stddef.h>

static inline size_t tb_growth_size(size_t needed)
{
    return needed + needed / 4 + 64;
}

#endif
