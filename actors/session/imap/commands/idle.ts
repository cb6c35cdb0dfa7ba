// IDLE. RFC 2177: what happens in the mailbox is told at once, until DONE. All updates of one turn are told together. A session that
// has said NOTIFY hears in IDLE what it hears without (RFC 5465 §4).

import type { Cancel } from '../../../../runtime/effects.ts'
import { Buffer } from 'node:buffer'
import { BreaksSequences, ExpectsNews, WaitsForPipeline, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { Bad } from '../result.ts'

/** The news of a session that idles. */
class Idling {
  readonly #s: ImapSession
  #unsubscribe: Cancel | undefined
  #soon: Cancel | undefined
  #stillHere: Cancel | undefined
  /** The client is slow, or is being told of new messages, or the session wakes: what happens meanwhile is told behind that. */
  #full = false
  #over = false

  constructor(s: ImapSession) { this.#s = s }

  begin(): void {
    if (this.#s.hasSelected && !this.#s.notified) this.#unsubscribe = this.#s.selected.listen(() => this.#news())
    this.#tell()
    this.#keepAlive()
  }

  end(): void {
    this.#over = true
    this.#unsubscribe?.()
    this.#soon?.()
    this.#stillHere?.()
  }

  #news(): void {
    if (this.#over || this.#full) return
    this.#soon ??= this.#s.soon(() => this.#tell())
  }

  #tell(): void {
    this.#soon = undefined
    const { asleep } = this.#s
    if (!asleep && this.#s.speaking === undefined) {
      this.#s.sync()
      this.#s.speak()
    }
    const busy = asleep ? this.#s.wake() : this.#s.speaking ?? this.#s.flush()
    if (busy === undefined) return
    this.#full = true
    // Where the client is gone, the session hears of it by itself.
    busy.then(() => { this.#full = false; this.#news() }, () => {})
  }

  /** imap_idle_notify_interval: keeps firewalls from forgetting the connection. */
  #keepAlive(): void {
    const interval = this.#s.settings.imap_idle_notify_interval
    if (interval === 0) return
    this.#stillHere = this.#s.effects.timers.after(interval, () => {
      if (!this.#full && this.#s.speaking === undefined) this.#s.send('OK Still here')
      this.#keepAlive()
    })
  }
}

export default command({
  name: 'IDLE', capability: 'IDLE', states: ['authenticated'], flags: BreaksSequences | ExpectsNews | WaitsForPipeline,
  parse: () => undefined,
  async run(_, s) {
    s.write('+ idling\r\n')
    const idling = new Idling(s)
    try {
      idling.begin()
      const line = Buffer.from(await s.nextLine()).toString('latin1')
      if (line.trimEnd().toUpperCase() !== 'DONE') throw new Bad('Expected DONE.')
    } finally {
      idling.end()
      if (s.speaking !== undefined) await s.speaking
    }
    return ok('Idle completed.')
  },
})
