// ENVELOPE, BODY and BODYSTRUCTURE, checked against what Dovecot 2.3.19 answers for the same mails. Where the two differ only in
// spelling (quoted string or literal, letter case of a media type), Culver's own is written here.

import t from 'tap'
import fetch from '../../../actors/session/imap/commands/fetch.ts'
import { limits } from '../../../runtime/limits.ts'
import { bench } from '../../fixtures/imap-command.ts'
import { ModelMails } from '../../fixtures/model-mails.ts'
import { mails } from './mails.ts'

const from = (list: string): string => `(${list}) (${list}) (${list})`

const envelopes: readonly string[] = [
  `("Mon, 7 Feb 1994 21:52:25 -0800 (PST)" "Hello" ${from('("Alice Example" NIL "alice" "example.org")')} ((NIL NIL "bob" "example.com")) NIL NIL NIL "<B27397-0100000@example.org>")`,
  `("5 Jan 2020 10:00 GMT" "=?iso-8859-1?q?caf=E9?= and \\"quotes\\" \\\\ back" (("Quoted \\"Name\\" X" NIL "q" "example.org")(NIL NIL "second" "example.org")) (("=?utf-8?Q?S=C3=A4nder?=" NIL "s" "example.org")) (("Reply Comment" NIL "reply" "example.org")) ((NIL NIL "Group" NIL)(NIL NIL "a" "b.c")("D E" NIL "d" "e.f")(NIL NIL NIL NIL)(NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)) ((NIL "@route.example,@two" "cc" "example.org")(NIL NIL "broken" "MISSING_DOMAIN")) ((NIL NIL "bcc" "example.org")) "<x@y>" "<m@id>")`,
  `(NIL NIL ${from('(NIL NIL "a" "b")')} NIL NIL NIL NIL NIL)`,
  `(NIL "outer" ${from('(NIL NIL "a" "b")')} NIL NIL NIL NIL NIL)`,
  '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)',
  '(NIL "no body" NIL NIL NIL NIL NIL NIL NIL NIL)',
  // Of an open quote Dovecot keeps nothing.
  '("nonsense" "" NIL NIL NIL ((NIL NIL "unterminated <a@b>" "MISSING_DOMAIN")) NIL NIL NIL "")',
  `(NIL {11}\r\nraw \xc3\xa4 utf8 ${from('({4}\r\nJ\xf6rg NIL "j" "x")')} NIL NIL NIL NIL NIL)`,
  '(NIL "no parts" NIL NIL NIL NIL NIL NIL NIL NIL)',
  `(NIL NIL ${from('(NIL NIL "o" "o")')} NIL NIL NIL NIL NIL)`,
  `(NIL NIL ${from('(NIL NIL "o" "o")')} NIL NIL NIL NIL NIL)`,
  // Dovecot counts the lone comment as an address too.
  `(NIL {23}\r\nfolded subject\twith tab ${from('("A B" NIL "a" "b")(NIL NIL "c" "d")')} (("c (nested) d" NIL "a" "b")(NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN")) NIL NIL NIL NIL)`,
]

const ascii = '("charset" "us-ascii") NIL NIL "7bit"'
const none = 'NIL NIL NIL NIL'

const structures: readonly string[] = [
  `("text" "plain" ${ascii} 20 2 ${none})`,
  `("text" "plain" ${ascii} 1 0 ${none})`,
  `(("text" "plain" ("charset" "utf-8" "format" "flowed") NIL NIL "8bit" 10 1 ${none})("text" "html" ${ascii} 13 1 ${none}) "alternative" ("boundary" "b1" "charset" "utf-8") NIL NIL NIL)`,
  // Dovecot counts the line break before `--outer--` into the embedded multipart (278 bytes, 15 lines); RFC 2046 §5.1.1 does not.
  `((("text" "html" ("charset" "us-ascii") "<c1@x>" "an html part" "7bit" 8 0 "Q2hlY2sgSW50ZWdyaXR5IQ==" NIL ("en" "de") "http://example.org/")("image" "png" ("name" "a b.png") NIL NIL "base64" 16 NIL ("attachment" ("filename" "a b.png" "size" "12")) NIL NIL) "related" ("boundary" "inner") NIL NIL NIL)("message" "rfc822" NIL NIL NIL "7bit" 276 ("Tue, 8 Feb 1994 21:52:25 -0800" "inner subject" ${from('("Inner" NIL "inner" "example.org")')} ((NIL NIL "x" "y")) NIL NIL NIL NIL) (("text" "plain" ${ascii} 17 0 ${none})("application" "octet-stream" NIL NIL NIL "base64" 4 ${none}) "mixed" ("boundary" "in2") NIL NIL NIL) 14 NIL ("inline" NIL) NIL NIL) "mixed" ("boundary" "outer") NIL NIL NIL)`,
  `("text" "plain" ${ascii} 11 1 ${none})`,
  `("text" "plain" ${ascii} 0 0 ${none})`,
  // Dovecot shows the broken Content-Type as "text" "", and the empty Content-Disposition as ("" NIL).
  `("text" "plain" ${ascii} 3 1 ${none})`,
  `("text" "plain" ("charset" "x" "name*" "utf-8''%e2%82%ac") NIL NIL "7bit" 3 1 ${none})`,
  `(("text" "plain" ${ascii} 0 0 ${none}) "mixed" ("boundary" "zz") NIL NIL NIL)`,
  `("message" "rfc822" NIL NIL NIL "7bit" 47 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ${ascii} 6 1 ${none}) 4 ${none})`,
  `(("message" "rfc822" NIL NIL NIL "7bit" 31 (NIL "d1" ${from('(NIL NIL "one" "x")')} NIL NIL NIL NIL NIL) ("text" "plain" ${ascii} 3 0 ${none}) 3 ${none})("message" "rfc822" NIL NIL NIL "7bit" 18 (NIL NIL ${from('(NIL NIL "two" "x")')} NIL NIL NIL NIL NIL) ("text" "plain" ${ascii} 3 0 ${none}) 2 ${none}) "digest" ("boundary" "d") NIL NIL NIL)`,
  `("text" "plain" ("charset" "UTF-8" "x" "a\\"b") NIL NIL "7bit" 3 1 ${none})`,
]

