#include "raster/warp.h"

#include <math.h>
#include <string.h>

#include <ogr_srs_api.h>

#include "core/memory.h"
#include "raster/capture.h"

/* Lattice pixels between the nodes at which PROJ is asked; linear between them. At 10 m and 64
 * pixels the sag of a projection over 640 m is 8 mm. Very large lattices take wider nodes, to bound
 * memory. */
enum { NODE_STEP = 64, NODE_STEP_LARGE = 256 };
static const int64_t LARGE_LATTICE = (int64_t)1 << 33;

/* Rounding to a quantum is moved off the even places where structured grids would put a tie. */
static const double ROUNDING = 0.5 + 0.0123;

struct tb_warp {
    tb_rect      lattice;
    int64_t      image_width, image_height;
    tb_warp_kind kind;
    bool         is_nearest;
    double       map[6]; /* lattice to image pixels, corners; without nodes */
    double       dx, dy;
    tb_warp_axis axis_x, axis_y;
    int64_t      node_step, node_columns, node_rows;
    int32_t     *nodes; /* [rows][columns][2] quanta relative to node_base, INT32_MIN: nowhere */
};

static int64_t quantised(double position)
{
    return (int64_t)floor(position * TB_WARP_PHASES + ROUNDING);
}

static double keys(double t)
{
    t = fabs(t);
    if (t < 1.0)
        return (1.5 * t - 2.5) * t * t + 1.0;
    if (t < 2.0)
        return ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0;
    return 0.0;
}

static double tent(double t)
{
    t = fabs(t);
    return t < 1.0 ? 1.0 - t : 0.0;
}

static tb_status make_axis(tb_warp_axis *axis, double scale, bool is_nearest, tb_error *err)
{
    bool      is_cubic = scale <= 1.25;
    double    reach    = is_cubic ? 2.0 : scale;
    int       half     = (int)ceil(reach);
    tb_status status;

    tb_free(axis->weights);
    axis->weights = NULL;
    axis->taps    = is_nearest ? 1 : 2 * half;
    axis->first   = is_nearest ? 0 : 1 - half;
    status = tb_alloc(&axis->weights, (size_t)TB_WARP_PHASES * (size_t)axis->taps, sizeof(float),
                      "resampling weights", err);
    if (status != TB_OK)
        return status;
    for (int phase = 0; phase < TB_WARP_PHASES; phase++) {
        float *row = axis->weights + (size_t)phase * (size_t)axis->taps;
        double sum = 0.0;

        for (int k = 0; k < axis->taps; k++) {
            double t = axis->first + k - phase / (double)TB_WARP_PHASES;

            row[k] = is_nearest ? 1.0f : (float)(is_cubic ? keys(t) : tent(t / scale));
            sum += row[k];
        }
        for (int k = 0; k < axis->taps; k++)
            row[k] = (float)(row[k] / sum);
    }
    return TB_OK;
}

static void classify(tb_warp *warp)
{
    if (warp->nodes != NULL || warp->map[2] != 0.0 || warp->map[4] != 0.0) {
        warp->kind = TB_WARP_GENERAL;
        return;
    }

    /* Copying is right when no position strays from a whole pixel by a quantum over the whole
     * lattice. */
    double        far_x = (double)warp->lattice.width, far_y = (double)warp->lattice.height;
    const double *m         = warp->map;
    const double  places[4] = {m[0] + warp->dx * m[1], m[0] + (far_x + warp->dx) * m[1],
                               m[3] + warp->dy * m[5], m[3] + (far_y + warp->dy) * m[5]};
    bool          is_whole  = true;

    for (int i = 0; i < 4; i++)
        is_whole = is_whole && quantised(places[i]) % TB_WARP_PHASES == 0;
    is_whole = is_whole && quantised(places[1]) - quantised(places[0]) == warp->lattice.width * 256;
    is_whole =
        is_whole && quantised(places[3]) - quantised(places[2]) == warp->lattice.height * 256;
    warp->kind = is_whole ? TB_WARP_COPY : TB_WARP_SEPARABLE;
}

/* Removes what cancelling of large eastings leaves of a rotation that is not there. */
static void drop_dust(double map[6])
{
    double size = fabs(map[1]) + fabs(map[2]) + fabs(map[4]) + fabs(map[5]);

    for (int i = 1; i < 6; i++)
        if (i != 3 && fabs(map[i]) < size * 1e-12)
            map[i] = 0.0;
}

