// Bytes between a socket on one session worker and its session on another (the user's home). Both ends of all relayed
// connections between two workers share their one Link; each direction has a window, so neither side can flood the other.
// What has been taken is told in large steps, so that a small command and its answer are one message each.
//
//   socket side: RelayedSocket — input → | Link `relay` | → RelayWire — home side
//
// When the Link breaks (the other thread died), clients get their protocol's farewell and sessions a hangup.

import type { SessionSeed, Wire } from '../actors/session/types.ts'
import { Cancelled } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import type { Link } from '../runtime/transport.ts'
import { DrainWaiters, Outgoing, flushThisTurn } from './outgoing.ts'
import type { Receiver, SocketWire } from './socket-wire.ts'

type ToHome =
  | { op: 'open'; id: number; seed: SessionSeed; bytesIn: number; bytesOut: number }
  | { op: 'input'; id: number; bytes: Uint8Array }
  | { op: 'output-taken'; id: number; count: number }
  | { op: 'end'; id: number }
  | { op: 'hangup'; id: number }

type ToSocket =
  | { op: 'output'; id: number; bytes: Uint8Array | string }
  | { op: 'input-taken'; id: number; count: number }
  | { op: 'close'; id: number }

/** What the relay needs of the worker it is in. */
export interface RelayHost {
  /** Starts the session that continues here; its input comes to the returned receiver. */
  continueSession(seed: SessionSeed, wire: RelayWire): Receiver
  /** The last line for clients of a protocol whose session died with its worker. */
  farewell(seed: SessionSeed): string
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
    this.#link.tell('relay.to-home', { op: 'open', id, seed, bytesIn: wire.bytesIn, bytesOut: wire.bytesOut } satisfies ToHome)
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
    else if (message.op === 'end') wire.end()
    else wire.hangup()
  }

  #toSocket(message: ToSocket): void {
    const socket = this.#sockets.get(message.id)
    if (socket === undefined) return
    if (message.op === 'output') socket.output(message.bytes)
    else if (message.op === 'input-taken') socket.inputTaken(message.count)
    else socket.close()
  }

  #broken(): void {
    for (const socket of [...this.#sockets.values()]) socket.orphaned()
    for (const wire of [...this.#wires.values()]) wire.hangup()
  }
}

interface Way<Message> {
  tell(message: Message, transfer?: readonly unknown[]): void
  gone(): void
}

type Without<M> = M extends { id: number } ? Omit<M, 'id'> : never

/** Bytes taken before the other side is told: little enough that what is untold never keeps anyone waiting. */
const inputStep = limits.inputHighBytes / 4
const outputStep = limits.wireLowBytes / 2

/** Socket side of one relayed connection. */
class RelayedSocket implements Receiver {
  readonly #wire: SocketWire
  readonly #farewell: string
  readonly #way: Way<Without<ToHome>>
  /** Sent home and not told of as taken. */
  #unacknowledged = 0
  /** Come from home and not told of as taken. */
  #untold = 0

  constructor(wire: SocketWire, farewell: string, way: Way<Without<ToHome>>) {
    this.#wire = wire
    this.#farewell = farewell
    this.#way = way
  }

  input(bytes: Uint8Array): void {
    // A buffer that is shared with others cannot be transferred.
    const own = bytes.length === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
    this.#unacknowledged += own.length
    if (this.#unacknowledged > limits.inputHighBytes) this.#wire.pause()
    this.#way.tell({ op: 'input', bytes: own }, [own.buffer])
  }

  inputTaken(count: number): void {
    this.#unacknowledged -= count
    if (this.#unacknowledged <= limits.inputHighBytes) this.#wire.resume()
  }

  output(bytes: Uint8Array | string): void {
    this.#wire.write(bytes)
    this.#untold += bytes.length
    if (this.#untold < outputStep) return
    if (this.#wire.pending <= limits.wireLowBytes) this.#acknowledge()
    else void this.#wire.drained().then(() => this.#acknowledge(), () => {})
  }

  #acknowledge(): void {
    if (this.#untold === 0) return
    this.#way.tell({ op: 'output-taken', count: this.#untold })
    this.#untold = 0
  }

  end(): void { this.#way.tell({ op: 'end' }) }

  hangup(): void {
    this.#way.tell({ op: 'hangup' })
    this.#way.gone()
  }

  close(): void {
    this.#wire.close()
    this.#way.gone()
  }

  orphaned(): void {
    this.#wire.write(this.#farewell)
    this.close()
  }
}

/** Home side of one relayed connection: the Wire of a session whose socket is on another thread. */
export class RelayWire implements Wire {
  readonly #way: Way<Without<ToSocket>>
  readonly #outgoing = new Outgoing()
  readonly #waiters = new DrainWaiters()
  #receiver: Receiver | undefined
  /** Received while the session had paused; at most the socket side's window. */
  #held: Uint8Array[] = []
  #paused = false
  #ended = false
  /** Bytes on their way to the client that the socket side has not told of as taken. */
  #sent = 0
  /** Bytes of input taken that the socket side has not been told of. */
  #untold = 0
  #flushDue = false
  #gone = false
  bytesIn: number
  bytesOut: number

  constructor(opened: { bytesIn: number; bytesOut: number }, way: Way<Without<ToSocket>>) {
    this.#way = way
    this.bytesIn = opened.bytesIn
    this.bytesOut = opened.bytesOut
  }

  feed(receiver: Receiver): void { this.#receiver = receiver }

  get pending(): number { return this.#outgoing.size + this.#sent }

  write(bytes: Uint8Array | string): void {
    if (this.#gone) return
    this.#outgoing.add(bytes)
    if (this.pending > limits.wireMaxBytes) return this.#drop()
    if (this.#flushDue) return
    this.#flushDue = true
    flushThisTurn(this)
  }

  drained(): Promise<void> {
    if (this.#gone) return Promise.reject(new Cancelled('the client is gone'))
    if (this.pending <= limits.wireLowBytes) return Promise.resolve()
    return this.#waiters.wait()
  }

  pause(): void { this.#paused = true }

  resume(): void {
    this.#paused = false
    if (this.#held.length > 0) queueMicrotask(() => this.#release())
  }

  close(): void {
    if (this.#gone) return
    this.flush()
    this.#drop()
  }

  received(bytes: Uint8Array): void {
    this.bytesIn += bytes.length
    if (this.#paused || this.#held.length > 0) this.#held.push(bytes)
    else this.#handOver(bytes)
  }

  taken(count: number): void {
    this.#sent -= count
    if (this.#waiters.any && this.pending <= limits.wireLowBytes) this.#waiters.release()
  }

  /** The client sends no more than has been received. */
  end(): void {
    this.#ended = true
    if (this.#held.length === 0) this.#receiver?.end()
  }

  /** The socket is gone. */
  hangup(): void {
    if (this.#gone) return
    this.#gone = true
    this.#held = []
    this.#outgoing.take()
    this.#sent = 0
    this.#way.gone()
    this.#waiters.fail(new Cancelled('the client is gone'))
    // Never from within a call of the session's own (close): it hears of it as it does from a socket, a turn later.
    queueMicrotask(() => this.#receiver?.hangup())
  }

  /** What was held, until the session pauses again. */
  #release(): void {
    while (!this.#paused && this.#held.length > 0) this.#handOver(this.#held.shift()!)
    if (this.#ended && this.#held.length === 0) this.#receiver?.end()
  }

  #handOver(bytes: Uint8Array): void {
    this.#untold += bytes.length
    if (this.#untold >= inputStep) {
      this.#way.tell({ op: 'input-taken', count: this.#untold })
      this.#untold = 0
    }
    this.#receiver?.input(bytes)
  }

  /** Sends what has been gathered. */
  flush(): void {
    this.#flushDue = false
    if (this.#gone || this.#outgoing.size === 0) return
    const bytes = this.#outgoing.takeJoined()
    this.#sent += bytes.length
    this.bytesOut += bytes.length
    this.#way.tell({ op: 'output', bytes }, typeof bytes === 'string' ? undefined : [bytes.buffer])
  }

  #drop(): void {
    this.#way.tell({ op: 'close' })
    this.hangup()
  }
}
