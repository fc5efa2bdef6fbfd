#include "region/room.h"

#include <string.h>

#include "core/memory.h"
#include "core/sort.h"
#include "region/array.h"
#include "region/outline.h"

#define FOREIGN UINT32_MAX

/* Of each kind: (d - 1/2) / 2. */
static const double room_px[TB_ROOMS] = {0.0, 0.25, 0.457, TB_OUTLINE_TOLERANCE_MOST};

void tb_room_reset(tb_room *room)
{
    tb_free(room->places);
    tb_free(room->kinds);
    tb_free(room->least);
    tb_free(room->lengths);
    tb_free(room->entries);
    tb_free(room->rows);
    *room = (tb_room){0};
}

static int64_t side_count(const tb_corner *c, size_t n)
{
    int64_t sides = 0;

    for (size_t i = 0; i < n; i++) {
        tb_corner a = c[i], b = c[i + 1 < n ? i + 1 : 0];

        sides += llabs((int64_t)b.x - a.x) + llabs((int64_t)b.y - a.y);
    }
    return sides;
}

static void list_places(tb_room *room, const tb_shape *shape)
{
    tb_corner *to = room->places;

    for (size_t r = 0; r < shape->ring_count; r++) {
        const tb_corner *c = shape->corners + shape->rings[r].first;
        size_t           n = shape->rings[r].count;

        for (size_t i = 0; i < n; i++) {
            tb_corner a = c[i], b = c[i + 1 < n ? i + 1 : 0];
            int32_t   dx = (b.x > a.x) - (b.x < a.x), dy = (b.y > a.y) - (b.y < a.y);

            for (; a.x != b.x || a.y != b.y; a.x += dx, a.y += dy)
                *to++ = a;
        }
    }
}

static int compare_entries(const void *a, const void *b)
{
    const tb_room_entry *p = a, *q = b;

    if (p->x != q->x)
        return (p->x > q->x) - (p->x < q->x);
    return (p->place > q->place) - (p->place < q->place);
}

/* Rows -1 to `height` + 1 of the lattice can be beside the shape; they are kept from 0 on. */
static void count_row(tb_room *room, int64_t y, int64_t height, size_t places)
{
    if (y >= -1 && y <= height + 1)
        room->rows[y + 2] += places;
}

static void put_entry(tb_room *room, int64_t y, int64_t height, int64_t x, uint32_t place)
{
    if (y >= -1 && y <= height + 1)
        room->entries[room->rows[y + 1]++] = (tb_room_entry){(int32_t)x, place};
}

/* Sorts all places, and the corners of nearby pixels, by row and column. */
static tb_status sort_places(tb_room *room, const tb_shape *shape, size_t places, int64_t height,
                             const tb_span *nearby, size_t nearby_count, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    rows = (size_t)height + 3, total = places;

    for (size_t i = 0; i < nearby_count; i++)
        total += 2 * (size_t)(nearby[i].last - nearby[i].first + 2);
    TB_TRY(tb_array_reserve(&room->entries, &room->entry_capacity, total, sizeof *room->entries,
                            "outline", err));
    TB_TRY(tb_array_reserve(&room->rows, &room->row_capacity, rows + 1, sizeof *room->rows,
                            "outline", err));
    memset(room->rows, 0, (rows + 1) * sizeof *room->rows);
    for (size_t i = 0; i < places; i++)
        count_row(room, room->places[i].y, height, 1);
    for (size_t i = 0; i < nearby_count; i++)
        for (int64_t down = 0; down < 2; down++)
            count_row(room, nearby[i].row - shape->origin_y + down, height,
                      (size_t)(nearby[i].last - nearby[i].first + 2));
    for (size_t row = 1; row <= rows; row++)
        room->rows[row] += room->rows[row - 1];
    /* Row y's entries begin at rows[y + 1], which moves to their end as they are put. */
    for (size_t i = 0; i < places; i++)
        put_entry(room, room->places[i].y, height, room->places[i].x, (uint32_t)i);
    for (size_t i = 0; i < nearby_count; i++)
        for (int64_t down = 0; down < 2; down++)
            for (int64_t x = nearby[i].first; x <= nearby[i].last + 1; x++)
                put_entry(room, nearby[i].row - shape->origin_y + down, height, x - shape->origin_x,
                          FOREIGN);
    for (size_t row = rows; row > 0; row--)
        room->rows[row] = room->rows[row - 1];
    room->rows[0] = 0;
    for (size_t row = 0; row < rows; row++)
        tb_sort(room->entries + room->rows[row], room->rows[row + 1] - room->rows[row],
                sizeof *room->entries, compare_entries);
done:
    return status;
}

