// A mailbox's state, and what each record of its journal does to it. Replaying a journal and working live are the same
// function: `apply`. It depends on nothing but the state and the record.

import type { Limits } from '../../runtime/limits.ts'
import { Bug } from '../../runtime/errors.ts'
import { chainWith } from './bundle-chain.ts'
import type { BundleLink } from './bundle-chain.ts'
import { Columns } from './columns.ts'
import { ExpungeLog, rangesOf } from './expunge-log.ts'
import type { AppendedRow, Changes, MailboxRecord, UploadedAt } from './mailbox-records.ts'
import { renewModseqs, unusedUids } from './modseqs.ts'
import { isHead, mailOid } from './object-names.ts'
import type { Pop3Facts } from './stored-name.ts'
import { Touched } from './touched.ts'
import { Flag } from './types.ts'
import type { UidList } from './types.ts'

/** What a record did: what views have to be told, and what its asker wants to know. */
export interface Outcome {
  appended?: { after: UidList; count: number }
  expunged?: { uids: number[]; before: UidList; after: UidList }
  /** Flags of these were really changed … */
  changed?: number[]
  /** … and of these were not, because of `unchangedSince`. */
  modified?: number[]
  newKeywords?: boolean
  /** By flags, how many are unseen has changed. */
  unseen?: boolean
}

const nothing: Outcome = {}
const none: readonly number[] = []

export class MailboxState {
  readonly columns = new Columns()
  readonly expunges: ExpungeLog
  /** In the spelling first used; compared without case. */
  readonly keywords: string[] = []
  readonly #keywordNumbers = new Map<string, number>()
  readonly #maxKeywords: number
  highestModseq = 1
  /** The next UID that is free. */
  nextUid = 1
  /** UIDs below may have been used: UIDNEXT after an unclean end. */
  reserved = 1
  /** The last record says that nextUid is exact. */
  clean = true
  firstRecent = 1
  /** Sums over all rows. */
  size = 0
  unseen = 0
  /** All rows before it are \Seen; the first that is not may be further on. */
  #seenBefore = 0
  deleted = 0
  deletedSize = 0
  /** oids of objects to be deleted. */
  readonly garbage = new Set<string>()
  /** Names of objects that do not follow from the columns, by UID. */
  readonly names = new Map<number, string>()
  /** What another server's metadata says for POP3, by UID. */
  readonly pop3 = new Map<number, Pop3Facts>()
  /** Bundles that are, or may be, in the store; and the one that counts. */
  readonly bundles = new Set<string>()
  bundle = ''
  /** What the next bundle can build upon, the base first; the last is `bundle`. Empty: nothing, it has to be a base. */
  chain: readonly BundleLink[] = []
  /** UIDs below may be given out without a new bundle. */
  ceiling: number
  /** What the uploaded bundle lacks. */
  unsaved: Changes = { mails: 0, important: 0, all: 0 }
  /** When all that the store has was last compared (UNIX seconds); 0: nobody knows. */
  listedAt = 0
  /** Names the message cache's file. */
  cacheGeneration = 0
  /** With the expunges after `ownModseq` of UIDs below `ownUid`, what a new owner of the user would lack (orphan.ts). */
  readonly touched = new Touched(this.columns)
  ownModseq = 0
  ownUid = 1

  constructor(limits: Pick<Limits, 'keywords' | 'uidReserveBundle' | 'expungeLogRanges'>) {
    this.expunges = new ExpungeLog(limits.expungeLogRanges)
    this.#maxKeywords = limits.keywords
    this.ceiling = 1 + limits.uidReserveBundle
  }

  /** Of the chain, what the next bundle can be upon: not the head, which it replaces. */
  get lasting(): readonly BundleLink[] { return isHead(this.bundle) ? this.chain.slice(0, -1) : this.chain }

  /** Names of the bundles that have the uploaded state, the base first. */
  get chainNames(): string[] {
    return this.chain.length > 0 ? this.chain.map(({ name }) => name) : this.bundle === '' ? [] : [this.bundle]
  }

  /** No message with a larger UID was ever seen here: what comes under a smaller one comes too late for it. */
  get lastSeen(): number {
    const { columns, chain, expunges } = this
    return Math.max(columns.count === 0 ? 0 : columns.uids[columns.count - 1]!, expunges.last, ...chain.map(({ nextUid }) => nextUid - 1))
  }

  /** The object's name of a row. */
  oidOf(row: number): string {
    const { columns } = this
    const uid = columns.uids[row]!
    return this.names.get(uid)
      ?? mailOid({ guid: columns.guidOf(row), uid, received: columns.internalDates[row]!, size: columns.sizes[row]!, crlf: true })
  }

