// BODY[section]<partial>: which bytes of a message a section means. RFC 3501 §6.4.5, §9 section-spec.
//
// Part numbers: of a multipart its parts; of any other message 1 is its body; behind a message/rfc822 part the numbers of the
// message in it follow. What does not exist is empty, as in Dovecot (the RFC leaves it open).

import { anyField } from '../../../mail/cached-header.ts'
import { FieldNames, selectFields } from '../../../mail/field-names.ts'
import { eachField } from '../../../mail/headers.ts'
import { coversFields, sectionRange } from '../../../mail/summary.ts'
import type { Summary, SummaryHead } from '../../../mail/types.ts'
import { limits } from '../../../../runtime/limits.ts'
import type { AnswerBytes } from '../answer-bytes.ts'
import { astring, latin1 } from '../encode.ts'
import type { FetchedMessage, Piece, Slice } from './item.ts'
import type { Parser } from '../grammar.ts'

export interface Section {
  /** Part numbers, [] for the message itself. */
  readonly part: readonly number[]
  readonly text: '' | 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME'
  /** Of HEADER.FIELDS and HEADER.FIELDS.NOT: field names, upper case, Latin-1. */
  readonly fields: readonly string[]
}

/** What sections are read from. */
export type SectionSource = Pick<FetchedMessage, 'messages' | 'row' | 'summary' | 'headerBytes'>

/** `<start.length>` of a section; without a length, to the end (not in the RFC, but clients say it and Dovecot answers). */
export interface Partial { readonly start: number; readonly length: number }

/** section-spec: behind the `[`, up to and with the `]`. */
export function parseSection(p: Parser): Section {
  const part: number[] = []
  while (/^[1-9]$/.test(p.peek())) {
    part.push(p.nznumber('a part number'))
    // A tree of that depth has a body below its deepest message.
    if (part.length > limits.mimeDepth + 1) p.fail('Too many part numbers')
    if (!p.take('.')) return { part, text: closed(p, ''), fields: [] }
  }
  const text = p.name() as Section['text']
  switch (text) {
    case 'MIME':
      if (part.length === 0) p.fail('MIME needs a part number')
      return { part, text: closed(p, text), fields: [] }
    case '':
      if (part.length > 0) p.fail('Expected a section')
      return { part, text: closed(p, text), fields: [] }
    case 'HEADER':
    case 'TEXT':
      return { part, text: closed(p, text), fields: [] }
    case 'HEADER.FIELDS':
    case 'HEADER.FIELDS.NOT': {
      const fields = p.sp().list(() => fieldName(p))
      if (fields.length === 0) p.fail('Expected a field name')
      return { part, text: closed(p, text), fields }
    }
    default:
      return p.fail('Invalid section')
  }
}

/** header-fld-name = astring: bytes as Latin-1, to be told as they were said; upper case as far as a field name has letters. */
function fieldName(p: Parser): string {
  return latin1(p.astringBytes('a field name')).replace(/[a-z]+/g, (letters) => letters.toUpperCase())
}

function closed(p: Parser, text: Section['text']): Section['text'] {
  p.expect(']')
  return text
}

/** ["<" number "." nz-number ">"] */
export function parsePartial(p: Parser): Partial | undefined {
  if (!p.take('<')) return undefined
  const start = p.number('an offset')
  const length = p.take('.') ? p.number('a length') : Infinity
  p.expect('>')
  return { start, length }
}

/** `BODY[…]<start>`, as answers name what they hold. */
export function sectionLabel(section: Section, partial: Partial | undefined): string {
  const names = section.fields.length > 0 ? ` (${section.fields.map(astring).join(' ')})` : ''
  const spec = [...section.part, ...(section.text === '' ? [] : [section.text])].join('.')
  return `BODY[${spec}${names}]${partial ? `<${partial.start}>` : ''}`
}

