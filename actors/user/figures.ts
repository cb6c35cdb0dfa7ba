// What a mailbox has (STATUS), without loading it where that can be spared: from memory where it is loaded, from what was kept when
// it was closed while its journal is as it was then, else by loading it.

import type { RequestContext } from '../../runtime/effects.ts'
import type { MailboxFolders } from './folders.ts'
import { journalMark } from './local-state.ts'
import type { MailboxWorld } from './mailbox.ts'
import type { Shelf } from './shelf.ts'
import type { MailboxStatus } from './types.ts'

export class Figures {
  readonly #world: Pick<MailboxWorld, 'effects'>
  readonly #folders: MailboxFolders
  readonly #shelf: Shelf
  /** Mailboxes whose kept figures are known to be true: they have not been loaded since. */
  readonly #unchanged = new Set<string>()

  constructor(world: Pick<MailboxWorld, 'effects'>, folders: MailboxFolders, shelf: Shelf) {
    this.#world = world
    this.#folders = folders
    this.#shelf = shelf
  }

  /** The mailbox was closed, and its figures were kept. */
  closed(guid: string): void { this.#unchanged.add(guid) }

  /** It is going to be loaded. */
  loading(guid: string): void { this.#unchanged.delete(guid) }

  /** Rejects as loading does. */
  async of(context: RequestContext, guid: string): Promise<MailboxStatus> { return this.#known(guid) ?? this.#found(context, guid) }

  #known(guid: string): MailboxStatus | undefined {
    return this.#shelf.loaded(guid)?.status ?? (this.#unchanged.has(guid) ? this.#folders.keptStatus(guid)?.status : undefined)
  }

  async #found(context: RequestContext, guid: string): Promise<MailboxStatus> {
    const kept = this.#folders.keptStatus(guid)
    // Those of an older version lack some.
    if (kept?.status.deletedSize !== undefined && !this.#shelf.has(guid)) {
      const mark = await journalMark(this.#world.effects, this.#folders.identity(guid).directory)
      if (mark?.generation === kept.mark.generation && mark.size === kept.mark.size) {
        if (!this.#shelf.has(guid)) this.#unchanged.add(guid)
        return kept.status
      }
    }
    return this.#shelf.within(context, guid, (mailbox) => mailbox.status)
  }
}
