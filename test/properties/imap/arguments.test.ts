// Arguments of commands, written as a client writes them, are parsed to what they were: names in either encoding, sets, flags, modifiers.

import t from 'tap'
import fc from 'fast-check'
import { Buffer } from 'node:buffer'
import { all as commands } from '../../../actors/session/imap/commands/index.ts'
import * as encode from '../../../actors/session/imap/encode.ts'
import { Parser } from '../../../actors/session/imap/grammar.ts'
import { SequenceSet, Star } from '../../../actors/session/imap/sequence-set.ts'
import type { NumberRange } from '../../../actors/session/imap/sequence-set.ts'

/** What a command makes of ` arguments`, which it must consume whole. */
function argumentsOf(name: string, wire: string, { uid = false, utf8 = false } = {}): unknown {
  const p = new Parser(Buffer.from(wire, 'latin1'), { utf8 })
  const args: unknown = commands.find((command) => command.name === name)!.parse(p, uid)
  p.end()
  return args
}

const plain = (value: unknown): string => JSON.stringify(value, (_, each: unknown) => (each instanceof Map ? [...each] : each))
const same = (a: unknown, b: unknown): boolean => plain(a) === plain(b)

const mailboxName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).map((s) => s.toWellFormed().replaceAll('\0', '')).filter((s) => s !== '' && s.toUpperCase() !== 'INBOX')
const number = fc.integer({ min: 1, max: 0xffff_ffff })
const range = fc.record({ first: fc.oneof({ arbitrary: number, weight: 5 }, fc.constant(Star)), last: number })
const set = fc.array(range, { minLength: 1, maxLength: 8 }).map((ranges) => new SequenceSet(ranges))
const modseq = fc.integer({ min: 1, max: 2 ** 53 - 1 })
const keywords = fc.uniqueArray(fc.stringMatching(/^[$A-Za-z0-9_-]{1,12}$/), { maxLength: 4, selector: (word) => word.toLowerCase() })
/** How the client spells names. */
const spelling = fc.boolean().map((utf8) => ({ utf8, name: (text: string) => encode.mailbox(text, { enabled: new Set(utf8 ? ['UTF8=ACCEPT'] : []) }) }))

t.test('names alone', async () => {
  const single = ['CREATE', 'DELETE', 'SUBSCRIBE', 'UNSUBSCRIBE', 'MYRIGHTS', 'GETACL', 'SELECT', 'EXAMINE']
  fc.assert(fc.property(fc.constantFrom(...single), mailboxName, spelling, (command, name, { utf8, name: spell }) => {
    const args = argumentsOf(command, ` ${spell(name)}`, { utf8 })
    return (typeof args === 'string' ? args : (args as { name: string }).name) === name
  }))
})

t.test('RENAME, COPY, MOVE', async () => {
  fc.assert(fc.property(mailboxName, mailboxName, spelling, (from, to, { utf8, name }) =>
    same(argumentsOf('RENAME', ` ${name(from)} ${name(to)}`, { utf8 }), { from, to })))
  fc.assert(fc.property(fc.constantFrom('COPY', 'MOVE'), set, mailboxName, spelling, (command, from, to, { utf8, name }) =>
    same(argumentsOf(command, ` ${from.toString()} ${name(to)}`, { utf8 }), { set: from, to })))
})

t.test('STORE', async () => {
  const modes = { add: '+', remove: '-', replace: '' } as const
  const mode = fc.constantFrom<keyof typeof modes>('add', 'remove', 'replace')
  fc.assert(fc.property(set, fc.option(modseq, { nil: undefined }), mode, fc.boolean(), fc.nat(31), keywords, (which, since, how, silent, system, names) => {
    const wire = ` ${which.toString()} ${since === undefined ? '' : `(UNCHANGEDSINCE ${since}) `}${modes[how]}FLAGS${silent ? '.SILENT' : ''} ${encode.flags(system, names)}`
    return same(argumentsOf('STORE', wire), { set: which, since, mode: how, silent, flags: { system, keywords: names } })
  }))
})

