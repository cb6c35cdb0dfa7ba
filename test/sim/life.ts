// One run of the engine, from opening the user to its end: what all clients of it share.

import { Cancelled, LimitExceeded, TempFail } from '../../runtime/errors.ts'
import type { RequestContext } from '../../runtime/effects.ts'
import type { SimProcess } from '../../runtime/sim/process.ts'
import type { SimEffects, SimWorld } from '../../runtime/sim-effects.ts'
import { MailError } from '../../actors/user/errors.ts'
import type { Mailbox, User, UserMessage } from '../../actors/user/types.ts'
import type { Model } from './model.ts'
import { Violation } from './violation.ts'

/** The user actor as the simulator drives it. */
export type SimUser = User & { stop(deadlineMs: number): Promise<void>; beginEviction(): boolean; flush(): Promise<void>; receive(message: UserMessage): Promise<unknown> }

/** What became of a request. `failed`: with an error that leaves open whether it happened. `died`: no answer will come. */
export type Outcome<T> = { kind: 'done'; value: T } | { kind: 'refused'; error: MailError } | { kind: 'failed'; error: Error } | { kind: 'died' }

/** No request may take longer than this (virtual ms), however bad the store is. */
const answerWithinMs = 30 * 60_000

export class Life {
  readonly world: SimWorld
  readonly effects: SimEffects
  readonly process: SimProcess
  readonly user: SimUser
  readonly model: Model
  /** How often each kind of request was answered with success, over all lives. */
  readonly done: Map<string, number>
  /** The UID below which all mails of a loaded mailbox have been \Recent for somebody. */
  readonly claimed = new WeakMap<Mailbox, number>()
  #tree: Promise<void> = Promise.resolve()

  constructor(world: SimWorld, effects: SimEffects, user: SimUser, model: Model, done: Map<string, number>) {
    this.world = world
    this.effects = effects
    this.process = effects.process
    this.user = user
    this.model = model
    this.done = done
  }

  context(who: string, reason: string): RequestContext { return { user: this.user.account.user, session: who, reason } }

  /** Asks for something, and traces what came back. */
  async attempt<T>(who: string, what: string, request: () => Promise<T>): Promise<Outcome<T>> {
    this.world.trace(`${who}: ${what}`)
    const outcome = await outcomeOf(this.world, this.process, what, request)
    if (outcome.kind === 'done') {
      const kind = what.split(' ', 1)[0] as string
      this.done.set(kind, (this.done.get(kind) ?? 0) + 1)
    }
    const said = outcome.kind === 'done' ? brief(outcome.value) : 'error' in outcome ? ` ${outcome.error.message}` : ''
    this.world.trace(`${who}: ${what}: ${outcome.kind}${said}`)
    return outcome
  }

  /** Changes of the mailbox tree come one after the other, so that the model can follow them. */
  async exclusive(change: () => Promise<void>): Promise<void> {
    const before = this.#tree
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#tree = promise
    await before
    try {
      if (!this.process.dead) await change()
    } finally {
      resolve()
    }
  }
}

/** Waits for an answer, the death of the process, or the end of patience. */
export async function outcomeOf<T>(world: SimWorld, process: SimProcess, what: string, request: () => Promise<T>): Promise<Outcome<T>> {
  const patience = Promise.withResolvers<never>()
  const cancel = world.agenda.plan(answerWithinMs, () => { patience.reject(new Violation(`${what}: no answer within ${answerWithinMs / 60_000} minutes`)) })
  const died = Symbol('died')
  try {
    const value = await Promise.race([request(), process.died.then((): typeof died => died), patience.promise])
    return value === died || process.dead ? { kind: 'died' } : { kind: 'done', value: value as T }
  } catch (error) {
    if (process.dead && !(error instanceof Violation)) return { kind: 'died' }
    if (error instanceof MailError && error.code !== 'SERVERBUG') return { kind: 'refused', error }
    if (error instanceof TempFail || error instanceof Cancelled || error instanceof LimitExceeded) return { kind: 'failed', error }
    if (error instanceof Violation) throw error
    throw new Violation(`${what}: threw ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
  } finally {
    cancel()
  }
}

const brief = (value: unknown): string => (value === undefined || typeof value === 'object' && value !== null && 'mailbox' in value ? '' : ` ${JSON.stringify(value)?.slice(0, 200) ?? ''}`)
