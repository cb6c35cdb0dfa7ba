// What is done at the bytes of plain header values is what is done with their strings: envelopes, searches, chosen fields.

import t from 'tap'
import fc from 'fast-check'
import { Buffer } from 'node:buffer'
import { isDeepStrictEqual } from 'node:util'
import { parseAddressList } from '../../../actors/mail/address.ts'
import { casemap } from '../../../actors/mail/casemap.ts'
import { parseDate } from '../../../actors/mail/date.ts'
import { decodeEncodedWords } from '../../../actors/mail/encoded-words.ts'
import { envelopeFields } from '../../../actors/mail/envelope.ts'
import { FieldSearch } from '../../../actors/mail/field-search.ts'
import { FieldNames, selectFields } from '../../../actors/mail/field-names.ts'
import { fieldValues, headerFields } from '../../../actors/mail/headers.ts'
import { firstMessageId, messageIds } from '../../../actors/mail/message-ids.ts'
import { AnswerBytes } from '../../../actors/session/imap/answer-bytes.ts'
import { encodeEnvelope } from '../../../actors/session/imap/encode-envelope.ts'
import { writeEnvelope } from '../../../actors/session/imap/write-envelope.ts'

const name = fc.constantFrom('Date', 'Subject', 'From', 'from', 'Sender', 'Reply-To', 'TO', 'Cc', 'Bcc', 'In-Reply-To', 'Message-ID', 'message-id', 'X-Other', 'From ', 'Fro')
const word = fc.constantFrom(
  'a', 'Ann', 'b.c', '"Q. Public"', '""', '"a\\"b"', '"x y"', '(note)', '=?utf-8?Q?J=C3=BCrgen?=', 'J\xfcrgen', '<', '>', '@', ',', ';', ':', '.', ' ', '  ', '\t', '\r\n ', '\0', '[1.2.3.4]',
  'ann@example.org', '<ann@example.org>', 'Ann Onymous <ann@example.org>', '"Ann" <ann@example.org>', ', ', 'friends: a@b, c@d;', 'a.@b', '@r:x@y', '"', '\\', '{3}', 'x'.repeat(1001),
)
const value = fc.oneof(
  fc.array(word, { maxLength: 6 }).map((words) => words.join('')),
  fc.array(fc.constantFrom('ann@example.org', '<a-b@c.d>', '"Ann" <ann@example.org>', 'Ann  O <ann@e>', 'Ann O <ann@e>', 'ann@e '), { minLength: 1, maxLength: 4 }).map((all) => all.join(', ')),
)
const field = fc.tuple(name, fc.constantFrom(':', ': ', ':\t', ' : ', ':  '), value, fc.constantFrom('\r\n', ' \r\n', '\n')).map((parts) => parts.join(''))
const block = fc.array(field, { maxLength: 8 }).map((fields) => Buffer.from(fields.join(''), 'latin1'))

t.test('an envelope', async (t) => {
  fc.assert(fc.property(block, (bytes) => {
    const out = new AnswerBytes(16)
    out.text('x')
    writeEnvelope(bytes, out)
    return Buffer.from(out.take()).toString('latin1') === `x${encodeEnvelope(envelopeFields(bytes))}`
  }), { numRuns: 5000 })
  t.pass('5000 blocks')
})

t.test('a search', async (t) => {
  const writtenOddly = /[(\\]|\s[.@]|[.@]\s/
  const key = fc.constantFrom('', 'a', 'ANN', 'ann@example', 'O <', ' ', 'j\xfcrgen', 'jürgen', 'q. public', '"', 'b, c', 'x y', '=?', 'note')
  fc.assert(fc.property(block, key, fc.constantFrom('from', 'subject', 'to', 'x-other'), fc.boolean(), (bytes, text, named, ofAddresses) => {
    const has = (one: string): boolean => casemap(decodeEncodedWords(one)).includes(casemap(text))
    const expected = fieldValues(bytes, named).some((one) => has(one) || (ofAddresses && writtenOddly.test(one)
      && has(parseAddressList(one).map(({ name = '', mailbox = '', host }) => (host === undefined ? mailbox : `${name} <${mailbox}@${host}>`)).join(', '))))
    return new FieldSearch(named, text, ofAddresses).finds(bytes) === expected
  }), { numRuns: 5000 })
  t.pass('5000 blocks')
})

t.test('chosen fields', async (t) => {
  const names = fc.array(fc.constantFrom('from', 'Subject', 'x-other', 'to ', '', 'nothing'), { maxLength: 4 })
  fc.assert(fc.property(block, names, fc.boolean(), (bytes, chosen, except) => {
    const wanted = new Set(chosen.map((one) => one.toLowerCase()))
    const expected = [...headerFields(bytes)].filter((one) => wanted.has(one.name.toLowerCase()) !== except && (except || one.name !== ''))
    return Buffer.concat(expected.map(({ raw }) => raw)).equals(selectFields(bytes, new FieldNames(chosen), { except }))
  }), { numRuns: 5000 })
  t.pass('5000 blocks')
})

t.test('dates: written as usual, or with a space behind, which takes the general way', async (t) => {
  const two = fc.integer({ min: 0, max: 66 }).map((n) => String(n).padStart(2, '0'))
  const date = fc.tuple(
    fc.constantFrom('Mon, ', 'Tue, ', '', 'xxx, ', 'Mon,', 'Monday, '), fc.oneof(fc.integer({ min: 0, max: 33 }).map(String), two), fc.constantFrom(' Jan ', ' Feb ', ' feb ', ' Apr ', ' Foo ', '-Dec-'),
    fc.constantFrom('2026', '2024', '1999', '0099', '99', '12026'), fc.constant(' '), two, fc.constant(':'), two, fc.constantFrom(':', '.'), two,
    fc.constantFrom(' +0100', ' -0530', ' +0000', ' -0000', ' GMT', ' +2400', ' +0199', ' +01:00', '', ' +0100 (CET)', ' *0100'),
  ).map((parts) => parts.join(''))
  fc.assert(fc.property(date, (one) => isDeepStrictEqual(parseDate(one), parseDate(`${one} `))), { numRuns: 20_000 })
  t.pass('20,000 dates')
})

t.test('Message-IDs', async (t) => {
  const piece = fc.constantFrom('<a@b>', '<a.1@b.c>', ' ', '\t', '<', '>', '@', 'x', '"q r"', '<"q r"@b>', '<"q"@b>', '<a @b>', '<@b>', '<a@>', '<a@b@c>', '<a@b"c>', '<\xa0a@b>', '\r\n', ',')
  const every = /<\s*("(?:[^"\\]|\\[^])*"|[^\s<>"@]+)\s*@\s*([^\s<>]+)\s*>/g
  const plain = (left: string): string => (left.startsWith('"') ? left.slice(1, -1).replace(/\\([^])/g, '$1') : left)
  fc.assert(fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
    const value = pieces.join('')
    const expected = Array.from(value.matchAll(every), ([, left, right]) => `${plain(left!)}@${right!}`)
    return isDeepStrictEqual(messageIds(value), expected) && firstMessageId(value) === expected[0]
  }), { numRuns: 20_000 })
  t.pass('20,000 values')
})
