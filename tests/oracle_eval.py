#!/usr/bin/python3
"""Compares `tuban eval --json` with figures worked out here: rasters, curves and samples with numpy, polygons with
shapely and PROJ's equal-area projection, all of them random.

usage: oracle_eval.py PROGRAM [ROUNDS]     exit 0 agrees, 1 does not, 77 skipped
"""
import csv
import json
import math
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import shapely.geometry
    import shapely.ops
    from osgeo import gdal, ogr, osr
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

gdal.UseExceptions()
osr.UseExceptions()
ogr.UseExceptions()


def write(path, array, kind):
    dataset = gdal.GetDriverByName("GTiff").Create(path, array.shape[1], array.shape[0], 1, kind)
    dataset.GetRasterBand(1).WriteArray(array)
    dataset = None


def components(mask):
    """8-connected labels, by letting the least number of a component flow through it."""
    rows, columns = mask.shape
    none = mask.size
    label = np.full((rows + 2, columns + 2), none)
    label[1:-1, 1:-1] = np.where(mask, np.arange(mask.size).reshape(mask.shape), none)
    while True:
        least = label.copy()
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                around = np.roll(label, (dy, dx), (0, 1))
                least = np.minimum(least, around)
        least[label == none] = none
        if (least == label).all():
            return [np.argwhere(label[1:-1, 1:-1] == k) for k in np.unique(label) if k != none]
        label = least


def share(part, whole):
    return part / whole if whole else None


def figures(truth, flagged, score, among, least):
    t, f, s = truth[among], flagged[among], score[among]
    tp, fp = int((t & f).sum()), int((~t & f).sum())
    fn, tn = int((t & ~f).sum()), int((~t & ~f).sum())
    n = tp + fp + fn + tn
    out = {
        "precision": share(tp, tp + fp),
        "recall": share(tp, tp + fn),
        "f1": share(2 * tp, 2 * tp + fp + fn),
        "iou": share(tp, tp + fp + fn),
        "flagged": share(tp + fp, n),
        "kappa": None, "auc": None, "ap": None, "best_f1": None,
    }
    if n:
        agreed = (tp + tn) / n
        chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / n**2
        out["kappa"] = (agreed - chance) / (1 - chance) if chance < 1 else None
    changed, unchanged = s[t], s[~t]
    if changed.size and unchanged.size:
        low = np.searchsorted(np.sort(unchanged), changed, "left")
        high = np.searchsorted(np.sort(unchanged), changed, "right")
        out["auc"] = float((low + high).sum() / 2 / (changed.size * unchanged.size))
    if changed.size:
        thresholds = np.unique(s)[::-1]
        hits = np.array([(changed >= h).sum() for h in thresholds])
        taken = np.array([(s >= h).sum() for h in thresholds])
        recall = hits / changed.size
        out["ap"] = float((np.diff(recall, prepend=0.0) * hits / taken).sum())
        out["best_f1"] = float((2 * hits / (taken + changed.size)).max())
    for key, inside, touch in (("object_recall", truth, flagged), ("object_precision", flagged, truth)):
        big = [c for c in components(inside & among) if len(c) >= least]
        met = [c for c in big if touch[c[:, 0], c[:, 1]].any()]
        out[key] = share(len(met), len(big))
    return out


def disagreements(where, expected, got):
    for key, value in expected.items():
        if key not in got:
            yield f"{where}{key}: missing"
        elif (value is None) != (got[key] is None):
            yield f"{where}{key}: expected {value}, got {got[key]}"
        elif value is not None and abs(value - got[key]) > 1e-9:
            yield f"{where}{key}: expected {value!r}, got {got[key]!r}"


