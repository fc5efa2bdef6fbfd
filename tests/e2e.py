"""What the end-to-end tests share: images made with GDAL, runs of the program, trees of files.

A test file ends with `e2e.main()` and runs alone: /usr/bin/python3 tests/e2e_X.py PROGRAM [TEST...].
Exit code 77 means that nothing could be run (no numpy, no osgeo); parts that need the real data are
left out with a line that says so.
"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import numpy as np
    from osgeo import gdal, osr
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

gdal.UseExceptions()
gdal.SetConfigOption("GDAL_PAM_ENABLED", "NO")

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.get("TUBAN_DATA", os.path.join(HERE, "..", "..", "shared", "data"))
MASKED_GLIBC = "glibc.cpu.hwcaps=-AVX2_Usable,-FMA_Usable,-AVX2,-FMA"
PROGRAM = ""


def data(*parts):
    """A file of the data folder; skips the test where it is not there."""
    path = os.path.join(DATA, *parts)
    if not os.path.exists(path):
        print(f"skipped: no {path}", flush=True)
        raise unittest.SkipTest(path)
    return path


def environment(**changes):
    """The environment of a run: plain but for the changes."""
    env = {k: v for k, v in os.environ.items() if k not in ("TUBAN_CPU", "TUBAN_READ", "GLIBC_TUNABLES")}
    env.update({k: v for k, v in changes.items() if v})
    return env


def tuban(*words, status=0, env=None):
    """Runs the program to its end; its output and errors. Fails when it ends otherwise."""
    done = subprocess.run([PROGRAM, *map(str, words)], env=env or environment(), capture_output=True,
                          text=True, timeout=600)
    if done.returncode != status:
        raise AssertionError(f"tuban {' '.join(map(str, words))}: exit code {done.returncode}, "
                             f"expected {status}\n{done.stdout}{done.stderr}")
    return done


def least_memory(*words):
    """The budget below which a plan is refused, as the refusal names it, in MiB."""
    done = tuban("plan", *words, "--memory", "1MiB", status=6)
    return int(done.stderr.split("at least ")[1].split()[0])


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree(folder, left_out=lambda name: False):
    """Name under the folder -> sha256, of all files."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            short = os.path.relpath(path, folder)
            if not left_out(short):
                found[short] = sha256(path)
    return found


def results(folder):
    """All that Law 1 holds for: not the run's times, nor the runs of single shards."""
    return tree(folder, lambda name: name == "run.json" or name.startswith("work/runs-"))


def read(path):
    """The bands of an image, [band][row][column]."""
    array = gdal.Open(path).ReadAsArray()
    return array if array.ndim == 3 else array[None]


def write(path, array, transform=None, crs=None, nodata=None, options=(), mask=None, alpha=False):
    """A GeoTIFF of [band][row][column]; `mask` (0: missing) goes into the file."""
    bands, rows, columns = array.shape
    kinds = {"uint8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "int16": gdal.GDT_Int16,
             "float32": gdal.GDT_Float32}
    # Else GDAL makes the fourth band of a byte image its alpha.
    meaning = ["PHOTOMETRIC=RGB", "ALPHA=YES"] if alpha else ["PHOTOMETRIC=MINISBLACK"]
    target = gdal.GetDriverByName("GTiff").Create(path, columns, rows, bands, kinds[array.dtype.name],
                                                  meaning + list(options))
    if transform is not None:
        target.SetGeoTransform(transform)
    if crs is not None:
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(crs)
        target.SetProjection(reference.ExportToWkt())
    for b in range(bands):
        if nodata is not None:
            target.GetRasterBand(b + 1).SetNoDataValue(nodata)
        target.GetRasterBand(b + 1).WriteArray(array[b])
    if mask is not None:
        gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES")
        target.CreateMaskBand(gdal.GMF_PER_DATASET)
        target.GetRasterBand(1).GetMaskBand().WriteArray(np.where(mask, 255, 0).astype(np.uint8))
    target = None
    return path


def smooth(field, radius):
    """A box mean along both axes, borders repeated."""
    for axis in (0, 1):
        padded = np.pad(field, [(radius + 1, radius) if a == axis else (0, 0) for a in (0, 1)], "edge")
        total = np.cumsum(padded, axis=axis, dtype=np.float64)
        span = 2 * radius + 1
        field = (np.take(total, range(span, total.shape[axis]), axis)
                 - np.take(total, range(0, total.shape[axis] - span), axis)) / span
    return field


