// From bytes to a command and its arguments: tag, name, state, grammar. Pure.

import type { AnyCommand, Running } from './command.ts'
import { Bad } from './result.ts'
import { NeedsLiteral, ParseError, Parser } from './grammar.ts'
import type { ParserOptions } from './grammar.ts'
import { all as allCommands } from './commands/index.ts'

/** What the state of a session lets it do. */
export type SessionState = 'notauthenticated' | 'authenticated' | 'selected'

const byName = new Map<string, AnyCommand>(allCommands.map((c) => [c.name, c]))

/** A command line whose head is understood. */
export interface Head { readonly running: Running; readonly command: AnyCommand; readonly parser: Parser }

/** A line that is no command: `tag` is what the answer bears, `*` where the client gave none. */
export interface Rejected { readonly tag: string; readonly error: Error }

/** Reads tag and name, finds the command, and checks the state. */
export function readHead(bytes: Uint8Array, state: SessionState, options: ParserOptions): Head | Rejected {
  const parser = new Parser(bytes, options)
  const tag = parser.tag()
  if (tag === undefined || !parser.take(' ')) return { tag: tag ?? '*', error: unknownCommand(state, '') }
  let name = parser.name()
  const uid = name === 'UID' && parser.take(' ')
  if (uid) name = parser.name()
  const command = byName.get(name)
  if (command === undefined || (uid ? !command.uid : command.uid === 'only') || !(parser.atEnd || parser.peek() === ' ')) {
    return { tag, error: unknownCommand(state, uid ? `UID ${name}` : name) }
  }
  const misplaced = outOfState(command, state)
  return misplaced ? { tag, error: misplaced } : { running: { tag, name, uid }, command, parser }
}

/** Dovecot's login says no more, lest it help in guessing what speaks here. */
export function unknownCommand(state: SessionState, name: string): Bad {
  if (state === 'notauthenticated' || name === '') return new Bad('Error in IMAP command received by server.')
  return new Bad(`Error in IMAP command ${name}: Unknown command.`)
}

function outOfState(command: AnyCommand, state: SessionState): Bad | undefined {
  const { states, name } = command
  if (states.includes('any') || states.includes(state)) return undefined
  if (state === 'notauthenticated') return new Bad('Error in IMAP command received by server.')
  if (state === 'selected' && states.includes('authenticated')) return undefined
  return states.includes('selected') ? new Bad('No mailbox selected.') : new Bad(`Error in IMAP command ${name}: Already logged in.`)
}

/** The arguments; throws Bad, No. Returns `'literal'` where a literal's bytes are needed first. */
export function readArguments(head: Head): { args: unknown } | 'literal' {
  try {
    const args: unknown = head.command.parse(head.parser, head.running.uid)
    head.parser.end()
    return { args }
  } catch (error) {
    if (error instanceof NeedsLiteral) return 'literal'
    throw badArguments(head.running, error)
  }
}

/** What a client hears of arguments that cannot be parsed. */
export function badArguments({ uid, name }: Running, error: unknown): unknown {
  const bad = (message: string, code?: string): Bad => new Bad(`Error in IMAP command ${uid ? 'UID ' : ''}${name}: ${message}`, code)
  if (error instanceof ParseError) return bad(`${error.message} (at byte ${error.position + 1}).`)
  return error instanceof Bad ? bad(error.message, error.code) : error
}

/** Browsers can be made to speak to any port: what they say is not worth an answer. */
export function looksLikeHttp(bytes: Uint8Array): boolean {
  const line = String.fromCharCode(...bytes.subarray(0, 40))
  return /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PRI) +(\/|\*|https?:|[^ ]+:\d)/.test(line)
}
