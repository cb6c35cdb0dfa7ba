// A process on a simulated machine, alive until it is crashed. Everything it does outside itself passes through `call`:
// there it is given a time, can be the one at which the process dies, and is undone, done, half done or done late by
// a crash. A dead process hears nothing any more: its promises stay pending, its timers do not fire.

import { Bug } from '../errors.ts'
import type { SimRandom } from './random.ts'
import type { SimWorld } from '../sim-effects.ts'

/** One thing a process does to the world. */
export interface Call<T> {
  /** For the trace: `append /home/u/journal 57`. */
  label: string
  /** When it happens, from now, and how long its answer then takes (virtual ms). */
  delayMs: number
  answerMs: number
  perform(): T | Promise<T>
  /** The process died before it happened: decide what became of it. Absent: nothing. */
  orphaned?(random: SimRandom): void
}

export class SimProcess {
  readonly world: SimWorld
  readonly name: string
  readonly random: SimRandom
  /** Resolves when the process dies. */
  readonly died: Promise<void>
  readonly #crashed: () => void
  readonly #pending = new Set<Call<unknown>>()
  #dead = false
  #calls = 0
  #lastCall = Infinity

  constructor(world: SimWorld, name: string, random: SimRandom) {
    this.world = world
    this.name = name
    this.random = random
    const { promise, resolve } = Promise.withResolvers<void>()
    this.died = promise
    this.#crashed = resolve
  }

  get dead(): boolean { return this.#dead }
  /** Calls made so far. */
  get calls(): number { return this.#calls }

  /** The process dies at its `count`-th call from now on, which is then under way. */
  crashAfter(count: number): void { this.#lastCall = this.#calls + count }

  crash(): void {
    if (this.#dead) return
    this.world.counts.crashes++
    this.#die('crashes')
  }

  /** The process ends by itself; what is under way fares as in a crash. */
  exit(): void { if (!this.#dead) this.#die('exits') }

  #die(how: string): void {
    this.#dead = true
    this.world.trace(`${this.name} ${how} with ${this.#pending.size} calls under way`)
    const orphans = [...this.#pending]
    this.#pending.clear()
    for (const call of orphans) call.orphaned?.(this.world.dice)
    this.#crashed()
  }

  call<T>(call: Call<T>): Promise<T> {
    if (this.#dead) return new Promise<never>(() => {})
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#pending.add(call)
    this.#calls++
    this.world.counts.calls++
    this.world.trace(`${this.name} ${call.label}`)
    this.world.agenda.plan(call.delayMs, () => {
      if (!this.#pending.delete(call)) return
      void this.#happen(call).then(
        (value) => { this.#answer(call, () => { resolve(value) }) },
        (error: unknown) => { this.#answer(call, () => { reject(error as Error) }) },
      )
    })
    if (this.#calls >= this.#lastCall) this.crash()
    return promise
  }

  after(ms: number, action: () => void): () => void {
    if (!(ms >= 0)) throw new Bug(`a timer of ${ms} ms`)
    return this.world.agenda.plan(ms, () => { if (!this.#dead) action() })
  }

  async #happen<T>(call: Call<T>): Promise<T> { return call.perform() }

  #answer<T>(call: Call<T>, settle: () => void): void {
    this.world.agenda.plan(call.answerMs, () => { if (!this.#dead) settle() })
  }
}