static tb_status fill_nodes(tb_warp *warp, const tb_grid *lattice, const double to_pixels[6],
                            OGRCoordinateTransformationH way, tb_error *err)
{
    tb_status status = TB_OK;
    double   *x = NULL, *y = NULL;
    int      *success = NULL;
    size_t    columns = (size_t)warp->node_columns;

    TB_TRY(tb_alloc(&x, columns, sizeof *x, "nodes", err));
    TB_TRY(tb_alloc(&y, columns, sizeof *y, "nodes", err));
    TB_TRY(tb_alloc(&success, columns, sizeof *success, "nodes", err));
    for (int64_t row = 0; row < warp->node_rows; row++) {
        int32_t *out = warp->nodes + row * warp->node_columns * 2;

        for (size_t i = 0; i < columns; i++)
            tb_transform_apply(lattice->transform, (double)((int64_t)i * warp->node_step),
                               (double)(row * warp->node_step), &x[i], &y[i]);
        OCTTransformEx(way, (int)columns, x, y, NULL, success);
        for (size_t i = 0; i < columns; i++) {
            double px = NAN, py = NAN;

            if (success[i] && isfinite(x[i]) && isfinite(y[i]))
                tb_transform_apply(to_pixels, x[i], y[i], &px, &py);
            if (fabs(px) < 4e6 && fabs(py) < 4e6) { /* NaN fails */
                out[2 * i]     = (int32_t)quantised(px);
                out[2 * i + 1] = (int32_t)quantised(py);
            } else {
                out[2 * i] = out[2 * i + 1] = INT32_MIN;
            }
        }
    }
done:
    tb_free(x);
    tb_free(y);
    tb_free(success);
    return status;
}

static tb_status make_nodes(tb_warp *warp, const tb_grid *lattice, const tb_image_info *image,
                            OGRSpatialReferenceH from, OGRSpatialReferenceH to, tb_error *err)
{
    tb_status                    status = TB_OK;
    double                       to_pixels[6];
    OGRCoordinateTransformationH way;

    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    way = OCTNewCoordinateTransformation(from, to);
    if (way == NULL)
        return tb_error_set(
            err, TB_E_INPUT,
            "%s: expected a CRS that can be brought to the earlier image's, got one "
            "PROJ knows no way between",
            image->path);
    warp->node_step =
        lattice->width * lattice->height > LARGE_LATTICE ? NODE_STEP_LARGE : NODE_STEP;
    warp->node_columns = (lattice->width + warp->node_step - 1) / warp->node_step + 1;
    warp->node_rows    = (lattice->height + warp->node_step - 1) / warp->node_step + 1;
    TB_TRY(tb_alloc(&warp->nodes, (size_t)(warp->node_columns * warp->node_rows * 2),
                    sizeof(int32_t), "nodes of a CRS change", err));
    tb_transform_invert(image->transform, to_pixels);
    TB_TRY(fill_nodes(warp, lattice, to_pixels, way, err));
done:
    OCTDestroyCoordinateTransformation(way);
    return status;
}

static tb_status connect(tb_warp *warp, const tb_grid *lattice, const tb_image_info *image,
                         tb_error *err)
{
    tb_status            status = TB_OK;
    double               to_pixels[6];
    OGRSpatialReferenceH from = NULL, to = NULL;
    tb_capture           capture;

    if ((lattice->crs == NULL) != (image->crs == NULL)) {
        tb_error_set(err, TB_E_INPUT, "%s: expected %s like the earlier image, got %s", image->path,
                     lattice->crs != NULL ? "a CRS" : "no CRS",
                     image->crs != NULL ? "one" : "none");
        return tb_error_hint(err, "give both dates a CRS (gdal_edit.py -a_srs), or neither");
    }
    tb_transform_invert(image->transform, to_pixels);
    tb_transform_compose(to_pixels, lattice->transform, warp->map);
    drop_dust(warp->map);
    if (lattice->crs == NULL || strcmp(lattice->crs, image->crs) == 0)
        return TB_OK;

    tb_capture_begin(&capture);
    from = OSRNewSpatialReference(lattice->crs);
    to   = OSRNewSpatialReference(image->crs);
    if (from == NULL || to == NULL)
        status = tb_error_set(err, TB_E_INPUT, "%s: expected a CRS PROJ can read, got: %s",
                              image->path, tb_capture_text(&capture, "another"));
    else if (!OSRIsSame(from, to))
        status = make_nodes(warp, lattice, image, from, to, err);
    OSRDestroySpatialReference(from);
    OSRDestroySpatialReference(to);
    tb_capture_end(&capture);
    return status;
}

