// Generated IMAP input: streams of commands as a client would send them, as one would that has been damaged, and as nobody would.
//
// - `valid`: commands put together from the grammar, with literals, of every family.
// - `mutated`: the same with bytes and words changed, left out, doubled, and literals that announce another size.
// - `raw`: words in any order.
// A stream is cut at any byte, from one piece to a piece a byte.

import type { SimRandom } from '../../runtime/sim/random.ts'

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
const mailboxes = ['INBOX', 'inbox', 'other', '"other"', 'new', 'a/b', '"with space"', '{3+}\r\nnew', '"&AOQ-"', 'nowhere']
const dates = ['1-Jan-2020', '"30-Feb-2024"', '23-Nov-2026', '01-Jan-1970']
const flagNames = ['\\Seen', '\\Deleted', '\\Flagged', '\\Answered', '\\Draft', '$Junk', 'own', '$MDNSent']
const fields = ['Subject', 'From', 'X-None', '"Received"', '{2+}\r\nTo']
const systemKeys = ['ALL', 'ANSWERED', 'DELETED', 'DRAFT', 'FLAGGED', 'NEW', 'OLD', 'RECENT', 'SEEN', 'UNANSWERED', 'UNDELETED', 'UNDRAFT', 'UNFLAGGED', 'UNSEEN']

/** Input for one connection, one stream after another, all of it from the dice. */
export class ImapInput {
  readonly #dice: SimRandom
  #tag = 0

  constructor(dice: SimRandom) { this.#dice = dice }

  /** A stream of one to four commands, in pieces. */
  pieces(): string[] {
    const kind = this.#dice.below(10)
    const count = 1 + this.#dice.below(4)
    let text = ''
    for (let i = 0; i < count; i++) text += kind < 2 ? this.#raw() : this.#tagged(this.#valid())
    if (kind >= 5) text = this.#mutated(text)
    text = text.replace(/[^\x00-\xff]/g, '?')
    return this.#cut(text)
  }

  #cut(text: string): string[] {
    const most = this.#of([1, 3, 20, 100_000, 100_000, 100_000])
    if (text.length <= most) return [text]
    // Short texts are cut at every byte, long ones in as many pieces at most.
    const step = Math.max(most, Math.ceil(text.length / 300))
    const pieces: string[] = []
    for (let at = 0; at < text.length;) {
      const length = 1 + this.#dice.below(step)
      pieces.push(text.slice(at, at + length))
      at += length
    }
    return pieces
  }

  #of<Value>(values: readonly Value[]): Value { return values[this.#dice.below(values.length)]! }
  #pick(...makers: readonly (() => string)[]): string { return this.#of(makers)() }
  #some(most: number, make: () => string, separator = ' '): string { return Array.from({ length: 1 + this.#dice.below(most) }, make).join(separator) }
  #maybe(make: () => string): string { return this.#dice.below(2) === 0 ? make() : '' }

  // ---- What nobody would send ------------------------------------------------------------------------------------

  #literal(): string {
    const size = this.#of([0, 1, 3, 20, 600, 5000])
    const text = Array.from({ length: Math.ceil(size / 8) }, () => this.#of(['a: b\r\n\r\n', 'x LOGOUT\r\n', '\0\r\n\r\n\r\n', '{3+}\r\nab'])).join('').slice(0, size)
    const told = this.#dice.below(40) === 0 ? this.#of([size + 1, 600_000, 99_999_999_999]) : size
    return `{${told}${this.#of(['+', '+', ''])}}\r\n${text}`
  }

