#!/usr/bin/python3
"""Two pictures of the same ground: each image of the data folder against itself with gain, offset and
2 % noise. Prints the pixels flagged per million; the bound is 50.

usage: sameness.py PROGRAM [DATA] [-- OPTIONS OF DETECT]
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from osgeo import gdal

from engine import arguments

gdal.UseExceptions()

NAMES = ("T1.tif", "T2.tif", "T1_*.tif", "T2_*.tif", "*_T1_*.tif", "*_T2_*.tif", "scene*.tif", "*naip*.tif",
         "*20*.tif")


def images(data):
    found = {p for n in NAMES for p in glob.glob(f"{data}/**/{n}", recursive=True)}
    return sorted(p for p in found if "tiff_robustness" not in p and "68dates" not in p)


def second_picture(path, target, kind, seed):
    """gain 1.15, an offset of 3 % of the range, noise of 2 %; same type, same mask."""
    source = gdal.Open(path)
    rng = np.random.default_rng(seed)
    copy = gdal.GetDriverByName("GTiff").CreateCopy(target, source)
    for b in range(1, source.RasterCount + 1):
        band = source.GetRasterBand(b)
        x = band.ReadAsArray().astype(np.float64)
        low, high = np.nanpercentile(x, [1, 99])
        sigma = 0.02 * (np.abs(x) if kind == "of value" else (high - low))
        y = 1.15 * x + 0.03 * (high - low) + rng.standard_normal(x.shape) * sigma
        kept = band.GetNoDataValue()
        if kept is not None:
            y = np.where(x == kept, kept, np.where(np.rint(y) == kept, kept + 1, y))
        if band.DataType in (gdal.GDT_Byte, gdal.GDT_UInt16, gdal.GDT_Int16):
            limits = np.iinfo(gdal.GetDataTypeName(band.DataType).lower().replace("byte", "uint8"))
            y = np.clip(np.rint(y), limits.min, limits.max)
        copy.GetRasterBand(b).WriteArray(y)
    copy = None


def main():
    program, data, more, _ = arguments()
    paths = images(data)
    if not paths:
        sys.exit(f"no images in {data}: skipped")
    worst = 0.0
    for path in paths:
        for kind in ("of value", "of range"):
            with tempfile.TemporaryDirectory() as folder:
                second_picture(path, f"{folder}/second.tif", kind, 7)
                run = subprocess.run([program, "detect", path, f"{folder}/second.tif", "--out",
                                      f"{folder}/out", "--json", "--quiet", *more],
                                     capture_output=True, text=True)
                if run.returncode:
                    print(f"{os.path.relpath(path, data):50} noise {kind}: {run.stderr.strip()}")
                    worst = 1e6
                    continue
                found = json.loads(run.stdout)
            ppm = 1e6 * (found["flagged"] or 0)
            worst = max(worst, ppm)
            if ppm > 0 or "-v" in sys.argv:
                print(f"{os.path.relpath(path, data):50} noise {kind} {ppm:9.1f} ppm  {found['reason']}")
    print(f"{len(paths)} images, worst {worst:.1f} ppm")
    return worst > 50


sys.exit(main())
