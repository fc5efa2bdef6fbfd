#!/usr/bin/python3
"""Killed at any moment and started again, a run ends with the same bytes, and a set of products is
there whole or not at all (Law 3 of the design).

Kills come at random moments, several in a row before a run may end; at the moments when a set is
moved in, which chance would seldom meet, by polling and (where strace is to be had) by the number of
the system call. TUBAN_E2E_SEED sets the seed, TUBAN_E2E_KILLS how many of the first kind.
"""
import os
import random
import shutil
import signal
import subprocess
import time

import e2e

SEED = int(os.environ.get("TUBAN_E2E_SEED", "2024"))
KILLS = int(os.environ.get("TUBAN_E2E_KILLS", "50"))


def catches(pid, number):
    """Whether a process has a handler of the signal."""
    try:
        with open(f"/proc/{pid}/status") as file:
            caught = next(line.split()[1] for line in file if line.startswith("SigCgt"))
    except (OSError, StopIteration):
        return False
    return bool(int(caught, 16) >> (number - 1) & 1)


class Kill(e2e.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pair = e2e.ground(1900, 1700, 3, 31)
        cls.images = [e2e.write(os.path.join(cls.root, f"{n}.tif"), e2e.typed(i, "uint16"),
                                (500000, 10, 0, 4000000, 0, -10), 32650,
                                options=["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256", "COMPRESS=DEFLATE"])
                      for n, i in zip("ba", pair)]
        small = [e2e.write(os.path.join(cls.root, f"small-{n}.tif"), e2e.typed(i[:, :300, :300], "uint16"),
                           (500000, 10, 0, 4000000, 0, -10), 32650) for n, i in zip("ba", pair)]
        cls.run_job = ["run", cls.job("run.yaml", cls.images), "--quiet"]
        cls.other_job = ["run", cls.job("other.yaml", cls.images, "min_pixels: 40"), "--quiet"]
        cls.detect_words = ["detect", *cls.images, "--sample", "0.2", "--shards", "5", "--quiet"]
        cls.small_job = ["run", cls.job("small.yaml", small), "--quiet"]
        cls.small_other = ["run", cls.job("small-other.yaml", small, "min_pixels: 40"), "--quiet"]
        cls.random = random.Random(SEED)

    @classmethod
    def job(cls, name, images, detect=""):
        path = os.path.join(cls.root, name)
        with open(path, "w") as file:
            file.write("job: {name: killed, month: 2024-03}\ngrid: {shards: 5, sample: 0.2, threads: 2}\npairs:\n"
                       f"  - before: {{image: {images[0]}, date: 2024-02-11}}\n"
                       f"    after: {{image: {images[1]}, date: 2024-03-12}}\n"
                       f"detect: {{{detect}}}\n")
        return path

    def start(self, words, out):
        return subprocess.Popen([e2e.PROGRAM, *words, "--out", out], env=e2e.environment(),
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def undisturbed(self, words, name="undisturbed"):
        """What it ends with, and in how many seconds."""
        out, begun = self.path(name), time.monotonic()
        e2e.tuban(*words, "--out", out)
        length = time.monotonic() - begun
        self.assertEqual(e2e.check_set(self, out), "whole")
        self.assertEqual(e2e.strays(out), [])
        found = e2e.results(out)
        shutil.rmtree(out)
        return found, length

    def finish(self, words, out, expected):
        e2e.tuban(*words, "--out", out)
        self.assertEqual(e2e.check_set(self, out), "whole")
        self.assertEqual(e2e.results(out), expected)
        self.assertEqual(e2e.strays(out), [])

    def kill_after(self, words, out, delay, signal_number=signal.SIGKILL):
        """True if the signal met it alive."""
        process = self.start(words, out)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal_number)
        said = process.communicate()[1]
        self.assertIn(process.returncode, (0, -signal_number, 7), said)
        return process.returncode != 0

    def kill_often(self, words, kills, earlier=None):
        """
        Chains of one to five kills, each of which must meet the run alive; then it may end. A chain
        goes on with what the last kill left, so its delays are of what is still to be done.
        """
        expected, length = self.undisturbed(words)
        done, chains, missed, seen = 0, 0, 0, {"none": 0, "whole": 0, "moving": 0}
        kept = self.path("kept")
        if earlier is not None:
            e2e.tuban(*earlier, "--out", kept)
        while done < kills:
            out, left = self.path(f"chain-{chains}"), length
            chains += 1
            self.assertLess(missed, 2 * kills, "the run is over before it is killed")
            if earlier is not None:
                shutil.copytree(kept, out)
            for number in range(self.random.randint(1, 5)):
                delay, begun = self.random.random() * left, time.monotonic()
                if not self.kill_after(words, out, delay):
                    missed += 1
                    if number == 0:  # the machine was slower when the whole was timed
                        length = min(length, time.monotonic() - begun)
                    break
                left = max(0.3 * length, left - delay)
                done += 1
                state = e2e.check_set(self, out)
                seen[state] += 1
                if earlier is not None:
                    self.assertNotEqual(state, "none", "the earlier set is gone")
            self.finish(words, out, expected)
            shutil.rmtree(out)
        print(f"{done} kills over {length:.2f} s in {chains} chains, {missed} came late; the set was {seen}",
              flush=True)

    def test_run(self):
        self.kill_often(self.run_job, KILLS * 2 // 5)

    def test_detect(self):
        self.kill_often(self.detect_words, KILLS * 2 // 5)

    def test_again_under_another_parameter(self):
        self.kill_often(self.other_job, KILLS - 2 * (KILLS * 2 // 5), earlier=self.run_job)

    def test_while_a_set_is_moved_in(self):
        expected, _ = self.undisturbed(self.other_job)
        out, seen = self.path("out"), {"none": 0, "whole": 0, "moving": 0}
        e2e.tuban(*self.run_job, "--out", out)
        kept = self.path("kept")
        shutil.copytree(out, kept)
        for i in range(12):
            shutil.rmtree(out)
            shutil.copytree(kept, out)
            process = self.start(self.other_job, out)
            beside = os.path.join(out, ".tuban-new")
            while process.poll() is None and not os.path.exists(beside):
                time.sleep(0.0005)
            if i % 3:
                while process.poll() is None and os.path.exists(beside) \
                        and not os.path.exists(os.path.join(beside, "MANIFEST.json")):
                    pass
            time.sleep(self.random.random() * (0.004 if i % 3 else 0.15))
            process.kill()
            process.communicate()
            state = e2e.check_set(self, out)
            seen[state] += 1
            self.assertNotEqual(state, "none")
            self.finish(self.other_job, out, expected)
        print(f"12 kills while products are written or moved; the set was {seen}", flush=True)

    def test_at_each_rename_and_removal(self):
        strace = shutil.which("strace")
        if strace is None or subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True).returncode:
            print("skipped: kills by system call (no strace, or it may not trace)")
            self.skipTest("strace")
        expected, _ = self.undisturbed(self.small_other)
        start = self.path("start")
        e2e.tuban(*self.small_job, "--out", start)
        total = {"none": 0, "whole": 0, "moving": 0}
        for call in ("rename", "unlink", "rmdir", "fsync"):
            for when in range(1, 60):
                out = self.path("out")
                shutil.copytree(start, out)
                done = subprocess.run([strace, "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                       f"inject={call}:signal=KILL:when={when}", e2e.PROGRAM, *self.small_other,
                                       "--out", out], env=e2e.environment(), capture_output=True, text=True)
                if done.returncode == 0:
                    shutil.rmtree(out)
                    break
                state = e2e.check_set(self, out)
                total[state] += 1
                self.assertNotEqual(state, "none", f"killed at {call} {when}")
                with self.subTest(call=call, when=when):
                    self.finish(self.small_other, out, expected)
                shutil.rmtree(out)
        print(f"{sum(total.values())} kills at renames, removals and syncs; the set was {total}", flush=True)

    def test_asked_to_stop(self):
        """SIGTERM: exit code 7, and what is done is kept."""
        expected, length = self.undisturbed(self.run_job)
        out, codes = self.path("out"), []
        for share in (0.15, 0.4, 0.6, 0.8):
            process = self.start(self.run_job, out)
            while process.poll() is None and not catches(process.pid, signal.SIGTERM):
                time.sleep(0.002)  # libraries are still being loaded: nothing of ours answers yet
            try:
                process.wait(length * share)
            except subprocess.TimeoutExpired:
                process.terminate()
            said = process.communicate()[1]
            codes.append(process.returncode)
            self.assertIn(process.returncode, (0, 7), said)
            if process.returncode == 7:
                self.assertEqual(len(said.splitlines()) in (1, 2), True, said)
                self.assertIn(e2e.check_set(self, out), ("none", "whole"))
                self.assertFalse(os.path.exists(os.path.join(out, ".tuban-new")))
        self.assertIn(7, codes)
        self.finish(self.run_job, out, expected)

    def test_what_is_done_is_done(self):
        """Up to date is up to date under any number of shards, and without the work folder."""
        expected, _ = self.undisturbed(self.small_job)
        out = self.path("out")
        e2e.tuban(*self.small_job, "--out", out)
        products = e2e.tree(out, lambda n: n.startswith("work/") or n == "run.json")
        e2e.tuban(*self.small_job, "--out", out, "--shards", "2")
        self.assertEqual(e2e.tree(out, lambda n: n.startswith("work/") or n == "run.json"), products)
        shutil.rmtree(os.path.join(out, "work"))
        e2e.tuban(*self.small_job, "--out", out)
        self.assertEqual(e2e.tree(out, lambda n: n.startswith("work/") or n == "run.json"), products)

    def test_the_name_of_a_job_is_in_its_products(self):
        with open(self.small_job[1]) as file:
            text = file.read()
        renamed = self.path("renamed.yaml")
        with open(renamed, "w") as file:
            file.write(text.replace("name: killed", "name: renamed"))
        out = self.path("out")
        e2e.tuban(*self.small_job, "--out", out)
        expected, _ = self.undisturbed(["run", renamed, "--quiet"])
        self.finish(["run", renamed, "--quiet"], out, expected)

    def test_a_move_that_fails_half_way(self):
        """A rename that the disk refuses: exit code 5, and the next start finishes or undoes it."""
        strace = shutil.which("strace")
        if strace is None or subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True).returncode:
            print("skipped: renames that fail (no strace, or it may not trace)")
            self.skipTest("strace")
        expected, _ = self.undisturbed(self.small_other)
        start = self.path("start")
        e2e.tuban(*self.small_job, "--out", start)
        failed = 0
        for when in range(1, 30):
            out = self.path("out")
            shutil.copytree(start, out)
            done = subprocess.run([strace, "-f", "-o", "/dev/null", "-e", "trace=rename", "-e",
                                   f"inject=rename:error=EIO:when={when}", e2e.PROGRAM, *self.small_other, "--shards",
                                   "1", "--out", out], env=e2e.environment(), capture_output=True, text=True)
            if done.returncode == 0:
                shutil.rmtree(out)
                break
            failed += 1
            with self.subTest(when=when):
                self.assertEqual(done.returncode, 5, done.stderr)
                self.assertNotEqual(e2e.check_set(self, out), "none")
                self.finish(self.small_other, out, expected)
            shutil.rmtree(out)
        print(f"{failed} renames refused", flush=True)


if __name__ == "__main__":
    e2e.main()
