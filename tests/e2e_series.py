#!/usr/bin/python3
"""Radar through the program: the omnibus test against figures worked out here with numpy, the log-ratio."""
import json
import math
import os
import tempfile
import unittest

import e2e
from e2e import np, read, tuban, write


def upper(z, degrees):
    """1 - F of chi-squared, by its recurrence over the degrees."""
    t = z / 2.0
    q, a = (math.exp(-t), 1.0) if degrees % 2 == 0 else (math.erfc(math.sqrt(t)), 0.5)
    while a < degrees / 2.0 - 1e-9:
        q += math.exp(-t + a * math.log(t) - math.lgamma(a + 1.0)) if t > 0 else 0.0
        a += 1.0
    return q


def probability(z, degrees, rho):
    omega = -degrees / 4.0 * (1.0 - 1.0 / rho) ** 2
    return upper(z, degrees) + omega * (upper(z, degrees + 4) - upper(z, degrees))


def z_of(c, looks):
    """-2 rho ln Q of c[date][channel][...]."""
    k, p = c.shape[:2]
    rho = 1.0 - (k / looks - 1.0 / (looks * k)) / (6.0 * (k - 1))
    ln_q = looks * (p * k * math.log(k) + np.log(c).sum((0, 1)) - k * np.log(c.sum(0)).sum(0))
    return -2.0 * rho * ln_q, rho


def walk(c, looks, alpha):
    """Number, first and last change of one pixel's c[date][channel]; and how near a test came."""
    k, p = c.shape
    first, found, near = 0, [], math.inf
    while first < k - 1:
        z, rho = z_of(c[first:], looks)
        chance = probability(float(z), (k - first - 1) * p, rho)
        near = min(near, abs(chance / alpha - 1.0))
        if chance >= alpha:
            break
        for i in range(first + 1, k):
            j = i - first + 1
            rho = 1.0 - (1.0 + 1.0 / (j * (j - 1))) / (6.0 * looks)
            before = c[first:i].sum(0)
            ln_r = looks * (p * (j * math.log(j) - (j - 1) * math.log(j - 1))
                            + ((j - 1) * np.log(before) + np.log(c[i]) - j * np.log(before + c[i])).sum())
            chance = probability(-2.0 * rho * float(ln_r), p, rho)
            near = min(near, abs(chance / alpha - 1.0))
            if chance < alpha:
                break
        else:
            break
        found.append(i + 1)
        first = i
    return (len(found), found[0] if found else 0, found[-1] if found else 0), near


