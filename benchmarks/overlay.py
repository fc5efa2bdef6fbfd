"""Parcels over a land survey: tuban overlay beside ogr2ogr's SQL and PostGIS.

    overlay.py TUBAN [--parcels 25000] [--polygons 50000,500000] [--formats GPKG,FlatGeobuf]
               [--folder DIR] [--peers]

Makes made-up layers of the wanted sizes in DIR (kept there and used again): DLTB polygons that tile
a county as a jittered grid with some 40 vertices each, and parcels of 20 vertices, most of the size
of a polygon, at random places. For every layer it prints CPU seconds, seconds and peak memory of
`tuban overlay`, and of ogr2ogr's SQL (ST_Intersection of SpatiaLite over the spatial index, planar)
and of PostGIS where psql reaches a server by itself (PGHOST and PGDATABASE), with their sums of
areas. Ratios within one run are what counts.
"""

import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
from osgeo import gdal, ogr, osr

gdal.UseExceptions()
SIDE = 80.0  # metres of a polygon
EAST, NORTH = 40500000.0, 4000000.0


def edges(side, step, rng):
    """Corners of a jittered grid, and the bends of the edges between them."""
    y, x = np.mgrid[0:side + 1, 0:side + 1].astype(float)
    jitter = rng.uniform(-0.3, 0.3, (2, side + 1, side + 1))
    return (x + jitter[0]) * step, (y + jitter[1]) * step


def bend(a, b, count, sway, rng):
    """Points from each of a to each of b, without b, that wind a little: n x count x 2."""
    t = (np.arange(count) / count)[:, None]
    points = a[:, None] + (b - a)[:, None] * t
    points[:, 1:] += rng.normal(0, sway, (len(a), count - 1, 2))
    return points


def reference():
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(4528)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return srs


def create(path, driver, name, kind, field):
    partial = path.with_name("part-" + path.name)
    partial.unlink(missing_ok=True)
    source = ogr.GetDriverByName(driver).CreateDataSource(str(partial))
    layer = source.CreateLayer(name, reference(), ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn(field, ogr.OFTString))
    return partial, source, layer


def add(layer, points, field, value):
    ring = np.vstack([points, points[:1]])
    head = b"\x01" + np.array([3, 1, len(ring)], "<u4").tobytes()
    feature = ogr.Feature(layer.GetLayerDefn())
    feature[field] = value
    feature.SetGeometry(ogr.CreateGeometryFromWkb(head + ring.astype("<f8").tobytes()))
    layer.CreateFeature(feature)


def make_survey(path, driver, count, extent=None, seed=7):
    """`count` polygons that tile a square of `extent` metres; each of SIDE metres without one."""
    side = int(round(count ** 0.5))
    step = extent / side if extent else SIDE
    rng = np.random.default_rng(seed)
    corner = np.stack(edges(side, step, rng), axis=2)
    partial, source, layer = create(path, driver, "DLTB", ogr.wkbPolygon, "DLBM")
    if driver == "GPKG":
        layer.StartTransaction()
    below = bend(corner[0, :-1], corner[0, 1:], 10, step / 100, rng)
    for i in range(side):
        upright = bend(corner[i], corner[i + 1], 10, step / 100, rng)
        above = bend(corner[i + 1, :-1], corner[i + 1, 1:], 10, step / 100, rng)
        back = np.concatenate([corner[i + 1, 1:, None], above[:, :0:-1]], axis=1)
        down = np.concatenate([corner[i + 1, :-1, None], upright[:-1, :0:-1]], axis=1)
        for ring in np.concatenate([below, upright[1:], back, down], axis=1) + [EAST, NORTH]:
            add(layer, ring, "DLBM", "0101")
        below = above
    if driver == "GPKG":
        layer.CommitTransaction()
    layer = source = None
    os.rename(partial, path)


def make_parcels(path, count, survey_count):
    rng = np.random.default_rng(11)
    width = (int(round(survey_count ** 0.5)) - 2) * SIDE
    partial, source, layer = create(path, "GPKG", "parcels", ogr.wkbPolygon, "ID")
    layer.StartTransaction()
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    for number in range(count):
        radius = 30 * rng.lognormal(0, 0.4) * (1 + 0.15 * rng.normal(size=20))
        middle = rng.uniform(SIDE, width, 2)
        ring = middle + np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
        add(layer, ring + [EAST, NORTH], "ID", str(number))
    layer.CommitTransaction()
    layer = source = None
    os.rename(partial, path)


