// What clients that went away remember of a mailbox: its messages and their flags as of a modseq. Whenever they come back,
// what the mailbox says has changed since must lead from there to what it is now (RFC 7162 §3.2.5): each message they know
// is there unchanged, or there with a later modseq, or among the vanished.

import type { Mailbox } from '../../actors/user/types.ts'
import { flagsOf } from './flags.ts'
import { promised } from './violation.ts'

interface Memory { modseq: number; flags: Map<number, string> }

/** Memories kept of one mailbox. */
const most = 20

export class Remembered {
  readonly #memories = new Map<string, Memory[]>()
  /** How often a client came back. */
  compared = 0

  /** Holds the mailbox against all memories of it, and remembers it as it is. Nothing of it may be half told: call it in one turn. */
  visit(mailbox: Mailbox): void {
    const key = `${mailbox.guid} ${mailbox.uidValidity}`
    const memories = this.#memories.get(key) ?? []
    this.#memories.set(key, memories)
    for (const memory of memories) this.#compare(mailbox, memory)
    memories.push({ modseq: mailbox.highestModseq, flags: flagsByUid(mailbox) })
    if (memories.length > most) memories.splice(memories.length >>> 1, 1)
  }

  /** Loss of power may have taken changes back that clients have seen. */
  forget(): void { this.#memories.clear() }

  #compare(mailbox: Mailbox, { modseq, flags }: Memory): void {
    this.compared++
    const { name, messages } = mailbox
    const now = flagsByUid(mailbox)
    const vanished = mailbox.vanishedSince(modseq)
    const isVanished = (uid: number): boolean => vanished === undefined || vanished.some(({ first, last }) => first <= uid && uid <= last)
    for (const [uid, before] of flags) {
      if (!now.has(uid)) promised(isVanished(uid), () => `${name}: UID ${uid} was there at modseq ${modseq}, and has not vanished since`)
      else promised(now.get(uid) === before || messages.modseqs[messages.rowOf(uid)]! > modseq,
        () => `${name}: UID ${uid} had ${before} at modseq ${modseq} and has ${now.get(uid)}, and has not changed since`)
    }
    for (const { first, last } of vanished ?? []) {
      for (const uid of now.keys()) promised(uid < first || uid > last, () => `${name}: UID ${uid} is there, and has vanished since modseq ${modseq}`)
    }
  }
}

function flagsByUid({ messages, keywords }: Mailbox): Map<number, string> {
  const { uids, count } = messages.uidList()
  return new Map(Array.from(uids.subarray(0, count), (uid, row) => {
    const names = messages.keywordsOf(row).map((keyword) => keywords[keyword] ?? '?')
    return [uid, [...flagsOf(messages.flags[row] ?? 0, names)].sort().join(' ')]
  }))
}
