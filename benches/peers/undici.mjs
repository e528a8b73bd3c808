// As node.mjs, with undici, which is installed by `npm install --prefix target/peers undici`.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const [port, terminal, ca, cert, key, modules] = process.argv.slice(2)
const { Client } = createRequire(`${modules}/`)('undici')
const connect = {
  servername: terminal, ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key),
  maxCachedSessions: 0,
}
const client = () => new Client(`https://127.0.0.1:${port}`, { connect, pipelining: 1 })
const kept = client()
let count = 0

async function pay(on) {
  const reference = `undici_${++count}`
  const begun = process.hrtime.bigint()
  const body = JSON.stringify({ terminalId: terminal, amount: 2500, currency: 'USD', reference })
  const answer = await on.request({
    method: 'POST', path: '/v1/pay', body,
    headers: { 'content-type': 'application/json', 'idempotency-key': reference },
  })
  const head = process.hrtime.bigint() - begun
  const payment = await answer.body.json()
  const whole = process.hrtime.bigint() - begun
  if (payment.status !== 'completed') throw new Error(JSON.stringify(payment))
  return `${head} ${whole}`
}

for await (const line of createInterface({ input: process.stdin })) {
  const on = line === 'warm' ? kept : client()
  process.stdout.write(`${await pay(on)}\n`)
  if (on !== kept) await on.close()
}
process.exit(0)
