// Raw header fields: where they begin and end, their values, choosing some of them.

import { Buffer } from 'node:buffer'
import t from 'tap'
import { FieldNames, selectFields } from '../../../actors/mail/field-names.ts'
import { fieldValue, fieldValues, headerFields, unfold } from '../../../actors/mail/headers.ts'
import { envelopeFields } from '../../../actors/mail/envelope.ts'
import { crlf } from '../../fixtures/mails/mails.ts'

const block = crlf('Received: a\nSubject: one\n two\n\tthree \nreceived :  b\njunk line\nX-Nul: a\0b\nTo:\n x@y\nEmpty:\n\nBody: none\n')

void t.test('fields with their folding, up to the empty line', async (t) => {
  t.same([...headerFields(block)].map(({ name, raw }) => [name, Buffer.from(raw).toString()]), [
    ['Received', 'Received: a\r\n'], ['Subject', 'Subject: one\r\n two\r\n\tthree \r\n'], ['received', 'received :  b\r\n'],
    ['', 'junk line\r\n'], ['X-Nul', 'X-Nul: a\0b\r\n'], ['To', 'To:\r\n x@y\r\n'], ['Empty', 'Empty:\r\n'],
  ])
  t.same([...headerFields(Buffer.from('A: b'))].map(({ raw }) => Buffer.from(raw).toString()), ['A: b'], 'without a line break at the end')
  t.same([...headerFields(Buffer.from(''))], [])
  t.same([...headerFields(crlf(':x\n From: y\n'))].map(({ name }) => name), [''], 'no name, and a fold of it')
})

void t.test('values', async (t) => {
  t.equal(fieldValue(block, 'SUBJECT'), 'one two three')
  t.same(fieldValues(block, 'Received'), ['a', 'b'])
  t.equal(fieldValue(block, 'to'), 'x@y')
  t.equal(fieldValue(block, 'empty'), '')
  t.equal(fieldValue(block, 'body'), undefined)
  t.equal(fieldValue(block, 'x-nul'), 'a\x80b', 'NUL as Dovecot shows it')
  t.equal(fieldValue(Buffer.from('Subject: voil\u00e0'), 'subject'), 'voil\xc3\xa0', 'a byte string; A0 at the end is no white space')
  t.equal(unfold(' a\r\n b\n\tc '), 'a b c')
  t.equal(unfold(' a\tb\r\n  \r\n \t c\rd\r\re\r\n'), 'a\tb c d e', 'as Dovecot: a fold is one space, and so is a bare CR')
})

void t.test('some fields, or all but some', async (t) => {
  const chosen = (names: string[], except = false): string => Buffer.from(selectFields(block, new FieldNames(names), { except })).toString()
  t.equal(chosen(['subject', 'EMPTY', 'none']), 'Subject: one\r\n two\r\n\tthree \r\nEmpty:\r\n')
  t.equal(chosen([]), '')
  t.equal(chosen(['received', 'subject', 'x-nul', 'to'], true), 'junk line\r\nEmpty:\r\n')
})

void t.test('the envelope: repeated addresses are one list, of others the first counts', async (t) => {
  t.same(envelopeFields(crlf('From: a@b\nFROM: c@d\nSubject: one\nSubject: two\nreply-to: r@s\nDate: now\nX: y\n')),
    { from: 'a@b, c@d', subject: 'one', replyTo: 'r@s', date: 'now' })
})