  /** Number of a keyword, -1 if the mailbox does not have it. */
  keywordNumber(name: string): number { return this.#keywordNumbers.get(name.toLowerCase()) ?? -1 }

  /** Number of a keyword, new where it is new; -1 where the mailbox has no room for more. */
  internKeyword(name: string): number {
    const known = this.keywordNumber(name)
    if (known >= 0 || this.keywords.length >= this.#maxKeywords) return known
    this.#keywordNumbers.set(name.toLowerCase(), this.keywords.length)
    return this.keywords.push(name) - 1
  }

  apply(record: MailboxRecord): Outcome {
    this.clean = record.kind === 'clean'
    switch (record.kind) {
      case 'append': return this.#append(record.rows)
      case 'expunge': return this.#expunge(record.uids)
      case 'flags': return this.#changeFlags(record)
      case 'reserve': this.reserved = Math.max(this.reserved, record.ceiling); return nothing
      case 'clean': this.nextUid = record.uidNext; this.reserved = record.uidNext; return nothing
      case 'recent': this.firstRecent = Math.max(this.firstRecent, record.uid); return nothing
      case 'garbage': for (const oid of record.oids) this.garbage.add(oid); return nothing
      case 'swept': for (const oid of record.oids) this.garbage.delete(oid); return nothing
      case 'uploading': this.bundles.add(record.name); return nothing
      case 'uploaded':
        this.bundle = record.name
        this.chain = record.link === undefined ? [] : chainWith(record.below === undefined ? this.chain : chainWith(this.chain, record.below), { name: record.name, etag: record.etag ?? '', ...record.link })
        this.ceiling = record.ceiling
        this.unsaved = {
          mails: Math.max(0, this.unsaved.mails - record.covers.mails),
          important: Math.max(0, this.unsaved.important - record.covers.important),
          all: Math.max(0, this.unsaved.all - record.covers.all),
        }
        this.savedUpTo(record.at ?? { modseq: this.highestModseq, nextUid: this.nextUid })
        return nothing
      case 'listed': this.listedAt = record.at; return nothing
      case 'renewed': return this.#renew(record.modseq)
      case 'vanished': return this.#vanish(record)
      case 'removed': for (const name of record.names) this.bundles.delete(name); return nothing
      case 'cached': this.#setCached(record.uid, record.offset, record.length); return nothing
    }
  }

  #append(rows: readonly AppendedRow[]): Outcome {
    this.highestModseq++
    const before = this.keywords.length
    for (const row of rows) {
      this.addRow(row, this.highestModseq)
      this.touched.came(this.columns.count - 1)
    }
    this.unsaved.mails += rows.length
    // Flags that a listing cannot bring back.
    if (rows.some((row) => row.flags !== 0 || row.keywords.length > 0)) this.unsaved.important++
    this.unsaved.all++
    return { appended: { after: this.columns.uidList(), count: rows.length }, newKeywords: this.keywords.length > before }
  }

  /** The store has everything up to here. */
  savedUpTo({ modseq, nextUid }: UploadedAt): void {
    this.touched.savedUpTo(modseq, nextUid)
    this.ownModseq = modseq
    this.ownUid = nextUid
  }

  #renew(first: number): Outcome {
    renewModseqs(this, first)
    return nothing
  }

