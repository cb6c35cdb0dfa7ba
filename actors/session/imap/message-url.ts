// URLs of messages and their parts in the user's own mailboxes. RFC 5092 (§4, §6.2, §7.2), RFC 5550 (URL-PARTIAL):
//   /Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.5/;PARTIAL=0.1024      ;UID=20 of the selected mailbox
// A URL that names a server is refused: this one does not know all of its names.

import { limits } from '../../../runtime/limits.ts'
import { Parser, ParseError } from './grammar.ts'
import { parseSection } from './fetch/section.ts'
import type { Partial, Section } from './fetch/section.ts'

export interface MessageUrl {
  /** Absent: the selected mailbox. */
  readonly mailbox?: string
  readonly uidValidity?: number
  readonly uid: number
  /** Absent: the whole message. */
  readonly section?: Section
  readonly partial?: Partial
}

const form = /^(?:\/(.+?)(?:;UIDVALIDITY=(\d{1,10}))?\/)?;UID=(\d{1,10})(?:\/;SECTION=([^;]+?))?(?:\/;PARTIAL=(\d{1,10})(?:\.(\d{1,10}))?)?$/i

/** undefined: no such URL. */
export function parseMessageUrl(url: string): MessageUrl | undefined {
  const parts = url.length > limits.urlBytes ? null : form.exec(url)
  if (parts === null) return undefined
  const [, path, uidValidity, uid, sectionText, start, length] = parts
  const mailbox = path === undefined ? undefined : decoded(path)
  const section = sectionText === undefined ? undefined : sectionOf(decoded(sectionText) ?? '')
  if ((path !== undefined && mailbox === undefined) || (sectionText !== undefined && section === undefined)) return undefined
  return {
    uid: Number(uid),
    ...(mailbox === undefined ? {} : { mailbox: /^inbox$/i.test(mailbox) ? 'INBOX' : mailbox }),
    ...(uidValidity === undefined ? {} : { uidValidity: Number(uidValidity) }),
    ...(section === undefined ? {} : { section }),
    ...(start === undefined ? {} : { partial: { start: Number(start), length: length === undefined ? Infinity : Number(length) } }),
  }
}

/** Percent-encoded UTF-8 → text; undefined: it is none. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function sectionOf(text: string): Section | undefined {
  try {
    const p = new Parser(new TextEncoder().encode(`${text}]`))
    const section = parseSection(p)
    return p.atEnd ? section : undefined
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}
