#!/usr/bin/python3
"""Compares `tuban tune --json` with what is worked out here from `tuban detect`, combination by combination.

The folds, the guard, the choosing and the scores are written anew with numpy; only detecting is tuban's. And what has to
hold whatever the figures: the same bytes for any threads and processor, nothing left behind, errors that say what.

usage: oracle_tune.py PROGRAM     exit 0 agrees, 1 does not, 77 skipped
"""
import itertools
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from osgeo import gdal
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

gdal.UseExceptions()

SIDE, GUARD, FOLDS = 64, 20, 4
METHODS, SMOOTHINGS, PRIORS, FACTORS, SIZES = ["cva"], ["auto", "2"], ["auto", "rate=0.1"], ["0.8", "1.5"], ["4", "30"]
DEFAULT = ("auto", "auto", "auto", "1", "10")
NAMES = ("method", "smoothing", "prior", "threshold_factor", "min_pixels")


def read(path):
    return gdal.Open(path).ReadAsArray()


def run(*words, env=None):
    return subprocess.run(words, capture_output=True, text=True, env={**os.environ, **(env or {})})


def detected(program, pair, combination, folder):
    method, smoothing, prior, factor, size = combination
    words = [] if method == "auto" else ["--method", method]
    out = run(program, "detect", pair[0], pair[1], "--out", folder, "--smoothing", smoothing, "--prior", prior,
              "--threshold-factor", factor, "--min-pixels", size, "--allow-implausible", "--quiet", *words)
    assert out.returncode == 0, out.stderr
    return read(f"{folder}/change.tif") == 1


def blocks_of(truths):
    """(raster, row, column, changed, labelled) of each block, and its fold, dealt as the header says."""
    blocks = []
    for number, truth in enumerate(truths):
        for row in range(0, truth.shape[0], SIDE):
            for column in range(0, truth.shape[1], SIDE):
                cell = truth[row:row + SIDE, column:column + SIDE]
                blocks.append((number, row, column, int((cell == 1).sum()), int((cell <= 1).sum())))
    order = sorted(range(len(blocks)), key=lambda i: (-blocks[i][3], -blocks[i][4], i))
    turns = itertools.cycle(list(range(FOLDS)) + list(range(FOLDS))[::-1])
    fold = dict(zip(order, turns))
    return [(*b[:3], fold[i]) for i, b in enumerate(blocks)]


def masks(truths):
    """For each fold and pair: the pixels of the fold, and those within the guard of it."""
    own = [[np.zeros(t.shape, bool) for t in truths] for _ in range(FOLDS)]
    near = [[np.zeros(t.shape, bool) for t in truths] for _ in range(FOLDS)]
    for number, row, column, fold in blocks_of(truths):
        own[fold][number][row:row + SIDE, column:column + SIDE] = True
        near[fold][number][max(0, row - GUARD):row + SIDE + GUARD, max(0, column - GUARD):column + SIDE + GUARD] = True
    return own, near


def figures(counts):
    tp, fp, fn, tn = counts
    n = tp + fp + fn + tn
    chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / n if n else None
    return {"f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None,
            "iou": tp / (tp + fp + fn) if tp + fp + fn else None,
            "kappa": (tp + tn - chance) / (n - chance) if n and n > chance else None,
            "precision": tp / (tp + fp) if tp + fp else None, "recall": tp / (tp + fn) if tp + fn else None}


def count(truths, flags, among):
    out = np.zeros(4, int)
    for truth, flag, mask in zip(truths, flags, among):
        t, f, m = truth == 1, flag, mask & (truth <= 1)
        out += [(m & t & f).sum(), (m & ~t & f).sum(), (m & t & ~f).sum(), (m & ~t & ~f).sum()]
    return out


def differences(where, expected, got):
    for key, value in expected.items():
        if (value is None) != (got[key] is None) or value is not None and abs(value - got[key]) > 1e-12:
            yield f"{where} {key}: expected {value}, got {got[key]}"


def word_of(row):
    return (row["method"], row["smoothing"], row["prior"], f"{row['threshold_factor']:g}", f"{row['min_pixels']:g}")


