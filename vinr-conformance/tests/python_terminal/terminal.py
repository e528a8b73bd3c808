"""A small terminal, written from spec/local-api.md alone by way of showing that this can be done: no offline queue, no
cloud. What a person or the card network does to it comes from the bench (bench.py)."""

import datetime
import json
import os
import re
import socket
import threading
import time
import urllib.parse
import zlib

from advertise import Advertisement
from trust import Trust, context, is_terminal_id
from wire import Connection, Gone, NotAnInteger, Refused, bye, parse_json, ulid

CURRENCIES = {"USD", "EUR", "GBP", "CHF", "CAD", "AUD", "JPY", "SEK", "NOK", "DKK", "PLN"}
FINAL = {"completed", "failed", "cancelled"}
REFERENCE = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
MONEY = ("amount", "currency", "captureMethod")
NO_CARD_AFTER, ANSWER_AT, UNHEARD = 75.0, 88.0, 3.0


class PowerCut(Exception):
    """The power is gone: whatever was under way is not."""


def timestamp():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Journal:
    """Lines of checksum and JSON, each on the disk before anybody hears of it. [REC-6]"""

    def __init__(self, path):
        self.damaged, self.records = False, []
        lines = open(path, "rb").read().split(b"\n") if os.path.exists(path) else [b""]
        whole = 0
        for line in lines[:-1]:
            checksum, _, text = line.partition(b" ")
            if checksum != b"%08x" % zlib.crc32(text):
                self.damaged = True
                break
            self.records.append(json.loads(text))
            whole += len(line) + 1
        self.file = open(path, "ab")
        if not self.damaged:
            self.file.truncate(whole)  # a torn last line was never acknowledged

    def append(self, record):
        text = json.dumps(record).encode()
        try:
            self.file.write(b"%08x %s\n" % (zlib.crc32(text), text))
            self.file.flush()
            os.fsync(self.file.fileno())
        except ValueError:
            raise PowerCut from None
        except OSError:
            self.damaged = True
            raise Refused(500, "storage_failed", "the journal cannot be written") from None


class Attempt:
    """One try to get a sale paid."""

    def __init__(self, payment, sent=False):
        self.payment, self.sent = payment, sent  # sent: a byte of an authorization may have left
        self.on_screen, self.times_out, self.answer_at = False, 0.0, 0.0

    @property
    def key(self):
        return self.payment["attemptKey"]

    @property
    def reference(self):
        return self.payment["reference"]

    @property
    def is_final(self):
        return self.payment["status"] in FINAL


