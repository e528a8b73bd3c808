#!/usr/bin/env python3
"""The till of till.py behind an adapter that does not keep to the protocol: `rude.py garbage`.

The suite must never hang on one of these, nor call the till conformant or broken for it: its verdict is exit code 69, or for
those marked so that nothing is wrong. A liar keeps to the protocol, and is found out: the rule fails that it lies about.
"""

import json
import os
import random
import signal
import sys
import threading
import time

from till import Adapter
from wrong import Wrong

# name: (the scenario, what the suite must end with, the finding or None, what the adapter does)
RUDE = {
    "shuffled": ("pay.completed", 0, None, "answers in any order, each up to 200 ms late"),
    "chatty": ("pay.completed", 0, None, "writes a megabyte to stderr for each answer"),
    "extra": ("pay.completed", 0, None, "adds fields that nobody knows"),
    "crumbs": ("pay.completed", 0, None, "writes its lines a few bytes at a time"),
    "stubborn": ("pay.completed", 0, None, "ignores SIGTERM and the end of its input"),
    "silent": ("pay.completed", 69, None, "never answers anything"),
    "hangs": ("pay.completed", 69, None, "answers hello, and nothing after it"),
    "garbage": ("pay.completed", 69, None, "writes a line that is no JSON before each answer"),
    "binary": ("pay.completed", 69, None, "writes bytes that are not UTF-8"),
    "array": ("pay.completed", 69, None, "writes JSON that is no object"),
    "deep": ("pay.completed", 69, None, "writes JSON nested a hundred thousand times"),
    "flood": ("pay.completed", 69, None, "writes without end"),
    "endless-line": ("pay.completed", 69, None, "writes a line without end"),
    "wrong-id": ("pay.completed", 69, None, "answers with the id of another request"),
    "twice": ("pay.completed", 69, None, "answers everything twice"),
    "both": ("pay.completed", 69, None, "answers with ok and error at once"),
    "yes-man": ("pay.completed", 69, None, "answers every op with ok, also one that nobody has"),
    "dies": ("pay.completed", 69, None, "dies in the middle of a payment"),
    "half-a-line": ("pay.completed", 69, None, "dies in the middle of an answer"),
    "exits": ("pay.completed", 69, None, "ends at once, without an error"),
    "closes": ("pay.completed", 69, None, "closes its stdout and lives on"),
    "dies-between": ("rec.restart", 69, None, "dies after the power came back, before it is asked to settle"),
    "says-paid": ("pay.declined", 1, "REC-3.invented", "says completed of a payment that was declined"),
    "says-declined": ("pay.completed", 1, "REC-3.invented", "says failed of a payment that was completed"),
    "says-unsent": ("pay.completed", 1, "REC-3.an_error", "says that nothing was sent of a payment that was completed"),
    "sends-nothing": ("pay.completed", 1, "REC-3.invented", "makes a payment up, and sends nothing"),
    "says-settled": ("rec.restart", 1, "REC-5.no_look_up", "makes up what became of an open payment, and asks nobody"),
}
PAYMENT = {"object": "terminal_payment", "id": "tpay_00000000000000000000000000", "status": "completed", "offline": None}
SALE = ("terminalId", "amount", "currency", "reference")


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
        elif manner == "array":
            self.raw(b"[]\n")
        elif manner == "deep":
            self.raw(b"[" * 100_000 + b"\n")
        elif manner == "crumbs":
            return self.crumble(json.dumps(answer).encode() + b"\n")
        elif manner == "half-a-line" and "ops" not in str(answer):
            self.raw(json.dumps(answer).encode()[:20])
            os._exit(3)
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
        if manner == "dies-between" and "unresolved" in str(answer) and answer["ok"]["unresolved"]:
            os._exit(3)
        return None

    def pay(self, told):
        if self.manner == "dies":
            threading.Timer(0.1, lambda: os._exit(3)).start()
        if self.manner == "sends-nothing":
            return {**PAYMENT, **{name: told[name] for name in SALE}}
        paid = super().pay(told)
        if self.manner in ("says-paid", "says-declined"):
            return {**paid, "status": "completed" if self.manner == "says-paid" else "failed"}
        if self.manner == "says-unsent":
            raise Wrong("unreachable", "nobody answers", reference=told["reference"])
        return paid

    def resolve(self, told):
        if self.manner != "says-settled":
            return super().resolve(told)
        opened = self.ready().store.open_attempts()
        return {it["reference"]: {**PAYMENT, **{name: it[name] for name in SALE}} for it in opened}

    def crumble(self, text):
        with self.out:
            for at in range(0, len(text), 7):
                sys.stdout.buffer.write(text[at : at + 7])
                sys.stdout.buffer.flush()

    def raw(self, text):
        with self.out:
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()


def main():
    if sys.argv[1:] == ["--list"]:
        print(json.dumps({name: dict(zip(("scenario", "exit", "reason", "does"), row)) for name, row in RUDE.items()}, indent=1))
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
