"""The made-up county: same seed same bytes, its sign of shift, its layers, what is refused."""
import json
import os

import e2e
import numpy as np
from osgeo import gdal, ogr

SIZE = 512
FIELDS = {
    "DLTB": ["BSM", "DLBM", "DLMC", "ZLDWDM", "ZLDWMC", "KCXS", "TBMJ"],
    "YJJBNTBHTB": ["BSM", "YJJBNTTBBH", "DLBM", "KCXS", "JBNTMJ"],
    "STBHHX": ["BSM", "HXMC", "HXLX"],
    "XZQ": ["BSM", "XZQDM", "XZQMC"],
    "CZKFBJ": ["BSM", "XZQDM", "XZQMC", "MJ"],
    "ZZ_NYDZYFW": ["XMMC", "PZWH", "DZJGH", "SPLX", "PZRQ", "YXQZ"],
    "truth": ["ID", "KIND", "TBLX", "AREA_M2", "DATE", "HIDDEN", "PIXELS", "SEEN", "NOTE"],
}


def areas_of(path):
    """Areas of the truth, as they are labelled."""
    source = ogr.Open(path)
    return [feature["AREA_M2"] for feature in source.GetLayer("truth")]


class Synth(e2e.Case):
    def make(self, name, *words, status=0):
        done = e2e.tuban("synth", "--out", self.path(name), "--json", "--quiet", *words, status=status)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def test_the_same_seed_gives_the_same_bytes(self):
        small = ("--size", SIZE, "--months", 3)
        self.make("a", *small)
        self.make("b", *small, "--threads", 1)
        self.make("c", *small, "--threads", 5, "--seed", 2)
        one, two, other = (e2e.tree(self.path(n)) for n in "abc")
        self.assertEqual(one, two)
        self.assertEqual(sorted(one), sorted(other))
        self.assertEqual([n for n in one if one[n] == other[n]], [])
        self.assertEqual(len(one), 11)

    def test_the_shift_has_the_contracts_sign(self):
        for shift in ((2.3, -1.7), (-0.6, 0.4)):
            self.make("s", "--size", 1024, "--clouds", 0, f"--shift={shift[0]},{shift[1]}", "--force")
            done = e2e.tuban("fit", self.path("s/t1.tif"), self.path("s/t2.tif"), "--json", "--quiet")
            found = json.loads(done.stdout)["registration"]
            self.assertAlmostEqual(found["dx"], shift[0], delta=0.1)
            self.assertAlmostEqual(found["dy"], shift[1], delta=0.1)

    def test_most_of_what_was_built_is_found(self):
        made = self.make("m", "--size", 1536)
        self.assertGreater(made["built"], 15)
        e2e.tuban("detect", self.path("m/t1.tif"), self.path("m/t2.tif"), "--out", self.path("d"),
                  "--valid-before", self.path("m/t1_valid.tif"), "--valid-after",
                  self.path("m/t2_valid.tif"), "--quiet")
        done = e2e.tuban("eval", "--truth", self.path("m/truth.tif"), "--change",
                         self.path("d/change.tif"), "--json")
        figures = json.loads(done.stdout)
        figures = figures.get("overall", figures)
        self.assertGreater(figures["object_recall"], 0.6)
        self.assertGreater(figures["object_precision"], 0.3)

    def test_layers_open_with_their_fields_and_crs(self):
        self.make("l", "--size", 1024, "--zone", 41)
        found = {}
        for name in ("survey.gpkg", "approvals.gpkg", "truth.gpkg"):
            source = ogr.Open(self.path(f"l/{name}"))
            for layer in source:
                found[layer.GetName()] = [f.GetName() for f in layer.schema]
                self.assertEqual(layer.GetSpatialRef().GetAuthorityCode(None), "4529")
                self.assertGreater(layer.GetFeatureCount(), 0, layer.GetName())
                for feature in layer:
                    self.assertTrue(feature.GetGeometryRef().IsValid())
        self.assertEqual(found, FIELDS)
        image = gdal.Open(self.path("l/t1.tif"))
        self.assertEqual((image.RasterCount, image.GetRasterBand(1).DataType), (4, gdal.GDT_UInt16))
        self.assertEqual(image.GetSpatialRef().GetAuthorityCode(None), "4529")
        self.assertEqual(image.GetRasterBand(1).GetNoDataValue(), 0)
        self.assertGreater(image.ReadAsArray().min(), 0)
        west, step, _, north = image.GetGeoTransform()[:4]
        source = ogr.Open(self.path("l/survey.gpkg"))
        envelope = source.GetLayer("DLTB").GetExtent()
        self.assertEqual(int(west / 1e6), 41)
        self.assertLess(envelope[0], west)
        self.assertGreater(envelope[1], west + 1024 * step)
        self.assertGreater(envelope[3], north)

    def test_the_truth_as_pixels_is_the_truth_as_polygons(self):
        self.make("t", "--size", 1024, "--clouds", 0)
        raster = e2e.read(self.path("t/truth.tif"))[0]
        self.assertEqual(set(np.unique(raster)), {0, 1})
        areas = areas_of(self.path("t/truth.gpkg"))
        self.assertAlmostEqual((raster == 1).sum() * 4 / sum(areas), 1, delta=0.01)
        self.make("t", "--size", 1024, "--clouds", 0.2, "--force")
        clouded = e2e.read(self.path("t/truth.tif"))[0]
        valid = [e2e.read(self.path(f"t/t{k}_valid.tif"))[0] for k in (1, 2)]
        self.assertTrue(((clouded == 255) >= (valid[0] == 0)).all())
        self.assertEqual(sorted(np.unique(clouded)), [0, 1, 255])

    def test_a_job_of_it_runs(self):
        self.make("j", "--size", SIZE)
        with open(self.path("j/job.yaml"), encoding="utf-8") as file:
            lines = file.read().split("\n")
        for key in ("landuse", "pbf", "redline", "approvals", "districts", "urban"):
            self.assertTrue(any(line.strip().startswith(key + ":") for line in lines), key)
        plain = [line for line in lines if not line.startswith(("job:", "layers:", "  landuse", "  pbf",
                                                                "  redline", "  approvals",
                                                                "  districts", "  urban"))]
        with open(self.path("j/plain.yaml"), "w", encoding="utf-8") as file:
            file.write("\n".join(plain))
        e2e.tuban("run", self.path("j/plain.yaml"), "--quiet")

    def test_what_is_wrong_is_told_in_a_line_and_leaves_nothing(self):
        text = self.path("text.txt")
        with open(text, "w", encoding="utf-8") as file:
            file.write("no image")
        for status, words in ((2, ("--size", 0)), (2, ("--zone", 7)), (2, ("--shift", "1")),
                              (2, ("--months", 1)), (2, ("--clouds", 2)), (2, ("--base", text)),
                              (2, (text,)), (4, ("--base", text, text))):
            told = self.make("w", *words, status=status)
            self.assertTrue(told.startswith("tuban: error: "), told)
            self.assertIn("expected", told)
            self.assertFalse(os.path.exists(self.path("w")), words)
        self.assertIn("--out", e2e.tuban("synth", status=2).stderr)
        self.assertIn(text, e2e.tuban("synth", "--out", text, status=5).stderr)
        e2e.tuban("synth", "--out", "/proc/nowhere", "--size", 64, status=5)

    def test_only_an_earlier_county_is_replaced(self):
        self.make("r", "--size", 64, "--months", 3)
        told = self.make("r", "--size", 64, status=5)
        self.assertIn("--force", told)
        with open(self.path("r/notes.txt"), "w", encoding="utf-8") as file:
            file.write("mine")
        self.make("r", "--size", 64, "--clouds", 0, "--force")
        self.assertEqual(sorted(os.listdir(self.path("r"))),
                         ["approvals.gpkg", "job.yaml", "notes.txt", "survey.gpkg", "t1.tif", "t2.tif",
                          "truth.gpkg", "truth.tif"])

    def plant(self, before, after, *words):
        self.make("p", "--base", before, after, "--force", *words)
        old, new, truth = (e2e.read(p) for p in (after, self.path("p/t2.tif"), self.path("p/truth.tif")))
        self.assertTrue((e2e.read(before) == e2e.read(self.path("p/t1.tif"))).all())
        return old, new, truth[0]

    def test_a_pair_is_built_into(self):
        for kind, crs in (("uint16", 4528), ("uint8", None), ("float32", 4528)):
            pair = e2e.ground(400, 500, 4 if kind != "float32" else 1, 5)
            transform = (40500000.0, 2.0, 0.0, 4050000.0, 0.0, -2.0) if crs else None
            before, after = (e2e.write(self.path(f"{kind}{i}.tif"), e2e.typed(image, kind), transform, crs)
                             for i, image in enumerate(pair))
            old, new, truth = self.plant(before, after)
            self.assertEqual((new.dtype, new.shape), (old.dtype, old.shape))
            is_changed = (old != new).any(0)
            self.assertGreater(is_changed[truth == 1].mean(), 0.95)
            self.assertLess(is_changed[truth == 0].mean(), 0.03)
            areas = areas_of(self.path("p/truth.gpkg"))
            self.assertGreater(len(areas), 2)
            self.assertAlmostEqual((truth == 1).sum() * 4 / sum(areas), 1, delta=0.03)

    def test_the_laters_grid_may_differ(self):
        pair = e2e.ground(400, 500, 3, 6)
        before = e2e.write(self.path("b.tif"), e2e.typed(pair[0], "uint16"),
                           (40500000.0, 2.0, 0.0, 4050000.0, 0.0, -2.0), 4528)
        after = e2e.write(self.path("a.tif"), e2e.typed(pair[1][:, 20:, 30:], "uint16"),
                          (40500060.5, 2.0, 0.0, 4049960.5, 0.0, -2.0), 4528)
        old, new, truth = self.plant(before, after)
        self.assertEqual(new.shape, (3, 380, 470))
        is_changed = (old != new).any(0)
        self.assertGreater(is_changed[truth[20:, 30:] == 1].mean(), 0.9)
        self.assertTrue((truth[:20] == 255).all())

    def test_a_real_pair_is_built_into(self):
        old, new, truth = self.plant(e2e.data("landsat7_juelich_2001", "T1_LS20010525.tif"),
                                     e2e.data("landsat7_juelich_2001", "T2_LS20010626.tif"))
        is_changed = (old != new).any(0)
        self.assertGreater(is_changed[truth == 1].mean(), 0.9)
        self.assertLess(is_changed[truth == 0].mean(), 0.02)


e2e.main()
