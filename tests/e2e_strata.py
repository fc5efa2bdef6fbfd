"""Strata by footprint, pairs of a job, and bands that files call alpha."""
import json
import os

import e2e
import numpy as np
from osgeo import gdal, ogr, osr

TRANSFORM = (500000.0, 2.0, 0.0, 4100000.0, 0.0, -2.0)
CRS = 32650


def write_polygons(path, rings):
    """A layer of polygons in the image's CRS, in the order given."""
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(CRS)
    source = ogr.GetDriverByName("GPKG").CreateDataSource(path)
    layer = source.CreateLayer("footprints", reference, ogr.wkbPolygon)
    for ring in rings:
        feature = ogr.Feature(layer.GetLayerDefn())
        corners = ", ".join(f"{TRANSFORM[0] + x * 2} {TRANSFORM[3] - y * 2}" for x, y in ring + ring[:1])
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POLYGON (({corners}))"))
        layer.CreateFeature(feature)
    return path


class Strata(e2e.Case):
    def setUp(self):
        super().setUp()
        before, after = e2e.ground(700, 900, 4, 11)
        self.before, self.after = before * 8000, after * 8000
        self.first = self.image("before.tif", self.before)

    def image(self, name, array):
        return e2e.write(self.path(name), np.clip(array, 0, 65535).astype(np.uint16), TRANSFORM, CRS)

    def run_job(self, text, status=0):
        with open(self.path("job.yaml"), "w", encoding="utf-8") as job:
            job.write(text)
        done = e2e.tuban("run", self.path("job.yaml"), "--out", self.path("out"), "--json", "--quiet",
                         status=status)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def pair(self, more=""):
        return self.run_job(f"pairs:\n  - before: {{image: {self.first}}}\n"
                            f"    after: {{image: {self.path('after.tif')}{more}}}\n")["pairs"][0]

    def test_each_footprint_has_its_own_radiometry(self):
        self.image("after.tif", self.after)
        plain = self.pair()
        rows, columns = np.mgrid[0:700, 0:900]
        is_right = columns + 0.5 > 400 + (rows + 0.5) * 0.2
        self.image("after.tif", np.where(is_right, self.after * 1.6 + 700, self.after))
        write_polygons(self.path("f.gpkg"), [[(0, 0), (400, 0), (540, 700), (0, 700)],
                                             [(400, 0), (900, 0), (900, 700), (540, 700)]])
        split = self.pair(f", footprints: {self.path('f.gpkg')}")
        slopes = [s["regression"][0]["slope"] for s in split["strata"] if s["state"] == "fitted"]
        self.assertEqual(len(slopes), 2)
        self.assertAlmostEqual(slopes[0] / slopes[1], 1.6, delta=0.1)
        self.assertLess(abs(split["changed_pixels"] - plain["changed_pixels"]),
                        0.1 * plain["changed_pixels"])

    def test_a_sliver_takes_its_longest_neighbours_fit_and_says_so(self):
        self.image("after.tif", self.after)
        write_polygons(self.path("f.gpkg"), [[(100, 100), (150, 100), (150, 600), (100, 600)],
                                             [(0, 0), (900, 0), (900, 700), (0, 700)]])
        found = self.pair(f", footprints: {self.path('f.gpkg')}")["strata"]
        self.assertEqual((found[0]["state"], found[0]["from"]), ("borrowed", 1))
        self.assertIn("too few", found[0]["reason"])

    def test_footprints_that_are_none_are_refused(self):
        self.image("after.tif", self.after)
        write_polygons(self.path("f.gpkg"), [])
        told = self.run_job(f"pairs:\n  - before: {{image: {self.first}}}\n"
                            f"    after: {{image: {self.path('after.tif')}, footprints: "
                            f"{self.path('f.gpkg')}}}\n", status=4)
        self.assertIn("expected polygons", told)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_a_pair_listed_twice_counts_once(self):
        self.image("after.tif", self.after)
        pair = f"  - before: {{image: {self.first}}}\n    after: {{image: {self.path('after.tif')}}}\n"
        found = []
        for times in (1, 2):
            self.run_job("pairs:\n" + times * pair)
            with open(self.path("out/summary.json")) as file:
                found.append(json.load(file))
        self.assertGreater(found[0]["parcels"], 0)
        for key in ("parcels", "rejected_for"):
            self.assertEqual(found[0][key], found[1][key], key)
        for key in ("observed_m2", "unobserved_m2"):
            self.assertAlmostEqual(found[0][key], found[1][key], delta=1.0)
        self.assertEqual(found[1]["cut"], found[1]["pairs"][1]["components"] + found[1]["pairs"][1]["rejected"])

    def test_a_near_infrared_called_alpha_is_used(self):
        names = []
        for name, array in (("b.tif", self.before), ("a.tif", self.after)):
            names.append(self.path(name))
            target = gdal.GetDriverByName("GTiff").Create(names[-1], 900, 700, 4, gdal.GDT_Byte)
            self.assertEqual(target.GetRasterBand(4).GetColorInterpretation(), gdal.GCI_AlphaBand)
            target.WriteArray((array / 40).astype(np.uint8))
            target = None
        rows = json.loads(e2e.tuban("info", *names, "--json").stdout)["rows"]
        self.assertEqual([row["bands"] for row in rows], [4, 4])
        # Beside a true alpha it counts as one too: both dates have to have the same bands.
        target = gdal.Open(names[0], gdal.GA_Update)
        target.GetRasterBand(4).Fill(255)
        target = None
        report = json.loads(e2e.tuban("fit", *names, "--json", "--quiet").stdout)
        self.assertEqual(report["bands"], 3)


e2e.main()
