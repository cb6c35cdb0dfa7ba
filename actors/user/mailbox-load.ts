// Brings a mailbox into memory: from its local files, or where these are lost or damaged, from its newest bundle and a
// listing of its objects.

import type { RequestContext } from '../../runtime/effects.ts'
import { adopted } from './adoption.ts'
import { readLocal, writeLocal } from './local-state.ts'
import type { Kept, Local } from './local-state.ts'
import { LoadedMailbox } from './mailbox.ts'
import type { MailboxIdentity, MailboxWorld } from './mailbox.ts'
import { decodeMailboxRecord } from './mailbox-records.ts'
import { rebuildMailbox } from './mailbox-rebuild.ts'
import { MailboxState } from './mailbox-state.ts'
import { MessageCache } from './message-cache.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts'

/** TempFail if disk or store are away: nothing has changed then. */
export async function loadMailbox(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext): Promise<LoadedMailbox> {
  const kept = keptMailbox(world, identity)
  const local = await readLocal(world.effects, kept)
  // Taken over, and the process ended before that was in the store.
  let renumbered = local !== undefined && local.state.bundle === '' && local.state.names.size > 0 && local.state.unsaved.mails > 0
  let mailbox: LoadedMailbox
  if (local !== undefined) {
    // After an unclean end, UIDs up to the reserved ones may have been given out.
    if (!local.state.clean) local.state.nextUid = Math.max(local.state.nextUid, local.state.reserved)
    mailbox = assemble(world, identity, local)
  } else {
    const rebuilt = await rebuildMailbox(world, identity, context)
    renumbered = rebuilt.renumbered
    mailbox = assemble(world, identity, await writeLocal(world.effects, kept, rebuilt.state, world.policy.fsync !== 'never'))
  }
  try {
    // UIDs given to mails that had none of ours must be in the store before a client sees them.
    if (renumbered) {
      await adopted(world, identity)
      await mailbox.uploads.upload('obox:mailbox_rebuild')
    }
    await mailbox.mergeOrphans(context)
  } catch (error) {
    await mailbox.abandon()
    throw error
  }
  mailbox.uploads.changed()
  mailbox.sweeper.wake()
  return mailbox
}

/** How a mailbox's local files are read. */
export const keptMailbox = (world: Pick<MailboxWorld, 'user' | 'limits'>, { name, guid, directory }: Omit<MailboxIdentity, 'uidValidity'>): Kept<MailboxState> => ({
  user: world.user, what: name, directory, identity: guid,
  empty: () => new MailboxState(world.limits),
  decode: (bytes) => decodeSnapshot(bytes, world.limits),
  encode: (state, generation) => encodeSnapshot(state, generation, []),
  replay: (state, record) => { state.apply(decodeMailboxRecord(record)) },
})

function assemble(world: MailboxWorld, identity: MailboxIdentity, { state, journal }: Local<MailboxState>): LoadedMailbox {
  const cache = new MessageCache(world.effects.files, identity.directory, state.cacheGeneration, world.limits.cacheWindowBytes)
  return new LoadedMailbox(world, identity, state, cache, journal)
}