def one_round(program, folder, random, number):
    shape = tuple(random.integers(1, 60, 2))
    coarse = (3, 50, 10**6)[number % 3]
    truth = np.where(random.random(shape) < random.choice([0, 0.02, 0.3, 0.8]), 1, 0)
    change = np.where(random.random(shape) < random.choice([0, 0.05, 0.4]), 1, 0)
    score = (random.integers(0, coarse, shape) + truth * (coarse // 3)).astype(np.float32)
    truth[random.random(shape) < random.choice([0, 0.1, 1], p=[0.45, 0.5, 0.05])] = 255
    unseen = random.random(shape) < random.choice([0, 0.1, 1], p=[0.45, 0.5, 0.05])
    change[unseen] = 255
    least = int(random.integers(1, 8))
    paths = {name: os.path.join(folder, f"{name}.tif") for name in ("truth", "change", "score")}
    write(paths["truth"], truth, gdal.GDT_Byte)
    write(paths["change"], change, gdal.GDT_Byte)
    write(paths["score"], np.where(unseen & (number % 2 == 0), np.nan, score), gdal.GDT_Float32)
    got = json.loads(subprocess.run(
        [program, "eval", "--truth", paths["truth"], "--change", paths["change"], "--score",
         paths["score"], "--min-pixels", str(least), "--curve", "7", "--json"],
        check=True, capture_output=True).stdout)
    labelled = truth != 255
    ranked = np.where(unseen, -1.0, score.astype(float))
    expected = figures(truth == 1, change == 1, ranked, labelled, least)
    expected["unobserved"] = share(int((labelled & unseen).sum()), int(labelled.sum()))
    yield from disagreements("", expected, got)
    expected = figures(truth == 1, change == 1, ranked, labelled & ~unseen, least)
    yield from disagreements("observed.", expected, got["observed"])
    points = curve((truth == 1)[labelled], ranked[labelled], ~unseen[labelled], 7)
    if len(points) != len(got["curve"]) or any(
            (h is None) != (p["threshold"] is None) or h is not None and h != p["threshold"]
            or abs(r - p["recall"]) > 1e-12 or abs(q - p["precision"]) > 1e-12
            for (h, r, q), p in zip(points, got["curve"])):
        yield f"curve: expected {points}, got {got['curve']}"
    seen = ~unseen
    counts = [[int((labelled & seen & (truth == j) & (change == i)).sum()) for j in (0, 1)] for i in (0, 1)]
    mapped = [int((change == i).sum()) for i in (0, 1)]
    if sum(mapped) and all(m == 0 or sum(c) >= 2 for m, c in zip(mapped, counts)):
        got = call(program, "--truth", paths["truth"], "--change", paths["change"], "--estimate")
        yield from compare_estimates("sample.", stratified(counts, mapped), got["estimates"])



def call(program, *words):
    return json.loads(subprocess.run([program, "eval", *words, "--json"], check=True, capture_output=True).stdout)


def curve(truth, score, ranked, room):
    """Points of all distinct thresholds, thinned as the header of tuban/eval.h says."""
    if not truth.any():
        return []
    thresholds = list(np.unique(score[ranked])[::-1])
    points = []
    for h in thresholds:
        taken = ranked & (score >= h)
        points.append((float(h), (taken & truth).sum(), taken.sum()))
    if not ranked.all():
        points.append((None, truth.sum(), truth.size))
    kept, reached = [], 0
    for i, (h, hits, taken) in enumerate(points):
        step = int(hits) * (room - 2) // int(truth.sum())
        if i in (0, len(points) - 1) or step > reached:
            kept.append((h, hits / truth.sum(), hits / taken))
        reached = step
    return kept


def stratified(counts, areas):
    """Olofsson et al. 2014, in matrices: p holds the estimated shares of the area (equation 4)."""
    n = np.asarray(counts, float)
    areas = np.asarray(areas, float)
    live = areas > 0
    weight = areas / areas.sum()
    places = n.sum(1)
    rates = np.divide(n, places[:, None], out=np.zeros_like(n), where=live[:, None])
    spread = np.divide(rates * (1 - rates), (places - 1)[:, None], out=np.zeros_like(n), where=live[:, None])
    p = weight[:, None] * rates
    columns = p.sum(0)
    total = areas.sum()
    sizes = areas[:, None] * rates  # N_i n_ij / n_i
    out = {"overall": (np.trace(p), math.sqrt((weight**2 * np.diag(spread)).sum())), "user": [], "producer": [],
           "area": []}
    for j in range(len(areas)):
        out["user"].append((rates[j, j], math.sqrt(spread[j, j])) if live[j] else None)
        out["area"].append((total * columns[j], total * math.sqrt((weight**2 * spread[:, j]).sum())))
        if columns[j] == 0:
            out["producer"].append(None)
            continue
        share = p[j, j] / columns[j]
        others = sum(areas[i]**2 * spread[i, j] for i in range(len(areas)) if i != j)
        variance = (areas[j]**2 * (1 - share)**2 * spread[j, j] + share**2 * others) / sizes[:, j].sum()**2
        out["producer"].append((share, math.sqrt(variance)))
    return out


def compare_estimate(where, expected, got):
    if expected is None:
        if any(got[k] is not None for k in ("value", "error", "low", "high")):
            yield f"{where}: expected nothing, got {got}"
        return
    value, error = expected
    scale = max(1.0, abs(value))
    for key, number in (("value", value), ("error", error), ("low", value - 1.96 * error),
                        ("high", value + 1.96 * error)):
        if abs(number - got[key]) > 1e-9 * scale:
            yield f"{where}.{key}: expected {number!r}, got {got[key]!r}"


def compare_estimates(where, expected, got):
    yield from compare_estimate(f"{where}overall", expected["overall"], got["overall_accuracy"])
    for j, row in enumerate(got["classes"]):
        yield from compare_estimate(f"{where}user[{j}]", expected["user"][j], row["users_accuracy"])
        yield from compare_estimate(f"{where}producer[{j}]", expected["producer"][j], row["producers_accuracy"])
        yield from compare_estimate(f"{where}area[{j}]", expected["area"][j], row["area"])


def matrix_round(program, folder, random):
    classes = int(random.integers(2, 9))
    counts = random.integers(0, 60, (classes, classes)) * (random.random((classes, classes)) < 0.7)
    counts += 2 * np.eye(classes, dtype=int)
    areas = random.random(classes) * 10.0**random.integers(0, 9)
    if random.random() < 0.3:
        areas[0] = 0.0
    path = os.path.join(folder, "matrix.csv")
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        table.writerow(["class", "area"] + [f"class {j}" for j in range(classes)])
        for i in range(classes):
            table.writerow([f"class {i}", repr(float(areas[i])), *counts[i]])
    yield from compare_estimates("matrix.", stratified(counts, areas), call(program, "--matrix", path))


# The example of Olofsson et al. (2014), section 5: table 8, and what the text says on page 54 in hectares.
PAPER = ([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]], [200000, 150000, 3200000, 6450000])
PAPER_HECTARES = [(21158, 6158), (11686, 3756), (285770, 15510), (581386, 16282)]
PAPER_USER = [(0.88, 0.07), (0.73, 0.10), (0.93, 0.04), (0.96, 0.02)]
PAPER_PRODUCER = [0.75, 0.85, 0.93, 0.96]


def paper(program, folder):
    path = os.path.join(folder, "paper.csv")
    names = ["deforestation", "forest gain", "stable forest", "stable non-forest"]
    with open(path, "w", encoding="utf-8") as file:
        file.write("class,area," + ",".join(names) + "\n")
        for name, area, row in zip(names, PAPER[1], PAPER[0]):
            file.write(f"{name},{area * 0.09}," + ",".join(map(str, row)) + "\n")
    got = call(program, "--matrix", path)
    if round(got["overall_accuracy"]["value"], 2) != 0.95 or round(1.96 * got["overall_accuracy"]["error"], 2) != 0.02:
        yield f"paper: overall {got['overall_accuracy']}"
    for row, (area, wide), (user, user_wide), producer in zip(got["classes"], PAPER_HECTARES, PAPER_USER,
                                                             PAPER_PRODUCER):
        found = row["area"]
        if abs(found["value"] - area) > 1 or abs(1.96 * found["error"] - wide) > 1:
            yield f"paper: area of {row['class']}: {found}"
        found = row["users_accuracy"]
        if abs(found["value"] - user) > 0.00501 or abs(1.96 * found["error"] - user_wide) > 0.00501:
            yield f"paper: user's accuracy of {row['class']}: {found}"
        if abs(row["producers_accuracy"]["value"] - producer) > 0.00501:
            yield f"paper: producer's accuracy of {row['class']}: {row['producers_accuracy']}"


def points_round(program, folder, random, number):
    """A map in UTM with places in longitude and latitude, or in the map's coordinates as CSV."""
    height, width, side = int(random.integers(20, 60)), int(random.integers(20, 60)), 10.0
    classes = int(random.integers(2, 5))
    shown = random.integers(0, classes, (height, width)).astype(np.uint8)
    shown[random.random(shown.shape) < 0.05] = 255
    path = os.path.join(folder, "map.tif")
    utm = osr.SpatialReference()
    utm.ImportFromEPSG(32650)
    data = gdal.GetDriverByName("GTiff").Create(path, width, height, 1, gdal.GDT_Byte)
    data.SetGeoTransform((500000.0, side, 0, 4000000.0, 0, -side))
    data.SetProjection(utm.ExportToWkt())
    data.GetRasterBand(1).WriteArray(shown)
    data = None
    truth = (shown + (random.random(shown.shape) < 0.2)) % 7 % classes
    counts, left_out, places = np.zeros((classes, classes), int), 0, []
    for _ in range(900):
        row, column = random.random() * (height + 2) - 1, random.random() * (width + 2) - 1
        inside = 0 <= row < height and 0 <= column < width
        i, j = int(math.floor(row)), int(math.floor(column))
        label = int(truth[i, j]) if inside and random.random() > 0.02 else 255
        places.append((500000 + side * column, 4000000 - side * row, label))
        if not inside or label == 255 or shown[i, j] == 255:
            left_out += 1
        else:
            counts[shown[i, j], label] += 1
    sample = os.path.join(folder, "places.csv" if number % 2 else "places.gpkg")
    if os.path.exists(sample):
        os.remove(sample)
    if number % 2:
        with open(sample, "w", encoding="utf-8") as file:
            file.write("x,y,label\n" + "".join(f"{x!r},{y!r},{'' if k == 255 else k}\n" for x, y, k in places))
    else:
        degrees = osr.SpatialReference()
        degrees.ImportFromEPSG(4490)
        for crs in (utm, degrees):
            crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        way = osr.CoordinateTransformation(utm, degrees)
        file = ogr.GetDriverByName("GPKG").CreateDataSource(sample)
        layer = file.CreateLayer("places", degrees, ogr.wkbPoint)
        layer.CreateField(ogr.FieldDefn("label", ogr.OFTInteger))
        for x, y, k in places:
            feature = ogr.Feature(layer.GetLayerDefn())
            geometry = ogr.Geometry(ogr.wkbPoint)
            geometry.AddPoint_2D(*way.TransformPoint(x, y)[:2])
            feature.SetGeometry(geometry)
            feature.SetField("label", k)
            layer.CreateFeature(feature)
        file = None
    if (counts.sum(1) < 2).any():
        return
    areas = np.array([(shown == k).sum() * side * side for k in range(classes)])
    got = call(program, "--change", path, "--points", sample)
    if got["matrix"] != counts.tolist() or got["left_out"] != left_out or got["unit"] != "m2":
        yield f"points: expected {counts.tolist()} and {left_out}, got {got['matrix']} and {got['left_out']}"
    else:
        yield from compare_estimates("points.", stratified(counts, areas), got)


def equal_area():
    degrees, plane = osr.SpatialReference(), osr.SpatialReference()
    degrees.ImportFromEPSG(4490)
    plane.ImportFromProj4("+proj=cea +lon_0=120 +lat_ts=36 +ellps=GRS80 +units=m")
    degrees.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return osr.CoordinateTransformation(degrees, plane)


def write_polygons(path, polygons, tiers=None):
    degrees = osr.SpatialReference()
    degrees.ImportFromEPSG(4490)
    if os.path.exists(path):
        os.remove(path)
    file = ogr.GetDriverByName("GPKG").CreateDataSource(path)
    layer = file.CreateLayer("polygons", degrees, ogr.wkbUnknown)
    if tiers:
        layer.CreateField(ogr.FieldDefn("TIER", ogr.OFTInteger))
    for i, polygon in enumerate(polygons):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkb(polygon.wkb))
        if tiers:
            feature.SetField("TIER", tiers[i])
        layer.CreateFeature(feature)
    file = None


