#!/usr/bin/python3
"""Made-up counties of three seeds: of what was built, tiers from the true outlines are right, and what reaches a tier is
found. Tiers are worked out again with shapely and the national formula."""
import os
from fractions import Fraction

import e2e

try:
    from shapely.geometry import Polygon
    from shapely.ops import unary_union
    from e2e_judge import features, ground, in_degrees, share, split
    from ellipsoid import area
except ImportError as missing:
    print(f"skipped: {missing}")
    raise SystemExit(77)

SEEDS = (1, 2, 3)
FOUND_LEAST = 0.9
ALWAYS, IN_VALIDITY = ("农转用",), ("临时用地", "先行用地", "设施农业")
LATER = "2024-03-12"  # date of the county's later image
MU = {3: (50, 50, 100), 2: (20, 20, 50), 1: (5, 5, 10)}


def near(rows, shape):
    """Rows whose boxes meet the shape's, in their order."""
    west, south, east, north = shape.bounds
    return [(row, other) for row, other in rows if other.bounds[0] <= east and other.bounds[2] >= west and
            other.bounds[1] <= north and other.bounds[3] >= south]


def reduces(row):
    dated, until = ((row[field] or "").replace("/", "-") for field in ("PZRQ", "YXQZ"))
    if not dated or dated > LATER:
        return False
    return row["SPLX"] in ALWAYS or (row["SPLX"] in IN_VALIDITY and until >= LATER)


def tier_of(pbf, red, farmland):
    got = [Fraction(int(area_m2 * 100 + 0.5)) for area_m2 in (pbf, red, farmland)]
    for tier, least in MU.items():
        if any(g >= (Fraction(mu) * 200000 / 3 + Fraction(1, 2)).__floor__() for g, mu in zip(got, least)):
            return tier
    return 0


def holdings(shape, land, pbf, red):
    """P, R, F in square metres, without construction land, net of ridges."""
    pieces = list(split(shape, land))
    built = unary_union([g for row, g in pieces if ground(row["DLBM"]) == "construction"] or [Polygon()])
    bare = shape.difference(built)
    farmland = sum(area(g) * (1 - share(row["KCXS"])) for row, g in pieces if ground(row["DLBM"]) == "farmland")
    protected = sum(area(g) * (1 - share(row["KCXS"])) for row, g in split(bare, pbf))
    return protected, sum(area(g) for _, g in split(bare, red)), farmland


class County(e2e.Case):
    def judged_truth(self, county):
        """Rows of the true outlines, judged by the engine, and what is known of them."""
        e2e.tuban("judge", f"{county}/job.yaml", "--parcels", f"{county}/truth.gpkg", "--out", f"{county}/truth", "--quiet")
        known = {str(row["ID"]): row for row, _ in features(f"{county}/truth.gpkg", "truth")}
        rows = features(f"{county}/truth/parcels.gpkg", "parcels")
        self.assertGreaterEqual(len(rows), len(known) - len(features(f"{county}/truth/parcels.gpkg", "rejected")))
        return [(row, shape, known[row["DRAFT_ID"]]) for row, shape in rows]

    def check_tiers(self, county, truth):
        survey = f"{county}/survey.gpkg"
        land, pbf, red = (in_degrees(survey, layer) for layer in ("DLTB", "YJJBNTBHTB", "STBHHX"))
        approvals = in_degrees(f"{county}/approvals.gpkg", "ZZ_NYDZYFW")
        for row, shape, _ in truth:
            layers = [near(layer, shape) for layer in (land, pbf, red)]
            allowed = unary_union([g for _, g in split(shape, near(approvals, shape), reduces)] or [Polygon()])
            self.assertEqual(row["TIER_PRE"], tier_of(*holdings(shape, *layers)), row["DRAFT_ID"])
            self.assertEqual(row["TIER"], tier_of(*holdings(shape.difference(allowed), *layers)), row["DRAFT_ID"])

    def test_three_seeds(self):
        found, all_of = 0, 0
        for seed in SEEDS:
            county = self.path(f"county{seed}")
            e2e.tuban("synth", "--out", county, "--seed", str(seed), "--quiet")
            e2e.tuban("run", f"{county}/job.yaml", "--quiet")
            truth = self.judged_truth(county)
            self.check_tiers(county, truth)
            parcels = [shape for _, shape in features(f"{county}/out/parcels.gpkg", "parcels")]
            for row, shape, known in truth:
                if row["TIER_PRE"] == 0 or known["SEEN"] * 2 < known["PIXELS"]:
                    continue
                share_found = area(unary_union([shape.intersection(p) for p in parcels if p.intersects(shape)] or
                                               [Polygon()])) / area(shape)
                all_of, found = all_of + 1, found + (share_found > 0)
                print(f"seed {seed} {row['DRAFT_ID']:>3} {known['TBLX']:4} T{row['TIER_PRE']} {row['JCMJ_M']:7.2f} mu: "
                      f"{share_found:.2f} of it found", flush=True)
        print(f"found {found} of {all_of}")
        self.assertGreaterEqual(found, FOUND_LEAST * all_of)


if __name__ == "__main__":
    e2e.main()
