// What a return option of LIST is: one value in one file of this folder. RFC 5258 §3.2, §6.

import type { Settings } from '../../../../conf/settings.ts'
import type { MailboxInfo } from '../../../user/types.ts'
import type { ImapSession } from '../command.ts'
import type { Parser } from '../grammar.ts'

export interface ListReturnOption<Arguments> {
  /** As clients say it, upper case. */
  readonly name: string
  /** What CAPABILITY shows because of it. */
  readonly capability?: string
  /** Where a setting decides: false, and it is unknown. */
  offered?(settings: Settings): boolean
  /** What stands behind the name. Throws ParseError. */
  parse(p: Parser): Arguments
  /** Attributes it adds to a LIST response. */
  attributes?(info: MailboxInfo): readonly string[]
  /** A response that follows the mailbox's LIST response; undefined: none. Asked for mailboxes that can be selected alone. */
  response?(args: Arguments, info: MailboxInfo, s: ImapSession): Promise<string | undefined>
}

/** Any option: its arguments are known to itself alone. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyListReturnOption = ListReturnOption<any>

/** Declares an option; infers the type of its arguments. */
export function listReturnOption<Arguments>(declaration: ListReturnOption<Arguments>): ListReturnOption<Arguments> {
  return declaration
}
