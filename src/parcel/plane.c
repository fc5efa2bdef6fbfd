#include "parcel/plane.h"

#include <math.h>
#include <stdint.h>
#include <strings.h>

#include "core/memory.h"
#include "parcel/geos.h"
#include "raster/capture.h"

/* A polynomial of degree 4 in x and y: over 8 km the next terms are below 1e-14 degree. */
enum { TERMS = 5, NODES = TERMS * TERMS, TRIALS = 9, ASKED_LEAST = 64 };

static const double SIDE_M = 8192.0, PI = 3.14159265358979323846;

/* Degrees: how well a polynomial has to meet PROJ at points between, and how far from the middle
 * between two multiples of 1e-9 its answer has to be. */
static const double OFF_MOST = 5e-13, CLEAR_LEAST = 2e-12;

typedef enum state { ASKED, FITTED, REFUSED } state;

/* A square of the plane: [side * x, side * (x + 1)] by likewise. */
typedef struct square {
    int64_t x, y;
    int64_t asked; /* points; 0: the slot is free */
    state   state;
    size_t  fit;
} square;

/* L and B less those of the middle, by powers of u and v, -1 to 1 over the square. */
typedef struct fit {
    double middle[2];
    double term[2][TERMS][TERMS]; /* 0 above degree 4 */
} fit;

struct tb_plane {
    OGRCoordinateTransformationH way;
    double                       unit_m, side; /* of a square; 0: PROJ is asked for every point */
    square                      *squares;      /* open hash */
    size_t                       square_count, square_capacity;
    fit                         *fits;
    size_t                       fit_count, fit_capacity;
    double                      *x, *y; /* points PROJ is asked for, */
    size_t                      *which; /* and their numbers */
    size_t                       capacity;
    int64_t                      brought, asked; /* points; of PROJ */
    const square                *last;           /* fitted, and its lower corner; NULL: none */
    double                       last_x, last_y;
    double                       share[TERMS][TERMS];
};

/* Chebyshev's points. */
static double node(int i)
{
    return cos((2 * i + 1) * PI / (2 * TERMS));
}

/* Chebyshev's polynomials, by powers: of u^k in the i-th. */
static const double POWER[TERMS][TERMS] = {
    {1, 0, -1, 0, 1}, {0, 1, 0, -3, 0}, {0, 0, 2, 0, -8}, {0, 0, 0, 4, 0}, {0, 0, 0, 0, 8}};

/* The share of the value at node j in the i-th polynomial of a function: discrete orthogonality. */
static double share(int i, int j)
{
    return (i > 0 ? 2.0 : 1.0) / TERMS * cos(i * (2 * j + 1) * PI / (2 * TERMS));
}

tb_status tb_plane_new(tb_plane **out, OGRCoordinateTransformationH way, double unit_m,
                       bool is_projection, tb_error *err)
{
    tb_status status = TB_OK;
    tb_plane *plane  = NULL;

    *out   = NULL;
    status = tb_alloc_zero(&plane, 1, sizeof *plane, "plane of a layer", err);
    if (status != TB_OK) {
        OCTDestroyCoordinateTransformation(way);
        return status;
    }
    plane->way    = way;
    plane->unit_m = unit_m;
    plane->side   = is_projection && unit_m > 0.0 ? SIDE_M / unit_m : 0.0;
    for (int i = 0; i < TERMS; i++)
        for (int j = 0; j < TERMS; j++)
            plane->share[i][j] = share(i, j);
    *out = plane;
    return status;
}

/* Whether a CRS is a transverse Mercator projection of another: what lies between is smooth. */
static bool is_projection_of(OGRSpatialReferenceH projected, OGRSpatialReferenceH geographic)
{
    const char *name = OSRGetAttrValue(projected, "PROJECTION", 0);

    return OSRIsProjected(projected) && OSRIsSameGeogCS(projected, geographic) && name != NULL &&
           strcasecmp(name, SRS_PT_TRANSVERSE_MERCATOR) == 0;
}