/* Whether the place belongs to the same turn of the ring first .. first + count - 1. */
static bool is_beside(uint32_t place, uint32_t other, size_t first, size_t count)
{
    size_t apart;

    if (other < first || other >= first + count)
        return false;
    apart = other > place ? other - place : place - other;
    return apart <= TB_ROOM_BESIDE || count - apart <= TB_ROOM_BESIDE;
}

/* The kind of room of a place: by the nearest place that is not of the same turn. */
static uint8_t find_room(const tb_room *room, uint32_t place, size_t first, size_t count)
{
    tb_corner at   = room->places[place];
    uint8_t   kind = TB_ROOM_FULL;

    for (int down = -1; down <= 1; down++) {
        size_t low = room->rows[at.y + down + 1], end = room->rows[at.y + down + 2], high = end;

        while (low < high) {
            size_t middle = low + (high - low) / 2;

            if (room->entries[middle].x < at.x - 1)
                low = middle + 1;
            else
                high = middle;
        }
        for (; low < end && room->entries[low].x <= at.x + 1; low++) {
            uint8_t steps = (uint8_t)((down != 0) + (room->entries[low].x != at.x));

            if (room->entries[low].place == place || steps >= kind)
                continue;
            if (steps == 0 || !is_beside(place, room->entries[low].place, first, count))
                kind = steps;
        }
    }
    return kind;
}

static uint8_t least_of(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* The room of every place, and the least of it and its neighbours': what both sides there have. */
static void find_rooms(tb_room *room, const tb_shape *shape)
{
    size_t first = 0;

    for (size_t r = 0; r < shape->ring_count; r++) {
        size_t n =
            (size_t)side_count(shape->corners + shape->rings[r].first, shape->rings[r].count);

        room->lengths[r] = n;
        for (size_t i = 0; i < n; i++)
            room->kinds[first + i] = find_room(room, (uint32_t)(first + i), first, n);
        for (size_t i = 0; i < n; i++)
            room->least[first + i] = least_of(
                room->kinds[first + i], least_of(room->kinds[first + (i > 0 ? i - 1 : n - 1)],
                                                 room->kinds[first + (i + 1 < n ? i + 1 : 0)]));
        first += n;
    }
}

static tb_status reserve(tb_room *room, size_t places, size_t rings, tb_error *err)
{
    tb_status status = TB_OK;

    if (places > room->place_capacity) {
        size_t capacity = tb_array_larger(places);

        TB_TRY(tb_grow(&room->places, capacity, sizeof *room->places, "outline", err));
        TB_TRY(tb_grow(&room->kinds, capacity, sizeof *room->kinds, "outline", err));
        TB_TRY(tb_grow(&room->least, capacity, sizeof *room->least, "outline", err));
        room->place_capacity = capacity;
    }
    TB_TRY(tb_array_reserve(&room->lengths, &room->length_capacity, rings, sizeof *room->lengths,
                            "rings", err));
done:
    return status;
}

tb_status tb_room_find(tb_room *room, const tb_shape *shape, const tb_span *nearby, size_t count,
                       tb_error *err)
{
    static const int64_t SIDES_MOST = INT32_MAX;
    tb_status            status     = TB_OK;
    int64_t              places = 0, longest = 0, width = 0, height = 0;

    for (size_t r = 0; r < shape->ring_count; r++) {
        int64_t sides = side_count(shape->corners + shape->rings[r].first, shape->rings[r].count);

        places += sides;
        longest = sides > longest ? sides : longest;
    }
    for (size_t i = 0; i < shape->corner_count; i++) {
        width  = llabs(shape->corners[i].x) > width ? llabs(shape->corners[i].x) : width;
        height = shape->corners[i].y > height ? shape->corners[i].y : height;
    }
    if (places > SIDES_MOST || width >= INT32_MAX / TB_OUTLINE_SCALE / 2 ||
        height >= INT32_MAX / TB_OUTLINE_SCALE / 2)
        return tb_error_set(err, TB_E_INPUT,
                            "simplify a shape: expected less than 2^24 rows and columns and 2^31 "
                            "pixel sides, got %lld, %lld and %lld",
                            (long long)height, (long long)width, (long long)places);
    TB_TRY(reserve(room, (size_t)places, shape->ring_count, err));
    room->longest = (size_t)longest;
    list_places(room, shape);
    TB_TRY(sort_places(room, shape, (size_t)places, height, nearby, count, err));
    find_rooms(room, shape);
done:
    return status;
}

void tb_room_reach(double tolerance, double reach[TB_ROOMS])
{
    for (int i = 0; i < TB_ROOMS; i++)
        reach[i] = tolerance < room_px[i] ? tolerance : room_px[i];
}
