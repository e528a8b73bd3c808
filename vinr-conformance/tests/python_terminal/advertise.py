"""Just enough multicast DNS to be found: section 3 of spec/local-api.md. Nobody is asked whether the name is free."""

import socket
import struct
import threading
import time

GROUP, PORT, SERVICE = "224.0.0.251", 5353, "_vinr-terminal._tcp.local"
A, PTR, TXT, SRV, IN, FLUSH = 1, 12, 16, 33, 1, 0x8000


def name(dotted):
    labels = dotted.encode().split(b".")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, kind, data, flush=FLUSH, ttl=120):
    return name(owner) + struct.pack("!HHIH", kind, IN | flush, ttl, len(data)) + data


class Advertisement:
    def __init__(self, terminal):
        self.terminal, self.stopped = terminal, threading.Event()
        host, _ = terminal.address
        interface = socket.inet_aton(host)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option in (socket.SO_REUSEADDR, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)):
            self.socket.setsockopt(socket.SOL_SOCKET, option, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + interface)
        self.socket.bind(("", PORT))
        for work in (self.answer, self.announce):
            threading.Thread(target=work, daemon=True).start()

    # [DISC-1, DISC-7]
    def packet(self, ttl=120):
        terminal, (address, port) = self.terminal, self.terminal.address
        instance, host = f"{terminal.name}.{SERVICE}", "vinr-" + terminal.name[5:].lower().replace("_", "-") + ".local"
        says = ["txtvers=1", f"id={terminal.name}", "model=" + terminal.MODEL, "status=" + terminal.status(),
                "activity=" + terminal.activity(), "api=vinr-local/1"]
        text = b"".join(bytes([len(pair)]) + pair.encode() for pair in says)
        records = [record(SERVICE, PTR, name(instance), flush=0, ttl=ttl),
                   record(instance, SRV, struct.pack("!HHH", 0, 0, port) + name(host), ttl=ttl),
                   record(instance, TXT, text, ttl=ttl), record(host, A, socket.inet_aton(address), ttl=ttl)]
        return struct.pack("!6H", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)

    def send(self, packet):
        try:
            self.socket.sendto(packet, (GROUP, PORT))
        except OSError:
            pass  # no network now; the next change is announced again

    def answer(self):
        while not self.stopped.is_set():
            try:
                asked, _ = self.socket.recvfrom(9000)
            except OSError:
                return
            is_query = len(asked) > 12 and not asked[2] & 0x80
            if is_query and b"_vinr-terminal" in asked.lower():
                self.send(self.packet())

    def announce(self):
        """Twice a second apart at first, and at every change."""
        last, again = None, 0.0
        while not self.stopped.wait(0.05):
            now = self.packet()
            if now != last or again and time.monotonic() > again:
                again = time.monotonic() + 1 if now != last else 0.0
                last = now
                self.send(now)

    def stop(self, goodbye):
        self.stopped.set()
        if goodbye:
            self.send(self.packet(ttl=0))
        self.socket.close()
