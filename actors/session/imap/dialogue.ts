// The running command and the bytes of both directions: what every session has, whoever is logged in and whatever is selected.

import { Cancelled } from '../../../runtime/errors.ts'
import type { Cancel, Cost, Effects } from '../../../runtime/effects.ts'
import { limits } from '../../../runtime/limits.ts'
import type { Settings } from '../../../conf/settings.ts'
import type { ReadContext, User } from '../../user/types.ts'
import type { SessionWorld } from '../types.ts'
import { behindLiteral } from './behind-literal.ts'
import type { Running } from './command.ts'
import type { LiteralHead, Parser, ParserOptions } from './grammar.ts'
import type { Input } from './input.ts'
import type { Owner } from './owner.ts'
import { Bad, No } from './result.ts'

const idle: Running = { tag: '*', name: '', uid: false }

export abstract class Dialogue {
  readonly world: SessionWorld
  protected readonly input: Input
  protected readonly owner: Owner
  running = idle
  protected flags = 0
  #cost: Cost = { requests: 0, waitMs: 0 }
  /** Aborted when the client is gone. */
  #gone: AbortController | undefined
  /** Nothing is written any more: the client is gone, or its bytes flow elsewhere. */
  silent = false
  /** When the client was last told what it had not asked for. */
  spokeMs = 0

  constructor(world: SessionWorld, input: Input, owner: Owner) {
    this.world = world
    this.input = input
    this.owner = owner
    if (world.settings.imap_literal_minus) input.unaskedBytes = limits.literalMinusBytes
  }

  get effects(): Effects { return this.world.effects }
  get settings(): Settings { return this.world.settings }

  abstract get user(): User
  abstract get parserOptions(): ParserOptions

  /** A command runs that is not IDLE. */
  get occupied(): boolean { return this.running.name !== '' && this.running.name !== 'IDLE' }

  // ---- The running command ---------------------------------------------------------------------------------------

  /** `flags` of the command as it was said (the UID form has others). */
  begin(running: Running, flags: number): void {
    this.running = running
    this.flags = flags
    this.#cost = { requests: 0, waitMs: 0 }
  }

  finish(): void {
    this.running = idle
    this.input.finishCommand()
  }

  /** What the running command has cost up to now. */
  get cost(): Readonly<Cost> { return this.#cost }

  context(reason: string): ReadContext {
    this.#gone ??= new AbortController()
    const { seed: { id: session }, settings: { obox_fetch_lost_mails_as_empty: lostAsEmpty } } = this.world
    return { user: this.user.account.user, session, reason, cost: this.#cost, signal: this.#gone.signal, lostAsEmpty }
  }

  // ---- To the client ---------------------------------------------------------------------------------------------

  send(response: string): void { this.write(`* ${response}\r\n`) }

  write(piece: string | Uint8Array): void {
    if (this.silent) return
    if (!this.occupied) this.spokeMs = this.effects.clock.monotonic()
    this.world.wire.write(piece)
  }

  flush(): Promise<void> | undefined {
    if (this.silent) return Promise.reject(new Cancelled('the client is gone'))
    return this.world.wire.pending <= limits.wireHighBytes ? undefined : this.#drained()
  }

  /** The wire watches for clients that take nothing any more. */
  async #drained(): Promise<void> {
    const since = this.effects.clock.monotonic()
    await this.world.wire.drained()
    this.#cost.waitMs += this.effects.clock.monotonic() - since
  }

  soon(action: () => void): Cancel {
    return this.effects.timers.after(0, () => {
      if (this.silent) return
      try {
        action()
      } catch (error) {
        this.owner.crash(error)
      }
    })
  }

  // ---- From the client -------------------------------------------------------------------------------------------

  async nextLine(): Promise<Uint8Array> {
    const line = await this.input.line()
    if (line === 'tooLong') throw new Bad('Too long line.')
    return line
  }

  async *literal(head: LiteralHead): AsyncGenerator<Uint8Array, void, undefined> {
    if (head.size > limits.messageBytes) throw new No('TOOBIG', 'Message is too large.')
    if (head.sync) this.write('+ OK\r\n')
    yield* this.input.stream()
  }

  behindLiteral<T>(parse: (p: Parser) => T): Promise<T> {
    return behindLiteral(this.input, this.running, this.parserOptions, () => this.write('+ OK\r\n'), parse)
  }

  // ---- The end ---------------------------------------------------------------------------------------------------

  /** Nothing runs that the client's end could stop: gives back what is kept for it. */
  protected atRest(): void { this.#gone = undefined }

  /** Nothing is written from now on. */
  hush(): void { this.silent = true }

  /** The client is gone: requests for it are given up. */
  abandon(): void {
    this.silent = true
    this.#gone?.abort()
  }
}
