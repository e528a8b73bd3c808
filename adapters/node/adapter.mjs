// A till of Node's own `https`, without any package, as an adapter for `vinr-conformance client` (spec/harness.md §1).
//
// It is what a careful afternoon gives: one terminal, mutual TLS, a lost answer that is looked up before anybody is told.
// What it does not have it says: an op answered with `unsupported`, or one of the lines marked LACKS below. The suite
// judges both; docs/certify-a-till-results.md has its report.
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { createSecureContext } from 'node:tls';

let till;
const final = ['completed', 'failed', 'cancelled'];
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const wrong = (kind, message, more = {}) => Object.assign(new Error(message), { answer: { class: kind, message: `${message}`, ...more } });

function hello() {
  return { name: 'bare-node', version: '1', wire: 'vinr-local/1', ops: Object.keys(ops) };
}

function configure(it) {
  // LACKS: no attempt is stored, so a restarted till does not know what it left open. [REC-12]
  try {
    till = { hosts: it.hosts ?? {}, deadline: it.deadlineMs ?? 150_000, ca: readFileSync(it.ca), pfx: readFileSync(it.p12), passphrase: it.passphrase };
    createSecureContext({ pfx: till.pfx, passphrase: till.passphrase }); // a wrong passphrase is told now
  } catch (error) {
    throw wrong('config', error.message);
  }
  return { unresolved: [] };
}

// LACKS: Node's agent keeps connections and TLS sessions, and of a resumed session it does not check the name. [TLS-8, TLS-13]
function ask(method, terminal, path, { body, headers = {}, timeout = 5000 } = {}) {
  const at = till.hosts[terminal];
  if (!at) throw wrong('unreachable', `no address of ${terminal} is known`);
  const port = at.slice(at.lastIndexOf(':') + 1);
  const host = at.slice(0, at.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    let secure = false;
    const call = request({
      host, port, method, path, servername: terminal, // the certificate is checked for the terminal's id
      ca: till.ca, pfx: till.pfx, passphrase: till.passphrase, minVersion: 'TLSv1.3', // this CA: Node's own list is out
      headers: body ? { 'Content-Type': 'application/json', ...headers } : headers,
    }, (answer) => {
      let text = '';
      answer.on('data', (part) => { text += part; });
      answer.on('aborted', () => lost(new Error('half an answer')));
      answer.on('end', () => {
        clearTimeout(timer);
        try { resolve({ status: answer.statusCode, json: JSON.parse(text) }); } catch (error) { lost(error); }
      });
    });
    const lost = (error) => {
      clearTimeout(timer);
      const code = `${error.code}`;
      if (/^ERR_TLS|CERT|SELF_SIGNED|UNABLE_TO_|ALERT|ERR_SSL/.test(code)) reject(wrong('tls', error.message));
      else reject(secure ? error : wrong('unreachable', error.message));
    };
    const timer = setTimeout(() => call.destroy(new Error('no answer in time')), timeout);
    call.on('socket', (socket) => {
      if (socket.authorized) secure = true; // a kept connection
      socket.once('secureConnect', () => { secure = true; });
    });
    call.on('error', lost);
    call.end(body && JSON.stringify(body));
  });
}

/** Is it an end, and is it about this sale? */
function ends(payment, sale) {
  const about = ['terminalId', 'amount', 'currency', 'reference'].every((name) => payment?.[name] === sale[name]);
  return about && (final.includes(payment.status) || (payment.status === 'processing' && Boolean(payment.offline)));
}

async function pay(it) {
  const { terminalId, amount, currency, reference } = it;
  const sale = { terminalId, amount, currency, reference, captureMethod: it.captureMethod ?? 'automatic' };
  const key = randomUUID();
  const until = Date.now() + till.deadline;
  try {
    const { status, json } = await ask('POST', terminalId, '/v1/pay', { body: sale, headers: { 'Idempotency-Key': key }, timeout: 130_000 });
    if (status === 200 && ends(json, sale)) return json;
    if (status >= 400 && status < 500) throw wrong('refused', json.error.message, { code: json.error.code, reference });
  } catch (error) {
    if (error.answer) throw error;
    console.error('the answer was lost:', error.message);
  }
  for (; Date.now() < until; await sleep(500)) { // never pay again: look up
    try {
      const found = await findOut(sale, key);
      if (found) return found;
    } catch (error) {
      if (['tls', 'refused'].includes(error.answer?.class)) throw error;
    }
  }
  throw wrong('indeterminate', 'the outcome is not known: do not pay again', { reference });
}

