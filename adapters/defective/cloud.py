"""VINR's cloud: the second path of a hybrid payment, and of nothing else. [NET-2]"""

import http.client
import json
import ssl
import sys
import urllib.parse

from defects import broken
from wrong import Lost, Wrong

ANSWER = 10.0


class Cloud:
    def __init__(self, url, ca, key):
        where = urllib.parse.urlsplit(url)
        self.host, self.port, self.key = where.hostname, where.port or 443, key
        try:
            self.tls = ssl.create_default_context(cafile=ca) if ca else ssl.create_default_context()
        except OSError as error:
            raise Wrong("config", f"the cloud's CA cannot be used: {error}") from error

    def ask(self, method, path, body=None, key=None, timeout=ANSWER):
        headers = {"Authorization": "Bearer " + self.key}
        if broken("logs-key"):
            print(method, path, headers, file=sys.stderr, flush=True)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key:
            headers["Idempotency-Key"] = key
        line = http.client.HTTPSConnection(self.host, self.port, timeout=5, context=self.tls)
        try:
            line.connect()
            line.auto_open = 0
            line.sock.settimeout(timeout)
        except OSError as error:
            raise Wrong("unreachable", f"the cloud cannot be reached: {error}") from error
        try:
            line.request(method, "/v1" + path, json.dumps(body) if body is not None else None, headers)
            answer = line.getresponse()
            told = json.loads(answer.read())
            if not isinstance(told, dict):
                raise ValueError("no object")
            return answer.status, told
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Lost(f"the cloud: {type(error).__name__} {error}") from error
        finally:
            line.close()

    def pay(self, terminal, sale, key, timeout):
        body = {**sale, "terminalId": terminal, "wait": True}
        return self.ask("POST", "/terminal/payments", body, key, timeout)

    def listed(self, reference):
        return self.ask("GET", "/terminal/payments?reference=" + urllib.parse.quote(reference, safe=""), timeout=5)

    def cancel(self, payment_id):
        return self.ask("POST", f"/terminal/payments/{payment_id}/cancel", {})
