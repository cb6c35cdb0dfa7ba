// The mailboxes of a user that are loaded. One is loaded by whoever needs it first, shared, and closed when nobody has used
// it for a while; who needs it while it is closing waits for that and loads it anew.

import type { Cancel, RequestContext } from '../../runtime/effects.ts'
import { messageOf } from '../../runtime/errors.ts'
import type { LoadedMailbox, MailboxIdentity, MailboxWorld, Target } from './mailbox.ts'
import { loadMailbox } from './mailbox-load.ts'
import type { KeptStatus } from './root-changes.ts'

interface Slot {
  loading: Promise<LoadedMailbox>
  mailbox?: LoadedMailbox
  uses: number
  timer?: Cancel | undefined
  closing?: Promise<void>
}

export interface ShelfOwner {
  readonly world: MailboxWorld
  identity(guid: string): MailboxIdentity
  /** A mailbox is going to be loaded: figures kept of it are true no longer than that. */
  loading(guid: string): void
  /** A mailbox was closed: its figures, while its journal stays as it is. */
  closed(guid: string, kept: KeptStatus): Promise<void>
  /** Nothing is loaded any more. */
  empty(): void
}

export class Shelf {
  readonly #owner: ShelfOwner
  readonly #slots = new Map<string, Slot>()

  constructor(owner: ShelfOwner) { this.#owner = owner }

  get size(): number { return this.#slots.size }

  /** A mailbox that is loaded now, and not on its way out. */
  loaded(guid: string): LoadedMailbox | undefined {
    const slot = this.#slots.get(guid)
    return slot?.closing === undefined ? slot?.mailbox : undefined
  }

  /** Whether it is loaded, or on its way in or out. */
  has(guid: string): boolean { return this.#slots.has(guid) }

  all(): LoadedMailbox[] { return [...this.#slots.keys()].flatMap((guid) => this.loaded(guid) ?? []) }

  /** Loads the mailbox, and keeps it until the answer's `release` is called. Rejects as loadMailbox does. */
  async acquire(context: RequestContext, guid: string): Promise<Target> {
    let slot = this.#slots.get(guid)
    while (slot?.closing !== undefined) {
      await slot.closing
      slot = this.#slots.get(guid)
    }
    if (slot === undefined) {
      this.#owner.loading(guid)
      slot = { loading: loadMailbox(this.#owner.world, this.#owner.identity(guid), context), uses: 0 }
      this.#slots.set(guid, slot)
    }
    return this.#use(guid, slot)
  }

  /** Keeps the mailbox loaded for the time of `action`. Rejects as `acquire` and `action` do. */
  async within<T>(context: RequestContext, guid: string, action: (mailbox: LoadedMailbox) => Promise<T> | T): Promise<T> {
    const { mailbox, release } = await this.acquire(context, guid)
    try { return await action(mailbox) } finally { release() }
  }

  /** Uploads what the store lacks of those that are loaded, and of `guids`. What fails is not uploaded, as their figures say then. */
  async tryUploads(context: RequestContext, guids: readonly string[]): Promise<void> {
    for (const guid of new Set([...this.all().map((mailbox) => mailbox.guid), ...guids])) {
      await this.within(context, guid, (mailbox) => mailbox.uploads.flush()).catch(() => {})
    }
  }

  /** Closes all of them, whoever uses them: views hear that they are gone. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.#slots].map(async ([guid, slot]) => {
      await slot.loading.catch(() => {})
      if (this.#slots.get(guid) === slot) await this.#close(guid, slot)
    }))
  }

  /** A deleted mailbox is forgotten at once; its users keep a mailbox that refuses everything. Resolves when it has come to rest. */
  async drop(guid: string, reason: string): Promise<void> {
    const slot = this.#slots.get(guid)
    if (slot === undefined) return
    const mailbox = await slot.loading.catch(() => undefined)
    mailbox?.leave(reason)
    if (this.#slots.get(guid) === slot) await this.#close(guid, slot)
  }

  async #use(guid: string, slot: Slot): Promise<Target> {
    slot.uses++
    slot.timer?.()
    slot.timer = undefined
    try {
      slot.mailbox = await slot.loading
    } catch (error) {
      if (this.#slots.get(guid) === slot) this.#slots.delete(guid)
      this.#tellIfEmpty()
      throw error
    }
    let released = false
    const release = ({ patient = false } = {}): void => {
      if (released) return
      released = true
      slot.uses--
      if (slot.uses === 0 && slot.closing === undefined) this.#closeLater(guid, slot, patient)
    }
    return { mailbox: slot.mailbox, release }
  }

  /** `patient`: its sessions only sleep, and closing it is to cost no upload that would not have been made with them awake. */
  #closeLater(guid: string, slot: Slot, patient: boolean): void {
    const { effects, limits, policy } = this.#owner.world
    const waits = patient && slot.mailbox!.uploads.due
    slot.timer = effects.timers.after(waits ? policy.uploadIntervalMs : limits.mailboxIdleMs, () => {
      if (waits) this.#closeLater(guid, slot, false)
      else void this.#close(guid, slot)
    })
  }

  /** Never rejects: what could not be written is logged, and the journal has the rest. */
  #close(guid: string, slot: Slot): Promise<void> {
    slot.timer?.()
    slot.timer = undefined
    slot.closing ??= this.#closeNow(guid, slot).finally(() => {
      this.#slots.delete(guid)
      this.#tellIfEmpty()
    })
    return slot.closing
  }

  async #closeNow(guid: string, { mailbox }: Slot): Promise<void> {
    if (mailbox === undefined) return
    const { effects, user } = this.#owner.world
    const deleted = mailbox.gone
    try {
      await mailbox.close({ upload: true })
    } catch (error) {
      effects.emit({ level: 'warning', name: 'user.close_failed', user, text: `${mailbox.name} could not be closed cleanly: ${messageOf(error)}` })
    }
    if (deleted) return
    try {
      await this.#owner.closed(guid, { status: mailbox.status, mark: mailbox.journalMark, unsaved: mailbox.state.unsaved.all > 0, space: await mailbox.space(), ...mailbox.uploads.whole })
    } catch (error) {
      effects.emit({ level: 'warning', name: 'user.figures_lost', user, text: `Figures of ${mailbox.name} could not be kept: ${messageOf(error)}` })
    }
  }

  #tellIfEmpty(): void { if (this.#slots.size === 0) this.#owner.empty() }
}
