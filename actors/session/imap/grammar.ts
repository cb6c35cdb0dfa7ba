// The IMAP grammar as a pull parser over the bytes of one framed command: what arguments are made of. RFC 3501 §9; the ABNF
// stands at each method. Bytes and tokens are in tokens.ts.

import { Flag } from '../../user/types.ts'
import type { FlagSet } from '../../user/types.ts'
import { parseDateTime } from './date-time.ts'
import { latin1 } from './encode.ts'
import { decodeMailboxName, decodeUtf8 } from './mailbox-name.ts'
import { No } from './result.ts'
import { SequenceSet, Star } from './sequence-set.ts'
import type { NumberRange } from './sequence-set.ts'
import { ParseError, Tokens } from './tokens.ts'
import type { LiteralHead } from './tokens.ts'

export { NeedsLiteral, ParseError } from './tokens.ts'
export type { LiteralHead } from './tokens.ts'

export interface ParserOptions {
  /** Applied to every mailbox name (imap_client_workarounds). */
  adjustMailbox?: (name: string) => string
  /** Mailbox names are UTF-8, instead of modified UTF-7; what is quoted must be UTF-8. */
  utf8?: boolean
  /** How deep lists may nest; default limits.imapNesting. */
  nesting?: number
}

const systemFlags: Readonly<Record<string, number>> = {
  '\\SEEN': Flag.Seen, '\\ANSWERED': Flag.Answered, '\\FLAGGED': Flag.Flagged, '\\DELETED': Flag.Deleted, '\\DRAFT': Flag.Draft,
}

export class Parser extends Tokens {
  readonly #adjustMailbox: ((name: string) => string) | undefined
  readonly #utf8: boolean

  constructor(bytes: Uint8Array, options: ParserOptions = {}) {
    super(bytes, options.nesting, options.utf8)
    this.#adjustMailbox = options.adjustMailbox
    this.#utf8 = options.utf8 ?? false
  }

  /** list-mailbox = 1*list-char / string: a pattern, decoded like a name; undefined: it is none, and no mailbox matches it. */
  listMailbox(): string | undefined { return this.#decoded(this.patternBytes()) }

  #decoded(bytes: Uint8Array): string | undefined { return this.#utf8 ? decodeUtf8(bytes) : decodeMailboxName(latin1(bytes)) }

  /** mailbox = "INBOX" / astring, decoded from modified UTF-7 or UTF-8; INBOX in upper case. */
  mailbox(): string {
    const name = this.rawMailbox()
    return this.#adjustMailbox === undefined ? name : this.#adjustMailbox(name)
  }

  /** mailbox, before client workarounds: for CREATE, where a trailing separator has a meaning. */
  rawMailbox(): string {
    const name = this.#decoded(this.astringBytes('a mailbox name'))
    if (name === undefined) throw new No('CANNOT', `Invalid mailbox name: Not valid ${this.#utf8 ? 'UTF-8' : 'mUTF-7'}`)
    return /^inbox$/i.test(name) ? 'INBOX' : name
  }

  /** sequence-set = (seq-number / seq-range) *("," sequence-set) / "$" */
  sequenceSet(): SequenceSet {
    if (this.take('$')) return new SequenceSet([], true)
    const ranges: NumberRange[] = []
    do {
      const first = this.#seqNumber()
      ranges.push({ first, last: this.take(':') ? this.#seqNumber() : first })
    } while (this.take(','))
    return new SequenceSet(ranges)
  }

  #seqNumber(): number { return this.take('*') ? Star : this.nznumber('a message number') }

  // ---- Flags, dates ----------------------------------------------------------------------------------------------

  /** flag-list = "(" [flag *(SP flag)] ")" */
  flagList(): FlagSet {
    return flagSet(this.list((p) => p.flag()))
  }

  /** STORE's flag-list / (flag *(SP flag)) */
  flags(): FlagSet {
    if (this.peek() === '(') return this.flagList()
    const flags = [this.flag()]
    while (this.more()) flags.push(this.flag())
    return flagSet(flags)
  }

  /** flag = "\" atom / atom. The session decides alone about \Recent, so nobody may set it. */
  flag(): string {
    const start = this.position
    const system = this.take('\\')
    const flag = (system ? '\\' : '') + this.atom('a flag')
    if (system && systemFlags[flag.toUpperCase()] === undefined) throw new ParseError(`Invalid system flag ${flag}`, start)
    return flag
  }

  /** date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE, as seconds since 1970. */
  dateTime(): number {
    const start = this.position
    const seconds = parseDateTime(this.quoted('a date-time'))
    if (seconds === undefined) throw new ParseError('Invalid date-time', start)
    return seconds
  }

  /** The announcement of a literal, or literal8, whose bytes are a message's and stay in the stream. */
  messageLiteral(): LiteralHead { return this.literalHead() }
}

function flagSet(flags: readonly string[]): FlagSet {
  let system = 0
  /** In the client's spelling, by what makes them equal. */
  const keywords = new Map<string, string>()
  for (const flag of flags) {
    const bit = systemFlags[flag.toUpperCase()]
    if (bit !== undefined) system |= bit
    else if (!keywords.has(flag.toLowerCase())) keywords.set(flag.toLowerCase(), flag)
  }
  return { system, keywords: [...keywords.values()] }
}
