// A way to the directory that is always there for the one who asks: a connection kept open, opened anew when it has broken, and
// to the next server when one does not answer. One question at a time: while a bind is on its way, LDAP allows no other.

import { TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { Connection } from './connection.ts'
import type { LdapServer, Servers } from './servers.ts'
import type { Tls } from './socket.ts'

export interface LinkTimes { connectMs: number; answerMs: number; lookupMs: number }

export const linkTimes: LinkTimes = { connectMs: limits.ldapConnectMs, answerMs: limits.ldapAnswerMs, lookupMs: limits.ldapLookupMs }

/** What a fresh connection needs before it can be asked; TempFail if it cannot be had. */
export type Prepare = (connection: Connection, ms: number) => Promise<void>

export class Link {
  readonly #servers: Servers
  readonly #tls: Tls
  readonly #times: LinkTimes
  readonly #prepare: Prepare
  #connection: Connection | undefined
  /** Settles when the questions asked so far have been answered. */
  #tail: Promise<unknown> = Promise.resolve()

  constructor(servers: Servers, tls: Tls, times: LinkTimes, prepare: Prepare = () => Promise.resolve()) {
    this.#servers = servers
    this.#tls = tls
    this.#times = times
    this.#prepare = prepare
  }

  /** Asks; `ms` is what one answer may take. TempFail: no server has answered in time. */
  run<Answer>(ask: (connection: Connection, ms: number) => Promise<Answer>): Promise<Answer> {
    const deadline = performance.now() + this.#times.lookupMs
    const answer = this.#tail.then(() => this.#run(ask, deadline))
    this.#tail = answer.catch(() => {})
    return answer
  }

  /** A connection of one's own, for more than one question; the asker closes it. TempFail. */
  open(): Promise<Connection> { return this.#open(performance.now() + this.#times.lookupMs, new Set()) }

  async #run<Answer>(ask: (connection: Connection, ms: number) => Promise<Answer>, deadline: number): Promise<Answer> {
    const tried = new Set<LdapServer>()
    for (;;) {
      const kept = this.#connection?.usable === true ? this.#connection : undefined
      const connection = kept ?? (this.#connection = await this.#open(deadline, tried))
      try {
        const answer = await ask(connection, this.#left(deadline))
        this.#servers.answered(connection.server)
        return answer
      } catch (error) {
        if (!(error instanceof TempFail)) throw error
        connection.close()
        // A kept connection may have died unseen: that says nothing of its server.
        if (kept === undefined || connection.late) this.#failed(connection.server, error, tried)
      }
    }
  }

  /** A prepared connection to the first server that gives one; the others are added to `tried`. */
  async #open(deadline: number, tried: Set<LdapServer>): Promise<Connection> {
    for (;;) {
      const server = this.#servers.next(tried)
      const left = this.#left(deadline)
      let connection: Connection | undefined
      try {
        connection = await Connection.open(server, this.#tls, Math.min(this.#times.connectMs, left))
        await this.#prepare(connection, this.#left(deadline))
        return connection
      } catch (error) {
        if (!(error instanceof TempFail)) throw error
        connection?.close()
        this.#failed(server, error, tried)
      }
    }
  }

  #failed(server: LdapServer, { message }: TempFail, tried: Set<LdapServer>): void {
    tried.add(server)
    this.#servers.failed(server, message)
  }

  #left(deadline: number): number {
    const left = deadline - performance.now()
    if (left <= 0) throw new TempFail(`the directory has not answered within ${this.#times.lookupMs} ms`)
    return Math.min(left, this.#times.answerMs)
  }
}
