#include "synth/mesh.h"

#include <math.h>

#include "core/memory.h"

/* Metres: what counts as on the line, what end of a chord is drawn to a vertex, least chord. */
static const double ON_LINE = 0.004, DRAWN = 0.6, LEAST_CHORD = 2.0;

static tb_status reserve(void *array, size_t *capacity, size_t count, size_t size, tb_error *err)
{
    size_t    wanted = *capacity == 0 ? 256 : *capacity;
    tb_status status;

    while (wanted < count)
        wanted *= 2;
    if (wanted == *capacity)
        return TB_OK;
    status = tb_grow(array, wanted, size, "a made-up county's land", err);
    if (status == TB_OK)
        *capacity = wanted;
    return status;
}

/* Room for `more` vertices, edges and faces: after it nothing can fail half-way. */
static tb_status make_room(tb_mesh *mesh, size_t more, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(reserve(&mesh->vertices, &mesh->vertex_capacity, mesh->vertex_count + more,
                   sizeof *mesh->vertices, err));
    TB_TRY(reserve(&mesh->halves, &mesh->half_capacity, mesh->half_count + 4 * more,
                   sizeof *mesh->halves, err));
    TB_TRY(reserve(&mesh->faces, &mesh->face_capacity, mesh->face_count + more, sizeof *mesh->faces,
                   err));
done:
    return status;
}

static void link_halves(tb_mesh *mesh, uint32_t first, uint32_t second)
{
    mesh->halves[first].next    = second;
    mesh->halves[second].before = first;
}

static uint32_t add_vertex(tb_mesh *mesh, tb_point p)
{
    mesh->vertices[mesh->vertex_count] = tb_point_snap(p);
    return (uint32_t)mesh->vertex_count++;
}

static uint32_t add_edge(tb_mesh *mesh, uint32_t from, uint32_t to)
{
    uint32_t h = (uint32_t)mesh->half_count;

    mesh->halves[h]     = (tb_half){from, TB_MESH_NONE, TB_MESH_NONE, TB_MESH_NONE};
    mesh->halves[h + 1] = (tb_half){to, TB_MESH_NONE, TB_MESH_NONE, TB_MESH_NONE};
    mesh->half_count += 2;
    return h;
}

tb_status tb_mesh_begin(tb_mesh *mesh, tb_point low, tb_point high, tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  corner[4], edge[4];

    *mesh = (tb_mesh){0};
    TB_TRY(make_room(mesh, 8, err));
    corner[0] = add_vertex(mesh, low);
    corner[1] = add_vertex(mesh, (tb_point){high.x, low.y});
    corner[2] = add_vertex(mesh, high);
    corner[3] = add_vertex(mesh, (tb_point){low.x, high.y});
    for (int i = 0; i < 4; i++)
        edge[i] = add_edge(mesh, corner[i], corner[(i + 1) % 4]);
    for (int i = 0; i < 4; i++) {
        link_halves(mesh, edge[i], edge[(i + 1) % 4]);
        link_halves(mesh, edge[(i + 1) % 4] ^ 1, edge[i] ^ 1);
        mesh->halves[edge[i]].face = 0;
    }
    mesh->faces[0]   = edge[0];
    mesh->face_count = 1;
done:
    if (status != TB_OK)
        tb_mesh_reset(mesh);
    return status;
}

void tb_mesh_reset(tb_mesh *mesh)
{
    tb_free(mesh->vertices);
    tb_free(mesh->halves);
    tb_free(mesh->faces);
    tb_free(mesh->ring);
    *mesh = (tb_mesh){0};
}

tb_status tb_mesh_ring_append(tb_mesh *mesh, uint32_t half, size_t *count, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(reserve(&mesh->ring, &mesh->ring_capacity, *count + 1, sizeof *mesh->ring, err));
    mesh->ring[(*count)++] = mesh->vertices[mesh->halves[half].origin];
done:
    return status;
}

tb_status tb_mesh_ring(tb_mesh *mesh, uint32_t face, const tb_point **corners, size_t *count,
                       tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  first = mesh->faces[face], h = first;

    *count = 0;
    do {
        TB_TRY(tb_mesh_ring_append(mesh, h, count, err));
        h = mesh->halves[h].next;
    } while (h != first);
    *corners = mesh->ring;
done:
    return status;
}

