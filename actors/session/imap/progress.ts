// INPROGRESS: how far a command has come that takes long, which also keeps the connection alive. RFC 9585 §4. Told by a timer, so that a store
// that does not answer is no silence; only by commands that are not in the middle of a response.

import { limits } from '../../../runtime/limits.ts'
import type { Cancel } from '../../../runtime/effects.ts'
import type { ImapSession } from './command.ts'
import { quoted } from './encode.ts'

/** Does `work`, which sends nothing. Every limits.inProgressMs the client hears `done` of `goal` (messages). */
export async function tellingProgress<T>(done: () => number, goal: number, s: ImapSession, work: () => Promise<T>): Promise<T> {
  // A tag that would end the response code cannot be said in it.
  const tag = s.running.tag.includes(']') ? 'NIL' : quoted(s.running.tag)
  let timer: Cancel
  const ring = (): void => {
    // Who has reached the goal has an answer to give, and no progress to tell.
    const progress = goal > 0 ? `${Math.min(done(), goal - 1)} ${goal}` : `${done()} NIL`
    s.send(`OK [INPROGRESS (${tag} ${progress})] Still at it.`)
    timer = s.effects.timers.after(limits.inProgressMs, ring)
  }
  timer = s.effects.timers.after(limits.inProgressMs, ring)
  try {
    return await work()
  } finally {
    timer()
  }
}
