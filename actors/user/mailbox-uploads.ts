// When a mailbox's index bundle is uploaded, and how. The bundles (bundle-chain.ts) hold everything but the mails: a machine that
// has lost the local state, or never had it, goes on from there and finds newer mails by listing.
//
// - Flag changes and expunges exist in the local state only: uploaded within metacache_upload_interval.
// - New mails can be listed: uploaded after more than obox_max_rescan_mail_count of them.
// - UIDs below the bundle's ceiling may be given out without asking the store. Passing it needs a new bundle first.

import type { Cancel, RequestContext } from '../../runtime/effects.ts'
import { ConditionFailed, TempFail, messageOf } from '../../runtime/errors.ts'
import { chainWith, foundation } from './bundle-chain.ts'
import type { BundleLink, Uploaded } from './bundle-chain.ts'
import type { LoadedMailbox } from './mailbox.ts'
import { mailboxBundle } from './mailbox-bundle.ts'
import type { MailboxBundle } from './mailbox-bundle.ts'
import type { Changes, UploadedAt } from './mailbox-records.ts'
import { isHead } from './object-names.ts'

/** A bundle ready to be written, upon the first `kept` of `chain`, and what it allows and has. */
interface Upload { bundle: MailboxBundle; chain: readonly BundleLink[]; ceiling: number; covers: Changes; at: UploadedAt }

/** How often a head is written again that is not what it was. */
const attempts = 5

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
    const { world, guid } = this.#mailbox
    const bundles = world.bundles(guid)
    await world.ownership.certain(context)
    const lasting = await this.#lasting(context)
    let now = await this.#now(lasting)
    let below: Uploaded | undefined
    // Others are to be upon it.
    if (bundles.headed && now.bundle.body.size > world.limits.bundleDiffBytes) {
      const name = await this.#begin(now.bundle, false)
      below = { name, ...now.bundle, etag: await bundles.write(context, name, now.bundle.body, { ceiling: String(now.ceiling) }) }
      now = await this.#now(chainWith(lasting, below), true)
    }
    const { bundle: { kept, link }, ceiling, covers, at } = now
    const name = await this.#begin(now.bundle, bundles.headed)
    const etag = await this.#write(context, name, now)
    await world.ownership.confirm(context)
    // Durable: UIDNEXT, once told, may not sink below the ceiling again.
    await this.#mailbox.commit({ kind: 'uploaded', name, ceiling, covers, at, link: { kept, link }, etag, ...(below === undefined || kept === 0 ? {} : { below }) }, { durable: true })
    await this.#removeOlder(context)
  }

  /** What there is to upload in this turn: whatever comes later is not covered. `chain`: what it can be upon; `all`: upon all of that. */
  async #now(chain: readonly BundleLink[], all = false): Promise<Upload> {
    const { state, world, cache } = this.#mailbox
    const bytes = await cache.size()
    const ceiling = state.nextUid + world.limits.uidReserveBundle
    return {
      covers: { ...state.unsaved }, ceiling, at: { modseq: state.highestModseq, nextUid: state.nextUid },
      bundle: mailboxBundle(state, this.#mailbox.pendingUids(), ceiling, { path: cache.path, bytes }, world.limits, chain, all),
      chain,
    }
  }

  /** A name for what is going to be written. */
  async #begin({ upon }: MailboxBundle, head: boolean): Promise<string> {
    const { state, world } = this.#mailbox
    const name = world.ids.bundle(world.ownership.epoch, state.bundles, upon, head)
    // Durable: the next bundle's name has to sort behind this one.
    await this.#mailbox.commit({ kind: 'uploading', name }, { durable: true })
    return name
  }

  /** Writes what is to be the newest bundle. Answers its ETag. */
  async #write(context: RequestContext, name: string, { bundle: { body, kept }, chain, ceiling }: Upload): Promise<string> {
    const { state, world, guid } = this.#mailbox
    const bundles = world.bundles(guid)
    const facts = { ceiling: String(ceiling) }
    if (!bundles.headed) return bundles.write(context, name, body, facts)
    const below = chain.slice(0, kept).map((link) => link.name)
    let tag = isHead(state.bundle) ? state.chain.at(-1)?.etag ?? '' : ''
    for (let attempt = 1; ; attempt++) {
      try {
        return await bundles.writeHead(context, name, body, below, facts, tag)
      } catch (error) {
        if (!(error instanceof ConditionFailed)) throw error
        const found = await bundles.head(context)
        // Done all the same: by the first of two tries below us.
        if (found?.name === name) return found.tag
        // Where it is a new owner's, this says so.
        await world.ownership.confirm(context)
        if (attempt === attempts) throw new TempFail(`the head of ${guid} changes all the time`, { cause: error })
        // A write of ours that was given up came late, or a former owner had not noticed yet that it is none: nothing rests on it.
        tag = found?.tag ?? ''
      }
    }
  }

  /** What a diff can be upon: nothing, where the store does not have it any more as it was. */
  async #lasting(context: RequestContext): Promise<readonly BundleLink[]> {
    const { state: { lasting }, world: { bundles, limits, effects, user }, guid, name } = this.#mailbox
    const there = await Promise.all(foundation(lasting, limits).map(async (link) => ({ link, firm: await bundles(guid).has(context, link.name, link.etag) })))
    for (const { link, firm } of there) {
      if (!firm) effects.emit({ level: 'error', name: 'metacache.bundle_damaged', user, text: `Bundle ${link.name} of ${name} is gone or was changed: a new one takes its place` })
    }
    return there.every(({ firm }) => firm) ? lasting : []
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