def intensities(seed, dates, channels, looks, rows=150, columns=210):
    """c[date][channel][row][column] of textured ground, with two changes planted."""
    rng = np.random.default_rng(seed)
    ground = np.exp(rng.normal(0, 0.7, (1, channels, rows // 10 + 1, columns // 10 + 1)))
    ground = ground.repeat(10, 2).repeat(10, 3)[:, :, :rows, :columns]
    c = ground * rng.gamma(looks, 1.0 / looks, (dates, channels, rows, columns))
    c[dates // 2:, :, 20:50, 20:60] *= 9.0
    c[dates - 1:, :, 80:100, 100:160] *= 0.08
    return c


def written(folder, c, is_intensity=False, gains=None):
    paths = []
    for i, date in enumerate(c):
        samples = (date if is_intensity else np.sqrt(date)) * (1.0 if gains is None else gains[i])
        paths.append(write(os.path.join(folder, f"d{i + 1}.tif"), samples.astype(np.float32)))
    return paths


class Series(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tuban-e2e-")
        self.addCleanup(self.folder.cleanup)
        self.out = os.path.join(self.folder.name, "out")

    def detect(self, paths, *words, out=None, env=None):
        done = tuban("detect", *paths, "--method", "omnibus", "--out", out or self.out, "--quiet",
                     "--json", *words, env=env)
        return json.loads(done.stdout)

    def test_golden_probability(self):
        self.assertAlmostEqual(probability(9.434743995, 6, 0.952651515), 0.149301021, places=8)

    def test_every_pixel_as_worked_out(self):
        for dates, channels, looks in ((3, 1, 3.0), (5, 2, 4.4), (9, 1, 12.0)):
            with self.subTest(dates=dates, channels=channels):
                c = intensities(dates, dates, channels, looks)
                paths = written(self.folder.name, c)
                out = os.path.join(self.folder.name, f"out{dates}")
                found = self.detect(paths, "--looks", looks, "--alpha", "0.01", out=out)
                gain = np.array([d["gain"] for d in found["dates"]])
                a = np.stack([read(p).astype(np.float64) for p in paths]) * gain[:, :, None, None]
                a = np.maximum(a, np.array(found["least"])[None, :, None, None])
                z, _ = z_of(a * a, looks)
                score, change = read(f"{out}/score.tif")[0], read(f"{out}/change.tif")[0]
                np.testing.assert_allclose(score, z, rtol=2e-4, atol=2e-4)
                number, first, last = read(f"{out}/changes.tif")
                compared = 0
                for y in range(0, z.shape[0], 3):
                    for x in range(z.shape[1]):
                        expected, near = walk((a * a)[:, :, y, x], looks, 0.01)
                        if near < 1e-3:
                            continue
                        compared += 1
                        self.assertEqual((number[y, x], first[y, x], last[y, x]), expected, (y, x))
                        if expected[0] > 0:
                            self.assertEqual(change[y, x], 1)
                self.assertGreater(compared, 9000)
                self.assertEqual(found["changed_pixels"], int((change == 1).sum()))
                self.assertEqual(found["dated_pixels"], int((number > 0).sum()))
                # Three dates of three looks tell one in four of the first change, nine of twelve all.
                self.assertGreater((first[20:50, 20:60] == dates // 2 + 1).mean(), 0.2 if dates == 3 else 0.8)
                self.assertGreater((last[80:100, 100:160] == dates).mean(), 0.2 if dates == 3 else 0.8)
                quiet = change[:, 170:]
                self.assertLess(abs(quiet.mean() - 0.01), 0.006)

    def test_same_bytes_however_it_runs(self):
        paths = written(self.folder.name, intensities(1, 4, 2, 5.0))
        trees = []
        for number, (words, env) in enumerate((((), None), (("--threads", 1), None), (("--threads", 5), None),
                                               (("--memory", "260MiB"), None),
                                               ((), e2e.environment(TUBAN_CPU="c")))):
            out = os.path.join(self.folder.name, f"same{number}")
            self.detect(paths, *words, out=out, env=env)
            self.assertEqual(e2e.check_set(self, out), "whole")
            trees.append(e2e.tree(out, lambda name: name == "run.json"))
        for tree in trees[1:]:
            self.assertEqual(tree, trees[0])

    def test_scale_gain_and_kind_of_samples_do_not_matter(self):
        c = intensities(2, 4, 2, 6.0)
        outs = []
        for number, (words, arguments) in enumerate((
                ((), {}), (("--samples", "intensity"), {"is_intensity": True}),
                ((), {"gains": [512.0] * 4}), ((), {"gains": [1.0, 1.7, 0.6, 2.0]}))):
            folder = os.path.join(self.folder.name, f"kind{number}")
            os.mkdir(folder)
            found = self.detect(written(folder, c, **arguments), "--looks", 6, *words, out=f"{folder}/out")
            outs.append((found, read(f"{folder}/out/changes.tif"), read(f"{folder}/out/score.tif")))
        for found, changes, score in outs[1:]:
            np.testing.assert_allclose(score, outs[0][2], rtol=2e-3, atol=2e-3)
            self.assertLess((changes != outs[0][1]).mean(), 2e-4)

    def test_looks_are_estimated(self):
        for looks in (1.0, 4.4, 15.0):
            c = intensities(8, 5, 2, looks)
            found = self.detect(written(self.folder.name, c), out=os.path.join(self.folder.name, f"l{looks}"))
            self.assertFalse(found["looks_given"])
            self.assertLess(abs(found["looks"] / looks - 1.0), 0.15)

    def test_what_is_missing_on_a_date_is_not_tested(self):
        c = intensities(3, 4, 1, 5.0)
        c[2, 0, :, :25] = np.nan
        found = self.detect(written(self.folder.name, c))
        self.assertEqual(found["unobserved"], 25 * c.shape[2])
        self.assertTrue((read(f"{self.out}/change.tif")[0, :, :25] == 255).all())
        self.assertTrue((read(f"{self.out}/changes.tif")[:, :, :25] == 255).all())
        self.assertTrue(np.isnan(read(f"{self.out}/score.tif")[0, :, :25]).all())
        self.assertTrue((read(f"{self.out}/change.tif")[0, :, 25:] != 255).all())

    def test_two_dates(self):
        looks = 7.0
        c = intensities(4, 2, 2, looks, 300, 300)
        paths = written(self.folder.name, c)
        found = self.detect(paths, "--looks", looks, "--min-pixels", 1)
        slope = np.array([r["slope"] for r in found["regression"]])
        a = np.stack([read(p).astype(np.float64) for p in paths])
        a[1] *= slope[:, None, None]
        z, rho = z_of(a * a, looks)
        score, change = read(f"{self.out}/score.tif")[0], read(f"{self.out}/change.tif")[0]
        bright = (a > 0.2).all((0, 1))
        np.testing.assert_allclose(score[bright], z[bright], rtol=2e-3, atol=2e-3)
        limit = found["threshold"]["value"]
        self.assertAlmostEqual(probability(limit, 2, rho), 0.01, places=6)
        self.assertTrue(((score >= limit) == (change == 1)).all())
        self.assertLess(abs((change[120:] == 1).mean() - 0.01), 0.003)
        back = self.detect(paths[::-1], "--looks", looks, "--min-pixels", 1, out=self.out + "-back")
        other = read(f"{self.out}-back/change.tif")[0]
        self.assertLess((other != change).mean(), 1e-3)
        self.assertEqual(back["method"], "omnibus")
        again = tuban("detect", *paths, "--model", f"{self.out}/model.yaml", "--min-pixels", 1, "--out",
                      self.out + "-model", "--json", "--quiet")
        self.assertEqual(json.loads(again.stdout)["changed_pixels"], found["changed_pixels"])

    def test_what_cannot_be_done_is_refused(self):
        c = intensities(6, 3, 1, 5.0)
        paths = written(self.folder.name, c)
        three = write(os.path.join(self.folder.name, "three.tif"), np.ones((3, 150, 210), np.float32))
        decibel = [write(os.path.join(self.folder.name, f"db{i}.tif"), (10 * np.log10(d) - 20).astype(np.float32))
                   for i, d in enumerate(c)]
        away = write(os.path.join(self.folder.name, "away.tif"), c[0].astype(np.float32), (9000, 1, 0, 0, 0, -1))
        omnibus = ("--method", "omnibus")
        for words, status, text in (
                (paths, 2, r"images: expected two, got 3"),
                ((*paths[:2], "--alpha", "0.1"), 2, r"--alpha.*expected --method omnibus"),
                ((*paths, *omnibus, "--min-pixels", "4"), 2, r"--min-pixels: expected two dates"),
                ((*paths, *omnibus, "--prior", "rare"), 2, r"--prior: expected two dates"),
                ((*paths, *omnibus, "--alpha", "2"), 2, r"--alpha"),
                ((*paths[:2], three, *omnibus), 4, r"three\.tif: expected 1 bands"),
                ((three, three, *omnibus), 4, r"one or two radar channels for omnibus, got 3"),
                ((*decibel, *omnibus), 4, r"samples above 0, got a mean of -"),
                ((*paths[:2], away, *omnibus), 4, r"away\.tif.*no overlap"),
                ((*paths, "missing.tif", *omnibus), 4, r"missing\.tif"),
                ((*paths, *omnibus, "--memory", "100MiB"), 6, r"memory budget of at least \d+ MiB, got 100")):
            with self.subTest(words=words):
                done = tuban("detect", *words, "--out", self.out, "--quiet", status=status)
                self.assertRegex(done.stderr, text)
                self.assertFalse(os.path.exists(os.path.join(self.out, "MANIFEST.json")))


class LogRatio(unittest.TestCase):
    def test_gain_and_order_do_not_matter(self):
        c = intensities(9, 2, 1, 5.0, 240, 240)
        with tempfile.TemporaryDirectory(prefix="tuban-e2e-") as folder:
            found = []
            for number, (gains, order) in enumerate((((1, 1), 1), ((1, 1.7), 1), ((1, 1), -1))):
                paths = written(folder, c, gains=gains)[::order]
                out = os.path.join(folder, f"out{number}")
                tuban("detect", *paths, "--sensor", "sar", "--prior", "rare", "--register", "off", "--out", out,
                      "--quiet")
                found.append((read(f"{out}/change.tif")[0], read(f"{out}/score.tif")[0]))
        change, score = found[0]
        self.assertGreater((change[22:48, 22:58] == 1).mean(), 0.95)
        self.assertGreater((change[82:98, 102:158] == 1).mean(), 0.95)
        self.assertLess((change[120:] == 1).mean(), 0.002)
        for other, its_score in found[1:]:
            np.testing.assert_allclose(its_score, score, atol=1e-4)
            self.assertLessEqual((other != change).sum(), 5)


if __name__ == "__main__":
    e2e.main()
