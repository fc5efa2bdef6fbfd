#!/usr/bin/python3
"""Same bytes: threads, blocks, shards, memory, instruction sets, the C library's own choice of them and
who decodes the images do not change a byte of the model, the runs or the products (Law 1 of the design).

Each case is run once plainly, then under other circumstances. Most cases take a few circumstances
that vary everything at once; when one of them differs, each part of it is tried alone and the
failure names those that differ. The larger images take every circumstance alone too.
"""
import json
import math
import os
import shutil
import subprocess
import sys
import unittest

import e2e
from e2e import np, gdal, data

PLAIN = {"threads": 1}

# What varies, all at once; the blocks, shards, threads and processors take turns.
MIXED = [
    {"threads": 2, "block": 256, "shards": 7, "cpu": "c"},
    {"threads": 1, "block": 512, "shards": 1, "glibc": e2e.MASKED_GLIBC, "read": "gdal"},
    {"threads": 2, "block": 2048, "shards": 7, "cpu": "avx2"},
    {"threads": 2, "shards": 7, "memory": "least", "cpu": "c", "glibc": e2e.MASKED_GLIBC},
]

# What varies, one at a time.
SINGLE = [{"threads": 2}, {"block": 256}, {"block": 512}, {"block": 1024}, {"block": 2048}, {"shards": 7},
          {"cpu": "c"}, {"cpu": "avx2"}, {"glibc": e2e.MASKED_GLIBC}, {"read": "gdal"}, {"memory": "least"},
          {"memory": "little", "threads": 2}]


def has_avx2():
    with open("/proc/cpuinfo") as file:
        return " avx2 " in file.read()


def circumstances(given):
    """Without what this machine has not got."""
    changed = []
    for c in given:
        c = dict(c)
        if c.get("cpu") == "avx2" and not has_avx2():
            del c["cpu"]
        if c:
            changed.append(c)
    return changed


class SameBytes(e2e.Case):
    def run_one(self, what, out, circumstance):
        words = [*what, "--out", out, "--quiet"]
        for name in ("threads", "block", "shards"):
            if name in circumstance:
                words += [f"--{name}", circumstance[name]]
        if "memory" in circumstance:
            least = e2e.least_memory(*[w for w in what[1:] if w != "--allow-implausible"])
            words += ["--memory", f"{least + (16 if circumstance['memory'] == 'little' else 0)}MiB"]
        e2e.tuban(*words, env=e2e.environment(TUBAN_CPU=circumstance.get("cpu"), TUBAN_READ=circumstance.get("read"),
                                              GLIBC_TUNABLES=circumstance.get("glibc")))
        found = e2e.results(out)
        shutil.rmtree(out)
        return found

    def differences(self, what, expected, circumstance):
        found = self.run_one(what, self.path("other"), circumstance)
        return sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n))

    def compare(self, what, given=MIXED):
        expected = self.run_one(what, self.path("plain"), PLAIN)
        self.assertTrue({"MANIFEST.json", "model.yaml"} <= set(expected), expected)
        self.assertTrue(any(n.startswith("work/assembled-") for n in expected), expected)
        for circumstance in circumstances(given):
            differing = self.differences(what, expected, circumstance)
            if differing:
                alone = {f"{k} {v}": self.differences(what, expected, {k: v})
                         for k, v in circumstance.items()} if len(circumstance) > 1 else {}
                self.fail(f"{what} under {circumstance}: {differing} differ; alone: {alone}")

    def detect(self, before, after, *options, given=MIXED):
        self.compare(["detect", before, after, "--allow-implausible", *options], given)

    def job(self, before, after, *lines, given=MIXED):
        """Runs a job; before and after are lists of paths, or lines of YAML."""
        def date(images, day):
            text = images if isinstance(images, str) else "image: [" + ", ".join(images) + "]"
            return f"{{{text}, date: {day}}}"
        path = self.path("job.yaml")
        with open(path, "w") as file:
            file.write("job: {name: same, month: 2024-03}\npairs:\n"
                       f"  - before: {date(before, '2024-02-11')}\n    after: {date(after, '2024-03-12')}\n"
                       "detect: {allow_implausible: true}\n" + "".join(f"{line}\n" for line in lines))
        self.compare(["run", path], given)

    def made(self, rows, columns, bands=3, kind="uint8", seed=1, name="", transform=None, crs=None,
             options=(), **more):
        """Two dates of a made-up land as files."""
        transform = transform if transform or not crs else (500000, 10, 0, 4000000, 0, -10)
        pair = e2e.ground(rows, columns, bands, seed)
        return [e2e.write(self.path(f"{name}{d}.tif"), e2e.typed(image, kind), transform, crs,
                          options=options, **more) for d, image in zip(("before", "after"), pair)]


