// Base subjects and sort keys: RFC 5256 §2.1, §2.2, RFC 5957.

import t from 'tap'
import { baseSubject } from '../../../actors/mail/base-subject.ts'
import { collationKey, dateKey, displayKey, mailboxKey, subjectKey } from '../../../actors/mail/sort-keys.ts'

/** Subject → its base, and whether marks of a reply or forward were taken off. */
const table: readonly [string, string, boolean][] = [
  ['', '', false], ['   ', '', false], ['plain', 'plain', false], ['  two \t words  ', 'two words', false],
  ['Re: a', 'a', true], ['RE : a', 'a', true], ['Fw: a', 'a', true], ['fwd: a', 'a', true], ['Fwd : Re: a', 'a', true],
  ['Re[2]: a', 'a', true], ['re [x] : a', 'a', true], ['Re[]: a', 'a', true], ['Re a', 'Re a', false], ['Rex: a', 'Rex: a', false], ['fwdd: a', 'fwdd: a', false],
  ['a (fwd)', 'a', true], ['a (FWD) (fwd) ', 'a', true], ['(fwd)', '', true], ['a(fwd)', 'a', true],
  ['[list] a', 'a', false], ['[list]a', 'a', false], ['[l] [m] a', 'a', false], ['[l] Re: [m] a', 'a', true], ['[l][m] Re[3]: [n] Fwd: a', 'a', true],
  ['[only]', '[only]', false], ['[a][b]', '[b]', false], ['[a] [b] ', '[b]', false], ['[open a', '[open a', false], ['[a[b]] c', '[a[b]] c', false],
  ['Re: [only]', '[only]', true], ['[only] Re:', '', true], ['Re:', '', true], ['Re: Re:', '', true],
  ['[Fwd: a]', 'a', true], ['[fwd: Re: a (fwd)]', 'a', true], ['[Fwd: [Fwd: a]]', 'a', true], ['[Fwd:a] b', 'b', false], ['[fwd: a', '[fwd: a', false], ['Re: [Fwd: [x] a]', 'a', true], ['[fwd:]', '', true],
  ['=?utf-8?Q?Re:_=C3=9C?=', 'Ü', true], ['=?iso-8859-1?q?[x]?= =?iso-8859-1?q?_=FC?=', 'ü', false],
]

t.test('base subjects', async (t) => {
  for (const [subject, base, reply] of table) t.strictSame(baseSubject(subject), { base, reply }, JSON.stringify(subject))
})

t.test('time in proportion to the length, whatever is in the subject', async (t) => {
  const times = 20_000
  for (const piece of ['[a]', 'Re: ', '[fwd:', '[a] re', '[', '(fwd)']) {
    const started = performance.now()
    baseSubject(piece.repeat(times) + (piece === '[fwd:' ? ']'.repeat(times) : ''))
    t.ok(performance.now() - started < 2000, piece)
  }
})

t.test('keys', async (t) => {
  t.equal(subjectKey('Re: Straße'), subjectKey('straße'))
  t.equal(subjectKey(undefined), '')
  t.equal(mailboxKey('"X" <Bob@Example.com>, a@b'), 'BOB')
  t.equal(mailboxKey('friends: a@b;'), 'FRIENDS')
  t.equal(mailboxKey(undefined), '')
  t.equal(mailboxKey(''), '')
  t.equal(displayKey('=?utf-8?q?J=C3=B6rg?= <j@x>'), collationKey('jörg'))
  t.equal(displayKey('j@x'), 'J@X')
  t.equal(displayKey('"" <j@x>'), 'J@X')
  t.equal(displayKey(''), '')
  t.equal(dateKey('Thu, 1 Jan 1970 01:00:01 +0100'), 1)
  t.equal(dateKey('when it rains'), undefined)
  t.ok(collationKey('\u{1f600}') > collationKey('\uff5e'), 'by octets of UTF-8, not by UTF-16')
})