  #word(): string {
    const kind = this.#dice.below(200)
    if (kind < 5) return this.#literal()
    if (kind < 10) return '('.repeat(this.#of([1, 40, 3000]))
    if (kind === 10) return 'x'.repeat(this.#of([300, 70_000]))
    return this.#of(words)
  }

  /** What APPEND has behind its mailbox: messages, and messages of pieces. */
  #messages(): string {
    const piece = (): string => this.#pick(() => `TEXT ${this.#literal()}`, () => `TEXT ~${this.#literal()}`, () => `URL ${this.#of(words)}`, () => `URL ${this.#literal()}`)
    return this.#some(3, () => this.#pick(() => this.#literal(), () => `~${this.#literal()}`, () => `(\\Seen) ${this.#literal()}`, () => `CATENATE (${this.#some(4, piece)})`))
  }

  #raw(): string {
    const name = this.#of(commands)
    const args = Array.from({ length: this.#dice.below(5) }, () => this.#of(glue) + this.#word()).join('')
    const message = name.startsWith('APPEND') && this.#dice.below(2) === 0 ? ` INBOX ${this.#messages()}` : ''
    return `${this.#of(['a', 'b1', 'c', '', '+', 'tag'])} ${name}${message}${args}${this.#of(ends)}`
  }

  // ---- What a client would send ----------------------------------------------------------------------------------

  #tagged(command: string): string { return `f${this.#tag++} ${command}\r\n` }
  #set(): string { return this.#of(['1', '1:*', '*', '2:4', '1,3,5', '*:1', '1:3,2:4', '$', '7:9', '4294967295']) }
  #mailbox(): string { return this.#of(mailboxes) }
  #flags(): string { return `(${this.#dice.below(5) === 0 ? '' : this.#some(3, () => this.#of(flagNames))})` }
  #text(): string { return this.#pick(() => 'word', () => '"two words"', () => '"a\\"b\\\\"', () => '{5+}\r\nab\r\nc', () => '""', () => '{2}\r\nxy') }

  #section(): string {
    const part = this.#maybe(() => this.#some(3, () => String(1 + this.#dice.below(3)), '.'))
    const text = this.#pick(() => '', () => 'HEADER', () => 'TEXT', () => (part === '' ? 'HEADER' : 'MIME'), () => `HEADER.FIELDS${this.#of(['', '.NOT'])} (${this.#some(3, () => this.#of(fields))})`)
    return `[${part}${part !== '' && text !== '' ? '.' : ''}${text}]${this.#of(['', '', '<0.10>', '<5.100000>', '<4294967295.1>'])}`
  }

