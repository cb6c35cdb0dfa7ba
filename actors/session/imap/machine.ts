// One IMAP connection: greeting, commands one after another, the farewell. RFC 3501 §3, §5, §7.1.
//
// The loop: read a command → run it → tell what the mailbox has to tell (by the command's flags) → tagged reply → wait for
// a slow client. What a command may do to the session is in connection.ts.
// A session ends in one place (`#end`), whatever ended it, and then holds nothing.

import { Bug, Cancelled } from '../../../runtime/errors.ts'
import type { Cancel } from '../../../runtime/effects.ts'
import type { Description } from '../../../runtime/actor.ts'
import { limits } from '../../../runtime/limits.ts'
import type { Session, SessionFactory, SessionWorld } from '../types.ts'
import { BreaksMailbox, BreaksSequences, RequiresSync, UsesSequences } from './command.ts'
import { ImapConnection } from './connection.ts'
import type { Frozen } from './connection.ts'
import { unknownCommand } from './dispatch.ts'
import type { Rejected } from './dispatch.ts'
import { respText } from './encode.ts'
import { Input } from './input.ts'
import { settle } from './login.ts'
import { logDisconnect, logFailure, logLogout, logNoLogin } from './log.ts'
import { CommandReader } from './reader.ts'
import type { Received } from './reader.ts'
import { No, refusalOf } from './result.ts'
import type { Disconnect, Ok } from './result.ts'
import { mustSpeakUids } from './revision.ts'

export const imapSession: SessionFactory = (world) => new ImapMachine(world)

class ImapMachine implements Session {
  readonly #world: SessionWorld
  readonly #input: Input
  readonly #connection: ImapConnection
  readonly #reader: CommandReader
  /** What the running command is, for `describe` and the log. */
  #says: (() => string) | undefined
  /** Bad commands in a row. */
  #bad = 0
  /** When the connection began; after login, when bytes of the client came or a command ended last (monotonic ms). */
  #heardMs = 0
  #inactivity: Cancel | undefined
  #parking: Cancel | undefined
  /** The session ends after the running command, and why; '': nothing is told. */
  #bye: string | undefined
  /** The session was sent away before its login was complete, and why. */
  #disconnect: Disconnect | undefined
  #over = false
  #stopped: (() => void)[] | undefined

  constructor(world: SessionWorld) {
    this.#world = world
    this.#input = new Input(world.wire, limits.preLoginLineBytes)
    this.#connection = new ImapConnection(world, this.#input, { leave: (bye) => this.#leave(bye), crash: (error) => this.#crash(error), woken: () => this.#parkLater() })
    this.#reader = new CommandReader(this.#input, () => this.#connection.write('+ OK\r\n'))
  }

  start(): void {
    this.#watchInactivity()
    void this.#live()
  }

