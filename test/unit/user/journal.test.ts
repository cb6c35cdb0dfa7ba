// The journal: records in order, torn tails cut at every byte, failing disks, new generations.

import t from 'tap'
import { Buffer } from 'node:buffer'
import { crc32 as zlibCrc32 } from 'node:zlib'
import { Journal, decodeJournal, encodeJournalHeader, encodeJournalRecord } from '../../../actors/user/journal.ts'
import { crc32 } from '../../../runtime/crc32.ts'
import type { Files } from '../../../runtime/effects.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { newWorld, overFiles } from './fixture.ts'

const identity = '000102030405060708090a0b0c0d0e0f'
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

t.test('crc32 is the one of gzip', async (t) => {
  for (let length = 0; length < 40; length++) {
    const bytes = Uint8Array.from({ length }, (_, n) => (n * 151 + length) & 255)
    t.equal(crc32(bytes), zlibCrc32(bytes))
    t.equal(crc32(bytes.subarray(7), crc32(bytes.subarray(0, 7))), zlibCrc32(bytes))
  }
})

t.test('cut anywhere, a journal has its whole records', async (t) => {
  const records = ['first', 'the second', '3'].map((record) => Buffer.from(record))
  const pieces = [encodeJournalHeader(identity, 7), ...records.map(encodeJournalRecord)]
  const whole = Buffer.concat(pieces)
  const ends = pieces.map((_, n) => Buffer.concat(pieces.slice(0, n + 1)).length)
  for (let cut = 0; cut <= whole.length; cut++) {
    const found = decodeJournal(whole.subarray(0, cut))
    const expected = ends.filter((end) => end <= cut).length - 1
    if (expected < 0) { t.equal(found, undefined); continue }
    t.same(found && { ...found, records: found.records.map(text) }, {
      identity, generation: 7, records: records.slice(0, expected).map(text), end: ends[expected], torn: cut !== ends[expected], damaged: false,
    })
  }
})

t.test('a flipped bit ends the journal before its record', async (t) => {
  const header = encodeJournalHeader(identity, 0)
  const whole = Buffer.concat([header, encodeJournalRecord(Buffer.from('abc')), encodeJournalRecord(Buffer.from('def'))])
  for (let at = 0; at < whole.length; at++) {
    const bad = Buffer.from(whole)
    bad[at]! ^= 0x10
    const found = decodeJournal(bad)
    if (at < header.length) t.equal(found, undefined)
    else t.same(found?.records.map(text), at < header.length + 11 ? [] : ['abc'])
    t.equal(found?.damaged, at < header.length ? undefined : at < header.length + 11, 'with a whole record behind it, it is no torn tail')
  }
  t.same(decodeJournal(Buffer.concat([whole, Buffer.alloc(100)]))?.records.length, 2, 'zeros at the end are no records')
})

/** A journal whose owner's memory is the list of what was applied. */
async function setUp(files: Files, directory: string, limitBytes = 1e6): Promise<{ journal: Journal; applied: string[]; add(record: string): Promise<void>; path: string }> {
  const path = `${directory}/journal`
  const applied: string[] = []
  await files.replace(path, encodeJournalHeader(identity, 0))
  const owner = { files, limitBytes, durableSnapshots: false, snapshot: () => Buffer.from(applied.join()) }
  const journal = new Journal(owner, { path, snapshotPath: `${directory}/snapshot`, identity, generation: 0, size: 32, snapshotSize: 0 })
  return { journal, applied, path, add: (record) => journal.append(Buffer.from(record), false, () => { applied.push(record) }) }
}