def some_polygons(random, count):
    """Disjoint rectangles and triangles on a grid of cells some 200 m wide, snapped as tuban snaps."""
    cells = random.permutation(400)[:count]
    out = []
    for cell in cells:
        x, y = 120 + 0.002 * (cell % 20), 36 + 0.002 * (cell // 20)
        w, h = (0.0001 + 0.0019 * random.random(2)).tolist()
        corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)][:int(random.integers(3, 5))]
        out.append(shapely.geometry.Polygon([(round(a, 9), round(b, 9)) for a, b in corners]))
    return out


def polygons_round(program, folder, random):
    way = equal_area()

    def area(shape):
        return shapely.ops.transform(lambda x, y: way.TransformPoint(x, y)[:2], shape).area

    truth, change = some_polygons(random, int(random.integers(1, 60))), some_polygons(random, int(random.integers(1, 90)))
    tiers = [int(k) for k in random.integers(0, 4, len(truth))]
    labelled = [shapely.geometry.box(120, 36, 120.025, 36.04), shapely.geometry.box(120.02, 36.0, 120.03, 36.02)]
    ground = shapely.ops.unary_union(labelled)
    paths = [os.path.join(folder, f"{name}.gpkg") for name in ("truth_p", "change_p", "area_p")]
    write_polygons(paths[0], truth, tiers)
    write_polygons(paths[1], change)
    write_polygons(paths[2], labelled)
    has_area = random.random() < 0.7
    got = call(program, "--truth", paths[0], "--change", paths[1], *(["--area", paths[2]] if has_area else []))

    def counts(shape):
        return not has_area or area(shape.intersection(ground)) >= 0.5 * area(shape)

    own = [(t, k, any(t.intersects(c) for c in change)) for t, k in zip(truth, tiers) if counts(t)]
    found = [(c, any(c.intersects(t) for t in truth)) for c in change if counts(c)]
    covered = sum(area(t.intersection(shapely.ops.unary_union(change))) for t, _, _ in own)
    wrong = sum(not right for _, right in found)
    km2 = area(ground) / 1e6
    expected = {
        "truth": len(own), "found": sum(f for _, _, f in own), "candidates": len(found), "right": len(found) - wrong,
        "false": wrong, "outside": len(truth) + len(change) - len(own) - len(found),
        "truth_m2": sum(area(t) for t, _, _ in own), "found_m2": sum(area(t) for t, _, f in own if f),
        "covered_m2": covered, "false_m2": sum(area(c) for c, right in found if not right),
        "labelled_m2": km2 * 1e6 if has_area else None,
        "false_per_1000_km2": 1000 * wrong / km2 if has_area else None,
        "false_per_1000_flagged": share(1000 * wrong, len(found)),
        "object_recall": share(sum(f for _, _, f in own), len(own)), "object_precision": share(len(found) - wrong, len(found)),
    }
    for key, value in expected.items():
        if (value is None) != (got[key] is None) or value is not None and abs(value - got[key]) > 2e-6 * max(1, abs(value)):
            yield f"polygons {key}: expected {value}, got {got[key]}"
    for row in got["tiers"]:
        of = [(t, f) for t, k, f in own if k >= row["from_tier"]]
        if (row["truth"], row["found"]) != (len(of), sum(f for _, f in of)):
            yield f"polygons T{row['from_tier']}: {row}"
    for row in got["sizes"]:
        near = [t for t, _, _ in own if abs(area(t) / row["from_m2"] - 1) < 1e-5]
        of = [(t, f) for t, _, f in own if area(t) >= row["from_m2"]]
        if not near and (row["truth"], row["found"]) != (len(of), sum(f for _, f in of)):
            yield f"polygons from {row['from_mu']} mu: {row}, expected {len(of)}"


