// Servers of one kind, in the order in which they are tried. One that failed is passed over for a while, each time twice as
// long, so that a server which is away costs neither every look-up a time-out nor its network a storm.

import { TempFail } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'

interface Failure { count: number; until: number; reason: string }

export class Failover<Server extends { name: string }> {
  readonly all: readonly Server[]
  readonly #kind: string
  readonly #now: () => number
  readonly #failures = new Map<Server, Failure>()

  /** `kind`: for messages. `now`: monotonic ms. */
  constructor(kind: string, all: readonly Server[], now: () => number = () => performance.now()) {
    this.all = all
    this.#kind = kind
    this.#now = now
  }

  /** The first server that is worth a try, and none of `tried`. TempFail: all have failed just now. */
  next(tried: ReadonlySet<Server> = new Set()): Server {
    const server = this.all.find((server) => !tried.has(server) && (this.#failures.get(server)?.until ?? 0) <= this.#now())
    if (server !== undefined) return server
    const reasons = this.all.map((server) => `${server.name}: ${this.#failures.get(server)?.reason}`)
    throw new TempFail(`no ${this.#kind} server answers (${reasons.join('; ')})`)
  }

  failed(server: Server, reason: string): void {
    const count = (this.#failures.get(server)?.count ?? 0) + 1
    const wait = Math.min(limits.databaseRetryMs * 2 ** (count - 1), limits.databaseRetryMaxMs)
    this.#failures.set(server, { count, until: this.#now() + wait, reason })
  }

  answered(server: Server): void { this.#failures.delete(server) }
}
