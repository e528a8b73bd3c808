"""One payment for each line on stdin, `warm` or `cold`; the nanoseconds to the head and to the outcome on
stdout. The standard library alone."""
import http.client
import json
import socket
import ssl
import sys
import time

port, terminal, ca, cert, key = sys.argv[1:6]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
context.set_alpn_protocols(["http/1.1"])


class Connection(http.client.HTTPConnection):
    """To the address, with the terminal's name in the certificate."""

    def connect(self):
        tcp = socket.create_connection(("127.0.0.1", int(port)))
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = context.wrap_socket(tcp, server_hostname=terminal)


def pay(on, number):
    reference = f"http_client_{number}"
    begun = time.perf_counter_ns()
    body = json.dumps({"terminalId": terminal, "amount": 2500, "currency": "USD", "reference": reference})
    headers = {"content-type": "application/json", "idempotency-key": reference}
    on.request("POST", "/v1/pay", body, headers)
    answer = on.getresponse()
    head = time.perf_counter_ns() - begun
    payment = json.loads(answer.read())
    whole = time.perf_counter_ns() - begun
    assert payment["status"] == "completed", payment
    return head, whole


kept = Connection(terminal)
for number, line in enumerate(sys.stdin):
    on = kept if line.strip() == "warm" else Connection(terminal)
    print(*pay(on, number), flush=True)
    if on is not kept:
        on.close()
