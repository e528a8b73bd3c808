#!/usr/bin/env python3
"""A whole adapter for `vinr-conformance client`, to begin with: docs/certify-a-till.md.

It pays, and does not recover: the suite will say so.
"""
import http.client, json, socket, ssl, sys, threading, uuid

till = {}

def hello(it):
    return {"name": "tiny", "version": "1", "wire": "vinr-local/1", "ops": ["hello", "configure", "pay"]}

def configure(it):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)          # checks chain and name
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.load_verify_locations(it["ca"])                    # and no other
    tls.load_cert_chain(it["cert"], it["key"])
    till.update(tls=tls, hosts=it["hosts"])
    return {"unresolved": []}

def pay(it):
    host, port = till["hosts"][it["terminalId"]].rsplit(":", 1)
    try:
        tcp = socket.create_connection((host, int(port)), 5)
        line = http.client.HTTPConnection(host)
        line.sock = till["tls"].wrap_socket(tcp, server_hostname=it["terminalId"])
    except ssl.SSLError as error:
        return {"class": "tls", "message": str(error), "reference": it["reference"]}
    except OSError as error:
        return {"class": "unreachable", "message": str(error), "reference": it["reference"]}
    try:
        line.sock.settimeout(130)
        sale = {name: it[name] for name in ("terminalId", "amount", "currency", "reference")}
        sale["captureMethod"] = it.get("captureMethod", "automatic")
        head = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
        line.request("POST", "/v1/pay", json.dumps(sale), head)
        answer = line.getresponse()
        told = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        return {"class": "indeterminate", "message": str(error), "reference": it["reference"]}
    if answer.status == 200:
        return told
    if answer.status < 500:
        return {"class": "refused", **{name: told["error"][name] for name in ("code", "message")}, "reference": it["reference"]}
    return {"class": "indeterminate", "message": str(answer.status), "reference": it["reference"]}

ops, said = {"hello": hello, "configure": configure, "pay": pay}, threading.Lock()

def serve(it):
    answer = {"id": it["id"], "unsupported": True}
    if it["op"] in ops:
        told = ops[it["op"]](it)
        answer = {"id": it["id"], "error" if "class" in told else "ok": told}
    with said:
        print(json.dumps(answer), flush=True)

for line in sys.stdin:
    threading.Thread(target=serve, args=(json.loads(line),)).start()