class Real(SameBytes):
    def both(self, folder, before="T1.tif", after="T2.tif", given=MIXED[:2]):
        paths = [data(folder, before), data(folder, after)]
        self.detect(*paths, given=given)
        return paths

    def test_taizhou(self):
        self.job(*[[p] for p in self.both("landsat_taizhou", given=MIXED)])

    def test_beihai(self):
        paths = self.both("oscd_beihai", given=MIXED[:2])
        self.job(*[[p] for p in paths], given=MIXED[2:])

    def test_abudhabi_unequal_grids(self):
        paths = self.both("oscd_abudhabi", given=MIXED[:1])
        self.job(*[[p] for p in paths], given=MIXED[1:3])

    def test_radar(self):
        self.both("sar_yellowriver_D", given=MIXED)
        self.both("sar_ottawa")

    def test_dsifn_no_crs(self):
        folder = data("dsifn_samples", "1_1")
        self.detect(os.path.join(folder, "T1.tif"), os.path.join(folder, "T2.tif"))

    def test_naip_subpixel_grids(self):
        name = "m_4709963_se_14_1_{}.tif".format
        paths = self.both("naip_northdakota_series", name(20160816), name(20190904))
        self.job(*[[p] for p in paths], given=MIXED[2:])

    def test_juelich(self):
        paths = self.both("landsat7_juelich_2001", "T1_LS20010525.tif", "T2_LS20010626.tif", given=MIXED[3:])
        self.job(*[[p] for p in paths], given=MIXED[:2])

    def test_thirteen_float_bands(self):
        self.both("sentinel2_slovenia_lulc", "scene0_2015-08-20.tif", "scene2_2015-09-09.tif")


class Shapes(SameBytes):
    def test_odd_sizes(self):
        for rows, columns in ((1, 1), (1, 397), (523, 1), (2, 3), (97, 211), (509, 523)):
            with self.subTest(rows=rows, columns=columns):
                self.detect(*self.made(rows, columns))
                self.job(*[[p] for p in self.made(rows, columns, crs=32650)], given=MIXED[:1] + MIXED[3:])

    def test_last_tile_of_one_pixel(self):
        tile = ["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256"]
        self.detect(*self.made(513, 1025, bands=2, options=tile))
        self.job(*[[p] for p in self.made(1025, 513, bands=1, kind="uint16", crs=32650, options=tile)])
        self.detect(*self.made(130, 2049, bands=1, options=["TILED=YES"]),
                    given=MIXED + [{"block": 2048}, {"block": 1024, "shards": 7, "threads": 2}])
        self.detect(*self.made(2049, 65, bands=1, options=["BLOCKYSIZE=1"]),
                    given=MIXED + [{"block": 2048}, {"block": 1024, "shards": 7, "threads": 2}])


