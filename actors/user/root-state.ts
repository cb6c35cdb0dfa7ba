// What a user has besides mails: mailboxes by place, subscriptions, and what is being deleted. As a value, as the changes
// that lead from one to the next, and as bytes (JSON in a checksummed frame: small, and readable in an emergency).

import { Buffer } from 'node:buffer'
import { crc32 } from '../../runtime/crc32.ts'
import { Boots } from './boots.ts'
import type { Boot, Loss } from './boots.ts'
import { placeKey } from './namespace.ts'
import type { Place } from './namespace.ts'
import type { MailboxStatus } from './types.ts'

/** A name in the root: a mailbox, or (without guid) only a name for children. */
export interface RootEntry {
  place: Place
  guid?: string
  uidValidity: number
  specialUse: string[]
}

/** A mailbox's figures when it was closed, true while its journal still ends at `mark`. */
export interface KeptStatus {
  status: MailboxStatus
  mark: { generation: number; size: number }
  unsaved: boolean
  /** Present: this bundle (or, where it is '', nothing at all) has everything of the mailbox, and no object is to be deleted. */
  bundle?: string
  /** What its local files take of the disk; absent in what was written before this was counted. */
  space?: number
}

/** What another backend has left behind: beside a mailbox's bundles under this name, or ('': the root) here. */
export interface OrphanNote { mailbox: string; name: string; changes?: RootChange[] }

/** A manifest that was replaced by a new owner's. */
export interface Taken { owner: string; epoch: number; writes: number }

/** A mailbox that is to be listed once more (second-look.ts). */
export interface Look {
  guid: string
  /** UIDs whose mails may still come, first and last of each range … */
  uids: readonly (readonly [first: number, last: number])[]
  /** … and rows below this UID may turn out to have no object. */
  before: number
  /** The journal was cut: before anything is told of the mailbox. */
  now?: boolean
}

/** What `look` has that is not known yet; undefined: nothing. */
export function moreThan(known: Look | undefined, look: Look): Look | undefined {
  const uids = look.uids.filter(([first, last]) => first <= last && known?.uids.some(([from, to]) => from <= first && last <= to) !== true)
  const more = known === undefined || uids.length > 0 || look.before > known.before || (look.now === true && known.now !== true)
  return more ? { ...look, uids } : undefined
}

/** What is written at the end of a look: in one record, so that nothing is forgotten in between. `unsettled`: something may come late yet, where it was `now`. */
export const afterLook = (guid: string, look: Look | undefined, unsettled: boolean): RootChange[] =>
  [{ kind: 'looked', guid }, ...(look?.now === true && unsettled ? [{ kind: 'look' as const, look: { ...look, now: false } }] : [])]

export type RootChange =
  | { kind: 'create'; entry: RootEntry }
  /** The mailbox's objects are still to be deleted. */
  | { kind: 'delete'; place: Place }
  | { kind: 'deleted'; guid: string }
  | { kind: 'move'; from: Place; to: Place }
  | { kind: 'subscribe'; place: Place; on: boolean }
  /** Annotations of a mailbox, or ('') of the user: null removes one. RFC 5464. */
  | { kind: 'metadata'; guid: string; entries: readonly (readonly [name: string, value: string | null])[] }
  /** Rights of one identifier on a mailbox; null: its entry goes. RFC 4314. */
  | { kind: 'acl'; guid: string; identifier: string; rights: string | null }
  | { kind: 'status'; guid: string; kept: KeptStatus }
  /** The manifest was written, or found to be ours: it has `covers` of the unsaved changes. */
  | { kind: 'owned'; epoch: number; tag: string; write: string; clean: boolean; covers: number; writes?: number }
  /** Other backends have left these behind … */
  | { kind: 'orphans'; notes: OrphanNote[] }
  /** … and these are merged. */
  | { kind: 'merged'; mailbox: string; names: string[] }
  /** The mailbox's local state was made in this epoch. */
  | { kind: 'built'; guid: string }
  /** Its UIDs below this one may have been given out, whatever becomes of its bundles. */
  | { kind: 'ceiling'; guid: string; uid: number }
  /** The store has forgotten a condition; and nothing is wrong any more. */
  | { kind: 'distrust' } | { kind: 'verified' }
  | { kind: 'look'; look: Look }
  | { kind: 'looked'; guid: string }
  /** The local files are written in another run of the machine from now on (boots.ts) … */
  | { kind: 'boot'; boot: Boot }
  /** … this mailbox's too, and so much of it could be lost … */
  | { kind: 'touched'; guid: string; loss: Loss }
  /** … nothing of it is, after all; */
  | { kind: 'trusted'; guid: string }
  /** these were closed, and their journals end where it was kept that they do. */
  | { kind: 'rested'; guids: string[] }
  /** The manifest's copy has the list as it is. */
  | { kind: 'copied' }
  /** Of root bundles, from before there was a manifest. */
  | { kind: 'uploading'; name: string }
  | { kind: 'uploaded'; name: string; covers: number }
  | { kind: 'removed'; names: string[] }

