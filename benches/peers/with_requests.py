"""As http_client.py, with requests, which is installed by `pip install requests`."""
import sys
import time

import requests
from requests.adapters import HTTPAdapter

port, terminal, ca, cert, key = sys.argv[1:6]


class Named(HTTPAdapter):
    """Dials the address and asks for the terminal's name."""

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, server_hostname=terminal, assert_hostname=terminal, **kwargs)


def session():
    made = requests.Session()
    made.trust_env = False
    made.verify = ca
    made.cert = (cert, key)
    made.mount("https://", Named())
    return made


def pay(on, number):
    reference = f"requests_{number}"
    begun = time.perf_counter_ns()
    answer = on.post(
        f"https://127.0.0.1:{port}/v1/pay",
        json={"terminalId": terminal, "amount": 2500, "currency": "USD", "reference": reference},
        headers={"idempotency-key": reference},
        stream=True,
    )
    head = time.perf_counter_ns() - begun
    payment = answer.json()
    whole = time.perf_counter_ns() - begun
    assert payment["status"] == "completed", payment
    return head, whole


kept = session()
for number, line in enumerate(sys.stdin):
    on = kept if line.strip() == "warm" else session()
    print(*pay(on, number), flush=True)
    if on is not kept:
        on.close()
