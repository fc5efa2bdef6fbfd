#!/usr/bin/python3
"""Accuracy on every labelled pair of the data folder: each method of `tuban detect`, plain CVA + Otsu, and Orfeo
ToolBox's MAD + Otsu where it is installed; with --write also what is flagged where nothing changed and where only
seasons did, as the tables of a page.

usage: accuracy.py PROGRAM [DATA] [--write docs/accuracy.md] [-- OPTIONS OF DETECT]
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import numpy
from osgeo import gdal

from engine import arguments, call, detect, scored

gdal.UseExceptions()
GROUPS = (  # title, folders, prior, methods
    ("Sentinel-2 cities, 10 m (OSCD)", "oscd_*", "rare", ("composite", "cva")),
    ("Landsat, 30 m (Taizhou)", "landsat_*", "common", ("composite", "cva")),
    ("radar", "sar_*", "rare", ("logratio", "omnibus")),
    ("farmland to construction, 0.5-2 m (DSIFN)", "dsifn_samples/*", "common", ("composite", "cva")),
    ("fine optical (Beijing A)", "optical_*", "common", ("composite", "cva")),
)
FIGURES = ("f1", "best_f1", "ap", "auc", "kappa", "object_recall", "object_precision")
OTB = "otbcli_MultivariateAlterationDetector"


def both(folder):
    """Both dates as arrays on the earlier one's grid."""
    before, after = gdal.Open(f"{folder}/T1.tif"), gdal.Open(f"{folder}/T2.tif")
    if (after.RasterXSize, after.RasterYSize) != (before.RasterXSize, before.RasterYSize):
        t = before.GetGeoTransform()
        after = gdal.Warp("", after, format="MEM", width=before.RasterXSize, height=before.RasterYSize, outputBounds=(
            t[0], t[3] + t[5] * before.RasterYSize, t[0] + t[1] * before.RasterXSize, t[3]))
    return [numpy.atleast_3d(numpy.moveaxis(d.ReadAsArray().reshape(-1, d.RasterYSize, d.RasterXSize), 0, -1))
            .astype(numpy.float64) for d in (before, after)]


def otsu(score):
    count, edge = numpy.histogram(score, 256)
    middle = (edge[1:] + edge[:-1]) / 2
    weight, total = numpy.cumsum(count), numpy.cumsum(count * middle)
    with numpy.errstate(all="ignore"):
        between = (total[-1] * weight / weight[-1] - total) ** 2 / (weight * (weight[-1] - weight))
    return middle[numpy.nanargmax(between[:-1])]


def write(path, array, kind, like):
    target = gdal.GetDriverByName("GTiff").Create(path, array.shape[1], array.shape[0], 1, kind)
    target.SetGeoTransform(like.GetGeoTransform())
    target.SetProjection(like.GetProjection())
    target.GetRasterBand(1).WriteArray(array)


def cut(folder, out, score):
    os.makedirs(out, exist_ok=True)
    like = gdal.Open(f"{folder}/T1.tif")
    write(f"{out}/score.tif", score, gdal.GDT_Float32, like)
    write(f"{out}/change.tif", (score >= otsu(score)).astype(numpy.uint8), gdal.GDT_Byte, like)


def plain(folder, out):
    before, after = both(folder)
    cut(folder, out, numpy.sqrt(((before - after) ** 2).sum(axis=2)))


def otb_mad(folder, out):
    """The root of the sum of squared variates, each over its standard deviation."""
    before, after = both(folder)
    os.makedirs(out, exist_ok=True)
    for name, array in (("b", before), ("a", after)):
        target = gdal.GetDriverByName("GTiff").Create(f"{out}/{name}.tif", *array.shape[1::-1], array.shape[2],
                                                      gdal.GDT_Float32)
        for band in range(array.shape[2]):
            target.GetRasterBand(band + 1).WriteArray(array[:, :, band])
        target = None
    call(OTB, "-in1", f"{out}/b.tif", "-in2", f"{out}/a.tif", "-out", f"{out}/mad.tif", "float")
    mad = gdal.Open(f"{out}/mad.tif").ReadAsArray().reshape(-1, *before.shape[:2])
    cut(folder, out, numpy.sqrt((mad ** 2 / numpy.maximum(mad.var(axis=(1, 2)), 1e-12)[:, None, None]).sum(axis=0)))


def ours(program, method, prior, more):
    def make(folder, out):
        detect(program, folder, out, "--method", method, "--prior", prior, *more)
    return make


def figures(program, folder, make):
    with tempfile.TemporaryDirectory() as out:
        make(folder, f"{out}/x")
        found = scored(program, folder, f"{out}/x")
    return [found[k] if found[k] is not None else float("nan") for k in FIGURES]


def rows(title, values):
    return f"| {title} | " + " | ".join(f"{v:.3f}".lstrip("0") for v in values) + " |"


def tables(program, data, more):
    head = "| " + " | ".join(("F1", "best F1", "AP", "AUC", "kappa", "objects found", "objects right")) + " |"
    for title, pattern, prior, methods in GROUPS:
        folders = sorted(os.path.dirname(p) for p in glob.glob(f"{data}/{pattern}/label.tif"))
        if not folders:
            continue
        yield f"\n### {title}, `--prior {prior}`\n\n| {head}\n|---|" + "---|" * len(FIGURES)
        makers = [(m, ours(program, m, prior, more)) for m in methods] + [("plain CVA + Otsu", plain)]
        if shutil.which(OTB):
            makers.append(("Orfeo ToolBox MAD + Otsu", otb_mad))
        for n, (name, make) in enumerate(makers):
            found = []
            for folder in folders:
                try:
                    found.append(figures(program, folder, make))
                except RuntimeError as error:
                    print(error, file=sys.stderr)
                    continue
                if n == 0:
                    yield rows(os.path.relpath(folder, data), found[-1])
            if found:
                of = "" if len(found) == len(folders) else f" ({len(found)} of {len(folders)} ran)"
                yield rows(f"**{name}**, mean of {len(folders)}{of}", numpy.mean(found, axis=0))


def sibling(name, program, data):
    run = subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), name), program, data],
                         capture_output=True, text=True)
    return f"\n### `benchmarks/{name}`\n\n```\n{(run.stdout + run.stderr).strip()}\n```"


def main():
    program, data, more, given = arguments("--write")
    lines = []
    for line in tables(program, data, more):
        print(line, flush=True)
        lines.append(line)
    if not lines:
        sys.exit(f"no labelled pairs in {data}: skipped")
    if given["--write"]:
        lines += [sibling(name, program, data) for name in ("sameness.py", "seasons.py", "fields.py")]
        with open(given["--write"], encoding="utf-8") as file:
            page = file.read()
        page = re.sub(r"(<!-- tables -->\n).*?(<!-- end -->)", lambda m: m[1] + "\n".join(lines).lstrip() + "\n" + m[2], page, flags=re.S)
        with open(given["--write"], "w", encoding="utf-8") as file:
            file.write(page)


main()
