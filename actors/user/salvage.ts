// What a backend does with its copy of a user that another one has: what only this copy has goes into the store as orphans
// (orphan.ts), then the local files go. Where the store is away, everything stays as it is and is done at the next opening.

import type { Effects, RequestContext } from '../../runtime/effects.ts'
import { ConditionFailed } from '../../runtime/errors.ts'
import type { Limits } from '../../runtime/limits.ts'
import type { Bundles } from './bundles.ts'
import { readLocal } from './local-state.ts'
import { keptMailbox } from './mailbox-load.ts'
import type { Obox } from './obox.ts'
import { isGuid, orphanName } from './object-names.ts'
import { encodeOrphan, orphanOf } from './orphan.ts'
import type { RootWorld } from './root.ts'
import type { OrphanNote, RootChange } from './root-changes.ts'
import type { RootState } from './root-state.ts'

/** Where the user's local files are, and the bundles of its mailboxes. */
export interface Places { readonly root: string; readonly mailboxes: string; readonly obox: Obox; bundles(mailbox: string): Bundles }

/** How often the manifest is noted in while its owner writes it too. */
const attempts = 10

/** Writes the orphans of all mailboxes with local files. `root`: the local root, where it is not lost too; `winner`: that of the new owner. */
export async function orphansOf(world: RootWorld, places: Places, context: RequestContext, root: RootState | undefined, winner: RootState | undefined): Promise<OrphanNote[]> {
  const { effects, user } = world
  const limits: Limits = world.limits
  const notes: OrphanNote[] = []
  const name = orphanName(root?.epoch ?? 0, root?.owner || world.ids.guid())
  for (const guid of (await effects.files.list(places.mailboxes)).filter(isGuid)) {
    // What is left of a short journal may have been uploaded long ago, and changed again since. Its mails were found by listing.
    if (root?.boots.lossOf(guid, effects.bootId) === 'mails') continue
    const least = root?.statuses.get(guid)?.mark
    const local = await readLocal(effects, keptMailbox({ user, limits }, { name: guid, guid, directory: `${places.mailboxes}/${guid}`, least }))
    const orphan = local && orphanOf(local.state)
    if (orphan === undefined) continue
    const bytes = encodeOrphan(orphan)
    await places.bundles(guid).write(context, name, { size: bytes.length, parts: [bytes] })
    notes.push({ mailbox: guid, name })
  }
  // A mailbox that is created in the foreground is in the manifest: one that is not there any more was deleted since.
  const changes = (root?.pending ?? []).filter((change) => isMergeable(change) && (change.kind !== 'create' || world.policy.backgroundRootUploads))
  if (root !== undefined && winner !== undefined) changes.push(...await unknownTo(winner, root, places, context))
  if (changes.length > 0) notes.push({ mailbox: '', name, changes })
  return notes
}

/**
 * Mailboxes that the new owner does not have, and that have mails: what it deletes has none soon. It has not heard of them where the
 * store forgot a condition, or where its list came late (manifest.ts).
 */
async function unknownTo(winner: RootState, root: RootState, places: Places, context: RequestContext): Promise<RootChange[]> {
  const known = new Set([...winner.deleting, ...root.deleting, ...winner.entries.values().map(({ guid }) => guid)])
  const changes: RootChange[] = []
  for (const entry of root.entries.values()) {
    if (entry.guid === undefined || known.has(entry.guid)) continue
    const mails = await places.obox.someMails(context, entry.guid, 1)
    if (mails === 'ours' || mails.length > 0) changes.push({ kind: 'create', entry })
  }
  return changes
}

/** Leaves the user to its new owner. `root`: as it was when nothing ran any more. */
export async function leaveUser(world: RootWorld, places: Places, root: RootState): Promise<void> {
  const context: RequestContext = { user: world.user, reason: 'metacache:user_lost' }
  const winner = (await world.manifest.read(context))?.state
  const notes = await orphansOf(world, places, context, root, winner)
  if (notes.length > 0 || root.distrusted) await tellOwner(world, context, notes, root.distrusted)
  await forgetUser(world.effects, places)
}

/** Removes the local files. Last the root: while it is there, the others are known to belong to it. */
export async function forgetUser({ files }: Effects, places: Pick<Places, 'root' | 'mailboxes'>): Promise<void> {
  await files.remove(places.mailboxes)
  await files.remove(places.root)
}

async function tellOwner(world: RootWorld, context: RequestContext, notes: readonly OrphanNote[], distrusted: boolean): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const found = await world.manifest.read(context)
    if (found?.state === undefined) throw new ConditionFailed('manifest')
    found.state.apply({ kind: 'orphans', notes: [...notes] })
    found.state.write = world.ids.guid()
    found.state.clean = false
    found.state.writes++
    found.state.distrusted ||= distrusted
    try {
      await world.manifest.write(context, found.state, found.tag)
      return
    } catch (error) {
      if (!(error instanceof ConditionFailed) || attempt === attempts) throw error
    }
  }
}

/** What has a clear meaning in a list that has changed meanwhile. */
const isMergeable = ({ kind }: RootChange): boolean => kind === 'subscribe' || kind === 'metadata' || kind === 'acl' || kind === 'create'
