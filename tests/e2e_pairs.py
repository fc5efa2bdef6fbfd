#!/usr/bin/python3
"""Several pairs of one job: overlapping, of shifted grids, of two zones, side by side, and hundreds of them.

One large image of two dates is the ground; pairs are windows of it, or what gdalwarp brings to another zone, and
the one run over the whole is what their parcels are compared with.
"""
import json
import math
import os
import subprocess

import e2e
from e2e import np, gdal, osr
from osgeo import ogr
from shapely import wkb
from shapely.affinity import affine_transform
from shapely.geometry import box
from shapely.ops import unary_union

GSD = 2.0
WEST, NORTH = 40_600_000.0, 4_100_000.0  # EPSG:4528, 1.1 degrees east of its meridian
ROWS, COLUMNS = 420, 700
BLOCKS = [  # row, column, rows, columns: what was built
    (40, 60, 24, 30), (60, 320, 30, 60), (150, 340, 8, 40), (200, 200, 40, 20), (260, 352, 20, 30), (300, 600, 30, 40),
    (330, 300, 60, 24), (100, 500, 16, 16), (360, 420, 5, 5),
]


def scene(seed=3):
    rng = np.random.default_rng(seed)
    before, _ = e2e.ground(ROWS, COLUMNS, 4, seed)
    after = 0.95 * before + 0.02
    for y, x, height, width in BLOCKS:
        after[:, y:y + height, x:x + width] = np.array([0.85, 0.8, 0.9, 0.75])[:, None, None]
    after += 0.008 * rng.standard_normal(after.shape)
    return [e2e.typed(np.clip(i, 0.02, 1), "uint16") for i in (before, after)]


def parcels(folder, layer="parcels"):
    dataset = ogr.Open(os.path.join(folder, "parcels.gpkg"))
    return [(f.items(), wkb.loads(bytes(f.GetGeometryRef().ExportToWkb()))) for f in dataset.GetLayerByName(layer)]


def metres(shape):
    """In a plane of metres around the scene, which is enough for widths and shares."""
    b = math.radians(37.0)
    return affine_transform(shape, [111_412 * math.cos(b), 0, 0, 110_980, 0, 0])


