"""`tuban tier` on tables as people write them, whole and damaged.

    /usr/bin/python3 tests/e2e_tier.py PROGRAM [unittest options]
"""
import json
import os
import shutil
import subprocess

import e2e

HEADER = "id,STREAM,JBNTMJ,STHXMJ,GDMJ,GDMJ_XP,PRUNION,YSLX,MONTH"
ROW = "a,PM,3333.33,0,0,0,3333.33,,2024-04"
USAGE, JOB, INPUT = 2, 3, 4
PROFILES = os.path.join(e2e.HERE, "..", "profiles")


def tier(*words, table=None, status=0, env=None):
    """The program on a table given as text or bytes on standard input; its output, errors as text."""
    data = table.encode() if isinstance(table, str) else table or b""
    done = subprocess.run([e2e.PROGRAM, "tier", *words], input=data, capture_output=True, timeout=60,
                          env=e2e.environment(**(env or {})))
    if done.returncode != status:
        raise AssertionError(f"exit code {done.returncode}, expected {status}: {done.stderr.decode()}")
    return done.stdout.decode(), done.stderr.decode()


def rows(table, profile="shandong-2024", **more):
    return json.loads(tier("--profile", profile, "--json", table=table, **more)[0])["rows"]


class Tables(e2e.Case):
    def test_dialects(self):
        plain = rows(f"{HEADER}\n{ROW}\n")
        self.assertEqual([plain[0][k] for k in ("id", "TIER", "T1", "NEAR", "DUE_CNTY")],
                         ["a", 1, True, "JBNTMJ:5", "2024-04-28"])
        for other in (f"\ufeff{HEADER}\n{ROW}\n", f"{HEADER}\r\n{ROW}\r\n", f"{HEADER}\n{ROW}", f"\n{HEADER}\n\n{ROW}\n\n",
                      f'{HEADER}\n"a","PM", "3333.33" ,0,0,0,3333.33,"",2024-04\n'.replace(' "', '"').replace('" ', '"'),
                      f"{HEADER}\n a , PM , 3333.33 ,0,0,0,3333.33, , 202404 \n"):
            self.assertEqual(rows(other), plain, repr(other))
        path = self.path("cases.csv")
        with open(path, "w") as file:
            file.write(f"{HEADER}\n{ROW}\n")
        self.assertEqual(json.loads(tier("--profile", "shandong-2024", "--json", path)[0])["rows"], plain)
        self.assertEqual(json.loads(tier("--profile", "shandong-2024", "--json", "-", table=f"{HEADER}\n{ROW}\n")[0])["rows"],
                         plain)
        swapped = ",".join(reversed(HEADER.split(","))) + "\n" + ",".join(reversed(ROW.split(","))) + "\n"
        self.assertEqual(rows(swapped), plain)

    def test_no_rows(self):
        self.assertEqual(rows(HEADER + "\n"), [])

    def test_quoted_line_ends(self):
        found = rows(f'{HEADER}\n"two\nlines, and ""marks""",PM,0,0,0,0,0,,2024-04\n')
        self.assertEqual(found[0]["id"], 'two\nlines, and "marks"')
        _, said = tier("--profile", "shandong-2024", status=INPUT,
                       table=f'{HEADER}\n"two\nlines",PM,0,0,0,0,0,,2024-04\nb,PM,x,0,0,0,0,,2024-04\n')
        self.assertIn("standard input:4: column JBNTMJ", said)

    def test_table_for_people(self):
        out, said = tier("--profile", "shandong-2024", table=f"{HEADER}\n{ROW}\n")
        self.assertIn("T1", out)
        self.assertEqual(said, "")
        out, said = tier("--profile", "shandong-2024", "--quiet", table=f"{HEADER}\n{ROW}\n")
        self.assertEqual(out + said, "")

    def test_notes(self):
        table = f"{HEADER},REMARK\n{ROW.replace('2024', '2025').replace(',,', ',光伏,')},x\n"
        done = json.loads(tier("--profile", "shandong-2024", "--json", table=table)[0])
        self.assertTrue(done["rows"][0]["RULESET"].endswith(" RULESET_OLD"))
        self.assertTrue(done["rows"][0]["RULESET"].startswith(done["ruleset"]))
        for part in ("column REMARK is not read", "YSLX 光伏 is no class of shandong-2024", "stamped RULESET_OLD"):
            self.assertTrue(any(part in note for note in done["notes"]), part)
        _, said = tier("--profile", "shandong-2024", table=table)
        self.assertIn("RULESET_OLD", said)

    def test_damage(self):
        def row(**changes):
            fields = dict(zip(HEADER.split(","), ROW.split(",")))
            fields.update(changes)
            return f"{HEADER}\n{ROW}\n{','.join(fields.values())}\n"

        for table, said in (
                (row(STREAM="XX"), ':3: column STREAM: expected one of PM, MQ, AY, got "XX"'),
                (row(STREAM=""), ':3: column STREAM: expected one of PM, MQ, AY, got ""'),
                (row(GDMJ="-1"), ':3: column GDMJ: expected m² as digits with a decimal point, or nothing, got "-1"'),
                (row(GDMJ="1e4"), 'column GDMJ'), (row(GDMJ="nan"), 'column GDMJ'), (row(PRUNION="6 mu"), 'column PRUNION'),
                (row(JBNTMJ='"3,333.33"'), "column JBNTMJ"), (row(JBNTMJ="１２"), "column JBNTMJ"),
                (row(MONTH="2024-13"), ':3: column MONTH: expected the month of issue as YYYY-MM or YYYYMM'),
                (row(MONTH=""), "column MONTH"), (row(MONTH="四月"), "column MONTH"),
                (f"{HEADER}\n{ROW},\n", ":2: expected 9 fields, got 10"), (f"{HEADER}\na,PM\n", ":2: expected 9 fields, got 2"),
                (f"{HEADER},HINT\n{ROW},2\n", "column HINT: expected a number from 0 to 1"),
                (f"{HEADER},DOUBT\n{ROW},maybe\n", "column DOUBT: expected yes, no or nothing"),
                (f"{HEADER},AREA_U\n{ROW},x\n", "column AREA_U"),
                (HEADER.replace(",YSLX", "") + "\n", ":1: expected the columns id,STREAM,"),
                (HEADER.replace("YSLX", "GDMJ") + "\n", ":1: expected each column once, got GDMJ a second time"),
                ("", ":1: expected a line of column names, got nothing"), ("\n\n", "expected a line of column names"),
                (f"{HEADER}\n{ROW.replace(',,', ',大棚房,')}\n".encode("gb18030"), "expected UTF-8, got another encoding"),
                (b"\0\1\2", "expected text, got binary data")):
            out, heard = tier("--profile", "shandong-2024", "--json", table=table, status=INPUT)
            self.assertEqual(out, "", table)
            self.assertIn(said, heard)
            self.assertTrue(heard.startswith("tuban: error: ") and heard.count("\n") <= 2, heard)
        tier("--profile", "shandong-2024", self.path("none.csv"), status=INPUT)
        tier(table=HEADER, status=USAGE)
        tier("--profile", "shandong-2024", "a", "b", status=USAGE)


