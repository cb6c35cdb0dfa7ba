// verbose_proctitle: `ps` shows how many connections there are of each service, as `culver [12 imap, 3 imap-proxy]`. In Dovecot a
// process of each connection shows its user; here is one process for all, and `culver adm who` tells users.

import type { Timers } from '../runtime/effects.ts'
import { limits } from '../runtime/limits.ts'

/** Connections of each service. */
type Counts = ReadonlyMap<string, number>

export class ProcessTitle {
  readonly #timers: Timers
  readonly #counts: () => Counts | undefined
  readonly #own: string
  #waits = false

  /** `counts`: as they are now; undefined: the title is left, or becomes again, what it was. */
  constructor(timers: Timers, counts: () => Counts | undefined) {
    this.#timers = timers
    this.#counts = counts
    this.#own = process.title
  }

  /** Something has changed: it is shown in a moment, with all that changes until then. */
  changed(): void {
    if (this.#waits) return
    this.#waits = true
    this.#timers.after(limits.processTitleMs, () => {
      this.#waits = false
      const counts = this.#counts()
      const title = counts === undefined ? this.#own : titleOf(counts)
      if (process.title !== title) process.title = title
    })
  }
}

const titleOf = (counts: Counts): string =>
  `culver [${[...counts].filter(([, count]) => count > 0).sort().map(([service, count]) => `${count} ${service}`).join(', ') || 'idle'}]`