/* Image pixels for one lattice pixel along an axis, from the middle of the nodes or the map. */
static double scale_along(const tb_warp *warp, bool is_x)
{
    const double *m = warp->map;

    if (warp->nodes == NULL)
        return is_x ? sqrt(m[1] * m[1] + m[2] * m[2]) : sqrt(m[4] * m[4] + m[5] * m[5]);

    for (int64_t row = 0; row + 1 < warp->node_rows; row++) {
        int64_t        middle = (row + warp->node_rows / 2) % (warp->node_rows - 1);
        const int32_t *node =
            warp->nodes + (middle * warp->node_columns + (warp->node_columns - 1) / 2) * 2;
        const int32_t *below = node + warp->node_columns * 2;
        const int32_t *right = node + 2 * (warp->node_columns > 1 ? 1 : 0);

        if (node[0] == INT32_MIN || below[0] == INT32_MIN || right[0] == INT32_MIN)
            continue;

        double span = (double)warp->node_step * TB_WARP_PHASES;
        double a    = ((double)right[is_x ? 0 : 1] - node[is_x ? 0 : 1]) / span;
        double b    = ((double)below[is_x ? 0 : 1] - node[is_x ? 0 : 1]) / span;

        return sqrt(a * a + b * b);
    }
    return 1.0;
}

tb_status tb_warp_new(tb_warp **out, const tb_grid *lattice, const tb_image_info *image,
                      bool is_nearest, tb_error *err)
{
    tb_status status = TB_OK;
    tb_warp  *warp   = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&warp, 1, sizeof *warp, "warp", err));
    warp->lattice      = (tb_rect){0, 0, lattice->width, lattice->height};
    warp->image_width  = image->width;
    warp->image_height = image->height;
    warp->is_nearest   = is_nearest;
    TB_TRY(connect(warp, lattice, image, err));
    TB_TRY(make_axis(&warp->axis_x, scale_along(warp, true), is_nearest, err));
    TB_TRY(make_axis(&warp->axis_y, scale_along(warp, false), is_nearest, err));
    classify(warp);
done:
    if (status == TB_OK)
        *out = warp;
    else
        tb_warp_free(warp);
    return status;
}

void tb_warp_free(tb_warp *warp)
{
    if (warp == NULL)
        return;
    tb_free(warp->axis_x.weights);
    tb_free(warp->axis_y.weights);
    tb_free(warp->nodes);
    tb_free(warp);
}

void tb_warp_shift(tb_warp *warp, double dx, double dy)
{
    warp->dx = dx;
    warp->dy = dy;
    classify(warp);
}

tb_warp_kind tb_warp_kind_of(const tb_warp *warp)
{
    return warp->kind;
}

const tb_warp_axis *tb_warp_axis_x(const tb_warp *warp)
{
    return &warp->axis_x;
}

const tb_warp_axis *tb_warp_axis_y(const tb_warp *warp)
{
    return &warp->axis_y;
}

double tb_warp_scale(const tb_warp *warp)
{
    double x = scale_along(warp, true), y = scale_along(warp, false);

    return x > y ? x : y;
}

/* From a corner-based position to the pixel whose centre is at or before it, and how far past. */
static tb_warp_position position_of(const tb_warp *warp, double place)
{
    int64_t          quanta   = quantised(warp->is_nearest ? place : place - 0.5);
    int64_t          index    = quanta >> 8;
    tb_warp_position position = {index, (int)(quanta - index * TB_WARP_PHASES)};

    if (warp->is_nearest)
        position.phase = 0;
    return position;
}

static bool interpolate_nodes(const tb_warp *warp, double x, double y, double *px, double *py)
{
    double  step   = (double)warp->node_step;
    int64_t column = (int64_t)floor(x / step), row = (int64_t)floor(y / step);

    column = column < 0 ? 0 : column > warp->node_columns - 2 ? warp->node_columns - 2 : column;
    row    = row < 0 ? 0 : row > warp->node_rows - 2 ? warp->node_rows - 2 : row;

    const int32_t *above = warp->nodes + (row * warp->node_columns + column) * 2;
    const int32_t *below = above + warp->node_columns * 2;
    double         u     = x / step - (double)column;
    double         v     = y / step - (double)row;

    if (above[0] == INT32_MIN || above[2] == INT32_MIN || below[0] == INT32_MIN ||
        below[2] == INT32_MIN)
        return false;
    *px =
        ((above[0] * (1 - u) + above[2] * u) * (1 - v) + (below[0] * (1 - u) + below[2] * u) * v) /
        TB_WARP_PHASES;
    *py =
        ((above[1] * (1 - u) + above[3] * u) * (1 - v) + (below[1] * (1 - u) + below[3] * u) * v) /
        TB_WARP_PHASES;
    return true;
}

void tb_warp_row(const tb_warp *warp, int64_t x, int64_t y, int64_t n, tb_warp_position *px,
                 tb_warp_position *py)
{
    double cy = (double)y + 0.5 + warp->dy;

    for (int64_t i = 0; i < n; i++) {
        double cx = (double)(x + i) + 0.5 + warp->dx;
        double sx, sy;

        if (warp->nodes == NULL) {
            tb_transform_apply(warp->map, cx, cy, &sx, &sy);
        } else if (!interpolate_nodes(warp, cx, cy, &sx, &sy)) {
            px[i].index = py[i].index = INT64_MIN;
            px[i].phase = py[i].phase = 0;
            continue;
        }
        px[i] = position_of(warp, sx);
        py[i] = position_of(warp, sy);
    }
}