t.test('records are applied in order, once the file has them, many in one append', async (t) => {
  const { effects, directory } = newWorld(t)
  let appends = 0
  const files: Files = overFiles(effects.files, { append: (...args) => { appends++; return effects.files.append(...args) } })
  const { journal, applied, add, path } = await setUp(files, directory)
  const all = Array.from({ length: 50 }, (_, n) => String(n))
  const done = all.map(add)
  t.same(applied, [], 'nothing is applied before it is written')
  await Promise.all(done)
  t.same(applied, all)
  t.equal(appends, 2)
  const bytes = (await effects.files.read(path))!
  t.same(decodeJournal(bytes)?.records.map(text), all)
  t.equal(journal.size, bytes.length)
})

t.test('what the disk refuses is not applied, and is not in the file', async (t) => {
  const { effects, directory } = newWorld(t)
  let fail = false
  const append = async (path: string, bytes: Uint8Array): Promise<void> => {
    if (!fail) return effects.files.append(path, bytes)
    await effects.files.append(path, bytes.subarray(0, 9))
    throw new TempFail('the disk is full')
  }
  const { applied, add, path } = await setUp(overFiles(effects.files, { append }), directory)
  await add('a')
  fail = true
  await t.rejects(add('b'), { name: 'TempFail' })
  fail = false
  await add('c')
  t.same(applied, ['a', 'c'])
  t.same(decodeJournal((await effects.files.read(path))!)?.records.map(text), ['a', 'c'])
})

t.test('where cutting back fails too, nothing is appended behind the broken piece', async (t) => {
  const { effects, directory } = newWorld(t)
  let fail = false
  const { applied, add, path } = await setUp(overFiles(effects.files, {
    append: async (file, bytes) => { await effects.files.append(file, fail ? bytes.subarray(0, 5) : bytes); if (fail) throw new TempFail('broken') },
    truncate: async (file, size) => { if (fail) throw new TempFail('broken'); await effects.files.truncate(file, size) },
  }), directory)
  await add('a')
  fail = true
  await t.rejects(add('b'))
  await t.rejects(add('c'))
  fail = false
  await add('d')
  t.same(applied, ['a', 'd'])
  t.same(decodeJournal((await effects.files.read(path))!)?.records.map(text), ['a', 'd'])
})

t.test('a new generation: snapshot, then empty journal; interrupted between, it is completed before the next record', async (t) => {
  const { effects, directory } = newWorld(t)
  let fail = false
  const replace = async (path: string, bytes: Uint8Array): Promise<void> => {
    if (fail && path.endsWith('journal')) throw new TempFail('broken')
    await effects.files.replace(path, bytes)
  }
  const { journal, applied, add, path } = await setUp(overFiles(effects.files, { replace }), directory, 100)
  fail = true
  await add('x'.repeat(100))
  t.equal(journal.generation, 0)
  await t.rejects(add('y'), 'nothing may be appended to the old generation any more')
  fail = false
  await add('z')
  t.equal(journal.generation, 1)
  t.equal(text((await effects.files.read(`${directory}/snapshot`))!), 'x'.repeat(100))
  t.match(decodeJournal((await effects.files.read(path))!), { generation: 1, records: { length: 1 } })
  t.equal(applied.length, 2)
})

t.test('rows that its records change count as well: what is short to write may be long to replay', async (t) => {
  const { effects: { files }, directory } = newWorld(t)
  const path = `${directory}/journal`
  await files.replace(path, encodeJournalHeader(identity, 3))
  const owner = { files, limitBytes: 1000, rowBytes: 20, durableSnapshots: false, snapshot: () => Buffer.from('all') }
  const start = { path, snapshotPath: `${directory}/snapshot`, identity, generation: 3, size: 32, snapshotSize: 0 }
  const journal = new Journal(owner, { ...start, rows: 10 })
  await journal.append(Buffer.from('a'), false, () => {}, 30)
  t.equal(journal.generation, 3)
  await journal.append(Buffer.from('b'), false, () => {}, 10)
  await journal.settled()
  t.equal(journal.generation, 4, 'with those that were in it at the start')
  await journal.append(Buffer.from('c'), false, () => {}, 40)
  await journal.settled()
  t.equal(journal.generation, 4, 'counted anew since')
})
