// A message's preview: the first words of its text, on one line. RFC 8970 §3.1: at most 200 characters.
//
// - The first text/plain or text/html part that is no attachment; of HTML the text. Quoted lines (`> …`) of plain text are left
//   out where there are others.
// - Only the beginning of the part is looked at (limits.previewBytes).

import { limits } from '../../runtime/limits.ts'
import { htmlText } from './html-text.ts'
import { BodyText } from './searchable-text.ts'
import { bodyRange } from './summary.ts'
import type { PlaceInMessage } from './summary.ts'
import type { MimePart, Summary } from './types.ts'

/** Which bytes of the message the preview is made from; undefined: it has no text. */
export const previewRange = ({ root }: Summary): PlaceInMessage | undefined => {
  const part = textPart(root)
  if (part === undefined || part.bodySize === 0) return undefined
  const { start, end } = bodyRange(part)
  return { start, end: Math.min(end, start + limits.previewBytes) }
}

/** The preview (Unicode), from the bytes of `previewRange`; '' of a message without text. */
export const previewOf = ({ root }: Summary, pieces: Iterable<Uint8Array>): string => {
  const part = textPart(root)
  if (part === undefined) return ''
  const decoder = new BodyText(part)
  let text = ''
  for (const piece of pieces) text += decoder.push(piece).join('')
  text += decoder.finish().join('')
  return shortened(part.subtype === 'html' ? htmlText(text) : unquoted(text))
}

const textPart = (part: MimePart): MimePart | undefined => {
  if (part.disposition?.type.toLowerCase() === 'attachment') return undefined
  if (part.type === 'text') return part.subtype === 'plain' || part.subtype === 'html' ? part : undefined
  if (part.type !== 'multipart') return undefined
  for (const child of part.parts ?? []) {
    const found = textPart(child)
    if (found !== undefined) return found
  }
  return undefined
}

const unquoted = (text: string): string => {
  if (!text.includes('>')) return text
  const own = text.replace(/^>.*$/gm, '')
  return own.trim() === '' ? text : own
}

/** Of what is looked at, the beginning is mostly enough. */
const mostlyEnough = 4 * limits.previewCharacters

/** White space and controls become single spaces; cut between characters. */
const shortened = (text: string): string => {
  const beginning = onOneLine(text.slice(0, mostlyEnough))
  const line = beginning.length > 2 * limits.previewCharacters ? beginning : onOneLine(text)
  return line.length <= limits.previewCharacters ? line : [...line.slice(0, 2 * limits.previewCharacters)].slice(0, limits.previewCharacters).join('').trimEnd()
}

const onOneLine = (text: string): string => text.replace(/[\s\p{Cc}\ufeff\ufffd]+/gu, ' ').trim()
