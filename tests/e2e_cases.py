#!/usr/bin/python3
"""Conformance cases of parcels on layers: tests/cases/parcels.yaml, run through `tuban judge`.

    /usr/bin/python3 tests/e2e_cases.py PROGRAM [unittest options]

TUBAN_CASE=WORDS runs the cases whose name has them.
"""
import json
import math
import os

import e2e
from e2e import gdal, np, osr
from ellipsoid import A, E2

try:
    import yaml
    from osgeo import ogr
except ImportError as missing:
    print(f"skipped: {missing}")
    raise SystemExit(77)

ogr.UseExceptions()
with open(os.path.join(e2e.HERE, "cases", "parcels.yaml"), encoding="utf-8") as opened:
    CASES = yaml.safe_load(opened)["cases"]

ORIGIN = [117.0, 36.65]
KINDS = {"landuse": "DLTB", "pbf": "YJJBNTBHTB", "redline": "STBHHX", "districts": "XZQ", "units": "GLDY",
         "urban": "CZKFBJ", "approvals": "ZZ_NYDZYFW", "withheld": "withheld"}
NEEDED = {"landuse": ["DLBM"], "districts": ["XZQDM"], "units": ["GLDYDM"], "approvals": ["SPLX"]}
MU = 2000 / 3
NOWHERE = {"box": [-450, -450, 1, 1]}


def below(latitude):
    """The area between the equator and a latitude, per radian of longitude, in closed form (m²)."""
    e, s = math.sqrt(E2), math.sin(latitude)
    return A * A * (1 - E2) / 2 * (s / (1 - E2 * s * s) + math.atanh(e * s) / e)


class Plane:
    """Metres east and north of an origin, such that areas are the ellipsoid's."""

    def __init__(self, origin):
        self.longitude, self.latitude = (math.radians(v) for v in origin)
        s = math.sin(self.latitude)
        self.radius = A * math.cos(self.latitude) / math.sqrt(1 - E2 * s * s)  # of the parallel

    def degrees(self, x, y):
        wanted, latitude = below(self.latitude) + y * self.radius, self.latitude + y / A
        for _ in range(8):  # Newton: the derivative is M N cos B
            s = math.sin(latitude)
            latitude -= (below(latitude) - wanted) / (A * A * (1 - E2) * math.cos(latitude) / (1 - E2 * s * s) ** 2)
        return math.degrees(self.longitude + x / self.radius), math.degrees(latitude)


def system(code):
    made = osr.SpatialReference()
    made.ImportFromEPSG(code)
    made.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return made


def box(x, y, width, height):
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def rings_of(shape, centre):
    """A list of polygons, each a list of rings, of what a case says."""
    if "square" in shape:  # planar, about the origin, in the CRS given
        side = math.sqrt(shape["square"])
        return [[box(centre[0] - side / 2, centre[1] - side / 2, side, side)]]
    if "boxes" in shape:
        return [[box(*b)] for b in shape["boxes"]]
    if "box" in shape:
        return [[box(*shape["box"])]]
    return [[shape["polygon"], *shape.get("holes", [])]]


def geometry_of(shape, origin, crs):
    plane, centre = Plane(origin), (0, 0)
    if crs:
        centre = osr.CoordinateTransformation(system(4490), system(crs)).TransformPoint(*origin)
    whole = ogr.Geometry(ogr.wkbMultiPolygon)
    for rings in rings_of(shape, centre):
        polygon = ogr.Geometry(ogr.wkbPolygon)
        for points in rings:
            ring = ogr.Geometry(ogr.wkbLinearRing)
            for x, y in [*points, points[0]]:
                ring.AddPoint_2D(*((x, y) if crs else plane.degrees(x, y)))
            polygon.AddGeometry(ring)
        whole.AddGeometry(polygon)
    return whole


def write_layer(path, name, shapes, origin, needed=(), crs=None, declare=None):
    fields = sorted({k for s in shapes for k in s if k.isupper()} | set(needed))
    target = gdal.GetDriverByName("GPKG").Create(path, 0, 0, 0, gdal.GDT_Unknown)
    layer = target.CreateLayer(name, system(declare or crs or 4490), ogr.wkbMultiPolygon)
    for field in fields:
        layer.CreateField(ogr.FieldDefn(field, ogr.OFTString))
    for shape in shapes:
        feature = ogr.Feature(layer.GetLayerDefn())
        for field in fields:
            if field in shape:
                feature.SetField(field, shape[field])
        feature.SetGeometry(geometry_of(shape, origin, crs))
        layer.CreateFeature(feature)
    layer = target = None


def table(path, layer):
    """The rows of a layer: a dictionary of its fields each; and the names of the fields."""
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
    opened = dataset.GetLayerByName(layer)
    definition = opened.GetLayerDefn()
    return ([feature.items() for feature in opened],
            [definition.GetFieldDefn(i).GetName() for i in range(definition.GetFieldCount())])


