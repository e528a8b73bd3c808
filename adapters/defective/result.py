"""What a run of the suite left in its bundle."""

import json
import os


def failures(report):
    """The reason codes of all that failed or warned; None where there is no verdict."""
    try:
        with open(os.path.join(report, "result.json"), encoding="utf-8") as file:
            findings = json.load(file)["findings"]
        return sorted({it["reason"] for it in findings if it["state"] in ("fail", "warn", "harness-error")})
    except (OSError, ValueError, KeyError):
        return None
