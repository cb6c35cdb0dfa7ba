// A Summary as compact bytes for the message cache. The first byte is the version: 2, or 1, which had no preview. A reader that
// meets another version or broken bytes throws Bug, and its caller parses the message anew.
//
// Numbers are varints (7 bits a byte, lowest first), strings (UTF-8) and byte arrays have their length in front.

import { Buffer } from 'node:buffer'
import { limits } from '../../runtime/limits.ts'
import { Bug } from '../../runtime/errors.ts'
import { copyBytes } from './byte-strings.ts'
import type { EnvelopeFields, MimePart, Summary, SummaryHead } from './types.ts'
import { envelopeNames } from './envelope.ts'

const version = 2
const versionWithoutPreview = 1

/** Bits of the fields a part may lack. */
const Has = { id: 1, description: 2, disposition: 4, language: 8, location: 16, md5: 32, parts: 64, envelope: 128 } as const

const envelopeKeys = [...envelopeNames.values()]

/** The summary as bytes. */
export const encodeSummary = (summary: Summary): Uint8Array => {
  const writer = new Writer()
  writer.number(version)
  writer.number(summary.size)
  writer.bytes(summary.header)
  writer.strings(summary.omitted)
  writePart(writer, summary.root)
  writer.strings(summary.preview === undefined ? [] : [summary.preview])
  return writer.take()
}

/** The summary that was encoded. Throws Bug if the bytes are none. */
export const decodeSummary = (bytes: Uint8Array): Summary => {
  const reader = new Reader(bytes)
  const found = reader.number()
  if (found !== version && found !== versionWithoutPreview) throw broken(`version ${found} is not ${version}`)
  const size = reader.number()
  const header = reader.bytes()
  const omitted = reader.strings()
  const root = readPart(reader, 0)
  const [preview] = found === version ? reader.strings() : []
  reader.end()
  return preview === undefined ? { size, root, header, omitted } : { size, root, header, omitted, preview }
}

const none: string[] = []

/**
 * The heads of encoded summaries that lie in one array of bytes, going from one to the next: no object for each but a view of its
 * header, where that is asked for.
 */
export class EncodedHead implements SummaryHead {
  readonly #bytes: Uint8Array
  #at = 0
  #end = 0
  #header: Uint8Array | undefined
  #headerStart = 0
  #headerEnd = 0
  /** Decoded last, and where from. */
  #omitted = none
  #omittedStart = 0
  #omittedLength = 0
  size = 0

