// The connections of one session worker on which nobody has logged in yet. There may be only so many: of all (then the oldest one
// goes, so that a flood cannot keep others out, as in Dovecot), and from one address (then the new one goes).

import type { Clock } from '../runtime/effects.ts'
import type { LogEvent } from '../runtime/events.ts'
import { limits } from '../runtime/limits.ts'

export interface Stranger {
  readonly seed: { readonly protocol: string; readonly remote: { readonly ip: string }; readonly local: { readonly ip: string }; readonly trusted: boolean }
  readonly session: { stop(reason: string): Promise<void> }
}

export interface StrangerBounds { all: number; ofAddress: number }

interface World { clock: Pick<Clock, 'monotonic'>; emit(event: LogEvent): void }

export class Strangers {
  readonly #world: World
  /** The oldest first, with the address it is counted under ('' for none). */
  readonly #byAge = new Map<Stranger, string>()
  readonly #byAddress = new Map<string, number>()
  #toldMs = -Infinity
  #untold = 0

  constructor(world: World) { this.#world = world }

  get size(): number { return this.#byAge.size }

  /** Whether one more may come from this address. Proxies and this machine itself may bring any number. */
  admits(seed: Stranger['seed'], { ofAddress }: StrangerBounds): boolean {
    if (ofAddress === 0 || (this.#byAddress.get(addressOf(seed)) ?? 0) < ofAddress) return true
    this.#tell(seed, `more than ${ofAddress} connections from one address have not logged in (culver_login_ip_connections)`)
    return false
  }

  add(stranger: Stranger, { all }: StrangerBounds): void {
    const address = addressOf(stranger.seed)
    this.#byAge.set(stranger, address)
    if (address !== '') this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1)
    if (all === 0 || this.#byAge.size <= all) return
    const [oldest] = this.#byAge.keys()
    if (oldest === undefined) return
    this.#tell(oldest.seed, `service(${stranger.seed.protocol}-login): client_limit reached, the oldest connections are dropped`)
    this.remove(oldest)
    void oldest.session.stop('Disconnected: Connection queue full')
  }

  /** It has logged in or gone. */
  remove(stranger: Stranger): void {
    const address = this.#byAge.get(stranger)
    if (address === undefined) return
    this.#byAge.delete(stranger)
    const left = (this.#byAddress.get(address) ?? 0) - 1
    if (left > 0) this.#byAddress.set(address, left)
    else this.#byAddress.delete(address)
  }

  /** A flood fills no log. */
  #tell({ protocol, remote: { ip } }: Stranger['seed'], text: string): void {
    this.#untold++
    const now = this.#world.clock.monotonic()
    if (now - this.#toldMs < limits.floodWarnMs) return
    this.#world.emit({ level: 'warning', name: 'net.flood', service: `${protocol}-login`, text: `${text}: rip=${ip}, ${this.#untold} since it was told last` })
    this.#toldMs = now
    this.#untold = 0
  }
}

const addressOf = ({ remote, local, trusted }: Stranger['seed']): string => (trusted || remote.ip === local.ip ? '' : remote.ip)
