#!/usr/bin/python3
"""How well `tuban fit` finds a known shift: real images against themselves, moved by Fourier's theorem, as they
are, with noise, with clouds and with changed ground. Then what every pair of the data folder registers to.

usage: registration.py PROGRAM [DATA]
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from osgeo import gdal

gdal.UseExceptions()

MARGIN = 40
SHIFTS = ((0.3, -0.7), (0.5, 0.5), (-2.25, 1.6), (7.4, -12.2), (-18.5, -9.3), (30.0, -21.5), (-29.6, 17.3))
IMAGES = ("landsat_taizhou/T1", "landsat7_juelich_2001/T1_LS20010525", "oscd_beihai/T1", "oscd_mumbai/T2",
          "oscd_nantes/T1", "oscd_abudhabi/T1", "naip_northdakota_series/m_4709963_se_14_1_20160816",
          "optical_beijing_A/T1", "sentinel2_slovenia_lulc/scene3_2015-08-30")
CASES = ("clean", "noise", "cloud masked", "cloud unmasked", "changed", "all masked", "all unmasked")
PAIRS = (("oscd_beihai/T1", "oscd_beihai/T2"), ("oscd_abudhabi/T1", "oscd_abudhabi/T2"),
         ("oscd_aguasclaras/T1", "oscd_aguasclaras/T2"), ("oscd_mumbai/T1", "oscd_mumbai/T2"),
         ("oscd_nantes/T1", "oscd_nantes/T2"), ("oscd_rennes/T1", "oscd_rennes/T2"),
         ("landsat_taizhou/T1", "landsat_taizhou/T2"),
         ("landsat7_juelich_2001/T1_LS20010525", "landsat7_juelich_2001/T2_LS20010626"),
         ("naip_northdakota_series/m_4709963_se_14_1_20090818", "naip_northdakota_series/m_4709963_se_14_1_20160816"),
         ("naip_northdakota_series/m_4709963_se_14_1_20160816", "naip_northdakota_series/m_4709963_se_14_1_20170827"),
         ("naip_northdakota_series/m_4709963_se_14_1_20170827", "naip_northdakota_series/m_4709963_se_14_1_20190904"),
         ("sentinel2_slovenia_lulc/scene0_2015-08-20", "sentinel2_slovenia_lulc/scene1_2015-07-31"),
         ("sentinel2_slovenia_lulc/scene1_2015-07-31", "sentinel2_slovenia_lulc/scene2_2015-09-09"),
         ("sentinel2_slovenia_lulc/scene3_2015-08-30", "sentinel2_slovenia_lulc/scene4_2015-07-11"),
         ("celik_1986_1992/burn_T1_1986", "celik_1986_1992/burn_T2_1992"),
         ("celik_1986_1992/conifer_T1_1986", "celik_1986_1992/conifer_T2_1992"),
         ("celik_1986_1992/forest_T1_1986", "celik_1986_1992/forest_T2_1992"),
         ("optical_beijing_A/T1", "optical_beijing_A/T2"),
         *((f"dsifn_samples/{n}/T1", f"dsifn_samples/{n}/T2") for n in ("0_2", "1_1", "2_4", "3_4", "4_4")),
         *((f"sar_{n}/T1", f"sar_{n}/T2") for n in ("ottawa", "bern", "sanfrancisco", "yellowriver_D")))


def read(path):
    data = gdal.Open(path).ReadAsArray().astype(np.float64)
    return data if data.ndim == 3 else data[None]


def write(path, planes, nodata):
    file = gdal.GetDriverByName("GTiff").Create(path, planes.shape[2], planes.shape[1], planes.shape[0],
                                                gdal.GDT_Float32)
    for b, plane in enumerate(planes, 1):
        file.GetRasterBand(b).WriteArray(plane)
        file.GetRasterBand(b).SetNoDataValue(nodata)


def moved(planes, dx, dy):
    """The same ground seen so that moved(x + dx, y + dy) = planes(x, y), exact for what is below Nyquist."""
    padded = np.pad(planes, ((0, 0), (0, planes.shape[1]), (0, planes.shape[2])), "symmetric")
    fy = np.fft.fftfreq(padded.shape[1])[:, None]
    fx = np.fft.rfftfreq(padded.shape[2])[None, :]
    turned = np.fft.rfft2(padded) * np.exp(-2j * np.pi * (fx * dx + fy * dy))
    return np.fft.irfft2(turned, padded.shape[1:])[:, :planes.shape[1], :planes.shape[2]]


def blobs(shape, share, rng):
    """Discs until they cover the share."""
    covered = np.zeros(shape, bool)
    y, x = np.ogrid[:shape[0], :shape[1]]
    while covered.mean() < share:
        radius = rng.uniform(0.02, 0.09) * min(shape)
        covered |= (x - rng.uniform(0, shape[1])) ** 2 + (y - rng.uniform(0, shape[0])) ** 2 < radius ** 2
    return covered


def changed(planes, share, rng):
    """Rectangles of a roof's brightness, with edges of their own."""
    done = np.zeros(planes.shape[1:], bool)
    high = np.percentile(planes, 98, axis=(1, 2))
    while done.mean() < share:
        h, w = rng.integers(6, 40, 2)
        y, x = rng.integers(0, done.shape[0] - 6), rng.integers(0, done.shape[1] - 6)
        planes[:, y:y + h, x:x + w] = (high * rng.uniform(0.5, 1.3))[:, None, None]
        done[y:y + h, x:x + w] = True


