// What a FETCH asks for: `ALL`, `FLAGS`, `(UID BODY[])` → items with their arguments. RFC 3501 §6.4.5, §9 fetch.

import { limits } from '../../../../runtime/limits.ts'
import { all as allItems } from './index.ts'
import type { AnyFetchItem } from './item.ts'
import type { Parser } from '../grammar.ts'

/** An item and what the client said behind its name. */
export interface Wanted { readonly item: AnyFetchItem; readonly args: unknown }

const byName = new Map<string, AnyFetchItem>(allItems.flatMap((item) => item.names.map((name) => [name, item] as const)))

/** They stand alone, not in a list. */
const macros: ReadonlyMap<string, readonly string[]> = new Map([
  ['ALL', ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE']],
  ['FAST', ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE']],
  ['FULL', ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY']],
])

/** "ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")"; what is asked for twice is answered once. */
export function parseAttributes(p: Parser): Wanted[] {
  if (p.peek() === '(') {
    const wanted = p.list(attribute)
    if (wanted.length === 0) p.fail('FETCH list is empty')
    if (wanted.length > limits.fetchItems) p.fail('Too many FETCH items')
    return distinct(wanted)
  }
  const name = attributeName(p)
  const macro = macros.get(name)
  if (macro) return macro.map((each) => ({ item: byName.get(each)!, args: undefined }))
  return [named(p, name)]
}

/** With UID in front, as every answer to UID FETCH has it (RFC 3501 §6.4.8). */
export function withUid(wanted: readonly Wanted[]): readonly Wanted[] {
  const uid = byName.get('UID')!
  return wanted.some(({ item }) => item === uid) ? wanted : [{ item: uid, args: undefined }, ...wanted]
}

/** With MODSEQ, as every answer to CHANGEDSINCE has it (RFC 7162 §3.1.4.1). */
export function withModseq(wanted: readonly Wanted[]): readonly Wanted[] {
  const modseq = byName.get('MODSEQ')!
  return wanted.some(({ item }) => item === modseq) ? wanted : [...wanted, { item: modseq, args: undefined }]
}

/** What a client hears of each message that has changed while it was away (RFC 7162 §3.2.5.1). */
export const resynchronised: readonly Wanted[] = ['UID', 'FLAGS', 'MODSEQ'].map((name) => ({ item: byName.get(name)!, args: undefined }))

const attribute = (p: Parser): Wanted => named(p, attributeName(p))

/** Letters, digits, dots, and the `[` that opens a section. */
const attributeName = (p: Parser): string => p.name() + (p.take('[') ? '[' : '')

function named(p: Parser, name: string): Wanted {
  const item = byName.get(name)
  if (!item) return p.fail(byName.has(`${name}[`) ? "Missing '['" : `Unknown parameter: ${name}`)
  return { item, args: item.parse(p, name) as unknown }
}

/** What is asked for twice once. */
export function distinct(wanted: readonly Wanted[]): Wanted[] {
  const seen = new Set<string>()
  return wanted.filter(({ item, args }) => {
    const key = `${item.names[0]} ${JSON.stringify(args)}`
    return !seen.has(key) && seen.add(key)
  })
}
