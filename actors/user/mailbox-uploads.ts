// When a mailbox's index bundle is uploaded, and how. The bundles (bundle-chain.ts) hold everything but the mails: a machine that
// has lost the local state, or never had it, goes on from there and finds newer mails by listing.
//
// - Flag changes and expunges exist in the local state only: uploaded within metacache_upload_interval.
// - New mails can be listed: uploaded after more than obox_max_rescan_mail_count of them.
// - UIDs below the bundle's ceiling may be given out without asking the store. Passing it needs a new bundle first.

import type { Cancel, RequestContext } from '../../runtime/effects.ts'
import { TempFail, messageOf } from '../../runtime/errors.ts'
import type { LoadedMailbox } from './mailbox.ts'
import { foundation } from './bundle-chain.ts'
import { mailboxBundle } from './mailbox-bundle.ts'

export class MailboxUploads {
  readonly #mailbox: LoadedMailbox
  #running: Promise<void> | undefined
  /** To be aborted when somebody waits for what runs. */
  #hurry = new AbortController()
  #timer: Cancel | undefined
  #stopped = false

  constructor(mailbox: LoadedMailbox) { this.#mailbox = mailbox }

  /** Whether closing the mailbox should upload first. */
  get due(): boolean {
    const { unsaved } = this.#mailbox.state
    return this.#worthATimer() || (!this.#mailbox.world.policy.delayUploads && unsaved.all > 0)
  }

  /** The bundles that have everything of the mailbox, if they do. */
  get whole(): { bundle?: string } {
    const { state: { unsaved, garbage, chainNames }, world, guid } = this.#mailbox
    return unsaved.all === 0 && garbage.size === 0 && world.ownership.looking(guid) === undefined ? { bundle: chainNames.join(' ') } : {}
  }

  /** Something has changed: sees to it that it is uploaded in time. */
  changed(): void {
    if (this.#timer !== undefined || this.#stopped || !this.#worthATimer()) return
    const { effects, policy } = this.#mailbox.world
    this.#timer = effects.timers.after(policy.uploadIntervalMs, () => {
      this.#timer = undefined
      if (!this.#stopped) void this.tryUpload()
    })
  }

  #worthATimer(): boolean {
    const { state: { unsaved }, world } = this.#mailbox
    return unsaved.important > 0 || unsaved.mails > world.policy.rescanMails
  }

  /** No more uploads by time. */
  stop(): void {
    this.#stopped = true
    this.#timer?.()
    this.#timer = undefined
  }

  /** Resolves when UIDs below `needed` are covered by an uploaded bundle. TempFail if that cannot be had. */
  async coverUids(needed: number): Promise<void> {
    while (this.#mailbox.state.ceiling < needed) {
      const uploaded = this.upload('obox:mailbox_uids_reserve')
      this.#hurry.abort()
      await uploaded
    }
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> { await this.#running?.catch(() => {}) }

  /** Everything that has changed up to now is in the store afterwards. */
  async flush(): Promise<void> {
    await this.#running?.catch(() => {})
    if (this.#mailbox.state.unsaved.all > 0) await this.upload('metacache:flush_all_changed')
  }

  /** Uploads; a failure is logged, and made up for later. */
  async tryUpload(): Promise<void> {
    try {
      await this.upload('metacache:upload_mailbox')
    } catch (error) {
      if (this.#mailbox.gone) return
      const { effects, user } = this.#mailbox.world
      effects.emit({ level: 'warning', name: 'metacache.upload_failed', user, text: `Index of ${this.#mailbox.name} could not be uploaded: ${messageOf(error)}` })
      this.changed()
    }
  }

  /** Uploads a bundle of now, or waits for the one under way. */
  upload(reason: string): Promise<void> {
    if (this.#running !== undefined) return this.#running
    this.#hurry = new AbortController()
    this.#running = this.#upload({ user: this.#mailbox.world.user, reason, hurry: this.#hurry.signal }).finally(() => { this.#running = undefined })
    return this.#running
  }

  async #upload(context: RequestContext): Promise<void> {
    const { state, world, cache, guid } = this.#mailbox
    await world.ownership.certain(context)
    const firm = await this.#isFirm(context)
    const cacheBytes = await cache.size()
    // What goes up is taken in this turn: whatever comes later is not covered.
    const covers = { ...state.unsaved }
    const ceiling = state.nextUid + world.limits.uidReserveBundle
    const at = { modseq: state.highestModseq, nextUid: state.nextUid }
    const { body, upon, kept, link } = mailboxBundle(state, this.#mailbox.pendingUids(), ceiling, { path: cache.path, bytes: cacheBytes }, world.limits, firm)
    const name = world.ids.bundle(world.ownership.epoch, state.bundles, upon)
    // Durable: the next bundle's name has to sort behind this one.
    await this.#mailbox.commit({ kind: 'uploading', name }, { durable: true })
    const etag = await world.bundles(guid).write(context, name, body, { ceiling: String(ceiling) })
    await world.ownership.confirm(context)
    // Durable: UIDNEXT, once told, may not sink below the ceiling again.
    await this.#mailbox.commit({ kind: 'uploaded', name, ceiling, covers, at, link: { kept, link }, etag }, { durable: true })
    await this.#removeOlder(context)
  }

  /** Whether the store has what a diff would be upon. */
  async #isFirm(context: RequestContext): Promise<boolean> {
    const { state: { chain }, world: { bundles, limits, effects, user }, guid, name } = this.#mailbox
    const there = await Promise.all(foundation(chain, limits).map(async (link) => ({ link, firm: await bundles(guid).has(context, link.name, link.etag) })))
    for (const { link, firm } of there) {
      if (!firm) effects.emit({ level: 'error', name: 'metacache.bundle_damaged', user, text: `Bundle ${link.name} of ${name} is gone or was changed: a new one takes its place` })
    }
    return there.every(({ firm }) => firm)
  }

  async #removeOlder(context: RequestContext): Promise<void> {
    const { state, world, guid } = this.#mailbox
    const needed = new Set(state.chainNames)
    const older = [...state.bundles].filter((name) => !needed.has(name))
    try {
      const names = await world.bundles(guid).remove(context, older)
      if (names.length > 0) await this.#mailbox.commit({ kind: 'removed', names })
    } catch (error) {
      // They are tried again after the next upload.
      if (!(error instanceof TempFail)) throw error
    }
  }
}
