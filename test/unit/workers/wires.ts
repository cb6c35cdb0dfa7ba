// A socket with a wire on it, its client, and a receiver that writes down what it gets.

import { Buffer } from 'node:buffer'
import net from 'node:net'
import { realTimers } from '../../../runtime/real-effects.ts'
import type { Timers } from '../../../runtime/effects.ts'
import { SocketWire } from '../../../workers/socket-wire.ts'
import type { Receiver } from '../../../workers/socket-wire.ts'

interface Teardown { teardown(action: () => void | Promise<void>): unknown }

/** Everything a receiver is told, and a way to wait for it. */
export class Heard implements Receiver {
  text = ''
  bytes = 0
  ends = 0
  hangups = 0
  #wake = (): void => {}

  input(bytes: Uint8Array): void {
    this.bytes += bytes.length
    if (this.text.length < 10_000) this.text += Buffer.from(bytes).toString('latin1')
    this.#wake()
  }
  end(): void { this.ends++; this.#wake() }
  hangup(): void { this.hangups++; this.#wake() }

  async until(condition: (heard: this) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => { this.#wake = resolve })
  }
}

/** A client's socket, wired to `Heard`s too: what it hears, and its end. */
export interface Client { socket: net.Socket; heard: Heard }

export interface Connected { wire: SocketWire; heard: Heard; client: Client }

/** A fresh connection over 127.0.0.1. `paused`: the client does not read. */
export async function connect(t: Teardown, options: { timers?: Timers; paused?: boolean } = {}): Promise<Connected> {
  const server = net.createServer({ noDelay: true, allowHalfOpen: true })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const accepted = new Promise<net.Socket>((resolve) => { server.once('connection', resolve) })
  const socket = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const clientHeard = new Heard()
  if (options.paused === true) socket.pause()
  socket.on('data', (bytes) => { clientHeard.input(bytes as Buffer) })
  if (options.paused === true) socket.pause()
  socket.on('error', () => {})
  socket.on('end', () => { clientHeard.end() })
  socket.on('close', () => { clientHeard.hangup() })
  const peer = await accepted
  const wire = new SocketWire(peer, options.timers ?? realTimers)
  const heard = new Heard()
  wire.feed(heard)
  t.teardown(() => {
    socket.destroy()
    peer.destroy()
    server.close()
  })
  return { wire, heard, client: { socket, heard: clientHeard } }
}

/** Enough that a sender that does not wait for its receiver would show. */
export const plenty = 12 * 1024 * 1024

/** Writes to a client that does not read, until its kernel and ours have taken all they can and 8 MB wait in the wire. */
export async function fill(wire: { write(bytes: Uint8Array): void; readonly pending: number }): Promise<void> {
  for (let quiet = 0, before = -1; quiet < 20;) {
    if (wire.pending < 8 * 1024 * 1024) wire.write(new Uint8Array(1024 * 1024))
    await new Promise<void>((resolve) => { setImmediate(resolve) })
    quiet = wire.pending === before ? quiet + 1 : 0
    before = wire.pending
  }
}
