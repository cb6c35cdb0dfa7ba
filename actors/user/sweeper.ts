// Deletes the objects of expunged mails (and of mails that were never acknowledged) in the background. What is to be
// deleted is in the journal: after a crash it goes on where it was.

import type { RequestContext } from '../../runtime/effects.ts'
import { messageOf } from '../../runtime/errors.ts'
import type { LoadedMailbox } from './mailbox.ts'

export class Sweeper {
  readonly #mailbox: LoadedMailbox
  #running: Promise<void> | undefined

  constructor(mailbox: LoadedMailbox) { this.#mailbox = mailbox }

  /** Objects that belong to no message. Where the disk refuses to remember them, they are deleted all the same. */
  add(oids: string[]): void {
    if (oids.length === 0) return
    this.#mailbox.commit({ kind: 'garbage', oids }).then(
      () => { this.wake() },
      () => {
        for (const oid of oids) this.#mailbox.state.garbage.add(oid)
        this.wake()
      })
  }

  /** There is something to delete. */
  wake(): void {
    if (this.#mailbox.state.garbage.size === 0 || this.#mailbox.gone) return
    this.#running ??= this.#sweep().finally(() => { this.#running = undefined })
  }

  async settled(): Promise<void> { await this.#running }

  async #sweep(): Promise<void> {
    const { state, world, guid } = this.#mailbox
    const context: RequestContext = { user: world.user, reason: 'obox:expunge' }
    try {
      await world.ownership.certain(context)
      // Goes on behind what is deleted already: garbage may be a whole mailbox.
      let waiting = state.garbage.values()
      while (state.garbage.size > 0 && !this.#mailbox.gone) {
        const oids = waiting.take(world.policy.deletesAtOnce).toArray()
        if (oids.length === 0) { waiting = state.garbage.values(); continue }
        // Another backend's mails by now, for all we know.
        await world.ownership.held()
        const gone = await world.obox.deleteMany(context, guid, oids)
        if (gone.length > 0) await this.#mailbox.commit({ kind: 'swept', oids: gone })
        // The store refuses some: they wait for the next expunge or the next opening.
        if (gone.length < oids.length) return
      }
    } catch (error) {
      if (this.#mailbox.gone) return
      world.effects.emit({ level: 'warning', name: 'obox.delete_failed', user: world.user, text: `Objects of expunged mails in ${this.#mailbox.name} are not deleted yet: ${messageOf(error)}` })
    }
  }
}
