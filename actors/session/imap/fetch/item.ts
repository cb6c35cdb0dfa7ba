// What a FETCH item is: one value in one file of fetch/. RFC 3501 §6.4.5, §7.4.2.
//
// `needs` says what answering costs, and with it how: from the columns (text at once, for a hundred thousand messages in a
// turn), from the message cache, or from the message's bytes (which then go from store to client in pieces).

import type { Summary, SummaryHead } from '../../../mail/types.ts'
import type { Messages } from '../../../user/types.ts'
import type { AnswerBytes } from '../answer-bytes.ts'
import type { Parser } from '../grammar.ts'
import type { View } from '../view.ts'

/** A message whose answer is being written. */
export interface FetchedMessage {
  readonly view: View
  readonly seq: number
  readonly uid: number
  /** Its row in `messages` now: valid until the next await. MailError EXPUNGEISSUED if another session has expunged it. */
  readonly row: number
  readonly messages: Messages
  /** From the message cache, at most once. MailError EXPUNGEISSUED. */
  summary(): Promise<Summary>
  /** Bytes [start, end) of the message, from the store, whole in memory: for headers (at most limits.headerBytes are read). */
  headerBytes(start: number, end: number): Promise<Uint8Array>
  /** Bytes [start, end) of the message, from the store, in pieces. */
  read(start: number, end: number): AsyncIterable<Uint8Array>
}

/** Bytes [start, end) of the message, to be streamed; `end - start` is what its literal has promised. */
export interface Slice { readonly start: number; readonly end: number }

/** `size` bytes that are made from the message's on their way to the client. */
export interface Flow { readonly size: number; open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> }

/** A part of an answer: text (Latin-1), bytes at hand, or bytes to be read. */
export type Piece = string | Uint8Array | Slice | Flow

interface Named<Arguments> {
  /** As clients say it, upper case; with its `[` where a section follows. */
  readonly names: readonly string[]
  /** What CAPABILITY shows because of it. */
  readonly capability?: string
  /** The extension that asking for it switches on. */
  readonly enables?: string
  /** What stands behind the name. Throws ParseError. */
  parse(p: Parser, name: string): Arguments
}

/** The same answer at once, where the head of the message's summary tells all that it needs. */
interface FromHead<Arguments> {
  /** Whether it mostly does for these arguments: then a FETCH of many messages begins with their heads. */
  enough(args: Arguments): boolean
  /** False: not of this message; what has been written is taken back. */
  write(args: Arguments, head: SummaryHead, out: AnswerBytes): boolean
}

interface FromColumns<Arguments> {
  readonly needs: 'columns'
  /** Name and value, Latin-1: `UID 12`. */
  write(args: Arguments, m: FetchedMessage): string
}

interface FromSummary<Arguments> {
  readonly needs: 'summary'
  write(args: Arguments, m: FetchedMessage, summary: Summary): string | Promise<string>
  readonly head?: FromHead<Arguments>
}

interface FromBytes<Arguments> {
  readonly needs: 'bytes'
  /** Whether reading it makes the message \Seen. */
  marksSeen(args: Arguments): boolean
  /** Whether it gives header fields only (for the session's figures). */
  headerOnly(args: Arguments): boolean
  write(args: Arguments, m: FetchedMessage): Promise<readonly Piece[]>
  readonly head?: FromHead<Arguments>
}

export type FetchItem<Arguments> = Named<Arguments> & (FromColumns<Arguments> | FromSummary<Arguments> | FromBytes<Arguments>)

/** Any item: its arguments are known to itself alone. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyFetchItem = FetchItem<any>

/** Declares a fetch item; infers the type of its arguments. */
export function fetchItem<Arguments>(declaration: FetchItem<Arguments>): FetchItem<Arguments> {
  return declaration
}