  #fetchItem(): string {
    return this.#pick(() => this.#of(['FLAGS', 'UID', 'INTERNALDATE', 'ENVELOPE', 'BODY', 'BODYSTRUCTURE', 'RFC822', 'RFC822.SIZE', 'RFC822.HEADER', 'RFC822.TEXT', 'MODSEQ', 'EMAILID', 'THREADID', 'SAVEDATE', 'PREVIEW', 'PREVIEW (LAZY)', 'SNIPPET']),
      () => `BODY${this.#of(['', '.PEEK'])}${this.#section()}`, () => `BINARY${this.#of(['', '.PEEK', '.SIZE'])}[${this.#some(2, () => String(1 + this.#dice.below(3)), '.')}]`)
  }

  #searchKey(depth = 0): string {
    const inner = (): string => (depth > 3 ? 'ALL' : this.#searchKey(depth + 1))
    return this.#pick(() => this.#of(systemKeys), () => this.#set(), () => `${this.#of(['BCC', 'BODY', 'CC', 'FROM', 'SUBJECT', 'TEXT', 'TO'])} ${this.#text()}`,
      () => `${this.#of(['BEFORE', 'ON', 'SINCE', 'SENTBEFORE', 'SENTON', 'SENTSINCE', 'SAVEDBEFORE'])} ${this.#of(dates)}`, () => `HEADER ${this.#of(fields)} ${this.#text()}`,
      () => `${this.#of(['KEYWORD', 'UNKEYWORD'])} own`, () => `${this.#of(['LARGER', 'SMALLER', 'OLDER', 'YOUNGER', 'MODSEQ'])} ${this.#of(['0', '100', '4294967295'])}`,
      () => `NOT ${inner()}`, () => `OR ${inner()} ${inner()}`, () => `(${this.#some(3, inner)})`, () => `FUZZY ${inner()}`, () => `UID ${this.#set()}`)
  }

  #returns(): string { return this.#maybe(() => `RETURN (${this.#some(3, () => this.#of(['MIN', 'MAX', 'ALL', 'COUNT', 'SAVE', 'PARTIAL 1:3', 'PARTIAL -1:-2', 'CONTEXT', 'UPDATE']))}) `) }
  #uid(): string { return this.#of(['', 'UID ']) }
  #message(): string {
    const text = this.#of(['Subject: x\r\n\r\nbody\r\n', '\r\n', 'a: b\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\nx\n--q--', 'From: <a@b>\r\n\r\n' + 'long line '.repeat(20)])
    return `${this.#maybe(() => `${this.#flags()} `)}${this.#maybe(() => '"17-Jul-2026 02:44:25 -0700" ')}{${text.length}${this.#of(['+', ''])}}\r\n${text}`
  }

  #valid(): string {
    const family = this.#dice.below(14)
    const one = (...makers: readonly (() => string)[]): string => this.#pick(...makers)
    switch (family) {
      case 0: case 1: return `${this.#uid()}FETCH ${this.#set()} ${one(() => this.#fetchItem(), () => `(${this.#some(4, () => this.#fetchItem())})`, () => this.#of(['ALL', 'FAST', 'FULL']), () => '(FLAGS) (CHANGEDSINCE 1)', () => '(UID) (CHANGEDSINCE 2 VANISHED)')}`
      case 2: return `${this.#uid()}STORE ${this.#set()} ${this.#maybe(() => '(UNCHANGEDSINCE 3) ')}${this.#of(['', '+', '-'])}FLAGS${this.#of(['', '.SILENT'])} ${this.#flags()}`
      case 3: case 4: return `${this.#uid()}SEARCH ${this.#returns()}${this.#maybe(() => `CHARSET ${this.#of(['UTF-8', 'US-ASCII', 'KOI8-R'])} `)}${this.#some(3, () => this.#searchKey())}`
      case 5: return `${this.#uid()}${one(() => `SORT ${this.#returns()}(${this.#some(3, () => this.#of(['ARRIVAL', 'CC', 'REVERSE DATE', 'FROM', 'SIZE', 'SUBJECT', 'TO', 'DISPLAYFROM']))}) UTF-8 ${this.#searchKey()}`, () => `THREAD ${this.#of(['REFERENCES', 'ORDEREDSUBJECT', 'REFS'])} UTF-8 ${this.#searchKey()}`)}`
      case 6: return `${this.#uid()}${this.#of(['COPY', 'MOVE'])} ${this.#set()} ${this.#mailbox()}`
      case 7: return one(() => `APPEND ${this.#mailbox()} ${this.#message()}`, () => `APPEND ${this.#mailbox()} ${this.#some(3, () => this.#message())}`, () => `${this.#uid()}REPLACE ${this.#set()} ${this.#mailbox()} ${this.#message()}`,
        () => `APPEND ${this.#mailbox()} CATENATE (${this.#some(3, () => this.#of(['TEXT {3+}\r\na:b', 'URL "/INBOX/;UID=1"', 'URL "/INBOX/;UID=2/;SECTION=HEADER"']))})`)
      case 8: return one(() => `${this.#of(['SELECT', 'EXAMINE'])} ${this.#mailbox()}${this.#maybe(() => this.#of([' (CONDSTORE)', ' (QRESYNC (1 1))', ' (QRESYNC (67890007 20 1:5 (1,2 1,2)))']))}`, () => this.#of(['CLOSE', 'UNSELECT', 'EXPUNGE', 'CHECK', 'UID EXPUNGE 1:*']))
      case 9: return one(() => `${this.#of(['CREATE', 'DELETE', 'SUBSCRIBE', 'UNSUBSCRIBE', 'GETACL', 'MYRIGHTS'])} ${this.#mailbox()}`, () => `RENAME ${this.#mailbox()} ${this.#mailbox()}`, () => `CREATE ${this.#mailbox()} (USE (\\Archive))`)
      case 10: return one(() => `${this.#of(['LIST', 'LSUB'])} "" ${this.#of(['*', '%', 'a/%', '""', '"%/%"'])}`, () => `LIST (SUBSCRIBED RECURSIVEMATCH) "" (${this.#some(3, () => this.#of(['*', 'a*', '%']))}) RETURN (CHILDREN SPECIAL-USE STATUS (MESSAGES SIZE))`,
        () => `STATUS ${this.#mailbox()} (${this.#some(4, () => this.#of(['MESSAGES', 'UIDNEXT', 'UIDVALIDITY', 'UNSEEN', 'RECENT', 'SIZE', 'HIGHESTMODSEQ', 'MAILBOXID', 'DELETED']))})`)
      case 11: return one(() => 'IDLE\r\nDONE', () => 'IDLE', () => 'NOOP', () => 'CAPABILITY', () => 'NAMESPACE', () => 'ENABLE CONDSTORE', () => 'ENABLE QRESYNC', () => 'ID NIL', () => 'ID ("name" "fuzz" "version" {1+}\r\n1)')
      case 12: return one(() => `SETMETADATA ${this.#mailbox()} (/private/comment ${this.#text()})`, () => `GETMETADATA (DEPTH infinity) ${this.#mailbox()} /private`, () => `SETACL ${this.#mailbox()} bob lrs`, () => `DELETEACL ${this.#mailbox()} bob`,
        () => `ESEARCH IN (mailboxes (INBOX other)) RETURN (COUNT) ${this.#searchKey()}`, () => 'CANCELUPDATE "f0"', () => 'NOTIFY NONE', () => 'NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge)) (personal (MailboxName))', () => 'UIDBATCHES 100')
      default: return one(() => 'LOGIN u pass', () => 'LOGIN u {4+}\r\npass', () => 'AUTHENTICATE PLAIN AHUAcGFzcw==', () => 'AUTHENTICATE PLAIN\r\nAHUAcGFzcw==', () => 'AUTHENTICATE PLAIN\r\n*', () => 'LOGIN u wrong', () => (this.#dice.below(20) === 0 ? 'LOGOUT' : 'NOOP'))
    }
  }

  // ---- What a damaged client would send --------------------------------------------------------------------------

  #mutated(text: string): string {
    for (let i = this.#dice.below(5); i >= 0 && text.length > 0; i--) {
      const at = this.#dice.below(text.length)
      const end = Math.min(text.length, at + 1 + this.#dice.below(12))
      switch (this.#dice.below(8)) {
        case 0: text = text.slice(0, at) + String.fromCharCode(this.#dice.below(256)) + text.slice(at + 1); break
        case 1: text = text.slice(0, at) + text.slice(end); break
        case 2: text = text.slice(0, end) + text.slice(at); break
        case 3: text = text.slice(0, at) + this.#of(['(', ')', '"', '{', '}', ' ', '\r', '\n', '\0', '*', '[', ']', '\\', '<', '~']) + text.slice(at); break
        case 4: text = text.slice(0, at) + this.#word() + text.slice(at); break
        case 5: text = text.replace(/\d+/, this.#of(['0', '-1', '4294967296', '99999999999999999999', '1e9'])); break
        case 6: text = text.replace(/\{(\d+)/, (_, size: string) => `{${Number(size) + this.#of([-1, 1, 7, 70_000])}`); break
        default: text = text.replaceAll(' ', this.#of(['  ', '', '\t', ' ']))
      }
    }
    return text
  }
}
