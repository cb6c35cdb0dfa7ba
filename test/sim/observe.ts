// Looking at everything a freshly opened user has, as no client does: all mailboxes, all mails, all bytes.

import type { MailboxInfo } from '../../actors/user/types.ts'
import { flagsOf } from './flags.ts'
import type { Life } from './life.ts'
import type { Found } from './model.ts'
import type { Row } from './mailbox-model.ts'
import { readMail } from './read.ts'
import { promised } from './violation.ts'

/** Tries of one request in a bad world; an outage is shorter. */
const patience = 300

/** Holds all that is there against the model. Answers how many mails were compared, undefined if the process died meanwhile. */
export async function observe(life: Life): Promise<number | undefined> {
  const { user, model } = life
  const found: Found[] = []
  for (const info of user.list()) {
    if (info.guid === undefined || info.noSelect) continue
    const one = await look(life, info, info.guid)
    if (one === undefined) return undefined
    found.push(one)
  }
  return model.observe(found, new Set(user.subscriptions()))
}

/** Has the user compared with the store, and mended. False: the process died. */
export const verify = async (life: Life): Promise<boolean> => await insist(life, 'verify', () => life.user.receive({ kind: 'verify', account: life.user.account, fix: true })) !== undefined

async function look(life: Life, { name }: MailboxInfo, guid: string): Promise<Found | undefined> {
  const handle = await insist(life, `open ${name}`, () => life.user.open(life.context('observer', 'imap:cmd_select'), name))
  if (handle === undefined || handle === 'gone') return undefined
  const { mailbox } = handle
  promised(mailbox.guid === guid, () => `${name} is listed as ${guid}, and opens as ${mailbox.guid}`)
  life.model.remembered.visit(mailbox)
  const { uids, count } = mailbox.messages.uidList()
  const rows: Row[] = []
  for (const uid of uids.slice(0, count)) {
    const id = await insist(life, `read ${name} ${uid}`, () => readMail(life, 'observer', mailbox, uid), () => mailbox.messages.rowOf(uid) < 0)
    if (id === undefined) return undefined
    // A deletion that came late has taken it: whether it may, the model says.
    if (id === 'gone') continue
    const row = mailbox.messages.rowOf(uid)
    promised(row >= 0, () => `${name}: UID ${uid} vanished while nobody did anything`)
    const keywords = mailbox.messages.keywordsOf(row).map((keyword) => mailbox.keywords[keyword] ?? '?')
    rows.push({ uid, mail: id, flags: flagsOf(mailbox.messages.flags[row] ?? 0, keywords) })
  }
  handle.close()
  return { guid, name, uidValidity: mailbox.uidValidity, uidNext: mailbox.uidNext, rows }
}

/** Asks until there is an answer; undefined if the process died, 'gone' if it was refused because what it is about is `gone`. */
async function insist<T>(life: Life, what: string, request: () => Promise<T>, gone = (): boolean => false): Promise<T | 'gone' | undefined> {
  for (let attempt = 0; attempt < patience; attempt++) {
    const outcome = await life.attempt('observer', what, request)
    if (outcome.kind === 'done') return outcome.value
    if (outcome.kind === 'died') return undefined
    if (outcome.kind === 'refused' && gone()) return 'gone'
    promised(outcome.kind === 'failed', () => `${what} is refused: ${'error' in outcome ? outcome.error.message : ''}`)
    await life.world.sleep(1000)
  }
  promised(false, () => `${what}: failed ${patience} times`)
}
