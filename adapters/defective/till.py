#!/usr/bin/env python3
"""A till that keeps every rule of a client, and breaks the one that it is told to: `till.py --defect blind-retry`.

It is an adapter for `vinr-conformance client` (spec/harness.md §1), of Python's standard library, and the suite's own
proof: without a defect it passes, and with each of them the requirement fails that `till.py --list` names.
It is no till to build upon: it opens no .p12 by itself (it has OpenSSL's command do it), and nobody has made it fast.
"""

import argparse
import ipaddress
import json
import sys
import threading
import time

import defects
from cloud import Cloud
from defects import DEFECTS, broken
from groups import Queues, pay_group
from hybrid import pay_hybrid
from identity import opened
from mdns import browse
from paying import pay, resolve
from store import Store
from webhook import verify
from wire import ANSWER, DIAL, Line, Trust, host_and_port, look_up_path
from wrong import Lost, Wrong

OPS = ("hello", "configure", "discover", "pay", "pay_hybrid", "pay_group", "retrieve", "resolve", "verify_webhook")


class Till:
    """Whom it trusts, where terminals are, what is open."""

    def __init__(self, config):
        self.config = config
        cert, key, read = opened(config)
        self.trust = Trust(config["ca"], cert, key, config.get("crl"), config.get("secretKey"))
        read()
        self.pem = {"cert": cert, "key": key}
        self.store = Store(config["store"])
        self.cloud = None
        if config.get("cloudUrl") and config.get("secretKey"):
            self.cloud = Cloud(config["cloudUrl"], config.get("cloudCa"), config["secretKey"])
        self.addresses = {name: host_and_port(host) for name, host in (config.get("hosts") or {}).items()}
        self.remembered = {}
        self.idle, self.lock, self.paying, self.queues = {}, threading.Lock(), set(), Queues()
        if broken("logs-passphrase"):
            self.log(f"opened {config.get('p12')} with {config.get('passphrase')}")

    def deadline(self):
        return time.monotonic() + max(self.config.get("deadlineMs", 150_000) / 1000, 121)

    def log(self, text):
        print(text, file=sys.stderr, flush=True)

    def address(self, terminal):
        address = self.addresses.get(terminal)
        if not address:
            raise Wrong("unreachable", f"no address of {terminal} is known")
        return address

    def dial(self, terminal, timeout=DIAL, with_certificate=True):
        return Line(self.trust, terminal, self.address(terminal), self.pem, with_certificate, timeout)

    def line(self, terminal, timeout=DIAL):
        """An open line whose terminal has said who it is and which journal it keeps."""
        with self.lock:
            line = self.idle.pop(terminal, None)
        if line and line.is_usable():
            return line
        until = time.monotonic() + timeout
        line = self.dial(terminal, timeout)
        return self.primed(line, max(until - time.monotonic(), 0.05))

    def primed(self, line, timeout=ANSWER):
        try:
            status, reader = line.ask("GET", "/v1/reader", timeout=timeout)
        except Lost as lost:
            raise Wrong("unreachable", f"it does not say who it is: {lost}") from lost
        code = str((reader.get("error") or {}).get("code", ""))
        if code.startswith("certificate_"):
            raise Wrong("tls", f"it refuses our certificate: {code}")
        if status == 200 and reader.get("id") != line.terminal:
            raise Wrong("tls", f"it says that it is {reader.get('id')}, and its certificate {line.terminal}")
        line.journal, line.reader = reader.get("journalId"), reader
        return line

    def put_back(self, line):
        if line.http.sock is not None and line.journal:
            with self.lock:
                kept = self.idle.setdefault(line.terminal, line)
            if kept is line:
                return
        line.close()

    def question(self, terminal, method, path, body=None):
        """A look-up or a cancel: a line that was lost is dialled anew, once, for asking twice harms nobody."""
        if broken("no-certificate-on-look-up") and method == "GET" and path.startswith("/v1/payments"):
            return self.dial(terminal, with_certificate=False).ask(method, path, body)
        with self.lock:
            line = self.idle.pop(terminal, None)
        if line and line.is_usable():
            try:
                answer = line.ask(method, path, body)
                self.put_back(line)
                return answer
            except Lost as lost:
                self.log(f"an open line was lost: {lost}")
        line = self.dial(terminal)
        answer = line.ask(method, path, body)
        line.close()
        return answer

    def discover(self, hosts, seconds):
        """Each that is found is asked over mutual TLS who it is. [DISC-3, DISC-4, DISC-8]"""
        hints = []
        if hosts is None:
            for it in self.heard(seconds):
                hints += [(it["instance"], it["id"], (ip, it["port"]), it["text"]) for ip in it["addresses"]]
        else:
            if broken("mdns-with-static-hosts"):
                browse(0.5)
            port = 443 if broken("port-443") else 8443
            hints = [(host, None, host_and_port(host, port), {}) for host in hosts]
        found, left_out, workers = [], [], []
        for hint in hints:
            workers.append(threading.Thread(target=self.ask_who, args=(hint, found, left_out)))
            workers[-1].start()
        for worker in workers:
            worker.join()
        if broken("keeps-goodbyes") and hosts is None:
            for it in self.remembered.values():
                said = {name: it["text"].get(name) for name in ("id", "model", "status")}
                found += [{**said, "ip": ip} for ip in it["addresses"]]
        readers = {}
        for reader in sorted(found, key=lambda it: it["id"]):
            if readers.setdefault(reader["id"], reader) is not reader:
                left_out.append({"address": reader["ip"], "why": f"{reader['id']} was found at another address"})
        if broken("lists-duplicates"):
            return {"readers": found, "leftOut": left_out}
        return {"readers": list(readers.values()), "leftOut": left_out}

    def heard(self, seconds):
        candidates = browse(seconds)
        self.remembered.update({it["instance"]: it for it in candidates})
        return candidates

    def ask_who(self, hint, found, left_out):
        name, terminal, address, text = hint
        self.trust.advertised.update([address] if text else [])
        if broken("lists-the-dead") and terminal:
            found.append({"id": terminal, "ip": address[0], "model": text.get("model"), "status": text.get("status")})
            self.addresses[terminal] = address
            return
        try:
            line = self.primed(Line(self.trust, terminal, address, self.pem))
        except (Lost, Wrong, OSError, ValueError) as error:
            left_out.append({"address": f"{name} at {address[0]}:{address[1]}", "why": str(error)})
            return
        reader = {"id": line.terminal, "ip": str(ipaddress.ip_address(line.socket.getpeername()[0].split("%")[0]))}
        if not broken("names-only"):
            reader.update(model=line.reader.get("model"), status=line.reader.get("status"))
        self.addresses[line.terminal] = address
        found.append(reader)
        self.put_back(line)

    def retrieve(self, reference, terminal):
        """The payment that paid, or else the one that lives, or else the newest. A silent terminal is no answer."""
        if broken("retrieves-nothing"):
            return None
        listed, silent = [], None
        for name in [terminal] if terminal else list(self.addresses):
            try:
                status, told = self.question(name, "GET", look_up_path(reference))
                if status != 200:
                    raise Lost(f"the look-up was answered {status}")
                listed += [it for it in told["data"] if it["reference"] == reference]
            except (Lost, Wrong, KeyError, TypeError) as error:
                silent = f"{name}: {error}"
        best = min(listed, key=lambda it: rank(it["status"]), default=None)
        if silent and (best is None or rank(best["status"]) == 2) and not broken("retrieves-from-the-silent"):
            raise Wrong("indeterminate", f"not every terminal answered: {silent}", reference=reference)
        return best


