"""How the whole job grows with pixels and threads, and what a province would take.

    growth.py PROGRAM [--folder DIR] [--pixels 25,100,400] [--threads 1,2] [--rounds 3] [--write PAGE]
    growth.py --predict CSV [--write PAGE]

Without layers: registration, fit, sweep, assembly, outlines, products; images uncompressed. Up to
100 Mpx they are speed_scene.py's; larger ones are made of copies of the 100 Mpx pair side by side, as
making one up takes longer than all else. CPU seconds and the share of the time in which workers waited
for one another are the program's own (run.json). Lowest of the rounds. Writes
results/growth-COMMIT.csv; --write puts the table into a page between its marks, --predict that of hours.

The prediction is arithmetic: CPU seconds a pixel of the largest size in the CSV, pixels of a province at
a ground sampling distance, cores that are kept as busy as two were. What decoding takes, and
what a month's parcels take to be judged, is added as DECODING and JUDGED say.
"""
import argparse
import concurrent.futures
import csv
import json
import os
import pathlib
import shutil
import sys

from osgeo import gdal

import speed
import speed_scene

gdal.UseExceptions()

FIELDS = ["commit", "machine", "mpx", "threads", "round", "cpu_s", "wall_s", "peak_mb", "worker_s",
          "waiting_s", *(stage + "_cpu_s" for stage in speed.STAGES)]
PROVINCES = {"Shandong": 158_000, "Ningxia": 66_400}  # km2
DISTANCES = [2.0, 0.8]                                # m
CORES = [16, 64]
BUSY = 0.9  # of each core's time
DECODING = 10    # ns of CPU a pixel and date more where 4 bands of 16 bits are DEFLATE: the sweeps of docs/performance.md
STORED = 0.44    # of two dates of four bands of 16 bits, as the scene compresses
JUDGED = 0.0006  # CPU seconds a km2 to judge its parcels: 400 km2 on two layers of 500 polygons a km2
JOB = """job: {{name: growth-{size}, month: 2024-03}}
pairs:
  - before: {{image: before-none.tif, date: 2024-02-11}}
    after:  {{image: after-none.tif, date: 2024-03-12}}
"""


def mosaic(folder, size):
    """A square of copies of the 100 Mpx pair."""
    base, out = speed_scene.make(folder, 100, ["none"]), folder / str(size)
    times = int(round((size / 100) ** 0.5))
    out.mkdir(parents=True, exist_ok=True)
    for date in ("before", "after"):
        target = out / f"{date}-none.tif"
        if target.exists():
            continue
        source = gdal.Open(str(base / f"{date}-none.tif"))
        side = source.RasterXSize
        image = speed_scene.create(out / f"part-{date}.tif", times * side, [])
        for top in range(0, times * side, speed_scene.TILE):
            for x in range(times):
                y = top
                while y < min(top + speed_scene.TILE, times * side):
                    rows = min(side - y % side, top + speed_scene.TILE - y, times * side - y)
                    image.WriteRaster(x * side, y, side, rows, source.ReadRaster(0, y % side, side, rows))
                    y += rows
        image = None
        os.rename(out / f"part-{date}.tif", target)
    return out


def scene(folder, size):
    found = mosaic(folder, size) if size > 100 else speed_scene.make(folder, size, ["none"])
    path = found / "job-growth.yaml"
    path.write_text(JOB.format(size=size))
    return path


def run(program, job, threads):
    out = job.parent / "out-growth"
    shutil.rmtree(out, ignore_errors=True)
    wall, cpu, peak, _ = speed.measure([program, "run", job, "--out", out, "--threads", str(threads), "--quiet"])
    stages = json.loads((out / "run.json").read_text())["stages"]
    shutil.rmtree(out)
    return {"cpu_s": round(cpu, 3), "wall_s": round(wall, 3), "peak_mb": round(peak),
            "worker_s": round(sum(s["worker_seconds"] for s in stages.values()), 3),
            "waiting_s": round(sum(s["waiting_seconds"] for s in stages.values()), 3),
            **{s + "_cpu_s": round(stages.get(s, {}).get("cpu_seconds", 0.0), 3) for s in speed.STAGES}}


