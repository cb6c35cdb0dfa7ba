// Values of header fields: what is written parses to what was meant; nothing fails on noise; chunks do not matter.

import { Buffer } from 'node:buffer'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { formatAddressList, parseAddressList } from '../../../actors/mail/address.ts'
import { casemap } from '../../../actors/mail/casemap.ts'
import { parseContentType } from '../../../actors/mail/content-fields.ts'
import { formatDate, parseDate } from '../../../actors/mail/date.ts'
import { decodeEncodedWords } from '../../../actors/mail/encoded-words.ts'
import { FieldNames, selectFields } from '../../../actors/mail/field-names.ts'
import { headerFields } from '../../../actors/mail/headers.ts'
import { LineEndings } from '../../../actors/mail/line-endings.ts'
import { decodeParams } from '../../../actors/mail/parameters.ts'
import { Base64Decoder, QuotedPrintableDecoder } from '../../../actors/mail/transfer-encoding.ts'
import type { Address } from '../../../actors/mail/types.ts'
import { cut, mailSoup } from './mail-arbitrary.ts'

const text = (minLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'ab. ,;:@<>()[]"\\=?\xe4\xff'), minLength, maxLength: 12 })

/** As a quoted string can hold it and a reader gives it back: no white space at the ends that only folding could have put there. */
const name = text(1)
const domain = fc.array(fc.string({ unit: fc.constantFrom(...'ab1-'), minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'))
const mailbox: fc.Arbitrary<Address> = fc.record({ name, mailbox: text(1), host: domain, route: domain.map((host) => `@${host}`) }, { requiredKeys: ['mailbox', 'host'], noNullPrototype: true })
const group = fc.record({ mailbox: text(1), members: fc.array(mailbox, { maxLength: 3 }) }).map(({ mailbox, members }) => [{ mailbox }, ...members, {}])
const list = fc.array(fc.oneof(mailbox.map((one): Address[] => [one]), group), { maxLength: 5 }).map((parts) => parts.flat())

void t.test('addresses: parse of format', async (t) => {
  fc.assert(fc.property(list, (addresses) => isDeepStrictEqual(parseAddressList(formatAddressList(addresses)), addresses)), { numRuns: 2000 })
  t.pass('2000 lists')
})

void t.test('dates: parse of format', async (t) => {
  const date = fc.record({ unixSeconds: fc.integer({ min: -62e8, max: 2e11 }), zoneMinutes: fc.integer({ min: -1439, max: 1439 }) }, { noNullPrototype: true })
  fc.assert(fc.property(date, (one) => isDeepStrictEqual(parseDate(formatDate(one)), one)), { numRuns: 2000 })
  t.pass('2000 dates')
})

void t.test('noise is parsed to something, and does not throw', async (t) => {
  fc.assert(fc.property(fc.oneof(text(0), fc.string({ unit: 'binary', maxLength: 40 })), (value) => {
    for (const address of parseAddressList(value)) if (address.host !== undefined && !address.mailbox) return false
    parseDate(value)
    decodeEncodedWords(`=?utf-8?${value}?=`)
    decodeParams(parseContentType(`a/b; ${value}`)?.params ?? [])
    return true
  }), { numRuns: 1000 })
  t.pass('1000 values')
})

void t.test('raw fields are the whole header; choosing splits it in two', async (t) => {
  fc.assert(fc.property(mailSoup, (block) => {
    const raws = [...headerFields(block)].map(({ raw }) => Buffer.from(raw).toString('latin1'))
    if (!block.toString('latin1').startsWith(raws.join(''))) return false
    const names = ['subject', 'Content-Type']
    return selectFields(block, new FieldNames(names)).length + selectFields(block, new FieldNames(names), { except: true }).length === raws.join('').length
  }), { numRuns: 1000 })
  t.pass('1000 headers')
})

void t.test('line endings: as a replacement over the whole', async (t) => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('\r', '\n', 'a'), maxLength: 30 }), fc.array(fc.nat(), { maxLength: 8 }), (value, places) => {
    const lines = new LineEndings()
    const pieces = cut(Buffer.from(value), places).map((chunk) => Buffer.from(lines.push(chunk)))
    return Buffer.concat(pieces).toString() === value.replace(/(?<!\r)\n/g, '\r\n')
  }), { numRuns: 2000 })
  t.pass('2000 texts')
})

const quotedPrintable = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => (byte > 32 && byte < 127 && byte !== 61 ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('').replace(/.{60}/g, '$&=\r\n')
    // A soft break may not cut an escape.
    .replace(/=([0-9A-F]?)=\r\n([0-9A-F]{1,2})/g, '=$1$2=\r\n')

void t.test('transfer encodings: decode of encode, whatever the chunks', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(), { maxLength: 10 }), (bytes, places) => {
    const base64 = Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\r\n')
    for (const [decoder, encoded] of [[new Base64Decoder(), base64], [new QuotedPrintableDecoder(), quotedPrintable(bytes)]] as const) {
      const pieces = cut(Buffer.from(encoded), places).map((chunk) => Buffer.from(decoder.push(chunk)))
      if (!Buffer.concat([...pieces, decoder.finish()]).equals(bytes)) return false
    }
    return true
  }), { numRuns: 2000 })
  t.pass('2000 bodies')
})

void t.test('comparison keys: of a whole the sum of its pieces', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (a, b) => casemap(a + b) === casemap(a) + casemap(b)), { numRuns: 1000 })
  t.pass('1000 texts')
})
