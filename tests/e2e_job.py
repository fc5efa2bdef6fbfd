"""What a job file means: paths, dates of several images, stages, and what is done again and what not.

    /usr/bin/python3 tests/e2e_job.py PROGRAM [TEST...]
"""
import json
import os
import shutil
import sys
import unittest

import e2e
import e2e_bad_input as bad
import numpy as np
from osgeo import gdal, ogr


class Job(bad.Case):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("jobs"))
        os.mkdir(self.path("images"))
        for name in ("t1.tif", "t2.tif"):
            os.rename(self.path(name), self.path(f"images/{name}"))
        self.job()

    def job(self, before="image: ../images/t1.tif", after="image: ../images/t2.tif", rest="",
            name="jobs/job.yaml"):
        self.text(name, f"job: {{name: county, month: 2024-03}}\npairs:\n"
                        f"  - before: {{{before}, date: 2024-02-11}}\n"
                        f"    after: {{{after}, date: 2024-03-12}}\n{rest}")

    def run_job(self, *more, job="jobs/job.yaml"):
        """The summary as printed, and what run.json of the set says."""
        result = self.accept("run", job, "--json", *more)
        summary = json.loads(result.stdout)
        path = os.path.join(self.dir, summary["out"], "run.json")
        if not os.path.exists(path):
            return summary, None
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        for stage in report["stages"].values():
            self.assertLessEqual(0.0, stage["waiting_seconds"])
            self.assertLessEqual(stage["waiting_seconds"], stage["worker_seconds"])
        return summary, report

    def set_of(self, out):
        self.assertEqual(e2e.check_set(self, self.path(out)), "whole")
        return e2e.results(self.path(out))

    def features(self, out, layer="parcels"):
        data = ogr.Open(self.path(f"{out}/parcels.gpkg"))
        return [feature.ExportToJson(as_object=True) for feature in data.GetLayerByName(layer)]

    # -------------------------------------------------------------------- paths and folders

    def test_paths_are_relative_to_the_job_file(self):
        self.run_job()
        good = self.set_of("jobs/out")
        for cwd, job in ((self.path("jobs"), "job.yaml"), (self.path("images"), "../jobs/job.yaml"),
                         ("/", self.path("jobs/job.yaml"))):
            with self.subTest(cwd=cwd):
                shutil.rmtree(self.path("jobs/out"))
                self.accept("run", job, "--quiet", cwd=cwd)
                self.assertEqual(self.set_of("jobs/out"), good)
        self.job(f"image: {self.path('images/t1.tif')}", rest="output: {folder: ../a/b/c}\n")
        self.run_job()
        self.assertEqual(self.set_of("a/b/c"), good)

    def test_out_goes_over_the_folder_of_the_job(self):
        self.job(rest="output: {folder: theirs}\n")
        self.run_job("--out", "mine")  # as all options, relative to where one is
        self.set_of("mine")
        self.assertFalse(os.path.exists(self.path("jobs/theirs")))
        self.assertFalse(os.path.exists(self.path("jobs/mine")))

    # -------------------------------------------------------------------- dates

    def split(self, name):
        """The image in two halves that share forty columns; the second half is darker."""
        image = gdal.Open(self.path(f"images/{name}.tif")).ReadAsArray()
        bad.write(self.path(f"images/{name}-west.tif"), image[:, :, :190])
        bad.write(self.path(f"images/{name}-east.tif"), image[:, :, 150:] * 0.8,
                  origin=(39500000 + 150 * 2, 4100000))
        return f"../images/{name}-west.tif, ../images/{name}-east.tif"

    def test_several_images_a_date(self):
        self.job(f"image: [{self.split('t1')}]", f"image: [{self.split('t2')}]")
        summary, _ = self.run_job()
        self.set_of("jobs/out")
        pair = summary["pairs"][0]
        self.assertEqual((pair["pixels"], pair["observed"]), (340 * 300, 340 * 300))
        whole = [feature["properties"]["PIXELS"] for feature in self.features("jobs/out")]
        self.assertEqual(len(whole), 1)
        self.assertAlmostEqual(whole[0], 30 * 40, delta=500)

    def test_a_validity_raster(self):
        seen = np.ones((300, 340))
        seen[:, :200] = 0  # over the change too
        bad.write(self.path("images/seen.tif"), seen, kind=gdal.GDT_Byte)
        self.job(after="image: ../images/t2.tif, valid: ../images/seen.tif")
        summary, _ = self.run_job()
        pair = summary["pairs"][0]
        self.assertEqual(pair["observed"], 300 * 140)
        self.assertEqual(pair["components"], 0)
        self.assertTrue(pair["reason"])
        states = {feature["properties"]["STATE"]: feature["properties"]["PIXELS"]
                  for feature in self.features("jobs/out", "observed")}
        self.assertEqual(states, {"observed": 300 * 140, "unobserved": 300 * 200})

    def test_who_decoded_each_file_is_told(self):
        gdal.Translate(self.path("images/lzw.tif"), self.path("images/t2.tif"), creationOptions=["COMPRESS=LZW"])
        self.job(after="image: ../images/lzw.tif")
        _, report = self.run_job()
        told = [(os.path.basename(f["file"]), f["reading"], f["reason"]) for f in report["reading"]]
        self.assertEqual(told, [("t1.tif", "direct", None), ("lzw.tif", "gdal", "LZW")])
        good = self.set_of("jobs/out")
        self.accept("run", "jobs/job.yaml", "--force", env={"TUBAN_READ": "gdal"})
        with open(self.path("jobs/out/run.json"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual([f["reason"] for f in report["reading"]], ["TUBAN_READ=gdal"] * 2)
        self.assertEqual(self.set_of("jobs/out"), good)
        self.refuse(2, "run", "jobs/job.yaml", says=["expected TUBAN_READ to be direct or gdal, got fast"],
                    env={"TUBAN_READ": "fast"})

    def test_nodata_of_the_job_goes_over_the_file(self):
        image = gdal.Open(self.path("images/t1.tif")).ReadAsArray()
        image[:, 280:, :] = 7
        bad.write(self.path("images/t1.tif"), image, nodata=9)
        self.assertEqual(self.run_job()[0]["pairs"][0]["observed"], 300 * 340)
        self.job("image: ../images/t1.tif, nodata: 7")
        self.assertEqual(self.run_job()[0]["pairs"][0]["observed"], 280 * 340)

    def test_dates_and_scenes_reach_the_parcels(self):
        self.run_job()
        for feature in self.features("jobs/out"):
            named = feature["properties"]
            self.assertEqual((named["QSX"], named["HSX"], named["QSXY"], named["HSXY"]),
                             ("20240211", "20240312", "t1.tif", "t2.tif"))
            self.assertTrue(named["DRAFT_ID"].startswith("D202403-1-"))

    # -------------------------------------------------------------------- stages

    def test_until_leaves_stage_files_and_no_products(self):
        self.run_job("--out", "whole")
        good = self.set_of("whole")
        kinds = {"fit": {"model"}, "sweep": {"model", "runs"},
                 "assemble": {"model", "runs", "assembled"}}
        for stage, expected in kinds.items():
            with self.subTest(stage=stage):
                summary, report = self.run_job("--until", stage)
                self.assertIsNone(report)
                self.assertEqual(os.listdir(self.path("jobs/out")), ["work"])
                files = os.listdir(self.path("jobs/out/work"))
                self.assertEqual({name.split("-")[0] for name in files}, expected)
                # What has not been counted is not called nothing.
                counted = [key for key in ("changed_pixels", "observed", "components")
                           if key in summary["pairs"][0]]
                self.assertEqual(bool(counted), stage == "assemble", summary)
                text = self.accept("run", "jobs/job.yaml", "--until", stage).stdout
                self.assertEqual(b"changed  " in text, stage == "assemble")
        _, report = self.run_job("--until", "publish")
        self.assertEqual((report["shards_swept"], report["shards_passed_over"]), (0, 1))
        self.assertEqual(self.set_of("jobs/out"), good)

    def test_each_stage_goes_on_from_the_one_before(self):
        for stage in ("fit", "sweep", "assemble"):
            self.run_job("--until", stage, "--out", "steps")
        self.run_job("--out", "steps")
        self.run_job("--out", "whole")
        self.assertEqual(self.set_of("steps"), self.set_of("whole"))

    # -------------------------------------------------------------------- again

    def test_a_second_run_finds_nothing_to_do(self):
        first, _ = self.run_job()
        before = bad.tree(self.path("jobs/out"))
        result = self.accept("run", "jobs/job.yaml", "--json")
        second = json.loads(result.stdout)
        self.assertIn("up to date", bad.said(result))
        self.assertEqual((first.pop("up_to_date"), second.pop("up_to_date")), (False, True))
        self.assertEqual(first, second)
        self.assertEqual(bad.tree(self.path("jobs/out")), before)
        # Neither threads nor blocks nor memory nor where the job lies is a reason to do it again.
        shutil.move(self.path("jobs"), self.path("moved"))
        summary, _ = self.run_job("--threads", "1", "--block", "64", "--memory", "2GiB",
                                  job="moved/job.yaml")
        self.assertTrue(summary["up_to_date"])

    def test_force_does_it_again_with_the_same_bytes(self):
        self.run_job()
        good = self.set_of("jobs/out")
        inode = os.stat(self.path("jobs/out/parcels.gpkg")).st_ino
        summary, report = self.run_job("--force")
        self.assertFalse(summary["up_to_date"])
        self.assertEqual((report["shards_swept"], report["shards_passed_over"]), (1, 0))
        self.assertEqual(self.set_of("jobs/out"), good)
        self.assertNotEqual(os.stat(self.path("jobs/out/parcels.gpkg")).st_ino, inode)

    def test_a_changed_input_is_noticed(self):
        self.run_job()
        good = self.set_of("jobs/out")
        later = os.stat(self.path("images/t2.tif")).st_mtime_ns + 10**9
        os.utime(self.path("images/t2.tif"), ns=(later, later))
        summary, report = self.run_job()
        self.assertFalse(summary["up_to_date"])
        self.assertEqual(report["shards_swept"], 1)
        products = {name: digest for name, digest in self.set_of("jobs/out").items()
                    if not name.startswith("work/") and name != "MANIFEST.json"}
        self.assertEqual(products, {name: good[name] for name in products})

        image = gdal.Open(self.path("images/t2.tif")).ReadAsArray().astype(float)
        image[:, 200:240, 200:260] += 3000
        bad.write(self.path("images/t2.tif"), image.clip(1, 60000))
        summary, report = self.run_job()
        self.assertFalse(summary["up_to_date"])
        self.assertEqual(len(self.features("jobs/out")), 2)
        self.assertEqual(e2e.strays(self.path("jobs/out")), [])
        work = os.listdir(self.path("jobs/out/work"))
        self.assertEqual(len(work), 3, f"stage files of earlier inputs are cleared away: {work}")

    def test_a_changed_validity_raster_is_noticed(self):
        bad.write(self.path("images/seen.tif"), np.ones((300, 340)), kind=gdal.GDT_Byte)
        self.job(after="image: ../images/t2.tif, valid: ../images/seen.tif")
        self.assertEqual(self.run_job()[0]["pairs"][0]["observed"], 300 * 340)
        seen = np.ones((300, 340))
        seen[100:] = 0
        bad.write(self.path("images/seen.tif"), seen, kind=gdal.GDT_Byte)
        self.assertEqual(self.run_job()[0]["pairs"][0]["observed"], 100 * 340)

    def test_a_changed_nodata_is_noticed(self):
        self.assertFalse(self.run_job()[0]["up_to_date"])
        self.job("image: ../images/t1.tif, nodata: 12345")
        self.assertFalse(self.run_job()[0]["up_to_date"])

    def test_other_least_pixels_use_the_sweep_again(self):
        self.run_job("--shards", "3")
        for least, kept in ((5000, 0), (10, 1)):
            self.job(rest=f"detect: {{min_pixels: {least}}}\n")
            summary, report = self.run_job("--shards", "3")
            self.assertFalse(summary["up_to_date"])
            self.assertEqual((report["shards_swept"], report["shards_passed_over"]), (0, 3))
            self.assertEqual(len(self.features("jobs/out")), kept)
            if kept == 0:
                reasons = {feature["properties"]["REASON"]
                           for feature in self.features("jobs/out", "rejected")}
                self.assertEqual(len(reasons), 1)
                self.assertTrue(summary["pairs"][0]["reason"])

    def test_lost_stage_files_are_made_again(self):
        self.run_job()
        good = self.set_of("jobs/out")
        for name in ("work", "MANIFEST.json", "parcels.gpkg", "model.yaml"):
            with self.subTest(name=name):
                path = self.path(f"jobs/out/{name}")
                shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
                summary, _ = self.run_job()
                self.assertEqual(summary["up_to_date"], name == "work")
                self.assertEqual({k: v for k, v in self.set_of("jobs/out").items()
                                  if not k.startswith("work/assembled")},
                                 {k: v for k, v in good.items()
                                  if not k.startswith("work/assembled")})

    def test_a_damaged_stage_file_is_made_again(self):
        self.run_job("--out", "whole")
        for kind in ("runs", "model"):
            with self.subTest(kind=kind):
                self.run_job("--until", "sweep", "--out", "out")
                name = next(n for n in os.listdir(self.path("out/work")) if n.startswith(kind))
                os.truncate(self.path(f"out/work/{name}"), 100)
                self.run_job("--out", "out")
                self.assertEqual(self.set_of("out"), self.set_of("whole"))
                shutil.rmtree(self.path("out"))

    def test_a_model_of_the_job(self):
        self.accept("fit", "images/t1.tif", "images/t2.tif", "--out", "jobs/model.yaml")
        self.job(rest="detect: {model: model.yaml}\n")
        self.run_job("--out", "given")
        self.job()
        self.run_job("--out", "fitted")
        self.assertEqual(e2e.sha256(self.path("given/parcels.gpkg")),
                         e2e.sha256(self.path("fitted/parcels.gpkg")))


if __name__ == "__main__":
    e2e.main()
