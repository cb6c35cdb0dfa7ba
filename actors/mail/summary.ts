// What can be asked of a Summary: parts by their IMAP section number, the places of sections, headers put in front.
// RFC 3501 §6.4.5.

import type { MimePart, Summary, SummaryHead } from './types.ts'
import { CachedHeader, anyField } from './cached-header.ts'
import { headerFields } from './headers.ts'

export { EncodedHead, decodeSummary, encodeSummary } from './summary-codec.ts'

/**
 * The part that a section number names, or undefined. [] is the message itself. A number counts the parts of a
 * multipart; 1 is what is not a multipart itself; below a message/rfc822 the embedded message's parts are counted.
 */
export const partAt = (summary: Summary, path: readonly number[]): MimePart | undefined => {
  const [first, ...rest] = path
  let part: MimePart | undefined = first === undefined ? summary.root : partOfMessage(summary.root, first)
  for (const number of rest) {
    if (part?.parts === undefined) return undefined
    part = part.type === 'message' ? partOfMessage(part.parts[0]!, number) : part.parts[number - 1]
  }
  return part
}

const partOfMessage = (message: MimePart, number: number): MimePart | undefined => {
  if (message.type === 'multipart') return message.parts?.[number - 1]
  return number === 1 ? message : undefined
}

/** BODY[2] · BODY[2.MIME] · BODY[2.HEADER] · BODY[2.TEXT]; without numbers BODY[] · (no MIME) · BODY[HEADER] · BODY[TEXT]. */
export type SectionKind = 'whole' | 'MIME' | 'HEADER' | 'TEXT'

/** The bytes [start, end) of the message: what a range read takes. */
export interface PlaceInMessage { start: number; end: number }

/** Where a section's bytes lie in the message; undefined if the message has no such section. */
export const sectionRange = (summary: Summary, path: readonly number[], kind: SectionKind): PlaceInMessage | undefined => {
  const part = partAt(summary, path)
  if (part === undefined) return undefined
  if (path.length === 0) return messageRange(part, kind)
  if (kind === 'whole') return bodyRange(part)
  if (kind === 'MIME') return headerRange(part)
  return part.type === 'message' && part.parts !== undefined ? messageRange(part.parts[0]!, kind) : undefined
}

const messageRange = (message: MimePart, kind: SectionKind): PlaceInMessage | undefined => {
  switch (kind) {
    case 'whole': return { start: message.headerOffset, end: bodyRange(message).end }
    case 'HEADER': return headerRange(message)
    case 'TEXT': return bodyRange(message)
    case 'MIME': return undefined
  }
}

/** The part's header, with the empty line after it. */
export const headerRange = (part: MimePart): PlaceInMessage =>
  ({ start: part.headerOffset, end: part.headerOffset + part.headerSize })

/** The part's body. */
export const bodyRange = (part: MimePart): PlaceInMessage => {
  const start = part.headerOffset + part.headerSize
  return { start, end: start + part.bodySize }
}

/** Whether `summary.header` tells all of these fields (letter case does not matter); else the message's own header must be read. */
export const coversFields = (summary: SummaryHead, names: Iterable<string>): boolean => {
  const { omitted } = summary
  if (omitted.length === 0) return true
  if (omitted[0] === anyField) return false
  for (const name of names) {
    if (omitted.includes(name.toLowerCase())) return false
  }
  return true
}

/** The summary of the message with `prefix` in front: whole header fields, each ending in CRLF, none of them Content-*. */
export const prependHeader = (summary: Summary, prefix: Uint8Array): Summary => {
  const cached = new CachedHeader()
  for (const { name, raw } of headerFields(prefix)) cached.add(name, raw)
  for (const { name, raw } of headerFields(summary.header)) cached.add(name, raw)
  for (const name of summary.omitted) cached.omit(name)
  const root = shifted(summary.root, prefix.length)
  root.headerOffset = 0
  root.headerSize += prefix.length
  const { preview } = summary
  return {
    size: summary.size + prefix.length, root, header: cached.header, omitted: cached.omitted, ...(preview === undefined ? {} : { preview }),
  }
}

const shifted = (part: MimePart, by: number): MimePart => {
  const moved = { ...part, headerOffset: part.headerOffset + by }
  if (part.parts !== undefined) moved.parts = part.parts.map((child) => shifted(child, by))
  return moved
}
