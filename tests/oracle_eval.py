#!/usr/bin/python3
"""Compares `tuban eval --json` with figures worked out here with numpy, over random rasters.

usage: oracle_eval.py PROGRAM [ROUNDS]     exit 0 agrees, 1 does not, 77 skipped
"""
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
         paths["score"], "--min-pixels", str(least), "--json"],
        check=True, capture_output=True).stdout)
    labelled = truth != 255
    ranked = np.where(unseen, -1.0, score.astype(float))
    expected = figures(truth == 1, change == 1, ranked, labelled, least)
    expected["unobserved"] = share(int((labelled & unseen).sum()), int(labelled.sum()))
    yield from disagreements("", expected, got)
    expected = figures(truth == 1, change == 1, ranked, labelled & ~unseen, least)
    yield from disagreements("observed.", expected, got["observed"])


def main():
    program = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    if not os.access(program, os.X_OK):
        print(f"SKIPPED: no {program}")
        return 77
    random = np.random.default_rng(371000)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for line in one_round(program, folder, random, number):
                print(f"round {number}: {line}")
                wrong += 1
    print(f"{rounds} rounds, {wrong} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
