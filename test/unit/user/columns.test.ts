// Columns, journal records and snapshots against plain arrays: whatever is done, they agree, and bytes bring back the same.

import t from 'tap'
import fc from 'fast-check'
import { limits } from '../../../runtime/limits.ts'
import { Columns } from '../../../actors/user/columns.ts'
import type { Row } from '../../../actors/user/columns.ts'
import { decodeMailboxRecord, encodeMailboxRecord } from '../../../actors/user/mailbox-records.ts'
import type { MailboxRecord } from '../../../actors/user/mailbox-records.ts'
import { MailboxState } from '../../../actors/user/mailbox-state.ts'
import { mailOid, parseOid } from '../../../actors/user/object-names.ts'
import { decodeSnapshot, encodeSnapshot } from '../../../actors/user/snapshot.ts'
import { Flag } from '../../../actors/user/types.ts'

const rowOf = (uid: number, keywords: number[]): Row => ({
  uid, flags: uid & 31, keywords: keywords.toSorted((a, b) => a - b), modseq: uid * 2 ** 33, size: uid * 7, internalDate: -uid, saveDate: uid / 2,
  guid: uid.toString(16).padStart(32, '0'), cacheOffset: uid * 2 ** 32, cacheLength: uid,
})

t.test('columns are what an array of rows would be; lists given out never change', async (t) => {
  const step = fc.oneof(
    fc.record({ push: fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { maxLength: 4 }), { minLength: 1, maxLength: 20 }) }),
    fc.record({ remove: fc.array(fc.nat(40), { maxLength: 12 }) }))
  fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
    const columns = new Columns()
    let model: Row[] = []
    let uid = 0
    const given: { list: ReturnType<Columns['uidList']>; uids: number[] }[] = []
    for (const one of steps) {
      if ('push' in one) {
        for (const keywords of one.push) {
          const row = rowOf(++uid, keywords)
          columns.push(row)
          model.push(row)
        }
      } else {
        const rows = [...new Set(one.remove)].filter((row) => row < model.length).sort((a, b) => a - b)
        columns.remove(rows)
        model = model.filter((_, row) => !rows.includes(row))
      }
      given.push({ list: columns.uidList(), uids: model.map((row) => row.uid) })
      t.same(Array.from({ length: columns.count }, (_, row) => columns.row(row)), model)
    }
    for (const { list, uids } of given) t.same([...list.uids.subarray(0, list.count)], uids)
    for (let probe = 0; probe <= uid + 1; probe++) {
      if (columns.rowOf(probe) !== model.findIndex((row) => row.uid === probe)) t.fail(`rowOf(${probe})`)
      if (columns.rowFrom(probe) !== model.filter((row) => row.uid < probe).length) t.fail(`rowFrom(${probe})`)
    }
  }), { numRuns: 40 })
})

const guid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const uids = fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { maxLength: 30 }).map((list) => list.sort((a, b) => a - b))
const keywords = fc.array(fc.stringMatching(/^[a-z$]{1,8}$/), { maxLength: 3 })
const row = fc.record({
  uid: fc.integer({ min: 1, max: 2 ** 32 - 1 }), flags: fc.integer({ min: 0, max: 31 }), keywords, size: fc.nat(), internalDate: fc.integer(), saveDate: fc.integer(), guid,
  cacheOffset: fc.nat(2 ** 45), cacheLength: fc.nat(), oid: fc.stringMatching(/^[^ ]*$/),
})
const record: fc.Arbitrary<MailboxRecord> = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), rows: fc.array(row, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('expunge' as const), uids }),
  fc.record({ kind: fc.constant('flags' as const), uids, mode: fc.constantFrom('add' as const, 'remove' as const, 'replace' as const), flags: fc.record({ system: fc.nat(31), keywords }), unchangedSince: fc.nat(2 ** 50) }),
  fc.record({ kind: fc.constantFrom('reserve' as const), ceiling: fc.nat() }),
  fc.record({ kind: fc.constant('clean' as const), uidNext: fc.nat() }),
  fc.record({ kind: fc.constant('recent' as const), uid: fc.nat() }),
  fc.record({ kind: fc.constantFrom('garbage' as const, 'swept' as const), oids: fc.array(fc.string()) }),
  fc.record({ kind: fc.constant('uploading' as const), name: fc.string() }),
  fc.record({ kind: fc.constant('uploaded' as const), name: fc.string(), ceiling: fc.nat(), covers: fc.record({ mails: fc.nat(), important: fc.nat(), all: fc.nat() }) }),
  fc.record({
    kind: fc.constant('uploaded' as const), name: fc.string(), ceiling: fc.nat(), covers: fc.record({ mails: fc.nat(), important: fc.nat(), all: fc.nat() }),
    at: fc.record({ modseq: fc.nat(2 ** 50), nextUid: fc.nat() }),
    link: fc.record({ kept: fc.nat(2), link: fc.record({ modseq: fc.nat(2 ** 50), expunged: fc.nat(2 ** 50), nextUid: fc.nat(), cacheGeneration: fc.nat(), cacheBytes: fc.nat(2 ** 50), bytes: fc.nat(2 ** 50) }) }),
  }),
  fc.record({ kind: fc.constant('removed' as const), names: fc.array(fc.string()) }),
  fc.record({ kind: fc.constant('listed' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('cached' as const), uid: fc.nat(), offset: fc.nat(2 ** 50), length: fc.nat() }))

