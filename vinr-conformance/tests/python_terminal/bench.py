"""The bench on which the terminal stands: its card network, its cardholder, and whoever pulls its plugs.

    python3 bench.py PROVISIONED TERMINAL HOST:PORT STATE

PROVISIONED is a directory of `vinr-simulator provision`; nothing but certificates is taken from it, and the control
file is written into it. Questions of spec/harness.md §2 come by HTTP; where to is the one line that is printed once
the terminal serves.
"""

import http.server
import json
import os
import queue
import secrets
import shutil
import signal
import sys
import threading
import time

from terminal import Terminal

CARDS = {"approved": "4242424242424242", "declined": "4000000000000002", "insufficient_funds": "4000000000009995",
         "expired": "4000000000000069", "processing_error": "4000000000000119",
         "approved_with_pin": "4000000000000077", "incorrect_pin": "4000000000000259"}
HOST_SAYS = {"4242424242424242": "approved", "4000000000000077": "approved", "4000000000000002": "card_declined",
             "4000000000009995": "insufficient_funds", "4000000000000069": "expired_card",
             "4000000000000119": "processing_error", "4000000000000259": "incorrect_pin"}
WITH_PIN = {"4000000000000077", "4000000000000259"}


class Host:
    """The card network's. It dedupes by payment id, and approves a sale once."""

    def __init__(self):
        self.lock, self.entries, self.ledger = threading.Lock(), {}, []
        self.is_cut, self.delay, self.loses, self.declines = False, 0.0, False, False

    def is_reachable(self):
        return not self.is_cut

    def authorize(self, payment, card, patience):
        return self.answer(patience, lambda: self.decide(payment, card))

    def status(self, payment_id, patience):
        """What it does not know it closes, so that nothing that arrives later is approved."""
        return self.answer(patience, lambda: self.entries.setdefault(payment_id, "voided"))

    def answer(self, patience, decide):
        if self.is_cut:
            return None
        with self.lock:
            word = decide()
        # The first answer may come after the caller lost patience; it is remembered for the next time.
            loses = self.loses
            if self.loses is not True:
                self.loses = max(0, self.loses - 1)
        if loses or self.delay > patience:
            time.sleep(patience)
            return None
        time.sleep(self.delay)
        return None if self.is_cut else word

    def decide(self, payment, card):
        if payment["id"] in self.entries:
            return self.entries[payment["id"]]
        word = {True: "card_declined"}.get(self.declines, self.declines) or HOST_SAYS[card["number"]]
        if word == "approved" and any(line["approved"] and not line["voided"] and
                                      line["reference"] == payment["reference"] for line in self.ledger):
            word = "processing_error"
        self.entries[payment["id"]] = word
        self.ledger.append({"reference": payment["reference"], "paymentId": payment["id"],
                            "amount": payment["amount"], "currency": payment["currency"],
                            "approved": word == "approved", "voided": False,
                            "captured": word == "approved" and payment["captureMethod"] == "automatic"})
        return word


