// A run of the load generator: clients and deliveries side by side, then a last look for what should be there.

import { usualMix } from './actions.ts'
import { Client, mailboxesOf } from './client.ts'
import type { Load, Mailboxes } from './client.ts'
import { Connection, Over } from './connection.ts'
import { deliver } from './deliveries.ts'
import type { MailboxFacts } from './facts.ts'
import { Random } from './random.ts'
import { Statistics } from './statistics.ts'

export interface BenchOptions {
  readonly host: string
  readonly port: number
  /** `%d` in it stands for 1 … users. */
  readonly user: string
  readonly password: string
  readonly users: number
  readonly clients: number
  readonly seconds: number
  readonly seed: number
  readonly messages: number
  readonly mailBytes: number
  /** Changes of the usual weights, by name. */
  readonly mix: ReadonlyMap<string, number>
  readonly ownMessages: boolean
  readonly qresync: boolean
  readonly pipelining: boolean
  readonly stallMs: number
  readonly stopAtError: boolean
  /** Mails that arrive meanwhile; `port` 0: none. */
  readonly lmtp: { readonly port: number; readonly perSecond: number }
}

export const usualOptions: BenchOptions = {
  host: '127.0.0.1', port: 10143, user: 'user%d', password: 'pass', users: 5, clients: 20, seconds: 30, seed: 1, messages: 50, mailBytes: 30_000,
  mix: new Map(), ownMessages: false, qresync: false, pipelining: true, stallMs: 15_000, stopAtError: false, lmtp: { port: 0, perSecond: 10 },
}

export interface BenchResult { readonly statistics: Statistics; readonly seconds: number }

export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const statistics = new Statistics()
  const users = Array.from({ length: options.users }, (_, i) => options.user.replaceAll('%d', String(i + 1)))
  const mailboxes = new Map<string, Mailboxes>(users.map((user) => [user, mailboxesOf(user)]))
  const target = { host: options.host, port: options.port, stallMs: options.stallMs }
  const started = performance.now()
  const over = (): boolean => performance.now() - started > options.seconds * 1000 || (options.stopAtError && statistics.bad)
  const load: Load = { ...options, target, mix: new Map([...usualMix, ...options.mix]), statistics, over }
  for (const user of users) await prepare(load, user, mailboxes.get(user)!)
  const clients = Array.from({ length: options.clients }, (_, i) => {
    const user = users[i % users.length]!
    return new Client(load, i, user, mailboxes.get(user)!, new Random(options.seed * 1_000_003 + i))
  })
  const accepted = new Map<string, string[]>(users.map((user) => [user, []]))
  await Promise.all([
    ...clients.map((client) => client.live()),
    options.lmtp.port === 0 ? undefined : deliver({
      ...options, ...options.lmtp, users, random: new Random(options.seed), statistics, over,
      accepted: (user, id) => accepted.get(user)!.push(id),
    }),
  ])
  const seconds = (performance.now() - started) / 1000
  if (!(options.stopAtError && statistics.bad)) {
    for (const user of users) await lookFor(load, user, mailboxes.get(user)!, accepted.get(user)!)
  }
  return { statistics, seconds }
}

/** Runs `look` on a connection of its own; what goes wrong is a problem. */
async function alone(load: Load, user: string, look: (connection: Connection) => Promise<void>): Promise<void> {
  let connection: Connection | undefined
  try {
    connection = await Connection.open(load.target, user, load.password, load.statistics)
    await look(connection)
    await connection.run({ name: 'LOGOUT', text: 'LOGOUT' })
  } catch (error) {
    load.statistics.problem(error instanceof Over ? error.kind : 'error', `${user}: ${error instanceof Error ? error.message : String(error)}`, connection?.said ?? [])
  } finally {
    connection?.close()
  }
}

/** The second mailbox, unless it is there. */
const prepare = (load: Load, user: string, { other }: Mailboxes): Promise<void> =>
  alone(load, user, (connection) => connection.run({ name: 'CREATE', text: `CREATE ${other.name}`, refusal: (text) => /^NO /.test(text) }))

/** Every mail that was put in and that nobody has deleted must be there. */
const lookFor = (load: Load, user: string, { inbox, other }: Mailboxes, accepted: readonly string[]): Promise<void> =>
  alone(load, user, async (connection) => {
    for (const facts of [inbox, other]) await missing(load, connection, facts)
    const seen = new Set([inbox, other].flatMap((facts) => [...facts.messages.values()].map(({ id }) => id)))
    for (const id of accepted) if (!seen.has(id)) load.statistics.problem('lost', `${user}: the delivered mail ${id}`, [])
  })

async function missing(load: Load, connection: Connection, facts: MailboxFacts): Promise<void> {
  connection.use(facts)
  await connection.select(facts, { owns: () => false, flags: new Map(), unsettled: new Set() }, `SELECT ${facts.name}`)
  const view = connection.view!
  if (view.count > 0) await connection.run({ name: 'UID FETCH', text: 'UID FETCH 1:* (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-BENCH)])' })
  if (view.uids.includes(0)) throw new Error(`UID FETCH 1:* of ${facts.name} has left out messages`)
  const present = new Set(view.uids)
  for (const [uid, { doomed, id }] of facts.messages) {
    if (!doomed && id !== undefined && !present.has(uid)) load.statistics.problem('lost', `${facts.user}: UID ${uid} (${id}) of ${facts.name}`, [])
  }
}
