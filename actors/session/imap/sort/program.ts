// What a SORT sorts by: `"(" sort-criterion *(SP sort-criterion) ")"`. RFC 5256 §3, §5, RFC 5957.

import { dateKey, displayKey, mailboxKey, subjectKey } from '../../../mail/sort-keys.ts'
import type { Messages } from '../../../user/types.ts'
import type { Parser } from '../grammar.ts'

/** Numbers from the columns. */
interface ColumnKey { readonly needs: 'columns'; value(messages: Messages, row: number): number }
/** Texts from a header field. */
interface TextKey { readonly needs: 'text'; readonly field: string; value(field: string | undefined): string }
/** A number from a header field; INTERNALDATE stands in for it. */
interface DateKey { readonly needs: 'date'; readonly field: string; value(field: string | undefined): number | undefined }

export type SortKey = ColumnKey | TextKey | DateKey

const keys: Readonly<Record<string, SortKey>> = {
  ARRIVAL: { needs: 'columns', value: (messages, row) => messages.internalDates[row]! },
  CC: { needs: 'text', field: 'cc', value: mailboxKey },
  DATE: { needs: 'date', field: 'date', value: dateKey },
  DISPLAYFROM: { needs: 'text', field: 'from', value: displayKey },
  DISPLAYTO: { needs: 'text', field: 'to', value: displayKey },
  FROM: { needs: 'text', field: 'from', value: mailboxKey },
  SIZE: { needs: 'columns', value: (messages, row) => messages.sizes[row]! },
  SUBJECT: { needs: 'text', field: 'subject', value: subjectKey },
  TO: { needs: 'text', field: 'to', value: mailboxKey },
}

export interface SortCriterion { readonly name: string; readonly key: SortKey; readonly reverse: boolean }

/** Throws ParseError. A key that stands there twice is told once: the second changes nothing. */
export function parseSortProgram(p: Parser): SortCriterion[] {
  const criteria = p.list(criterion)
  if (criteria.length === 0) p.fail('Empty sort program')
  return criteria.filter(({ key }, i) => criteria.findIndex((other) => other.key === key) === i)
}

function criterion(p: Parser): SortCriterion {
  const reverse = p.take('REVERSE ')
  const name = p.word('a sort key')
  const key = Object.hasOwn(keys, name) ? keys[name]! : p.fail(`Unknown sort key ${name}`)
  return { name, key, reverse }
}
