#!/usr/bin/python3
"""The parcels' areas and tiers, worked out again by another way: shapely for the overlay, the national
trapezoid formula for areas, fractions for thresholds. A survey is made up over the ground of the sample
pair, in other CRS and formats than the images."""
import json
import math
import os
import random
import shutil
from fractions import Fraction

import e2e
from e2e import gdal, osr

try:
    from osgeo import ogr
    from shapely import wkb
    from shapely.geometry import Polygon, box
    from shapely.ops import transform, unary_union
except ImportError as missing:
    print(f"skipped: {missing}")
    raise SystemExit(77)

ogr.UseExceptions()
SAMPLES = os.path.join(e2e.HERE, "..", "data", "samples")
WEST, SOUTH, EAST, NORTH = 40486200, 4048656, 40487384, 4049600  # of the sample pair, EPSG:4528
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


def spatial_reference(code):
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(code)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return srs


def brought(code, rectangle):
    """A rectangle of EPSG:4528 in another CRS, edges cut to 50 m."""
    geometry = ogr.CreateGeometryFromWkb(wkb.dumps(rectangle))
    geometry.Segmentize(50)
    geometry.Transform(osr.CoordinateTransformation(spatial_reference(4528), spatial_reference(code)))
    return geometry


def write(path, layer, code, fields, rows, driver="GPKG", options=()):
    """Polygons with texts, in a CRS."""
    source = gdal.GetDriverByName(driver)
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_UPDATE) if os.path.exists(path) else \
        source.Create(path, 0, 0, 0, gdal.GDT_Unknown)
    made = dataset.CreateLayer(layer, spatial_reference(code), ogr.wkbPolygon, list(options))
    for name in fields:
        made.CreateField(ogr.FieldDefn(name, ogr.OFTString))
    for rectangle, values in rows:
        feature = ogr.Feature(made.GetLayerDefn())
        for name, value in zip(fields, values):
            if value is not None:
                feature.SetField(name, value)
        feature.SetGeometry(brought(code, rectangle))
        made.CreateFeature(feature)
    made = dataset = None


def survey(folder, seed):
    """Strips of fields with other land between; PBF on some; two counties; approvals of each kind."""
    chance = random.Random(seed)
    land, pbf, x, number = [], [], WEST - 300, 0
    while x < EAST + 300:
        width, y = chance.randint(60, 200), SOUTH - 300
        while y < NORTH + 300:
            height, number = chance.randint(40, 260), number + 1
            rectangle = box(x, y, x + width, y + height)
            code = chance.choice(["0101", "0103", "0103", "0102", "0201", "0301", "0601", "0702", "1101", "1104",
                                  "1006", "0404", "1202", "1204K"])
            ridge = chance.choice(["0", "0.08", "12.5"]) if code[:2] == "01" else None
            land.append((rectangle, (f"{370600000000 + number}", code, ridge, "370602001", "甲村")))
            if code[:2] == "01" and chance.random() < 0.7:
                pbf.append((box(x + 5, y + 5, x + width - 5, y + height - 5), (f"{number}", chance.choice(["0.1", "0"]))))
            y += height
        x += width
    write(f"{folder}/survey.gpkg", "DLTB", 4528, ["BSM", "DLBM", "KCXS", "ZLDWDM", "ZLDWMC"], land)
    write(f"{folder}/survey.gpkg", "YJJBNTTB", 4490, ["BSM", "KCXS"], pbf)
    write(f"{folder}/redline.shp", "redline", 4549, ["BSM"], [(box(WEST + 100, SOUTH - 100, WEST + 700, SOUTH + 500), ("1",))],
          "ESRI Shapefile", ["ENCODING=GBK"])
    middle = (WEST + EAST) // 2 + 37
    write(f"{folder}/districts.shp", "districts", 4528, ["XZQDM", "XZQMC"],
          [(box(WEST - 900, SOUTH - 900, middle, NORTH + 900), ("370601", "甲县")),
           (box(middle, SOUTH - 900, EAST + 900, NORTH + 900), ("370602", "乙区"))], "ESRI Shapefile", ["ENCODING=GBK"])
    kinds = [("农转用", "2023-11-02", None), ("临时用地", "2023-05-01", "2024-01-31"), ("设施农业", "2023-05-01", "2026-05-01"),
             ("农转用", "2024-03-13", None), ("征收", "2022-01-01", None), ("临时用地", "2023-05-01", None), ("农转用", None, None)]
    spread = []
    for i in range(60):
        left, top = chance.randint(WEST, EAST), chance.randint(SOUTH, NORTH)
        kind, start, end = chance.choice(kinds)
        spread.append((box(left, top, left + chance.randint(20, 90), top + chance.randint(20, 90)),
                       (f"{i + 1}", kind, start, end, f"鲁政土字〔2023〕{i}号")))
    write(f"{folder}/approvals.gpkg", "ZZ_NYDZYFW", 4490, ["BSM", "SPLX", "PZRQ", "YXQZ", "PZWH"], spread)