class Lookup(e2e.Case):
    """Profiles are found by name in a folder of one's own, beside the library, or by path."""

    def test_own_folder(self):
        for name in ("shandong-2024", "landclass-sandiao", "weihai-city"):
            shutil.copy(os.path.join(PROFILES, f"{name}.yaml"), self.folder)
        path = self.path("shandong-2024.yaml")
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("day: 28", "day: 27"))
        table = f"{HEADER}\n{ROW}\n"
        env = {"TUBAN_PROFILES": self.folder}
        self.assertEqual(rows(table)[0]["DUE_CNTY"], "2024-04-28")
        self.assertEqual(rows(table, env=env)[0]["DUE_CNTY"], "2024-04-27")
        self.assertEqual(rows(table, profile="weihai-city", env=env)[0]["DUE_CNTY"], "2024-04-27")
        self.assertEqual(rows(table, profile=path)[0]["DUE_CNTY"], "2024-04-27")
        self.assertNotEqual(rows(table)[0]["RULESET"], rows(table, env=env)[0]["RULESET"])
        self.assertEqual(rows(f"{HEADER}\n{ROW.replace('PM', 'MQ')}\n", profile="ministry-quarterly", env=env)[0]["GATE"],
                         "yes")

    def test_unknown(self):
        _, said = tier("--profile", "atlantis", table=HEADER, status=JOB)
        self.assertIn("expected a path, or one of ministry-quarterly, ningxia-2024, shandong-2024, weihai-city", said)
        self.assertIn("TUBAN_PROFILES", said)
        tier("--profile", self.path("none.yaml"), table=HEADER, status=JOB)


e2e.main()
