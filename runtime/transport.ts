// Messages between threads. A Link is one end of a port: everything said in a turn crosses in one postMessage, because
// a batched item costs about 1 µs and a message of its own about 18.
//
// What is in no hurry (lines of the log) goes along with what is said next, for it is the message that costs, and the other
// thread's waking up.
//
// Rules: items arrive in the order they were said. An ask settles exactly once: with the answer, with the error of the
// other side (as the class it was), or with TempFail when its deadline passes or the link breaks. Whatever the other
// side threw that is no kind of error known to the house arrives as Bug.

import type { Cancel, Timers } from './effects.ts'
import { Bug, Cancelled, messageOf, TempFail } from './errors.ts'
import { packError, unpackError } from './error-crossing.ts'
import type { PackedError } from './error-crossing.ts'
import { limits } from './limits.ts'

/** What a Link needs of a port; MessagePort, Worker and parentPort of node:worker_threads have this shape. */
export interface PortLike {
  postMessage(value: unknown, transfer?: readonly unknown[]): void
  on(event: 'message' | 'messageerror', listener: (value: any) => void): unknown
  on(event: 'close', listener: () => void): unknown
  close?(): void
  ref?(): void
  unref?(): void
}

/** How one question is being asked, as the answering side sees it. */
export interface Asking {
  /** Aborted when the asker gave up or the link broke. Made when first looked at. */
  readonly signal: AbortSignal
}

/** What is done with the messages of one channel. Asking a channel without `ask` is a Bug; a `tell` nobody takes is dropped. */
export interface ChannelHandler {
  /** Answers; to move buffers instead of copying them, answer with `transferred(value, buffers)`. */
  ask?(message: any, asking: Asking): unknown
  tell?(message: any): void
}

export interface AskOptions {
  /** Milliseconds until TempFail (default limits.askMs). */
  deadlineMs?: number
  /** ArrayBuffers and ports that move to the other thread. */
  transfer?: readonly unknown[]
  /** Aborted: the ask fails with Cancelled and the other side is told. */
  signal?: AbortSignal
}

export interface LinkOptions {
  timers: Timers
  /** Runs the flush at the end of the turn. Default: as a microtask; pass setImmediate to join what all sockets of a turn say. */
  turn?: (flush: () => void) => void
  /** Asks that may wait for an answer at once (default limits.mailboxQueue); beyond it: TempFail. */
  maxPending?: number
  /** A handler of `tell` threw, or a message could not be cloned. */
  onBug?: (error: unknown) => void
}

/** An answer whose buffers move to the asker. */
export class Transferred {
  readonly value: unknown
  readonly transfer: readonly unknown[]
  constructor(value: unknown, transfer: readonly unknown[]) { this.value = value; this.transfer = transfer }
}

/** Wraps an answer so that `transfer` (ArrayBuffers) is moved and not copied. */
export const transferred = (value: unknown, transfer: readonly unknown[]): Transferred => new Transferred(value, transfer)

type Item =
  | ['tell', channel: string, message: unknown]
  | ['ask', id: number, channel: string, message: unknown]
  | ['answer', id: number, value: unknown]
  | ['failure', id: number, error: PackedError]
  | ['cancel', id: number]

interface Pending { resolve(value: unknown): void; reject(error: Error): void; release(): void }

class OpenAsking implements Asking {
  private controller: AbortController | undefined
  private aborted: string | undefined
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController()
      if (this.aborted !== undefined) this.controller.abort(new Cancelled(this.aborted))
    }
    return this.controller.signal
  }
  abort(reason: string): void {
    this.aborted ??= reason
    this.controller?.abort(new Cancelled(reason))
  }
}

