// Joins the parts: hears the port, keeps what it said, and shows the chosen terminal.

import { Device } from "./device.js";
import { Cannot, Port, WrongToken, takeToken } from "./port.js";
import { Journal, showJournal, showQueue } from "./records.js";
import { Shop } from "./shop.js";

const at = (id) => document.getElementById(id);

const token = takeToken();
const port = new Port(token);
const terminals = new Map();
const journals = new Map();
let chosen = sessionStorage.getItem("vinr-terminal");

const device = new Device((pin) => attempt(() => port.ask("enter_pin", chosen, { pin })));
const shop = new Shop({
  present: (card, entry) => attempt(() => port.ask("present_card", chosen, { card, entry })),
  remove: () => attempt(() => port.ask("remove_card", chosen)),
  giveUp: () => attempt(() => port.post("/v1/give-up", { terminal: chosen })),
  turn: (what, on) => attempt(() => turn(what, on)),
});

function turn(what, on) {
  switch (what) {
    case "power":
      return port.post("/v1/power", { terminal: chosen, on });
    case "localMode":
      return port.ask("toggle_local_mode", chosen, { on });
    default:
      return port.ask(`${on ? "restore" : "cut"}_${what}`, chosen);
  }
}

// Does what was asked for, and says it aloud where that cannot be done.
async function attempt(act) {
  at("note").textContent = "";
  try {
    await act();
  } catch (error) {
    if (error instanceof WrongToken) {
      stranger();
    } else if (error instanceof Cannot) {
      at("note").textContent = `Cannot: ${error.message}.`;
    } else {
      at("note").textContent = "The simulator did not answer.";
    }
  }
}

at("terminal").addEventListener("change", (event) => {
  chosen = event.target.value;
  sessionStorage.setItem("vinr-terminal", chosen);
  show();
});

// One terminal, as the port says it is. What changed is a line of the page's journal.
function learn(terminal) {
  const id = terminal.terminal;
  const before = terminals.get(id)?.said;
  if (before && before.screen.atNs > terminal.screen.atNs) {
    terminal.screen = before.screen;
  }
  terminals.set(id, { said: terminal, at: performance.now() });
  if (!journals.has(id)) {
    journals.set(id, new Journal());
  }
  const changed = (member, value) => before && before[member] !== terminal[member] && terminal[member] === value;
  const tell = (text, tone) => journals.get(id).happened(text, tone);
  if (changed("power", "off")) tell("Power cut", "quiet");
  if (changed("power", "on")) tell("Power back", "quiet");
  if (changed("internet", "down")) tell("Internet cut", "warn");
  if (changed("internet", "up")) tell("Internet back", "quiet");
  if (changed("lan", "down")) tell("LAN cut", "warn");
  if (changed("lan", "up")) tell("LAN back", "quiet");
  if (changed("localMode", false)) tell("Local mode off", "warn");
  if (changed("localMode", true)) tell("Local mode on", "quiet");
}

async function reread() {
  const state = await port.state();
  const running = state.terminals.map((it) => it.terminal);
  // A simulator that was started again begins its clock anew: what it says now is not compared with what was.
  terminals.clear();
  state.terminals.forEach(learn);
  if (!terminals.has(chosen)) {
    chosen = running[0];
  }
  shop.cards(state.cards ?? []);
  choose(running);
  show();
}

function choose(ids) {
  at("chooser").hidden = ids.length < 2;
  const options = ids.map((id) => {
    const option = document.createElement("option");
    option.textContent = id;
    return option;
  });
  at("terminal").replaceChildren(...options);
  at("terminal").value = chosen;
}

function hear(name, event) {
  const known = terminals.get(event.terminal);
  switch (name) {
    case "screen":
      if (known && event.atNs >= known.said.screen.atNs) {
        known.said.screen = event;
      }
      break;
    case "state":
      learn(event);
      break;
    case "journal":
      journals.get(event.terminal)?.record(event);
      break;
    case "missed":
      reread().catch(() => {});
      break;
  }
  if (event.terminal === chosen) {
    if (name === "screen") {
      at("note").textContent = "";
    }
    show();
  }
}

function show() {
  const known = terminals.get(chosen);
  if (!known) {
    return;
  }
  const terminal = known.said;
  const journal = journals.get(chosen);
  document.title = `${terminal.terminal} · VINR simulator`;
  device.show(terminal, journal.payment(terminal.screen.paymentId));
  device.tick(terminal);
  shop.show(terminal);
  showQueue(terminal, known.at);
  showJournal(journal);
}

// Ages and the clock go on by themselves.
setInterval(() => {
  const known = terminals.get(chosen);
  if (known) {
    device.tick(known.said);
    showQueue(known.said, known.at);
  }
}, 1000);

function link(state, words) {
  at("link").dataset.link = state;
  at("link").textContent = words;
}

function banner(words) {
  at("banner").textContent = words;
  at("banner").hidden = words === "";
  document.body.classList.toggle("cut-off", words !== "");
}

function stranger() {
  link("lost", "Not connected");
  banner("This link opens nothing any more. Open the one that the running simulator prints.");
}

async function stay() {
  for (let pause = 250; ; pause = Math.min(pause * 2, 4000)) {
    try {
      await port.listen(async () => {
        await reread();
        pause = 250;
        link("live", "Live");
        banner("");
      }, hear);
    } catch (error) {
      if (error instanceof WrongToken) {
        stranger();
        return;
      }
    }
    link("lost", "Not connected");
    banner("The simulator is not there. What you see is the last it said; this page comes back by itself.");
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

if (token === null) {
  link("lost", "Not connected");
  banner("Open the link that the simulator prints when it starts: it carries the key to the control port.");
} else {
  stay();
}
