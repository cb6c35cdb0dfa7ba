// The names of mail objects and bundles, and the GUIDs they are made of. obox layout:
//
//   <path>/mailboxes/<mailbox guid>/<oid>                                        a mail
//   <path>/mailboxes/<mailbox guid>/idx/bundle.<secs>.<usecs>.<guid>             an index bundle of the mailbox
//   <path>/idx/bundle.<secs>.<usecs>.<guid>                                      a root bundle
//
// GUID: 16 bytes as Dovecot's: nanoseconds LE, seconds LE, process LE, host LE; the last eight are random here.
//
// An oid of ours carries what a listing needs to bring the mail back without a request for it:
//
//   <guid 32><uid 8><received, UNIX seconds, two's complement 10><virtual size 8><form 1>     59 hex digits
//
// Form 1: the object is the mail in CRLF form. Form 2: the bytes are as another server saved them (a copy of such a mail),
// and become CRLF form when read. The odd length tells our names from Dovecot's, which are whole bytes in hex.

import { Buffer } from 'node:buffer'
import type { Clock, Random } from '../../runtime/effects.ts'

/** What an oid of ours says. `received`: UNIX seconds; `crlf`: form 1. */
export interface MailName { guid: string; uid: number; received: number; size: number; crlf: boolean }

const ownName = /^[0-9a-f]{58}[12]$/
const foreignName = /^(?:[0-9a-f]{2}){16,}$/
const bundleName = /^bundle\.[0-9a-f]{8}\.[0-9a-f]{5}\.[0-9a-f]{32}$/

const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0')

export function mailOid(name: MailName): string {
  const received = name.received < 0 ? 2 ** 40 + name.received : name.received
  return name.guid + hex(name.uid, 8) + hex(received, 10) + hex(name.size, 8) + (name.crlf ? '1' : '2')
}

/** What a name of ours says; 'foreign' for one in Dovecot's form; undefined for what is no mail. */
export function parseOid(oid: string): MailName | 'foreign' | undefined {
  if (!ownName.test(oid)) return foreignName.test(oid) ? 'foreign' : undefined
  const received = Number.parseInt(oid.slice(40, 50), 16)
  return {
    guid: oid.slice(0, 32),
    uid: Number.parseInt(oid.slice(32, 40), 16),
    received: received < 2 ** 39 ? received : received - 2 ** 40,
    size: Number.parseInt(oid.slice(50, 58), 16),
    crlf: oid.endsWith('1'),
  }
}

/** The range of dates an oid can carry; others are moved to its ends. */
export const storableDate = (seconds: number): number =>
  Math.min(2 ** 39 - 1, Math.max(-(2 ** 39), Math.trunc(seconds)))

export const isBundleName = (name: string): boolean => bundleName.test(name)

/** Whether a string is a GUID in hex. */
export const isGuid = (name: string): boolean => /^[0-9a-f]{32}$/.test(name)

/** Makes GUIDs and bundle names for one user: times only grow, whatever the clock does. */
export class ObjectIds {
  readonly #clock: Clock
  /** Eight random bytes stand for process and host. */
  readonly #writer: Buffer
  #lastNs = 0n
  #lastUs = 0

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#writer = Buffer.from(random.bytes(8))
  }

  guid(): string {
    const now = BigInt(Math.trunc(this.#clock.now())) * 1_000_000n
    this.#lastNs = now > this.#lastNs ? now : this.#lastNs + 1n
    const bytes = Buffer.alloc(16)
    bytes.writeUInt32LE(Number(this.#lastNs % 1_000_000_000n), 0)
    bytes.writeUInt32LE(Number((this.#lastNs / 1_000_000_000n) & 0xffffffffn), 4)
    bytes.set(this.#writer, 8)
    return bytes.toString('hex')
  }

  /** A name that sorts behind all names in `known`. */
  bundle(known: readonly string[]): string {
    const newest = known.toSorted().at(-1)
    const before = newest === undefined ? 0 : Number.parseInt(newest.slice(7, 15), 16) * 1e6 + Number.parseInt(newest.slice(16, 21), 16)
    this.#lastUs = Math.max(Math.trunc(this.#clock.now() * 1000), this.#lastUs + 1, before + 1)
    return `bundle.${hex(Math.trunc(this.#lastUs / 1e6), 8)}.${hex(this.#lastUs % 1e6, 5)}.${this.guid()}`
  }
}
