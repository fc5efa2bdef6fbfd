"""Clouds without a delivered mask: what the screen catches and what it leaves, on made-up counties whose masks are known
and kept from it; and that it is the same for any block, thread, shard and instruction set."""
import json
import os
import unittest

import e2e
import numpy as np


class Screen(e2e.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.county = {}

    def made(self, clouds, seed, gsd=2, size=700):
        """The county, made once for all tests."""
        key = (clouds, seed, gsd)
        if key not in self.county:
            folder = os.path.join(self.root, f"county-{clouds}-{seed}-{gsd}")
            e2e.tuban("synth", "--out", folder, "--size", size, "--seed", seed, "--gsd", gsd, "--clouds", clouds, "--quiet")
            self.county[key] = folder
        return self.county[key]

    def detect(self, out, county, *words):
        """The report, and change.tif."""
        said = e2e.tuban("detect", f"{county}/t1.tif", f"{county}/t2.tif", "--out", self.path(out), "--json", "--quiet",
                         "--allow-implausible", *words).stdout
        return json.loads(said), e2e.read(self.path(out) + "/change.tif")[0]

    def f1(self, out, county):
        said = e2e.tuban("eval", "--truth", f"{county}/truth.tif", "--change", self.path(out) + "/change.tif", "--json").stdout
        return json.loads(said)["f1"]

    def test_clouds(self):
        """Two counties the constants were not chosen on."""
        for seed in (31, 57):
            county = self.made(0.3, seed, size=900)
            clear = np.all([e2e.read(f"{county}/t{k}_valid.tif")[0] != 0 for k in (1, 2)], axis=0)
            report, change = self.detect(f"auto{seed}", county)
            caught, lost = (change[~clear] == 255).mean(), (change[clear] == 255).mean()
            self.assertGreater(report["strata"][0]["screened_cloud"], 0.1)
            self.detect(f"off{seed}", county, "--screen", "off")
            with_screen, without = self.f1(f"auto{seed}", county), self.f1(f"off{seed}", county)
            print(f"seed {seed}: {caught:.1%} of clouds and shadows caught, {lost:.1%} of clear ground lost, "
                  f"F1 {without:.3f} -> {with_screen:.3f}", flush=True)
            self.assertGreater(caught, 0.85)
            self.assertLess(lost, 0.12)
            self.assertGreater(with_screen, without)

    def test_same_bytes(self):
        county, kept = self.made(0.3, 31, size=900), None
        runs = [(("--threads", 1), {}), (("--threads", 3, "--block", 100), {}), (("--block", 64, "--shards", 4), {}),
                (("--threads", 2), {"TUBAN_CPU": "c"}), (("--threads", 2), {"GLIBC_TUNABLES": e2e.MASKED_GLIBC})]
        for i, (words, env) in enumerate(runs):
            out = self.path(f"out{i}")
            e2e.tuban("detect", f"{county}/t1.tif", f"{county}/t2.tif", "--out", out, "--quiet", "--allow-implausible",
                      *words, env=e2e.environment(**env))
            found = {n: e2e.sha256(f"{out}/{n}") for n in ("change.tif", "score.tif", "model.yaml")}
            kept = kept or found
            self.assertEqual(found, kept, (words, env))
        with open(f"{out}/model.yaml") as model:
            self.assertIn("screen:", model.read())
        # The model holds all that is global: used again it gives the same.
        again = self.path("again")
        e2e.tuban("detect", f"{county}/t1.tif", f"{county}/t2.tif", "--out", again, "--quiet", "--model", f"{out}/model.yaml")
        self.assertEqual(e2e.sha256(f"{again}/change.tif"), kept["change.tif"])
        self.assertEqual(e2e.sha256(f"{again}/score.tif"), kept["score.tif"])

    def test_clear(self):
        """Where there are no clouds the screen changes nothing, whatever is built."""
        county = self.made(0, 8)
        _, auto = self.detect("auto", county)
        _, off = self.detect("off", county, "--screen", "off")
        self.assertTrue(np.array_equal(auto, off))
        self.assertEqual(e2e.sha256(self.path("auto/model.yaml")), e2e.sha256(self.path("off/model.yaml")))

    def test_bright_roof(self):
        """A new white hall of 60 by 60 pixels beside others is a change, not a cloud."""
        before, after = e2e.ground(800, 800, 4, 9)
        after[:, 300:360, 400:460] = 0.98
        after[:, 500:520, 100:180] = 0.97
        tif = [e2e.write(self.path(f"{i}.tif"), e2e.typed(t, "uint16"), [5e5, 2, 0, 4e6, 0, -2], 32650)
               for i, t in enumerate((before, after))]
        e2e.tuban("detect", *tif, "--out", self.path("out"), "--quiet")
        change = e2e.read(self.path("out/change.tif"))[0]
        self.assertTrue((change[305:355, 405:455] == 1).all())
        self.assertFalse((change == 255).any())

    def test_masks_stand_alone(self):
        """A date's own mask is taken as it is; the screen is for pairs of which one lacks it."""
        county = self.made(0.3, 31, size=900)
        masks = ("--valid-before", f"{county}/t1_valid.tif", "--valid-after", f"{county}/t2_valid.tif", "--register", "off")
        report, change = self.detect("masks", county, *masks)
        clear = np.all([e2e.read(f"{county}/t{k}_valid.tif")[0] != 0 for k in (1, 2)], axis=0)
        clear &= np.all([(e2e.read(f"{county}/t{k}.tif") != 0).any(0) for k in (1, 2)], axis=0)
        self.assertNotIn("screened_cloud", report["strata"][0])
        self.assertTrue(np.array_equal(change == 255, ~clear))
        report, change = self.detect("one", county, *masks[:2])
        self.assertIn("screened_cloud", report["strata"][0])
        self.assertTrue((change[~(e2e.read(f"{county}/t1_valid.tif")[0] != 0)] == 255).all())

    def test_job(self):
        """detect.screen; and the model's key tells a screened fit from another."""
        county = self.made(0.3, 31, size=900)
        pair = f"pairs:\n  - before: {{image: {county}/t1.tif}}\n    after: {{image: {county}/t2.tif}}\n"
        observed = {}
        for word in ("auto", "off", "auto"):
            with open(self.path("job.yaml"), "w") as out:
                out.write(pair + f"detect: {{screen: {word}, allow_implausible: true}}\noutput: {{folder: out}}\n")
            summary = json.loads(e2e.tuban("run", self.path("job.yaml"), "--json", "--quiet").stdout)
            self.assertEqual(observed.setdefault(word, summary["observed_m2"]), summary["observed_m2"])
        self.assertLess(observed["auto"], 0.8 * observed["off"])
        with open(self.path("job.yaml"), "w") as out:
            out.write(pair + "detect: {screen: maybe}\n")
        self.assertIn("screen", e2e.tuban("run", self.path("job.yaml"), status=3).stderr)


if __name__ == "__main__":
    e2e.main()
