// SEARCH TEXT and BODY over decoded messages.

import { Buffer } from 'node:buffer'
import t from 'tap'
import { TextSearch, searchMessage } from '../../../actors/mail/text-search.ts'
import type { Needle } from '../../../actors/mail/text-search.ts'
import { crlf, parse, sample } from '../../fixtures/mails/mails.ts'

const search = (message: Uint8Array, needles: Needle[], step = message.length): boolean[] => {
  const textSearch = new TextSearch(parse(message), needles)
  for (let at = 0; at < message.length; at += step) textSearch.push(message.subarray(at, at + step))
  return textSearch.finish()
}

const cases: [text: string, inText: boolean, inBody: boolean][] = [
  ['j\u00f6rg', true, false], ['J\u00d6RG <JOERG@example', true, false], ['\u043f\u0440\u0438\u0432\u0435\u0442', true, true],
  ['subject: \u041f\u0440\u0438', true, false], ['header-of-part', true, false], ['\u043f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!', true, true],
  ['preamble-word', false, false], ['hidden-word', false, false], ['epilogue-word', false, false], ['aGlkZGVu', false, false],
  ['\u00fcber ALL', true, true], ['hi mom \u263a-!', true, true], ['caf=c3=a9 is', true, true], ['absent', false, false], ['', true, true],
  ['!caf', false, false],
]

void t.test('what is found where, whatever the chunks', async (t) => {
  const message = sample('search')
  const needles = cases.flatMap(([text]): Needle[] => [{ text, where: 'TEXT' }, { text, where: 'BODY' }])
  const expected = cases.flatMap(([, inText, inBody]) => [inText, inBody])
  for (const step of [message.length, 1, 2, 3, 7, 64, 100]) t.same(search(message, needles, step), expected, `chunks of ${step}`)
})

void t.test('quoted-printable across a soft line break; a field across a fold', async (t) => {
  const message = sample('alternative-with-image')
  t.same(search(message, [{ text: 'ein langer satz', where: 'BODY' }, { text: 'GR\u00dc\u00dfE AUS K\u00d6LN', where: 'TEXT' }, { text: 'sch\u00f6nen gr\u00fc\u00dfe', where: 'BODY' }]), [true, true, false])
})

void t.test('BODY: what a reader sees, not the headers of parts', async (t) => {
  const message = crlf([
    'Subject: outer', 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=b', '', '--b', 'Content-Type: text/plain; name="file.txt"', '', 'words', '--b',
    'Content-Type: message/rfc822', '', 'Subject: forwarded', 'Content-Type: multipart/mixed; boundary=c', '', '--c', 'Content-Type: text/html', '', '<b>inner</b>', '--c--', '--b--', '',
  ].join('\n'))
  const found = search(message, ['outer', 'file.txt', 'plain', 'words', 'message/rfc822', 'forwarded', 'boundary=c', 'html', 'inner'].map((text) => ({ text, where: 'BODY' })))
  t.same(found, [false, false, false, true, false, true, true, false, true])
})

void t.test('8-bit text that claims to be ASCII', async (t) => {
  const message = crlf(Buffer.from('Content-Type: text/plain; charset=us-ascii\n\nna\u00efve\n'))
  t.same(search(message, [{ text: 'NA\u00cfVE', where: 'BODY' }], 1), [true])
})

void t.test('reads no further than needed', async (t) => {
  const message = crlf(`Subject: early\n\n${'line\n'.repeat(1000)}`)
  let read = 0
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < message.length; at += 100) {
      read++
      yield message.subarray(at, at + 100)
    }
  }
  t.same(await searchMessage(parse(message), chunks(), [{ text: 'early', where: 'TEXT' }]), [true])
  t.equal(read, 1)
  read = 0
  t.same(await searchMessage(parse(message), chunks(), [{ text: '', where: 'BODY' }]), [true])
  t.equal(read, 0)
  t.same(await searchMessage(parse(message), chunks(), [{ text: 'early', where: 'BODY' }, { text: 'e\r\nl', where: 'BODY' }]), [false, true])
})

void t.test('a header without end', async (t) => {
  const message = crlf(`X: ${'fill '.repeat(40_000)}needle\n folded-needle\n`)
  t.same(search(message, [{ text: 'needle', where: 'TEXT' }, { text: 'folded-needle', where: 'TEXT' }], 1000), [true, true])
})
