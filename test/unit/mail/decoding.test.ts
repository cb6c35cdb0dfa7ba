// Encoded-words, charsets, transfer encodings, and the comparison keys of texts.

import { Buffer } from 'node:buffer'
import t from 'tap'
import { casemap } from '../../../actors/mail/casemap.ts'
import { charsetDecoder, decodeCharset, isKnownCharset } from '../../../actors/mail/charset.ts'
import { decodeEncodedWords } from '../../../actors/mail/encoded-words.ts'
import { LineEndings } from '../../../actors/mail/line-endings.ts'
import { transferDecoder } from '../../../actors/mail/transfer-encoding.ts'
import { UndeclaredDecoder } from '../../../actors/mail/undeclared-charset.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

void t.test('encoded-words', async (t) => {
  for (const [value, expected] of [
    ['plain', 'plain'],
    ['=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>', 'Keith Moore <moore@cs.utk.edu>'],
    ['=?ISO-8859-1?Q?Andr=E9?= Pirard', 'Andr\u00e9 Pirard'],
    ['=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=', 'If you can read this you understand the example.'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['=?ISO-8859-1?Q?a?= b', 'a b'],
    ['=?ISO-8859-1?Q?a_b?=', 'a b'],
    ['=?utf-8?B?4oI=?= =?utf-8?B?rA==?=', '\u20ac', 'a letter cut in two'],
    ['=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=', 'Gr\u00fc\u00dfe'],
    ['=?iso-2022-jp?B?GyRCJDMkcyRLJEEkTxsoQg==?=', '\u3053\u3093\u306b\u3061\u306f'],
    ['=?x-unknown?Q?=E4?=', '\u00e4'],
    ['=?utf-8?X?abc?=', '=?utf-8?X?abc?='],
    ['=?utf-8?Q?never closed', '=?utf-8?Q?never closed'],
    ['=?utf-8?Q?=ZZ?=', '=ZZ'],
    ['=?utf-8?Q??=x', 'x'],
    ['raw \xc3\xa4', 'raw \u00e4'],
    ['raw \xe4', 'raw \u00e4'],
    ['both \xe4 \xc3\xa4 \xed\xa0\x80', 'both \u00e4 \u00e4 \u00ed\u00a0\u20ac'],
    ['\xc3\xa4 =?utf-8?Q?=C3=B6?= \xfc', '\u00e4 \u00f6 \u00fc'],
  ] as const) t.equal(decodeEncodedWords(value), expected, value)
})

void t.test('charsets', async (t) => {
  for (const [charset, bytes, expected] of [
    ['UTF-8', 'K\xc3\xb6ln', 'K\u00f6ln'], ['iso-8859-15', '\xa4', '\u20ac'], ['latin1', '\xe4', '\u00e4'], ['CP1252', '\x80', '\u20ac'],
    ['koi8-r', '\xf0', '\u041f'], ['Shift_JIS', '\x82\xa0', '\u3042'], ['cp932', '\x82\xa0', '\u3042'], ['gb2312', '\xc4\xe3', '\u4f60'],
    ['big5', '\xa7\x41', '\u4f60'], ['euc-kr', '\xb0\xa1', '\uac00'], ['utf-16le', 'a\0', 'a'], ['unicode-1-1-utf-7', 'Hi Mom +Jjo-!', 'Hi Mom \u263a!'],
    ['utf-7', 'A+ImIDkQ.', 'A\u2262\u0391.'], ['UTF-7', '1 +- 1 +2D3eAQ-', '1 + 1 \u{1f601}'], ['utf-8', '\xff', '\ufffd'],
  ] as const) t.equal(decodeCharset(charset, latin1(bytes)), expected, charset)
  t.equal(decodeCharset('x-none', latin1('x')), undefined)
  t.equal(isKnownCharset('x-none'), false)
  t.equal(isKnownCharset('US-ASCII'), true)
  t.equal(isKnownCharset(''), false)
})

void t.test('letters cut by chunks', async (t) => {
  for (const [charset, bytes, expected] of [
    ['utf-8', 'a\xe2\x82\xacb', 'a\u20acb'], ['utf-7', 'x+2D3eAQ-y', 'x\u{1f601}y'], ['iso-2022-jp', '\x1b$B$3$s\x1b(B!', '\u3053\u3093!'],
  ] as const) {
    const decoder = charsetDecoder(charset)!
    let text = ''
    for (const byte of latin1(bytes)) text += decoder.push(Uint8Array.of(byte))
    t.equal(text + decoder.finish(), expected, charset)
  }
  const undeclared = new UndeclaredDecoder()
  let text = ''
  for (const byte of latin1('a\xf0\x9f\x98\x81b\xe4c\xe2\x82')) text += undeclared.push(Uint8Array.of(byte))
  t.equal(text + undeclared.finish(), 'a\u{1f601}b\u00e4c\u00e2\u201a')
})

void t.test('transfer encodings, whatever the chunks', async (t) => {
  for (const [encoding, bytes, expected] of [
    ['7bit', 'a=41', 'a=41'],
    ['base64', 'SGVsbG8=', 'Hello'], ['base64', 'SGVs\r\nbG8', 'Hello'], ['base64', 'SGVs!!bG8=\r\n', 'Hello'], ['base64', 'SA==SA==', 'HH'], ['base64', '', ''],
    ['base64', 'S', ''],
    ['quoted-printable', 'a=3Db', 'a=b'], ['quoted-printable', 'soft=\r\nbreak', 'softbreak'], ['quoted-printable', 'soft=  \r\nbreak', 'softbreak'],
    ['quoted-printable', 'trailing \t\r\nspace ', 'trailing\r\nspace'], ['quoted-printable', 'in  side', 'in  side'],
    ['quoted-printable', 'bad =ZZ =4 =', 'bad =ZZ =4 '], ['quoted-printable', '=e4=E4', '\xe4\xe4'], ['quoted-printable', 'lf =\nx \ny', 'lf x\ny'],
    ['quoted-printable', 'cr \rx', 'cr \rx'],
  ] as const) {
    const once = transferDecoder(encoding)!
    t.equal(Buffer.concat([once.push(latin1(bytes)), once.finish()]).toString('latin1'), expected, `${encoding} ${JSON.stringify(bytes)}`)
    const bytewise = transferDecoder(encoding)!
    const pieces = [...latin1(bytes)].map((byte) => Buffer.from(bytewise.push(Uint8Array.of(byte))))
    t.equal(Buffer.concat([...pieces, bytewise.finish()]).toString('latin1'), expected, 'byte by byte')
  }
  t.equal(transferDecoder('x-uuencode'), undefined)
})

void t.test('comparison keys', async (t) => {
  for (const [a, b] of [
    ['Hello', 'hELLO'], ['\u00e4', '\u00c4'], ['\u00e4', 'a\u0308'], ['\u0436', '\u0416'], ['\u03c3', '\u03c2'], ['\u01c6', '\u01c4'], ['\u01c5', '\u01c4'],
    ['\u212b', '\u00e5'], ['\uff21', 'a'],
  ]) t.equal(casemap(a!), casemap(b!), `${a} ${b}`)
  t.not(casemap('ss'), casemap('\u00df'), 'simple mapping only')
  t.not(casemap('a'), casemap('\u00e4'))
})

void t.test('line endings', async (t) => {
  const normalise = (...chunks: string[]): string => {
    const lines = new LineEndings()
    return chunks.map((chunk) => Buffer.from(lines.push(latin1(chunk))).toString('latin1')).join('')
  }
  t.equal(normalise('a\nb\r\nc\rd\n\n'), 'a\r\nb\r\nc\rd\r\n\r\n')
  t.equal(normalise('a\r', '\nb', '\n', '\r', '\r', '\n', '\n'), 'a\r\nb\r\n\r\r\n\r\n')
  const clean = latin1('a\r\nb\rc\r\n')
  t.equal(new LineEndings().push(clean), clean, 'no copy where nothing changes')
})
