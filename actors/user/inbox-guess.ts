// Which of another server's mailboxes was INBOX. Names are in that server's own indexes, but mails remember where they were first
// (`origbox`), and most were delivered to INBOX before they were sorted elsewhere; only INBOX's have POP3 UIDLs.
//
// Only what is beyond doubt counts: the one mailbox there is; the one whose mails have UIDLs; else the one that the most mails of
// the others came from. A few mails of each are asked for. Mailboxes with mails of ours are none of it.

import type { RequestContext } from '../../runtime/effects.ts'
import { ObjectNotFound } from '../../runtime/errors.ts'
import type { Limits } from '../../runtime/limits.ts'
import { inParallel } from '../../runtime/parallel.ts'
import type { Obox } from './obox.ts'

/** undefined: nobody can tell. TempFail. */
export async function guessInbox(obox: Obox, context: RequestContext, guids: readonly string[], limits: Limits): Promise<string | undefined> {
  if (guids.length === 0 || guids.length > limits.guessedMailboxes) return undefined
  const samples = await inParallel(guids, limits.rebuildRequests, (guid) => sampleOf(obox, context, guid, limits.guessedMails))
  if (samples.includes('ours')) return undefined
  const withMails = guids.filter((_, at) => samples[at]!.length > 0)
  if (withMails.length === 1) return withMails[0]
  const withUidls = guids.filter((_, at) => (samples[at] as Sample[]).some(({ uidl }) => uidl))
  if (withUidls.length === 1) return withUidls[0]
  const votes = new Map<string, number>()
  for (const [at, guid] of guids.entries()) {
    for (const { origbox } of samples[at] as Sample[]) if (origbox !== guid && guids.includes(origbox)) votes.set(origbox, (votes.get(origbox) ?? 0) + 1)
  }
  const [most, next] = [...votes].sort((a, b) => b[1] - a[1])
  return most !== undefined && most[1] > (next?.[1] ?? 0) ? most[0] : undefined
}

interface Sample { origbox: string; uidl: boolean }

async function sampleOf(obox: Obox, context: RequestContext, guid: string, count: number): Promise<Sample[] | 'ours'> {
  const oids = await obox.someMails(context, guid, count)
  if (oids === 'ours') return 'ours'
  const samples: Sample[] = []
  for (const oid of oids) {
    try {
      const { metadata } = await obox.stat(context, guid, oid)
      samples.push({ origbox: metadata['origbox'] ?? '', uidl: (metadata['pop3uidl'] ?? '') !== '' })
    } catch (error) {
      if (!(error instanceof ObjectNotFound)) throw error
    }
  }
  return samples
}
