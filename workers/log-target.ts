// Where log lines are written: a file takes what it is given, but behind standard error there may be a pipe (a service
// manager, `| tee`) whose reader is slow. Its lines wait, up to a bound; the server never does, and how many were lost is
// told when lines can be written again.

import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import { limits } from '../runtime/limits.ts'

/** Between attempts to write to a pipe that is full (ms). */
const retryMs = 10

export class LogTarget {
  readonly #fd: number
  readonly #lostLine: (count: number) => string
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #lost = 0
  #retrying = false
  /** When something was taken last, or began to wait (monotonic ms). */
  #takenAt = 0

  /** `lostLine`: what is written for that many lines that could not be. */
  constructor(fd: number, lostLine: (count: number) => string) {
    this.#fd = fd
    this.#lostLine = lostLine
  }

  /** Writes a line, given without its end. Never throws: there is no other place to say so. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`)
    if (this.#waitingBytes + bytes.length > limits.logWaitingBytes) {
      this.#lost++
      return
    }
    if (this.#waiting.push(bytes) === 1) this.#takenAt = performance.now()
    this.#waitingBytes += bytes.length
    if (!this.#retrying) this.#flush()
  }

  #flush(): void {
    const outcome = this.#writeWaiting()
    if (outcome === 'done') return this.#tellLost()
    if (outcome === 'failed' || performance.now() - this.#takenAt > limits.lingerMs) return this.#giveUp()
    this.#retrying = true
    setTimeout(() => {
      this.#retrying = false
      this.#flush()
    }, retryMs)
  }

  #writeWaiting(): 'done' | 'full' | 'failed' {
    try {
      for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
        const count = fs.writeSync(this.#fd, first)
        this.#takenAt = performance.now()
        this.#waitingBytes -= count
        if (count < first.length) this.#waiting[0] = first.subarray(count)
        else this.#waiting.shift()
      }
      return 'done'
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 'full' : 'failed'
    }
  }

  #tellLost(): void {
    if (this.#lost === 0) return
    const count = this.#lost
    this.#lost = 0
    this.write(this.#lostLine(count))
  }

  #giveUp(): void {
    this.#lost += this.#waiting.length
    this.#waiting = []
    this.#waitingBytes = 0
  }
}