tb_status tb_plane_between(tb_plane **out, OGRSpatialReferenceH from, OGRSpatialReferenceH to,
                           tb_error *err)
{
    OGRCoordinateTransformationH way = OCTNewCoordinateTransformation(from, to);

    *out = NULL;
    if (way == NULL)
        return TB_OK;
    return tb_plane_new(out, way, OSRIsProjected(from) ? OSRGetLinearUnits(from, NULL) : 0.0,
                        is_projection_of(from, to), err);
}

void tb_plane_free(tb_plane *plane)
{
    if (plane == NULL)
        return;
    OCTDestroyCoordinateTransformation(plane->way);
    tb_free(plane->squares);
    tb_free(plane->fits);
    tb_free(plane->x);
    tb_free(plane->y);
    tb_free(plane->which);
    tb_free(plane);
}

double tb_plane_share(const tb_plane *plane)
{
    return plane->brought > 0 ? 1.0 - (double)plane->asked / (double)plane->brought : 0.0;
}

double tb_plane_unit_m(const tb_plane *plane)
{
    return plane->unit_m;
}

OGRCoordinateTransformationH tb_plane_way(const tb_plane *plane)
{
    return plane->way;
}

OGRCoordinateTransformationH tb_plane_way_back(const tb_plane *plane)
{
    return OCTGetInverse(plane->way);
}

/* ---- squares ---- */

static size_t slot_of(const square *squares, size_t capacity, int64_t x, int64_t y)
{
    uint64_t mixed =
        ((uint64_t)x * UINT64_C(0x9E3779B97F4A7C15)) ^ ((uint64_t)y * UINT64_C(0xC2B2AE3D27D4EB4F));
    size_t slot = (size_t)(mixed >> 24) & (capacity - 1);

    while (squares[slot].asked > 0 && (squares[slot].x != x || squares[slot].y != y))
        slot = (slot + 1) & (capacity - 1);
    return slot;
}

static tb_status grow_squares(tb_plane *plane, tb_error *err)
{
    tb_status status   = TB_OK;
    size_t    capacity = plane->square_capacity > 0 ? 2 * plane->square_capacity : 256;
    square   *squares  = NULL;

    TB_TRY(tb_alloc_zero(&squares, capacity, sizeof *squares, "squares of a plane", err));
    for (size_t i = 0; i < plane->square_capacity; i++) {
        const square *it = &plane->squares[i];

        if (it->asked > 0)
            squares[slot_of(squares, capacity, it->x, it->y)] = *it;
    }
    tb_free(plane->squares);
    plane->squares         = squares;
    plane->last            = NULL;
    plane->square_capacity = capacity;
done:
    return status;
}

static inline double value_of(const double t[TERMS][TERMS], double u, double v)
{
    double row0 = t[0][0] + v * (t[0][1] + v * (t[0][2] + v * (t[0][3] + v * t[0][4])));
    double row1 = t[1][0] + v * (t[1][1] + v * (t[1][2] + v * t[1][3]));
    double row2 = t[2][0] + v * (t[2][1] + v * t[2][2]);
    double row3 = t[3][0] + v * t[3][1];

    return row0 + u * (row1 + u * (row2 + u * (row3 + u * t[4][0])));
}

/*
 * Fits values at the nodes. What of them is of a degree above 4 is PROJ's rounding, and is dropped
 * while the polynomials are Chebyshev's: there it is not larger than in the values.
 */
static void find_terms(const tb_plane *plane, const double value[NODES], double middle,
                       double term[TERMS][TERMS])
{
    double half[TERMS][TERMS] = {{0}}, full[TERMS][TERMS] = {{0}};

    for (int i = 0; i < TERMS; i++)
        for (int l = 0; l < TERMS; l++)
            for (int k = 0; k < TERMS; k++)
                half[i][l] += plane->share[i][k] * (value[k * TERMS + l] - middle);
    for (int i = 0; i < TERMS; i++)
        for (int j = 0; i + j < TERMS; j++)
            for (int l = 0; l < TERMS; l++)
                full[i][j] += plane->share[j][l] * half[i][l];
    for (int p = 0; p < TERMS; p++)
        for (int q = 0; q < TERMS; q++) {
            term[p][q] = 0.0;
            for (int i = p; i < TERMS; i++)
                for (int j = q; i + j < TERMS; j++)
                    term[p][q] += POWER[p][i] * POWER[q][j] * full[i][j];
        }
}

