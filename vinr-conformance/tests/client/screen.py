#!/usr/bin/env python3
"""A till with a screen: an adapter behind a counter, used by whoever answers the suite's questions.

    screen.py serve FILE -- ADAPTER [ARGUMENTS]...    questions over HTTP; FILE says where
    screen.py ask FILE                                hands one question over: an exec driver

It knows nothing of the suite but the questions of spec/harness.md, §2.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SHOWN = {"completed": "approved", "failed": "declined", "cancelled": "cancelled"}


class Till:
    """What stands on the counter: a program, its files, its power, and the payment that is on its screen."""

    def __init__(self, command):
        self.command, self.store = command, tempfile.mkdtemp(prefix="till-")
        self.folder, self.program, self.answers, self.ids = None, None, {}, 0
        self.lock, self.screen = threading.Lock(), None

    def answer(self, question):
        what, args = question["question"], question["args"]
        if what == "till_install":
            self.folder = args["path"]
            self.power_on()
        elif what == "till_pay":
            sale = {name: args[name] for name in ("amount", "currency", "reference")}
            self.screen = self.begin("pay", {"terminalId": question["subject"], **sale})
        elif what == "till_read_result":
            shown = self.read(self.screen.get(timeout=question["deadlineMs"] / 1000))
            return {"answer": "value", "value": {"result": shown, "terminalId": question["subject"]}}
        elif what == "power_cycle" and args.get("device") == "till":
            self.program.kill()
            time.sleep(args["offMs"] / 1000)
            self.power_on()
        else:
            return {"answer": "cannot", "why": f"nobody here knows {what}"}
        return {"answer": "done"}

    def read(self, told):
        if "error" in told:
            return "unknown" if told["error"]["class"] == "indeterminate" else "cancelled"
        payment = told["ok"]
        if payment["status"] == "processing" and payment.get("offline"):
            return "accepted_offline"
        return SHOWN[payment["status"]]

    def power_on(self):
        self.program = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.listen, args=(self.program,), daemon=True).start()
        path = lambda name: os.path.join(self.folder, name)
        with open(path("terminal.json"), encoding="utf-8") as file:
            terminal = json.load(file)
        with open(path("passphrase.txt"), encoding="utf-8") as file:
            passphrase = file.read()
        files = {"ca": path("terminal-ca.pem"), "cert": path("pos.pem"), "key": path("pos.key"), "p12": path("pos.p12")}
        cloud = {"secretKey": "sk_test_of_nobody", "cloudUrl": "https://127.0.0.1:9", "cloudCa": path("terminal-ca.pem")}
        more = {"hosts": {terminal["terminalId"]: terminal["address"]}, "webhookSecrets": [], "deadlineMs": 180_000}
        self.begin("hello", {"protocol": 1}).get(timeout=20)
        told = self.begin("configure", {"store": self.store, "passphrase": passphrase, **files, **cloud, **more}).get(timeout=20)
        if "ok" not in told:
            raise RuntimeError(f"it is not set up: {told}")

    def begin(self, op, fields):
        with self.lock:
            self.ids += 1
            own = self.answers[self.ids] = queue.Queue()
            self.program.stdin.write(json.dumps({"id": self.ids, "op": op, **fields}) + "\n")
            self.program.stdin.flush()
        return own

    def listen(self, program):
        for line in program.stdout:
            told = json.loads(line)
            self.answers[told["id"]].put(told)


def serve(place, command):
    till = Till(command)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            question = json.loads(self.rfile.read(int(self.headers["content-length"])))
            try:
                answer = till.answer(question)
            except Exception as error:  # whatever goes wrong at a till, somebody is told
                answer = {"answer": "cannot", "why": f"{type(error).__name__}: {error}"}
            body = json.dumps({"id": question["id"], **answer}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with open(place + ".new", "w", encoding="utf-8") as file:
        file.write(f"http://127.0.0.1:{server.server_port}/till")
    os.rename(place + ".new", place)
    try:
        server.serve_forever()
    finally:
        till.program and till.program.kill()


def ask(place):
    with open(place, encoding="utf-8") as file:
        request = urllib.request.Request(file.read(), data=sys.stdin.buffer.read())
    with urllib.request.urlopen(request, timeout=700) as response:
        sys.stdout.write(response.read().decode())


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[4:])
    else:
        ask(sys.argv[2])