def prepare(whole, shift, case, rng):
    """Before and after of a case. Noise is 5 grey levels of 256 between the 1 and 99 % quantiles."""
    inner = (slice(None), slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    before, after = whole[inner].copy(), moved(whole, *shift)[inner].copy()
    span = np.percentile(whole, 99, axis=(1, 2)) - np.percentile(whole, 1, axis=(1, 2))
    if "changed" in case or "all" in case:
        changed(after, 0.05, rng)
    if "noise" in case or "all" in case:
        before += rng.standard_normal(before.shape) * (span * 5 / 256)[:, None, None]
        after = after * 1.1 + rng.standard_normal(after.shape) * (span * 5 / 256)[:, None, None]
    if "cloud" in case or "all" in case:
        for image in (before, after):
            cloud = blobs(image.shape[1:], 0.163, rng)  # 30 % of the two together
            if "unmasked" in case:
                image[:, cloud] = (np.percentile(whole, 99.5, axis=(1, 2)) * 1.3)[:, None] + \
                    rng.standard_normal((image.shape[0], cloud.sum())) * (span * 3 / 256)[:, None]
            else:
                image[:, cloud] = -9999.0
    return before, after


def fit(program, before, after):
    """The registration, or the first line of the error."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([program, "fit", before, after, "--out", f"{folder}/model.yaml", "--quiet", "--json"],
                             capture_output=True, text=True)
    return run.stderr.strip() if run.returncode else json.loads(run.stdout)["registration"]


def known_shifts(program, data):
    print("Known shifts: the worst error over the shifts, px (x: not applied)")
    print(f"{'image':44}" + "".join(f"{c:>16}" for c in CASES))
    for name in IMAGES:
        if not os.path.exists(f"{data}/{name}.tif"):
            print(f"{name}: SKIPPED, not in {data}")
            continue
        whole = read(f"{data}/{name}.tif")
        shifts = SHIFTS if min(whole.shape[1:]) >= 300 else SHIFTS[:3]
        if min(whole.shape[1:]) < 300:
            whole = np.pad(whole, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)), "symmetric")
        row = f"{name:44}"
        for case in CASES:
            worst, lost = 0.0, 0
            for i, shift in enumerate(shifts):
                with tempfile.TemporaryDirectory() as folder:
                    before, after = prepare(whole, shift, case, np.random.default_rng(i))
                    write(f"{folder}/before.tif", before, -9999.0)
                    write(f"{folder}/after.tif", after, -9999.0)
                    found = fit(program, f"{folder}/before.tif", f"{folder}/after.tif")
                if isinstance(found, str) or not found["applied"]:
                    lost += 1
                    continue
                worst = max(worst, np.hypot(found["dx"] - shift[0], found["dy"] - shift[1]))
            row += f"{worst:>13.4f}" + (f" x{lost}" if lost else "   ")
        print(row, flush=True)


def real_pairs(program, data):
    print("\nPairs: shift, what stays, windows, correlation of the gradients before and after")
    for before, after in PAIRS:
        if not os.path.exists(f"{data}/{before}.tif"):
            print(f"{before}: SKIPPED, not in {data}")
            continue
        r = fit(program, f"{data}/{before}.tif", f"{data}/{after}.tif")
        if isinstance(r, str):
            print(f"{before:52} {r}")
            continue
        print(f"{before:52} {'*' if r['applied'] else ' '}{r['dx']:7.3f} {r['dy']:7.3f}  {r['residual_px']:.3f} "
              f"{r['accepted']:4}/{r['windows']:<4} {r['correlation_before']:.4f} {r['correlation_after']:.4f}"
              + (f" field of {r['field']['step']} px: held out {r['field']['held_out']}, correlation "
                 f"{r['field']['correlation']}" if r["field"] else "") + f"  {r['reason']}", flush=True)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    program = os.path.abspath(sys.argv[1])
    data = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("TUBAN_DATA", f"{here}/../../shared/data")
    if not os.path.isdir(data):
        sys.exit(f"no data at {data}: skipped")
    known_shifts(program, data)
    real_pairs(program, data)


if __name__ == "__main__":
    main()
