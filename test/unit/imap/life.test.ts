// How sessions end, and that nothing of them is left.

import t from 'tap'
import { imapEngine } from '../../fixtures/imap-engine.ts'
import { ImapClient, emptyUser } from '../../fixtures/imap-session.ts'
import { limits } from '../../../runtime/limits.ts'

t.test('inactivity before login', async (t) => {
  const c = new ImapClient()
  await c.until(/\r\n/)
  c.time.pass(limits.preLoginMs - 1)
  t.same(await c.say('NOOP'), ['OK NOOP completed.'])
  c.time.pass(1) // commands give a stranger no more time
  t.equal(await c.end(), '* BYE Disconnected for inactivity.\r\n')
  t.equal(c.time.count, 0)
})

t.test('inactivity after login, but not in IDLE', async (t) => {
  const user = emptyUser()
  const c = new ImapClient({ user })
  await c.login()
  c.send('i IDLE\r\n')
  await c.until(/\+ idling\r\n/)
  c.time.pass(limits.imapIdleMs * 3)
  t.match(await c.until(/OK Still here\r\n/), /Still here/)
  c.send('DONE\r\n')
  await c.answer('i')
  c.time.pass(limits.imapIdleMs - 1)
  t.notOk(c.over)
  c.time.pass(limits.imapIdleMs)
  t.match(await c.end(), /\* BYE Disconnected for inactivity\.\r\n$/)
  t.equal(user.attached, 0)
  t.equal(c.time.count, 0)
})

t.test('inactivity within a literal', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  c.send('a APPEND INBOX {1000}\r\n')
  await c.until(/^\+ /m)
  c.time.pass(limits.imapIdleMs - 1)
  c.send('Subject: slow')
  await new Promise((resolve) => { setImmediate(resolve) })
  c.time.pass(limits.imapIdleMs - 1)
  t.notOk(c.over)
  c.time.pass(limits.imapIdleMs)
  t.match(await c.end(), /\* BYE Disconnected for inactivity\.\r\n$/)
})

t.test('stop: an idle session, one in IDLE, one before login', async (t) => {
  const user = emptyUser()
  const idle = new ImapClient({ user })
  await idle.login()
  await idle.session.stop('Server shutting down.')
  t.equal(await idle.end(), '* BYE Server shutting down.\r\n')

  const inIdle = new ImapClient({ user })
  await inIdle.login()
  inIdle.send('i IDLE\r\n')
  await inIdle.until(/idling\r\n/)
  await inIdle.session.stop('Server shutting down.')
  t.equal(await inIdle.end(), '* BYE Server shutting down.\r\n')

  const stranger = new ImapClient()
  await stranger.until(/\r\n/)
  await stranger.session.stop('Server shutting down.')
  t.equal(await stranger.end(), '* BYE Server shutting down.\r\n')
  await stranger.session.stop('again')
  t.equal(user.attached, 0)
  t.equal(idle.time.count + inIdle.time.count + stranger.time.count, 0)
})

t.test('stop lets the running command finish', async (t) => {
  let finish = (): void => {}
  const user = emptyUser()
  user.subscribe = () => new Promise((resolve) => { finish = resolve })
  const c = new ImapClient({ user })
  await c.login()
  c.send('a SUBSCRIBE x\r\nb NOOP\r\n')
  await new Promise((resolve) => setImmediate(resolve))
  t.match(c.session.describe(), { kind: 'imap', name: 'S1', detail: 'u SUBSCRIBE x' })
  const stopped = c.session.stop('Server shutting down.')
  finish()
  await stopped
  t.match(await c.end(), /^a OK Subscribe completed.*\r\n\* BYE Server shutting down\.\r\n$/)
})

t.test('the user goes', async (t) => {
  const user = emptyUser()
  const c = new ImapClient({ user })
  await c.login()
  user.leave?.('Mailbox is served elsewhere.')
  t.equal(await c.end(), '* BYE Mailbox is served elsewhere.\r\n')
})

t.test('hangup at any point', async (t) => {
  const user = emptyUser()
  let signal: AbortSignal | undefined
  user.subscribe = (context) => new Promise((_, reject) => {
    signal = context.signal
    signal?.addEventListener('abort', () => reject(new Error('aborted')))
  })
  for (const said of ['', 'a NO', 'a SELECT {10}\r\nabc', 'a IDLE\r\n', 'a IDLE\r\nDO', 'a SUBSCRIBE x\r\n', 'a SUBSCRIBE x\r\nb NOOP\r\n']) {
    const c = new ImapClient({ user })
    await c.login()
    c.send(said)
    await new Promise((resolve) => setImmediate(resolve))
    const heard = c.heard
    c.hangup()
    await c.end()
    t.equal(c.heard, heard, 'nothing is written')
    t.equal(user.attached, 0, `after ${JSON.stringify(said)}`)
    t.equal(c.time.count, 0)
  }
  t.ok(signal?.aborted)
})

t.test('hangup while auth is asked', async (t) => {
  let answer = (_: { status: 'ok'; account: { user: string; home: string; fields: Record<string, string> } }): void => {}
  const user = emptyUser()
  const c = new ImapClient({ user, authenticate: () => new Promise((resolve) => { answer = resolve }) })
  await c.until(/\r\n/)
  c.send('a LOGIN u pass\r\n')
  await new Promise((resolve) => setImmediate(resolve))
  c.hangup()
  answer({ status: 'ok', account: { user: 'u', home: '/', fields: {} } })
  await c.end()
  t.equal(user.attached, 0)
})

t.test('a bug in a command is logged, told in general, and the session goes on', async (t) => {
  const user = emptyUser()
  user.subscribe = () => Promise.reject(new TypeError('x is undefined'))
  const c = new ImapClient({ user })
  await c.login()
  t.same(await c.say('SUBSCRIBE x'), ['NO [SERVERBUG] Internal error occurred. Refer to server log for more information. [2026-11-23 00:00:00].'])
  t.match(c.log.at(-1), { level: 'error', name: 'imap.failure', user: 'u', text: /SUBSCRIBE x failed: TypeError: x is undefined\n/ })
  t.same(await c.say('NOOP'), ['OK NOOP completed.'])
})

t.test('the logout line', async (t) => {
  const c = new ImapClient({ user: emptyUser(), settings: { imap_logout_format: 'in=%i out=%{output} deleted=%{deleted} auto=%{autoexpunged} %u %n %{session} x=%{unknown}' } })
  await c.login()
  await c.say('LOGOUT')
  await c.end()
  t.match(c.log.at(-1), { name: 'imap.logout', text: /^Disconnected: Logged out in=28 out=\d+ deleted=0 auto=0 u u S1 x=%\{unknown\}$/ })
})
