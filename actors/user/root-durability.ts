// What of the root is forced to disk.

import type { Policy } from './policy.ts'
import type { RootChange } from './root-changes.ts'

/** Whether a loss of power must not undo the changes. `epoch`: the root's before them. */
export function isDurable(changes: readonly RootChange[], fsync: Policy['fsync'], epoch: number): boolean {
  return fsync === 'always' || changes.some((change) => outlasts(change, epoch) || (fsync === 'optimized' && isUsers(change)))
}

/**
 * What says how the local files and the store stand to each other must not be forgotten, whatever mail_fsync says; it is written
 * rarely. (A new epoch, or that a mailbox's state was made in one: modseqs would come twice.)
 */
function outlasts(change: RootChange, epoch: number): boolean {
  switch (change.kind) {
    case 'boot': case 'touched': case 'rested': case 'built': case 'look': return true
    case 'owned': return change.epoch !== epoch
    default: return false
  }
}

/** Somebody asked for it. */
const isUsers = ({ kind }: RootChange): boolean =>
  kind === 'create' || kind === 'delete' || kind === 'move' || kind === 'subscribe' || kind === 'metadata' || kind === 'acl'
