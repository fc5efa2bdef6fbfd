#!/usr/bin/python3
"""
Areas and overlays worked out by others: PROJ's geodesic polygons (pyproj), rational arithmetic, and a PostGIS of our own.

    /usr/bin/python3 tests/oracle_area.py PROGRAM [unittest options]

PostgreSQL runs on a socket in a folder of the test, without a port, and is stopped by it; it also stops
should the test be killed. TUBAN_TABLE=1 prints the differences by size of ring.
"""
import csv
import glob
import io
import json
import math
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from fractions import Fraction

import e2e
from e2e import gdal, osr
from ellipsoid import A, E2, area

try:
    from osgeo import ogr
    from pyproj import Geod
    import shapely
    from shapely import wkb
    from shapely.geometry import Polygon
except ImportError as missing:
    print(f"skipped: {missing}")
    raise SystemExit(77)

ogr.UseExceptions()
GEODESIC = Geod(a=A, rf=298.257222101)
SIZES = [10, 30, 100, 300, 1000, 3000, 5000]  # radius of a ring, m
IN_CHINA = (74, 134, 18.5, 53)


def snapped(degrees):
    return math.floor(degrees * 1e9 + 0.5) / 1e9


def metres_per_degree(latitude):
    s = math.sin(math.radians(latitude))
    return (math.radians(A * (1 - E2) / (1 - E2 * s * s) ** 1.5),
            math.radians(A * math.cos(math.radians(latitude)) / math.sqrt(1 - E2 * s * s)))


def star(chance, longitude, latitude, radius, corners):
    """A ring round a place whose corners lie nearer and farther; it never crosses itself."""
    north, east = metres_per_degree(latitude)
    ring = []
    for i in range(corners):
        turn, reach = 2 * math.pi * (i + chance.uniform(0.1, 0.9)) / corners, radius * chance.uniform(0.35, 1)
        ring.append((snapped(longitude + reach * math.cos(turn) / east), snapped(latitude + reach * math.sin(turn) / north)))
    return ring


def densified(ring, pieces):
    """More vertices on edges that are straight in (B, L)."""
    return [(a[0] + (b[0] - a[0]) * k / pieces, a[1] + (b[1] - a[1]) * k / pieces)
            for a, b in zip(ring, ring[1:] + ring[:1]) for k in range(pieces)]


def geodesic(ring):
    return abs(GEODESIC.polygon_area_perimeter(*zip(*ring))[0])


def noise(ring):
    """Of PROJ's polygons, m²: an angle's last digits times the square of the Earth's radius, for each edge."""
    return 5e-4 * (1 + math.sqrt(len(ring)))


def law(ring, of):
    """
    Σ s³ tan B sin α · of(cos² α) / 12 R over the edges: what areas under edges of length s, azimuth α, latitude B
    and radius of curvature R = √(M N) differ by, whichever line each takes for straight. Signed, and without signs.
    """
    total = size = 0.0
    for a, b in zip(ring, ring[1:] + ring[:1]):
        azimuth, _, length = GEODESIC.inv(*a, *b)
        turn, latitude = math.radians(azimuth), math.radians((a[1] + b[1]) / 2)
        radius = A * math.sqrt(1 - E2) / (1 - E2 * math.sin(latitude) ** 2)
        part = length ** 3 * math.tan(latitude) * math.sin(turn) / (12 * radius) * of(math.cos(turn) ** 2)
        total, size = total + part, size + abs(part)
    return total, size


def geodesic_less_ours(ring):
    """The law by which a geodesic polygon is smaller than the national formula's, m²; rings run anticlockwise."""
    expected, size = law(ring, lambda cosine: 1 + 2 * cosine)
    return -expected, 0.01 * size + noise(ring)


def write(path, polygons):
    """Polygons of shapely, numbered in the field ID, in EPSG:4490."""
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(4490)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    target = gdal.GetDriverByName("GPKG").Create(path, 0, 0, 0, gdal.GDT_Unknown)
    layer = target.CreateLayer("polygons", srs, ogr.wkbUnknown)
    layer.CreateField(ogr.FieldDefn("ID", ogr.OFTString))
    for number, polygon in enumerate(polygons):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("ID", str(number))
        feature.SetGeometry(ogr.CreateGeometryFromWkb(wkb.dumps(polygon)))
        layer.CreateFeature(feature)
    layer = target = None
    return path


