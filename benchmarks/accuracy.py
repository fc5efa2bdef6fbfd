#!/usr/bin/python3
"""Accuracy of `tuban detect` on every labelled pair of the data folder, as a table.

usage: accuracy.py PROGRAM [DATA] [-- OPTIONS OF DETECT]
"""
import glob
import json
import os
import subprocess
import sys
import tempfile


def call(*words):
    run = subprocess.run(words, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{' '.join(words)}: exit {run.returncode}: {run.stderr.strip()}")
    return json.loads(run.stdout)


def main():
    words = sys.argv[1:]
    more = words[words.index("--") + 1:] if "--" in words else []
    words = words[:words.index("--")] if "--" in words else words
    here = os.path.dirname(os.path.abspath(__file__))
    program = os.path.abspath(words[0])
    data = words[1] if len(words) > 1 else os.environ.get("TUBAN_DATA", f"{here}/../../shared/data")
    labels = sorted(glob.glob(f"{data}/**/label.tif", recursive=True))
    if not labels:
        sys.exit(f"no labelled pairs in {data}: skipped")
    print(f"{'pair':28} {'F1':>6} {'best':>6} {'AP':>6} {'AUC':>6} {'kappa':>6} {'objR':>5} {'objP':>5}"
          f" {'flag%':>6}  shift            threshold")
    groups = {}
    for label in labels:
        folder = os.path.dirname(label)
        name = os.path.relpath(folder, data)
        with tempfile.TemporaryDirectory() as out:
            found = call(program, "detect", f"{folder}/T1.tif", f"{folder}/T2.tif", "--out", out, "--json",
                         "--quiet", *more)
            score = call(program, "eval", "--truth", label, "--change", f"{out}/change.tif", "--score",
                         f"{out}/score.tif", "--json")
        value = {k: score[k] if score[k] is not None else float("nan") for k in
                 ("f1", "best_f1", "ap", "auc", "kappa", "object_recall", "object_precision")}
        shift = found["registration"]
        threshold = found.get("threshold", {"value": 0, "rule": "not judged"})
        print(f"{name:28} {value['f1']:6.3f} {value['best_f1']:6.3f} {value['ap']:6.3f} {value['auc']:6.3f}"
              f" {value['kappa']:6.3f} {value['object_recall']:5.2f} {value['object_precision']:5.2f}"
              f" {100 * (found['flagged'] or 0):6.2f}  {'*' if shift['applied'] else ' '}"
              f"{shift['dx']:6.2f} {shift['dy']:6.2f}  {threshold['value']:6.3g} {threshold['rule']}")
        groups.setdefault(name.split("_")[0], []).append(value)
    for group, values in sorted(groups.items()):
        mean = {k: sum(v[k] for v in values) / len(values) for k in values[0]}
        print(f"mean of {len(values):2} {group:17} {mean['f1']:6.3f} {mean['best_f1']:6.3f} {mean['ap']:6.3f}"
              f" {mean['auc']:6.3f} {mean['kappa']:6.3f} {mean['object_recall']:5.2f}"
              f" {mean['object_precision']:5.2f}")


main()
