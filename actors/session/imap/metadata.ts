// Annotations: what GETMETADATA, SETMETADATA and LIST … RETURN (METADATA …) have in common. RFC 5464.

import { limits } from '../../../runtime/limits.ts'
import type { ImapSession } from './command.ts'
import { mailbox, nstring, utf8 } from './encode.ts'
import type { Parser } from './grammar.ts'
import type { Speaker } from './revision.ts'

/** One annotation as it is told; undefined: NIL. */
export type Annotation = readonly [entry: string, value: string | undefined]

/** entry = astring: "/private/…" or "/shared/…", in any letter case (§3.1), here in lower case. */
export function entryName(p: Parser): string {
  const name = p.astring('an entry name').toLowerCase()
  if (!name.startsWith('/')) p.fail('Entry name must begin with \'/\'')
  if (!/^\/(private|shared)(\/|$)/.test(name)) p.fail('Entry name must begin with /private or /shared')
  if (/[*%]|[^\x20-\x7e]/.test(name)) p.fail('Invalid character in entry name')
  if (name.includes('//') || name.endsWith('/')) p.fail('Empty component in entry name')
  return name.length <= limits.metadataNameBytes ? name : p.fail('Entry name is too long')
}

/** entries = entry / "(" entry *(SP entry) ")" */
export function entryNames(p: Parser): readonly string[] {
  const names = p.peek() === '(' ? p.list(entryName) : [entryName(p)]
  if (names.length === 0) p.fail('Expected an entry name')
  return names.length <= limits.metadataEntries ? [...new Set(names)] : p.fail('Too many entries')
}

/** What LIST says of a mailbox's uses, as an annotation. RFC 6154 §4. */
const specialUse = '/private/specialuse'

/** Whether an annotation is not for clients to set. */
export const isGiven = (name: string, entry: string): boolean => name !== '' && entry === specialUse

/** The annotations of a mailbox, or of the server (''), values as byte strings: those that were set, and those that are given. NONEXISTENT. */
export function annotationsOf(name: string, { user, settings }: Pick<ImapSession, 'user' | 'settings'>): ReadonlyMap<string, string> {
  const all = new Map(user.metadata(name))
  const give = (entry: string, value: string): void => {
    if (value === '') all.delete(entry)
    else all.set(entry, utf8(value))
  }
  if (name !== '') give(specialUse, user.find(name)?.specialUse.join(' ') ?? '')
  else {
    give('/shared/admin', settings.mail_server_admin)
    give('/shared/comment', settings.mail_server_comment)
  }
  return all
}

/** nstring / literal8 (RFC 5464 §5). */
const valueText = (value: string | undefined): string => (value?.includes('\0') === true ? `~{${value.length}}\r\n${value}` : nstring(value))

/** `METADATA name (entry value …)`. */
export function metadataResponse(name: string, annotations: readonly Annotation[], to: Speaker): string {
  return `METADATA ${mailbox(name, to)} (${annotations.map(([entry, value]) => `${entry} ${valueText(value)}`).join(' ')})`
}