/** One end of a port between two threads; the other end is a Link too. */
export class Link {
  private readonly port: PortLike
  private readonly timers: Timers
  private readonly turn: (flush: () => void) => void
  private readonly maxPending: number
  private readonly onBug: (error: unknown) => void
  private readonly channels = new Map<string, ChannelHandler>()
  private readonly pending = new Map<number, Pending>()
  private readonly answering = new Map<number, OpenAsking>()
  private readonly closeListeners = new Set<(reason: string) => void>()
  private batch: Item[] = []
  /** The end of this turn is awaited, to flush then. */
  private turning = false
  /** There is only what can wait: ends its waiting. */
  private cancelLater: Cancel | undefined
  private transfers: (readonly unknown[] | undefined)[] = []
  private nextId = 1
  private closeReason: string | undefined

  constructor(port: PortLike, options: LinkOptions) {
    this.port = port
    this.timers = options.timers
    this.turn = options.turn ?? queueMicrotask
    this.maxPending = options.maxPending ?? limits.mailboxQueue
    this.onBug = options.onBug ?? (() => {})
    port.on('message', (batch: Item[]) => this.receive(batch))
    port.on('messageerror', (error: unknown) => this.close(`a message could not be read: ${messageOf(error)}`))
    port.on('close', () => this.close('the other thread has ended'))
  }

  /** False once closed by either side; tells are then dropped and asks fail. */
  get open(): boolean { return this.closeReason === undefined }

  /** Asks sent and not answered, and asks received and not answered. */
  get load(): { asked: number; answering: number } { return { asked: this.pending.size, answering: this.answering.size } }

  /** Sets what happens with a channel's messages, until the returned function is called. One handler a channel. */
  handle(channel: string, handler: ChannelHandler): Cancel {
    if (this.channels.has(channel)) throw new Bug(`channel ${channel} has a handler already`)
    this.channels.set(channel, handler)
    return () => { if (this.channels.get(channel) === handler) this.channels.delete(channel) }
  }

  /** Says something and forgets it. `transfer`: ArrayBuffers that move; the caller must not touch them any more. */
  tell(channel: string, message: unknown, transfer?: readonly unknown[]): void {
    this.say(['tell', channel, message], transfer)
  }

  /** Says something that can wait: for what is said next, for limits.linkNoteMs, or until there are limits.linkNotes. */
  note(channel: string, message: unknown): void {
    if (this.closeReason !== undefined) return
    this.add(['tell', channel, message])
    if (this.batch.length >= limits.linkNotes) this.flushThisTurn()
    else if (!this.turning) this.cancelLater ??= this.timers.after(limits.linkNoteMs, () => this.flush())
  }

  /** Asks and waits for the answer. See the rules above for how it can fail. */
  ask<Answer>(channel: string, message: unknown, options: AskOptions = {}): Promise<Answer> {
    const { signal } = options
    if (this.closeReason !== undefined) return Promise.reject(new TempFail(this.closeReason))
    if (signal?.aborted) return Promise.reject(new Cancelled())
    if (this.pending.size >= this.maxPending) return Promise.reject(new TempFail(`more than ${this.maxPending} requests wait for an answer`))
    const id = this.nextId++
    return new Promise<Answer>((resolve, reject) => {
      const giveUp = (error: Error): void => {
        this.settle(id)?.reject(error)
        this.say(['cancel', id])
      }
      const deadlineMs = options.deadlineMs ?? limits.askMs
      const disarm = this.timers.after(deadlineMs, () => giveUp(new TempFail(`no answer from ${channel} within ${deadlineMs} ms`)))
      const onAbort = signal && (() => giveUp(new Cancelled()))
      if (onAbort) signal.addEventListener('abort', onAbort)
      this.pending.set(id, {
        resolve: resolve as (value: unknown) => void,
        reject,
        release: () => { disarm(); if (onAbort) signal.removeEventListener('abort', onAbort) },
      })
      this.say(['ask', id, channel, message], options.transfer)
    })
  }

  /** Runs `listener` once when the link has closed (at once if it has already). */
  onClose(listener: (reason: string) => void): Cancel {
    if (this.closeReason !== undefined) { listener(this.closeReason); return () => {} }
    this.closeListeners.add(listener)
    return () => { this.closeListeners.delete(listener) }
  }

