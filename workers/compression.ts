// COMPRESS=DEFLATE on a connection: what goes is deflated, what comes inflated (RFC 4978).
//
// - Nothing of zlib's lives on between two batches: a live pair of its streams is some 300 KB a connection. Each batch is
//   deflated by a compressor of its own that is told the end of the text before it, flushed to a whole byte (Z_SYNC_FLUSH),
//   and goes on where the last one ended: to the client it is one stream.
// - What comes is inflated as far as the session takes it: the rest stays deflated, and the socket is paused.
// - The client may leave it by UNAUTHENTICATE (RFC 8437 §4.1): its last line is given out before anything behind it is inflated, because
//   that is text already if the client did not wait for the answer.
// - A connection at rest keeps the window that the client may refer to, packed, and nothing else.

import { Buffer } from 'node:buffer'
import zlib from 'node:zlib'
import type { Cancel, Timers } from '../runtime/effects.ts'
import { limits } from '../runtime/limits.ts'
import { Inflater, NotDeflated } from './inflate.ts'

const { Z_SYNC_FLUSH } = zlib.constants
const empty = new Uint8Array(0)

/** A last block with nothing in it: the client's inflater comes to an orderly end. */
export const endOfStream = Uint8Array.of(0x03, 0x00)

/** The compressed socket, as far as it matters here. */
interface Source { pause(): unknown; resume(): unknown }

/** Where the client's text goes. */
export interface Taker {
  input(text: Uint8Array): void
  /** All that has come has been given out. */
  dry(): void
  /** Nothing more can be read, because of `why`. */
  ended(why: string): void
}

export class Compression {
  readonly #source: Source
  readonly #timers: Timers
  readonly #taker: Taker
  readonly #inflater = new Inflater()
  /** The end of the text sent last. */
  #history: Uint8Array = empty
  #begun = false
  #over = false
  /** Nothing can be read out of what has come. */
  #dry = true
  #paused = false
  #pumping: Cancel | undefined
  #resting: Cancel | undefined
  #busy = false
  /** Text. */
  bytesIn = 0
  bytesOut: number

  /** `bytesOut`: sent before. */
  constructor(source: Source, timers: Timers, taker: Taker, bytesOut: number) {
    this.#source = source
    this.#timers = timers
    this.#taker = taker
    this.bytesOut = bytesOut
  }

  /** What comes is compressed, too: `begin` has been called. */
  get begun(): boolean { return this.#begun }

  /** There is text that has come and not been given out. */
  get holds(): boolean { return !this.#dry && !this.#over }

  /** Bytes kept. */
  get memory(): number { return this.#history.length + this.#inflater.memory }

  /** A batch on its way out; the client can read it to its end. */
  deflate(text: Uint8Array): Uint8Array {
    this.bytesOut += text.length
    const small = text.length <= limits.deflateSmallBytes
    const deflated = zlib.deflateRawSync(text, {
      ...(small ? { windowBits: 13, memLevel: 5 } : {}),
      finishFlush: Z_SYNC_FLUSH,
      ...(this.#history.length === 0 ? {} : { dictionary: this.#history }),
    })
    this.#history = endOf(this.#history, text)
    this.#touch()
    return deflated
  }

  /** What comes from now on is compressed, from `input` on, which has come already. `bytesIn`: come before it. */
  begin(input: Uint8Array, bytesIn: number): void {
    this.#begun = true
    this.bytesIn = bytesIn
    this.#dry = false
    this.#inflater.push(input)
    this.#soon()
  }

  received(bytes: Uint8Array): void {
    if (this.#over) return
    this.#inflater.push(bytes)
    if (this.#inflater.ended) return this.#behindEnd()
    this.#dry = false
    this.#touch()
    if (this.#pumping === undefined) this.#pump()
  }

  pause(): void {
    this.#paused = true
    this.#source.pause()
  }

  /** The taker is not called from within. */
  resume(): void {
    this.#paused = false
    if (this.holds) this.#soon()
    else this.#source.resume()
  }

  /** Both directions are as they were before. What has come and is not inflated; undefined: that is compressed, too. */
  leave(): Uint8Array | undefined {
    this.stop()
    this.#source.resume()
    return this.#inflater.unused()
  }

  stop(): void {
    this.#over = true
    this.#pumping?.()
    this.#resting?.()
  }

  /** Gives out text until the taker has had enough, or its turn is over. */
  #pump(): void {
    try {
      for (let given = 0; !this.#paused && !this.#over;) {
        const text = this.#inflater.read(limits.inflatePieceBytes)
        if (text === undefined) return this.#allGiven()
        this.bytesIn += text.length
        given += text.length
        this.#taker.input(text)
        if (mayBeLast(text)) return this.#soon()
        if (given >= limits.inputHighBytes) {
          this.#source.pause()
          return this.#soon()
        }
      }
    } catch (error) {
      if (!(error instanceof NotDeflated)) throw error
      this.#over = true
      this.#taker.ended(`Compressed input is broken: ${error.message}.`)
    }
  }

  #allGiven(): void {
    this.#dry = true
    this.#source.resume()
    this.#taker.dry()
  }

  /** The client has ended its stream; what it sends then is for whoever comes after `leave`. */
  #behindEnd(): void {
    this.#touch()
    if ((this.#inflater.unused()?.length ?? 0) >= limits.inputHighBytes) this.#source.pause()
  }

  #soon(): void {
    this.#pumping ??= this.#timers.after(0, () => {
      this.#pumping = undefined
      this.#pump()
    })
  }

  /** Gives back what can be made anew when nothing has crossed for limits.compressionRestMs. */
  #touch(): void {
    this.#busy = true
    this.#resting ??= this.#timers.after(limits.compressionRestMs, () => {
      this.#resting = undefined
      if (this.#busy) this.#touch()
      else this.park()
      this.#busy = false
    })
  }

  /** Gives back what can be made anew: the window of what comes is packed, the next batch refers to nothing. */
  park(): void {
    this.#history = empty
    this.#inflater.park()
  }
}

/** Whether the client may speak plainly from here on. */
const mayBeLast = (text: Uint8Array): boolean => text.length < 200 && / unauthenticate\r\n$/i.test(Buffer.from(text.buffer, text.byteOffset, text.length).toString('latin1'))

/** The last limits.deflateHistoryBytes of a text that goes on. */
function endOf(before: Uint8Array, text: Uint8Array): Uint8Array {
  const newest = text.subarray(Math.max(0, text.length - limits.deflateHistoryBytes))
  const kept = before.subarray(Math.max(0, before.length + newest.length - limits.deflateHistoryBytes))
  const end = new Uint8Array(kept.length + newest.length)
  end.set(kept)
  end.set(newest, kept.length)
  return end
}

export const bytesOf = (text: Uint8Array | string): Uint8Array => (typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