class Pairs(e2e.Case):
    def setUp(self):
        super().setUp()
        self.images = scene()

    def write(self, name, array, transform=(WEST, GSD, 0, NORTH, 0, -GSD), crs=4528, **more):
        return e2e.write(self.path(name), array, transform, crs, **more)

    def window(self, name, x, y, width, height, dx=0.0, hole=None):
        """Both dates of a window; dx metres off the grid (resampled); `hole` is not observed."""
        made = []
        for date, image in zip("ba", self.images):
            part = image[:, y:y + height, x:x + width].copy()
            transform = (WEST + GSD * x, GSD, 0, NORTH - GSD * y, 0, -GSD)
            if hole is not None:
                part[:, hole] = 0
            path = self.write(f"{name}-{date}.tif", part, transform, nodata=0)
            if dx:
                moved = self.path(f"{name}-{date}-moved.tif")
                west, north = transform[0] + dx, transform[3] + dx
                gdal.Warp(moved, path, xRes=GSD, yRes=GSD, resampleAlg="cubic",
                          outputBounds=(west, north - GSD * (height - 2), west + GSD * (width - 2), north))
                path = moved
            made.append(path)
        return made

    def zone(self, name, x, y, width, height, crs):
        made = []
        for path in self.window(name, x, y, width, height):
            made.append(path.replace(".tif", f"-{crs}.tif"))
            gdal.Warp(made[-1], path, dstSRS=f"EPSG:{crs}", xRes=GSD, yRes=GSD, resampleAlg="cubic", srcNodata=0,
                      dstNodata=0)
        return made

    def run_job(self, pairs, out="out", extra="", job="job: {name: pairs, month: 2024-03}\n", days=None):
        """One model for all, so that what differs comes from the cut."""
        if out != "whole" and not os.path.exists(self.path("whole/model.yaml")):
            self.run_job([self.window("whole", 0, 0, COLUMNS, ROWS)], "whole")
        days = days or [("2024-02-11", "2024-03-12")] * len(pairs)
        model = f", model: {self.path('whole/model.yaml')}" if out != "whole" else ""
        text = job + f"detect: {{register: off, screen: off{model}}}\npairs:\n"
        for (before, after), (first, last) in zip(pairs, days):
            text += (f"  - before: {{image: {before}, date: {first}}}\n"
                     f"    after: {{image: {after}, date: {last}}}\n")
        with open(self.path("job.yaml"), "w") as file:
            file.write(text + extra)
        e2e.tuban("run", self.path("job.yaml"), "--out", self.path(out), "--quiet")
        with open(self.path(f"{out}/summary.json")) as file:
            return json.load(file)

    def whole(self):
        with open(self.path("whole/summary.json")) as file:
            summary = json.load(file)
        found = parcels(self.path("whole"))
        self.assertGreaterEqual(len(found), len(BLOCKS) - 1)
        self.assertEqual((summary["joined"], summary["cut"]), (0, 0))
        return summary, found

    def check(self, summary, out="out", rim_px=1.0, tolerance=None):
        """The parcels are those of the run over the whole, none twice, each within a rim of a pixel."""
        _, expected = self.whole()
        found = parcels(self.path(out))
        shapes = [s for _, s in found]
        for shape in shapes + [s for _, s in parcels(self.path(out), "rejected")]:
            self.assertTrue(shape.is_valid)
        for i, a in enumerate(shapes):
            for b in shapes[:i]:
                self.assertLess(metres(a.intersection(b)).area, 0.01)
        for row, shape in expected:
            near = [(r, s) for r, s in found if s.intersects(shape)]
            self.assertEqual(len(near), 1, (row["DRAFT_ID"], [r["DRAFT_ID"] for r, _ in near]))
            ours, plane = metres(near[0][1]), metres(shape)
            self.assertLessEqual(ours.hausdorff_distance(plane), 2.2 * GSD * rim_px, row["DRAFT_ID"])
            self.assertLessEqual(abs(ours.area - plane.area), plane.length * GSD * (tolerance or rim_px), row["DRAFT_ID"])
            self.assertAlmostEqual(near[0][0]["PIXELS"], row["PIXELS"], delta=max(8, 0.15 * row["PIXELS"]))
        self.assertEqual(len(found), len(expected))
        joined = [r for r, _ in found if r["QA"] & 128]
        self.assertEqual(len(joined), summary["joined"])
        self.assertEqual(len({r["DRAFT_ID"] for r, _ in found}), len(found))
        return found, joined

    def check_observed(self, out="out", total=None):
        """What was observed and what not: each ground once, together all of the lattices."""
        rows = parcels(self.path(out), "observed")
        for i, (_, a) in enumerate(rows):
            for _, b in rows[:i]:
                self.assertLess(metres(a.intersection(b)).area, 1.0)
        area = sum(metres(s).area for _, s in rows)
        self.assertAlmostEqual(area, metres(unary_union([s.buffer(1e-9) for _, s in rows])).area, delta=1e-4 * area)
        if total is not None:
            self.assertAlmostEqual(area / total, 1.0, delta=2e-3)
        return {state: sum(metres(s).area for r, s in rows if r["STATE"] == state) for state in ("observed", "unobserved")}

    def test_overlapping_pairs_of_one_grid(self):
        summary = self.run_job([self.window("left", 0, 0, 350, ROWS), self.window("right", 240, 0, 460, ROWS)])
        found, joined = self.check(summary)
        self.assertGreaterEqual(len(joined), 1)
        self.assertEqual(summary["pairs"][0]["overlaps"], [2])
        areas = self.check_observed(total=ROWS * COLUMNS * GSD ** 2)
        self.assertAlmostEqual(summary["observed_m2"] / areas["observed"], 1.0, delta=2e-3)
        with open(self.path("out/run.json")) as file:
            ground = json.load(file)["ground"]
        self.assertEqual([g["pair"] for g in ground], [1, 2])
        self.assertAlmostEqual(sum(g["ground_m2"] for g in ground) / (ROWS * COLUMNS * GSD ** 2), 1.0, delta=2e-3)
        plan = json.loads(e2e.tuban("plan", self.path("job.yaml"), "--json").stdout)["rows"]
        self.assertEqual([row["overlaps"] for row in plan], [[2], [1]])

    def test_pairs_side_by_side(self):
        """They share no ground; a building across the line is one all the same."""
        summary = self.run_job([self.window("left", 0, 0, 350, ROWS), self.window("right", 350, 0, 350, ROWS)])
        self.assertEqual((summary["cut"], summary["pairs"][0]["overlaps"]), (0, []))
        _, joined = self.check(summary, rim_px=1.5)  # at its edge an image is smoothed over less
        self.assertEqual(len(joined), 2)
        self.check_observed(total=ROWS * COLUMNS * GSD ** 2)

    def test_shifted_grids(self):
        for dx in (0.7, 1.3):
            with self.subTest(dx=dx):
                summary = self.run_job([self.window("left", 0, 0, 350, ROWS),
                                        self.window("right", 250, 0, 450, ROWS, dx=dx)])
                _, joined = self.check(summary, tolerance=1.3)
                self.assertGreaterEqual(len(joined), 1)

    def test_two_zones(self):
        for left, right in ((4528, 4529), (4549, 4550)):
            with self.subTest(left=left):
                summary = self.run_job([self.zone("left", 0, 0, 360, ROWS, left), self.zone("right", 250, 0, 450, ROWS, right)])
                _, joined = self.check(summary, tolerance=1.3)
                self.assertGreaterEqual(len(joined), 1)

    def test_an_image_of_all_and_one_of_a_part(self):
        """The second lies within the first: all is the first one's."""
        summary = self.run_job([self.window("whole", 0, 0, COLUMNS, ROWS), self.window("part", 100, 30, 300, 300)])
        found, joined = self.check(summary)
        self.assertEqual((summary["joined"], len(joined)), (0, 0))
        _, expected = self.whole()
        for (ours, shape), (theirs, other) in zip(found, expected):
            self.assertTrue(shape.equals(other))
            self.assertEqual({k: v for k, v in ours.items() if not k.startswith(("QSX", "HSX"))},
                             {k: v for k, v in theirs.items() if not k.startswith(("QSX", "HSX"))})

    def test_what_the_first_did_not_observe_is_the_seconds(self):
        """A nodata collar, as scenes have: cells without all their pixels go to who observed them whole."""
        rows, columns = np.mgrid[:ROWS, :400]
        collar = columns > 395 - rows * 0.35
        summary = self.run_job([self.window("left", 0, 0, 400, ROWS, hole=collar),
                                self.window("right", 200, 0, 500, ROWS)])
        self.check(summary)
        areas = self.check_observed(total=ROWS * COLUMNS * GSD ** 2)
        self.assertLess(areas["unobserved"], 1.0)

    def test_order_says_whose_it_is(self):
        left, right = self.window("left", 0, 0, 400, ROWS), self.window("right", 240, 0, 460, ROWS)
        days = [("2024-02-11", "2024-03-12"), ("2024-02-12", "2024-03-20")]
        self.run_job([left, right], "one", days=days)
        self.run_job([right, left], "two", days=days[::-1])
        at = {out: {r["HSX"] for r, s in parcels(self.path(out)) if s.intersects(self.place(360, 270))}
              for out in ("one", "two")}
        self.assertEqual(at, {"one": {"20240312"}, "two": {"20240320"}})

    def place(self, column, row):
        """A point of the scene in degrees."""
        way = osr.CoordinateTransformation(*[self.system(c) for c in (4528, 4490)])
        x, y, _ = way.TransformPoint(WEST + GSD * column, NORTH - GSD * row)
        return box(x - 1e-6, y - 1e-6, x + 1e-6, y + 1e-6)

    @staticmethod
    def system(crs):
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(crs)
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        return reference

    def test_several_dates_under_one_parcel(self):
        """Most of it says the date; QA 256 and the list of scenes say that there are others."""
        days = [("2024-02-11", "2024-03-12"), ("2024-02-12", "2024-03-20")]
        self.run_job([self.window("left", 0, 0, 350, ROWS), self.window("right", 350, 0, 350, ROWS)], days=days)
        across = [r for r, s in parcels(self.path("out")) if r["QA"] & 128]
        self.assertEqual(len(across), 2)
        for row in across:
            self.assertTrue(row["QA"] & 256)
            self.assertEqual(set(row["QSXY"].split(";")), {"left-b.tif", "right-b.tif"})
            self.assertIn((row["QSX"], row["HSX"]), [("20240211", "20240312"), ("20240212", "20240320")])
        # Rows 150-158, columns 340-380: three quarters are on the right one.
        most = [r for r, s in parcels(self.path("out")) if s.intersects(self.place(365, 154))]
        self.assertEqual([(r["QSX"], r["QSXY"]) for r in most], [("20240212", "right-b.tif;left-b.tif")])

    def footprints(self, name, polygons, fields=("YXSX", "YXMC")):
        """Polygons in pixels of the scene, with their fields, in that order."""
        source = ogr.GetDriverByName("GPKG").CreateDataSource(self.path(name))
        layer = source.CreateLayer("prints", self.system(4528), ogr.wkbPolygon)
        for field in fields:
            layer.CreateField(ogr.FieldDefn(field, ogr.OFTString))
        for (west, north, east, south), *values in polygons:
            feature = ogr.Feature(layer.GetLayerDefn())
            feature.SetGeometry(ogr.CreateGeometryFromWkt(
                box(WEST + GSD * west, NORTH - GSD * south, WEST + GSD * east, NORTH - GSD * north).wkt))
            for field, value in zip(fields, values):
                feature.SetField(field, value)
            layer.CreateFeature(feature)
        return self.path(name)

    def test_dates_come_from_the_footprints_under_a_parcel(self):
        before, after = self.window("whole", 0, 0, COLUMNS, ROWS)
        prints = self.footprints("p.gpkg", [((0, 0, 372, ROWS), "2024-03-01", "strip-1"),
                                            ((300, 0, 605, ROWS), "20240305", "strip-2"),
                                            ((560, 0, COLUMNS, ROWS), None, "strip-3")])
        done = self.run_with(f"{{image: {before}, date: 2024-02-11}}",
                             f"{{image: {after}, date: 2024-03-12, footprints: {prints}}}")
        self.assertIn("1 polygons have no day of capture", done)
        found = parcels(self.path("out"))

        def at(column, row):
            return next(r for r, s in found if s.intersects(self.place(column, row)))
        # Alone under strip 1; where two overlap the first listed counts, most of it decides; no day: the job's.
        rows = [at(70, 50), at(342, 154), at(505, 108), at(620, 320)]
        self.assertEqual([r["HSX"] for r in rows], ["20240301", "20240301", "20240305", "20240312"])
        self.assertEqual([r["HSXY"] for r in rows], ["strip-1", "strip-1;strip-2", "strip-2", "strip-3;strip-2"])
        self.assertEqual([r["QA"] & 256 for r in rows], [0, 256, 0, 256])
        self.assertEqual({r["QSX"] for r, _ in found}, {"20240211"})

    def run_with(self, before, after, extra=""):
        with open(self.path("job.yaml"), "w") as file:
            file.write("job: {name: one, month: 2024-03}\ndetect: {register: off, screen: off}\n"
                       f"pairs:\n  - before: {before}\n    after: {after}\n" + extra)
        return e2e.tuban("run", self.path("job.yaml"), "--out", self.path("out")).stderr

    def test_scenes_of_several_files(self):
        before, after = self.window("whole", 0, 0, COLUMNS, ROWS)
        west, east = self.window("west", 0, 0, 370, ROWS)[1], self.window("east", 300, 0, 400, ROWS)[1]
        self.run_with(f"{{image: {before}, date: 2024-02-11}}", f"{{image: [{west}, {east}], date: 2024-03-12}}")
        said = {r["HSXY"] for r, s in parcels(self.path("out")) if s.intersects(self.place(70, 50))}
        self.assertEqual(said, {"west-a.tif"})
        said = {r["HSXY"] for r, s in parcels(self.path("out")) if s.intersects(self.place(620, 320))}
        self.assertEqual(said, {"east-a.tif"})
        self.assertIn("east-a.tif;west-a.tif", {r["HSXY"] for r, _ in parcels(self.path("out"))} |
                      {";".join(reversed(r["HSXY"].split(";"))) for r, _ in parcels(self.path("out"))})

    def test_areas_of_units_are_not_counted_twice(self):
        """Of each unit what was and was not observed, as one run over the whole tells it."""
        rows, columns = np.mgrid[:ROWS, :COLUMNS]
        gone = (columns - 330) ** 2 + (rows - 250) ** 2 < 60 ** 2  # on both sides of the cut, seen by neither
        self.images = [np.where(gone, np.uint16(0), i) for i in self.images]
        units = self.footprints("units.gpkg", [((-10, -10, 330, ROWS + 10), "370601", "a"),
                                               ((330, -10, COLUMNS + 10, ROWS + 10), "370602", "b")], ("XZQDM", "XZQMC"))
        layers = f"layers: {{districts: {{path: {units}, layer: prints}}}}\n"
        one = self.run_job([self.window("all", 0, 0, COLUMNS, ROWS)], "one", layers)
        two = self.run_job([self.window("left", 0, 0, 350, ROWS), self.window("right", 240, 0, 460, ROWS)], "two", layers)
        self.assertGreater(one["unobserved_m2"], 10000)
        for key in ("observed_m2", "unobserved_m2"):
            self.assertAlmostEqual(one[key], two[key], delta=1.0)
            for a, b in zip(one["units"], two["units"]):
                self.assertEqual(a["code"], b["code"])
                self.assertAlmostEqual(a[key], b[key], delta=1.0)

    def test_two_hundred_pairs(self):
        """A strip of them, each over a part of the next: time and memory grow with their number, not its square."""
        side, step = 96, 70
        image = e2e.ground(side, 50 * step + side, 3, 8)
        for x in range(side, 50 * step, step):  # one thing across each cut
            image[1][:, 30:50, x - 8:x + 12] = 0.9
        image = [e2e.typed(i, "uint8") for i in image]
        pairs = []
        for n in range(200):
            x, y = n % 50 * step, n // 50
            pair = []
            for date, whole in zip("ba", image):
                pair.append(self.write(f"{n}-{date}.tif", whole[:, :, x:x + side],
                                       (WEST + GSD * x, GSD, 0, NORTH - GSD * 80 * y, 0, -GSD)))
            pairs.append(pair)
        figures = []
        for count in (25, 200):
            text = "job: {name: many}\ndetect: {register: off, screen: off, allow_implausible: true, min_pixels: 4}\npairs:\n"
            text += "".join(f"  - {{before: {{image: {b}}}, after: {{image: {a}}}}}\n" for b, a in pairs[:count])
            with open(self.path("job.yaml"), "w") as file:
                file.write(text)
            # 64 files open at a time are enough, however many pairs there are.
            done = subprocess.run(["sh", "-c", f"ulimit -n 64; exec '{e2e.PROGRAM}' run {self.path('job.yaml')} --quiet "
                                               f"--out {self.path('out')}"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(self.path("out/run.json")) as file:
                run = json.load(file)
            with open(self.path("out/summary.json")) as file:
                summary = json.load(file)
            figures.append((run["peak_allocated_bytes"], sum(s["seconds"] for s in run["stages"].values()), summary["joined"]))
            self.check_observed()
        print(f"25 and 200 pairs: peak {figures[0][0] / 1e6:.1f} and {figures[1][0] / 1e6:.1f} MB, "
              f"{figures[0][1]:.1f} and {figures[1][1]:.1f} s, {figures[0][2]} and {figures[1][2]} joined")
        self.assertLess(figures[1][0], 9 * figures[0][0])
        self.assertGreater(figures[1][2], figures[0][2])


if __name__ == "__main__":
    e2e.main()
