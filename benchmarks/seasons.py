#!/usr/bin/python3
"""Farmland where seasons changed and hardly anything was built: what is flagged there, and whether
constructions planted into it are found and rank above it.

usage: seasons.py PROGRAM [DATA] [-- OPTIONS OF SYNTH]

For each real pair (Juelich May/June, NAIP years, Slovenia) and method: false parcels and false km2 per
1,000 km2 of what was observed. For the default method with constructions planted (`tuban synth --base`, two
seeds): found by size, and the area under the curve of CONF, planted against the rest.
"""
import json
import os
import sys
import tempfile

import numpy
from osgeo import gdal, ogr

from engine import arguments, call

gdal.UseExceptions()
ogr.UseExceptions()
NAIP = "naip_northdakota_series/m_4709963_se_14_1_{}.tif"
SLOVENIA = "sentinel2_slovenia_lulc/scene{}.tif"
PAIRS = {
    "juelich 2001-05/06": ["landsat7_juelich_2001/T1_LS20010525.tif", "landsat7_juelich_2001/T2_LS20010626.tif"],
    "naip 2009/2016": [NAIP.format(20090818), NAIP.format(20160816)],
    "naip 2016/2017": [NAIP.format(20160816), NAIP.format(20170827)],
    "naip 2017/2019": [NAIP.format(20170827), NAIP.format(20190904)],
    "slovenia 07-11/07-31": [SLOVENIA.format("4_2015-07-11"), SLOVENIA.format("1_2015-07-31")],
    "slovenia 08-30/09-09": [SLOVENIA.format("3_2015-08-30"), SLOVENIA.format("2_2015-09-09")],
}
SIZES = (0, 10, 20, 50, 200, 10 ** 9)  # of a planted construction, pixels


def parcels(program, before, after, folder, method):
    """Rows (fields, geometry in degrees) of a job over two images, and the km2 that were observed."""
    job = os.path.join(folder, "job.yaml")
    with open(job, "w", encoding="utf-8") as file:
        file.write(f"pairs:\n  - before: {{image: {before}}}\n    after: {{image: {after}}}\n"
                   f"detect: {{method: {method}, prior: rare}}\n")
    call(program, "run", job, "--out", f"{folder}/{method}", "--quiet")
    data = gdal.OpenEx(f"{folder}/{method}/parcels.gpkg", gdal.OF_VECTOR)
    rows = [(f.items(), f.GetGeometryRef().Clone()) for f in data.GetLayerByName("parcels")]
    image = gdal.Open(before)
    place = image.GetGeoTransform()
    with open(f"{folder}/{method}/summary.json", encoding="utf-8") as file:
        summary = json.load(file)
    pixels = sum(pair["observed"] for pair in summary["pairs"])
    return rows, pixels * abs(place[1] * place[5]) / 1e6


def planted(program, before, after, folder, seed, options):
    """For each planted construction (pixels, whether found); of parcels their CONF and whether planted."""
    base = f"{folder}/planted{seed}"
    call(program, "synth", "--out", base, "--base", before, after, "--seed", str(seed), "--quiet", *options)
    rows, _ = parcels(program, f"{base}/t1.tif", f"{base}/t2.tif", base, "auto")
    data = gdal.OpenEx(f"{base}/truth.gpkg", gdal.OF_VECTOR)
    layer = data.GetLayer(0)
    to = layer.GetSpatialRef()
    truth = [(f["PIXELS"], f.GetGeometryRef().Clone()) for f in layer if f["HIDDEN"] < 2]
    for _, shape in rows:
        shape.TransformTo(to)
    found = [(size, any(shape.Intersects(site) for _, shape in rows)) for size, site in truth]
    ranked = [(row["CONF"],
               any(shape.Intersects(site) for _, site in truth)) for row, shape in rows]
    return found, ranked


def area_under_curve(ranked):
    right = numpy.array([c for c, is_right in ranked if is_right])
    wrong = numpy.array([c for c, is_right in ranked if not is_right])
    if not len(right) or not len(wrong):
        return float("nan")
    return float(numpy.mean([(c > wrong).mean() + (c == wrong).mean() / 2 for c in right]))


def main():
    program, data, options, _ = arguments()
    pairs = {name: [f"{data}/{file}" for file in files] for name, files in PAIRS.items()}
    pairs = {name: files for name, files in pairs.items() if all(os.path.exists(f) for f in files)}
    if not pairs:
        sys.exit(f"no pairs in {data}: skipped")
    print(f"{'pair':22} {'km2':>7}  false parcels, km2 per 1,000 km2: auto, cva   planted: AUC of CONF, found by pixels")
    sums = {"auto": [0, 0, 0], "cva": [0, 0, 0]}
    by_place = {}
    for name, (before, after) in pairs.items():
        with tempfile.TemporaryDirectory() as folder:
            text, found, ranked = "", [], []
            for method in sums:
                rows, km2 = parcels(program, before, after, folder, method)
                area = sum(row["JCMJ"] for row, _ in rows) / 1e6
                text += f"  {1000 * len(rows) / km2:8.0f} {1000 * area / km2:7.1f}"
                sums[method] = [a + b for a, b in zip(sums[method], (len(rows), area, km2))]
            for seed in (1, 2):
                more = planted(program, before, after, folder, seed, options)
                found += more[0]
                ranked += more[1]
            by_place[name.split()[0]] = by_place.get(name.split()[0], []) + ranked
            by_size = []
            for least, most in zip(SIZES, SIZES[1:]):
                of = [is_found for pixels, is_found in found if least <= pixels < most]
                by_size.append(f"{least}+: {sum(of)}/{len(of)}")
            print(f"{name:22} {km2:7.1f}{text}   {area_under_curve(ranked):.3f}  {'  '.join(by_size)}", flush=True)
    for method, (count, area, km2) in sums.items():
        print(f"all, {method:6} {1000 * count / km2:8.0f} parcels, {1000 * area / km2:7.2f} km2 per 1,000 km2")
    for place, ranked in by_place.items():
        print(f"AUC of CONF, {place}: {area_under_curve(ranked):.3f} over {len(ranked)} parcels, "
              f"{sum(is_right for _, is_right in ranked)} of them planted")


main()
