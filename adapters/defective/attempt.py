"""One attempt: stored, sent once, and followed until its end is known. §5 of spec/local-api.md"""

import os
import sys
import threading
import time
from collections import namedtuple

from defects import broken
from wire import look_up_path, plaintext
from wrong import Lost, Wrong, unknown

HOLD = 125.0  # at least 120 s [PAY-5]
PACE = 0.5
MONTH = 30 * 24 * 3600
FINAL = ("completed", "failed", "cancelled")
KNOWN = ("created", "pending", "processing", *FINAL)
LOOK_UP = ("reference_in_progress", "reference_already_paid", "idempotency_conflict")

# end is final, offline or void; a void attempt never charges, and may have no payment.
Outcome = namedtuple("Outcome", "end payment others")


def fresh_key():
    """Sorted by time, and never drawn twice. [REC-17]"""
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    return "".join(letters[(number >> shift) & 31] for shift in range(125, -5, -5))


def new(sale, terminal, line=None, key=None, path="local"):
    journal = line.journal if line else None
    told = {"key": key or fresh_key(), "terminalId": terminal, "path": path, "journalId": journal, "at": time.time()}
    return {**sale, **told}


def body_of(attempt, till):
    body = {name: attempt[name] for name in ("terminalId", "amount", "currency", "reference", "captureMethod")}
    if broken("no-capture-method"):
        del body["captureMethod"]
    if broken("amount-as-text"):
        body["amount"] = str(body["amount"])
    if broken("key-in-metadata") and till.config.get("secretKey"):
        body["metadata"] = {"source": till.config["secretKey"]}
    return body


def send(till, attempt, line, on_head=None):
    """Pays, once. The end of the attempt; a refusal; or `Lost`."""
    if not broken("stores-too-late"):
        till.store.put(attempt)  # before the first byte [REC-12]
    headers = {"Idempotency-Key": attempt["key"]}
    body = body_of(attempt, till)
    if broken("form-body"):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = "&".join(f"{name}={value}" for name, value in body.items())
    hold = 30.0 if broken("gives-up-at-30-s") else 119.0 if broken("gives-up-at-119-s") else HOLD
    if broken("slow"):
        time.sleep(0.04)
    done = threading.Event()
    if broken("polls"):
        threading.Thread(target=poll, args=(till, attempt, done), daemon=True).start()
    try:
        status, told = line.ask("POST", "/v1/pay", body, headers, hold, on_head)
    finally:
        done.set()
        if broken("stores-too-late"):
            till.store.put(attempt)
    till.put_back(line)
    return read(attempt, status, told)


def read(attempt, status, told):
    """What an answer to a pay says."""
    if 400 <= status < 500:
        error = told.get("error") if isinstance(told.get("error"), dict) else {}
        raise refusal(attempt["reference"], error, status)
    if status != 200:
        raise Lost(f"the answer was {status}", "5xx")
    end = end_of(attempt, told)
    if end:
        return Outcome(end, told, [])
    raise Lost("the answer is no end", "unfinished")


def refusal(reference, error, status):
    code = str(error.get("code", status))
    kind = "tls" if code.startswith("certificate_") else "refused"
    return Wrong(kind, error.get("message", code), code=code, reference=reference)


def is_about(attempt, payment):
    """An answer that is not about its request is none. [REC-19]"""
    if not isinstance(payment, dict):
        return False
    names = {"terminalId", "amount", "currency", "reference"}
    names -= {"amount"} if broken("any-amount") else set()
    names -= {"reference"} if broken("any-reference") else set()
    if payment.get("attemptKey") not in (None, attempt["key"]) and not broken("newest-is-own"):
        return False
    return all(payment.get(name) == attempt[name] for name in names)


def end_of(attempt, payment):
    """final, offline, or not an end. [REC-18, OFF-10]"""
    if not is_about(attempt, payment):
        return None
    status = payment.get("status")
    if status in FINAL or (broken("unknown-status-is-final") and status not in KNOWN):
        return "final"
    if status == "processing" and payment.get("offline") and not broken("waits-for-the-queue"):
        if broken("offline-is-completed"):
            payment["status"] = "completed"
        return "offline"
    return None


def poll(till, attempt, done):
    while not done.wait(1.0):
        try:
            till.question(attempt["terminalId"], "GET", look_up_path(attempt["reference"]))
        except (Lost, Wrong) as error:
            print("polling:", error, file=sys.stderr)


def settle(till, attempt, until, accepted=False):
    """Finds out what became of an attempt, and never pays. Past the deadline its outcome is unknown. [REC-2, REC-10]"""
    reference, seen = attempt["reference"], accepted
    if broken("looks-up-late"):
        time.sleep(7)
    why = "nobody answered"
    while True:
        try:
            return settled_now(till, attempt, seen)
        except Seen as again:
            seen, why = seen or again.seen, again.why
        if time.monotonic() + PACE > until:
            break
        time.sleep(PACE)
    if broken("guesses-failed") or broken("guesses-completed"):
        return Outcome("final", guessed(attempt), [])
    if broken("unreachable-is-unpaid"):
        raise Wrong("unreachable", "the terminal does not answer", reference=reference)
    raise unknown(reference, why)


class Seen(Exception):
    """Not known yet: ask again."""

    def __init__(self, why, seen=False):
        super().__init__(why)
        self.why, self.seen = why, seen


