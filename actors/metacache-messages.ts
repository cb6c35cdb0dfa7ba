// What session workers tell the metacache actor (address `metacache`, on the main thread), and administrators ask it.
// Structured-clonable.

import type { LocalSpace } from './user/local-space.ts'

/** What a user's local files take now. Nothing at all: they are gone. */
export interface UserSpace {
  user: string
  /** Of the local files. */
  directory: string
  space: LocalSpace
  /** The store lacks something of it. */
  unsaved: boolean
  /** It is in memory: not to be evicted. */
  open: boolean
}

export interface MetacacheMessage { kind: 'space'; users: UserSpace[] }

export type MetacacheRequest =
  /** All users of whom it knows; their order is that in which they are evicted. */
  | { kind: 'list' }
  | { kind: 'status' }
  /** Counts anew what is on the disk. */
  | { kind: 'rescan' }
  /** Has the local files of a user removed, after what the store lacks of them is uploaded. Rejects with TempFail where that fails. */
  | { kind: 'clean'; user: string }

/** Of `list`. `lastUsed`: UNIX seconds, 0: not known. `weight`: seconds; the least goes first. */
export interface ListedUser extends UserSpace { lastUsed: number; weight: number }

/** Of `status` and `rescan`. `most`, `grace`: metacache_max_space (0: nothing is counted or evicted), metacache_max_grace. */
export interface MetacacheStatus {
  users: number
  /** Of these, in memory. */
  open: number
  /** Of these, such as have something that the store lacks. */
  unsaved: number
  space: LocalSpace
  most: number
  grace: number
  /** Users that are not in memory are refused: the disk is full. */
  refusing: boolean
  /** Users that could be evicted since the start, and attempts that failed. */
  evicted: number
  stayed: number
}

/** Of `clean`. used: somebody uses the user, or not all of it could be uploaded. none: it has nothing here. */
export type CleanAnswer = 'cleaned' | 'used' | 'none'
