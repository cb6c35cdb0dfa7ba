// BINARY[section]<partial>: a part with its transfer encoding undone. RFC 3516 §4.
//
// - BINARY[] is the message as it is: only the body of a part has an encoding of its own to undo.
// - The size of a literal stands before it, so that a long part is decoded twice: for its size, and on its way to the client.
// - literal8 where there are NULs, a plain literal otherwise, which older clients read too (as Dovecot does).

import { limits } from '../../../../runtime/limits.ts'
import { concatBytes } from '../../../mail/byte-strings.ts'
import { bodyRange, partAt } from '../../../mail/summary.ts'
import { transferDecoder } from '../../../mail/transfer-encoding.ts'
import type { MimePart } from '../../../mail/types.ts'
import { MailError } from '../../../user/errors.ts'
import type { Parser } from '../grammar.ts'
import type { FetchedMessage, Piece } from './item.ts'
import { parseSection, readSection } from './section.ts'
import type { Partial } from './section.ts'

/** section-binary: part numbers alone. Behind the `[`, with the `]`. */
export function parseBinarySection(p: Parser): readonly number[] {
  const { part, text } = parseSection(p)
  return text === '' ? part : p.fail('A binary section has part numbers alone')
}

/** Of a part: what its bytes are once decoded. */
interface Measure { readonly size: number; readonly nul: boolean }

/** The section as a literal. MailError UNKNOWN-CTE, EXPUNGEISSUED; what reading throws. */
export async function readBinary(path: readonly number[], partial: Partial | undefined, m: FetchedMessage): Promise<readonly Piece[]> {
  if (path.length === 0) return readSection({ part: [], text: '', fields: [] }, partial, m)
  const part = partAt(await m.summary(), path)
  if (part === undefined) return ['NIL']
  if (part.bodySize <= limits.memoryBodyBytes) {
    const pieces: Uint8Array[] = []
    for await (const piece of decoded(part, m)) pieces.push(piece)
    const bytes = concatBytes(pieces)
    const { start, end } = cut(bytes.length, partial)
    return [head(end - start, bytes.includes(0)), { size: end - start, open: () => [bytes.subarray(start, end)] }]
  }
  const { size, nul } = await measure(part, m)
  const { start, end } = cut(size, partial)
  return [head(end - start, nul), { size: end - start, open: () => between(decoded(part, m), start, end) }]
}

/** Bytes of the decoded section; 0 where there is none. MailError UNKNOWN-CTE, EXPUNGEISSUED; what reading throws. */
export async function binarySize(path: readonly number[], m: FetchedMessage): Promise<number> {
  if (path.length === 0) return m.messages.sizes[m.row]!
  const part = partAt(await m.summary(), path)
  if (part === undefined) return 0
  return (await measure(part, m)).size
}

const head = (size: number, nul: boolean): string => `${nul ? '~' : ''}{${size}}\r\n`

function cut(size: number, partial: Partial | undefined): { start: number; end: number } {
  const start = Math.min(partial?.start ?? 0, size)
  return { start, end: Math.min(start + (partial?.length ?? Infinity), size) }
}

async function measure(part: MimePart, m: FetchedMessage): Promise<Measure> {
  // No NUL may stand in these (RFC 2045 §2.7, §2.8).
  if (part.encoding === '7bit' || part.encoding === '8bit') return { size: part.bodySize, nul: false }
  let size = 0
  let nul = false
  for await (const piece of decoded(part, m)) {
    size += piece.length
    nul ||= piece.includes(0)
  }
  return { size, nul }
}

async function* decoded(part: MimePart, m: FetchedMessage): AsyncGenerator<Uint8Array> {
  const decoder = transferDecoder(part.encoding)
  if (decoder === undefined) throw new MailError('UNKNOWN-CTE', 'Unknown Content-Transfer-Encoding')
  const { start, end } = bodyRange(part)
  if (start === end) return
  for await (const piece of m.read(start, end)) yield decoder.push(piece)
  yield decoder.finish()
}

/** The bytes [start, end) of a stream. */
async function* between(pieces: AsyncIterable<Uint8Array>, start: number, end: number): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const piece of pieces) {
    const from = Math.max(start - at, 0)
    const to = Math.min(end - at, piece.length)
    at += piece.length
    if (from < to) yield piece.subarray(from, to)
    if (at >= end) return
  }
}
