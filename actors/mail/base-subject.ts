// The base subject: what a subject is without the marks of replies, forwards and lists. RFC 5256 §2.1.
//
// The steps of the RFC over two indexes, so that the time is in proportion to the length whatever the subject holds.

import { decodeEncodedWords } from './encoded-words.ts'

export interface BaseSubject {
  readonly base: string
  /** Marks of a reply or a forward were taken off. */
  readonly reply: boolean
}

/** Of a Subject field's value (a byte string, unfolded). */
export const baseSubject = (value: string): BaseSubject => {
  const reader = new SubjectReader(decodeEncodedWords(value).replace(/[ \t\r\n]+/g, ' '))
  return { base: reader.base(), reply: reader.reply }
}

const leader = /re|fwd?/iy
const forwardOpen = /\[fwd:/iy

class SubjectReader {
  readonly #text: string
  #start = 0
  #end: number
  reply = false

  constructor(text: string) {
    this.#text = text
    this.#end = text.length
  }

  base(): string {
    do {
      this.#trimEnd()
      this.#trimStart()
    } while (this.#unwrapForward())
    return this.#text.slice(this.#start, this.#end)
  }

  /** (2) subj-trailer = "(fwd)" / WSP */
  #trimEnd(): void {
    for (;;) {
      while (this.#end > this.#start && this.#text[this.#end - 1] === ' ') this.#end--
      if (this.#end - this.#start < 5 || this.#text.slice(this.#end - 5, this.#end).toLowerCase() !== '(fwd)') return
      this.#end -= 5
      this.reply = true
    }
  }

  /**
   * (3)–(5) subj-leader = (*subj-blob subj-refwd) / WSP; and each subj-blob in front that is not all there is.
   * Where no subj-refwd follows all the blobs, none follows some of them: they are passed over once.
   */
  #trimStart(): void {
    for (;;) {
      const start = this.#skipSpace(this.#start)
      let at = start
      /** Where the last blob begins: it stays where nothing follows. */
      let lastBlob = start
      for (let next = this.#afterBlob(at); next > at; next = this.#afterBlob(at)) {
        lastBlob = at
        at = next
      }
      const after = this.#afterMark(at)
      if (after < 0) {
        this.#start = at < this.#end ? at : lastBlob
        return
      }
      this.#start = after
      this.reply = true
    }
  }

  /** (6) "[fwd:" subject "]" */
  #unwrapForward(): boolean {
    forwardOpen.lastIndex = this.#start
    if (!forwardOpen.test(this.#text) || forwardOpen.lastIndex >= this.#end || this.#text[this.#end - 1] !== ']') return false
    this.#start = forwardOpen.lastIndex
    this.#end--
    this.reply = true
    return true
  }

  /** Behind subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"; -1 if none stands at `at`. */
  #afterMark(at: number): number {
    leader.lastIndex = at
    if (!leader.test(this.#text)) return -1
    const colon = this.#afterBlob(this.#skipSpace(leader.lastIndex))
    return colon < this.#end && this.#text[colon] === ':' ? colon + 1 : -1
  }

  /** Behind subj-blob = "[" *BLOBCHAR "]" *WSP; `at` itself if none stands there. */
  #afterBlob(at: number): number {
    if (at >= this.#end || this.#text[at] !== '[') return at
    for (let i = at + 1; i < this.#end; i++) {
      const char = this.#text[i]
      if (char === '[') return at
      if (char === ']') return this.#skipSpace(i + 1)
    }
    return at
  }

  #skipSpace(at: number): number {
    while (at < this.#end && this.#text[at] === ' ') at++
    return at
  }
}
