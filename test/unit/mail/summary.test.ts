// The stored form of a summary, and what it says of its header.

import { Buffer } from 'node:buffer'
import t from 'tap'
import { Bug } from '../../../runtime/errors.ts'
import { coversFields, decodeSummary, encodeSummary, prependHeader } from '../../../actors/mail/summary.ts'
import { crlf, parse, sample } from '../../fixtures/mails/mails.ts'

void t.test('garbage is told as such', async (t) => {
  const good = encodeSummary(parse(sample('forwarded')))
  for (const [what, bytes] of [
    ['nothing', new Uint8Array(0)], ['another version', Buffer.concat([Uint8Array.of(99), good.subarray(1)])],
    ['cut off', good.subarray(0, good.length - 1)], ['too long', Buffer.concat([good, Uint8Array.of(0)])],
    ['a huge number', Uint8Array.of(1, ...new Array(20).fill(255))], ['a huge length', Uint8Array.of(1, 1, 255, 255, 255, 255, 15)],
  ] as const) t.throws(() => decodeSummary(bytes), { name: new Bug('').name, message: /not an encoded summary/ }, what)
  for (let length = 0; length < good.length; length++) {
    t.throws(() => decodeSummary(good.subarray(0, length)), { message: /not an encoded summary/ })
  }
})

void t.test('it is compact', async (t) => {
  t.ok(encodeSummary(parse(sample('plain'))).length < 320)
})

void t.test('large messages', async (t) => {
  const summary = parse(crlf('A: b\n\nc'))
  summary.size = 5 * 2 ** 40
  summary.root.bodySize = 2 ** 49
  t.same(decodeSummary(encodeSummary(summary)), summary)
})

void t.test('which fields the kept header answers for', async (t) => {
  const summary = parse(crlf('Received: x\nSubject: s\n\n'))
  t.equal(coversFields(summary, ['Subject', 'To']), true)
  t.equal(coversFields(summary, ['subject', 'RECEIVED']), false)
  t.equal(coversFields({ ...summary, omitted: ['*'] }, ['subject']), false)
})

void t.test('a header in front moves all parts', async (t) => {
  const message = sample('forwarded')
  const prefix = crlf('Return-Path: <a@b>\nReceived: by c\n')
  t.same(prependHeader(parse(message), prefix), parse(Buffer.concat([prefix, message])))
  t.equal(parse(message).root.parts![0]!.headerOffset, message.indexOf('--xx\r\n') + 6, 'the summary given is left alone')
})

void t.test('with and without a preview; as it was stored before there were previews', async (t) => {
  const summary = parse(sample('forwarded'))
  const bytes = encodeSummary(summary)
  t.same(decodeSummary(bytes), summary)
  t.same(decodeSummary(encodeSummary({ ...summary, preview: 'Grüße €' })), { ...summary, preview: 'Grüße €' })
  t.same([bytes[0], bytes.at(-1)], [2, 0])
  t.same(decodeSummary(Buffer.concat([Uint8Array.of(1), bytes.subarray(1, -1)])), summary)
})
