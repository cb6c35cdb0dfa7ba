// Generated command streams against whole IMAP sessions over the real engine: whatever comes, in whatever pieces, the session
// answers or ends, logs no bug, and leaves nothing behind.
//
//   node test/fuzz/imap.ts [count = 2000] [seed = 1]
//
// Each stream has a seed of its own, which a failure names: `node test/fuzz/imap.ts 1 SEED` replays it.

import { SimRandom } from '../../runtime/sim/random.ts'
import { append, imapEngine } from '../fixtures/imap-engine.ts'
import type { ImapEngine } from '../fixtures/imap-engine.ts'
import { ImapClient, emptyUser } from '../fixtures/imap-session.ts'

const commands = ['CAPABILITY', 'NOOP', 'LOGOUT', 'ID', 'AUTHENTICATE', 'LOGIN', 'ENABLE', 'SELECT', 'EXAMINE', 'CREATE', 'DELETE', 'RENAME', 'SUBSCRIBE',
  'UNSUBSCRIBE', 'LIST', 'LSUB', 'NAMESPACE', 'STATUS', 'APPEND', 'CHECK', 'CLOSE', 'UNSELECT', 'EXPUNGE', 'SEARCH', 'FETCH', 'STORE', 'COPY', 'MOVE',
  'IDLE', 'UID FETCH', 'UID STORE', 'UID SEARCH', 'UID COPY', 'UID MOVE', 'UID EXPUNGE', 'UID', 'DONE', 'FROB', '',
  'APPEND', 'APPEND INBOX', 'REPLACE 1 INBOX', 'UID REPLACE', 'GETMETADATA', 'SETMETADATA', 'GETACL', 'SETACL', 'DELETEACL', 'LISTRIGHTS', 'MYRIGHTS',
  'SEARCH RETURN (SAVE UPDATE)', 'SORT', 'SORT (SUBJECT) UTF-8', 'UID SORT', 'THREAD', 'THREAD REFERENCES UTF-8', 'UID THREAD', 'ESEARCH', 'ESEARCH IN (personal)', 'CANCELUPDATE']
const words = ['INBOX', 'inbox', 'other', 'a/b', '""', '*', '%', '"%"', '1', '1:*', '*:1', '0', '4294967295', '4294967296', '1,2,3', '2:1', 'NIL', '(', ')', '()',
  'FLAGS', '+FLAGS', '-FLAGS.SILENT', '(\\Seen \\Deleted)', '\\Seen', '(\\Recent)', '$Junk', 'ALL', 'FULL', 'BODY[]', 'BODY.PEEK[1.2.MIME]<0.5>', 'BODY[HEADER.FIELDS (a b)]',
  'ENVELOPE', 'BODYSTRUCTURE', 'RFC822', 'INTERNALDATE', 'UID', 'UNSEEN', 'NOT', 'OR', 'BEFORE', '1-Jan-2020', 'CHARSET', 'UTF-8', 'KOI8-R', 'TEXT', 'HEADER', 'MESSAGES', '(MESSAGES UNSEEN)',
  '"17-Jul-1996 02:44:25 -0700"', '"a\\"b"', '"open', '\\', '{', '}', '{}', '{3}', '&AOQ-', '&bad', 'ä', '\xff', 'PLAIN', 'AHUAcGFzcw==', '=', '*', 'u', 'pass',
  'CATENATE (', 'CATENATE (TEXT', 'TEXT', 'URL', '"/INBOX/;UID=1"', '";UID=1/;SECTION=TEXT/;PARTIAL=0.5"', '"/INBOX/;UID=1/;SECTION=HEADER"', 'RETURN (STATUS (MESSAGES SIZE) MYRIGHTS METADATA (/private/a))',
  '(SUBSCRIBED RECURSIVEMATCH)', '(SPECIAL-USE)', '(a* %)', 'RETURN', '(USE (\\Sent))', 'BINARY[]', 'BINARY.PEEK[1]<1.3>', 'BINARY.SIZE[1]', 'PREVIEW (LAZY)', 'SNIPPET', 'EMAILID', 'THREADID',
  '(DEPTH infinity MAXSIZE 3)', '/private/a', '(/private/a "x" /shared/b NIL)', '/private', '-lrs', '+ted', 'MAILBOXID', '~{3+}\r\na\0b', '(/private/a {3+}\r\nabc)',
  '$', 'RETURN (SAVE)', 'RETURN (MIN MAX ALL COUNT)', 'RETURN (PARTIAL -1:-5 UPDATE)', '(REVERSE DATE DISPLAYFROM)', 'REFS', 'ORDEREDSUBJECT', 'YOUNGER', '5', 'FUZZY', 'SAVEDON', 'IN (mailboxes (INBOX other) subtree-one a)', '(PARTIAL 1:2)']
const glue = [' ', ' ', ' ', ' ', ' ', ' ', ' ', '', '  ', '\t', '\0', '\r']
const ends = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '', '\r', '\r\nDONE\r\n', ' \r\n']

