#!/usr/bin/python3
"""Compares `tuban tier --json` with tiers worked out here with fractions, over random cases.

usage: oracle_tier.py PROGRAM [CASES]     exit 0 agrees, 1 does not, 77 skipped

The rules below are a second reading of the notices, in mu; the profiles are not read. Slow on purpose: where an area is
not known, every answer is worked out for none of it and for a great deal of it, and is known where all agree.
"""
import csv
import datetime
import io
import itertools
import json
import math
import os
import random
import subprocess
import sys
from fractions import Fraction

MU = Fraction(2000, 3)
GREAT = Fraction(10**9)
P, R, F = "JBNTMJ", "STHXMJ", "GDMJ"
WEEKDAYS = "周一 周二 周三 周四 周五 周六 周日".split()
CLASSES = ["大棚房", "违建别墅", "高尔夫球场", "挖湖造景", "新增农村乱占耕地建房"]


def cents(area):
    """Square metres, half up to 0.01."""
    return Fraction((area * 100 + Fraction(1, 2)).__floor__(), 100)


def at(mu):
    return cents(mu * MU)


TIERS = {1: {P: 5, R: 5, F: 10}, 2: {P: 20, R: 20, F: 50}, 3: {P: 50, R: 50, F: 100}}
WHY = {P: "PBF", R: "ERL", F: "FARM"}
GATE = {P: 5, F: 10}
FIELD_CHECK = {P: 10, R: 10, F: 30}
CLASS_AREA = 25

STREAMS = {  # of each profile: stream, (has tiers, has gate, a day of the month of issue, is checked by the city)
    "shandong-2024": {"PM": (True, False, None, False), "MQ": (False, True, 25, False),
                      "AY": (False, False, None, False)},
    "weihai-city": {"PM": (True, False, None, True), "MQ": (False, True, 25, True), "AY": (False, False, None, False)},
    "ministry-quarterly": {"MQ": (False, True, None, False)},
    "ningxia-2024": {name: (False, True, None, False) for name in ("NX-MQ", "NX-P", "NX-AY", "MQ", "PM", "AY")},
}


def tier_of(areas, classes):
    """Highest tier of known areas; T3 is part of T2, T2 of T1."""
    if set(classes) & set(CLASSES) and areas[F] > at(CLASS_AREA):
        return 3
    return max([0] + [t for t, tests in TIERS.items() if any(areas[q] >= at(mu) for q, mu in tests.items())])


