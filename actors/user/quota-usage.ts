// What a user has used of a quota root: all mailboxes that count, by their figures.

import { counts } from './quota-rules.ts'
import type { QuotaRoot } from './quota-rules.ts'
import type { MailboxInfo, MailboxStatus, QuotaUsage } from './types.ts'

/** `statusOf`: of a mailbox, by its GUID. Rejects as that does. */
export async function usageOf(root: QuotaRoot, mailboxes: readonly MailboxInfo[], statusOf: (guid: string) => Promise<MailboxStatus>): Promise<QuotaUsage> {
  const usage = { bytes: 0, messages: 0 }
  for (const { guid, name } of mailboxes) {
    if (guid === undefined || !counts(root, name)) continue
    const { size, messages } = await statusOf(guid)
    usage.bytes += size
    usage.messages += messages
  }
  return { name: root.name, ...usage, limits: root.limits }
}
