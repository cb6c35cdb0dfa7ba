// Sections, checked against what Dovecot 2.3.19 answers for the same mails.

import t from 'tap'
import fc from 'fast-check'
import { Buffer } from 'node:buffer'
import fetch from '../../../actors/session/imap/commands/fetch.ts'
import { parsePartial, parseSection, sectionLabel } from '../../../actors/session/imap/fetch/section.ts'
import type { Section } from '../../../actors/session/imap/fetch/section.ts'
import { Parser } from '../../../actors/session/imap/grammar.ts'
import { limits } from '../../../runtime/limits.ts'
import { bench } from '../../fixtures/imap-command.ts'
import { ModelMails } from '../../fixtures/model-mails.ts'
import { mails } from './mails.ts'

function mailbox(): ModelMails {
  const mailbox = new ModelMails()
  for (const mail of mails) mailbox.put(mail)
  return mailbox
}

const literal = (text: string): string => `{${text.length}}\r\n${text}`
const crlf = (text: string): string => text.replaceAll('\n', '\r\n')

// Without the line break before `--outer--`, which is the boundary's (RFC 2046 §5.1.1); Dovecot has it in.
const inner = crlf(`From: Inner <inner@example.org>
To: x@y
Subject: inner subject
Date: Tue, 8 Feb 1994 21:52:25 -0800
Content-Type: multipart/mixed; boundary=in2

--in2

part one of inner
--in2
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAAA
--in2--
`).slice(0, -2)
const innerHeader = inner.slice(0, inner.indexOf('\r\n\r\n') + 4)

/** Message number, what is asked, name in the answer, bytes. */
const cases: readonly [number, string, string, string][] = [
  [1, 'BODY.PEEK[]<10.5>', 'BODY[]<10>', 'e Exa'],
  [1, 'BODY.PEEK[]<1000.5>', 'BODY[]<1000>', ''],
  [1, 'BODY.PEEK[]<0.0>', 'BODY[]<0>', ''],
  [1, 'BODY.PEEK[HEADER.FIELDS (from SUBJECT x-none)]', 'BODY[HEADER.FIELDS (FROM SUBJECT X-NONE)]', crlf('From: Alice Example <alice@example.org>\nSubject: Hello\n\n')],
  [1, 'BODY.PEEK[HEADER.FIELDS.NOT (from SUBJECT)]<5.10>', 'BODY[HEADER.FIELDS.NOT (FROM SUBJECT)]<5>', 'ob@example'],
  [1, 'BODY.PEEK[1]', 'BODY[1]', crlf('Line one\nLine two\n')],
  [1, 'BODY.PEEK[1.MIME]', 'BODY[1.MIME]', crlf(mails[0]!.slice(0, mails[0]!.indexOf('\n\n') + 2))],
  [1, 'BODY.PEEK[2]', 'BODY[2]', ''],
  [1, 'BODY.PEEK[1.1]', 'BODY[1.1]', ''],
  [1, 'BODY.PEEK[1.HEADER]', 'BODY[1.HEADER]', ''],
  [1, 'RFC822.TEXT', 'RFC822.TEXT', crlf('Line one\nLine two\n')],
  [1, 'RFC822.HEADER', 'RFC822.HEADER', crlf(mails[0]!.slice(0, mails[0]!.indexOf('\n\n') + 2))],
  [1, 'RFC822', 'RFC822', crlf(mails[0]!)],
  [3, 'BODY.PEEK[2.TEXT]', 'BODY[2.TEXT]', ''],
  [3, 'BODY.PEEK[1]', 'BODY[1]', crlf('plain\ntwo')],
  [4, 'BODY.PEEK[2.HEADER]', 'BODY[2.HEADER]', innerHeader],
  [4, 'BODY.PEEK[2.HEADER.FIELDS (SUBJECT)]', 'BODY[2.HEADER.FIELDS (SUBJECT)]', crlf('Subject: inner subject\n\n')],
  [4, 'BODY.PEEK[2.MIME]', 'BODY[2.MIME]', crlf('Content-Type: message/rfc822\nContent-Disposition: inline\n\n')],
  [4, 'BODY.PEEK[2.TEXT]', 'BODY[2.TEXT]', inner.slice(innerHeader.length)],
  [4, 'BODY.PEEK[2]', 'BODY[2]', inner],
  [4, 'BODY.PEEK[2.1]', 'BODY[2.1]', 'part one of inner'],
  [4, 'BODY.PEEK[2.1.MIME]', 'BODY[2.1.MIME]', '\r\n'],
  [4, 'BODY.PEEK[1.2]', 'BODY[1.2]', 'aGVsbG8gd29ybGQ='],
  [4, 'BODY.PEEK[1.HEADER]', 'BODY[1.HEADER]', ''],
  [4, 'BODY.PEEK[9.MIME]', 'BODY[9.MIME]', ''],
  [10, 'BODY.PEEK[1]', 'BODY[1]', crlf('Subject: in\nContent-Type: text/plain\n\ntext\n')],
  [10, 'BODY.PEEK[1.HEADER]', 'BODY[1.HEADER]', crlf('Subject: in\nContent-Type: text/plain\n\n')],
  [10, 'BODY.PEEK[1.1]', 'BODY[1.1]', 'text\r\n'],
  [10, 'BODY.PEEK[1.TEXT]', 'BODY[1.TEXT]', 'text\r\n'],
  [10, 'BODY.PEEK[1.1.MIME]', 'BODY[1.1.MIME]', crlf('Subject: in\nContent-Type: text/plain\n\n')],
  [5, 'BODY.PEEK[HEADER]', 'BODY[HEADER]', '\r\n'],
  [6, 'BODY.PEEK[HEADER]', 'BODY[HEADER]', 'Subject: no body\r\n'],
  [6, 'BODY.PEEK[TEXT]', 'BODY[TEXT]', ''],
  [9, 'BODY.PEEK[1]', 'BODY[1]', ''],
  [11, 'BODY.PEEK[1.HEADER.FIELDS (SUBJECT)]', 'BODY[1.HEADER.FIELDS (SUBJECT)]', crlf('Subject: d1\n\n')],
  [11, 'BODY.PEEK[1.1]', 'BODY[1.1]', 'one'],
]