  #vanish({ first, end }: MailboxRecord & { kind: 'vanished' }): Outcome {
    this.nextUid = Math.max(this.nextUid, end)
    this.highestModseq++
    this.expunges.add(this.highestModseq, unusedUids(this, first))
    return nothing
  }

  /** Row of the first message without \Seen, -1 if there is none: looked for from where it was the last time. */
  firstUnseen(): number {
    if (this.unseen === 0) return -1
    const { flags } = this.columns
    while ((flags[this.#seenBefore]! & Flag.Seen) !== 0) this.#seenBefore++
    return this.#seenBefore
  }

  /** A message at the end; sums and numbers follow. */
  addRow(row: AppendedRow, modseq: number): void {
    const { columns } = this
    if (columns.count > 0 && row.uid <= columns.uids[columns.count - 1]!) throw new Bug(`UID ${row.uid} comes after ${columns.uids[columns.count - 1]}`)
    const keywords = row.keywords.map((name) => this.internKeyword(name)).filter((number) => number >= 0)
    columns.push({ ...row, keywords, modseq })
    if (row.oid !== '') this.setName(row.uid, row.oid, row.pop3)
    this.size += row.size
    if (!(row.flags & Flag.Seen)) this.unseen++
    if (row.flags & Flag.Deleted) this.countDeleted(row.size, 1)
    this.nextUid = Math.max(this.nextUid, row.uid + 1)
  }

  setName(uid: number, oid: string, pop3?: Pop3Facts): void {
    this.names.set(uid, oid)
    if (pop3 !== undefined) this.pop3.set(uid, pop3)
  }

  /** A message has become \Deleted (`by` 1), or is it no more (-1). */
  countDeleted(size: number, by: 1 | -1): void {
    this.deleted += by
    this.deletedSize += by * size
  }

  #expunge(uids: readonly number[]): Outcome {
    const { columns } = this
    const before = columns.uidList()
    const gone = uids.filter((uid) => columns.rowOf(uid) >= 0)
    if (gone.length === 0) return { expunged: { uids: gone, before, after: before } }
    for (const uid of gone) {
      const row = columns.rowOf(uid)
      const oid = this.oidOf(row)
      this.garbage.add(oid)
      this.touched.expunged(row, oid)
    }
    this.dropRows(gone)
    this.highestModseq++
    this.expunges.add(this.highestModseq, rangesOf(gone))
    this.#countImportant()
    return { expunged: { uids: gone, before, after: columns.uidList() } }
  }

  /** Messages are no more; sums and names follow. `uids`: ascending, all of them there. */
  dropRows(uids: readonly number[]): void {
    const { columns } = this
    const rows = uids.map((uid) => columns.rowOf(uid))
    for (const [at, row] of rows.entries()) {
      this.names.delete(uids[at]!)
      this.pop3.delete(uids[at]!)
      this.size -= columns.sizes[row]!
      if (!(columns.flags[row]! & Flag.Seen)) this.unseen--
      if (columns.flags[row]! & Flag.Deleted) this.countDeleted(columns.sizes[row]!, -1)
    }
    if (rows.length > 0) this.#seenBefore = Math.min(this.#seenBefore, rows[0]!)
    columns.remove(rows)
  }

  /** A row's flags; sums follow. */
  setFlags(row: number, after: number): void {
    const { columns } = this
    const before = columns.flags[row]!
    columns.flags[row] = after
    if (row < this.#seenBefore && (after & Flag.Seen) === 0) this.#seenBefore = row
    this.unseen += (before & Flag.Seen ? 1 : 0) - (after & Flag.Seen ? 1 : 0)
    if ((before ^ after) & Flag.Deleted) this.countDeleted(columns.sizes[row]!, after & Flag.Deleted ? 1 : -1)
  }

  #changeFlags(record: MailboxRecord & { kind: 'flags' }): Outcome {
    const { columns, unseen } = this
    const known = this.keywords.length
    const keywords = record.flags.keywords
      .map((name) => (record.mode === 'remove' ? this.keywordNumber(name) : this.internKeyword(name)))
      .filter((number) => number >= 0)
    const changed: number[] = []
    const modified: number[] = []
    const modseq = this.highestModseq + 1
    let row = -1
    for (const uid of record.uids) {
      row = columns.rowNear(uid, row + 1)
      if (row < 0) continue
      if (record.unchangedSince > 0 && columns.modseqs[row]! > record.unchangedSince) modified.push(uid)
      else if (this.#changeRow(row, record.mode, record.flags.system, keywords)) {
        columns.modseqs[row] = modseq
        changed.push(uid)
      }
    }
    if (changed.length > 0) {
      this.highestModseq = modseq
      this.#countImportant()
    }
    return { changed, modified, newKeywords: this.keywords.length > known, unseen: this.unseen !== unseen }
  }

  /** Whether that changed anything. */
  #changeRow(row: number, mode: 'add' | 'remove' | 'replace', system: number, keywords: readonly number[]): boolean {
    const { columns } = this
    const before = columns.flags[row]!
    const after = mode === 'add' ? before | system : mode === 'remove' ? before & ~system : system
    const gone = mode === 'replace' ? columns.keywordsOf(row).filter((number) => !keywords.includes(number)) : none
    const on = mode !== 'remove'
    if (after === before && gone.length === 0 && keywords.every((number) => columns.hasKeyword(row, number) === on)) return false
    if (!this.touched.has(row)) this.touched.changed(row, before, columns.keywordsOf(row).map((number) => this.keywords[number]!))
    this.setFlags(row, after)
    for (const number of gone) columns.setKeyword(row, number, false)
    for (const number of keywords) columns.setKeyword(row, number, on)
    return true
  }

  #setCached(uid: number, offset: number, length: number): void {
    const row = this.columns.rowOf(uid)
    if (row < 0) return
    this.columns.cacheOffsets[row] = offset
    this.columns.cacheLengths[row] = length
    this.unsaved.all++
  }

  #countImportant(): void {
    this.unsaved.important++
    this.unsaved.all++
  }
}