def validation(where, truths, flags, grid, allowed, own, near, aim, got):
    total, usual = np.zeros(4, int), np.zeros(4, int)
    for f, row in enumerate(got["folds"]):
        learn = [~m for m in near[f]]
        values = []
        for combination in grid:
            value = figures(count(truths, flags[combination], learn))[aim]
            values.append(-np.inf if value is None or combination not in allowed else value)
        best = grid[int(np.argmax(values))]
        if word_of(row["chosen"]) != best:
            yield f"{where} fold {f}: expected {best}, got {word_of(row['chosen'])}"
        here = count(truths, flags[best], own[f])
        total += here
        usual += count(truths, flags[DEFAULT], own[f])
        yield from differences(f"{where} fold {f}", figures(here), row["scored"])
        yield from differences(f"{where} fold {f} learnt", figures(count(truths, flags[best], learn)), row["learnt"])
    yield from differences(where, figures(total), got)
    yield from differences(f"{where} default", figures(usual), got["default"])


def compare(program, pairs, folder, aim):
    options = ["--method", ",".join(METHODS), "--smoothing", ",".join(SMOOTHINGS), "--prior", ",".join(PRIORS),
               "--threshold-factor", ",".join(FACTORS), "--min-pixels", ",".join(SIZES), "--side", str(SIDE), "--guard",
               str(GUARD), "--folds", str(FOLDS), "--aim", aim]
    words = [w for p in pairs for w in p[:2]] + [w for p in pairs for w in ("--truth", p[2])]
    out = run(program, "tune", *words, *options, "--json", "--quiet")
    if out.returncode:
        yield f"tune: {out.stderr}"
        return
    again = run(program, "tune", *words, *options, "--json", "--quiet", "--threads", "3", "--block", "48",
                env={"TUBAN_CPU": "c"})
    if again.stdout != out.stdout:
        yield "three threads, small blocks and plain C give other bytes"
    got = json.loads(out.stdout)
    truths = [read(p[2]) for p in pairs]
    grid = [DEFAULT] + list(itertools.product(METHODS, SMOOTHINGS, PRIORS, FACTORS, SIZES))
    flags = {c: [detected(program, p, c, f"{folder}/detect") for p in pairs] for c in grid}
    if [word_of(r) for r in got["rows"]] != grid:
        yield f"rows: expected {grid}, got {[word_of(r) for r in got['rows']]}"
        return
    everything = [np.ones(t.shape, bool) for t in truths]
    for row in got["rows"]:
        yield from differences(f"row {word_of(row)}", figures(count(truths, flags[word_of(row)], everything)), row)
    allowed = {word_of(r) for r in got["rows"] if not r["implausible"]}
    values = [figures(count(truths, flags[c], everything))[aim] if c in allowed else None for c in grid]
    best = grid[int(np.argmax([-1 if v is None else v for v in values]))]
    if word_of(got["chosen"]) != best:
        yield f"chosen: expected {best}, got {word_of(got['chosen'])}"
    if got["detect"] != "detect: {" + ", ".join(f"{k}: {v}" for k, v in zip(NAMES, best)) + "}\n":
        yield f"snippet: {got['detect']}"
    own, near = masks(truths)
    yield from validation("blocks", truths, flags, grid, allowed, own, near, aim, got["cross_validated"])
    if len(pairs) > 1:
        one = [[np.full(t.shape, i == k) for i, t in enumerate(truths)] for k in range(len(pairs))]
        yield from validation("pairs", truths, flags, grid, allowed, one, one, aim, got["by_pair"])
    elif got["by_pair"] is not None:
        yield "by_pair: expected null for one pair"
    print(f"{len(pairs)} pairs, {aim}: default {got['default'][aim]:.4f}, cross-validated "
          f"{got['cross_validated'][aim]:.4f}, optimistic {got['chosen'][aim]:.4f}")