def ground(rows, columns, bands, seed):
    """Two dates of a made-up land, float64 [band][row][column] in 0 .. 1: fields, some built over."""
    rng = np.random.default_rng(seed)
    side = 24
    coarse = rng.random((bands, rows // side + 2, columns // side + 2))
    texture = smooth(rng.standard_normal((rows, columns)), 2)
    fields = np.repeat(np.repeat(coarse, side, 1), side, 2)[:, :rows, :columns]
    before = 0.25 + 0.4 * fields + 0.03 * texture
    after = 0.9 * before + 0.04
    for _ in range(max(1, rows * columns // 40000)):
        height, width = rng.integers(4, 24, 2)
        y, x = rng.integers(0, max(1, rows - 4)), rng.integers(0, max(1, columns - 4))
        after[:, y:y + height, x:x + width] = (rng.random(bands) * 0.3 + 0.65)[:, None, None]
    before += 0.008 * rng.standard_normal(before.shape)
    after += 0.008 * rng.standard_normal(after.shape)
    return np.clip(before, 0.02, 1), np.clip(after, 0.02, 1)


def typed(image, kind):
    """The land's 0 .. 1 in a pixel type."""
    if kind == "float32":
        return image.astype(np.float32)
    scale = {"uint8": 255, "uint16": 10000, "int16": 10000}[kind]
    return np.rint(image * scale).astype(kind)


def tiled(image, rows, columns):
    """An image repeated over rows x columns, every other copy mirrored so that no seam is a step."""
    _, height, width = image.shape
    strip = np.concatenate([image if i % 2 == 0 else image[:, :, ::-1]
                            for i in range(-(-columns // width))], axis=2)[:, :, :columns]
    return np.concatenate([strip if i % 2 == 0 else strip[:, ::-1]
                           for i in range(-(-rows // height))], axis=1)[:, :rows]


def check_set(test, folder):
    """
    An output folder holds no set of products, a whole one, or one that is being moved in: then all
    of it is there, in the folder or beside it. Returns "none", "whole" or "moving".
    """
    beside = os.path.join(folder, ".tuban-new")
    own = {n for n in os.listdir(folder)} - {"work", ".tuban-new"} if os.path.isdir(folder) else set()
    own = {n for n in own if not n == ".tuban-probe"}
    if os.path.exists(os.path.join(beside, "MANIFEST.json")):
        with open(os.path.join(beside, "MANIFEST.json")) as file:
            manifest = json.load(file)
        for entry in manifest["files"]:
            there = [p for p in (os.path.join(beside, entry["name"]), os.path.join(folder, entry["name"]))
                     if os.path.exists(p)]
            test.assertTrue(there, f"{entry['name']} is lost while being moved")
            test.assertEqual(sha256(there[0]), entry["sha256"], f"{there[0]} differs from its manifest")
        return "moving"
    if "MANIFEST.json" not in own:
        test.assertEqual(own, set(), "products without a manifest")
        return "none"
    with open(os.path.join(folder, "MANIFEST.json")) as file:
        manifest = json.load(file)
    for entry in manifest["files"]:
        path = os.path.join(folder, entry["name"])
        test.assertTrue(os.path.exists(path), f"{entry['name']} is missing")
        test.assertEqual(os.path.getsize(path), entry["size"], f"size of {entry['name']}")
        test.assertEqual(sha256(path), entry["sha256"], f"sha256 of {entry['name']}")
    names = {entry["name"] for entry in manifest["files"]} | {"MANIFEST.json", "run.json"}
    test.assertEqual(own, names, "what lies in the folder")
    return "whole"


def strays(folder):
    """Files a finished run must not leave: whatever is new, temporary, or of a shard's scores."""
    return sorted(name for name in tree(folder)
                  if name.endswith((".new", ".tmp", "-journal", "-wal", "-shm")) or ".tuban-" in name
                  or name.startswith("work/scores-"))


class Case(unittest.TestCase):
    """A test with a folder of its own; prints how long it took."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="tuban-e2e-")
        cls.root = cls.scratch.name

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def setUp(self):
        self.begun = time.monotonic()
        self.folder = tempfile.mkdtemp(dir=self.root)

    def tearDown(self):
        print(f"{self.id().split('.', 1)[1]}: {time.monotonic() - self.begun:.1f} s", flush=True)

    def path(self, name):
        return os.path.join(self.folder, name)


def main():
    global PROGRAM
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} PROGRAM [TEST...]")
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    # The module that runs is __main__; the tests import this one under its own name.
    sys.modules["e2e"].PROGRAM = PROGRAM
    ran = unittest.main(module="__main__", exit=False, verbosity=0).result
    if not ran.wasSuccessful():
        sys.exit(1)
    if ran.testsRun == len(ran.skipped):
        sys.exit(77)
