"""A fault on a chosen write leaves a whole set of products or none, and one line that says so.

    /usr/bin/python3 tests/e2e_write_faults.py PROGRAM [TEST...]

strace fails the Nth call of a kind (on paths of the output folder, so that neither libraries nor
the message on stderr are hit), for N spread over all that an undisturbed run makes.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import e2e
import e2e_bad_input as bad

OUTPUT = 5
CALLS = ("write", "pwrite64", "ftruncate", "fsync", "rename", "mkdir")


def can_trace():
    try:
        done = subprocess.run(["strace", "-f", "-e", "trace=write", "-e",
                               "inject=write:error=EIO:when=1000", "true"], capture_output=True)
    except FileNotFoundError:
        return "no strace (apt-get install strace)"
    return "" if done.returncode == 0 else f"strace cannot trace: {done.stderr.decode().strip()}"


def spread(count, most):
    """1 .. count, all of them or `most` of them with both ends."""
    if count <= most:
        return list(range(1, count + 1))
    return sorted({1 + i * (count - 1) // (most - 1) for i in range(most)})


class Faults(bad.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for side, samples in enumerate(bad.ground(bands=2, width=180, height=150)):
            bad.write(f"{cls.good}/t{side + 1}.tif", samples)
        with open(f"{cls.good}/job.yaml", "w", encoding="utf-8") as file:
            file.write("job: {month: 2024-03}\npairs:\n"
                       "  - before: {image: t1.tif, date: 2024-02-11}\n"
                       "    after: {image: t2.tif, date: 2024-03-12}\n")

    def products(self):
        """What the set consists of, but the times in run.json; None where there is no set."""
        if not os.path.exists(self.path("out")):
            return None
        state = e2e.check_set(self, self.path("out"))
        if state == "moving":
            return state
        if state == "none":
            return None
        return e2e.tree(self.path("out"),
                        lambda name: name == "run.json" or name.startswith("work/"))

    def reset(self, earlier):
        shutil.rmtree(self.path("out"), ignore_errors=True)
        if earlier is not None:
            shutil.copytree(earlier, self.path("out"), copy_function=shutil.copy2)

    def traced(self, words, inject=None):
        """A run under strace: its result, and how many calls of each kind it made."""
        log = self.path("strace.log")
        with open(log, "wb"):
            pass
        more = ["-e", "inject=" + inject] if inject else []
        # Descriptors show their paths (-y): only those of the output folder count.
        result = bad.run(*words, cwd=self.dir, before=[
            "strace", "-f", "-y", "-qq", "-o", log, "-e", "trace=" + ",".join(CALLS), *more])
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        os.remove(log)
        return result, lines

    def numbers(self, words):
        """For each kind of call, which of them (counted from 1) concern the output folder."""
        _, lines = self.traced(words)
        found = {call: [] for call in CALLS}
        count = dict.fromkeys(CALLS, 0)
        for line in lines:
            match = re.match(r"\d+ +(\w+)\((.*)", line)
            if match is None or match[1] not in count:
                continue
            count[match[1]] += 1
            if "out" in re.sub(r"/tmp/tuban-e2e-[^/]*", "", match[2].split(", ")[0]):
                found[match[1]].append(count[match[1]])
        return found

    def disturb(self, words, errors, most, earlier=None):
        self.reset(earlier)
        before = self.products()
        result = bad.run(*words, cwd=self.dir)
        self.assertEqual(result.returncode, 0, bad.said(result))
        good = self.products()
        self.assertIsInstance(good, dict)
        self.reset(earlier)
        numbers = self.numbers(words)
        ends = {0: 0, OUTPUT: 0}
        for call in CALLS:
            for error in errors:
                for n in spread(len(numbers[call]), most):
                    when = numbers[call][n - 1]
                    with self.subTest(words=words[0], call=call, error=error, when=when):
                        self.reset(earlier)
                        kept = bad.tree(self.dir)
                        result, lines = self.traced(words, f"{call}:error={error}:when={when}")
                        hit = [line for line in lines if "(INJECTED)" in line]
                        about = f"exit {result.returncode}, {bad.said(result)!r}, {hit}"
                        self.assertEqual(len(hit), 1, about)
                        self.assertIn(result.returncode, ends, about)
                        ends[result.returncode] += 1
                        self.assertEqual(result.stdout, b"", about)
                        self.check_end(result, good, before, kept, about)
        print(f"{words[0]}: {ends[0]} of {sum(ends.values())} faults were got over, "
              f"{ends[OUTPUT]} told", flush=True)
        self.assertGreater(ends[OUTPUT], 10)

    def check_end(self, result, good, before, kept, about):
        said = bad.said(result).splitlines()
        state = self.products()
        if result.returncode == 0:
            self.assertEqual(said, [], about)
            self.assertEqual(state, good, about)
            self.assertEqual(e2e.strays(self.path("out")), [], about)
            return
        self.assertIn(len(said), (1, 2), about)
        self.assertRegex(said[0], r"^tuban: error: .*expected .*, got", about)
        if "TUBAN_TABLE" in os.environ:
            with open(os.environ["TUBAN_TABLE"], "a", encoding="utf-8") as table:
                table.write(f"{result.returncode}\tfaults\t{about[about.index('['):]}\t"
                            f"{bad.said(result)!r}\n")
        if state in (before, None) and state != good:
            # The state before: nothing of this run is left, whatever it had made.
            self.assertEqual(bad.tree(self.dir), kept, about)
        else:
            # All was durable when it failed: moved in, or the next start does that.
            self.assertIn(state, (good, "moving"), about)
        again = bad.run(*self.words, cwd=self.dir)
        self.assertEqual(again.returncode, 0, f"{about}, then {bad.said(again)!r}")
        self.assertEqual(self.products(), good, about)
        self.assertEqual(e2e.strays(self.path("out")), [], about)

    def go(self, words, errors=("EIO", "ENOSPC"), most=4, earlier=None):
        self.words = [*words, "--threads", "1", "--quiet"]
        self.disturb(self.words, errors, most, earlier)

    def test_detect(self):
        self.go(["detect", "t1.tif", "t2.tif", "--out", "out"])

    def test_detect_in_shards(self):
        self.go(["detect", "t1.tif", "t2.tif", "--out", "out", "--shards", "3"], errors=["EIO"],
                most=4)

    def test_run(self):
        self.go(["run", "job.yaml", "--out", "out"])

    def test_judge(self):
        """With every file it can write: a restricted list and a Shapefile too."""
        self.accept("run", "job.yaml", "--out", "made", "--quiet")
        shutil.copy(self.path("made/parcels.gpkg"), self.path("drawn.gpkg"))
        shutil.rmtree(self.path("made"))
        with open(self.path("job.yaml"), "a", encoding="utf-8") as file:
            file.write("layers: {withheld: {path: drawn.gpkg, layer: rejected}}\n")
        self.words = ["judge", "job.yaml", "--parcels", "drawn.gpkg", "--layer", "parcels", "--formats", "gpkg,shp",
                      "--out", "out", "--quiet"]
        self.disturb(self.words, ["EIO"], 4)

    def test_detect_over_an_earlier_set(self):
        self.accept("detect", "t1.tif", "t2.tif", "--out", "earlier", "--min-pixels", "5000")
        self.go(["detect", "t1.tif", "t2.tif", "--out", "out"], errors=["EIO"], most=5,
                earlier=self.path("earlier"))

    def test_run_over_a_set_of_other_products(self):
        self.accept("detect", "t1.tif", "t2.tif", "--out", "earlier")
        self.go(["run", "job.yaml", "--out", "out"], errors=["EIO"], most=4,
                earlier=self.path("earlier"))


if __name__ == "__main__":
    reason = can_trace()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    e2e.main()
