// What the world was promised: of each mailbox the mails that were acknowledged, those that nobody knows of (the process
// died, or answered with an error), and each flag's possible values. `observe` holds a freshly opened user against it,
// and takes what it saw for the truth from there on.
//
// Rules it knows (DESIGN §4 "Never lost"):
// - An acknowledged mail is there, under its UID, until somebody tried to expunge or move it, or to delete its mailbox.
// - What was not acknowledged may be there or not, at most once; and go again while a deletion of it may be on the wire.
// - After the local disk was lost, what was expunged or deleted may be back, and flags may be older; names too.
// - Where an object of the index was damaged and had to be read, more may be lost (harms.ts).
// - Where listings lag, what was acknowledged shortly before the local disk was lost, or the user moved, may come later, under another UID.
// - (name, UIDVALIDITY, UID) and (guid, UIDVALIDITY, UID) mean one mail for ever. UIDNEXT never sinks.

import { MailboxModel } from './mailbox-model.ts'
import type { ModelClock, Row } from './mailbox-model.ts'
import { Register } from './register.ts'
import type { Pending } from './register.ts'
import { Remembered } from './remembered.ts'
import { promised } from './violation.ts'

/** A mailbox as it was found. `rows` of the mails it has, with their content identified. */
export interface Found { guid: string; name: string; uidValidity: number; uidNext: number; rows: Row[] }

export class Model {
  /** By guid: all that ever were. */
  readonly mailboxes = new Map<string, MailboxModel>()
  /** By modseq: what the mailboxes tell those that come back. */
  readonly remembered = new Remembered()
  readonly #byUidValidity = new Map<number, MailboxModel>()
  /** `name or guid, uidvalidity, uid` → mail. */
  readonly #meanings = new Map<string, number>()
  /** Mails that were on the move when the answer was lost: they must be somewhere. */
  readonly #moving = new Set<number>()
  /** Mails that listings did not know of when a user was opened without its local state: they must come. */
  readonly #late = new Set<number>()
  /** How often one was waited for. */
  lateMails = 0
  /** Names that a creation without an answer may have left behind, and the mails that such a mailbox may have. */
  readonly #maybeCreated = new Map<string, readonly number[]>()
  readonly #subscriptions = new Map<string, Register>()
  readonly #clock: ModelClock
  #openedMs: number | undefined
  #moved = false
  #moments = 0
  #lostDisk = false
  /** Since something was lost that may come back by itself much later. */
  #unsettled = false
  #lostNames = false
  /** A list was lost once: the next may give out UIDVALIDITYs of mailboxes that were deleted. */
  #lostOnce = false