  constructor(bytes: Uint8Array) { this.#bytes = bytes }

  /** To the summary in [start, end). False: it is none that can be read so, an older version for one. */
  at(start: number, end: number): boolean {
    this.#at = start
    this.#end = end
    this.#header = undefined
    if (this.#number() !== version) return false
    this.size = this.#number()
    const length = this.#number()
    this.#headerStart = this.#at
    this.#headerEnd = this.#at += length
    // The number of names omitted comes next, and is 0 for most.
    return this.#at < end && !Number.isNaN(length)
  }

  get header(): Uint8Array {
    return this.#header ??= new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + this.#headerStart, this.#headerEnd - this.#headerStart)
  }

  /** Mostly those of the one before: what is left out of a mailbox's mails is alike. */
  get omitted(): string[] {
    if (this.#bytes[this.#headerEnd] === 0) return none
    if (!this.#omitsTheSame()) {
      const reader = new Reader(this.#bytes.subarray(this.#headerEnd, this.#end))
      this.#omitted = reader.strings()
      this.#omittedStart = this.#headerEnd
      this.#omittedLength = reader.at
    }
    return this.#omitted
  }

  #omitsTheSame(): boolean {
    for (let i = 0; i < this.#omittedLength; i++) if (this.#bytes[this.#headerEnd + i] !== this.#bytes[this.#omittedStart + i]) return false
    return this.#omittedLength > 0
  }

  /** NaN behind the end. */
  #number(): number {
    let value = 0
    let factor = 1
    while (this.#at < this.#end) {
      const byte = this.#bytes[this.#at++]!
      if (byte < 0x80) return value + byte * factor
      value += (byte - 0x80) * factor
      factor *= 0x80
    }
    return Number.NaN
  }
}

const broken = (what: string): Bug => new Bug(`not an encoded summary: ${what}`)

const writePart = (writer: Writer, part: MimePart): void => {
  writer.string(part.type)
  writer.string(part.subtype)
  writer.params(part.params)
  writer.string(part.encoding)
  writer.number(part.headerOffset)
  writer.number(part.headerSize)
  writer.number(part.bodySize)
  writer.number(part.bodyLines)
  let has = 0
  for (const name of Object.keys(Has) as (keyof typeof Has)[]) {
    if (part[name] !== undefined) has |= Has[name]
  }
  writer.number(has)
  if (part.id !== undefined) writer.string(part.id)
  if (part.description !== undefined) writer.string(part.description)
  if (part.disposition !== undefined) {
    writer.string(part.disposition.type)
    writer.params(part.disposition.params)
  }
  if (part.language !== undefined) writer.strings(part.language)
  if (part.location !== undefined) writer.string(part.location)
  if (part.md5 !== undefined) writer.string(part.md5)
  if (part.envelope !== undefined) writeEnvelope(writer, part.envelope)
  if (part.parts !== undefined) {
    writer.number(part.parts.length)
    for (const child of part.parts) writePart(writer, child)
  }
}

const readPart = (reader: Reader, depth: number): MimePart => {
  if (depth > limits.mimeDepth + 1) throw broken('parts are nested too deep')
  const part: MimePart = {
    type: reader.string(), subtype: reader.string(), params: reader.params(), encoding: reader.string(),
    headerOffset: reader.number(), headerSize: reader.number(), bodySize: reader.number(), bodyLines: reader.number(),
  }
  const has = reader.number()
  if (has & Has.id) part.id = reader.string()
  if (has & Has.description) part.description = reader.string()
  if (has & Has.disposition) part.disposition = { type: reader.string(), params: reader.params() }
  if (has & Has.language) part.language = reader.strings()
  if (has & Has.location) part.location = reader.string()
  if (has & Has.md5) part.md5 = reader.string()
  if (has & Has.envelope) part.envelope = readEnvelope(reader)
  if (has & Has.parts) {
    part.parts = []
    for (let count = reader.count(); count > 0; count--) part.parts.push(readPart(reader, depth + 1))
  }
  return part
}

const writeEnvelope = (writer: Writer, envelope: EnvelopeFields): void => {
  let has = 0
  for (const [bit, key] of envelopeKeys.entries()) if (envelope[key] !== undefined) has |= 1 << bit
  writer.number(has)
  for (const key of envelopeKeys) {
    const value = envelope[key]
    if (value !== undefined) writer.string(value)
  }
}

const readEnvelope = (reader: Reader): EnvelopeFields => {
  const envelope: EnvelopeFields = {}
  const has = reader.number()
  for (const [bit, key] of envelopeKeys.entries()) if (has & 1 << bit) envelope[key] = reader.string()
  return envelope
}

class Writer {
  #buffer = Buffer.allocUnsafe(512)
  #length = 0

  take(): Uint8Array { return copyBytes(this.#buffer.subarray(0, this.#length)) }

  number(value: number): void {
    this.#need(8)
    while (value >= 0x80) {
      this.#buffer[this.#length++] = value % 0x80 + 0x80
      value = Math.floor(value / 0x80)
    }
    this.#buffer[this.#length++] = value
  }

  string(text: string): void {
    const length = Buffer.byteLength(text)
    this.number(length)
    this.#need(length)
    this.#length += this.#buffer.write(text, this.#length)
  }

  bytes(bytes: Uint8Array): void {
    this.number(bytes.length)
    this.#need(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  strings(texts: readonly string[]): void {
    this.number(texts.length)
    for (const text of texts) this.string(text)
  }

  params(params: readonly [string, string][]): void {
    this.number(params.length)
    for (const [name, value] of params) {
      this.string(name)
      this.string(value)
    }
  }

  #need(count: number): void {
    if (this.#length + count <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#length + count))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}

class Reader {
  readonly #buffer: Buffer
  #at = 0

  constructor(bytes: Uint8Array) { this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) }

  /** How many bytes have been read. */
  get at(): number { return this.#at }

  number(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.#buffer[this.#at++]
      if (byte === undefined) throw broken('it ends too early')
      if (byte < 0x80) return value + byte * factor
      value += (byte - 0x80) * factor
    }
    throw broken('a number is too large')
  }

  /** A number of things of at least one byte each. */
  count(): number {
    const count = this.number()
    if (count > this.#buffer.length - this.#at) throw broken('it ends too early')
    return count
  }

  string(): string {
    const length = this.count()
    return this.#buffer.toString('utf8', this.#at, this.#at += length)
  }

  bytes(): Uint8Array {
    const length = this.count()
    return copyBytes(this.#buffer.subarray(this.#at, this.#at += length))
  }


  strings(): string[] {
    const texts: string[] = []
    for (let count = this.count(); count > 0; count--) texts.push(this.string())
    return texts
  }

  params(): [string, string][] {
    const params: [string, string][] = []
    for (let count = this.count(); count > 0; count--) params.push([this.string(), this.string()])
    return params
  }

  end(): void {
    if (this.#at !== this.#buffer.length) throw broken('bytes are left over')
  }
}
