// Whatever a client sends has a defined answer, bounded memory, and does not reach the next command.

import t from 'tap'
import { ImapClient, emptyUser } from '../../fixtures/imap-session.ts'
import { limits } from '../../../runtime/limits.ts'

const last = (lines: string[]): string | undefined => lines.at(-1)

async function loggedIn(): Promise<ImapClient> {
  const c = new ImapClient({ user: emptyUser() })
  await c.login()
  return c
}

t.test('before login, the third bad command ends the connection', async (t) => {
  const c = new ImapClient()
  await c.until(/\r\n/)
  c.send('a FROB\r\nb SELECT INBOX\r\n\r\nd LOGIN u pass\r\n')
  t.equal(await c.end(), ['a BAD Error in IMAP command received by server.', 'b BAD Error in IMAP command received by server.',
    '* BAD Error in IMAP command received by server.', '* BYE Too many invalid IMAP commands.', ''].join('\r\n'))
})

t.test('after login, the twentieth in a row', async (t) => {
  const c = await loggedIn()
  for (let i = 0; i < 19; i++) t.equal(last(await c.say('FROB')), 'BAD Error in IMAP command FROB: Unknown command.')
  t.same(await c.say('NOOP'), ['OK NOOP completed.'])
  for (let i = 0; i < 20; i++) t.equal(last(await c.say('FETCH 1 FLAGS')), 'BAD No mailbox selected.')
  t.equal(await c.end(), '* BYE Too many invalid IMAP commands.\r\n')
})

t.test('what is no command', async (t) => {
  const c = await loggedIn()
  for (const [said, answer] of [
    ['', '* BAD Error in IMAP command received by server.'],
    ['x', 'x BAD Error in IMAP command received by server.'],
    [' x NOOP', '* BAD Error in IMAP command received by server.'],
    ['+ NOOP', '* BAD Error in IMAP command received by server.'],
    ['x UID', 'x BAD Error in IMAP command UID: Unknown command.'],
    ['x UID NOOP', 'x BAD Error in IMAP command UID NOOP: Unknown command.'],
    ['x NOOP x', 'x BAD Error in IMAP command NOOP: Unexpected arguments at the end (at byte 8).'],
    ['x SELECT', 'x BAD Error in IMAP command SELECT: Expected a space, got the end of the command (at byte 9).'],
    ['x SELECT "a\0b"', 'x BAD Error in IMAP command SELECT: NULs are not allowed (at byte 12).'],
    ['x NOOP\rb', 'x BAD Error in IMAP command NOOP: Unknown command.'],
    ['x CREATE &bad', 'x NO [CANNOT] Invalid mailbox name: Not valid mUTF-7'],
    [`x LIST "" ${'*a'.repeat(limits.patternWildcards + 1)}`, 'x BAD Too many wildcards in the pattern.'],
    ['x LOGIN a b', 'x BAD Error in IMAP command LOGIN: Already logged in.'],
  ] as const) {
    c.send(`${said}\r\n`)
    t.equal((await c.until(/\r\n/)).replace(/ \(0\.000 \+ 0\.000 secs\)\./, '.').replace(/(7)\.\r/, '$1\r'), `${answer}\r\n`, said)
    t.same(await c.say('NOOP'), ['OK NOOP completed.'])
  }
})

t.test('over-long lines', async (t) => {
  const c = await loggedIn()
  c.send(`x NOOP ${'y'.repeat(70_000)}`)
  t.match(await c.until(/\r\n/), /^x BAD .*Too long argument/)
  c.send(`${'y'.repeat(300_000)} {20+}\r\nz1 LOGOUT\r\nz2 FROB\r\n\r\n`)
  t.same(await c.say('NOOP'), ['OK NOOP completed.'])
  t.notMatch(c.heard, /z1|z2/, 'a literal of it is no command')

  const stranger = new ImapClient()
  await stranger.until(/\r\n/)
  stranger.send('y'.repeat(50_000))
  t.equal(await stranger.end(), '* BYE Input buffer full, aborting\r\n')
})

t.test('huge literals', async (t) => {
  const c = await loggedIn()
  t.same(await c.say('SELECT {1000000}'), ['NO [TOOBIG] Literal is too large.'], 'one that waits is not asked for')
  c.send('x SELECT {1000000+}\r\n')
  t.match(await c.until(/\r\n/), /^x NO \[TOOBIG\]/)
  for (let i = 0; i < 100; i++) c.send('a LOGOUT\r\n'.repeat(1000))
  c.send('\r\n')
  t.same(await c.say('NOOP'), ['OK NOOP completed.'])
  t.equal(last(await c.say('FROB {20+}\r\nx LOGOUT\r\nx LOGOUT\r\n')), 'BAD Error in IMAP command FROB: Unknown command.')
  t.same(await c.say('NOOP'), ['OK NOOP completed.'])
  c.send('x SELECT {99999999999999999999+}\r\n')
  t.match(await c.end(), /^x NO \[TOOBIG\] .*\r\n\* BYE \[TOOBIG\] Literal is too large, aborting\r\n$/)
})

t.test('many literals in one command have one bound', async (t) => {
  const c = await loggedIn()
  c.send(`x ID (${`{60000+}\r\n${'y'.repeat(60_000)} NIL `.repeat(10)}`)
  t.match(await c.until(/\r\n/), /^x NO \[TOOBIG\]/)
})

t.test('before login literals are small', async (t) => {
  const c = new ImapClient()
  t.match(last(await c.say('LOGIN {50000}')), /^NO \[TOOBIG\]/)
})

t.test('browsers are not answered', async (t) => {
  for (const line of ['GET / HTTP/1.1', 'POST /login HTTP/1.0', 'OPTIONS * HTTP/1.1', 'CONNECT example.org:443 HTTP/1.1', 'PRI * HTTP/2.0']) {
    const c = new ImapClient()
    await c.until(/\r\n/)
    c.send(`${line}\r\nHost: x\r\n\r\n`)
    t.equal(await c.end(), '', line)
    t.ok(c.closed)
  }
  const c = new ImapClient()
  await c.until(/\r\n/)
  c.send('GET NOOP\r\n')
  t.equal(await c.until(/\r\n/), 'GET OK NOOP completed.\r\n', 'a tag may be any word')
})

t.test('a flood of commands is answered in order, with the wire paused meanwhile', async (t) => {
  const c = await loggedIn()
  let paused = false
  c.pause = () => { c.paused = paused = true }
  for (let i = 0; i < 25_000; i++) c.send(`n${i} NOOP\r\n`)
  t.ok(paused, 'more than limits.inputHighBytes were waiting')
  await c.until(/n24999 OK.*\r\n/)
  t.notOk(c.paused)
  const tags = c.heard.split('\r\n').map((line) => /^n(\d+) OK/.exec(line)?.[1]).filter((n) => n !== undefined).map(Number)
  t.ok(tags.length === 25_000 && tags.every((n, i) => n === i))
})

t.test('a client that does not read makes the server wait, not grow', async (t) => {
  const c = await loggedIn()
  c.stalled = true
  const before = c.bytesOut
  for (let i = 0; i < 25_000; i++) c.send(`n${i} CAPABILITY\r\n`)
  for (let i = 0; i < 1000; i++) await new Promise((resolve) => setImmediate(resolve))
  t.ok(c.bytesOut - before < limits.wireHighBytes + 1000, `${c.bytesOut - before} bytes`)
  t.ok(c.paused, 'and nothing more is read')
  c.take()
  await c.until(/^n1000 OK/m)
  c.hangup()
  await c.end()
})
