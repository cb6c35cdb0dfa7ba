// Mail for other servers, where those or the client behave badly at the wrong moment.

import t from 'tap'
import type { AuthAnswer } from '../../../actors/auth-messages.ts'
import type { BackendLink } from '../../../actors/session/backend.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { LmtpDouble } from './double.ts'

const elsewhere = (): AuthAnswer => ({
  status: 'proxy', to: { host: 'b.example.com', user: 'tim', renamed: false, password: '', tls: 'none', verify: true, trusted: false, patient: false, forward: {} },
})

/** A server that answers each line as told; `closed` when its connection has been ended. */
class Backend implements BackendLink {
  readonly remote = { ip: '192.0.2.50', port: 24 }
  readonly heard: string[] = []
  closed = false
  readonly #answers: string[] = ['220 there']
  readonly #says: (line: string) => string

  constructor(says: (line: string) => string) { this.#says = says }

  line(): Promise<string> {
    const next = this.#answers.shift()
    return next === undefined ? Promise.reject(new TempFail('it has closed the connection')) : Promise.resolve(next)
  }

  write(bytes: Uint8Array | string): void {
    const line = Buffer.from(bytes as Uint8Array).toString().trimEnd()
    this.heard.push(line)
    this.#answers.push(this.#says(line))
  }

  drained(): Promise<void> { return Promise.resolve() }
  startTls(): Promise<void> { return Promise.resolve() }
  close(): void { this.closed = true }
}

t.test('a sender that the server refuses for now is refused to every recipient there, for now', async (t) => {
  const backend = new Backend((line) => (line.startsWith('MAIL') ? '451 4.7.1 Try again later' : line.startsWith('RCPT') ? '503 5.5.1 MAIL needed first' : '250 ok'))
  const lmtp = new LmtpDouble(t, { lookup: elsewhere, connect: () => Promise.resolve(backend) })
  lmtp.send('LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<tim@x>\r\nRCPT TO:<tom@x>\r\nDATA\r\n')
  await lmtp.says('503 5.5.1 No valid')
  t.same(lmtp.lines.slice(-3), ['451 4.7.1 Try again later', '451 4.7.1 Try again later', '503 5.5.1 No valid recipients'])
  t.notOk(backend.heard.some((line) => line.startsWith('RCPT')))
})

t.test('a connection that comes when the client has gone is ended', async (t) => {
  const backend = new Backend(() => '250 ok')
  const asked = Promise.withResolvers<void>()
  const connected = Promise.withResolvers<BackendLink>()
  const lmtp = new LmtpDouble(t, { lookup: elsewhere, connect: () => { asked.resolve(); return connected.promise } })
  lmtp.send('LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<tim@x>\r\n')
  await asked.promise
  lmtp.session.hangup()
  connected.resolve(backend)
  await new Promise((resolve) => { setImmediate(resolve) })
  t.ok(backend.closed)
  t.same(backend.heard, [])
  t.same(lmtp.world.log.filter(({ level }) => level === 'error'), [], 'which is no fault of anybody\'s')
})

t.test('a client that goes while its recipient is looked up', async (t) => {
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<AuthAnswer>()
  let connections = 0
  const lmtp = new LmtpDouble(t, { lookup: () => { asked.resolve(); return answer.promise }, connect: () => { connections++; return Promise.reject(new TempFail('no')) } })
  lmtp.send('LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<tim@x>\r\n')
  await asked.promise
  lmtp.session.hangup()
  answer.resolve(elsewhere())
  await new Promise((resolve) => { setImmediate(resolve) })
  t.equal(connections, 0)
  t.same(lmtp.world.log.filter(({ level }) => level === 'error'), [])
})
