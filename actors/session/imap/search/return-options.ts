// What a SEARCH or SORT is asked to give: `RETURN (…)`, and the ESEARCH response. RFC 4731, RFC 4466 §2.6.

import { limits } from '../../../../runtime/limits.ts'
import type { ImapSession } from '../command.ts'
import { quoted } from '../encode.ts'
import type { Parser } from '../grammar.ts'
import type { View } from '../view.ts'
import type { AnyReturnItem } from './returns/item.ts'
import { all as allItems } from './returns/index.ts'

/** An option that was asked for. */
export interface Asked { readonly item: AnyReturnItem; readonly args: unknown }

/** In the order of the response. Undefined: the old response is wanted. */
export type ReturnOptions = readonly Asked[] | undefined

/** The order in which responses tell them (Dovecot's). */
const order: readonly string[] = ['MIN', 'MAX', 'ALL', 'PARTIAL', 'COUNT']
const byName = new Map<string, AnyReturnItem>(allItems.map((item) => [item.name, item]))

/** What `RETURN ()` asks for. */
export const everything: readonly Asked[] = [{ item: byName.get('ALL')!, args: undefined }]

/** `["RETURN" SP "(" [option *(SP option)] ")" SP]` before a program; empty parentheses mean ALL. */
export function parseReturnOptions(p: Parser, command: 'SEARCH' | 'SORT' | 'ESEARCH'): ReturnOptions {
  if (!p.take('RETURN ')) return undefined
  const asked = new Map<AnyReturnItem, Asked>()
  for (const { item, args } of p.list(option)) {
    if (item.name === 'PARTIAL' && asked.has(item)) p.fail('PARTIAL can be asked for only once')
    if (item.searchOnly && command !== 'SEARCH') p.fail(`${item.name} is for SEARCH only`)
    asked.set(item, { item, args })
  }
  p.sp()
  if (asked.size === 0) return everything
  if (asked.has(byName.get('PARTIAL')!) && asked.has(byName.get('ALL')!)) p.fail('PARTIAL conflicts with ALL')
  return [...asked.values()].sort((a, b) => order.indexOf(a.item.name) - order.indexOf(b.item.name))
}

function option(p: Parser): Asked {
  const name = p.word('a result option')
  const item = byName.get(name)
  return item ? { item, args: item.parse(p) as unknown } : p.fail(`Unknown result option ${name}`)
}

export const asked = (options: ReturnOptions, name: string): Asked | undefined => options?.find(({ item }) => item.name === name)

export const asksFor = (options: ReturnOptions, name: string): boolean => asked(options, name) !== undefined

/** What SAVE keeps of the results, in no order; RFC 5182 §2.4. */
export function resultsToSave(options: readonly Asked[], results: readonly number[]): readonly number[] {
  const others = options.filter(({ item }) => item.name !== 'SAVE')
  if (others.length === 0) return results
  return [...new Set(others.flatMap(({ item, args }) => item.saved(args, results)))]
}

/** What the options say of the results, as the client is to hear them. */
export const resultPieces = (options: readonly Asked[], numbers: readonly number[]): string[] =>
  options.map(({ item, args }) => item.write(args, numbers)).filter((piece) => piece !== undefined)

/**
 * Tells the results: `* SEARCH 2 3` (`name`), or with result options `* ESEARCH (TAG "a1") UID COUNT 2`. `results` are sequence
 * numbers. One line however long it is, in pieces. `withModseq`: the highest modseq of what is told is told too (RFC 7162 §3.1.5).
 */
export async function sendResults(name: 'SEARCH' | 'SORT', options: ReturnOptions, results: readonly number[], s: ImapSession, withModseq = false): Promise<void> {
  const modseq = withModseq ? highestModseq(options === undefined ? results : resultsToSave(options, results), s.selected.view) : 0
  const numbers = s.running.uid ? results.map((seq) => s.selected.view.uidAt(seq)) : results
  if (options === undefined) return sendNumbers(name, numbers, modseq, s)
  // SAVE alone asks for no answer (RFC 5182 §2.1).
  if (options.every(({ item }) => item.name === 'SAVE')) return
  const pieces = resultPieces(options, numbers)
  if (modseq > 0) pieces.push(`MODSEQ ${modseq}`)
  await sendLong(['ESEARCH', `(TAG ${quoted(s.running.tag)})`, ...(s.running.uid ? ['UID'] : []), ...pieces].join(' '), s)
}

/** Of messages by sequence number; 0 if there are none. RFC 4731 §3.2. */
function highestModseq(seqs: readonly number[], view: View): number {
  const { modseqs } = view.mailbox.messages
  let highest = 0
  for (const seq of seqs) highest = Math.max(highest, modseqs[view.rowOf(seq)] ?? 0)
  return highest
}

async function sendNumbers(name: string, numbers: readonly number[], modseq: number, s: ImapSession): Promise<void> {
  let text = `* ${name}`
  for (const number of numbers) {
    text += ` ${number}`
    if (text.length < limits.fetchTextBytes) continue
    s.write(text)
    text = ''
    await s.flush()
  }
  s.write(`${text}${modseq > 0 ? ` (MODSEQ ${modseq})` : ''}\r\n`)
}

/** An untagged response that may be long. */
export async function sendLong(text: string, s: ImapSession): Promise<void> {
  s.write('* ')
  for (let at = 0; at < text.length; at += limits.fetchTextBytes) {
    s.write(text.slice(at, at + limits.fetchTextBytes))
    await s.flush()
  }
  s.write('\r\n')
}
