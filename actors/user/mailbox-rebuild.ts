// A mailbox whose local state is lost: the newest bundle that can be read (with those it is upon), and a listing of the mail
// objects. The bundle is found by its key (bundles.ts). The listing is complete, or this throws TempFail and nothing has changed; but it
// may lag: of what it leaves out each object is asked for, and mails that it does not show yet are found by a second look.
//
// - Objects the bundle knows: as the bundle says. Rows without an object were expunged since.
// - Objects with a UID that the bundle has not seen land: new mails; their names carry UID, date and size.
// - Objects with an older UID that the bundle does not know: of expunged or failed mails. Never resurrected.
// - Objects named by another server: get a new UID, and their facts from their metadata (adoption.ts).
// - Two objects with one UID: both are kept, the later one gets a new UID.
// - UIDNEXT jumps to the bundle's ceiling (and that in the manifest), so that no UID is used twice; modseqs jump too, for each epoch since the bundle's,
//   and clients that remember them (CONDSTORE) fetch all flags anew, because they may have seen later ones than the bundle. Likewise every UID without
//   a message that the bundle does not know to be expunged has vanished now.

import type { ObjectInfo, ObjectReader, RequestContext } from '../../runtime/effects.ts'
import { TempFail } from '../../runtime/errors.ts'
import { inParallel } from '../../runtime/parallel.ts'
import { adopt } from './adoption.ts'
import { ceilingOf, headPlace } from './bundles.ts'
import type { Bundles, HeadFacts } from './bundles.ts'
import { readBundles } from './mailbox-bundle.ts'
import type { MailboxIdentity, MailboxWorld } from './mailbox.ts'
import { rangesOf } from './expunge-log.ts'
import type { UidRange } from './expunge-log.ts'
import type { AppendedRow } from './mailbox-records.ts'
import { MailboxState } from './mailbox-state.ts'
import { giveModseqs, modseqAfter, unusedUids } from './modseqs.ts'
import { chainOf, isBundleName, isHead, newestFirst, parseOid } from './object-names.ts'
import type { MailboxListing } from './obox.ts'
import { isThere } from './object-presence.ts'
import { untilWhole } from './whole-body.ts'

/** A mail object without a row. `uid` 0: it needs a new one. */
interface Found { oid: string; object: ObjectInfo; uid: number }

export interface Rebuilt {
  state: MailboxState
  /** Some mails got UIDs that only this state knows. */
  renumbered: boolean
}

/** TempFail if the store does not answer everything that is needed. */
export async function rebuildMailbox(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext): Promise<Rebuilt> {
  const handed = world.policy.alwaysList ? undefined : world.ownership.handed(identity.guid)
  await world.ownership.rebuilding(context, identity.guid)
  const { newest: { state, inFlight, ceiling }, names, mails } = await fromHanded(world, identity, context, handed) ?? await fromListing(world, identity, context, handed)
  const landed = state.nextUid
  const bundled = state.columns.count
  giveModseqs(state, modseqAfter(world, state.bundle, state.highestModseq))
  const found = mails === undefined ? [] : findNew(mails, await dropUnlisted(world, identity, context, state, mails), state, (uid) => uid >= landed || inFlight.has(uid))
  const dropped = bundled - state.columns.count
  state.highestModseq++
  state.unsaved = { mails: 0, important: 0, all: 0 }
  const settled = found.filter(({ uid }) => uid > 0).sort((a, b) => a.uid - b.uid)
  for (const { oid, object, uid } of settled) state.addRow(ownRow(oid, object, uid), state.highestModseq)
  state.nextUid = Math.max(state.nextUid, ceiling)
  const given = state.nextUid
  // A bundle that is not there any more may have allowed more.
  if (mails !== undefined) state.nextUid = Math.max(given, world.ownership.uidCeiling(identity.guid))
  const others = found.filter(({ uid }) => uid === 0).sort(bySaving)
  const { foreign = [], own = [] } = Object.groupBy(others, ({ oid }) => (parseOid(oid) === 'foreign' ? 'foreign' : 'own'))
  const rows = [...await adopt(world, identity, context, foreign), ...own.map(({ oid, object }) => ownRow(oid, object, 0))]
    .sort((a, b) => a.saveDate - b.saveDate)
  for (const row of rows) state.addRow({ ...row, uid: state.nextUid }, state.highestModseq)
  state.expunges.add(state.highestModseq, goneUids(state, inFlight, landed))
  state.unsaved = { mails: found.length, important: 0, all: found.length + dropped > 0 ? 1 : 0 }
  state.touched.clear()
  state.savedUpTo({ modseq: state.highestModseq, nextUid: state.nextUid })
  // The next allocation asks for a bundle of its own: this state's UIDs are known nowhere else. Nor are those that it has just given.
  state.reserved = state.nextUid
  state.ceiling = given
  state.clean = false
  if (mails !== undefined && world.ownership.unsettledMs > 0) {
    const late = rangesOf([...inFlight].sort((a, b) => a - b)).map(({ first, last }) => [first, last] as const)
    await world.ownership.lookLater({ guid: identity.guid, uids: [...late, [landed, given - 1]], before: state.nextUid })
  }
  if (mails !== undefined) state.listedAt = Math.trunc(world.effects.clock.now() / 1000)
  state.bundles.clear()
  for (const name of names) state.bundles.add(name)
  world.effects.emit({
    level: 'info', name: 'obox.rebuilt', user: world.user,
    text: `${identity.name}: local state rebuilt from ${sourceText(state.chain.length, mails !== undefined)}: ${state.columns.count} mails, ${found.length} of them newer`,
    values: { mails_total: state.columns.count, mails_new: found.length, bundles: state.chain.length },
  })
  return { state, renumbered: rows.length > 0 }
}

