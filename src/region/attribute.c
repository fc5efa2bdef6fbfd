/* What a store knows beside its tables: integers and texts under a name. */
#include <string.h>

#include "core/memory.h"
#include "core/text.h"
#include "region/hdf5.h"

static tb_status set_attribute(tb_store *store, const char *name, hid_t type, hid_t space,
                               const void *value, tb_error *err)
{
    tb_status status = TB_OK;
    hid_t attribute = H5Acreate2(tb_store_file(store), name, type, space, H5P_DEFAULT, H5P_DEFAULT);

    if (attribute < 0 || H5Awrite(attribute, type, value) < 0)
        status = tb_hdf5_write_error(tb_store_path(store), err);
    H5Aclose(attribute);
    return status;
}

tb_status tb_store_set_integers(tb_store *store, const char *name, const int64_t *values,
                                size_t count, tb_error *err)
{
    hsize_t       extent = count;
    tb_hdf5_quiet before = tb_hdf5_quiet_begin();
    hid_t         space  = H5Screate_simple(1, &extent, NULL);
    tb_status     status = set_attribute(store, name, H5T_STD_I64LE, space, values, err);

    H5Sclose(space);
    tb_hdf5_quiet_end(before);
    return status;
}

tb_status tb_store_set_text(tb_store *store, const char *name, const char *text, tb_error *err)
{
    tb_hdf5_quiet before = tb_hdf5_quiet_begin();
    hid_t         space  = H5Screate(H5S_SCALAR);
    hid_t         type   = H5Tcopy(H5T_C_S1);
    tb_status     status;

    H5Tset_size(type, strlen(text) + 1);
    status = set_attribute(store, name, type, space, text, err);
    H5Tclose(type);
    H5Sclose(space);
    tb_hdf5_quiet_end(before);
    return status;
}

tb_status tb_store_set_layout(tb_store *store, const tb_evidence_layout *layout, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   names  = {0};
    int64_t   maximum[TB_EVIDENCE_COLUMNS_MAX];

    for (int c = 0; c < layout->columns; c++) {
        TB_TRY(tb_text_append(&names, err, "%s%s", c == 0 ? "" : ",", layout->names[c]));
        maximum[c] = layout->is_maximum[c];
    }
    TB_TRY(tb_store_set_text(store, "columns", names.data != NULL ? names.data : "", err));
    TB_TRY(tb_store_set_integers(store, "maximum", maximum, (size_t)layout->columns, err));
done:
    tb_text_reset(&names);
    return status;
}

tb_status tb_store_get_integers(tb_store *store, const char *name, int64_t *values, size_t count,
                                tb_error *err)
{
    tb_status     status    = TB_OK;
    tb_hdf5_quiet before    = tb_hdf5_quiet_begin();
    hid_t         attribute = H5Aopen(tb_store_file(store), name, H5P_DEFAULT);
    hid_t         space     = H5I_INVALID_HID;

    if (attribute < 0) {
        status = tb_hdf5_read_error(tb_store_path(store), name, err);
        goto done;
    }
    space = H5Aget_space(attribute);
    if (H5Sget_simple_extent_npoints(space) != (hssize_t)count) {
        status = tb_error_set(err, TB_E_INPUT, "read %s of %s: expected %zu integers, got %lld",
                              name, tb_store_path(store), count,
                              (long long)H5Sget_simple_extent_npoints(space));
        goto done;
    }
    if (H5Aread(attribute, H5T_NATIVE_INT64, values) < 0)
        status = tb_hdf5_read_error(tb_store_path(store), name, err);
done:
    H5Sclose(space);
    H5Aclose(attribute);
    tb_hdf5_quiet_end(before);
    return status;
}

tb_status tb_store_get_text(tb_store *store, const char *name, char **out, tb_error *err)
{
    tb_status     status    = TB_OK;
    tb_hdf5_quiet before    = tb_hdf5_quiet_begin();
    hid_t         attribute = H5Aopen(tb_store_file(store), name, H5P_DEFAULT);
    hid_t         type      = H5I_INVALID_HID;
    char         *text      = NULL;

    *out = NULL;
    if (attribute < 0) {
        status = tb_hdf5_read_error(tb_store_path(store), name, err);
        goto done;
    }
    type = H5Aget_type(attribute);
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 ||
        H5Tget_size(type) < 1) {
        status = tb_error_set(err, TB_E_INPUT, "read %s of %s: expected text, got another type",
                              name, tb_store_path(store));
        goto done;
    }
    TB_TRY(tb_alloc_zero(&text, H5Tget_size(type) + 1, 1, "text", err));
    if (H5Aread(attribute, type, text) < 0) {
        status = tb_hdf5_read_error(tb_store_path(store), name, err);
        goto done;
    }
    *out = text;
    text = NULL;
done:
    tb_free(text);
    H5Tclose(type);
    H5Aclose(attribute);
    tb_hdf5_quiet_end(before);
    return status;
}
