// Compares everything a user has with what the store has of it, and mends what differs if it may. One mailbox after the other
// (verify-mailbox.ts), and before them what lies in the store under the GUID of no mailbox: a mailbox whose name was lost, which
// gets one, or leavings of a deleted one, which go.

import { matcher } from '../../conf/mask.ts'
import type { RequestContext } from '../../runtime/effects.ts'
import { headPlace } from './bundles.ts'
import type { MailboxFolders } from './folders.ts'
import type { MailboxWorld } from './mailbox.ts'
import type { Shelf } from './shelf.ts'
import type { Finding, Verification } from './types.ts'

/** `mask`: of mailbox names; without one all, and what belongs to none. `keep`: as of verifyMailbox. TempFail: store or disk are away. */
export async function verifyUser(
  { world, folders, shelf }: { world: MailboxWorld; folders: MailboxFolders; shelf: Shelf },
  { fix, mask, keep = false }: { fix: boolean; mask?: string; keep?: boolean },
): Promise<Verification> {
  const context: RequestContext = { user: world.user, reason: 'obox:verify' }
  const wanted = mask === undefined ? () => true : matcher(mask)
  const result: Verification = { findings: [], more: 0, mailboxes: 0, mails: 0 }
  const add = (findings: readonly Finding[]): void => {
    const room = Math.max(0, world.limits.verifyFindings - result.findings.length)
    result.findings.push(...findings.slice(0, room))
    result.more += Math.max(0, findings.length - room)
  }
  if (mask === undefined) add(await strayMailboxes(world, folders, context, fix))
  for (const { guid, name } of folders.list.infos) {
    if (guid === undefined || !wanted(name) || folders.list.uidValidityOf(guid) === undefined) continue
    const { mailbox, release } = await shelf.acquire(context, guid)
    try {
      const { findings, mails } = await mailbox.verify(context, fix, keep)
      add(findings)
      result.mailboxes++
      result.mails += mails
    } finally {
      release()
    }
  }
  return result
}

async function strayMailboxes(world: MailboxWorld, folders: MailboxFolders, context: RequestContext, fix: boolean): Promise<Finding[]> {
  const { obox, indexes, policy } = world
  const stores = indexes === obox ? [obox] : [obox, indexes]
  const findings: Finding[] = []
  for (const store of stores) {
    for (const guid of await store.mailboxes(context)) {
      if (folders.knows(guid)) continue
      const { mails, bundles, others } = await store.list(context, guid)
      const objects = [...mails.values()]
      // Deleted since it was listed.
      if (objects.length + bundles.length + others.length === 0 || folders.knows(guid)) continue
      const leavings = objects.length === 0 && others.every((name) => name === headPlace || name.startsWith('orphan.'))
      const bytes = objects.reduce((sum, { size }) => sum + size, 0)
      findings.push({ mailbox: '', kind: 'mailbox', object: guid, uid: 0, bytes, done: fix ? leavings ? 'deleted' : 'adopted' : '' })
      if (!fix) continue
      if (leavings) {
        await world.ownership.certain(context)
        // Nor has it been created by a new owner.
        await world.ownership.confirm(context)
        await store.deleteMailbox(context, guid, policy.deletesAtOnce)
      } else await folders.prepare(context, [guid])
    }
  }
  return findings
}
