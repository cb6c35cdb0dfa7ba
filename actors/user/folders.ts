// The user's mailbox list at work: what the root says, as clients see it, and the changes clients ask for. Knows where a
// mailbox's local files are; does not know which mailboxes are loaded.

import type { RequestContext } from '../../runtime/effects.ts'
import { TempFail, messageOf } from '../../runtime/errors.ts'
import { MailError } from './errors.ts'
import { decideCreate, decideDelete, decideRename, mergedChange } from './list-changes.ts'
import { noSpace, onDisk } from './local-space.ts'
import type { LocalSpace } from './local-space.ts'
import { createLocal, journalMark, newMark } from './local-state.ts'
import type { MailboxIdentity, MailboxWorld } from './mailbox.ts'
import { MailboxList } from './mailbox-list.ts'
import type { PlacedEntries } from './mailbox-list.ts'
import { isInbox, placeKey } from './namespace.ts'
import type { Namespaces, Place } from './namespace.ts'
import type { Root } from './root.ts'
import type { KeptStatus, RootChange, RootEntry } from './root-changes.ts'
import type { MailboxInfo, NamespaceInfo } from './types.ts'

const noEntries: ReadonlyMap<string, string> = new Map()

/** What makes a mailbox be there: its figures are known without opening it. */
function creation(entry: RootEntry): RootChange[] {
  return entry.guid === undefined ? [{ kind: 'create', entry }] : [{ kind: 'create', entry }, { kind: 'status', guid: entry.guid, kept: newFigures(entry.guid, entry.uidValidity) }]
}

/** Of a mailbox whose local files have just been laid. Where they are not, the mark says that this may not be true. */
const newFigures = (guid: string, uidValidity: number): KeptStatus => ({
  status: { messages: 0, recent: 0, uidNext: 1, uidValidity, unseen: 0, highestModseq: 1, size: 0, deleted: 0, deletedSize: 0, guid },
  mark: newMark, unsaved: false, bundle: '', space: onDisk(newMark.size),
})

export class MailboxFolders {
  readonly #world: Omit<MailboxWorld, 'target'>
  readonly #root: Root
  readonly #namespaces: Namespaces
  readonly #directory: string
  readonly #placed: PlacedEntries = new WeakMap()
  #list: { version: number; list: MailboxList } | undefined

  /** `directory`: of the mailboxes' local files. */
  constructor(world: Omit<MailboxWorld, 'target'>, root: Root, namespaces: Namespaces, directory: string) {
    this.#world = world
    this.#root = root
    this.#namespaces = namespaces
    this.#directory = directory
  }

