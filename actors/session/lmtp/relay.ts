// One LMTP server that mail is passed on to, as Dovecot's lmtp proxy does it: a connection for one transaction, on which the
// recipients that are there get the mail together. RFC 2033; XCLIENT and XRCPTFORWARD where that server trusts us.
//
// What it says to RCPT and to the message is what our client hears. Where it cannot be reached, or falls silent, that is
// 451 4.4.0 for its recipients: the MTA keeps the mail, also one that the server may have saved without having said so.

import { Buffer } from 'node:buffer'
import { Cancelled, TempFail, messageOf } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import { formatDate } from '../../mail/date.ts'
import type { Body } from '../../../runtime/effects.ts'
import type { ProxyTarget } from '../../auth-messages.ts'
import type { BackendLink } from '../backend.ts'
import { placeOf, ttlOf } from '../backend.ts'
import type { LmtpConnection, Transaction } from './command.ts'
import { oneLine, Refusal } from './reply.ts'

interface Reply { code: string; text: string; lines: string[] }

/** 24 unless the passdb says otherwise, as Dovecot's. */
const standardPort = 24

const xtext = (value: string): string => [...Buffer.from(value, 'utf8')]
  .map((byte) => (byte >= 0x21 && byte <= 0x7e && byte !== 0x2b && byte !== 0x3d ? String.fromCharCode(byte) : `+${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('')

export class Relay {
  readonly place: string
  readonly #connection: LmtpConnection
  readonly #to: ProxyTarget
  /** Of this transaction, from 1: the server knows each of our connections by another session id. */
  readonly #number: number
  #link: BackendLink | undefined
  /** What LHLO has shown: keyword → parameters. */
  #extensions = new Map<string, string[]>()
  #failure: string | undefined
  /** What the server does not want the sender for: its other recipients hear the same. */
  #refusal: string | undefined
  /** Nobody needs it any more. */
  #over = false

  constructor(connection: LmtpConnection, to: ProxyTarget, number: number) {
    this.#connection = connection
    this.#to = to
    this.#number = number
    this.place = placeOf(to, to.port ?? standardPort)
  }

  /** What two recipients must have in common to share a connection. */
  static keyOf({ host, port, tls, verify, trusted }: ProxyTarget): string { return [host, port, tls, verify, trusted].join(' ') }

  /** Connects and begins the transaction. Refusal: it cannot be had, or does not want the sender. Cancelled: it was closed meanwhile. */
  async begin(from: Transaction['from']): Promise<void> {
    const { seed } = this.#connection.world
    const port = this.#to.port ?? standardPort
    if (ttlOf(seed) <= 0 || (this.#to.host === seed.local.ip && port === seed.local.port)) {
      this.#say('Proxying loops')
      throw new Refusal(this.#refusal = '554 5.4.6 Proxying appears to be looping')
    }
    const reply = await this.#trying(async () => {
      await this.#connect(port)
      return this.#ask(`MAIL FROM:<${from.text}>`)
    })
    if (!reply.code.startsWith('2')) throw new Refusal(this.#refusal = asReply(reply))
  }

  /** Adds a recipient. Refusal: in the server's own words, or it is away. */
  async add(address: string, forward: Record<string, string>): Promise<void> {
    if (this.#refusal !== undefined) throw new Refusal(this.#refusal)
    const fields = Object.entries(forward).map(([name, value]) => `${name}=${value.replace(/[\u0001\t\r\n]/g, (char) => `\u0001${{ '\u0001': '1', '\t': 't', '\r': 'r', '\n': 'n' }[char]}`)}`)
    const parameter = fields.length > 0 && this.#extensions.has('XRCPTFORWARD') ? ` XRCPTFORWARD=${xtext(fields.join('\t'))}` : ''
    const reply = await this.#trying(() => this.#ask(`RCPT TO:<${address}>${parameter}`))
    if (!reply.code.startsWith('2')) throw new Refusal(asReply(reply))
  }

  /** Sends the message, and gives the reply to each of `addresses`, those that were added. Never rejects. */
  async send(body: Body, id: string, addresses: readonly string[]): Promise<string[]> {
    const replies: string[] = []
    try {
      if (this.#failure !== undefined) throw new TempFail(this.#failure)
      const ready = await this.#ask('DATA')
      if (ready.code !== '354') return addresses.map(() => asReply(ready))
      await this.#content(body, id, addresses)
      for (const address of addresses) {
        const reply = asReply(await this.#reply(limits.lmtpSavedMs))
        replies.push(reply)
        this.#log(address, reply, id)
      }
    } catch (error) {
      if (!(error instanceof TempFail)) throw error
      this.#failed(messageOf(error))
    } finally {
      this.close()
    }
    return addresses.map((address, n) => replies[n] ?? `451 4.4.0 <${address}> Remote server not answering`)
  }

  /** Ends the connection. */
  close(): void {
    this.#over = true
    if (this.#failure === undefined) this.#link?.write('QUIT\r\n')
    this.#link?.close()
    this.#link = undefined
  }

  async #connect(port: number): Promise<void> {
    const { world, hostname } = this.#connection
    const { host, tls, verify, trusted } = this.#to
    const timeoutMs = this.#to.timeoutMs ?? world.settings.login_proxy_timeout
    const link = await world.connect({ host, port, secure: tls === 'implicit', verify, timeoutMs })
    if (this.#over) {
      link.close()
      throw new Cancelled('the client is gone')
    }
    this.#link = link
    wanted(await this.#reply(timeoutMs), '220')
    await this.#lhlo(hostname)
    if (tls === 'starttls') {
      wanted(await this.#ask('STARTTLS'), '220')
      await link.startTls(timeoutMs)
      await this.#lhlo(hostname)
    }
    const allowed = this.#extensions.get('XCLIENT')
    if (!trusted || allowed === undefined) return
    const { seed } = world
    const { helo = this.#connection.helo, protocol = 'LMTP' } = this.#connection.proxied
    const values: [name: string, value: string][] = [
      ['HELO', helo], ['PROTO', protocol], ['SESSION', `${seed.id}:P${this.#number}`], ['TTL', String(ttlOf(seed))], ['PORT', String(seed.remote.port)],
      ['ADDR', seed.remote.ip.includes(':') ? `IPV6:${seed.remote.ip}` : seed.remote.ip],
    ]
    const known = values.filter(([name, value]) => allowed.includes(name) && value !== '')
    if (known.length === 0) return
    wanted(await this.#ask(`XCLIENT ${known.map(([name, value]) => `${name}=${xtext(value)}`).join(' ')}`), '220')
    await this.#lhlo(hostname)
  }

  async #lhlo(hostname: string): Promise<void> {
    const { lines } = wanted(await this.#ask(`LHLO ${hostname}`), '250')
    this.#extensions = new Map(lines.slice(1).map((line) => {
      const [keyword = '', ...parameters] = line.toUpperCase().split(' ')
      return [keyword, parameters]
    }))
  }

  /** Our Received: line, the parts with their dots doubled, and the end. */
  async #content(body: Body, id: string, addresses: readonly string[]): Promise<void> {
    const link = this.#link!
    const { world: { seed, effects }, hostname, proxied, helo } = this.#connection
    const date = formatDate({ unixSeconds: Math.floor(effects.clock.now() / 1000), zoneMinutes: 0 })
    const only = addresses.length === 1 ? `\r\n\tfor <${addresses[0]}>` : ''
    link.write(Buffer.from(`Received: from ${proxied.helo ?? helo} ([${seed.remote.ip}])\r\n\tby ${hostname} with ${proxied.protocol ?? 'LMTP'}\r\n\tid ${id}${only}; ${date}\r\n`))
    let lineBegins = true
    for await (const piece of piecesOf(body, effects.files)) {
      const [stuffed, ends] = withDots(piece, lineBegins)
      lineBegins = ends
      link.write(stuffed)
      await link.drained()
    }
    link.write(lineBegins ? '.\r\n' : '\r\n.\r\n')
  }

  #ask(line: string): Promise<Reply> {
    if (this.#link === undefined) throw new TempFail(this.#failure ?? 'the connection has ended')
    this.#link.write(Buffer.from(`${line}\r\n`, 'utf8'))
    return this.#reply(limits.lmtpReplyMs)
  }

  async #reply(timeoutMs: number): Promise<Reply> {
    const link = this.#link
    if (link === undefined) throw new TempFail(this.#failure ?? 'the connection has ended')
    const lines: string[] = []
    for (;;) {
      const line = Buffer.from(await link.line(timeoutMs), 'latin1').toString('utf8')
      const [, code = '', more, text = ''] = /^([2-5][0-9]{2})([ -]|$)(.*)$/.exec(line) ?? []
      if (code === '' || lines.length >= limits.lmtpReplyLines) throw new TempFail(`it says: ${oneLine(line).slice(0, 200)}`)
      lines.push(text)
      if (code === '421') throw new TempFail(`it says: ${oneLine(line).slice(0, 200)}`)
      if (more !== '-') return { code, text: oneLine(text), lines }
    }
  }

  /** Refusal: the server is away. */
  async #trying<T>(work: () => Promise<T>): Promise<T> {
    try {
      if (this.#failure !== undefined) throw new TempFail(this.#failure)
      return await work()
    } catch (error) {
      if (!(error instanceof TempFail)) throw error
      if (this.#over && this.#failure === undefined) throw new Cancelled('the client is gone')
      this.#failed(messageOf(error))
      throw new Refusal('451 4.4.0 Remote server not answering')
    }
  }

  #failed(reason: string): void {
    if (this.#failure === undefined) this.#say(`${reason}`)
    this.#failure ??= reason
    this.close()
  }

  #say(text: string): void {
    const { effects, seed } = this.#connection.world
    effects.emit({ level: 'error', name: 'lmtp.proxy', service: 'lmtp', user: this.#to.user, session: seed.id, text: `proxy(${this.#to.user},${this.place}): ${text}` })
  }

  #log(address: string, reply: string, id: string): void {
    this.#connection.world.effects.emit({
      level: reply.startsWith('2') ? 'info' : 'error', name: 'lmtp.proxied', service: 'lmtp', session: id, text: `to=<${address}>: proxied to ${this.place}: ${reply}`,
    })
  }
}

