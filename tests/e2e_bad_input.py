"""Bad input ends with one clear line on stderr and the right exit code, and leaves nothing behind.

    /usr/bin/python3 tests/e2e_bad_input.py PROGRAM [unittest options]

TUBAN_TABLE=FILE appends a row for every refusal: exit code, command, what was said.
"""
import contextlib
import errno
import json
import multiprocessing.pool
import os
import pty
import re
import shutil
import signal
import subprocess
import time
import unittest

import e2e
import numpy as np
from osgeo import gdal, ogr, osr

ogr.UseExceptions()

USAGE, JOB, INPUT, OUTPUT, MEMORY, CANCELLED = 2, 3, 4, 5, 6, 7
# Root may write anywhere; without its capabilities it is a user like others, who can still reach this tree.
AS_A_USER = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()

# ------------------------------------------------------------------------------- helpers


def said(result):
    return result.stderr.decode("utf-8", "replace")


def run(*arguments, env=None, cwd=None, timeout=120, before=()):
    """The program with these arguments; `before` is put in front of it."""
    return subprocess.run([*before, e2e.PROGRAM, *map(str, arguments)], cwd=cwd,
                          env=e2e.environment(**(env or {})),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout)


def is_sanitized():
    """True for a program built with a sanitizer, which wants terabytes of addresses."""
    linked = subprocess.run(["ldd", e2e.PROGRAM], stdout=subprocess.PIPE, check=True).stdout
    with open(e2e.PROGRAM, "rb") as file:
        return b"san.so" in linked or b"__asan_init" in file.read()


def tree(folder):
    """What lies in a folder: the contents of files, and that folders are there."""
    found = e2e.tree(folder)
    for base, folders, _ in os.walk(folder):
        found.update({os.path.relpath(os.path.join(base, name), folder): "folder"
                      for name in folders})
    return found


