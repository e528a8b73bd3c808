"""A driver by other hands, as an HTTP service: what is POSTed is a question, the response is its answer.

    python3 service.py CONTROL_FILE

Prints its port. Its hands are a terminal's control port.
"""

import http.server
import json
import sys
import urllib.request

CONTROL = json.load(open(sys.argv[1]))


class Hands(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if question["question"] == "read_storage":
            answer = {"id": question["id"], "answer": "cannot", "why": "no adb here"}
        else:
            request = urllib.request.Request(
                CONTROL["url"] + "/v1/question",
                data=json.dumps(question).encode(),
                headers={"Authorization": "Bearer " + CONTROL["token"], "Content-Type": "application/json"},
            )
            answer = json.load(urllib.request.urlopen(request))
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hands)
print(server.server_port, flush=True)
server.serve_forever()