t.test('SELECT with QRESYNC', async () => {
  /** Ascending ranges that lie apart, of which none says `*`. */
  const apart = fc.array(fc.tuple(fc.integer({ min: 2, max: 50 }), fc.nat(5)), { minLength: 1, maxLength: 5 }).map((steps) => {
    let at = 0
    return steps.map(([gap, length]): NumberRange => {
      const first = at + gap
      at = first + length
      return { first, last: at }
    })
  })
  const text = (ranges: readonly NumberRange[]): string => new SequenceSet(ranges).toString()
  fc.assert(fc.property(mailboxName, spelling, fc.boolean(), number, modseq, fc.option(apart, { nil: undefined }), fc.option(apart, { nil: undefined }),
    (name, { utf8, name: spell }, condstore, uidValidity, modseqKnown, uids, match) => {
      const remembered = `QRESYNC (${uidValidity} ${modseqKnown}${uids ? ` ${text(uids)}` : ''}${match ? ` (${text(match)} ${text(match)})` : ''})`
      const args = argumentsOf('SELECT', ` ${spell(name)} (${condstore ? 'CONDSTORE ' : ''}${remembered})`, { utf8 })
      return same(args, { name, condstore, qresync: { uidValidity, modseq: modseqKnown, uids, match: match && { seqs: match, uids: match } } })
    }))
})

t.test('LIST, STATUS, SETMETADATA', async () => {
  // Wildcards mean themselves here, and stand in quotes.
  const pattern = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((s) => s.toWellFormed().replaceAll('\0', '')).filter((s) => s !== '')
  fc.assert(fc.property(mailboxName, fc.array(pattern, { minLength: 1, maxLength: 4 }), spelling, (reference, patterns, { utf8, name }) => {
    const { reference: told, patterns: heard, extended } = argumentsOf('LIST', ` ${name(reference)} (${patterns.map(name).join(' ')})`, { utf8 }) as { reference: string; patterns: string[]; extended: boolean }
    return same({ told, heard, extended }, { told: reference, heard: patterns, extended: true })
  }))
  const items = fc.uniqueArray(fc.constantFrom('MESSAGES', 'RECENT', 'UIDNEXT', 'UIDVALIDITY', 'UNSEEN', 'DELETED', 'SIZE', 'HIGHESTMODSEQ', 'MAILBOXID'), { minLength: 1 })
  fc.assert(fc.property(mailboxName, items, spelling, (name, wanted, { utf8, name: spell }) =>
    same(argumentsOf('STATUS', ` ${spell(name)} (${wanted.join(' ')})`, { utf8 }), { name, wanted })))
  const value = fc.option(fc.string({ unit: 'binary', maxLength: 40 }).map((s) => encode.utf8(s.toWellFormed().replaceAll('\0', ''))), { nil: undefined })
  const entries = fc.dictionary(fc.stringMatching(/^\/(private|shared)\/[a-z]{1,8}$/), value, { minKeys: 1, maxKeys: 4, noNullPrototype: true })
  fc.assert(fc.property(mailboxName, entries, spelling, (name, set, { utf8, name: spell }) => {
    const wire = Object.entries(set).map(([entry, text]) => `${entry} ${encode.nstring(text)}`).join(' ')
    return same(argumentsOf('SETMETADATA', ` ${spell(name)} (${wire})`, { utf8 }), { name, entries: new Map(Object.entries(set)) })
  }))
})

t.test('UIDBATCHES, ENABLE, LOGIN', async () => {
  fc.assert(fc.property(number, number, number, (size, first, last) => same(argumentsOf('UIDBATCHES', ` ${size} ${first}:${last}`), { size, first, last })))
  fc.assert(fc.property(fc.array(fc.stringMatching(/^[A-Z0-9=]{1,10}$/), { minLength: 1, maxLength: 5 }), (names) => same(argumentsOf('ENABLE', ` ${names.join(' ')}`), names)))
  const text = fc.string({ unit: 'binary', maxLength: 40 }).map((s) => s.toWellFormed().replaceAll('\0', ''))
  fc.assert(fc.property(text, text, (username, password) =>
    same(argumentsOf('LOGIN', ` ${encode.astring(encode.utf8(username))} ${encode.astring(encode.utf8(password))}`), { username, password })))
})
