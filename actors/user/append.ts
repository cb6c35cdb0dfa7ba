// Puts new mails into a mailbox: objects first, then the journal, then the answer. All drafts or none.

import type { RequestContext } from '../../runtime/effects.ts'
import { inParallel } from '../../runtime/parallel.ts'
import { encodeSummary } from '../mail/summary.ts'
import { checkKeywords } from './keywords.ts'
import type { LoadedMailbox } from './mailbox.ts'
import type { AppendedRow } from './mailbox-records.ts'
import { mailOid, storableDate } from './object-names.ts'
import type { AppendResult, Draft } from './types.ts'

export async function appendDrafts(mailbox: LoadedMailbox, context: RequestContext, drafts: readonly Draft[]): Promise<AppendResult> {
  mailbox.check()
  checkKeywords(mailbox.state, drafts.flatMap((draft) => draft.flags.keywords), mailbox.world.limits)
  const { ownership } = mailbox.world
  ownership.foresee()
  const batch = mailbox.allocate(drafts.length)
  const begun: string[] = []
  let rows: AppendedRow[]
  try {
    await mailbox.reserved(batch)
    rows = await inParallel(drafts, mailbox.world.policy.parallelWrites, (draft, index) => saveDraft(mailbox, context, draft, batch.uids[index]!, begun))
    await ownership.held()
  } catch (error) {
    mailbox.appends.failed(batch)
    // A write that failed may have happened all the same.
    mailbox.sweeper.add(begun)
    throw error
  }
  // Failing here leaves the objects alone: the journal may have the record after all, and find it after a restart.
  await mailbox.appends.ready(batch, () => mailbox.commit({ kind: 'append', rows }, { durable: true, session: context.session }))
  return { uidValidity: mailbox.uidValidity, uids: [...batch.uids] }
}

async function saveDraft(mailbox: LoadedMailbox, context: RequestContext, draft: Draft, uid: number, begun: string[]): Promise<AppendedRow> {
  const { world, guid: origbox } = mailbox
  const saved = Math.trunc(world.effects.clock.now() / 1000)
  const received = storableDate(draft.internalDate ?? saved)
  const { size } = draft.summary
  const guid = world.ids.guid()
  const oid = mailOid({ guid, uid, received, size, crlf: true })
  begun.push(oid)
  const [place] = await Promise.all([
    mailbox.cache.append(uid, encodeSummary(draft.summary)),
    world.obox.save(context, origbox, oid, draft.body, { guid, size, received, saved, origbox }),
  ])
  return {
    uid, flags: draft.flags.system, keywords: draft.flags.keywords, size, internalDate: received, saveDate: saved, guid,
    cacheOffset: place.offset, cacheLength: place.length, oid: '',
  }
}
