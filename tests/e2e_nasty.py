"""Polygons of the GEOS and JTS test suites as parcels and masks: ../shared/data/vec_nasty_polygons.

Every pair A, B of the XML files stands in a place of its own, brought to a thousandth of a degree,
so that planar areas and ellipsoidal ones are proportional. Where both are valid the overlay must
have the area of the intersection the file expects, or where it names none that of GEOS. All of the polygons, invalid ones too, must pass without
a crash, and the invalid ones must be counted.

    e2e_nasty.py TUBAN
"""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

try:
    from osgeo import gdal, ogr, osr
    from shapely import wkb, wkt
    from shapely.affinity import affine_transform
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

gdal.UseExceptions()
ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("TUBAN_DATA", ROOT.parent / "shared" / "data"))
NASTY = DATA / "vec_nasty_polygons"
SIDE, STEP = 0.001, 0.004
PER_DEGREE = math.radians(6378137.0)


def geometry_of(text):
    text = (text or "").strip()
    if not text:
        return None
    try:
        it = wkb.loads(text, hex=True) if text[0] in "0123456789ABCDEFabcdef" else wkt.loads(text)
    except Exception:  # what shapely cannot read is no case of ours
        return None
    return it if it.geom_type in ("Polygon", "MultiPolygon") and not it.is_empty else None


def cases():
    for path in sorted((NASTY / "geos_xml").rglob("*.xml")):
        try:
            root = ET.parse(path).getroot()
        except ET.ParseError:
            continue
        if root.find("precisionModel") is not None and root.find("precisionModel").get("scale"):
            continue  # expected on a coarse grid
        for case in root.iter("case"):
            a, b = geometry_of(case.findtext("a")), geometry_of(case.findtext("b"))
            if a is None or b is None:
                continue
            expected = None
            for op in case.iter("op"):
                name = (op.get("name") or "").strip().lower()
                if name in ("intersection", "intersectionng") and op.get("arg3") is None:
                    text = (op.text or "").strip()
                    try:
                        expected = wkt.loads(text).area
                    except Exception:
                        pass
            yield path.name, a, b, expected


def layer(path, shapes):
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(4490)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    out = source.CreateLayer("shapes", srs, ogr.wkbUnknown)
    out.CreateField(ogr.FieldDefn("ID", ogr.OFTString))
    out.StartTransaction()
    for number, shape in shapes:
        feature = ogr.Feature(out.GetLayerDefn())
        feature["ID"] = str(number)
        feature.SetGeometry(ogr.CreateGeometryFromWkb(shape.wkb))
        out.CreateFeature(feature)
    out.CommitTransaction()


def placed(shape, box, number):
    """The shape in its place, and how many square degrees one of its units is."""
    size = max(box[2] - box[0], box[3] - box[1])
    scale = SIDE / size
    x, y = 115 + STEP * (number % 50), 36 + STEP * (number // 50)
    return affine_transform(shape, [scale, 0, 0, scale, x - scale * box[0], y - scale * box[1]]), \
        scale * scale, y


def check(tuban, folder):
    kept, a_shapes, b_shapes = {}, [], []
    for number, (name, a, b, expected) in enumerate(cases()):
        box = a.union(b).bounds if a.is_valid and b.is_valid else \
            [f(v) for f, v in zip((min, min, max, max), zip(a.bounds, b.bounds))]
        if not all(map(math.isfinite, box)) or max(box[2] - box[0], box[3] - box[1]) <= 0:
            continue
        a2, unit, y = placed(a, box, number)
        b2, _, _ = placed(b, box, number)
        a_shapes.append((number, a2))
        b_shapes.append((number, b2))
        kept[str(number)] = (name, a.is_valid and b.is_valid, expected, unit, y,
                             a.intersection(b).area if a.is_valid and b.is_valid else 0)
    layer(folder / "a.gpkg", a_shapes)
    layer(folder / "b.gpkg", b_shapes)
    done = subprocess.run([tuban, "overlay", folder / "a.gpkg", folder / "b.gpkg", "--json"],
                          capture_output=True, text=True)
    assert done.returncode == 0, (done.returncode, done.stderr[-400:])
    rows = {row["id"]: row["area_m2"] for row in json.loads(done.stdout)["rows"]}
    compared = {True: 0, False: 0}
    for number, (name, valid, expected, unit, y, own) in kept.items():
        if not valid or number not in rows:
            continue
        b = math.radians(y + SIDE / 2)
        e2 = 0.00669438002290
        w = 1 - e2 * math.sin(b) ** 2
        metres = PER_DEGREE ** 2 * (1 - e2) / w ** 2 * math.cos(b)
        want = (own if expected is None else expected) * unit * metres
        # a snap of 1e-9 degree moves an edge of 100 m by 0.1 mm; the scale varies by 1e-5
        assert abs(rows[number] - want) <= 2e-5 * want + 0.2, (name, number, rows[number], want)
        compared[expected is not None] += 1
    invalid = sum(not shape.is_valid for _, shape in b_shapes)
    info = json.loads(subprocess.run([tuban, "info", folder / "b.gpkg", "--json"], text=True,
                                     capture_output=True, check=True).stdout)
    counted = json.dumps(info)
    print(f"{len(kept)} pairs; {compared[True]} areas compared with the files, {compared[False]} "
          f"with GEOS; {invalid} invalid masks")
    assert compared[True] >= 16 and compared[False] > 100 and invalid > 0
    assert '"invalid": 0' not in counted, counted[:400]


def check_all_as_masks(tuban, folder):
    """The collected polygons, whatever their coordinates, brought to one place and laid over it."""
    shapes, source = [], ogr.Open(str(NASTY / "nasty_polygons.gpkg"))
    for number, feature in enumerate(source.GetLayer(0)):
        shape = wkb.loads(bytes(feature.GetGeometryRef().ExportToWkb()))
        if shape.is_empty:
            continue
        box = shape.bounds
        if max(box[2] - box[0], box[3] - box[1]) > 0:
            shapes.append((number, placed(shape, box, number)[0]))
    layer(folder / "all.gpkg", shapes)
    done = subprocess.run([tuban, "overlay", folder / "all.gpkg", folder / "all.gpkg", "--json"],
                          capture_output=True, text=True)
    assert done.returncode == 0, (done.returncode, done.stderr[-400:])
    for row in json.loads(done.stdout)["rows"]:
        assert math.isfinite(row["area_m2"]) and row["area_m2"] >= 0, row
    print(f"{len(shapes)} polygons over themselves")


def main():
    if not NASTY.exists():
        print(f"skipped: {NASTY} is not there")
        return 77
    with tempfile.TemporaryDirectory() as name:
        check(sys.argv[1], pathlib.Path(name))
        check_all_as_masks(sys.argv[1], pathlib.Path(name))
    return 0


sys.exit(main())
