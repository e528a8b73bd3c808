#!/usr/bin/env python3
"""Does the suite find what is planted? Runs the till once with each defect and once without any.

    python3 adapters/defective/matrix.py --suite target/release/vinr-conformance

A defect is *killed* where the requirement fails that it is planted for, with the reason that it is listed with; *elsewhere* where
only other requirements fail; *silent* where none does; *broken* where there was no verdict. All but the first end this with 1.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from defects import DEFECTS

HERE = os.path.dirname(os.path.abspath(__file__))
BAD = ("fail", "warn")
LIMIT = 900
SLOW = ("PAY-5", "REC-1", "REC-10", "GRP-4")
# What is about the network or about speed is not judged beside anything else.
ALONE = ("DISC-2", "DISC-3", "DISC-4", "DISC-5", "DISC-8", "LAT-2")


def main():
    parser = argparse.ArgumentParser(description="Each defect of the till, and what the suite says of it.")
    parser.add_argument("--suite", default="vinr-conformance", help="the suite's program")
    parser.add_argument("--profile", default=os.path.join(HERE, "profile.toml"))
    parser.add_argument("--jobs", type=int, default=4, help="how many at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", metavar="FILE", help="the rows as JSON")
    parser.add_argument("--baseline", action="store_true", help="the whole plan without a defect, too")
    parser.add_argument("defect", nargs="*", help="these and no others; all where none is named")
    told = parser.parse_args()
    unknown = [name for name in told.defect if name not in DEFECTS]
    if unknown:
        parser.error(f"no such defect: {', '.join(unknown)}")
    names = told.defect or list(DEFECTS)
    # What waits for minutes begins first: the others are done beside it.
    names.sort(key=lambda name: DEFECTS[name][0] not in SLOW)
    alone = [name for name in names if DEFECTS[name][0] in ALONE]
    beside = [name for name in names if name not in alone]
    began, rows = time.monotonic(), []

    def show(row):
        rows.append(row)
        print(f"{row['word']:9} {row['requirement']:8} {row['defect']:28} {row['seen']}", flush=True)

    for name in ([None] if told.baseline else []) + alone:
        show(judged(told, name))
    with ThreadPoolExecutor(told.jobs) as pool:
        for job in as_completed([pool.submit(judged, told, name) for name in beside]):
            show(job.result())
    planted = [row for row in rows if row["defect"] != "(none)"]
    found = sum(row["word"] == "killed" for row in planted)
    print(f"\nfound/planted: {found}/{len(planted)} in {time.monotonic() - began:.0f} s")
    if told.json:
        with open(told.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    return 0 if all(row["word"] in ("killed", "whole") for row in rows) else 1


def judged(told, defect):
    requirement, reason = (DEFECTS[defect][0], DEFECTS[defect][2:]) if defect else ("all", ())
    with tempfile.TemporaryDirectory() as out:
        till = [sys.executable, os.path.join(HERE, "till.py")]
        only = ["--only", requirement] if defect else []
        planted = ["--defect", defect] if defect else []
        command = [told.suite, "client", "--profile", told.profile, "--seed", str(told.seed), "--out", os.path.join(out, "report")]
        try:
            done = subprocess.run([*command, *only, "--", *till, *planted], capture_output=True, timeout=LIMIT, check=False)
            exit_code, text = done.returncode, done.stderr.decode("utf-8", "replace").strip()
        except subprocess.TimeoutExpired:
            exit_code, text = None, "it hangs"
        try:
            with open(os.path.join(out, "report", "result.json"), encoding="utf-8") as file:
                findings = [it for it in json.load(file)["findings"] if it["state"] in BAD]
        except (OSError, ValueError, KeyError):
            findings = None
    word, seen = verdict(defect, requirement, reason, findings, exit_code, text)
    return {"defect": defect or "(none)", "requirement": requirement, "exit": exit_code, "word": word, "seen": seen}


def verdict(defect, requirement, expected, findings, exit_code, text):
    if findings is None or exit_code not in (0, 1, 2, 3):
        return "broken", f"exit {exit_code}: {text[-160:]}"
    reasons = sorted({it["reason"] for it in findings})
    if defect is None:
        return ("whole", f"exit {exit_code}") if not reasons and exit_code == 0 else ("broken", f"exit {exit_code}: {', '.join(reasons)}")
    own = [it for it in reasons if it.split(".")[0] == requirement]
    right = [it for it in own if not expected or it in {f"{requirement}.{word}" for word in expected}]
    if right:
        return "killed", ", ".join(right)
    return ("elsewhere", ", ".join(reasons)) if reasons else ("silent", f"exit {exit_code}")


if __name__ == "__main__":
    sys.exit(main())
