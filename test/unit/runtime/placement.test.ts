// Placement: every place gets its share, and few keys move when a place is added.

import t from 'tap'
import { placeOf } from '../../../runtime/placement.ts'

const names = Array.from({ length: 20_000 }, (_, n) => `user${n}@example.com`)
/** Four standard deviations of a fair draw. */
const tolerance = (chance: number): number => 4 * Math.sqrt(names.length * chance * (1 - chance))

for (const places of [2, 3, 4, 8, 64]) {
  void t.test(`${places} places`, (t) => {
    const counts = new Array<number>(places).fill(0)
    for (const name of names) counts[placeOf(name, places)]!++
    const share = names.length / places
    for (const count of counts) if (Math.abs(count - share) > tolerance(1 / places)) t.fail(`${count} of ${share} on one place`)

    let moved = 0
    for (const name of names) {
      const now = placeOf(name, places + 1)
      if (now === placeOf(name, places)) continue
      moved++
      if (now !== places) t.fail(`${name} moved between places that were there before`)
    }
    const expected = 1 / (places + 1)
    t.ok(Math.abs(moved - names.length * expected) < tolerance(expected), `${moved} of ${names.length} move to the new one`)
    t.end()
  })
}

void t.test('one place', (t) => {
  t.equal(placeOf('anyone', 1), 0)
  t.end()
})
