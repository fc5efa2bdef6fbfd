#include "publish/bulk.h"

#include <string.h>

#include "core/memory.h"

/* Before a geometry: GP, version, flags (a box of x and y, least byte first), CRS, the box. */
enum { GEOMETRY_HEADER = 40, BOX_AND_LEAST_FIRST = 3, REAL_TYPE = 7 };

struct tb_bulk {
    tb_bulk_layer layer;
    tb_pages     *pages;
    tb_btree     *features;
    tb_boxes     *boxes;
};

tb_status tb_bulk_open(tb_bulk **out, const char *path, const tb_bulk_layer *layer, tb_error *err)
{
    tb_status status = TB_OK;
    tb_bulk  *bulk   = NULL;

    *out = NULL;
    for (int f = 0; f < layer->field_count; f++)
        if (layer->field_count > TB_BULK_FIELDS_MOST ||
            (layer->fields[f].type != TB_VECTOR_INTEGER && layer->fields[f].type != TB_VECTOR_REAL))
            return tb_error_set(err, TB_E_BUG,
                                "write %s in bulk: expected at most %d fields, all numbers", path,
                                TB_BULK_FIELDS_MOST);
    TB_TRY(tb_alloc_zero(&bulk, 1, sizeof *bulk, "features in bulk", err));
    bulk->layer = *layer;
    TB_TRY(tb_pages_open(&bulk->pages, path, err));
    TB_TRY(tb_btree_new(&bulk->features, bulk->pages, layer->features, err));
    TB_TRY(tb_boxes_new(&bulk->boxes, err));
done:
    if (status == TB_OK)
        *out = bulk;
    else
        tb_bulk_close(bulk);
    return status;
}

void tb_bulk_close(tb_bulk *bulk)
{
    if (bulk == NULL)
        return;
    tb_btree_free(bulk->features);
    tb_boxes_free(bulk->boxes);
    tb_pages_close(bulk->pages);
    tb_free(bulk);
}

static uint8_t *put_least_first(uint8_t *at, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *at++ = (uint8_t)(number >> (8 * i));
    return at;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint8_t *put_geometry_header(uint8_t *at, int32_t srs, tb_box box)
{
    const double sides[] = {box.min_x, box.max_x, box.min_y, box.max_y};

    *at++ = 'G';
    *at++ = 'P';
    *at++ = 0;
    *at++ = BOX_AND_LEAST_FIRST;
    at    = put_least_first(at, (uint32_t)srs, 4);
    for (int i = 0; i < 4; i++)
        at = put_least_first(at, bits_of(sides[i]), 8);
    return at;
}

/*
 * A record: the bytes of its header, a type for each column, then the values. The columns are the
 * feature's number, which stands as a null, its geometry, and the fields.
 */
tb_status tb_bulk_add(tb_bulk *bulk, tb_box box, uint8_t *wkb, size_t bytes,
                      const tb_vector_value *values, tb_error *err)
{
    tb_status status = TB_OK;
    uint8_t   before[TB_BULK_BEFORE], *at = before + 1, *after = wkb + bytes;
    size_t    room;

    *at++ = 0;
    at    = tb_btree_put_varint(at, 12 + 2 * (uint64_t)(GEOMETRY_HEADER + bytes));
    for (int f = 0; f < bulk->layer.field_count; f++) {
        const tb_vector_value *value = &values[f];
        int                    type;

        if (!value->is_set) {
            *at++ = 0;
        } else if (bulk->layer.fields[f].type == TB_VECTOR_REAL) {
            *at++ = REAL_TYPE;
            after = tb_btree_put_number(after, bits_of(value->real), 8);
        } else {
            type  = tb_btree_integer_type(value->integer);
            *at++ = (uint8_t)type;
            after = tb_btree_put_integer(after, type, value->integer);
        }
    }
    *before = (uint8_t)(at - before); /* below 128: one byte */
    at      = put_geometry_header(at, bulk->layer.srs, box);
    room    = (size_t)(at - before);
    memcpy(wkb - room, before, room);
    TB_TRY(tb_btree_add(bulk->features, tb_boxes_count(bulk->boxes) + 1, wkb - room,
                        (size_t)(after - wkb) + room, err));
    TB_TRY(tb_boxes_add(bulk->boxes, box, err));
done:
    return status;
}

tb_status tb_bulk_finish(tb_bulk *bulk, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_btree_finish(bulk->features, err));
    TB_TRY(tb_boxes_write(bulk->boxes, bulk->pages, bulk->layer.index, err));
    TB_TRY(tb_pages_finish(bulk->pages, err));
done:
    return status;
}

int64_t tb_bulk_count(const tb_bulk *bulk)
{
    return tb_boxes_count(bulk->boxes);
}

tb_box tb_bulk_bounds(const tb_bulk *bulk)
{
    return tb_boxes_bounds(bulk->boxes);
}