/* Fits a square, or refuses it: where PROJ has no place or is not met closely enough. */
static tb_status fit_square(tb_plane *plane, square *it, tb_error *err)
{
    tb_status status = TB_OK;
    double    u[NODES + TRIALS], v[NODES + TRIALS], l[NODES + TRIALS], b[NODES + TRIALS];
    fit      *to;
    bool      has_all;

    tb_capture capture;

    for (int k = 0; k < NODES; k++) {
        u[k] = node(k / TERMS);
        v[k] = node(k % TERMS);
    }
    for (int k = 0; k < TRIALS; k++) {
        static const double at[] = {-1.0, 0.3, 1.0};

        u[NODES + k] = at[k / 3];
        v[NODES + k] = at[k % 3];
    }
    for (int k = 0; k < NODES + TRIALS; k++) {
        l[k] = plane->side * ((double)it->x + 0.5 + u[k] / 2.0);
        b[k] = plane->side * ((double)it->y + 0.5 + v[k] / 2.0);
    }
    it->state = REFUSED;
    tb_capture_begin(&capture); /* where PROJ has no place, points will say so */
    has_all = OCTTransform(plane->way, NODES + TRIALS, l, b, NULL);
    tb_capture_end(&capture);
    if (!has_all)
        return TB_OK;
    if (plane->fit_count == plane->fit_capacity) {
        size_t more = plane->fit_capacity > 0 ? 2 * plane->fit_capacity : 32;

        TB_TRY(tb_grow(&plane->fits, more, sizeof *plane->fits, "squares of a plane", err));
        plane->fit_capacity = more;
    }
    to            = &plane->fits[plane->fit_count];
    to->middle[0] = l[NODES / 2];
    to->middle[1] = b[NODES / 2];
    find_terms(plane, l, to->middle[0], to->term[0]);
    find_terms(plane, b, to->middle[1], to->term[1]);
    for (int k = NODES; k < NODES + TRIALS; k++)
        if (!(fabs(to->middle[0] + value_of(to->term[0], u[k], v[k]) - l[k]) <= OFF_MOST &&
              fabs(to->middle[1] + value_of(to->term[1], u[k], v[k]) - b[k]) <= OFF_MOST))
            return TB_OK;
    it->fit   = plane->fit_count++;
    it->state = FITTED;
done:
    return status;
}

static bool is_in_last(const tb_plane *plane, const double *point)
{
    return plane->last != NULL && point[0] >= plane->last_x &&
           point[0] < plane->last_x + plane->side && point[1] >= plane->last_y &&
           point[1] < plane->last_y + plane->side;
}

/* Makes the square a point lies in the last one, if it is fitted: once asked for often enough. */
static tb_status find_square(tb_plane *plane, const double *point, tb_error *err)
{
    tb_status status = TB_OK;
    double    column = floor(point[0] / plane->side), row = floor(point[1] / plane->side);
    square   *it;

    plane->last = NULL;
    if (!(fabs(column) < 1e9 && fabs(row) < 1e9))
        return TB_OK;
    if (2 * plane->square_count >= plane->square_capacity)
        TB_TRY(grow_squares(plane, err));
    it = &plane->squares[slot_of(plane->squares, plane->square_capacity, (int64_t)column,
                                 (int64_t)row)];
    if (it->asked == 0) {
        it->x = (int64_t)column;
        it->y = (int64_t)row;
        plane->square_count++;
    }
    if (++it->asked == ASKED_LEAST)
        TB_TRY(fit_square(plane, it, err));
    if (it->state == FITTED) {
        plane->last   = it;
        plane->last_x = plane->side * (double)it->x;
        plane->last_y = plane->side * (double)it->y;
    }
done:
    return status;
}

/* ---- points ---- */

/* Points of one square that are brought over at once. */
enum { BATCH = 64 };