  /** Lets the process end though this link is open. */
  unref(): void { this.port.unref?.() }

  /** Sends what was said, then closes; open asks fail with TempFail(reason), open answers are aborted. Twice is harmless. */
  close(reason = 'the link was closed'): void {
    if (this.closeReason !== undefined) return
    this.flush()
    this.closeReason = reason
    this.port.close?.()
    for (const id of [...this.pending.keys()]) this.settle(id)?.reject(new TempFail(reason))
    for (const asking of this.answering.values()) asking.abort(reason)
    this.answering.clear()
    const listeners = [...this.closeListeners]
    this.closeListeners.clear()
    for (const listener of listeners) listener(reason)
  }

  private settle(id: number): Pending | undefined {
    const pending = this.pending.get(id)
    if (!pending) return undefined
    this.pending.delete(id)
    pending.release()
    return pending
  }

  private say(item: Item, transfer?: readonly unknown[]): void {
    if (this.closeReason !== undefined) return
    this.add(item, transfer)
    this.flushThisTurn()
  }

  private add(item: Item, transfer?: readonly unknown[]): void {
    this.batch.push(item)
    this.transfers.push(transfer)
  }

  private flushThisTurn(): void {
    if (this.turning) return
    this.turning = true
    this.turn(() => this.flush())
  }

  private flush(): void {
    this.turning = false
    this.cancelLater?.()
    this.cancelLater = undefined
    if (this.batch.length === 0 || this.closeReason !== undefined) return
    const { batch, transfers } = this
    this.batch = []
    this.transfers = []
    try {
      this.port.postMessage(batch, joined(transfers))
    } catch {
      this.sendOneByOne(batch, transfers)
    }
  }

  /** One item that cannot be cloned must not take the others of its turn with it. */
  private sendOneByOne(batch: Item[], transfers: (readonly unknown[] | undefined)[]): void {
    batch.forEach((item, index) => {
      try {
        this.port.postMessage([item], transfers[index])
      } catch (error) {
        const bug = new Bug(`a message cannot cross to another thread: ${messageOf(error)}`)
        this.onBug(bug)
        if (item[0] === 'ask') this.settle(item[1])?.reject(bug)
        if (item[0] === 'answer') this.port.postMessage([['failure', item[1], packError(bug)]])
      }
    })
  }

  private receive(batch: Item[]): void {
    for (const item of batch) {
      if (this.closeReason !== undefined) return
      switch (item[0]) {
        case 'tell': this.receiveTell(item[1], item[2]); break
        case 'ask': void this.receiveAsk(item[1], item[2], item[3]); break
        case 'answer': this.settle(item[1])?.resolve(item[2]); break
        case 'failure': this.settle(item[1])?.reject(unpackError(item[2])); break
        case 'cancel': this.answering.get(item[1])?.abort('the asker gave up'); break
      }
    }
  }

  private receiveTell(channel: string, message: unknown): void {
    try {
      this.channels.get(channel)?.tell?.(message)
    } catch (error) {
      this.onBug(error)
    }
  }

  private async receiveAsk(id: number, channel: string, message: unknown): Promise<void> {
    const asking = new OpenAsking()
    this.answering.set(id, asking)
    try {
      const handler = this.channels.get(channel)
      if (!handler?.ask) throw new Bug(`nobody answers on channel ${channel}`)
      const answer = await handler.ask(message, asking)
      if (answer instanceof Transferred) this.say(['answer', id, answer.value], answer.transfer)
      else this.say(['answer', id, answer])
    } catch (error) {
      this.say(['failure', id, packError(error)])
    } finally {
      this.answering.delete(id)
    }
  }
}

const joined = (lists: (readonly unknown[] | undefined)[]): unknown[] => {
  const all: unknown[] = []
  for (const list of lists) if (list) all.push(...list)
  return all
}