class Stream {
  readonly #dice: SimRandom
  constructor(seed: number) { this.#dice = new SimRandom(seed, 'imap') }

  #of<Value>(values: readonly Value[]): Value { return values[this.#dice.below(values.length)]! }

  #literal(): string {
    const size = this.#of([0, 1, 3, 20, 600, 5000])
    const text = Array.from({ length: Math.ceil(size / 8) }, () => this.#of(['a: b\r\n\r\n', 'x LOGOUT\r\n', '\0\r\n\r\n\r\n', '{3+}\r\nab'])).join('').slice(0, size)
    const told = this.#dice.below(20) === 0 ? this.#of([600_000, 99_999_999_999]) : size
    return `{${told}${this.#of(['+', '+', ''])}}\r\n${text}`
  }

  #word(): string {
    const kind = this.#dice.below(40)
    if (kind === 0) return this.#literal()
    if (kind === 1) return '('.repeat(this.#of([1, 40, 3000]))
    if (kind === 2) return 'x'.repeat(this.#of([300, 70_000]))
    return this.#of(words)
  }

  /** What APPEND has behind its mailbox: messages, and messages of pieces. */
  #messages(): string {
    const piece = (): string => this.#of([() => `TEXT ${this.#literal()}`, () => `TEXT ~${this.#literal()}`, () => `URL ${this.#of(words)}`, () => `URL ${this.#literal()}`])()
    const whole = (): string => this.#of([
      () => this.#literal(), () => `~${this.#literal()}`, () => `(\\Seen) ${this.#literal()}`,
      () => `CATENATE (${Array.from({ length: 1 + this.#dice.below(4) }, piece).join(' ')})`,
    ])()
    return Array.from({ length: 1 + this.#dice.below(3) }, whole).join(' ')
  }

  #command(): string {
    const name = this.#of(commands)
    const args = Array.from({ length: this.#dice.below(5) }, () => this.#of(glue) + this.#word()).join('')
    const message = name.startsWith('APPEND') && this.#dice.below(2) === 0 ? ` INBOX ${this.#messages()}` : ''
    return `${this.#of(['a', 'b1', 'c', '', '+', 'tag'])} ${name}${message}${args}${this.#of(ends)}`
  }

  /** A stream of commands, now and then with a byte changed, in pieces. */
  *pieces(): Generator<string> {
    let text = Array.from({ length: 1 + this.#dice.below(12) }, () => this.#command()).join('')
    for (let i = this.#dice.below(4); i > 1; i--) {
      const at = this.#dice.below(text.length)
      text = text.slice(0, at) + String.fromCharCode(this.#dice.below(256)) + text.slice(at + 1)
    }
    text = text.replace(/[^\x00-\xff]/g, '?')
    for (let at = 0; at < text.length;) {
      const length = this.#of([1, 7, 100, 100_000, 100_000])
      yield text.slice(at, at + length)
      at += length
    }
  }

  get odd(): boolean { return this.#dice.below(2) === 1 }
}

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

/** Brings whatever state the stream has left to where a command is understood: ends literals, strings, IDLE and SASL. */
async function settle(c: ImapClient): Promise<void> {
  for (let i = 0; i < 400 && !c.over; i++) {
    c.send(`\r\nDONE\r\n${' '.repeat(i < 20 ? 0 : 3000)}\r\nzz${i} CAPABILITY\r\n`)
    for (let n = 0; n < (i < 20 ? 100 : 5) && !c.over; n++) {
      if (/\nzz\d+ OK /.test(c.heard)) return
      await turn()
    }
  }
  for (const started = performance.now(); !c.over && !/\nzz\d+ OK /.test(c.heard);) {
    if (performance.now() - started > 10_000) throw new Error(`no answer any more; heard ${JSON.stringify(c.heard.slice(-300))}`)
    await turn()
  }
}

async function one(engine: ImapEngine, seed: number): Promise<number> {
  const stream = new Stream(seed)
  const c = stream.odd ? await engine.login() : new ImapClient({ user: emptyUser(), effects: engine.world.effects })
  if (c.heard.includes('Logged in') && stream.odd) await c.say('SELECT INBOX')
  for (const piece of stream.pieces()) {
    if (!c.over) c.send(piece)
    if (stream.odd) await turn()
  }
  if (stream.odd) await settle(c)
  c.hangup()
  await c.end()
  if (c.time.count > 0) throw new Error('a timer is left')
  const bug = c.log.find((event) => event.level === 'error')
  if (bug !== undefined) throw new Error(bug.text)
  return c.bytesIn
}

/** How many mailboxes sessions have opened and not closed. */
function countOpen({ user }: ImapEngine): () => number {
  let count = 0
  const open = user.open.bind(user)
  user.open = async (context, name) => {
    const { mailbox, close } = await open(context, name)
    count++
    return { mailbox, close: () => { count--; close() } }
  }
  return () => count
}

/** Runs `count` streams; the answer is how many bytes they had. Throws at the first that is not borne. */
export async function fuzz(count: number, seed: number): Promise<number> {
  const ends: (() => void | Promise<void>)[] = []
  const engine = await imapEngine({ teardown: (action) => ends.unshift(action) }, { imap_metadata: true })
  const open = countOpen(engine)
  let bytes = 0
  try {
    const c = await engine.login()
    await c.say('CREATE other')
    for (let i = 0; i < 5; i++) await append(c)
    for (let n = seed; n < seed + count; n++) {
      try {
        bytes += await one(engine, n)
      } catch (error) {
        throw new Error(`seed ${n}: ${error instanceof Error ? error.stack : String(error)}`)
      }
    }
    c.hangup()
    await c.end()
    const { sessions } = engine.user.describe().values!
    if (sessions !== 0 || open() !== 0) throw new Error(`${sessions} sessions and ${open()} open mailboxes are left`)
  } finally {
    for (const end of ends) await end()
  }
  return bytes
}

if (import.meta.main) {
  const [count = 2000, seed = 1] = process.argv.slice(2).map(Number)
  console.log(`${await fuzz(count, seed)} bytes in ${count} streams from seed ${seed} on: borne`)
}
