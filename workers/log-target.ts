// Where log lines are written: a file takes what it is given, but behind standard error there may be a pipe (a service
// manager, `| tee`) whose reader is slow. Its lines wait, up to a bound; the server never does, and how many were lost is
// told when lines can be written again. A reader's patience is measured in attempts to write: where this machine is so busy that few
// are made, its reader has had no time either.

import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import { limits } from '../runtime/limits.ts'

/** Between attempts to write to a pipe that is full (ms). */
const retryMs = 10

/** So many attempts in a row of which nothing was taken: nobody reads any more. */
const patience = limits.lingerMs / retryMs

export class LogTarget {
  #fd: number
  readonly #lostLine: (count: number) => string
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #lost = 0
  #retrying = false
  /** Attempts since something was taken. */
  #inVain = 0
  readonly #patience: number

  /** `lostLine`: what is written for that many lines that could not be. `attempts`: after how many in vain it gives up. */
  constructor(fd: number, lostLine: (count: number) => string, attempts = patience) {
    this.#fd = fd
    this.#patience = attempts
    this.#lostLine = lostLine
  }

  /** Writes a line, given without its end. Never throws: there is no other place to say so. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`)
    if (this.#waitingBytes + bytes.length > limits.logWaitingBytes) {
      this.#lost++
      return
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (!this.#retrying) this.#flush()
  }

  /** Goes on in the file `fd`, and closes the one it had. */
  moveTo(fd: number): void {
    const old = this.#fd
    this.#fd = fd
    fs.closeSync(old)
  }

  #flush(): void {
    const outcome = this.#writeWaiting()
    if (outcome === 'done') return this.#tellLost()
    if (outcome === 'failed' || ++this.#inVain > this.#patience) return this.#giveUp()
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
        this.#inVain = 0
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
    this.#inVain = 0
  }
}
