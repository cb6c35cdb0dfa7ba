// A session that another server serves: two sockets, joined. What one side does not take, the other one does not send (a
// buffer of the runtime's on each side is all there is); each direction ends by itself; when one side is gone, so is the other.
// A machine that has vanished is noticed by keep-alives; who has been told the end, and neither says nor takes anything any more, is
// cut off after limits.slowClientMs.

import type net from 'node:net'
import type { Passed, Session } from '../actors/session/types.ts'
import type { SessionSeed } from '../actors/session/seed.ts'
import type { Description } from '../runtime/actor.ts'
import type { Cancel, Clock, Timers } from '../runtime/effects.ts'
import type { LogEvent } from '../runtime/events.ts'
import { limits } from '../runtime/limits.ts'
import type { SocketLink } from './backend-link.ts'
import type { SocketWire } from './socket-wire.ts'

interface World {
  readonly effects: { clock: Clock; timers: Timers; emit(event: LogEvent): void }
  readonly seed: SessionSeed
  ended(): void
}

export class ProxiedSession implements Session {
  readonly #world: World
  readonly #about: Passed
  readonly #begun: number
  #ends: [client: net.Socket, server: net.Socket] | undefined
  #over = false
  #because = ''
  #ending: Cancel | undefined
  #stopped: (() => void)[] = []

  constructor(world: World, about: Passed) {
    this.#world = world
    this.#about = about
    this.#begun = world.effects.clock.monotonic()
  }

  /** Joins them. `input`: of the client, received already. */
  async join(client: SocketWire, link: SocketLink, input: Uint8Array): Promise<void> {
    const early = link.handOn()
    client.write(early.input)
    const [clientSocket, serverSocket] = await Promise.all([client.detach(true), early.wire.detach(true)])
    if (clientSocket === undefined || serverSocket === undefined || this.#over) {
      clientSocket?.destroy()
      serverSocket?.destroy()
      if (clientSocket === undefined) client.destroy()
      return this.#end(clientSocket === undefined ? 'by client' : 'by server')
    }
    this.#ends = [clientSocket, serverSocket]
    clientSocket.once('close', () => this.#closed('by client', serverSocket))
    serverSocket.once('close', () => this.#closed('by server', clientSocket))
    this.#atEnd(clientSocket, 'by client')
    this.#atEnd(serverSocket, 'by server')
    for (const socket of this.#ends) socket.setKeepAlive(true, limits.proxyKeepAliveMs)
    if (input.length > 0) serverSocket.write(input)
    clientSocket.pipe(serverSocket)
    serverSocket.pipe(clientSocket)
  }

  start(): void {}
  input(): void {}
  end(): void {}
  hangup(): void {}

  /** Nobody knows whether a response is on its way: the client is told nothing. */
  stop(reason: string): Promise<void> {
    if (this.#over) return Promise.resolve()
    const stopped = new Promise<void>((resolve) => { this.#stopped.push(resolve) })
    this.#because ||= reason
    if (this.#ends === undefined) this.#end(reason)
    for (const socket of this.#ends ?? []) socket.destroy()
    return stopped
  }

  describe(): Description {
    return { kind: `${this.#world.seed.protocol}-proxy`, name: this.#world.seed.id, detail: `${this.#about.user} at ${this.#about.place}` }
  }

  #atEnd(socket: net.Socket, who: string): void {
    const ended = (): void => {
      this.#because ||= who
      this.#watch()
    }
    if (socket.readableEnded) ended()
    else socket.once('end', ended)
  }

  /** One side has said all: it ends within limits.slowClientMs of the last byte. */
  #watch(): void {
    const moved = (): number => this.#ends!.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
    const before = moved()
    this.#ending ??= this.#world.effects.timers.after(limits.slowClientMs, () => {
      this.#ending = undefined
      if (moved() !== before) return this.#watch()
      for (const socket of this.#ends!) socket.destroy()
    })
  }

  /** The other end gets what has been sent to it, and is closed then. */
  #closed(who: string, other: net.Socket): void {
    if (!other.destroyed) {
      const cancel = this.#world.effects.timers.after(limits.slowClientMs, () => other.destroy())
      other.once('close', cancel)
      if (other.writableLength === 0) other.destroy()
      else other.end(() => other.destroy())
    }
    this.#end(this.#because || who)
  }

  #end(because: string): void {
    if (this.#over) return
    this.#over = true
    this.#ending?.()
    const { effects, seed } = this.#world
    const seconds = Math.round((effects.clock.monotonic() - this.#begun) / 1000)
    const [client, server] = this.#ends ?? []
    effects.emit({
      level: 'info', name: 'proxy.end', service: `${seed.protocol}-login`, user: this.#about.user, session: seed.id,
      text: `proxy(${this.#about.user},${this.#about.place}): Disconnected: ${because} (${seconds}s, in=${client?.bytesRead ?? 0}, out=${server?.bytesRead ?? 0})`,
    })
    this.#world.ended()
    for (const done of this.#stopped) done()
  }
}
