// npm run sim -- --seed N [--seeds COUNT] [--steps N] [--verbose]
// Tells the stories of COUNT seeds from N on (runtime/sim-effects.ts, test/sim/story.ts) and prints one line for each that
// breaks a promise, with what was broken and the command that tells it again; with one seed, the end of its trace too.

import { parseArgs } from 'node:util'
import { sum, summary } from './figures.ts'
import { tell } from './story.ts'
import type { Outcome } from './story.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    steps: { type: 'string', default: '120' },
    verbose: { type: 'boolean', default: false },
  },
})
const numberOf = (name: 'seed' | 'seeds' | 'steps'): number => {
  const number = Number(values[name])
  if (Number.isSafeInteger(number) && number >= 0) return number
  console.error(`--${name} ${values[name]}: not a number`)
  process.exit(64)
}
const first = numberOf('seed')
const count = numberOf('seeds')
const steps = numberOf('steps')

const outcomes: Outcome[] = []
for (let seed = first; seed < first + count; seed++) {
  const outcome = await tell(seed, { steps, ...(values.verbose ? { onTrace: (line: string) => { console.log(line) } } : {}) })
  outcomes.push(outcome)
  if (outcome.failure === undefined) continue
  if (count === 1 && !values.verbose) console.log(outcome.trace.join('\n'))
  console.log(`seed ${seed}: ${outcome.failure} · npm run sim -- --seed ${seed} --steps ${steps}`)
}
console.log(summary(sum(outcomes)))
if (count === 1) console.log(`trace ${outcomes[0]?.traceHash}`)
process.exitCode = outcomes.some(({ failure }) => failure !== undefined) ? 1 : 0
