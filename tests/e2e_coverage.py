#!/usr/bin/python3
"""What was observed of each unit: worked out again from the layer `observed` with shapely and the national formula,
and against the pixels of the masks."""
import json

import e2e
import e2e_judge
import numpy as np
from e2e import gdal
from e2e_judge import EAST, NORTH, SAMPLES, SOUTH, WEST, area, box
from osgeo import ogr
from shapely import wkb

JOB = """
job: {{name: cover, month: 2024-04, region: "370600"}}
pairs:
  - before: {{image: {samples}/before.tif, date: 2024-02-11}}
    after:  {{image: {samples}/after.tif, date: 2024-03-12{valid}}}
layers: {{{layers}}}
output: {{folder: out}}
"""

# In the order of the layer: what a later one shares with an earlier one is the earlier one's.
UNITS = [
    ("370601", "甲县", box(WEST - 400, SOUTH - 300, WEST + 500, NORTH + 200)),     # partly without an image
    ("370602", "乙区", box(WEST + 500, SOUTH + 200, WEST + 900, NORTH - 200)),     # inside
    ("370671", "开发区", box(WEST + 400, SOUTH + 300, WEST + 700, SOUTH + 600)),   # on both
    ("370603", "丙县", box(EAST + 500, SOUTH, EAST + 900, NORTH)),                 # of the region, never imaged
    ("370701", "外县", box(EAST + 500, NORTH + 100, EAST + 900, NORTH + 400)),     # of another, never imaged
    ("370601", "甲县", box(EAST - 200, SOUTH - 100, EAST + 100, SOUTH + 300)),     # the first one's exclave
]


class Coverage(e2e.Case):
    def run_job(self, layers="districts: {path: units.gpkg}", valid=""):
        with open(self.path("job.yaml"), "w") as out:
            out.write(JOB.format(samples=SAMPLES, layers=layers, valid=valid))
        said = e2e.tuban("run", self.path("job.yaml"), "--force", "--quiet", "--json").stdout
        with open(self.path("out/summary.json")) as file:
            summary = json.load(file)
        for key in ("observed_m2", "unobserved_m2", "units"):
            self.assertEqual(json.loads(said)[key], summary[key])
        return summary

    def observed(self):
        """state -> shape, of the product."""
        product = ogr.Open(self.path("out/parcels.gpkg"))
        return {f["STATE"]: wkb.loads(bytes(f.GetGeometryRef().ExportToWkb()))
                for f in product.GetLayerByName("observed")}

    def write_units(self, layer, field):
        e2e_judge.write(self.path("units.gpkg"), layer, 4528, [field + "DM", field + "MC"],
                        [(shape, (code, name)) for code, name, shape in UNITS])

    def mask(self):
        """Clouds over a third, some of them small, as a mask of the later date on its own grid."""
        source = gdal.Open(f"{SAMPLES}/after.tif")
        rng = np.random.default_rng(5)
        seen = np.ones((source.RasterYSize, source.RasterXSize), np.uint8)
        for _ in range(40):
            y, x, r = rng.integers(0, seen.shape[0]), rng.integers(0, seen.shape[1]), rng.integers(2, 60)
            rows, columns = np.ogrid[:seen.shape[0], :seen.shape[1]]
            seen[(rows - y) ** 2 + (columns - x) ** 2 < r * r] = 0
        made = gdal.GetDriverByName("GTiff").CreateCopy(
            self.path("seen.tif"), gdal.Translate("", source, format="MEM", bandList=[1], outputType=gdal.GDT_Byte))
        made.GetRasterBand(1).WriteArray(seen)
        made = None
        return ", valid: seen.tif"

    def check_units(self, summary):
        shape = self.observed()
        taken, expected = None, {}
        for code, name, rectangle in UNITS:
            unit = wkb.loads(bytes(e2e_judge.brought(4490, rectangle).ExportToWkb()))
            own = unit if taken is None else unit.difference(taken)
            taken = unit if taken is None else taken.union(unit)
            total, seen = expected.get(code, (0, 0))
            expected[code] = (total + area(own), seen + area(own.intersection(shape["observed"])))
        del expected["370701"]
        rows = {row["code"]: row for row in summary["units"] if row["code"] is not None}
        self.assertEqual(set(rows), set(expected))
        for code, (total, seen) in expected.items():
            # Corners of the units are snapped to 1e-9 degree, some 0.1 mm, along a kilometre of boundary.
            self.assertAlmostEqual(rows[code]["observed_m2"], seen, delta=0.5, msg=code)
            self.assertAlmostEqual(rows[code]["observed_m2"] + rows[code]["unobserved_m2"], total, delta=0.5, msg=code)
        self.assertEqual(rows["370603"]["observed_m2"], 0)
        self.assertGreater(rows["370602"]["observed_m2"], 0)

    def test_units(self):
        self.write_units("XZQ", "XZQ")
        summary = self.run_job(valid=self.mask())
        self.check_units(summary)
        self.assertGreater(summary["units"][0]["unobserved_m2"], 0)

    def test_unit_layer(self):
        self.write_units("GLDY", "GLDY")
        self.check_units(self.run_job("units: {path: units.gpkg}", self.mask()))

    def test_pixels(self):
        """The areas are the pixels' own: those of change.tif that are 255, and the rest."""
        self.write_units("XZQ", "XZQ")
        summary = self.run_job(valid=self.mask())
        e2e.tuban("detect", f"{SAMPLES}/before.tif", f"{SAMPLES}/after.tif", "--valid-after", self.path("seen.tif"),
                  "--out", self.path("rasters"), "--quiet")
        change = gdal.Open(self.path("rasters/change.tif"))
        place, pixels = change.GetGeoTransform(), change.ReadAsArray()
        corner = wkb.loads(bytes(e2e_judge.brought(4490, box(
            place[0], place[3] + place[5] * pixels.shape[0], place[0] + place[1] * pixels.shape[1], place[3])).ExportToWkb()))
        one = area(corner) / pixels.size
        self.assertGreater((pixels == 255).mean(), 0.1)
        self.assertAlmostEqual(summary["unobserved_m2"] / ((pixels == 255).sum() * one), 1, delta=2e-4)
        self.assertAlmostEqual(summary["observed_m2"] / ((pixels != 255).sum() * one), 1, delta=2e-4)

    def test_without(self):
        """No layer of units: the whole is told, no unit is; a run that has nothing to do says the same."""
        summary = self.run_job("")
        self.assertGreater(summary["observed_m2"], 0)
        for row in summary["units"]:
            self.assertIsNone(row["observed_m2"])
        again = json.loads(e2e.tuban("run", self.path("job.yaml"), "--quiet", "--json").stdout)
        self.assertTrue(again["up_to_date"])
        self.assertEqual(again["observed_m2"], summary["observed_m2"])
        self.assertEqual(again["units"], summary["units"])


if __name__ == "__main__":
    e2e.main()