function mailbox(): ModelMails {
  const mailbox = new ModelMails()
  for (const mail of mails) mailbox.put(mail)
  return mailbox
}

t.test('envelopes', async (t) => {
  const { say } = bench(mailbox(), fetch)
  for (const [i, envelope] of envelopes.entries()) {
    t.equal(await say(`FETCH ${i + 1} ENVELOPE`), `* ${i + 1} FETCH (ENVELOPE ${envelope})\r\nOK Fetch completed`)
  }
})

t.test('structures, with extension data and without', async (t) => {
  const { say } = bench(mailbox(), fetch)
  for (const [i, structure] of structures.entries()) {
    t.equal(await say(`FETCH ${i + 1} BODYSTRUCTURE`), `* ${i + 1} FETCH (BODYSTRUCTURE ${structure})\r\nOK Fetch completed`)
  }
  t.equal(await say('FETCH 1,3 BODY'), `* 1 FETCH (BODY ("text" "plain" ${ascii} 20 2))\r\n`
    + `* 3 FETCH (BODY (("text" "plain" ("charset" "utf-8" "format" "flowed") NIL NIL "8bit" 10 1)("text" "html" ${ascii} 13 1) "alternative"))\r\nOK Fetch completed`)
})

t.test('continued parameters are shown as one, after the others (RFC 2231 §6)', async (t) => {
  for (const [value, shown] of [
    ['name*0=abc; name*1="def "; name*2=ghi', '"name" "abcdef ghi"'],
    ["name*0*=utf-8'en'%C3; name*1*=%BC; name*2=.txt; size=3", `"size" "3" "name*" "utf-8'en'%C3%BC.txt"`],
    ["name*0=a%b; name*1*=%BC", `"name*" "''a%25b%BC"`],
    ['b*1=2; a*0=x; b*0=1; a*1=y', '"a" "xy" "b" "12"'],
    // What cannot be put together stays as it was sent.
    ['name*0=a; name*2=c', '"name*0" "a" "name*2" "c"'], ['name*1=a; name*2=b', '"name*1" "a" "name*2" "b"'], ["name*=utf-8''%C3%BC", `"name*" "utf-8''%C3%BC"`],
    ['name*0=a; name=b; name*1=c', '"name*0" "a" "name" "b" "name*1" "c"'],
  ] as const) {
    const model = new ModelMails()
    model.put(`Content-Type: application/x; ${value}\nContent-Disposition: attachment; ${value}\n\nx`)
    t.equal(await bench(model, fetch).say('FETCH 1 BODYSTRUCTURE'), `* 1 FETCH (BODYSTRUCTURE ("application" "x" (${shown}) NIL NIL "7bit" 1 NIL ("attachment" (${shown})) NIL NIL))\r\nOK Fetch completed`, value)
  }
})

t.test('the structures cost no reading', async (t) => {
  const model = mailbox()
  await bench(model, fetch).say('FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY)')
  t.strictSame(model.requests, mails.map((_, i) => `summary ${i + 1}`))
})

t.test('a field too long for the cache is read from the message', async (t) => {
  const model = new ModelMails()
  const long = `${'x'.repeat(limits.cachedFieldBytes)}@example.org`
  model.put(`From: a@b\nTo: ${long}\nSubject: s\n\nbody`)
  const answer = await bench(model, fetch).say('FETCH 1 ENVELOPE')
  t.ok(answer.includes(`((NIL NIL {${limits.cachedFieldBytes}}\r\n${'x'.repeat(limits.cachedFieldBytes)} "example.org"))`))
  t.equal(model.requests.filter((request) => request.startsWith('read')).length, 1)
})
