// Tokens of the IMAP grammar, pulled from the bytes of one framed command: atoms, strings, numbers, lists. RFC 3501 §9; the ABNF
// stands at each method. What is made of them is in grammar.ts.
//
// The bytes are as the client sent them, literals in place (`{3}` CRLF and three bytes), without the last CRLF. Values
// are copies: the bytes may be reused once the parse is done. A method consumes what it names or throws ParseError.

import { Buffer } from 'node:buffer'
import { limits } from '../../../runtime/limits.ts'
import { latin1 } from './encode.ts'
import { decodeUtf8 } from './mailbox-name.ts'

/** The client's bytes are not what the grammar wants at `position` (bytes from the start of the command). */
export class ParseError extends Error {
  override readonly name = 'ParseError'
  readonly position: number
  constructor(message: string, position: number) { super(message); this.position = position }
}

/** The parser has come to a literal whose bytes have not been received yet. */
export class NeedsLiteral extends Error {
  override readonly name = 'NeedsLiteral'
}

/** A literal as it was announced: `{size}`, `{size+}`, `~{size}`. */
export interface LiteralHead {
  readonly size: number
  /** The client waits for `+ OK`. */
  readonly sync: boolean
  /** literal8 of RFC 3516: NULs are meant. */
  readonly binary: boolean
}

const code = (char: string): number => char.charCodeAt(0)
const CR = 0x0d
const LF = 0x0a
const Space = code(' ')
const Quote = code('"')
const Backslash = code('\\')
const OpenBrace = code('{')
const CloseBrace = code('}')

/** One bit a class for each byte. */
const Atom = 1
const AString = 2
const ListChar = 4
const Digit = 8
const classes = new Uint8Array(256)
for (let byte = 0x21; byte < 0x7f; byte++) {
  const char = String.fromCharCode(byte)
  if (!'(){%*"\\]'.includes(char)) classes[byte]! |= Atom | AString | ListChar
  if (char === ']') classes[byte]! |= AString | ListChar
  if ('%*'.includes(char)) classes[byte]! |= ListChar
  if (char >= '0' && char <= '9') classes[byte]! |= Digit
}
// Clients send UTF-8 in atoms although the grammar forbids it; names are checked where they are used.
for (let byte = 0x80; byte < 0x100; byte++) classes[byte]! |= Atom | AString | ListChar

export class Tokens {
  readonly #bytes: Uint8Array
  readonly #nesting: number
  readonly #utf8: boolean
  #at = 0
  #depth = 0

  /** `nesting`: how deep lists may nest. `utf8`: quoted strings must be UTF-8 (RFC 9755 §3, RFC 9051 §9). */
  constructor(bytes: Uint8Array, nesting: number = limits.imapNesting, utf8 = false) {
    this.#bytes = bytes
    this.#nesting = nesting
    this.#utf8 = utf8
  }

  // ---- Looking and failing ---------------------------------------------------------------------------------------

