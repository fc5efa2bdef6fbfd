#!/usr/bin/python3
"""Trained filters through the program: trained on labels, they judge the same ground and other ground, and say
where they came from; same bytes on any machine."""
import json
import os

import e2e
from e2e import np, tuban

WIDTH, HEIGHT = 300, 260


def disturbed(seed):
    """Two dates of made-up ground. Fields that merely brightened, and rough dark works that are the change."""
    rng = np.random.default_rng(seed)
    before = 20 + 160 * e2e.ground(HEIGHT, WIDTH, 3, seed)[0]
    after = 0.9 * before + 8 + rng.normal(0, 2, before.shape)
    truth = np.zeros((HEIGHT, WIDTH), np.uint8)
    for n in range(26):
        y, x = rng.integers(0, HEIGHT - 34), rng.integers(0, WIDTH - 34)
        h, w = rng.integers(16, 34, 2)
        if truth[y:y + h, x:x + w].any():
            continue
        if n % 2:
            after[:, y:y + h, x:x + w] += np.array([55, 60, 40])[:, None, None]
            truth[y:y + h, x:x + w] = 2
        else:
            after[:, y:y + h, x:x + w] += rng.normal(0, 45, (1, h, w)) - 10
            truth[y:y + h, x:x + w] = 1
    return [np.clip(np.rint(i), 1, 254).astype(np.uint8) for i in (before, after)], (truth == 1).astype(np.uint8)


