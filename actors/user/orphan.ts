// What only one backend's copy of a mailbox has, when another has taken the user: an orphan. It is written beside the
// mailbox's bundles (`idx/orphan.<epoch>.<owner>`), named in the manifest, and merged by whoever owns the user:
//
// - Mails: those that the owner does not have under their object's name come in under new UIDs, if their objects are there.
// - Flags: what the other side has set since its last upload is set, what it has cleared is cleared. Nothing else changes.
// - Expunges hold.
//
// Merging it a second time changes nothing but flags that were changed since.
//
// Bytes: magic 8 · CRC-32 of the rest u32 · rest.

import { Buffer } from 'node:buffer'
import { crc32 } from '../../runtime/crc32.ts'
import { ByteReader, ByteWriter } from './binary.ts'
import type { UidRange } from './expunge-log.ts'
import { readRow, writeRow } from './mailbox-records.ts'
import type { AppendedRow } from './mailbox-records.ts'
import type { MailboxState } from './mailbox-state.ts'
import type { FlagSet } from './types.ts'

/** Flags of a mail that both sides had: before, and now. */
export interface ChangedFlags { uid: number; oid: string; before: FlagSet; now: FlagSet }

export interface Orphan {
  /** `oid` is never ''. */
  added: AppendedRow[]
  changed: ChangedFlags[]
  /** UIDs that both sides had, and one has expunged. */
  expunged: UidRange[]
  /** Objects of mails that came and were expunged on that side alone. (What a failed write may have left, the owner may have found and shown.) */
  gone: string[]
}

const magic = Buffer.from('CULVERO1', 'latin1')
const headBytes = 12

/** undefined: the store has everything. */
export function orphanOf(state: MailboxState): Orphan | undefined {
  const { columns, keywords } = state
  const orphan: Orphan = { added: [], changed: [], expunged: [], gone: [] }
  for (const [uid, touch] of state.touched) {
    const at = columns.rowOf(uid)
    if (touch.kind === 'gone') { orphan.gone.push(touch.oid); continue }
    if (at < 0) continue
    const row = columns.row(at)
    const names = row.keywords.map((number) => keywords[number]!)
    if (touch.kind === 'new') orphan.added.push({ ...row, keywords: names, oid: state.oidOf(at) })
    else orphan.changed.push({ uid, oid: state.oidOf(at), before: touch.flags, now: { system: row.flags, keywords: names } })
  }
  for (const { first, last } of state.expunges.since(state.ownModseq) ?? state.expunges.since(state.expunges.floor) ?? []) {
    if (first < state.ownUid) orphan.expunged.push({ first, last: Math.min(last, state.ownUid - 1) })
  }
  const { added, changed, expunged, gone } = orphan
  return added.length + changed.length + expunged.length + gone.length > 0 ? orphan : undefined
}

export function encodeOrphan({ added, changed, expunged, gone }: Orphan): Uint8Array {
  const out = new ByteWriter(1024)
  out.varint(added.length)
  for (const row of added) writeRow(out, row)
  out.varint(changed.length)
  for (const { uid, oid, before, now } of changed) {
    out.varint(uid).text(oid).u8(before.system).texts(before.keywords).u8(now.system).texts(now.keywords)
  }
  out.varint(expunged.length)
  for (const { first, last } of expunged) out.varint(first).varint(last - first)
  const rest = out.texts(gone).finish()
  const head = Buffer.alloc(headBytes)
  head.set(magic)
  head.writeUInt32LE(crc32(rest), 8)
  return Buffer.concat([head, rest])
}

/** undefined: not ours, or damaged. */
export function decodeOrphan(bytes: Uint8Array): Orphan | undefined {
  if (bytes.length < headBytes) return undefined
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, headBytes)
  const rest = bytes.subarray(headBytes)
  if (!head.subarray(0, 8).equals(magic) || head.readUInt32LE(8) !== crc32(rest)) return undefined
  const from = new ByteReader(rest)
  return {
    added: Array.from({ length: from.varint() }, () => readRow(from)),
    changed: Array.from({ length: from.varint() }, () => ({
      uid: from.varint(), oid: from.text(), before: { system: from.u8(), keywords: from.texts() }, now: { system: from.u8(), keywords: from.texts() },
    })),
    expunged: Array.from({ length: from.varint() }, () => {
      const first = from.varint()
      return { first, last: first + from.varint() }
    }),
    gone: from.texts(),
  }
}

/** Of `uids`, those in the ranges. */
export function uidsWithin(ranges: readonly UidRange[], uids: Iterable<number>): number[] {
  return [...uids].filter((uid) => ranges.some(({ first, last }) => first <= uid && uid <= last))
}