class Formats(SameBytes):
    def test_types_and_bands(self):
        for number, (kind, bands) in enumerate((("uint8", 1), ("uint16", 2), ("int16", 5), ("float32", 16),
                                                ("uint16", 16), ("float32", 1))):
            with self.subTest(kind=kind, bands=bands):
                self.detect(*self.made(301, 283, bands, kind, seed=number), given=MIXED[number % 2::2])

    def test_a_field_of_shifts(self):
        """The later date at another scale: the pixels go through the general resampling."""
        def stretched(image):
            for axis, scale, shift in ((-1, 1.004, -0.4), (-2, 0.997, 0.7)):
                at = np.arange(image.shape[axis])
                image = np.apply_along_axis(lambda row: np.interp(at * scale + shift, at, row), axis, image)
            return image
        before, after = e2e.ground(620, 590, 3, 4)
        paths = [e2e.write(self.path(f"bent-{n}.tif"), e2e.typed(image, "uint16"))
                 for n, image in ((1, before), (2, stretched(after)))]
        self.detect(*paths)
        e2e.tuban("fit", *paths, "--out", self.path("bent.yaml"), "--quiet")
        with open(self.path("bent.yaml")) as model:
            self.assertIn("    field:", model.read())

    def test_types_of_two_kinds(self):
        before, _ = self.made(300, 260, 4, "uint8", name="byte-")
        _, after = self.made(300, 260, 4, "uint16", name="short-")
        self.detect(before, after)

    def test_layouts(self):
        tiles = ["TILED=YES", "BLOCKXSIZE=128", "BLOCKYSIZE=256"]
        layouts = [(tiles + ["COMPRESS=ZSTD", "PREDICTOR=2"], ["COMPRESS=DEFLATE", "PREDICTOR=2"]),
                   (["COMPRESS=LZW", "BLOCKYSIZE=7"], tiles + ["BIGTIFF=YES"]),
                   (["INTERLEAVE=BAND", "BIGTIFF=YES"], ["INTERLEAVE=PIXEL", "BLOCKYSIZE=512"]),
                   (tiles + ["COMPRESS=DEFLATE", "INTERLEAVE=BAND"], tiles + ["COMPRESS=LZW", "PREDICTOR=2"])]
        folders = []
        for number, (before, after) in enumerate(layouts):
            pair = e2e.ground(420, 390, 3, 7)
            paths = [e2e.write(self.path(f"{number}-{d}.tif"), e2e.typed(i, "uint16"), options=o)
                     for d, i, o in zip(("b", "a"), pair, (before, after))]
            self.detect(*paths, given=MIXED[number % 2::2])
            folders.append(self.run_one(["detect", *paths, "--allow-implausible"], self.path("layout"), PLAIN))
        # How the pixels lie in the file is not in the products either.
        for other in folders[1:]:
            for name in ("change.tif", "score.tif"):
                self.assertEqual(folders[0][name], other[name], name)

    def test_what_is_missing(self):
        rng = np.random.default_rng(5)
        holes = e2e.smooth(rng.standard_normal((431, 389)), 9)
        before, after = (e2e.typed(i, "uint16") for i in e2e.ground(431, 389, 3, 9))
        gone_before, gone_after = holes > 0.06, holes < -0.06

        with self.subTest("nodata"):
            paths = [e2e.write(self.path(f"nodata-{n}.tif"), np.where(gone, np.uint16(0), image), nodata=0)
                     for n, image, gone in ((1, before, gone_before), (2, after, gone_after))]
            self.detect(*paths)
        with self.subTest("mask and alpha"):
            alpha = np.concatenate([after, np.where(gone_after, 0, 65535).astype(np.uint16)[None]])
            self.detect(e2e.write(self.path("mask.tif"), before, mask=~gone_before),
                        e2e.write(self.path("alpha.tif"), alpha, alpha=True))
        with self.subTest("not a number"):
            image = np.where(gone_after, np.nan, after).astype(np.float32)
            self.detect(e2e.write(self.path("plain.tif"), before.astype(np.float32)),
                        e2e.write(self.path("nan.tif"), image))
        with self.subTest("validity rasters"):
            paths = [e2e.write(self.path(f"{n}.tif"), image, (500000, 10, 0, 4000000, 0, -10), 32650)
                     for n, image in (("b", before), ("a", after))]
            seen = e2e.write(self.path("seen.tif"), (~gone_before).astype(np.uint8)[None],
                             (500000, 10, 0, 4000000, 0, -10), 32650)
            coarse = e2e.write(self.path("coarse.tif"), (~gone_after)[::2, ::2].astype(np.uint8)[None],
                               (500000, 20, 0, 4000000, 0, -20), 32650)
            self.detect(*paths, "--valid-before", seen, "--valid-after", coarse)
            self.job(f"image: {paths[0]}, valid: {seen}", f"image: {paths[1]}, valid: {coarse}")
        with self.subTest("nothing is seen twice"):
            paths = [e2e.write(self.path(f"never-{n}.tif"), np.where(gone, np.uint16(0), image), nodata=0)
                     for n, image, gone in ((1, before, holes > 0), (2, after, holes <= 0))]
            self.detect(*paths)


