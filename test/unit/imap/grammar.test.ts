import t from 'tap'
import { appendSegment } from '../../../actors/session/imap/append-arguments.ts'
import { Buffer } from 'node:buffer'
import { NeedsLiteral, ParseError, Parser } from '../../../actors/session/imap/grammar.ts'
import { No } from '../../../actors/session/imap/result.ts'
import { limits } from '../../../runtime/limits.ts'
import { Flag } from '../../../actors/user/types.ts'

const parser = (text: string): Parser => new Parser(Buffer.from(text, 'utf8'))
const all = <T>(text: string, parse: (p: Parser) => T): T => {
  const p = parser(text)
  const value = parse(p)
  p.end()
  return value
}
/** [what is parsed, how, the value or the error's message] */
const good: [string, (p: Parser) => unknown, unknown][] = [
  ['abc', (p) => p.atom(), 'abc'],
  ['a+b]', (p) => p.astring(), 'a+b]'],
  ['""', (p) => p.astring(), ''],
  ['"a \\"b\\" \\\\"', (p) => p.astring(), 'a "b" \\'],
  ['{3}\r\na"\n', (p) => p.astring(), 'a"\n'],
  ['{3+}\na b', (p) => p.astring(), 'a b'],
  ['"grün"', (p) => p.astring(), 'grün'],
  ['NIL', (p) => p.nstring(), undefined],
  ['"NIL"', (p) => p.nstring(), 'NIL'],
  ['nIl', (p) => p.astring(), 'nIl'],
  ['inbox', (p) => p.mailbox(), 'INBOX'],
  ['"Inbox"', (p) => p.mailbox(), 'INBOX'],
  ['Inbox/x', (p) => p.mailbox(), 'Inbox/x'],
  ['Entw&APw-rfe', (p) => p.mailbox(), 'Entwürfe'],
  ['"a&-b"', (p) => p.mailbox(), 'a&b'],
  ['INBOX.%*', (p) => p.listMailbox(), 'INBOX.%*'],
  ['""', (p) => p.listMailbox(), ''],
  ['4294967295', (p) => p.number(), 4294967295],
  ['0', (p) => p.number(), 0],
  ['1,3:5,7:*,*', (p) => p.sequenceSet().toString(), '1,3:5,7:*,*'],
  ['()', (p) => p.flagList(), { system: 0, keywords: [] }],
  ['( )', (p) => p.flagList(), { system: 0, keywords: [] }],
  ['( a  b )', (p) => p.flagList(), { system: 0, keywords: ['a', 'b'] }],
  ['(\\seen \\DELETED $Junk $junk)', (p) => p.flagList(), { system: Flag.Seen | Flag.Deleted, keywords: ['$Junk'] }],
  ['\\Seen x', (p) => p.flags(), { system: Flag.Seen, keywords: ['x'] }],
  ['"17-Jul-1996 02:44:25 -0700"', (p) => p.dateTime(), Date.UTC(1996, 6, 17, 9, 44, 25) / 1000],
  ['"1-Jan-2000 00:00:00 +0000"', (p) => p.dateTime(), Date.UTC(2000, 0, 1) / 1000],
  ['"31-Dec-9999 23:59:59 -1200"', (p) => p.dateTime(), Date.UTC(9999, 11, 31, 23, 59, 59) / 1000],
  ['"01-Jan-0000 00:00:00 +1200"', (p) => p.dateTime(), Date.UTC(-1, 0, 1) / 1000 + 365 * 86_400],
  ['" 1-feb-2000 00:00:00 +0130"', (p) => p.dateTime(), Date.UTC(2000, 0, 31, 22, 30, 0) / 1000],
  ['(1 (2) 3)', (p) => p.list((q) => (q.peek() === '(' ? q.list((r) => r.number()) : q.number())), [1, [2], 3]],
  ['a ', (p) => p.atom(), 'a'],
  ['{12}\r\n', (p) => appendSegment(p).steps, [{ kind: 'begin', flags: { system: 0, keywords: [] } }, { kind: 'literal', head: { size: 12, sync: true, binary: false } }]],
  ['(\\Seen) " 1-Feb-2000 00:00:00 +0000" ~{0+}\r\n', (p) => appendSegment(p).steps, [
    { kind: 'begin', flags: { system: 1, keywords: [] }, internalDate: Date.UTC(2000, 1, 1) / 1000 },
    { kind: 'literal', head: { size: 0, sync: false, binary: true } }]],
]
for (const [text, parse, value] of good) t.same(all(text, parse), value, JSON.stringify(text))