export class RootState {
  readonly entries = new Map<string, RootEntry>()
  readonly subscriptions = new Map<string, Place>()
  /** GUIDs of mailboxes whose objects are still to be deleted. */
  readonly deleting = new Set<string>()
  readonly statuses = new Map<string, KeptStatus>()
  /** Annotations by GUID of their mailbox ('': of the user), never empty; each value is a byte string. A map is never changed once it is here. */
  readonly metadata = new Map<string, ReadonlyMap<string, string>>()
  /** Access control lists by GUID, never empty. A map is never changed once it is here. */
  readonly acls = new Map<string, ReadonlyMap<string, string>>()
  lastUidValidity = 0
  /** Root bundles from before there was a manifest, to be removed. */
  readonly bundles = new Set<string>()
  /** Changes that the manifest lacks. */
  unsaved = 0
  /** The manifest's copy lacks a change of the list. */
  uncopied = false
  /** Of the manifest, as it was last written or read (manifest.ts). Epoch 0: there has been none. */
  epoch = 0
  owner = ''
  write = ''
  tag = ''
  clean = false
  /** How often this owner has written the manifest, and what it was when it took the user: by these it shows where a store forgets conditions (conditions.ts). */
  writes = 0
  took: Taken | undefined
  /** A backend has seen that, and what the store has was not compared with every mailbox since. */
  distrusted = false
  /** Changes that the manifest lacks, oldest first. */
  pending: RootChange[] = []
  /** Of mailboxes that were handed over: the bundle that has everything ('': there is nothing). Only of those not in `built`. */
  handed: ReadonlyMap<string, string> = new Map()
  /** UIDs below may have been given out, by mailbox, where these are more than any mailbox may give. */
  readonly ceilings = new Map<string, number>()
  /** To be merged. A list is never changed once it is here. */
  orphans: readonly OrphanNote[] = []
  /** Mailboxes whose local state was made in this epoch: making it again needs a new one. */
  readonly built = new Set<string>()
  /** Mailboxes that this machine must list once more, by GUID. */
  readonly looks = new Map<string, Look>()
  /** What this machine may have lost when it was started anew. */
  readonly boots = new Boots()
  /** Changes there ever were: of two states the one with more is the later one. */
  changes = 0
  /** The epoch in which this backend took the user. */
  taken = 0

  apply(change: RootChange): void {
    const before = this.unsaved
    this.#apply(change)
    if (change.kind === 'create' || change.kind === 'delete' || change.kind === 'move') this.uncopied = true
    if (this.unsaved === before) return
    this.pending.push(change)
    this.changes++
  }

