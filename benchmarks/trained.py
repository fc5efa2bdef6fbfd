#!/usr/bin/python3
"""Trained filters, leaving one pair out: of each group of labelled pairs a filter is trained on all but one and
detects on that one. Prints each, beside the untrained method.

usage: trained.py PROGRAM [DATA] [--keep FOLDER] [-- OPTIONS OF DETECT]
"""
import glob
import os
import sys
import tempfile

from engine import arguments, detect, report, scored

GROUPS = (("farmland to construction, 0.5-2 m", "dsifn_samples/*"), ("Sentinel-2 cities, 10 m", "oscd_*"),
          ("radar", "sar_*"))


def files(folder):
    return [f"{folder}/{name}" for name in ("T1.tif", "T2.tif", "label.tif")]


def score(program, folder, out, more):
    detect(program, folder, out, *more)
    return scored(program, folder, out)


def main():
    program, data, more, given = arguments("--keep")
    keep = given["--keep"]
    if keep:
        os.makedirs(keep, exist_ok=True)
    seen = False
    for name, pattern in GROUPS:
        folders = sorted(os.path.dirname(p) for p in glob.glob(f"{data}/{pattern}/label.tif"))
        if len(folders) < 4:
            print(f"{name}: fewer than four labelled pairs in {data}: skipped")
            continue
        seen = True
        print(f"{name}\n{'left out':20} {'F1':>6} {'prec':>6} {'recall':>6} {'AP':>6} {'best':>6} {'flag%':>6}"
              f" {'cut':>6}  {'inner F1':>8}  {'untrained F1':>12} {'AP':>6}")
        rows = []
        for left in folders:
            with tempfile.TemporaryDirectory() as out:
                filter_path = os.path.join(keep or out, os.path.basename(left) + ".yaml")
                learnt = report(program, "train", "--out", filter_path, "--json", "--quiet",
                              *[f for other in folders if other != left for f in files(other)])
                got = score(program, left, f"{out}/trained", ["--model", filter_path, *more])
                plain = score(program, left, f"{out}/plain", more)
            row = [got["f1"] or 0, got["precision"] or 0, got["recall"] or 0, got["ap"] or 0, got["best_f1"] or 0,
                   plain["f1"] or 0, plain["ap"] or 0]
            rows.append(row)
            print(f"{os.path.basename(left):20} {row[0]:6.3f} {row[1]:6.3f} {row[2]:6.3f} {row[3]:6.3f} {row[4]:6.3f}"
                  f" {100 * got['flagged']:6.2f} {learnt['cut']:6.3f}  {learnt['f1']:8.3f}  {row[5]:12.3f}"
                  f" {row[6]:6.3f}", flush=True)
        mean = [sum(column) / len(rows) for column in zip(*rows)]
        print(f"{'mean':20} {mean[0]:6.3f} {mean[1]:6.3f} {mean[2]:6.3f} {mean[3]:6.3f} {mean[4]:6.3f}"
              f" {'':6} {'':6}  {'':8}  {mean[5]:12.3f} {mean[6]:6.3f}\n")
    if not seen:
        sys.exit(f"no labelled pairs in {data}: skipped")


main()