t.test('a record comes back from its bytes; cut or of unknown kind, it is a RangeError', async (t) => {
  fc.assert(fc.property(record, (one) => {
    const bytes = encodeMailboxRecord(one)
    t.same(decodeMailboxRecord(bytes), one)
    for (const cut of [0, 1, bytes.length - 1]) {
      if (cut < bytes.length) t.throws(() => decodeMailboxRecord(bytes.subarray(0, cut)), RangeError)
    }
  }), { numRuns: 300 })
  t.throws(() => decodeMailboxRecord(Uint8Array.of(200)), RangeError)
})

t.test('a state comes back from its snapshot, and goes on the same way', async (t) => {
  fc.assert(fc.property(fc.array(record, { maxLength: 25 }), fc.array(record, { maxLength: 5 }), uids, (past, future, inFlight) => {
    const state = new MailboxState(limits)
    const apply = (to: MailboxState, records: MailboxRecord[]): void => {
      let uid = to.nextUid
      for (const one of records) to.apply(one.kind === 'append' ? { ...one, rows: one.rows.map((r) => ({ ...r, uid: uid++ })) } : one.kind === 'clean' ? { ...one, uidNext: uid } : one)
    }
    apply(state, past)
    const bytes = encodeSnapshot(state, 7, inFlight)
    const found = decodeSnapshot(bytes, limits)!
    t.same(found.inFlight, inFlight)
    t.equal(found.generation, 7)
    apply(state, future)
    apply(found.state, future)
    t.same(Buffer.from(encodeSnapshot(found.state, 8, [])), Buffer.from(encodeSnapshot(state, 8, [])))
    t.same([found.state.size, found.state.unseen, found.state.deleted], [state.size, state.unseen, state.deleted])
    const damaged = Buffer.from(bytes)
    damaged[past.length % damaged.length]! ^= 4
    t.equal(decodeSnapshot(damaged, limits), undefined)
    t.equal(decodeSnapshot(bytes.subarray(0, bytes.length - 1), limits), undefined)
  }), { numRuns: 60 })
})

t.test('an object name says what it was made of', async (t) => {
  const name = fc.record({ guid, uid: fc.integer({ min: 1, max: 2 ** 32 - 1 }), received: fc.integer({ min: -(2 ** 39), max: 2 ** 39 - 1 }), size: fc.nat(2 ** 32 - 1), crlf: fc.boolean() })
  fc.assert(fc.property(name, (one) => { t.same(parseOid(mailOid(one)), one) }), { numRuns: 200 })
  t.equal(parseOid('d88ff1001d4bf753a1b800001accfe22'), 'foreign')
  for (const no of ['idx', '', 'd88ff1001d4bf753a1b800001accfe2', `${'0'.repeat(58)}3`, 'D88FF1001D4BF753A1B800001ACCFE22']) t.equal(parseOid(no), undefined)
})

t.test('the first unseen message is the one that a look at all of them finds', async () => {
  const some = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 40 }).map((list) => list.sort((a, b) => a - b))
  const change: fc.Arbitrary<MailboxRecord | number> = fc.oneof(
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('expunge' as const), uids: some.map((list) => list.slice(0, 4)) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('flags' as const), uids: some, mode: fc.constantFrom('add' as const, 'add' as const, 'remove' as const, 'replace' as const), flags: fc.constant({ system: Flag.Seen, keywords: [] as string[] }), unchangedSince: fc.constant(0) }) })
  fc.assert(fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
    const state = new MailboxState(limits)
    for (const one of changes) {
      const empty = { flags: 0, keywords: [], size: 1, internalDate: 0, saveDate: 0, guid: '0'.repeat(32), cacheOffset: 0, cacheLength: 0, oid: '' }
      if (typeof one === 'number') state.apply({ kind: 'append', rows: Array.from({ length: one }, (_, n) => ({ ...empty, uid: state.nextUid + n, flags: n % 2 ? Flag.Seen : 0 })) })
      else state.apply(one)
      const { flags, count } = state.columns
      if (state.firstUnseen() !== flags.subarray(0, count).findIndex((each) => (each & Flag.Seen) === 0)) return false
    }
    return true
  }), { numRuns: 500 })
})
