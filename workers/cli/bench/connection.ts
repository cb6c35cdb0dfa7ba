// One logged-in IMAP connection of the load generator: commands out, every response checked, times taken.

import type { Known, MailboxFacts } from './facts.ts'
import type { Mine } from './view-model.ts'
import { ViewModel } from './view-model.ts'
import { textOf } from './response.ts'
import type { Response } from './response.ts'
import type { Statistics } from './statistics.ts'
import { Wire } from './wire.ts'

/** The server is gone, or is silent: the connection is over. */
export class Over extends Error {
  readonly kind: 'stall' | 'disconnect'
  constructor(kind: 'stall' | 'disconnect', text: string) {
    super(text)
    this.kind = kind
  }
}

/** A command to be sent. */
export interface Outgoing {
  /** As it is counted. */
  readonly name: string
  /** Without tag and CRLF; where pieces follow, each begins with what a literal holds (its announcement stands at the end of the piece before). */
  readonly text: string
  readonly literal?: Buffer
  /** Its arguments are sequence numbers: no EXPUNGE may be told before its reply (RFC 3501 §7.4.1). */
  readonly sequences?: boolean
  /** Untagged responses that only it causes. */
  heard?(response: Response, text: string): void
  /** `text`: the tagged reply behind its tag. Any other reply than OK is an error unless `refusal` takes it. */
  done?(text: string): void
  refusal?(text: string): boolean
}

export interface Target { readonly host: string; readonly port: number; readonly stallMs: number }

interface Sent { readonly tag: string; readonly command: Outgoing; readonly known: Known | undefined; startedAt: number }

export class Connection {
  readonly #wire: Wire
  readonly #stallMs: number
  readonly #statistics: Statistics
  #tags = 0
  #waiting: Sent[] = []
  #capability = ''
  /** The selected mailbox. */
  view: ViewModel | undefined
  #facts: MailboxFacts | undefined

  private constructor(wire: Wire, stallMs: number, statistics: Statistics) {
    this.#wire = wire
    this.#stallMs = stallMs
    this.#statistics = statistics
  }

