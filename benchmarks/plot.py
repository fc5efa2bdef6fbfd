"""Pictures of what speed.py and growth.py measured, for the pages that have their tables.

    plot.py CSV PICTURE.svg

results/speed-*.csv: for each way an image is stored, CPU seconds of GDAL's reading and of the job, stage by
stage of the median run, by both methods on one thread, with the goal as a multiple of the reading beside it.
results/growth-*.csv: CPU seconds and peak memory by pixels and threads. The same CSV gives the same bytes.
Needs python3-matplotlib (scripts/deps.sh --peers).
"""
import argparse
import csv
import pathlib
import statistics

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "tuban", "svg.fonttype": "none", "font.size": 9,
                            "axes.spines.top": False, "axes.spines.right": False,
                            "legend.frameon": False})

from matplotlib import pyplot  # noqa: E402

import growth  # noqa: E402
import speed  # noqa: E402

COLOURS = ["#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#9d9d9d"]
READING = "#d0d0d0"
METHODS = {"auto": "default", "cva": "cva"}
GOALS = {"auto": {"deflate": 1.3, "zstd": 1.4, "none": 2.6}, "cva": {"deflate": 1.0, "zstd": 1.1, "none": 1.6}}


def bar(axes, x, rows, named):
    """The stages of the median run on top of each other, and what the process takes beside them."""
    run = sorted(rows, key=lambda row: float(row["cpu_s"]))[len(rows) // 2]
    parts = {stage: float(run[stage + "_cpu_s"]) for stage in speed.STAGES}
    parts["start and end"] = max(float(run["cpu_s"]) - sum(parts.values()), 0.0)
    bottom = 0.0
    for (name, height), colour in zip(parts.items(), COLOURS):
        axes.bar(x, height, 0.8, bottom, color=colour, label=name if named else None)
        bottom += height


def stages(rows):
    """Bars of the largest size in the rows; a line where the goal lies."""
    size = max(int(row["mpx"]) for row in rows)
    rows = [row for row in rows if int(row["mpx"]) == size and row["threads"] == "1"]
    figure, axes = pyplot.subplots(figsize=(7.5, 3.6), layout="constrained")
    ticks, x = [], 0
    for kind in dict.fromkeys(row["kind"] for row in rows):
        of = [row for row in rows if row["kind"] == kind]
        reading = statistics.median(float(row["gdal_cpu_s"]) for row in of)
        axes.bar(x, reading, 0.8, color=READING, label="GDAL only reads" if x == 0 else None)
        ticks.append((x, "GDAL"))
        axes.text(x + 1, -0.17, speed.KINDS[kind], ha="center", va="top",
                  transform=axes.get_xaxis_transform(), fontweight="bold")
        for at, method in enumerate(dict.fromkeys(row["method"] for row in of), x + 1):
            bar(axes, at, [row for row in of if row["method"] == method], at == 1)
            goal = GOALS[method][kind] * reading
            axes.hlines(goal, at - 0.45, at + 0.45, "black", linewidth=1.5, label="goal" if at == 1 else None)
            ticks.append((at, METHODS[method]))
        x = ticks[-1][0] + 2
    axes.set_xticks([at for at, _ in ticks], [name for _, name in ticks])
    axes.set_ylabel(f"CPU seconds, {size} Mpx, one thread")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def scale(rows):
    """CPU seconds and memory of the lowest run by size, a line a number of threads."""
    best = growth.best_of(rows)
    figure, panels = pyplot.subplots(1, 2, figsize=(7.5, 3.0), layout="constrained")
    for axes, field, label in zip(panels, ("cpu_s", "peak_mb"), ("CPU seconds", "peak memory, MB")):
        for threads, colour in zip(sorted({threads for _, threads in best}), COLOURS):
            sizes = sorted(size for size, number in best if number == threads)
            axes.plot(sizes, [float(best[(size, threads)][field]) for size in sizes], "o-", color=colour,
                      label=f"{threads} thread" + "s" * (threads > 1))
        axes.set(xlabel="Mpx", ylabel=label, xlim=(0, None), ylim=(0, None))
    panels[0].legend()
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", type=pathlib.Path)
    parser.add_argument("picture", type=pathlib.Path)
    it = parser.parse_args()
    with open(it.csv, newline="") as file:
        rows = list(csv.DictReader(file))
    figure = stages(rows) if "gdal_cpu_s" in rows[0] else scale(rows)
    it.picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(it.picture, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