def settled_now(till, attempt, seen):
    """One look-up and what follows from it."""
    reference = attempt["reference"] + ("-2" if broken("new-reference") else "")
    try:
        status, listed = till.question(attempt["terminalId"], "GET", look_up_path(reference))
    except (Lost, Wrong) as error:
        word = through_cloud(till, attempt)
        if word:
            return word
        raise Seen(str(error)) from error
    if status != 200 or not isinstance(listed.get("data"), list):
        raise Seen(f"the look-up was answered {status}")
    entries = [entry for entry in listed["data"] if isinstance(entry, dict)]
    own = next((entry for entry in entries if entry.get("attemptKey") == attempt["key"]), None)  # [REC-16]
    if broken("newest-is-own"):
        own = entries[0] if entries else None
    others = [entry for entry in entries if entry is not own]
    if own is None:
        prove_unknown(till, attempt, listed, seen)
        if broken("no-tombstone"):
            return Outcome("void", None, others)
        return cancelled(till, attempt, others)
    end = end_of(attempt, own)
    if end:
        return Outcome(end, own, others)
    if not is_about(attempt, own):
        raise Seen("the answer is about another payment", True)
    if own.get("status") in ("created", "pending"):
        if broken("no-cancel"):
            return Outcome("void", None, others)
        return cancelled(till, attempt, others)
    raise Seen(f"it is {own.get('status')}", True)


def prove_unknown(till, attempt, listed, seen):
    """An empty answer counts from the journal that was asked to pay, if it is young and had not known better. [REC-23]"""
    reference, journal = attempt["reference"], listed.get("journalId")
    if seen:
        raise unknown(reference, "the terminal denies a payment that it had accepted")
    if broken("any-journal"):
        return
    if abs(time.time() - attempt["at"]) > MONTH:
        raise unknown(reference, "the attempt is older than the terminal's records")
    if journal is None or attempt["journalId"] is None:
        raise Seen("the terminal does not name its journal")
    if journal != attempt["journalId"]:
        raise unknown(reference, "the terminal has another journal: it was wiped or swapped")
    if attempt["path"] == "cloud":
        try:
            status, word = till.cloud.listed(reference)
        except (Lost, Wrong) as error:
            raise Seen(str(error)) from error
        if status != 200 or word.get("undelivered") is not False:
            raise Seen("the cloud may still deliver it")


def cancelled(till, attempt, others):
    """Cancels by the key, and believes what the answer says. [REC-4, REC-20]"""
    body = {name: attempt[name] for name in ("terminalId", "reference")}
    body["attemptKey"] = attempt["key"]
    if broken("cancel-not-awaited"):
        threading.Thread(target=ignored, args=(till, attempt, body), daemon=True).start()
        return Outcome("void", None, others)
    try:
        status, told = till.question(attempt["terminalId"], "POST", "/v1/cancel", body)
    except (Lost, Wrong) as error:
        raise Seen(str(error)) from error
    outcome, payment = told.get("outcome"), told.get("payment")
    if broken("any-cancel-answer"):
        return Outcome("void", payment, others)
    if status != 200 or told.get("reference") != attempt["reference"]:
        raise Seen(f"the cancel was answered {status}")
    if outcome == "cancelled" and payment is None:
        if told.get("journalId", attempt["journalId"]) != attempt["journalId"] and not broken("any-journal"):
            raise unknown(attempt["reference"], "the device was swapped before the cancel")
        return Outcome("void", None, others)
    if outcome == "cancelled" and is_about(attempt, payment) and payment.get("status") == "cancelled":
        return Outcome("void", payment, others)
    if outcome == "too_late" and broken("too-late-is-cancelled"):
        return Outcome("void", None, others)
    if outcome == "too_late" and end_of(attempt, payment):
        return Outcome("final", payment, others)
    raise Seen("the cancel came while it was being processed")


def ignored(till, attempt, body):
    try:
        till.question(attempt["terminalId"], "POST", "/v1/cancel", body)
    except (Lost, Wrong) as error:
        print("a cancel was lost:", error, file=sys.stderr)


def through_cloud(till, attempt):
    """Where the LAN is dead, what the cloud says of an attempt that went there; an end alone counts."""
    if attempt["path"] != "cloud" or not till.cloud:
        return None
    try:
        status, word = till.cloud.listed(attempt["reference"])
    except (Lost, Wrong) as error:
        print("the cloud is silent too:", error, file=sys.stderr)
        return None
    entries = word.get("data") if status == 200 else None
    for entry in entries or []:
        if isinstance(entry, dict) and entry.get("attemptKey") == attempt["key"] and (end := end_of(attempt, entry)):
            return Outcome(end, entry, [])
    return None


def guessed(attempt):
    status = "failed" if broken("guesses-failed") else "completed"
    names = ("terminalId", "amount", "currency", "reference", "captureMethod")
    made_up = {"id": "tpay_00000000000000000000000000", "object": "terminal_payment", "attemptKey": attempt["key"]}
    times = {"createdAt": "2026-01-01T00:00:00.000Z", "completedAt": "2026-01-01T00:00:00.000Z"}
    return {**made_up, **{name: attempt[name] for name in names}, "status": status, **times}


def in_clear_text(till, attempt, address):
    status, told = plaintext(address, body_of(attempt, till), {"Idempotency-Key": attempt["key"]})
    return read(attempt, status, told)
