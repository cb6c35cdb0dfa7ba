// Clients that vanish, stall or talk too fast; a server that stops.

import t from 'tap'
import { known, LmtpDouble } from './double.ts'
import { HandClock } from '../auth/double.ts'

const begin = 'LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n'
const large = `Subject: x\r\n\r\n${'0123456789abcdef\r\n'.repeat(20_000)}`

/** A promise and its key. */
function gate(): { opened: Promise<void>; open(): void } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => { open = resolve })
  return { opened, open: () => open() }
}

/** Settles when the spool directory is empty. */
async function cleared(lmtp: LmtpDouble): Promise<void> {
  while (lmtp.spooled.length > 0) await new Promise((resolve) => setImmediate(resolve))
}

t.test('a client that vanishes within DATA leaves nothing behind', async (t) => {
  for (const command of ['DATA\r\n', 'BDAT 900000\r\n', `BDAT ${large.length}\r\n`]) {
    const lmtp = new LmtpDouble(t)
    lmtp.send(`${begin}${command}${large}`)
    while (lmtp.spooled.length === 0) await new Promise((resolve) => setImmediate(resolve))
    lmtp.session.hangup()
    await cleared(lmtp)
    t.equal(lmtp.ended, 1)
    t.equal(lmtp.delivered.length, 0)
    t.match(lmtp.world.log.at(-1)?.text, /Remote closed connection \(state=(DATA|BDAT|RCPT TO)\)/)
    lmtp.session.hangup()
    t.equal(lmtp.ended, 1, 'it ends once')
  }
})

t.test('a client that vanishes before the last packet is answered', async (t) => {
  const delivering = gate()
  const lmtp = new LmtpDouble(t, { deliver: () => delivering.opened })
  lmtp.send(`${begin}DATA\r\n${large}.\r\n`)
  while (lmtp.spooled.length === 0) await new Promise((resolve) => setImmediate(resolve))
  lmtp.session.hangup()
  const { length } = lmtp.lines
  delivering.open()
  await cleared(lmtp)
  t.equal(lmtp.lines.length, length, 'nothing is written to a client that is gone')
})

t.test('stopping between commands, in a look-up, within DATA', async (t) => {
  const idle = new LmtpDouble(t)
  await idle.session.stop('shutdown')
  t.equal(idle.lines.at(-1), '421 4.3.2 Shutting down')
  t.ok(idle.closed)
  await idle.session.stop('shutdown')

  const answer = gate()
  const busy = new LmtpDouble(t, { lookup: async (request) => { await answer.opened; return known(request) } })
  busy.send(begin)
  while (busy.lookups.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const stopped = busy.session.stop('shutdown')
  answer.open()
  await stopped
  t.same(busy.lines.slice(-2), ['250 2.1.5 OK', '421 4.3.2 Shutting down'])

  const receiving = new LmtpDouble(t)
  receiving.send(`${begin}DATA\r\nSubject: a\r\n`)
  await receiving.says('354')
  const done = receiving.session.stop('shutdown')
  receiving.send('\r\nbody\r\n.\r\nMAIL FROM:<c@x>\r\n')
  await done
  t.same(receiving.lines.slice(-2), ['250 2.0.0 <b@x> S1:1 Saved', '421 4.3.2 Shutting down'], 'the running transaction is finished, and no other begun')
  t.equal(receiving.delivered.length, 1)
})

t.test('silence', async (t) => {
  const hand = new HandClock()
  const answer = gate()
  const lmtp = new LmtpDouble(t, { effects: { clock: hand.clock, timers: hand.timers }, lookup: async (request) => { await answer.opened; return known(request) } })
  hand.advance(299_000)
  lmtp.send(begin)
  hand.advance(299_000)
  t.equal(lmtp.closed, false, 'it has spoken')
  hand.advance(600_000)
  t.equal(lmtp.closed, false, 'it waits for us')
  answer.open()
  await lmtp.says('250 2.1.5')
  hand.advance(299_000)
  t.equal(lmtp.closed, false)
  hand.advance(2000)
  t.equal(lmtp.closed, true)
  t.equal(lmtp.lines.at(-1), '421 4.4.2 mx.example.com Disconnected for inactivity')
  t.equal(hand.waiting, 0, 'no timer is left')
})

t.test('a client that talks faster than it is answered is held back', async (t) => {
  const answer = gate()
  const lmtp = new LmtpDouble(t, { lookup: async (request) => { await answer.opened; return known(request) } })
  lmtp.send(begin)
  const flood = `NOOP ${'x'.repeat(1000)}\r\n`.repeat(300)
  lmtp.send(flood, 65_536)
  t.equal(lmtp.paused, true)
  answer.open()
  await lmtp.until((lmtp) => lmtp.lines.filter((line) => line === '250 2.0.0 OK').length === 300)
  t.equal(lmtp.paused, false)
})
