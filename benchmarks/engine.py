"""What the benchmarks in Python share: their command line, the data folder, and calls of the program."""
import json
import os
import subprocess
import sys


def arguments(*flags):
    """(program, data folder, words after --, {flag: its value or None}) of PROGRAM [DATA] [FLAG VALUE ...] [-- ...]."""
    words = sys.argv[1:]
    more = words[words.index("--") + 1:] if "--" in words else []
    words = words[:words.index("--")] if "--" in words else words
    given = dict.fromkeys(flags)
    for flag in flags:
        if flag in words:
            at = words.index(flag)
            given[flag] = words[at + 1]
            del words[at:at + 2]
    if not words:
        sys.exit(sys.modules["__main__"].__doc__)
    here = os.path.dirname(os.path.abspath(__file__))
    data = words[1] if len(words) > 1 else os.environ.get("TUBAN_DATA", f"{here}/../../shared/data")
    return os.path.abspath(words[0]), os.path.abspath(data), more, given


def call(*words):
    """What a command prints; its failure is an error with its own words."""
    run = subprocess.run(words, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{' '.join(words)}: exit {run.returncode}: {run.stderr.strip()}")
    return run.stdout


def report(*words):
    """The JSON a command prints."""
    return json.loads(call(*words))


def detect(program, folder, out, *options):
    """Detects on a labelled pair as it is, however much of it is flagged."""
    call(program, "detect", f"{folder}/T1.tif", f"{folder}/T2.tif", "--out", out, "--quiet", "--allow-implausible", *options)


def scored(program, folder, out):
    """What eval says of a detection in `out`, against the pair's labels."""
    return report(program, "eval", "--truth", f"{folder}/label.tif", "--change", f"{out}/change.tif", "--score",
                  f"{out}/score.tif", "--json")