JOB = """
job: {{name: month, month: 2024-04, profile: shandong-2024}}
pairs:
  - before: {{image: {samples}/before.tif, date: 2024-02-11}}
    after:  {{image: {samples}/after.tif, date: 2024-03-12}}
layers:
  landuse: {{path: survey.gpkg}}
  pbf: {{path: survey.gpkg}}
  redline: {{path: redline.shp}}
  districts: {{path: districts.shp}}
  approvals: [{{path: approvals.gpkg}}]
output: {{folder: out, formats: [gpkg, shp]}}
"""


def features(path, layer):
    """(texts by field, geometry) of a layer, in the order of BSM as a number where it has one."""
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
    rows = []
    for feature in dataset.GetLayerByName(layer) if layer else dataset.GetLayer(0):
        geometry = feature.GetGeometryRef()
        rows.append((feature.items(), wkb.loads(bytes(geometry.ExportToWkb())) if geometry else None))
    return rows


def snapped(x, y):
    return [[math.floor(v * 1e9 + 0.5) * 1e-9 for v in axis] for axis in (x, y)]


def in_degrees(path, layer):
    """The same, brought to (L, B) as the rule says: edges over 100 m cut, coordinates to 1e-9 degree."""
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
    of = dataset.GetLayerByName(layer) if layer else dataset.GetLayer(0)
    rows = []
    for feature in of:
        geometry = feature.GetGeometryRef().Clone()
        srs = of.GetSpatialRef().Clone()
        srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        if srs.IsProjected():
            geometry.Segmentize(100)
        geometry.Transform(osr.CoordinateTransformation(srs, spatial_reference(4490)))
        geometry = wkb.loads(bytes(geometry.ExportToWkb()))
        rows.append((feature.items(), transform(snapped, geometry)))
    return sorted(rows, key=lambda r: int(r[0].get("BSM") or 0))


def ground(code):
    """Land classes read from the domain page, not from the engine's table."""
    if code.startswith("01"):
        return "farmland"
    if code.endswith("K") or code[:2] in ("02", "03") or code in ("0401", "0402", "0403", "1006", "1103", "1107", "1202", "1203") or \
            code.startswith("1104"):
        return "other"
    if code[:2] in ("05", "06", "07", "08", "09") or code[:4] in ("1001", "1002", "1003", "1004", "1005", "1007", "1008", "1009",
                                                                  "1109", "1201"):
        return "construction"
    return "unused"


def share(text):
    value = float(text or 0)
    return value / 100 if value > 1 else value


def split(geometry, rows, wanted=lambda items: True):
    """Disjoint pieces of a geometry on rows, the earlier first."""
    rest = geometry
    for items, other in rows:
        if not wanted(items) or not other.intersects(rest):
            continue
        piece = rest.intersection(other)
        if area(piece) > 1e-6:
            yield items, piece
            rest = rest.difference(other)


