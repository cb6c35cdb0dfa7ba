// One message of a FETCH: asking its items, and bringing as many of its bytes as fit in memory in one reading.

import type { RequestContext } from '../../../../runtime/effects.ts'
import { ObjectNotFound } from '../../../../runtime/errors.ts'
import { limits } from '../../../../runtime/limits.ts'
import type { Summary, SummaryHead } from '../../../mail/types.ts'
import { MailError } from '../../../user/errors.ts'
import type { Mailbox, Messages } from '../../../user/types.ts'
import type { AnswerBytes } from '../answer-bytes.ts'
import type { Wanted } from './attributes.ts'
import type { FetchedMessage, Flow, Piece, Slice } from './item.ts'
import type { View } from '../view.ts'

/** The store's bytes are not what the index says: fewer, or more. */
export class WrongSize extends Error {
  override readonly name = 'WrongSize'
}

/** A message an item can ask; `at` moves it on to the next one. */
export class Message implements FetchedMessage {
  readonly view: View
  readonly #context: RequestContext
  readonly #uidOnly: boolean
  seq = 0
  uid = 0
  #summary: Promise<Summary> | undefined
  #header: { start: number; end: number; bytes: Promise<Uint8Array> } | undefined

  /** `uidOnly`: it is named by its UID. */
  constructor(view: View, context: RequestContext, seq: number, uidOnly = false) {
    this.view = view
    this.#context = context
    this.#uidOnly = uidOnly
    this.at(seq)
  }

  at(seq: number): void {
    this.seq = seq
    this.uid = this.view.uidAt(seq)
    this.#summary = undefined
    this.#header = undefined
  }

  /** How its answer begins: up to the parenthesis of the items. RFC 3501 §7.4.2; RFC 9586 §3.3. */
  get head(): string { return this.#uidOnly ? `* ${this.uid} UIDFETCH (` : `* ${this.seq} FETCH (` }

  get messages(): Messages { return this.view.mailbox.messages }

  get row(): number {
    const row = this.view.rowOf(this.seq)
    if (row < 0) throw new MailError('EXPUNGEISSUED', 'The message no longer exists')
    return row
  }

  summary(): Promise<Summary> {
    this.#summary ??= this.view.mailbox.summary(this.#context, this.uid)
    return this.#summary
  }

  headerBytes(start: number, end: number): Promise<Uint8Array> {
    // A header beyond all reason is searched as far as the parser read it.
    const slice = { start, end: Math.min(end, start + limits.headerBytes) }
    if (this.#header?.start !== slice.start || this.#header.end !== slice.end) {
      this.#header = { ...slice, bytes: readWhole(this.view.mailbox, this.#context, this.uid, slice) }
    }
    return this.#header.bytes
  }

  async *read(start: number, end: number): AsyncGenerator<Uint8Array> {
    const slice = { start, end }
    const { mailbox } = this.view
    let length = 0
    for await (const chunk of await mailbox.read(this.#context, this.uid, rangeOf(mailbox, this.uid, slice))) {
      length += chunk.length
      if (length > end - start) throw wrongSize(this.uid, slice, 'more')
      yield chunk
    }
    if (length < end - start) throw wrongSize(this.uid, slice, `${length}`)
  }
}

/** A message's answer, ready to be sent: only slices and flows too long for memory are still to be read. */
export interface Prepared {
  readonly seq: number
  readonly uid: number
  readonly pieces: readonly Piece[]
}

export const isSlice = (piece: Piece): piece is Slice => typeof piece !== 'string' && 'start' in piece
export const isFlow = (piece: Piece): piece is Flow => typeof piece !== 'string' && 'open' in piece

/** Bytes of the message that a piece gives. */
export const bytesOf = (piece: Piece): number =>
  (typeof piece === 'string' ? 0 : isSlice(piece) ? piece.end - piece.start : isFlow(piece) ? piece.size : piece.length)

/** Asks the items for a message's answer and reads what is short, all in one request. Throws what reading throws, and WrongSize. */
export async function prepare(wanted: readonly Wanted[], m: Message, context: RequestContext): Promise<Prepared> {
  const pieces: Piece[] = []
  let text = m.head
  for (const [i, { item, args }] of wanted.entries()) {
    if (i > 0) text += ' '
    if (item.needs === 'columns') text += item.write(args, m)
    else if (item.needs === 'summary') text += await item.write(args, m, await m.summary())
    else for (const piece of await item.write(args, m)) {
      if (typeof piece === 'string') { text += piece; continue }
      pieces.push(text, piece)
      text = ''
    }
  }
  pieces.push(`${text})\r\n`)
  return { seq: m.seq, uid: m.uid, pieces: await withShortSlices(pieces, m, context) }
}

/** Writes a message's answer from the columns and the head of its summary; false, and nothing, if they do not tell all of it. */
export function writeFromHead(wanted: readonly Wanted[], m: Message, head: SummaryHead, out: AnswerBytes): boolean {
  const { length, literalBytes } = out
  out.text(m.head)
  for (let i = 0; i < wanted.length; i++) {
    const { item, args } = wanted[i]!
    if (i > 0) out.text(' ')
    if (item.needs === 'columns') out.text(item.write(args, m))
    else if (item.head?.write(args, head, out) !== true) {
      out.cut(length)
      out.literalBytes = literalBytes
      return false
    }
  }
  out.text(')\r\n')
  return true
}

/** If all slices together span little, their bytes in their place; else the pieces as they are. */
async function withShortSlices(pieces: readonly Piece[], m: Message, context: RequestContext): Promise<readonly Piece[]> {
  const slices = pieces.filter(isSlice)
  if (slices.length === 0) return pieces
  const start = Math.min(...slices.map((slice) => slice.start))
  const end = Math.max(...slices.map((slice) => slice.end))
  if (end - start > limits.memoryBodyBytes) return pieces
  const bytes = await readWhole(m.view.mailbox, context, m.uid, { start, end })
  return pieces.map((piece) => (isSlice(piece) ? bytes.subarray(piece.start - start, piece.end - start) : piece))
}

/** Bytes [start, end) of a message in memory. Throws WrongSize if there are not that many, ObjectNotFound, TempFail … */
export async function readWhole(mailbox: Mailbox, context: RequestContext, uid: number, slice: Slice): Promise<Uint8Array> {
  const bytes = new Uint8Array(slice.end - slice.start)
  let length = 0
  for await (const chunk of await mailbox.read(context, uid, rangeOf(mailbox, uid, slice))) {
    if (length + chunk.length > bytes.length) throw wrongSize(uid, slice, 'more')
    bytes.set(chunk, length)
    length += chunk.length
  }
  if (length < bytes.length) throw wrongSize(uid, slice, `${length}`)
  return bytes
}

/** How to ask for a slice: without an end where it is the message's, so that an object with more bytes is found out. */
export function rangeOf({ messages }: Mailbox, uid: number, { start, end }: Slice): { start: number; end?: number } | undefined {
  const row = messages.rowOf(uid)
  const toTheEnd = row >= 0 && messages.sizes[row] === end
  if (!toTheEnd) return { start, end }
  return start === 0 ? undefined : { start }
}

export const wrongSize = (uid: number, { start, end }: Slice, found: string): WrongSize =>
  new WrongSize(`message UID ${uid} has ${found} bytes from ${start} on where the index says ${end - start}`)

/** Whether the message itself is at fault, and asking again would not help. */
export const isUnreadable = (error: unknown): boolean => error instanceof ObjectNotFound || error instanceof WrongSize
