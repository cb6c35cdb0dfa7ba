// Login at another server, for a client that is passed on to it: as Dovecot's imap-login proxy does it.
//
//   greeting → STARTTLS → ID (whose connection it is) and LOGIN, or AUTHENTICATE, in one go → the tagged reply
//
// What the server says to the login is the client's answer, NO included. `NO [UNAVAILABLE]` and a server that cannot be reached
// are tried again, login_proxy_max_reconnects times within proxy_timeout; then the client hears NO [UNAVAILABLE].

import { Buffer } from 'node:buffer'
import { TempFail, messageOf } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import type { ProxyTarget } from '../../auth-messages.ts'
import type { BackendLink } from '../backend.ts'
import { placeOf, ttlOf } from '../backend.ts'
import type { Passed, SessionWorld } from '../types.ts'
import { nstring, utf8 } from './encode.ts'
import { No } from './result.ts'

/** A connection on which the user is logged in. `reply`: `OK [CAPABILITY …] Logged in`; `untagged`: what came before it. */
export interface LoggedIn { link: BackendLink; reply: string; untagged: string[]; about: Passed }

const unavailable = (): No => new No('UNAVAILABLE', 'Account is temporarily unavailable.')

/** Logs in there. No: refused, there or because nobody is there. `gone`: the client has left. */
export async function loginAtBackend(world: SessionWorld, to: ProxyTarget, gone: () => boolean): Promise<LoggedIn> {
  const { clock, timers } = world.effects
  const port = to.port ?? (to.tls === 'implicit' ? 993 : 143)
  const about = { user: to.user, place: placeOf(to, port) }
  const say = (level: 'info' | 'error', text: string): void => world.effects.emit({
    level, name: 'imap.proxy', service: 'imap-login', user: to.user, session: world.seed.id, text: `proxy(${to.user},${about.place}): ${text}`,
  })
  if (ttlOf(world.seed) <= 0 || (to.host === world.seed.local.ip && port === world.seed.local.port)) {
    say('error', 'Proxying loops')
    throw unavailable()
  }
  const begun = clock.monotonic()
  const deadline = begun + (to.timeoutMs ?? world.settings.login_proxy_timeout)
  for (let attempt = 0; ; attempt++) {
    try {
      const done = await new Attempt(world, to, () => deadline - clock.monotonic()).run(port)
      say('info', `Started proxying to <${to.host}> (${((clock.monotonic() - begun) / 1000).toFixed(3)} secs): rip=${world.seed.remote.ip}, lip=${world.seed.local.ip}, session=<${world.seed.id}>`)
      return { ...done, about }
    } catch (error) {
      if (!(error instanceof TempFail)) throw error
      const again = attempt < world.settings.login_proxy_max_reconnects && clock.monotonic() + limits.proxyRetryMs < deadline && !gone()
      if (again) {
        await new Promise<void>((resolve) => { timers.after(limits.proxyRetryMs, resolve) })
        continue
      }
      say('error', `Login failed: ${messageOf(error)} (after ${((clock.monotonic() - begun) / 1000).toFixed(1)} secs, ${attempt} reconnects)`)
      throw unavailable()
    }
  }
}

class Attempt {
  readonly #world: SessionWorld
  readonly #to: ProxyTarget
  readonly #left: () => number
  #capabilities: ReadonlySet<string> | undefined

  constructor(world: SessionWorld, to: ProxyTarget, left: () => number) {
    this.#world = world
    this.#to = to
    this.#left = left
  }

