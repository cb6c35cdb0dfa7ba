// What a user has besides mails: mailboxes by place, subscriptions, and what is being deleted. As a value, to which changes are applied.

import { Boots } from './boots.ts'
import { placeKey } from './namespace.ts'
import type { Place } from './namespace.ts'
import type { KeptStatus, Look, OrphanNote, RootChange, RootEntry, Taken } from './root-changes.ts'

export class RootState {
  readonly entries = new Map<string, RootEntry>()
  readonly subscriptions = new Map<string, Place>()
  /** GUIDs of mailboxes whose objects are still to be deleted. */
  readonly deleting = new Set<string>()
  /** When that was done for the first time (UNIX ms), by GUID. */
  readonly erased = new Map<string, number>()
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
      case 'deleted': this.deleting.delete(change.guid); this.erased.delete(change.guid); return
      case 'erased': if (this.deleting.has(change.guid)) this.erased.set(change.guid, change.at); return
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
    for (const [guid, at] of this.erased) copy.erased.set(guid, at)
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
