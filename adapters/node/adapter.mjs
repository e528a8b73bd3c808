// A till of Node's own `https`, without any package, as an adapter for `vinr-conformance client` (spec/harness.md §1).
//
// It is what a careful afternoon gives: one terminal, mutual TLS, a lost answer that is looked up before anybody is told.
// What it does not have it says: an op answered with `unsupported`, or one of the lines marked LACKS below. The suite
// judges both; docs/certify-a-till-results.md has its report.
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';

const HOST = /^\[?(.*?)]?:(\d+)$/;
const FINAL = ['completed', 'failed', 'cancelled'];
let till;
const wrong = (kind, message, more) => Object.assign(new Error(message), { answer: { class: kind, message, ...more } });

// LACKS: Node's agent keeps connections and TLS sessions, and of a resumed session it does not check the name. [TLS-8, TLS-13]
const ask = (terminal, method, path, body, timeout = 5000, headers = {}) => new Promise((resolve, reject) => {
  const [, host, port] = till.hosts[terminal]?.match(HOST) ?? [];
  if (!host) throw wrong('unreachable', `no address of ${terminal} is known`);
  let secure = false;
  const lost = (error) => {
    const isTls = /^ERR_TLS|CERT|SELF_SIGNED|UNABLE_TO_|ALERT|ERR_SSL/.test(error.code);
    reject(isTls || !secure ? wrong(isTls ? 'tls' : 'unreachable', error.message) : error);
  };
  // The certificate is checked for the terminal's id.
  const call = request({ ...till.tls, host, port, method, path, headers, servername: terminal }, (answer) => {
    answer.toArray().then((parts) => resolve({ status: answer.statusCode, json: JSON.parse(Buffer.concat(parts)) })).catch(lost);
  });
  const timer = setTimeout(() => call.destroy(new Error('no answer in time')), timeout);
  call.on('error', lost).on('close', () => clearTimeout(timer)).on('socket', (socket) => {
    secure = socket.authorized; // a kept connection is
    socket.once('secureConnect', () => { secure = true; });
  });
  if (body) call.setHeader('Content-Type', 'application/json');
  call.end(body && JSON.stringify(body));
});
const look = async (id, reference) => (await ask(id, 'GET', `/v1/payments?reference=${encodeURIComponent(reference)}`)).json.data;

/** Is it an end, and is it about this sale? */
function ends(payment, sale) {
  const about = ['terminalId', 'amount', 'currency', 'reference'].every((name) => payment?.[name] === sale[name]);
  return about && (FINAL.includes(payment.status) || (payment.status === 'processing' && Boolean(payment.offline)));
}

async function findOut(sale, attemptKey) {
  const { terminalId, reference } = sale;
  const own = (await look(terminalId, reference)).find((listed) => listed.attemptKey === attemptKey);
  // LACKS: an empty answer of another journal, or of a terminal that had accepted, is not told apart. [REC-23]
  if (ends(own, sale)) return own;
  if (own && !['created', 'pending'].includes(own.status)) return null;
  const { status, json } = await ask(terminalId, 'POST', '/v1/cancel', { terminalId, reference, attemptKey });
  if (status !== 200 || json.outcome === 'still_processing') return null;
  if (json.outcome === 'cancelled' && !json.payment) throw wrong('refused', 'it was lost, and is cancelled', { code: 'voided' });
  return ends(json.payment, sale) ? json.payment : null;
}

