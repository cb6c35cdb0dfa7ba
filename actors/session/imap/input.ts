// The client's half of a connection: what has been received, and who waits for more of it.
//
// One reader at a time (the machine between commands, the running command within). Whatever nobody has asked for yet
// stays in the framer; at limits.inputHighBytes the wire is paused until somebody asks.

import { Cancelled } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import { Framer } from '../framer.ts'
import type { Framed } from '../framer.ts'
import type { Wire } from '../types.ts'

export class Input {
  readonly #wire: Wire
  readonly #framer: Framer
  #wake: (() => void) | undefined
  #ended: Cancelled | undefined
  #paused = false
  /** The client sends no more. */
  #complete = false
  /** A literal of the running command that nobody has read to the end of the command. */
  #message: 'none' | 'announced' | 'streaming' = 'none'

  /** Largest literal that a client may send unasked (LITERAL-: RFC 7888 §5). */
  unaskedBytes = Infinity

  constructor(wire: Wire, lineBytes: number) {
    this.#wire = wire
    this.#framer = new Framer({ lineBytes, swallowBytes: limits.messageBytes })
  }

  get lineBytes(): number { return this.#framer.lineBytes }
  set lineBytes(bytes: number) { this.#framer.lineBytes = bytes }

  /** More bytes of the client. */
  push(bytes: Uint8Array): void {
    this.#framer.push(bytes)
    if (this.#wake !== undefined) this.#wakeUp()
    else if (!this.#paused && this.#framer.buffered > limits.inputHighBytes) {
      this.#paused = true
      this.#wire.pause()
    }
  }

  /** What has been received is all there is: it is read to its end, then readers fail with Cancelled. */
  complete(): void {
    this.#complete = true
    this.#wakeUp()
  }

  /** Somebody waits for more of it. */
  get isAwaited(): boolean { return this.#wake !== undefined }

  get isComplete(): boolean { return this.#complete }

  get isOver(): boolean { return this.#ended !== undefined }

  /** The session is over: readers, now and later, fail with `reason`. */
  end(reason: string): void {
    this.#ended ??= new Cancelled(reason)
    this.#wakeUp()
  }

  /** A whole command, or a literal to decide about. */
  async next(): Promise<Framed> {
    while (true) {
      this.#mustGoOn()
      const framed = this.#framer.next()
      if (framed !== undefined) {
        this.#message = framed.kind === 'literal' ? 'announced' : 'none'
        return framed
      }
      await this.#more()
    }
  }

  /** A line as it is, a copy. */
  async line(): Promise<Uint8Array | 'tooLong'> {
    while (true) {
      this.#mustGoOn()
      const line = this.#framer.line()
      if (line !== undefined) return line === 'tooLong' ? line : line.slice()
      await this.#more()
    }
  }

  /** The announced literal becomes part of its command. */
  collect(): void { this.#framer.collect() }

  /** The command that announced the literal is given up. */
  refuse(): void {
    this.#message = 'none'
    this.#framer.refuse()
  }

  /** The announced literal in pieces, as they come. */
  async *stream(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#framer.stream()
    this.#message = 'streaming'
    while (this.#framer.left > 0) {
      this.#mustGoOn()
      const piece = this.#framer.chunk()
      if (piece === undefined) await this.#more()
      else yield piece
    }
  }

  /** Gives up what the running command has left unread of its message. */
  finishCommand(): void {
    if (this.#message === 'announced') this.#framer.refuse()
    else if (this.#message === 'streaming') this.#framer.skipLine()
    this.#message = 'none'
  }

  /** Everything not consumed yet, for the session's continuation elsewhere. */
  rest(): Uint8Array { return this.#framer.rest() }

  #mustGoOn(): void {
    if (this.#ended !== undefined) throw this.#ended
  }

  #more(): Promise<void> {
    if (this.#complete) throw new Cancelled('the client has ended its input')
    if (this.#paused) {
      this.#paused = false
      this.#wire.resume()
    }
    return new Promise((resolve) => { this.#wake = resolve })
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
