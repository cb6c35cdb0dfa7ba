// An LMTP connection. RFC 2033 (LMTP), RFC 5321 (SMTP's commands), RFC 2920 (pipelining), RFC 3030 (BDAT).
//
// Everything is done in the order it came, one thing at a time: what arrives meanwhile waits in `#input`, and beyond
// limits.inputHighBytes in the client. So any cutting of commands and content into packets gives the same replies. Those to
// pipelined commands leave together, once the client has to wait for them (RFC 2920 §3.2): a packet less for each.

import { Buffer } from 'node:buffer'
import { expand, userVariables } from '../../../conf/expand.ts'
import type { Description } from '../../../runtime/actor.ts'
import type { Cancel } from '../../../runtime/effects.ts'
import { Cancelled, messageOf } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import { MessageIntake } from '../message-intake.ts'
import type { Session, SessionFactory, SessionWorld } from '../types.ts'
import type { LmtpConnection, Proxied, Transaction } from './command.ts'
import { readCommand } from './dispatch.ts'
import { deliver } from './delivery.ts'
import { Input } from './input.ts'
import { ChunkContent, DataContent, WastedChunk } from './receiving.ts'
import type { Receiving } from './receiving.ts'
import { badCommand, oneLine, Refusal } from './reply.ts'

/** A session for one LMTP client. */
export const lmtpSession: SessionFactory = (world) => new LmtpMachine(world)

class LmtpMachine implements Session, LmtpConnection {
  readonly world: SessionWorld
  readonly hostname: string
  helo = ''
  proxied: Proxied = {}
  transaction: Transaction | undefined
  readonly #input = new Input()
  /** Lines that have not left yet: more commands are there already. */
  #replies = ''
  #receiving: Receiving | undefined
  #running = false
  #paused = false
  /** The client sends no more. */
  #complete = false
  #ended = false
  #badCommands = 0
  #deliveries = 0
  #lastActivity = 0
  #cancelIdle: Cancel | undefined
  /** Present: the server is stopping; to be called at the end. */
  #stopped: (() => void)[] | undefined

  constructor(world: SessionWorld) {
    this.world = world
    const variables = userVariables({ user: '', service: 'lmtp', session: world.seed.id })
    this.hostname = world.settings.hostname === '' ? expand('%{hostname}', variables) : world.settings.hostname
  }

  start(): void {
    // After STARTTLS the client speaks first (RFC 3207 §4.2).
    if (this.world.seed.again === undefined) {
      this.#log(`Connect from ${this.world.seed.remote.ip}`)
      this.greet()
    }
    this.#lastActivity = this.world.effects.clock.monotonic()
    this.#watch(limits.lmtpIdleMs)
  }

