// What a client says behind a message's literal: more messages (RFC 3502), more pieces of one (RFC 4469), or nothing more.

import { limits } from '../../../runtime/limits.ts'
import type { Running } from './command.ts'
import { badArguments } from './dispatch.ts'
import { NeedsLiteral, Parser } from './grammar.ts'
import type { ParserOptions } from './grammar.ts'
import type { Input } from './input.ts'
import { Bad, No, unaskedLiteral } from './result.ts'

/** Literals that are no message are collected; `ask` tells the client to go on with one. Throws Bad, No, Cancelled. */
export async function behindLiteral<T>(input: Input, running: Running, options: ParserOptions, ask: () => void, parse: (p: Parser) => T): Promise<T> {
  for (let literals = 0; ;) {
    const framed = await input.next()
    if (framed.kind === 'tooLong' || framed.kind === 'endless') throw badArguments(running, new Bad('Too long argument.'))
    const whole = framed.kind === 'command'
    if (!whole && !framed.sync && framed.size > input.unaskedBytes) throw unaskedLiteral()
    try {
      const parser = new Parser(whole ? framed.bytes : framed.prefix, options)
      const result = parse(parser)
      parser.end()
      return result
    } catch (error) {
      if (!(error instanceof NeedsLiteral)) throw badArguments(running, error)
      if (whole) throw badArguments(running, new Bad('Literal is missing.'))
    }
    literals += framed.size
    if (literals > limits.commandLiteralBytes) throw new No('TOOBIG', 'Literal is too large.')
    if (framed.sync) ask()
    input.collect()
  }
}
