// SEARCH TEXT and SEARCH BODY: which of some texts occur in a message, decoded as a reader sees it, while it streams past.
// RFC 3501 §6.4.4.
//
// Rules:
// - Searched are the headers (unfolded, encoded-words decoded), and the bodies of text/* and message/* parts after transfer
//   encoding and charset. Other bodies, preambles and epilogues are passed over.
// - The message's own header, and those of MIME parts, are searched by TEXT only: nobody who looks for `text` or `base64` in a
//   body means Content-Type. The header of a forwarded message is part of the body that it came in.
// - A match lies in one field or one body; chunk borders do not matter. Compared by i;unicode-casemap.
// - Memory: one chunk decoded, one header field, and as much text as the longest needle.

import type { MimePart, Summary } from './types.ts'
import { casemap } from './casemap.ts'
import { bodyRange, headerRange } from './summary.ts'
import { BodyText, HeaderText } from './searchable-text.ts'
import type { SearchableText } from './searchable-text.ts'

/** A text to look for; `where` as the SEARCH key. */
export interface Needle { text: string; where: 'TEXT' | 'BODY' }

/** Bytes of the message that are searched. */
interface Segment {
  start: number
  end: number
  /** A header that is no part of what is read: not searched by BODY. */
  textOnly: boolean
  open(): SearchableText
}

/** Answers for each needle whether it occurs. Stops reading the message (in CRLF form, from its first byte) when all are found. */
export const searchMessage = async (summary: Summary, message: AsyncIterable<Uint8Array>, needles: readonly Needle[]): Promise<boolean[]> => {
  const search = new TextSearch(summary, needles)
  if (search.done) return search.finish()
  for await (const chunk of message) {
    search.push(chunk)
    if (search.done) break
  }
  return search.finish()
}

/** The search of one message: feed it the message's bytes, then `finish`. */
export class TextSearch {
  readonly #segments: Segment[]
  readonly #found: boolean[]
  #needles: { index: number; key: string; inText: boolean }[]
  readonly #longest: number
  #next = 0
  #offset = 0
  #text: SearchableText | undefined
  /** The last keys of the text at hand: a match may begin in them. */
  #tail = ''

  constructor(summary: Summary, needles: readonly Needle[]) {
    this.#segments = [...segmentsOf(summary.root, true)]
    this.#needles = needles.map(({ text, where }, index) => ({ index, key: casemap(text), inText: where === 'TEXT' }))
    this.#found = this.#needles.map(({ key }) => key === '')
    this.#needles = this.#needles.filter(({ key }) => key !== '')
    this.#longest = Math.max(1, ...this.#needles.map(({ key }) => key.length))
  }

  /** Whether the rest of the message can change nothing. */
  get done(): boolean { return this.#needles.length === 0 || this.#next === this.#segments.length }

  push(chunk: Uint8Array): void {
    const chunkEnd = this.#offset + chunk.length
    while (!this.done) {
      const segment = this.#segments[this.#next]!
      if (segment.start >= chunkEnd) break
      this.#text ??= segment.open()
      this.#look(segment, this.#text.push(chunk.subarray(Math.max(0, segment.start - this.#offset), segment.end - this.#offset)))
      if (segment.end > chunkEnd) break
      this.#endSegment(segment, this.#text)
    }
    this.#offset = chunkEnd
  }

  /** For each needle, in the order given, whether it occurs. */
  finish(): boolean[] {
    const segment = this.#segments[this.#next]
    if (segment !== undefined && this.#text !== undefined) this.#endSegment(segment, this.#text)
    return this.#found
  }

  #endSegment(segment: Segment, text: SearchableText): void {
    this.#look(segment, text.finish())
    this.#text = undefined
    this.#tail = ''
    this.#next++
  }

  /** Looks through pieces of text; undefined among them ends a text. */
  #look(segment: Segment, pieces: readonly (string | undefined)[]): void {
    for (const piece of pieces) {
      if (piece === undefined) this.#tail = ''
      else if (piece !== '') this.#lookIn(this.#tail + casemap(piece), segment.textOnly)
    }
  }

  #lookIn(keys: string, textOnly: boolean): void {
    let found = false
    for (const needle of this.#needles) {
      if ((textOnly && !needle.inText) || !keys.includes(needle.key)) continue
      this.#found[needle.index] = true
      found = true
    }
    if (found) this.#needles = this.#needles.filter(({ index }) => !this.#found[index])
    this.#tail = this.#longest > 1 ? keys.slice(-(this.#longest - 1)) : ''
  }
}

/** What is searched, in the order of its bytes. `textOnly`: of the part's header. */
function* segmentsOf(part: MimePart, textOnly: boolean): Generator<Segment> {
  yield { ...headerRange(part), textOnly, open: () => new HeaderText() }
  if (part.parts !== undefined) {
    for (const child of part.parts) yield* segmentsOf(child, part.type !== 'message')
  } else if (part.type === 'text' || part.type === 'message') {
    yield { ...bodyRange(part), textOnly: false, open: () => new BodyText(part) }
  }
}
