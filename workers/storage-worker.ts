// Thread entry: the storage worker. It alone talks to object stores. The main thread controls it over comlink, session
// workers send their requests over Links.

import { randomBytes, randomInt } from 'node:crypto'
import type { MessagePort } from 'node:worker_threads'
import type { Random } from '../runtime/effects.ts'
import type { LogEvent } from '../runtime/events.ts'
import { limits } from '../runtime/limits.ts'
import { realClock, realTimers } from '../runtime/real-effects.ts'
import { Link } from '../runtime/transport.ts'
import { buildStack } from './fs/stack.ts'
import type { FsWorld, OpenStore, Share } from './storage/driver.ts'
import { cacheStatistics, rescanCaches } from './storage/cache-shared.ts'
import type { CacheStatistics } from './storage/cache-directory.ts'
import { FairQueue } from './storage/fair-queue.ts'
import { probe } from './storage/probe.ts'
import type { Honesty } from './storage/probe.ts'
import { StorageHost } from './storage/storage-host.ts'
import { tlsOf, usualTls } from './storage/tls.ts'
import type { TlsSettings } from './storage/tls.ts'
import { exposeControl } from './thread.ts'

/** The settings it acts on. */
export interface StorageSettings extends TlsSettings {
  mail_temp_dir: string
  mail_prefetch_count: number
  obox_max_parallel_writes: number
  obox_max_parallel_copies: number
  obox_max_parallel_deletes: number
  metacache_max_parallel_requests: number
  fs_auth_request_timeout: number
  fs_auth_request_max_retries: number
}

export interface StorageStatistics {
  running: number
  waiting: number
  /** Users with requests running or waiting. */
  users: number
  openStores: number
  /** Requests made of stores, and operations by name, since the start. */
  counts: Record<string, number>
  /** The fscache directories in use. */
  caches: CacheStatistics[]
}

const realRandom: Random = { bytes: (count) => randomBytes(count), below: (bound) => randomInt(bound) }

export class StorageWorkerControl {
  readonly #queue = new FairQueue()
  /** What the settings say of the world; stores that are open already keep theirs. */
  #told: Pick<FsWorld, 'tempDirectory' | 'tls' | 'auth' | 'share'> = { tempDirectory: '/tmp', tls: usualTls, auth: { timeoutMs: 10_000, retries: 1 } }
  readonly #host: StorageHost
  readonly #build: (spec: string) => OpenStore

  constructor() {
    const world: Omit<FsWorld, 'tempDirectory' | 'tls' | 'auth' | 'share'> = {
      clock: realClock,
      timers: realTimers,
      random: realRandom,
      emit: (event) => this.#log(event),
      maxConnections: () => this.#queue.limits.running,
    }
    this.#build = (spec) => buildStack(spec, { ...world, ...this.#told })
    this.#host = new StorageHost(this.#queue, realTimers, this.#build)
  }

  /** Sets the limits; called once before the first `connect`, and again to change them. Running requests go on. */
  start(options: { settings: StorageSettings; connections?: number; share?: Share }): void {
    const { settings, share = { index: 0, count: 1 }, connections = Math.ceil(limits.storageConnections / share.count) } = options
    this.#told = {
      tempDirectory: settings.mail_temp_dir, tls: tlsOf(settings), share,
      auth: { timeoutMs: settings.fs_auth_request_timeout, retries: settings.fs_auth_request_max_retries },
    }
    this.#queue.limits = {
      ...this.#queue.limits,
      running: connections,
      background: Math.max(1, Math.ceil(settings.metacache_max_parallel_requests / share.count)),
      perUser: {
        // A user's reads ahead, and beside them what other sessions of the user ask for.
        read: 2 * Math.max(1, settings.mail_prefetch_count),
        write: settings.obox_max_parallel_writes,
        copy: settings.obox_max_parallel_copies,
        delete: settings.obox_max_parallel_deletes,
      },
    }
    this.#queue.pump()
  }

  /** The server is ending: uploads have all that there is. */
  hurry(): void {
    this.#queue.limits = { ...this.#queue.limits, background: this.#queue.limits.running }
    this.#queue.pump()
  }

  /** Whether the store of this string honours conditions; within `deadlineMs`, or 'unknown'. */
  async probe(spec: string, deadlineMs: number): Promise<Honesty> {
    const store = this.#build(spec)
    const late = new AbortController()
    const disarm = realTimers.after(deadlineMs, () => { late.abort() })
    const never = new Promise<Honesty>((resolve) => { late.signal.addEventListener('abort', () => { resolve('unknown') }, { once: true }) })
    try {
      return await Promise.race([never, probe(store, realRandom, late.signal)])
    } finally {
      disarm()
      store.close()
    }
  }

  /** Serves a session worker over this port. */
  connect(port: MessagePort): void {
    this.#host.serve(new Link(port, {
      timers: realTimers,
      turn: setImmediate,
      onBug: (error) => this.#log({ level: 'error', name: 'storage.bug', text: String(error instanceof Error ? error.stack : error) }),
    }))
  }

  statistics(): StorageStatistics {
    return { ...this.#queue.load, openStores: this.#host.openStores, counts: this.#host.counts, caches: cacheStatistics() }
  }

  /** Counts fscache directories (one, or all in use) anew: what others removed or added. Answers how they are then. */
  rescanCaches(directory?: string): Promise<CacheStatistics[]> { return rescanCaches(directory) }

  /** Lets what was asked for be finished, at most `deadlineMs`; then closes links and stores. */
  async stop(deadlineMs: number): Promise<void> {
    let disarm = (): void => {}
    await Promise.race([this.#queue.idle(), new Promise<void>((resolve) => { disarm = realTimers.after(deadlineMs, resolve) })])
    disarm()
    for (const link of [...this.#host.links]) link.close('the server is shutting down')
    this.#host.close()
  }

  /** Any session worker passes it on to the log. */
  #log(event: LogEvent): void {
    for (const link of this.#host.links) {
      if (!link.open) continue
      link.tell('log', event)
      return
    }
  }
}

exposeControl(new StorageWorkerControl())