class Grids(SameBytes):
    def pair(self, rows=600, columns=560, crs=32650, transform=(500000, 10, 0, 4000000, 0, -10)):
        return self.made(rows, columns, 3, "uint16", crs=crs, transform=transform)

    def warped(self, path, name, **options):
        gdal.Warp(self.path(name), path, resampleAlg="cubic", dstNodata=0, srcNodata=None, **options)
        return self.path(name)

    def test_finer_later(self):
        before, after = self.pair(300, 280)
        self.job([before], [self.warped(after, "fine.tif", xRes=2.5, yRes=2.5)])

    def test_finer_earlier(self):
        before, after = self.pair(300, 280)
        self.job([self.warped(before, "fine.tif", xRes=2.5, yRes=2.5)], [after])

    def test_other_systems(self):
        before, after = self.pair()
        for number, system in enumerate(("EPSG:4326", "EPSG:4527", "EPSG:32651")):
            with self.subTest(system=system):
                other = self.warped(after, f"{number}.tif", dstSRS=system)
                self.job([before], [other], given=MIXED[number % 2::2] + [{"glibc": e2e.MASKED_GLIBC}])
        with self.subTest("degrees first"):
            self.job([self.warped(before, "degrees.tif", dstSRS="EPSG:4490")], [after])

    def test_rotated(self):
        turn = math.radians(11)
        turned = (500000, 10 * math.cos(turn), 10 * math.sin(turn), 4000000, 10 * math.sin(turn),
                  -10 * math.cos(turn))
        before, after = self.pair()
        with self.subTest("later"):
            other = e2e.write(self.path("turned.tif"), np.zeros_like(e2e.read(after)), turned, 32650)
            gdal.Warp(gdal.Open(other, gdal.GA_Update), after, resampleAlg="cubic")
            self.job([before], [other])
        with self.subTest("both"):
            both = [e2e.write(self.path(f"both-{i}.tif"), e2e.read(p), turned, 32650)
                    for i, p in enumerate((before, after))]
            self.job(*[[p] for p in both])

    def test_south_up(self):
        before, after = self.pair(300, 280)
        other = e2e.write(self.path("up.tif"), np.ascontiguousarray(e2e.read(after)[:, ::-1]),
                          (500000, 10, 0, 3997000, 0, 10), 32650)
        self.job([before], [other])

    def test_shifted_by_a_part_of_a_pixel(self):
        before, after = self.pair(700, 640)
        other = e2e.write(self.path("moved.tif"), np.roll(e2e.read(after), 3, 2), (500003, 10, 0, 3999996, 0, -10),
                          32650)
        self.job([before], [other])

    def pieces(self, path, name, windows, gains=(1.0,)):
        """Parts of an image as files of their own, each with a brightness of its own."""
        image = e2e.read(path)
        made = []
        for i, (x, y, width, height) in enumerate(windows):
            part = image[:, y:y + height, x:x + width] * gains[i % len(gains)]
            made.append(e2e.write(self.path(f"{name}-{i}.tif"), np.rint(part).astype(np.uint16),
                                  (500000 + 10 * x, 10, 0, 4000000 - 10 * y, 0, -10), 32650,
                                  options=["TILED=YES", "BLOCKXSIZE=128", "BLOCKYSIZE=128"]))
        return made

    def test_mosaics(self):
        before, after = self.pair(900, 1000)
        earlier = self.pieces(before, "b", [(0, 0, 560, 900), (500, 0, 500, 520), (480, 500, 520, 400)], (1.0, 0.8))
        later = self.pieces(after, "a", [(0, 0, 1000, 430), (100, 470, 400, 430), (470, 390, 530, 510)], (1.0, 1.3))
        self.job(earlier, later)
        with self.subTest("one date of several files, one of another system"):
            later[2] = self.warped(later[2], "a-4326.tif", dstSRS="EPSG:4326")
            self.job([before], later, given=MIXED[:1] + MIXED[3:])
        with self.subTest("files with nothing in common with the other date"):
            far = e2e.write(self.path("far.tif"), e2e.read(later[0]), (600000, 10, 0, 4000000, 0, -10), 32650)
            self.job(earlier[:1], [far, later[0]], given=MIXED[:2])


