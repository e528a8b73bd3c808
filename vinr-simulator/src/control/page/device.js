// The terminal itself: its screen and its PIN pad.

import { money } from "./money.js";
import { entry, last4, picture, reason } from "./words.js";

const at = (id) => document.getElementById(id);
const PIN_LONGEST = 12;

export class Device {
  #pin = "";
  #asks = false;
  #enter;
  // Where the keyboard was before the pad asked for it.
  #before = null;

  // `enter` is called with the PIN when it is confirmed.
  constructor(enter) {
    this.#enter = enter;
    at("pad").addEventListener("click", (event) => {
      const key = event.target.closest("button")?.dataset.key;
      if (key) {
        this.#press(key);
      }
    });
    document.addEventListener("keydown", (event) => this.#type(event));
    this.#light();
  }

  // Shows a terminal; `record` is what the journal says of the payment on the screen, if anything.
  show(terminal, record) {
    const screen = terminal.screen;
    const name = terminal.power === "off" ? "off" : screen.screen;
    const shown = picture(name);
    at("name").textContent = terminal.terminal;
    set(at("screen"), "data-picture", name);
    set(at("sign"), "href", `#${shown.sign}`);
    const amount = screen.amount != null && name !== "off" ? money(screen.amount, screen.currency) : "";
    say("amount", amount);
    say("prompt", shown.prompt);
    say("detail", card(name, record) ?? shown.detail ?? "");
    say("reference", name === "off" ? "" : screen.reference ?? "");
    at("offline").hidden = name === "off" || terminal.status !== "offline";
    this.#ask(name === "enter_pin");
  }

  tick(terminal) {
    const isDark = terminal.power === "off";
    const time = isDark ? "" : terminal.clockUnset ? "--:--" : clock(new Date(Date.now() + (terminal.clockOffsetMs ?? 0)));
    if (at("clock").textContent !== time) {
      at("clock").textContent = time;
    }
  }

  #ask(asks) {
    if (asks === this.#asks) {
      return;
    }
    this.#asks = asks;
    this.#pin = "";
    this.#light();
    const enter = at("pad").querySelector("[data-key=enter]");
    const focused = document.activeElement;
    // The card was just presented with the keyboard: the PIN is typed next.
    if (asks && focused?.closest("#wallet")) {
      this.#before = focused;
      enter.focus();
    } else if (!asks && this.#before && at("pad").contains(focused)) {
      this.#before.focus();
      this.#before = null;
    }
    this.#dots();
  }

  // Not `disabled`: that would take the focus away from under a finger.
  #light() {
    at("pad").classList.toggle("asks", this.#asks);
    for (const button of at("pad").querySelectorAll("button")) {
      set(button, "aria-disabled", String(!this.#asks));
    }
  }

  #press(key) {
    if (!this.#asks) {
      return;
    }
    if (key === "clear") {
      this.#pin = "";
    } else if (key === "enter") {
      this.#enter(this.#pin);
      return;
    } else if (this.#pin.length < PIN_LONGEST) {
      this.#pin += key;
    }
    this.#dots();
  }

  #type(event) {
    const isTyping = event.target.closest("select, input, textarea");
    if (!this.#asks || isTyping || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    if (/^[0-9]$/.test(event.key)) {
      this.#press(event.key);
    } else if (event.key === "Backspace") {
      this.#pin = this.#pin.slice(0, -1);
      this.#dots();
    } else if (event.key === "Enter" && !event.target.closest("button")) {
      this.#press("enter");
    }
  }

  #dots() {
    const count = this.#pin.length;
    at("pin").hidden = !this.#asks;
    at("pin").textContent = "●".repeat(count) + "○".repeat(Math.max(0, 4 - count));
    set(at("pin"), "aria-label", `${count} digits entered`);
  }
}

function card(name, record) {
  const isOutcome = ["approved", "declined", "accepted_offline", "authorizing"].includes(name);
  if (!isOutcome || !record?.last4) {
    return null;
  }
  const usual = record.entryMode && entry(record.entryMode);
  const how = { accepted_offline: "not yet approved", declined: reason(record) }[name] ?? usual;
  return [last4(record.last4), how].filter(Boolean).join(" · ");
}

function say(id, text) {
  const element = at(id);
  // Set only where it differs, so that nothing is read aloud twice.
  if (element.textContent !== text) {
    element.textContent = text;
  }
  element.hidden = text === "";
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

export function clock(date, seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const text = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return seconds ? `${text}:${two(date.getSeconds())}` : text;
}