def read(path, layer):
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
    return [wkb.loads(bytes(f.GetGeometryRef().ExportToWkb())) for f in dataset.GetLayerByName(layer)]


def overlay(parcels, mask, *words):
    """m² to 0.0001, one a parcel."""
    return [r["area_m2"] for r in json.loads(e2e.tuban("overlay", parcels, mask, *words, "--json").stdout)["rows"]]


def rings(seed, of_each):
    chance = random.Random(seed)
    west, east, south, north = IN_CHINA
    return [(size, star(chance, chance.uniform(west, east), chance.uniform(south, north), size, chance.randint(3, 9)))
            for size in SIZES for _ in range(of_each)]


class Geodesics(e2e.Case):
    """Differences are what docs/methods/area.md says they are, and nothing else."""

    def ours(self, name, made):
        """Finer than `tuban area` prints: on a mask that is all of China."""
        path = write(self.path(f"{name}.gpkg"), [Polygon(r) for r in made])
        mask = write(self.path("china.gpkg"), [Polygon([(70, 15), (140, 15), (140, 56), (70, 56)])])
        found = overlay(path, mask)
        rounded = [r["area_m2"] for r in json.loads(e2e.tuban("area", path, "--json").stdout)["rows"]]
        for fine, coarse in zip(found, rounded):
            self.assertLessEqual(abs(fine - coarse), 0.00506)
        return found

    def test_rings_of_10_m_to_5_km(self):
        made = rings(7, 60)
        ours = self.ours("rings", [r for _, r in made])
        worst = {size: [0.0, 0.0, 0.0] for size in SIZES}
        for (size, ring), found in zip(made, ours):
            raw = geodesic(ring)
            expected, margin = geodesic_less_ours(ring)
            self.assertLessEqual(abs(raw - found - expected), margin + 1e-4, (size, ring))
            # The straight line in (B, L), followed closely by geodesics.
            dense = geodesic(densified(ring, 64))
            expected, extent = law(ring, lambda cosine: cosine)
            self.assertLessEqual(abs(found - dense - expected), 0.02 * extent + 0.001 * law(ring, lambda c: 2)[1] +
                                 noise(ring * 64) + 1e-4)
            worst[size] = [max(w, abs(v) / raw) for w, v in zip(worst[size], (raw - found, dense - found,
                                                                               (found - dense) - expected))]
        if "TUBAN_TABLE" in os.environ:
            for size, (raw, dense, rest) in worst.items():
                print(f"  radius {size} m: geodesic edges {raw:.1e}, straight edges followed closely {dense:.1e}, "
                      f"of which no law tells {rest:.1e}")

    def test_with_vertices_every_few_metres_nothing_is_left(self):
        made = [(size, densified(ring, size // 5)) for size, ring in rings(8, 10) if size >= 100]
        for (size, ring), found in zip(made, self.ours("dense", [r for _, r in made])):
            other = geodesic(ring)
            self.assertLessEqual(abs(found - other), 1e-9 * other + noise(ring) + 1e-4, size)

    def test_square_of_the_conformance_case(self):
        """6666.67 m² in the plane of zone 40 at 37.06° N 121.5° E."""
        zone, degrees = osr.SpatialReference(), osr.SpatialReference()
        zone.ImportFromEPSG(4528)
        degrees.ImportFromEPSG(4490)
        for system in (zone, degrees):
            system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        x, y, _ = osr.CoordinateTransformation(degrees, zone).TransformPoint(121.5, 37.06)
        half, back = math.sqrt(6666.67) / 2, osr.CoordinateTransformation(zone, degrees)
        ring = [tuple(snapped(v) for v in back.TransformPoint(x + i * half, y + j * half)[:2])
                for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        found = self.ours("square", [ring])[0]
        self.assertLessEqual(abs(found - geodesic(ring)), noise(ring) + 1e-4)
        self.assertAlmostEqual(found, 6663.746, delta=0.001)


def coverage(chance, side, size, west, south):
    """Polygons that tile a square with common borders, wound a little, vertices every few metres."""
    corner = {(i, j): (west + size * (i + chance.uniform(-0.3, 0.3)), south + size * (j + chance.uniform(-0.3, 0.3)))
              for i in range(side + 1) for j in range(side + 1)}
    border = {}

    def way(a, b):
        if (b, a) in border:
            return [corner[a], *border[b, a][:0:-1]]
        (x, y), (u, v) = corner[a], corner[b]
        border[a, b] = [(x, y)] + [(x + (u - x) * k / 12 + chance.gauss(0, size / 90),
                                    y + (v - y) * k / 12 + chance.gauss(0, size / 90)) for k in range(1, 12)]
        return border[a, b]

    for i in range(side):
        for j in range(side):
            path = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1), (i, j)]
            yield Polygon([(snapped(x), snapped(y)) for a, b in zip(path, path[1:]) for x, y in way(a, b)])


class Rational(e2e.Case):
    """Edges cut where they cross exactly, sides told exactly; only the formula's integral is in floating point."""

    def test_overlay_rounds_what_is_exact(self):
        chance, misses = random.Random(12), 0
        parcels = [Polygon(star(chance, 117 + 0.004 * (n % 16), 36.6 + 0.004 * (n // 16), chance.choice([20, 60, 150]),
                                chance.randint(3, 12))) for n in range(160)]
        masks = [Polygon(star(chance, 117 + 0.004 * (n % 16) + chance.uniform(-4e-4, 4e-4),
                              36.6 + 0.004 * (n // 16) + chance.uniform(-4e-4, 4e-4), 140, chance.randint(3, 20)))
                 for n in range(160)]
        found = overlay(write(self.path("parcels.gpkg"), parcels), write(self.path("masks.gpkg"), masks))
        for parcel, mask, printed in zip(parcels, masks, found):
            exact = self.common(parcel, mask)
            misses += exact == 0.0
            self.assertLessEqual(abs(printed - exact), 0.5e-4 + 2e-8)
        self.assertLess(misses, 40)

    def common(self, *polygons):
        one, other = [[(Fraction(x), Fraction(y)) for x, y in shapely.geometry.polygon.orient(p).exterior.coords[:-1]]
                      for p in polygons]
        origin = one[0]
        return math.fsum(self.under(a, b, origin) for ring, within in ((one, other), (other, one))
                         for a, b in self.stretches(ring, within))

    def under(self, a, b, origin):
        """One edge's trapezoid, its integral by Simpson's rule: 1e-16 off over 200 m."""
        def density(latitude):
            s = math.sin(math.radians(latitude))
            return A * A * (1 - E2) * math.cos(math.radians(latitude)) / (1 - E2 * s * s) ** 2
        middle = (density(float(a[1])) + 4 * density(float((a[1] + b[1]) / 2)) + density(float(b[1]))) / 6
        return math.radians(float((a[0] + b[0]) / 2 - origin[0])) * math.radians(float(b[1] - a[1])) * middle

    def inside(self, p, ring):
        is_in = False
        for a, b in zip(ring, ring[1:] + ring[:1]):
            if (a[1] > p[1]) != (b[1] > p[1]) and p[0] < a[0] + (p[1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1]):
                is_in = not is_in
        return is_in

    def stretches(self, ring, within):
        for a, b in zip(ring, ring[1:] + ring[:1]):
            cuts = {Fraction(0), Fraction(1)}
            for c, d in zip(within, within[1:] + within[:1]):
                turn = (b[0] - a[0]) * (d[1] - c[1]) - (b[1] - a[1]) * (d[0] - c[0])
                if turn != 0:
                    along = ((c[0] - a[0]) * (d[1] - c[1]) - (c[1] - a[1]) * (d[0] - c[0])) / turn
                    other = ((c[0] - a[0]) * (b[1] - a[1]) - (c[1] - a[1]) * (b[0] - a[0])) / turn
                    if 0 < along < 1 and 0 <= other <= 1:
                        cuts.add(along)

            def at(share):
                return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
            cuts = sorted(cuts)
            for low, high in zip(cuts, cuts[1:]):
                if self.inside(at((low + high) / 2), within):
                    yield at(low), at(high)


class Server:
    """A PostgreSQL of the test's own."""

    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        if not found or not glob.glob("/usr/share/postgresql/*/extension/postgis.control"):
            print("skipped: PostGIS (no postgresql-15-postgis-3)", flush=True)
            raise unittest.SkipTest("no PostGIS")
        self.programs = os.path.dirname(found[-1])
        # The server will not run as root.
        self.as_other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        self.folder = tempfile.mkdtemp(prefix="tuban-pg-", dir="/tmp")  # sockets have short names
        self.data = os.path.join(self.folder, "data")
        if self.as_other:
            shutil.chown(self.folder, "postgres", "postgres")
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "tuban", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        die_with_us = ["setpriv", "--pdeathsig=INT"] if not self.as_other else [*self.as_other, "--pdeathsig=INT"]
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.child = subprocess.Popen(
                [*die_with_us, f"{self.programs}/postgres", "-D", self.data, "-c", "listen_addresses=", "-c",
                 f"unix_socket_directories={self.folder}", "-c", "fsync=off"], stdout=log, stderr=log, cwd=self.folder)
        for _ in range(200):
            if self.run("pg_isready", "-q", "-h", self.folder, check=False).returncode == 0:
                break
            time.sleep(0.1)
        self.query("CREATE EXTENSION postgis", database="template1")

    def run(self, program, *words, check=True):
        return subprocess.run([*self.as_other, f"{self.programs}/{program}", *words], check=check, cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def query(self, statements, database="template1"):
        """The rows of the last of some statements."""
        done = subprocess.run([f"{self.programs}/psql", "-XqAt", "--csv", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U",
                               "tuban", "-d", database], input=statements, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        csv.field_size_limit(1 << 30)
        return list(csv.reader(io.StringIO(done.stdout)))

    def table(self, name, polygons):
        rows = "\n".join(f"{i}\t{wkb.dumps(g, hex=True, srid=4490)}" for i, g in enumerate(polygons))
        self.query(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} (id int, geom geometry);\n"
                   f"COPY {name} FROM stdin;\n{rows}\n\\.\n")

    def stop(self):
        self.child.send_signal(signal.SIGINT)
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostGIS(e2e.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def test_area_of_geography_is_the_geodesic_polygon(self):
        """So that what is said of PROJ holds for PostGIS."""
        made = rings(9, 20)
        self.server.table("rings", [Polygon(r) for _, r in made])
        rows = self.server.query("SELECT ST_Area(geom::geography) FROM rings ORDER BY id")
        ours = overlay(write(self.path("rings.gpkg"), [Polygon(r) for _, r in made]),
                       write(self.path("china.gpkg"), [Polygon([(70, 15), (140, 15), (140, 56), (70, 56)])]))
        for (size, ring), (theirs,), found in zip(made, rows, ours):
            expected = geodesic(ring)
            self.assertLessEqual(abs(float(theirs) - expected), 1e-9 * expected + 1e-5, size)
            less, margin = geodesic_less_ours(ring)
            self.assertLessEqual(abs(float(theirs) - found - less), margin + 1e-4, size)

    def compare(self, parcels, masks):
        """Each ground of the mask once: its union, as PostGIS makes it. Returns the number of parcels that lie on it."""
        self.server.table("parcels", parcels)
        self.server.table("masks", masks)
        rows = self.server.query("SELECT ST_AsBinary(ST_Intersection(p.geom, u.geom)) FROM parcels p, "
                                 "(SELECT ST_Union(geom) AS geom FROM masks) u ORDER BY p.id")
        ours = overlay(write(self.path("parcels.gpkg"), parcels), write(self.path("masks.gpkg"), masks))
        self.assertEqual(len(ours), len(rows))
        hits = 0
        for number, (found, (binary,), parcel) in enumerate(zip(ours, rows, parcels)):
            expected, whole = area(wkb.loads(bytes.fromhex(binary[2:]))), area(parcel)
            hits += expected > 0.01
            self.assertLessEqual(abs(found - expected), max(1e-9 * whole, 1e-4) + 0.00005, f"parcel {number}: {found} {expected}")
        return hits

    def test_overlay_of_stars(self):
        """
        Masks that overlap each other. Vertices every few metres: we measure the pieces, PostGIS the whole, and where
        an edge is cut the formula's areas differ by s³ tan B sin α cos² α / 12 R: 0.004 m² of an edge of 100 m.
        """
        chance = random.Random(3)

        def made(radii, corners):
            ring = star(chance, 117 + chance.uniform(0, 0.02), 36.6 + chance.uniform(0, 0.02), chance.choice(radii), corners)
            return Polygon([(snapped(x), snapped(y)) for x, y in densified(ring, 40)])

        parcels = [made([15, 60, 150], chance.randint(3, 20)).buffer(0) for _ in range(300)]
        masks = [made([40, 100, 250], chance.randint(5, 30)).buffer(0) for _ in range(90)]
        self.assertGreater(self.compare(parcels, masks), 150)

    def test_overlay_of_neighbours_that_leave_no_gap(self):
        """A survey: parts equal PostGIS's one by one, and close on the parcel, whose vertices lie every few metres."""
        chance = random.Random(21)
        survey = list(coverage(chance, 12, 0.0009, 117, 36.6))
        parcels = [Polygon([(snapped(x), snapped(y)) for x, y in densified(
            star(chance, 117 + chance.uniform(0.002, 0.0085), 36.6 + chance.uniform(0.002, 0.0085),
                 chance.choice([15, 60, 120]), chance.randint(5, 16)), 40)]).buffer(0) for _ in range(150)]
        self.assertEqual(self.compare(parcels, survey), len(parcels))
        found = overlay(self.path("parcels.gpkg"), self.path("masks.gpkg"))
        for number, (part, parcel) in enumerate(zip(found, parcels)):
            self.assertLessEqual(abs(part - area(parcel)), max(1e-9 * part, 1e-4) + 0.00005, number)
        rows = self.server.query("SELECT p.id, m.id, ST_AsBinary(ST_Intersection(p.geom, m.geom)) FROM parcels p "
                                 "JOIN masks m ON ST_Intersects(p.geom, m.geom) ORDER BY p.id, m.id")
        sums = [0.0] * len(parcels)
        for parcel, _, binary in rows:
            sums[int(parcel)] += area(wkb.loads(bytes.fromhex(binary[2:])))
        for number, (ours, theirs) in enumerate(zip(found, sums)):
            self.assertLessEqual(abs(ours - theirs), max(1e-9 * theirs, 1e-4) + 0.00005, number)

    def test_overlay_of_a_county(self):
        county = self.path("county")
        e2e.tuban("synth", "--out", county, "--size", 512, "--seed", 4, "--quiet")
        parcels = [p.simplify(0) for p in self.brought(f"{county}/truth.gpkg")]
        for layer in ("DLTB", "YJJBNTBHTB", "STBHHX"):
            masks = self.brought(f"{county}/survey.gpkg", layer)
            self.assertTrue(masks, layer)
            hits = self.compare(parcels, masks)
            self.assertGreater(hits, 0 if layer == "STBHHX" else 5, layer)

    def brought(self, path, layer=None):
        """Polygons of a file in (L, B) as we would bring them, snapped."""
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
        of, made = dataset.GetLayerByName(layer) if layer else dataset.GetLayer(0), []
        srs, to = of.GetSpatialRef().Clone(), osr.SpatialReference()
        srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        to.ImportFromEPSG(4490)
        to.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        for feature in of:
            geometry = feature.GetGeometryRef().Clone()
            geometry.Segmentize(100)
            geometry.Transform(osr.CoordinateTransformation(srs, to))
            geometry = wkb.loads(bytes(geometry.ExportToWkb()))
            for part in getattr(geometry, "geoms", [geometry]):
                made.append(Polygon([(snapped(x), snapped(y)) for x, y in part.exterior.coords],
                                    [[(snapped(x), snapped(y)) for x, y in r.coords] for r in part.interiors]))
        return made


if __name__ == "__main__":
    e2e.main()
