// What a session that sleeps keeps of its view: unpack ∘ pack is the identity, and it is small.

import t from 'tap'
import fc from 'fast-check'
import { packUids, unpackUids } from '../../../actors/session/imap/packed-uids.ts'

const ascending = fc.uniqueArray(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 0xffffffff })), { maxLength: 200 })
  .map((uids) => Uint32Array.from(uids).sort())

t.test('what is packed comes out again', async (t) => {
  fc.assert(fc.property(ascending, fc.nat(5), (uids, more) => {
    const count = Math.max(0, uids.length - more)
    const { uids: back, count: same } = unpackUids(packUids({ uids, count }), count)
    return same === count && back.length === count && back.every((uid, at) => uid === uids[at])
  }))
  t.equal(packUids({ uids: Uint32Array.from({ length: 10_000 }, (_, at) => at + 1), count: 10_000 }).length, 3)
  t.equal(packUids({ uids: Uint32Array.from({ length: 10_000 }, (_, at) => 2 * at + 1), count: 10_000 }).length, 20_000)
})
