// What a hand in the shop can do to the terminal: cards, plugs, cables.

import { money } from "./money.js";
import { entry, last4, outcome } from "./words.js";

const at = (id) => document.getElementById(id);

export class Shop {
  #cards = "";

  constructor({ present, turn, remove, giveUp }) {
    at("wallet").addEventListener("click", (event) => {
      const number = event.target.closest("button")?.dataset.card;
      if (number) {
        const chosen = document.querySelector("input[name=entry]:checked").value;
        present(number, chosen || undefined);
        // On a phone the cards are below the terminal, and whoever presents one looks at its screen.
        at("screen").scrollIntoView({ block: "nearest" });
      }
    });
    at("switches").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) {
        turn(button.dataset.switch, button.getAttribute("aria-checked") !== "true");
      }
    });
    at("remove").addEventListener("click", remove);
    at("give-up").addEventListener("click", giveUp);
  }

  // Made once, and again only when there are other cards: whoever has the focus keeps it.
  cards(cards) {
    const known = JSON.stringify(cards);
    if (known !== this.#cards) {
      this.#cards = known;
      at("wallet").replaceChildren(...cards.map(face));
    }
  }

  show(terminal) {
    turned("power", terminal.power !== "off", "On", "Cut");
    turned("internet", terminal.internet !== "down", "Connected", "Cut");
    turned("lan", terminal.lan !== "down", "Connected", "Cut");
    turned("localMode", terminal.localMode !== false, "Takes the till's payments", "Refuses the till");
    at("facts").textContent = [terminal.model, terminal.address].filter(Boolean).join(" · ");
    const asks = terminal.power !== "off" && terminal.screen.screen === "present_card";
    at("cards").classList.toggle("asks", asks);
    at("limits").textContent = limits(terminal.offline);
  }
}

function face(card) {
  const [becomes, tone] = outcome(card);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "card";
  button.dataset.card = card.number;
  button.dataset.tone = tone;
  const usual = `${entry(card.entryMode)}${card.wantsPin ? " + PIN" : ""}`;
  button.append(
    span("becomes", becomes),
    icon(card.entryMode === "contactless" ? "waves" : "chip"),
    span("number", last4(card.last4)),
    span("usual", usual),
  );
  button.setAttribute("aria-label", `Present card ${card.last4}: ${becomes}, ${usual}`);
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

function turned(name, isOn, on, off) {
  const button = at("switches").querySelector(`[data-switch=${name}]`);
  button.setAttribute("aria-checked", String(isOn));
  button.querySelector(".how").textContent = isOn ? on : off;
}

function limits(offline) {
  if (!offline) {
    return "";
  }
  if (!offline.supported) {
    return "This model takes nothing without the internet.";
  }
  const each = Object.entries(offline.limits ?? {}).map(([currency, amount]) => money(amount, currency));
  return each.length === 0
    ? "No currency is accepted without the internet."
    : `Up to ${offline.maxQueued} payments of at most ${each.join(", ")} each.`;
}