  static async open(target: Target, user: string, password: string, statistics: Statistics): Promise<Connection> {
    const wire = await Wire.connect(target.host, target.port).catch((error: unknown) => { throw new Over('disconnect', `no connection: ${String(error)}`) })
    const connection = new Connection(wire, target.stallMs, statistics)
    const greeting = textOf(await connection.#next())
    if (!greeting.startsWith('* OK')) throw new Error(`greeting: ${greeting}`)
    await connection.run({ name: 'LOGIN', text: `LOGIN ${quote(user)} ${quote(password)}`, done: (text) => connection.#learn(text) })
    if (connection.#capability === '') await connection.run({ name: 'CAPABILITY', text: 'CAPABILITY', heard: (_, text) => connection.#learn(text) })
    return connection
  }

  can(capability: string): boolean { return this.#capability.split(' ').includes(capability) }

  get said(): readonly string[] { return this.#wire.said }

  close(): void { this.#wire.close() }

  /** Sends them in one piece, and waits for all replies. */
  async run(...commands: Outgoing[]): Promise<void> {
    this.#send(commands, '')
    while (this.#waiting.length > 0) this.#take(await this.#next())
  }

  /** IDLE for about `ms`; `then` follows DONE in the same packet. */
  async idle(ms: number, ...then: Outgoing[]): Promise<void> {
    let idling = false
    this.#send([{ name: 'IDLE', text: 'IDLE' }], '')
    while (!idling) {
      const response = await this.#next()
      if (textOf(response).startsWith('+')) idling = true
      else this.#take(response)
      if (this.#waiting.length === 0) return
    }
    const until = performance.now() + ms
    for (let left = ms; left > 0; left = until - performance.now()) {
      const response = await this.#wire.next(left)
      if (response === 'end') throw new Over('disconnect', 'the connection ended in IDLE')
      if (response !== 'silence') this.#take(response)
    }
    // What the client has waited of its own will is not the server's time.
    if (this.#waiting[0] !== undefined) this.#waiting[0].startedAt = performance.now()
    this.#send(then, 'DONE\r\n')
    while (this.#waiting.length > 0) this.#take(await this.#next())
  }

  /** A message's literal, asked for first where `sync`. */
  async append(command: Outgoing & { readonly literal: Buffer }, sync: boolean): Promise<void> {
    if (!sync && this.can('LITERAL+')) {
      this.#send([{ ...command, text: `${command.text} {${command.literal.length}+}` }], '')
    } else {
      this.#send([{ ...command, text: `${command.text} {${command.literal.length}}`, literal: undefined! }], '')
      for (let asked = false; !asked;) {
        const response = await this.#next()
        asked = textOf(response).startsWith('+')
        if (!asked) this.#take(response)
        if (this.#waiting.length === 0) return
      }
      this.#wire.send(command.literal)
      this.#wire.send('\r\n')
    }
    while (this.#waiting.length > 0) this.#take(await this.#next())
  }

  async select(facts: MailboxFacts, mine: Mine, command: string): Promise<void> {
    this.view = undefined
    const { known } = facts
    const view = new ViewModel(facts, known.time, mine)
    await this.run({
      name: 'SELECT', text: command,
      heard: (response, text) => {
        const [, kind, value] = /^\* OK \[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]/.exec(text) ?? []
        if (kind === 'UIDVALIDITY') facts.tellUidValidity(Number(value))
        if (kind === 'UIDNEXT') facts.tellUidNext(Number(value), known)
        if (kind === 'HIGHESTMODSEQ') facts.tellModseq(Number(value), known)
        told(view, response, text)
      },
    })
    this.view = view
  }

  /** What was known of the mailbox when the running command was sent. */
  use(facts: MailboxFacts): void { this.#facts = facts }

  get knownThen(): Known { return this.#waiting[0]!.known! }

  #learn(text: string): void { this.#capability = /\bCAPABILITY ([^\]]*)/.exec(text)?.[1]?.trimEnd() ?? this.#capability }

  #send(commands: readonly Outgoing[], before: string): void {
    const startedAt = performance.now()
    const pieces: (string | Buffer)[] = [before]
    for (const command of commands) {
      const tag = `t${++this.#tags}`
      this.#waiting.push({ tag, command, known: this.#facts?.known, startedAt })
      pieces.push(`${tag} ${command.text}\r\n`)
      if (command.literal !== undefined) pieces.push(command.literal, '\r\n')
    }
    const literals = commands.some(({ literal }) => literal !== undefined)
    if (literals) for (const piece of pieces) this.#wire.send(piece)
    else this.#wire.send(pieces.join(''))
  }

  async #next(): Promise<Response> {
    const response = await this.#wire.next(this.#stallMs)
    const doing = this.#waiting.map(({ command }) => command.name).join(', ')
    if (response === 'silence') throw new Over('stall', `nothing for ${this.#stallMs / 1000} s while waiting for ${doing}`)
    if (response === 'end') throw new Over('disconnect', `the connection ended while waiting for ${doing || 'the greeting'}`)
    return response
  }

  #take(response: Response): void {
    const text = textOf(response)
    const first = this.#waiting[0]
    if (text.startsWith('* ')) {
      if (/^\* BYE\b/.test(text) && first?.command.name !== 'LOGOUT') throw new Over('disconnect', text)
      // What comes before IDLE's end belongs to IDLE, whatever follows its DONE in the same packet.
      if (/^\* \d+ EXPUNGE$/.test(text) && first?.command.name !== 'IDLE' && this.#waiting.some(({ command }) => command.sequences)) throw new Error(`EXPUNGE during a command with sequence numbers: ${text}`)
      if (this.view !== undefined) told(this.view, response, text)
      first?.command.heard?.(response, text)
      return
    }
    if (first === undefined || !text.startsWith(`${first.tag} `)) throw new Error(`unexpected response: ${text.slice(0, 200)}`)
    this.#reply(first, text.slice(first.tag.length + 1))
    this.#waiting.shift()
  }

  #reply({ command, startedAt }: Sent, text: string): void {
    const now = performance.now()
    const ok = text.startsWith('OK')
    this.#statistics.add(command.name, now - startedAt, Number(/, (\d+) req\)/.exec(text)?.[1] ?? 0), !ok)
    const next = this.#waiting[1]
    if (next !== undefined) next.startedAt = now
    if (ok) command.done?.(text)
    else if (command.refusal?.(text) !== true) throw new Error(`${command.text.slice(0, 100)}: ${text}`)
  }
}

/** Untagged responses about the selected mailbox, whoever caused them. */
function told(view: ViewModel, response: Response, text: string): void {
  const [, number, kind] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH)\b/.exec(text) ?? []
  if (kind === 'EXISTS') view.exists(Number(number))
  else if (kind === 'EXPUNGE') view.expunge(Number(number))
  else if (kind === 'FETCH') view.fetched(Number(number), response)
  const vanished = /^\* VANISHED ([\d:,]+)$/.exec(text)?.[1]
  if (vanished !== undefined) view.vanished(vanished)
}

export const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
