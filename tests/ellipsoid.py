"""Areas on the ellipsoid of CGCS2000 by the national formula, written apart from the engine."""
import math

A, F = 6378137.0, 1 / 298.257222101
E2 = F * (2 - F)


def trapezoid(ring):
    """National formula (2008, No. 32): the area between the edges of a ring and a meridian."""
    e2, e4, e6, e8 = E2, E2 ** 2, E2 ** 3, E2 ** 4
    k = (1 + 3 / 6 * e2 + 30 / 80 * e4 + 35 / 112 * e6 + 630 / 2304 * e8,
         1 / 6 * e2 + 15 / 80 * e4 + 21 / 112 * e6 + 420 / 2304 * e8,
         3 / 80 * e4 + 7 / 112 * e6 + 180 / 2304 * e8, 1 / 112 * e6 + 45 / 2304 * e8, 5 / 2304 * e8)
    b, total, origin = A * (1 - F), 0.0, math.radians(ring[0][0])
    for (l1, b1), (l2, b2) in zip(ring[:-1], ring[1:]):
        dl = (math.radians(l1) + math.radians(l2)) / 2 - origin
        db, bm = math.radians(b2) - math.radians(b1), (math.radians(b1) + math.radians(b2)) / 2
        total += 2 * b * b * dl * sum((-1) ** i * k[i] * math.sin((2 * i + 1) * db / 2) * math.cos((2 * i + 1) * bm)
                                      for i in range(5))
    return abs(total)


def area(geometry):
    if geometry.geom_type == "Polygon":
        return 0.0 if geometry.is_empty else (trapezoid(list(geometry.exterior.coords)) -
                                              sum(trapezoid(list(r.coords)) for r in geometry.interiors))
    return sum(area(g) for g in getattr(geometry, "geoms", []))
