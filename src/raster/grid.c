#include "raster/grid.h"

#include <math.h>
#include <stddef.h>

#include <ogr_srs_api.h>

#include "raster/capture.h"

void tb_transform_invert(const double f[6], double inverse[6])
{
    double determinant = f[1] * f[5] - f[2] * f[4];

    inverse[1] = f[5] / determinant;
    inverse[2] = -f[2] / determinant;
    inverse[4] = -f[4] / determinant;
    inverse[5] = f[1] / determinant;
    inverse[0] = -(f[0] * inverse[1] + f[3] * inverse[2]);
    inverse[3] = -(f[0] * inverse[4] + f[3] * inverse[5]);
}

void tb_transform_compose(const double s[6], const double f[6], double out[6])
{
    out[0] = s[0] + f[0] * s[1] + f[3] * s[2];
    out[1] = f[1] * s[1] + f[4] * s[2];
    out[2] = f[2] * s[1] + f[5] * s[2];
    out[3] = s[3] + f[0] * s[4] + f[3] * s[5];
    out[4] = f[1] * s[4] + f[4] * s[5];
    out[5] = f[2] * s[4] + f[5] * s[5];
}

double tb_grid_gsd_m(const tb_grid *grid)
{
    const double *t = grid->transform;
    double        side;
    tb_capture    capture;

    if (grid->crs == NULL)
        return 0.0;
    side = sqrt(fabs(t[1] * t[5] - t[2] * t[4]));

    tb_capture_begin(&capture);
    OGRSpatialReferenceH crs = OSRNewSpatialReference(grid->crs);

    if (crs == NULL) {
        side = 0.0;
    } else if (OSRIsGeographic(crs)) {
        double radians = OSRGetAngularUnits(crs, NULL);
        double radius  = OSRGetSemiMajor(crs, NULL);
        double e, n;

        tb_transform_apply(t, (double)grid->width / 2, (double)grid->height / 2, &e, &n);
        side *= radians * radius * sqrt(fabs(cos(n * radians)));
    } else {
        side *= OSRGetLinearUnits(crs, NULL);
    }
    OSRDestroySpatialReference(crs);
    tb_capture_end(&capture);
    return side;
}