def job_takes(program, pair, folder):
    """What the snippet says is what a job does: the fitted model says so."""
    with open(f"{folder}/job.yaml", "w", encoding="utf-8") as file:
        file.write(f"pairs: [{{before: {{image: {pair[0]}}}, after: {{image: {pair[1]}}}}}]\n"
                   "detect: {method: cva, smoothing: 2, prior: auto, threshold_factor: 0.8, min_pixels: 30}\n")
    out = run(program, "run", f"{folder}/job.yaml", "--out", f"{folder}/out", "--until", "fit", "--json", "--quiet")
    same = run(program, "fit", pair[0], pair[1], "--method", "cva", "--smoothing", "2", "--threshold-factor", "0.8", "--json",
               "--quiet")
    plain = run(program, "fit", pair[0], pair[1], "--method", "cva", "--smoothing", "2", "--json", "--quiet")
    if out.returncode or same.returncode or plain.returncode:
        yield f"job: {out.stderr}{same.stderr}{plain.stderr}"
        return
    job, fit = json.loads(out.stdout)["pairs"][0], json.loads(same.stdout)
    if job["threshold"] != fit["threshold"] or job["smoothing"] != 2:
        yield f"job: expected {fit['threshold']}, got {job['threshold']}"
    if abs(fit["threshold"]["value"] / json.loads(plain.stdout)["threshold"]["value"] - 0.8) > 1e-8:
        yield "the factor does not multiply the threshold"


def refusals(program, pair, folder):
    small, empty = f"{folder}/small.tif", f"{folder}/empty.tif"
    for path, value in ((small, 1), (empty, 0)):
        data = gdal.GetDriverByName("GTiff").Create(path, 50, 50, 1, gdal.GDT_Byte)
        data.GetRasterBand(1).Fill(value)
        data = None
    base = [program, "tune", pair[0], pair[1], "--truth", pair[2]]
    for words, code, text in (
            (base + ["--method", "cva,xyz"], 2, "xyz"), (base + ["--smoothing", "9"], 2, "smoothing"),
            (base + ["--prior", ""], 2, "--prior"), (base + ["--threshold-factor", "0"], 2, "threshold_factor"),
            (base + ["--min-pixels", "2.5"], 2, "min_pixels"), (base + ["--min-pixels", "1,,2"], 2, "min_pixels"),
            (base + ["--side", "64", "--guard", "40"], 2, "guard"), (base + ["--truth", pair[2]], 2, "--truth"),
            (base[:4] + ["--truth", small, "--side", "16", "--guard", "4"], 4, "small.tif"),
            (base[:4] + ["--truth", empty], 4, "blocks"), (base[:4] + ["--truth", f"{folder}/none.tif"], 4, "none.tif")):
        out = run(*words)
        if out.returncode != code or text not in out.stderr or out.stdout:
            yield f"{words[2:]}: expected exit {code} naming {text}, got {out.returncode}: {out.stderr}"
    out = run(*base, "--side", "64", "--guard", "20", env={"TMPDIR": f"{folder}/no/such"})
    if out.returncode != 5:
        yield f"no temporary folder: expected exit 5, got {out.returncode}: {out.stderr}"


def main():
    program = os.path.abspath(sys.argv[1])
    if not os.access(program, os.X_OK):
        print(f"SKIPPED: no {program}")
        return 77
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = f"{folder}/tmp"
        os.mkdir(f"{folder}/tmp")
        pairs = []
        for seed, size in ((3, 256), (4, 224)):
            county = f"{folder}/county{seed}"
            out = run(program, "synth", "--out", county, "--size", str(size), "--seed", str(seed), "--quiet")
            assert out.returncode == 0, out.stderr
            pairs.append((f"{county}/t1.tif", f"{county}/t2.tif", f"{county}/truth.tif"))
        wrong += compare(program, pairs[:1], folder, "kappa")
        wrong += compare(program, pairs, folder, "f1")
        real = os.environ.get("TUBAN_DATA", os.path.join(os.path.dirname(__file__), "../../shared/data"))
        real = [f"{real}/landsat_taizhou/{name}.tif" for name in ("T1", "T2", "label")]
        if os.path.exists(real[0]):
            wrong += compare(program, [real], folder, "iou")
        else:
            print(f"SKIPPED: no {real[0]}")
        wrong += job_takes(program, pairs[0], folder)
        wrong += refusals(program, pairs[0], folder)
        if os.listdir(f"{folder}/tmp"):
            wrong.append(f"left behind: {os.listdir(f'{folder}/tmp')}")
    for line in wrong:
        print(line)
    print(f"{len(wrong)} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
