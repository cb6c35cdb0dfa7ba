// INPROGRESS: how far a command has come that takes long, which also keeps the connection alive. RFC 9585. Told by a timer, so that a store
// that does not answer is no silence; only by commands that are not in the middle of a response.

import { limits } from '../../../runtime/limits.ts'
import type { Cancel } from '../../../runtime/effects.ts'
import type { ImapSession } from './command.ts'
import { quoted } from './encode.ts'

/** Does `work`, which sends nothing. Every limits.inProgressMs the client hears `done` of `goal` (messages). */
export async function tellingProgress<T>(done: () => number, goal: number, s: ImapSession, work: () => Promise<T>): Promise<T> {
  const { tag } = s.running
  let timer: Cancel
  const ring = (): void => {
    s.send(`OK [INPROGRESS (${quoted(tag)} ${Math.min(done(), goal)} ${goal > 0 ? goal : 'NIL'})] Still at it.`)
    timer = s.effects.timers.after(limits.inProgressMs, ring)
  }
  timer = s.effects.timers.after(limits.inProgressMs, ring)
  try {
    return await work()
  } finally {
    timer()
  }
}
