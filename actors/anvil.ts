// Anvil: who is connected. One on the main thread; session workers tell it of logged-in connections, it counts them by
// service, user and address, and holds mail_max_userip_connections. Check and count are one message, so that two
// connections at the same instant cannot both take the last place (Dovecot's are two, and can).

import type { Settings } from '../conf/settings.ts'

/**
 * A connection with a user. `key` is its own; session ids that proxies give may come twice. `worker` is the session worker that
 * has the socket, or where it went on.
 */
export interface Connection { key: string; session: string; service: string; user: string; ip: string; worker: number }

export type AnvilMessage =
  | ({ kind: 'connect' } & Connection)
  | { kind: 'disconnect'; key: string }
  | { kind: 'who' }

export type AnvilAnswer = { admitted: true } | { admitted: false; reason: string } | Connection[] | undefined

export interface Anvil {
  /**
   * `connect` answers whether the connection may stay, and has counted it if so; one already counted is admitted
   * again under its new place. `disconnect` of an unknown one is harmless. `who` answers all connections.
   */
  receive(message: AnvilMessage): AnvilAnswer
  /** Forgets the connections of a worker that died. */
  dropWorker(worker: number): void
}

export const createAnvil = (settings: Pick<Settings, 'mail_max_userip_connections'>): Anvil => new Connections(settings.mail_max_userip_connections)

const placeOf = (connection: Connection): string => `${connection.service}\0${connection.user}\0${connection.ip}`

class Connections implements Anvil {
  readonly #max: number
  readonly #byKey = new Map<string, Connection>()
  readonly #counts = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  receive(message: AnvilMessage): AnvilAnswer {
    switch (message.kind) {
      case 'connect': {
        const { kind: _, ...connection } = message
        return this.#connect(connection)
      }
      case 'disconnect':
        this.#remove(message.key)
        return undefined
      case 'who':
        return [...this.#byKey.values()]
    }
  }

  dropWorker(worker: number): void {
    for (const connection of [...this.#byKey.values()]) {
      if (connection.worker === worker) this.#remove(connection.key)
    }
  }

  #connect(connection: Connection): { admitted: true } | { admitted: false; reason: string } {
    const known = this.#byKey.get(connection.key)
    if (known !== undefined) this.#remove(known.key)
    const place = placeOf(connection)
    const count = this.#counts.get(place) ?? 0
    if (this.#max > 0 && count >= this.#max) {
      return { admitted: false, reason: `Maximum number of connections from user+IP exceeded (mail_max_userip_connections=${this.#max})` }
    }
    this.#counts.set(place, count + 1)
    this.#byKey.set(connection.key, connection)
    return { admitted: true }
  }

  #remove(key: string): void {
    const connection = this.#byKey.get(key)
    if (connection === undefined) return
    this.#byKey.delete(key)
    const place = placeOf(connection)
    const left = (this.#counts.get(place) ?? 1) - 1
    if (left > 0) this.#counts.set(place, left)
    else this.#counts.delete(place)
  }
}
