// Accepted and refused as doveconf 2.3.19 does (each line was tried with it), but where a comment says otherwise.

import t from 'tap'
import { parse, quote } from '../../../conf/syntax.ts'

const value = (text: string): string => {
  const [first] = parse(`mail_home = ${text}`, 'x').statements
  return first?.kind === 'set' ? first.value : `a ${first?.kind}`
}

t.test('values', (t) => {
  const values: [string, string][] = [
    ['"a b"', 'a b'], ["'a b'", 'a b'], ['"a b', '"a b'], [`'a "b'`, 'a "b'], ['"a \\"b\\\\c\\x"', 'a "b\\cx'], [`'a\\'b'`, "a'b"],
    ['a # c', 'a'], ['a#c', 'a'], ['"a # c"', 'a # c'], ['"a" b', '"a" b'], ['"a" # b', 'a'], ['x y   z  ', 'x y   z'], ['', ''], ['""', ''],
    ['a   \\\n      b\\\nc \\\n\td', 'a b c d'], ['\\\n "x y"', 'x y'], ['a\r', 'a'], ['obox:%u:INDEX=~/', 'obox:%u:INDEX=~/'],
    ['it\'s # here', "it's # here"],
  ]
  for (const [text, expected] of values) t.equal(value(text), expected, JSON.stringify(text))
  t.same(parse('a=b', 'x').statements, [{ kind: 'set', key: 'a', value: 'b', quoted: false, line: 1 }])
  t.same(parse('#a = \\\nb = c', 'x').statements, [{ kind: 'set', key: 'b', value: 'c', quoted: false, line: 2 }], 'a comment does not go on')
  t.match(parse('a = b#c', 'f.conf').warnings, [/^f\.conf:1: '#' inside a word/])
  t.end()
})

t.test('sections and includes', (t) => {
  t.same(parse('namespace "a b" {\n mailbox {\n }\n}\n!include x/*.conf\n!include_try "y z"', 'x').statements, [
    { kind: 'open', type: 'namespace', name: 'a b', line: 1 }, { kind: 'open', type: 'mailbox', name: '', line: 2 },
    { kind: 'close', line: 3 }, { kind: 'close', line: 4 },
    { kind: 'include', pattern: 'x/*.conf', optional: false, line: 5 }, { kind: 'include', pattern: 'y z', optional: true, line: 6 },
  ])
  t.end()
})

t.test('what is no statement is refused with its place', (t) => {
  const errors: [string, RegExp][] = [
    ['mail_home x', /^f:1: expected 'mail_home = value' or 'mail_home name \{'$/],
    ['a = b\n\nnamespace { inbox = yes }', /^f:3: garbage after '\{' \(each setting/],
    ['namespace x { }', /^f:1: garbage after '\{'/],
    ['namespace x\n{\n}', /^f:1: expected/],
    ['service imap{', /^f:1: expected .*put a blank before '\{'/],
    ['} x', /^f:1: garbage after '\}'/],
    ['= x', /^f:1: no name before '='/],
    ['!foo x', /^f:1: expected/],
    ['!include', /^f:1: !include without a file/],
    // doveconf forgets the setting here without a word.
    ['a = b \\\n # c\n', /^f:2: the line above ends with a backslash/],
    ['a = b \\', /^f: the file ends with a backslash/],
  ]
  for (const [text, message] of errors) t.throws(() => parse(text, 'f'), { message }, JSON.stringify(text))
  t.end()
})

t.test('quote writes what parse reads', (t) => {
  for (const text of ['', ' a', 'a ', 'a#b', '"', "'", '"a"', 'a"b', '<file', '$x', 'a $x', 'a\\', '\\', 'a\\b', "it's # x", '#']) t.equal(value(quote(text)), text, JSON.stringify(text))
  t.end()
})
