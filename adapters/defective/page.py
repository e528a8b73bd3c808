"""docs/certify-a-till-defects.md: what was found, for people to read and for the next run to compare with."""

import os
import re

from defects import CLASSIC, DEFECTS

HEAD = """# What the suite finds in a till

A till that keeps every rule is given one defect at a time, and each must be found as what stands in the third column: the
requirement that it breaks, with the reason code that says why. What fails beside it in the same scenarios stands in the last.
Written by the command that plays them, which fails where one is found as something else, not at all, or with more beside it:

```sh
python3 adapters/defective/matrix.py --suite target/release/vinr-conformance --update
```

**Found: {found} of {planted}.**
"""

CLASSICS = """
## The classic mistakes

Each is made on every change, in two minutes and a half: `matrix.py --few`.

| Mistake | Requirement | Defect |
|---|---|---|
"""

ALL = """
## All of them

| Defect | Scenarios | Found as | Beside it | What the till does |
|---|---|---|---|---|
"""

ROW = re.compile(r"^\| `([^`]+)` \| [^|]+ \| ([^|]*) \| ([^|]*) \| [^|]+ \|$", re.M)


def known(path):
    """{defect: what fails beside it}, as the page has it."""
    return {name: it["beside"] for name, it in read(path).items()}


def read(path):
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        rows = ROW.findall(file.read())
    return {name: {"found": words(found), "beside": words(beside)} for name, found, beside in rows}


def words(cell):
    return [it for it in re.split(r"[ ,*]+", cell) if "." in it]


def write(path, rows, before):
    """What was found now; what failed beside it in this run or in an earlier one."""
    table = read(path)
    for row in rows:
        if row["defect"]:
            beside = sorted({*row["beside"], *before.get(row["defect"], [])})
            table[row["defect"]] = {"found": row["found"], "beside": beside}
    with open(path, "w", encoding="utf-8") as file:
        file.write(text(table))


def text(table):
    found = sum(table.get(name, {}).get("found") == it.found_as.split() for name, it in DEFECTS.items())
    lines = [HEAD.format(found=found, planted=len(DEFECTS)), CLASSICS]
    for mistake, names in CLASSIC.items():
        rules = ", ".join(dict.fromkeys(it.split(".")[0] for name in names.split() for it in DEFECTS[name].found_as.split()))
        lines.append(f"| {mistake} | {rules} | {', '.join(f'`{name}`' for name in names.split())} |\n")
    lines.append(ALL)
    for name, it in DEFECTS.items():
        seen = table.get(name, {"found": [], "beside": []})
        scenes = ", ".join(f"`{scene}`" for scene in it.scenes.split())
        shown = ", ".join(seen["found"]) or "**not found**"
        lines.append(f"| `{name}` | {scenes} | {shown} | {', '.join(seen['beside'])} | {it.does} |\n")
    return "".join(lines)
