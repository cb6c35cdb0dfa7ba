// One client of the load generator: logs in, selects, does this and that, logs out, and again. What it knows of its own flags outlives
// its connections.

import { actions } from './actions.ts'
import { Connection, Over } from './connection.ts'
import type { Target } from './connection.ts'
import { MailboxFacts } from './facts.ts'
import type { Random } from './random.ts'
import type { Statistics } from './statistics.ts'
import type { Mine } from './view-model.ts'

export interface Load {
  readonly target: Target
  readonly password: string
  readonly clients: number
  /** Messages that a mailbox should have, more or less. */
  readonly messages: number
  readonly mailBytes: number
  readonly mix: ReadonlyMap<string, number>
  readonly ownMessages: boolean
  readonly qresync: boolean
  readonly pipelining: boolean
  readonly statistics: Statistics
  /** No new command after it has become true. */
  over(): boolean
}

/** The mailboxes of a user that clients use. */
export interface Mailboxes { readonly inbox: MailboxFacts; readonly other: MailboxFacts }

export const mailboxesOf = (user: string): Mailboxes => ({ inbox: new MailboxFacts(user, 'INBOX'), other: new MailboxFacts(user, 'bench') })

/** Its own flags in one mailbox. */
class Own implements Mine {
  readonly flags = new Map<number, string>()
  readonly unsettled = new Set<number>()
  readonly #owns: (uid: number, flag: string) => boolean

  constructor(owns: (uid: number, flag: string) => boolean) { this.#owns = owns }

  owns(uid: number, flag: string): boolean { return this.#owns(uid, flag) }
}

export class Client {
  readonly load: Load
  readonly index: number
  readonly user: string
  readonly random: Random
  readonly mailboxes: Mailboxes
  /** A keyword that no other client changes. */
  readonly keyword: string
  readonly #own = new Map<MailboxFacts, Own>()
  #connection: Connection | undefined
  #mails = 0
  /** The next command is LOGOUT. */
  leaving = false

  constructor(load: Load, index: number, user: string, mailboxes: Mailboxes, random: Random) {
    this.load = load
    this.index = index
    this.user = user
    this.mailboxes = mailboxes
    this.random = random
    this.keyword = `$bench${index}`
  }

  /** Only while it is connected. */
  get connection(): Connection { return this.#connection! }

  get view() { return this.connection.view! }

  /** Names of mails that nobody else uses. */
  nextMailId(): string { return `c${this.index}-${process.pid}-${++this.#mails}` }

  /** In the mode of own messages only some may be changed by this client. */
  mayChange(uid: number): boolean {
    return !this.load.ownMessages || ownerOf(this.view.facts.of(uid).id, this.load.clients) === this.index
  }

  own(facts: MailboxFacts): Own {
    let own = this.#own.get(facts)
    if (own === undefined) this.#own.set(facts, own = new Own((uid, flag) => flag === this.keyword || (this.load.ownMessages && ownerOf(facts.of(uid).id, this.load.clients) === this.index)))
    return own
  }

  /** Until the load is over. */
  async live(): Promise<void> {
    while (!this.load.over()) {
      try {
        await this.#session()
      } catch (error) {
        this.#failed(error)
      }
      this.#connection?.close()
      this.#connection = undefined
      for (const own of this.#own.values()) own.unsettled.clear()
      // So that a server which refuses everything is not asked as fast as it can refuse.
      if (this.load.statistics.bad) await new Promise((resolve) => { setTimeout(resolve, 200) })
    }
  }

  async select(facts: MailboxFacts): Promise<void> {
    const { connection } = this
    connection.use(facts)
    await connection.select(facts, this.own(facts), `SELECT ${facts.name}${connection.can('CONDSTORE') && !this.load.qresync ? ' (CONDSTORE)' : ''}`)
    await actions.get('fetch')!(this)
  }

  async #session(): Promise<void> {
    this.leaving = false
    const connection = this.#connection = await Connection.open(this.load.target, this.user, this.load.password, this.load.statistics)
    if (this.load.qresync) await connection.run({ name: 'ENABLE', text: 'ENABLE QRESYNC' })
    await this.select(this.random.chance(0.7) ? this.mailboxes.inbox : this.mailboxes.other)
    while (!this.load.over() && !this.leaving) await actions.get(this.random.weighted(this.load.mix))!(this)
    await connection.run({ name: 'LOGOUT', text: 'LOGOUT' })
  }

  #failed(error: unknown): void {
    const where = `client ${this.index} (${this.user}, ${this.#connection?.view?.facts.name ?? 'nothing selected'})`
    const said = this.#connection?.said ?? []
    // What its STORE under way has come to is not known.
    for (const own of this.#own.values()) for (const uid of own.unsettled) own.flags.delete(uid)
    if (error instanceof Over) this.load.statistics.problem(error.kind, `${where}: ${error.message}`, said)
    else this.load.statistics.problem('error', `${where}: ${error instanceof Error ? error.message : String(error)}`, said)
  }
}

/** By its name, whose copies have the same; -1: nobody's. */
function ownerOf(id: string | undefined, clients: number): number {
  if (id === undefined) return -1
  let sum = 0
  for (const letter of id) sum = (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0
  return sum % clients
}
