// Brings a mailbox into memory: from its local files, or where these are lost or damaged, from its newest bundle and a
// listing of its objects.
//
// Where the end of its journal may be gone (it is torn, or the machine was started anew: boots.ts), the store says what it told of
// mails. Flags and modseqs that were told and lost cannot be known: all modseqs grow, and clients ask for flags once more.

import type { RequestContext } from '../../runtime/effects.ts'
import { TempFail, messageOf } from '../../runtime/errors.ts'
import { adopted } from './adoption.ts'
import { ceilingOf } from './bundles.ts'
import { readLocal, setAside, writeLocal } from './local-state.ts'
import type { Kept, Local } from './local-state.ts'
import { LoadedMailbox } from './mailbox.ts'
import type { MailboxIdentity, MailboxWorld } from './mailbox.ts'
import { decodeMailboxRecord, rowsOf } from './mailbox-records.ts'
import { listMailbox, rebuildMailbox } from './mailbox-rebuild.ts'
import { MailboxState } from './mailbox-state.ts'
import { MessageCache } from './message-cache.ts'
import { modseqAfter } from './modseqs.ts'
import { isHead, newestFirst, parseBundleName } from './object-names.ts'
import type { MailboxListing } from './obox.ts'
import { lookFor } from './second-look.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts'
import { verifyMailbox } from './verify-mailbox.ts'

/** TempFail if disk or store are away: nothing has changed then. */
export async function loadMailbox(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext): Promise<LoadedMailbox> {
  const kept = keptMailbox(world, identity)
  let local = await readLocal(world.effects, kept)
  if (local !== undefined) await world.ownership.outgrow(context, local.state.bundles)
  const doubt = world.ownership.doubt(identity.guid)
  // What its last records said may have been told. Only the store can tell what that was.
  if (local !== undefined && (local.torn || doubt === 'mails')) {
    const { nextUid, ceiling } = local.state
    // Those that were on their way when the snapshot was made are below its nextUid. What comes in by this may go late, too.
    const end = Math.max(nextUid, ceiling)
    await world.ownership.lookLater({ guid: identity.guid, uids: [[local.state.lastSeen + 1, end - 1]], before: end, now: true })
  }
  const cut = world.ownership.looking(identity.guid)?.now === true
  // With no more than flags in doubt, a journal that ends cleanly has lost none (LoadedMailbox.commit).
  const flagsLost = !cut && doubt === 'flags' && local?.state.clean === false
  const listing = local !== undefined && cut ? await listMailbox(world, identity, context) : undefined
  if (local !== undefined && listing !== undefined && isForgotten(listing.bundles, local.state, world.ownership.taken)) {
    await setAside(world.effects, kept, 'the store has a newer bundle than the journal knows')
    local = undefined
  }
  // Given UIDs when it was rebuilt, and the process ended before these were in the store.
  let renumbered = local !== undefined && isUncovered(local.state)
  let mailbox: LoadedMailbox
  if (local !== undefined) {
    const { state } = local
    // After an unclean end, UIDs up to the reserved ones may have been given out; the record that reserved more may be what was cut.
    if (!state.clean || cut) state.nextUid = Math.max(state.nextUid, cut ? state.ceiling : state.reserved)
    if (listing !== undefined) {
      const ceiling = await ceilingIn(world, identity, context, listing, state.bundle)
      // That it was uploaded is not known here any more: one of our own says so.
      if (ceiling > state.ceiling) await world.ownership.lookLater({ guid: identity.guid, uids: [[state.ceiling, ceiling - 1]], before: ceiling, now: true })
      state.nextUid = Math.max(state.nextUid, ceiling)
    }
    mailbox = assemble(world, identity, local)
  } else {
    const rebuilt = await rebuildMailbox(world, identity, context)
    renumbered = rebuilt.renumbered
    mailbox = assemble(world, identity, await writeLocal(world.effects, kept, rebuilt.state, world.policy.fsync !== 'never'))
  }
  try {
    if (listing !== undefined && local !== undefined) await findCut(mailbox, context, listing)
    else if (flagsLost) await renew(mailbox, context)
    await world.ownership.trust(identity.guid)
    // UIDs given to mails that had none of ours must be in the store before a client sees them.
    if (renumbered) {
      await adopted(world, identity)
      await mailbox.uploads.upload('obox:mailbox_rebuild')
    }
    await mailbox.mergeOrphans(context)
    await rescanOnce(mailbox, context)
  } catch (error) {
    await mailbox.abandon()
    throw error
  }
  mailbox.uploads.changed()
  mailbox.sweeper.wake()
  return mailbox
}

/**
 * The last records of the journal may be lost. Where they told of mails, their objects say so; where they told that mails are gone,
 * the objects are.
 */