/** The section of a message as a literal: its size and its bytes. */
export async function readSection(section: Section, partial: Partial | undefined, m: SectionSource): Promise<readonly Piece[]> {
  // The size of the whole is in the columns: no summary, which after a lost cache would cost a second reading.
  if (section.part.length === 0 && section.text === '') return literal(cut({ start: 0, end: m.messages.sizes[m.row]! }, partial))
  const summary = await m.summary()
  if (section.fields.length > 0) return literalOf(await chosenFields(section, summary, m), partial)
  const slice = sliceOf(section, summary)
  const known = section.part.length === 0 && section.text === 'HEADER' ? wholeHeader(summary) : undefined
  return known === undefined ? literal(cut(slice, partial)) : literalOf(known, partial)
}

/** Where the fields lie in a header that are being written: reused for each. */
const places: number[] = []

/** Writes the fields that a section of the whole message names (`names`: the same), if the cache has them all. */
export function writeFieldsOfHead(section: Section, names: FieldNames, partial: Partial | undefined, head: SummaryHead, out: AnswerBytes): boolean {
  const except = section.text === 'HEADER.FIELDS.NOT'
  if (!keeps(head, section.fields, except)) return false
  const block = head.header
  if (partial !== undefined) {
    const bytes = bytesOf(withEmptyLine(selectFields(block, names, { except })), partial)
    out.literal(bytes, [0, bytes.length])
    return true
  }
  places.length = 0
  eachField(block, (start, end) => {
    if (names.has(block, start, end) !== except) places.push(start, end)
  })
  out.literal(block, places, '\r\n')
  return true
}

function literalOf(whole: Uint8Array, partial: Partial | undefined): readonly (string | Uint8Array)[] {
  const bytes = bytesOf(whole, partial)
  return [`{${bytes.length}}\r\n`, bytes]
}

function bytesOf(whole: Uint8Array, partial: Partial | undefined): Uint8Array {
  const { start, end } = cut({ start: 0, end: whole.length }, partial)
  return whole.subarray(start, end)
}

const literal = (slice: Slice): readonly Piece[] =>
  (slice.start === slice.end ? ['{0}\r\n'] : [`{${slice.end - slice.start}}\r\n`, slice])

function cut(slice: Slice, partial: Partial | undefined): Slice {
  if (!partial) return slice
  const start = Math.min(slice.start + partial.start, slice.end)
  return { start, end: Math.min(start + partial.length, slice.end) }
}

/** Where a section without field names lies; empty where there is no such part. */
function sliceOf({ part, text }: Section, summary: Summary): Slice {
  const kind = text === '' ? 'whole' : text === 'HEADER' || text === 'TEXT' || text === 'MIME' ? text : 'HEADER'
  return sectionRange(summary, part, kind) ?? { start: 0, end: 0 }
}

/** The header as the cache has it, if that is all of it. */
function wholeHeader({ header, omitted, root }: Summary): Uint8Array | undefined {
  if (omitted.length > 0) return undefined
  if (header.length === root.headerSize) return header
  return header.length + 2 === root.headerSize ? withEmptyLine(header) : undefined
}

function withEmptyLine(fields: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(fields.length + 2)
  bytes.set(fields)
  bytes.set([13, 10], fields.length)
  return bytes
}

async function chosenFields(section: Section, summary: Summary, m: SectionSource): Promise<Uint8Array> {
  const except = section.text === 'HEADER.FIELDS.NOT'
  const { start, end } = sliceOf(section, summary)
  if (start === end) return new Uint8Array(0)
  const cached = section.part.length === 0 && keeps(summary, section.fields, except)
  return withEmptyLine(selectFields(cached ? summary.header : await m.headerBytes(start, end), new FieldNames(section.fields), { except }))
}

/** Whether the cache has every field that these names choose. */
function keeps(summary: SummaryHead, names: readonly string[], except: boolean): boolean {
  if (!except) return coversFields(summary, names)
  const excluded = new Set(names.map((name) => name.toLowerCase()))
  return summary.omitted.every((name) => name !== anyField && excluded.has(name))
}
