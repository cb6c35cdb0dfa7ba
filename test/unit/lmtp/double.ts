// An LMTP session on a scripted wire: real effects and files, deliveries recorded instead of stored.

import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import type { AuthAnswer, LookupRequest } from '../../../actors/auth-messages.ts'
import { lmtpSession } from '../../../actors/session/lmtp/machine.ts'
import type { BackendAddress, BackendLink } from '../../../actors/session/backend.ts'
import { handedOver } from '../../../actors/session/hand-over.ts'
import type { Session } from '../../../actors/session/types.ts'
import type { SessionSeed } from '../../../actors/session/seed.ts'
import type { Account, Delivery, DeliveryResult } from '../../../actors/user/types.ts'
import type { Settings } from '../../../conf/settings.ts'
import { defaultSettings } from '../../../conf/settings.ts'
import type { Effects } from '../../../runtime/effects.ts'
import { Cancelled } from '../../../runtime/errors.ts'
import { smallWorld } from '../../fixtures/small-world.ts'
import type { SmallWorld } from '../../fixtures/small-world.ts'

export interface Delivered { account: Account; delivery: Delivery; text: string }

export interface DoubleOptions {
  settings?: Partial<Settings>
  seed?: Partial<SessionSeed>
  effects?: Partial<Effects>
  /** Default: everybody is known. */
  lookup?(request: LookupRequest): AuthAnswer | Promise<AuthAnswer>
  /** Called before the delivery is recorded; may throw. */
  deliver?(account: Account, delivery: Delivery): void | Promise<void>
  /** Default: there are no other servers. */
  connect?(to: BackendAddress): Promise<BackendLink>
}

export const known = (request: LookupRequest): AuthAnswer =>
  ({ status: 'ok', account: { user: request.username, home: '/nowhere', fields: {} } })

/** The message as its user would store it. */
function textOf(delivery: Delivery): string {
  const pieces = delivery.draft.body.parts.map((part) =>
    ('path' in part ? fs.readFileSync(part.path).subarray(part.offset, part.offset + part.length) : part))
  return Buffer.concat(pieces).toString('latin1')
}

export class LmtpDouble {
  readonly world: SmallWorld
  readonly session: Session
  readonly delivered: Delivered[] = []
  readonly lookups: LookupRequest[] = []
  closed = false
  startsTls = false
  ended = 0
  paused = false
  #out = ''
  #waiting: (() => void)[] = []

  constructor(t: { teardown(action: () => void): unknown }, options: DoubleOptions = {}) {
    this.world = smallWorld(t)
    const effects = { ...this.world.effects, ...options.effects }
    const settings: Settings = { ...defaultSettings(), hostname: 'mx.example.com', mail_temp_dir: this.world.directory, ...options.settings }
    const double = this
    let seed: SessionSeed = {
      protocol: 'lmtp', id: 'S1', remote: { ip: '192.0.2.7', port: 5 }, local: { ip: '192.0.2.1', port: 24 }, secured: false, trusted: false, ...options.seed,
    }
    this.session = lmtpSession({
      effects,
      settings,
      clients: [],
      get seed() { return seed },
      handOver: (said) => { seed = handedOver(seed, said) },
      wire: {
        write(bytes) {
          double.#out += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8')
          double.#changed()
        },
        pending: 0,
        drained: () => (double.closed ? Promise.reject(new Cancelled()) : Promise.resolve()),
        pause() { double.paused = true },
        resume() { double.paused = false; double.#changed() },
        close() { double.closed = true; double.#changed() },
        compress() { throw new Error('LMTP has no compression') },
        compressed: false,
        park() {},
        bytesIn: 0,
        bytesOut: 0,
      },
      again() { throw new Error('LMTP has no logins') },
      startTls() { double.startsTls = true; double.#changed() },
      async authenticate(request) {
        if (request.kind !== 'lookup') throw new Error('LMTP has no passwords')
        double.lookups.push(request)
        return (options.lookup ?? known)(request)
      },
      connect: (to) => options.connect?.(to) ?? Promise.reject(new Error('this session has no backends')),
      passThrough() { throw new Error('LMTP passes mails on, not connections') },
      settle: () => Promise.reject(new Error('LMTP settles nowhere')),
      async deliver(account, delivery): Promise<DeliveryResult> {
        const text = textOf(delivery)
        await options.deliver?.(account, delivery)
        double.delivered.push({ account, delivery, text })
        return { mailbox: 'INBOX', uidValidity: 1, uid: double.delivered.length }
      },
      ended() { double.ended++; double.#changed() },
    })
    this.session.start()
  }

  /** Everything the server has said. */
  get said(): string { return this.#out }

  /** The reply lines so far. */
  get lines(): string[] { return this.#out.split('\r\n').slice(0, -1) }

  /** Sends bytes, all at once or `packet` bytes at a time. */
  send(data: string | Uint8Array, packet?: number): void {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : Buffer.from(data)
    const step = packet ?? Math.max(1, bytes.length)
    for (let at = 0; at < bytes.length; at += step) {
      // A copy that is spoilt afterwards: the session must not keep a view.
      const chunk = Uint8Array.prototype.slice.call(bytes, at, at + step)
      this.session.input(chunk)
      chunk.fill(0x58)
    }
  }

  /** Settles when `condition` holds; looked at after each change. */
  async until(condition: (double: LmtpDouble) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
  }

  /** Waits until the last line begins with `start`. */
  async says(start: string): Promise<void> {
    await this.until(() => this.lines.at(-1)?.startsWith(start) === true)
  }

  /** Spool files lying around. */
  get spooled(): string[] { return fs.readdirSync(this.world.directory) }

  #changed(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
