// What the header of one part says of it: the Content-* fields, and for an embedded message its envelope.
// RFC 2045 §5–8, RFC 2183, RFC 2557 (location), RFC 3282 (language), RFC 1864 (MD5).

import type { MimePart } from './types.ts'
import { parseContentType, parseDisposition, parseEncoding, parseLanguages } from './content-fields.ts'
import { paramValue } from './parameters.ts'
import { addEnvelopeField, envelopeNames } from './envelope.ts'

const contentFields = new Set([
  'content-type', 'content-transfer-encoding', 'content-id', 'content-description', 'content-disposition',
  'content-language', 'content-location', 'content-md5',
])

/** A text/plain part without bytes, at this offset. */
export const emptyPart = (headerOffset: number): MimePart => ({
  type: 'text', subtype: 'plain', params: [], encoding: '7bit', headerOffset, headerSize: 0, bodySize: 0, bodyLines: 0,
})

/** Collects the fields of a part; `settle` writes them into it. */
export class PartHeader {
  readonly #part: MimePart
  readonly #defaultType: string
  readonly #values = new Map<string, string>()

  /** `defaultType`: what the part is without Content-Type (message/rfc822 in a digest, RFC 2046 §5.1.5). */
  constructor(part: MimePart, defaultType: string) {
    this.#part = part
    this.#defaultType = defaultType
  }

  /** Whether a field of this lower-case name says anything here. Of a repeated Content-* field the first counts. */
  wants(name: string): boolean {
    if (contentFields.has(name)) return !this.#values.has(name)
    return this.#part.envelope !== undefined && envelopeNames.has(name)
  }

  /** Takes a wanted field. */
  add(name: string, value: string): void {
    const envelopeName = envelopeNames.get(name)
    if (envelopeName === undefined) this.#values.set(name, value)
    else addEnvelopeField(this.#part.envelope!, envelopeName, value)
  }

  /** The header is complete. `mayNest`: the part may have parts of its own (`parts` is then []). */
  settle(mayNest: boolean): void {
    const part = this.#part
    this.#setType(this.#values.get('content-type') ?? this.#defaultType)
    part.encoding = parseEncoding(this.#values.get('content-transfer-encoding') ?? '')
    if (nests(part)) {
      if (mayNest) part.parts = []
      else makePlain(part)
    } else if (part.type === 'multipart') makePlain(part)
    this.#setDescriptions()
  }

  #setType(value: string): void {
    const contentType = parseContentType(value)
    if (contentType === undefined) return
    this.#part.type = contentType.type
    this.#part.subtype = contentType.subtype
    this.#part.params = contentType.params
  }

  #setDescriptions(): void {
    const part = this.#part
    const id = this.#values.get('content-id')
    if (id !== undefined) part.id = id
    const description = this.#values.get('content-description')
    if (description !== undefined) part.description = description
    const disposition = parseDisposition(this.#values.get('content-disposition') ?? '')
    if (disposition !== undefined) part.disposition = disposition
    const language = parseLanguages(this.#values.get('content-language') ?? '')
    if (language.length > 0) part.language = language
    const location = this.#values.get('content-location')
    if (location !== undefined) part.location = location
    const md5 = this.#values.get('content-md5')
    if (md5 !== undefined) part.md5 = md5
  }
}

/**
 * A multipart with a boundary, a message/rfc822, or a message/global whose bytes are not encoded (RFC 6532 §3.7 lets it
 * be; RFC 2046 §5.2.1 forbids that for message/rfc822, and what says so all the same is read as it lies there).
 */
const nests = (part: MimePart): boolean => {
  if (part.type === 'multipart') return boundaryOf(part) !== undefined
  if (part.type !== 'message') return false
  return part.subtype === 'rfc822' || (part.subtype === 'global' && (part.encoding === '7bit' || part.encoding === '8bit' || part.encoding === 'binary'))
}

/** The boundary of a multipart: without the spaces at its end, which mailers lose (RFC 2046 §5.1.1); undefined if there is none. */
export const boundaryOf = (part: MimePart): string | undefined => paramValue(part.params, 'boundary')?.replace(/ {1,99}$/, '') || undefined

const makePlain = (part: MimePart): void => {
  part.type = 'text'
  part.subtype = 'plain'
  part.params = []
}