  /** Position of the next byte. */
  get position(): number { return this.#at }
  /** Whether all bytes are consumed. */
  get atEnd(): boolean { return this.#at >= this.#bytes.length }

  /** The next byte as a one-character string, '' at the end. */
  peek(): string {
    return this.atEnd ? '' : String.fromCharCode(this.#bytes[this.#at]!)
  }

  /** Whether `text` (ASCII, any letter case) comes next. */
  sees(text: string): boolean { return this.#behind(text) !== undefined }

  /** Consumes `text` (ASCII, any letter case) if it comes next. */
  take(text: string): boolean {
    const behind = this.#behind(text)
    if (behind === undefined) return false
    this.#at = behind
    return true
  }

  /** Where `text` ends that comes next. A space in it stands for any number of them: clients send more than the grammar has. */
  #behind(text: string): number | undefined {
    let at = this.#at
    for (let i = 0; i < text.length; i++) {
      if (at >= this.#bytes.length || upper(this.#bytes[at]!) !== upper(text.charCodeAt(i))) return undefined
      at++
      if (text[i] === ' ') while (this.#bytes[at] === Space) at++
    }
    return at
  }

  /** Consumes `text` or fails. */
  expect(text: string): this {
    return this.take(text) ? this : this.fail(`Expected ${text === ' ' ? 'a space' : `'${text}'`}`)
  }

  /** Throws ParseError at the next byte. */
  fail(message: string): never {
    const byte = this.#bytes[this.#at]
    if (byte === 0) throw new ParseError('NULs are not allowed', this.#at)
    if (byte === CR) throw new ParseError('CR sent without LF', this.#at)
    throw new ParseError(this.atEnd ? `${message}, got the end of the command` : message, this.#at)
  }

  /** SP, or several. */
  sp(): this { return this.expect(' ') }

  /** The command must end here. Trailing spaces are forgiven: many clients send one. */
  end(): void {
    this.take(' ')
    if (!this.atEnd) this.fail('Unexpected arguments at the end')
  }

  // ---- Strings ---------------------------------------------------------------------------------------------------

  /** atom = 1*ATOM-CHAR */
  atom(what = 'an atom'): string { return latin1(this.#run(Atom, what)) }

  /** A word of the protocol (an atom), upper case. */
  word(what = 'a word'): string { return this.atom(what).toUpperCase() }

  /** tag = 1*<any ASTRING-CHAR except "+">; undefined where none stands. */
  tag(): string | undefined {
    const start = this.#at
    while (this.#is(AString)) this.#at++
    const tag = latin1(this.#bytes.subarray(start, this.#at))
    return tag === '' || tag.includes('+') || /[^\x21-\x7e]/.test(tag) ? undefined : tag
  }

  /** The letters, digits, dots and dashes that come next, upper case: names of fetch items and search keys. May be ''. */
  name(): string {
    const start = this.#at
    while (!this.atEnd && /[A-Za-z0-9.\-]/.test(this.peek())) this.#at++
    return latin1(this.#bytes.subarray(start, this.#at)).toUpperCase()
  }

  /** astring = 1*ASTRING-CHAR / string, as UTF-8 text. */
  astring(what = 'a string'): string { return utf8(this.astringBytes(what)) }

  astringBytes(what = 'a string'): Uint8Array {
    return this.#atString() ? this.stringBytes(what) : this.#run(AString, what).slice()
  }

  /** string = quoted / literal, as UTF-8 text. */
  string(what = 'a string'): string { return utf8(this.stringBytes(what)) }

  stringBytes(what = 'a string'): Uint8Array {
    if (this.peek() === '"') return this.#quoted()
    if (this.peek() === '{') return this.literal()
    return this.fail(`Expected ${what}`)
  }

  /** quoted, as UTF-8 text. */
  quoted(what = 'a quoted string'): string { return this.peek() === '"' ? utf8(this.#quoted()) : this.fail(`Expected ${what}`) }

  /** nstring = string / "NIL" */
  nstring(what = 'a string or NIL'): string | undefined {
    if (!this.#atString() && this.take('NIL')) return undefined
    return this.string(what)
  }

  /**
   * literal = "{" number ["+"] "}" CRLF *CHAR8, whose bytes are here. NUL is refused (RFC 3501 §4.3), but in the literal8 of those who
   * mean it (`eight`, RFC 3516).
   */
  literal(eight = false): Uint8Array {
    const { size, binary } = this.literalHead()
    if (this.atEnd && size > 0) throw new NeedsLiteral('literal')
    if (this.#bytes.length - this.#at < size) this.fail('Literal is cut')
    const bytes = this.#bytes.slice(this.#at, this.#at + size)
    const nul = eight && binary ? -1 : bytes.indexOf(0)
    if (nul >= 0) throw new ParseError('NULs are not allowed', this.#at + nul)
    this.#at += size
    return bytes
  }

  /** 1*list-char / string: like astring, with wildcards; may be empty. */
  protected patternBytes(): Uint8Array { return this.#atString() ? this.stringBytes() : this.#run(ListChar, 'a mailbox pattern', true) }

  // ---- Numbers ---------------------------------------------------------------------------------------------------

  /** number = 1*DIGIT, 0 … 2^32-1 */
  number(what = 'a number'): number {
    const start = this.#at
    const value = this.#digits(what)
    if (this.#at - start > 10 || value > 0xffff_ffff) throw new ParseError('Number is too large', start)
    return value
  }

  /** nz-number = digit-nz *DIGIT */
  nznumber(what = 'a number'): number {
    const start = this.#at
    const value = this.number(what)
    if (value === 0) throw new ParseError('Zero is not allowed', start)
    return value
  }

  /** mod-sequence-valzer = 1*DIGIT, 0 … 2^63-1 (RFC 7162 §7). Above 2^53, where no mailbox gets, only about so much. */
  modseq(what = 'a mod-sequence'): number {
    const start = this.#at
    const digits = latin1(this.#run(Digit, what))
    if (digits.length > 19 || BigInt(digits) > 0x7fff_ffff_ffff_ffffn) throw new ParseError('Number is too large', start)
    return Number(digits)
  }

  // ---- Lists -----------------------------------------------------------------------------------------------------

  /** "(" [item *(SP item)] ")" */
  list<T>(item: (p: this) => T): T[] {
    this.open()
    const items: T[] = []
    while (this.peek() !== ')') {
      items.push(item(this))
      if (this.peek() !== ')') this.sp()
    }
    this.close()
    return items
  }

  /** "(": one level deeper (limits.imapNesting). */
  open(): this {
    if (++this.#depth > (this.#nesting)) this.fail('Too many nested lists')
    this.expect('(').take(' ')
    return this
  }

  close(): this {
    this.#depth--
    this.take(' ')
    return this.expect(')')
  }

  /** Whether spaces come next, and behind them more than the end of a list or of the command. They are consumed. */
  more(): boolean { return this.take(' ') && !this.atEnd && this.peek() !== ')' }

  #digits(what: string): number { return Number(latin1(this.#run(Digit, what))) }

  // ---- Bytes -----------------------------------------------------------------------------------------------------

  #is(kind: number): boolean { return !this.atEnd && (classes[this.#bytes[this.#at]!]! & kind) !== 0 }
  #atString(): boolean { return this.#bytes[this.#at] === Quote || this.#bytes[this.#at] === OpenBrace }

  /** The longest run of bytes of a class; at least one unless `maybeEmpty`. */
  #run(kind: number, what: string, maybeEmpty = false): Uint8Array {
    const start = this.#at
    while (this.#is(kind)) this.#at++
    if (this.#at === start && !maybeEmpty) this.fail(`Expected ${what}`)
    return this.#bytes.subarray(start, this.#at)
  }

  /** quoted = DQUOTE *QUOTED-CHAR DQUOTE. A backslash is forgiven before any character, as Dovecot does. */
  #quoted(): Uint8Array {
    const start = ++this.#at
    let escapes = 0
    while (true) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined || byte === 0 || byte === CR || byte === LF) this.fail("Missing '\"'")
      if (byte === Quote) break
      if (byte === Backslash) { escapes++; this.#at++; if (this.atEnd) this.fail("Missing '\"'") }
      this.#at++
    }
    const raw = this.#bytes.subarray(start, this.#at++)
    if (this.#utf8 && decodeUtf8(raw) === undefined) throw new ParseError('Not valid UTF-8', start)
    if (escapes === 0) return raw.slice()
    const bytes = new Uint8Array(raw.length - escapes)
    for (let from = 0, to = 0; from < raw.length; from++) bytes[to++] = raw[from] === Backslash ? raw[++from]! : raw[from]!
    return bytes
  }

  /** "{" number ["+"] "}" CRLF, of a literal8 (RFC 3516) with "~" before. */
  protected literalHead(): LiteralHead {
    const binary = this.take('~')
    this.expect('{')
    // Any number: what is too large for us is for the owner of the literal to say, by TOOBIG.
    const size = this.#digits('the size of a literal')
    const sync = !this.take('+')
    if (this.#bytes[this.#at] !== CloseBrace) this.fail("Expected '}'")
    this.#at++
    this.take('\r')
    if (this.#bytes[this.#at] !== LF) this.fail('Expected a line end after the size of a literal')
    this.#at++
    return { size, sync, binary }
  }
}

const upper = (byte: number): number => (byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte)
const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
