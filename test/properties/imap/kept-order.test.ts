// An order that was kept gives what sorting anew would give, for any of its messages; for others it gives nothing.

import fc from 'fast-check'
import t from 'tap'
import { keptOrder, orderOf } from '../../../actors/session/imap/sort/kept-order.ts'

const mailbox = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { maxLength: 60 }).chain((uids) => fc.record({
  uids: fc.constant(Uint32Array.from(uids).sort()),
  keys: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: uids.length, maxLength: uids.length }),
  wanted: fc.array(fc.boolean(), { minLength: uids.length, maxLength: uids.length }),
}))

/** Indexes of `keys` in their order, equal ones as they stand. */
const sorted = (keys: readonly number[]): number[] => keys.map((_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b)

void t.test('any of the messages', async (t) => {
  fc.assert(fc.property(mailbox, ({ uids, keys, wanted }) => {
    const kept = keptOrder(uids, sorted(keys))
    const some = uids.filter((_, i) => wanted[i])
    t.strictSame(orderOf(some, kept), sorted(keys.filter((_, i) => wanted[i])))
  }))
  t.pass()
})

void t.test('a message that came later', async (t) => {
  fc.assert(fc.property(mailbox, fc.integer({ min: 1, max: 1100 }), ({ uids, keys }, uid) => {
    if (uids.includes(uid)) return
    t.equal(orderOf(Uint32Array.from([...uids, uid]).sort(), keptOrder(uids, sorted(keys))), undefined)
  }))
  t.pass()
})
