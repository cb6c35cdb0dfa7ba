// A message on its way in, from an APPEND literal, DATA or BDAT: put into CRLF form and parsed while it arrives, kept in
// memory up to a bound and beyond it in a spool file below mail_temp_dir.
//
// Rules:
// - `push` never fails: what went wrong (too large, disk full) is told by `finish`, and the rest is swallowed cheaply, so
//   that the protocol stays in step. A promise it returns is backpressure: push no more before it has settled.
// - Memory held: limits.memoryBodyBytes, and one batch on its way to the disk.
// - The spool file is removed by `discard`, or by `release` of what `finish` gave. Both may be called again without harm.

import type { Body, Effects } from '../../runtime/effects.ts'
import { LimitExceeded, TempFail, messageOf } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { bufferOf } from '../mail/byte-strings.ts'
import { LineEndings } from '../mail/line-endings.ts'
import { MessageParser } from '../mail/message-parser.ts'
import { previewOf, previewRange } from '../mail/preview.ts'
import type { Summary } from '../mail/types.ts'

export interface IntakeOptions {
  /** mail_temp_dir; absolute. */
  temporaryDirectory: string
  /** Kept in memory up to this (default limits.memoryBodyBytes). */
  memoryBytes?: number
  /** Largest message, in CRLF form (default limits.messageBytes). */
  maxBytes?: number
  /** Line ends are left as they are: there may be binary parts. */
  exact?: boolean
}

/** A message that has arrived whole: a Draft but for its flags and date. */
export interface ReceivedMessage {
  body: Body
  summary: Summary
  /** Frees the spool file. To be called when the message has been stored or refused. */
  release(): Promise<void>
}

const none = new Uint8Array(0)

/** Of a message in memory the preview costs little; of others it is made when it is asked for. */
function withPreview(summary: Summary, [only]: Body['parts']): Summary {
  if (!(only instanceof Uint8Array)) return summary
  const range = previewRange(summary)
  return { ...summary, preview: range === undefined ? '' : previewOf(summary, [only.subarray(range.start, range.end)]) }
}

export class MessageIntake {
  readonly #files: Effects['files']
  readonly #directory: string
  readonly #memoryBytes: number
  readonly #batchBytes: number
  readonly #maxBytes: number
  readonly #lineEndings: LineEndings | undefined
  readonly #parser = new MessageParser()

  /** Bytes not (yet) in the spool file: the first `#pendingBytes` of a growing buffer. */
  #pending: Uint8Array = none
  #pendingBytes = 0
  #size = 0
  #path: string | undefined
  #spooled = 0
  /** The append that runs; it does not reject. */
  #writing: Promise<void> | undefined
  #failure: Error | undefined
  /** Given up, or done with: nothing more is kept. (An error for it would cost its stack each time.) */
  #over = false

  constructor(effects: Pick<Effects, 'files'>, options: IntakeOptions) {
    this.#files = effects.files
    this.#directory = options.temporaryDirectory
    this.#memoryBytes = options.memoryBytes ?? limits.memoryBodyBytes
    this.#batchBytes = Math.min(limits.spoolBatchBytes, this.#memoryBytes)
    this.#maxBytes = options.maxBytes ?? limits.messageBytes
    this.#lineEndings = options.exact === true ? undefined : new LineEndings()
  }

  /** Bytes so far, in CRLF form. */
  get size(): number { return this.#size }

  /** Why `finish` will refuse, as soon as that is known. */
  get failure(): Error | undefined { return this.#failure }

  /** The next bytes, copied where they are kept. A promise: wait for it before the next push. */
  push(chunk: Uint8Array): void | Promise<void> {
    if (this.#failure !== undefined || this.#over || chunk.length === 0) return
    const given = bufferOf(chunk)
    const bytes = this.#lineEndings?.push(given) ?? given
    if (this.#size + bytes.length > this.#maxBytes) {
      return this.#fail(new LimitExceeded('messageBytes', `the message is larger than ${this.#maxBytes} bytes`))
    }
    this.#size += bytes.length
    this.#parser.push(bytes)
    this.#keep(bytes)
    if (this.#pendingBytes > (this.#path === undefined ? this.#memoryBytes : this.#batchBytes)) return this.#spool()
  }

  /** The message is whole. Rejects with LimitExceeded or TempFail; nothing is left behind then. */
  async finish(): Promise<ReceivedMessage> {
    if (this.#writing !== undefined) await this.#writing
    if (this.#over) this.#failure ??= new TempFail('the message was given up')
    if (this.#failure !== undefined) {
      await this.discard()
      throw this.#failure
    }
    const parts: Body['parts'] = []
    if (this.#path !== undefined) parts.push({ path: this.#path, offset: 0, length: this.#spooled })
    if (this.#pendingBytes > 0) parts.push(this.#takePending())
    const body = { size: this.#size, parts }
    return { body, summary: withPreview(this.#parser.finish(), parts), release: () => this.discard() }
  }

  /** Gives the message up: frees memory and the spool file. */
  async discard(): Promise<void> {
    this.#over = true
    this.#takePending()
    if (this.#writing !== undefined) await this.#writing
    const path = this.#path
    this.#path = undefined
    if (path !== undefined) await this.#files.remove(path)
  }

  #fail(failure: Error): Promise<void> | undefined {
    this.#failure = failure
    this.#takePending()
    return this.#writing
  }

  #keep(bytes: Uint8Array): void {
    const needed = this.#pendingBytes + bytes.length
    if (needed > this.#pending.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#pending.length, 4096))
      larger.set(this.#pending.subarray(0, this.#pendingBytes))
      this.#pending = larger
    }
    this.#pending.set(bytes, this.#pendingBytes)
    this.#pendingBytes = needed
  }

  #takePending(): Uint8Array {
    const taken = this.#pending.subarray(0, this.#pendingBytes)
    this.#pending = none
    this.#pendingBytes = 0
    return taken
  }

  /** Writes what is in memory to the spool file, one batch after the other. */
  #spool(): Promise<void> {
    this.#writing ??= this.#writeBatches().finally(() => { this.#writing = undefined })
    return this.#writing
  }

  async #writeBatches(): Promise<void> {
    this.#path ??= this.#files.temporary(this.#directory)
    while (this.#pendingBytes >= this.#batchBytes && this.#pendingBytes > 0) {
      const buffer = this.#pending
      const batch = this.#takePending()
      try {
        await this.#files.append(this.#path, batch)
        this.#spooled += batch.length
        // The bytes are in the file: the buffer serves again, which spares the collector one large object a batch.
        if (this.#pendingBytes === 0) this.#pending = buffer
      } catch (error) {
        this.#fail(new TempFail(`cannot spool to ${this.#path}: ${messageOf(error)}`))
        return
      }
    }
  }
}
