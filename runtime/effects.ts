// The only door between actors and the world: clock, timers, random, local files, object storage, messages, log.
// runtime/real-effects.ts opens it on the machine; runtime/sim-effects.ts opens it on a seed, where time, faults and
// crashes are chosen by a random generator and can be replayed. Nothing in actors/ may know which of the two it has.
//
// Rule: every promise here either settles, or its actor has died (a simulated crash settles nothing any more).

import type { LogEvent } from './events.ts'

export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump. For dates that people see. */
  now(): number
  /** Monotonic milliseconds with fraction. For durations. */
  monotonic(): number
}

/** Undoes a timer, a subscription, an attachment. Calling it twice is harmless. */
export type Cancel = () => void

export interface Timers {
  /** Runs `action` once, `ms` milliseconds from now. A real timer never keeps the process alive. */
  after(ms: number, action: () => void): Cancel
}

export interface Random {
  /** `count` random bytes (cryptographically strong in production). */
  bytes(count: number): Uint8Array
  /** Integer in [0, bound). */
  below(bound: number): number
}

export interface FileStat { size: number; modifiedMs: number; directory: boolean }

/**
 * Local files: the metacache and spools. All paths absolute. A write that has resolved survives the death of the process
 * (it is in the kernel); it survives power loss only where `durable` was asked.
 */
export interface Files {
  /** The bytes at [offset, offset+length), fewer at the end of file; undefined if there is no such file. Default: the whole file. */
  read(path: string, offset?: number, length?: number): Promise<Uint8Array | undefined>
  /** Adds to the end, creating file and parent directories (0700/0600) when absent. Appends to one path keep their order. */
  append(path: string, bytes: Uint8Array, durable?: boolean): Promise<void>
  /** Replaces the file whole or not at all (temporary file + rename), creating parent directories. */
  replace(path: string, bytes: Uint8Array, durable?: boolean): Promise<void>
  truncate(path: string, size: number, durable?: boolean): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Removes a file, or a directory with all it holds. No error if absent. */
  remove(path: string): Promise<void>
  /** Names in a directory, unordered, [] if absent. */
  list(path: string): Promise<string[]>
  stat(path: string): Promise<FileStat | undefined>
  /** A fresh path below `directory` for a spool file; its user appends to it and removes it. */
  temporary(directory: string): string
}

/** A slice of a local file that must stay unchanged until the request that names it is answered. */
export interface FileSlice { path: string; offset: number; length: number }

/** Bytes to be written, in pieces that lie in memory or in a spool file, so that a large body never sits whole in memory. */
export interface Body { size: number; parts: (Uint8Array | FileSlice)[] }

/** Counts what one command or delivery cost. Whoever does object I/O for it adds up here. */
export interface Cost {
  /** Requests to the object store, retries included. */
  requests: number
  /** Milliseconds in which the command waited for storage. */
  waitMs: number
}

/** Says on whose behalf a request is made: for accounting, fairness, trace headers (X-Dovecot-*) and cancellation. */
export interface RequestContext {
  user: string
  session?: string
  /** e.g. `imap:fetch_body`, `lmtp:cmd_data`, `metacache:upload_root` (obox reference §4.2). */
  reason: string
  cost?: Cost
  /** Aborted: the request is given up and fails with Cancelled. */
  signal?: AbortSignal
  /** Aborted: by now somebody waits for what was begun in the background. */
  hurry?: AbortSignal
}

/** Lower-case keys without prefix ("guid"); the s3 driver maps them to x-amz-meta-dovecot-<key>. */
export type Metadata = Record<string, string>

export interface ObjectInfo { key: string; size: number; modifiedMs: number; etag: string }
export interface ObjectStat { size: number; modifiedMs: number; etag: string; metadata: Metadata }
export interface ByteRange { start: number; /** exclusive; absent: to the end */ end?: number }

/** An object being read. `body` can be iterated once; leaving the loop early, or `cancel`, releases the connection. */
export interface ObjectReader extends ObjectStat {
  body: AsyncIterable<Uint8Array>
  cancel(): void
}

/** The write happens only if the object is absent, or (`ifMatch`) still has this etag. */
export type WriteCondition = { ifAbsent: true } | { ifMatch: string }

export interface ListPage {
  objects: ObjectInfo[]
  /** With a delimiter: the common prefixes, each ending in it. */
  prefixes: string[]
  /** Pass as `after` for the next page; absent on the last one. */
  next?: string
}

export interface ListOptions { after?: string; delimiter?: string; limit?: number }

/**
 * A key/value store of immutable-by-convention objects; keys are '/'-separated UTF-8, without a leading '/'.
 * Drivers (s3, posix, memory …), wrappers (compress, count, fault, delay …) and the sessions' end of the storage worker
 * all are this one interface, so a stack is built from the configured string.
 *
 * Errors, the same for all: ObjectNotFound · ConditionFailed · TempFail (may be retried later; a failed write may have
 * happened all the same) · Cancelled · LimitExceeded.
 */
export interface ObjectStore {
  /** Whether `condition` is honoured. Where false, a conditional write throws Bug. */
  readonly conditionalWrites: boolean
  read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader>
  write(key: string, body: Body, context: RequestContext, options?: { metadata?: Metadata; condition?: WriteCondition }): Promise<{ etag: string }>
  /** Copies inside the store without moving the bytes here. `metadata`, where given, replaces the source's. */
  copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void>
  /** Deleting what is not there is a success. */
  delete(key: string, context: RequestContext): Promise<void>
  /** Deletes any number of keys in as few requests as the store allows. Answers the keys that could not be deleted. */
  deleteMany(keys: string[], context: RequestContext): Promise<string[]>
  /** One page of the objects whose key begins with `prefix`, in key order. */
  list(prefix: string, context: RequestContext, options?: ListOptions): Promise<ListPage>
  stat(key: string, context: RequestContext): Promise<ObjectStat>
}

/** `auth`, `anvil`, or `user:<name>`; the registry knows on which thread that is. */
export type Address = string

export interface Effects {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly files: Files
  /** Of this run of the machine: another one after it was started anew, by a loss of power perhaps. '': nobody knows. */
  readonly bootId: string
  /** The store for an fs string as configured (`obox_fs`), already %-expanded, e.g. `compress:gz:6:posix:prefix=/srv/mail`. */
  storage(spec: string): ObjectStore
  /**
   * Sends a message (structured-clonable) and waits for the answer. TempFail after `deadlineMs` (default 60 s) or when
   * the other thread died; errors of the kinds in errors.ts and MailError arrive as what they were.
   */
  ask<Answer>(to: Address, message: unknown, options?: { deadlineMs?: number }): Promise<Answer>
  /** Sends a message and forgets it. */
  tell(to: Address, message: unknown): void
  /** One event → one log line and its metrics. */
  emit(event: LogEvent): void
}
