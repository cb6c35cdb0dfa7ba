// Who wants to hear of everything that happens to a user's mailboxes, opened or not. Something happens to a mailbox only while it
// is loaded, so that watching costs nothing where nothing happens: one look at `any` for each change.

import type { Cancel } from '../../runtime/effects.ts'
import type { News } from './types.ts'

export class Watchers {
  readonly #watchers = new Set<(news: News) => void>()

  get any(): boolean { return this.#watchers.size > 0 }

  watch(watcher: (news: News) => void): Cancel {
    // A function of its own, so that one watcher may watch twice.
    const entry = (news: News): void => watcher(news)
    this.#watchers.add(entry)
    return () => { this.#watchers.delete(entry) }
  }

  tell(news: News): void { for (const watcher of this.#watchers) watcher(news) }
}
