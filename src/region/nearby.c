#include "region/nearby.h"

#include <string.h>

#include "core/memory.h"
#include "region/array.h"

enum { NEARBY = TB_NEARBY_REACH };

/* Who is told. */
typedef struct hearer {
    tb_nearby_add_fn *add;
    void             *context;
} hearer;

void tb_nearby_init(tb_nearby *nearby)
{
    *nearby = (tb_nearby){0};
    for (int i = 0; i <= NEARBY; i++)
        nearby->recent[i].row = INT64_MIN / 2;
}

void tb_nearby_reset(tb_nearby *nearby)
{
    for (int i = 0; i <= NEARBY; i++)
        tb_free(nearby->recent[i].runs);
    tb_nearby_init(nearby);
}

tb_status tb_nearby_append(tb_nearby *nearby, int64_t first, int64_t last, uint32_t slot,
                           tb_error *err)
{
    tb_status      status = TB_OK;
    tb_nearby_row *row    = &nearby->recent[0];

    if (row->count > 0 && row->runs[row->count - 1].slot == slot &&
        row->runs[row->count - 1].last + 1 == first) {
        row->runs[row->count - 1].last = last;
        return TB_OK;
    }
    TB_TRY(tb_array_reserve_next(&row->runs, &row->capacity, row->count, sizeof *row->runs,
                                 "line of runs", err));
    row->runs[row->count++] = (tb_nearby_run){first, last, slot};
done:
    return status;
}

/* Adds to what lies near `to` the part of a run of `row` that does. */
static tb_status add_nearby(const hearer *who, const tb_nearby_run *to, const tb_nearby_run *from,
                            int64_t row, tb_error *err)
{
    int64_t first = from->first > to->first - NEARBY ? from->first : to->first - NEARBY;
    int64_t last  = from->last < to->last + NEARBY ? from->last : to->last + NEARBY;

    return who->add(who->context, to->slot, (tb_span){row, first, last}, err);
}

/* Tells the components of the latest row and of another what lies near them in the other. */
static tb_status find_nearby(const hearer *who, const tb_nearby_row *now,
                             const tb_nearby_row *other, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    p      = 0;

    for (size_t c = 0; c < now->count; c++) {
        const tb_nearby_run *run = &now->runs[c];

        while (p < other->count && other->runs[p].last + NEARBY < run->first)
            p++;
        for (size_t q = p; q < other->count && other->runs[q].first <= run->last + NEARBY; q++) {
            if (other->runs[q].slot == run->slot)
                continue;
            TB_TRY(add_nearby(who, run, &other->runs[q], other->row, err));
            if (other != now) /* within one row both come up as `run` */
                TB_TRY(add_nearby(who, &other->runs[q], run, now->row, err));
        }
    }
done:
    return status;
}

tb_status tb_nearby_end_row(tb_nearby *nearby, int64_t next_row, tb_nearby_add_fn *add,
                            void *context, tb_error *err)
{
    tb_status     status = TB_OK;
    tb_nearby_row oldest = nearby->recent[NEARBY];

    for (int before = 0; before <= NEARBY; before++)
        if (nearby->recent[0].row - nearby->recent[before].row <= NEARBY)
            TB_TRY(find_nearby(&(hearer){add, context}, &nearby->recent[0], &nearby->recent[before],
                               err));
    memmove(&nearby->recent[1], &nearby->recent[0], NEARBY * sizeof *nearby->recent);
    oldest.count      = 0;
    oldest.row        = next_row;
    nearby->recent[0] = oldest;
done:
    return status;
}