const sourceText = (bundles: number, listed: boolean): string =>
  (bundles === 0 ? 'the objects alone' : `${bundles} bundle${bundles === 1 ? '' : 's'}${listed ? ' and a listing' : ''}`)

/** `mails` undefined: the bundle has all there are. */
interface Source { newest: Newest; names: string[]; mails?: ReadonlyMap<string, ObjectInfo> }

/** Mails and bundles of a mailbox, wherever these are; the head, which is not listed, and those it is upon are among them. */
export async function listMailbox(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext): Promise<MailboxListing> {
  const bundles = world.bundles(identity.guid)
  const listing = await listed(world, identity, context)
  return withHead(listing, bundles.headed || hasHead(listing) ? await bundles.head(context) : undefined)
}

async function listed(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext): Promise<MailboxListing> {
  const listing = await world.obox.list(context, identity.guid)
  const { indexStore, mailStore } = world.policy
  return indexStore === mailStore ? listing : { ...listing, ...await world.bundles(identity.guid).listing(context) }
}

/** Where the store holds no conditions, one may be left of another store that did. */
const hasHead = ({ others }: MailboxListing): boolean => others.includes(headPlace)

const withHead = (listing: MailboxListing, head: HeadFacts | undefined): MailboxListing =>
  (head === undefined ? listing : { ...listing, ceiling: head.ceiling, bundles: [...new Set([...listing.bundles, ...head.below, head.name])].filter(isBundleName) })

async function fromListing(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext, handed: string | undefined): Promise<Source> {
  const { effects, ownership, user } = world
  const bundles = world.bundles(identity.guid)
  let head = bundles.headed ? await bundles.openHead(context) : undefined
  try {
    const listing = await listed(world, identity, context)
    if (!bundles.headed && hasHead(listing)) head = await bundles.openHead(context)
    if (head !== undefined && !isHead(head.name)) effects.emit({ level: 'error', name: 'metacache.bundle_damaged', user, text: `The head of ${identity.name} says nothing of itself: an older bundle is tried` })
    const { mails, bundles: found } = withHead(listing, head)
    const names = [...new Set([...found, ...namesOf(handed)])]
    await ownership.outgrow(context, names)
    return { newest: await newestBundle(world, identity, context, names, head), names, mails }
  } finally {
    head?.reader.cancel()
  }
}

const namesOf = (handed = ''): string[] => handed.split(' ').filter(isBundleName)

/** What a former owner has handed over whole. undefined: it has not, or the bundle is damaged. */
async function fromHanded(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext, handed: string | undefined): Promise<Source | undefined> {
  if (handed === undefined) return undefined
  const names = namesOf(handed)
  const newest = await newestBundle(world, identity, context, names)
  return newest.state.bundle === (names.at(-1) ?? '') ? { newest, names } : undefined
}

/** The UIDs given out since the bundle that have no message: some client may have seen one that was expunged since. Ascending. */
function* goneUids(state: MailboxState, inFlight: ReadonlySet<number>, landed: number): Generator<UidRange> {
  yield* rangesOf([...inFlight].sort((a, b) => a - b).filter((uid) => uid < landed && state.columns.rowOf(uid) < 0))
  yield* unusedUids(state, landed)
}

interface Newest { state: MailboxState; inFlight: Set<number>; ceiling: number }

/** The newest bundle that is whole; without any, an empty state. `head`: what is open of them already. */
async function newestBundle(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext, names: readonly string[], head?: { name: string; reader: ObjectReader }): Promise<Newest> {
  let ceiling = 1 + world.limits.uidReserveBundle
  const passOver = (name: string, why: string): void => {
    world.effects.emit({ level: 'error', name: 'metacache.bundle_damaged', user: world.user, text: `Bundle ${name} of ${identity.name} ${why}; an older one is tried` })
  }
  for (const name of newestFirst(names)) {
    const chain = chainOf(names, name)
    let readers = await openAll(world.bundles(identity.guid), context, chain ?? [name], world.limits.bundleAheadBytes, name === head?.name ? head.reader : undefined)
    // Its metadata still says which UIDs it allowed.
    for (const reader of readers) ceiling = Math.max(ceiling, reader === undefined ? 0 : ceilingOf(reader.metadata))
    if (chain === undefined || readers.includes(undefined)) {
      for (const reader of readers) reader?.cancel()
      if (readers.at(-1) !== undefined) passOver(name, 'is upon one that is not there')
      continue
    }
    const read = await untilWhole(async (again) => {
      if (again) readers = await openAll(world.bundles(identity.guid), context, chain, world.limits.bundleAheadBytes)
      try {
        return readers.includes(undefined) ? name : await readBundles(chain, readers as ObjectReader[], world.effects.files, identity.directory, world.limits)
      } finally {
        // Whatever has failed: those that were not read to their end hold connections.
        for (const reader of readers) reader?.cancel()
      }
    }) ?? name
    if (typeof read !== 'string') return { state: read.state, inFlight: new Set(read.inFlight), ceiling: Math.max(ceiling, read.ceiling) }
    passOver(name, read === name ? 'is damaged' : `is upon ${read}, which is damaged`)
  }
  return { state: new MailboxState(world.limits), inFlight: new Set(), ceiling }
}

