// One connection to an LDAP server: ldapts on a socket of ours. Once closed it stays closed; ldapts by itself would connect
// again without binding, and search as nobody.

import { isUtf8 } from 'node:buffer'
import type { Buffer } from 'node:buffer'
import { Client, ResultCodeError } from 'ldapts'
import type { Entry, Filter, SearchOptions, SearchRequest } from 'ldapts'
import type net from 'node:net'
import { TempFail, messageOf } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import type { LdapEntry } from './attributes.ts'
import type { LdapServer } from './servers.ts'
import { openSocket } from './socket.ts'
import type { Tls } from './socket.ts'

/** RFC 4511 appendix A. */
export const resultCodes = {
  success: 0, noSuchObject: 32, invalidDnSyntax: 34, inappropriateAuthentication: 48, invalidCredentials: 49,
  constraintViolation: 19, busy: 51, unavailable: 52,
} as const

/** What a server answered; `text` is for the log. */
export interface Answer { code: number; text: string }
export interface SearchAnswer extends Answer { entries: LdapEntry[] }

export interface Search {
  base: string
  scope: 'base' | 'one' | 'sub'
  deref: 'never' | 'search' | 'find' | 'always'
  filter: Filter
  attributes: readonly string[]
}

const none: Answer = { code: resultCodes.success, text: '' }

export class Connection {
  readonly server: LdapServer
  readonly #socket: net.Socket
  readonly #client: Client
  #received = 0
  #broken: string | undefined
  #deref: Search['deref'] = 'never'
  #late = false
  /** Of the question that waits for its answer. */
  #giveUp: (error: TempFail) => void = () => {}

  /** A connection that nobody has bound yet. TempFail. */
  static async open(server: LdapServer, tls: Tls, ms: number): Promise<Connection> {
    return new Connection(server, await openSocket(server, tls, ms))
  }

  private constructor(server: LdapServer, socket: net.Socket) {
    this.server = server
    this.#socket = socket
    let used = false
    this.#client = new Client({
      url: 'ldap://localhost',
      strictDN: false,
      createConnection: () => {
        if (used) throw new TempFail('the connection is closed')
        used = true
        return socket
      },
    })
    followAliases(this.#client, () => this.#deref)
    socket.on('close', () => this.close('the server closed the connection'))
    socket.on('data', (bytes: Uint8Array) => {
      this.#received += bytes.length
      if (this.#received > limits.ldapAnswerBytes) this.close(`an answer of more than ${limits.ldapAnswerBytes} bytes`)
    })
    socket.unref()
  }

  /** An answer took too long. */
  get late(): boolean { return this.#late }

  get usable(): boolean { return this.#broken === undefined && this.#socket.readyState === 'open' }

  /** Ends it; what waits for an answer fails. */
  close(reason = 'closed'): void {
    this.#broken ??= reason
    this.#socket.destroy()
    this.#giveUp(new TempFail(this.#broken))
  }

  /** A simple bind. Every code but busy and unavailable is an answer. */
  bind(dn: string, password: string, ms: number): Promise<Answer> {
    return this.#ask(ms, async () => {
      await this.#client.bind(dn, password)
      return none
    }, (answer) => answer)
  }

  /** A SASL bind whose first message is all. */
  bindSasl(mechanism: string, credentials: string, ms: number): Promise<Answer> {
    return this.#ask(ms, async () => {
      await this.#client.bindSASL(mechanism, credentials)
      return none
    }, (answer) => answer)
  }

  /** At most `most` entries. */
  search(search: Search, most: number, ms: number): Promise<SearchAnswer> {
    return this.#ask(ms, async () => {
      this.#deref = search.deref
      const { searchEntries } = await this.#client.search(search.base, { ...optionsOf(search), sizeLimit: most, timeLimit: Math.ceil(ms / 1000) })
      return { ...none, entries: searchEntries.map(entryOf) }
    }, (answer) => ({ ...answer, entries: [] }))
  }

  /** All entries, page by page (RFC 2696); each page has `ms`. */
  async *pages(search: Search, ms: number): AsyncGenerator<SearchAnswer> {
    this.#deref = search.deref
    const pages = this.#client.searchPaginated(search.base, { ...optionsOf(search), timeLimit: 0, paged: { pageSize: limits.ldapPageEntries } })
    for (;;) {
      const page = await this.#ask<SearchAnswer & { done: boolean }>(ms, async () => {
        const { done, value } = await pages.next()
        return { ...none, done: done === true, entries: done === true ? [] : value.searchEntries.map(entryOf) }
      }, (answer) => ({ ...answer, done: false, entries: [] }))
      if (page.done) return
      yield page
      if (page.code !== resultCodes.success) return
    }
  }

  /** One question at a time. TempFail: no answer, or that of a server which cannot serve now; then the connection is closed. */
  async #ask<T extends Answer>(ms: number, ask: () => Promise<T>, refusal: (answer: Answer) => T): Promise<T> {
    if (!this.usable) throw new TempFail(this.#broken ?? 'the connection is closed')
    const timer = setTimeout(() => {
      this.#late = true
      this.close(`no answer within ${Math.round(ms)} ms`)
    }, ms)
    // Only while somebody waits does a connection keep its thread alive.
    this.#socket.ref()
    this.#received = 0
    try {
      // ldapts may wait for ever on a socket that has gone in an odd moment.
      return await new Promise<T>((resolve, reject) => {
        this.#giveUp = reject
        ask().then(resolve, reject)
      })
    } catch (error) {
      if (error instanceof ResultCodeError && error.code !== resultCodes.busy && error.code !== resultCodes.unavailable) {
        return refusal({ code: error.code, text: `${error.name.replace(/Error$/, '')}: ${error.message}` })
      }
      this.close(messageOf(error))
      throw new TempFail(this.#broken)
    } finally {
      clearTimeout(timer)
      this.#socket.unref()
    }
  }
}

/** ldapts knows `derefAliases` in a request, and forgets it between its option and that (9.2.0): it is put in on the way. */
function followAliases(client: Client, deref: () => Search['deref']): void {
  const inner = client as unknown as { _sendSearch(request: SearchRequest, ...rest: unknown[]): Promise<unknown> }
  const send = inner._sendSearch.bind(client)
  inner._sendSearch = (request, ...rest) => {
    request.derefAliases = deref()
    return send(request, ...rest)
  }
}

const optionsOf = ({ scope, filter, attributes }: Search): SearchOptions =>
  // No attribute at all is asked for by a name that none has (RFC 4511 §4.5.1.8); an empty list would mean all.
  ({ scope, filter, attributes: attributes.length === 0 ? ['1.1'] : [...attributes] })

function entryOf({ dn, ...attributes }: Entry): LdapEntry {
  const values = new Map<string, string[]>()
  for (const [name, value] of Object.entries(attributes)) {
    const list = (Array.isArray(value) ? value : [value]).map((item) => (typeof item === 'string' ? item : textOf(item)))
    // A requested attribute that is absent is an empty list here.
    if (list.length > 0) values.set(name.toLowerCase(), list)
  }
  return { dn, values }
}

/** ldapts gives out bytes where any of an attribute's values is not UTF-8. */
const textOf = (bytes: Buffer): string => bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
