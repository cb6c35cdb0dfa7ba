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
import { addRows } from './adopt-rows.ts'
import { adopt, adopted } from './adoption.ts'
import type { LoadedMailbox } from './mailbox.ts'
import { ownRow } from './mailbox-rebuild.ts'
import { parseOid } from './object-names.ts'
import { inParallel } from './parallel.ts'
import { dropRows, isThere } from './second-look.ts'
import type { Finding } from './types.ts'

export interface MailboxVerification { findings: Finding[]; mails: number }

/** Not to be done beside other listings of the mailbox (LoadedMailbox.verify). TempFail: the store is away; what was mended stays so. LostUser. */
export async function verifyMailbox(mailbox: LoadedMailbox, context: RequestContext, fix: boolean): Promise<MailboxVerification> {
  const { state, world, guid, name } = mailbox
  const { policy } = world
  const before = known(mailbox)
  const { mails, bundles: listed } = await world.obox.list(context, guid)
  const bundles = policy.indexStore === policy.mailStore ? listed : await world.bundles(guid).list(context)
  const after = known(mailbox)
  const isKnown = (oid: string): boolean => before.oids.has(oid) || after.oids.has(oid)
  const unknown = [...mails].filter(([oid]) => !isKnown(oid) && isStray(oid, before, after))
  const gone = goneUids(mailbox)
  const [orphans, lost] = split(unknown, ([oid]) => gone(uidIn(oid)))
  const missing = await missingRows(mailbox, context, mails, before.nextUid)
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

/** What a mailbox knows at one moment. */
interface Known { oids: Set<string>; inFlight: Set<number>; nextUid: number; bundles: Set<string> }

function known({ state, appends }: LoadedMailbox): Known {
  const oids = new Set(state.garbage)
  for (let row = 0; row < state.columns.count; row++) oids.add(state.oidOf(row))
  return { oids, inFlight: new Set(appends.inFlight()), nextUid: state.nextUid, bundles: new Set([...state.bundles, ...state.chainNames]) }
}

const uidIn = (oid: string): number => {
  const name = parseOid(oid)
  return name === undefined || name === 'foreign' ? 0 : name.uid
}

/** Whether it is a mail, and not one that is on its way. */
function isStray(oid: string, before: Known, after: Known): boolean {
  const name = parseOid(oid)
  if (name === undefined) return false
  if (name === 'foreign') return true
  return name.uid < before.nextUid && !before.inFlight.has(name.uid) && !after.inFlight.has(name.uid)
}

/** Tells whether a UID was expunged, as far as that is remembered. Not what a second look may still bring in. */
function goneUids({ state, world, guid }: LoadedMailbox): (uid: number) => boolean {
  const ranges = state.expunges.since(state.expunges.floor) ?? []
  const awaited = world.ownership.looking(guid)?.uids ?? []
  return (uid) => uid > 0 && ranges.some(({ first, last }) => first <= uid && uid <= last) && !awaited.some(([first, last]) => first <= uid && uid <= last)
}

interface MissingRow { uid: number; oid: string; size: number }

async function missingRows(mailbox: LoadedMailbox, context: RequestContext, mails: ReadonlyMap<string, ObjectInfo>, before: number): Promise<MissingRow[]> {
  const { state: { columns }, state, world } = mailbox
  const unlisted: MissingRow[] = []
  for (let row = 0; row < columns.count && columns.uids[row]! < before; row++) {
    const oid = state.oidOf(row)
    if (!mails.has(oid)) unlisted.push({ uid: columns.uids[row]!, oid, size: columns.sizes[row]! })
  }
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
