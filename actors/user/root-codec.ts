// A root as bytes: JSON in a checksummed frame, small, and readable in an emergency; its changes as JSON, framed by the journal.

import { Buffer } from 'node:buffer'
import { crc32 } from '../../runtime/crc32.ts'
import { placeKey } from './namespace.ts'
import type { Place } from './namespace.ts'
import type { KeptStatus, Look, RootChange, RootEntry } from './root-changes.ts'
import { RootState } from './root-state.ts'

/** One record: changes that happen together or not at all. */
export const encodeRootChanges = (changes: readonly RootChange[]): Uint8Array => Buffer.from(JSON.stringify(changes))
/** The bytes have been checked by the journal. */
export const decodeRootChanges = (bytes: Uint8Array): RootChange[] => JSON.parse(Buffer.from(bytes).toString()) as RootChange[]

const magic = Buffer.from('CULVERR1', 'latin1')
const headBytes = 16

type Nested = [string, [string, string][]][]
const nested = (maps: ReadonlyMap<string, ReadonlyMap<string, string>>): Nested => [...maps].map(([key, map]) => [key, [...map]])

/** `user`: whose it is, for who finds the file. magic 8 · generation u32 · CRC-32 of the JSON, begun with the generation's, u32 · JSON. */
export function encodeRoot(state: RootState, generation: number, user = ''): Uint8Array {
  const json = Buffer.from(JSON.stringify({
    ...(user === '' ? {} : { user }),
    entries: [...state.entries.values()], subscriptions: [...state.subscriptions.values()], deleting: [...state.deleting], erased: [...state.erased],
    statuses: [...state.statuses], metadata: nested(state.metadata), acls: nested(state.acls),
    lastUidValidity: state.lastUidValidity, bundles: [...state.bundles], unsaved: state.unsaved, uncopied: state.uncopied,
    epoch: state.epoch, owner: state.owner, write: state.write, tag: state.tag, clean: state.clean, writes: state.writes, took: state.took,
    distrusted: state.distrusted, built: [...state.built], pending: state.pending, orphans: state.orphans, handed: [...state.handed],
    looks: [...state.looks.values()], ceilings: [...state.ceilings],
    changes: state.changes, taken: state.taken, boots: state.boots.encode(),
  }))
  const head = Buffer.alloc(headBytes)
  head.set(magic)
  head.writeUInt32LE(generation, 8)
  head.writeUInt32LE(crc32(json, crc32(head.subarray(8, 12))), 12)
  return Buffer.concat([head, json])
}

/** The name of the user whose root's local snapshot this is; undefined: it does not say, is not ours, or damaged. */
export function userOfRoot(bytes: Uint8Array): string | undefined {
  const user: unknown = unframedJson(bytes)?.found.user
  return typeof user === 'string' ? user : undefined
}

/** The JSON of a root, if it is whole. */
function unframedJson(bytes: Uint8Array): { found: any; generation: number } | undefined {
  if (bytes.length < headBytes) return undefined
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const json = head.subarray(headBytes)
  if (!head.subarray(0, 8).equals(magic) || head.readUInt32LE(12) !== crc32(json, crc32(head.subarray(8, 12)))) return undefined
  return { found: JSON.parse(json.toString()), generation: head.readUInt32LE(8) }
}

/** undefined: not ours, or damaged. */
export function decodeRoot(bytes: Uint8Array): { state: RootState; generation: number } | undefined {
  const root = unframedJson(bytes)
  if (root === undefined) return undefined
  const { found, generation } = root
  const state = new RootState()
  for (const entry of found.entries as RootEntry[]) state.entries.set(placeKey(entry.place), entry)
  for (const place of found.subscriptions as Place[]) state.subscriptions.set(placeKey(place), place)
  for (const guid of found.deleting as string[]) state.deleting.add(guid)
  // Absent from what was written before this was done twice.
  for (const [guid, at] of (found.erased ?? []) as [string, number][]) state.erased.set(guid, at)
  for (const [guid, kept] of found.statuses as [string, KeptStatus][]) state.statuses.set(guid, kept)
  // Absent from what was written before there were annotations and access control lists.
  for (const [guid, entries] of (found.metadata ?? []) as Nested) state.metadata.set(guid, new Map(entries))
  for (const [guid, entries] of (found.acls ?? []) as Nested) state.acls.set(guid, new Map(entries))
  for (const name of found.bundles as string[]) state.bundles.add(name)
  state.lastUidValidity = found.lastUidValidity
  state.unsaved = found.unsaved
  // Absent from what was written before there were copies.
  state.uncopied = found.uncopied ?? true
  // Absent from what was written before there was a manifest.
  state.epoch = found.epoch ?? 0
  state.owner = found.owner ?? ''
  state.write = found.write ?? ''
  state.tag = found.tag ?? ''
  state.clean = found.clean ?? false
  state.writes = found.writes ?? 0
  state.took = found.took
  state.distrusted = found.distrusted ?? false
  state.pending = found.pending ?? []
  state.orphans = found.orphans ?? []
  state.handed = new Map((found.handed ?? []) as [string, string][])
  for (const guid of (found.built ?? []) as string[]) state.built.add(guid)
  for (const [guid, uid] of (found.ceilings ?? []) as [string, number][]) state.ceilings.set(guid, uid)
  for (const look of (found.looks ?? []) as Look[]) state.looks.set(look.guid, look)
  // Absent from what was written before runs of the machine were told apart.
  state.changes = found.changes ?? 0
  state.taken = found.taken ?? state.epoch
  state.boots.decode(found.boots)
  return { state, generation }
}
