#!/usr/bin/env python3
"""A till of Python's standard library, as an adapter for `vinr-conformance client` (spec/harness.md §1).

What a careful afternoon gives: one terminal, mutual TLS, and a lost answer that is looked up before anybody is told.
What it does not have it says: an op answered with `unsupported`, or one of the lines marked LACKS below. The suite
judges both; docs/certify-a-till-results.md has its report.
"""
import hashlib, hmac, http.client, json, socket, ssl, sys, threading, time, urllib.parse, uuid

FINAL = ("completed", "failed", "cancelled")
LOST = (OSError, ValueError, KeyError, TypeError, http.client.HTTPException)
till, said = {}, threading.Lock()


class Wrong(Exception):
    def __init__(self, kind, message, **more):
        super().__init__(str(message))
        self.answer = {"class": kind, "message": str(message), **more}


def ask(terminal, method, path, body=None, timeout=5, **headers):
    """A connection of its own for each question: no certificate is trusted for longer."""
    try:
        host, port = till["hosts"][terminal].rsplit(":", 1)
        tcp = socket.create_connection((host.strip("[]"), int(port)), 5)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else up to 40 ms are lost
        line = http.client.HTTPConnection(host)
        line.auto_open = 0  # never again on a connection that nobody checked
        line.sock = till["tls"].wrap_socket(tcp, server_hostname=terminal)
    except (OSError, KeyError) as error:
        is_tls = isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
        raise Wrong("tls" if is_tls else "unreachable", error)
    # OpenSSL compares names without regard to case. LACKS: the strict profile of the rest. [TLS-14]
    if ("DNS", terminal) not in line.sock.getpeercert().get("subjectAltName", ()):
        raise Wrong("tls", f"it is not {terminal}")
    line.sock.settimeout(timeout)
    try:
        line.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json", **headers})
        answer = line.getresponse()
        return answer.status, json.loads(answer.read())
    except ssl.SSLError as error:  # an alert: it refuses our certificate, and has processed nothing
        raise Wrong("tls", error) if "ALERT" in str(error) else error
    finally:
        line.close()


def look(terminal, reference):
    return ask(terminal, "GET", "/v1/payments?reference=" + urllib.parse.quote(reference, safe=""))[1]["data"]


def ends(payment, sale):
    """Is it an end, and is it about this sale?"""
    about = all(payment[name] == sale[name] for name in ("terminalId", "amount", "currency", "reference"))
    return about and (payment["status"] in FINAL or bool(payment["status"] == "processing" and payment["offline"]))


def find_out(sale, key):
    terminal, reference = sale["terminalId"], sale["reference"]
    own = next((it for it in look(terminal, reference) if it["attemptKey"] == key), None)
    # LACKS: an empty answer of another journal, or of a terminal that had accepted, is not told apart. [REC-23]
    if not own or own["status"] in ("created", "pending"):
        body = {"terminalId": terminal, "reference": reference, "attemptKey": key}
        told = ask(terminal, "POST", "/v1/cancel", body)[1]
        own = told["payment"]
        if told["outcome"] == "cancelled" and not own:
            raise Wrong("refused", "it was lost, and is cancelled", code="voided")
    return own if ends(own, sale) else None