class Terminal:
    MODEL = "ciontek_cm30"

    def __init__(self, name, files, address, bench):
        self.name, self.address, self.bench, self.is_on = name, address, bench, True
        self.changed = threading.Condition()
        self.attempts, self.tombstones = [], set()
        self.journal = Journal(files["journal"])
        self.crl_file = files["crl"]
        with open(self.crl_file, "rb") as file:
            self.trust = Trust(name, files["pos_ca"], [file.read()])
        self.tls = context(files["certificate"], files["key"], files["pos_ca"])
        self.heard = time.monotonic()
        with self.changed:
            self.boot()
        self.wire = Wire(self)
        self.advertisement = Advertisement(self)
        threading.Thread(target=self.probe, daemon=True).start()

    # [REC-15] Nothing prompts again; what may have been sent is settled with the host.
    def boot(self):
        known = {}
        for record in self.journal.records:
            if "journalId" in record:
                self.journal_id = record["journalId"]
            elif "tombstone" in record:
                self.tombstones.add(tuple(record["tombstone"]))
            else:
                known[record["payment"]["id"]] = Attempt(record["payment"], record["sent"])
        if not self.journal.records and not self.journal.damaged:
            self.journal_id = "jrn_" + ulid()
            self.journal.append({"journalId": self.journal_id})
        self.attempts = list(known.values())
        for attempt in self.attempts if not self.journal.damaged else []:
            if not attempt.is_final and attempt.sent:
                threading.Thread(target=self.settle, args=(attempt, "power_loss"), daemon=True).start()
            elif not attempt.is_final:
                self.end(attempt, "cancelled", cancelReason="power_loss")

    def power_off(self, is_cut=True):
        self.advertisement.stop(goodbye=not is_cut)
        with self.changed:
            self.is_on = False
            self.journal.file.close()
            self.changed.notify_all()
        self.wire.close()

    def probe(self):
        while self.is_on:
            if self.bench.host.is_reachable():
                self.heard = time.monotonic()
            time.sleep(0.25)

    def is_online(self):
        return time.monotonic() - self.heard < UNHEARD

    def pause(self, seconds):
        """Waits for a change, at most so long. The lock is held."""
        if seconds > 0:
            self.changed.wait(seconds)
        if not self.is_on:
            raise PowerCut

    def store(self, attempt):
        self.journal.append({"payment": attempt.payment, "sent": attempt.sent})

    def end(self, attempt, status, **facts):
        # [PAY-15] What is on the disk is what is told.
        ended = {**attempt.payment, **facts, "status": status, "completedAt": timestamp()}
        self.journal.append({"payment": ended, "sent": attempt.sent})
        attempt.payment = ended
        if attempt.on_screen:
            attempt.on_screen = False
            self.bench.show({"completed": "approved", "failed": "declined"}.get(status, status), attempt)
        self.changed.notify_all()

    # The order of §4.1: dedupe, busy, admission, journal; all of it under the lock.
    def pay(self, body, key, received, may_start):
        """The attempt, and whether it is new."""
        found, is_final = self.find(body, key)
        if found is not None:
            if any(found.payment[name] != body[name] for name in MONEY):
                raise Refused(409, "idempotency_conflict", "the key is that of other money")
            return found, False
        if key is not None and (body["reference"], key) in self.tombstones:
            attempt = Attempt(self.payment(body, key))
            self.attempts.append(attempt)
            self.end(attempt, "cancelled", cancelReason="requested")
            self.tombstones.discard((body["reference"], key))
            return attempt, False
        if not self.bench.local_mode:
            raise Refused(403, "local_mode_disabled", "local mode is switched off")
        if not may_start:
            raise Refused(503, "terminal_unavailable", "there is no revocation list in time")
        if any(attempt.on_screen for attempt in self.attempts):
            raise Refused(409, "terminal_busy", "another sale is being paid", Retry_After=1)
        if not self.is_online():
            raise Refused(422, "offline_not_supported", "no internet, and this model never queues")  # [OFF-4, OFF-13]
        attempt = Attempt({**self.payment(body, key), "status": "pending"})
        self.store(attempt)
        self.attempts.append(attempt)
        attempt.on_screen, self.bench.card = True, None
        attempt.times_out = received + min(body["timeoutMs"] / 1000, NO_CARD_AFTER)
        attempt.answer_at = received + ANSWER_AT
        self.bench.show("present_card", attempt)
        threading.Thread(target=self.interact, args=(attempt,), daemon=True).start()
        return attempt, True

    def find(self, body, key):
        """[PAY-11, PAY-12] By reference and key among all attempts."""
        own = [attempt for attempt in self.attempts if attempt.reference == body["reference"]]
        live = [attempt for attempt in own if not attempt.is_final]
        paid = [attempt for attempt in own if attempt.payment["status"] == "completed"]
        if key is None:
            return next(iter(live + paid), None), None
        for attempt in own:
            if attempt.key == key:
                return attempt, None
        if (body["reference"], key) not in self.tombstones:
            if live:
                raise Refused(409, "reference_in_progress", "another attempt of this sale is not final")
            if paid:
                raise Refused(409, "reference_already_paid", "this sale is paid")
        return None, None

    def payment(self, body, key):
        return {"id": "tpay_" + ulid(), "object": "terminal_payment", "terminalId": self.name, "attemptKey": key,
                "amount": body["amount"], "currency": body["currency"], "reference": body["reference"],
                "description": body["description"], "captureMethod": body["captureMethod"], "status": "created",
                "amountCaptured": 0, "amountCapturable": 0, "last4": None, "brand": None, "entryMode": None,
                "declineCode": None, "cancelReason": None, "offline": None,
                "metadata": {**body["metadata"], "connectionMode": "local"},
                "createdAt": timestamp(), "completedAt": None}

    # What happens at the terminal, whoever listens.
    def interact(self, attempt):
        try:
            with self.changed:
                card = self.wait_for_card(attempt)
                if card is None or card["pin"] and not self.wait_for_pin(attempt):
                    return
                if not self.bench.host.is_reachable():
                    self.end(attempt, "failed", declineCode="processing_error")
                    return
                attempt.sent = True
                self.store(attempt)
                self.bench.show("authorizing", attempt)
            self.authorize(attempt, card)
        except PowerCut:
            pass

    def wait_for_card(self, attempt):
        while not attempt.is_final:
            if (left := attempt.times_out - time.monotonic()) <= 0:
                self.end(attempt, "cancelled", cancelReason="timed_out")  # [PAY-13]
            elif (card := self.bench.take_card()) is not None:
                attempt.payment = {**attempt.payment, "status": "processing", "last4": card["number"][-4:],
                                   "brand": "visa", "entryMode": card["entry"]}
                self.changed.notify_all()
                return card
            else:
                self.pause(left)
        return None

    def wait_for_pin(self, attempt):
        """No byte was sent yet: whoever cancels now succeeds."""
        self.bench.show("enter_pin", attempt)
        while not attempt.is_final and self.bench.pin is None:
            if (left := attempt.answer_at - time.monotonic()) <= 0:
                self.end(attempt, "cancelled", cancelReason="timed_out")
            elif not self.bench.card_is_in:
                self.end(attempt, "cancelled", cancelReason="customer")
            else:
                self.pause(left)
        return not attempt.is_final

    def authorize(self, attempt, card):
        while time.monotonic() < attempt.answer_at:
            again = time.monotonic() + 2
            word = self.bench.host.authorize(attempt.payment, card, 2)
            if self.hear(attempt, word):
                return
            self.rest(min(again, attempt.answer_at))
        with self.changed:
            attempt.on_screen = False
            self.bench.show("idle")
            self.changed.notify_all()
        self.settle(attempt, "timed_out")

    def settle(self, attempt, why_voided):
        """Asks the host for as long as it takes; what it does not know it closes."""
        try:
            while not self.hear(attempt, self.bench.host.status(attempt.payment["id"], 2), why_voided):
                self.rest(time.monotonic() + 0.5)
        except PowerCut:
            pass

    def rest(self, until):
        with self.changed:
            while (left := until - time.monotonic()) > 0:
                self.pause(left)

    def hear(self, attempt, word, why_voided=None):
        """Whether the host's word ended it."""
        with self.changed:
            if not self.is_on:
                raise PowerCut
            if word is None:
                return False
            self.heard = time.monotonic()
            amount = attempt.payment["amount"]
            if word == "approved":
                is_now = attempt.payment["captureMethod"] == "automatic"
                self.end(attempt, "completed", amountCaptured=amount if is_now else 0,
                         amountCapturable=0 if is_now else amount)
            elif word == "voided":
                self.end(attempt, "cancelled", cancelReason=why_voided)
            else:
                self.end(attempt, "failed", declineCode=word)
            return True

    def outcome(self, attempt, received):
        """What there is when the attempt is final, when it leaves the screen, or at 88 s. The lock is held."""
        was_on_screen, until = attempt.on_screen, received + ANSWER_AT
        while not attempt.is_final and attempt.on_screen == was_on_screen and time.monotonic() < until:
            self.pause(until - time.monotonic())
        return attempt.payment

    # [REC-8, REC-11, REC-22]
    def cancel(self, reference, key):
        own = [attempt for attempt in self.attempts if attempt.reference == reference]
        if key is not None:
            own = [attempt for attempt in own if attempt.key == key]
            if not own:
                if (reference, key) not in self.tombstones:
                    self.journal.append({"tombstone": [reference, key]})
                    self.tombstones.add((reference, key))
                return "cancelled", None
        for attempt in own:
            if not attempt.is_final and not attempt.sent:
                self.end(attempt, "cancelled", cancelReason="requested")
                return "cancelled", attempt.payment
        told = next((attempt for attempt in own if not attempt.is_final), own[-1] if own else None)
        if told is None:
            return "cancelled", None
        outcome = {"completed": "too_late", "failed": "too_late", "cancelled": "cancelled"}
        return outcome.get(told.payment["status"], "still_processing"), told.payment

    def list(self, reference):
        own = [attempt.payment for attempt in reversed(self.attempts) if attempt.reference == reference]
        return {"object": "list", "data": own, "journalId": self.journal_id}

    def reader(self):
        return {"object": "reader", "id": self.name, "model": self.MODEL, "status": self.status(),
                "activity": self.activity(), "api": "vinr-local/1", "softwareVersion": "1.0",
                "journalId": self.journal_id,
                "offline": {"supported": False, "limits": {}, "maxQueued": 0, "queued": 0, "oldestQueuedAt": None}}

    def status(self):
        return "online" if self.is_online() else "offline"

    def activity(self):
        return "busy" if any(attempt.on_screen for attempt in self.attempts) else "idle"

    def install(self, data):
        with self.changed:
            accepted = self.trust.install(data)
            with open(self.crl_file, "wb") as file:
                file.write(accepted)
                os.fsync(file.fileno())


