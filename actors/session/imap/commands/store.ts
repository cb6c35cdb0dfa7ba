// STORE, UID STORE. RFC 3501 §6.4.6; UNCHANGEDSINCE, RFC 7162 §3.1.3.
// The client hears the flags of every message it named, changed or not; with .SILENT only what others did meanwhile, and with
// CONDSTORE the new MODSEQ of those that were changed. Messages that others have expunged are no failure (as in Dovecot): a NO would
// make clients give up, OK [EXPUNGEISSUED] makes them look.

import { limits } from '../../../../runtime/limits.ts'
import type { FlagSet } from '../../../user/types.ts'
import { Flag } from '../../../user/types.ts'
import { No, RequiresSync, UsesSequences, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import type { Parser } from '../grammar.ts'
import { cutShort, newestUids } from '../message-limit.ts'
import { mustHave, permittedFlags } from '../rights.ts'
import { SequenceSet } from '../sequence-set.ts'
import { mustBeWritable } from '../writable.ts'

/** ["(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")" SP]: of what every message must be, to be changed. */
function unchangedSince(p: Parser): number | undefined {
  if (p.peek() !== '(') return undefined
  const modifiers = p.list((each) => (each.word('a modifier') === 'UNCHANGEDSINCE' ? each.sp().modseq() : each.fail('Unknown STORE modifier')))
  p.sp()
  return modifiers.length === 1 ? modifiers[0] : p.fail('Expected one STORE modifier')
}

/** store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag))) */
function change(p: Parser): { mode: 'add' | 'remove' | 'replace'; silent: boolean; flags: FlagSet } {
  const mode = p.take('+') ? 'add' : p.take('-') ? 'remove' : 'replace'
  p.expect('FLAGS')
  const silent = p.take('.SILENT')
  return { mode, silent, flags: p.sp().flags() }
}

/** Tells the flags, or just the MODSEQ, of those of `uids` that are still there. */
async function tell(uids: readonly number[], what: 'flags' | 'modseq', s: ImapSession): Promise<void> {
  const { view, mailbox } = s.selected
  const { uid: withUid } = s.running
  let row = -1
  let seq = 0
  let text = ''
  s.selected.keywords()
  for (const uid of uids) {
    row = mailbox.messages.rowNear(uid, row + 1)
    seq = view.seqNear(uid, seq + 1)
    if (row < 0 || seq === 0) continue
    text += `* ${what === 'flags' ? s.selected.flagsOf(seq, uid, row, withUid) : s.selected.modseqOf(seq, uid, row, withUid)}\r\n`
    if (text.length < limits.fetchTextBytes) continue
    s.write(text)
    text = ''
    const slow = s.flush()
    if (slow === undefined) continue
    await slow
    s.selected.keywords()
  }
  s.write(text)
}

/** Every message has flags, even if none is set: unchanged since 0 is none (RFC 7162 §3.1.3). */
async function store(
  uids: readonly number[], { mode, flags, since }: { mode: 'add' | 'remove' | 'replace'; flags: FlagSet; since: number | undefined }, s: ImapSession,
): Promise<{ changed: number[]; modified: number[] }> {
  const { mailbox, view } = s.selected
  if (since === 0) return { changed: [], modified: uids.filter((uid) => mailbox.messages.rowOf(uid) >= 0) }
  return mailbox.store(s.context('imap:cmd_store'), uids, { mode, flags, by: view, ...(since === undefined ? {} : { unchangedSince: since }) })
}

/** RFC 4314 §4: those of the flags that the user may change. Setting all of them anew takes the right to each. */
function permitted(flags: FlagSet, mode: 'add' | 'remove' | 'replace', s: ImapSession): FlagSet {
  const { name } = s.selected.mailbox
  if (mode === 'replace') mustHave('wst', name, s)
  const some = permittedFlags(flags, name, s)
  if (some.system === 0 && some.keywords.length === 0 && (flags.system !== 0 || flags.keywords.length > 0)) throw new No('NOPERM', 'Permission denied')
  return some
}

export default command({
  name: 'STORE', uid: true, states: ['selected'], flags: UsesSequences | RequiresSync,
  parse: (p) => ({ set: p.sp().sequenceSet(), since: unchangedSince(p.sp()), ...change(p) }),
  log: ({ set, mode, silent }) => `${set.toString()} ${mode}${silent ? ' silently' : ''}`,
  async run({ set, since, mode, silent, flags: said }, s) {
    const { mailbox, view } = s.selected
    const { kept: uids, code } = newestUids(view.resolve(set, s.running.uid), s)
    mustBeWritable(s.selected)
    const flags = permitted(said, mode, s)
    if (since !== undefined) s.enable('CONDSTORE')
    if (uids.length === 0) return ok('Store completed.')
    let row = -1
    const expunged = !s.running.uid && uids.some((uid) => (row = mailbox.messages.rowNear(uid, row + 1)) < 0)
    const { changed, modified } = await store(uids, { mode, flags, since }, s)
    if (mode !== 'remove' && (flags.system & Flag.Deleted) !== 0) s.counters.deleted += changed.length
    s.syncQuietly()
    if (!silent) await tell(uids, 'flags', s)
    else if (s.enabled.has('CONDSTORE')) await tell(changed, 'modseq', s)
    if (modified.length > 0) {
      const numbers = s.running.uid ? modified : modified.map((uid) => view.seqOf(uid)).filter((seq) => seq > 0)
      return cutShort(ok('Conditional STORE failed.', `MODIFIED ${SequenceSet.of(numbers).toString()}`), code, s)
    }
    return cutShort(expunged ? ok('Some of the requested messages no longer exist.', 'EXPUNGEISSUED') : ok('Store completed.'), code, s)
  },
})
