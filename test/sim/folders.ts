// Changes of the mailbox tree: create, rename, delete, subscribe. One at a time (Life.exclusive), against clients that
// go on using the mailboxes meanwhile.

import type { SimRandom } from '../../runtime/sim/random.ts'
import type { Life } from './life.ts'
import type { MailboxModel } from './mailbox-model.ts'
import { promised } from './violation.ts'

const plainNames = ['Archive', 'Sent', 'Trash', 'Work', 'Lists', 'Déjà vu'] as const

/** Takes one random action on the tree. */
export async function changeTree(life: Life, who: string, dice: SimRandom): Promise<void> {
  const action = dice.pick(['create', 'create', 'create', 'rename', 'rename', 'empty', 'delete', 'subscribe', 'subscribe'] as const)
  const others = life.user.list().filter((one) => one.guid !== undefined && one.name !== 'INBOX')
  const name = `${dice.pick(plainNames)}${dice.chance(0.3) ? `${separator(life)}${dice.pick(plainNames)}` : ''}`
  if (action === 'create') return create(life, who, name)
  if (action === 'empty') return renameInbox(life, who, name)
  if (others.length === 0) return
  const target = dice.pick(others)
  if (action === 'subscribe') return subscribe(life, who, target.name, dice.chance(0.7))
  if (action === 'delete') return remove(life, who, target.name)
  return rename(life, who, target.name, name)
}

const separator = (life: Life): string => life.user.namespaces()[0]?.separator ?? '/'

async function create(life: Life, who: string, name: string): Promise<void> {
  const { model, user } = life
  const existed = user.find(name)?.guid !== undefined
  for (const parent of withParents(name, separator(life))) model.maybeCreated(parent)
  const outcome = await life.attempt(who, `create ${name}`, () => user.create(life.context(who, 'imap:cmd_create'), name))
  if (outcome.kind === 'refused') promised(existed, () => `${name} cannot be created: ${outcome.error.message}`)
  if (outcome.kind === 'done') {
    promised(!existed, () => `${name} was created, and was there before`)
    promised(user.find(name)?.guid === outcome.value.guid, () => `${name} was created, and is not listed`)
  }
  if (outcome.kind !== 'died') await meet(life, who)
}

/** Enters into the model the mailboxes that it does not know. */
async function meet(life: Life, who: string): Promise<void> {
  for (const { guid, name, noSelect } of life.user.list()) {
    if (guid === undefined || noSelect || life.model.mailboxes.has(guid)) continue
    for (;;) {
      const status = await life.attempt(who, `status ${name}`, () => life.user.status(life.context(who, 'imap:cmd_status'), name))
      if (status.kind === 'done') life.model.add(guid, name, status.value.uidValidity)
      if (status.kind !== 'failed') break
      await life.world.sleep(1000)
    }
  }
}

async function remove(life: Life, who: string, name: string): Promise<void> {
  const { model, user } = life
  const mailboxes = model.named(name)
  for (const mailbox of mailboxes) {
    mailbox.maybeDeleted()
    model.settled(mailbox.mails())
  }
  model.forgetSubscription(name)
  const outcome = await life.attempt(who, `delete ${name}`, () => user.delete(life.context(who, 'imap:cmd_delete'), name))
  // What moved in or out meanwhile may be gone with it.
  for (const mailbox of mailboxes) model.settled(mailbox.mails())
  if (outcome.kind === 'died') return
  for (const mailbox of mailboxes) {
    const gone = user.list().every(({ guid, noSelect }) => noSelect || guid !== mailbox.guid)
    promised(outcome.kind !== 'done' || gone, () => `${name} was deleted, and is listed`)
    promised(outcome.kind !== 'refused' || !gone, () => `${name} could not be deleted, and is not there any more`)
    if (outcome.kind === 'done') mailbox.deleted(model.tick())
    else if (outcome.kind === 'refused') mailbox.names.delete(undefined)
    else if (!gone) mailbox.survived(model.tick())
  }
}

async function rename(life: Life, who: string, from: string, to: string): Promise<void> {
  const { model, user } = life
  const mark = separator(life)
  const moved = new Map<MailboxModel, string>()
  for (const mailbox of model.mailboxes.values()) {
    const name = mailbox.nameNow
    if (mailbox.names.has(undefined) && mailbox.names.size === 1) continue
    if (name === from) moved.set(mailbox, to)
    else if (name.startsWith(from + mark)) moved.set(mailbox, to + name.slice(from.length))
  }
  const taken = user.find(to) !== undefined || to.startsWith(from + mark) || from === to
  for (const parent of withParents(to, mark).slice(0, -1)) model.maybeCreated(parent)
  const before = new Map([...moved.keys()].map((mailbox) => [mailbox, new Set(mailbox.names)]))
  for (const [mailbox, name] of moved) {
    model.forgetSubscription(mailbox.nameNow)
    mailbox.names.add(name)
  }
  const outcome = await life.attempt(who, `rename ${from} to ${to}`, () => user.rename(life.context(who, 'imap:cmd_rename'), from, to))
  if (outcome.kind === 'refused') promised(taken, () => `${from} cannot be renamed to ${to}: ${outcome.error.message}`)
  for (const [mailbox, name] of moved) {
    if (outcome.kind === 'done') mailbox.names = new Set([name])
    if (outcome.kind === 'refused') mailbox.names = before.get(mailbox) ?? mailbox.names
    // An error leaves it open whether it happened; what is listed now a restart must find.
    const listed = user.list().find(({ guid }) => guid === mailbox.guid)?.name
    if (outcome.kind === 'failed' && listed !== undefined) mailbox.names = new Set([listed])
  }
  if (outcome.kind !== 'died') await meet(life, who)
}

/** Renaming INBOX moves its mails into a new mailbox and leaves INBOX where it is (RFC 3501 §6.3.5). */
async function renameInbox(life: Life, who: string, to: string): Promise<void> {
  const { model, user } = life
  const [inbox] = model.named('INBOX')
  if (inbox === undefined || user.find(to) !== undefined) return
  // Nobody says which UIDs they get: until all is looked through again they may be here or there, and must be somewhere.
  const doubt = (): void => {
    model.moving(inbox.doubtAll())
    model.maybeCreated(to, inbox.mails())
  }
  for (const parent of withParents(to, separator(life))) model.maybeCreated(parent)
  doubt()
  const outcome = await life.attempt(who, `rename INBOX to ${to}`, () => user.rename(life.context(who, 'imap:cmd_rename'), 'INBOX', to))
  // What came in meanwhile may have gone along.
  doubt()
  promised(outcome.kind !== 'refused', () => `INBOX cannot be renamed to ${to}`)
  if (outcome.kind !== 'died') await meet(life, who)
}

async function subscribe(life: Life, who: string, name: string, on: boolean): Promise<void> {
  const { model, user } = life
  const pending = model.beginSubscription(name, on)
  const verb = on ? 'subscribe' : 'unsubscribe'
  const context = life.context(who, `imap:cmd_${verb}`)
  const outcome = await life.attempt(who, `${verb} ${name}`, () => (on ? user.subscribe(context, name) : user.unsubscribe(context, name)))
  if (outcome.kind === 'died') return
  pending.settle(outcome.kind === 'done', model.tick())
  promised(outcome.kind !== 'done' || user.subscriptions().includes(name) === on, () => `${verb} ${name} had no effect`)
}

/** The name and all above it, the topmost first. */
function withParents(name: string, mark: string): string[] {
  const levels = name.split(mark)
  return levels.map((_, at) => levels.slice(0, at + 1).join(mark))
}
