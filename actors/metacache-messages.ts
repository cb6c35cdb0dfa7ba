// What session workers tell the metacache actor (address `metacache`, on the main thread). Structured-clonable.

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
