// What a client of the load generator does, by name: the names of --mix.

import type { MailboxFacts } from './facts.ts'
import type { Client } from './client.ts'
import type { Outgoing } from './connection.ts'
import { makeMail } from './mails.ts'
import { numbersOf, textOf } from './response.ts'

type Action = (client: Client) => Promise<void>

/** Every mail's name and flags, and what never changes. */
const metadata = (client: Client): string =>
  `(UID FLAGS ${client.connection.can('CONDSTORE') ? 'MODSEQ ' : ''}RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (X-BENCH)])`

/** Some messages that are next to each other: their sequence numbers. */
function some(client: Client, most: number): { first: number; last: number } | undefined {
  const { count } = client.view
  if (count === 0) return undefined
  const first = 1 + client.random.below(count)
  return { first, last: Math.min(count, first + client.random.below(most)) }
}

/** Known messages that this client may change. */
function changeable(client: Client, most: number): number[] {
  const range = some(client, most)
  if (range === undefined) return []
  return client.view.uids.slice(range.first - 1, range.last).filter((uid) => uid > 0 && client.view.facts.of(uid).id !== undefined && client.mayChange(uid))
}

/** Others have expunged it meanwhile: the server may say so. RFC 5530 §3. */
const goneMeanwhile = (text: string): boolean => /^NO \[EXPUNGEISSUED\]/.test(text)

const search = (client: Client): Outgoing => ({
  name: 'SEARCH', text: `SEARCH KEYWORD ${client.keyword}`, sequences: true,
  heard: (_, text) => {
    const numbers = /^\* SEARCH((?: \d+)*)/.exec(text)?.[1]
    if (numbers !== undefined) client.view.found(numbers.trim().split(' ').filter((n) => n !== '').map(Number), client.keyword)
  },
})

const fetchBody = (seq: number): Outgoing => ({ name: 'FETCH BODY[]', text: `FETCH ${seq} (UID RFC822.SIZE BODY.PEEK[])`, sequences: true, refusal: goneMeanwhile })

const fetchStructure = (first: number, last: number): Outgoing => ({ name: 'FETCH ENVELOPE', text: `FETCH ${first}:${last} (ENVELOPE BODYSTRUCTURE RFC822.SIZE)`, sequences: true, refusal: goneMeanwhile })

/** Adds or removes flags that nobody else changes, and then knows them. */
function store(client: Client, uids: readonly number[], add: boolean, flag: string): Outgoing {
  const { view } = client
  const own = client.own(view.facts)
  for (const uid of uids) own.unsettled.add(uid)
  const settled = (): void => { for (const uid of uids) own.unsettled.delete(uid) }
  const silent = client.random.chance(0.5) ? '.SILENT' : ''
  return {
    name: 'STORE', text: `UID STORE ${uids.join(',')} ${add ? '+' : '-'}FLAGS${silent} (${flag})`,
    done: () => {
      settled()
      for (const uid of uids) {
        const had = own.flags.get(uid)
        if (had === undefined || !view.uids.includes(uid)) own.flags.delete(uid)
        else own.flags.set(uid, [...had.split(' ').filter((other) => other !== '' && other !== flag), ...add ? [flag] : []].sort().join(' '))
      }
    },
    refusal: (text) => {
      settled()
      for (const uid of uids) own.flags.delete(uid)
      return goneMeanwhile(text)
    },
  }
}

/** Anyone's EXPUNGE may end the message, and its copies. */
const doom = (facts: MailboxFacts, uid: number): void => { Object.assign(facts.of(uid), { doomed: true, deleted: true }) }

/** COPY and MOVE to the other mailbox: the copies are the same messages under new UIDs. RFC 4315 §3. */
async function transfer(client: Client, name: 'COPY' | 'MOVE'): Promise<void> {
  const { view, connection } = client
  const { inbox, other } = client.mailboxes
  const to = view.facts === inbox ? other : inbox
  const uids = changeable(client, 3)
  if (uids.length === 0) return
  const known = to.known
  if (name === 'MOVE') for (const uid of uids) view.facts.of(uid).doomed = true
  const copied = (text: string): void => {
    const [, validity, from = '', made = ''] = /\[COPYUID (\d+) ([\d:,]+) ([\d:,]+)\]/.exec(text) ?? []
    if (validity === undefined) return
    to.tellUidValidity(Number(validity))
    const sources = numbersOf(from)
    const copies = numbersOf(made)
    if (sources.length !== copies.length || sources.some((uid) => !uids.includes(uid))) throw new Error(`COPYUID of other messages than asked for: ${text}`)
    for (const [i, uid] of copies.entries()) {
      if (i > 0 && uid <= copies[i - 1]!) throw new Error(`COPYUID does not ascend: ${text}`)
      const source = view.facts.of(sources[i]!)
      to.made(uid, source.id, known)
      if (source.deleted) doom(to, uid)
    }
  }
  await connection.run({ name, text: `UID ${name} ${uids.join(',')} ${to.name}`, done: copied, heard: (_, text) => copied(text), refusal: goneMeanwhile })
}

