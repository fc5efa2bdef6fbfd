#!/usr/bin/python3
"""What must not matter does not: which date comes first, a gain and an offset on one, bands that say nothing or say it
twice, however many there are and however much changed."""
import json
import os

import numpy

import e2e
from e2e import gdal

SAMPLES = os.path.join(e2e.HERE, "..", "data", "samples")


def bands_of(path):
    return gdal.Open(path).ReadAsArray().astype(numpy.float32)


class Invariance(e2e.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.before, cls.after = (bands_of(f"{SAMPLES}/{name}.tif") for name in ("before", "after"))

    def image(self, name, bands, nodata=0):
        like = gdal.Open(f"{SAMPLES}/before.tif")
        made = gdal.GetDriverByName("GTiff").Create(self.path(name), like.RasterXSize, like.RasterYSize, len(bands),
                                                    gdal.GDT_Float32)
        made.SetGeoTransform(like.GetGeoTransform())
        made.SetProjection(like.GetProjection())
        for number, band in enumerate(bands, 1):
            made.GetRasterBand(number).WriteArray(band)
            if nodata is not None:
                made.GetRasterBand(number).SetNoDataValue(nodata)
        return self.path(name)

    def detect(self, name, before, after, *words):
        """Report, change and score of two stacks of bands."""
        images = [self.image(f"{name}-{i}.tif", bands) for i, bands in enumerate((before, after))]
        report = json.loads(e2e.tuban("detect", *images, "--out", self.path(name), "--method", "composite", "--register", "off",
                                      "--screen", "off", "--json", "--quiet", *words).stdout)
        return report, *(gdal.Open(self.path(f"{name}/{file}.tif")).ReadAsArray() for file in ("change", "score"))

    def same(self, one, other, what):
        """All but rounding: a pixel in a thousand of what either flags, scores to a thousandth of their spread."""
        (_, change, score), (_, change_too, score_too) = one, other
        seen = numpy.isfinite(score) & numpy.isfinite(score_too)
        self.assertEqual(int((numpy.isfinite(score) != numpy.isfinite(score_too)).sum()), 0, what)
        self.assertLess(numpy.abs(score[seen] - score_too[seen]).max(), 0.005 * score[seen].max(), what)
        flagged = (change == 1) | (change_too == 1)
        self.assertGreater(int(flagged.sum()), 1000, what)
        self.assertLessEqual(int((change != change_too).sum()), 0.002 * flagged.sum(), what)

    def test_gain_and_offset(self):
        plain = self.detect("plain", self.before, self.after)
        for gain, offset in ((2.0, 0.0), (0.25, 40.0), (37.0, 1000.0)):
            moved = numpy.where(self.after == 0, 0, gain * self.after + offset)
            self.same(plain, self.detect(f"gain{gain}", self.before, moved), f"after * {gain} + {offset}")
            moved = numpy.where(self.before == 0, 0, gain * self.before + offset)
            self.same(plain, self.detect(f"first{gain}", moved, self.after), f"before * {gain} + {offset}")

    def test_dates_swapped(self):
        self.same(self.detect("there", self.before, self.after), self.detect("back", self.after, self.before), "swapped")

    def test_equal_images(self):
        report, change, _ = self.detect("equal", self.before, self.before)
        self.assertEqual(int((change == 1).sum()), 0)
        self.assertNotEqual(report["reason"], "")

    def test_bands_that_say_nothing(self):
        plain = self.detect("plain", self.before, self.after)
        least = 0.5 * (plain[1] == 1).sum()
        constant = [numpy.where(b[:1] == 0, 0, 7).astype(numpy.float32) for b in (self.before, self.after)]
        noise = numpy.random.default_rng(1).normal(100, 5, (2, 12, *self.before.shape[1:])).astype(numpy.float32)
        cases = {
            "constant": [numpy.concatenate([b, c]) for b, c in zip((self.before, self.after), constant)],
            "twice": [numpy.concatenate([b, b[:1]]) for b in (self.before, self.after)],
            "sixteen": [numpy.concatenate([b, n]) for b, n in zip((self.before, self.after), noise)],
            "one": [self.before[3:], self.after[3:]],
        }
        for name, (before, after) in cases.items():
            report, change, score = self.detect(name, before, after)
            self.assertTrue(numpy.isfinite(score[change != 255]).all(), name)
            if name not in ("one", "sixteen"):
                self.assertGreater(int(((change == 1) & (plain[1] == 1)).sum()), least, f"{name}: {report['threshold']}")

    def test_nearly_all_changed(self):
        rng = numpy.random.default_rng(2)
        after = numpy.where(rng.random(self.before.shape[1:]) < 0.9, rng.permuted(self.before, axis=2), self.before)
        _, change, score = self.detect("most", self.before, after, "--allow-implausible")
        self.assertTrue(numpy.isfinite(score[change != 255]).all())
        nothing = numpy.full_like(self.before, 9)
        report, change, _ = self.detect("blank", nothing, nothing + 1)
        self.assertEqual(int((change == 1).sum()), 0, report)


if __name__ == "__main__":
    e2e.main()
