// A mailbox's whole state as bytes: the local snapshot, and the heart of an index bundle.
//
//   magic 8 · generation u32 · bytes of the rest u32 · CRC-32 of the rest u32 · rest:
//     small state (lengths and names) · row count · the columns, one behind the other, little-endian · expunge log · what is not
//   in the store yet (absent before there were owners) · the bundles to build upon, when it was last listed (absent before there were diffs) · the
//   bundles' ETags (absent before these were compared)
//
// Snapshots made before there was an expunge log end behind the columns: their mailboxes remember expunges from then on.

import { Buffer } from 'node:buffer'
import { crc32 } from '../../runtime/crc32.ts'
import type { Limits } from '../../runtime/limits.ts'
import { ByteReader, ByteWriter } from './binary.ts'
import { readLink, writeLink } from './bundle-chain.ts'
import { MailboxState } from './mailbox-state.ts'
import { readStoredName, storedName } from './stored-name.ts'
import { Flag } from './types.ts'

const magic = Buffer.from('CULVERS1', 'latin1')
const headBytes = 8 + 4 + 4 + 4

/** A snapshot as read. */
export interface Snapshot {
  state: MailboxState
  generation: number
  /** UIDs that were given out, and whose mails were not yet in the mailbox. */
  inFlight: number[]
}

/** `inFlight`: ascending UIDs given out and not landed. `ceiling`: where it is not to be the state's own. */
export function encodeSnapshot(state: MailboxState, generation: number, inFlight: readonly number[], ceiling = state.ceiling): Uint8Array {
  const { columns } = state
  const rest = new ByteWriter(4096 + columns.count * 80)
  rest.texts(state.keywords).varint(state.highestModseq).varint(state.nextUid).varint(state.reserved).u8(state.clean ? 1 : 0)
  rest.varint(state.firstRecent).texts([...state.garbage]).varint(state.names.size)
  for (const [uid, oid] of state.names) rest.varint(uid).text(storedName(oid, state.pop3.get(uid)))
  rest.texts([...state.bundles]).text(state.bundle).varint(ceiling)
  rest.varint(state.unsaved.mails).varint(state.unsaved.important).varint(state.unsaved.all)
  rest.varint(state.cacheGeneration).ascending(inFlight).varint(columns.count).varint(columns.keywordPlanes.length)
  for (const column of columnBytes(state)) rest.bytes(column)
  writeExpunges(rest, state)
  writeTouched(rest, state)
  rest.varint(state.chain.length)
  for (const link of state.chain) writeLink(rest.text(link.name), link)
  rest.varint(state.listedAt).texts(state.chain.map(({ etag }) => etag))
  return framed(magic, generation, rest.finish())
}

/** `body` behind a head with its length and checksum. */
export function framed(magic: Uint8Array, generation: number, body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(headBytes)
  head.set(magic)
  head.writeUInt32LE(generation, 8)
  head.writeUInt32LE(body.length, 12)
  head.writeUInt32LE(crc32(body, crc32(head.subarray(8, 12))), 16)
  return Buffer.concat([head, body])
}

/** What is behind such a head; undefined: it has another magic, or is damaged. Bytes behind its end do not matter. */
export function unframed(magic: Uint8Array, bytes: Uint8Array): { generation: number; body: Uint8Array } | undefined {
  if (bytes.length < headBytes) return undefined
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const body = bytes.subarray(headBytes, headBytes + head.readUInt32LE(12))
  if (!head.subarray(0, 8).equals(magic) || body.length !== head.readUInt32LE(12)) return undefined
  return head.readUInt32LE(16) === crc32(body, crc32(head.subarray(8, 12))) ? { generation: head.readUInt32LE(8), body } : undefined
}