def due_of(tier, year, month):
    if tier == 0:
        return datetime.date(year + month // 12, month % 12 + 1, 10)
    return datetime.date(year, month, 28 if tier == 1 else 25)


def agreed(values):
    values = list(values)
    return values[0] if all(v == values[0] for v in values) else None


def worlds(areas):
    """Every way the areas that are not known may turn out."""
    return [dict(zip(areas, choice)) for choice in
            itertools.product(*[[a] if a is not None else [Fraction(0), GREAT] for a in areas.values()])]


def near_of(areas, uncertainty, tests):
    found = []
    for quantity, mu in tests:
        area, line = areas[quantity], at(mu)
        name = f"{quantity}:{mu}"
        if area is None or name in found:
            continue
        # Half a pixel of 2 m along the four sides of a square that large.
        within = (area - line)**2 <= 16 * line if uncertainty is None else abs(area - line) <= uncertainty
        if within:
            found.append(name)
    return "+".join(found)


def expected(profile, case):
    has_tiers, has_gate, day, is_checked = STREAMS[profile][case["STREAM"]]
    areas = {q: case[q] for q in (P, R, F)}
    outside = {**areas, F: case["GDMJ_XP"]}
    year, month, issued = case["issue"]
    classes = [c for c in case["YSLX"].split("+") if c]
    fired = set(classes) & set(CLASSES)
    out = {"TIER": None, "T1": None, "T2": None, "T3": None, "T3_WHY": "", "CITY_WY": "", "T1_XP": None, "GATE": "",
           "DUE_CNTY": "", "DUE_NOTE": "", "LATE_ISSUE": None, "UNION": False, "T3_CAND": False, "TIER_AREA": None}
    tests, due = [], None
    if has_tiers:
        tiers = [tier_of(world, classes) for world in worlds(areas)]
        out["TIER"] = agreed(tiers)
        out["TIER_AREA"] = agreed(tier_of(world, []) for world in worlds(areas))
        for t in (1, 2, 3):
            out[f"T{t}"] = agreed(tier >= t for tier in tiers)
        out["T1_XP"] = agreed(tier_of(world, classes) >= 1 for world in worlds(outside))
        why = [WHY[q] for q, mu in TIERS[3].items() if areas[q] is not None and areas[q] >= at(mu)]
        over = areas[F] is not None and areas[F] > at(CLASS_AREA)
        out["T3_WHY"] = "+".join(why + (["CLASS"] if fired and over else []))
        out["T3_CAND"] = bool(over and case["hint"] >= Fraction(9, 10) and out["T3"] is not True)
        union = case["PRUNION"]
        out["UNION"] = union is not None and any(
            out[f"T{t}"] is False and union >= at(TIERS[t][q]) for t in (1, 2, 3) for q in (P, R))
        due = agreed(due_of(tier, year, month) for tier in tiers)
        for t in (1, 2, 3):
            tests += TIERS[t].items()
        if fired or case["hint"] >= Fraction(9, 10):
            tests.append((F, CLASS_AREA))
    elif day:
        due = datetime.date(year, month, day)
    if has_gate:
        passes = agreed(any(world[q] >= at(mu) for q, mu in GATE.items()) for world in worlds(areas))
        out["GATE"] = {True: "yes", False: "no", None: ""}[passes]
        tests += GATE.items()
    if is_checked:
        codes = [code for code, (q, mu) in zip("PRF", FIELD_CHECK.items()) if areas[q] is not None and areas[q] >= at(mu)]
        codes += ["T3"] if out["T3"] else []
        codes += ["DOUBT"] if case["doubt"] else []
        out["CITY_WY"] = "+".join(codes)
        tests += FIELD_CHECK.items()
    out["NEAR"] = near_of(areas, case["AREA_U"], tests)
    if due:
        out["DUE_CNTY"] = due.isoformat()
        out["DUE_NOTE"] = WEEKDAYS[due.weekday()]
        if issued:
            out["LATE_ISSUE"] = datetime.date(year, month, issued) > due
    out["is_old"] = year != 2024
    return out


def area_text(rng, area):
    """As a person or a program may write it."""
    text = f"{area.__floor__()}.{int(area % 1 * 100):02d}"
    kind = rng.random()
    if kind < 0.1:
        return text + str(rng.randrange(10))
    if kind < 0.15 and text.endswith(".00"):
        return text[:-3]
    return text + "0" if kind > 0.95 else text


def value(text):
    return cents(Fraction(text)) if text else None


def make_case(rng, profile, number, around=None):
    """`around`: a quantity and a threshold in mu; it, or where it ceases to be near, is within a square metre."""
    def anything():
        if rng.random() < 0.04:
            return ""
        kind = rng.random()
        mu = rng.choice([0, 2, 5, 10, 20, 25, 30, 50, 100]) if kind < 0.4 else Fraction(rng.randrange(1300000), 10000)
        return area_text(rng, max(Fraction(0), at(mu) + (Fraction(rng.randrange(-3, 4), 100) if kind < 0.4 else 0)))

    text = {q: anything() for q in (P, R, F, "GDMJ_XP", "PRUNION")}
    if around:
        text.update({q: area_text(rng, cents(Fraction(rng.randrange(200000), 100))) for q in (P, R, F)})
        quantity, mu = around
        edge = Fraction(math.isqrt(int(160000 * at(mu))), 100)  # of what is near
        middle = at(mu) + rng.choice([0, 0, -edge, edge])
        text[quantity] = area_text(rng, middle + Fraction(rng.choice([0, 1, -1, rng.randrange(-100, 101)]), 100))
    classes = rng.choice(["", "", "", rng.choice(CLASSES), "其他", "+".join(rng.sample(CLASSES, 2)), "其他+大棚房"])
    year, month = rng.choice([2024, 2024, 2024, 2023, 2025]), rng.randrange(1, 13)
    day = rng.choice([0, 0, 1, 10, 24, 25, 26, 27, 28])
    form = "{:04d}-{:02d}-{:02d}" if day else rng.choice(["{:04d}-{:02d}", "{:04d}{:02d}"])
    text.update({
        "id": f"case {number}", "STREAM": rng.choice(list(STREAMS[profile])), "YSLX": classes,
        "MONTH": form.format(year, month, day),
        "AREA_U": rng.choice(["", "", "0", "0.01", area_text(rng, Fraction(rng.randrange(500000), 100))]),
        "HINT": rng.choice(["", "0", "0.5", "0.899", "0.9", "0.99", "1"]), "DOUBT": rng.choice(["", "no", "yes"])})
    case = {key: value(text[key]) for key in (P, R, F, "GDMJ_XP", "PRUNION", "AREA_U")}
    case.update(STREAM=text["STREAM"], YSLX=classes, issue=(year, month, day), hint=Fraction(text["HINT"] or 0),
                doubt=text["DOUBT"] == "yes")
    return text, case


def run(program, profile, rows):
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    done = subprocess.run([program, "tier", "--profile", profile, "--json", "-"], input=table.getvalue().encode(),
                          check=True, capture_output=True)
    return json.loads(done.stdout)["rows"]


def thresholds(profile):
    streams = STREAMS[profile].values()
    found = set()
    if any(s[0] for s in streams):
        found |= {(q, mu) for tests in TIERS.values() for q, mu in tests.items()} | {(F, CLASS_AREA)}
    if any(s[1] for s in streams):
        found |= set(GATE.items())
    if any(s[3] for s in streams):
        found |= set(FIELD_CHECK.items())
    return sorted(found)


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
    if not os.access(program, os.X_OK):
        print(f"SKIPPED: no {program}")
        return 77
    wrong = total = 0
    for profile in STREAMS:
        rng = random.Random(f"371000 {profile}")
        around = [None] * count + [line for line in thresholds(profile) for _ in range(200)]
        cases = [make_case(rng, profile, number, line) for number, line in enumerate(around)]
        rows = run(program, profile, [text for text, _ in cases])
        if [row["id"] for row in rows] != [text["id"] for text, _ in cases]:
            print(f"{profile}: the rows are not those of the cases")
            return 1
        for row, (text, case) in zip(rows, cases):
            want = expected(profile, case)
            row["is_old"] = row["RULESET"].endswith(" RULESET_OLD")
            found = {key: (w, row[key]) for key, w in want.items() if w != row[key] or type(w) is not type(row[key])}
            if found:
                wrong += 1
                print(f"{profile}: {text}: " + "; ".join(f"{k}: expected {w!r}, got {g!r}" for k, (w, g) in found.items()))
            if "违法" in json.dumps(row, ensure_ascii=False):
                wrong += 1
                print(f"{profile}: {text['id']} states a verdict")
        print(f"{profile}: {count} cases and 200 around each of {len(thresholds(profile))} thresholds")
        total += len(rows)
    print(f"{total} cases, {wrong} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
