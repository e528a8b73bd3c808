"""An intent: get this sale paid, at one terminal over the LAN. What hybrid.py and groups.py do too begins here."""

import threading
import time

import attempt as attempts
from attempt import Outcome, send, settle
from defects import broken
from wire import look_up_path
from wrong import Lost, Wrong, unknown

ENOUGH = 120.0  # of the deadline must be left for a further attempt


class Abandoned(Exception):
    """A broken till has turned its back on a payment."""


def pay(till, sale, terminal):
    until = till.deadline()
    paid = earlier(till, sale, until)
    if paid:
        return paid
    if broken("cloud-beacon") and till.cloud:
        till.cloud.listed(sale["reference"])
    key, tries = None, 0
    while True:
        tries += 1
        outcome, key = one(till, sale, terminal, until, key if broken("same-key-again") else None)
        result = told(outcome, sale)
        if outcome.end == "final" and outcome.payment["status"] == "failed" and broken("retries-after-decline") and tries == 1:
            continue
        if outcome.end != "void":
            return result
        if tries > 1 or not (until - time.monotonic() >= ENOUGH or broken("blind-retry")):
            return void(outcome, sale)


def one(till, sale, terminal, until, key=None, on_head=None):
    """One attempt on the LAN, from its key to its end."""
    try:
        line = till.line(terminal)
    except Wrong as wrong:
        if wrong.kind == "tls" and broken("plaintext-fallback"):
            attempt = attempts.new(sale, terminal)
            return attempts.in_clear_text(till, attempt, till.address(terminal)), attempt["key"]
        raise
    attempt = attempts.new(sale, terminal, line, key)
    heads = []

    def head(status):
        heads.append(status)
        if on_head:
            on_head(status)

    try:
        outcome = send(till, attempt, line, head)
    except Lost as lost:
        if broken("next-after-loss") and on_head:
            raise Abandoned from lost
        if retried(lost):
            return Outcome("void", None, []), attempt["key"]
        outcome = settle(till, attempt, until, accepted=200 in heads)
        if broken("repeats-completed") and outcome.end == "final":
            outcome = again(till, attempt, outcome)
    except Wrong as wrong:
        # It was the only copy of its key: it is unused. Other attempts of the sale are another matter.
        if wrong.answer.get("code") in attempts.LOOK_UP:
            looked_up(till, attempt, wrong)
        till.store.remove(attempt["key"])
        raise
    till.store.remove(attempt["key"])
    return outcome, attempt["key"]


def retried(lost):
    names = {"timeout": "blind-retry", "reset": "retries-on-reset", "5xx": "retries-on-5xx", "half": "retries-on-half-answer"}
    return lost.how in names and broken(names[lost.how])


def again(till, attempt, outcome):
    try:
        return send(till, attempt, till.line(attempt["terminalId"]))
    except (Lost, Wrong):
        return outcome


def looked_up(till, attempt, wrong):
    """Another attempt stands in the way: nobody is told that the sale is unpaid before it was looked at."""
    try:
        _, listed = till.question(attempt["terminalId"], "GET", look_up_path(attempt["reference"]))
        entries = [entry for entry in listed["data"] if entry["reference"] == attempt["reference"]]
    except (Lost, Wrong, KeyError, TypeError) as error:
        raise unknown(attempt["reference"], f"{wrong}; and then {error}") from error
    if not any(entry.get("status") not in ("failed", "cancelled") for entry in entries):
        raise unknown(attempt["reference"], f"{wrong}; and nothing is listed")


def told(outcome, sale):
    """The sale is not unpaid while another attempt of it is paid or lives."""
    if outcome.end != "void":
        return outcome.payment
    for other in outcome.others:
        if other.get("status") == "completed":
            raise Wrong("refused", "another attempt has paid it", code="reference_already_paid", reference=sale["reference"])
        if other.get("status") not in attempts.FINAL:
            raise Wrong("refused", "another attempt lives", code="reference_in_progress", reference=sale["reference"])
    return outcome.payment


def void(outcome, sale):
    if outcome.payment:
        return outcome.payment
    raise Wrong("refused", "it was lost, and is cancelled for good", code="voided", reference=sale["reference"])


def earlier(till, sale, until):
    """What this till has left open of the sale comes first. [REC-5]"""
    for attempt in till.store.open_attempts():
        if attempt["reference"] != sale["reference"]:
            continue
        if broken("pays-at-restart"):
            till.store.remove(attempt["key"])
            continue
        outcome = settle(till, attempt, until)
        till.store.remove(attempt["key"])
        if outcome.end == "offline" or (outcome.end == "final" and outcome.payment["status"] == "completed"):
            return outcome.payment
        told(outcome, sale)
    return None


def resolve(till):
    """Every open sale, side by side; none is paid by it. [REC-12]"""
    settled, failed = {}, []

    def work(attempt):
        if broken("pays-at-restart"):
            sale = {name: attempt[name] for name in ("amount", "currency", "reference", "captureMethod")}
            till.store.remove(attempt["key"])
            settled[attempt["reference"]] = pay(till, sale, attempt["terminalId"])
            return
        try:
            outcome = settle(till, attempt, time.monotonic() + 30)
            till.store.remove(attempt["key"])
            # The sale's last word: what was paid is not hidden by a void attempt of it.
            if not (settled.get(attempt["reference"]) and outcome.end == "void"):
                settled[attempt["reference"]] = outcome.payment
        except Wrong as wrong:
            failed.append(wrong)

    workers = [threading.Thread(target=work, args=(attempt,)) for attempt in till.store.open_attempts()]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failed:
        raise failed[0]
    return settled

