// One payment for each line on stdin, `warm` or `cold`; the nanoseconds to the head and to the outcome on stdout.
import https from 'node:https'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const [port, terminal, ca, cert, key] = process.argv.slice(2)
const tls = {
  host: '127.0.0.1', port, servername: terminal, ALPNProtocols: ['http/1.1'],
  ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key),
}
const kept = new https.Agent({ ...tls, keepAlive: true, maxSockets: 1 })
let count = 0

function pay(agent) {
  const reference = `node_${++count}`
  return new Promise((resolve, reject) => {
    const begun = process.hrtime.bigint()
    const body = JSON.stringify({ terminalId: terminal, amount: 2500, currency: 'USD', reference })
    const request = https.request({
      ...tls, agent, method: 'POST', path: '/v1/pay',
      headers: {
        'content-type': 'application/json', 'content-length': Buffer.byteLength(body),
        'idempotency-key': reference,
      },
    }, (response) => {
      const head = process.hrtime.bigint() - begun
      const parts = []
      response.on('data', (part) => parts.push(part))
      response.on('end', () => {
        const payment = JSON.parse(Buffer.concat(parts))
        const whole = process.hrtime.bigint() - begun
        payment.status === 'completed' ? resolve(`${head} ${whole}`) : reject(new Error(JSON.stringify(payment)))
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

for await (const line of createInterface({ input: process.stdin })) {
  const agent = line === 'warm' ? kept : new https.Agent({ ...tls, keepAlive: false, maxCachedSessions: 0 })
  process.stdout.write(`${await pay(agent)}\n`)
}
process.exit(0)
