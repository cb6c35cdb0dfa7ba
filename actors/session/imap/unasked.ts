// FETCH responses that no command asks for: what a client wants to know of each new message. RFC 5465 §5.2 (NOTIFY), §7 (SEARCH RETURN
// (UPDATE (…))).
//
// - All that is wanted of a message comes in one response, without anything twice.
// - It comes behind EXISTS and before the ADDTO of the search that wants it (§7). Searches that want nothing tell theirs before it (§5.2);
//   the two sections contradict each other (erratum 4833), and a server may do either.

import type { Timers } from '../../../runtime/effects.ts'
import { Cancelled } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import type { ImapSession } from './command.ts'
import { distinct } from './fetch/attributes.ts'
import type { Wanted } from './fetch/attributes.ts'
import { fetchColumns, fetchMessages } from './fetch/run.ts'
import { SequenceSet } from './sequence-set.ts'

/** What is wanted of some messages. `told`: called when the client has it. */
export interface Due { readonly uids: readonly number[]; readonly fetch: readonly Wanted[]; told?(): void }

/** Tells what is due of the selected mailbox. Never rejects: a failure is the session's. */
export async function tellDue(dues: readonly Due[], s: ImapSession): Promise<void> {
  try {
    if (!await fetchDue(dues, s)) s.send('NO Some new messages cannot be read now')
  } catch (error) {
    if (!(error instanceof Cancelled)) s.soon(() => { throw error })
  }
}

/** Answers whether all of it could be read. */
async function fetchDue(dues: readonly Due[], s: ImapSession): Promise<boolean> {
  let whole = true
  for (const { uids, fetch } of together(dues)) {
    const { view } = s.selected
    const ranges = SequenceSet.of(uids.map((uid) => view.seqOf(uid)).filter((seq) => seq > 0)).ranges
    if (ranges.length === 0) continue
    const columns = fetch.every(({ item }) => item.needs === 'columns')
    const outcome = columns ? await fetchColumns(fetch, ranges, s) : await fetchMessages(fetch, ranges, s, false)
    if (outcome.unavailable || outcome.unreadable) whole = false
  }
  for (const due of dues) due.told?.()
  return whole
}

/** In the order of the mailbox; neighbours of whom the same is wanted stay together. */
function together(dues: readonly Due[]): Due[] {
  const wanted = new Map<number, Wanted[]>()
  for (const { uids, fetch } of dues) for (const uid of uids) wanted.set(uid, [...wanted.get(uid) ?? [], ...fetch])
  const groups: { uids: number[]; fetch: readonly Wanted[] }[] = []
  let key = ''
  for (const uid of Uint32Array.from(wanted.keys()).sort()) {
    const fetch = distinct(wanted.get(uid)!)
    const its = fetch.map(({ item, args }) => `${item.names[0]} ${JSON.stringify(args)}`).join()
    if (groups.length > 0 && its === key) groups.at(-1)!.uids.push(uid)
    else groups.push({ uids: [uid], fetch })
    key = its
  }
  return groups
}

/** Searches that go on have decided about what was told, or it takes too long to wait for. Undefined: they have. */
export function decided(selection: { readonly deciding: Promise<unknown> | undefined; tellDecided(): void }, timers: Timers): Promise<void> | undefined {
  const { deciding } = selection
  if (deciding === undefined) return undefined
  return new Promise((resolve) => {
    const cancel = timers.after(limits.liveSearchMs, resolve)
    void deciding.then(() => { cancel(); selection.tellDecided(); resolve() })
  })
}
