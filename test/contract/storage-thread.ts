// A storage worker in a thread of its own, and a session's end of it, for tests in this process.

import { MessageChannel } from 'node:worker_threads'
import type { LogEvent } from '../../runtime/events.ts'
import type { ObjectStore } from '../../runtime/effects.ts'
import { realTimers } from '../../runtime/real-effects.ts'
import { Link } from '../../runtime/transport.ts'
import { openStorageClient } from '../../workers/storage-client.ts'
import type { CacheStatistics } from '../../workers/storage/cache-directory.ts'
import type { StorageSettings, StorageStatistics, StorageWorkerControl } from '../../workers/storage-worker.ts'
import { moving, Thread } from '../../workers/thread.ts'

export interface StorageThread {
  open(spec: string): ObjectStore
  link(): Link
  log: LogEvent[]
  statistics(): Promise<StorageStatistics>
  rescanCaches(): Promise<CacheStatistics[]>
  /** Changes limits of the running worker. */
  resize(settings: Partial<StorageSettings>, connections?: number): Promise<void>
  kill(): Promise<void>
  /** A new thread in place of a dead one; what is open goes on over the new link. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const usual: StorageSettings = {
  mail_temp_dir: '/tmp', mail_prefetch_count: 10, obox_max_parallel_writes: 10, obox_max_parallel_copies: 10, obox_max_parallel_deletes: 10, metacache_max_parallel_requests: 10,
  fs_auth_request_timeout: 10_000, fs_auth_request_max_retries: 1,
  ssl_client_ca_file: '', ssl_client_ca_dir: '', ssl_client_cert: '', ssl_client_key: '', ssl_client_require_valid_cert: true,
}

/** Starts it. */
export const startStorageThread = async (): Promise<StorageThread> => {
  const log: LogEvent[] = []
  const start = async (): Promise<{ thread: Thread<StorageWorkerControl>; link: Link }> => {
    const thread = new Thread<StorageWorkerControl>('storage', './storage-worker.ts')
    await thread.call((control) => control.start({ settings: usual }))
    const { port1, port2 } = new MessageChannel()
    await thread.call((control) => control.connect(moving(port1, [port1])))
    const link = new Link(port2, { timers: realTimers, turn: setImmediate })
    link.handle('log', { tell: (event: LogEvent) => { log.push(event) } })
    return { thread, link }
  }
  let current = await start()
  return {
    open: openStorageClient(() => current.link),
    link: () => current.link,
    log,
    rescanCaches: () => current.thread.call((control) => control.rescanCaches()),
    statistics: () => current.thread.call((control) => control.statistics()),
    resize: (settings, connections) => current.thread.call((control) => control.start({ settings: { ...usual, ...settings }, ...(connections === undefined ? {} : { connections }) })),
    kill: () => current.thread.kill(),
    restart: async () => { current = await start() },
    stop: async () => { await current.thread.stop(5000); current.link.close() },
  }
}
