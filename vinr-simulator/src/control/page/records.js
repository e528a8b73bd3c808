// The offline queue and the journal, as lists.

import { clock } from "./device.js";
import { money } from "./money.js";
import { age, entry, last4, reason, status } from "./words.js";

const at = (id) => document.getElementById(id);
const KEPT = 200;

// What the page heard of one terminal since it was opened, newest first.
export class Journal {
  lines = [];
  #payments = new Map();

  record(record) {
    // What is re-read is not said twice.
    const last = this.#payments.get(record.paymentId);
    this.#payments.set(record.paymentId, { ...last, ...record });
    this.#add({ at: record.at, record });
  }

  happened(text, tone) {
    this.#add({ at: new Date().toISOString(), text, tone });
  }

  payment(id) {
    return this.#payments.get(id);
  }

  #add(line) {
    this.lines.unshift(line);
    this.lines.length = Math.min(this.lines.length, KEPT);
  }
}

export function showJournal(journal) {
  const list = at("journal");
  list.replaceChildren(...journal.lines.map(row));
  list.hidden = journal.lines.length === 0;
  at("journal-empty").hidden = journal.lines.length > 0;
}

function row(line) {
  const item = document.createElement("li");
  const when = document.createElement("time");
  when.dateTime = line.at;
  when.textContent = clock(new Date(line.at), true);
  const record = line.record;
  if (!record) {
    item.dataset.tone = line.tone;
    item.append(when, text("b", line.text));
    return item;
  }
  const [word, tone] = status(record);
  item.dataset.tone = tone;
  item.dataset.payment = record.paymentId;
  item.dataset.status = record.status;
  const amount = record.amount == null ? "" : money(record.amount, record.currency);
  const details = [record.reference, record.last4 && last4(record.last4), record.entryMode && entry(record.entryMode), reason(record)];
  item.append(when, text("b", word), text("span", amount, "sum"), text("small", details.filter(Boolean).join(" · ")));
  return item;
}

export function showQueue(terminal, heardAt) {
  const queue = terminal.queue ?? [];
  const most = terminal.offline?.maxQueued;
  at("queued").textContent = terminal.offline?.supported ? `${queue.length} of ${most}` : `${queue.length}`;
  at("queue").hidden = queue.length === 0;
  at("queue-empty").hidden = queue.length > 0;
  const since = performance.now() - heardAt;
  at("queue").tBodies[0].replaceChildren(...queue.map((entry) => waiting(entry, since)));
}

function waiting(entry, since) {
  const item = document.createElement("tr");
  item.dataset.payment = entry.paymentId;
  item.append(
    text("td", entry.sequence),
    text("td", entry.reference, "sale"),
    text("td", money(entry.amount, entry.currency), "right"),
    text("td", age(entry.ageMs + since), "right"),
  );
  return item;
}

function text(tag, content, name) {
  const element = document.createElement(tag);
  element.textContent = content;
  if (name) {
    element.className = name;
  }
  return element;
}
