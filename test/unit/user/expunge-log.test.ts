// What a mailbox remembers of expunges: since when, how much, over restarts, in bundles, and in older snapshots.

import t from 'tap'
import fs from 'node:fs'
import { ExpungeLog, rangesOf } from '../../../actors/user/expunge-log.ts'
import { MailboxState } from '../../../actors/user/mailbox-state.ts'
import { decodeSnapshot, encodeSnapshot } from '../../../actors/user/snapshot.ts'
import { limits } from '../../../runtime/limits.ts'
import { Buffer } from 'node:buffer'
import { crc32 } from '../../../runtime/crc32.ts'
import { context, draft, newWorld, open, within } from './fixture.ts'

const one = (uid: number) => [{ first: uid, last: uid }]

t.test('answers what went after a modseq, joined', async (t) => {
  const log = new ExpungeLog(100)
  log.add(5, rangesOf([7, 8]))
  log.add(6, rangesOf([1, 3]))
  log.add(9, rangesOf([2, 20, 21]))
  t.same(log.since(9), [])
  t.same(log.since(8), [{ first: 2, last: 2 }, { first: 20, last: 21 }])
  t.same(log.since(5), [{ first: 1, last: 3 }, { first: 20, last: 21 }])
  t.same(log.since(0), [{ first: 1, last: 3 }, { first: 7, last: 8 }, { first: 20, last: 21 }])
})

t.test('forgets the oldest, and says so', async (t) => {
  const log = new ExpungeLog(8)
  for (let modseq = 1; modseq <= 100; modseq++) {
    log.add(modseq, one(modseq * 2))
    t.ok(log.count <= 8)
  }
  t.ok(log.floor >= 92 && log.floor < 100)
  t.equal(log.since(log.floor - 1), undefined)
  t.same(log.since(log.floor)?.length, 100 - log.floor)
  log.add(101, rangesOf(Array.from({ length: 20 }, (_, n) => n * 2 + 1001)))
  t.same([log.floor, log.count], [101, 0], 'what does not fit is not half kept')
  t.equal(log.since(100), undefined)
  t.same(log.since(101), [])
})

t.test('is in the snapshot; one without it knows nothing of the past', async (t) => {
  const state = new MailboxState(limits)
  const row = { flags: 0, keywords: [], size: 1, internalDate: 0, saveDate: 0, guid: '0'.repeat(32), cacheOffset: 0, cacheLength: 0, oid: '' }
  state.apply({ kind: 'append', rows: [1, 2, 3, 4, 5].map((uid) => ({ ...row, uid })) })
  state.apply({ kind: 'expunge', uids: [2, 3] })
  state.apply({ kind: 'expunge', uids: [5] })
  const bytes = encodeSnapshot(state, 3, [])
  const now = decodeSnapshot(bytes, limits)!.state
  t.same([now.expunges.since(2), now.expunges.since(3)], [[{ first: 2, last: 3 }, { first: 5, last: 5 }], [{ first: 5, last: 5 }]])
  state.savedUpTo({ modseq: state.highestModseq, nextUid: state.nextUid })
  const saved = encodeSnapshot(state, 3, [])
  // As it was written before: floor, count, and three numbers a range, three of what is not saved, how many bundles there are, when it was listed, and how many ETags, each a byte, are not there.
  const old = Buffer.from(saved.subarray(0, saved.length - 2 - 2 * 3 - 3 - 3))
  old.writeUInt32LE(old.length - 20, 12)
  old.writeUInt32LE(crc32(old.subarray(20), crc32(old.subarray(8, 12))), 16)
  const before = decodeSnapshot(old, limits)!.state
  t.equal(before.columns.count, 2)
  t.same([before.highestModseq, before.expunges.since(3), before.expunges.since(4)], [4, undefined, []])
})

t.test('outlives a restart, and goes along in the bundle', async (t) => {
  const world = newWorld(t)
  let user = await open(world)
  await user.append(context, 'INBOX', ['a', 'b', 'c', 'd', 'e', 'f'].map((subject) => draft(subject)))
  const since = await within(user, 'INBOX', async (mailbox) => {
    await mailbox.expunge(context, [2])
    const { highestModseq } = mailbox
    await mailbox.expunge(context, [4, 5])
    t.equal(mailbox.vanishedSince(highestModseq + 2), undefined, 'the mailbox has not come so far')
    return highestModseq
  })
  await user.stop(1000)

  user = await open(world)
  await within(user, 'INBOX', async (mailbox) => {
    t.same(mailbox.vanishedSince(since - 1), [{ first: 2, last: 2 }, { first: 4, last: 5 }])
    t.same(mailbox.vanishedSince(since), [{ first: 4, last: 5 }])
  })
  await user.stop(1000)

  fs.rmSync(`${world.directory}/jane`, { recursive: true })
  user = await open(world)
  await within(user, 'INBOX', async (mailbox) => {
    const vanished = mailbox.vanishedSince(since)!
    const has = (uid: number) => vanished.some(({ first, last }) => first <= uid && uid <= last)
    t.same([1, 2, 3, 4, 5, 6].filter(has), [4, 5])
    t.ok(has(7) && has(mailbox.uidNext - 1), 'a mail may have come and gone on the lost disk')
    t.notOk(has(mailbox.uidNext))
  })
  await user.stop(1000)
})

t.test('the largest UID that was ever seen', async (t) => {
  const state = new MailboxState({ ...limits, expungeLogRanges: 4 })
  const row = (uid: number) => ({ uid, flags: 0, keywords: [], size: 1, internalDate: 1, saveDate: 1, guid: '0'.repeat(32), cacheOffset: 0, cacheLength: 0, oid: '' })
  t.equal(state.lastSeen, 0)
  state.apply({ kind: 'append', rows: [row(3), row(7), row(9)] })
  t.equal(state.lastSeen, 9)
  state.apply({ kind: 'expunge', uids: [9] })
  t.equal(state.lastSeen, 9, 'also when its message is gone')
  state.apply({ kind: 'uploaded', name: 'base', ceiling: 20, covers: { mails: 0, important: 0, all: 0 }, link: { kept: 0, link: { modseq: 3, expunged: 3, nextUid: 10, cacheGeneration: 0, cacheBytes: 0, bytes: 100 } } })
  state.expunges.forget(state.highestModseq)
  state.apply({ kind: 'expunge', uids: [7] })
  t.equal(state.lastSeen, 9, 'or that it is gone was forgotten, and a bundle had it')
})