class Wire:
    """Who is let in, and what is answered."""

    def __init__(self, terminal):
        self.terminal, self.lock, self.peers = terminal, threading.Lock(), {}
        self.listener = socket.create_server(terminal.address, reuse_port=False, backlog=128)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        with self.lock:
            self.shut(self.listener)
            self.listener.close()
            for peer in self.peers:
                self.shut(peer)

    @staticmethod
    def shut(peer):
        try:
            socket.socket.shutdown(peer, socket.SHUT_RDWR)
        except OSError:
            pass

    def accept(self):
        while self.terminal.is_on:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.settimeout(5)
            tls = self.terminal.tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
            with self.lock:
                # [NET-5] One that was let in is never closed for one that was not.
                strangers = [peer for peer, was_let_in in self.peers.items() if not was_let_in]
                if len(strangers) >= 64:
                    self.shut(strangers[0])
                self.peers[tls] = False
            threading.Thread(target=self.serve, args=(tls,), daemon=True).start()

    def serve(self, tls):
        late = threading.Timer(5, self.shut, (tls,))
        late.daemon = True
        late.start()
        try:
            tls.do_handshake()
            late.cancel()
            with self.lock:
                if sum(self.peers.values()) >= 256:
                    return
                self.peers[tls] = True
            connection = Connection(tls)
            while self.exchange(connection, tls):
                pass
        except (OSError, ValueError, Gone, PowerCut):
            pass
        finally:
            late.cancel()
            with self.lock:
                self.peers.pop(tls, None)
            if self.terminal.is_on:
                bye(tls)
            tls.close()

    def exchange(self, connection, tls):
        """One request and its answer; whether another may follow."""
        request_id, method, goes_on = "req_" + ulid(), "", True
        connection.wait(600)
        try:
            unread = None
            try:
                request = connection.request()
            except Refused as refused:
                unread = refused
            # Who asks comes first, whatever was asked.
            may_start = self.terminal.trust.judge(tls.getpeercert(True))
            if unread is not None:
                raise unread
            method, goes_on = request.method, request.one("connection") != "close"
            if request.one("origin") is not None:
                raise Refused(403, "browser_not_allowed", "browsers are not served")  # [NET-6]
            self.route(connection, request, request_id, may_start)
        except Refused as refused:
            goes_on = goes_on and not refused.close
            connection.answer(refused.status, request_id, refused.body(request_id), close=not goes_on,
                              bare=method == "HEAD", **refused.headers)
        return goes_on

    def route(self, connection, request, request_id, may_start):
        path, _, query = request.target.partition("?")
        one = path.removeprefix("/v1/payments/")
        allowed = {"/v1/pay": "POST", "/v1/cancel": "POST", "/v1/payments": "GET", "/v1/reader": "GET"}.get(path)
        if one and one != path and "/" not in one:
            allowed = "GET"
        if allowed is None:
            raise Refused(404, "not_found", "there is no such path")
        if request.method != allowed:
            raise Refused(405, "method_not_allowed", "another method is expected", Allow=allowed)
        if allowed == "POST":
            kind = (request.one("content-type") or "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise Refused(415, "unsupported_media_type", "application/json is expected")
            body = parse_json(request.body)
        terminal = self.terminal
        if path == "/v1/pay":
            self.pay(connection, request, body, request_id, may_start)
            return
        if path == "/v1/cancel":
            body = read_fields(body, {"terminalId", "reference", "attemptKey"}, ("terminalId", "reference"))
            check_terminal(body, terminal.name)
            check_reference(body["reference"])
            check_key(body.get("attemptKey"), "attemptKey")
        elif path == "/v1/payments":
            reference = reference_of(query)
        with terminal.changed:
            if terminal.journal.damaged and path != "/v1/reader":
                raise Refused(500, "storage_failed", "the journal cannot be read")
            if path == "/v1/cancel":
                outcome, payment = terminal.cancel(body["reference"], body.get("attemptKey"))
                answer = {"object": "cancellation", "reference": body["reference"], "outcome": outcome,
                          "payment": payment, "journalId": terminal.journal_id}
            elif path == "/v1/payments":
                answer = terminal.list(reference)
            elif path == "/v1/reader":
                answer = terminal.reader()
            else:
                answer = next((attempt.payment for attempt in terminal.attempts if attempt.payment["id"] == one), None)
        if answer is None:
            raise Refused(404, "not_found", "there is no such payment")
        connection.answer(200, request_id, answer)

    def pay(self, connection, request, body, request_id, may_start):
        terminal = self.terminal
        body, key = check_pay(body, terminal.name), request.one("idempotency-key")
        check_key(key, "Idempotency-Key")
        with terminal.changed:
            if not terminal.is_on:
                raise PowerCut
            if terminal.journal.damaged:
                raise Refused(500, "storage_failed", "the journal cannot be read")
            attempt, is_new = terminal.pay(body, key, request.received, may_start)
        activation = {}
        if is_new:
            took = (time.monotonic() - request.received) * 1000
            activation = {"Server_Timing": f"activation;dur={took:.1f}"}
        connection.open_answer(request_id, **activation)  # [PAY-14]
        with terminal.changed:
            payment = terminal.outcome(attempt, request.received)
        connection.close_answer(payment)


# What a request may say. [PAY-10, PAY-20]

def read_fields(body, known, required):
    for name in body:
        if name not in known:
            raise Refused(400, "invalid_field", "a field that is not known", name[:64])
    body = {name: value for name, value in body.items() if value is not None}
    for name in required:
        if name not in body:
            raise Refused(400, "missing_field", f"{name} is missing", name)
    return body


def check_terminal(body, own):
    named = body["terminalId"]
    if not isinstance(named, str) or not is_terminal_id(named):
        raise Refused(400, "invalid_field", "terminalId is no terminal's id", "terminalId")
    if named != own:
        raise Refused(400, "wrong_terminal", f"this is {own}", "terminalId")


def check_reference(reference):
    if not isinstance(reference, str) or not REFERENCE.fullmatch(reference):
        raise Refused(400, "invalid_reference", "a reference is 1 to 64 of A-Z a-z 0-9 . _ : / -", "reference")


def check_key(key, name):
    if key is not None and not (isinstance(key, str) and re.fullmatch("[!-~]{1,255}", key)):
        raise Refused(400, "invalid_field", "a key is 1 to 255 of ! to ~", name)


def check_text(text, name):
    if not isinstance(text, str) or any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text):
        raise Refused(400, "invalid_field", f"{name} is text without control characters", name)


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, (bool, NotAnInteger))


