// Compares a loaded mailbox with what the store has of it. RFC-less: the other end of §4's "never lost, nothing left behind".
//
// - An object without a row: of a mail that is known to be expunged, it is deleted. Any other comes in, under a new UID: whatever
//   it is, it may be somebody's mail.
// - A row without an object is expunged, after a HEAD of its own: a listing that lags proves nothing.
// - Bundles that nothing is upon any more are deleted. Another server's are not ours.
//
// Mails come and go meanwhile: what has a row, waits for deletion or is still on its way, before the listing or after it, is no
// finding.
//
// Nothing is mended for another backend: before, and after the listing, it is asked whose the user is. What is unknown here is then no
// new owner's.

import type { ObjectInfo, RequestContext } from '../../runtime/effects.ts'
import { inParallel } from '../../runtime/parallel.ts'
import { addRows } from './adopt-rows.ts'
import { adopt, adopted } from './adoption.ts'
import type { UidRange } from './expunge-log.ts'
import type { LoadedMailbox } from './mailbox.ts'
import { ownRow } from './mailbox-rebuild.ts'
import type { MailboxState } from './mailbox-state.ts'
import { parseOid } from './object-names.ts'
import { isThere } from './object-presence.ts'
import { dropRows } from './second-look.ts'
import type { Finding } from './types.ts'

export interface MailboxVerification { findings: Finding[]; mails: number }

/**
 * Not to be done beside other listings of the mailbox (LoadedMailbox.verify). `keep`: UIDs may have been given out twice, and no object is
 * of a mail that is known to be expunged. TempFail: the store is away; what was mended stays so. LostUser.
 */
export async function verifyMailbox(mailbox: LoadedMailbox, context: RequestContext, fix: boolean, keep = false): Promise<MailboxVerification> {
  const { state, world, guid, name } = mailbox
  const { policy } = world
  const before = known(mailbox)
  const { mails, bundles: listed } = await world.obox.list(context, guid)
  const bundles = policy.indexStore === policy.mailStore ? listed : await world.bundles(guid).list(context)
  const after = known(mailbox, before.oids)
  const { unknown, unlisted } = compare(mailbox, mails, before, after)
  const gone = keep ? () => false : goneUids(mailbox)
  const [orphans, lost] = split(unknown, ([oid]) => gone(uidIn(oid)))
  const missing = await missingRows(mailbox, context, unlisted)
  const unused = bundles.filter((one) => !before.bundles.has(one) && !after.bundles.has(one))
  const finding = (kind: Finding['kind'], object: string, uid: number, bytes: number, done: Finding['done']): Finding =>
    ({ mailbox: name, kind, object, uid, bytes, done: fix ? done : '' })
  const findings = [
    ...lost.map(([oid, { size }]) => finding('lost', oid, uidIn(oid), size, 'adopted')),
    ...orphans.map(([oid, { size }]) => finding('orphan', oid, uidIn(oid), size, 'deleted')),
    ...missing.map(({ uid, oid, size }) => finding('missing', oid, uid, size, 'expunged')),
    ...unused.map((one) => finding('index', `idx/${one}`, 0, 0, 'deleted')),
  ]
  if (fix && findings.length > 0) await mend(mailbox, context, { lost, orphans: orphans.map(([oid]) => oid), missing: missing.map(({ uid }) => uid), unused })
  return { findings, mails: state.columns.count }
}

/** What a mailbox knows at one moment. `oids`: names that do not follow from a row, and those that wait for deletion. */
interface Known { modseq: number; oids: Set<string>; inFlight: Set<number>; nextUid: number; bundles: Set<string> }

/** `except`: names that need not be told again. */
function known({ state, appends }: LoadedMailbox, except: ReadonlySet<string> = new Set()): Known {
  const oids = new Set<string>()
  for (const names of [state.garbage, state.names.values()]) for (const oid of names) if (!except.has(oid)) oids.add(oid)
  return { modseq: state.highestModseq, oids, inFlight: new Set(appends.inFlight()), nextUid: state.nextUid, bundles: new Set([...state.bundles, ...state.chainNames]) }
}

const uidIn = (oid: string): number => {
  const name = parseOid(oid)
  return name === undefined || name === 'foreign' ? 0 : name.uid
}

interface UnlistedRow { uid: number; oid: string; size: number }
interface Compared { unknown: [string, ObjectInfo][]; unlisted: UnlistedRow[] }

