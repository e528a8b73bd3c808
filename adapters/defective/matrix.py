#!/usr/bin/env python3
"""Does the suite find what is planted? Runs the till once with each defect, and the same scenarios once without any.

    python3 adapters/defective/matrix.py --suite target/release/vinr-conformance           # all
    python3 adapters/defective/matrix.py --suite target/release/vinr-conformance --few     # the classic ones
    python3 adapters/defective/matrix.py --suite target/release/vinr-conformance any-ca    # this one

Each defect is played in its scenarios alone (defects.py), and the command ends with 0 only where each of them is *killed*: the
requirement fails that it breaks, with its reason code, and nothing beside it that the page docs/certify-a-till-defects.md does
not have. *elsewhere*: only something else fails. *silent*: nothing does. *more*: there is something new beside it.
*broken*: there was no verdict. *hangs*: no end. And the till without a defect must be *whole*.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import page
from defects import CLASSIC, DEFECTS
from result import failures

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "..", "..", "docs", "certify-a-till-defects.md")
# These wait for two minutes, in honest time: they begin first, and the others are done beside them.
SLOW = ("pay.held.silent", "rec.time_out", "rec.unknown", "grp.dies", "pay.offline")
# Who asks by mDNS is everybody's business on a network: one at a time. Speed is judged beside nothing at all.
NETWORK, SPEED = "disc.", "pay.latency"
network = threading.Lock()


def main():
    told = arguments()
    classic = [name for names in CLASSIC.values() for name in names.split()]
    names = told.defect or (classic if told.few else list(DEFECTS))
    names.sort(key=lambda name: not is_slow(DEFECTS[name].scenes))
    scenes = list(dict.fromkeys(scene for name in names for scene in DEFECTS[name].scenes.split()))
    known, began, rows = page.known(told.page), time.monotonic(), []

    def job(name, scenes):
        with network if scenes.startswith(NETWORK) else threading.Lock():
            return judged(told, name, scenes, known.get(name))

    def show(row):
        rows.append(row)
        print(f"{row['word']:9} {row['defect'] or '(none)':28} {', '.join(row['found'] + row['beside']) or row['why'].splitlines()[-1]}", flush=True)

    # One run without a defect for what is judged apart, and one for all the rest.
    apart = [" ".join(it for it in scenes if it.startswith(NETWORK)), " ".join(it for it in scenes if it == SPEED)]
    rest = " ".join(it for it in scenes if it not in " ".join(apart).split())
    jobs = [(None, it) for it in (rest, *apart) if it] + [(name, DEFECTS[name].scenes) for name in names]
    with ThreadPoolExecutor(told.jobs) as pool:
        for done in as_completed([pool.submit(job, *it) for it in jobs if it[1] != SPEED]):
            show(done.result())
    for it in jobs:
        if it[1] == SPEED:
            show(job(*it))
    planted = [row for row in rows if row["defect"]]
    found = sum(row["word"] in ("killed", "more") for row in planted)
    print(f"\nfound/planted: {found}/{len(planted)} in {time.monotonic() - began:.0f} s")
    if told.update:
        page.write(told.page, rows, known)
        return 0
    return 0 if all(row["word"] in ("killed", "whole") for row in rows) else 1


def arguments():
    parser = argparse.ArgumentParser(description="Each defect of the till, and what the suite says of it.")
    parser.add_argument("--suite", default="vinr-conformance", help="the suite's program")
    parser.add_argument("--profile", default=os.path.join(HERE, "profile.toml"))
    parser.add_argument("--jobs", type=int, default=10, help="how many at a time: most of it is waiting")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=400, help="seconds after which a run hangs")
    parser.add_argument("--page", default=PAGE, help="what was found before")
    parser.add_argument("--update", action="store_true", help="writes what is found now to the page, beside what stands there")
    parser.add_argument("--keep", metavar="DIR", help="keeps the bundle of each run there")
    parser.add_argument("--few", action="store_true", help="the classic defects alone")
    parser.add_argument("defect", nargs="*", help="these and no others")
    told = parser.parse_args()
    unknown = [name for name in told.defect if name not in DEFECTS]
    if unknown:
        parser.error(f"no such defect: {', '.join(unknown)}")
    return told


def is_slow(scenes):
    return any(scene in SLOW for scene in scenes.split())


def judged(told, name, scenes, known):
    """Plays one defect, or none."""
    till = [sys.executable, os.path.join(HERE, "till.py"), *(["--defect", name] if name else [])]
    only = [it for scene in scenes.split() for it in ("--only", scene)]
    with tempfile.TemporaryDirectory() as out:
        report = os.path.join(told.keep or out, name or "whole-" + scenes.split()[0])
        command = [told.suite, "client", "--profile", told.profile, "--seed", str(told.seed), "--out", report, *only, "--", *till]
        try:
            done = subprocess.run(command, capture_output=True, timeout=told.limit, check=False)
        except subprocess.TimeoutExpired:
            return {"defect": name, "word": "hangs", "found": [], "beside": [], "why": f"no end after {told.limit:.0f} s"}
        reasons = failures(report)
    said = done.stderr.decode("utf-8", "replace").strip().splitlines() if done.returncode not in (0, 1) else []
    why = f"exit {done.returncode}{': ' if said else ''}{''.join(said[-1:])}"
    if reasons is None or done.returncode not in (0, 1):
        return {"defect": name, "word": "broken", "found": [], "beside": [], "why": why}
    wanted = DEFECTS[name].found_as.split() if name else []
    found = [it for it in wanted if it in reasons]
    beside = sorted(set(reasons) - set(wanted))
    return {"defect": name, "word": word(name, wanted, found, beside, known), "found": found, "beside": beside, "why": why}


def word(name, wanted, found, beside, known):
    if name is None:
        return "broken" if beside else "whole"
    if found != wanted:
        return "elsewhere" if found or beside else "silent"
    return "killed" if known is None or set(beside) <= set(known) else "more"


if __name__ == "__main__":
    sys.exit(main())
