// npm run sim -- --seed N [--seeds COUNT] [--steps N] [--lag MS] [--owners] [--harms] [--forgets P] [--verbose]
// Tells the stories of COUNT seeds from N on (runtime/sim-effects.ts, test/sim/story.ts) and prints one line for each that
// breaks a promise, with what was broken and the command that tells it again; with one seed, the end of its trace too.
// --harms: index objects are damaged in each of them (test/sim/harms.ts), and not only in every fourth.
// --forgets P: with --owners, the store ignores the condition of P in a hundred writes.
// --lag: listings of the store lag for up to so long (else the seed says whether they do).
// --owners: of several backends that have one user at the same time (test/sim/owners.ts).

import { parseArgs } from 'node:util'
import { ownersSummary, sum, summary } from './figures.ts'
import { tellOwners } from './owners.ts'
import type { OwnersOutcome } from './owners.ts'
import { tell } from './story.ts'
import type { Outcome } from './story.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    steps: { type: 'string', default: '120' },
    lag: { type: 'string', default: '' },
    owners: { type: 'boolean', default: false },
    harms: { type: 'boolean', default: false },
    forgets: { type: 'string', default: '0' },
    verbose: { type: 'boolean', default: false },
  },
})
const numberOf = (name: 'seed' | 'seeds' | 'steps' | 'forgets' | 'lag'): number => {
  const number = Number(values[name])
  if (Number.isSafeInteger(number) && number >= 0) return number
  console.error(`--${name} ${values[name]}: not a number`)
  process.exit(64)
}
const first = numberOf('seed')
const count = numberOf('seeds')
const steps = numberOf('steps')
const forgets = numberOf('forgets')

const trace = values.verbose ? { onTrace: (line: string) => { console.log(line) } } : {}
const harms = values.harms ? { harms: true } : {}
const options = { steps, ...trace, ...(values.lag === '' ? {} : { lagMs: numberOf('lag') }) }
const one = async (seed: number): Promise<Outcome | OwnersOutcome> => (values.owners ? tellOwners(seed, { ...options, forgets }) : tell(seed, { ...options, ...harms }))

const outcomes: (Outcome | OwnersOutcome)[] = []
for (let seed = first; seed < first + count; seed++) {
  const outcome = await one(seed)
  if (outcome.failure !== undefined) {
    if (count === 1 && !values.verbose) console.log(outcome.trace.join('\n'))
    console.log(`seed ${seed}: ${outcome.failure} · npm run sim -- --seed ${seed} --steps ${steps}${values.lag === '' ? '' : ` --lag ${values.lag}`}${values.owners ? ' --owners' : ''}${values.harms ? ' --harms' : ''}${forgets > 0 ? ` --forgets ${forgets}` : ''}`)
  }
  outcomes.push({ ...outcome, trace: [] })
}
console.log(values.owners ? ownersSummary(outcomes as OwnersOutcome[]) : summary(sum(outcomes as Outcome[])))
if (count === 1) console.log(`trace ${outcomes[0]?.traceHash}`)
process.exitCode = outcomes.some(({ failure }) => failure !== undefined) ? 1 : 0