class Pairs(SameBytes):
    def test_two_pairs(self):
        first = self.made(500, 460, 2, "uint16", seed=41, name="first-", crs=32650)
        second = self.made(310, 420, 2, "uint16", seed=42, name="second-", crs=32650,
                           transform=(504600, 10, 0, 4000000, 0, -10))
        path = self.path("two.yaml")
        with open(path, "w") as file:
            file.write("job: {name: two}\ndetect: {allow_implausible: true}\npairs:\n" + "".join(
                f"  - {{before: {{image: {b}, date: 2024-02-11}}, after: {{image: {a}, date: 2024-03-12}}}}\n"
                for b, a in (first, second)))
        self.compare(["run", path])

    def test_pairs_on_each_others_ground(self):
        """Cut on cells, of a shifted grid and of another zone; parcels across the cuts are united."""
        image = [e2e.typed(i, "uint16") for i in e2e.ground(420, 800, 3, 43)]
        image[1][:, 90:120, 270:330] = image[1][:, 200:230, 540:600] = image[1][:, 300:312, 250:620] = 9000
        made = []
        for n, (x, width) in enumerate(((0, 310), (230, 350), (500, 300))):
            made.append([e2e.write(self.path(f"{n}-{d}.tif"), i[:, :, x:x + width],
                                   (40_600_000 + 10 * x, 10, 0, 4_100_000, 0, -10), 4528, nodata=0)
                         for d, i in zip("ba", image)])
        for n, more in ((1, {"outputBounds": (40_602_303, 4_095_807, 40_605_803, 4_100_007)}), (2, {"dstSRS": "EPSG:4529"})):
            made[n] = [gdal.Warp(self.path(f"{n}-{d}-moved.tif"), path, xRes=10, yRes=10, resampleAlg="cubic",
                                 dstNodata=0, **more).GetDescription() for d, path in zip("ba", made[n])]
        path = self.path("three.yaml")
        with open(path, "w") as file:
            file.write("job: {name: three}\ndetect: {allow_implausible: true, register: off}\npairs:\n" + "".join(
                f"  - {{before: {{image: {b}, date: 2024-02-1{n}}}, after: {{image: {a}, date: 2024-03-12}}}}\n"
                for n, (b, a) in enumerate(made)))
        # The least memory is that of one pair at a time.
        self.compare(["run", path], given=MIXED[:3] + [{"threads": 2, "shards": 5, "glibc": e2e.MASKED_GLIBC}])
        e2e.tuban("run", path, "--out", self.path("out"), "--quiet")
        with open(self.path("out/summary.json")) as file:
            summary = json.load(file)
        self.assertGreaterEqual(summary["joined"], 2)
        self.assertGreater(summary["cut"], 2)