async function append(client: Client): Promise<void> {
  const { inbox, other } = client.mailboxes
  const to = client.random.chance(0.8) ? client.view.facts : client.random.of([inbox, other])!
  if (client.view.count > client.load.messages && to === client.view.facts) return
  const mail = makeMail(client.nextMailId(), client.random, client.load.mailBytes)
  const known = to.known
  await client.connection.append({
    name: 'APPEND', text: `APPEND ${to.name} ${client.random.chance(0.5) ? '(\\Seen) ' : ''}"23-Nov-2026 10:00:00 +0000"`, literal: mail.text,
    done: (text) => {
      const [, validity, uid] = /\[APPENDUID (\d+) (\d+)\]/.exec(text) ?? []
      if (uid === undefined) return
      to.tellUidValidity(Number(validity))
      to.made(Number(uid), mail.id, known)
    },
  }, client.random.chance(0.3))
}

async function expunge(client: Client): Promise<void> {
  const { view, connection } = client
  if (client.random.chance(0.3) && view.deleted.size > 0) await connection.run({ name: 'UID EXPUNGE', text: `UID EXPUNGE ${[...view.deleted].join(',')}`, done: () => view.expunged() })
  else await connection.run({ name: 'EXPUNGE', text: 'EXPUNGE', done: () => view.expunged() })
}

async function remove(client: Client): Promise<void> {
  const { view } = client
  if (view.count < client.load.messages / 2) return
  const uids = changeable(client, 5)
  if (uids.length === 0) return
  for (const uid of uids) doom(view.facts, uid)
  const command = store(client, uids, true, '\\Deleted')
  await client.connection.run({ ...command, done: (text) => { command.done!(text); for (const uid of uids) if (view.uids.includes(uid)) view.deleted.add(uid) } })
}

async function status(client: Client): Promise<void> {
  const { inbox, other } = client.mailboxes
  const facts = client.view.facts === inbox ? other : inbox
  const known = facts.known
  const modseq = client.connection.can('CONDSTORE')
  await client.connection.run({
    name: 'STATUS', text: `STATUS ${facts.name} (MESSAGES UNSEEN UIDNEXT UIDVALIDITY${modseq ? ' HIGHESTMODSEQ' : ''})`,
    heard: (response) => {
      const items = new Map([...textOf(response).matchAll(/(UIDNEXT|UIDVALIDITY|HIGHESTMODSEQ) (\d+)/g)].map(([, name, value]) => [name!, Number(value)]))
      if (!textOf(response).startsWith('* STATUS ')) return
      facts.tellUidValidity(items.get('UIDVALIDITY')!)
      facts.tellUidNext(items.get('UIDNEXT')!, known)
      if (modseq) facts.tellModseq(items.get('HIGHESTMODSEQ')!, known)
    },
  })
}

/** Several commands at once: only such that cannot shift each other's numbers (RFC 3501 §5.5). */
async function pipeline(client: Client): Promise<void> {
  if (!client.load.pipelining || client.view.count === 0) return
  const commands = Array.from({ length: 2 + client.random.below(8) }, () => {
    const { first, last } = some(client, 10)!
    return client.random.of([search(client), fetchBody(first), fetchStructure(first, last)])!
  })
  await client.connection.run(...commands)
}

export const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['fetch', async (client) => {
    if (client.view.count > 0) await client.connection.run({ name: 'UID FETCH', text: `UID FETCH 1:* ${metadata(client)}` })
  }],
  ['structure', async (client) => {
    const range = some(client, 100)
    if (range !== undefined) await client.connection.run(fetchStructure(range.first, range.last))
  }],
  ['body', async (client) => {
    const range = some(client, 1)
    if (range !== undefined) await client.connection.run(fetchBody(range.first))
  }],
  ['store', async (client) => {
    const uids = changeable(client, 10)
    const flag = client.load.ownMessages ? client.random.of(['\\Seen', '\\Flagged', '\\Answered', client.keyword])! : client.keyword
    if (uids.length > 0) await client.connection.run(store(client, uids, client.random.chance(0.6), flag))
  }],
  ['append', append],
  ['delete', remove],
  ['expunge', expunge],
  ['copy', (client) => transfer(client, 'COPY')],
  ['move', async (client) => { if (client.connection.can('MOVE')) await transfer(client, 'MOVE') }],
  ['search', (client) => client.connection.run(search(client))],
  ['noop', (client) => client.connection.run({ name: 'NOOP', text: 'NOOP' })],
  ['idle', (client) => client.connection.idle(client.random.below(300), ...client.load.pipelining ? [search(client)] : [])],
  ['status', status],
  ['pipeline', pipeline],
  ['select', (client) => client.select(client.random.chance(0.7) ? client.mailboxes.inbox : client.mailboxes.other)],
  ['logout', async (client) => { client.leaving = true }],
])

/** How often each is done unless --mix says otherwise. */
export const usualMix: ReadonlyMap<string, number> = new Map([
  ['fetch', 10], ['structure', 10], ['body', 15], ['store', 15], ['append', 20], ['delete', 8], ['expunge', 8], ['copy', 3], ['move', 3],
  ['search', 6], ['noop', 5], ['idle', 4], ['status', 5], ['pipeline', 6], ['select', 3], ['logout', 2],
])
