// What SELECT and EXAMINE have in common. RFC 3501 §6.3.1, §6.3.2, §7.1. IMAP4rev2 hears LIST, and nothing of RECENT and UNSEEN: RFC
// 9051 §6.3.2, appendix E. QRESYNC brings a client that was away up to date: RFC
// 7162 §3.2.5.

import { Bad, ok } from './command.ts'
import type { ImapSession, Selected } from './command.ts'
import { resynchronised } from './fetch/attributes.ts'
import { changedAfter } from './fetch/modifiers.ts'
import { fetchColumns } from './fetch/run.ts'
import { listOne } from './list-response.ts'
import type { Ok } from './result.ts'
import { mustSpeakUids, speaksRev2, speaksUidsOnly } from './revision.ts'
import { hasSome, mustHave } from './rights.ts'
import { intactUid } from './select-parameters.ts'
import type { Remembered, SelectParameters } from './select-parameters.ts'
import { SequenceSet } from './sequence-set.ts'
import { sendVanished, vanishedOf } from './vanished.ts'

/** Leaves the selected mailbox, whatever comes of the new one. */
export async function openMailbox({ name, condstore, qresync }: SelectParameters, readOnly: boolean, s: ImapSession): Promise<Ok> {
  if (qresync !== undefined && !s.enabled.has('QRESYNC')) throw new Bad(`Error in IMAP command ${s.running.name}: QRESYNC not enabled.`)
  if (qresync?.match !== undefined) mustSpeakUids(s, s.running.name)
  if (s.hasSelected) {
    s.unselect()
    s.send('OK [CLOSED] Previous mailbox closed.')
  }
  if (condstore) s.enable('CONDSTORE')
  mustHave('r', name, s)
  const locked = readOnly || !hasSome('iwste', name, s)
  const { mailbox, view } = await s.select(name, locked)
  s.sendFlags()
  s.send(`${view.count} EXISTS`)
  if (!speaksRev2(s)) tellRev1(s.selected, s)
  s.send(`OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs valid`)
  s.send(`OK [UIDNEXT ${mailbox.uidNext}] Predicted next UID`)
  s.send(`OK [MAILBOXID (${mailbox.guid})] Mailbox ID`)
  s.send(`OK [HIGHESTMODSEQ ${s.takeModseq()}] Highest`)
  const info = s.user.find(mailbox.name)
  if (speaksRev2(s) && info !== undefined) s.send(listOne(info, s))
  if (qresync?.uidValidity === mailbox.uidValidity) await resynchronise(qresync, s)
  return ok(`${readOnly ? 'Examine' : 'Select'} completed.`, locked ? 'READ-ONLY' : 'READ-WRITE')
}

/** What IMAP4rev2 no longer knows. The number of the first message without \Seen is no UID. */
function tellRev1({ mailbox, view }: Selected, s: ImapSession): void {
  s.send(`${view.recentCount} RECENT`)
  const unseen = speaksUidsOnly(s) ? 0 : mailbox.firstUnseen() + 1
  if (unseen > 0) s.send(`OK [UNSEEN ${unseen}] First unseen.`)
}

/** Tells what has vanished, then what has changed, since the client was here. What a lost disk took back counts as changed. */
async function resynchronise({ uids, modseq, match }: Remembered, s: ImapSession): Promise<void> {
  const { mailbox, view } = s.selected
  const known = uids ?? [{ first: 1, last: mailbox.uidNext - 1 }]
  const changed = changedAfter(modseq > mailbox.highestModseq ? 0 : modseq, view.ranges(new SequenceSet(known), true), view)
  await sendVanished(vanishedOf(known, modseq, view, intactUid(match, view)), s)
  await fetchColumns(resynchronised, changed, s)
}
