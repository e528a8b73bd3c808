"""Who says on this LAN that it is a terminal? A hint, never a proof. [DISC-2, DISC-8]"""

import socket
import struct
import sys
import time

from defects import broken

GROUP, PORT = "224.0.0.251", 5353
A, PTR, TXT, SRV, ANY = 1, 12, 16, 33, 255


def browse(seconds):
    """Candidates {instance, id, host, port, addresses}, without those that said goodbye. [DISC-5]"""
    service = "_vinr-pos._tcp.local" if broken("wrong-service") else "_vinr-terminal._tcp.local"
    found = Found(service)
    with opened() as heard:
        interfaces = joined(heard)
        began = asked = time.monotonic()
        query(heard, interfaces, [(service, PTR)])
        while (left := began + seconds - time.monotonic()) > 0:
            heard.settimeout(min(left, 0.25))
            try:
                packet, _ = heard.recvfrom(9000)
                found.read(packet)
            except TimeoutError:
                pass
            except (ValueError, IndexError, struct.error) as error:
                print("not a packet of mDNS:", error, file=sys.stderr)
            if time.monotonic() - asked > 0.4:
                asked = time.monotonic()
                query(heard, interfaces, [(service, PTR), *found.missing()])
    return found.candidates()


def opened():
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT"):
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    heard.bind(("", PORT))
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    return heard


def on_interface(index):
    return struct.pack("=4s4si", socket.inet_aton(GROUP), socket.inet_aton("0.0.0.0"), index)


def joined(heard):
    usable = []
    for index, _ in socket.if_nameindex():
        try:
            heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, on_interface(index))
            usable.append(index)
        except OSError:
            continue  # an interface without IPv4
    return usable


def query(heard, interfaces, questions):
    packet = struct.pack("!6H", 0, 0, len(questions), 0, 0, 0)
    for name, kind in questions:
        packet += b"".join(bytes([len(label)]) + label for label in labels(name)) + b"\0" + struct.pack("!2H", kind, 1)
    for index in interfaces:
        try:
            heard.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, on_interface(index))
            heard.sendto(packet, (GROUP, PORT))
        except OSError as error:
            print("no query on this interface:", error, file=sys.stderr)


def labels(name):
    return [label.encode() for label in name.split(".")]


class Found:
    """What was heard, the last word of each."""

    def __init__(self, service):
        self.service = service.lower()
        self.instances, self.where, self.texts, self.hosts = {}, {}, {}, {}

    def read(self, packet):
        _, flags, questions, answers, authorities, more = struct.unpack("!6H", packet[:12])
        if not flags & 0x8000:
            return
        at = 12
        for _ in range(questions):
            _, at = name_at(packet, at)
            at += 4
        for _ in range(answers + authorities + more):
            name, at = name_at(packet, at)
            kind, _, ttl, length = struct.unpack("!2HIH", packet[at : at + 10])
            at += 10
            self.record(packet, name, kind, ttl, at, length)
            at += length

    def record(self, packet, name, kind, ttl, at, length):
        key, data = name.lower(), packet[at : at + length]
        if kind == PTR and key == self.service:
            instance, _ = name_at(packet, at)
            if ttl or broken("keeps-goodbyes"):
                self.instances[instance.lower()] = instance
            else:
                self.instances.pop(instance.lower(), None)
        elif kind == SRV and (ttl or broken("keeps-goodbyes")):
            self.where[key] = (name_at(packet, at + 6)[0].lower(), struct.unpack("!H", data[4:6])[0])
        elif kind == SRV:
            self.where.pop(key, None)
        elif kind == TXT and ttl:
            self.texts[key] = dict(text_pairs(data))
        elif kind == A and length == 4:
            # One that was taken back is not dialled.
            addresses = self.hosts.setdefault(key, {})
            addresses[socket.inet_ntoa(data)] = bool(ttl)

    def missing(self):
        asked = [(name, ANY) for key, name in self.instances.items() if key not in self.where or key not in self.texts]
        return asked + [(host, A) for host, _ in self.where.values() if host not in self.hosts]

    def candidates(self):
        found = []
        for key, instance in sorted(self.instances.items()):
            if key not in self.where:
                continue
            host, port = self.where[key]
            text = self.texts.get(key, {})
            addresses = [ip for ip, there in self.hosts.get(host, {}).items() if there]
            found.append({"instance": instance, "id": text.get("id"), "port": port, "addresses": addresses, "text": text})
        return found


def text_pairs(data):
    while data:
        pair = data[1 : 1 + data[0]].decode("utf-8", "replace")
        data = data[1 + data[0] :]
        name, _, value = pair.partition("=")
        yield name.lower(), value


def name_at(packet, at):
    """A name and where it ends. A pointer goes back only, so no name is endless."""
    found, end, limit = [], None, at
    while (length := packet[at]) != 0:
        if length & 0xC0:
            end = end or at + 2
            target = struct.unpack("!H", packet[at : at + 2])[0] & 0x3FFF
            if target >= limit:
                raise ValueError("a name that points forward")
            at = limit = target
        else:
            found.append(packet[at + 1 : at + 1 + length].decode("utf-8", "replace"))
            at += 1 + length
    return ".".join(found), end or at + 1
