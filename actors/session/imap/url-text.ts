// The bytes that a URL names, for CATENATE. RFC 4469 §3, §5 BADURL.

import type { RequestContext } from '../../../runtime/effects.ts'
import { ObjectNotFound } from '../../../runtime/errors.ts'
import { partAt } from '../../mail/summary.ts'
import { MailError } from '../../user/errors.ts'
import type { Mailbox } from '../../user/types.ts'
import type { ImapSession } from './command.ts'
import { isSlice, rangeOf, readWhole } from './fetch/message.ts'
import { readSection } from './fetch/section.ts'
import type { SectionSource } from './fetch/section.ts'
import { parseMessageUrl } from './message-url.ts'
import type { MessageUrl } from './message-url.ts'
import { No } from './result.ts'
import { has } from './rights.ts'

/** In pieces. Throws No BADURL; what reading throws. */
export async function* urlText(url: string, s: ImapSession, context: RequestContext): AsyncGenerator<Uint8Array> {
  const bad = (why: string): No => new No(`BADURL ${responseCodeText(url)}`, why)
  const named = parseMessageUrl(url)
  if (named === undefined) throw bad('Not a URL of a message in your mailboxes')
  try {
    yield* messageText(named, s, context, bad)
  } catch (error) {
    if (error instanceof MailError) throw bad(error.message)
    if (error instanceof ObjectNotFound) throw bad('The message cannot be read')
    throw error
  }
}

/** What a response code can hold. */
const responseCodeText = (url: string): string => url.replace(/[^\x21-\x5c\x5e-\x7e]/g, '?')

async function* messageText(named: MessageUrl, s: ImapSession, context: RequestContext, bad: (why: string) => No): AsyncGenerator<Uint8Array> {
  if (named.mailbox === undefined && !s.hasSelected) throw bad('No mailbox is selected')
  if (named.mailbox !== undefined && !has('r', named.mailbox, s)) throw bad('Permission denied')
  const handle = named.mailbox === undefined ? undefined : await s.user.open(context, named.mailbox)
  try {
    const mailbox = handle?.mailbox ?? s.selected.mailbox
    if (named.uidValidity !== undefined && named.uidValidity !== mailbox.uidValidity) throw bad('The mailbox has another UIDVALIDITY')
    const source = sourceOf(mailbox, named.uid, context)
    const { section = { part: [], text: '', fields: [] }, partial } = named
    if (section.part.length > 0 && partAt(await source.summary(), section.part) === undefined) throw bad('The message has no such part')
    for (const piece of await readSection(section, partial, source)) {
      if (isSlice(piece)) yield* await mailbox.read(context, named.uid, rangeOf(mailbox, named.uid, piece))
      else if (piece instanceof Uint8Array) yield piece
    }
  } finally {
    handle?.close()
  }
}

function sourceOf(mailbox: Mailbox, uid: number, context: RequestContext): SectionSource {
  const { messages } = mailbox
  return {
    messages,
    get row() {
      const row = messages.rowOf(uid)
      if (row < 0) throw new MailError('NONEXISTENT', 'There is no such message')
      return row
    },
    summary: () => mailbox.summary(context, uid),
    headerBytes: (start, end) => readWhole(mailbox, context, uid, { start, end }),
  }
}
