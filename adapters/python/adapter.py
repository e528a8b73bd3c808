#!/usr/bin/env python3
"""A till of Python's standard library, as an adapter for `vinr-conformance client` (spec/harness.md §1).

What a careful afternoon gives: one terminal, mutual TLS, and a lost answer that is looked up before anybody is told.
What it does not have it says: an op answered with `unsupported`, or one of the lines marked LACKS below. The suite
judges both; docs/certify-a-till-results.md has its report.
"""
import hashlib, hmac, http.client, json, socket, ssl, sys, threading, time, uuid
from urllib.parse import quote

OPS = ["hello", "configure", "discover", "pay", "retrieve", "verify_webhook"]
FINAL = ("completed", "failed", "cancelled")
till, said = {}, threading.Lock()


class Wrong(Exception):
    def __init__(self, kind, message, **more):
        self.error = {"class": kind, "message": str(message), **more}


def configure(it):
    # LACKS: a .p12 cannot be opened by the standard library, so a wrong passphrase goes unnoticed. [TLS-11]
    # LACKS: no attempt is stored, so a restarted till does not know what it left open. [REC-12]
    try:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks chain and name
        tls.minimum_version = ssl.TLSVersion.TLSv1_3
        tls.hostname_checks_common_name = False
        tls.load_verify_locations(it["ca"])  # this CA and no other
        tls.load_cert_chain(it["cert"], it["key"])
    except (OSError, KeyError) as error:
        raise Wrong("config", error)
    till.update(tls=tls, hosts=dict(it.get("hosts", {})), deadline=it.get("deadlineMs", 150_000) / 1000)
    return {"unresolved": []}


def dial(terminal, timeout):
    """A connection of its own for each call: no certificate is trusted for longer than one question."""
    address = till["hosts"].get(terminal)
    if not address:
        raise Wrong("unreachable", f"no address of {terminal} is known")
    host, port = address.rsplit(":", 1)
    try:
        tcp = socket.create_connection((host.strip("[]"), int(port)), 5)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else up to 40 ms are lost
        line = http.client.HTTPConnection(host)
        line.auto_open = 0  # never again on a connection that nobody checked
        line.sock = till["tls"].wrap_socket(tcp, server_hostname=terminal)
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise Wrong("unreachable", error)
    except ssl.SSLError as error:
        raise Wrong("tls", error)
    except OSError as error:
        raise Wrong("unreachable", error)
    # OpenSSL compares names without regard to case. LACKS: the strict profile of the rest. [TLS-14]
    if ("DNS", terminal) not in line.sock.getpeercert().get("subjectAltName", ()):
        raise Wrong("tls", f"it is not {terminal}")
    line.sock.settimeout(timeout)
    return line


def ask(line, method, path, body=None, **headers):
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        line.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = line.getresponse()
        return answer.status, json.loads(answer.read())
    except ssl.SSLError as error:
        if "ALERT" in str(error):  # it refuses our certificate, and has processed nothing
            raise Wrong("tls", error)
        raise
    finally:
        line.close()


def pay(it):
    sale = {name: it[name] for name in ("terminalId", "amount", "currency", "reference")}
    sale["captureMethod"] = it.get("captureMethod", "automatic")
    key, until = uuid.uuid4().hex, time.monotonic() + till["deadline"]
    line = dial(sale["terminalId"], 130)  # the customer needs time to find the card
    try:
        status, answer = ask(line, "POST", "/v1/pay", sale, **{"Idempotency-Key": key})
        if status == 200 and ends(answer, sale):
            return answer
        if 400 <= status < 500:
            raise Wrong("refused", answer["error"]["message"], code=answer["error"]["code"], reference=it["reference"])
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as lost:
        print("the answer was lost:", lost, file=sys.stderr)
    while time.monotonic() < until:  # never pay again: look up
        try:
            found = find_out(sale, key)
            if found:
                return found
        except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException, Wrong) as error:
            if isinstance(error, Wrong) and error.error["class"] in ("tls", "refused"):
                raise
        time.sleep(0.5)
    raise Wrong("indeterminate", "the outcome is not known: do not pay again", reference=it["reference"])


