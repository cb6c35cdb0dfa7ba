// The streaming parser: chunk borders do not matter, offsets are what the writer knows them to be, every byte has its place.

import { Buffer } from 'node:buffer'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { MessageParser } from '../../../actors/mail/message-parser.ts'
import { bodyRange, decodeSummary, encodeSummary, headerRange, prependHeader } from '../../../actors/mail/summary.ts'
import type { MimePart, Summary } from '../../../actors/mail/types.ts'
import { crlf, parse, sample, sampleNames } from '../../fixtures/mails/mails.ts'
import { cut, mailSoup, mailTree, writeMail } from './mail-arbitrary.ts'
import type { Place } from './mail-arbitrary.ts'

const parseCut = (message: Uint8Array, places: readonly number[]): Summary => {
  const parser = new MessageParser()
  for (const chunk of cut(message, places)) {
    const own = Buffer.from(chunk)
    parser.push(own)
    own.fill(0x2d)
  }
  return parser.finish()
}

const anyMail = fc.oneof(mailSoup, mailTree.map((tree) => writeMail(tree).bytes))

void t.test('any chunk borders give the same summary', async (t) => {
  fc.assert(fc.property(anyMail, fc.array(fc.nat(), { maxLength: 30 }), (message, places) =>
    isDeepStrictEqual(parseCut(message, places), parse(message))), { numRuns: 3000 })
  for (const name of sampleNames()) {
    const message = sample(name)
    t.same(parseCut(message, Array.from(message, (_, index) => index)), parse(message), `${name}, byte by byte`)
  }
})

const placeOf = (part: MimePart): Place => ({
  type: `${part.type}/${part.subtype}`, headerOffset: part.headerOffset, headerSize: part.headerSize,
  bodySize: part.bodySize, bodyLines: part.bodyLines, ...(part.parts && { parts: part.parts.map(placeOf) }),
})

void t.test('parts lie where they were written', async (t) => {
  fc.assert(fc.property(mailTree, (tree) => {
    const { bytes, root } = writeMail(tree)
    return isDeepStrictEqual(placeOf(parse(bytes).root), root)
  }), { numRuns: 3000 })
  t.pass('3000 trees')
})

const lineFeeds = (bytes: Uint8Array): number => bytes.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0)

/** Why the tree of a message is wrong, or undefined. */
const faultOf = (message: Buffer, part: MimePart): string | undefined => {
  const header = headerRange(part)
  const body = bodyRange(part)
  if (header.end !== body.start || body.end > message.length) return 'ranges'
  if (lineFeeds(message.subarray(body.start, body.end)) !== part.bodyLines) return 'lines'
  if (part.type === 'message' && part.parts !== undefined) {
    const [inner, ...others] = part.parts
    if (others.length > 0 || inner!.headerOffset !== body.start || bodyRange(inner!).end !== body.end) return 'embedded message'
  }
  let end = body.start
  for (const [index, child] of (part.parts ?? []).entries()) {
    if (child.headerOffset < end || bodyRange(child).end > body.end) return 'order'
    const between = message.subarray(end, child.headerOffset).toString('latin1')
    const delimiter = index === 0 ? /(^|\n)--[^\n]*\n$/ : /^(\r?\n)?--[^\n]*\n$/
    if (part.type === 'multipart' && (child.headerSize > 0 || child.bodySize > 0) && !delimiter.test(between)) return `between parts: ${JSON.stringify(between)}`
    end = bodyRange(child).end
  }
  return part.parts?.map((child) => faultOf(message, child)).find((fault) => fault !== undefined)
}

void t.test('every byte has its place', async (t) => {
  fc.assert(fc.property(anyMail, (message) => {
    const { root, size } = parse(message)
    const fault = faultOf(message, root)
    if (fault !== undefined) throw new Error(fault)
    return size === message.length && root.headerOffset === 0 && root.headerSize + root.bodySize === size
  }), { numRuns: 3000 })
  t.pass('3000 mails')
})

void t.test('decode of encode is the summary', async (t) => {
  fc.assert(fc.property(anyMail, (message) => {
    const summary = parse(message)
    return isDeepStrictEqual(decodeSummary(encodeSummary(summary)), summary)
  }), { numRuns: 1000 })
  for (const name of sampleNames()) t.same(decodeSummary(encodeSummary(parse(sample(name)))), parse(sample(name)), name)
})

void t.test('a header in front: as if it had been there', async (t) => {
  const prefix = crlf('Return-Path: <a@b>\nDelivered-To: c@d\nReceived: from e\n\tby f; Mon, 23 Nov 2026 21:06:00 +0100\n')
  fc.assert(fc.property(anyMail.filter((message) => !/^[ \t]/.test(message.toString('latin1'))), (message) =>
    isDeepStrictEqual(prependHeader(parse(message), prefix), parse(Buffer.concat([prefix, message])))), { numRuns: 1000 })
  t.pass('1000 mails')
})
