"""Sentinel-2 products: what tuban makes of them is what it makes of the same numbers in a GeoTIFF, and a product
that is not whole is refused."""
import glob
import json
import os
import shutil
import unittest

import e2e
import numpy as np
import safe_product
from osgeo import ogr

ROWS, COLUMNS = 300, 340
PLACE = [399960, 10, 0, 4500000, 0, -10]


def twice(array):
    return np.repeat(np.repeat(array, 2, -2), 2, -1)


def scene(seed=3):
    """Two dates of reflectances: four bands of 10 m, and six of 20 m, uint16 without offset."""
    before, after = e2e.ground(ROWS, COLUMNS, 10, seed)
    out = []
    for date in (before, after):
        date = np.rint(1500 + 6000 * date).astype(np.uint16)
        date[:, :30, :40] = 0
        out.append((date[:4], date[4:, ::2, ::2]))
    return out


def values(stored, offset):
    """What the samples mean: the offset added, nothing where all bands are 0."""
    missing = (stored == 0).all(0)
    means = stored.astype(np.float32) + np.float32(offset)
    means[:, missing] = np.nan
    return means


class Products(e2e.Case):
    def pair(self, **after):
        """An old product without offsets, and a new one whose samples are 1000 higher."""
        (fine0, coarse0), (fine1, coarse1) = scene()
        up = lambda a: np.where(a == 0, 0, a + 1000).astype(np.uint16)
        before = safe_product.make(self.folder, fine0, coarse0, day="2021-05-03", baseline="02.14", offset=None)
        later = safe_product.make(self.folder, up(fine1), up(coarse1), **after)
        return before, later, (fine0, coarse0), (up(fine1), up(coarse1))

    def detect(self, out, *words):
        return json.loads(e2e.tuban("detect", *words, "--out", self.path(out), "--json", "--quiet").stdout)

    def check_same(self, a, b, what):
        for name in ("change.tif", "score.tif"):
            one, two = e2e.read(os.path.join(self.path(a), name)), e2e.read(os.path.join(self.path(b), name))
            self.assertTrue(np.array_equal(one, two, equal_nan=name == "score.tif"), f"{what}: {name} differs")
        change = e2e.read(os.path.join(self.path(a), "change.tif"))[0]
        self.assertGreater((change == 1).sum(), 100, f"{what}: the scene has changes")
        return change

    def test_as_a_geotiff(self):
        """
        Folder, zip and metadata file, all sets of bands, against the same numbers as floats; the line between the
        dates too, whose intercept would be another without the offset.
        """
        before, after, (fine0, coarse0), (fine1, coarse1) = self.pair()
        zipped = [safe_product.zipped(p, p[:-5] + ".zip") for p in (before, after)]
        forms = {"folder": (before, after + "/"), "zip": zipped,
                 "metadata": (before + "/MTD_MSIL2A.xml", after + "/MTD_MSIL2A.xml")}
        coarse_place = [PLACE[0], 20, 0, PLACE[3], 0, -20]
        sets = {"10m": (values(fine0, 0), values(fine1, -1000), PLACE),
                "20m": (values(coarse0, 0), values(coarse1, -1000), coarse_place),
                "all": (values(np.concatenate([fine0, twice(coarse0)]), 0),
                        values(np.concatenate([fine1, twice(coarse1)]), -1000), PLACE)}
        for bands, (t0, t1, place) in sets.items():
            tif = [e2e.write(self.path(f"{bands}{i}.tif"), t, place, 32650) for i, t in enumerate((t0, t1))]
            plain = self.detect(f"tif-{bands}", *tif)
            for form, products in forms.items():
                if form != "folder" and bands != "10m":
                    continue
                found = self.detect(f"{form}-{bands}", *products, "--s2-bands", bands)
                change = self.check_same(f"{form}-{bands}", f"tif-{bands}", f"{form} {bands}")
                self.assertEqual(found["regression"], plain["regression"])
                self.assertEqual((found["before"], found["after"]), ("2021-05-03", "2024-06-12"))
                corner = change[:25, :35] if bands != "20m" else change[:12, :16]
                self.assertTrue((corner == 255).all(), "nodata was not observed")

    def test_same_bytes(self):
        before, after, *_ = self.pair()
        kept = None
        for words in (("--threads", 1), ("--threads", 3, "--block", 64), ("--shards", 3)):
            out = self.path("out" + "".join(map(str, words)))
            e2e.tuban("detect", before, after, "--out", out, "--quiet", *words)
            found = {k: v for k, v in e2e.results(out).items() if not k.startswith("work")
                     and k != "MANIFEST.json"}
            kept = kept or found
            self.assertEqual(found, kept, words)

    def test_scene_classes(self):
        """Each class by itself; the default; another list; none; and a mask that was delivered."""
        (fine0, coarse0), (fine1, coarse1) = scene()
        classes = np.full((ROWS // 2, COLUMNS // 2), 4, np.uint8)
        for c in range(12):
            classes[40:60, 20 + 12 * c:28 + 12 * c] = c
        before = safe_product.make(self.folder, fine0, coarse0, day="2023-05-03", offset=0)
        after = safe_product.make(self.folder, fine1, coarse1, offset=0, classes=classes)

        def unobserved(out, *words):
            self.detect(out, before, after, *words)
            change = e2e.read(self.path(out) + "/change.tif")[0]
            return {c for c in range(12) if (change[84:116, 44 + 24 * c:52 + 24 * c] == 255).all()}, change

        self.assertEqual(unobserved("default")[0], {0, 1, 3, 8, 9, 10})
        self.assertEqual(unobserved("snow", "--scl", "0,11")[0], {0, 11})
        self.assertEqual(unobserved("off", "--scl", "off")[0], set())
        # No registration: what is left out is the mask's pixels exactly.
        _, change = unobserved("exact", "--register", "off")
        expected = np.isin(twice(classes), (0, 1, 3, 8, 9, 10)) | (fine0 == 0).all(0) | (fine1 == 0).all(0)
        self.assertTrue(np.array_equal(change == 255, expected))
        # A delivered mask stands in the place of the classes, unless those are asked for as well.
        seen = np.ones((1, ROWS, COLUMNS), np.uint8)
        seen[0, 200:240, 100:180] = 0
        mask = e2e.write(self.path("seen.tif"), seen, PLACE, 32650)
        found, change = unobserved("mask", "--valid-after", mask)
        self.assertEqual(found, set())
        self.assertTrue((change[200:240, 100:180] == 255).all())
        found, change = unobserved("both", "--valid-after", mask, "--scl", "8,9")
        self.assertEqual(found, {8, 9})
        self.assertTrue((change[200:240, 100:180] == 255).all())

    def test_level_1c(self):
        """No classes, offsets under another name, one of each band's own."""
        (fine0, coarse0), (fine1, coarse1) = scene()
        own = {b: -1000 + 10 * i for i, b in enumerate(safe_product.NUMBER)}
        before = safe_product.make(self.folder, fine0, coarse0, level="1C", day="2023-05-03", offset=own)
        info = json.loads(e2e.tuban("info", before, "--json").stdout)["rows"][0]
        self.assertEqual(info["product"]["bands"], "B2 B3 B4 B8")
        self.assertEqual(info["product"]["offset"], [-990, -980, -970, -930])
        after = safe_product.make(self.folder, fine1, coarse1, level="1C", offset=own)
        self.detect("safe", before, after)
        shift = np.array([-990, -980, -970, -930], np.float32)[:, None, None]
        tif = [e2e.write(self.path(f"{i}.tif"), values(t, shift), PLACE, 32650) for i, t in enumerate((fine0, fine1))]
        self.detect("tif", *tif)
        self.check_same("safe", "tif", "Level-1C")

    def test_job(self):
        """Days are the products' where the job says none; scenes keep their names."""
        before, after, *_ = self.pair()
        job = self.path("job.yaml")

        def text(first, second, more=""):
            with open(job, "w") as out:
                out.write("job: {name: s2, month: 2024-06}\npairs:\n"
                          f"  - before: {{image: {os.path.basename(first)}/}}\n"
                          f"    after: {{image: {os.path.basename(second)}{more}}}\n"
                          "output: {folder: out}\n")

        text(before, after)
        e2e.tuban("run", job, "--quiet")
        product = ogr.Open(self.path("out/parcels.gpkg"))   # has to outlive its layer
        layer = product.GetLayerByName("parcels")
        self.assertGreater(layer.GetFeatureCount(), 0)
        for parcel in layer:
            self.assertEqual((parcel["QSX"], parcel["HSX"]), ("20210503", "20240612"))
            self.assertEqual((parcel["QSXY"], parcel["HSXY"]), (os.path.basename(before), os.path.basename(after)))
        text(before, after, ", date: 2024-06-15")
        e2e.tuban("run", job, "--quiet")
        product = ogr.Open(self.path("out/parcels.gpkg"))
        layer = product.GetLayerByName("parcels")
        self.assertEqual({p["HSX"] for p in layer}, {"20240615"})
        text(after, before)
        said = e2e.tuban("run", job, "--quiet", status=3).stderr
        self.assertIn("2024-06-12", said)
        self.assertIn("2021-05-03", said)

    def test_a_change_of_the_product_is_seen(self):
        """A band fetched anew changes the key of what was made of it, though the folder's own time stays."""
        before, after, *_ = self.pair()
        e2e.tuban("detect", before, after, "--out", self.path("out"), "--quiet")
        first = e2e.sha256(self.path("out/score.tif"))
        (fine0, coarse0), (fine1, coarse1) = scene(5)
        other = safe_product.make(self.folder, fine1, coarse1, name="other.SAFE")
        for new, old in zip(sorted(glob.glob(other + "/GRANULE/*/IMG_DATA/*/*.jp2")),
                            sorted(glob.glob(after + "/GRANULE/*/IMG_DATA/*/*.jp2"))):
            shutil.copy(new, old)
        e2e.tuban("detect", before, after, "--out", self.path("out"), "--quiet")
        self.assertNotEqual(e2e.sha256(self.path("out/score.tif")), first)
        # The scene classes alone, on the grid of 20 m.
        clouds = np.full((ROWS // 2, COLUMNS // 2), 4, np.uint8)
        clouds[20:60, 20:60] = 9
        other = safe_product.make(self.folder, fine1, coarse1, name="clouds.SAFE", classes=clouds)
        scl = "/GRANULE/*/IMG_DATA/*/*_SCL_20m.jp2"
        shutil.copy(glob.glob(other + scl)[0], glob.glob(after + scl)[0])
        e2e.tuban("detect", before, after, "--out", self.path("out"), "--quiet")
        self.assertTrue((e2e.read(self.path("out/change.tif"))[0][45:115, 45:115] == 255).all())

    def refused(self, path, *names, other=None, words=()):
        """Refused as bad input, by info and by detect, with these words in the message."""
        for command in (("info", path), ("detect", other or path, path, "--out", self.path("no"), *words)):
            if command[0] == "info" and words:
                continue
            said = e2e.tuban(*command, status=4).stderr
            for name in (os.path.basename(path.rstrip("/")), *names):
                self.assertIn(name, said, command)
        self.assertFalse(os.path.exists(self.path("no/change.tif")))

    def test_not_whole(self):
        (fine, coarse), _ = scene()
        make = lambda **how: safe_product.make(self.folder, fine, coarse, **how)
        whole = make(day="2023-01-01")
        self.refused(make(name="band.SAFE", left_out=["B08"]), "B8")
        self.refused(make(name="bands.SAFE", left_out=["B02", "B04"]), "B2, B4")
        lacks = make(name="coarse.SAFE", left_out=["B11"])
        e2e.tuban("info", lacks)                     # the bands of 10 m are all there
        self.refused(lacks, "B11", other=whole, words=("--s2-bands", "all"))
        self.refused(make(name="classes.SAFE", left_out=["SCL"]), "SCL", "--scl off")
        e2e.tuban("detect", whole, make(name="classes.SAFE", left_out=["SCL"]), "--scl", "off",
                  "--out", self.path("without"), "--quiet")
        old = make(name="zipband.SAFE", left_out=["B03"])
        self.refused(safe_product.zipped(old, self.path("zipband.zip")), "B3")

    def test_metadata(self):
        (fine, coarse), _ = scene()
        make = lambda **how: safe_product.make(self.folder, fine, coarse, **how)
        self.refused(make(name="none.SAFE", offset=None), "BOA_ADD_OFFSET", "05.10")
        self.refused(make(name="none1c.SAFE", offset=None, level="1C", baseline="04.00"), "RADIO_ADD_OFFSET")
        some = {b: -1000 for b in safe_product.NUMBER if b != "B04"}
        self.refused(make(name="some.SAFE", offset=some), "B4", "offset")
        for i, bad in enumerate(("-1e3x", "", "nan", "-123456", "0.5")):
            self.refused(make(name=f"bad{i}.SAFE", offset=bad), "BOA_ADD_OFFSET", "whole number")
        e2e.tuban("info", make(name="early.SAFE", offset=None, baseline="03.01"))
        lost = make(name="lost.SAFE")
        os.remove(lost + "/MTD_MSIL2A.xml")
        self.refused(lost, "MTD_MSIL2A.xml")
        self.refused(safe_product.zipped(lost, self.path("lost.zip")), "MTD_MSIL2A.xml")
        for name, put in (("cut.SAFE", lambda t: t[:700]), ("empty.SAFE", lambda t: ""),
                          ("baseline.SAFE", lambda t: t.replace("05.10", "later")),
                          ("level.SAFE", lambda t: t.replace("Level-2A<", "Level-1B<")),
                          ("time.SAFE", lambda t: t.replace("2024-06-12T03", "yesterday"))):
            path = make(name=name)
            file = path + "/MTD_MSIL2A.xml"
            with open(file) as source:
                text = source.read()
            with open(file, "w") as out:
                out.write(put(text))
            self.refused(path)
        part = make(name="part.SAFE")
        self.refused(f"SENTINEL2_L2A:{part}/MTD_MSIL2A.xml:10m:EPSG_32650", "SAFE folder")
        days = [make(day="2024-06-12"), make(day="2024-06-14")]
        with open(self.path("days.yaml"), "w") as out:
            out.write(f"pairs:\n  - before: {{image: {part}, date: 2020-01-01}}\n    after: {{image: [{', '.join(days)}]}}\n")
        said = e2e.tuban("plan", self.path("days.yaml"), status=4).stderr
        self.assertIn("2024-06-14", said)

    def test_damaged(self):
        (fine, coarse), _ = scene()
        whole = safe_product.make(self.folder, fine, coarse)
        archive = safe_product.zipped(whole, self.path("whole.zip"))
        size = os.path.getsize(archive)
        with open(archive, "rb") as source:
            data = source.read()
        for i, part in enumerate((0, 100, size // 2, size - 30)):
            path = self.path(f"cut{i}.zip")
            with open(path, "wb") as out:
                out.write(data[:part])
            self.refused(path)
        band = glob.glob(whole + "/GRANULE/*/IMG_DATA/R10m/*_B03_10m.jp2")[0]
        with open(band, "r+b") as file:
            file.truncate(os.path.getsize(band) // 2)
        said = e2e.tuban("detect", whole, whole, "--out", self.path("no"), status=4).stderr
        self.assertIn("B3", said)
        for bad in ("12", "1,", "8;9", "-1", "on"):
            self.assertIn("--scl", e2e.tuban("detect", whole, whole, "--scl", bad, "--out", self.path("no"),
                                             status=2).stderr)
        e2e.tuban("detect", whole, whole, "--s2-bands", "60m", "--out", self.path("no"), status=2)


if __name__ == "__main__":
    e2e.main()
