// What a SEARCH key is: one value in one file of this folder. RFC 3501 §6.4.4.
//
// A key is asked again and again, with more and more at hand: first the columns, then the summary, then the whole header, then
// what a search through the text has found. It answers as soon as it can, and `undefined` as long as it cannot; taking
// what is not at hand from the message makes it known that it is needed. So no message is read for an answer that
// columns give, and one reading serves all keys of a command.

import type { SummaryHead } from '../../../mail/types.ts'
import type { Needle } from '../../../mail/text-search.ts'
import type { Messages, UidList } from '../../../user/types.ts'
import type { Parser } from '../grammar.ts'
import type { View } from '../view.ts'

/** A message that is asked about. */
export interface SearchedMessage {
  readonly view: View
  readonly seq: number
  readonly uid: number
  /** Its row in `messages`, now. */
  readonly row: number
  readonly messages: Messages
  /** Undefined until it has been loaded, which asking brings about. */
  readonly summary: SummaryHead | undefined
  readonly header: Uint8Array | undefined
  /** Whether a text occurs in the message; undefined until it has been searched. */
  found(needle: Needle): boolean | undefined
}

export type Matcher = (m: SearchedMessage) => boolean | undefined

/** What message numbers and `$` meant when the command came, for a search that goes on (RFC 5267 §4.3). */
export interface Numbering { readonly list: UidList; readonly saved: Uint32Array }

/** A key as the client wrote it; becomes a matcher when the command runs, over the mailbox as it is then. `now`: seconds since 1970; `then`: what numbers mean, unless it is what they mean now. */
export interface Criterion {
  matcher(view: View, now: number, then?: Numbering): Matcher
  /** Of a whole program: a MODSEQ key is in it, and the highest modseq of what is found is told too. RFC 7162 §3.1.5. */
  readonly modseq?: boolean
  /** Of a whole program: message numbers are in it, which have a meaning in the selected mailbox only. */
  readonly sequences?: boolean
  /** Of a whole program: among them are numbers as such, not only `$`. */
  readonly numbered?: boolean
  /** Of a whole program: the charset that it says it is in; `must`: it has to say one. */
  readonly charset?: { readonly name: string; readonly must: boolean }
}

/** What a key's arguments may be made of. */
export interface KeyParser {
  readonly p: Parser
  /** SP astring, decoded from the command's charset. */
  text(): string
  /** SP search-key. */
  key(): Criterion
  /** The key is MODSEQ. */
  asksModseq(): void
}

export interface SearchKey {
  readonly names: readonly string[]
  /** What CAPABILITY shows because of it. */
  readonly capability?: string
  /** What stands behind the name. Throws ParseError. */
  parse(k: KeyParser, name: string): Criterion
}

export const searchKey = (key: SearchKey): SearchKey => key

/** A key that depends on nothing but the message. */
export const always = (matcher: Matcher): Criterion => ({ matcher: () => matcher })
