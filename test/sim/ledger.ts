// What clients of several backends were promised, that have one user at the same time: each backend has its own view until all
// have told each other, so nothing is compared before the end but that a UID means one mail for ever, wherever it is seen.

import { promised } from './violation.ts'

/** A mailbox as it is found at the end. */
export interface EndMailbox { guid: string; name: string; uidValidity: number; rows: { uid: number; mail: number; flags: ReadonlySet<string> }[] }

interface Placed {
  /** How often the mail may be there at most, and whether somebody acknowledged it. */
  attempts: number
  acknowledged: boolean
  /** A removal was tried: nothing is promised any more. */
  removed: boolean
  /** Flags that were only ever set, by acknowledged requests. */
  flags: Set<string>
}

export class Ledger {
  /** By mailbox and mail. */
  readonly #placed = new Map<string, Placed>()
  readonly #meanings = new Map<string, number>()
  readonly #uidValidities = new Map<string, number>()
  readonly #expunged = new Map<string, Set<number>>()
  /** Mailboxes whose creation was acknowledged; those that may have been deleted or renamed. */
  readonly #created = new Map<string, string>()
  readonly #doubtful = new Set<string>()
  readonly #renamed = new Set<string>()
  readonly #subscribed = new Set<string>()
  /** A local disk was lost: flags, expunges, subscriptions that only it had are lost with it; mails never are. */
  lostDisk = false
  /** The store forgot conditions: of what two owners did at once only the mails are promised, and that each is somewhere. */
  forgetful = false

  /** Mails that had to be there at the end. */
  checked = 0

  attempt(guid: string, mail: number): void { this.#at(guid, mail).attempts++ }

  acknowledge(guid: string, uidValidity: number, uid: number, mail: number, flags: Iterable<string>): void {
    this.means(guid, uidValidity, uid, mail)
    const placed = this.#at(guid, mail)
    placed.acknowledged = true
    for (const flag of flags) placed.flags.add(flag)
  }

  /** Somebody was shown this. */
  means(guid: string, uidValidity: number, uid: number, mail: number): void {
    const known = this.#uidValidities.get(guid) ?? uidValidity
    promised(known === uidValidity || this.forgetful, () => `UIDVALIDITY of ${guid} was ${known} and is ${uidValidity}`)
    this.#uidValidities.set(guid, uidValidity)
    const key = `${guid} ${uid}`
    const before = this.#meanings.get(key)
    promised(before === undefined || before === mail || this.forgetful, () => `UID ${uid} of ${guid} was mail ${before}, now it is mail ${mail}`)
    this.#meanings.set(key, mail)
  }

  mailOf(guid: string, uid: number): number | undefined { return this.#meanings.get(`${guid} ${uid}`) }

  removing(guid: string, mail: number): void { this.#at(guid, mail).removed = true }
  expunged(guid: string, uid: number): void {
    const uids = this.#expunged.get(guid) ?? new Set()
    this.#expunged.set(guid, uids.add(uid))
  }
  flagged(guid: string, mail: number, flag: string): void { this.#at(guid, mail).flags.add(flag) }
  unflagging(guid: string, mail: number, flag: string): void { this.#at(guid, mail).flags.delete(flag); this.#noFlags.add(`${guid} ${mail} ${flag}`) }
  readonly #noFlags = new Set<string>()

  created(guid: string, name: string): void { this.#created.set(guid, name) }
  deleting(guid: string): void { this.#doubtful.add(guid) }
  renaming(guid: string): void { this.#renamed.add(guid) }
  subscribed(name: string): void { this.#subscribed.add(name) }

  /** Holds what is there at the end against all this. */
  compare(found: readonly EndMailbox[], subscribed: ReadonlySet<string>): void {
    const byGuid = new Map(found.map((mailbox) => [mailbox.guid, mailbox]))
    promised(new Set(found.map(({ name }) => name)).size === found.length, () => `two mailboxes of one name: ${found.map(({ name }) => name).join()}`)
    if (this.forgetful) return this.#compareMails(found)
    for (const [guid, name] of this.#created) {
      const mailbox = byGuid.get(guid)
      promised(mailbox !== undefined || this.#doubtful.has(guid), () => `mailbox ${name} is lost`)
      promised(mailbox === undefined || this.#renamed.has(guid) || mailbox.name === name || mailbox.name === `${name}-${guid}`, () => `mailbox ${name} is called ${mailbox?.name}`)
    }
    for (const { guid, uidValidity, rows } of found) for (const { uid, mail } of rows) this.means(guid, uidValidity, uid, mail)
    for (const [key, placed] of this.#placed) this.#compareOne(key, placed, byGuid)
    if (this.lostDisk) return
    for (const name of this.#subscribed) promised(subscribed.has(name), () => `${name} is not subscribed any more`)
    for (const [guid, uids] of this.#expunged) {
      for (const { uid, mail } of byGuid.get(guid)?.rows ?? []) promised(!uids.has(uid), () => `UID ${uid} (mail ${mail}) of ${guid} was expunged and is there`)
    }
  }

  #compareMails(found: readonly EndMailbox[]): void {
    const everywhere = new Set(found.flatMap(({ rows }) => rows.map(({ mail }) => mail)))
    const removed = new Set([...this.#placed].flatMap(([key, placed]) => (placed.removed ? [Number(key.slice(key.indexOf(' ') + 1))] : [])))
    for (const [key, { acknowledged }] of this.#placed) {
      const mail = Number(key.slice(key.indexOf(' ') + 1))
      if (!acknowledged || removed.has(mail)) continue
      this.checked++
      promised(everywhere.has(mail), () => `acknowledged mail ${mail} is lost`)
    }
  }

  #compareOne(key: string, { attempts, acknowledged, removed, flags }: Placed, byGuid: ReadonlyMap<string, EndMailbox>): void {
    const [guid, mail] = [key.slice(0, key.indexOf(' ')), Number(key.slice(key.indexOf(' ') + 1))]
    const mailbox = byGuid.get(guid)
    const rows = (mailbox?.rows ?? []).filter((row) => row.mail === mail)
    promised(rows.length <= attempts, () => `mail ${mail} is in ${mailbox?.name} ${rows.length} times, and was put there ${attempts} times at most`)
    if (!acknowledged || removed || this.#doubtful.has(guid)) return
    this.checked++
    promised(rows.length > 0, () => `acknowledged mail ${mail} is lost from ${mailbox?.name ?? guid}`)
    if (this.lostDisk || attempts > 1) return
    for (const flag of flags) {
      if (!this.#noFlags.has(`${key} ${flag}`)) promised(rows.some((row) => row.flags.has(flag)), () => `mail ${mail} (UIDs ${rows.map(({ uid }) => uid).join()}) in ${mailbox?.name} has lost ${flag}`)
    }
  }

  #at(guid: string, mail: number): Placed {
    const key = `${guid} ${mail}`
    let placed = this.#placed.get(key)
    if (placed === undefined) this.#placed.set(key, placed = { attempts: 0, acknowledged: false, removed: false, flags: new Set() })
    return placed
  }
}