class Large(SameBytes):
    rows, columns = 2500, 3000

    def test_every_circumstance(self):
        try:
            pair = [e2e.tiled(e2e.read(data("oscd_beihai", n)), self.rows, self.columns)[[0, 1, 3]]
                    for n in ("T1.tif", "T2.tif")]
        except unittest.SkipTest:
            pair = [e2e.typed(i, "uint16") for i in e2e.ground(self.rows, self.columns, 3, 21)]
        tiles = ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "COMPRESS=ZSTD"]
        paths = [e2e.write(self.path(f"{n}.tif"), i, (500000, 10, 0, 4000000, 0, -10), 32650, options=o)
                 for n, i, o in zip("ba", pair, (tiles, tiles[:3]))]
        sample = "grid: {sample: 0.04}"
        self.job([paths[0]], [paths[1]], sample, given=SINGLE + MIXED[:1])
        self.detect(*paths, "--sample", "0.04", given=MIXED[:1])

    def test_stripped_and_the_default_sample(self):
        pair = e2e.ground(1900, 2300, 1, 22)
        paths = [e2e.write(self.path(f"{n}.tif"), e2e.typed(i, "uint8")) for n, i in zip("ba", pair)]
        self.detect(*paths, given=MIXED[:1] + MIXED[3:])


class County(SameBytes):
    """A month with survey, masks and approvals: the parcel wing's products too."""

    def test_a_month(self):
        county = self.path("county")
        e2e.tuban("synth", "--out", county, "--size", 1024, "--seed", 3, "--quiet")
        job = os.path.join(county, "job.yaml")
        with open(job) as file:
            text = file.read()
        with open(job, "w") as file:  # withheld ground too, so that every list has rows
            file.write(text.replace("  approvals:", "  withheld: {path: survey.gpkg, layer: STBHHX}\n  approvals:"))
        self.compare(["run", job, "--formats", "gpkg,shp"])
        out = self.path("out")
        e2e.tuban("run", job, "--formats", "gpkg,shp", "--out", out, "--quiet")
        self.assertLessEqual({"parcels.gpkg", "restricted.gpkg", "parcels.shp", "parcels.dbf", "parcels.shp.xml", "summary.json"},
                             set(e2e.results(out)))
        with open(os.path.join(out, "summary.json")) as file:
            summary = json.load(file)
        for key in ("parcels", "withheld", "units", "reduced"):
            self.assertTrue(summary[key], f"{key}: nothing to compare")
        judge = ["judge", job, "--parcels", f"{out}/parcels.gpkg", "--layer", "parcels", "--formats", "gpkg,shp"]
        trees = []
        for circumstance in ({}, {"GLIBC_TUNABLES": e2e.MASKED_GLIBC}):
            e2e.tuban(*judge, "--out", self.path("judged"), "--quiet", env=e2e.environment(**circumstance))
            trees.append(e2e.results(self.path("judged")))
        self.assertEqual(*trees)
        self.assertIn("parcels.shp", trees[0])


class Masking(unittest.TestCase):
    def test_the_mask_of_glibc_is_felt(self):
        """Else the circumstance tests nothing: masked, libm's last bits differ on a machine with FMA."""
        code = ("import math, hashlib; "
                "print(hashlib.md5(repr([math.exp(i / 997) for i in range(20000)]).encode()).hexdigest())")
        plain, masked = (subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                                        env=e2e.environment(GLIBC_TUNABLES=g)).stdout
                         for g in (None, e2e.MASKED_GLIBC))
        if plain == masked:
            print("note: GLIBC_TUNABLES changes nothing of libm on this machine")


if __name__ == "__main__":
    e2e.main()
