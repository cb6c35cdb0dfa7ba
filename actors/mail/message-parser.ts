// One pass over a message: the tree of its MIME parts with the places of their bytes, and the header fields worth keeping.
// RFC 5322, RFC 2045, RFC 2046.
//
// Rules:
// - Any borders between chunks give the same Summary. No body is kept; memory is bounded by the limits; time is linear.
// - There is no broken message. Missing close boundaries, headers without end, unknown types: every byte finds its part.
// - The line break before a boundary line belongs to the boundary (RFC 2046 §5.1.1), so it is counted in the multipart
//   only; but the empty line that ends a header stays with the header, even if a boundary follows at once.
// - A multipart without boundary, or deeper than limits.mimeDepth, is text/plain. When limits.mimeParts are open, the rest
//   of the message belongs to the last part. A multipart without any part gets an empty one: IMAP cannot show none.

import { limits as defaultLimits } from '../../runtime/limits.ts'
import type { Limits } from '../../runtime/limits.ts'
import type { MimePart, Summary } from './types.ts'
import { concatBytes, copyBytes } from './byte-strings.ts'
import { CachedHeader } from './cached-header.ts'
import { fieldName, rawFieldValue } from './headers.ts'
import { MimeBoundaries, boundaryLineBytes } from './mime-boundaries.ts'
import type { BoundaryLine } from './mime-boundaries.ts'
import { PartHeader, boundaryOf, emptyPart } from './part-header.ts'

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const DASH = 45

const none = new Uint8Array(0)

/** A part whose end has not been found. */
interface OpenPart {
  part: MimePart
  parent: OpenPart | undefined
  depth: number
  /** Its fields, until its header has ended. */
  header: PartHeader | undefined
  /** From here it is the body: offset, and lines of the message before it. */
  bodyOffset: number
  linesBefore: number
}

/** Feed it a message in CRLF form, then `finish`. */
export class MessageParser {
  readonly #limits: Limits
  readonly #cached: CachedHeader
  readonly #boundaries = new MimeBoundaries<OpenPart>()
  readonly #root: OpenPart
  #current: OpenPart
  #parts = 1
  /** Bytes of field values that the tree may still keep. */
  #budget: number

  /** Offset of the next byte to look at, line feeds before it, and the byte before it. */
  #offset = 0
  #lines = 0
  #lastByte = 0
  /** Where the current line begins, and the size of the line break before it. */
  #lineOffset = 0
  #breakBytes = 0
  /** A multipart whose boundary line is being passed; a part begins after it. */
  #awaitingPart: OpenPart | undefined
  /** The beginning of a line that cannot be judged before more of it has come. */
  #held: Uint8Array = none

  /** The header field being collected; `#fieldBytes` counts also what did not fit. */
  #field = new Uint8Array(1024)
  #fieldKept = 0
  #fieldBytes = 0

  /** `limits`: those that differ from the usual ones. (They are many: to copy them costs as much as to parse a short mail.) */
  constructor(limits?: Partial<Limits>) {
    this.#limits = limits === undefined ? defaultLimits : { ...defaultLimits, ...limits }
    this.#cached = new CachedHeader(this.#limits)
    this.#budget = this.#limits.headerBytes
    this.#root = this.#open(undefined, true, 'text/plain')
    this.#current = this.#root
  }

  /** The next bytes of the message. They are not referred to after the return. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    const data = this.#held.length === 0 ? chunk : concatBytes([this.#held, chunk])
    this.#held = none
    this.#scan(data, false)
  }

  /** The message has ended. */
  finish(): Summary {
    if (this.#held.length > 0) this.#scan(this.#held, true)
    this.#endField()
    this.#closeUntil(undefined, this.#offset, this.#lines)
    return { size: this.#offset, root: this.#root.part, header: this.#cached.header, omitted: this.#cached.omitted }
  }

  /** Looks at `data` line by line; `last`: nothing follows it. */
  #scan(data: Uint8Array, last: boolean): void {
    const base = this.#offset
    let at = 0
    while (at < data.length) {
      this.#offset = base + at
      if (this.#offset === this.#lineOffset && !this.#beginLine(data, at, last)) {
        this.#held = copyBytes(data.subarray(at))
        return
      }
      at = this.#current.header !== undefined && this.#awaitingPart === undefined
        ? this.#headerLine(data, at)
        : this.#bodyLines(data, at, base)
    }
    this.#offset = base + data.length
    this.#lastByte = data[data.length - 1]!
  }

  /** Acts on a boundary line or an empty line that begins here. False: that cannot be told yet. */
  #beginLine(data: Uint8Array, at: number, last: boolean): boolean {
    const first = data[at]
    const inHeader = this.#current.header !== undefined
    if (inHeader && first === CR && at + 1 === data.length && !last) return false
    if (first !== DASH || this.#boundaries.count === 0) return true
    if (at + 1 < data.length && data[at + 1] !== DASH) return true
    const window = data.subarray(at, at + boundaryLineBytes)
    const lf = window.indexOf(LF)
    if (lf === -1 && window.length < boundaryLineBytes && !last && this.#boundaries.mayMatch(window, 0, window.length)) return false
    const line = this.#boundaries.match(window, 0, lf === -1 ? window.length : lf)
    if (line !== undefined) this.#boundaryLine(line)
    return true
  }

  #boundaryLine({ owner, closing }: BoundaryLine<OpenPart>): void {
    this.#endField()
    const inner = this.#current
    if (inner !== owner) {
      const start = inner.header === undefined ? inner.bodyOffset : inner.part.headerOffset
      const breakIsOurs = this.#lineOffset > start
      this.#closeUntil(owner, this.#lineOffset - (breakIsOurs ? this.#breakBytes : 0), this.#lines - (breakIsOurs ? 1 : 0))
    }
    this.#boundaries.popTo(owner, closing)
    this.#current = owner
    if (!closing) this.#awaitingPart = owner
  }

  /** Takes a line of a header, or what is here of it. Answers where to go on. */
  #headerLine(data: Uint8Array, at: number): number {
    const lf = data.indexOf(LF, at)
    const end = lf === -1 ? data.length : lf + 1
    if (this.#offset === this.#lineOffset) {
      const first = data[at]
      if (first === LF || (first === CR && data[at + 1] === LF)) {
        this.#endLine(data, at, end)
        this.#endHeader()
        return end
      }
      if (first !== SPACE && first !== TAB) this.#endField()
    }
    this.#collect(data.subarray(at, end))
    if (lf !== -1) this.#endLine(data, at, end)
    return end
  }

