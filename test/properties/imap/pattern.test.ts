// LIST patterns against the definition written out: `*` is any text, `%` any text without the separator.

import t from 'tap'
import fc from 'fast-check'
import { compilePattern } from '../../../actors/session/imap/pattern.ts'

/** The definition; exponential, for short names only. */
function defined(pattern: string, name: string): boolean {
  if (pattern === '') return name === ''
  const [first, rest] = [pattern[0]!, pattern.slice(1)]
  if (first === '*') return defined(rest, name) || (name !== '' && defined(pattern, name.slice(1)))
  if (first === '%') return defined(rest, name) || (name !== '' && name[0] !== '/' && defined(pattern, name.slice(1)))
  return name !== '' && name[0] === first && defined(rest, name.slice(1))
}

const names = fc.stringMatching(/^[ab/]{0,8}$/)

t.test('matches what the definition matches', async () => {
  fc.assert(fc.property(fc.stringMatching(/^[ab/*%]{0,7}$/), names, (pattern, name) =>
    compilePattern(pattern)(name, '/') === defined(pattern, name)), { numRuns: 3000 })
})

t.test('a name is a pattern of itself', async () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }).filter((s) => !/[*%]/.test(s)), (name) =>
    /^inbox/i.test(name) || (compilePattern(name)(name, '/') && compilePattern(`${name}*`)(`${name}x`, '/'))))
})

t.test('INBOX in any letter case', async (t) => {
  for (const pattern of ['inbox', 'InBox', 'INB%', 'inb*', '%x', '*', '%']) t.ok(compilePattern(pattern)('INBOX', '/'), pattern)
  for (const pattern of ['inbox/a', 'INBOX/%', 'Inbox/*']) t.ok(compilePattern(pattern)('INBOX/a', '/'), pattern)
  for (const pattern of ['inbo', 'inboxes', 'in%/']) t.notOk(compilePattern(pattern)('INBOX', '/'), pattern)
})

t.test('no pattern takes long', async (t) => {
  const started = performance.now()
  t.notOk(compilePattern(`${'*a'.repeat(32)}b`)('a'.repeat(1000), '/'))
  t.ok(performance.now() - started < 1000)
})
