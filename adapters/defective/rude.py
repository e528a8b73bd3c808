#!/usr/bin/env python3
"""The till of till.py behind an adapter that does not keep to the protocol: `rude.py garbage`.

The suite must never hang on one of these, and never call the till conformant or broken for it: its verdict is exit code 69, or
for those marked so that nothing is wrong.
"""

import json
import os
import random
import signal
import sys
import threading
import time

from till import Adapter

# name: (what the suite must end with, what the adapter does)
RUDE = {
    "shuffled": (0, "answers in any order, each up to 200 ms late"),
    "chatty": (0, "writes a megabyte to stderr for each answer"),
    "extra": (0, "adds fields that nobody knows"),
    "silent": (69, "never answers anything"),
    "hangs": (69, "answers hello, and nothing after it"),
    "garbage": (69, "writes a line that is no JSON before each answer"),
    "binary": (69, "writes bytes that are not UTF-8"),
    "flood": (69, "writes without end"),
    "endless-line": (69, "writes a line without end"),
    "wrong-id": (69, "answers with the id of another request"),
    "twice": (69, "answers everything twice"),
    "both": (69, "answers with ok and error at once"),
    "yes-man": (69, "answers every op with ok, also one that nobody has"),
    "dies": (69, "dies in the middle of a payment"),
    "exits": (69, "ends at once, without an error"),
    "closes": (69, "closes its stdout and lives on"),
    "stubborn": (0, "ignores SIGTERM and the end of its input"),
}


class Rude(Adapter):
    def __init__(self, manner):
        super().__init__()
        self.manner = manner

    def say(self, answer):
        manner = self.manner
        if manner == "shuffled":
            time.sleep(random.random() / 5)
        elif manner == "chatty":
            print("x" * 1_000_000, file=sys.stderr)
        elif manner == "extra":
            answer = {"mood": "fine", **answer, "trace": [1, {"a": None}]}
        elif manner == "silent" or (manner == "hangs" and "ops" not in str(answer)):
            return
        elif manner == "garbage":
            print("all is well", flush=True)
        elif manner == "binary":
            self.raw(b"\xff\xfe\x00{}\n")
        elif manner == "flood":
            while True:
                self.raw(b'{"id":0,"ok":{}}\n' * 1000)
        elif manner == "endless-line":
            while True:
                self.raw(b"x" * 65536)
        elif manner == "wrong-id":
            answer = {**answer, "id": 1_000_000}
        elif manner == "twice":
            super().say(answer)
        elif manner == "both":
            answer = {**answer, "ok": {}, "error": {"class": "usage", "message": "or not"}}
        elif manner == "yes-man" and answer.pop("unsupported", None):
            answer["ok"] = {}
        elif manner == "closes":
            os.close(1)
            time.sleep(3600)
        super().say(answer)

    def pay(self, told):
        if self.manner == "dies":
            threading.Timer(0.1, lambda: os._exit(3)).start()
        return super().pay(told)

    def raw(self, text):
        with self.out:
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()


def main():
    if sys.argv[1:] == ["--list"]:
        print(json.dumps({name: {"exit": code, "does": does} for name, (code, does) in RUDE.items()}, indent=1))
        return
    manner = sys.argv[1]
    assert manner in RUDE, manner
    if manner == "exits":
        return
    if manner == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    adapter = Rude(manner)
    for line in sys.stdin:
        if line.strip():
            threading.Thread(target=adapter.serve, args=(line,), daemon=manner != "stubborn").start()
    while manner == "stubborn":
        time.sleep(1)
    time.sleep(0.5)


if __name__ == "__main__":
    main()
