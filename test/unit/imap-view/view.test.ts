// The view's rules one by one; their interleavings are test/properties/view.

import t from 'tap'
import { Flag } from '../../../actors/user/types.ts'
import { Bad } from '../../../actors/session/imap/result.ts'
import { SequenceSet, Star } from '../../../actors/session/imap/sequence-set.ts'
import { View } from '../../../actors/session/imap/view.ts'
import type { SyncMode, ViewEvents } from '../../../actors/session/imap/view.ts'
import { ModelMailbox } from '../../fixtures/model-mailbox.ts'

/** What the view tells, as IMAP would say it. */
function told(view: View, mode: SyncMode): string[] {
  const lines: string[] = []
  const events: ViewEvents = {
    expunge: (seq) => { lines.push(`${seq} EXPUNGE`) },
    exists: (count) => { lines.push(`${count} EXISTS`) },
    recent: (count) => { lines.push(`${count} RECENT`) },
    flags: (seq, uid, row) => { lines.push(`${seq} FETCH UID ${uid} FLAGS ${view.mailbox.messages.flags[row]}`) },
    keywords: () => { lines.push('FLAGS') },
    gone: (reason) => { lines.push(`BYE ${reason}`) },
  }
  view.sync(mode, events)
  return lines
}

function opened(count: number, keptUpdates?: number): { mailbox: ModelMailbox; view: View } {
  const mailbox = new ModelMailbox(keptUpdates)
  if (count > 0) mailbox.add(count)
  return { mailbox, view: new View(mailbox, { readOnly: false }) }
}

const set = (...ranges: [number, number][]): SequenceSet => new SequenceSet(ranges.map(([first, last]) => ({ first, last })))

t.test('expunges are told from the last to the first, with the numbers of the moment', async (t) => {
  const { mailbox, view } = opened(5)
  mailbox.remove([2, 4])
  mailbox.remove([5])
  t.strictSame(told(view, 'all'), ['4 EXPUNGE', '2 EXPUNGE', '3 EXPUNGE'])
  t.strictSame(view.resolve(set([1, Star]), false), [1, 3])
  t.strictSame(told(view, 'all'), [])
})

t.test('no-expunge: structure waits from the first expunge on, flags go on', async (t) => {
  const { mailbox, view } = opened(3)
  mailbox.add(1)
  mailbox.remove([1])
  mailbox.add(1)
  mailbox.setFlags([3, 5], Flag.Seen)
  t.strictSame(told(view, 'no-expunge'), ['4 EXISTS', '4 RECENT', '3 FETCH UID 3 FLAGS 1'])
  mailbox.setFlags([1, 2], Flag.Flagged)
  t.strictSame(told(view, 'no-expunge'), ['2 FETCH UID 2 FLAGS 4'])
  t.equal(view.rowOf(1), -1, 'the expunged one has no row')
  t.equal(view.rowOf(2), 0)
  t.strictSame(told(view, 'all'), ['1 EXPUNGE', '4 EXISTS', '4 RECENT'])
})

t.test('what came and went between two syncs is not told', async (t) => {
  const { mailbox, view } = opened(1)
  mailbox.add(2)
  mailbox.remove([2])
  t.strictSame(told(view, 'no-expunge'), ['2 EXISTS', '2 RECENT'], 'and holds nothing up')
  mailbox.add(1)
  mailbox.remove([1, 4])
  t.strictSame(told(view, 'all'), ['1 EXPUNGE'])
  t.strictSame(view.resolve(set([1, Star]), false), [3])
})

t.test('an expunge is told before what came meanwhile', async (t) => {
  const { mailbox, view } = opened(2)
  mailbox.add(1)
  mailbox.remove([1])
  t.strictSame(told(view, 'all'), ['1 EXPUNGE', '2 EXISTS', '2 RECENT'])
})

