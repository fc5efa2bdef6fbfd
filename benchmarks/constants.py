#!/usr/bin/python3
"""What each constant of the detection rests on: the program is built with it changed, scored on every labelled pair it
bears on, and the value is chosen anew with each pair left out.

usage: constants.py [DATA] [--only PART_OF_A_NAME] [--folder DIR] [--write docs/accuracy.md]

The tree is copied to DIR (/tmp/tuban-constants), patched and built there: half an hour. Scores are F1 at the program's
own threshold and average precision (AP), means over the pairs. "Leaving one out": for each pair the value that is best
on the others, ties going to the one in use, scored on that pair.
"""
import argparse
import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy

from engine import detect, scored

HERE = pathlib.Path(__file__).resolve().parent
CITIES, FINE, RADAR = "cities, `rare`", "fine and Landsat, `common`", "radar"
GROUPS = {
    CITIES: (("oscd_*",), "rare"),
    FINE: (("dsifn_samples/*", "optical_*", "landsat_*"), "common"),
    RADAR: (("sar_*",), "rare"),
}
DECIDE, COMPOSITE, CASCADE = "src/model/decide.c", "src/detect/composite.c", "src/detect/cascade.c"
SCORE, NORMALISE = "src/detect/score.c", "src/model/normalise.c"
CONSTANTS = (  # what, file, text with the value in its one group, other values, groups
    ("weak, of T", DECIDE, r"\bWEAK = ([\d.]+)", (0.8, 0.85, 0.95, 1.0), (CITIES, FINE, RADAR)),
    ("strong, of T", DECIDE, r"\bSTRONG = ([\d.]+)", (1.1, 1.2, 1.4, 1.5), (CITIES, FINE)),
    ("strong, of T", DECIDE, r"STRONG_RADAR = ([\d.]+)", (1.1, 1.3, 1.4, 1.6, 1.7), (RADAR,)),
    ("least contrast", DECIDE, r"CONTRAST_BOUND = ([\d.]+)", (0.3, 0.45, 0.75, 0.9), (CITIES, FINE, RADAR)),
    ("margin over the noise", DECIDE, r"NOISE_MARGIN = ([\d.]+)", (1.0, 1.15, 1.5, 1.8), (CITIES, FINE, RADAR)),
    ("cap of the scores, quantile", DECIDE, r"\bTOP = ([\d.]+)", (0.995, 0.997, 0.999, 0.9995), (CITIES,)),
    ("most that is rare, quantile", DECIDE, r"RARE_LOW_SCALED = ([\d.]+)", (0.95, 0.96, 0.98, 0.985), (CITIES,)),
    ("scale of change", COMPOSITE, r"\.change +(?:= )([\d.]+)", (1.6, 1.7, 1.9, 2.0), (CITIES,)),
    ("lowest T, `rare`", COMPOSITE, r"\.rare_low +(?:= )([\d.]+)", (1.4, 1.5, 1.7, 1.8), (CITIES,)),
    ("highest T, `rare`", COMPOSITE, r"\.rare_high +(?:= )([\d.]+)", (2.2, 2.4, 2.8, 3.0), (CITIES,)),
    ("lowest T, `common`", COMPOSITE, r"\.common_low +(?:= )([\d.]+)", (0.8, 0.9, 1.05, 1.1), (FINE,)),
    ("highest T, `common`", COMPOSITE, r"\.common_high +(?:= )([\d.]+)", (1.0, 1.05, 1.2, 1.3), (FINE,)),
    ("σ before gradients, px", SCORE, r"GRADIENT_SIGMA = ([\d.]+)", (0.7, 1.3, 1.6), (CITIES, FINE)),
    ("σ of texture, px", SCORE, r"TEXTURE_SIGMA = ([\d.]+)", (2.0, 2.5, 3.5, 4.0), (CITIES, FINE)),
    ("share taken as unchanged", NORMALISE, r"UNCHANGED_SHARE = ([\d.]+)", (0.3, 0.4, 0.6, 0.7),
     (CITIES, FINE, RADAR)),
    ("one scene from correlation", NORMALISE, r"CALIBRATED_RHO = ([\d.]+)", (0.9, 0.93, 0.97), (RADAR,)),
    ("least offset, of the mean", NORMALISE, r": (0\.05);", (0.02, 0.035, 0.07, 0.1), (RADAR,)),
    ("deviations over the median", DECIDE, r"median \+ ([\d.]+) \* 1\.4826", (3.0, 3.5, 4.5, 5.0), (RADAR,)),
    ("range of the bilateral mean", CASCADE, r"BY_EDGE = 1\.0f / ([\d.]+)f", (2.0, 2.5, 3.5, 4.0), (RADAR,)),
)