def rank(status):
    return {"completed": 0, "failed": 2, "cancelled": 2}.get(status, 1)


class Adapter:
    """Lines in, lines out. One thread for each request: no payment keeps another question waiting."""

    def __init__(self):
        self.till, self.out = None, threading.Lock()

    def serve(self, line):
        try:
            told = json.loads(line)
            answer = {"id": told.get("id")}
        except (ValueError, AttributeError) as error:
            return self.say({"id": None, "error": {"class": "usage", "message": f"not a JSON object: {error}"}})
        if told.get("op") not in OPS:
            return self.say({**answer, "unsupported": True})
        try:
            answer["ok"] = getattr(self, told["op"])(told)
        except Wrong as wrong:
            answer["error"] = wrong.answer
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            answer["error"] = {"class": "usage", "message": f"{type(error).__name__}: {error}"}
        return self.say(answer)

    def say(self, answer):
        with self.out:
            print(json.dumps(answer), flush=True)

    def hello(self, _):
        return {"name": "python-till", "version": "1.0", "wire": "vinr-local/1", "ops": list(OPS)}

    def configure(self, told):
        self.till = Till(told)
        unresolved = {attempt["reference"] for attempt in self.till.store.open_attempts()}
        return {"unresolved": sorted(unresolved)}

    def ready(self):
        if not self.till:
            raise Wrong("usage", "configure comes first")
        return self.till

    def discover(self, told):
        seconds = told["timeoutMs"] / 1000 if told.get("timeoutMs") else 2.0
        return self.ready().discover(told.get("hosts"), seconds)

    def intent(self, told, work):
        """One call for a sale at a time. [REC-9]"""
        till, reference = self.ready(), told["reference"]
        sale = {name: told[name] for name in ("amount", "currency", "reference")}
        sale["captureMethod"] = told.get("captureMethod") or "automatic"
        with till.lock:
            if reference in till.paying:
                raise Wrong("usage", "this sale is being paid already", reference=reference)
            till.paying.add(reference)
        try:
            return work(till, sale)
        except Lost as lost:
            raise Wrong("indeterminate", f"do not pay again: {lost}", reference=reference) from lost
        except Wrong as wrong:
            wrong.answer.setdefault("reference", reference)
            raise
        finally:
            till.paying.discard(reference)

    def pay(self, told):
        return self.intent(told, lambda till, sale: pay(till, sale, told["terminalId"]))

    def pay_hybrid(self, told):
        limit = (told.get("localTimeoutMs") or 2000) / 1000
        return self.intent(told, lambda till, sale: pay_hybrid(till, sale, told["terminalId"], limit))

    def pay_group(self, told):
        wait = told["maxWaitMs"] / 1000 if told.get("maxWaitMs") is not None else None
        return self.intent(told, lambda till, sale: pay_group(till, sale, told["terminalGroup"], wait))

    def retrieve(self, told):
        return self.ready().retrieve(told["reference"], told.get("terminalId"))

    def resolve(self, _):
        return resolve(self.ready())

    def verify_webhook(self, told):
        return verify(told["body"], told["signature"], told["secrets"], told["now"])


def arguments():
    parser = argparse.ArgumentParser(description="A till with switches.")
    parser.add_argument("--defect", action="append", default=[], choices=sorted(DEFECTS), metavar="NAME")
    parser.add_argument("--list", action="store_true", help="the defects, and the requirement that each must fail")
    parser.add_argument("--json", action="store_true", help="the list as JSON")
    return parser.parse_args()


def main():
    told = arguments()
    if told.list and told.json:
        return print(json.dumps([{"defect": name, **it._asdict()} for name, it in DEFECTS.items()], indent=1))
    if told.list:
        return print("\n".join(f"{it.found_as:26} {name:28} {it.does}" for name, it in DEFECTS.items()))
    defects.planted.update(told.defect)
    adapter, working = Adapter(), []
    for line in sys.stdin:
        if line.strip():
            working.append(threading.Thread(target=adapter.serve, args=(line,)))
            working[-1].start()
    for thread in working:
        thread.join()
    return None


if __name__ == "__main__":
    main()