def best_of(rows):
    """The round with the least CPU of each size and number of threads."""
    best = {}
    for row in rows:
        key = int(row["mpx"]), int(row["threads"])
        if key not in best or float(row["cpu_s"]) < float(best[key]["cpu_s"]):
            best[key] = row
    return best


def table(rows):
    best = best_of(rows)
    lines = ["| Mpx | threads | CPU s | CPU ns a pixel | CPU, one thread = 1 | workers waiting | "
             + " | ".join(s + ", s" for s in speed.STAGES[:3]) + " | peak MB |", "|---" * 10 + "|"]
    for (size, threads), row in best.items():
        one = float(best.get((size, 1), row)["cpu_s"])
        share = float(row["waiting_s"]) / max(float(row["worker_s"]), 1e-9)
        lines.append(f"| {size} | {threads} | {float(row['cpu_s']):.1f} | {float(row['cpu_s']) / size * 1000:.0f} | "
                     f"{float(row['cpu_s']) / one:.2f} | {100 * share:.1f} % | "
                     + " | ".join(f"{float(row[s + '_cpu_s']):.1f}" for s in speed.STAGES[:3])
                     + f" | {row['peak_mb']} |")
    return "\n".join(lines)


def prediction(rows):
    best = best_of(rows)
    size = max(mpx for mpx, _ in best)
    row = best[(size, 1)]
    sweep = (float(row["sweep_cpu_s"]) + float(row["assemble_cpu_s"])) / size * 1000  # ns a pixel
    fit = float(row["fit_cpu_s"])
    lines = [f"From {size} Mpx, one thread: {sweep:.0f} ns of CPU a pixel for sweep and assembly, "
             f"{2 * DECODING:.1f} more for DEFLATE; {fit:.0f} s for the fit of a pair of 2,500 km2.", "",
             "| province | km2 | ground | Gpx | CPU hours | "
             + " | ".join(f"{c} cores, h | reading, GB/s" for c in CORES) + " |",
             "|---" * (5 + 2 * len(CORES)) + "|"]
    for name, area in PROVINCES.items():
        for distance in DISTANCES:
            pixels = area * 1e6 / distance ** 2
            hours = (pixels * (sweep + 2 * DECODING) * 1e-9 + area * JUDGED + area / 2500 * fit) / 3600
            gigabytes = pixels * 2 * 4 * 2 * STORED / 1e9
            walls = [hours / cores / BUSY for cores in CORES]
            lines.append(f"| {name} | {area:,} | {distance} m | {pixels / 1e9:.0f} | {hours:.1f} | "
                         + " | ".join(f"{wall:.2g} | {gigabytes / wall / 3600:.1f}" for wall in walls) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path, nargs="?")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/tuban-bench"))
    parser.add_argument("--pixels", default="25,100,400")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--predict", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    it = parser.parse_args()
    if it.predict:
        with open(it.predict, newline="") as file:
            text = prediction(list(csv.DictReader(file)))
        print(text)
        if it.write:
            speed.put(it.write, "prediction", text)
        return
    if it.program is None:
        sys.exit("growth.py: expected a PROGRAM, or --predict CSV")
    # In a process of their own: what a program is started from counts as its memory.
    with concurrent.futures.ProcessPoolExecutor(1) as maker:
        jobs = {size: maker.submit(scene, it.folder, size).result() for size in map(int, it.pixels.split(","))}
    rows = []
    for number in range(it.rounds):
        for size, job in jobs.items():
            for threads in map(int, it.threads.split(",")):
                rows.append({"mpx": size, "threads": threads, "round": number,
                             **run(it.program.resolve(), job, threads)})
                print(f"  {size} Mpx, {threads} threads: {rows[-1]['cpu_s']:.1f} s, {rows[-1]['peak_mb']} MB",
                      file=sys.stderr, flush=True)
    speed.tell("growth", FIELDS, rows, it.rounds, table(rows), it.write)


if __name__ == "__main__":
    main()