def build(tree):
    for words in (["cmake", "--preset", "release", "-Wno-dev"], ["cmake", "--build", "--preset", "release", "--target", "tuban"]):
        if words[1] == "--build" or not (tree / "build/release/build.ninja").exists():
            run = subprocess.run(words, cwd=tree, capture_output=True, text=True)
            if run.returncode:
                sys.exit(f"constants.py: {' '.join(words)} in {tree}: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    return tree / "build/release/tuban"


def folders_of(data, group):
    patterns, _ = GROUPS[group]
    return [os.path.dirname(p) for pattern in patterns for p in sorted(glob.glob(f"{data}/{pattern}/label.tif"))]


def scores(program, data, group):
    """[pairs, 2]: F1 and average precision of each labelled pair of a group."""
    rows = []
    for folder in folders_of(data, group):
        with tempfile.TemporaryDirectory() as out:
            detect(program, folder, f"{out}/x", "--prior", GROUPS[group][1])
            found = scored(program, folder, f"{out}/x")
        rows.append([found["f1"], found["ap"]])
    return numpy.array(rows)


def left_out(table, used):
    """Mean over the pairs of the score by the value that is best on the others: table [values, pairs]."""
    total = 0.0
    for pair in range(table.shape[1]):
        others = numpy.delete(table, pair, axis=1).mean(axis=1)
        best = used if others[used] >= others.max() - 1e-9 else int(others.argmax())
        total += table[best, pair]
    return total / table.shape[1]


def short(value):
    return f"{value:.3f}".lstrip("0")


def row(name, group, values, tables, used):
    """One line of the page. tables: [values, pairs, 2] in the order of values."""
    cells = [name, group, ", ".join(f"**{v:g}**" if i == used else f"{v:g}" for i, v in enumerate(values))]
    for k in range(2):
        cells += [" ".join(short(v) for v in tables[:, :, k].mean(axis=1)), short(left_out(tables[:, :, k], used))]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", default=os.environ.get("TUBAN_DATA", HERE.parent.parent / "shared/data"))
    parser.add_argument("--only", default="")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/tuban-constants"))
    parser.add_argument("--write", type=pathlib.Path)
    it = parser.parse_args()
    if not folders_of(it.data, CITIES):
        sys.exit(f"no labelled pairs in {it.data}: skipped")
    # Files are as new as the copy, so that nothing built of an earlier run's patches is taken for theirs.
    shutil.copytree(HERE.parent, it.folder, dirs_exist_ok=True, copy_function=shutil.copy,
                    ignore=shutil.ignore_patterns("build", ".git"))
    lines = ["| constant | pairs | values (in use) | F1 | leaving one out | AP | leaving one out |", "|---|---|---|---|---|---|---|"]
    program = build(it.folder)
    as_it_is = {group: scores(program, it.data, group) for group in GROUPS}
    for name, file, pattern, others, groups in CONSTANTS:
        if it.only not in name:
            continue
        text = (it.folder / file).read_text(encoding="utf-8")
        found = re.findall(pattern, text)
        if len(found) != 1:
            sys.exit(f"constants.py: {file}: expected {pattern} once, got {found}")
        values = sorted({float(found[0]), *others})
        tables = {group: [] for group in groups}
        for value in values:
            is_used = value == float(found[0])
            if not is_used:
                patched = re.sub(pattern, lambda m, v=value: m[0].replace(m[1], str(v)), text)
                (it.folder / file).write_text(patched, encoding="utf-8")
                build(it.folder)
            for group in groups:
                tables[group].append(as_it_is[group] if is_used else scores(program, it.data, group))
        (it.folder / file).write_text(text, encoding="utf-8")
        for group in groups:
            lines.append(row(name, group, values, numpy.array(tables[group]), values.index(float(found[0]))))
            print(lines[-1], flush=True)
    if it.write:
        page = it.write.read_text(encoding="utf-8")
        page = re.sub(r"(<!-- constants -->\n).*?(<!-- end constants -->)",
                      lambda m: m[1] + "\n".join(lines) + "\n" + m[2], page, flags=re.S)
        it.write.write_text(page, encoding="utf-8")


main()
