// What is in a diff bundle: how a mailbox's state differs from that of the bundle it is upon (bundle-chain.ts). Behind it, in
// the object, comes what the message cache's file has grown by.
//
//   magic 8 · 0 u32 · bytes of the rest u32 · CRC-32 of the rest u32 · rest:
//     name of the bundle below · keywords · numbers · objects to be deleted · UIDs in flight · expunged since · new rows ·
//     rows with other flags · rows whose summary has come to lie somewhere else
//
// Modseqs of rows are not in it: whoever reads a bundle gives out new ones (mailbox-rebuild.ts).

import { Buffer } from 'node:buffer'
import { ByteReader, ByteWriter } from './binary.ts'
import type { BundleLink } from './bundle-chain.ts'
import { readRow, writeRow } from './mailbox-records.ts'
import type { MailboxState } from './mailbox-state.ts'
import { framed, unframed } from './snapshot.ts'

const magic = Buffer.from('CULVERD1', 'latin1')

/** Whether what has changed since `link` can be told. `cacheBytes`: of the message cache's file now. */
export const canDiffer = ({ cacheGeneration, expunges }: MailboxState, link: BundleLink, cacheBytes: number): boolean =>
  link.cacheGeneration === cacheGeneration && link.cacheBytes <= cacheBytes && link.expunged >= expunges.floor

/** `inFlight`, `ceiling`: as of a snapshot. */
export function encodeDiff(state: MailboxState, link: BundleLink, inFlight: readonly number[], ceiling: number): Uint8Array {
  const { columns, expunges } = state
  const out = new ByteWriter(1024)
  out.text(link.name).texts(state.keywords).varint(state.highestModseq).varint(state.nextUid).varint(state.firstRecent).varint(ceiling)
  out.texts([...state.garbage]).ascending(inFlight)
  const gone = [...expunges.rows()].filter(({ modseq }) => modseq > link.expunged)
  out.varint(expunges.floor).varint(gone.length)
  for (const { modseq, first, last } of gone) out.varint(modseq).varint(first).varint(last - first)
  const fresh = columns.rowFrom(link.nextUid)
  out.varint(columns.count - fresh)
  for (let row = fresh; row < columns.count; row++) {
    const all = columns.row(row)
    const pop3 = state.pop3.get(all.uid)
    writeRow(out, { ...all, keywords: all.keywords.map((number) => state.keywords[number]!), oid: state.names.get(all.uid) ?? '', ...(pop3 === undefined ? {} : { pop3 }) })
  }
  writeOld(out, state, fresh, (row) => columns.modseqs[row]! > link.modseq, (row) => {
    const keywords = columns.keywordsOf(row)
    out.u8(columns.flags[row]!).varint(keywords.length)
    for (const number of keywords) out.varint(number)
  })
  // (A summary that lay in the file before `link`, and whose record came after it, is not here: it is read from its mail again.)
  writeOld(out, state, fresh, (row) => columns.cacheLengths[row]! > 0 && columns.cacheOffsets[row]! >= link.cacheBytes, (row) => {
    out.varint(columns.cacheOffsets[row]! - link.cacheBytes).varint(columns.cacheLengths[row]!)
  })
  return framed(magic, 0, out.finish())
}

/** The rows before `end` that are `wanted`: how many, and of each its UID and what `write` writes. */
function writeOld(out: ByteWriter, { columns }: MailboxState, end: number, wanted: (row: number) => boolean, write: (row: number) => void): void {
  const rows: number[] = []
  for (let row = 0; row < end; row++) if (wanted(row)) rows.push(row)
  out.varint(rows.length)
  let before = 0
  for (const row of rows) {
    const uid = columns.uids[row]!
    out.varint(uid - before)
    write(row)
    before = uid
  }
}

/** What a diff says besides the state. */
export interface Applied { inFlight: number[]; ceiling: number }

/**
 * Makes of the state of the bundle `below` that of the diff; rows that it touches get `modseq`. undefined: it is damaged, or
 * upon another bundle: the state is of no use then.
 */
export function applyDiff(state: MailboxState, bytes: Uint8Array, below: string, cacheBytes: number, modseq: number): Applied | undefined {
  const found = unframed(magic, bytes)
  if (found === undefined) return undefined
  try {
    const from = new ByteReader(found.body)
    return from.text() === below ? apply(state, from, cacheBytes, modseq) : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function apply(state: MailboxState, from: ByteReader, cacheBytes: number, modseq: number): Applied {
  const { columns } = state
  for (const name of from.texts()) state.internKeyword(name)
  state.highestModseq = from.varint()
  state.nextUid = from.varint()
  state.firstRecent = from.varint()
  const ceiling = from.varint()
  state.garbage.clear()
  for (const oid of from.texts()) state.garbage.add(oid)
  const inFlight = from.ascending()
  readExpunged(from, state)
  for (let count = from.varint(); count > 0; count--) {
    const row = readRow(from)
    if (columns.count > 0 && row.uid <= columns.uids[columns.count - 1]!) throw new RangeError(`UID ${row.uid} is there, or comes too late`)
    state.addRow(row, modseq)
  }
  readOld(from, state, (row) => {
    state.setFlags(row, from.u8())
    columns.clearKeywords(row)
    for (let count = from.varint(); count > 0; count--) columns.setKeyword(row, from.varint(), true)
    columns.modseqs[row] = modseq
  })
  readOld(from, state, (row) => {
    columns.cacheOffsets[row] = cacheBytes + from.varint()
    columns.cacheLengths[row] = from.varint()
  })
  return { inFlight, ceiling }
}

function readExpunged(from: ByteReader, state: MailboxState): void {
  const { columns, expunges } = state
  const floor = from.varint()
  const gone = Array.from({ length: from.varint() }, () => {
    const [modseq, first] = [from.varint(), from.varint()]
    return { modseq, first, last: first + from.varint() }
  })
  for (const range of gone) expunges.add(range.modseq, [range])
  expunges.forget(floor)
  const rows = new Set<number>()
  for (const { first, last } of gone) for (let row = columns.rowFrom(first); row < columns.count && columns.uids[row]! <= last; row++) rows.add(row)
  state.dropRows([...rows].sort((a, b) => a - b).map((row) => columns.uids[row]!))
}

function readOld(from: ByteReader, { columns }: MailboxState, read: (row: number) => void): void {
  let uid = 0
  for (let count = from.varint(); count > 0; count--) {
    uid += from.varint()
    const row = columns.rowOf(uid)
    if (row < 0) throw new RangeError(`a change of UID ${uid}, which is not there`)
    read(row)
  }
}
