// The names of mail objects and bundles, and the GUIDs they are made of. obox layout:
//
//   <path>/mailboxes/<mailbox guid>/<oid>                                        a mail
//   <path>/mailboxes/<mailbox guid>/idx/head                                     a mailbox's newest index bundle (bundles.ts)
//   <path>/mailboxes/<mailbox guid>/idx/base.<epoch>.<count>.<guid>              one that others are upon, whole
//   <path>/mailboxes/<mailbox guid>/idx/diff.<epoch>.<count>.<guid>-<guid>       what changed since another one, whose guid is the second
//   <path>/idx/manifest                                                          whose the user is, and the root (manifest.ts)
//
// The head has a name too, in its metadata: `head.<epoch>.<count>.<guid>`, and `-<guid>` where it is upon another one.
// Bundles are ordered by the epoch of their writer (manifest.ts) and its count, never by a clock. Dovecot's, which lie in the same
// place, are named bundle.<secs>.<usecs>.<guid>: they are not ours to read or to remove.
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
const bundleName = /^(?:base|diff|head)\.([0-9a-f]{8})\.([0-9a-f]{8})\.([0-9a-f]{32})(?:-([0-9a-f]{32}))?$/

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

/** What the name of a bundle says. `upon`: of a diff, the guid of what it is a change of. */
export interface BundleName { epoch: number; count: number; guid: string; upon?: string }

/** undefined: no bundle. */
export function parseBundleName(name: string): BundleName | undefined {
  const [, epoch, count, guid, upon] = bundleName.exec(name) ?? []
  if (guid === undefined || (!isHead(name) && (upon === undefined) === name.startsWith('diff'))) return undefined
  return { epoch: Number.parseInt(epoch!, 16), count: Number.parseInt(count!, 16), guid, ...(upon === undefined ? {} : { upon }) }
}

/** The latest epoch of bundles of these names; 0: there are none. */
export function latestEpoch(names: Iterable<string>): number {
  let latest = 0
  for (const name of names) latest = Math.max(latest, parseBundleName(name)?.epoch ?? 0)
  return latest
}

/** Whether a bundle's name is that of a head. */
export const isHead = (name: string): boolean => name.startsWith('head.')

export const isBundleName = (name: string): boolean => parseBundleName(name) !== undefined

/** The name of what a backend that has lost the user leaves beside the bundles: the same for the same copy, however often it tries. */
export const orphanName = (epoch: number, owner: string): string => `orphan.${hex(epoch, 8)}.${owner}`

/** Names of bundles, newest first. */
export function newestFirst(names: Iterable<string>): string[] {
  // Behind the kind the text decides.
  return [...names].filter(isBundleName).sort((a, b) => (a.slice(5) < b.slice(5) ? 1 : -1))
}

/** The bundles that make up the state of `head`: the base first, `head` last. undefined: not all of them are among `names`. */
export function chainOf(names: Iterable<string>, head: string): string[] | undefined {
  const byGuid = new Map([...names].map((name) => [parseBundleName(name)?.guid, name]))
  const chain = [head]
  for (let upon = parseBundleName(head)?.upon; upon !== undefined;) {
    const below = byGuid.get(upon)
    if (below === undefined || chain.includes(below)) return undefined
    chain.unshift(below)
    upon = parseBundleName(below)?.upon
  }
  return chain
}

/** Whether a string is a GUID in hex. */
export const isGuid = (name: string): boolean => /^[0-9a-f]{32}$/.test(name)

/** Makes GUIDs and bundle names for one user: the times in GUIDs only grow, whatever the clock does. */
export class ObjectIds {
  readonly #clock: Clock
  /** Eight random bytes stand for process and host. */
  readonly #writer: Buffer
  #lastNs = 0n

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

  /** A name behind all of this epoch in `known`: of a base, or of a diff `upon` the bundle of that name; or (`head`) of either as the head. */
  bundle(epoch: number, known: Iterable<string>, upon?: string, head = false): string {
    let count = 0
    for (const name of known) {
      const parsed = parseBundleName(name)
      if (parsed?.epoch === epoch) count = Math.max(count, parsed.count)
    }
    const rest = `${hex(epoch, 8)}.${hex(count + 1, 8)}.${this.guid()}${upon === undefined ? '' : `-${parseBundleName(upon)!.guid}`}`
    return `${head ? 'head' : upon === undefined ? 'base' : 'diff'}.${rest}`
  }
}
