"""The strict profile of a terminal's certificate: what path validation lets through and a private PKI must not. [TLS-14]"""

from calendar import timegm
from time import strptime, time

SERVER_AUTH = bytes.fromhex("2b06010505070301")
EC, P256, ED25519 = (bytes.fromhex(it) for it in ("2a8648ce3d0201", "2a8648ce3d030107", "2b6570"))
KEY_USAGE, SAN, BASIC, EKU, NAME_CONSTRAINTS = (bytes.fromhex("551d" + it) for it in ("0f", "11", "13", "25", "1e"))


class Certificate:
    """A leaf, as far as a till must read it."""

    def __init__(self, der):
        tbs = parts(parts(parts(der)[0][1])[0][1])
        fields = tbs[1:] if tbs[0][0] == 0xA0 else tbs
        self.serial = fields[0][1]
        self.begins, self.ends = (moment(*it) for it in parts(fields[3][1]))
        algorithm = [value for _, value in parts(parts(fields[5][1])[0][1])]
        self.key_is_right = algorithm[:2] == [EC, P256] or algorithm[:1] == [ED25519]
        wrapped = [value for tag, value in fields[6:] if tag == 0xA3]
        self.extensions = {}
        for _, extension in parts(parts(wrapped[0])[0][1]) if wrapped else []:
            members = parts(extension)
            self.extensions[members[0][1]] = parts(members[-1][1])[0]
        self.names = [(tag, value) for tag, value in parts(self.extensions.get(SAN, (0, b""))[1])]

    def name(self):
        """The terminal's id: the one dNSName, and no other name."""
        if len(self.names) != 1 or self.names[0][0] != 0x82:
            return None
        return self.names[0][1].decode("ascii", "replace")

    def trouble(self):
        """The first thing that is wrong with it."""
        usage = self.extensions.get(KEY_USAGE, (0, b"\0\0"))[1]
        bits = usage[1] if len(usage) > 1 else 0
        purposes = [value for _, value in parts(self.extensions.get(EKU, (0, b""))[1])]
        checks = {
            "it is not in time": self.begins <= time() <= self.ends,
            "its key is neither P-256 nor Ed25519": self.key_is_right,
            "it is a CA": not parts(self.extensions.get(BASIC, (0, b""))[1]),
            "it has name constraints": NAME_CONSTRAINTS not in self.extensions,
            "its key may not sign, or may sign certificates": bits & 0x80 and not bits & 0x06,
            "it is not for servers alone": purposes == [SERVER_AUTH],
            "its serial number is not lawful": 0 < len(self.serial) <= 20 and self.serial[0] < 0x80 and any(self.serial),
            "it has not exactly one name": self.name() is not None,
        }
        return next((what for what, is_right in checks.items() if not is_right), None)


def parts(der):
    """The elements within, each its tag and its content."""
    found = []
    while der:
        tag, length, head = der[0], der[1], 2
        if length & 0x80:
            head += length & 0x7F
            length = int.from_bytes(der[2:head], "big")
        if len(der) < head + length:
            raise ValueError("a certificate that is cut off")
        found.append((tag, der[head : head + length]))
        der = der[head + length :]
    return found


def moment(tag, text):
    return timegm(strptime(text.decode(), "%y%m%d%H%M%SZ" if tag == 0x17 else "%Y%m%d%H%M%SZ"))
