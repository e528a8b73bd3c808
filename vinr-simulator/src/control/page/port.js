// The control port: the token, the calls, and the stream of events.

const KEPT = "vinr-control-token";

// The link carries the token behind its "#", which a browser sends to nobody. From the address bar it goes at once, so
// that it is in no bookmark and on no screenshot; this tab keeps it until it is closed.
export function takeToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token !== null) {
    sessionStorage.setItem(KEPT, token);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(KEPT);
}

// The port does not know this token: it is that of an earlier run.
export class WrongToken extends Error {}

// The port answered that it cannot, and why.
export class Cannot extends Error {}

export class Port {
  #token;

  constructor(token) {
    this.#token = token;
  }

  state() {
    return this.#call("GET", "/v1/state");
  }

  post(path, body) {
    return this.#call("POST", path, body);
  }

  async ask(question, subject, args = {}, deadlineMs = 1000) {
    const id = crypto.randomUUID();
    const why = "asked on the page";
    const answer = await this.post("/v1/question", { question, id, subject, args, why, deadlineMs });
    if (answer.answer === "cannot") {
      throw new Cannot(answer.why ?? "the simulator cannot do that");
    }
    return answer;
  }

  // Gives every event to `heard` until the stream ends. `opened` comes first, when nothing is missed any more; what
  // happens meanwhile waits in the stream.
  async listen(opened, heard) {
    const response = await this.#fetch("GET", "/v1/events");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        return;
      }
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const event = parse(block);
        if (event.comment !== undefined) {
          await opened();
        } else {
          heard(event.name, JSON.parse(event.data));
        }
      }
    }
  }

  async #call(method, path, body) {
    const response = await this.#fetch(method, path, body);
    const said = await response.json().catch(() => ({}));
    if (said.answer === "cannot") {
      throw new Cannot(said.why ?? "the simulator cannot do that");
    }
    return said;
  }

  async #fetch(method, path, body) {
    const headers = { authorization: `Bearer ${this.#token}` };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
    }
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
    if (response.status === 401) {
      throw new WrongToken();
    }
    if (!response.ok) {
      const said = await response.json().catch(() => ({}));
      throw new Cannot(said.error?.message ?? `the simulator answered ${response.status}`);
    }
    return response;
  }
}

function parse(block) {
  const event = { name: "message", data: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith(":")) {
      event.comment = line.slice(1).trim();
    } else if (line.startsWith("event:")) {
      event.name = line.slice(6).trim();
    } else if (line.startsWith("data:")) {
      event.data += line.slice(5).trim();
    }
  }
  return event;
}
