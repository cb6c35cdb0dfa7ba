// GETMETADATA. RFC 5464 §4.2. Options are taken where its grammar has them, and where its examples have them.

import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import type { Parser } from '../grammar.ts'
import { annotationsOf, entryNames, metadataResponse } from '../metadata.ts'
import type { Annotation } from '../metadata.ts'
import { mustHave } from '../rights.ts'

interface Options {
  /** Longer values are left out. */
  readonly maxSize: number
  /** How many levels below the entries asked for. */
  readonly depth: number
}

function options(p: Parser): Options {
  let [maxSize, depth] = [Infinity, 0]
  p.list((one) => {
    if (one.take('MAXSIZE ')) maxSize = one.number('a size')
    else if (one.take('DEPTH ')) depth = one.take('infinity') ? Infinity : one.take('1') ? 1 : one.expect('0') && 0
    else one.fail('Unknown option')
  })
  return { maxSize, depth }
}

const seesOptions = (p: Parser): boolean => p.sees('(MAXSIZE ') || p.sees('(DEPTH ')

/** The entries asked for, absent ones as NIL, and those below them. */
function* chosen(kept: ReadonlyMap<string, string>, entries: readonly string[], depth: number): Generator<Annotation> {
  for (const entry of entries) {
    if (depth === 0 || kept.has(entry)) yield [entry, kept.get(entry)]
    if (depth === 0) continue
    for (const [name, value] of kept) {
      if (name.startsWith(`${entry}/`) && name.slice(entry.length + 1).split('/').length <= depth) yield [name, value]
    }
  }
}

export default command({
  name: 'GETMETADATA', capability: 'METADATA', offered: (settings) => settings.imap_metadata, states: ['authenticated'], flags: 0,
  parse(p) {
    const before = seesOptions(p.sp()) ? options(p) : undefined
    if (before !== undefined) p.sp()
    const name = p.mailbox()
    const behind = before === undefined && seesOptions(p.sp()) ? options(p) : undefined
    if (before !== undefined || behind !== undefined) p.sp()
    return { name, entries: entryNames(p), ...(before ?? behind ?? { maxSize: Infinity, depth: 0 }) }
  },
  log: ({ name, entries }) => `${mailbox(name)} ${entries.join(' ')}`,
  run({ name, entries, maxSize, depth }, s) {
    mustHave('r', name, s)
    const found = new Map(chosen(annotationsOf(name, s), entries, depth))
    const told = [...found].filter(([, value]) => (value?.length ?? 0) <= maxSize)
    const longest = Math.max(0, ...[...found.values()].map((value) => value?.length ?? 0))
    if (told.length > 0) s.send(metadataResponse(name, told, s))
    return ok('Getmetadata completed.', told.length < found.size ? `METADATA LONGENTRIES ${longest}` : undefined)
  },
})