class Cases(e2e.Case):
    maxDiff = None

    def images(self, origin):
        step = 1.8e-5  # of about 1.8 m
        for name in ("before.tif", "after.tif"):
            e2e.write(self.path(name), np.full((1, 700, 900), 7, np.uint8),
                      (origin[0] - 450 * step, step, 0, origin[1] + 350 * step, 0, -step), 4490)

    def job(self, case):
        origin = case.get("at", ORIGIN)
        self.images(origin)
        layers = {}
        given = dict(case.get("layers", {}))
        if "landuse" in given:  # a tier needs all three
            given = {"pbf": [NOWHERE], "redline": [NOWHERE], **given}
        for role, rows in given.items():
            how = rows if isinstance(rows, dict) else {"rows": rows}
            write_layer(self.path(f"{role}.gpkg"), KINDS[role], how["rows"], origin, NEEDED.get(role, ()), how.get("crs"),
                        how.get("declare"))
            layers[role] = {"path": f"{role}.gpkg"}
        if "approvals" in layers:
            layers["approvals"] = [layers["approvals"]]
        job = {"job": {"name": "case", "month": "2024-03", "stream": case.get("stream", "PM"),
                       "profile": case.get("profile", "shandong-2024")},
               "pairs": [{"before": {"image": "before.tif", "date": "2024-02-11"},
                          "after": {"image": "after.tif", "date": "2024-03-12"}}]}
        if layers:
            job["layers"] = layers
        with open(self.path("job.yaml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(job, file, allow_unicode=True)
        write_layer(self.path("parcels.gpkg"), "drawn", case["parcels"], origin, (), case.get("crs"), case.get("declare"))
        return ["judge", self.path("job.yaml"), "--parcels", self.path("parcels.gpkg"), "--out", self.path("out")]

    def value(self, got, expected, what):
        if isinstance(expected, str) and expected.endswith(" mu"):
            expected = float(expected[:-3]) * MU
        if isinstance(expected, (int, float)) and isinstance(got, float):
            self.assertLessEqual(abs(got - expected), 0.02, f"{what}: {got}, expected {expected}")
        else:
            self.assertEqual(got, expected, what)

    def run_case(self, case):
        words = self.job(case)
        if "refused" in case:
            done = e2e.tuban(*words, status=case["refused"]["status"])
            lines = [line for line in done.stderr.splitlines() if not line.startswith("tuban: judge")]
            self.assertTrue(lines[0].startswith("tuban: error: "), done.stderr)
            self.assertLessEqual(len(lines), 2, done.stderr)
            for said in case["refused"]["says"]:
                self.assertIn(said, done.stderr)
            self.assertFalse(os.path.exists(self.path("out")))
            return
        done = e2e.tuban(*words, "--json")
        report = json.loads(done.stdout)
        for said in case.get("said", ()):
            self.assertIn(said, done.stderr)
        for layer, rows in case["expect"].items():
            path = self.path(f"out/{'restricted' if layer == 'restricted' else 'parcels'}.gpkg")
            got, fields = table(path, layer)
            self.assertEqual(len(got), len(rows), f"{layer}: {got}")
            if layer in ("parcels", "rejected", "restricted"):
                self.assertGreater(len(fields), 80, "all fields, also where there are no rows")
            for number, (expected, found) in enumerate(zip(rows, got)):
                for field, wanted in expected.items():
                    self.assertIn(field, found)
                    self.value(found[field], wanted, f"{layer} {number + 1} {field}")
        self.assertEqual(os.path.exists(self.path("out/restricted.gpkg")), "withheld" in case.get("layers", {}))
        for key, wanted in case.get("summary", {}).items():
            got = report[key]
            self.assertEqual(len(got) if isinstance(got, list) else got, wanted, key)
        self.check_closure()
        self.assertEqual(e2e.check_set(self, self.path("out")), "whole")

    def check_closure(self):
        for layer in ("parcels", "rejected"):
            for row in table(self.path("out/parcels.gpkg"), layer)[0]:
                if row["GDMJ"] is not None:
                    parts = sum(round(100 * row[p]) for p in ("GDMJ", "FGNYDMJ", "WLYDMJ", "JSYDMJ", "WZMJ"))
                    self.assertEqual(parts, round(100 * row["JCMJ"]), "parts close exactly")


def add(number, case):
    """One test a case, named by its number; unittest -v prints its sentence."""
    def test(self):
        print(f"  {case['case']}", flush=True)
        self.run_case(case)

    test.__doc__ = case["case"]
    setattr(Cases, f"test_{number:02d}", test)


for at, given in enumerate(CASES, 1):
    if os.environ.get("TUBAN_CASE", "") in given["case"]:
        add(at, given)

if __name__ == "__main__":
    e2e.main()
