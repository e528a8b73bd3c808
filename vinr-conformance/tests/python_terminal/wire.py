"""HTTP/1.1 as section 1 of spec/local-api.md wants it: whatever can be read in two ways is refused."""

import json
import os
import re
import socket
import time

HEADER_LIMIT, HEADERS, BODY_LIMIT, DEPTH = 8192, 32, 4096, 16
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

NEXT = {400: "fix_request", 403: "call_support", 404: "fix_request", 405: "fix_request", 413: "fix_request",
        415: "fix_request", 422: "fix_request", 431: "fix_request", 500: "look_up", 503: "retry_later"}
TYPES = {403: "authentication_error", 409: "conflict_error", 422: "offline_error", 500: "api_error", 503: "api_error"}
NEXT_OF = {"terminal_busy": "retry_later", "idempotency_conflict": "look_up", "reference_in_progress": "look_up",
           "reference_already_paid": "use_stored_result", "storage_failed": "call_support"}


class Refused(Exception):
    """An answer that is an error; `close` where nobody knows where the next request would begin."""

    def __init__(self, status, code, message, param=None, close=False, **headers):
        super().__init__(message)
        self.status, self.code, self.message, self.param, self.close = status, code, message, param, close
        self.headers = headers

    def body(self, request_id):
        return {"error": {"type": TYPES.get(self.status, "validation_error"), "code": self.code,
                          "message": self.message, "param": self.param, "request_id": request_id,
                          "next": NEXT_OF.get(self.code) or NEXT[self.status]}}


class Gone(Exception):
    """The peer went away, or was shown out: nobody is left to answer."""


def ulid():
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def framing(message):
    return Refused(400, "invalid_request", message, close=True)


class Request:
    def __init__(self, method, target, headers):
        self.method, self.target, self.headers = method, target, headers
        self.body, self.received = b"", 0.0

    def one(self, name):
        values = [value for key, value in self.headers if key == name]
        if len(values) > 1:
            raise framing(f"{name} is given twice")
        return values[0] if values else None


class Connection:
    """Reads requests from one TLS connection and writes answers to it."""

    def __init__(self, tls):
        self.tls, self.buffer = tls, b""

    def fill(self, until):
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.tls.settimeout(left)
        more = self.tls.recv(16384)
        if not more:
            raise Gone
        self.buffer += more

    def wait(self, seconds):
        """Until the first byte of a request is there."""
        if not self.buffer:
            self.fill(time.monotonic() + seconds)

    def request(self):
        try:
            head = self.head(time.monotonic() + 5)
        except TimeoutError:
            raise Gone from None
        request = parse_head(head)
        try:
            request.body = self.body(request, time.monotonic() + 10)
        except TimeoutError:
            raise framing("the body is late") from None
        request.received = time.monotonic()
        return request

    def head(self, until):
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end > HEADER_LIMIT or end < 0 and len(self.buffer) > HEADER_LIMIT:
                raise Refused(431, "headers_too_large", "a header block has at most 8 KiB", close=True)
            if end >= 0:
                head, self.buffer = self.buffer[:end], self.buffer[end + 4:]
                return head
            self.fill(until)

    def take(self, count, until):
        while len(self.buffer) < count:
            self.fill(until)
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def line(self, until):
        while (end := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > 64:
                raise framing("a chunk's size is too long")
            self.fill(until)
        return self.take(end + 2, until)[:-2]

    def body(self, request, until):
        length, coding = request.one("content-length"), request.one("transfer-encoding")
        too_large = Refused(413, "body_too_large", "a body has at most 4 KiB", close=True)
        if coding is not None:
            if length is not None or coding.lower() != "chunked":
                raise framing("a length and a coding, or a coding other than chunked")
            return self.chunks(until, too_large)
        if length is None:
            return b""
        if not re.fullmatch("[0-9]+", length):
            raise framing("Content-Length is no number")
        if len(length) > 9 or int(length) > BODY_LIMIT:
            raise too_large
        return self.take(int(length), until)

    def chunks(self, until, too_large):
        body = b""
        while True:
            size = self.line(until)
            if not re.fullmatch(b"[0-9A-Fa-f]{1,8}", size):
                raise framing("a chunk's size is no number")
            size = int(size, 16)
            if len(body) + size > BODY_LIMIT:
                raise too_large
            body += self.take(size, until)
            if self.take(2, until) != b"\r\n":
                raise framing("a chunk without an end, or a trailer")
            if size == 0:
                return body

    def send(self, data):
        self.tls.settimeout(10)
        self.tls.sendall(data)

    def answer(self, status, request_id, value, close=False, bare=False, **headers):
        body = json.dumps(value).encode()
        headers = {"Content-Type": "application/json", "Content-Length": len(body),
                   "x-vinr-request-id": request_id, **({"Connection": "close"} if close else {}), **headers}
        self.send(head_of(status, headers) + (b"" if bare else body))

    def open_answer(self, request_id, **headers):
        """The first of the two moments of a `pay`: accepted."""
        self.send(head_of(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked",
                                "x-vinr-request-id": request_id, **headers}))

    def close_answer(self, value):
        """The second moment: the outcome."""
        body = json.dumps(value).encode()
        self.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))


def head_of(status, headers):
    lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'Refused'}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines + ["", ""]).encode()


def parse_head(head):
    lines = head.split(b"\r\n")
    if any(b"\n" in line or b"\r" in line or b"\0" in line for line in lines):
        raise framing("a line end that is not CR LF")
    words = lines[0].split(b" ")
    if len(words) != 3 or words[2] != b"HTTP/1.1" or not TOKEN.fullmatch(words[0]):
        raise framing("not a request line of HTTP/1.1")
    if not re.fullmatch(rb"[!-~]+", words[1]):
        raise framing("a path is printable ASCII")
    if len(lines) - 1 > HEADERS:
        raise Refused(431, "headers_too_large", "a request has at most 32 headers", close=True)
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.fullmatch(name):
            raise framing("a header without a name")
        headers.append((name.decode().lower(), value.strip(b" \t").decode("latin-1")))
    return Request(words[0].decode(), words[1].decode(), headers)


def bye(tls, seconds=1.0):
    """Says goodbye and reads on for a second, so that a reset does not eat what was said last."""
    try:
        tls.settimeout(seconds)
        tls.unwrap()
    except (OSError, ValueError):
        pass
    try:
        with socket.socket(fileno=tls.detach()) as raw:
            until = time.monotonic() + seconds
            raw.shutdown(socket.SHUT_WR)
            while (left := until - time.monotonic()) > 0:
                raw.settimeout(left)
                if not raw.recv(65536):
                    return
    except OSError:
        pass


# JSON, as strictly: a name given twice, a lone surrogate or a number that is none is no JSON.

class NotAnInteger(float):
    """2500.0 and 2.5e3: numbers to JSON, no amounts to us."""


def parse_json(data):
    def unique(pairs):
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("a name is given twice")
        return dict(pairs)

    def never(word):
        raise ValueError(f"{word} is no JSON")

    try:
        text = data.decode("utf-8")
        if depth(text) > DEPTH:
            raise ValueError("deeper than 16 levels")
        value = json.loads(text, object_pairs_hook=unique, parse_constant=never, parse_float=NotAnInteger)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Refused(400, "invalid_json", f"the body is no JSON: {type(error).__name__}") from None
    if not isinstance(value, dict):
        raise Refused(400, "invalid_json", "the body is no JSON object")
    return value


def depth(text):
    deepest = now = 0
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[{\]}]', text, re.DOTALL):
        now += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark, 0)
        deepest = max(deepest, now)
    return deepest
