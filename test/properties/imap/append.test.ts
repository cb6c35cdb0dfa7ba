// The messages of an APPEND come out of the grammar as they went in, and URLs name what they were made from.

import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { appendSegment } from '../../../actors/session/imap/append-arguments.ts'
import type { AppendSegment, AppendStep } from '../../../actors/session/imap/append-arguments.ts'
import * as encode from '../../../actors/session/imap/encode.ts'
import { Parser } from '../../../actors/session/imap/grammar.ts'
import { parseMessageUrl } from '../../../actors/session/imap/message-url.ts'

interface Said { system: number; date?: number | undefined; pieces: ({ text: number; sync: boolean; binary: boolean } | { url: string })[]; catenate: boolean }

const text = fc.record({ text: fc.nat(1e9), sync: fc.boolean(), binary: fc.boolean() })
const url = fc.record({ url: fc.stringMatching(/^[ -~]{1,30}$/) })
const message: fc.Arbitrary<Said> = fc.record({
  system: fc.integer({ min: 0, max: 31 }), date: fc.option(fc.integer({ min: 0, max: 4e9 }), { nil: undefined }),
  pieces: fc.array(fc.oneof(text, url), { minLength: 1, maxLength: 5 }), catenate: fc.constant(true),
}).chain((said) => fc.boolean().map((plain) => {
  const [first] = said.pieces
  return plain && first !== undefined && 'text' in first ? { ...said, pieces: [first], catenate: false } : said
}))

/** What a client says, cut behind the announcement of each literal. */
function segments(messages: readonly Said[]): string[] {
  let wire = ''
  for (const [i, { system, date, pieces, catenate }] of messages.entries()) {
    wire += i === 0 ? '' : ' '
    if (system > 0 || i % 2 === 1) wire += `${encode.flags(system)} `
    if (date !== undefined) wire += `${encode.dateTime(date)} `
    const said = pieces.map((piece) => {
      if ('url' in piece) return `URL ${encode.quoted(piece.url)}`
      return `${catenate ? 'TEXT ' : ''}${piece.binary ? '~' : ''}{${piece.text}${piece.sync ? '' : '+'}}\r\n\0`
    })
    wire += catenate ? `CATENATE (${said.join(' ')})` : said[0]!
  }
  return wire.split('\0')
}

const steps = (messages: readonly Said[]): AppendStep[] => messages.flatMap(({ system, date, pieces }) => [
  { kind: 'begin' as const, flags: { system, keywords: [] }, ...(date === undefined ? {} : { internalDate: date }) },
  ...pieces.map((piece): AppendStep => ('url' in piece
    ? { kind: 'url', url: piece.url }
    : { kind: 'literal', head: { size: piece.text, sync: piece.sync, binary: piece.binary } })),
  { kind: 'end' as const },
])

t.test('messages of an APPEND', async (t) => {
  fc.assert(fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), (messages) => {
    const got: AppendStep[] = []
    let parse: ((p: Parser) => AppendSegment) | undefined = (p) => appendSegment(p)
    for (const wire of segments(messages)) {
      const p = new Parser(Buffer.from(wire, 'latin1'))
      const segment: AppendSegment = parse!(p)
      p.end()
      got.push(...segment.steps)
      parse = segment.next
    }
    t.same(got, steps(messages))
    t.equal(parse, undefined, 'the command is at its end')
  }), { numRuns: 500 })
})

t.test('URLs of messages', async (t) => {
  const optional = fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { nil: undefined })
  const named = fc.record({
    mailbox: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((name) => name.toUpperCase() !== 'INBOX'), uidValidity: optional,
    uid: fc.integer({ min: 0, max: 2 ** 32 - 1 }), part: fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 4 }), start: optional, length: optional,
  })
  fc.assert(fc.property(named, ({ mailbox, uidValidity, uid, part, start, length }) => {
    const wire = `/${encodeURIComponent(mailbox)}${uidValidity === undefined ? '' : `;UIDVALIDITY=${uidValidity}`}/;UID=${uid}`
      + `${part.length === 0 ? '' : `/;SECTION=${part.join('.')}`}${start === undefined ? '' : `/;PARTIAL=${start}${length === undefined ? '' : `.${length}`}`}`
    t.same(parseMessageUrl(wire), {
      mailbox, uid, ...(uidValidity === undefined ? {} : { uidValidity }), ...(part.length === 0 ? {} : { section: { part, text: '', fields: [] } }),
      ...(start === undefined ? {} : { partial: { start, length: length ?? Infinity } }),
    }, wire)
  }))
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (soup) => {
    const found = parseMessageUrl(soup)
    return found === undefined || Number.isInteger(found.uid)
  }))
  const long = `/${';UIDVALIDITY=1'.repeat(500)}`
  t.equal(parseMessageUrl(long), undefined, 'a long one costs little')
})