def timed(command, **kwargs):
    """Seconds, CPU seconds and peak MB of a command, and its output."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **kwargs) as child:
        start = time.time()
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        return None
    return time.time() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def tell(name, result, area=None):
    if result is None:
        print(f"  {name:<10} not available")
        return
    print(f"  {name:<10} {result[1]:8.1f} CPU s {result[0]:8.1f} s {result[2]:7.0f} MB"
          + (f"  {area:.0f} m2" if area is not None else ""), flush=True)


def with_ogr2ogr(survey, parcels, folder):
    """SpatiaLite's SQL in a GeoPackage: both layers in one file, joined over the R-tree."""
    both = folder / "both.gpkg"
    both.unlink(missing_ok=True)
    for source, name in ((survey, "DLTB"), (parcels, "parcels")):
        subprocess.run(["ogr2ogr", "-f", "GPKG", "-update", "-append", both, source, "-nln", name],
                       check=True)
    sql = ("SELECT p.ID AS id, SUM(ST_Area(ST_Intersection(p.geom, d.geom))) AS area FROM parcels p "
           "JOIN rtree_parcels_geom b ON b.id = p.fid "
           "JOIN rtree_DLTB_geom r ON r.maxx >= b.minx AND r.minx <= b.maxx "
           "AND r.maxy >= b.miny AND r.miny <= b.maxy "
           "JOIN DLTB d ON d.fid = r.id GROUP BY p.ID")
    out = folder / "joined.csv"
    out.unlink(missing_ok=True)
    result = timed(["ogr2ogr", "-f", "CSV", out, both, "-sql", sql], stderr=subprocess.DEVNULL)
    area = None
    if result is not None:
        area = sum(float(line.rsplit(",", 1)[1].strip('"')) for line in
                   out.read_text().splitlines()[1:] if line.rsplit(",", 1)[1].strip('"'))
    both.unlink()
    return result, area


def with_postgis(survey, parcels):
    if "PGDATABASE" not in os.environ:
        return None, None
    for source, name in ((survey, "dltb"), (parcels, "parcels")):
        subprocess.run(["ogr2ogr", "-f", "PostgreSQL", "PG:", source, "-nln", name, "-overwrite",
                        "--config", "PG_USE_COPY", "YES", "-lco", "GEOMETRY_NAME=geom"], check=True)
    used = "\\! cut -d' ' -f14-15 /proc/$BACKEND/stat\n"  # ticks of CPU, where the server is this machine's
    script = ("SELECT pg_backend_pid() AS pid \\gset\n\\setenv BACKEND :pid\n"
              "ANALYZE; SET max_parallel_workers_per_gather = 0;\n" + used +
              "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "
              "SELECT p.id, SUM(ST_Area(ST_Intersection(p.geom, d.geom))) "
              "FROM parcels p JOIN dltb d ON ST_Intersects(p.geom, d.geom) GROUP BY p.id;\n" + used)
    done = subprocess.run(["psql", "-XqAt"], input=script, capture_output=True, text=True, check=True)
    text, start, end = done.stdout, done.stdout.index("["), done.stdout.rindex("]") + 1
    seconds = json.loads(text[start:end])[0]["Execution Time"] / 1000
    ticks = [sum(map(int, part.split())) for part in (text[:start], text[end:])]
    if not all(ticks):
        return (math.nan, seconds, math.nan, ""), None
    return ((ticks[1] - ticks[0]) / os.sysconf("SC_CLK_TCK"), seconds, math.nan, ""), None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tuban")
    parser.add_argument("--parcels", type=int, default=25000)
    parser.add_argument("--polygons", default="50000,500000")
    parser.add_argument("--formats", default="GPKG,FlatGeobuf")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/tuban-overlay"))
    parser.add_argument("--peers", action="store_true")
    it = parser.parse_args()
    it.folder.mkdir(parents=True, exist_ok=True)
    for count in map(int, it.polygons.split(",")):
        parcels = it.folder / f"parcels-{it.parcels}-{count}.gpkg"
        if not parcels.exists():
            make_parcels(parcels, it.parcels, count)
        for driver in it.formats.split(","):
            survey = it.folder / f"dltb-{count}.{'gpkg' if driver == 'GPKG' else 'fgb'}"
            if not survey.exists():
                if driver == "GPKG":
                    make_survey(survey, driver, count)
                else:
                    gdal.VectorTranslate(str(survey), str(it.folder / f"dltb-{count}.gpkg"),
                                         format=driver)
            print(f"{it.parcels} parcels, {count} polygons, {driver}")
            own = timed([it.tuban, "overlay", parcels, survey, "--json", "--quiet"])
            area = own and sum(row["area_m2"] for row in json.loads(own[3])["rows"])
            tell("tuban", own, area)
            if it.peers and driver == "GPKG":
                peer, area = with_ogr2ogr(survey, parcels, it.folder)
                tell("ogr2ogr", peer, area)
                if own and peer:
                    print(f"  ratio      {peer[1] / own[1]:8.1f}")
                tell("PostGIS", with_postgis(survey, parcels)[0])


if __name__ == "__main__":
    sys.exit(main())