class Bench:
    def __init__(self, provisioned, name, address, state):
        os.makedirs(state, exist_ok=True)
        crl = os.path.join(state, "crl")
        if not os.path.exists(crl):
            shutil.copy(os.path.join(provisioned, "pos-ca.crl.pem"), crl)
        of_terminal = os.path.join(provisioned, "terminals", name)
        files = {"certificate": of_terminal + ".pem", "key": of_terminal + ".key", "crl": crl,
                 "pos_ca": os.path.join(provisioned, "pos-ca.pem"), "journal": os.path.join(state, "journal")}
        self.state = state
        self.start = lambda: Terminal(name, files, address, self)
        self.host, self.local_mode = Host(), True
        self.card, self.card_is_in, self.pin = None, False, None
        self.name, self.screen_changed, self.watchers, self.history = name, threading.Condition(), [], []
        self.show("idle")
        self.terminal = self.start()

    # For the terminal.

    def show(self, what, attempt=None):
        payment = attempt.payment if attempt else {}
        seen = {"event": "screen", "terminal": self.name, "screen": what, "reference": payment.get("reference"),
                "paymentId": payment.get("id"), "amount": payment.get("amount"), "atNs": time.monotonic_ns()}
        with self.screen_changed:
            self.history.append(seen)
            for watcher in self.watchers:
                watcher.put(seen)
            self.screen_changed.notify_all()
            count = len(self.history)
        if what in ("approved", "declined", "cancelled"):
            threading.Timer(0.3, self.clear, (count,)).start()

    def clear(self, count):
        with self.screen_changed:
            if len(self.history) == count:
                self.show("idle")

    def take_card(self):
        card, self.card = self.card, None
        return card

    # For whoever asks.

    def answer(self, question):
        ask = getattr(self, "ask_" + question["question"], None)
        if ask is None:
            return {"answer": "cannot", "why": "this bench has no such thing"}
        return ask(question.get("args") or {}, time.monotonic() + question["deadlineMs"] / 1000) or {"answer": "done"}

    def ask_present_card(self, args, _):
        number = CARDS.get(args["card"], args["card"])
        if number not in HOST_SAYS:
            return {"answer": "cannot", "why": "this bench has no such card"}
        entry = args.get("entry") or ("chip" if number in WITH_PIN else "contactless")
        with self.terminal.changed:
            self.card = {"number": number, "entry": entry, "pin": number in WITH_PIN}
            self.card_is_in, self.pin = entry == "chip", None
            self.terminal.changed.notify_all()

    def ask_remove_card(self, *_):
        with self.terminal.changed:
            self.card, self.card_is_in = None, False
            self.terminal.changed.notify_all()

    def ask_enter_pin(self, args, _):
        with self.terminal.changed:
            self.pin = args.get("pin") or "1234"
            self.terminal.changed.notify_all()

    def ask_observe_screen(self, args, until):
        expected = {"prompt": ("present_card",), "amount": ("present_card", "enter_pin", "authorizing")}
        expected = expected.get(args["expect"], (args["expect"],))

        with self.screen_changed:
            first = len(self.history) - 1
            while True:
                for seen in self.history[first:]:
                    if seen["screen"] in expected and args.get("amount") in (None, seen["amount"]):
                        return {"answer": "saw", "atNs": seen["atNs"]}
                first = len(self.history)
                if not self.screen_changed.wait_for(lambda: len(self.history) > first, until - time.monotonic()):
                    return {"answer": "did_not_see"}

    def ask_cut_internet(self, *_):
        self.host.is_cut = True

    def ask_restore_internet(self, *_):
        self.host.is_cut = False

    def ask_power_cycle(self, args, _):
        self.terminal.power_off()
        self.show("off")
        time.sleep(args["offMs"] / 1000)
        self.card, self.card_is_in, self.pin = None, False, None
        self.show("idle")
        self.terminal = self.start()

    def ask_toggle_local_mode(self, args, _):
        self.local_mode = args["on"]

    def ask_set_host(self, args, _):
        self.host.delay = args.get("delayMs", 0) / 1000
        self.host.loses, self.host.declines = args.get("loseAnswers", False), args.get("decline", False)

    def ask_install_crl(self, args, _):
        with open(args["path"], "rb") as file:
            data = file.read()
        try:
            self.terminal.install(data)
        except Exception:  # what strangers sign may be anything; the suite looks at what happens then
            pass

    def ask_read_storage(self, *_):
        copy = self.state + "-copy"
        shutil.copytree(self.state, copy, dirs_exist_ok=True)
        return {"answer": "value", "value": copy}

    def ask_read_ledger(self, args, _):
        reference = args.get("reference")
        with self.host.lock:
            return {"answer": "value", "value": [line for line in self.host.ledger
                                                 if reference in (None, line["reference"])]}


def serve(bench, control):
    """Questions from anybody on this machine, since it plays with toys; the stream of screen events needs the token of
    the control file, as the suite brings it."""
    token = secrets.token_hex(16)

    class Port(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            # The cardholder here has no script that could be changed.
            told = {} if self.path == "/v1/cardholder" else {"id": asked["id"], **bench.answer(asked)}
            self.tell(told)

        def do_GET(self):
            if self.headers["authorization"] != f"Bearer {token}":
                self.send_error(401)
            elif self.path == "/v1/state":
                self.tell({"terminals": []})
            elif self.path == "/v1/events":
                self.stream()
            else:
                self.send_error(404)

        def tell(self, value):
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def stream(self):
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            watcher = queue.SimpleQueue()
            with bench.screen_changed:
                bench.watchers.append(watcher)
            try:
                self.wfile.write(b": open\n\n")
                while True:
                    self.wfile.write(b"data: %s\n\n" % json.dumps(watcher.get()).encode())
            except OSError:
                with bench.screen_changed:
                    bench.watchers.remove(watcher)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Port)
    url = f"http://127.0.0.1:{server.server_port}"
    os.makedirs(os.path.dirname(control), exist_ok=True)
    with open(control, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump({"url": url, "token": token}, file)
    print(url + "/v1/question", flush=True)
    server.serve_forever()


def leave(bench):
    bench.terminal.power_off(is_cut=False)
    sys.exit()


if __name__ == "__main__":
    directory, terminal, where, states = sys.argv[1:]
    host, _, port = where.rpartition(":")
    stands = Bench(directory, terminal, (host, int(port)), states)
    signal.signal(signal.SIGTERM, lambda *_: leave(stands))
    serve(stands, os.path.join(directory, "control", terminal + ".json"))
