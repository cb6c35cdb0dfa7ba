// COPY and MOVE: the store copies the objects, the bytes do not pass through here. All messages or none. A move is a copy,
// then an expunge of the source: a crash between the two leaves both, never none. RFC 3501 §6.4.7, RFC 6851.

import type { RequestContext } from '../../runtime/effects.ts'
import { ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { inParallel } from '../../runtime/parallel.ts'
import { MailError } from './errors.ts'
import type { LoadedMailbox } from './mailbox.ts'
import type { AppendedRow } from './mailbox-records.ts'
import { mailOid, parseOid } from './object-names.ts'
import { dropRows } from './second-look.ts'
import type { CopyOptions, CopyResult, FlagRights } from './types.ts'

export async function copyMessages(source: LoadedMailbox, context: RequestContext, uids: readonly number[], to: string, { move, flags }: CopyOptions): Promise<CopyResult> {
  source.check()
  const { mailbox: target, release } = await source.world.target(context, to)
  try {
    const sourceUids = source.existing(uids)
    if (sourceUids.length === 0) return { uidValidity: target.uidValidity, sourceUids: [], uids: [] }
    const copied = await copyInto(source, target, context, sourceUids, flags)
    if (move) await leaveSource(source, context, sourceUids)
    return { uidValidity: target.uidValidity, sourceUids, uids: copied }
  } finally {
    release()
  }
}

/** Ends a move whose copies are there. A source that was deleted meanwhile has taken its messages along. */
async function leaveSource(source: LoadedMailbox, context: RequestContext, uids: readonly number[]): Promise<void> {
  try {
    await source.expunge(context, uids)
  } catch (error) {
    if (!(error instanceof MailError && error.code === 'NONEXISTENT')) throw error
  }
}

interface Original { uid: number; oid: string; row: AppendedRow }

async function copyInto(source: LoadedMailbox, target: LoadedMailbox, context: RequestContext, uids: readonly number[], flags: FlagRights | undefined): Promise<number[]> {
  const originals = uids.map((uid) => originalOf(source, uid, flags))
  const { ownership } = target.world
  ownership.foresee()
  const batch = target.allocate(uids.length)
  const begun: string[] = []
  let rows: AppendedRow[]
  try {
    await target.reserved(batch)
    rows = await inParallel(originals, target.world.policy.parallelCopies, (original, index) => copyOne(source, target, context, original, batch.uids[index]!, begun))
    await ownership.held()
  } catch (error) {
    target.appends.failed(batch)
    target.sweeper.add(begun)
    throw error
  }
  await target.appends.ready(batch, () => target.commit({ kind: 'append', rows }, { durable: true, session: context.session }))
  return [...batch.uids]
}

/** The message as it is now: what happens to it during the copy does not matter. */
function originalOf(source: LoadedMailbox, uid: number, flags: FlagRights = { system: -1, keywords: true }): Original {
  const { columns, keywords } = source.state
  const at = columns.rowOf(uid)
  const row = columns.row(at)
  return { uid, oid: source.state.oidOf(at), row: { ...row, flags: row.flags & flags.system, keywords: flags.keywords ? row.keywords.map((number) => keywords[number]!) : [], oid: '' } }
}

async function copyOne(source: LoadedMailbox, target: LoadedMailbox, context: RequestContext, { uid: sourceUid, oid, row }: Original, uid: number, begun: string[]): Promise<AppendedRow> {
  const name = parseOid(oid)
  const crlf = name !== undefined && name !== 'foreign' && name.crlf
  const newOid = mailOid({ guid: row.guid, uid, received: row.internalDate, size: row.size, crlf })
  begun.push(newOid)
  try {
    await source.world.obox.copy(context, { mailbox: source.guid, oid }, { mailbox: target.guid, oid: newOid })
  } catch (error) {
    if (!(error instanceof ObjectNotFound)) throw error
    if (sourceUid < (source.world.ownership.looking(source.guid)?.before ?? 0)) await dropRows(source, context, [sourceUid])
    if (source.state.columns.rowOf(sourceUid) < 0) throw new MailError('EXPUNGEISSUED', 'A message was expunged meanwhile')
    throw new TempFail(`the object of UID ${sourceUid} in ${source.name} is missing`, { cause: error })
  }
  const summary = await source.cache.read(sourceUid, { offset: row.cacheOffset, length: row.cacheLength })
  const place = summary === undefined ? { offset: 0, length: 0 } : await target.cache.append(uid, summary)
  return {
    ...row, uid, saveDate: Math.trunc(target.world.effects.clock.now() / 1000), cacheOffset: place.offset, cacheLength: place.length,
    oid: crlf ? '' : newOid,
  }
}

/** Moves all messages there are, without those that are expunged meanwhile. */
export async function moveAll(mailbox: LoadedMailbox, context: RequestContext, to: string): Promise<void> {
  for (;;) {
    const { columns } = mailbox.state
    try {
      await mailbox.copy(context, [...columns.uids.subarray(0, columns.count)], to, { move: true })
      return
    } catch (error) {
      if (!(error instanceof MailError && error.code === 'EXPUNGEISSUED')) throw error
    }
  }
}
