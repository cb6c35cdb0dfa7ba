// The messages of an APPEND, as it says them: RFC 3501 §6.3.11, several of them (RFC 3502), put together of pieces (RFC 4469),
// with UTF-8 in their header (RFC 6855 §4; RFC 9755 §4 needs no words for that any more). Who has not switched UTF-8 on may bring it too,
// against §4: mails with raw 8-bit headers are old and many, and copying a mailbox from server to server must not lose them.
//
//   append-message = [SP flag-list] [SP date-time] SP (literal / literal8 / utf8-literal / "CATENATE" SP "(" cat-part *(SP cat-part) ")")
//   cat-part       = "TEXT" SP literal / "URL" SP astring / utf8-literal
//   utf8-literal   = "UTF8" SP "(" literal8 ")"
//
// Messages stream, so that a command is parsed in segments: each ends with the announcement of a literal, whose bytes come
// next, or with the command.

import { limits } from '../../../runtime/limits.ts'
import type { FlagSet } from '../../user/types.ts'
import type { LiteralHead, Parser } from './grammar.ts'

export type AppendStep =
  /** A message begins. `internalDate`: seconds since 1970. */
  | { readonly kind: 'begin'; readonly flags: FlagSet; readonly internalDate?: number }
  /** Its next bytes: always the last step of its segment. `utf8`: they were said to be UTF-8. */
  | { readonly kind: 'literal'; readonly head: LiteralHead; readonly utf8?: boolean }
  /** Its next bytes are what a URL names. */
  | { readonly kind: 'url'; readonly url: string }
  /** It is whole. */
  | { readonly kind: 'end' }

/** What comes next: a message, behind one, behind a piece of a CATENATE; behind the literal of either where it was in `UTF8 (…)`. */
type Place = 'message' | 'behind message' | 'behind piece' | 'behind UTF8 message' | 'behind UTF8 piece'

export interface AppendSegment {
  readonly steps: readonly AppendStep[]
  /** Parses what stands behind the literal; absent: the command is at its end. */
  readonly next?: (p: Parser) => AppendSegment
}

/** From behind the space before the first message. Throws ParseError, NeedsLiteral. */
export function appendSegment(p: Parser, place: Place = 'message'): AppendSegment {
  const steps: AppendStep[] = []
  for (let at = place; ;) {
    if (steps.length > limits.appendPieces) p.fail('Too many pieces')
    if (at === 'behind UTF8 message' || at === 'behind UTF8 piece') {
      p.expect(')')
      at = at === 'behind UTF8 piece' ? 'behind piece' : 'behind message'
    } else if (at === 'behind message') {
      steps.push({ kind: 'end' })
      if (p.atEnd || p.sp().atEnd) return { steps }
      at = 'message'
    } else if (at === 'message') {
      steps.push(beginning(p))
      if (p.take('UTF8 (')) return upToUtf8(p, steps, 'behind UTF8 message')
      if (!p.take('CATENATE (')) return upTo(p, steps, 'behind message')
      const literal = piece(p, steps)
      if (literal !== undefined) return literal
      at = 'behind piece'
    } else if (p.take(')')) {
      at = 'behind message'
    } else {
      const literal = piece(p.sp(), steps)
      if (literal !== undefined) return literal
    }
  }
}

/** The segment that ends with the literal announced here. */
function upTo(p: Parser, steps: AppendStep[], place: Place): AppendSegment {
  const head = p.messageLiteral()
  return { steps: [...steps, { kind: 'literal', head }], next: (rest) => appendSegment(rest, place) }
}

/** Like `upTo`; the literal8 holds text, none of which is to be encoded. */
function upToUtf8(p: Parser, steps: AppendStep[], place: Place): AppendSegment {
  if (p.peek() !== '~') p.fail('Expected a literal8')
  const head = { ...p.messageLiteral(), binary: false }
  return { steps: [...steps, { kind: 'literal', head, utf8: true }], next: (rest) => appendSegment(rest, place) }
}

function beginning(p: Parser): AppendStep {
  let flags: FlagSet = { system: 0, keywords: [] }
  if (p.peek() === '(') {
    flags = p.flagList()
    p.sp()
  }
  if (p.peek() !== '"') return { kind: 'begin', flags }
  const internalDate = p.dateTime()
  p.sp()
  return { kind: 'begin', flags, internalDate }
}

/** A URL, or the segment that ends with the literal that comes instead. */
function piece(p: Parser, steps: AppendStep[]): AppendSegment | undefined {
  if (p.take('TEXT ')) return upTo(p, steps, 'behind piece')
  if (p.take('UTF8 (')) return upToUtf8(p, steps, 'behind UTF8 piece')
  if (!p.take('URL ')) p.fail('Expected TEXT or URL')
  steps.push({ kind: 'url', url: p.astring('a URL') })
  return undefined
}
