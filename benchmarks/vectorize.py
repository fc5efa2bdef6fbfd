"""`tuban vectorize` on two masks of 10,000 x 10,000 pixels, beside GDAL's sieve and polygonizer.

    vectorize.py PROGRAM [--folder DIR] [--rounds 3] [--side 10000] [--write PAGE] [--no-peers]

dense    each pixel changed with a chance of 40 %: a maze of components, 10 million polygons
specks   300,000 rectangles of 1 to 4 pixels a side, none touching another

as GeoTIFFs of one byte a pixel, tiled, uncompressed and DEFLATE, made in DIR where they are missing.
CPU seconds (user and system) of whole processes, files cached, one thread, rounds in turn, into a
GeoPackage with its spatial index. The peers vectorise the specks alone: gdal_sieve.py and
gdal_polygonize.py, with the mask as their mask so that no background is written; into a GeoPackage,
and into FlatGeobuf, the fastest they have. Lowest of the rounds; the ratio is the median of the
rounds'. Writes results/vectorize-COMMIT.csv and prints a table; --write puts it into a page between
its marks.
"""
import argparse
import os
import pathlib
import statistics
import sys

import numpy as np
from osgeo import gdal, osr

import speed

gdal.UseExceptions()

SPECKS, SIEVE = 300_000, 10
KINDS = {"none": [], "deflate": ["COMPRESS=DEFLATE"]}
PEER_ENV = {"GDAL_CACHEMAX": "2048", "OGR_SQLITE_SYNCHRONOUS": "OFF"}
SUFFIXES = {"GPKG": "gpkg", "FlatGeobuf": "fgb"}
FIELDS = ["commit", "machine", "mask", "kind", "what", "round", "cpu_s", "peak_mb", "out_mb"]


def dense(side):
    rng = np.random.default_rng(1)
    return (rng.random((side, side), dtype=np.float32) < 0.4).astype(np.uint8)


def specks(side):
    """One rectangle a cell, so that none touches another."""
    rng = np.random.default_rng(2)
    count = int(SPECKS * (side / 10_000) ** 2)
    across = int(np.ceil(np.sqrt(count)))
    cell = side // across
    mask = np.zeros((side, side), np.uint8)
    places = np.arange(count)
    rows = places // across * cell + rng.integers(0, cell - 5, count)
    columns = places % across * cell + rng.integers(0, cell - 5, count)
    for y, x, h, w in zip(rows, columns, rng.integers(1, 5, count), rng.integers(1, 5, count)):
        mask[y:y + h, x:x + w] = 1
    return mask


def make(folder, side):
    folder.mkdir(parents=True, exist_ok=True)
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32650)
    for name, draw in (("dense", dense), ("specks", specks)):
        wanted = {k: folder / f"{name}-{side}-{k}.tif" for k in KINDS}
        if all(path.exists() for path in wanted.values()):
            continue
        mask = draw(side)
        for kind, path in wanted.items():
            part = path.with_suffix(".part")
            image = gdal.GetDriverByName("GTiff").Create(str(part), side, side, 1, gdal.GDT_Byte,
                                                         ["TILED=YES", *KINDS[kind]])
            image.SetGeoTransform([500000, 2, 0, 4000000, 0, -2])
            image.SetProjection(srs.ExportToWkt())
            image.GetRasterBand(1).WriteArray(mask)
            image = None
            os.rename(part, path)


def remove(*paths):
    for path in paths:
        path.unlink(missing_ok=True)


def tuban(it, mask, folder, *options):
    out = folder / "out.gpkg"
    remove(out)
    _, cpu, peak, _ = speed.measure([it.program, "vectorize", mask, "--out", out, "--quiet", *options])
    size = out.stat().st_size / 1e6
    remove(out)
    return cpu, peak, size


def peers(mask, folder, driver, sieve):
    """gdal_sieve.py, unless all is kept, and gdal_polygonize.py."""
    sieved, out = folder / "sieved.tif", folder / f"peers.{SUFFIXES[driver]}"
    remove(sieved, out)
    total, most = 0.0, 0.0
    if sieve:
        _, total, most, _ = speed.measure(["gdal_sieve.py", "-q", "-8", "-st", str(SIEVE), "-of", "GTiff",
                                           mask, sieved])
        mask = sieved
    _, cpu, peak, _ = speed.measure(["gdal_polygonize.py", "-q", "-8", mask, "-mask", mask, "-f", driver,
                                     out, "parcels"])
    size = out.stat().st_size / 1e6
    remove(sieved, out)
    return total + cpu, max(most, peak), size


def runs_of(it, folder):
    """What is measured, as (mask, kind, what, a function)."""
    for kind in KINDS:
        path = folder / f"dense-{it.side}-{kind}.tif"
        yield "dense", kind, "tuban", lambda path=path: tuban(it, path, folder)
    for kind in KINDS:
        path = folder / f"specks-{it.side}-{kind}.tif"
        for keep in (False, True):
            what = "all" if keep else f"from {SIEVE} pixels"
            least = [] if keep else ["--min-pixels", str(SIEVE)]
            yield "specks", kind, f"tuban, {what}", lambda path=path, least=least: tuban(it, path, folder,
                                                                                         *least)
            if it.no_peers or (keep and kind == "none"):
                continue
            for driver in ("GPKG", "FlatGeobuf"):
                yield "specks", kind, f"GDAL to {driver}, {what}", \
                    lambda path=path, driver=driver, keep=keep: peers(path, folder, driver, not keep)


def table(rows):
    lines = ["| mask | stored as | what | CPU s, lowest | ratio to tuban | peak MB | written MB |",
             "|---|---|---|---|---|---|---|"]
    keys = list(dict.fromkeys((r["mask"], r["kind"], r["what"]) for r in rows))
    for mask, kind, what in keys:
        of = [r for r in rows if (r["mask"], r["kind"], r["what"]) == (mask, kind, what)]
        ratio = ""
        if what.startswith("GDAL"):
            own = [r["cpu_s"] for r in rows if r["mask"] == mask and r["kind"] == kind and
                   r["what"] == "tuban," + what.split(",")[1]]
            ratio = f"{statistics.median(r['cpu_s'] / o for r, o in zip(of, own)):.1f}"
        lines.append(f"| {mask} | {speed.KINDS[kind]} | {what} | {min(r['cpu_s'] for r in of):.2f} | {ratio} | "
                     f"{max(r['peak_mb'] for r in of):.0f} | {of[0]['out_mb']:.0f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/tuban-bench/vectorize"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=10_000)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--write", type=pathlib.Path)
    it = parser.parse_args()
    it.program = it.program.resolve()
    os.environ.update(PEER_ENV)
    make(it.folder, it.side)
    rows = []
    for number in range(it.rounds):
        for mask, kind, what, measure in runs_of(it, it.folder):
            cpu, peak, size = measure()
            rows.append({"mask": mask, "kind": kind, "what": what, "round": number, "cpu_s": round(cpu, 3),
                         "peak_mb": round(peak), "out_mb": round(size, 1)})
            print(f"  {mask} {kind} {what}: {cpu:.2f} s", file=sys.stderr, flush=True)
    speed.tell("vectorize", FIELDS, rows, it.rounds, table(rows), it.write)


if __name__ == "__main__":
    main()
