// The records of a mailbox's journal: everything that can happen to it, as values and as bytes.

import type { FlagSet } from './types.ts'
import { ByteReader, ByteWriter } from './binary.ts'
import { readStoredName, storedName } from './stored-name.ts'
import type { Pop3Facts } from './stored-name.ts'
import { readLink, writeLink } from './bundle-chain.ts'
import type { Linked, Uploaded } from './bundle-chain.ts'

/** How many changes of each kind. */
export interface Changes {
  /** New mails: a listing finds them. */
  mails: number
  /** Changes of flags, and expunges: lost with the local state. */
  important: number
  /** Changes of any kind, caches included. */
  all: number
}

export interface UploadedAt { modseq: number; nextUid: number }

export interface AppendedRow {
  uid: number
  flags: number
  /** By name: a number is given when the record is applied. */
  keywords: readonly string[]
  size: number
  internalDate: number
  saveDate: number
  guid: string
  cacheOffset: number
  cacheLength: number
  /** The object's name where it does not follow from the columns; else ''. */
  oid: string
  /** Of a mail that was taken over from another server. Only with an `oid`. */
  pop3?: Pop3Facts
}

export type MailboxRecord =
  | { kind: 'append'; rows: AppendedRow[] }
  | { kind: 'expunge'; uids: number[] }
  | { kind: 'flags'; uids: number[]; mode: 'add' | 'remove' | 'replace'; flags: FlagSet; /** 0: any. */ unchangedSince: number }
  /** UIDs below `ceiling` may be in use though no record names them. */
  | { kind: 'reserve'; ceiling: number }
  /** A clean end: this is UIDNEXT. */
  | { kind: 'clean'; uidNext: number }
  /** Messages with smaller UIDs are not \Recent any more. */
  | { kind: 'recent'; uid: number }
  /** What was told after the records before this one may be lost: every message gets a modseq of at least so much, which is higher than all that were told. */
  | { kind: 'renewed'; modseq: number }
  /** UIDs from `first` on, below `end`, that no message has now were given out before, and are gone. */
  | { kind: 'vanished'; first: number; end: number }
  /** Objects of this mailbox that belong to no message and are to be deleted. */
  | { kind: 'garbage'; oids: string[] }
  /** They have been. */
  | { kind: 'swept'; oids: string[] }
  /** A bundle of this name may exist from now on. */
  | { kind: 'uploading'; name: string }
  /** It does, holds the changes counted here, and allows UIDs below `ceiling`. Older ones are to be deleted. */
  | { kind: 'uploaded'; name: string; ceiling: number; covers: Changes; /** As it was when the bundle was made; absent in old journals. */ at?: UploadedAt; /** So that others can build upon it; the same. */ link?: Linked; /** Of its object; the same. */ etag?: string; /** A bundle that was uploaded just before it, and that it is upon. */ below?: Uploaded }
  /** Everything that the store has of the mailbox was compared then (UNIX seconds). */
  | { kind: 'listed'; at: number }
  /** Bundles that are gone from the store. */
  | { kind: 'removed'; names: string[] }
  /** A summary came into the message cache later than its mail. */
  | { kind: 'cached'; uid: number; offset: number; length: number }

/** How many rows it changes, beyond what its bytes tell: ranges of UIDs take next to none. */
export const rowsOf = (record: MailboxRecord): number => (record.kind === 'flags' || record.kind === 'expunge' ? record.uids.length : 0)

const kinds = ['append', 'expunge', 'flags', 'reserve', 'clean', 'recent', 'garbage', 'swept', 'uploading', 'uploaded', 'removed', 'cached', 'listed', 'renewed', 'vanished'] as const
const modes = ['add', 'remove', 'replace'] as const