t.test('flags are told once, as they are now, and not back to the session that set them silently', async (t) => {
  const { mailbox, view } = opened(2)
  const other = new View(mailbox, { readOnly: false })
  mailbox.setFlags([1], Flag.Seen)
  mailbox.setFlags([1], Flag.Flagged)
  t.strictSame(told(view, 'all'), ['1 FETCH UID 1 FLAGS 4'])
  mailbox.setFlags([2], Flag.Deleted, view)
  t.strictSame(told(view, 'all'), [])
  t.strictSame(told(other, 'all'), ['1 FETCH UID 1 FLAGS 4', '2 FETCH UID 2 FLAGS 8'])
})

t.test('new keywords are told before the flags that use them', async (t) => {
  const { mailbox, view } = opened(1)
  mailbox.setFlags([1], Flag.Seen)
  mailbox.addKeyword('$Todo')
  t.strictSame(told(view, 'no-expunge'), ['FLAGS', '1 FETCH UID 1 FLAGS 1'])
})

t.test('a view behind the log compares: expunges only where allowed, flags by modseq', async (t) => {
  const { mailbox, view } = opened(4, 1)
  mailbox.setFlags([2], Flag.Seen)
  mailbox.remove([1])
  mailbox.add(1)
  t.strictSame(told(view, 'no-expunge'), ['FLAGS', '2 FETCH UID 2 FLAGS 1'])
  t.strictSame(told(view, 'no-expunge'), [], 'told once')
  t.strictSame(told(view, 'all'), ['1 EXPUNGE', '4 EXISTS', '4 RECENT'])
  mailbox.add(1)
  mailbox.add(1)
  t.strictSame(told(view, 'no-expunge'), ['FLAGS', '6 EXISTS', '6 RECENT'])
})

t.test('a mailbox that is gone is told once and ends the view', async (t) => {
  const { mailbox, view } = opened(1)
  mailbox.leave('deleted')
  mailbox.add(1)
  t.strictSame(told(view, 'all'), ['BYE deleted'])
  t.strictSame(told(view, 'all'), [])
})

t.test('a closed view tells nothing', async (t) => {
  const { mailbox, view } = opened(1)
  view.close()
  mailbox.add(1)
  t.strictSame(told(view, 'all'), [])
})

t.test('EXAMINE shows what is recent and leaves it recent for the next', async (t) => {
  const mailbox = new ModelMailbox()
  mailbox.add(2)
  t.equal(new View(mailbox, { readOnly: true }).recentCount, 2)
  const writer = new View(mailbox, { readOnly: false })
  t.equal(writer.recentCount, 2)
  t.ok(writer.isRecent(2))
  t.equal(new View(mailbox, { readOnly: true }).recentCount, 0)
})

t.test('sets: order, overlap and * (RFC 3501 §6.4.8, §9)', async (t) => {
  const { mailbox, view } = opened(6)
  mailbox.remove([2, 3])
  told(view, 'all')
  t.strictSame(view.resolve(set([Star, Star]), false), [6])
  t.strictSame(view.resolve(set([3, 1], [2, 3]), false), [1, 4, 5])
  t.strictSame(view.resolve(set([1, 4]), true), [1, 4])
  t.strictSame(view.resolve(set([2, 3]), true), [], 'no such UIDs: nothing, and no error')
  t.strictSame(view.resolve(set([100, Star]), true), [6], 'n:* has the last message always')
  t.strictSame(view.resolve(set([Star, 5]), true), [5, 6])
  t.strictSame(view.resolve(set([1, 4294967295]), true), [1, 4, 5, 6])
  t.throws(() => view.resolve(set([1, 5]), false), Bad)
})

t.test('an empty mailbox has no sequence numbers, not even *', async (t) => {
  const { view } = opened(0)
  t.strictSame(view.resolve(set([1, Star]), true), [])
  t.throws(() => view.resolve(set([1, Star]), false), Bad)
  t.throws(() => view.resolve(set([Star, Star]), false), Bad)
})