  /** TempFail: worth another try. No: refused. */
  async run(port: number): Promise<Omit<LoggedIn, 'about'>> {
    const { host, tls, verify } = this.#to
    const link = await this.#world.connect({ host, port, secure: tls === 'implicit', verify, timeoutMs: this.#left() })
    try {
      await this.#prepare(link)
      return { link, ...await this.#login(link) }
    } catch (error) {
      link.close()
      throw error
    }
  }

  async #prepare(link: BackendLink): Promise<void> {
    const greeting = await link.line(this.#left())
    if (!/^\* OK\b/i.test(greeting)) throw new TempFail(`it greets with: ${shown(greeting)}`)
    this.#learn(greeting)
    if (this.#to.tls === 'starttls') {
      link.write('S STARTTLS\r\n')
      const reply = await this.#tagged(link, 'S', () => {})
      if (!/^OK\b/i.test(reply)) throw new TempFail(`STARTTLS: ${shown(reply)}`)
      await link.startTls(this.#left())
      this.#capabilities = undefined
    }
    if (this.#capabilities !== undefined) return
    link.write('C CAPABILITY\r\n')
    await this.#tagged(link, 'C', (line) => this.#learn(line))
    this.#capabilities ??= new Set()
  }

  #learn(line: string): void {
    const list = /^\* (?:OK \[)?CAPABILITY ([^\]]*)/i.exec(line)?.[1]
    if (list !== undefined) this.#capabilities = new Set(list.toUpperCase().split(' '))
  }

  async #login(link: BackendLink): Promise<{ reply: string; untagged: string[] }> {
    const { command, response } = this.#command()
    const withId = this.#to.trusted && this.#capabilities!.has('ID')
    if (withId) link.write(`I ID ${identity(this.#world, this.#to)}\r\n`)
    if (withId && this.#to.patient) await this.#tagged(link, 'I', () => {})
    link.write(`L ${command}\r\n`)
    const untagged: string[] = []
    const replies = [response, ...(this.#to.mechanism === 'OAUTHBEARER' ? ['AQ=='] : [''])].filter((text) => text !== undefined)
    const reply = await this.#tagged(link, 'L', (line) => {
      if (line.startsWith('+')) link.write(`${replies.shift() ?? '*'}\r\n`)
      else if (line.startsWith('* ') && !/^\* ID\b/i.test(line)) untagged.push(line)
    })
    const [, status = '', code, text = ''] = /^(\w+) *(?:\[([^\]]*)\] *)?(.*)$/.exec(reply) ?? []
    switch (status.toUpperCase()) {
      case 'OK': return { reply, untagged }
      case 'NO':
        if (/^UNAVAILABLE\b/i.test(code ?? '')) throw new TempFail(`it says: ${shown(reply)}`)
        throw new No(code ?? '', text === '' ? 'Authentication failed.' : text)
      default: throw new TempFail(`it says: ${shown(reply)}`)
    }
  }

  /** `response`: what is sent when the server asks for it; undefined: it has been sent with the command. */
  #command(): { command: string; response?: string } {
    const { user, password, master, mechanism } = this.#to
    const plain = master !== undefined || mechanism === 'PLAIN' || /[^\x20-\x7e]/.test(user + password)
    if (!plain && (mechanism === undefined || mechanism === 'LOGIN')) return { command: `LOGIN ${nstring(utf8(user))} ${nstring(utf8(password))}` }
    const message = plain ? `${master === undefined ? '' : user}\0${master ?? user}\0${password}` : bearer(mechanism ?? '', user, password)
    if (message === undefined) throw new TempFail(`proxy_mech=${mechanism} is not to be had (known: plain, login, xoauth2, oauthbearer)`)
    const response = Buffer.from(message, 'utf8').toString('base64')
    const name = plain ? 'PLAIN' : mechanism
    return this.#capabilities!.has('SASL-IR') ? { command: `AUTHENTICATE ${name} ${response}` } : { command: `AUTHENTICATE ${name}`, response }
  }

  /** The text behind the tag. */
  async #tagged(link: BackendLink, tag: string, other: (line: string) => void): Promise<string> {
    for (;;) {
      const line = await link.line(this.#left())
      if (line.startsWith(`${tag} `)) return line.slice(tag.length + 1)
      if (/^\* BYE\b/i.test(line)) throw new TempFail(`it says: ${shown(line)}`)
      other(line)
    }
  }
}

/** What the server is told of the client, if it trusts us: as Dovecot's proxies write it. */
function identity({ seed }: SessionWorld, { forward }: ProxyTarget): string {
  const pairs: [name: string, value: string][] = [
    ['x-session-id', seed.id], ['x-originating-ip', seed.remote.ip], ['x-originating-port', String(seed.remote.port)],
    ['x-connected-ip', seed.local.ip], ['x-connected-port', String(seed.local.port)], ['x-proxy-ttl', String(ttlOf(seed))],
    ...Object.entries(forward).map(([name, value]): [string, string] => [`x-forward-${name}`, value]),
  ]
  return `(${pairs.map(([name, value]) => `${nstring(utf8(name))} ${nstring(utf8(value))}`).join(' ')})`
}

function bearer(mechanism: string, user: string, token: string): string | undefined {
  if (mechanism === 'XOAUTH2') return `user=${user}\u0001auth=Bearer ${token}\u0001\u0001`
  if (mechanism === 'OAUTHBEARER') return `n,a=${user.replace(/=/g, '=3D').replace(/,/g, '=2C')},\u0001auth=Bearer ${token}\u0001\u0001`
  return undefined
}

const shown = (line: string): string => line.slice(0, 200).replace(/[^\x20-\x7e]/g, '?')
