#include "parcel/geos.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "parcel/common.h"

static void hear(const char *message, void *context)
{
    tb_geos *geos = context;

    snprintf(geos->message, sizeof geos->message, "%s", message);
    geos->message[strcspn(geos->message, "\r\n")] = '\0';
}

tb_status tb_geos_new(tb_geos **out, tb_error *err)
{
    tb_status status = TB_OK;
    tb_geos  *geos   = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&geos, 1, sizeof *geos, "GEOS", err));
    geos->handle = GEOS_init_r();
    if (geos->handle == NULL) {
        tb_free(geos);
        return tb_error_set(err, TB_E_MEMORY, "GEOS: expected a context, got none");
    }
    GEOSContext_setErrorMessageHandler_r(geos->handle, hear, geos);
    *out = geos;
done:
    return status;
}

void tb_geos_free(tb_geos *geos)
{
    if (geos == NULL)
        return;
    tb_bench_free(geos->bench);
    GEOS_finish_r(geos->handle);
    tb_free(geos);
}

tb_status tb_geos_fail(const tb_geos *geos, tb_error *err, const char *what)
{
    return tb_error_set(err, TB_E_INPUT, "%s: expected a geometry, got \"%s\" from GEOS", what,
                        geos->message[0] != '\0' ? geos->message : "nothing");
}

/* Polygons in a geometry; copied where `out` has room for them. */
static unsigned take_polygons(GEOSContextHandle_t handle, const GEOSGeometry *in,
                              GEOSGeometry **out)
{
    int      type  = GEOSGeomTypeId_r(handle, in);
    unsigned count = 0;

    if (type == GEOS_POLYGON && !GEOSisEmpty_r(handle, in)) {
        if (out != NULL)
            out[0] = GEOSGeom_clone_r(handle, in);
        return 1;
    }
    if (type != GEOS_MULTIPOLYGON && type != GEOS_GEOMETRYCOLLECTION)
        return 0;
    for (int i = 0; i < GEOSGetNumGeometries_r(handle, in); i++)
        count += take_polygons(handle, GEOSGetGeometryN_r(handle, in, i),
                               out != NULL ? out + count : NULL);
    return count;
}

tb_status tb_geos_polygons(tb_geos *geos, GEOSGeometry *made, const char *what, GEOSGeometry **out,
                           tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = geos->handle;
    GEOSGeometry      **list   = NULL;
    int                 type;

    *out = NULL;
    if (made == NULL)
        return tb_geos_fail(geos, err, what);
    type = GEOSGeomTypeId_r(handle, made);
    if (type == GEOS_POLYGON || type == GEOS_MULTIPOLYGON) {
        *out = made;
        return TB_OK;
    }
    TB_TRY(tb_alloc(&list, take_polygons(handle, made, NULL), sizeof *list, what, err));
    *out = GEOSGeom_createCollection_r(handle, GEOS_MULTIPOLYGON, list,
                                       take_polygons(handle, made, list));
    if (*out == NULL)
        status = tb_geos_fail(geos, err, what);
done:
    tb_free(list);
    GEOSGeom_destroy_r(handle, made);
    return status;
}
