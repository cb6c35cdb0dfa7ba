// The next command of a client: its bytes gathered, its literals decided about, its arguments parsed.
//
// - A command is looked up before its first literal is asked for: what cannot run does not get to send one.
// - A literal that is an argument is collected (limits.commandLiteralBytes a command); a message's literal stays in the
//   stream, and its command begins before it is here (WaitsForPipeline).
// - RFC 7888 §4: a non-synchronizing literal cannot be stopped. Up to the largest message it is swallowed, beyond that the
//   connection ends.

import { limits } from '../../../runtime/limits.ts'
import type { Announcement } from '../framer.ts'
import { WaitsForPipeline } from './command.ts'
import { looksLikeHttp, readArguments, readHead } from './dispatch.ts'
import type { Head, Rejected, SessionState } from './dispatch.ts'
import type { ParserOptions } from './grammar.ts'
import type { Input } from './input.ts'
import { Bad, No, unaskedLiteral } from './result.ts'

/** A command ready to run. */
export interface Received { readonly head: Head; readonly args: unknown }

/** The connection ends: `bye` is told, unless it is ''. */
export interface Fatal { readonly bye: string }

export class CommandReader {
  readonly #input: Input
  readonly #ask: () => void
  /** Nothing has been received on this connection yet. */
  #first = true

  /** `ask` tells the client to go on with its literal. */
  constructor(input: Input, ask: () => void) {
    this.#input = input
    this.#ask = ask
  }

  /** Cancelled when the client is gone. */
  async next(state: SessionState, options: ParserOptions): Promise<Received | Rejected | Fatal> {
    let literals = 0
    while (true) {
      const framed = await this.#input.next()
      if (framed.kind === 'endless') return { bye: '[TOOBIG] Literal is too large, aborting' }
      if (this.#first && looksLikeHttp(framed.kind === 'command' ? framed.bytes : framed.prefix)) return { bye: '' }
      this.#first = false
      if (framed.kind === 'tooLong') {
        if (state === 'notauthenticated') return { bye: 'Input buffer full, aborting' }
        return reject(readHead(framed.prefix, state, options), new Bad('Error in IMAP command received by server: Too long argument.'))
      }
      const head = readHead(framed.kind === 'command' ? framed.bytes : framed.prefix, state, options)
      if (framed.kind === 'command') return 'error' in head ? head : whole(head)
      literals += framed.size
      const most = state === 'notauthenticated' ? limits.preLoginLineBytes : limits.commandLiteralBytes
      const decided = this.#decide(framed, head, literals <= most)
      if (decided !== undefined) return decided
    }
  }

  /** What is to become of a literal: undefined where it is being collected. */
  #decide(literal: Announcement, head: Head | Rejected, fits: boolean): Received | Rejected | undefined {
    if ('error' in head) return this.#refuse(head)
    if (!literal.sync && literal.size > this.#input.unaskedBytes) return this.#refuse(reject(head, unaskedLiteral()))
    if ((head.command.flags & WaitsForPipeline) !== 0) {
      const read = parsed(head)
      if (read !== 'literal') return 'error' in read ? this.#refuse(read) : read
    }
    if (!fits) return this.#refuse(reject(head, new No('TOOBIG', 'Literal is too large.')))
    if (literal.sync) this.#ask()
    this.#input.collect()
    return undefined
  }

  #refuse(rejected: Rejected): Rejected {
    this.#input.refuse()
    return rejected
  }
}

const reject = (head: Head | Rejected, error: Error): Rejected => ({ tag: 'error' in head ? head.tag : head.running.tag, error })

/** The command with its arguments; `'literal'`: the next literal is one of them. */
function parsed(head: Head): Received | Rejected | 'literal' {
  try {
    const read = readArguments(head)
    return read === 'literal' ? read : { head, args: read.args }
  } catch (error) {
    return { tag: head.running.tag, error: error as Error }
  }
}

/** A command none of whose bytes are missing. */
function whole(head: Head): Received | Rejected {
  const read = parsed(head)
  return read === 'literal' ? reject(head, new Bad('Error in IMAP command received by server.')) : read
}