  get namespaces(): readonly NamespaceInfo[] { return this.#namespaces.infos }

  /** Computed when it is asked for after a change. */
  get list(): MailboxList {
    if (this.#list?.version !== this.#root.version) {
      this.#list = { version: this.#root.version, list: new MailboxList(this.#root.state, this.#namespaces, this.#placed) }
    }
    return this.#list.list
  }

  /** GUIDs of deleted mailboxes whose objects may still be there. */
  get deleting(): ReadonlySet<string> { return this.#root.state.deleting }
  /** When they were deleted first, by GUID (UNIX ms). */
  get erased(): ReadonlyMap<string, number> { return this.#root.state.erased }

  /** Whether a GUID is a mailbox's, or that of one whose objects are being deleted. */
  knows(guid: string): boolean { return this.list.uidValidityOf(guid) !== undefined || this.#root.state.deleting.has(guid) }

  find(name: string): MailboxInfo | undefined {
    const place = this.#namespaces.find(name)
    return place === undefined ? undefined : this.list.find(place.path.length === 0 ? name : this.#namespaces.visible(place))
  }

  isInbox(name: string): boolean {
    const place = this.#namespaces.find(name)
    return place !== undefined && isInbox(place) && placeKey(place) === placeKey(this.#namespaces.inbox)
  }

  /** Throws `code` where there is no mailbox of that name. */
  guidOf(name: string, code: 'NONEXISTENT' | 'TRYCREATE'): string {
    const found = this.find(name)
    if (found?.guid !== undefined) return found.guid
    throw new MailError(found === undefined ? code : 'NONEXISTENT', found === undefined ? `Mailbox doesn't exist: ${name}` : `Mailbox isn't selectable: ${name}`)
  }

  identity(guid: string): MailboxIdentity {
    const uidValidity = this.list.uidValidityOf(guid)
    if (uidValidity === undefined) throw new MailError('NONEXISTENT', 'The mailbox was deleted')
    const folders = this
    return { guid, uidValidity, directory: `${this.#directory}/${guid}`, least: this.keptStatus(guid)?.mark, get name() { return folders.list.nameOf(guid) ?? guid } }
  }

  /** Gives names to mailboxes that have lost theirs (one may be known to be `inbox`), and creates what the configuration promises. TempFail for a new user only. */
  async prepare(context: RequestContext, nameless: readonly string[], inbox?: string): Promise<void> {
    try {
      await this.#root.change(context, async (state) => {
        const entries: RootEntry[] = []
        const add = (place: Place, guid: string): void => {
          entries.push({ place, guid, uidValidity: this.#root.nextUidValidity(entries.length), specialUse: [] })
        }
        if (inbox !== undefined) add(this.#namespaces.inbox, inbox)
        for (const guid of nameless) if (guid !== inbox && !this.knows(guid)) add({ namespace: this.#namespaces.inbox.namespace, path: [`${this.#world.policy.lostMailboxPrefix}${guid}`] }, guid)
        for (const { place, create } of this.#namespaces.auto) {
          if (!create || state.entries.get(placeKey(place))?.guid !== undefined || (inbox !== undefined && placeKey(place) === placeKey(this.#namespaces.inbox))) continue
          add(place, await this.#newMailbox())
        }
        return { changes: entries.flatMap((entry) => (nameless.includes(entry.guid!) ? [{ kind: 'create' as const, entry }] : creation(entry))), result: undefined }
      })
    } catch (error) {
      const usable = this.#root.state.entries.has(placeKey(this.#namespaces.inbox)) && nameless.length === 0
      if (!usable || !(error instanceof TempFail)) throw error
      this.#world.effects.emit({ level: 'warning', name: 'user.autocreate_failed', user: this.#world.user, text: `Mailboxes with auto = create are not created yet: ${messageOf(error)}` })
    }
  }

  async create(context: RequestContext, name: string, specialUse: string[]): Promise<MailboxInfo> {
    const visible = await this.#root.change(context, async (state) => {
      const { place, nameOnly } = decideCreate(state, this.#namespaces, name, this.#world.limits)
      const entry: RootEntry = nameOnly
        ? { place, uidValidity: 0, specialUse }
        : { place, guid: await this.#newMailbox(), uidValidity: this.#root.nextUidValidity(0), specialUse }
      return { changes: creation(entry), result: this.#namespaces.visible(place) }
    })
    const created = this.list.find(visible)
    if (created === undefined) throw new MailError('NONEXISTENT', `Mailbox was deleted at once: ${visible}`)
    return created
  }

  /** Answers the GUID of what was deleted, if it was more than a name. */
  delete(context: RequestContext, name: string): Promise<string | undefined> {
    return this.#root.change(context, async (state) => {
      const changes = decideDelete(state, this.#namespaces, name)
      const place = this.#namespaces.find(name)!
      return { changes, result: state.entries.get(placeKey(place))?.guid }
    })
  }

  /** Answers what was renamed: it, and then all below it. */
  rename(context: RequestContext, from: string, to: string): Promise<{ from: string; name: string }[]> {
    return this.#root.change(context, async (state) => {
      const changes = decideRename(state, this.#namespaces, from, to)
      const renamed = changes.map((move) => ({ from: this.#namespaces.visible(move.from), name: this.#namespaces.visible(move.to) }))
      return { changes, result: renamed.sort((one, other) => one.from.length - other.from.length) }
    })
  }

  /** Names need not exist. Answers whether anything has changed. CANNOT for a name that could not. */
  async subscribe(name: string, on: boolean): Promise<boolean> {
    const place = on ? this.#namespaces.forCreation(name) : this.#namespaces.find(name)
    if (place === undefined || this.#root.state.subscriptions.has(placeKey(place)) === on) return false
    await this.#root.note({ kind: 'subscribe', place, on })
    return true
  }

  /** Annotations of a mailbox, or ('') of the user. NONEXISTENT. */
  metadata(name: string): ReadonlyMap<string, string> {
    return this.#root.state.metadata.get(name === '' ? '' : this.guidOf(name, 'NONEXISTENT')) ?? noEntries
  }

  /** All of `entries` or none; undefined removes. NONEXISTENT; LIMIT beyond limits.metadataBytes. */
  async setMetadata(name: string, entries: ReadonlyMap<string, string | undefined>): Promise<void> {
    const guid = name === '' ? '' : this.guidOf(name, 'NONEXISTENT')
    const change: RootChange = { kind: 'metadata', guid, entries: [...entries].map(([entry, value]) => [entry, value ?? null]) }
    let bytes = 0
    for (const [owner, kept] of this.#root.state.metadata) {
      for (const [entry, value] of kept) if (owner !== guid || !entries.has(entry)) bytes += entry.length + value.length
    }
    for (const [entry, value] of entries) if (value !== undefined) bytes += entry.length + value.length
    if (bytes > this.#world.limits.metadataBytes) throw new MailError('LIMIT', `Annotations of a user have at most ${this.#world.limits.metadataBytes} bytes`)
    await this.#root.note(change)
  }

  /** A mailbox's access control list: rights by identifier. NONEXISTENT. */
  acl(name: string): ReadonlyMap<string, string> {
    return this.#root.state.acls.get(this.guidOf(name, 'NONEXISTENT')) ?? noEntries
  }

  /** `rights` undefined: the identifier's entry goes. NONEXISTENT; LIMIT beyond limits.aclEntries. */
  async setAcl(name: string, identifier: string, rights: string | undefined): Promise<void> {
    const guid = this.guidOf(name, 'NONEXISTENT')
    let entries = 0
    for (const acl of this.#root.state.acls.values()) entries += acl.size
    if (rights !== undefined && entries >= this.#world.limits.aclEntries && !this.acl(name).has(identifier)) {
      throw new MailError('LIMIT', `Access control lists of a user have at most ${this.#world.limits.aclEntries} entries`)
    }
    await this.#root.note({ kind: 'acl', guid, identifier, rights: rights ?? null })
  }

  /** A mailbox's figures when it was closed. */
  keptStatus(guid: string): KeptStatus | undefined { return this.#root.state.statuses.get(guid) }

  async keepStatus(guid: string, kept: KeptStatus): Promise<void> {
    if (JSON.stringify(this.keptStatus(guid)) !== JSON.stringify(kept)) await this.#root.note({ kind: 'status', guid, kept })
  }

  /** Closed mailboxes whose bundle lacks something. */
  unsaved(): string[] {
    return [...this.#root.state.statuses].filter(([, { unsaved }]) => unsaved).map(([guid]) => guid)
  }

  /** Deletes the objects and files of a deleted mailbox. The first time it stays among the `deleting`. */
  async erase(guid: string): Promise<void> {
    const { obox, indexes, policy, user, effects } = this.#world
    const context: RequestContext = { user, reason: 'obox:mailbox_delete' }
    let whole = await obox.deleteMailbox(context, guid, policy.deletesAtOnce)
    if (indexes !== obox) whole = await indexes.deleteMailbox(context, guid, policy.deletesAtOnce) && whole
    await effects.files.remove(`${this.#directory}/${guid}`)
    if (whole) await this.#root.note(this.erased.has(guid) ? { kind: 'deleted', guid } : { kind: 'erased', guid, at: effects.clock.now() })
  }

  /** Resolves when the store has nothing about the mailbox list that is not true. TempFail if that cannot be had. */
  certain(context: RequestContext): Promise<void> { return this.#root.certain(context) }

  /** Asks whose the user is. TempFail; LostUser: it is another backend's. */
  confirm(context: RequestContext): Promise<void> { return this.#root.confirm(context) }

  flush(): Promise<void> { return this.#root.flush('metacache:flush_all_changed') }

  /** GUIDs of mailboxes of which other backends have left something behind. */
  get orphaned(): string[] { return [...new Set(this.#root.state.orphans.flatMap(({ mailbox }) => (mailbox === '' ? [] : [mailbox])))] }

  /** GUIDs of mailboxes that are to be listed once more, and in how many milliseconds that has a meaning. */
  get looks(): { guids: string[]; afterMs: number } { return { guids: [...this.#root.state.looks.keys()], afterMs: this.#root.unsettledMs } }

  /** Every mailbox is still to be compared with the store. */
  get distrusted(): boolean { return this.#root.state.distrusted }

  /** Every mailbox was compared with the store. */
  verified(): Promise<void> { return this.#root.note({ kind: 'verified' }) }

  /** Begins to ask whose the user is, if that was last known longer ago. */
  foreseeAfter(ms: number): void { this.#root.foreseeAfter(ms) }

  /** Merges what other backends have left behind of the list. Of mailboxes that were deleted meanwhile nothing is merged. */
  async mergeOrphans(context: RequestContext): Promise<void> {
    const { orphans } = this.#root.state
    const mine = orphans.filter(({ mailbox }) => mailbox === '')
    for (const { changes = [] } of mine) {
      await this.#root.change(context, async (state) => ({ changes: changes.flatMap((change) => mergedChange(state, change)), result: undefined }))
    }
    if (mine.length > 0) await this.#root.merged(context, '', mine.map(({ name }) => name))
    for (const { mailbox, name } of orphans) {
      if (mailbox !== '' && this.list.uidValidityOf(mailbox) === undefined) await this.#root.merged(context, mailbox, [name])
    }
  }

  /** What local files take of the disk; `loaded`: of mailboxes that are, by GUID. */
  space(loaded: ReadonlyMap<string, number>): LocalSpace {
    const { entries, statuses } = this.#root.state
    const space = { ...noSpace, root: this.#root.space }
    for (const { guid, place, specialUse } of entries.values()) {
      if (guid === undefined) continue
      const first = specialUse.includes('\\Junk') || placeKey(place) === placeKey(this.#namespaces.inbox)
      space[first ? 'inbox' : 'other'] += loaded.get(guid) ?? statuses.get(guid)?.space ?? 0
    }
    return space
  }

  /** Whether the manifest lacks something of the list, or the store something of a closed mailbox. */
  get lacking(): boolean { return this.#root.state.unsaved > 0 || this.unsaved().length > 0 }

  /** Of closed mailboxes with local files, those of which the store may lack something. */
  async uncertain(): Promise<string[]> {
    const guids: string[] = []
    for (const { guid } of this.#root.state.entries.values()) {
      if (guid !== undefined && (await this.#settled(guid)) === 'unknown') guids.push(guid)
    }
    return guids
  }

  /** What is known of a closed mailbox: its figures when it was closed, that it has no local files, or nothing. */
  async #settled(guid: string): Promise<KeptStatus | 'absent' | 'unknown'> {
    const kept = this.#root.state.statuses.get(guid)
    const mark = await journalMark(this.#world.effects, `${this.#directory}/${guid}`)
    if (mark === undefined) return 'absent'
    return kept?.mark.generation === mark.generation && kept.mark.size === mark.size && !kept.unsaved ? kept : 'unknown'
  }

  /** Where everything is, by mailbox (undefined if not all of it is in the store); `saved`: nothing would be lost with the local files. */
  async #whole(): Promise<{ handed: Map<string, string> | undefined; saved: boolean }> {
    const { entries, orphans, looks } = this.#root.state
    const handed = new Map<string, string>()
    let whole = orphans.length === 0 && looks.size === 0
    for (const { guid } of entries.values()) {
      if (guid === undefined) continue
      const kept = await this.#settled(guid)
      if (kept === 'unknown') return { handed: undefined, saved: false }
      // Not opened here since it was handed over to us, or closed whole and not touched since.
      const bundle = kept === 'absent' ? this.#root.handed(guid) : kept.bundle
      if (bundle === undefined) whole = false
      else handed.set(guid, bundle)
    }
    return { handed: whole ? handed : undefined, saved: looks.size === 0 }
  }

  /**
   * Uploads what is missing, and comes to rest. `handOver`: and says so, if nothing is; `leave`: uploads nothing. No mailbox may be
   * loaded. Answers whether the store has all there is (never, where it was not to be handed over).
   */
  async close(how: 'keep' | 'handOver' | 'leave'): Promise<boolean> {
    this.#root.stop()
    try {
      if (how === 'leave') return false
      const { handed, saved } = how === 'handOver' ? await this.#whole() : { handed: undefined, saved: false }
      await this.#root.flush('metacache:flush_all_changed', handed)
      if (how === 'handOver') await this.#rest()
      return saved && this.#root.state.unsaved === 0
    } finally { await this.#root.settled() }
  }

  /** Of what was closed as it should be, nothing can be lost unseen any more (boots.ts): whoever starts the machine anew finds it as it is. */
  async #rest(): Promise<void> {
    const { boots, statuses } = this.#root.state
    const guids: string[] = []
    for (const guid of boots.touched.keys()) {
      const kept = statuses.get(guid)?.mark
      const mark = await journalMark(this.#world.effects, `${this.#directory}/${guid}`)
      if (kept !== undefined && kept.generation === mark?.generation && kept.size === mark.size) guids.push(guid)
    }
    if (guids.length > 0) await this.#root.note({ kind: 'rested', guids })
  }

  /** A new mailbox's GUID; its local files are laid, so that opening it asks nothing of the store. */
  async #newMailbox(): Promise<string> {
    const guid = this.#world.ids.guid()
    await createLocal(this.#world.effects, `${this.#directory}/${guid}`, guid)
    return guid
  }
}
