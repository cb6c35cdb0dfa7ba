// What crosses between a session worker and the storage worker, on the Link channel `storage`.

import type { Body, ByteRange, ListOptions, Metadata, ObjectStat, WriteCondition } from '../../runtime/effects.ts'
import type { PackedError } from '../../runtime/error-crossing.ts'

export const storageChannel = 'storage'

/** One operation of ObjectStore. */
export type Operation =
  | { op: 'read'; key: string; range?: ByteRange; /** The asker's name for this read, for `next` and `forget`. */ read: number }
  | { op: 'write'; key: string; body: Body; metadata?: Metadata; condition?: WriteCondition }
  | { op: 'copy'; from: string; to: string; metadata?: Metadata }
  | { op: 'delete'; key: string }
  | { op: 'deleteMany'; keys: string[] }
  | { op: 'list'; prefix: string; options?: ListOptions }
  | { op: 'stat'; key: string }

/**
 * Asked: an operation on the store of `spec`, on behalf of whom. `hurry`: of one in the background, that somebody waits for it (true),
 * or the asker's name for it, for `Hurry`.
 */
export interface StoreRequest { spec: string; user: string; session?: string; reason: string; hurry?: number | true; operation: Operation }

/** Asked: more bytes of an open read. */
export interface NextRequest { next: number }

/** Told: a read will not be read on. */
export interface Forget { forget: number }

/** Told: somebody has come to wait for an operation that was asked for in the background. */
export interface Hurry { hurry: number }

/** The answer to each ask; `requests` were made of the store for it. */
export type StoreAnswer<Value = unknown> = { requests: number; value: Value } | { requests: number; error: PackedError }

/** Bytes of an object. `more`: there are others, for `next`. */
export interface Piece { bytes: Uint8Array; more: boolean }

export interface ReadAnswer extends Piece { stat: ObjectStat }