/* Puts a vertex on an edge: h ends in it, the half-edge returned begins in it. */
static uint32_t split_edge(tb_mesh *mesh, uint32_t h, tb_point p)
{
    tb_half *halves = mesh->halves;
    uint32_t vertex = add_vertex(mesh, p);
    uint32_t end    = halves[h ^ 1].origin;
    uint32_t half   = add_edge(mesh, vertex, end);

    link_halves(mesh, half, halves[h].next);
    link_halves(mesh, h, half);
    link_halves(mesh, halves[h ^ 1].before, half ^ 1);
    link_halves(mesh, half ^ 1, h ^ 1);
    halves[h ^ 1].origin  = vertex;
    halves[half].face     = halves[h].face;
    halves[half ^ 1].face = halves[h ^ 1].face;
    return half;
}

/* Joins the origins of two half-edges of one face; what lies from `second` on to `first` is new. */
static uint32_t split_face(tb_mesh *mesh, uint32_t first, uint32_t second)
{
    tb_half *halves       = mesh->halves;
    uint32_t face         = halves[first].face;
    uint32_t edge         = add_edge(mesh, halves[first].origin, halves[second].origin);
    uint32_t other        = (uint32_t)mesh->face_count++;
    uint32_t before_first = halves[first].before, before_second = halves[second].before, h;

    link_halves(mesh, before_first, edge);
    link_halves(mesh, edge, second);
    link_halves(mesh, before_second, edge ^ 1);
    link_halves(mesh, edge ^ 1, first);
    halves[edge ^ 1].face = face;
    mesh->faces[face]     = edge ^ 1;
    mesh->faces[other]    = edge;
    h                     = edge;
    do {
        halves[h].face = other;
        h              = halves[h].next;
    } while (h != edge);
    return other;
}

/* Where a line meets the border of a face: on an edge, or at the origin of its half-edge. */
typedef struct crossing {
    uint32_t half;
    bool     is_vertex;
    tb_point at;
    double   along;
} crossing;

typedef struct line {
    tb_point at, direction;
} line;

static double along_of(const line *l, tb_point p)
{
    return (p.x - l->at.x) * l->direction.x + (p.y - l->at.y) * l->direction.y;
}

/* Positive to the right of the direction, y being down. */
static double across_of(const line *l, tb_point p)
{
    return (p.y - l->at.y) * l->direction.x - (p.x - l->at.x) * l->direction.y;
}

static bool crosses(const tb_mesh *mesh, const line *l, uint32_t h, crossing *found)
{
    tb_point a  = mesh->vertices[mesh->halves[h].origin];
    tb_point b  = mesh->vertices[mesh->halves[h ^ 1].origin];
    double   sa = across_of(l, a), sb = across_of(l, b), share;

    *found = (crossing){.half = h, .is_vertex = true, .at = a, .along = along_of(l, a)};
    if (fabs(sa) <= ON_LINE)
        return true;
    if (fabs(sb) <= ON_LINE || (sa < 0) == (sb < 0))
        return false;
    share            = sa / (sa - sb);
    found->is_vertex = false;
    found->at        = (tb_point){a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)};
    found->along     = along_of(l, found->at);
    return true;
}

bool tb_mesh_contains(const tb_mesh *mesh, uint32_t face, tb_point p)
{
    uint32_t first = mesh->faces[face], h = first;
    bool     result = false;

    do {
        tb_point a = mesh->vertices[mesh->halves[h].origin];
        tb_point b = mesh->vertices[mesh->halves[h ^ 1].origin];

        if ((a.y <= p.y) != (b.y <= p.y) && p.x < a.x + (p.y - a.y) * (b.x - a.x) / (b.y - a.y))
            result = !result;
        h = mesh->halves[h].next;
    } while (h != first);
    return result;
}

/* The nearest crossing before (or behind) the place `along`; false if there is none. */
static bool find_crossing(const tb_mesh *mesh, uint32_t face, const line *l, double along,
                          bool is_before, crossing *nearest)
{
    uint32_t first = mesh->faces[face], h = first;
    bool     is_found = false;

    do {
        crossing c;

        if (crosses(mesh, l, h, &c) && (is_before ? c.along <= along : c.along > along) &&
            (!is_found || fabs(c.along - along) < fabs(nearest->along - along))) {
            *nearest = c;
            is_found = true;
        }
        h = mesh->halves[h].next;
    } while (h != first);
    return is_found;
}

