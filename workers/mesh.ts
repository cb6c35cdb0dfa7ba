// The threads that talk to each other, and how they find each other: every session worker has a port to the main thread, to each
// storage worker and to each other session worker. One that is started again gets new ports, and the others the ends that lead to it.

import { MessageChannel } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { Config } from '../conf/load.ts'
import { settingsFor } from '../conf/load.ts'
import { TempFail } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import type { Listener } from './listeners.ts'
import type { Log } from './log.ts'
import type { SessionWorkerControl } from './session-worker.ts'
import type { StorageWorkerControl } from './storage-worker.ts'
import { Thread, moving } from './thread.ts'
import { newTicketKeys } from './tls/context.ts'

export type SessionThread = Thread<SessionWorkerControl>
export type StorageThread = Thread<StorageWorkerControl>

/** What threads are started with: how many of each there are, and what is in force at the time. */
export interface MeshWorld {
  sessions: number
  storage: number
  config(): Config
  listeners(): readonly Listener[]
  /** Whether users that are not in memory are refused. */
  refusing(): boolean
  /** Takes the main thread's end of a session worker's port. */
  serve(port: MessagePort): void
  log: Log
}

export class Mesh {
  readonly #world: MeshWorld
  readonly #ticketKeys = newTicketKeys()
  /** Threads that are connected with each other. */
  readonly #sessionThreads = new Map<number, SessionThread>()
  readonly #storageThreads = new Map<number, StorageThread>()
  /** What the probe at start has found. */
  #conditionalWrites: boolean | undefined
  /** Settles when the last thread to be connected has been. */
  #connecting: Promise<unknown> = Promise.resolve()
  /** A session worker that is started now listens as soon as it is connected. */
  listening = false

  constructor(world: MeshWorld) { this.#world = world }

  /** Those that run. */
  get sessions(): SessionThread[] { return [...this.#sessionThreads.values()] }
  get storage(): StorageThread[] { return [...this.#storageThreads.values()] }

  /** undefined: it is being restarted. */
  session(index: number): SessionThread | undefined { return this.#sessionThreads.get(index) }

  /** Settles when every session worker listens; those that come later do so by themselves. */
  async listen(): Promise<void> {
    this.listening = true
    await Promise.all(this.sessions.map((thread) => thread.call((control) => control.listen())))
  }

  /** A storage worker, known to all session workers. */
  startStorage(index: number): Promise<StorageThread> {
    const thread: StorageThread = new Thread(`storage-${index}`, './storage-worker.ts')
    return this.#connected(thread, () => this.#connectStorage(index, thread))
  }

  /** A session worker, known to all others. */
  startSession(index: number): Promise<SessionThread> {
    const thread: SessionThread = new Thread(`session-${index}`, './session-worker.ts')
    return this.#connected(thread, () => this.#connectSession(index, thread))
  }

  /** `connect`s a new thread with those there are. One thread at a time, so that every two are connected, and once. */
  async #connected<T extends StorageThread | SessionThread>(thread: T, connect: () => Promise<void>): Promise<T> {
    const connecting = this.#connecting.then(connect)
    this.#connecting = connecting.catch(() => {})
    try {
      await connecting
    } catch (error) {
      await thread.kill()
      throw error
    }
    return thread
  }

  async #connectStorage(index: number, thread: StorageThread): Promise<void> {
    await thread.call((control) => control.start({ settings: settingsFor(this.#world.config(), {}), share: { index, count: this.#world.storage } }))
    this.#conditionalWrites ??= await this.#probe(thread)
    for (const session of this.#sessionThreads.values()) {
      const port = await connectStorage(thread)
      await ifAlive(session, session.call((control) => control.connectStorage(index, moving(port, [port]))))
    }
    this.#storageThreads.set(index, thread)
    void thread.ended.then(() => { if (this.#storageThreads.get(index) === thread) this.#storageThreads.delete(index) })
  }

  /** Tries once at start whether the store keeps two backends apart; one whose name depends on the user, or that is away, is trusted. */
  async #probe(thread: StorageThread): Promise<boolean> {
    const { obox_fs, obox_index_fs } = settingsFor(this.#world.config(), {})
    const spec = obox_index_fs || obox_fs
    if (spec === '' || spec.includes('%')) return true
    const honesty = await thread.call((control) => control.probe(spec, limits.storeProbeMs))
    if (honesty === 'dishonest') {
      this.#world.log({ level: 'warning', name: 'storage.no_conditions', text: 'The store of indexes ignores conditions (If-Match, If-None-Match): owners of users are found by listing, see conf/README.md' })
    }
    return honesty !== 'dishonest'
  }

  async #connectSession(index: number, thread: SessionThread): Promise<void> {
    const storage = Array.from({ length: this.#world.storage }, (_, at) => this.#storageThreads.get(at))
    if (storage.includes(undefined)) throw new TempFail('a storage worker is not running')
    const config = this.#world.config()
    const main = new MessageChannel()
    this.#world.serve(main.port1)
    const storagePorts = await Promise.all(storage.map((thread) => connectStorage(thread!)))
    await thread.call((control) => control.start(moving(
      { index, count: this.#world.sessions, config, listeners: [...this.#world.listeners()], main: main.port2, storage: storagePorts, conditionalWrites: this.#conditionalWrites ?? true, ticketKeys: this.#ticketKeys },
      [main.port2, ...storagePorts])))
    for (const [other, peer] of this.#sessionThreads) {
      const { port1, port2 } = new MessageChannel()
      await thread.call((control) => control.connectPeer(other, moving(port1, [port1])))
      await ifAlive(peer, peer.call((control) => control.connectPeer(index, moving(port2, [port2]))))
    }
    // From here on it is told what changes, and `listen` is for it, too.
    const listens = this.listening
    this.#sessionThreads.set(index, thread)
    void thread.ended.then(() => { if (this.#sessionThreads.get(index) === thread) this.#sessionThreads.delete(index) })
    if (config !== this.#world.config()) await thread.call((control) => control.reload(this.#world.config()))
    await thread.call((control) => control.refuse(this.#world.refusing()))
    if (listens) await thread.call((control) => control.listen())
  }
}

/** What is asked of a thread that dies meanwhile is no longer needed: its successor connects itself. */
export async function ifAlive(thread: SessionThread, asked: Promise<unknown>): Promise<void> {
  try {
    await asked
  } catch (error) {
    if (thread.running) throw error
  }
}

async function connectStorage(storage: StorageThread): Promise<MessagePort> {
  const { port1, port2 } = new MessageChannel()
  await storage.call((control) => control.connect(moving(port1, [port1])))
  return port2
}
