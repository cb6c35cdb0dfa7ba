// The client's end of a session whose socket is on this thread.
//
// A client that does not read cannot hold the server's memory: producers wait at limits.wireHighBytes, what is sent
// unasked (IDLE) is cut off at limits.wireMaxBytes, and one who takes nothing at all for limits.slowClientMs is gone.
// The two directions end apart: after the client's FIN it is still answered, after ours it is read (and not heard) until it
// has closed too, because a socket closed with bytes unread resets the connection, the last reply with it.

import type net from 'node:net'
import type { Wire } from '../actors/session/types.ts'
import type { Cancel, Timers } from '../runtime/effects.ts'
import { Cancelled } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { Compression, bytesOf, endOfStream } from './compression.ts'
import { DrainWaiters, Outgoing, flushThisTurn } from './outgoing.ts'

/** Where the client's bytes go: a session here, or the relay to one elsewhere. As Session's methods of these names. */
export interface Receiver {
  input(bytes: Uint8Array): void
  end(why?: string): void
  hangup(): void
}

const ignore = (): void => {}

export class SocketWire implements Wire {
  readonly #socket: net.Socket
  readonly #timers: Timers
  readonly #outgoing = new Outgoing()
  readonly #waiters = new DrainWaiters()
  #receiver: Receiver | undefined
  #flushDue = false
  /** The client's FIN has come. */
  #ended = false
  /** Our FIN is on its way, or the connection has been dropped: nothing is written or heard any more. */
  #closing = false
  #gone = false
  #cancelWatch: Cancel | undefined
  #compression: Compression | undefined
  /** Bytes that did not cross, because they were compressed: by compression that is over. */
  #savedIn = 0
  #savedOut = 0
  readonly #onData = (bytes: Uint8Array): void => { if (!this.#closing) this.#received(bytes) }
  readonly #onEnd = (): void => this.#inputEnded()
  readonly #onClose = (): void => this.#hangup()