class Ops:
    def hello(self, it):
        return {"name": "bare-python", "version": "1", "wire": "vinr-local/1", "ops": [op for op in dir(self) if op[0] != "_"]}

    def configure(self, it):
        # LACKS: a .p12 cannot be opened by the standard library, so a wrong passphrase goes unnoticed. [TLS-11]
        # LACKS: no attempt is stored, so a restarted till does not know what it left open. [REC-12]
        try:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks chain and name
            tls.minimum_version, tls.hostname_checks_common_name = ssl.TLSVersion.TLSv1_3, False
            tls.load_verify_locations(it["ca"])  # this CA and no other
            tls.load_cert_chain(it["cert"], it["key"])
        except (OSError, KeyError) as error:
            raise Wrong("config", error)
        till.update(tls=tls, hosts=it.get("hosts", {}), deadline=it.get("deadlineMs", 150_000) / 1000)
        return {"unresolved": []}

    def pay(self, it):
        sale = {name: it[name] for name in ("terminalId", "amount", "currency", "reference")}
        sale["captureMethod"] = it.get("captureMethod", "automatic")
        key, until = uuid.uuid4().hex, time.monotonic() + till["deadline"]
        try:  # the customer needs time to find the card
            status, answer = ask(sale["terminalId"], "POST", "/v1/pay", sale, 130, **{"Idempotency-Key": key})
            if status == 200 and ends(answer, sale):
                return answer
            if 400 <= status < 500:
                raise Wrong("refused", answer["error"]["message"], code=answer["error"]["code"])
        except LOST as lost:
            print("the answer was lost:", lost, file=sys.stderr)
        while time.monotonic() < until:  # never pay again: look up
            try:
                if found := find_out(sale, key):
                    return found
            except (Wrong, *LOST) as error:
                if isinstance(error, Wrong) and error.answer["class"] == "refused":
                    raise
            time.sleep(0.5)
        raise Wrong("indeterminate", "the outcome is not known: do not pay again")

    def discover(self, it):
        readers, left_out = [], []
        # LACKS: its name cannot be asked for before it is known, so only terminals that `configure` named are found.
        for terminal, address in sorted(till["hosts"].items()):
            if address in it["hosts"] or address.removesuffix(":8443") in it["hosts"]:
                try:
                    reader = ask(terminal, "GET", "/v1/reader")[1]
                    if reader["id"] != terminal:
                        raise Wrong("tls", f"it says that it is {reader['id']}")
                    ip = address.rsplit(":", 1)[0].strip("[]")
                    readers.append({"id": terminal, "ip": ip, "model": reader["model"], "status": reader["status"]})
                except (Wrong, *LOST) as error:
                    left_out.append({"address": address, "why": str(error)})
        return {"readers": readers, "leftOut": left_out}

    def retrieve(self, it):
        try:
            asked = [it["terminalId"]] if it.get("terminalId") else till["hosts"]
            found = [payment for terminal in asked for payment in look(terminal, it["reference"])]
        except LOST as error:
            raise Wrong("indeterminate", error)
        rank = {"completed": 0, "failed": 2, "cancelled": 2}
        return min(found, key=lambda payment: rank.get(payment["status"], 1), default=None)

    def verify_webhook(self, it):
        parts = [part.strip().split("=", 1) for part in it["signature"].split(",")]
        times = [part[1] for part in parts if part[0] == "t" and len(part) == 2]
        if len(times) != 1 or not times[0].isdigit() or abs(int(times[0]) - it["now"]) > 300:
            raise Wrong("webhook", "it was not signed now")
        for secret in it["secrets"]:
            tag = hmac.new(secret.encode(), f"{times[0]}.{it['body']}".encode(), hashlib.sha256).hexdigest()
            if any(part[0] == "v1" and hmac.compare_digest(part[-1].encode(), tag.encode()) for part in parts):
                return json.loads(it["body"])
        raise Wrong("webhook", "no known secret signed it")


def serve(it):
    answer, ops = {"id": it["id"]}, Ops()
    # LACKS: the standard library has no mDNS. [DISC-2]
    if it["op"] not in ops.hello(it)["ops"] or (it["op"] == "discover" and "hosts" not in it):
        answer["unsupported"] = True
    else:
        try:
            if it["op"] in ("discover", "pay", "retrieve") and not till:
                raise Wrong("usage", "configure comes first")
            answer["ok"] = getattr(ops, it["op"])(it)
        except Wrong as wrong:
            answer["error"] = {**({"reference": it["reference"]} if "reference" in it else {}), **wrong.answer}
        except LOST as error:
            answer["error"] = {"class": "usage", "message": f"{type(error).__name__}: {error}"}
    with said:
        print(json.dumps(answer), flush=True)


for text in sys.stdin:  # one thread for each: no payment keeps another question waiting
    threading.Thread(target=serve, args=(json.loads(text),)).start()
