// The root of a user: its mailbox list and subscriptions, in memory, in the local root journal, and in root bundles.
//
// Changes go one after the other. A change of the mailbox list is in an uploaded root bundle before it is true here
// (unless metacache_bg_root_uploads): names exist nowhere else, and a mail must never lie in a folder without one. A
// failed upload leaves everything as it was; but it may have happened, and then the newest bundle says what is not true
// (that a mailbox was deleted): before a mail goes in anywhere, a new one must have taken its place. Subscriptions go up
// with the next bundle; figures are local.

import type { Cancel, Effects, RequestContext } from '../../runtime/effects.ts'
import { messageOf } from '../../runtime/errors.ts'
import type { Limits } from '../../runtime/limits.ts'
import type { Bundles } from './bundles.ts'
import { Journal } from './journal.ts'
import type { JournalStart } from './journal.ts'
import type { ObjectIds } from './object-names.ts'
import type { Policy } from './policy.ts'
import { RootState, encodeRoot, encodeRootChanges } from './root-state.ts'
import type { RootChange } from './root-state.ts'

export interface RootWorld {
  readonly effects: Effects
  readonly limits: Limits
  readonly policy: Policy
  readonly ids: ObjectIds
  readonly user: string
  readonly bundles: Bundles
}

export class Root {
  readonly #world: RootWorld
  readonly #journal: Journal
  #state: RootState
  #turn: Promise<unknown> = Promise.resolve()
  #timer: Cancel | undefined
  #stopped = false
  /** The newest bundle in the store may hold a change that failed, or was cut off by a crash. */
  #doubtful: boolean
  /** Grows with every change of the list or of subscriptions: whoever computes something from them can keep it. */
  version = 0

  constructor(world: RootWorld, state: RootState, journal: JournalStart) {
    this.#world = world
    this.#state = state
    this.#doubtful = [...state.bundles].some((name) => name > state.bundle)
    this.#journal = new Journal({
      files: world.effects.files, limitBytes: world.limits.journalBytes, durableSnapshots: world.policy.fsync !== 'never',
      snapshot: (generation) => encodeRoot(this.#state, generation),
    }, journal)
    this.#schedule()
  }

  /** Never changed in place by others. */
  get state(): RootState { return this.#state }

  /**
   * Changes the mailbox list. `decide` looks at the state when its turn has come, may do I/O, and answers the changes (or
   * throws: nothing happens). Resolves when they are true and will stay so.
   */
  change<T>(context: RequestContext, decide: (state: RootState) => Promise<{ changes: RootChange[]; result: T }>): Promise<T> {
    return this.#inTurn(async () => {
      const { changes, result } = await decide(this.#state)
      if (changes.length === 0) return result
      if (this.#world.policy.backgroundRootUploads) await this.#write(...changes)
      else await this.#uploadThenWrite(context, changes)
      return result
    })
  }

  /** A change that may reach the store later. */
  note(change: RootChange): Promise<void> { return this.#inTurn(() => this.#write(change)) }

  /** A UIDVALIDITY larger than all before. To be called in `decide`. */
  nextUidValidity(given: number): number {
    return Math.max(Math.trunc(this.#world.effects.clock.now() / 1000), this.#state.lastUidValidity + 1 + given)
  }

  /** Resolves when the newest bundle in the store says nothing that is not true. TempFail if that cannot be had. */
  async certain(context: RequestContext): Promise<void> {
    if (!this.#doubtful) return
    await this.#inTurn(async () => {
      if (this.#doubtful) await this.#upload(context, this.#state, () => Promise.resolve())
    })
  }

  /** Uploads what the store lacks. */
  flush(reason: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state.unsaved > 0 || this.#doubtful) await this.#upload({ user: this.#world.user, reason }, this.#state, () => Promise.resolve())
    })
  }

  /** No more uploads by time. */
  stop(): void {
    this.#stopped = true
    this.#timer?.()
  }

  /** Resolves when everything asked for has ended. */
  async settled(): Promise<void> {
    await this.#turn
    await this.#journal.settled()
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(action)
    this.#turn = mine.catch(() => {})
    return mine
  }

  async #write(...changes: RootChange[]): Promise<void> {
    const { fsync } = this.#world.policy
    const listed = changes.some(({ kind }) => kind === 'create' || kind === 'delete' || kind === 'move' || kind === 'subscribe')
    // The name of a bundle on its way must not be forgotten: the next one has to sort behind it, whatever the clock does.
    const named = changes.some(({ kind }) => kind === 'uploading')
    const annotated = changes.some(({ kind }) => kind === 'metadata' || kind === 'acl')
    const durable = fsync === 'always' || (fsync === 'optimized' && (listed || named || annotated))
    await this.#journal.append(encodeRootChanges(changes), durable, () => {
      for (const change of changes) this.#state.apply(change)
      if (listed) this.version++
    })
    this.#schedule()
  }

  async #uploadThenWrite(context: RequestContext, changes: RootChange[]): Promise<void> {
    const next = this.#state.clone()
    for (const change of changes) next.apply(change)
    let written = false
    try {
      await this.#upload(context, next, async () => {
        await this.#write(...changes)
        written = true
      })
    } catch (error) {
      // The change is true: only the note that it is uploaded is missing, and the next upload makes up for it.
      if (written) return
      this.#doubtful = true
      throw error
    }
  }

  /** Uploads `state`; `between` comes when it is up, and before the journal says that nothing is missing. */
  async #upload(context: RequestContext, state: RootState, between: () => Promise<void>): Promise<void> {
    const { bundles, ids } = this.#world
    const name = ids.bundle([...this.#state.bundles])
    await this.#write({ kind: 'uploading', name })
    const bytes = encodeRoot(state, 0)
    const covers = state.unsaved
    await bundles.write(context, name, { size: bytes.length, parts: [bytes] })
    await between()
    await this.#write({ kind: 'uploaded', name, covers })
    this.#doubtful = false
    const older = [...this.#state.bundles].filter((one) => one !== name)
    // Those that are left are tried again next time.
    const names = await bundles.remove(context, older).catch(() => [])
    if (names.length > 0) await this.#write({ kind: 'removed', names })
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#stopped || this.#state.unsaved === 0) return
    const { effects, policy, user } = this.#world
    this.#timer = effects.timers.after(policy.uploadIntervalMs, () => {
      this.#timer = undefined
      if (this.#stopped) return
      this.flush('metacache:upload_root').catch((error: unknown) => {
        effects.emit({ level: 'warning', name: 'metacache.upload_failed', user, text: `Root index could not be uploaded: ${messageOf(error)}` })
        this.#schedule()
      })
    })
  }
}