const asReply = ({ code, text }: Reply): string => `${code} ${text}`

/** TempFail: the reply is another one. */
function wanted(reply: Reply, code: string): Reply {
  if (reply.code !== code) throw new TempFail(`it says: ${asReply(reply).slice(0, 200)}`)
  return reply
}

async function* piecesOf({ parts }: Body, files: LmtpConnection['world']['effects']['files']): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Uint8Array) yield part
    else {
      for (let at = 0; at < part.length; at += limits.spoolBatchBytes) {
        const bytes = await files.read(part.path, part.offset + at, Math.min(limits.spoolBatchBytes, part.length - at))
        if (bytes === undefined || bytes.length === 0) throw new TempFail('the spooled message has vanished')
        yield bytes
      }
    }
  }
}

const [LF, DOT] = [0x0a, 0x2e]

/** RFC 5321 §4.5.2: a dot that begins a line is doubled. Bodies have CRLF everywhere. And whether a line begins behind it. */
function withDots(bytes: Uint8Array, lineBegins: boolean): [stuffed: Uint8Array, lineBegins: boolean] {
  const dots: number[] = []
  for (let at = bytes.indexOf(DOT); at >= 0; at = bytes.indexOf(DOT, at + 1)) if (at === 0 ? lineBegins : bytes[at - 1] === LF) dots.push(at)
  const ends = bytes.length === 0 ? lineBegins : bytes[bytes.length - 1] === LF
  if (dots.length === 0) return [bytes, ends]
  const stuffed = new Uint8Array(bytes.length + dots.length)
  let from = 0
  dots.forEach((at, n) => {
    stuffed.set(bytes.subarray(from, at), from + n)
    stuffed[at + n] = DOT
    from = at
  })
  stuffed.set(bytes.subarray(from), from + dots.length)
  return [stuffed, ends]
}