/** undefined: no snapshot of ours, or damaged. Bytes behind its end do not matter. */
export function decodeSnapshot(bytes: Uint8Array, limits: Limits): Snapshot | undefined {
  const found = unframed(magic, bytes)
  if (found === undefined) return undefined
  try {
    return { ...readBody(new ByteReader(found.body), limits), generation: found.generation }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Bytes of a head, enough for `framedBytes`. */
export const frameHeadBytes = headBytes

/** The whole length of what begins with `head`, and it. */
export const framedBytes = (head: Uint8Array): number =>
  headBytes + Buffer.from(head.buffer, head.byteOffset, head.length).readUInt32LE(12)

function readBody(from: ByteReader, limits: Limits): { state: MailboxState; inFlight: number[] } {
  const state = new MailboxState(limits)
  for (const name of from.texts()) state.internKeyword(name)
  state.highestModseq = from.varint()
  state.nextUid = from.varint()
  state.reserved = from.varint()
  state.clean = from.u8() === 1
  state.firstRecent = from.varint()
  for (const oid of from.texts()) state.garbage.add(oid)
  for (let count = from.varint(); count > 0; count--) {
    const uid = from.varint()
    const { oid, pop3 } = readStoredName(from.text())
    state.setName(uid, oid, pop3)
  }
  for (const name of from.texts()) state.bundles.add(name)
  state.bundle = from.text()
  state.ceiling = from.varint()
  state.unsaved = { mails: from.varint(), important: from.varint(), all: from.varint() }
  state.cacheGeneration = from.varint()
  const inFlight = from.ascending()
  readColumns(from, state)
  if (from.done) state.expunges.forget(state.highestModseq)
  else readExpunges(from, state)
  if (from.done) state.savedUpTo({ modseq: state.highestModseq, nextUid: state.nextUid })
  else readTouched(from, state)
  if (!from.done) state.chain = Array.from({ length: from.varint() }, () => ({ name: from.text(), ...readLink(from), etag: '' }))
  if (!from.done) state.listedAt = from.varint()
  if (!from.done) for (const [at, etag] of from.texts().entries()) state.chain = state.chain.with(at, { ...state.chain[at]!, etag })
  return { state, inFlight }
}

const u8s = (column: { buffer: ArrayBufferLike; byteOffset: number; BYTES_PER_ELEMENT: number }, items: number): Uint8Array =>
  new Uint8Array(column.buffer, column.byteOffset, items * column.BYTES_PER_ELEMENT)

/** The used part of each column, as it lies in memory: all machines we run on are little-endian. */
function columnBytes({ columns }: MailboxState): Uint8Array[] {
  const n = columns.count
  return [
    u8s(columns.uids, n), u8s(columns.flags, n), u8s(columns.modseqs, n), u8s(columns.sizes, n), u8s(columns.internalDates, n),
    u8s(columns.saveDates, n), u8s(columns.guids, n * 16), u8s(columns.cacheOffsets, n), u8s(columns.cacheLengths, n),
    ...columns.keywordPlanes.map((plane) => u8s(plane, n)),
  ]
}

function readColumns(from: ByteReader, state: MailboxState): void {
  const { columns } = state
  const n = from.varint()
  const planes = from.varint()
  const room = Math.max(16, n)
  const bytes = (width: number): ArrayBuffer => {
    const column = new Uint8Array(room * width)
    column.set(from.bytes(n * width))
    return column.buffer
  }
  columns.count = n
  columns.uids = new Uint32Array(bytes(4))
  columns.flags = new Uint8Array(bytes(1))
  columns.modseqs = new Float64Array(bytes(8))
  columns.sizes = new Uint32Array(bytes(4))
  columns.internalDates = new Float64Array(bytes(8))
  columns.saveDates = new Float64Array(bytes(8))
  columns.guids = new Uint8Array(bytes(16))
  columns.cacheOffsets = new Float64Array(bytes(8))
  columns.cacheLengths = new Uint32Array(bytes(4))
  columns.touches = new Uint16Array(room)
  columns.keywordPlanes = Array.from({ length: planes }, () => new Uint32Array(bytes(4)))
  for (let row = 0; row < n; row++) {
    state.size += columns.sizes[row]!
    if (!(columns.flags[row]! & Flag.Seen)) state.unseen++
    if (columns.flags[row]! & Flag.Deleted) state.countDeleted(columns.sizes[row]!, 1)
  }
}

const touches = ['new', 'changed', 'gone'] as const

function writeTouched(to: ByteWriter, { touched, ownModseq, ownUid }: MailboxState): void {
  to.varint(ownModseq).varint(ownUid).varint(touched.size)
  for (const [uid, touch] of touched) {
    to.varint(uid).u8(touches.indexOf(touch.kind))
    if (touch.kind === 'changed') to.u8(touch.flags.system).texts(touch.flags.keywords)
    if (touch.kind === 'gone') to.text(touch.oid)
  }
}

function readTouched(from: ByteReader, state: MailboxState): void {
  state.ownModseq = from.varint()
  state.ownUid = from.varint()
  for (let count = from.varint(); count > 0; count--) {
    const uid = from.varint()
    const kind = touches[from.u8()]
    if (kind === undefined) throw new RangeError('unknown kind of change')
    if (kind === 'new') state.touched.restore(uid, { kind })
    else if (kind === 'changed') state.touched.restore(uid, { kind, flags: { system: from.u8(), keywords: from.texts() } })
    else state.touched.restore(uid, { kind, oid: from.text() })
  }
}

/** Modseqs as steps from one to the next, ranges as first and length. */
function writeExpunges(to: ByteWriter, { expunges }: MailboxState): void {
  to.varint(expunges.floor).varint(expunges.count)
  let before = expunges.floor
  for (const { modseq, first, last } of expunges.rows()) {
    to.varint(modseq - before).varint(first).varint(last - first)
    before = modseq
  }
}

function readExpunges(from: ByteReader, { expunges }: MailboxState): void {
  let modseq = from.varint()
  expunges.forget(modseq)
  for (let count = from.varint(); count > 0; count--) {
    modseq += from.varint()
    const first = from.varint()
    expunges.add(modseq, [{ first, last: first + from.varint() }])
  }
}
