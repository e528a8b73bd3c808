"""One connection to a terminal: nothing is said before it has proved who it is."""

import http.client
import json
import select
import socket
import ssl
import sys
import urllib.parse

from defects import broken
from der import Certificate
from wrong import Lost, Wrong

DIAL = 5.0
ANSWER = 5.0
# What a peer says of our certificate, by OpenSSL's names of the alerts.
ABOUT_OUR_CERTIFICATE = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")


class Trust:
    """Whom this till trusts, and who it is."""

    def __init__(self, ca, cert, key, crl=None, secret_key=None):
        self.seen, self.advertised = set(), set()
        self.sessions = {}
        self.secret_key = secret_key
        try:
            self.full = self.context(ca, crl)
            self.full.load_cert_chain(cert, key)
            self.nameless = self.context(ca, crl)
        except (OSError, ValueError) as error:
            raise Wrong("config", f"the identity or the CA bundle cannot be used: {error}") from error

    def context(self, ca, crl):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Before the handshake a discovery does not know whom it will meet: the name is compared below, every time.
        tls.check_hostname = False
        tls.minimum_version = ssl.TLSVersion.TLSv1_2 if broken("tls-1.2") else ssl.TLSVersion.TLSv1_3
        tls.set_alpn_protocols(["http/1.1"])
        tls.load_verify_locations(ca)  # these and no others [TLS-3]
        if broken("system-roots"):
            tls.set_default_verify_paths()
        if crl:
            tls.load_verify_locations(crl)
            tls.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        if broken("any-ca"):
            tls.verify_mode = ssl.CERT_NONE
        return tls


class Line:
    """A connection whose other end is the terminal that was meant."""

    def __init__(self, trust, terminal, address, config, with_certificate=True, timeout=DIAL):
        self.trust, self.address, self.answered = trust, address, False
        self.journal = None
        self.unchecked = broken("body-before-check")
        is_blind = self.unchecked or (broken("first-connection-only") and address in trust.seen)
        is_blind = is_blind or (broken("trusts-advertised") and address in trust.advertised)
        tls = trust.full if with_certificate else trust.nameless
        if is_blind:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            tls.minimum_version = ssl.TLSVersion.TLSv1_3
            tls.load_cert_chain(config["cert"], config["key"])
        self.socket = self.dial(tls, terminal, address, timeout)
        self.http = http.client.HTTPConnection("terminal")
        self.http.auto_open = 0  # a connection that nobody checked is no substitute for a lost one
        self.http.sock = self.socket
        try:
            self.certificate = Certificate(self.socket.getpeercert(binary_form=True))
            self.terminal = terminal or self.certificate.name() or ""
            if not is_blind:
                self.check()
        except (ValueError, IndexError, KeyError) as error:
            self.close()
            raise Wrong("tls", f"a certificate that cannot be read: {error}") from error
        except Wrong:
            self.close()
            raise
        trust.seen.add(address)

    def dial(self, tls, terminal, address, timeout):
        try:
            tcp = socket.create_connection(address, timeout)
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else up to 40 ms are lost
        except OSError as error:
            raise Wrong("unreachable", f"nobody answers at {address[0]}:{address[1]}: {error}") from error
        try:
            session = self.trust.sessions.get(address) if broken("resumes") else None
            return tls.wrap_socket(tcp, server_hostname=terminal, session=session)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, TimeoutError, ConnectionError) as error:
            # It ended without a word: whoever it is, nothing was sent.
            tcp.close()
            raise Wrong("unreachable", f"the handshake was broken off: {error}") from error
        except (ssl.SSLError, OSError) as error:
            tcp.close()
            raise Wrong("tls", f"it did not prove its identity: {error}") from error

    def check(self):
        """Before every request: an open line is no older promise. [TLS-8, TLS-9, TLS-10, TLS-14]"""
        trouble = None if broken("loose-profile") else self.certificate.trouble()
        name = self.certificate.name()
        if broken("loose-profile") and name is None:
            name = self.terminal
        same = name == self.terminal
        if broken("name-in-any-case"):
            same = (name or "").lower() == self.terminal.lower()
        if broken("any-device"):
            same = True
        if trouble or not same:
            raise Wrong("tls", trouble or f"it is {name}, not {self.terminal}")

    def is_usable(self):
        """Is it open, and still what it was?"""
        try:
            self.check()
            readable, _, _ = select.select([self.socket], [], [], 0)
            return not readable and self.http.sock is not None
        except (Wrong, OSError, ValueError):
            return False

    def ask(self, method, path, body=None, headers=None, timeout=ANSWER, on_head=None):
        """An answer, or `Lost`, or a refusal of our certificate, which has processed nothing."""
        headers = dict(headers or {})
        text, how = None, "reset"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            text = body if isinstance(body, str) else json.dumps(body)
        if broken("key-in-header") and self.trust.secret_key:
            headers["Authorization"] = "Bearer " + self.trust.secret_key
        try:
            self.socket.settimeout(timeout)
            self.http.request(method, path, text, headers)
            if self.unchecked and path == "/v1/pay":
                self.check()
            answer = self.http.getresponse()
            self.answered, how = True, "half"
            if on_head:
                on_head(answer.status)
            told = json.loads(answer.read())
            if not isinstance(told, dict):
                raise ValueError("no object")
            if broken("resumes"):
                self.trust.sessions[self.address] = self.socket.session
            if answer.will_close:
                self.close()
            return answer.status, told
        except ssl.SSLError as error:
            self.close()
            alert = f"{error.reason} {error}".upper()
            if not self.answered and "ALERT" in alert and any(it in alert for it in ABOUT_OUR_CERTIFICATE):
                raise Wrong("tls", f"it refuses our certificate: {error}") from error
            raise Lost(str(error), how) from error
        except TimeoutError as error:
            self.close()
            raise Lost("no answer in time", "timeout") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.close()
            raise Lost(f"{type(error).__name__} {error}", how) from error

    def close(self):
        try:
            self.socket.close()
        except OSError as error:
            print("closing:", error, file=sys.stderr)


def plaintext(address, body, headers):
    """What no till may do. [TLS-1]"""
    line = http.client.HTTPConnection(address[0], address[1], timeout=ANSWER)
    line.request("POST", "/v1/pay", json.dumps(body), {"Content-Type": "application/json", **headers})
    answer = line.getresponse()
    return answer.status, json.loads(answer.read())


def look_up_path(reference):
    return "/v1/payments?reference=" + urllib.parse.quote(reference, safe="")


def host_and_port(text, default=8443):
    """`host`, `host:port`, IPv4, `[IPv6]`, `[IPv6%scope]:port`."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, int(rest[1:]) if rest.startswith(":") else default
    host, colon, port = text.rpartition(":")
    return (host, int(port)) if colon and port.isdigit() else (text, default)