def check_pay(body, own):
    body = read_fields(body, {"terminalId", "amount", "currency", "reference", "captureMethod", "description",
                              "metadata", "timeoutMs"}, ("terminalId", "amount", "currency", "reference"))
    body = {"captureMethod": "automatic", "description": None, "metadata": {}, "timeoutMs": 120_000, **body}
    check_terminal(body, own)
    if not is_integer(body["amount"]) or not 1 <= body["amount"] <= 99_999_999:
        raise Refused(400, "invalid_amount", "an amount is an integer from 1 to 99999999", "amount")
    if not isinstance(body["currency"], str) or body["currency"] not in CURRENCIES:
        raise Refused(400, "invalid_currency", "a currency that is not known here", "currency")
    check_reference(body["reference"])
    if body["captureMethod"] not in ("automatic", "manual"):
        raise Refused(400, "invalid_field", "captureMethod is automatic or manual", "captureMethod")
    if not is_integer(body["timeoutMs"]) or not 1000 <= body["timeoutMs"] <= 120_000:
        raise Refused(400, "invalid_field", "timeoutMs is 1000 to 120000", "timeoutMs")
    if body["description"] is not None:
        check_text(body["description"], "description")
        if len(body["description"]) > 200:
            raise Refused(400, "invalid_field", "a description has at most 200 characters", "description")
    pairs = body["metadata"]
    if not isinstance(pairs, dict) or len(pairs) > 20:
        raise Refused(400, "invalid_field", "metadata is at most 20 pairs", "metadata")
    for name, value in pairs.items():
        check_text(name, "metadata")
        check_text(value, "metadata")
    if sum(len((name + value).encode()) for name, value in pairs.items()) > 2048:
        raise Refused(400, "invalid_field", "metadata has at most 2 KiB", "metadata")
    return body


def reference_of(query):
    pairs = [pair.partition("=") for pair in query.split("&") if pair.startswith("reference=")]
    if not pairs:
        raise Refused(400, "missing_field", "reference is missing", "reference")
    if len(pairs) > 1:
        raise Refused(400, "invalid_reference", "reference appears exactly once", "reference")
    try:
        reference = urllib.parse.unquote(pairs[0][2], errors="strict")
    except UnicodeDecodeError:
        reference = ""
    check_reference(reference)
    return reference
