// The queue in front of an actor: bounded, its length and the age of its oldest message visible. An actor that says
// `concurrent` gets messages as they come; then the bound is on those it has not answered yet.

import type { Clock } from './effects.ts'
import type { Actor } from './actor.ts'
import { TempFail } from './errors.ts'
import { limits } from './limits.ts'

interface Waiting<Message, Answer> {
  message: Message
  since: number
  resolve(answer: Answer): void
  reject(error: unknown): void
}

export class Mailbox<Message, Answer> {
  readonly #actor: Actor<Message, Answer>
  readonly #clock: Clock
  readonly #limit: number
  #waiting: Waiting<Message, Answer>[] = []
  #running = 0

  constructor(actor: Actor<Message, Answer>, clock: Clock, limit: number = limits.mailboxQueue) {
    this.#actor = actor
    this.#clock = clock
    this.#limit = limit
  }

  /** Messages not answered yet. */
  get length(): number { return this.#waiting.length + this.#running }

  /** How long the oldest message has waited to be handed over, milliseconds. */
  get oldestAgeMs(): number {
    const oldest = this.#waiting[0]
    return oldest === undefined ? 0 : this.#clock.monotonic() - oldest.since
  }

  /** Hands a message to the actor in its turn and gives its answer. TempFail if the queue is full. */
  send(message: Message): Promise<Answer> {
    if (this.length >= this.#limit) {
      return Promise.reject(new TempFail(`too many messages wait for ${this.#actor.describe().name}`))
    }
    if (this.#actor.concurrent === true) return this.#run(message)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, since: this.#clock.monotonic(), resolve, reject })
      if (this.#running === 0) void this.#drain()
    })
  }

  async #run(message: Message): Promise<Answer> {
    this.#running++
    try {
      return await this.#actor.receive(message)
    } finally {
      this.#running--
    }
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        next.resolve(await this.#run(next.message))
      } catch (error) {
        next.reject(error)
      }
    }
  }
}