t.test('each section is the bytes it names', async (t) => {
  const { say } = bench(mailbox(), fetch)
  for (const [seq, asked, label, bytes] of cases) {
    t.equal(await say(`FETCH ${seq} ${asked}`), `* ${seq} FETCH (${label} ${literal(bytes)})\r\nOK Fetch completed`, `${seq} ${asked}`)
  }
})

t.test('field names keep their bytes: only ASCII has capitals here', async (t) => {
  const model = new ModelMails()
  model.put('Subject: x\n\ntext')
  t.equal(await bench(model, fetch).say(Buffer.from('FETCH 1 BODY.PEEK[HEADER.FIELDS ("\xff\xb5\xdf" subject)]', 'latin1')),
    '* 1 FETCH (BODY[HEADER.FIELDS ({3}\r\n\xff\xb5\xdf SUBJECT)] {14}\r\nSubject: x\r\n\r\n)\r\nOK Fetch completed')
})

t.test('the deepest part that there can be has a section', async (t) => {
  const model = new ModelMails()
  model.put(`${'Content-Type: message/rfc822\n\n'.repeat(limits.mimeDepth)}Subject: deepest\n\ntext`)
  const path = Array(limits.mimeDepth + 1).fill('1').join('.')
  const { say } = bench(model, fetch)
  t.equal(await say(`FETCH 1 BODY.PEEK[${path}]`), `* 1 FETCH (BODY[${path}] {4}\r\ntext)\r\nOK Fetch completed`)
  t.equal(await say(`FETCH 1 BODY.PEEK[${path.slice(2)}.HEADER]`), `* 1 FETCH (BODY[${path.slice(2)}.HEADER] {20}\r\nSubject: deepest\r\n\r\n)\r\nOK Fetch completed`)
})

t.test('what is no section is BAD', async (t) => {
  const { say } = bench(mailbox(), fetch)
  for (const bad of [
    'BODY.PEEK', 'BODY[MIME]', 'BODY[0]', 'BODY[1.]', 'BODY[HEADER.FIELDS ()]', 'BODY[FOO]', 'BODY[TEXT', 'BODY[]<x>', 'BODY[]<1', 'BODY[1.2.FOO]',
    'FOO', '()', '(FAST)', '(UID FULL)', '(UID', 'UID FLAGS', '', 'BODY[4294967296]',
  ]) t.match(await say(`FETCH 1 ${bad}`), /^BAD /, bad)
})

t.test('the name of a section parses to the section', async () => {
  const field = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom(...'ABXZ-09" ()\\{}') })
  const section = fc.record({
    part: fc.array(fc.integer({ min: 1, max: 4_294_967_295 }), { maxLength: 5 }),
    text: fc.constantFrom('', 'HEADER', 'HEADER.FIELDS', 'HEADER.FIELDS.NOT', 'TEXT', 'MIME'),
    fields: fc.array(field, { minLength: 1, maxLength: 4 }),
  }).filter(({ part, text }) => text !== 'MIME' || part.length > 0)
    .map((s) => ({ ...s, fields: s.text.startsWith('HEADER.') ? s.fields : [] }) as Section)
  fc.assert(fc.property(section, fc.option(fc.nat()), (section, start) => {
    const label = sectionLabel(section, start === null ? undefined : { start, length: 1 })
    const p = new Parser(Buffer.from(label.slice('BODY['.length), 'latin1'))
    const again = sectionLabel(parseSection(p), parsePartial(p))
    p.end()
    if (again !== label) throw new Error(`${label} became ${again}`)
  }))
})