  /** Passes lines of a body up to one that may be a boundary. Answers where to go on. */
  #bodyLines(data: Uint8Array, at: number, base: number): number {
    const watch = this.#boundaries.count > 0
    const start = at
    for (;;) {
      const lf = data.indexOf(LF, at)
      if (lf === -1) return data.length
      at = lf + 1
      this.#lines++
      if (this.#awaitingPart !== undefined || at === data.length || (watch && data[at] === DASH)) {
        this.#lines--
        this.#offset = base + start
        this.#endLine(data, start, at)
        if (this.#awaitingPart !== undefined) this.#beginPart(this.#awaitingPart)
        return at
      }
    }
  }

  /** A line break ends at `end`; `start` is an index of which this.#offset is the offset. */
  #endLine(data: Uint8Array, start: number, end: number): void {
    const before = end >= 2 ? data[end - 2] : this.#lastByte
    this.#breakBytes = before === CR ? 2 : 1
    this.#offset += end - start
    this.#lineOffset = this.#offset
    this.#lines++
  }

  #beginPart(owner: OpenPart): void {
    this.#awaitingPart = undefined
    const digest = owner.part.subtype === 'digest'
    this.#current = this.#open(owner, false, digest ? 'message/rfc822' : 'text/plain')
  }

  /** A part that begins at this offset. `message`: it is a message of its own, whose envelope is kept. */
  #open(parent: OpenPart | undefined, message: boolean, defaultType: string): OpenPart {
    const part = emptyPart(this.#offset)
    if (parent !== undefined) {
      parent.part.parts!.push(part)
      if (message) part.envelope = {}
      if (++this.#parts >= this.#limits.mimeParts) this.#boundaries.clear()
    }
    const header = new PartHeader(part, defaultType)
    return { part, parent, depth: parent === undefined ? 0 : parent.depth + 1, header, bodyOffset: 0, linesBefore: 0 }
  }

  /** The current part's header has ended at this offset: its body begins, as its type says. */
  #endHeader(): void {
    this.#endField()
    const open = this.#current
    this.#settleHeader(open, this.#offset)
    open.linesBefore = this.#lines
    const { part } = open
    if (part.parts === undefined) return
    if (part.type === 'message') this.#current = this.#open(open, true, 'text/plain')
    else this.#boundaries.push(boundaryOf(part)!, open)
  }

  /** Fixes what the header says of its part. */
  #settleHeader(open: OpenPart, end: number): void {
    const { part, header } = open
    part.headerSize = end - part.headerOffset
    open.bodyOffset = end
    open.header = undefined
    header!.settle(open.depth < this.#limits.mimeDepth && this.#parts < this.#limits.mimeParts)
  }

  /** Ends the open parts inside of `owner` (undefined: all) at this offset, with so many lines before it. */
  #closeUntil(owner: OpenPart | undefined, end: number, lines: number): void {
    for (let open = this.#current; ; open = open.parent!) {
      if (open.header !== undefined) {
        this.#settleHeader(open, end)
        open.linesBefore = lines
      }
      const { part } = open
      part.bodySize = end - open.bodyOffset
      part.bodyLines = lines - open.linesBefore
      if (part.parts?.length === 0) part.parts.push(this.#missingPart(part, end))
      if (open.parent === owner) return
    }
  }

  /** Stands for the embedded message of a message part that has no body, or the parts of a multipart that has none. */
  #missingPart(parent: MimePart, offset: number): MimePart {
    const part = emptyPart(offset)
    if (parent.type === 'message') part.envelope = {}
    return part
  }

  /** Keeps bytes of the current field, up to limits.mimeFieldBytes. */
  #collect(bytes: Uint8Array): void {
    this.#fieldBytes += bytes.length
    const room = this.#limits.mimeFieldBytes - this.#fieldKept
    const taken = bytes.length <= room ? bytes : bytes.subarray(0, room)
    const needed = this.#fieldKept + taken.length
    if (needed > this.#field.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#field.length))
      larger.set(this.#field.subarray(0, this.#fieldKept))
      this.#field = larger
    }
    this.#field.set(taken, this.#fieldKept)
    this.#fieldKept = needed
  }

  /** The collected field is complete, if there is one: gives it to its part and, of the message itself, to the cache. */
  #endField(): void {
    if (this.#fieldBytes === 0) return
    const raw = this.#field.subarray(0, this.#fieldKept)
    const whole = this.#fieldKept === this.#fieldBytes
    this.#fieldKept = 0
    this.#fieldBytes = 0
    const name = fieldName(raw)
    if (name === '') return
    const open = this.#current
    if (open === this.#root) this.#cached.add(name, whole ? copyBytes(raw) : undefined)
    const key = name.toLowerCase()
    if (!open.header!.wants(key)) return
    const value = rawFieldValue(raw)
    if (value.length > this.#budget) return
    this.#budget -= value.length
    open.header!.add(key, value)
  }
}