/* tb_degree_snapped of less than 1000 degrees, and how far it is from being another, in 1e-9. */
static inline double snap(double degrees, double *clear)
{
    static const double WHOLE  = 6755399441055744.0; /* 1.5 * 2^52: a sum with it is rounded */
    double              scaled = degrees * 1e9 + 0.5, down = (scaled + WHOLE) - WHOLE, rest;

    down -= down > scaled ? 1.0 : 0.0; /* floor, without a call */
    rest   = scaled - down;
    *clear = rest < 0.5 ? rest : 1.0 - rest;
    return down / 1e9;
}

/* Where points of the last square lie, and how clearly: a loop without branches. */
static void evaluate(const tb_plane *plane, const double *restrict points, size_t count,
                     double *restrict place, double *restrict clear)
{
    const fit *by    = &plane->fits[plane->last->fit];
    double     scale = 2.0 / plane->side, x = plane->last_x, y = plane->last_y;

    for (size_t i = 0; i < count; i++) {
        double u = (points[2 * i] - x) * scale - 1.0, v = (points[2 * i + 1] - y) * scale - 1.0;
        double of_l, of_b;

        place[2 * i]     = snap(by->middle[0] + value_of(by->term[0], u, v), &of_l);
        place[2 * i + 1] = snap(by->middle[1] + value_of(by->term[1], u, v), &of_b);
        clear[i]         = of_l < of_b ? of_l : of_b;
    }
}

static tb_status make_room(tb_plane *plane, size_t count, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    more   = plane->capacity > 0 ? plane->capacity : 64;

    if (count <= plane->capacity)
        return TB_OK;
    while (more < count)
        more *= 2;
    TB_TRY(tb_grow(&plane->x, more, sizeof *plane->x, "points", err));
    TB_TRY(tb_grow(&plane->y, more, sizeof *plane->y, "points", err));
    TB_TRY(tb_grow(&plane->which, more, sizeof *plane->which, "points", err));
    plane->capacity = more;
done:
    return status;
}

/* How many points from the first, at most a batch, lie in the last square. */
static size_t count_in_last(const tb_plane *plane, const double *points, size_t count)
{
    size_t n = 0;

    while (n < count && n < BATCH && is_in_last(plane, points + 2 * n))
        n++;
    return n;
}

/* Brings over points from..from + count, which lie in the last square, but for those that PROJ is
 * to be asked for. */
static void bring_by_fit(tb_plane *plane, double *points, size_t from, size_t count, size_t *left)
{
    double place[2 * BATCH], clear[BATCH], *at = points + 2 * from;

    evaluate(plane, at, count, place, clear);
    for (size_t i = 0; i < count; i++) {
        if (clear[i] > CLEAR_LEAST * 1e9) {
            at[2 * i]     = place[2 * i];
            at[2 * i + 1] = place[2 * i + 1];
        } else {
            plane->which[(*left)++] = from + i;
        }
    }
}

tb_status tb_plane_bring(tb_plane *plane, double *points, size_t count, bool *has_all,
                         tb_error *err)
{
    tb_status status = TB_OK;
    size_t    left   = 0;

    TB_TRY(make_room(plane, count, err));
    for (size_t i = 0, n; i < count; i += n) {
        if (plane->side > 0.0 && !is_in_last(plane, points + 2 * i))
            TB_TRY(find_square(plane, points + 2 * i, err));
        n = count_in_last(plane, points + 2 * i, count - i);
        if (n > 0) {
            bring_by_fit(plane, points, i, n, &left);
        } else {
            plane->which[left++] = i;
            n                    = 1;
        }
    }
    for (size_t k = 0; k < left; k++) {
        plane->x[k] = points[2 * plane->which[k]];
        plane->y[k] = points[2 * plane->which[k] + 1];
    }
    plane->brought += (int64_t)count;
    plane->asked += (int64_t)left;
    *has_all = left == 0 || OCTTransform(plane->way, (int)left, plane->x, plane->y, NULL);
    for (size_t k = 0; k < left; k++) {
        points[2 * plane->which[k]]     = tb_degree_snapped(plane->x[k]);
        points[2 * plane->which[k] + 1] = tb_degree_snapped(plane->y[k]);
    }
done:
    return status;
}