def find_out(sale, key):
    terminal, reference = sale["terminalId"], sale["reference"]
    _, listed = ask(dial(terminal, 5), "GET", "/v1/payments?reference=" + quote(reference, safe=""))
    own = [it for it in listed["data"] if it["attemptKey"] == key]
    if own and ends(own[0], sale):
        return own[0]
    # LACKS: an empty answer of another journal, or of a terminal that had accepted, is not told apart. [REC-23]
    if not own or own[0]["status"] in ("created", "pending"):
        body = {"terminalId": terminal, "reference": reference, "attemptKey": key}
        status, done = ask(dial(terminal, 5), "POST", "/v1/cancel", body)
        if status == 200 and done["outcome"] == "cancelled" and not done["payment"]:
            raise Wrong("refused", "it was lost, and is cancelled", code="voided", reference=reference)
        if status == 200 and done["outcome"] != "still_processing" and ends(done["payment"], sale):
            return done["payment"]
    return None


def ends(payment, sale):
    """Is it an end, and is it about this sale?"""
    about = all(payment[name] == sale[name] for name in ("terminalId", "amount", "currency", "reference"))
    return about and (payment["status"] in FINAL or bool(payment["status"] == "processing" and payment["offline"]))


def discover(it):
    if "hosts" not in it:
        return None  # LACKS: the standard library has no mDNS. [DISC-2]
    readers, left_out = [], []
    for address in it["hosts"]:
        address = address if address.rpartition(":")[2].isdigit() and not address.endswith("]") else address + ":8443"
        # LACKS: its name cannot be asked for before it is known, so only terminals that `configure` named are found.
        for terminal in [name for name, host in till["hosts"].items() if host == address]:
            try:
                _, reader = ask(dial(terminal, 5), "GET", "/v1/reader")
                if reader["id"] != terminal:
                    raise Wrong("tls", f"it says that it is {reader['id']}")
                ip = address.rsplit(":", 1)[0].strip("[]")
                readers.append({"id": terminal, "ip": ip, "model": reader["model"], "status": reader["status"]})
            except (OSError, ValueError, KeyError, http.client.HTTPException, Wrong) as error:
                left_out.append({"address": address, "why": str(error)})
    return {"readers": sorted(readers, key=lambda it: it["id"]), "leftOut": left_out}


def retrieve(it):
    found = []
    for terminal in [it["terminalId"]] if it.get("terminalId") else till["hosts"]:
        try:
            path = "/v1/payments?reference=" + quote(it["reference"], safe="")
            found += ask(dial(terminal, 5), "GET", path)[1]["data"]
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            raise Wrong("indeterminate", error, reference=it["reference"])
    rank = {"completed": 0, "failed": 2, "cancelled": 2}
    return {"payment": min(found, key=lambda it: rank.get(it["status"], 1), default=None)}


def verify_webhook(it):
    parts = [part.strip().split("=", 1) for part in it["signature"].split(",")]
    times = [part[1] for part in parts if part[0] == "t" and len(part) == 2]
    if len(times) != 1 or not times[0].isdigit() or abs(int(times[0]) - it["now"]) > 300:
        raise Wrong("webhook", "it was not signed now")
    message = f"{times[0]}.{it['body']}".encode()
    for secret in it["secrets"]:
        tag = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
        if any(part[0] == "v1" and hmac.compare_digest(part[-1].encode(), tag.encode()) for part in parts):
            return json.loads(it["body"])
    raise Wrong("webhook", "no known secret signed it")


def hello(it):
    return {"name": "bare-python", "version": "1", "wire": "vinr-local/1", "ops": OPS}


def serve(it):
    answer = {"id": it.get("id"), "unsupported": True}
    try:
        if it.get("op") in OPS:
            if it["op"] not in ("hello", "configure", "verify_webhook") and not till:
                raise Wrong("usage", "configure comes first")
            ok = globals()[it["op"]](it)
            if it["op"] == "retrieve":
                ok = ok["payment"]  # null is an answer here
            if ok is not None or it["op"] == "retrieve":
                answer = {"id": it["id"], "ok": ok}
    except Wrong as wrong:
        answer = {"id": it["id"], "error": wrong.error}
    except (KeyError, TypeError, ValueError) as error:
        answer = {"id": it["id"], "error": {"class": "usage", "message": f"{type(error).__name__}: {error}"}}
    with said:
        print(json.dumps(answer), flush=True)


for text in sys.stdin:  # one thread for each: no payment keeps another question waiting
    threading.Thread(target=serve, args=(json.loads(text),)).start()
