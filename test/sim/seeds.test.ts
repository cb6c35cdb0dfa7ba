// Sixty seeds keep every promise of DESIGN §4, and have seen enough of the bad world to mean it: fewer on a machine that is busy.

import t from 'tap'
import { sum, summary } from './figures.ts'
import { tell } from './story.ts'
import type { Outcome } from './story.ts'

const most = 60
const least = 25
const steps = 200
// Ten seconds of one core; a machine may have more to do. Beyond `patienceMs` no seed is begun that is not needed.
const patienceMs = 100_000
const timeout = 290_000
t.setTimeout(timeout)

const wanted = ['append', 'deliver', 'store', 'expunge', 'copy', 'move', 'read', 'open', 'create', 'rename', 'delete', 'subscribe', 'unsubscribe', 'stop']

const kinds = ['503', 'bit flipped', 'connection lost', 'disk full', 'done and answered with an error', 'file cut', 'no space left', 'store down', 'storm', 'wrong length']

await t.test('seeds', { timeout }, async (t) => {
  const outcomes: Outcome[] = []
  const began = performance.now()
  for (let seed = 1; seed <= most && (seed <= least || performance.now() - began < patienceMs); seed++) {
    const outcome = await tell(seed, { steps })
    if (outcome.failure !== undefined) t.fail(`seed ${seed}: ${outcome.failure}`, { replay: `npm run sim -- --seed ${seed} --steps ${steps}` })
    outcomes.push(outcome)
  }
  const seeds = outcomes.length
  const total = sum(outcomes)
  t.comment(summary(total))
  t.equal(total.failed, 0, 'no promise was broken')
  t.ok(total.figures.crashes > seeds, 'processes crashed')
  t.ok(total.figures.wipes > seeds, 'disks were lost')
  t.ok(total.figures.faults > seeds, 'requests failed')
  t.ok(total.figures.blackouts > seeds / 2, 'machines lost power')
  t.ok(total.figures.damages > 10, 'files were damaged')
  for (const kind of kinds) t.ok((total.kinds.get(kind) ?? 0) > 3, `a fault of this kind: ${kind}`)
  t.ok(total.figures.compared > 10 * seeds, 'mails were read back')
  for (const kind of wanted) t.ok((total.done.get(kind) ?? 0) > seeds / 10, `${kind} was acknowledged again and again`)
})

await t.test('seeds of a store whose listings lag by up to half a minute', { timeout }, async (t) => {
  const outcomes: Outcome[] = []
  for (let seed = 101; seed <= 124; seed++) {
    const outcome = await tell(seed, { steps, lagMs: 30_000 })
    if (outcome.failure !== undefined) t.fail(`seed ${seed}: ${outcome.failure}`, { replay: `npm run sim -- --seed ${seed} --steps ${steps} --lag 30000` })
    outcomes.push(outcome)
  }
  const total = sum(outcomes)
  t.comment(summary(total))
  t.equal(total.failed, 0, 'no promise was broken')
  t.ok(total.figures.late > 0, 'acknowledged mails were listed late, and came all the same')
})

await t.test('a seed is told twice in the same words', async (t) => {
  let events = 0
  for (const seed of [1, 2, 3]) {
    const first = await tell(seed)
    const second = await tell(seed)
    t.equal(second.traceHash, first.traceHash, `seed ${seed}`)
    events += first.figures.events
  }
  t.ok(events > 2000, 'and they are stories')
  const [one, other] = await Promise.all([tell(4), tell(5)])
  t.not(one.traceHash, other.traceHash, 'another seed is another story')
})