  #apply(change: RootChange): void {
    switch (change.kind) {
      case 'create':
        this.entries.set(placeKey(change.entry.place), change.entry)
        if (change.entry.guid !== undefined) this.built.add(change.entry.guid)
        this.lastUidValidity = Math.max(this.lastUidValidity, change.entry.uidValidity)
        this.unsaved++
        return
      case 'delete': {
        const key = placeKey(change.place)
        const guid = this.entries.get(key)?.guid
        this.entries.delete(key)
        if (guid !== undefined) { this.deleting.add(guid); this.looks.delete(guid); this.boots.forget(guid); this.statuses.delete(guid); this.metadata.delete(guid); this.acls.delete(guid); this.ceilings.delete(guid) }
        this.unsaved++
        return
      }
      // Not worth an upload: deleting what is gone does no harm.
      case 'deleted': this.deleting.delete(change.guid); return
      case 'move': {
        const entry = this.entries.get(placeKey(change.from))
        if (entry === undefined) return
        this.entries.delete(placeKey(change.from))
        this.entries.set(placeKey(change.to), { ...entry, place: change.to })
        this.unsaved++
        return
      }
      case 'subscribe':
        if (change.on) this.subscriptions.set(placeKey(change.place), change.place)
        else this.subscriptions.delete(placeKey(change.place))
        this.unsaved++
        return
      case 'metadata': this.#set(this.metadata, change.guid, change.entries); return
      case 'acl': this.#set(this.acls, change.guid, [[change.identifier, change.rights]]); return
      case 'status': this.statuses.set(change.guid, change.kept); return
      case 'owned':
        if (change.epoch !== this.epoch) {
          // What has local files of its own is not any more as it was handed over.
          this.handed = new Map([...this.handed].filter(([guid]) => !this.built.has(guid)))
          this.built.clear()
        }
        this.epoch = change.epoch
        this.tag = change.tag
        this.write = change.write
        this.clean = change.clean
        this.writes = change.writes ?? this.writes
        this.unsaved -= change.covers
        this.pending.splice(0, Math.max(0, this.pending.length - this.unsaved))
        return
      case 'orphans': {
        const known = new Set(this.orphans.map(orphanKey))
        this.orphans = [...this.orphans, ...change.notes.filter((note) => !known.has(orphanKey(note)))]
        return
      }
      case 'merged': this.orphans = this.orphans.filter(({ mailbox, name }) => mailbox !== change.mailbox || !change.names.includes(name)); return
      // What was kept of the mailbox was true of files that are no more.
      case 'built': this.built.add(change.guid); this.statuses.delete(change.guid); return
      case 'distrust': case 'verified':
        this.distrusted = change.kind === 'distrust'
        if (this.distrusted) this.handed = new Map()
        this.unsaved++
        return
      case 'ceiling':
        this.ceilings.set(change.guid, Math.max(change.uid, this.ceilings.get(change.guid) ?? 0))
        this.unsaved++
        return
      case 'look': {
        const { guid, uids, before, now = false } = change.look
        const known = this.looks.get(guid)
        this.looks.set(guid, { guid, uids: [...known?.uids ?? [], ...uids], before: Math.max(before, known?.before ?? 0), now: now || known?.now === true })
        return
      }
      case 'looked': this.looks.delete(change.guid); return
      case 'boot':
        // What was kept of them was true of files that may be others now.
        for (const guid of this.boots.began(change.boot)) {
          const kept = this.statuses.get(guid)
          if (kept !== undefined) this.statuses.set(guid, { ...kept, mark: nowhere })
        }
        return
      case 'touched': this.boots.touch(change.guid, change.loss); return
      case 'rested': for (const guid of change.guids) this.boots.touched.delete(guid); return
      case 'trusted': this.boots.doubtful.delete(change.guid); return
      case 'copied': this.uncopied = false; return
      case 'uploading': this.bundles.add(change.name); return
      case 'uploaded': this.unsaved -= change.covers; return
      case 'removed': for (const name of change.names) this.bundles.delete(name); return
    }
  }

  #set(of: Map<string, ReadonlyMap<string, string>>, guid: string, entries: readonly (readonly [string, string | null])[]): void {
    if (this.deleting.has(guid)) return
    this.unsaved++
    const changed = new Map(of.get(guid))
    for (const [name, value] of entries) {
      if (value === null) changed.delete(name)
      else changed.set(name, value)
    }
    if (changed.size > 0) of.set(guid, changed)
    else of.delete(guid)
  }

  /** A state of its own, equal to this one. */
  clone(): RootState {
    const copy = new RootState()
    for (const [key, entry] of this.entries) copy.entries.set(key, entry)
    for (const [key, place] of this.subscriptions) copy.subscriptions.set(key, place)
    for (const guid of this.deleting) copy.deleting.add(guid)
    for (const [guid, kept] of this.statuses) copy.statuses.set(guid, kept)
    for (const [guid, entries] of this.metadata) copy.metadata.set(guid, entries)
    for (const [guid, entries] of this.acls) copy.acls.set(guid, entries)
    for (const [guid, uid] of this.ceilings) copy.ceilings.set(guid, uid)
    for (const name of this.bundles) copy.bundles.add(name)
    copy.lastUidValidity = this.lastUidValidity
    copy.unsaved = this.unsaved
    copy.uncopied = this.uncopied
    copy.epoch = this.epoch
    copy.owner = this.owner
    copy.write = this.write
    copy.tag = this.tag
    copy.clean = this.clean
    copy.writes = this.writes
    copy.took = this.took
    copy.distrusted = this.distrusted
    for (const guid of this.built) copy.built.add(guid)
    for (const [guid, look] of this.looks) copy.looks.set(guid, look)
    copy.boots.copy(this.boots)
    copy.changes = this.changes
    copy.taken = this.taken
    copy.pending = [...this.pending]
    copy.orphans = this.orphans
    copy.handed = this.handed
    return copy
  }
}

/** The mark of no journal. */
const nowhere = { generation: 0, size: 0 }

const orphanKey = ({ mailbox, name }: OrphanNote): string => `${mailbox}/${name}`

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
    entries: [...state.entries.values()], subscriptions: [...state.subscriptions.values()], deleting: [...state.deleting],
    statuses: [...state.statuses], metadata: nested(state.metadata), acls: nested(state.acls),
    lastUidValidity: state.lastUidValidity, bundles: [...state.bundles], unsaved: state.unsaved, uncopied: state.uncopied,
    epoch: state.epoch, owner: state.owner, write: state.write, tag: state.tag, clean: state.clean, writes: state.writes, took: state.took, distrusted: state.distrusted, built: [...state.built], pending: state.pending, orphans: state.orphans, handed: [...state.handed], looks: [...state.looks.values()], ceilings: [...state.ceilings],
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
