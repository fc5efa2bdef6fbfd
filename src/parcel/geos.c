#include "parcel/geos.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"

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
    GEOS_finish_r(geos->handle);
    tb_free(geos);
}

tb_status tb_geos_fail(const tb_geos *geos, tb_error *err, const char *what)
{
    return tb_error_set(err, TB_E_INPUT, "%s: expected a geometry, got \"%s\" from GEOS", what,
                        geos->message[0] != '\0' ? geos->message : "nothing");
}