const ops = {
  hello: () => ({ name: 'bare-node', version: '1', wire: 'vinr-local/1', ops: Object.keys(ops) }),

  configure({ hosts = {}, deadlineMs = 150_000, ca, p12, passphrase }) {
    try { // this CA: Node's own list is out
      const tls = { ca: readFileSync(ca), pfx: readFileSync(p12), passphrase, minVersion: 'TLSv1.3' };
      createSecureContext(tls); // a wrong passphrase is told now
      till = { hosts, deadlineMs, tls };
    } catch (error) { throw wrong('config', error.message); }
    return { unresolved: [] }; // LACKS: no attempt is stored, so a restarted till does not know what it left open. [REC-12]
  },

  async pay({ terminalId, amount, currency, reference, captureMethod = 'automatic' }) {
    const sale = { terminalId, amount, currency, reference, captureMethod };
    const [key, until] = [randomUUID(), Date.now() + till.deadlineMs];
    try {
      const { status, json } = await ask(terminalId, 'POST', '/v1/pay', sale, 130_000, { 'Idempotency-Key': key });
      if (status === 200 && ends(json, sale)) return json;
      if (status >= 400 && status < 500) throw wrong('refused', json.error.message, { code: json.error.code });
    } catch (error) {
      if (error.answer) throw error;
      console.error('the answer was lost:', error.message);
    }
    for (; Date.now() < until; await sleep(500)) { // never pay again: look up
      const found = await findOut(sale, key).catch((error) => {
        if (error.answer?.class === 'refused') throw error;
      });
      if (found) return found;
    }
    throw wrong('indeterminate', 'the outcome is not known: do not pay again');
  },

  async discover({ hosts }) {
    if (!hosts) return undefined; // LACKS: Node has no mDNS. [DISC-2]
    const [readers, leftOut] = [[], []];
    // LACKS: its name cannot be asked for before it is known, so only terminals that `configure` named are found.
    const named = Object.entries(till.hosts).filter(([, at]) => hosts.includes(at) || hosts.includes(at.replace(/:8443$/, '')));
    for (const [terminal, address] of named) {
      try {
        const { json: { id, model, status } } = await ask(terminal, 'GET', '/v1/reader');
        if (id !== terminal) throw new Error(`it says that it is ${id}`);
        readers.push({ id, ip: address.match(HOST)[1], model, status });
      } catch (error) { leftOut.push({ address, why: error.message }); }
    }
    return { readers, leftOut };
  },

  async retrieve({ reference, terminalId }) {
    const all = await Promise.all((terminalId ? [terminalId] : Object.keys(till.hosts)).map((id) => look(id, reference))).catch((error) => {
      throw error.answer?.class === 'tls' ? error : wrong('indeterminate', error.message);
    });
    const first = (wanted) => all.flat().find(({ status }) => wanted(status));
    return first((it) => it === 'completed') ?? first((it) => !FINAL.includes(it)) ?? first(() => true) ?? null;
  },

  verify_webhook({ body, signature, secrets, now }) {
    const parts = signature.split(',').map((part) => part.trim().split('='));
    const [time, ...more] = parts.filter(([name]) => name === 't').map(([, value]) => value);
    if (more.length || !/^\d+$/.test(time) || Math.abs(time - now) > 300) throw wrong('webhook', 'it was not signed now');
    const tags = parts.filter(([name, value]) => name === 'v1' && /^[0-9a-f]{64}$/.test(value)).map(([, tag]) => Buffer.from(tag, 'hex'));
    const signed = secrets.map((secret) => createHmac('sha256', secret).update(`${time}.${body}`).digest());
    if (!signed.some((own) => tags.some((tag) => timingSafeEqual(tag, own)))) throw wrong('webhook', 'no known secret signed it');
    return JSON.parse(body);
  },
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, op, ...it } = JSON.parse(line);
  let answer = { id, unsupported: true };
  try {
    if (Object.hasOwn(ops, op) && !till && ['discover', 'pay', 'retrieve'].includes(op)) throw wrong('usage', 'configure comes first');
    const ok = Object.hasOwn(ops, op) ? await ops[op](it) : undefined;
    if (ok !== undefined) answer = { id, ok };
  } catch ({ answer: told, message }) {
    answer = { id, error: { reference: it.reference, ...(told ?? { class: 'usage', message }) } };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}); // when it ends, what is under way still answers