async function findCut(mailbox: LoadedMailbox, context: RequestContext, { mails, bundles }: MailboxListing): Promise<void> {
  const { world, state, guid } = mailbox
  const look = world.ownership.looking(guid)
  // UIDNEXT is told from now on, and may not sink.
  await mailbox.commit({ kind: 'reserve', ceiling: state.nextUid }, { durable: true })
  // It may have named a bundle: the next one's name sorts behind that, too.
  await mailbox.commit({ kind: 'uploading', name: world.ids.bundle(world.ownership.epoch, state.bundles) })
  await renew(mailbox, context, bundles)
  const found = look !== undefined && await lookFor(mailbox, context, mails, look, true)
  // Some client may have been told of one that is nowhere any more. Of UIDs that a bundle knows it goes up at once: an expunge of such that no
  // bundle has is one that the next owner is told to make (orphan.ts), and a mail of these may still come late.
  const first = Math.min(state.nextUid, ...look?.uids.map(([from]) => from) ?? [])
  await mailbox.commit({ kind: 'vanished', first, end: state.nextUid }, { durable: true })
  if (found || first < state.ownUid) await mailbox.uploads.flush()
  // Of a bundle that allows them nothing may be known here any more: until there is another, UIDNEXT would be told as before that one.
  await mailbox.uploads.coverUids(state.nextUid)
  await world.ownership.looked(guid)
}

/**
 * Makes clients ask for all flags: they may know of changes that are not here any more. What changes next has modseqs of which nobody
 * was told. `bundles`: of the mailbox, where that this was done before may be among what is lost.
 */
async function renew(mailbox: LoadedMailbox, context: RequestContext, bundles?: readonly string[]): Promise<void> {
  const { world, state, guid } = mailbox
  // In an epoch of its own: making the mailbox from its bundles must not give the same modseqs again.
  await world.ownership.rebuilding(context, guid)
  await mailbox.commit({ kind: 'renewed', modseq: Math.max(state.highestModseq + world.limits.modseqReserve, bundles === undefined ? 0 : modseqUpon(mailbox, bundles)) }, { durable: true })
}

/** As of a mailbox that is made from its newest bundle now: what was told since can be no higher. */
function modseqUpon({ state, world }: LoadedMailbox, bundles: readonly string[]): number {
  const [bundle = ''] = newestFirst(bundles)
  // That it was uploaded is lost; all that is in it is not.
  const highest = bundle === '' ? 1 : bundle === state.bundle ? state.chain.at(-1)?.expunged ?? state.highestModseq : state.highestModseq
  return modseqAfter(world, bundle, highest)
}

/** Whether it has mails with UIDs that no bundle allows yet. */
const isUncovered = ({ columns, ceiling }: MailboxState): boolean => columns.count > 0 && columns.uids[columns.count - 1]! >= ceiling

/** UIDs below may have been given out, as the newest bundle there says: the record that it was uploaded may be what was cut. Where not even the `known` one is there, as the manifest says. */
async function ceilingIn(world: MailboxWorld, { guid }: MailboxIdentity, context: RequestContext, { bundles: names, ceiling = 0 }: MailboxListing, known: string): Promise<number> {
  const [newest] = newestFirst(names)
  if (known !== '' && !names.includes(known) && newestFirst([known, ...names])[0] === known) return world.ownership.uidCeiling(guid)
  if (newest !== undefined && isHead(newest)) return ceiling
  const reader = newest === undefined ? undefined : await world.bundles(guid).read(context, newest)
  reader?.cancel()
  return Math.max(ceiling, reader === undefined ? 0 : ceilingOf(reader.metadata))
}

/** Whether one of the bundles was made here, since the user was taken in that epoch, and after all that the state knows of. */
function isForgotten(names: readonly string[], { bundles, bundle }: MailboxState, taken: number): boolean {
  const [newest] = newestFirst(names)
  return newest !== undefined && !bundles.has(newest) && newest !== bundle && parseBundleName(newest)!.epoch >= taken
}

/** Compares a mailbox with the store if that was last done before obox_rescan_mails_once_after (and it was made before). Where it fails, it is done the next time. */
async function rescanOnce(mailbox: LoadedMailbox, context: RequestContext): Promise<void> {
  const { world, state, uidValidity, name } = mailbox
  const { rescanAt } = world.policy
  const now = Math.trunc(world.effects.clock.now() / 1000)
  if (rescanAt > now || state.listedAt >= rescanAt || uidValidity >= rescanAt) return
  try {
    await verifyMailbox(mailbox, context, true)
    await mailbox.commit({ kind: 'listed', at: now })
  } catch (error) {
    if (!(error instanceof TempFail)) throw error
    world.effects.emit({ level: 'warning', name: 'obox.rescan_failed', user: world.user, text: `${name} could not be compared with the store: ${messageOf(error)}` })
  }
}

/** How a mailbox's local files are read. */
export const keptMailbox = (world: Pick<MailboxWorld, 'user' | 'limits'>, { name, guid, directory, least }: Omit<MailboxIdentity, 'uidValidity'>): Kept<MailboxState> => ({
  user: world.user, what: name, directory, identity: guid, least,
  empty: () => new MailboxState(world.limits),
  decode: (bytes) => decodeSnapshot(bytes, world.limits),
  encode: (state, generation) => encodeSnapshot(state, generation, []),
  replay: (state, bytes) => {
    const record = decodeMailboxRecord(bytes)
    state.apply(record)
    return rowsOf(record)
  },
})

function assemble(world: MailboxWorld, identity: MailboxIdentity, { state, journal }: Local<MailboxState>): LoadedMailbox {
  const cache = new MessageCache(world.effects.files, identity.directory, state.cacheGeneration, world.limits.cacheWindowBytes)
  return new LoadedMailbox(world, identity, state, cache, journal)
}
