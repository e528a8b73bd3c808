"""A payment at whichever terminal of a group is free first. §8 of spec/local-api.md"""

import collections
import threading
import time

from attempt import fresh_key
from defects import broken
from paying import Abandoned, earlier, one, told, void
from wrong import Lost, Wrong

PACE = 0.25


class Queues:
    """First come, first served, within this process. [GRP-2]"""

    def __init__(self):
        self.turn = threading.Condition()
        self.waiting = collections.defaultdict(collections.deque)

    def enter(self, group, until):
        ticket = object()
        with self.turn:
            line = self.waiting[group]
            line.append(ticket)
            while line[0] is not ticket:
                if not self.turn.wait(max(until - time.monotonic(), 0)) and time.monotonic() >= until:
                    line.remove(ticket)
                    return None
        return ticket

    def leave(self, group, ticket):
        with self.turn:
            if ticket in self.waiting[group]:
                self.waiting[group].remove(ticket)
            self.turn.notify_all()


def pay_group(till, sale, members, max_wait):
    if not members or len(set(members)) < len(members):
        raise Wrong("usage", "at least one terminal, and none twice", reference=sale["reference"])
    paid = earlier(till, sale, till.deadline())
    if paid:
        return paid
    if broken("last-member-first"):
        members = members[::-1]
    group, wait_until = tuple(sorted(members)), time.monotonic() + (max_wait if max_wait is not None else 86_400)
    ticket = till.queues.enter(group, wait_until)
    if ticket is None:
        raise all_busy(sale)
    try:
        # The next call's turn comes when this one is accepted somewhere.
        outcome = chosen(till, sale, members, wait_until, lambda status: status == 200 and till.queues.leave(group, ticket))
    finally:
        till.queues.leave(group, ticket)
    if broken("first-member-named") and outcome:
        outcome = {**outcome, "terminalId": members[0]}
    return outcome


def chosen(till, sale, members, wait_until, on_head):
    if broken("two-members"):
        threading.Thread(target=quietly, args=(till, sale, members[-1]), daemon=True).start()
    asked, unreachable, tries, outcome = list(members), {}, 0, None
    key = fresh_key() if broken("same-key-at-the-next") else None
    while True:
        for member in asked:
            until = till.deadline()
            try:
                # A key of its own for each member, and stored first; the one before is void. [GRP-4]
                outcome, _ = one(till, sale, member, time.monotonic() if broken("leaves-the-dead") else until, key, on_head)
            except Abandoned:
                continue
            except Wrong as wrong:
                if wrong.answer.get("code") == "terminal_busy":
                    unreachable.pop(member, None)
                    continue
                if wrong.kind == "unreachable":
                    unreachable[member] = str(wrong)
                    continue
                if wrong.kind == "indeterminate" and broken("leaves-the-dead"):
                    continue
                raise
            result = told(outcome, sale)
            if outcome.end != "void":
                return result
            tries += 1
            if tries > 1 or until - time.monotonic() < 120:
                return void(outcome, sale)
        if len(unreachable) == len(members) and not tries:
            raise Wrong("unreachable", f"no member can be reached: {unreachable}", reference=sale["reference"])
        if broken("does-not-wait"):
            raise all_busy(sale)
        asked = free(till, members[:1] if broken("waits-for-the-first") else members, wait_until)
        if not asked:
            raise all_busy(sale)


def free(till, members, wait_until):
    """Waits for the first that says it is idle; its answer to the pay decides."""
    while time.monotonic() < wait_until:
        time.sleep(min(PACE, max(wait_until - time.monotonic(), 0)))
        for member in members:
            try:
                status, reader = till.question(member, "GET", "/v1/reader")
            except (Lost, Wrong):
                continue
            if status == 200 and reader.get("activity") == "idle":
                return [member]
    return []


def quietly(till, sale, member):
    try:
        one(till, sale, member, till.deadline())
    except (Lost, Wrong) as wrong:
        till.log(f"the second member: {wrong}")


def all_busy(sale):
    return Wrong("refused", "every member is busy", code="terminal_busy", reference=sale["reference"])
