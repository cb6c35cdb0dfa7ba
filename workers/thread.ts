// A worker thread of ours, from both sides: the main thread starts it and talks to its control object over comlink (a call
// costs 0.1 ms: for control only), data goes over Links.

import { Worker, parentPort } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import * as comlink from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import { ConfigError, TempFail } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { realTimers } from '../runtime/real-effects.ts'
import type { Child } from '../runtime/supervisor.ts'
import { within } from '../runtime/within.ts'

/** In a thread's entry file: offers `control` to the main thread. Does nothing when the file is imported elsewhere. */
export function exposeControl(control: object): void {
  if (parentPort !== null) comlink.expose(control, nodeEndpoint(parentPort))
}

/** What every thread's control object can do. */
interface Stoppable {
  /** Finishes what it does, and settles within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>
}

/** A control method as the other thread sees it. */
export type Remote<Control> = comlink.Remote<Control>

export class Thread<Control extends Stoppable> implements Child {
  readonly name: string
  readonly ended: Promise<string>
  readonly #worker: Worker
  readonly #control: Remote<Control>
  #running = true

  /** Starts the thread whose entry is `file`, relative to this folder. */
  constructor(name: string, file: string) {
    this.name = name
    this.#worker = new Worker(new URL(file, import.meta.url), { name, resourceLimits: { maxYoungGenerationSizeMb: limits.youngMegabytes } })
    this.#control = comlink.wrap<Control>(nodeEndpoint(this.#worker))
    let failure = ''
    this.#worker.on('error', (error: Error) => { failure = error.stack ?? String(error) })
    this.ended = new Promise((resolve) => {
      this.#worker.on('exit', (code: number) => {
        this.#running = false
        resolve(failure === '' ? `the thread exited with code ${code}` : failure)
      })
    })
  }

  get running(): boolean { return this.#running }

  /** Calls a control method; TempFail if the thread dies before it answers (comlink alone would wait for ever). */
  async call<Answer>(ask: (control: Remote<Control>) => Promise<Answer>): Promise<Answer> {
    const died = this.ended.then((reason): never => { throw new TempFail(`${this.name} ended: ${reason}`) })
    try {
      return await Promise.race([ask(this.#control), died])
    } catch (error) {
      // comlink keeps names, not classes.
      if (error instanceof Error && error.name === 'ConfigError') throw new ConfigError(error.message)
      throw error
    }
  }

  /** Lets it finish, at most `deadlineMs`, then ends it. */
  async stop(deadlineMs: number): Promise<void> {
    if (!this.#running) return
    // The control object's declared type does not follow through Remote<Control> for a generic Control.
    const control = this.#control as unknown as Stoppable
    // It is given a little less, so that it can still say what it had no time for.
    await within(realTimers, deadlineMs, Promise.race([control.stop(deadlineMs * 0.9), this.ended]))
    await this.kill()
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#worker.terminate()
    await this.ended
  }
}

/** Marks ports in the arguments of a control call as moved. */
export const moving = <T extends object>(value: T, ports: MessagePort[]): T => comlink.transfer(value, ports as never[])