  /** `socket`: made with allowHalfOpen. */
  constructor(socket: net.Socket, timers: Timers) {
    this.#socket = socket
    this.#timers = timers
    socket.on('data', this.#onData)
    socket.on('error', ignore) // 'close' follows and says all we act on
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
  }

  /** Gives the client's bytes, and what becomes of the client, to someone (else) from now on. */
  feed(receiver: Receiver): void {
    this.#receiver = receiver
    if (this.#gone) receiver.hangup()
    else if (this.#ended) this.#tellEnd()
  }

  get pending(): number { return this.#outgoing.size + this.#socket.writableLength }
  get bytesIn(): number { return this.#compression?.begun === true ? this.#compression.bytesIn : this.#socket.bytesRead + this.#savedIn }
  get bytesOut(): number { return this.#compression?.bytesOut ?? this.#socket.bytesWritten + this.#savedOut }
  get compressed(): boolean { return this.#compression !== undefined }

  write(bytes: Uint8Array | string): void {
    if (this.#gone || this.#closing) return
    this.#outgoing.add(bytes)
    if (this.pending > limits.wireMaxBytes) return this.destroy()
    if (this.#flushDue) return
    this.#flushDue = true
    flushThisTurn(this)
  }

  drained(): Promise<void> {
    if (this.#gone) return Promise.reject(new Cancelled('the client is gone'))
    if (this.pending <= limits.wireLowBytes) return Promise.resolve()
    return this.#waiters.wait()
  }

  pause(): void {
    if (this.#closing) return
    (this.#compression ?? this.#socket).pause()
  }

  resume(): void {
    (this.#closing ? this.#socket : this.#compression ?? this.#socket).resume()
  }

  compress(input: Uint8Array): void {
    this.deflate()
    this.inflate(input)
  }

  /** What is written from now on leaves compressed. */
  deflate(): void {
    this.flush()
    this.#compression = new Compression(this.#socket, this.#timers, {
      input: (text) => this.#receiver?.input(text),
      dry: () => { if (this.#ended && !this.#closing) this.#receiver?.end() },
      ended: (why) => this.#inputEnded(why),
    }, this.bytesOut)
  }

  /** What the client sends is compressed, from `input` on, which has been read already. */
  inflate(input: Uint8Array): void { this.#compression?.begin(input, this.bytesIn - input.length) }

  /** Ends the compression, after what has been written. What has come and not been given out; undefined: it is compressed, too. */
  leaveCompression(): Uint8Array | undefined {
    this.flush()
    const compression = this.#compression
    if (compression === undefined) return new Uint8Array(0)
    const rest = compression.leave()
    this.#savedIn = compression.bytesIn - this.#socket.bytesRead + (rest?.length ?? 0)
    this.#savedOut = compression.bytesOut - this.#socket.bytesWritten
    this.#compression = undefined
    return rest
  }

  park(): void { this.#compression?.park() }

  close(): void {
    if (this.#closing || this.#gone) return
    this.flush()
    this.#closing = true
    if (this.#compression !== undefined) this.#socket.write(endOfStream)
    this.#watch()
    this.#socket.resume()
    this.#socket.end(() => this.#linger())
  }

  /**
   * Gives the socket back, paused, once all that was written has left; nothing more comes or goes by this wire. What the client
   * sends meanwhile stays in the socket. undefined: the client is gone, or (unless `half` a connection will do) sends no more.
   */
  async detach(half = false): Promise<net.Socket | undefined> {
    this.flush()
    this.#receiver = undefined
    this.#closing = true
    this.#socket.pause()
    this.#socket.off('data', this.#onData)
    this.#watch()
    await new Promise<void>((resolve) => {
      this.#socket.once('close', resolve)
      this.#socket.write('', () => resolve())
    })
    this.#cancelWatch?.()
    this.#socket.off('end', this.#onEnd)
    this.#socket.off('close', this.#onClose)
    return this.#gone || (this.#ended && !half) || this.#socket.destroyed ? undefined : this.#socket
  }

  /** Drops the connection at once, unsent bytes and all. */
  destroy(): void {
    this.#closing = true
    this.#outgoing.take()
    this.#socket.destroy()
  }

  /** Hands what has been gathered to the kernel. */
  flush(): void {
    this.#flushDue = false
    if (this.#gone || this.#closing || this.#outgoing.size === 0) return
    const large = this.pending > limits.wireLowBytes
    const pieces = this.#compression === undefined ? this.#outgoing.take() : [this.#compression.deflate(bytesOf(this.#outgoing.takeJoined()))]
    const last = pieces.length - 1
    if (last > 0) this.#socket.cork()
    for (let i = 0; i < last; i++) this.#send(pieces[i]!)
    // Nobody waits for little. What could not be taken ends in 'close', which tells who waits.
    this.#send(pieces[last]!, large ? (error) => { if (!error) this.#taken() } : undefined)
    if (last > 0) this.#socket.uncork()
    if (!large) return
    this.#taken()
    if (this.#socket.writableLength > limits.wireLowBytes) this.#watch()
  }

  #send(piece: Uint8Array | string, taken?: (error?: Error | null) => void): void {
    if (typeof piece === 'string') this.#socket.write(piece, 'latin1', taken)
    else this.#socket.write(piece, taken)
  }

  #taken(): void {
    if (this.#waiters.any && this.pending <= limits.wireLowBytes) this.#waiters.release()
  }

  /** Cuts off a client that has not taken a byte since the last look, as long as there are bytes for it. */
  #watch(): void {
    if (this.#cancelWatch !== undefined) return
    const before = this.#socket.bytesWritten - this.#socket.writableLength
    this.#cancelWatch = this.#timers.after(limits.slowClientMs, () => {
      this.#cancelWatch = undefined
      if (this.#gone || this.pending === 0) return
      const stuck = this.#socket.bytesWritten - this.#socket.writableLength === before
      if (stuck) this.destroy()
      else this.#watch()
    })
  }

  /** Everything and our FIN has left; a client that never answers would keep the socket half open for ever. */
  #linger(): void {
    this.#cancelWatch?.()
    if (!this.#gone) this.#cancelWatch = this.#timers.after(limits.lingerMs, () => this.destroy())
  }

  #received(bytes: Uint8Array): void {
    if (this.#compression?.begun === true) this.#compression.received(bytes)
    else this.#receiver?.input(bytes)
  }

  #inputEnded(why?: string): void {
    this.#ended = true
    if (!this.#closing) this.#tellEnd(why)
  }

  /** After all that the client has sent. */
  #tellEnd(why?: string): void {
    if (this.#compression?.holds !== true) this.#receiver?.end(why)
  }

  #hangup(): void {
    this.#gone = true
    this.#cancelWatch?.()
    this.#compression?.stop()
    this.#outgoing.take()
    this.#waiters.fail(new Cancelled('the client is gone'))
    this.#receiver?.hangup()
    this.#receiver = undefined
  }
}
