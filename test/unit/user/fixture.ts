// A user of the tests: settings as small as they get, drafts, and what one wants to look at.

import { Buffer } from 'node:buffer'
import type { Settings } from '../../../conf/settings.ts'
import { defaultSettings } from '../../../conf/settings.ts'
import { MessageParser } from '../../../actors/mail/message-parser.ts'
import type { Account, Draft, Mailbox, MailboxHandle } from '../../../actors/user/types.ts'
import type { UserActor, UserOptions } from '../../../actors/user/user.ts'
import { openUser } from '../../../actors/user/open-user.ts'
import type { SmallWorld } from '../../fixtures/small-world.ts'
import { smallWorld } from '../../fixtures/small-world.ts'
import { HookedStore } from './hooked-store.ts'
import type { Effects, Files, RequestContext } from '../../../runtime/effects.ts'

/** A world with a store that no other test has. */
export function newWorld(t: Parameters<typeof smallWorld>[0], store = new HookedStore()): SmallWorld & { store: HookedStore } {
  return { ...smallWorld(t, { store }), store }
}

/** Files of which some operations are a test's own. */
export const overFiles = (files: Files, over: Partial<Files>): Files => ({
  read: (...args) => files.read(...args), append: (...args) => files.append(...args), replace: (...args) => files.replace(...args),
  truncate: (...args) => files.truncate(...args), rename: (...args) => files.rename(...args), remove: (...args) => files.remove(...args),
  list: (...args) => files.list(...args), stat: (...args) => files.stat(...args), temporary: (...args) => files.temporary(...args), ...over,
})

export const context: RequestContext = { user: 'jane', reason: 'test' }

export const settingsOf = (more: Partial<Settings> = {}): Settings => ({
  ...defaultSettings(), mail_location: 'obox:ab/cde/jane:INDEX=~/', obox_fs: 'memory:', obox_index_fs: '', mail_fsync: 'never', ...more,
})

/** Opens jane, whose home is in `home`. */
export const open = (world: { effects: Effects; directory: string }, settings: Partial<Settings> = {}, options: UserOptions = {}): Promise<UserActor> => {
  const account: Account = { user: 'jane', home: `${world.directory}/jane`, fields: {} }
  return openUser(world.effects, settingsOf(settings), account, options)
}

export const messageOf = (subject: string, body = 'Hello.'): Uint8Array =>
  Buffer.from(`From: a@example.org\r\nTo: jane@example.org\r\nSubject: ${subject}\r\n\r\n${body}\r\n`)

export function draft(subject: string, more: Partial<Draft> & { text?: string } = {}): Draft {
  const { text, ...rest } = more
  const bytes = messageOf(subject, text)
  const parser = new MessageParser()
  parser.push(bytes)
  return { body: { size: bytes.length, parts: [bytes] }, summary: parser.finish(), flags: { system: 0, keywords: [] }, ...rest }
}

/** Everything a client could see of a mailbox, but for modseqs. */
export const seen = ({ messages, keywords }: Mailbox): unknown[] => Array.from({ length: messages.count }, (_, row) => ({
  uid: messages.uids[row], flags: messages.flags[row], keywords: messages.keywordsOf(row).map((number) => keywords[number]),
  size: messages.sizes[row], date: messages.internalDates[row], guid: messages.guidOf(row),
}))

export const uidsOf = ({ messages }: Mailbox): number[] => [...messages.uids.subarray(0, messages.count)]

export async function textOf(mailbox: Mailbox, uid: number, range?: { start: number; end?: number }): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await mailbox.read(context, uid, range)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** Opens a mailbox for the time of `action`. */
export async function within<T>(user: UserActor, name: string, action: (mailbox: Mailbox) => Promise<T>): Promise<T> {
  const handle: MailboxHandle = await user.open(context, name)
  try { return await action(handle.mailbox) } finally { handle.close() }
}