class Train(e2e.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.truths = {}

    def pair(self, seed, **options):
        """Files of a pair and its labels."""
        images, truth = disturbed(seed)
        self.truths[seed] = truth
        paths = [e2e.write(self.path(f"{name}{seed}.tif"), image, **options)
                 for name, image in zip(("before", "after"), images)]
        return paths + [e2e.write(self.path(f"label{seed}.tif"), truth[None], **options)]

    def train(self, files, *options, name="filter.yaml", status=0):
        done = tuban("train", "--out", self.path(name), *files, "--json", "--quiet", *options, status=status)
        if "built with XGBoost" in done.stderr or "libxgboost" in done.stderr:
            print(f"skipped: {done.stderr.strip()}", flush=True)
            raise e2e.unittest.SkipTest("no XGBoost")
        return json.loads(done.stdout) if status == 0 else done.stderr

    def detect(self, files, *options, name="out", env=None):
        done = tuban("detect", *files[:2], "--out", self.path(name), "--json", "--quiet", *options, env=env)
        return json.loads(done.stdout)

    def f1(self, name, seed):
        found = e2e.read(os.path.join(self.path(name), "change.tif"))[0] == 1
        truth = self.truths[seed] == 1
        return 2 * np.count_nonzero(found & truth) / (np.count_nonzero(found) + np.count_nonzero(truth))

    def test_a_filter_tells_works_from_fields_on_ground_it_has_not_seen(self):
        report = self.train([f for seed in (1, 2, 3) for f in self.pair(seed)])
        self.assertEqual(report["validation"], "each pair judged by trees of the others")
        unseen = self.pair(11)
        told = self.detect(unseen, "--model", self.path("filter.yaml"))
        self.assertIn("trained", told["threshold"]["rule"])
        self.assertAlmostEqual(told["threshold"]["value"], report["cut"], places=6)
        self.detect(unseen, name="plain")
        trained, plain = self.f1("out", 11), self.f1("plain", 11)
        print(f"F1 on unseen ground: trained {trained:.3f} (cross-validated {report['f1']:.3f}), untrained {plain:.3f}")
        self.assertGreater(trained, 0.7)
        self.assertGreater(trained, plain + 0.2)
        self.assertLess(abs(trained - report["f1"]), 0.15, "the cross-validated score promises what comes")

    def test_one_pair_is_validated_by_its_quarters(self):
        report = self.train(self.pair(4))
        self.assertIn("quarter", report["validation"])
        self.assertLess(report["pairs"][0]["validated"], report["pairs"][0]["examples"])
        self.assertGreater(report["f1"], 0.5)

    def test_the_file_says_what_it_was_trained_on(self):
        self.train(self.pair(4))
        with open(self.path("filter.yaml"), encoding="utf-8") as file:
            text = file.read()
        for part in ('before: "before4.tif"', f"labelled: {WIDTH * HEIGHT}",
                     f"changed: {np.count_nonzero(self.truths[4])}",
                     f"label_sha256: {e2e.sha256(self.path('label4.tif'))}", "features: [contrast, statistic",
                     "vegetation: [-1, 2, -1]", "parameters: {trees: 40, depth: 3"):
            self.assertIn(part, text)
        self.assertNotIn(self.path(""), text, "no path of this machine")

    def test_training_again_gives_the_same_bytes(self):
        files = self.pair(4)
        self.train(files, "--threads", "1")
        self.train(files, "--threads", "3", name="again.yaml")
        self.assertEqual(e2e.sha256(self.path("filter.yaml")), e2e.sha256(self.path("again.yaml")))

    def test_same_bytes_on_any_machine_and_from_its_own_model(self):
        files = self.pair(4)
        self.train(files)
        runs = {"plain": ([], {}), "threads": (["--threads", "3", "--block", "64"], {}),
                "shards": (["--shards", "3", "--threads", "1"], {}), "c": ([], {"TUBAN_CPU": "c"}),
                "glibc": ([], {"TUBAN_CPU": "c", "GLIBC_TUNABLES": e2e.MASKED_GLIBC})}
        for name, (options, change) in runs.items():
            self.detect(files, "--model", self.path("filter.yaml"), *options, name=name,
                        env=e2e.environment(**change))
        self.detect(files, "--model", self.path("plain/model.yaml"), "--block", "100", name="model")
        for name in [*runs, "model"]:
            for product in ("change.tif", "score.tif", "model.yaml"):
                self.assertEqual(e2e.sha256(self.path(f"plain/{product}")), e2e.sha256(self.path(f"{name}/{product}")),
                                 f"{product} of {name}")

    def test_scores_are_probabilities_and_unobserved_stays_so(self):
        files = self.pair(4)
        self.train(files)
        images, _ = disturbed(4)
        images[1][:, 40:90, 50:120] = 0
        after = e2e.write(self.path("holed.tif"), images[1], nodata=0)
        self.detect([files[0], after], "--model", self.path("filter.yaml"))
        score, change = (e2e.read(os.path.join(self.path("out"), n))[0] for n in ("score.tif", "change.tif"))
        hole = np.zeros(score.shape, bool)
        hole[40:90, 50:120] = True
        self.assertTrue(np.array_equal(np.isnan(score), hole) and np.array_equal(change == 255, hole))
        self.assertTrue((score[~hole] > 0).all() and (score[~hole] < 1).all())

    def test_unchanged_ground_stays_unchanged(self):
        self.train(self.pair(4))
        images, _ = disturbed(5)
        rng = np.random.default_rng(8)
        second = np.clip(np.rint(1.1 * images[0] + 5 + rng.normal(0, 3, images[0].shape)), 1, 255).astype(np.uint8)
        paths = [e2e.write(self.path(f"{n}.tif"), i) for n, i in (("one", images[0]), ("two", second))]
        told = self.detect(paths, "--model", self.path("filter.yaml"))
        self.assertEqual(told["changed_pixels"], 0)

    def test_polygons_train_as_the_raster_they_cover(self):
        options = {"transform": [500000, 2, 0, 4000000, 0, -2], "crs": 32650}
        files = self.pair(4, **options)
        truth, shape = e2e.gdal.Open(files[2]), self.path("label.gpkg")
        out = e2e.gdal.GetDriverByName("GPKG").Create(shape, 0, 0, 0, e2e.gdal.GDT_Unknown)
        layer = out.CreateLayer("label", truth.GetSpatialRef(), 3)
        layer.CreateField(ogr_field())
        e2e.gdal.Polygonize(truth.GetRasterBand(1), None, layer, 0)
        layer = out = None
        expected = self.train(files)
        for extra in (["--label-field", "class"], ["--label-layer", "label", "--label-field", "class"]):
            got = self.train([*files[:2], shape], *extra, name="polygons.yaml")
            for key in ("f1", "cut"):
                self.assertEqual(expected[key], got[key])
        geographic = self.path("degrees.gpkg")
        e2e.gdal.VectorTranslate(geographic, shape, dstSRS="EPSG:4490", reproject=True)
        got = self.train([*files[:2], geographic], "--label-field", "class", name="degrees.yaml")
        self.assertLess(abs(got["pairs"][0]["changed"] - expected["pairs"][0]["changed"]),
                        0.001 * expected["pairs"][0]["changed"] + 2)

    def test_what_is_refused_and_how(self):
        files = self.pair(4)
        self.train(files)
        filter_path = self.path("filter.yaml")
        two = [e2e.write(self.path(f"two{i}.tif"), e2e.read(files[i])[:2]) for i in range(2)]
        plain = e2e.write(self.path("plain.tif"), np.zeros((1, HEIGHT, WIDTH), np.uint8))
        none = e2e.write(self.path("none.tif"), np.full((1, HEIGHT, WIDTH), 255, np.uint8))
        small = e2e.write(self.path("small.tif"), np.zeros((1, 20, 20), np.uint8))
        with open(filter_path, encoding="utf-8") as file:
            text = file.read()
        with open(self.path("bad.yaml"), "w", encoding="utf-8") as file:
            file.write(text.replace("wide: 4", "wide: 40"))
        out = self.path("refused")
        cases = (
            (4, "3 bands it was trained on, got 2", ["detect", *two, "--out", out, "--model", filter_path]),
            (2, "no method", ["detect", *files[:2], "--out", out, "--model", filter_path, "--method", "cva"]),
            (2, "radar", ["detect", *files[:2], "--out", out, "--model", filter_path, "--sensor", "sar"]),
            (2, "--method", ["detect", *files[:2], "--out", out, "--method", "trained"]),
            (4, "bad.yaml:", ["detect", *files[:2], "--out", out, "--model", self.path("bad.yaml")]),
            (4, "changed and unchanged", ["train", "--out", self.path("n.yaml"), *files[:2], plain]),
            (4, "no labelled pixel", ["train", "--out", self.path("n.yaml"), *files[:2], none]),
            (4, "300 x 260", ["train", "--out", self.path("n.yaml"), *files[:2], small]),
            (4, "nowhere", ["train", "--out", self.path("n.yaml"), *files[:2], self.path("nowhere.tif")]),
            (4, "expected 3 bands", ["train", "--out", self.path("n.yaml"), *files, *two, files[2]]),
            (2, "three files a pair", ["train", "--out", self.path("n.yaml"), *files, files[0]]),
            (2, "--vegetation", ["train", "--out", self.path("n.yaml"), *files, "--vegetation", "1,2"]),
            (2, "--vegetation", ["train", "--out", self.path("n.yaml"), *files, "--vegetation", "1,2,nan"]),
            (2, "--out", ["train", *files]),
            (5, "nowhere", ["train", "--out", self.path("nowhere/n.yaml"), *files]),
            (6, "64 MiB", ["train", "--out", self.path("n.yaml"), *files, "--memory", "1MiB"]),
        )
        for status, said, words in cases:
            done = tuban(*words, status=status)
            self.assertIn(said, done.stderr)
        self.assertFalse(os.path.exists(self.path("n.yaml")))

    def test_dsifn_leaving_one_out(self):
        names = ("0_2", "1_1", "2_4", "3_4", "4_4")
        sets = [[e2e.data("dsifn_samples", n, f) for f in ("T1.tif", "T2.tif", "label.tif")] for n in names]
        scores = []
        for left, files in enumerate(sets):
            self.train([f for i, other in enumerate(sets) if i != left for f in other])
            self.detect(files, "--model", self.path("filter.yaml"), "--allow-implausible", name=f"out{left}")
            self.truths[left] = e2e.read(files[2])[0]
            scores.append(self.f1(f"out{left}", left))
        print("dsifn: F1 " + " ".join(f"{s:.3f}" for s in scores) + f", mean {np.mean(scores):.3f}", flush=True)
        self.assertGreaterEqual(np.mean(scores), 0.5)


def ogr_field():
    from osgeo import ogr
    return ogr.FieldDefn("class", ogr.OFTInteger)


e2e.main()
