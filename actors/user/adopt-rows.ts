// Mails whose objects are in the store already, and that a mailbox learns of late: what another backend had (merge-orphans.ts),
// what a second listing has found (second-look.ts).

import type { RequestContext } from '../../runtime/effects.ts'
import { inParallel } from '../../runtime/parallel.ts'
import type { LoadedMailbox } from './mailbox.ts'
import type { AppendedRow } from './mailbox-records.ts'
import { isThere } from './object-presence.ts'

/** Puts mails in under new UIDs, those whose objects are there. Answers how many. `oid` of a row is never ''. TempFail: none. */
export async function addRows(mailbox: LoadedMailbox, context: RequestContext, rows: readonly AppendedRow[]): Promise<number> {
  const { world } = mailbox
  const there = await inParallel(rows, world.limits.rebuildRequests, ({ oid }) => isThere(mailbox, context, oid))
  const found = rows.filter((_, at) => there[at])
  if (found.length === 0) return 0
  const batch = mailbox.allocate(found.length)
  try {
    await mailbox.reserved(batch)
  } catch (error) {
    mailbox.appends.failed(batch)
    throw error
  }
  const added = found.map((row, at) => ({ ...row, uid: batch.uids[at]!, cacheOffset: 0, cacheLength: 0 }))
  await mailbox.appends.ready(batch, () => mailbox.commit({ kind: 'append', rows: added }, { durable: true }))
  return added.length
}
