// Anvil: who is connected. One on the main thread; session workers tell it of logged-in connections, it counts them by
// service, user and address, and holds mail_max_userip_connections. Check and count are one message, so that two
// connections at the same instant cannot both take the last place (Dovecot's are two, and can).

import type { Admission, AnvilAnswer, AnvilMessage, Connection } from './anvil-messages.ts'

/** Connections that there may be of each service, where it is bounded. */
export type ServiceBounds = Readonly<Record<string, number | undefined>>

export interface Anvil {
  /**
   * `connect` answers whether the connection may stay, and has counted it if so; one already counted is admitted
   * again under its new place. `disconnect` of an unknown one is harmless. `who` answers all connections, `kick` those of
   * `keys` that there were: their ends are on the way.
   */
  receive(message: AnvilMessage): AnvilAnswer
  /** How many connections each service has. */
  readonly services: ReadonlyMap<string, number>
  /** The bounds from now on; who is there stays. */
  reload(services: ServiceBounds): void
  /** Forgets the connections of a worker that died. */
  dropWorker(worker: number): void
}

/** `kick` ends connections of one worker: it is told their keys. */
export const createAnvil = (services: ServiceBounds, kick: (worker: number, keys: string[]) => void): Anvil =>
  new Connections(services, kick)

const placeOf = (connection: Connection): string => `${connection.service}\0${connection.user}\0${connection.ip}`

class Connections implements Anvil {
  #bounds: ServiceBounds
  readonly #kick: (worker: number, keys: string[]) => void
  readonly #byKey = new Map<string, Connection>()
  readonly #counts = new Map<string, number>()
  readonly #services = new Map<string, number>()

  constructor(services: ServiceBounds, kick: (worker: number, keys: string[]) => void) {
    this.#bounds = services
    this.#kick = kick
  }

  get services(): ReadonlyMap<string, number> { return this.#services }

  receive(message: AnvilMessage): AnvilAnswer {
    switch (message.kind) {
      case 'connect': {
        const { kind: _, most, ...connection } = message
        return this.#connect(connection, most)
      }
      case 'disconnect':
        this.#remove(message.key)
        return undefined
      case 'who':
        return [...this.#byKey.values()]
      case 'kick':
        return this.#end(message.keys)
    }
  }

  reload(services: ServiceBounds): void { this.#bounds = services }

  dropWorker(worker: number): void {
    for (const connection of [...this.#byKey.values()]) {
      if (connection.worker === worker) this.#remove(connection.key)
    }
  }

  #end(keys: readonly string[]): Connection[] {
    const found = keys.flatMap((key) => this.#byKey.get(key) ?? [])
    for (const worker of new Set(found.map((connection) => connection.worker))) {
      this.#kick(worker, found.filter((connection) => connection.worker === worker).map(({ key }) => key))
    }
    return found
  }

  #connect(connection: Connection, max: number): Admission {
    const known = this.#byKey.get(connection.key)
    if (known !== undefined) this.#remove(known.key)
    const place = placeOf(connection)
    const count = this.#counts.get(place) ?? 0
    if (max > 0 && count >= max) {
      return { admitted: false, limit: 'mail_max_userip_connections', reason: `Maximum number of connections from user+IP exceeded (mail_max_userip_connections=${max})` }
    }
    const { service } = connection
    const ofService = this.#services.get(service) ?? 0
    const most = this.#bounds[service]
    if (most !== undefined && ofService >= most) {
      return { admitted: false, limit: 'service', reason: `service(${service}): process_limit (${most}) reached, client connections are being refused` }
    }
    this.#services.set(service, ofService + 1)
    this.#counts.set(place, count + 1)
    this.#byKey.set(connection.key, connection)
    return { admitted: true }
  }

  #remove(key: string): void {
    const connection = this.#byKey.get(key)
    if (connection === undefined) return
    this.#byKey.delete(key)
    this.#services.set(connection.service, (this.#services.get(connection.service) ?? 1) - 1)
    const place = placeOf(connection)
    const left = (this.#counts.get(place) ?? 1) - 1
    if (left > 0) this.#counts.set(place, left)
    else this.#counts.delete(place)
  }
}
