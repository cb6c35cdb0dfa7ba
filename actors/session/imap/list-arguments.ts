// The arguments of LIST. RFC 3501 §6.3.8, RFC 5258 §6:
// `list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]`.

import { limits } from '../../../runtime/limits.ts'
import type { Parser } from './grammar.ts'
import { all as returnOptions } from './list-return/index.ts'
import type { AnyListReturnOption } from './list-return/option.ts'

/** The options that choose by what a mailbox is: RECURSIVEMATCH speaks of these. */
export type Criterion = 'SUBSCRIBED' | 'SPECIAL-USE'

/** A return option and what the client said behind its name. */
export interface Returned { readonly option: AnyListReturnOption; readonly args: unknown }

export interface ListArguments {
  readonly reference: string
  readonly patterns: readonly string[]
  /** All of them must hold. */
  readonly criteria: readonly Criterion[]
  readonly recursive: boolean
  readonly returns: readonly Returned[]
  /** The client speaks RFC 5258. */
  readonly extended: boolean
}

const optionByName = new Map<string, AnyListReturnOption>(returnOptions.map((option) => [option.name, option]))
const withoutArguments = (name: string): Returned => ({ option: optionByName.get(name)!, args: undefined })

/** What a client that gives no options hears: RFC 3348, RFC 6154 §2. */
const plain = [withoutArguments('CHILDREN'), withoutArguments('SPECIAL-USE')]

/** Throws ParseError. */
export function listArguments(p: Parser): ListArguments {
  const selection = p.sp().peek() === '(' ? selectionOptions(p) : undefined
  if (selection !== undefined) p.sp()
  const reference = p.rawMailbox()
  const several = p.sp().peek() === '('
  const patterns = several ? p.list((one) => one.listMailbox()) : [p.listMailbox()]
  if (patterns.length > limits.listPatterns) p.fail('Too many patterns')
  const said = p.take(' RETURN ') ? p.list(returned) : undefined
  const extended = selection !== undefined || several || said !== undefined
  const { criteria, recursive } = selection ?? { criteria: [], recursive: false }
  const returns = extended ? distinct([...criteria.map(withoutArguments), ...said ?? []]) : plain
  return { reference, patterns: patterns.filter((pattern) => pattern !== undefined), criteria, recursive, returns, extended }
}

/** list-select-opts. REMOTE asks for mailboxes of other servers too: there are none. */
function selectionOptions(p: Parser): { criteria: Criterion[]; recursive: boolean } {
  const names = new Set(p.list((one) => one.word('a selection option')))
  const criteria: Criterion[] = []
  for (const name of names) {
    if (name === 'SUBSCRIBED' || name === 'SPECIAL-USE') criteria.push(name)
    else if (name !== 'RECURSIVEMATCH' && name !== 'REMOTE') p.fail(`Unknown selection option ${name}`)
  }
  const recursive = names.has('RECURSIVEMATCH')
  if (recursive && criteria.length === 0) p.fail('RECURSIVEMATCH must not be the only selection')
  return { criteria, recursive }
}

function returned(p: Parser): Returned {
  const name = p.word('a return option')
  const option = optionByName.get(name)
  return option === undefined ? p.fail(`Unknown return option ${name}`) : { option, args: option.parse(p) as unknown }
}

/** The first of each; in the order in which their attributes are shown. */
function distinct(returns: readonly Returned[]): Returned[] {
  const first = new Map<AnyListReturnOption, Returned>()
  for (const one of returns) if (!first.has(one.option)) first.set(one.option, one)
  const shown = ['SUBSCRIBED', 'CHILDREN', 'SPECIAL-USE']
  return [...first.values()].sort((a, b) => shown.indexOf(a.option.name) - shown.indexOf(b.option.name))
}
