"""A payment over the LAN, and through the cloud where nobody accepts in time. §7 of spec/local-api.md"""

import queue
import threading
import time

import attempt as attempts
from attempt import read, send, settle
from defects import broken
from paying import earlier, looked_up, told, void
from wire import look_up_path
from wrong import Lost, Wrong


def pay_hybrid(till, sale, terminal, limit):
    until = till.deadline()
    if not till.cloud:
        raise Wrong("usage", "hybrid needs a cloud", reference=sale["reference"])
    paid = earlier(till, sale, until)
    if paid:
        return paid
    for is_last in (False, True):
        outcome = Both(till, sale, terminal, limit, until).run()
        result = told(outcome, sale)
        if outcome.end != "void":
            if broken("always-local"):
                result["metadata"] = {**(result.get("metadata") or {}), "connectionMode": "local"}
            return result
        if is_last or until - time.monotonic() < 120:
            return void(outcome, sale)


class Both:
    """One attempt, one key, two paths. Each path says in the queue what became of it."""

    def __init__(self, till, sale, terminal, limit, until):
        self.till, self.sale, self.terminal, self.until = till, sale, terminal, until
        self.limit = limit * (5 if broken("falls-back-late") else 1)
        self.began = time.monotonic()
        self.news = queue.Queue()
        self.accepted = self.local_sent = self.cloud_sent = False
        self.refusals = []
        self.attempt = None

    def run(self):
        if broken("cloud-first"):
            self.attempt = attempts.new(self.sale, self.terminal)
            return self.fall_back("it is broken so")
        try:
            line = self.till.line(self.terminal, min(self.limit, 5.0))
        except Wrong as wrong:
            self.attempt = attempts.new(self.sale, self.terminal)
            if wrong.kind == "unreachable" and not broken("never-falls-back"):
                return self.fall_back(wrong)
            if wrong.kind == "tls" and broken("falls-back-on-identity"):
                return self.fall_back(wrong)
            raise  # [HYB-6]
        self.attempt = attempts.new(self.sale, self.terminal, line)
        self.local_sent = True
        threading.Thread(target=self.local, args=(line,), daemon=True).start()
        return self.accepting()

    def local(self, line):
        try:
            outcome = send(self.till, self.attempt, line, lambda status: self.news.put(("head", status)))
            self.news.put(("end", outcome))
        except Lost as lost:
            self.news.put(("lan lost", lost))
        except Wrong as wrong:
            self.news.put(("lan refused", wrong))

    def through_cloud(self, attempt):
        try:
            status, answer = self.till.cloud.pay(attempt["terminalId"], body(attempt), attempt["key"], attempts.HOLD)
            self.news.put(("end", read(attempt, status, answer)))
        except Lost as lost:
            self.news.put(("cloud lost", lost))
        except Wrong as wrong:
            self.news.put(("cloud refused", wrong))

    def accepting(self):
        """Until the terminal accepts, or the limit. [HYB-2, HYB-4]"""
        while True:
            left = self.began + self.limit - time.monotonic()
            try:
                what, word = self.news.get(timeout=max(left, 0.001))
            except queue.Empty:
                if broken("never-falls-back"):
                    return self.held()
                if broken("cloud-while-accepted"):
                    return self.fall_back("it is broken so")
                return self.held() if self.is_known() else self.fall_back("nobody accepted in time")
            if what == "head":
                self.accepted = word == 200
                if self.accepted and not broken("cloud-while-accepted"):
                    return self.held()
            elif what == "end":
                return self.done(word)
            elif what == "lan refused":
                if broken("falls-back-on-4xx"):
                    return self.fall_back(word)
                return self.refused(word)
            elif what == "lan lost":
                if self.accepted or self.is_known():
                    return self.settled()
                return self.fall_back(word)

    def is_known(self):
        """Asked on another connection, for a second."""
        try:
            line = self.till.dial(self.terminal, 1.0)
            status, listed = line.ask("GET", look_up_path(self.attempt["reference"]), timeout=1.0)
            self.till.put_back(line)
        except (Lost, Wrong):
            return False
        entries = listed.get("data") if status == 200 else None
        known = any(isinstance(it, dict) and it.get("attemptKey") == self.attempt["key"] for it in entries or [])
        self.accepted = self.accepted or known
        return known

    def held(self):
        """The terminal has it: the cloud is left alone."""
        while True:
            what, word = self.news.get()
            if what == "end":
                return self.done(word)
            if what == "lan lost":
                return self.settled()
            if what == "lan refused":
                return self.refused(word)

    def fall_back(self, why):
        """The same reference, key and terminal: the terminal makes one attempt of both. [HYB-5]"""
        self.till.log(f"{self.attempt['reference']} goes through the cloud: {why}")
        on_cloud = {**self.attempt, "path": "cloud"}
        if broken("cloud-with-new-key"):
            on_cloud["key"] = attempts.fresh_key()
        self.till.store.put(on_cloud)
        self.attempt = {**self.attempt, "path": "cloud"}
        self.cloud_sent = True
        threading.Thread(target=self.through_cloud, args=(on_cloud,), daemon=True).start()
        running = {"cloud"} | ({"lan"} if self.local_sent else set())
        lost = []
        while running:
            what, word = self.news.get()
            if what == "end":
                return self.done(word)
            path, _, how = what.partition(" ")
            if path in running and how:
                running.discard(path)
                if how == "refused":
                    self.refusals.append((path, word))
                    if broken("4xx-for-all-copies") and word.kind == "refused":
                        self.till.store.remove(self.attempt["key"])
                        raise word
                    if path == "cloud" and "lan" in running and not self.accepted and not self.is_known():
                        # The copy on the LAN is silent: its key is cancelled before anybody is told. [REC-24]
                        return self.settled()
                else:
                    lost.append(word)
            elif what == "head" and word == 200:
                self.accepted = True
        if not lost:
            return self.no_path()
        # One copy was refused and another was lost: the lost one may still arrive, so its key is cancelled. [REC-24]
        return self.settled()

    def no_path(self):
        """Every copy was refused, or never sent."""
        refused = [word for _, word in self.refusals if word.kind in ("refused", "tls")]
        if refused:
            return self.refused(refused[0])
        self.till.store.remove(self.attempt["key"])
        raise Wrong("unreachable", "neither the terminal nor the cloud can be reached", reference=self.attempt["reference"])

    def refused(self, wrong):
        if wrong.answer.get("code") in attempts.LOOK_UP:
            looked_up(self.till, self.attempt, wrong)
        self.till.store.remove(self.attempt["key"])
        raise wrong

    def settled(self):
        return self.done(settle(self.till, self.attempt, self.until, self.accepted))

    def done(self, outcome):
        self.till.store.remove(self.attempt["key"])
        return outcome


def body(attempt):
    return {name: attempt[name] for name in ("amount", "currency", "reference", "captureMethod")}
