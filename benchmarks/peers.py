"""The whole job beside the chain of tools it stands for.

    peers.py PROGRAM [--folder DIR] [--pixels 100] [--kinds deflate,none] [--rounds 3] [--more]
             [--write PAGE]

The scene of speed_scene.py: two images of four bands, two mask layers of 200,000 polygons. The chain,
each step a process of its own with files between, one thread, blocks cached up to 2 GB:

register    scikit-image: phase_cross_correlation on 64 windows of 512 pixels (a whole image would take
            20 times as long), upsampled 20 times; the median is the shift
warp        gdalwarp -r bilinear of the later image by that shift, uncompressed tiles
change      numpy, float32, a row of tiles at a time: bands less their mean over their deviation,
            magnitude of the difference, Otsu's threshold, a mask
sieve       gdal_sieve.py -8 -st 10
polygonize  gdal_polygonize.py -8 into a GeoPackage, the mask as its mask
overlay     ogr2ogr -append of the polygons into a copy of each layer (copying is not counted), and
            SpatiaLite's SQL over both R-trees: the area of every polygon on each layer

--more adds what the chain does without, once: Orfeo ToolBox's MAD of the warped pair, and IR-MAD in
numpy, float64, ten iterations over 4 Mpx, as the job's default fits by. "the chain and IR-MAD of all"
reckons with the latter over every pixel, as who normalises without sampling pays for it.

CPU seconds (user and system) of whole processes, files cached; in each round the chain, then `tuban
run`. Lowest of the rounds by step; the ratio is the median of the rounds'. Writes
results/peers-COMMIT.csv and prints a table; --write puts it into a page between its marks.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys

import numpy as np
from osgeo import gdal

import overlay
import speed
import speed_scene

gdal.UseExceptions()

STEPS = ["register", "warp", "change", "sieve", "polygonize", "overlay"]
FIELDS = ["commit", "machine", "mpx", "kind", "round", "who", "step", "cpu_s", "peak_mb"]
ENVIRONMENT = {"GDAL_CACHEMAX": "2048", "OGR_SQLITE_SYNCHRONOUS": "OFF", "OMP_NUM_THREADS": "1",
               "OPENBLAS_NUM_THREADS": "1", "OTB_MAX_RAM_HINT": "2048",
               "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
ROWS = 512
IRMAD = "numpy IR-MAD, 4 Mpx"


def register(before, after):
    """The shift of the later image, in pixels."""
    from skimage.registration import phase_cross_correlation
    images = [gdal.Open(path) for path in (before, after)]
    side, shifts = 512, []
    for x in np.linspace(0, images[0].RasterXSize - side, 8).astype(int):
        for y in np.linspace(0, images[0].RasterYSize - side, 8).astype(int):
            pair = [image.GetRasterBand(4).ReadAsArray(int(x), int(y), side, side).astype(np.float32)
                    for image in images]
            found = phase_cross_correlation(*pair, upsample_factor=20)
            shifts.append(found[0])
    down, right = map(float, np.median(shifts, axis=0))
    print(json.dumps({"dx": -right, "dy": -down}))


def strips(*images):
    for y in range(0, images[0].RasterYSize, ROWS):
        rows = min(ROWS, images[0].RasterYSize - y)
        yield y, [i.ReadAsArray(0, y, i.RasterXSize, rows).astype(np.float32) for i in images]


def otsu(counts, edges):
    middle = (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * middle)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return middle[np.nanargmax(between)]


def change(before, after, out):
    images = [gdal.Open(path) for path in (before, after)]
    bands, side, height = images[0].RasterCount, images[0].RasterXSize, images[0].RasterYSize
    sums = np.zeros((2, 2, bands))
    for _, pair in strips(*images):
        for date, samples in enumerate(pair):
            for band in range(bands):
                flat = samples[band].ravel()
                sums[0, date, band] += flat.sum(dtype=np.float64)
                sums[1, date, band] += np.dot(flat, flat)
    mean = sums[0] / (side * height)
    scale = 1 / np.sqrt(sums[1] / (side * height) - mean ** 2)
    magnitude = np.empty((height, side), np.float32)
    for y, pair in strips(*images):
        total = np.zeros(pair[0].shape[1:], np.float32)
        for band in range(bands):
            a, b = ((pair[d][band] - np.float32(mean[d, band])) * np.float32(scale[d, band])
                    for d in range(2))
            total += (b - a) ** 2
        magnitude[y:y + len(total)] = np.sqrt(total)
    counts, edges = np.histogram(magnitude, bins=1024)
    mask = magnitude > otsu(counts, edges)
    driver = gdal.GetDriverByName("GTiff")
    image = driver.Create(str(out), side, height, 1, gdal.GDT_Byte, ["TILED=YES"])
    image.SetGeoTransform(images[0].GetGeoTransform())
    image.SetProjection(images[0].GetProjection())
    image.GetRasterBand(1).WriteArray(mask.astype(np.uint8))


def irmad(before, after):
    """Ten iterations of Nielsen (2007) over the first 2000 x 2000 pixels; prints what it cost."""
    import time
    from scipy import linalg, stats
    pair = [gdal.Open(p).ReadAsArray(0, 0, 2000, 2000) for p in (before, after)]
    samples = np.concatenate([p.reshape(len(p), -1) for p in pair]).astype(np.float64)
    bands, count = len(samples) // 2, samples.shape[1]
    weights = np.ones(count)
    start = time.process_time()
    for _ in range(10):
        total = weights.sum()
        centred = samples - (samples @ weights / total)[:, None]
        cov = (centred * weights) @ centred.T / total
        s11, s22, s12 = cov[:bands, :bands], cov[bands:, bands:], cov[:bands, bands:]
        squares, a = linalg.eigh(s12 @ np.linalg.solve(s22, s12.T), s11)
        rho = np.sqrt(squares)
        b = np.linalg.solve(s22, s12.T @ a) / rho
        mad = a.T @ centred[:bands] - b.T @ centred[bands:]
        weights = stats.chi2.sf((mad ** 2 / (2 * (1 - rho))[:, None]).sum(axis=0), bands)
    used = time.process_time() - start
    print(json.dumps({"ns": used / count / 10 * 1e9, "rho": rho[::-1].tolist()}))


def measure(rows, head, who, step, command, **kwargs):
    result = overlay.timed(list(map(str, command)), **kwargs)
    if result is None:
        sys.exit(f"peers.py: failed: {' '.join(map(str, command))}")
    rows.append({**head, "who": who, "step": step, "cpu_s": round(result[1], 3), "peak_mb": round(result[2])})
    print(f"  {head['kind']} {who} {step}: {result[1]:.2f} s", file=sys.stderr, flush=True)
    return result


def itself(step, *words):
    return [sys.executable, pathlib.Path(__file__).resolve(), "--step", step, *words]


def warp(before, after, shift, out):
    """Moves the later image by its geotransform, then resamples it to the grid of the earlier."""
    grid = gdal.Open(str(before))
    left, step, _, top, _, down = grid.GetGeoTransform()
    right, bottom = left + step * grid.RasterXSize, top + down * grid.RasterYSize
    dx, dy = -shift["dx"] * step, -shift["dy"] * down
    moved = out.with_suffix(".vrt")
    gdal.Translate(str(moved), str(after), format="VRT",
                   outputBounds=[left + dx, top + dy, right + dx, bottom + dy])
    return ["gdalwarp", "-q", "-overwrite", "-r", "bilinear", "-te", left, bottom, right, top, "-ts",
            grid.RasterXSize, grid.RasterYSize, "-wm", "512", "-co", "TILED=YES", "-co", "BIGTIFF=YES",
            moved, out]


def areas_on(rows, head, layer, polygons, work):
    both, out = work / "both.gpkg", work / "areas.csv"
    shutil.copy(layer, both)
    out.unlink(missing_ok=True)
    measure(rows, head, "chain", "overlay", ["ogr2ogr", "-f", "GPKG", "-update", "-append", both, polygons,
                                             "-nln", "parcels"])
    sql = ("SELECT p.fid AS id, SUM(ST_Area(ST_Intersection(p.geom, d.geom))) AS area FROM parcels p "
           "JOIN rtree_parcels_geom b ON b.id = p.fid "
           "JOIN rtree_DLTB_geom r ON r.maxx >= b.minx AND r.minx <= b.maxx "
           "AND r.maxy >= b.miny AND r.miny <= b.maxy "
           "JOIN DLTB d ON d.fid = r.id GROUP BY p.fid")
    measure(rows, head, "chain", "overlay", ["ogr2ogr", "-f", "CSV", out, both, "-sql", sql])


def chain(rows, head, folder, work, more):
    before, after = (folder / f"{date}-{head['kind']}.tif" for date in ("before", "after"))
    warped, mask, sieved, polygons = (work / name for name in ("warped.tif", "mask.tif", "sieved.tif",
                                                                "polygons.gpkg"))
    shift = json.loads(measure(rows, head, "chain", "register", itself("register", before, after))[3])
    measure(rows, head, "chain", "warp", warp(before, after, shift, warped))
    measure(rows, head, "chain", "change", itself("change", before, warped, mask))
    measure(rows, head, "chain", "sieve", ["gdal_sieve.py", "-q", "-8", "-st", 10, mask, sieved])
    measure(rows, head, "chain", "polygonize", ["gdal_polygonize.py", "-q", "-8", sieved, "-mask", sieved,
                                                "-f", "GPKG", polygons, "parcels"])
    for layer in ("landuse.gpkg", "pbf.gpkg"):
        areas_on(rows, head, folder / layer, polygons, work)
    if more:
        if shutil.which("otbcli_MultivariateAlterationDetector"):
            measure(rows, head, "more", "OTB MAD", ["otbcli_MultivariateAlterationDetector", "-in1", before,
                                                    "-in2", warped, "-out", work / "mad.tif", "float"])
        result = measure(rows, head, "more", IRMAD, itself("irmad", before, warped))
        print(f"  numpy IR-MAD: {result[3].strip()}", file=sys.stderr)


def own(rows, head, it, folder, work):
    out = work / "own"
    measure(rows, head, "tuban", "whole job", [it.program, "run", folder / f"job-{head['kind']}.yaml", "--out",
                                               out, "--threads", "1", "--quiet"])
    stages = json.loads((out / "run.json").read_text())["stages"]
    for stage in speed.STAGES:
        rows.append({**head, "who": "tuban", "step": stage,
                     "cpu_s": round(stages.get(stage, {}).get("cpu_seconds", 0.0), 3), "peak_mb": ""})


def total(rows, kind, number, who, steps):
    return sum(r["cpu_s"] for r in rows if (r["kind"], r["round"], r["who"]) == (kind, number, who) and
               r["step"] in steps)


def table(rows, kinds, rounds):
    lines = ["| step, CPU s | " + " | ".join(speed.KINDS[k] for k in kinds) + " |", "|---|" + "---|" * len(kinds)]

    def line(name, who, steps):
        found = [[total(rows, k, n, who, steps) for n in range(rounds)] for k in kinds]
        cells = [f"{min(filter(None, of)):.2f}" if any(of) else "" for of in found]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for step in STEPS:
        line(step, "chain", [step])
    line("the chain", "chain", STEPS)
    line("`tuban run`", "tuban", ["whole job"])
    ratios = [statistics.median(total(rows, k, n, "chain", STEPS) / total(rows, k, n, "tuban", ["whole job"])
                                for n in range(rounds)) for k in kinds]
    lines.append("| **the chain : `tuban run`** | " + " | ".join(f"**{r:.1f}**" for r in ratios) + " |")
    extra = dict.fromkeys(r["step"] for r in rows if r["who"] == "more")
    for step in extra:
        line(step, "more", [step])
    if IRMAD in extra:
        cost = max(r["cpu_s"] for r in rows if r["step"] == IRMAD) * rows[0]["mpx"] / 4
        cells = [f"{r + cost / total(rows, k, 0, 'tuban', ['whole job']):.1f}" for r, k in zip(ratios, kinds)]
        lines.append("| the chain and IR-MAD of all : `tuban run` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/tuban-bench"))
    parser.add_argument("--pixels", type=int, default=100)
    parser.add_argument("--kinds", default="deflate,none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--write", type=pathlib.Path)
    it = parser.parse_args()
    it.program, kinds, rows = it.program.resolve(), it.kinds.split(","), []
    os.environ.update(ENVIRONMENT)
    folder = speed_scene.make(it.folder, it.pixels, kinds)
    for number in range(it.rounds):
        for kind in kinds:
            work = it.folder / "peers"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            head = {"mpx": it.pixels, "kind": kind, "round": number}
            own(rows, head, it, folder, work)
            chain(rows, head, folder, work, it.more and number == 0 and kind == kinds[0])
            shutil.rmtree(work)
    speed.tell("peers", FIELDS, rows, it.rounds, table(rows, kinds, it.rounds), it.write)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        {"register": register, "change": change, "irmad": irmad}[sys.argv[2]](*sys.argv[3:])
    else:
        main()