class Judge(e2e.Case):
    def setUp(self):
        super().setUp()
        survey(self.path(""), 5)
        self.job = self.path("job.yaml")
        with open(self.job, "w", encoding="utf-8") as file:
            file.write(JOB.format(samples=os.path.abspath(SAMPLES)))

    def test_areas_and_tiers(self):
        report = json.loads(e2e.tuban("run", self.job, "--json", "--quiet").stdout)
        parcels = features(self.path("out/parcels.gpkg"), "parcels")
        self.assertGreater(len(parcels), 5)
        self.assertEqual(report["parcels"], len(parcels))
        land, pbf = in_degrees(self.path("survey.gpkg"), "DLTB"), in_degrees(self.path("survey.gpkg"), "YJJBNTTB")
        red, approvals = in_degrees(self.path("redline.shp"), None), in_degrees(self.path("approvals.gpkg"), None)
        counties = in_degrees(self.path("districts.shp"), None)
        for row, shape in parcels:
            self.check(row, shape, land, pbf, red, approvals, counties)
        self.check_units(parcels, report)
        self.check_shapefile(parcels)

    def near(self, got, expected, whole, what):
        self.assertLessEqual(abs(got - expected), 0.0051 + max(1e-9 * whole, 1e-4), what)

    def check(self, row, shape, land, pbf, red, approvals, counties):
        whole = area(shape)
        pieces = [(ground(i["DLBM"]), share(i["KCXS"]), g) for i, g in split(shape, land)]
        built = unary_union([g for kind, _, g in pieces if kind == "construction"] or [Polygon()])
        bare = shape.difference(built)
        of = {k: sum(area(g) for kind, _, g in pieces if kind == k) for k in ("farmland", "other", "unused", "construction")}
        net = sum(area(g) * (1 - r) for kind, r, g in pieces if kind == "farmland")
        protected = [(share(i["KCXS"]), g) for i, g in split(bare, pbf)]
        p_net = sum(area(g) * (1 - r) for r, g in protected)
        p_all = unary_union([g for _, g in protected] or [Polygon()])
        lines = unary_union([g for _, g in split(bare, red)] or [Polygon()])
        in_time = lambda i: i["PZRQ"] and i["PZRQ"] <= "2024-03-12" and (
            i["SPLX"] == "农转用" or (i["SPLX"] in ("临时用地", "设施农业") and (i["YXQZ"] or "") >= "2024-03-12"))
        allowed = unary_union([g for _, g in split(shape, approvals, in_time)] or [Polygon()])
        for field, expected in (("JCMJ", whole), ("GDMJ", net), ("GDMJ_G", of["farmland"]), ("JBNTMJ", p_net),
                                ("JBNTMJ_G", sum(area(g) for _, g in protected)), ("STHXMJ", area(lines)),
                                ("GDMJ_XP", sum(area(g.difference(p_all)) * (1 - r) for kind, r, g in pieces if kind == "farmland")),
                                ("PRUNION", p_net + area(lines.difference(p_all))), ("JSYDMJ", of["construction"]),
                                ("SPMJ", area(allowed))):
            self.near(row[field], expected, whole, f"{row['DRAFT_ID']} {field}: {row[field]} {expected}")
        parts = ("GDMJ", "FGNYDMJ", "WLYDMJ", "JSYDMJ", "WZMJ")
        self.assertEqual(sum(round(row[p] * 100) for p in parts), round(row["JCMJ"] * 100), "parts close exactly")
        self.assertLessEqual(row["WZMJ"], 0.05, "the survey has no gaps")
        self.assertEqual(row["JCMJ_M"], float(round(Fraction(round(row["JCMJ"] * 100) * 3, 20) + Fraction(1, 1000)) / 10000))
        self.check_tier(row)
        most = max(counties, key=lambda c: area(c[1].intersection(shape)))[0]
        self.assertEqual((row["XZQDM"], row["XMC"]), (most["XZQDM"], most["XZQMC"]), "GBK names")

    def check_tier(self, row):
        def reaches(p, r, f):
            return any(Fraction(round(v * 100)) >= (Fraction(mu) * 200000 / 3 + Fraction(1, 2)).__floor__()
                       for v, mu in ((row["JBNTMJ"], p), (row["STHXMJ"], r), (row["GDMJ"], f)))
        tier = 3 if reaches(50, 50, 100) else 2 if reaches(20, 20, 50) else 1 if reaches(5, 5, 10) else 0
        self.assertEqual(row["TIER_PRE"], tier, row["DRAFT_ID"])
        self.assertLessEqual(row["TIER"], tier)
        if row["SPMJ"] == 0:
            self.assertEqual(row["TIER"], tier)
        self.assertEqual(row["DUE_CNTY"], ["2024-05-10", "2024-04-28", "2024-04-25", "2024-04-25"][row["TIER"]])
        self.assertIsNone(row["JCBH"])
        self.assertIsNone(row["YSLX"])

    def check_units(self, parcels, report):
        rows = features(self.path("out/parcels.gpkg"), "units")
        for row, _ in parcels:
            mine = [r for r, _ in rows if r["DRAFT_ID"] == row["DRAFT_ID"]]
            self.assertLessEqual(abs(sum(r["JCMJ"] for r in mine) - row["JCMJ"]), 0.011 * len(mine))
            self.assertIn(row["GLDYDM"], [r["GLDYDM"] for r in mine])
        self.assertEqual(sum(sum(u["tiers"]) for u in report["units"]), len(parcels))
        self.assertEqual([u["code"] for u in report["units"]], sorted(u["code"] for u in report["units"]))

    def check_shapefile(self, parcels):
        rows = features(self.path("out/parcels.shp"), None)
        self.assertEqual(len(rows), len(parcels))
        for (ours, shape), (theirs, other) in zip(parcels, rows):
            self.assertTrue(shape.equals(other))
            for name, value in theirs.items():
                self.assertEqual(value, ours[name], name)

    def test_same_bytes(self):
        trees = []
        for words in ((), ("--threads", "1", "--block", "256", "--shards", "7")):
            out = self.path(f"out{len(trees)}")
            e2e.tuban("run", self.job, "--out", out, "--quiet", *words)
            trees.append(e2e.tree(out, lambda name: name.startswith("work/") or name in ("run.json", "MANIFEST.json")))
        self.assertEqual(*trees)
        self.assertIn("parcels.shp", trees[0])

    def test_products_say_what_they_are(self):
        e2e.tuban("run", self.job, "--quiet")
        for name in os.listdir(self.path("out")):
            if name == "work":
                continue
            with open(self.path(f"out/{name}"), "rb") as file:
                content = file.read()
            self.assertNotIn("违法".encode(), content, name)
        notice = "不得直接作为作出行政处罚的依据"
        layers = gdal.OpenEx(self.path("out/parcels.gpkg"), gdal.OF_VECTOR)
        for layer in ("parcels", "rejected", "units"):
            self.assertIn(notice, layers.GetLayerByName(layer).GetMetadata().get("DESCRIPTION", ""), layer)
        with open(self.path("out/summary.json"), encoding="utf-8") as file:
            self.assertIn(notice, json.load(file)["notice"])

    def test_areas_of_a_file(self):
        path = self.path("survey.gpkg")
        rows = json.loads(e2e.tuban("area", path, "--layer", "DLTB", "--json").stdout)["rows"]
        expected = {i["BSM"]: area(g) for i, g in in_degrees(path, "DLTB")}
        self.assertEqual({r["id"] for r in rows}, set(expected))
        for row in rows:
            self.assertLessEqual(abs(row["area_m2"] - expected[row["id"]]), 0.005 + 1e-9 * expected[row["id"]])

    def refused(self, change, status, *said):
        with open(self.job, encoding="utf-8") as file:
            text = change(file.read())
        with open(self.job, "w", encoding="utf-8") as file:
            file.write(text)
        done = e2e.tuban("run", self.job, "--quiet", status=status)
        for word in said:
            self.assertIn(word, done.stderr)
        self.assertFalse(os.path.exists(self.path("out/MANIFEST.json")))
        self.assertLessEqual(len(done.stderr.splitlines()), 2)

    def test_missing_layer(self):
        self.refused(lambda t: t.replace("landuse: {path: survey.gpkg}", "landuse: {path: survey.gpkg, layer: DLTBX}"), 4,
                     "DLTBX", "DLTB, YJJBNTTB")

    def test_missing_field(self):
        self.refused(lambda t: t.replace("landuse: {path: survey.gpkg}", "landuse: {path: survey.gpkg, layer: YJJBNTTB}"), 4,
                     "DLBM", "BSM, KCXS")

    def test_wrong_zone(self):
        self.refused(lambda t: t.replace("districts: {path: districts.shp}", "districts: {path: districts.shp, crs: 'EPSG:4527'}"),
                     4, "39", "40")

    def test_no_crs(self):
        os.remove(self.path("districts.prj"))
        self.refused(lambda t: t, 4, "districts", "expected a CRS, got none", "crs:")

    def test_unknown_classes(self):
        gdal.OpenEx(self.path("survey.gpkg"), gdal.OF_VECTOR | gdal.OF_UPDATE).ExecuteSQL(
            "UPDATE DLTB SET DLBM = '9999' WHERE fid % 10 = 0")
        self.refused(lambda t: t, 4, "land class", "9999")

    def test_unknown_profile(self):
        self.refused(lambda t: t.replace("shandong-2024", "no-such"), 3, "no-such")

    def test_empty_survey(self):
        gdal.OpenEx(self.path("survey.gpkg"), gdal.OF_VECTOR | gdal.OF_UPDATE).ExecuteSQL("DELETE FROM DLTB")
        self.refused(lambda t: t, 4, "DLTB", "empty")

    def test_without_layers_nothing_is_guessed(self):
        with open(self.job, encoding="utf-8") as file:
            text = file.read()
        start, end = text.index("layers:"), text.index("output:")
        with open(self.job, "w", encoding="utf-8") as file:
            file.write(text[:start] + text[end:])
        e2e.tuban("run", self.job, "--quiet")
        for row, shape in features(self.path("out/parcels.gpkg"), "parcels"):
            self.assertLessEqual(abs(row["JCMJ"] - area(shape)), 0.0051)
            for field in ("GDMJ", "JBNTMJ", "STHXMJ", "SPMJ", "TIER", "GLDYDM"):
                self.assertIsNone(row[field], field)

    def test_an_empty_month(self):
        shutil.copy(os.path.join(SAMPLES, "before.tif"), self.path("same.tif"))
        with open(self.job, encoding="utf-8") as file:
            text = file.read().replace(f"{os.path.abspath(SAMPLES)}/after.tif", "same.tif")
        with open(self.job, "w", encoding="utf-8") as file:
            file.write(text)
        e2e.tuban("run", self.job, "--quiet")
        for path, layer in (("out/parcels.gpkg", "parcels"), ("out/parcels.shp", None)):
            self.assertEqual(features(self.path(path), layer), [])
            dataset = gdal.OpenEx(self.path(path), gdal.OF_VECTOR)
            definition = (dataset.GetLayerByName(layer) if layer else dataset.GetLayer(0)).GetLayerDefn()
            self.assertGreater(definition.GetFieldCount(), 80)


if __name__ == "__main__":
    e2e.main()