/* The chord around the place `along` of the line, if the place is inside of the face. */
static bool find_chord(const tb_mesh *mesh, uint32_t face, const line *l, double along,
                       crossing *from, crossing *to)
{
    tb_point p = {l->at.x + along * l->direction.x, l->at.y + along * l->direction.y};

    return tb_mesh_contains(mesh, face, p) && find_crossing(mesh, face, l, along, true, from) &&
           find_crossing(mesh, face, l, along, false, to) && to->along - from->along >= LEAST_CHORD;
}

/* Draws a crossing near the end of its edge to that end: no edges of a few centimetres. */
static void draw_to_vertex(const tb_mesh *mesh, crossing *c)
{
    tb_point ends[2];

    if (c->is_vertex)
        return;
    ends[0] = mesh->vertices[mesh->halves[c->half].origin];
    ends[1] = mesh->vertices[mesh->halves[c->half ^ 1].origin];
    for (int i = 0; i < 2; i++)
        if (fabs(ends[i].x - c->at.x) + fabs(ends[i].y - c->at.y) < DRAWN) {
            c->half      = i == 0 ? c->half : mesh->halves[c->half].next;
            c->is_vertex = true;
            return;
        }
}

static uint32_t half_at(tb_mesh *mesh, const crossing *c)
{
    return c->is_vertex ? c->half : split_edge(mesh, c->half, c->at);
}

tb_status tb_mesh_cut(tb_mesh *mesh, uint32_t face, tb_point at, tb_point direction,
                      uint32_t *other, tb_error *err)
{
    /* Places beside `at` that are tried where it is not inside: a face may be bent. */
    static const double asides[] = {0, 5, -5, 20, -20, 60, -60, 150, -150, 400, -400, 1000, -1000};
    tb_status           status   = TB_OK;
    line                l        = {at, direction};
    crossing            from, to;
    bool                is_found = false;
    uint32_t            first, second;

    *other = TB_MESH_NONE;
    for (size_t i = 0; !is_found && i < sizeof asides / sizeof *asides; i++)
        is_found = find_chord(mesh, face, &l, asides[i], &from, &to);
    if (!is_found)
        goto done;
    draw_to_vertex(mesh, &from);
    draw_to_vertex(mesh, &to);
    if (!from.is_vertex && !to.is_vertex && from.half == to.half)
        goto done;
    TB_TRY(make_room(mesh, 4, err));
    first  = half_at(mesh, &from);
    second = half_at(mesh, &to);
    if (first == second || mesh->halves[first].next == second || mesh->halves[second].next == first)
        goto done; /* along an edge */
    /* A face lies to the right of its half-edges. */
    *other = split_face(mesh, first, second);
done:
    return status;
}

/* A half-edge of the face that begins in a point of its border; TB_MESH_NONE if it is not on it. */
static uint32_t half_on_border(tb_mesh *mesh, uint32_t face, tb_point p)
{
    uint32_t first = mesh->faces[face], h = first;

    do {
        tb_point a  = mesh->vertices[mesh->halves[h].origin];
        tb_point b  = mesh->vertices[mesh->halves[h ^ 1].origin];
        double   dx = b.x - a.x, dy = b.y - a.y, length = sqrt(dx * dx + dy * dy);
        double   along = ((p.x - a.x) * dx + (p.y - a.y) * dy) / length;
        double   aside = fabs((p.y - a.y) * dx - (p.x - a.x) * dy) / length;

        if (aside < 0.01 && along > -0.01 && along < length + 0.01) {
            if (along < DRAWN)
                return h;
            if (along > length - DRAWN)
                return mesh->halves[h].next;
            return split_edge(mesh, h, p);
        }
        h = mesh->halves[h].next;
    } while (h != first);
    return TB_MESH_NONE;
}

tb_status tb_mesh_cut_along(tb_mesh *mesh, uint32_t face, const tb_point *points, size_t count,
                            uint32_t *other, tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  from, to, edge;

    *other = TB_MESH_NONE;
    TB_TRY(make_room(mesh, count + 4, err));
    from = half_on_border(mesh, face, points[0]);
    to   = from == TB_MESH_NONE ? from : half_on_border(mesh, face, points[count - 1]);
    if (to == TB_MESH_NONE || from == to)
        return tb_error_set(err, TB_E_BUG, "cut land: expected a line from border to border");
    *other = split_face(mesh, from, to);
    edge   = mesh->faces[*other];
    for (size_t i = 1; i + 1 < count; i++)
        edge = split_edge(mesh, edge, points[i]);
done:
    return status;
}