  input(bytes: Uint8Array): void {
    if (this.#over) return
    // Before login it is the connection's age that counts: a byte now and then does not keep a stranger here.
    if (this.#connection.authenticated) this.#heardMs = this.#world.effects.clock.monotonic()
    this.#input.push(bytes)
  }

  end(why?: string): void {
    if (why === undefined) this.#input.complete()
    else this.#leave(why)
  }

  hangup(): void {
    this.#connection.abandon()
    this.#leave('')
  }

  stop(reason: string): Promise<void> {
    if (this.#over) return Promise.resolve()
    this.#leave(reason)
    return new Promise((resolve) => { (this.#stopped ??= []).push(resolve) })
  }

  describe(): Description {
    const user = this.#connection.authenticated ? this.#connection.user.account.user : '(not logged in)'
    return { kind: 'imap', name: this.#world.seed.id, detail: `${user} ${this.#says?.() ?? ''}`.trimEnd() }
  }

  // ---- Life ------------------------------------------------------------------------------------------------------

  async #live(): Promise<void> {
    try {
      const { resumed, again } = this.#world.seed
      if (resumed !== undefined) await this.#resume(resumed)
      else if (again !== undefined) this.#goOn(again)
      else this.#greet()
      for (let turn = 1; this.#bye === undefined; turn++) {
        await this.#one()
        // A client that sends thousands of commands at once does not make others wait for all of them.
        if (turn % limits.pipelinedCommands === 0) await this.#nextTurn()
      }
    } catch (error) {
      if (!(error instanceof Cancelled)) this.#crash(error)
    } finally {
      this.#end()
    }
  }

  #greet(): void {
    this.#connection.send(`OK [CAPABILITY ${this.#connection.capability()}] ${respText(this.#world.settings.login_greeting)}`)
  }

  /** As after the greeting. RFC 8437: whose connection it is has been said. RFC 3501 §6.2.1: nothing said before TLS counts. */
  #goOn({ input, from }: NonNullable<SessionWorld['seed']['again']>): void {
    this.#connection.identified = from === 'logout'
    if (input.length > 0) this.#input.push(input)
  }

  /** The session has logged in on another worker, which has told the client nothing yet. */
  async #resume({ account, state, input }: NonNullable<SessionWorld['seed']['resumed']>): Promise<void> {
    const { tag, mechanism, workarounds } = state as Frozen
    if (input.length > 0) this.#input.push(input)
    this.#connection.attempts = { count: 1, user: account.user, method: mechanism, firstMs: this.#heardMs, successes: 1 }
    try {
      const user = await settle(this.#world, account, mechanism, () => { throw new Bug('a resumed session cannot move on') })
      this.#reply(tag, 'OK', this.#connection.enter(user!, mechanism, workarounds))
    } catch (error) {
      if (error instanceof Cancelled) throw error
      this.#refuse(tag, error)
      this.#leave('Logging in failed, please try again.')
    }
  }

  async #one(): Promise<void> {
    const connection = this.#connection
    const received = await this.#reader.next(connection.state, connection.parserOptions)
    if (connection.speaking !== undefined) await connection.speaking
    if (connection.asleep) await connection.wake()
    if ('bye' in received) return this.#leave(received.bye)
    if ('error' in received) this.#reject(received)
    else await this.#execute(received)
    if (this.#parking === undefined && connection.authenticated) this.#parkLater()
    await connection.flush()
  }

  async #execute({ head: { command, running }, args }: Received): Promise<void> {
    const connection = this.#connection
    const started = connection.authenticated ? this.#world.effects.clock.monotonic() : undefined
    const flags = running.uid ? (command.flags & ~UsesSequences) | BreaksSequences : command.flags
    this.#says = () => [running.uid ? 'UID' : '', running.name, command.log?.(args) ?? ''].filter((s) => s !== '').join(' ')
    connection.begin(running, flags)
    try {
      if ((flags & RequiresSync) !== 0) connection.syncAs('no-expunge')
      const done = await outcome(() => {
        if (command.offered?.(this.#world.settings, this.#world.seed) === false) throw unknownCommand(connection.state, running.name)
        if ((flags & UsesSequences) !== 0) mustSpeakUids(connection, running.name)
        return command.run(args, connection)
      })
      if (done instanceof Cancelled && (this.#bye !== undefined || connection.silent || this.#input.isComplete)) throw done
      // However IDLE came to its end.
      if (connection.asleep) await connection.wake()
      if ((flags & BreaksMailbox) === 0) connection.sync()
      const searched = connection.searched()
      if (searched !== undefined) await searched
      if (done instanceof Error) return this.#refuse(running.tag, done, started)
      this.#reply(running.tag, 'OK', done, started)
      connection.replied()
      this.#bad = 0
    } finally {
      connection.finish()
      this.#says = undefined
      if (connection.authenticated) this.#heardMs = this.#world.effects.clock.monotonic()
    }
  }

  #reject({ tag, error }: Rejected): void {
    const started = this.#connection.authenticated ? this.#world.effects.clock.monotonic() : undefined
    this.#connection.begin({ tag, name: '', uid: false }, 0)
    this.#refuse(tag, error, started)
    this.#connection.finish()
  }

  #refuse(tag: string, error: unknown, started?: number): void {
    const { status, code, text, log } = refusalOf(error, this.#world.effects.clock.now())
    if (log) logFailure(this.#connection, this.#says?.() ?? '', error)
    this.#reply(tag, status, { text, code }, started)
    if (error instanceof No && error.disconnect !== undefined) {
      this.#disconnect = error.disconnect
      return this.#leave('')
    }
    const most = this.#connection.authenticated ? limits.badCommands : limits.badCommandsPreLogin
    if (status === 'BAD' && ++this.#bad >= most) this.#leave('Too many invalid IMAP commands.')
  }

  /** `started`: when the command began; absent before login, where no times are told. */
  #reply(tag: string, status: 'OK' | 'NO' | 'BAD', done: Ok, started?: number): void {
    const code = done.code === undefined || done.code === '' ? '' : `[${done.code}] `
    const text = started === undefined ? done.text : `${done.text.replace(/\.$/, '')} (${this.#times(started)}).`
    this.#connection.write(`${tag} ${status} ${code}${respText(text)}\r\n`)
  }

  /** `0.004 + 0.001 secs, 1 req`: own time, time waited for storage and client, requests to the object store. */
  #times(started: number): string {
    const { requests, waitMs } = this.#connection.cost
    const all = this.#world.effects.clock.monotonic() - started
    const waited = Math.min(all, waitMs)
    return `${((all - waited) / 1000).toFixed(3)} + ${(waited / 1000).toFixed(3)} secs${requests > 0 ? `, ${requests} req` : ''}`
  }

  // ---- The end ---------------------------------------------------------------------------------------------------

  /** The session ends as soon as nothing runs; the first reason counts. Whoever waits for the client waits no more. */
  #leave(bye: string): void {
    this.#bye ??= bye
    this.#input.end('the session ends')
  }

  #crash(error: unknown): void {
    logFailure(this.#connection, this.#says?.() ?? '', error)
    this.#leave('Internal error occurred, session closed.')
  }

  #end(): void {
    this.#over = true
    this.#inactivity?.()
    this.#parking?.()
    const connection = this.#connection
    // In the middle of a literal a BYE would be taken for message text.
    if (this.#bye !== undefined && this.#bye !== '' && connection.speaking === undefined) connection.send(`BYE ${respText(this.#bye)}`)
    connection.release()
    connection.hush()
    // A session that goes on elsewhere has neither ended nor a wire of its own any more.
    if (!connection.moved) {
      if (this.#disconnect !== undefined) logDisconnect(connection, this.#disconnect)
      else if (connection.authenticated) logLogout(connection, connection.loggedOut ? 'Logged out' : this.#bye || 'Connection closed')
      else logNoLogin(connection, connection.loggedOut ? 'Aborted login by logging out' : this.#bye || 'Connection closed', connection.attempts, this.#heardMs)
      this.#world.wire.close()
      this.#world.ended()
    }
    for (const resolve of this.#stopped ?? []) resolve()
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => { this.#world.effects.timers.after(0, resolve) })
  }

  /**
   * imap_hibernate_timeout: whoever neither says nor hears anything for so long is put away as small as can be, in IDLE or not. One timer
   * that is set anew only when it rings; none runs while the session sleeps.
   */
  #parkLater(): void {
    const timeout = this.#world.settings.imap_hibernate_timeout
    if (timeout === 0 || this.#over) return
    const { clock, timers } = this.#world.effects
    const connection = this.#connection
    const look = (): void => {
      this.#parking = undefined
      const left = Math.max(this.#heardMs, connection.spokeMs) + timeout - clock.monotonic()
      const silent = this.#input.isAwaited && !connection.occupied && connection.speaking === undefined && this.#world.wire.pending === 0
      if (left <= 0 && silent && connection.park()) return
      this.#parking = timers.after(left > 0 ? left : timeout, look)
    }
    this.#parking?.()
    this.#parking = timers.after(timeout, look)
  }

  /**
   * One timer for the life of a session, set anew only when it rings. IDLE is not inactivity, nor is a command that takes
   * long; one that waits for the rest of its literal is.
   */
  #watchInactivity(): void {
    const { clock, timers } = this.#world.effects
    this.#heardMs = clock.monotonic()
    const look = (): void => {
      const bound = this.#connection.authenticated ? limits.imapIdleMs : limits.preLoginMs
      const left = this.#heardMs + bound - clock.monotonic()
      const waits = (this.#input.isAwaited && this.#connection.running.name !== 'IDLE') || !this.#connection.authenticated
      if (left <= 0 && waits) return this.#leave('Disconnected for inactivity.')
      this.#inactivity = timers.after(left > 0 ? left : bound, look)
    }
    this.#inactivity = timers.after(limits.preLoginMs, look)
  }
}

/** What a command came to, or why it did not. */
async function outcome(run: () => Promise<Ok> | Ok): Promise<Ok | Error> {
  try {
    return await run()
  } catch (error) {
    return error instanceof Error ? error : new Bug(String(error))
  }
}
