// How a command ends, and the one place where failures become IMAP text. RFC 3501 §7.1, RFC 5530.

import { Cancelled, LimitExceeded, TempFail, messageOf } from '../../../runtime/errors.ts'
import { MailError } from '../../user/errors.ts'

/** The tagged OK: `text` without the final dot, `code` without brackets, e.g. `APPENDUID 1 2`. */
export interface Ok { readonly text: string; readonly code?: string }

/** Success. `text` reads like `Fetch completed`: the machine adds times and the dot. */
export const ok = (text: string, code?: string): Ok => (code === undefined ? { text } : { text, code })

/** Why a session is disconnected before its login is complete, for the log. */
export interface Disconnect { readonly why: string; readonly user?: string; readonly method?: string }

/**
 * The tagged NO: understood and refused. `code` is a response code without brackets, '' for none. `disconnect`: before
 * login, the connection is closed after it.
 */
export class No extends Error {
  override readonly name = 'No'
  readonly code: string
  readonly disconnect: Disconnect | undefined
  constructor(code: string, text: string, disconnect?: Disconnect) {
    super(text)
    this.code = code
    this.disconnect = disconnect
  }
}

/** The tagged BAD: the client broke the protocol. `code` like No's. */
export class Bad extends Error {
  override readonly name = 'Bad'
  readonly code: string
  constructor(text: string, code = '') {
    super(text)
    this.code = code
  }
}

/** RFC 7888 §5: the client was told LITERAL-. */
export const unaskedLiteral = (): Bad => new Bad('Non-synchronizing literal is too large.')

/** A failure in the client's language. `log`: it is a bug of ours, to be logged with its stack. */
export interface Refusal { readonly status: 'NO' | 'BAD'; readonly code: string; readonly text: string; readonly log?: boolean }

/** `[YYYY-MM-DD hh:mm:ss]` (UTC), by which an operator finds the log line. */
const stamp = (nowMs: number): string => `[${new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ')}]`

/** What a client hears of `error`. `nowMs`: wall clock, for internal errors. */
export function refusalOf(error: unknown, nowMs: number): Refusal {
  if (error instanceof No) return { status: 'NO', code: error.code, text: error.message }
  if (error instanceof Bad) return { status: 'BAD', code: error.code, text: error.message }
  if (error instanceof MailError) return { status: 'NO', code: error.code, text: error.message }
  if (error instanceof TempFail) return { status: 'NO', code: 'UNAVAILABLE', text: error.message }
  if (error instanceof LimitExceeded) return { status: 'NO', code: error.limit === 'messageBytes' ? 'TOOBIG' : 'LIMIT', text: error.message }
  if (error instanceof Cancelled) return { status: 'NO', code: 'UNAVAILABLE', text: messageOf(error) }
  return {
    status: 'NO', code: 'SERVERBUG', log: true,
    text: `Internal error occurred. Refer to server log for more information. ${stamp(nowMs)}`,
  }
}