export function encodeMailboxRecord(record: MailboxRecord): Uint8Array {
  const out = new ByteWriter(128)
  out.u8(kinds.indexOf(record.kind) + 1)
  switch (record.kind) {
    case 'append':
      out.varint(record.rows.length)
      for (const row of record.rows) writeRow(out, row)
      break
    case 'expunge': out.ascending(record.uids); break
    case 'flags':
      out.u8(modes.indexOf(record.mode)).u8(record.flags.system).texts(record.flags.keywords).varint(record.unchangedSince).ascending(record.uids)
      break
    case 'reserve': out.varint(record.ceiling); break
    case 'clean': out.varint(record.uidNext); break
    case 'recent': out.varint(record.uid); break
    case 'garbage': case 'swept': out.texts(record.oids); break
    case 'uploading': out.text(record.name); break
    case 'uploaded':
      out.text(record.name).varint(record.ceiling)
      out.varint(record.covers.mails).varint(record.covers.important).varint(record.covers.all)
      if (record.at !== undefined) out.varint(record.at.modseq).varint(record.at.nextUid)
      if (record.link !== undefined) writeLink(out.varint(record.link.kept), record.link.link)
      if (record.etag !== undefined) out.text(record.etag)
      if (record.below !== undefined) writeLink(out.text(record.below.name).text(record.below.etag).varint(record.below.kept), record.below.link)
      break
    case 'removed': out.texts(record.names); break
    case 'listed': out.varint(record.at); break
    case 'renewed': out.varint(record.modseq); break
    case 'vanished': out.varint(record.first).varint(record.end); break
    case 'cached': out.varint(record.uid).varint(record.offset).varint(record.length); break
  }
  return out.finish()
}

/** Throws RangeError for bytes that are no record (of this version). */
export function decodeMailboxRecord(bytes: Uint8Array): MailboxRecord {
  const from = new ByteReader(bytes)
  const kind = kinds[from.u8() - 1]
  switch (kind) {
    case 'append': return { kind, rows: Array.from({ length: from.varint() }, () => readRow(from)) }
    case 'expunge': return { kind, uids: from.ascending() }
    case 'flags': {
      const mode = modes[from.u8()]
      if (mode === undefined) throw new RangeError('unknown mode of a flag change')
      return { kind, mode, flags: { system: from.u8(), keywords: from.texts() }, unchangedSince: from.varint(), uids: from.ascending() }
    }
    case 'reserve': return { kind, ceiling: from.varint() }
    case 'clean': return { kind, uidNext: from.varint() }
    case 'recent': return { kind, uid: from.varint() }
    case 'garbage': case 'swept': return { kind, oids: from.texts() }
    case 'uploading': return { kind, name: from.text() }
    case 'uploaded': {
      const [name, ceiling] = [from.text(), from.varint()]
      const covers = { mails: from.varint(), important: from.varint(), all: from.varint() }
      if (from.done) return { kind, name, ceiling, covers }
      const at = { modseq: from.varint(), nextUid: from.varint() }
      if (from.done) return { kind, name, ceiling, covers, at }
      const link = { kept: from.varint(), link: readLink(from) }
      if (from.done) return { kind, name, ceiling, covers, at, link }
      const etag = from.text()
      return { kind, name, ceiling, covers, at, link, etag, ...(from.done ? {} : { below: { name: from.text(), etag: from.text(), kept: from.varint(), link: readLink(from) } }) }
    }
    case 'removed': return { kind, names: from.texts() }
    case 'listed': return { kind, at: from.varint() }
    case 'renewed': return { kind, modseq: from.varint() }
    case 'vanished': return { kind, first: from.varint(), end: from.varint() }
    case 'cached': return { kind, uid: from.varint(), offset: from.varint(), length: from.varint() }
    default: throw new RangeError('unknown kind of record')
  }
}

export function writeRow(out: ByteWriter, row: AppendedRow): void {
  out.varint(row.uid).u8(row.flags).texts(row.keywords).varint(row.size).f64(row.internalDate).f64(row.saveDate)
  out.text(row.guid).varint(row.cacheOffset).varint(row.cacheLength).text(storedName(row.oid, row.pop3))
}

export const readRow = (from: ByteReader): AppendedRow => ({
  uid: from.varint(), flags: from.u8(), keywords: from.texts(), size: from.varint(), internalDate: from.f64(), saveDate: from.f64(),
  guid: from.text(), cacheOffset: from.varint(), cacheLength: from.varint(), ...readStoredName(from.text()),
})
