// A message that came as literal8 (RFC 3516 §4.4), put into a form that every client can fetch: its parts of encoding `binary` become
// base64, of multiparts 8bit. RFC 3516 §4.4 lets a server do so. NULs anywhere else are refused.

import { Buffer } from 'node:buffer'
import type { Body, Files } from '../../../runtime/effects.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import { Base64Lines } from '../../mail/base64-lines.ts'
import { concatBytes } from '../../mail/byte-strings.ts'
import { headerFields } from '../../mail/headers.ts'
import { bodyRange, headerRange } from '../../mail/summary.ts'
import type { PlaceInMessage } from '../../mail/summary.ts'
import type { MimePart, Summary } from '../../mail/types.ts'
import { No } from './result.ts'

/** A place that changes: a header gets this encoding, a body (without it) is encoded. */
interface Change extends PlaceInMessage { readonly encoding?: string }

/** The message's new bytes. `body` holds the bytes that `summary` is of. Throws No UNKNOWN-CTE, TempFail. */
export async function* withoutBinary(body: Body, summary: Summary, files: Files): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const { start, end, encoding } of changes(summary.root)) {
    yield* text(body, at, start, files)
    if (encoding !== undefined) yield await header(body, start, end, encoding, files)
    else yield* base64(bytesBetween(body, start, end, files))
    at = end
  }
  yield* text(body, at, body.size, files)
}

/** In the order of the message. */
function changes(part: MimePart): Change[] {
  const own: Change[] = []
  if (part.encoding === 'binary') {
    own.push({ ...headerRange(part), encoding: part.parts === undefined ? 'base64' : '8bit' })
    if (part.parts === undefined) own.push(bodyRange(part))
  }
  return [...own, ...(part.parts ?? []).flatMap(changes)]
}

const refused = (why: string): No => new No('UNKNOWN-CTE', why)

async function* text(body: Body, start: number, end: number, files: Files): AsyncGenerator<Uint8Array> {
  for await (const piece of bytesBetween(body, start, end, files)) {
    if (piece.includes(0)) throw refused('NULs are allowed in parts of encoding binary alone.')
    yield piece
  }
}

async function header(body: Body, start: number, end: number, encoding: string, files: Files): Promise<Uint8Array> {
  if (end - start > limits.headerBytes) throw refused('The header of a binary part is too large.')
  const pieces: Uint8Array[] = []
  for await (const piece of text(body, start, end, files)) pieces.push(piece)
  const block = concatBytes(pieces)
  const fields: Uint8Array[] = []
  let behind = 0
  for (const { name, raw } of headerFields(block)) {
    behind += raw.length
    fields.push(name.toLowerCase() === 'content-transfer-encoding' ? Buffer.from(`${name}: ${encoding}\r\n`, 'latin1') : raw)
  }
  return concatBytes([...fields, block.subarray(behind)])
}

async function* base64(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const lines = new Base64Lines()
  for await (const piece of pieces) yield lines.push(piece)
  yield lines.finish()
}

async function* bytesBetween({ parts }: Body, start: number, end: number, files: Files): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const part of parts) {
    const from = Math.max(start - at, 0)
    const to = Math.min(end - at, part.length)
    at += part.length
    if (from >= to) continue
    if (part instanceof Uint8Array) yield part.subarray(from, to)
    else yield* fileBytes(part.path, part.offset + from, part.offset + to, files)
  }
}

async function* fileBytes(path: string, start: number, end: number, files: Files): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end;) {
    const piece = await files.read(path, at, Math.min(limits.spoolBatchBytes, end - at))
    if (piece === undefined || piece.length === 0) throw new TempFail(`cannot read the spool file ${path}`)
    yield piece
    at += piece.length
  }
}
