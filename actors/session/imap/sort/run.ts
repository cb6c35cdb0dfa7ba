// Sorting the messages that a search has found. RFC 5256 §3. Keys are gathered first, a column for each criterion, then compared.
// The order of a whole large mailbox is kept for the next who asks.

import type { RequestContext } from '../../../../runtime/effects.ts'
import { limits } from '../../../../runtime/limits.ts'
import { mergeSort } from '../../../mail/merge-sort.ts'
import type { ImapSession } from '../command.ts'
import { KeptResults } from '../kept-results.ts'
import { headerValues } from '../search/header-values.ts'
import { uidsOf } from '../search/run.ts'
import type { Turn } from '../turn.ts'
import { keptOrder, orderOf } from './kept-order.ts'
import type { KeptOrder } from './kept-order.ts'
import type { SortCriterion } from './program.ts'

/** What was sorted. */
export interface SortOutcome {
  /** The sequence numbers in their order. */
  readonly sorted: readonly number[]
  /** Some messages could not be read now: they have no keys. */
  readonly unavailable: boolean
}

type KeyColumn = Float64Array | string[]

const orders = new KeptResults<KeptOrder>()

/** No LIMIT if more messages than mail_sort_max_read_count had to be opened. */
export async function sort(seqs: readonly number[], criteria: readonly SortCriterion[], s: ImapSession, turn: Turn, context: RequestContext): Promise<SortOutcome> {
  const { view, mailbox } = s.selected
  const question = criteria.map(({ name, reverse }) => (reverse ? `-${name}` : name)).join(' ')
  const kept = orders.get(mailbox, question, s.effects.timers)
  const uids = uidsOf(seqs, view)
  const known = kept && orderOf(uids, kept)
  if (known !== undefined) return { sorted: known.map((index) => seqs[index]!), unavailable: false }
  const { order, unavailable } = await compare(seqs, criteria, s, turn, context)
  if (!unavailable && seqs.length === view.count && seqs.length >= limits.keptResultMessages && criteria.some(({ key }) => key.needs !== 'columns')) {
    orders.put(mailbox, question, keptOrder(uids, order), s.effects.timers)
  }
  return { sorted: Array.from(order, (index) => seqs[index]!), unavailable }
}

/** Indexes of `seqs` in their order. */
async function compare(seqs: readonly number[], criteria: readonly SortCriterion[], s: ImapSession, turn: Turn, context: RequestContext): Promise<{ order: ArrayLike<number> & Iterable<number>; unavailable: boolean }> {
  const columns = criteria.map(({ key }): KeyColumn => (key.needs === 'text' ? new Array<string>(seqs.length).fill('') : new Float64Array(seqs.length)))
  fillFromColumns(columns, seqs, criteria, s)
  const fields = [...new Set(criteria.flatMap(({ key }) => (key.needs === 'columns' ? [] : [key.field])))]
  let unavailable = false
  if (fields.length > 0) {
    const options = { context, maxReads: s.settings.mail_sort_max_read_count }
    unavailable = await headerValues(seqs, fields, s, turn, options, (index, values) => {
      for (const [c, { key }] of criteria.entries()) {
        if (key.needs === 'columns') continue
        const value = key.value(values[fields.indexOf(key.field)])
        if (value !== undefined) columns[c]![index] = value
      }
    })
  }
  const order = await turn.run(mergeSort(seqs.length, comparison(columns, criteria)))
  return { order, unavailable }
}

/** Sizes and dates; a message that has gone keeps zeros. */
function fillFromColumns(columns: readonly KeyColumn[], seqs: readonly number[], criteria: readonly SortCriterion[], s: ImapSession): void {
  const { view, mailbox: { messages } } = s.selected
  for (const [c, { key }] of criteria.entries()) {
    if (key.needs === 'text') continue
    const column = columns[c]!
    for (const [index, seq] of seqs.entries()) {
      const row = view.rowOf(seq)
      if (row >= 0) column[index] = key.needs === 'columns' ? key.value(messages, row) : messages.internalDates[row]!
    }
  }
}

/** By the first criterion that tells two apart. */
function comparison(columns: readonly KeyColumn[], criteria: readonly SortCriterion[]): (a: number, b: number) => number {
  const comparisons = columns.map((column, c) => {
    const sign = criteria[c]!.reverse ? -1 : 1
    return (a: number, b: number): number => (column[a]! < column[b]! ? -sign : column[a]! > column[b]! ? sign : 0)
  })
  if (comparisons.length === 1) return comparisons[0]!
  return (a, b) => {
    for (const compare of comparisons) {
      const result = compare(a, b)
      if (result !== 0) return result
    }
    return 0
  }
}
