// What is encoded is parsed to the same value, and everything is parsed or refused: nothing else happens.

import t from 'tap'
import { appendSegment } from '../../../actors/session/imap/append-arguments.ts'
import fc from 'fast-check'
import { Buffer } from 'node:buffer'
import * as encode from '../../../actors/session/imap/encode.ts'
import { NeedsLiteral, ParseError, Parser } from '../../../actors/session/imap/grammar.ts'
import { decodeMailboxName, encodeMailboxName } from '../../../actors/session/imap/mailbox-name.ts'
import { No } from '../../../actors/session/imap/result.ts'
import { SequenceSet, Star } from '../../../actors/session/imap/sequence-set.ts'
import { Framer } from '../../../actors/session/framer.ts'

/** The parser over an encoded (Latin-1) string, which must be consumed whole. */
function parsed<T>(wire: string, parse: (p: Parser) => T): T {
  const p = new Parser(Buffer.from(wire, 'latin1'))
  const value = parse(p)
  p.end()
  return value
}

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map((s) => s.toWellFormed()).filter((s) => !s.includes('\0'))
const textWithoutNul = fc.string({ unit: 'binary', maxLength: 200 }).map((s) => s.toWellFormed().replaceAll('\0', ''))
const bytesWithoutNul = fc.uint8Array({ maxLength: 100 }).map((b) => b.map((x) => x || 1))
const number = fc.integer({ min: 1, max: 0xffff_ffff })
const numberOrStar = fc.oneof({ arbitrary: number, weight: 5 }, fc.constant(Star))
const keyword = fc.stringMatching(/^[$A-Za-z0-9_-]{1,20}$/).filter((k) => !k.startsWith('\\'))

t.test('mailbox names', async () => {
  fc.assert(fc.property(name, (value) => decodeMailboxName(encodeMailboxName(value)) === value))
  fc.assert(fc.property(name, (value) => {
    const wanted = value.toUpperCase() === 'INBOX' ? 'INBOX' : value
    return parsed(encode.mailbox(value), (p) => p.mailbox()) === wanted
  }))
})

t.test('no two spellings are one mailbox', async () => {
  const spelling = fc.stringMatching(/^[&A-Za-z0-9+,-]{0,12}$/)
  fc.assert(fc.property(spelling, (wire) => {
    const value = decodeMailboxName(wire)
    return value === undefined || encodeMailboxName(value) === wire
  }), { numRuns: 2000 })
})

t.test('strings', async () => {
  fc.assert(fc.property(textWithoutNul, (value) => parsed(encode.string(encode.utf8(value)), (p) => p.string()) === value))
  fc.assert(fc.property(textWithoutNul, (value) => parsed(encode.astring(encode.utf8(value)), (p) => p.astring()) === value))
  fc.assert(fc.property(fc.option(textWithoutNul, { nil: undefined }), (value) =>
    parsed(encode.nstring(value === undefined ? undefined : encode.utf8(value)), (p) => p.nstring()) === value))
  fc.assert(fc.property(bytesWithoutNul, (value) =>
    Buffer.from(parsed(encode.string(encode.latin1(value)), (p) => p.stringBytes())).equals(Buffer.from(value))))
})

t.test('sequence sets', async () => {
  const set = fc.array(fc.record({ first: numberOrStar, last: numberOrStar }), { minLength: 1, maxLength: 20 }).map((r) => new SequenceSet(r))
  fc.assert(fc.property(set, (value) => {
    const back = parsed(value.toString(), (p) => p.sequenceSet())
    return JSON.stringify(back.ranges) === JSON.stringify(value.ranges)
  }))
  fc.assert(fc.property(set, number, fc.integer({ min: 1, max: 50 }), (value, n, largest) => {
    const resolved = value.resolve(largest)
    const within = (m: number): boolean => resolved.some(({ first, last }) => m >= first && m <= last)
    const apart = resolved.every(({ first, last }, i) => first <= last && (i === 0 || first > resolved[i - 1]!.last + 1))
    return apart && [n, largest, 1].every((m) => within(m) === value.has(m, largest))
  }))
  fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 60 })), (numbers) => {
    const ascending = [...numbers].sort((a, b) => a - b)
    const back = SequenceSet.of(ascending).ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i))
    return JSON.stringify(back) === JSON.stringify(ascending)
  }))
})

t.test('flags and dates', async () => {
  const keywords = fc.uniqueArray(keyword, { maxLength: 6, selector: (k) => k.toLowerCase() })
  fc.assert(fc.property(fc.integer({ min: 0, max: 31 }), keywords, (system, names) => {
    const back = parsed(encode.flags(system, names), (p) => p.flagList())
    return back.system === system && JSON.stringify(back.keywords) === JSON.stringify(names)
  }))
  fc.assert(fc.property(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), (seconds) =>
    parsed(encode.dateTime(seconds), (p) => p.dateTime()) === seconds))
})

t.test('any bytes are parsed or refused', async () => {
  const soup = fc.stringMatching(/^[ ()"\\{}+~0-9:,*%NILa-z&\r\n\0-]{0,40}$/)
  const rules: ((p: Parser) => unknown)[] = [
    (p) => p.astring(), (p) => p.nstring(), (p) => p.mailbox(), (p) => p.listMailbox(), (p) => p.sequenceSet(), (p) => p.flags(),
    (p) => p.dateTime(), (p) => appendSegment(p), (p) => p.list((q) => q.astring()), (p) => p.tag(),
  ]
  fc.assert(fc.property(soup, fc.nat(rules.length - 1), (wire, rule) => {
    try {
      parsed(wire, rules[rule]!)
    } catch (error) {
      if (!(error instanceof ParseError || error instanceof NeedsLiteral || error instanceof No)) throw error
    }
  }), { numRuns: 5000 })
})

t.test('commands come out of the framer as they went in, however they are cut', async () => {
  const command = fc.array(textWithoutNul.map((s) => encode.string(encode.utf8(s))), { minLength: 1, maxLength: 4 }).map((a) => `a X ${a.join(' ')}`)
  fc.assert(fc.property(fc.array(command, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(30), { minLength: 1 }), (commands, cuts) => {
    const framer = new Framer({ lineBytes: 10_000, swallowBytes: 1e9 })
    const wire = Buffer.from(commands.map((c) => `${c}\r\n`).join(''), 'latin1')
    const got: string[] = []
    for (let at = 0, i = 0; at < wire.length; i++) {
      const step = cuts[i % cuts.length]! + 1
      framer.push(wire.subarray(at, at + step))
      at += step
      for (let next = framer.next(); next !== undefined; next = framer.next()) {
        if (next.kind === 'literal') framer.collect()
        else if (next.kind === 'command') got.push(encode.latin1(next.bytes))
      }
    }
    return JSON.stringify(got) === JSON.stringify(commands)
  }))
})

t.test('mailbox names in UTF-8', async () => {
  const utf8 = { enabled: new Set(['IMAP4REV2']) }
  fc.assert(fc.property(name, (value) => {
    const p = new Parser(Buffer.from(encode.mailbox(value, utf8), 'latin1'), { utf8: true })
    const wanted = value.toUpperCase() === 'INBOX' ? 'INBOX' : value
    return p.mailbox() === wanted && p.atEnd
  }))
})
