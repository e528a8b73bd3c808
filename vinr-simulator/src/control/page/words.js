// What a shop calls the things that the control port has short names for.

// Each picture of a screen: its sign and its prompt.
const PICTURES = {
  off: { sign: "moon", prompt: "Switched off" },
  idle: { sign: "ready", prompt: "Ready", detail: "Start a payment at the till" },
  present_card: { sign: "waves", prompt: "Present card", detail: "Tap, insert or swipe" },
  enter_pin: { sign: "lock", prompt: "Enter PIN" },
  authorizing: { sign: "wait", prompt: "One moment", detail: "Asking the bank" },
  approved: { sign: "check", prompt: "Approved" },
  declined: { sign: "cross", prompt: "Declined" },
  cancelled: { sign: "back", prompt: "Cancelled" },
  accepted_offline: { sign: "stored", prompt: "Accepted offline", detail: "Not yet approved: it waits in the queue" },
  out_of_service: { sign: "broken", prompt: "Out of service", detail: "The journal failed: no payment is taken" },
};

export function picture(name) {
  return PICTURES[name] ?? { sign: "ready", prompt: plain(name) };
}

const STATUSES = {
  created: ["Started", "busy"],
  pending: ["Waits for a card", "busy"],
  processing: ["Card read", "busy"],
  completed: ["Approved", "good"],
  failed: ["Declined", "bad"],
  cancelled: ["Cancelled", "quiet"],
};

// A record of the journal in words, and its tone.
export function status(record) {
  if (record.status === "processing" && record.sequence != null) {
    return ["Accepted offline", "warn"];
  }
  return STATUSES[record.status] ?? [plain(record.status), "quiet"];
}

const REASONS = {
  card_declined: "declined by the bank",
  insufficient_funds: "not enough money",
  expired_card: "card expired",
  incorrect_pin: "wrong PIN",
  processing_error: "the bank or the card failed",
  offline_auth_declined: "accepted offline, then declined",
  requested: "the till asked",
  timed_out: "no card in time",
  customer: "the customer gave up",
  power_loss: "the power went",
};

export function reason(record) {
  const word = record.declineCode ?? record.cancelReason;
  return word == null ? "" : REASONS[word] ?? plain(word);
}

const OUTCOMES = {
  approved: ["Approved", "good"],
  approved_with_pin: ["Approved, with PIN", "good"],
  declined: ["Declined", "bad"],
  insufficient_funds: ["Not enough money", "bad"],
  expired: ["Expired", "bad"],
  processing_error: ["Bank error", "bad"],
  incorrect_pin: ["Wrong PIN", "bad"],
};

// What becomes of a payment with this card, and its tone.
export function outcome(card) {
  return OUTCOMES[card.outcome] ?? [plain(card.outcome), "quiet"];
}

const ENTRIES = { contactless: "Contactless", chip: "Chip", swipe: "Swiped", manual: "Typed in" };

export function entry(mode) {
  return ENTRIES[mode] ?? plain(mode);
}

export function last4(digits) {
  return `•••• ${digits}`;
}

// As long as somebody cares for: 42 s, 3 min, 5 h, 2 days.
export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) {
    return `${seconds} s`;
  }
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }
  if (seconds < 86400) {
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  }
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

// A word that this page does not know yet.
function plain(word) {
  const text = String(word ?? "unknown").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
