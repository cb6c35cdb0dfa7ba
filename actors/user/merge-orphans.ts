// Merges what other backends have left behind (orphan.ts) into a loaded mailbox: as changes like any client's, so that
// views hear of them. Then the mailbox is uploaded, and only then the orphans are forgotten.

import type { RequestContext } from '../../runtime/effects.ts'
import { concatBytes } from '../mail/byte-strings.ts'
import { addRows } from './adopt-rows.ts'
import type { LoadedMailbox } from './mailbox.ts'
import type { AppendedRow } from './mailbox-records.ts'
import { untilWhole } from './whole-body.ts'
import { parseBundleName, parseOid } from './object-names.ts'
import { decodeOrphan, uidsWithin } from './orphan.ts'
import type { Orphan } from './orphan.ts'

/** TempFail: the store is away; what is not merged yet is merged the next time. */
export async function mergeOrphans(mailbox: LoadedMailbox, context: RequestContext): Promise<void> {
  const { world, guid } = mailbox
  const names = world.ownership.orphans(guid)
  if (names.length === 0 || !world.policy.merging) return
  for (const name of names) {
    const orphan = await readOrphan(mailbox, context, name)
    if (orphan !== undefined) await merge(mailbox, context, orphan)
  }
  // Even where nothing has changed: what is here may be from a bundle that its writer uploaded late, and another one's sorts before it.
  if (parseBundleName(mailbox.state.bundle)?.epoch === world.ownership.epoch) await mailbox.uploads.flush()
  else await mailbox.uploads.upload('metacache:merge')
  await world.ownership.merged(context, guid, names)
  // What is left here is never looked at again: it goes with the mailbox.
  await world.bundles(guid).remove(context, names).catch(() => {})
}

async function readOrphan({ world, guid, name: mailbox }: LoadedMailbox, context: RequestContext, name: string): Promise<Orphan | undefined> {
  const bytes = await untilWhole(async () => {
    const reader = await world.bundles(guid).read(context, name)
    if (reader === undefined) return 'none'
    const chunks: Uint8Array[] = []
    for await (const chunk of reader.body) chunks.push(chunk)
    return concatBytes(chunks)
  })
  if (bytes === 'none') return undefined
  const orphan = bytes && decodeOrphan(bytes)
  if (orphan === undefined) {
    world.effects.emit({ level: 'error', name: 'metacache.bundle_damaged', user: world.user, text: `${name} of ${mailbox} is damaged: flags that another backend changed are lost` })
  }
  return orphan
}

async function merge(mailbox: LoadedMailbox, context: RequestContext, orphan: Orphan): Promise<void> {
  const { state, world } = mailbox
  const uidByOid = new Map<string, number>()
  for (const [uid, oid] of state.names) uidByOid.set(oid, uid)
  // Both sides may have the mail under other UIDs than its name says, each for itself.
  const uidOf = (oid: string): number | undefined => {
    const name = parseOid(oid)
    const row = name === undefined || name === 'foreign' ? -1 : state.columns.rowOf(name.uid)
    return row >= 0 && state.oidOf(row) === oid ? state.columns.uids[row] : uidByOid.get(oid)
  }
  const changes = new Map<string, { mode: 'add' | 'remove'; system: number; keywords: string[]; uids: number[] }>()
  const change = (uid: number, mode: 'add' | 'remove', system: number, keywords: string[]): void => {
    if (system === 0 && keywords.length === 0) return
    const key = JSON.stringify([mode, system, keywords])
    const known = changes.get(key)
    if (known === undefined) changes.set(key, { mode, system, keywords, uids: [uid] })
    else known.uids.push(uid)
  }
  const unknown: AppendedRow[] = []
  for (const row of orphan.added) {
    const uid = uidOf(row.oid)
    if (uid !== undefined) change(uid, 'add', row.flags, [...row.keywords])
    else if (!state.garbage.has(row.oid)) unknown.push(row)
  }
  for (const { oid, before, now } of orphan.changed) {
    const uid = uidOf(oid)
    if (uid === undefined) continue
    change(uid, 'add', now.system & ~before.system, now.keywords.filter((name) => !before.keywords.includes(name)))
    change(uid, 'remove', before.system & ~now.system, before.keywords.filter((name) => !now.keywords.includes(name)))
  }
  await addRows(mailbox, context, unknown)
  for (const { mode, system, keywords, uids } of changes.values()) {
    await mailbox.commit({ kind: 'flags', uids: uids.sort((a, b) => a - b), mode, flags: { system, keywords }, unchangedSince: 0 })
  }
  const gone = new Set(orphan.gone)
  const { columns } = state
  const expunged = new Set(uidsWithin(orphan.expunged, columns.uids.subarray(0, columns.count)))
  for (const oid of gone) {
    const uid = uidOf(oid)
    if (uid !== undefined) expunged.add(uid)
  }
  if (expunged.size > 0) await mailbox.commit({ kind: 'expunge', uids: [...expunged].sort((a, b) => a - b) }, { durable: true })
  mailbox.sweeper.add([...gone].filter((oid) => uidOf(oid) === undefined && !state.garbage.has(oid)))
  mailbox.sweeper.wake()
  world.effects.emit({
    level: 'info', name: 'metacache.merged', user: world.user,
    text: `${mailbox.name}: merged what another backend had: ${unknown.length} mails, flags of ${changes.size === 0 ? 0 : [...changes.values()].reduce((sum, one) => sum + one.uids.length, 0)}, ${expunged.size} expunged`,
    values: { mails_new: unknown.length, expunged: expunged.size },
  })
}
