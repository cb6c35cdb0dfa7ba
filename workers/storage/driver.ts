// What one file of workers/fs/ declares: a driver (the store itself) or a wrapper around another store.

import type { Clock, ObjectStore, Random, RequestContext, Timers } from '../../runtime/effects.ts'
import type { LogEvent } from '../../runtime/events.ts'
import { Cancelled } from '../../runtime/errors.ts'
import type { StoreTls } from './tls.ts'

/** What drivers and wrappers are given of the machine. */
export interface FsWorld {
  clock: Clock
  timers: Timers
  random: Random
  emit(event: LogEvent): void
  /** Where long bodies are spooled (mail_temp_dir). */
  tempDirectory: string
  /** HTTP connections to one host; a change by reload is seen at the next request. */
  maxConnections(): number
  /** For stores over https. */
  tls: StoreTls
  /** Asking for a role's credentials (fs_auth_request_timeout, fs_auth_request_max_retries). */
  auth: { timeoutMs: number; retries: number }
  /** Which of how many storage workers this is (culver_storage_workers): they divide local caches among them. The only one, where it is absent. */
  share?: Share
}

/** `index` from 0. */
export interface Share { index: number; count: number }

/** A store that holds something of the machine (connections, timers) until it is closed. */
export interface OpenStore extends ObjectStore {
  /** Lets go of connections, once. Requests under way are finished. */
  close(): void
}

export interface Driver {
  readonly kind: 'driver'
  /** The scheme in the configured string: `posix` in `posix:prefix=/srv/mail`. */
  readonly name: string
  /** How its part of the string looks, for error messages. */
  readonly form: string
  /** Opens it on everything behind `name:`. No I/O. ConfigError says what is wrong with `text`, without secrets. */
  open(text: string, world: FsWorld): OpenStore
  /** Looks at boot whether what is local about it can be used (a directory); never at a network. ConfigError: it cannot. */
  check?(text: string): void
}

export interface Wrapper {
  readonly kind: 'wrapper'
  readonly name: string
  readonly form: string
  /** Takes its own arguments from the front of `text` and says where the parent's string begins. */
  parse(text: string): { options: unknown; rest: string }
  open(options: any, parent: OpenStore, world: FsWorld): OpenStore
}

/** Declares a driver. */
export const driver = (declaration: Omit<Driver, 'kind'>): Driver => ({ kind: 'driver', ...declaration })

/** Declares a wrapper; its options are typed by its own `parse`. */
export const wrapper = <Options>(declaration: {
  name: string
  form: string
  parse(text: string): { options: Options; rest: string }
  open(options: Options, parent: OpenStore, world: FsWorld): OpenStore
}): Wrapper => ({ kind: 'wrapper', ...declaration })

/** One request to the store is made for `context`: counts it, or throws Cancelled where nobody waits for it any more. */
export const countRequest = (context: RequestContext): void => {
  if (context.signal?.aborted) throw new Cancelled()
  if (context.cost) context.cost.requests++
}

/** Waits `ms`; Cancelled when the signal is aborted first. */
export const pause = (timers: Timers, ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) { reject(new Cancelled()); return }
    const onAbort = (): void => { disarm(); reject(new Cancelled()) }
    const disarm = timers.after(ms, () => { signal?.removeEventListener('abort', onAbort); resolve() })
    signal?.addEventListener('abort', onAbort)
  })