async function findOut(sale, key) {
  const { terminalId, reference } = sale;
  const { json } = await ask('GET', terminalId, `/v1/payments?reference=${encodeURIComponent(reference)}`);
  const own = json.data.find((listed) => listed.attemptKey === key);
  if (ends(own, sale)) return own;
  // LACKS: an empty answer of another journal, or of a terminal that had accepted, is not told apart. [REC-23]
  if (own && !['created', 'pending'].includes(own.status)) return null;
  const { status, json: done } = await ask('POST', terminalId, '/v1/cancel', { body: { terminalId, reference, attemptKey: key } });
  if (status !== 200 || done.outcome === 'still_processing') return null;
  if (done.outcome === 'cancelled' && !done.payment) throw wrong('refused', 'it was lost, and is cancelled', { code: 'voided', reference });
  return ends(done.payment, sale) ? done.payment : null;
}

async function discover(it) {
  if (!it.hosts) return undefined; // LACKS: Node has no mDNS. [DISC-2]
  const found = { readers: [], leftOut: [] };
  for (const host of it.hosts) {
    const address = /:\d+$/.test(host) ? host : `${host}:8443`;
    // LACKS: its name cannot be asked for before it is known, so only terminals that `configure` named are found.
    for (const [terminal] of Object.entries(till.hosts).filter(([, at]) => at === address)) {
      try {
        const { json: { id, model, status } } = await ask('GET', terminal, '/v1/reader');
        if (id === terminal) found.readers.push({ id, ip: address.slice(0, address.lastIndexOf(':')), model, status });
        else found.leftOut.push({ address, why: `it says that it is ${id}` });
      } catch (error) {
        found.leftOut.push({ address, why: error.message });
      }
    }
  }
  found.readers.sort((a, b) => (a.id < b.id ? -1 : 1));
  return found;
}

async function retrieve({ reference, terminalId }) {
  const listed = [];
  for (const terminal of terminalId ? [terminalId] : Object.keys(till.hosts)) {
    try {
      listed.push(...(await ask('GET', terminal, `/v1/payments?reference=${encodeURIComponent(reference)}`)).json.data);
    } catch (error) {
      throw error.answer?.class === 'tls' ? error : wrong('indeterminate', error.message, { reference });
    }
  }
  const paid = listed.find((one) => one.status === 'completed');
  return paid ?? listed.find((one) => !final.includes(one.status)) ?? listed[0] ?? null;
}

function verify_webhook({ body, signature, secrets, now }) {
  const parts = signature.split(',').map((part) => part.trim().split('='));
  const times = parts.filter(([name]) => name === 't').map(([, value]) => value);
  if (times.length !== 1 || !/^\d+$/.test(times[0]) || Math.abs(times[0] - now) > 300) throw wrong('webhook', 'it was not signed now');
  const tags = parts.filter(([name, value]) => name === 'v1' && /^[0-9a-f]{64}$/.test(value)).map(([, value]) => Buffer.from(value, 'hex'));
  const signed = (secret) => createHmac('sha256', secret).update(`${times[0]}.${body}`).digest();
  if (!secrets.some((secret) => tags.some((tag) => timingSafeEqual(tag, signed(secret))))) throw wrong('webhook', 'no known secret signed it');
  return JSON.parse(body);
}

const ops = { hello, configure, discover, pay, retrieve, verify_webhook };

async function serve(line) {
  const it = JSON.parse(line);
  let answer = { id: it.id, unsupported: true };
  try {
    if (Object.hasOwn(ops, it.op)) {
      if (!till && ['discover', 'pay', 'retrieve'].includes(it.op)) throw wrong('usage', 'configure comes first');
      const ok = await ops[it.op](it);
      if (ok !== undefined) answer = { id: it.id, ok };
    }
  } catch (error) {
    answer = { id: it.id, error: error.answer ?? { class: 'usage', message: error.message } };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

// End of input: what is under way still answers, then nothing keeps Node running but the connections that its agent keeps.
createInterface({ input: process.stdin }).on('line', serve);