  constructor(clock: ModelClock) { this.#clock = clock }

  /** The next moment of the model's time. */
  tick(): number { return ++this.#moments }

  /** A mailbox that the engine says it has created, or that was found for the first time. */
  add(guid: string, name: string, uidValidity: number): MailboxModel {
    const known = this.mailboxes.get(guid)
    if (known !== undefined) return known
    const other = this.#byUidValidity.get(uidValidity)
    promised(other === undefined || (this.#lostOnce && other.names.size === 1 && other.names.has(undefined)), () => `UIDVALIDITY ${uidValidity} of ${name} was that of ${other?.nameNow ?? '?'} before`)
    const mailbox: MailboxModel = new MailboxModel(guid, name, uidValidity, (where, uid, mail) => { this.#means(where, mailbox.uidValidity, uid, mail) }, this.#clock)
    for (const mail of this.#maybeCreated.get(name) ?? []) {
      mailbox.maybe(mail)
      // A first attempt may have left its copies behind.
      mailbox.leftovers.add(mail)
    }
    this.mailboxes.set(guid, mailbox)
    this.#byUidValidity.set(uidValidity, mailbox)
    return mailbox
  }

  byUidValidity(uidValidity: number): MailboxModel {
    const mailbox = this.#byUidValidity.get(uidValidity)
    promised(mailbox !== undefined, () => `an answer with UIDVALIDITY ${uidValidity}, which no mailbox has`)
    return mailbox
  }

  /** The mailboxes that may now have this name. */
  named(name: string): MailboxModel[] { return [...this.mailboxes.values()].filter((mailbox) => mailbox.names.has(name)) }

  maybeCreated(name: string, mails: readonly number[] = []): void { this.#maybeCreated.set(name, mails) }

  /** Nobody knows whether these moved: none may be lost. */
  moving(mails: Iterable<number>): void { for (const mail of mails) this.#moving.add(mail) }

  /** They arrived, stayed, or somebody has removed them since. */
  settled(mails: Iterable<number>): void {
    for (const mail of mails) {
      this.#moving.delete(mail)
      this.#late.delete(mail)
    }
  }

  /** The mail under a UID is being removed, or any of those that nobody knows: it need not be anywhere any more. */
  forget(mailbox: MailboxModel, uid: number): void {
    const mail = mailbox.mailOf(uid)
    this.settled(mail === undefined ? mailbox.uncertain.keys() : [mail])
  }

  /** All acknowledged mails that must be there. */
  get promisedMails(): number {
    let count = 0
    for (const mailbox of this.mailboxes.values()) count += mailbox.promisedCount
    return count
  }

  beginSubscription(name: string, on: boolean): Pending {
    let register = this.#subscriptions.get(name)
    if (register === undefined) this.#subscriptions.set(name, register = new Register())
    return register.begin(on, this.tick())
  }

  /** A mailbox of this name is deleted or renamed: whether the name stays subscribed is the engine's choice. */
  forgetSubscription(name: string): void {
    this.beginSubscription(name, false)
    this.beginSubscription(name, true)
  }

  /** The local disk was lost: what was superseded since the last upload may be back. */
  loseDisk(): void {
    this.#lostDisk = true
    this.#unsettled = true
    for (const mailbox of this.mailboxes.values()) mailbox.loseDisk()
  }

  /** The process has ended: a record that was on its way may be torn. */
  crash(): void { for (const mailbox of this.mailboxes.values()) mailbox.crash() }

  /** The latest flags were lost: any may be older. */
  loseFlags(): void { for (const mailbox of this.mailboxes.values()) mailbox.loseFlags() }

  /** The list in the store may be lost too. */
  loseNames(): void {
    this.loseDisk()
    this.#lostNames = this.#lostOnce = true
    for (const mailbox of this.mailboxes.values()) mailbox.loseName()
  }
  /** A user is opened: what is seen next may be as its store was listed from now on, by a process that has died since perhaps. */
  opening(): void { this.#openedMs ??= this.#clock.nowMs }

  /** It will be by another machine, which finds the latest mails by listing. */
  toAnother(): void { this.#moved = true }

  /** Everything is in the store now. */
  checkpoint(): void {
    this.#unsettled = false
    for (const mailbox of this.mailboxes.values()) mailbox.checkpoint()
    for (const register of this.#subscriptions.values()) register.checkpoint()
  }

  /** Holds a freshly opened user against the promises. Nothing may be under way. Answers the mails compared. */
  observe(found: Found[], subscribed: ReadonlySet<string>): number {
    const openedMs = this.#openedMs ?? 0
    this.#openedMs = undefined
    const now = this.tick()
    promised(new Set(found.map(({ name }) => name)).size === found.length, () => `two mailboxes of one name: ${found.map(({ name }) => name).join()}`)
    const first = this.mailboxes.size === 0
    for (const { guid, name, uidValidity, rows } of found) {
      if (this.mailboxes.has(guid)) continue
      // A lost disk may have known mailboxes that had no mail yet; then the names are free for new ones.
      promised(first || this.#maybeCreated.has(name) || (this.#lostDisk && rows.length === 0), () => `a mailbox ${name} that nobody created`)
      this.add(guid, name, uidValidity)
    }
    this.#maybeCreated.clear()
    const byGuid = new Map(found.map((one) => [one.guid, one]))
    for (const mailbox of this.mailboxes.values()) {
      const one = byGuid.get(mailbox.guid)
      if (one !== undefined) {
        if (one.uidValidity !== mailbox.uidValidity) this.#renew(mailbox, one)
        for (const mail of mailbox.observe(one, now, openedMs, this.#moved)) this.#isLate(mail)
        continue
      }
      for (const mail of mailbox.mails()) this.#late.delete(mail)
      mailbox.observeAbsence()
    }
    const everywhere = new Set(found.flatMap((one) => one.rows.map((row) => row.mail)))
    for (const mail of this.#moving) {
      promised(everywhere.has(mail) || ((this.#moved || this.#lostDisk) && this.#clock.lagMs > 0), () => `mail ${mail} was lost while it was moved`)
      if (!everywhere.has(mail)) this.#isLate(mail)
    }
    for (const mail of this.#late) if (everywhere.has(mail)) this.#late.delete(mail)
    this.#moving.clear()
    for (const [name, register] of this.#subscriptions) {
      promised(this.#lostNames || register.allows(subscribed.has(name), this.#unsettled), () => `${name} is ${subscribed.has(name) ? '' : 'not '}subscribed, which nobody asked for`)
      register.observe(subscribed.has(name), now)
    }
    this.#lostDisk = this.#lostNames = this.#moved = false
    return found.reduce((sum, one) => sum + one.rows.length, 0)
  }

  /** It was found with another UIDVALIDITY. */
  #renew(mailbox: MailboxModel, { name, uidValidity }: Found): void {
    const other = this.#byUidValidity.get(uidValidity)
    // One that was deleted is not in an older list.
    promised(other === undefined || (other.names.size === 1 && other.names.has(undefined)), () => `UIDVALIDITY ${uidValidity} of ${name} was that of ${other?.nameNow ?? '?'} before`)
    if (this.#byUidValidity.get(mailbox.uidValidity) === mailbox) this.#byUidValidity.delete(mailbox.uidValidity)
    this.#byUidValidity.set(uidValidity, mailbox)
  }

  /** Every listing has been looked at again since. */
  nothingIsLate(): void {
    for (const mail of this.#late) promised(false, () => `acknowledged mail ${mail} has not come back`)
  }

  #isLate(mail: number): void {
    this.#late.add(mail)
    this.lateMails++
  }

  #means(where: string, uidValidity: number, uid: number, mail: number): void {
    const key = `${where} ${uidValidity} ${uid}`
    const before = this.#meanings.get(key)
    promised(before === undefined || before === mail, () => `${where}: UIDVALIDITY ${uidValidity} UID ${uid} was mail ${before}, now it is mail ${mail}`)
    this.#meanings.set(key, mail)
  }
}