def ground(bands=3, width=340, height=300, seed=1):
    """Land with texture, twice: the second date brighter, with noise and a new square."""
    random = np.random.default_rng(seed)
    land = random.normal(size=(bands, height, width))
    for _ in range(6):
        land = (land + np.roll(land, 1, -1) + np.roll(land, -1, -1) + np.roll(land, 1, -2) +
                np.roll(land, -1, -2)) / 5
    land = land * 2000 + 3000
    before = land + random.normal(size=land.shape) * 20
    after = land * 1.1 + 100 + random.normal(size=land.shape) * 20
    after[:, height // 3:height // 3 + 30, width // 3:width // 3 + 40] += 2500
    return before.clip(1, 60000), after.clip(1, 60000)


def write(path, samples, kind=None, origin=(39500000, 4100000), pixel=2.0, crs=4527, nodata=None,
          options=(), driver="GTiff"):
    samples = np.asarray(samples)
    if samples.ndim == 2:
        samples = samples[None]
    kind = gdal.GDT_UInt16 if kind is None else kind
    memory = gdal.GetDriverByName("MEM").Create("", samples.shape[2], samples.shape[1],
                                                samples.shape[0], kind)
    if origin is not None:
        memory.SetGeoTransform([origin[0], pixel, 0, origin[1], 0, -pixel])
    if crs is not None:
        system = osr.SpatialReference()
        if isinstance(crs, int):
            system.ImportFromEPSG(crs)
        else:
            system.ImportFromWkt(crs)
        memory.SetProjection(system.ExportToWkt())
    for b in range(samples.shape[0]):
        band = memory.GetRasterBand(b + 1)
        if nodata is not None:
            band.SetNoDataValue(nodata)
        band.WriteArray(samples[b] if kind > 5 else np.rint(samples[b]))
    # Directories before data: a file cut short still opens.
    if driver == "GTiff":
        options = [*options, "COPY_SRC_OVERVIEWS=YES"]
    gdal.GetDriverByName(driver).CreateCopy(str(path), memory, options=list(options))
    with contextlib.suppress(FileNotFoundError):
        os.remove(f"{path}.aux.xml")
    return path


class Case(e2e.Case):
    """A folder of its own for every test, with a good pair in it: t1.tif and t2.tif."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.chmod(cls.root, 0o755)
        cls.good = os.path.join(cls.root, "good")
        os.mkdir(cls.good)
        before, after = ground()
        write(f"{cls.good}/t1.tif", before)
        write(f"{cls.good}/t2.tif", after)

    def setUp(self):
        super().setUp()
        self.dir = self.folder
        shutil.copytree(self.good, self.dir, dirs_exist_ok=True)
        os.chmod(self.dir, 0o755)

    def text(self, name, contents):
        with open(self.path(name), "wb") as file:
            file.write(contents if isinstance(contents, bytes) else contents.encode())
        return self.path(name)

    def refuse(self, code, *arguments, says=(), quiet=True, form=True, clean=True, **how):
        """The program ends with `code`, one line or two, and the folder is as it was."""
        before = tree(self.dir)
        how.setdefault("cwd", self.dir)
        result = run(*arguments, *(["--quiet"] if quiet else []), **how)
        error = said(result)
        if "TUBAN_TABLE" in os.environ:
            with open(os.environ["TUBAN_TABLE"], "a", encoding="utf-8") as table:
                command = " ".join(map(str, arguments)).replace(self.dir + "/", "")
                table.write(f"{result.returncode}\t{self._testMethodName}\t{command}\t"
                            f"{error.replace(self.dir + '/', '')!r}\n")
        about = f"{arguments}: exit {result.returncode}, {error!r}"
        self.assertEqual(result.returncode, code, about)
        self.assertEqual(result.stdout, b"", about)
        lines = error.split("\n")
        self.assertEqual(lines.pop(), "", about)
        self.assertIn(len(lines), (1, 2), about)
        self.assertTrue(lines[0].startswith("tuban: error: "), about)
        self.assertFalse(any(line.startswith("tuban: error") for line in lines[1:]), about)
        self.assertTrue(lines[0].isprintable(), about)
        if form:
            self.assertRegex(lines[0], r"expected .*, got", about)
        for pattern in [says] if isinstance(says, str) else says:
            self.assertRegex(error, pattern, about)
        if clean:
            self.assertEqual(tree(self.dir), before, about)
        return error

    def accept(self, *arguments, **how):
        how.setdefault("cwd", self.dir)
        result = run(*arguments, **how)
        self.assertEqual(result.returncode, 0, f"{arguments}: {said(result)!r}")
        return result

    def refuse_pair(self, before, after, says, code=INPUT, commands=("plan", "fit", "detect", "run"),
                    more=()):
        """All commands on two images refuse them alike."""
        self.text("job.yaml", f"pairs:\n  - before: {{image: {before}}}\n"
                              f"    after: {{image: {after}}}\n")
        for command in commands:
            with self.subTest(command=command):
                arguments = {"run": ["job.yaml", "--out", "deep/er/out"],
                             "detect": [before, after, "--out", "deep/er/out"],
                             "fit": [before, after, "--out", "model.yaml"],
                             "plan": [before, after]}[command]
                self.refuse(code, command, *arguments, *(more if command != "run" else ()),
                            says=says)


# ------------------------------------------------------------------------------- images


class Images(Case):
    def test_a_missing_file(self):
        self.refuse_pair("nowhere.tif", "t2.tif", r"nowhere\.tif: expected .* got no such file")
        self.refuse_pair("t1.tif", "nowhere.tif", r"nowhere\.tif: expected .* got no such file")
        for command in (["info", "nowhere.tif"], ["info", "t1.tif", "nowhere.tif"],
                        ["vectorize", "nowhere.tif", "--out", "f.gpkg"],
                        ["eval", "--truth", "nowhere.tif", "--change", "t1.tif"],
                        ["detect", "t1.tif", "t2.tif", "--out", "o", "--model", "nowhere.yaml"]):
            with self.subTest(command=command):
                self.refuse(INPUT, *command, says="(?i)nowhere.* got .*no such file", quiet=False)

    def test_not_an_image(self):
        self.text("letter.tif", "Dear engine, this is no image.\n")
        self.text("empty.tif", b"")
        self.text("half.tif", b"II*\0\x08\0\0\0")
        os.mkdir(self.path("folder.tif"))
        for name in ("letter.tif", "empty.tif", "half.tif", "folder.tif"):
            with self.subTest(name=name):
                self.refuse_pair(name, "t2.tif", rf"{name}: expected an image.* got")
                self.refuse(INPUT, "info", name, says=rf"{name}: expected an image.* got")
                self.refuse(INPUT, "vectorize", name, "--out", "f.gpkg", says=name)

    def test_a_vector_file_is_no_image(self):
        data = ogr.GetDriverByName("GPKG").CreateDataSource(self.path("v.gpkg"))
        data.CreateLayer("a", geom_type=ogr.wkbPolygon)
        data = None
        self.refuse_pair("v.gpkg", "t2.tif", "v.gpkg")

    def test_no_bands_too_many_bands_complex_samples(self):
        before, after = ground(bands=1)
        self.text("none.vrt", '<VRTDataset rasterXSize="50" rasterYSize="40"></VRTDataset>')
        write(self.path("many1.tif"), np.repeat(before, 17, 0), options=["COMPRESS=DEFLATE"])
        write(self.path("complex1.tif"), before, kind=gdal.GDT_CFloat32)
        self.refuse_pair("none.vrt", "t2.tif", r"none\.vrt: expected .*, got.* bands")
        if gdal.GetDriverByName("netCDF") is None:
            print("skipped: a file of several images (GDAL has no netCDF)")
        else:
            group = gdal.GetDriverByName("netCDF").CreateMultiDimensional(
                self.path("several.nc")).GetRootGroup()
            axes = [group.CreateDimension(name, None, None, 8) for name in ("y", "x")]
            for name in ("red", "green"):
                group.CreateMDArray(name, axes, gdal.ExtendedDataType.Create(gdal.GDT_Byte))
            group = axes = None
            self.refuse_pair("several.nc", "t2.tif", [
                r"several\.nc: expected 1 to 16 bands, got none", r"\nit holds several images: "
                r"name one of them, such as NETCDF:.*several\.nc.*:(red|green)"])
        self.refuse_pair("many1.tif", "many1.tif", r"many1\.tif: expected 1 to 16 bands, got 17")
        self.refuse_pair("complex1.tif", "complex1.tif",
                         r"complex1\.tif.*: expected real samples, got CFloat32")

    def test_different_bands(self):
        write(self.path("one.tif"), ground(bands=1)[1])
        self.refuse_pair("t1.tif", "one.tif", r"one\.tif: expected 3 bands as in .*t1\.tif, got 1")
        self.text("job.yaml", "pairs:\n  - before: {image: [t1.tif, one.tif]}\n"
                              "    after: {image: t2.tif}\n")
        self.refuse(INPUT, "run", "job.yaml", says=r"one\.tif: expected 3 bands as in .*t1\.tif")

    def test_no_overlap(self):
        after = ground()[1]
        write(self.path("far.tif"), after, origin=(39600000, 4100000))
        write(self.path("beside.tif"), after, origin=(39500000 + 2 * 340, 4100000))
        write(self.path("ocean.tif"), after, origin=(-60, -10), pixel=2e-5, crs=4326)
        for name in ("far.tif", "beside.tif", "ocean.tif"):
            with self.subTest(name=name):
                self.refuse_pair("t1.tif", name, rf"{name}.*: expected .*ground, got no overlap")

    def test_other_ground(self):
        """Two places on one grid: refused with the best match, unless nothing is to be registered."""
        def place(seed):
            random = np.random.default_rng(seed)
            land = np.full((3, 440, 440), 2000.0)
            for _ in range(1500):  # fields over fields: no common grid
                y, x, height, width = *random.integers(-20, 430, 2), *random.integers(10, 40, 2)
                land[:, max(y, 0):y + height, max(x, 0):x + width] = random.uniform(500, 4000, (3, 1, 1))
            return land + random.normal(size=land.shape) * 40
        for name, seed in (("here.tif", 1), ("there.tif", 2)):
            write(self.path(name), place(seed))
        write(self.path("again.tif"), place(1) * 1.1 + 50)
        self.refuse_pair("here.tif", "there.tif", r"there\.tif: expected the ground of the earlier image, "
                         r"got gradients that correlate by -?0\.0\d+ .* at a shift of .*\n.*--register off",
                         commands=("fit", "detect", "run"))
        self.accept("fit", "here.tif", "again.tif", "--out", "same.yaml")
        self.accept("fit", "here.tif", "there.tif", "--register", "off", "--allow-implausible",
                    "--out", "off.yaml")

    def test_one_with_a_crs_and_one_without(self):
        write(self.path("bare.tif"), ground()[1], origin=None, crs=None)
        write(self.path("placed.tif"), ground()[1], crs=None)
        for name in ("bare.tif", "placed.tif"):
            with self.subTest(name=name):
                self.refuse_pair("t1.tif", name, "CRS")
                self.refuse_pair(name, "t2.tif", "CRS")

    def test_a_job_needs_a_crs(self):
        write(self.path("bare.tif"), ground()[1], origin=None, crs=None)
        self.refuse_pair("bare.tif", "bare.tif", "CRS, got none", commands=["run"])

    def test_crs_that_cannot_be_related(self):
        local = ('LOCAL_CS["site grid",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')
        write(self.path("site.tif"), ground()[1], crs=local)
        self.refuse_pair("t1.tif", "site.tif", r"site\.tif.*CRS")
        self.refuse_pair("site.tif", "t2.tif", "CRS")

    def test_a_transform_that_cannot_be_inverted(self):
        image = write(self.path("flat.vrt"), ground()[1], driver="VRT")
        data = gdal.Open(self.path("t1.tif"))
        gdal.Translate(image, data)
        data = gdal.Open(image, gdal.GA_Update)
        data.SetGeoTransform([39500000, 2, 0, 4100000, 0, 0])
        data = None
        self.refuse_pair("flat.vrt", "t2.tif", r"flat\.vrt: expected an invertible geotransform")

    def test_validity_rasters(self):
        write(self.path("two.tif"), np.ones((2, 300, 340)), kind=gdal.GDT_Byte)
        write(self.path("bare.tif"), np.ones((300, 340)), kind=gdal.GDT_Byte, crs=None, origin=None)
        write(self.path("half.tif"), np.ones((150, 170)), kind=gdal.GDT_Byte, pixel=4.0)
        write(self.path("none.tif"), np.zeros((300, 340)), kind=gdal.GDT_Byte)
        for side in ("before", "after"):
            for name, says in (("nowhere.tif", "no such file"),
                               ("two.tif", r"two\.tif.*expected .*1 band.*, got 2"),
                               ("bare.tif", r"CRS|grid|geotransform")):
                with self.subTest(side=side, name=name):
                    self.refuse_pair("t1.tif", "t2.tif", says, commands=["fit", "detect"],
                                     more=[f"--valid-{side}", name])
            # Another grid of the same ground is brought to the earlier image's, as images are.
            self.accept("detect", "t1.tif", "t2.tif", f"--valid-{side}", "half.tif", "--out",
                        f"out-{side}")
            report = json.loads(self.accept("detect", "t1.tif", "t2.tif", f"--valid-{side}",
                                            "none.tif", "--out", f"none-{side}", "--json").stdout)
            self.assertEqual(report["observed"], 0)
            self.assertTrue(report["reason"])


class Damage(Case):
    """Files that open well and break while they are read."""

    LAYOUTS = {
        "tiled": ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64"],
        "tiled-bands": ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", "INTERLEAVE=BAND"],
        "stripped": ["BLOCKYSIZE=16"],
        "deflate": ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", "COMPRESS=DEFLATE",
                    "PREDICTOR=2"],
        "deflate-strips": ["BLOCKYSIZE=16", "COMPRESS=DEFLATE"],
        "lzw": ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", "COMPRESS=LZW"],
        "zstd": ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", "COMPRESS=ZSTD"],
    }

    def cut(self, name, options, share, side):
        source = write(self.path(name), ground()[side], options=options)
        with open(source, "r+b") as file:
            file.truncate(int(os.path.getsize(source) * share))
        data = gdal.Open(source)
        self.assertEqual(data.RasterCount, 3)
        data = None
        return name

    def test_a_truncated_file_names_the_block(self):
        for layout, options in self.LAYOUTS.items():
            for share in (0.3, 0.97):
                with self.subTest(layout=layout, share=share):
                    name = self.cut(f"{layout}-{share}.tif", options, share, 0)
                    says = rf"{name} block \(\d+,\d+\) band \d: expected \d+x\d+ pixels, got"
                    self.refuse(INPUT, "detect", name, "t2.tif", "--out", "o/p", says=says)
                    self.refuse(INPUT, "detect", "t1.tif", name, "--out", "o/p", says=says)
            self.text("job.yaml", f"pairs:\n  - before: {{image: t1.tif}}\n"
                                  f"    after: {{image: {name}}}\n")
            self.refuse(INPUT, "run", "job.yaml", says=says)
            self.refuse(INPUT, "fit", "t1.tif", name, "--out", "model.yaml", says=says)

    def test_the_same_block_is_named_whatever_the_threads(self):
        name = self.cut("cut.tif", self.LAYOUTS["deflate"], 0.5, 1)
        errors = {self.refuse(INPUT, "detect", "t1.tif", name, "--out", "o", "--threads", threads,
                              "--block", "64") for threads in (1, 2, 4, 4)}
        self.assertEqual(len(errors), 1, errors)

    def test_data_damaged_in_the_middle(self):
        for layout, options in self.LAYOUTS.items():
            if "COMPRESS=DEFLATE" not in options:
                continue  # without redundancy, damage cannot be told from other data
            with self.subTest(layout=layout):
                name = f"{layout}.tif"
                write(self.path(name), ground()[1], options=options)
                self.scribble(name)
                self.refuse(INPUT, "detect", "t1.tif", name, "--out", "o",
                            says=rf"{name} block \(\d+,\d+\) band \d: ")

    def scribble(self, name):
        size = os.path.getsize(self.path(name))
        with open(self.path(name), "r+b") as file:
            file.seek(size // 2)
            file.write(bytes(range(255, 0, -1)) * 8)

    def test_a_damaged_jpeg_is_not_taken_for_an_image(self):
        """Of most damage to a JPEG GDAL only warns, and makes up the pixels."""
        for side, name in ((0, "before.tif"), (1, "after.tif")):
            write(self.path(name), ground()[side] / 60, kind=gdal.GDT_Byte,
                  options=["TILED=YES", "COMPRESS=JPEG", "BLOCKXSIZE=128", "BLOCKYSIZE=128"])
        self.accept("detect", "before.tif", "after.tif", "--out", self.path("good"))
        size = os.path.getsize(self.path("after.tif"))
        with open(self.path("after.tif"), "r+b") as file:
            file.seek(size // 2)
            data = file.read(2000)
            at = data.index(b"\xff\xd9")  # an end of a tile: what stands before it is lost
            file.seek(size // 2 + at - 300)
            file.write(b"\xff\xd9")
        says = r"after\.tif block \(\d+,\d+\) band \d: .*JPEG"
        self.refuse(INPUT, "detect", "before.tif", "after.tif", "--out", "o", says=says)

    def test_a_change_map_that_breaks(self):
        change = (ground(bands=1)[1][0] > 3000).astype("u1")
        write(self.path("change.tif"), change, kind=gdal.GDT_Byte,
              options=["TILED=YES", "COMPRESS=DEFLATE", "BLOCKXSIZE=64", "BLOCKYSIZE=64"])
        size = os.path.getsize(self.path("change.tif"))
        os.truncate(self.path("change.tif"), size * 3 // 4)
        says = r"change\.tif block \(\d+,\d+\) band 1: "
        self.refuse(INPUT, "vectorize", "change.tif", "--out", "f.gpkg", says=says)
        self.refuse(INPUT, "vectorize", "change.tif", "--out", "f.shp", says=says)
        self.refuse(INPUT, "eval", "--truth", "change.tif", "--change", "change.tif", says=says)

    def test_an_earlier_set_survives_a_later_failure(self):
        self.accept("detect", "t1.tif", "t2.tif", "--out", "out")
        name = self.cut("cut.tif", self.LAYOUTS["deflate"], 0.9, 1)
        self.refuse(INPUT, "detect", "t1.tif", name, "--out", "out", says="block")
        self.refuse(INPUT, "detect", "t1.tif", name, "--out", "out", "--shards", "5", says="block")
        self.text("out/letter.txt", "mine")
        self.refuse(INPUT, "detect", "t1.tif", name, "--out", "out", "--force", says="block")

    def test_robustness_collection(self):
        folder = e2e.data("tiff_robustness")
        paths = sorted(os.path.join(base, name) for base, _, names in os.walk(folder)
                       for name in names if name.lower().endswith((".tif", ".tiff")))

        bound = [] if is_sanitized() else ["prlimit", "--as=8589934592"]

        def compare(path):
            place = self.path(os.path.basename(path))
            os.mkdir(place)
            result = run("detect", path, path, "--out", os.path.join(place, "o"), "--quiet",
                         "--threads", "1", "--memory", "1GiB", cwd=place,
                         before=["timeout", "60", *bound])
            return path, place, result

        before = tree(folder)
        done = 0
        with multiprocessing.pool.ThreadPool(2) as pool:
            for path, place, result in pool.imap(compare, paths):
                with self.subTest(path=path):
                    about = f"{path}: exit {result.returncode}, {said(result)!r}"
                    self.assertIn(result.returncode, (0, INPUT, MEMORY), about)
                    self.assertEqual(result.stdout, b"", about)
                    if result.returncode == 0:
                        done += 1
                        self.assertEqual(said(result), "", about)
                        self.assertEqual(e2e.check_set(self, os.path.join(place, "o")), "whole")
                        continue
                    lines = said(result).splitlines()
                    self.assertIn(len(lines), (1, 2), about)
                    self.assertRegex(lines[0], r"^tuban: error: .*expected .*, got", about)
                    self.assertEqual(tree(place), {}, about)
                    if "TUBAN_TABLE" in os.environ:
                        with open(os.environ["TUBAN_TABLE"], "a", encoding="utf-8") as table:
                            table.write(f"{result.returncode}\trobust\t{os.path.basename(path)}\t"
                                        f"{said(result)!r}\n")
        self.assertEqual(tree(folder), before)
        self.assertGreater(done, 30)


# ------------------------------------------------------------------------------- job file


class JobFile(Case):
    PAIRS = "pairs:\n  - before: {image: t1.tif}\n    after: {image: t2.tif}\n"

    def bad(self, contents, *says):
        self.text("job.yaml", contents)
        for command in ("run", "plan"):
            with self.subTest(command=command, contents=contents):
                self.refuse(JOB, command, "job.yaml", says=says)

    def test_unknown_keys(self):
        self.bad(self.PAIRS + "grids: {}\n",
                 r"job\.yaml:4: key grids: expected one of job, grid, pairs, .*output, got")
        self.bad(self.PAIRS + "grid:\n  memory: 1GiB\n  thread: 2\n",
                 r"job\.yaml:6: key grid\.thread: expected one of memory, threads, .*, got")
        self.bad("pairs:\n  - before: {image: t1.tif, dates: 2024-01-01}\n    after: {image: x}\n",
                 r"job\.yaml:2: key pairs\[0\]\.before\.dates: expected one of image, date")
        self.bad(self.PAIRS + "1: {}\n", r"job\.yaml:4: key 1")
        self.bad(self.PAIRS + "{a: b}: c\n", r"job\.yaml:4")

    def test_wrong_types(self):
        self.bad(self.PAIRS + "grid: 4\n", r"job\.yaml:4: key grid: expected a map.*, got \"4\"")
        self.bad(self.PAIRS + "grid: {threads: two}\n",
                 r"job\.yaml:4: key grid\.threads: expected .*1 to 1024, got \"two\"")
        self.bad(self.PAIRS + "grid: {threads: 0}\n", r"key grid\.threads: expected .*got \"0\"")
        self.bad(self.PAIRS + "grid: {threads: [1, 2]}\n", r"key grid\.threads: .* got a list")
        self.bad(self.PAIRS + "grid: {threads: ''}\n", r"key grid\.threads: ")
        self.bad(self.PAIRS + "grid: {memory: lots}\n",
                 r"key grid\.memory: expected a size such as 4GiB, got \"lots\"")
        self.bad(self.PAIRS + "grid: {memory: -4GiB}\n", r"key grid\.memory: ")
        self.bad(self.PAIRS + "grid: {sample: 1.5}\n", r"key grid\.sample: .*got \"1.5\"")
        self.bad(self.PAIRS + "grid: {sample: nan}\n", r"key grid\.sample: .*got \"nan\"")
        self.bad(self.PAIRS + "grid: {block: 1e3}\n", r"key grid\.block: .*got \"1e3\"")
        self.bad(self.PAIRS + "grid: {block: 99999999999999999999}\n", r"key grid\.block: ")
        self.bad(self.PAIRS + "detect: {method: magic}\n",
                 r"key detect\.method: expected one of auto, composite, cva, logratio, omnibus, got \"magic\"")
        self.bad(self.PAIRS + "detect: {prior: rate=2}\n", r"key detect\.prior: .*got \"rate=2\"")
        self.bad(self.PAIRS + "detect: {register: {a: b}}\n", r"key detect\.register: .*got a map")
        self.bad(self.PAIRS + "detect: {allow_implausible: perhaps}\n",
                 r"key detect\.allow_implausible: expected .*true.*, got \"perhaps\"")
        self.bad(self.PAIRS + "output: {formats: [gpkg, dwg]}\n",
                 r"key output\.formats\[1\]: expected one of gpkg.*, got \"dwg\"")
        self.bad(self.PAIRS + "output: {formats: gpkg}\n", r"key output\.formats: expected a list")
        self.bad(self.PAIRS + "output: {folder: [a]}\n", r"key output\.folder: .*got a list")
        self.bad(self.PAIRS + "output: {folder: ''}\n", r"key output\.folder: ")

    def test_pairs(self):
        self.bad("job: {name: x}\n", r"job\.yaml:1: .*expected a key pairs, got none")
        self.bad("pairs: []\n", r"key pairs: expected a list with at least one pair, got a list of 0")
        self.bad("pairs: {before: a}\n", r"key pairs: expected a list .* got a map")
        self.bad("pairs: t1.tif\n", r"key pairs: expected a list .* got \"t1.tif\"")
        self.bad("pairs:\n  - t1.tif\n", r"key pairs\[0\]: expected a map")
        self.bad("pairs:\n  - before: {image: t1.tif}\n", r"pairs\[0\]: expected a key after")
        self.bad("pairs:\n  - before: {date: 2024-01-01}\n    after: {image: t2.tif}\n",
                 r"pairs\[0\]\.before: expected a key image")
        self.bad("pairs:\n  - before: {image: []}\n    after: {image: t2.tif}\n",
                 r"pairs\[0\]\.before\.image: expected a path or a list of paths, got")
        self.bad("pairs:\n  - before: {image: {a: b}}\n    after: {image: t2.tif}\n",
                 r"before\.image: expected a path or a list of paths, got a map")
        self.bad("pairs:\n  - before: {image: t1.tif, nodata: none}\n    after: {image: t2.tif}\n",
                 r"before\.nodata: expected a number")

    def test_duplicate_keys(self):
        self.bad(self.PAIRS + "grid: {threads: 1}\ngrid: {threads: 2}\n",
                 r"job\.yaml:5: key grid: expected each key once, got it a second time")
        self.bad(self.PAIRS + "grid:\n  threads: 1\n  threads: 1\n",
                 r"job\.yaml:6: key grid\.threads: expected each key once")

    def test_no_yaml(self):
        self.bad("", r"job\.yaml:1: expected a map of keys, got an empty file")
        self.bad("# only a remark\n", r"job\.yaml:1: expected .*, got an empty file")
        self.bad("pairs: [a, b\n", r"job\.yaml:\d+: expected YAML, got")
        self.bad("\tpairs: 1\n", r"job\.yaml:1: expected YAML, got")
        self.bad("just words\n", r"job\.yaml:1: .*expected a map of keys, got \"just words\"")
        self.bad("- a\n- b\n", r"job\.yaml:1: .*expected a map of keys, got a list")
        self.bad(b"pairs: \xff\xfe\n", r"job\.yaml")
        self.bad(b"\x00\x01\x02binary", r"job\.yaml.*expected text, got binary data")
        self.bad("a: &x [*x, *x]\n", r"job\.yaml")
        with open(self.path("t1.tif"), "rb") as image:
            self.bad(image.read(), r"job\.yaml.*expected .*got")

    def test_a_missing_job_file(self):
        for command in ("run", "plan"):
            self.refuse(JOB, command, "nowhere.yaml", says=r"nowhere\.yaml.*No such file")
        os.mkdir(self.path("folder.yaml"))
        self.refuse(JOB, "run", "folder.yaml", says=r"folder\.yaml")
        self.refuse(JOB, "run", "t1.tif", says=r"t1\.tif.*expected .*got")

    def dates(self, before, after):
        return (f"pairs:\n  - before: {{image: t1.tif, date: {before}}}\n"
                f"    after: {{image: t2.tif, date: {after}}}\n")

    def test_dates(self):
        for date in ("2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10", "2024-04-31",
                     "2024-4-01", "24-04-01", "2024/04/01", "20240401", "2024-04-01T00:00",
                     "1066-10-14", "yesterday", "[2024-01-01]", "''"):
            self.bad(self.dates(date, "2024-05-05"),
                     r"job\.yaml:2: key pairs\[0\]\.before\.date: expected a day as YYYY-MM-DD")
        self.bad(self.dates("2024-03-12", "2024-02-11"),
                 r"job\.yaml:3: key pairs\[0\]\.after\.date: expected a day after before\.date, "
                 r"2024-03-12, got \"2024-02-11\"")
        self.bad(self.dates("2024-03-12", "2024-03-12"), r"expected a day after before\.date")
        for month in ("2024-13", "2024-00", "2024", "202401", "2024-01-01"):
            self.bad(self.PAIRS + f"job: {{month: {month}}}\n",
                     rf"job\.yaml:4: key job\.month: expected a month as YYYY-MM, got \"{month}\"")
        self.text("job.yaml", self.dates("2024-02-29", "2024-03-01"))
        self.accept("plan", "job.yaml")


# ------------------------------------------------------------------------------- output


class Output(Case):
    def test_a_file_is_in_the_way(self):
        self.text("file", "mine")
        self.text("job.yaml", JobFile.PAIRS)
        for out in ("file", "file/deep/er", "file/"):
            for command in (["detect", "t1.tif", "t2.tif"], ["run", "job.yaml"]):
                with self.subTest(out=out, command=command):
                    self.refuse(OUTPUT, *command, "--out", out,
                                says=r"make folder file: expected a folder, got a file")
        self.refuse(OUTPUT, "fit", "t1.tif", "t2.tif", "--out", "file/model.yaml", says="file")
        os.mkdir(self.path("folder"))
        os.mkdir(self.path("folder.gpkg"))
        self.refuse(OUTPUT, "fit", "t1.tif", "t2.tif", "--out", "folder", says="folder")
        self.refuse(OUTPUT, "fit", "t1.tif", "t2.tif", "--out", "no/where/m.yaml",
                    says=r"no/where")
        self.change()
        for out in ("file/f.gpkg", "no/where/f.gpkg", "folder.gpkg"):
            with self.subTest(out=out):
                self.refuse(OUTPUT, "vectorize", "change.tif", "--out", out,
                            says=r"got (a folder|\"No such|\"Not a directory)")

    def change(self, name="change.tif", side=300):
        mask = (np.random.default_rng(5).random((side, side)) < 0.3).astype("u1")
        return write(self.path(name), mask, kind=gdal.GDT_Byte)

    def test_a_folder_one_may_not_write(self):
        self.change()
        self.text("job.yaml", JobFile.PAIRS)
        os.mkdir(self.path("shut"), 0o555)
        for out in ("shut", "shut/deep"):
            for command in (["detect", "t1.tif", "t2.tif"], ["run", "job.yaml"]):
                with self.subTest(out=out, command=command):
                    self.refuse(OUTPUT, *command, "--out", out, before=AS_A_USER,
                                says=r"shut.*: expected .*, got \"Permission denied\"")
        self.refuse(OUTPUT, "fit", "t1.tif", "t2.tif", "--out", "shut/m.yaml", before=AS_A_USER,
                    says="Permission denied")
        self.refuse(OUTPUT, "vectorize", "change.tif", "--out", "shut/f.gpkg", before=AS_A_USER,
                    says="Permission denied")
        os.chmod(self.path("t2.tif"), 0)
        self.refuse(INPUT, "detect", "t1.tif", "t2.tif", "--out", "o", before=AS_A_USER,
                    says=r"t2\.tif.*Permission denied")

    def fill(self, place, size):
        """The least tmpfs has one page: with nothing in it there is still room for a small file."""
        if size == 0:
            with open(os.path.join(place, "filler"), "wb") as file:
                file.write(bytes(4096))

    @contextlib.contextmanager
    def disk(self, kib):
        place = self.path("disk")
        os.makedirs(place, exist_ok=True)
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={max(4, kib)}k", "tmpfs", place],
                              stderr=subprocess.PIPE)
        if made.returncode != 0:
            print(f"skipped: a full disk, as none can be mounted: {made.stderr.decode().strip()}")
            self.skipTest("mount")
        try:
            self.fill(place, kib)
            yield place
        finally:
            subprocess.run(["umount", place], check=True)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to mount a small disk")
    def test_a_full_disk(self):
        before, after = ground(width=600, height=500)
        noise = np.random.default_rng(7).normal(size=before.shape) * 300
        write(self.path("a.tif"), before)
        write(self.path("b.tif"), (after + noise).clip(1, 60000))
        self.change(side=400)
        self.text("job.yaml", "pairs:\n  - before: {image: a.tif, date: 2024-02-11}\n"
                              "    after: {image: b.tif, date: 2024-03-12}\n")
        commands = {
            "detect": ["detect", "a.tif", "b.tif", "--out", "disk"],
            "detect, deep": ["detect", "a.tif", "b.tif", "--out", "disk/a/b", "--shards", "4"],
            "run": ["run", "job.yaml", "--out", "disk", "--shards", "3"],
            "fit": ["fit", "a.tif", "b.tif", "--out", "disk/model.yaml"],
            "vectorize": ["vectorize", "change.tif", "--out", "disk/f.gpkg"],
            "vectorize, shp": ["vectorize", "change.tif", "--out", "disk/f.shp"],
        }
        for name, command in commands.items():
            ends = []
            for size in (0, 100, 800, 1700, 65536):
                if name == "fit" and size not in (0, 65536):
                    continue
                with self.subTest(command=name, size=size), self.disk(size) as place:
                    if size == 65536:
                        self.accept(*command)
                    elif run(*command, "--quiet", cwd=self.dir).returncode != 0:
                        shutil.rmtree(place, ignore_errors=True)  # all but the mount
                        self.fill(place, size)
                        ends.append(size)
                        self.refuse(OUTPUT, *command, says=[
                            r"(?i)no space|disk is full|disk I/O error|write",
                            r"\nfree some space on that disk, or name another folder with --out"])
            self.assertIn(0, ends, name)
            if name != "fit":
                self.assertGreater(len(ends), 2, name)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to mount a small disk")
    def test_an_earlier_set_survives_a_full_disk(self):
        before, after = ground(width=700, height=600)
        write(self.path("a.tif"), before)
        write(self.path("b.tif"), after)
        failed = 0
        for size in (1600, 2500, 4000):
            with self.subTest(size=size), self.disk(size) as place:
                self.accept("detect", "t1.tif", "t2.tif", "--out", "disk")
                kept = tree(place)
                result = run("detect", "a.tif", "b.tif", "--out", "disk", "--quiet", cwd=self.dir)
                if result.returncode == 0:
                    continue
                failed += 1
                self.assertEqual(result.returncode, OUTPUT, said(result))
                self.assertEqual(tree(place), kept)
        self.assertGreater(failed, 0)

    def test_folders_it_made_go_again(self):
        write(self.path("cut.tif"), ground()[1], options=["COMPRESS=DEFLATE"])
        os.truncate(self.path("cut.tif"), os.path.getsize(self.path("cut.tif")) // 2)
        for out in ("a", "a/b/c", "a/b/c/", "./a//b///", self.path("x/y")):
            with self.subTest(out=out):
                self.refuse(INPUT, "detect", "t1.tif", "cut.tif", "--out", out, says="block")
        os.makedirs(self.path("was/there"))
        self.refuse(INPUT, "detect", "t1.tif", "cut.tif", "--out", "was/there/too", says="block")
        self.refuse(INPUT, "detect", "t1.tif", "cut.tif", "--out", "was/there", says="block")

    def test_two_runs_in_one_folder(self):
        os.mkdir(self.path("out"))
        import fcntl
        folder = os.open(self.path("out"), os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        os.mkdir(self.path("out/.tuban-new"))
        self.text("out/.tuban-new/change.tif", "the other run's")
        self.refuse(OUTPUT, "detect", "t1.tif", "t2.tif", "--out", "out", says="other run")
        os.close(folder)


# ------------------------------------------------------------------------------- memory


class Memory(Case):
    def test_the_least_that_would_do_does(self):
        if is_sanitized():
            print("skipped: memory budgets (a sanitizer takes its own)")
            self.skipTest("sanitized")
        images = {}
        for name, (bands, width, height, options) in {
            "small": (3, 340, 300, []),
            "tiled": (4, 1300, 1200, ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512",
                                      "COMPRESS=DEFLATE"]),
            "strips": (1, 4000, 500, []),
            "flat": (6, 900, 800, ["INTERLEAVE=BAND", "BLOCKYSIZE=1"]),
        }.items():
            for side, samples in enumerate(ground(bands, width, height)):
                images[name, side] = write(self.path(f"{name}{side}.tif"), samples, options=options)
        for name in ("small", "tiled", "strips", "flat"):
            for more in ([], ["--block", "256"], ["--block", "1024", "--threads", "1"]):
                with self.subTest(name=name, more=more):
                    pair = [images[name, 0], images[name, 1], *more]
                    error = self.refuse(MEMORY, "detect", *pair, "--memory", "1MiB", "--out", "o",
                                        says=r"expected a memory budget of at least \d+ MiB, got")
                    least = re.search(r"at least (\d+) MiB", error)[1]
                    self.assertIn(f"--memory {least}MiB", error)
                    self.refuse(MEMORY, "detect", *pair, "--memory", f"{int(least) - 1}MiB",
                                "--out", "o", says="at least")
                    self.accept("detect", *pair, "--memory", f"{least}MiB", "--out", "out")
                    with open(self.path("out/run.json"), encoding="utf-8") as file:
                        peak = json.load(file)["peak_rss_bytes"]
                    if "TUBAN_TABLE" in os.environ:
                        with open(os.environ["TUBAN_TABLE"], "a", encoding="utf-8") as table:
                            table.write(f"0\tmemory\t{name} {more}\tleast {least} MiB, peak "
                                        f"{peak / 2**20:.1f} MiB\n")
                    self.assertLess(peak, int(least) * 2**20)
                    shutil.rmtree(self.path("out"))

    def test_the_job_too(self):
        self.text("job.yaml", JobFile.PAIRS + "grid: {memory: 1MiB}\n")
        for command in ("run", "plan"):
            self.refuse(MEMORY, command, "job.yaml", says=r"at least \d+ MiB, got 1 MiB")


# ------------------------------------------------------------------------------- command line


class CommandLine(Case):
    def test_bad_options(self):
        pair = ["t1.tif", "t2.tif"]
        for command, says in (
            (["detect", *pair, "--out", "o", "--fast"], "--fast: expected an option"),
            (["detect", *pair, "--out"], "--out: expected a value, got none"),
            (["detect", *pair, "--out="], "--out: expected a value, got an empty one"),
            (["detect", *pair], "--out: expected an output folder, got none"),
            (["detect", *pair, "--out", "o", "--threads", "0"], "--threads: .*1 to 1024, got \"0\""),
            (["detect", *pair, "--out", "o", "--threads", "many"], "--threads: .*got \"many\""),
            (["detect", *pair, "--out", "o", "--threads", "1.5"], "--threads: .*got \"1.5\""),
            (["detect", *pair, "--out", "o", "--threads", ""], "--threads: .*got \"\""),
            (["detect", *pair, "--out", "o", "--block", "8"], "--block: .*16 to 16384, got \"8\""),
            (["detect", *pair, "--out", "o", "--sample", "0"], "--sample: .*got \"0\""),
            (["detect", *pair, "--out", "o", "--sample", "2"], "--sample: .*got \"2\""),
            (["detect", *pair, "--out", "o", "--memory", "huge"], "--memory: expected a size"),
            (["detect", *pair, "--out", "o", "--memory", "-1"], "--memory: expected a size"),
            (["detect", *pair, "--out", "o", "--sensor", "radar"],
             "--sensor: expected one of auto, optical, sar, got \"radar\""),
            (["detect", *pair, "--out", "o", "--register", "on"], "--register: expected one of"),
            (["detect", *pair, "--out", "o", "--method", "magic"],
             "--method: expected .*cva.*, got \"magic\""),
            (["detect", *pair, "--out", "o", "--prior", "seldom"], "--prior: expected .*seldom"),
            (["detect", *pair, "--out", "o", "--prior", "rate=0"], "--prior: expected .*rate=0"),
            (["detect", *pair, "--out", "o", "--force=yes"], "--force: expected no value"),
            (["detect", "t1.tif", "--out", "o"], "tuban detect: expected 2 arguments, got 1"),
            (["detect", *pair, "t1.tif", "--out", "o"], "images: expected two, got 3"),
            (["fit", *pair, "t1.tif"], "t1.tif: expected at most 2 arguments"),
            (["detect", "--out", "o"], "expected 2 arguments, got 0"),
            (["detect", *pair, "-q", "--out", "o"], "-q: .*got an unknown one"),
            (["fit", "t1.tif"], "expected 2 arguments, got 1"),
            (["run"], "expected 1 argument, got 0"),
            (["run", "a.yaml", "b.yaml"], "b.yaml: expected at most 1 argument, got one more"),
            (["run", "a.yaml", "--until", "lunch"], "--until: expected fit, sweep.*got \"lunch\""),
            (["plan"], "expected .* got 0"),
            (["info"], "expected 1 argument, got 0"),
            (["vectorize", "t1.tif"], "--out: expected an output file, got none"),
            (["vectorize", "t1.tif", "--out", "f.txt"], "gpkg.*got .*f.txt"),
            (["vectorize", "t1.tif", "--out", "f.gpkg", "--connect", "6"], "connect.*got \"?6"),
            (["eval", "--truth", "t1.tif"], "expected --truth and --change"),
            (["eval", "t1.tif"], "t1.tif: expected at most 0 arguments"),
            (["doctor", "me"], "me: expected at most 0 arguments"),
        ):
            with self.subTest(command=command):
                self.refuse(USAGE, *command, says=says, quiet=False)
        self.text("job.yaml", JobFile.PAIRS)
        self.refuse(USAGE, "run", "job.yaml", "--formats", "dwg", says="--formats: .*got \"dwg\"")

    def test_commands(self):
        self.refuse(USAGE, "dedect", says="dedect: expected a command, got an unknown one",
                    quiet=False)
        result = run()
        self.assertEqual((result.returncode, result.stdout), (USAGE, b""))
        for command in ("run", "plan", "info", "fit", "detect", "vectorize", "judge", "eval", "doctor"):
            result = self.accept(command, "--help")
            self.assertTrue(result.stdout.startswith(b"usage: tuban " + command.encode()))
            self.assertEqual(result.stderr, b"")

    def test_a_misspelt_instruction_set(self):
        self.text("job.yaml", JobFile.PAIRS)
        for word in ("avx3", "C", "sse"):
            for command in (["detect", "t1.tif", "t2.tif", "--out", "o"], ["run", "job.yaml"],
                            ["fit", "t1.tif", "t2.tif"], ["plan", "t1.tif", "t2.tif"]):
                with self.subTest(word=word, command=command):
                    self.refuse(USAGE, *command, env={"TUBAN_CPU": word},
                                says=rf"TUBAN_CPU: expected c, avx2 or avx512.*, got \"{word}\"")

    def test_models(self):
        self.accept("fit", "t1.tif", "t2.tif", "--out", "model.yaml")
        with open(self.path("model.yaml"), encoding="utf-8") as file:
            good = file.read()
        with open(self.path("t1.tif"), "rb") as file:
            image = file.read()
        one = ground(bands=1)
        write(self.path("one1.tif"), one[0])
        write(self.path("one2.tif"), one[1])
        self.refuse(INPUT, "detect", "one1.tif", "one2.tif", "--out", "o", "--model", "model.yaml",
                    says=[r"model: expected .* for 1 bands?, .*, got one for 3", r"\nmodel\.yaml was fitted"])
        for name, contents, says in (
            ("empty", "", "empty"), ("words", "hello\n", "expected a map"),
            ("half", good[:len(good) // 2], r"half\.yaml"),
            ("version", good.replace("model: 1", "model: 9"), r"key model: .*got \"9\""),
            ("method", good.replace("method: composite", "method: magic"), r"key method: .*got \"magic\""),
            ("bands", good.replace("bands: 3", "bands: 2"), "number for each band"),
            ("slope", re.sub(r"slope: \[[^,]*,", "slope: [x,", good), r"slope\[0\].*got \"x\""),
            ("more", good + "colour: red\n", r"key colour: expected one of"),
            ("image", image, r"image\.yaml"),
        ):
            with self.subTest(name=name):
                self.assertNotEqual(contents, good)
                self.text(f"{name}.yaml", contents)
                self.refuse(INPUT, "detect", "t1.tif", "t2.tif", "--out", "o", "--model",
                            f"{name}.yaml", says=[rf"{name}\.yaml", says])
        self.accept("detect", "t1.tif", "t2.tif", "--out", "o", "--model", "model.yaml")


# ------------------------------------------------------------------------------- what is said


class Speech(Case):
    def big(self, side):
        before, after = ground(bands=3, width=side, height=side)
        return [write(self.path(f"big{i}.tif"), samples, options=["COMPRESS=DEFLATE", "TILED=YES"])
                for i, samples in enumerate((before, after))]

    def test_json_is_alone_on_stdout(self):
        self.text("job.yaml", JobFile.PAIRS)
        for command in (["detect", "t1.tif", "t2.tif", "--out", "o"],
                        ["detect", "t1.tif", "t2.tif", "--out", "o"],
                        ["run", "job.yaml"], ["run", "job.yaml", "--until", "sweep"],
                        ["fit", "t1.tif", "t2.tif"], ["plan", "job.yaml"],
                        ["plan", "t1.tif", "t2.tif"], ["info", "t1.tif", "t2.tif"],
                        ["vectorize", "o/change.tif", "--out", "f.gpkg"],
                        ["eval", "--truth", "o/change.tif", "--change", "o/change.tif"],
                        ["doctor"]):
            with self.subTest(command=command):
                result = run(*command, "--json", cwd=self.dir)
                json.loads(result.stdout)
                self.assertNotIn(b"\r", result.stderr)
                for line in said(result).splitlines():
                    self.assertRegex(line, r"^tuban: \w")
                quiet = run(*command, "--quiet", cwd=self.dir)
                self.assertEqual((quiet.returncode, quiet.stderr), (result.returncode, b""))
                if command[0] != "plan":
                    self.assertEqual(quiet.stdout, b"")
                both = run(*command, "--quiet", "--json", cwd=self.dir)
                json.loads(both.stdout)
                self.assertEqual(both.stderr, b"")
                plain = run(*command, cwd=self.dir).stdout.decode()
                self.assertNotRegex(plain, r"(?i)\b(nan|null|inf)\b")
        self.refuse(INPUT, "detect", "t1.tif", "gone.tif", "--out", "o2", "--json", quiet=False)

    def test_plain_lines_where_stderr_is_no_terminal(self):
        result = self.accept("detect", *self.big(1200), "--out", "o", "--block", "256")
        self.assertNotIn(b"\r", result.stderr)
        self.assertRegex(said(result), r"tuban: sweep \d+ %\n")
        for line in said(result).splitlines():
            self.assertRegex(line, r"^tuban: \w")

    def test_a_terminal_shows_rate_and_remaining_time(self):
        images = self.big(1200)
        try:
            master, slave = pty.openpty()
        except OSError as none:
            self.skipTest(f"no terminal here: {none}")
        child = subprocess.Popen([e2e.PROGRAM, "detect", *images, "--out", self.path("o"), "--threads",
                                  "1", "--block", "256"], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=slave)
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                break
            if not part:
                break
            shown += part
        os.close(master)
        child.stdout.close()
        self.assertEqual(child.wait(), 0)
        shown = shown.decode()
        self.assertRegex(shown, r"\rsweep +\d+ % +[\d.]+ Mpx/s +\d+ s left")
        self.assertNotIn("tuban: error", shown)
        for line in shown.split("\n"):  # a rest of a longer line is never left standing
            widths = [len(part.rstrip("\r")) for part in line.split("\r") if part.strip()]
            self.assertEqual(widths, sorted(widths), line)

    def wait_for(self, child, path):
        """Until the program has opened a file: it listens for signals by then."""
        for _ in range(6000):
            try:
                links = [os.readlink(f"/proc/{child.pid}/fd/{n}") for n in os.listdir(f"/proc/{child.pid}/fd")]
            except FileNotFoundError:  # one was closed meanwhile
                continue
            if path in links:
                return
            time.sleep(0.01)
        self.fail(f"{path} was never opened")

    def test_stopped_by_a_signal(self):
        images = self.big(2000)
        self.text("job.yaml", f"pairs:\n  - before: {{image: {images[0]}}}\n"
                              f"    after: {{image: {images[1]}}}\n")
        for command in (["detect", *images, "--out", "o/p"], ["run", "job.yaml", "--out", "o/p"],
                        ["fit", *images, "--out", "m.yaml"]):
            for number in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(command=command, signal=number):
                    before = tree(self.dir)
                    child = subprocess.Popen([e2e.PROGRAM, *command, "--quiet", "--threads", "1",
                                              "--block", "128"], cwd=self.dir,
                                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    self.wait_for(child, images[0])
                    child.send_signal(number)
                    out, error = child.communicate(timeout=60)
                    self.assertEqual(child.returncode, CANCELLED, error)
                    self.assertEqual(out, b"")
                    self.assertRegex(error.decode(), r"^tuban: error: [^\n]*cancelled[^\n]*\n")
                    self.assertLessEqual(error.count(b"\n"), 2)
                    left = {name for name in tree(self.dir) if name not in before}
                    # Stage files may stay, to go on from; nothing that looks like a product.
                    for name in left - {"o", "o/p", "o/p/work"}:
                        self.assertRegex(name, r"^o/p/work/(model|runs|scores)-[-0-9a-f]+\.\w+$")
                    self.assertTrue(not left or b"kept" in error, (left, error))
                    shutil.rmtree(self.path("o"), ignore_errors=True)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: folders one may not write and full disks (they need root)")
    e2e.main()