  input(bytes: Uint8Array): void {
    if (this.#ended) return
    this.#lastActivity = this.world.effects.clock.monotonic()
    this.#input.push(bytes)
    void this.#run()
    if (!this.#paused && this.#input.size > limits.inputHighBytes) {
      this.#paused = true
      this.world.wire.pause()
    }
  }

  end(): void {
    this.#complete = true
    void this.#run()
  }

  hangup(): void {
    if (!this.#ended) this.#log(`Disconnect from ${this.world.seed.remote.ip}: Remote closed connection (state=${this.#state})`)
    this.#end()
  }

  stop(): Promise<void> {
    if (this.#ended) return Promise.resolve()
    this.#stopped ??= []
    const stopped = new Promise<void>((resolve) => { this.#stopped?.push(resolve) })
    void this.#run()
    return stopped
  }

  describe(): Description {
    return { kind: 'lmtp', name: this.world.seed.id, detail: this.#state, values: { recipients: this.transaction?.recipients.length ?? 0 } }
  }

  greet(): void { this.reply(`220 ${this.hostname} ${this.world.settings.login_greeting}`) }

  reply(line: string): void {
    if (this.#ended) return
    this.#replies += `${line}\r\n`
    if (this.#input.size === 0 || this.#replies.length > limits.lmtpLineBytes) this.#send()
  }

  reset(): void {
    const { intake, relays } = this.transaction ?? {}
    this.transaction = undefined
    for (const relay of relays?.values() ?? []) relay.close()
    if (intake !== undefined) this.#discard(intake)
  }

  receiveData(transaction: Transaction): void {
    this.#receiving = new DataContent(this.#newIntake(), transaction)
  }

  receiveChunk({ size, last, transaction, refusal }: Parameters<LmtpConnection['receiveChunk']>[0]): void {
    if (transaction === undefined) {
      this.#receiving = new WastedChunk(size, refusal ?? '')
      return
    }
    transaction.intake ??= this.#newIntake()
    this.#receiving = new ChunkContent(size, last, transaction.intake, transaction)
  }

  startTls(): void {
    this.#send()
    this.#release()
    this.world.startTls()
  }

  close(reason: string): void {
    if (this.#ended) return
    this.#log(`Disconnect from ${this.world.seed.remote.ip}: ${reason} (state=${this.#state})`)
    this.#send()
    this.world.wire.close()
    this.#end()
  }

  get #state(): string {
    if (this.#receiving !== undefined) return this.#receiving.command
    if (this.transaction === undefined) return this.helo === '' ? 'GREETING' : 'READY'
    return this.transaction.recipients.length === 0 ? 'MAIL FROM' : 'RCPT TO'
  }

  /** Goes through the input as far as it reaches. Runs once at a time; whoever adds input meanwhile need not wait. */
  async #run(): Promise<void> {
    if (this.#running || this.#ended) return
    this.#running = true
    try {
      while (!this.#ended) {
        const step = this.#step()
        const progressed = typeof step === 'boolean' ? step : await step
        this.#resumeInput()
        if (!progressed) {
          this.#send()
          if (this.#complete) this.close('Remote closed connection')
          break
        }
        if (this.world.wire.pending > limits.wireHighBytes) await this.world.wire.drained()
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#running = false
      this.#lastActivity = this.world.effects.clock.monotonic()
    }
  }

  /** One command, or one piece of content. False: more input is needed. */
  #step(): boolean | Promise<boolean> {
    const receiving = this.#receiving
    if (receiving === undefined) {
      if (this.#stopped === undefined) return this.#command()
      this.reply('421 4.3.2 Shutting down')
      this.close('Shutting down')
      return false
    }
    return this.#receive(receiving)
  }

  #command(): boolean | Promise<boolean> {
    const line = this.#input.line()
    if (line === 'incomplete') return false
    if (line === 'too-long') {
      this.#refuse(badCommand('500 5.5.2 Line too long'))
      return true
    }
    return this.#execute(line)
  }

  /** Most commands are over at once. */
  #execute(line: Uint8Array): boolean | Promise<boolean> {
    try {
      const { command, text } = readCommand(line)
      const running = command.run(text, this)
      return running === undefined ? this.#executed() : running.then(() => this.#executed(), (error: unknown) => this.#notExecuted(error))
    } catch (error) {
      return this.#notExecuted(error)
    }
  }

  #executed(): boolean {
    this.#badCommands = 0
    return true
  }

  #notExecuted(error: unknown): boolean {
    if (!(error instanceof Refusal)) throw error
    this.#refuse(error)
    return true
  }

  #refuse(refusal: Refusal): void {
    this.reply(refusal.message)
    if (refusal.close !== undefined) return this.close(refusal.close)
    this.#badCommands = refusal.bad ? this.#badCommands + 1 : 0
    if (this.#badCommands < limits.badCommands) return
    this.reply('421 4.7.0 Too many invalid commands')
    this.close('Too many invalid commands')
  }

  #receive(receiving: Receiving): boolean | Promise<boolean> {
    const outcome = receiving.take(this.#input)
    if (outcome === 'whole') return this.#finish(receiving)
    if (typeof outcome !== 'string') return outcome.then(() => true)
    if (outcome !== 'end') return outcome === 'more'
    this.#receiving = undefined
    this.reply(receiving.reply)
    return true
  }

  /** The message is whole. From here on the intake belongs to the delivery, whatever becomes of the client. */
  async #finish({ intake, transaction }: Receiving): Promise<boolean> {
    this.#receiving = undefined
    this.transaction = undefined
    this.#send()
    const replies = await deliver(intake!, transaction!, this, {
      nextId: () => `${this.world.seed.id}:${++this.#deliveries}`,
      stillThere: () => !this.#ended,
    })
    for (const reply of replies) this.reply(reply)
    this.#send()
    return true
  }

  #send(): void {
    if (this.#replies === '' || this.#ended) return
    this.world.wire.write(Buffer.from(this.#replies, 'utf8'))
    this.#replies = ''
  }

  #newIntake(): MessageIntake {
    const { effects, settings, seed } = this.world
    const temporaryDirectory = expand(settings.mail_temp_dir, userVariables({ user: '', service: 'lmtp', session: seed.id }))
    return new MessageIntake(effects, { temporaryDirectory })
  }

  #resumeInput(): void {
    if (!this.#paused || this.#ended || this.#input.size > limits.inputHighBytes / 2) return
    this.#paused = false
    this.world.wire.resume()
  }

  /** Says goodbye to a client that has been silent for limits.lmtpIdleMs. One that waits for us is not silent. */
  #watch(ms: number): void {
    const { clock, timers } = this.world.effects
    this.#cancelIdle = timers.after(ms, () => {
      const silent = this.#running ? 0 : clock.monotonic() - this.#lastActivity
      if (silent < limits.lmtpIdleMs) return this.#watch(limits.lmtpIdleMs - silent)
      this.reply(`421 4.4.2 ${this.hostname} Disconnected for inactivity`)
      this.close('Disconnected for inactivity')
    })
  }

  #fail(error: unknown): void {
    if (error instanceof Cancelled) return this.#end()
    const text = error instanceof Error ? error.stack ?? error.message : messageOf(error)
    this.world.effects.emit({ level: 'error', name: 'lmtp.failure', service: 'lmtp', session: this.world.seed.id, text: `session failed: ${text}` })
    this.reply('421 4.3.0 Temporary internal error')
    this.close('Internal error')
  }

  #end(): void {
    if (this.#ended) return
    this.#release()
    this.world.ended()
  }

  /** Gives back everything: nothing is read or written any more. */
  #release(): void {
    this.#ended = true
    this.#cancelIdle?.()
    if (this.#receiving instanceof DataContent) this.#discard(this.#receiving.intake)
    this.#receiving = undefined
    this.reset()
    for (const done of this.#stopped ?? []) done()
  }

  #discard(intake: MessageIntake): void {
    intake.discard().catch((error: unknown) => {
      this.world.effects.emit({ level: 'warning', name: 'lmtp.spool', service: 'lmtp', session: this.world.seed.id, text: `spool file not removed: ${messageOf(error)}` })
    })
  }

  #log(text: string): void {
    this.world.effects.emit({ level: 'info', name: 'lmtp.connection', service: 'lmtp', session: this.world.seed.id, text: oneLine(text) })
  }
}
