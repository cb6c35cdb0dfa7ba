// The long slices of a message from the store to the client, in the client's pace. RFC 3501 §4.3: a literal's size has been
// said before its first byte, so there is no way to report a failure inside it. A reading that fails there, or gives fewer or more bytes
// than promised, ends the connection: a BYE would be taken for message text, and padding would be taken for the message.
// A literal holds no NUL (RFC 3501 §9 CHAR8): one in a message is sent as 0x80, as Dovecot does; what is stored keeps it.

import type { RequestContext } from '../../../../runtime/effects.ts'
import { messageOf } from '../../../../runtime/errors.ts'
import { limits } from '../../../../runtime/limits.ts'
import type { ImapSession } from '../command.ts'
import type { Flow, Piece, Slice } from './item.ts'
import { isFlow, isSlice, rangeOf, wrongSize } from './message.ts'
import type { Prepared } from './message.ts'

/** The connection cannot go on: it has been closed in the middle of a literal. */
export class BrokenLiteral extends Error {
  override readonly name = 'BrokenLiteral'
}

/**
 * Sends a message's answer. A failure to read before anything of it was sent is thrown as it is (the answer is left out);
 * one after that is thrown as BrokenLiteral.
 */
export async function sendPrepared(prepared: Prepared, s: ImapSession, context: RequestContext): Promise<void> {
  const { pieces, uid } = prepared
  const first = pieces.findIndex(isSlice)
  if (first < 0 && !pieces.some(isFlow)) {
    s.selected.keywords()
    for (const piece of pieces) s.write(sendable(piece as string | Uint8Array))
    return
  }
  // The first bytes are waited for before anything is said: most failures show by then.
  const reading = new Reading(s, context, uid)
  if (first >= 0) await reading.begin(pieces, first)
  s.selected.keywords()
  try {
    for (const [i, piece] of pieces.entries()) {
      if (isSlice(piece)) await reading.send(pieces, i)
      else if (isFlow(piece)) await sendFlow(piece, uid, s)
      else s.write(sendable(piece))
    }
    await reading.end()
  } catch (error) {
    throw new BrokenLiteral(messageOf(error), { cause: error })
  } finally {
    await reading.stop()
  }
}

const sendable = (piece: string | Uint8Array): string | Uint8Array => (typeof piece === 'string' ? piece : withoutNuls(piece))

/** The same bytes where none is NUL, as in nearly all mail. */
const withoutNuls = (bytes: Uint8Array): Uint8Array => (bytes.includes(0) ? bytes.map((byte) => (byte === 0 ? 0x80 : byte)) : bytes)

/** Bytes as they are: their literal has said whether NULs are among them. */
async function sendFlow({ size, open }: Flow, uid: number, s: ImapSession): Promise<void> {
  let sent = 0
  for await (const bytes of open()) {
    sent += bytes.length
    if (sent > size) break
    s.write(bytes)
    await s.flush()
  }
  if (sent !== size) throw wrongSize(uid, { start: 0, end: size }, sent > size ? 'more' : `${sent}`)
}

/** One pass over a message's bytes for as many slices as follow one another, instead of a request for each. */
class Reading {
  readonly #s: ImapSession
  readonly #context: RequestContext
  readonly #uid: number
  #chunks: AsyncIterator<Uint8Array> | undefined
  /** What is being read, the offset of the next byte, and bytes read but not used. */
  #span: Slice = { start: 0, end: 0 }
  #at = 0
  #rest: Uint8Array = new Uint8Array(0)

  constructor(s: ImapSession, context: RequestContext, uid: number) {
    this.#s = s
    this.#context = context
    this.#uid = uid
  }

  /** Opens the message for the slice pieces[index] and those after it that the same pass can serve; waits for its first bytes. */
  async begin(pieces: readonly Piece[], index: number): Promise<void> {
    const { mailbox } = this.#s.selected
    this.#span = { start: (pieces[index] as Slice).start, end: spanEnd(pieces, index) }
    this.#at = this.#span.start
    const body = await mailbox.read(this.#context, this.#uid, rangeOf(mailbox, this.#uid, this.#span))
    this.#chunks = body[Symbol.asyncIterator]()
    this.#rest = await this.#next()
  }

  /** Sends the slice pieces[index]. */
  async send(pieces: readonly Piece[], index: number): Promise<void> {
    const { start, end } = pieces[index] as Slice
    if (this.#at > start || end > this.#span.end) {
      await this.end()
      await this.begin(pieces, index)
    }
    while (this.#at < start) await this.#take(start - this.#at)
    while (this.#at < end) {
      this.#s.write(withoutNuls(await this.#take(end - this.#at)))
      await this.#s.flush()
    }
  }

  /** Checks that the pass ends where it should. */
  async end(): Promise<void> {
    if (!this.#chunks || this.#at < this.#span.end) return
    const chunks = this.#chunks
    this.#chunks = undefined
    if (this.#rest.length > 0 || !(await chunks.next()).done) throw wrongSize(this.#uid, this.#span, 'more')
  }

  /** Releases the store. */
  async stop(): Promise<void> {
    await this.#chunks?.return?.()
    this.#chunks = undefined
  }

  /** Up to `count` of the next bytes, at least one. */
  async #take(count: number): Promise<Uint8Array> {
    if (this.#rest.length === 0) this.#rest = await this.#next()
    const bytes = this.#rest.subarray(0, count)
    this.#rest = this.#rest.subarray(bytes.length)
    this.#at += bytes.length
    return bytes
  }

  async #next(): Promise<Uint8Array> {
    for (;;) {
      const { done, value } = await this.#chunks!.next()
      if (done) throw wrongSize(this.#uid, this.#span, String(this.#at - this.#span.start))
      if (value.length > 0) return value
    }
  }
}

/** End of the last slice that the pass begun at pieces[index] can serve: each begins behind the one before, with little between. */
function spanEnd(pieces: readonly Piece[], index: number): number {
  let { end } = pieces[index] as Slice
  for (const piece of pieces.slice(index + 1)) {
    if (!isSlice(piece)) continue
    if (piece.start < end || piece.start - end > limits.memoryBodyBytes) break
    end = piece.end
  }
  return end
}