/** All of them asked for at once, but for the last where it is open. undefined: it is not there any more. */
async function openAll(bundles: Bundles, context: RequestContext, names: readonly string[], aheadBytes: number, last?: ObjectReader): Promise<(ObjectReader | undefined)[]> {
  const opened = await Promise.allSettled(names.map((name, at) => (at === names.length - 1 ? last : undefined) ?? bundles.read(context, name)))
  const failed = opened.find((one) => one.status === 'rejected')
  if (failed === undefined) {
    const readers = opened.map((one) => (one as PromiseFulfilledResult<ObjectReader | undefined>).value)
    return (readers[0]?.size ?? 0) <= aheadBytes ? readers : readers.map((reader, at) => (at === 0 ? reader : reader && inItsTurn(bundles, context, names[at]!, reader)))
  }
  for (const one of opened) if (one.status === 'fulfilled') one.value?.cancel()
  throw failed.reason
}

/** It is there, and is asked for once more when its body is wanted. */
function inItsTurn(bundles: Bundles, context: RequestContext, name: string, reader: ObjectReader): ObjectReader {
  reader.cancel()
  let again: ObjectReader | undefined
  const body = async function* (): AsyncGenerator<Uint8Array> {
    again = await bundles.read(context, name)
    if (again === undefined) throw new TempFail(`bundle ${name} was replaced meanwhile`)
    yield* again.body
  }
  return { ...reader, body: body(), cancel: () => { again?.cancel() } }
}

/** Drops the rows that have no object any more. Answers the oids of those that stay. */
async function dropUnlisted(world: MailboxWorld, { guid }: MailboxIdentity, context: RequestContext, state: MailboxState, mails: ReadonlyMap<string, ObjectInfo>): Promise<Set<string>> {
  const known = new Set<string>()
  const unlisted: { uid: number; oid: string }[] = []
  for (let row = 0; row < state.columns.count; row++) {
    const oid = state.oidOf(row)
    if (mails.has(oid)) known.add(oid)
    else unlisted.push({ uid: state.columns.uids[row]!, oid })
  }
  const there = await inParallel(unlisted, world.limits.rebuildRequests, ({ oid }) => isThere({ world, guid }, context, oid))
  const lost = unlisted.filter((_, at) => !there[at])
  for (const [at, { oid }] of unlisted.entries()) if (there[at]) known.add(oid)
  if (lost.length > 0) state.apply({ kind: 'expunge', uids: lost.map(({ uid }) => uid) })
  for (const { oid } of lost) state.garbage.delete(oid)
  return known
}

function findNew(mails: ReadonlyMap<string, ObjectInfo>, known: ReadonlySet<string>, state: MailboxState, isNew: (uid: number) => boolean): Found[] {
  const byUid = new Map<number, Found>()
  // Those that came late to the mailbox: behind it, as others have been seen since, or as clients were told that nothing has their UID.
  const last = state.lastSeen
  const found: Found[] = []
  for (const [oid, object] of mails) {
    const name = parseOid(oid)
    if (name === undefined || known.has(oid) || state.garbage.has(oid)) continue
    if (name === 'foreign') { found.push({ oid, object, uid: 0 }); continue }
    if (name.uid === 0 || !isNew(name.uid)) continue
    const one: Found = { oid, object, uid: name.uid }
    const other = byUid.get(name.uid)
    if (name.uid <= last) one.uid = 0
    else if (other !== undefined) (bySaving(other, one) <= 0 ? one : other).uid = 0
    if (one.uid > 0) byUid.set(one.uid, one)
    found.push(one)
  }
  return found
}

const bySaving = (a: Found, b: Found): number => a.object.modifiedMs - b.object.modifiedMs || (a.oid < b.oid ? -1 : 1)

const fresh = { flags: 0, keywords: [], cacheOffset: 0, cacheLength: 0 }

/** The row of an object with a name of ours. */
export function ownRow(oid: string, object: ObjectInfo, uid: number): AppendedRow {
  const name = parseOid(oid)
  if (name === undefined || name === 'foreign') throw new RangeError(`${oid} is no name of ours`)
  const { guid, size, received, crlf } = name
  // The name stands for itself unless it carries another UID, or says that the bytes are not in CRLF form.
  return { ...fresh, uid, guid, size, internalDate: received, saveDate: Math.trunc(object.modifiedMs / 1000), oid: crlf && name.uid === uid ? '' : oid }
}
