// However a client's bytes are cut into packets, it is answered the same: commands, literals of both kinds, SASL exchanges, IDLE
// and DONE, mistakes. What is asked for (a continuation) may be said before it is waited for, so all can be sent at once.

import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { ImapClient, emptyUser } from '../../fixtures/imap-session.ts'

const plain = Buffer.from('\0u\0pass').toString('base64')

/** What a client can say before and after its login, without a mailbox; `n` makes its tag. */
const logins = ['LOGIN u pass', 'LOGIN {1+}\r\nu {4+}\r\npass', 'LOGIN {1}\r\nu {4}\r\npass', `AUTHENTICATE PLAIN ${plain}`, `AUTHENTICATE PLAIN\r\n${plain}`, 'AUTHENTICATE LOGIN\r\ndQ==\r\ncGFzcw==']
const commands = ['NOOP', 'noop', 'CAPABILITY', 'ID NIL', 'ID ("name" {3+}\r\na\r\n)', 'IDLE\r\nDONE', 'IDLE\r\ndone', 'IDLE\r\nSTOP', 'ENABLE CONDSTORE', 'SELECT', 'FETCH 1 FLAGS', 'NONSENSE {7+}\r\na NOOP\n x', 'NAMESPACE', 'COMPRESS ZIP', 'COMPRESS DEFLATE {2+}\r\nab']

const stream = fc.tuple(fc.constantFrom(...logins), fc.array(fc.constantFrom(...commands), { maxLength: 10 }), fc.boolean())
  .map(([login, rest, leaves]) => ['NOOP', login, ...rest, leaves ? 'UNAUTHENTICATE' : 'LOGOUT'].map((command, n) => `t${n} ${command}\r\n`).join(''))

/** Everything heard until the session is over, without the times; and what the next session would begin with. */
async function answered(pieces: readonly string[]): Promise<string> {
  const c = new ImapClient({ user: emptyUser(), settings: { imap_idle_notify_interval: 0 } })
  for (const piece of pieces) {
    c.send(piece)
    await new Promise<void>((resolve) => { setImmediate(resolve) })
  }
  c.session.end()
  for (let turns = 0; turns < 200 && !c.over && c.again === undefined; turns++) await new Promise<void>((resolve) => { setImmediate(resolve) })
  if (!c.over && c.again === undefined) throw new Error(`the session does not end: ${c.heard}`)
  return `${c.heard.replace(/ \(\d.*?secs\)/g, '')}|${c.again ?? ''}`
}

const cutAt = (text: string, places: readonly number[]): string[] => {
  const at = [...new Set(places.map((place) => place % text.length))].sort((a, b) => a - b)
  return [...at, text.length].map((end, i) => text.slice(at[i - 1] ?? 0, end)).filter((piece) => piece !== '')
}

t.test('cut anywhere', async (t) => {
  await fc.assert(fc.asyncProperty(stream, fc.array(fc.nat(), { maxLength: 12 }), async (text, places) => {
    const whole = await answered([text])
    const cut = await answered(cutAt(text, places))
    if (cut !== whole) t.equal(cut, whole, JSON.stringify(cutAt(text, places)))
    return cut === whole
  }), { numRuns: 150 })
})

t.test('byte by byte', async (t) => {
  for (const login of logins) {
    const text = ['NOOP', login, ...commands, 'LOGOUT'].map((command, n) => `t${n} ${command}\r\n`).join('')
    t.equal(await answered([...text]), await answered([text]), login)
  }
})

t.test('what stands behind COMPRESS and UNAUTHENTICATE is not the session\'s', async (t) => {
  const c = new ImapClient({ user: emptyUser() })
  c.send('a LOGIN u pass\r\nb COMPRESS DEFLATE\r\n\x00\x01\xffc NOOP\r\n')
  await c.until(/b OK .*\r\n/)
  t.same([c.compressed, c.deflated], [true, '\x00\x01\xffc NOOP\r\n'])
  t.match(await c.say('UNAUTHENTICATE\r\nd LOGIN {1}\r\nv'), [/^OK/])
  t.same([c.again, c.over, c.closed], ['d LOGIN {1}\r\nv\r\n', false, false])
  t.match(c.log.map(({ text }) => text), [/^Login: user=<u>/, /^Disconnected: Unauthenticated in=/])
  t.notMatch(c.heard, /\nd /)
})

t.test('the session that begins where another one logged out', async (t) => {
  const c = new ImapClient({ user: emptyUser(), seed: { trusted: true, before: { bytesIn: -7, bytesOut: -100 }, again: { input: Buffer.from('a NOOP\r\nb ID ("x-originating-ip" "203.0.113.1")\r\n'), from: 'logout' } } })
  t.equal(await c.until(/\r\n/), 'a OK NOOP completed.\r\n', 'no greeting')
  await c.until(/b OK .*\r\n/)
  t.equal(c.world.seed.remote.ip, '192.0.2.1', 'whose connection it is was said once')
  t.match(await c.say('LOGIN u pass'), [/^OK/])
  await c.say('LOGOUT')
  await c.end()
  const { text } = c.log.at(-1)!
  t.match(text, new RegExp(`in=${c.bytesIn + 7} out=${c.bytesOut + 100} `), 'its own bytes alone')
})
