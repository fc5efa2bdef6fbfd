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
    tb_field     field; /* in their place, where there is one */
    tb_warp_axis axis_x, axis_y;
    int64_t      node_step, node_columns, node_rows;
    int32_t     *nodes; /* [rows][columns][2] quanta of image x and y, INT32_MIN: nowhere */
};

/* Transforms that no one would make still have to give whole numbers. */
static double bounded(double position)
{
    const double far = 1e15;

    return position > -far ? (position < far ? position : far) : -far; /* NaN: -far */
}

static int64_t quantised(double position)
{
    return (int64_t)floor(bounded(position) * TB_WARP_PHASES + ROUNDING);
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

/* Keys' weights have sum 1 and mean 0 of themselves. */
static void fill_cubic(float *row, int taps, double position)
{
    double sum = 0.0;

    for (int k = 0; k < taps; k++) {
        row[k] = (float)keys(1 - taps / 2 + k - position);
        sum += row[k];
    }
    for (int k = 0; k < taps; k++)
        row[k] = (float)(row[k] / sum);
}

/* A tent sampled at whole pixels has not: it is tilted until its mean is at the position. */
static void fill_tent(float *row, int taps, double position, double scale)
{
    double sum = 0.0, first = 0.0, second = 0.0, tilt;

    for (int k = 0; k < taps; k++) {
        double t = 1 - taps / 2 + k - position, weight = tent(t / scale);

        sum += weight;
        first += weight * t;
        second += weight * t * t;
    }
    first /= sum;
    second /= sum;
    tilt = -first / (second - first * first);
    for (int k = 0; k < taps; k++) {
        double t = 1 - taps / 2 + k - position;

        row[k] = (float)(tent(t / scale) / sum * (1.0 + tilt * (t - first)));
    }
}

static tb_status make_axis(tb_warp_axis *axis, double scale, const char *path, bool is_nearest,
                           tb_error *err)
{
    bool      is_cubic = scale <= 1.25;
    tb_status status;

    if (is_nearest) {
        axis->taps  = 1;
        axis->first = 0;
    } else if (scale <= TB_WARP_TAPS_MAX / 2) {
        axis->taps  = is_cubic ? 4 : 2 * (int)ceil(scale);
        axis->first = 1 - axis->taps / 2;
    } else {
        tb_error_set(err, TB_E_INPUT,
                     "%s: expected an image at most %d times as fine as the earlier one, got %.4g",
                     path, TB_WARP_TAPS_MAX / 2, scale);
        tb_error_hint(err, "bring it to a coarser grid first (gdalwarp -r average -tr)");
        return TB_E_INPUT;
    }
    status = tb_alloc(&axis->weights, (size_t)TB_WARP_PHASES * (size_t)axis->taps, sizeof(float),
                      "resampling weights", err);
    if (status != TB_OK)
        return status;
    for (int phase = 0; phase < TB_WARP_PHASES; phase++) {
        float *row      = axis->weights + (size_t)phase * (size_t)axis->taps;
        double position = phase / (double)TB_WARP_PHASES;

        if (is_nearest)
            row[0] = 1.0f;
        else if (is_cubic)
            fill_cubic(row, axis->taps, position);
        else
            fill_tent(row, axis->taps, position, scale);
    }
    return TB_OK;
}

static void classify(tb_warp *warp)
{
    if (warp->nodes != NULL || tb_field_exists(&warp->field) || warp->map[2] != 0.0 ||
        warp->map[4] != 0.0) {
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
        tb_error_hint(err, "give both dates a CRS (gdal_edit.py -a_srs), or neither");
        return TB_E_INPUT;
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
    TB_TRY(make_axis(&warp->axis_x, scale_along(warp, true), image->path, is_nearest, err));
    TB_TRY(make_axis(&warp->axis_y, scale_along(warp, false), image->path, is_nearest, err));
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
    warp->dx    = dx;
    warp->dy    = dy;
    warp->field = (tb_field){0};
    classify(warp);
}

void tb_warp_bend(tb_warp *warp, const tb_field *field)
{
    warp->dx    = 0.0;
    warp->dy    = 0.0;
    warp->field = *field;
    classify(warp);
}

/* The least and greatest shifts of places within a rectangle given by its corners. */
static void bound_shifts(const tb_warp *warp, double x0, double y0, double x1, double y1,
                         double low[2], double high[2])
{
    low[0] = high[0] = warp->dx;
    low[1] = high[1] = warp->dy;
    if (tb_field_exists(&warp->field))
        tb_field_bounds(&warp->field, x0, y0, x1, y1, low, high);
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

/* The cell between nodes a place falls into, along one axis; places beyond count to the last. */
static int64_t cell_of(const tb_warp *warp, double place, int64_t nodes)
{
    int64_t cell = (int64_t)floor(place / (double)warp->node_step);

    return cell < 0 ? 0 : cell > nodes - 2 ? nodes - 2 : cell;
}

/* False where a node of the cell is nowhere. */
static bool interpolate_in_cell(const tb_warp *warp, int64_t column, int64_t row, double x,
                                double y, double *px, double *py)
{
    const int32_t *above = warp->nodes + (row * warp->node_columns + column) * 2;
    const int32_t *below = above + warp->node_columns * 2;
    double         step  = (double)warp->node_step;
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

static bool interpolate_nodes(const tb_warp *warp, double x, double y, double *px, double *py)
{
    return interpolate_in_cell(warp, cell_of(warp, x, warp->node_columns),
                               cell_of(warp, y, warp->node_rows), x, y, px, py);
}

void tb_warp_row(const tb_warp *warp, int64_t x, int64_t y, int64_t n, tb_warp_position *px,
                 tb_warp_position *py)
{
    bool is_bent = tb_field_exists(&warp->field);

    for (int64_t i = 0; i < n; i++) {
        double cx = (double)(x + i) + 0.5, cy = (double)y + 0.5;
        double dx = warp->dx, dy = warp->dy, sx, sy;

        if (is_bent)
            tb_field_at(&warp->field, cx, cy, &dx, &dy);
        cx += dx;
        cy += dy;
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

bool tb_warp_is_inside(tb_warp_position p, int64_t extent)
{
    int64_t nearest = p.index + (p.phase >= TB_WARP_PHASES / 2);

    return p.index != INT64_MIN && nearest >= 0 && nearest < extent;
}

bool tb_warp_reaches(const tb_warp *warp, int64_t x, int64_t y)
{
    tb_warp_position px, py;

    tb_warp_row(warp, x, y, 1, &px, &py);
    return tb_warp_is_inside(px, warp->image_width) && tb_warp_is_inside(py, warp->image_height);
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

    int64_t x0 = (int64_t)floor(bounded(left - margin));
    int64_t y0 = (int64_t)floor(bounded(top - margin));

    return (tb_rect){x0, y0, (int64_t)ceil(bounded(right + margin)) - x0,
                     (int64_t)ceil(bounded(bottom + margin)) - y0};
}

/* The rectangle around two, of which one may be empty. */
static tb_rect hull_of_both(tb_rect a, tb_rect b)
{
    int64_t x0 = a.x < b.x ? a.x : b.x, y0 = a.y < b.y ? a.y : b.y;
    int64_t x1 = a.x + a.width > b.x + b.width ? a.x + a.width : b.x + b.width;
    int64_t y1 = a.y + a.height > b.y + b.height ? a.y + a.height : b.y + b.height;

    if (tb_rect_is_empty(a))
        return b;
    return tb_rect_is_empty(b) ? a : (tb_rect){x0, y0, x1 - x0, y1 - y0};
}

tb_rect tb_warp_footprint(const tb_warp *warp)
{
    double  w = (double)warp->image_width, h = (double)warp->image_height;
    tb_rect all = warp->lattice, found = {0, 0, 0, 0};

    if (warp->nodes == NULL) {
        /* A position may have been rounded into the image by a quantum. */
        const double slack       = 2.0 / TB_WARP_PHASES;
        const double corner_x[4] = {-slack, w + slack, -slack, w + slack};
        const double corner_y[4] = {-slack, -slack, h + slack, h + slack};
        double       inverse[6], low[2], high[2], x[8], y[8];

        tb_transform_invert(warp->map, inverse);
        bound_shifts(warp, 0.0, 0.0, (double)all.width, (double)all.height, low, high);
        for (int i = 0; i < 4; i++) {
            tb_transform_apply(inverse, corner_x[i], corner_y[i], &x[i], &y[i]);
            x[i + 4] = x[i] - low[0];
            y[i + 4] = y[i] - low[1];
            x[i] -= high[0];
            y[i] -= high[1];
        }
        return tb_rect_intersect(hull_of(x, y, 8, 2.0), all);
    }
    for (int64_t row = 0; row + 1 < warp->node_rows; row++)
        for (int64_t column = 0; column + 1 < warp->node_columns; column++) {
            tb_rect cell   = {column * warp->node_step, row * warp->node_step, warp->node_step,
                              warp->node_step};
            tb_rect window = tb_warp_window(warp, cell);

            if (!tb_rect_is_empty(window))
                found = hull_of_both(found, cell);
        }
    return tb_rect_intersect(found, all);
}

/* Bilinear between nodes: the extremes of a rectangle lie at the corners of its part of a cell. */
static tb_rect window_by_nodes(const tb_warp *warp, double x0, double y0, double x1, double y1,
                               double margin)
{
    int64_t first_column = cell_of(warp, x0, warp->node_columns);
    int64_t last_column  = cell_of(warp, x1, warp->node_columns);
    int64_t first_row    = cell_of(warp, y0, warp->node_rows);
    int64_t last_row     = cell_of(warp, y1, warp->node_rows);
    tb_rect hull         = {0, 0, 0, 0};

    for (int64_t row = first_row; row <= last_row; row++)
        for (int64_t column = first_column; column <= last_column; column++) {
            double u0   = column == first_column ? x0 : (double)(column * warp->node_step);
            double u1   = column == last_column ? x1 : (double)((column + 1) * warp->node_step);
            double v0   = row == first_row ? y0 : (double)(row * warp->node_step);
            double v1   = row == last_row ? y1 : (double)((row + 1) * warp->node_step);
            double u[4] = {u0, u1, u0, u1}, v[4] = {v0, v0, v1, v1}, x[4], y[4];
            bool   is_somewhere = true;

            for (int i = 0; i < 4; i++)
                is_somewhere = is_somewhere &&
                               interpolate_in_cell(warp, column, row, u[i], v[i], &x[i], &y[i]);
            if (is_somewhere)
                hull = hull_of_both(hull, hull_of(x, y, 4, margin));
        }
    return hull;
}

tb_rect tb_warp_window(const tb_warp *warp, tb_rect r)
{
    tb_rect image  = {0, 0, warp->image_width, warp->image_height};
    double  taps   = warp->axis_x.taps > warp->axis_y.taps ? warp->axis_x.taps : warp->axis_y.taps;
    double  margin = taps / 2 + 2;
    double  x0 = (double)r.x + 0.5, y0 = (double)r.y + 0.5;
    double  x1 = x0 + (double)r.width - 1, y1 = y0 + (double)r.height - 1, low[2], high[2];

    if (tb_rect_is_empty(r))
        return (tb_rect){0, 0, 0, 0};
    bound_shifts(warp, x0, y0, x1, y1, low, high);
    x0 += low[0];
    y0 += low[1];
    x1 += high[0];
    y1 += high[1];
    if (warp->nodes != NULL)
        return tb_rect_intersect(window_by_nodes(warp, x0, y0, x1, y1, margin), image);

    const double corner_x[4] = {x0, x1, x0, x1}, corner_y[4] = {y0, y0, y1, y1};
    double       x[4], y[4];

    for (int i = 0; i < 4; i++)
        tb_transform_apply(warp->map, corner_x[i], corner_y[i], &x[i], &y[i]);
    return tb_rect_intersect(hull_of(x, y, 4, margin), image);
}
