"""The whole job beside what GDAL takes to read its images and do nothing.

    speed.py PROGRAM [--folder DIR] [--pixels 25,100] [--kinds deflate,zstd,none]
             [--methods auto,cva] [--rounds 3] [--threads 1,2] [--write PAGE]

CPU seconds (user and system) of whole processes, each round in turn: `gdal_read` of both images,
then `tuban run` over the scene of speed_scene.py, made in DIR where it is missing, with two mask
layers, two threads only with the first of the methods. Medians; the ratio is the median of the
rounds' ratios. Writes results/speed-COMMIT.csv beside this file, one line a run, and prints the
tables; --write puts them into a page between its marks. Nothing is asserted: only ratios within a
round mean anything on a shared machine.
"""
import argparse
import csv
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

import overlay
import speed_scene

KINDS = {"deflate": "DEFLATE", "zstd": "ZSTD", "none": "uncompressed"}
STAGES = ["fit", "sweep", "assemble", "judge", "publish"]
FIELDS = ["commit", "machine", "mpx", "kind", "method", "threads", "round", "gdal_cpu_s", "cpu_s",
          "ratio", "peak_mb", *(stage + "_cpu_s" for stage in STAGES)]
HERE = pathlib.Path(__file__).resolve().parent


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"model name\s*: (.*)", text)
    isa = "AVX-512" if " avx512bw" in text else "AVX2" if " avx2" in text else "no AVX2"
    return f"{name[1] if name else 'unknown'}, {os.cpu_count()} processors, {isa}"


def commit():
    def git(*words):
        return subprocess.run(["git", "-C", HERE, *words], capture_output=True, text=True,
                              check=False).stdout.strip()
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if git("diff", "HEAD") else "")


def measure(command):
    result = overlay.timed(command)
    if result is None:
        sys.exit(f"speed.py: failed: {' '.join(map(str, command))}")
    return result


def job_with(folder, kind, method):
    text = (folder / f"job-{kind}.yaml").read_text()
    path = folder / f"job-{kind}-{method}.yaml"
    path.write_text(text if method == "auto" else f"{text}detect: {{method: {method}}}\n")
    return path


def run(program, folder, kind, method, threads):
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    _, cpu, peak, _ = measure([program, "run", job_with(folder, kind, method), "--out", out,
                               "--threads", str(threads), "--quiet"])
    stages = json.loads((out / "run.json").read_text())["stages"]
    shutil.rmtree(out)
    return cpu, peak, {s + "_cpu_s": round(stages.get(s, {}).get("cpu_seconds", 0.0), 3)
                       for s in STAGES}


def rounds_of(it, reader, folder, size, kind, wanted):
    """The rows of one scene: in each round the reader, then every way of running."""
    rows = []
    images = [folder / f"{date}-{kind}.tif" for date in ("before", "after")]
    for number in range(it.rounds):
        floor = measure([reader, *images])[1]
        for method, threads in wanted:
            cpu, peak, stages = run(it.program, folder, kind, method, threads)
            rows.append({"mpx": size, "kind": kind, "method": method, "threads": threads,
                         "round": number, "gdal_cpu_s": round(floor, 3), "cpu_s": round(cpu, 3),
                         "ratio": round(cpu / floor, 3), "peak_mb": round(peak), **stages})
            print(f"  {size} Mpx {kind} {method}, {threads} threads: {cpu:.1f} s, "
                  f"{cpu / floor:.2f} of {floor:.1f} s", file=sys.stderr, flush=True)
    return rows


def tables(rows):
    head = ["Mpx", "stored as", "method", "threads", "GDAL reads, s", "whole job, s", "ratio",
            *(s + ", s" for s in STAGES), "peak MB"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    keys = list(dict.fromkeys((r["mpx"], r["kind"], r["method"], r["threads"]) for r in rows))
    for key in keys:
        of = [r for r in rows if (r["mpx"], r["kind"], r["method"], r["threads"]) == key]

        def median(field):
            return statistics.median(r[field] for r in of)
        lines.append(f"| {key[0]} | {KINDS[key[1]]} | {key[2]} | {key[3]} | "
                     f"{median('gdal_cpu_s'):.2f} | {median('cpu_s'):.2f} | {median('ratio'):.2f} | "
                     + " | ".join(f"{median(s + '_cpu_s'):.2f}" for s in STAGES)
                     + f" | {median('peak_mb'):.0f} |")
    return "\n".join(lines)


def save(name, fields, rows, rounds):
    """Writes results/NAME-COMMIT.csv; returns the line that heads its tables."""
    head = {"commit": commit(), "machine": machine()}
    (HERE / "results").mkdir(exist_ok=True)
    with open(HERE / "results" / f"{name}-{head['commit']}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**head, **row} for row in rows)
    return f"Commit {head['commit']}; {head['machine']}; {rounds} rounds.\n\n"


def put(page, mark, text):
    old = page.read_text()
    new = re.sub(rf"(<!-- {mark} -->\n).*?(<!-- end -->)", lambda m: m[1] + text + "\n" + m[2], old,
                 flags=re.S)
    page.write_text(new)


def tell(name, fields, rows, rounds, table, page):
    """Saves the rows, prints their table, and puts it into the page, if any, between the marks of that name."""
    text = save(name, fields, rows, rounds) + table
    print(text)
    if page:
        put(page, name, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/tuban-bench"))
    parser.add_argument("--pixels", default="25,100")
    parser.add_argument("--kinds", default="deflate,zstd,none")
    parser.add_argument("--methods", default="auto,cva")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=pathlib.Path)
    it = parser.parse_args()
    it.program = it.program.resolve()
    reader = it.program.parent / "benchmarks" / "gdal_read"
    if not reader.exists():
        sys.exit(f"speed.py: no {reader}: cmake --build BUILD --target gdal_read")
    methods, threads = it.methods.split(","), list(map(int, it.threads.split(",")))
    wanted = [(m, t) for m in methods for t in threads if m == methods[0] or t == threads[0]]
    rows = []
    for size in map(int, it.pixels.split(",")):
        folder = speed_scene.make(it.folder, size, it.kinds.split(","))
        for kind in it.kinds.split(","):
            rows += rounds_of(it, reader, folder, size, kind, wanted)
    tell("speed", FIELDS, rows, it.rounds, tables(rows), it.write)


if __name__ == "__main__":
    main()