static tb_rect hull_of(const double *x, const double *y, int n, double margin)
{
    double left = x[0], right = x[0], top = y[0], bottom = y[0];

    for (int i = 1; i < n; i++) {
        left   = x[i] < left ? x[i] : left;
        right  = x[i] > right ? x[i] : right;
        top    = y[i] < top ? y[i] : top;
        bottom = y[i] > bottom ? y[i] : bottom;
    }

    int64_t x0 = (int64_t)floor(left - margin), y0 = (int64_t)floor(top - margin);

    return (tb_rect){x0, y0, (int64_t)ceil(right + margin) - x0,
                     (int64_t)ceil(bottom + margin) - y0};
}

tb_rect tb_warp_footprint(const tb_warp *warp)
{
    double  w = (double)warp->image_width, h = (double)warp->image_height;
    tb_rect all = warp->lattice, found = {0, 0, 0, 0};

    if (warp->nodes == NULL) {
        const double corner_x[4] = {0, w, 0, w}, corner_y[4] = {0, 0, h, h};
        double       inverse[6], x[4], y[4];

        tb_transform_invert(warp->map, inverse);
        for (int i = 0; i < 4; i++) {
            tb_transform_apply(inverse, corner_x[i], corner_y[i], &x[i], &y[i]);
            x[i] -= warp->dx;
            y[i] -= warp->dy;
        }
        return tb_rect_intersect(hull_of(x, y, 4, 2.0), all);
    }
    for (int64_t row = 0; row + 1 < warp->node_rows; row++)
        for (int64_t column = 0; column + 1 < warp->node_columns; column++) {
            tb_rect cell   = {column * warp->node_step, row * warp->node_step, warp->node_step,
                              warp->node_step};
            tb_rect window = tb_warp_window(warp, cell);

            if (tb_rect_is_empty(window))
                continue;
            if (tb_rect_is_empty(found)) {
                found = cell;
                continue;
            }

            int64_t x0 = cell.x < found.x ? cell.x : found.x;
            int64_t x1 = cell.x + cell.width > found.x + found.width ? cell.x + cell.width
                                                                     : found.x + found.width;

            found = (tb_rect){x0, found.y, x1 - x0, cell.y + cell.height - found.y};
        }
    return tb_rect_intersect(found, all);
}

tb_rect tb_warp_window(const tb_warp *warp, tb_rect r)
{
    tb_rect image = {0, 0, warp->image_width, warp->image_height};
    double  reach = warp->axis_x.taps > warp->axis_y.taps ? warp->axis_x.taps : warp->axis_y.taps;
    double  x0 = (double)r.x + 0.5 + warp->dx, y0 = (double)r.y + 0.5 + warp->dy;
    double  x1 = x0 + (double)r.width - 1, y1 = y0 + (double)r.height - 1;
    double  x[64], y[64];
    int     n = 0;

    if (tb_rect_is_empty(r))
        return (tb_rect){0, 0, 0, 0};
    if (warp->nodes == NULL) {
        const double corner_x[4] = {x0, x1, x0, x1}, corner_y[4] = {y0, y0, y1, y1};

        for (; n < 4; n++)
            tb_transform_apply(warp->map, corner_x[n], corner_y[n], &x[n], &y[n]);
        return tb_rect_intersect(hull_of(x, y, n, reach / 2 + 2), image);
    }

    /* Bilinear between nodes: the extremes of a rectangle lie at its corners or at nodes inside it.
     */
    tb_rect hull = {0, 0, 0, 0};
    bool    has  = false;
    double  step = (double)warp->node_step;

    for (double v = y0;;
         v        = floor(v / step) * step + step < y1 ? floor(v / step) * step + step : y1) {
        for (double u = x0;;
             u        = floor(u / step) * step + step < x1 ? floor(u / step) * step + step : x1) {
            if (interpolate_nodes(warp, u, v, &x[0], &y[0])) {
                tb_rect here = hull_of(x, y, 1, reach / 2 + 2);

                if (!has)
                    hull = here;
                int64_t left   = here.x < hull.x ? here.x : hull.x;
                int64_t top    = here.y < hull.y ? here.y : hull.y;
                int64_t right  = here.x + here.width > hull.x + hull.width ? here.x + here.width
                                                                           : hull.x + hull.width;
                int64_t bottom = here.y + here.height > hull.y + hull.height ? here.y + here.height
                                                                             : hull.y + hull.height;

                hull = (tb_rect){left, top, right - left, bottom - top};
                has  = true;
            }
            if (u >= x1)
                break;
        }
        if (v >= y1)
            break;
    }
    return tb_rect_intersect(hull, image);
}