const bad: [string, (p: Parser) => unknown, RegExp][] = [
  ['', (p) => p.atom(), /Expected an atom, got the end/],
  ['(', (p) => p.atom(), /Expected an atom/],
  ['a\0b', (p) => p.atom(), /NULs are not allowed/],
  ['"a\0b"', (p) => p.astring(), /NULs are not allowed/],
  ['{3}\r\na\0b', (p) => p.astring(), /NULs are not allowed/],
  ['"a', (p) => p.astring(), /Missing '"'/],
  ['"a\\', (p) => p.astring(), /Missing '"'/],
  ['"a\rb"', (p) => p.astring(), /CR sent without LF/],
  ['a\rb', (p) => p.atom(), /CR sent without LF/],
  ['4294967296', (p) => p.number(), /too large/],
  ['00000000001', (p) => p.number(), /too large/],
  ['0', (p) => p.nznumber(), /Zero/],
  ['0:1', (p) => p.sequenceSet(), /Zero/],
  ['1,', (p) => p.sequenceSet(), /Expected a message number/],
  ['1:', (p) => p.sequenceSet(), /Expected a message number/],
  ['1 2', (p) => p.sequenceSet(), /Unexpected arguments/],
  ['(\\Recent)', (p) => p.flagList(), /Invalid system flag \\Recent/],
  ['(\\Foo)', (p) => p.flagList(), /Invalid system flag \\Foo/],
  ['(a', (p) => p.flagList(), /Expected a space, got the end/],
  ['"32-Jan-2000 00:00:00 +0000"', (p) => p.dateTime(), /Invalid date-time/],
  ['"111-Jan-2000 00:00:00 +0000"', (p) => p.dateTime(), /Invalid date-time/],
  ['{3', (p) => p.astring(), /Expected '}'/],
  ['{3}', (p) => p.astring(), /Expected a line end/],
  ['{5}\r\nab', (p) => p.astring(), /Literal is cut/],
]
for (const [text, parse, message] of bad) t.throws(() => all(text, parse), { name: 'ParseError', message }, JSON.stringify(text))

t.throws(() => parser('{3}\r\n').astring(), NeedsLiteral, 'a literal that has not come')
t.throws(() => parser('&AAA').mailbox(), No, 'a name that is not modified UTF-7')
t.throws(() => parser('grün').mailbox(), No, 'a name in UTF-8')

t.test('the position of an error is in bytes', async (t) => {
  try {
    all('abc (x)', (p) => { p.atom(); p.sp().number() })
    t.fail('no error')
  } catch (error) {
    t.equal((error as ParseError).position, 4)
  }
})

t.test('nesting is bounded', async (t) => {
  const nested = (p: Parser): unknown => p.list((q) => (q.peek() === '(' ? nested(q) : q.atom()))
  const deep = (n: number): string => `${'('.repeat(n)}${')'.repeat(n)}`
  all(deep(limits.imapNesting), nested)
  t.throws(() => all(deep(limits.imapNesting + 1), nested), /Too many nested lists/)
  t.throws(() => all(deep(60_000), nested), /Too many nested lists/, 'and no stack is exhausted')
})

t.test('sequence sets are resolved without being counted out', async (t) => {
  const resolve = (text: string, largest: number): string =>
    all(text, (p) => p.sequenceSet()).resolve(largest).map(({ first, last }) => `${first}-${last}`).join(' ')
  t.equal(resolve('5:1,3,8', 10), '1-5 8-8')
  t.equal(resolve('1:4294967295', 10), '1-4294967295')
  t.equal(resolve('*', 10), '10-10')
  t.equal(resolve('20:*', 10), '10-20')
  t.equal(resolve('1:2,3:4,9', 10), '1-4 9-9')
  const set = all('2:4,*', (p) => p.sequenceSet())
  t.same([1, 2, 4, 5, 9].map((n) => set.has(n, 9)), [false, true, true, false, true])
})
