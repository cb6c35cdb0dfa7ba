// Bytes between a socket on one session worker and its session on another (the user's home). Both ends of all relayed
// connections between two workers share their one Link; each direction has a window, so neither side can flood the other.
// What has been taken is told in large steps, so that a small command and its answer are one message each.
//
//   socket side: RelayedSocket — input → | Link `relay` | → RelayWire — home side
//
// Compression stays with the socket. Where the meaning of the client's bytes changes (they are compressed from here; they are
// for a session at the socket's side), the home recalls its input: what is on its way, or not consumed, comes back first.
//
// When the Link breaks (the other thread died), clients get their protocol's farewell and sessions a hangup.

import type { SessionSeed } from '../actors/session/seed.ts'
import type { Link } from '../runtime/transport.ts'
import type { ToHome, ToSocket } from './relay-messages.ts'
import { RelayWire } from './relay-wire.ts'
import { RelayedSocket } from './relayed-socket.ts'
import type { Receiver, SocketWire } from './socket-wire.ts'

/** What the relay needs of the worker it is in. */
export interface RelayHost {
  /** Starts the session that continues here; its input comes to the returned receiver. */
  continueSession(seed: SessionSeed, wire: RelayWire): Receiver
  /** The last line for clients of a protocol whose session died with its worker. */
  farewell(seed: SessionSeed): string
  /** A session has logged out elsewhere; another one begins here on its socket, with input that is for it. */
  beginAgain(seed: SessionSeed, wire: SocketWire, input: Uint8Array): void
}

/** One end of all relayed connections between this worker and one other. */
export class Relay {
  readonly #link: Link
  readonly #host: RelayHost
  readonly #sockets = new Map<number, RelayedSocket>()
  readonly #wires = new Map<number, RelayWire>()
  #nextId = 1

  constructor(link: Link, host: RelayHost) {
    this.#link = link
    this.#host = host
    link.handle('relay.to-home', { tell: (message: ToHome) => this.#toHome(message) })
    link.handle('relay.to-socket', { tell: (message: ToSocket) => this.#toSocket(message) })
    link.onClose(() => this.#broken())
  }

  /** Socket side: from now on the connection's session lives at the other end. */
  send(seed: SessionSeed, wire: SocketWire): void {
    const id = this.#nextId++
    const socket = new RelayedSocket(wire, this.#host.farewell(seed), {
      tell: (message, bytes) => this.#link.tell('relay.to-home', { ...message, id }, bytes),
      gone: () => this.#sockets.delete(id),
    })
    this.#sockets.set(id, socket)
    this.#link.tell('relay.to-home', { op: 'open', id, seed, bytesIn: wire.bytesIn, bytesOut: wire.bytesOut, compressed: wire.compressed } satisfies ToHome)
    wire.feed(socket)
    wire.resume()
  }

  #toHome(message: ToHome): void {
    if (message.op === 'open') {
      const { id } = message
      const wire = new RelayWire(message, {
        tell: (answer, bytes) => this.#link.tell('relay.to-socket', { ...answer, id }, bytes),
        gone: () => this.#wires.delete(id),
      })
      this.#wires.set(id, wire)
      wire.feed(this.#host.continueSession(message.seed, wire))
      return
    }
    const wire = this.#wires.get(message.id)
    if (wire === undefined) return // closed here while the message was on its way
    if (message.op === 'input') wire.received(message.bytes)
    else if (message.op === 'output-taken') wire.taken(message.count)
    else if (message.op === 'end') wire.end(message.why)
    else if (message.op === 'held') wire.held()
    else wire.hangup()
  }

  #toSocket(message: ToSocket): void {
    const socket = this.#sockets.get(message.id)
    if (socket === undefined) return
    if (message.op === 'output') socket.output(message.bytes)
    else if (message.op === 'input-taken') socket.inputTaken(message.count)
    else if (message.op === 'deflate') socket.deflate()
    else if (message.op === 'park') socket.wire.park()
    else if (message.op === 'hold') socket.hold()
    else if (message.op === 'inflate') socket.inflate(message.bytes)
    else if (message.op === 'again') {
      socket.wire.write(message.last)
      this.#host.beginAgain(message.seed, socket.wire, socket.release(message.bytes))
    } else socket.close()
  }

  #broken(): void {
    for (const socket of [...this.#sockets.values()]) socket.orphaned()
    for (const wire of [...this.#wires.values()]) wire.hangup()
  }
}