/**
 * The objects without a row, and the rows without an object, of a listing between two moments. Most names follow from their rows, so that
 * an object is looked up by the UID in its name: with a million mails, sets of all names would take a second and 120 MB.
 */
function compare({ state, state: { columns } }: LoadedMailbox, mails: ReadonlyMap<string, ObjectInfo>, before: Known, after: Known): Compared {
  const listed = new Uint8Array(columns.count)
  const unknown: [string, ObjectInfo][] = []
  const isPassing = passing(state, before, after)
  for (const found of mails) {
    const [oid] = found
    const name = parseOid(oid)
    if (name === undefined || before.oids.has(oid) || after.oids.has(oid)) continue
    if (name === 'foreign') { unknown.push(found); continue }
    const row = columns.rowOf(name.uid)
    if (row >= 0 && state.oidOf(row) === oid) listed[row] = 1
    else if (!isPassing(name.uid)) unknown.push(found)
  }
  const unlisted: UnlistedRow[] = []
  for (let row = 0; row < columns.count && columns.uids[row]! < before.nextUid; row++) {
    if (listed[row] === 1) continue
    const [uid, oid, size] = [columns.uids[row]!, state.oidOf(row), columns.sizes[row]!]
    if (!mails.has(oid)) unlisted.push({ uid, oid, size })
  }
  return { unknown, unlisted }
}

/** Tells whether an object of that UID, which has no row, is on its way, or has been expunged meanwhile. */
function passing({ expunges }: MailboxState, before: Known, after: Known): (uid: number) => boolean {
  const meanwhile = expunges.since(before.modseq)
  return (uid) => uid >= before.nextUid || before.inFlight.has(uid) || after.inFlight.has(uid) || meanwhile === undefined || isWithin(meanwhile, uid)
}

const isWithin = (ranges: readonly UidRange[], uid: number): boolean => ranges.some(({ first, last }) => first <= uid && uid <= last)

/** Tells whether a UID was expunged, as far as that is remembered. Not what a second look may still bring in. */
function goneUids({ state, world, guid }: LoadedMailbox): (uid: number) => boolean {
  const ranges = state.expunges.since(state.expunges.floor) ?? []
  const awaited = world.ownership.looking(guid)?.uids ?? []
  return (uid) => uid > 0 && isWithin(ranges, uid) && !awaited.some(([first, last]) => first <= uid && uid <= last)
}

/** Those of the rows whose objects are really not there. */
async function missingRows(mailbox: LoadedMailbox, context: RequestContext, unlisted: readonly UnlistedRow[]): Promise<UnlistedRow[]> {
  const { state: { columns }, world } = mailbox
  const there = await inParallel(unlisted, world.limits.rebuildRequests, ({ oid }) => isThere(mailbox, context, oid))
  return unlisted.filter(({ uid }, at) => !there[at] && columns.rowOf(uid) >= 0)
}

interface Mending { lost: (readonly [string, ObjectInfo])[]; orphans: string[]; missing: number[]; unused: string[] }

async function mend(mailbox: LoadedMailbox, context: RequestContext, { lost, orphans, missing, unused }: Mending): Promise<void> {
  const { world, identity, guid } = mailbox
  await world.ownership.confirm(context)
  const [foreign, own] = split(lost, ([oid]) => parseOid(oid) === 'foreign')
  const rows = await adopt(world, identity, context, foreign.map(([oid, object]) => ({ oid, object })))
  const all = [...rows.map((row) => ({ ...row, uid: 0 })), ...own.map(([oid, object]) => ({ ...ownRow(oid, object, 0), oid }))]
  await addRows(mailbox, context, all.sort((a, b) => a.saveDate - b.saveDate))
  await adopted(world, identity)
  await dropRows(mailbox, context, missing)
  mailbox.sweeper.add(orphans)
  // What came in has UIDs that nobody else knows.
  if (all.length + missing.length > 0) await mailbox.uploads.flush()
  await mailbox.sweeper.settled()
  if (unused.length > 0) {
    await world.ownership.certain(context)
    await world.bundles(guid).remove(context, unused)
  }
}

function split<Item>(items: readonly Item[], first: (item: Item) => boolean): [Item[], Item[]] {
  const parts: [Item[], Item[]] = [[], []]
  for (const item of items) parts[first(item) ? 0 : 1].push(item)
  return parts
}