def refusals(program, folder):
    """What does not fit is told, with where, and gives no figures."""
    change, places, table = (os.path.join(folder, name) for name in ("c.tif", "p.csv", "m.csv"))
    polygons, empty = os.path.join(folder, "p.gpkg"), os.path.join(folder, "e.gpkg")
    write(change, np.array([[0, 1, 1], [0, 0, 255]]), gdal.GDT_Byte)
    write_polygons(polygons, [shapely.geometry.box(120, 36, 120.001, 36.001)])
    write_polygons(empty, [])
    tables = {
        "": "class,area", "a,b,c,d\n": "class,area", "class,area,u\nu,1,2\n": "class,area",
        "class,area,u,v\nu,1,2,3\n": "lines", "class,area,u,v\nu,1,2,3\nu,1,2,3\n": "line 3",
        "class,area,u,v\nu,1,2,3\nv,1,2\n": "line 3", "class,area,u,v\nu,1,2,x\nv,1,2,3\n": "line 2 column 4",
        "class,area,u,v\nu,-1,2,3\nv,1,2,3\n": "line 2 column 2", "class,area,u,v\nu,1,2.5,3\nv,1,2,3\n": "column 3",
        "class,area,u,v\nu,nan,2,3\nv,1,2,3\n": "column 2", "class,area,u,v\nu,1,1,0\nv,1,2,3\n": "2 places",
        "class,area,u,v\nu,1,2,3\nv,1,2,3\nw,1,2,3\n": "line 4", "class,area" + ",u" * 40 + "\n": "class,area",
    }
    cases = [(["--matrix", table], 4, text, word) for text, word in tables.items()]
    points = {"x,y,label\n0.5,0.5,7x\n": "7x", "x,y\n1,1\n": "label", "x,y,label\n0.5,0.5,300\n": "300",
              "a,b,label\n1,2,1\n": "point", "x,y,label\n0.5,0.5,1\n": "2 places"}
    cases += [(["--change", change, "--points", places], 4, text, word) for text, word in points.items()]
    cases += [(["--change", change, "--points", places, "--label", "other"], 4, "x,y,label\n1,1,1\n", "other"),
              (["--points", places], 2, None, "--change"), (["--change", change], 2, None, "--truth"),
              (["--truth", polygons, "--change", change], 4, None, "c.tif"),
              (["--truth", change, "--change", polygons], 4, None, "p.gpkg"),
              (["--truth", polygons, "--change", polygons, "--area", empty], 4, None, "e.gpkg"),
              (["--truth", polygons, "--change", polygons, "--plot", "x.svg"], 2, None, "rasters"),
              (["--truth", polygons, "--change", polygons, "--profile", "no-such"], 3, None, "no-such"),
              (["--truth", polygons, "--change", polygons, "--truth-layer", "none"], 4, None, "none"),
              (["--truth", change, "--change", change, "--curve", "9"], 2, None, "--score"),
              (["--truth", change, "--change", change, "--area", polygons], 2, None, "--area"),
              (["--truth", change, "--change", change, "--label", "k"], 2, None, "--label"),
              (["--truth", change, "--change", change, "--score", change, "--plot", f"{folder}/no/x.svg"], 5, None, "x.svg"),
              (["--truth", change, "--change", change, "--score", change, "--plot", "x.pdf"], 2, None, "x.pdf")]
    for words, code, text, word in cases:
        if text is not None:
            with open(table if "--matrix" in words else places, "w", encoding="utf-8") as file:
                file.write(text)
        run = subprocess.run([program, "eval", *words, "--json"], capture_output=True, text=True)
        if run.returncode != code or word not in run.stderr or run.stdout:
            yield f"refusal {words} {text!r}: expected exit {code} naming {word}, got {run.returncode}: {run.stderr}"
    got = call(program, "--truth", polygons, "--change", empty)
    if got["object_recall"] != 0 or got["object_precision"] is not None or "no polygons" not in got["notes"]:
        yield f"nothing found: {got}"
    got = call(program, "--truth", empty, "--change", polygons)
    if got["object_recall"] is not None or got["false"] != 1:
        yield f"nothing true: {got}"


def main():
    program = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    if not os.access(program, os.X_OK):
        print(f"SKIPPED: no {program}")
        return 77
    random = np.random.default_rng(371000)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for line in (*paper(program, folder), *refusals(program, folder)):
            print(line)
            wrong += 1
        for number in range(rounds):
            lines = [*one_round(program, folder, random, number), *matrix_round(program, folder, random)]
            if number % 4 == 0:  # layers take their time to write
                lines += [*points_round(program, folder, random, number // 4), *polygons_round(program, folder, random)]
            for line in lines:
                print(f"round {number}: {line}")
            wrong += len(lines)
    print(f"{rounds} rounds, {wrong} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
