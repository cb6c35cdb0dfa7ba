// Mails for properties: well-formed ones of which every offset is known beforehand, and soups of what may stand in a mail.

import { Buffer } from 'node:buffer'
import fc from 'fast-check'

/** A mail as it is to be written. */
export type MailTree =
  | { kind: 'leaf'; lines: string[] }
  | { kind: 'message'; content: MailTree }
  | { kind: 'multipart'; preamble: string[]; parts: MailTree[]; closed: boolean }

/** Where the writer put a part. */
export interface Place { type: string; headerOffset: number; headerSize: number; bodySize: number; bodyLines: number; parts?: Place[] }

const line = fc.constantFrom('', 'text', ' folded?', 'Subject: none', '-', '-- ', '--other', 'ä', '.')
const lines = fc.array(line, { maxLength: 4 })

/** Well-formed trees; a close boundary is left out only where nothing follows. */
export const mailTree: fc.Arbitrary<MailTree> = fc.letrec<{ tree: MailTree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ kind: fc.constant('leaf' as const), lines }),
    fc.record({ kind: fc.constant('message' as const), content: tie('tree') }),
    fc.record({
      kind: fc.constant('multipart' as const), preamble: lines, closed: fc.boolean(),
      parts: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
    }),
  ),
})).tree

/** Writes a tree, and notes where everything lies. */
export const writeMail = (tree: MailTree): { bytes: Buffer; root: Place } => {
  const writer = new MailWriter()
  const root = writer.part(tree, [], true)
  return { bytes: writer.bytes(), root }
}

class MailWriter {
  #text = ''
  #boundaries = 0

  bytes(): Buffer { return Buffer.from(this.#text, 'latin1') }

  /** `outer`: the part's indexes from the root on, used to make boundaries that begin with each other. `last`: nothing follows it. */
  part(tree: MailTree, outer: number[], last: boolean): Place {
    const headerOffset = this.#text.length
    const boundary = `=b${'x'.repeat(outer.length)}${this.#boundaries++}`
    const type = tree.kind === 'leaf' ? 'text/plain' : tree.kind === 'message' ? 'message/rfc822' : 'multipart/mixed'
    this.#text += `Content-Type: ${type}${tree.kind === 'multipart' ? `; boundary="${boundary}:"` : ''}\r\nX-Fold: a\r\n b\r\n\r\n`
    const bodyOffset = this.#text.length
    const parts = this.#body(tree, outer, boundary, last)
    const body = this.#text.slice(bodyOffset)
    return {
      type, headerOffset, headerSize: bodyOffset - headerOffset, bodySize: body.length,
      bodyLines: body.split('\n').length - 1, ...(parts && { parts }),
    }
  }

  #body(tree: MailTree, outer: number[], boundary: string, last: boolean): Place[] | undefined {
    if (tree.kind === 'leaf') {
      this.#text += tree.lines.join('\r\n')
      return undefined
    }
    if (tree.kind === 'message') return [this.part(tree.content, [...outer, 0], last)]
    this.#text += tree.preamble.map((text) => `${text}\r\n`).join('')
    const open = last && !tree.closed
    const parts = tree.parts.map((part, index) => {
      this.#text += `--${boundary}:\r\n`
      const place = this.part(part, [...outer, index], open && index === tree.parts.length - 1)
      if (!open || index < tree.parts.length - 1) this.#text += '\r\n'
      return place
    })
    if (!open) this.#text += `--${boundary}:--`
    return parts
  }
}

/** Anything: pieces that matter to a parser, in any order, and some noise; half of them begin as a multipart. */
export const mailSoup: fc.Arbitrary<Buffer> = fc.tuple(fc.constantFrom('', 'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n'), fc.array(fc.constantFrom(
  'Content-Type: multipart/mixed; boundary=a', 'Content-Type: multipart/digest; boundary=ab\r\n\r\n--ab\r\n', 'Content-Type: message/rfc822', 'Content-Type: ',
  'Content-Type: text/plain; charset=utf-8', ' folded', '\t', 'Subject: x', 'To: a@b, c@d', 'Received: z', '\r\n', '\r\n', '\r\n\r\n', '\n', '\r',
  '--a', '--a--', '--ab', '--ab--', '--', '-', '--\r\n', '\r\n--a\r\n', '\r\n--ab\r\n\r\n', '\r\n--a--\r\n', 'no field', ':', '\0', '\xe4\xff', 'word',
), { maxLength: 60 })).map(([start, pieces]) => Buffer.from(start + pieces.join(''), 'latin1'))

/** Cuts a message into chunks at the given places (any numbers). */
export const cut = (message: Uint8Array, places: readonly number[]): Uint8Array[] => {
  const borders = [0, ...places.map((place) => place % (message.length + 1)).sort((a, b) => a - b), message.length]
  return borders.slice(1).map((end, index) => message.subarray(borders[index]!, end))
}
