// Several backends that have one user at the same time: no mail, folder, flag or subscription that was acknowledged is lost, no
// UID ever means another mail, the losers' sessions are told, and in the end all say the same. And: this is found out where
// it is not so.

import t from 'tap'
import type { Effects, ObjectStat } from '../../runtime/effects.ts'
import { ownersSummary } from './figures.ts'
import { tellOwners } from './owners.ts'
import type { OwnersOutcome } from './owners.ts'
import { withStore } from './sabotage.ts'

const seeds = 15
t.setTimeout(260_000)

await t.test(`${seeds} seeds`, { timeout: 120_000 }, async (t) => {
  const outcomes: OwnersOutcome[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await tellOwners(seed)
    if (outcome.failure !== undefined) t.fail(`seed ${seed}: ${outcome.failure}`, { replay: `npm run sim -- --seed ${seed} --steps 150 --owners` })
    outcomes.push(outcome)
  }
  t.comment(ownersSummary(outcomes))
  const total = (name: keyof OwnersOutcome['figures']): number => outcomes.reduce((all, { figures }) => all + figures[name], 0)
  t.equal(outcomes.filter(({ failure }) => failure !== undefined).length, 0, 'no promise was broken')
  t.ok(total('taken') > 5 * seeds, 'the user went to and fro')
  t.ok(total('lost') > 5 * seeds, 'losers were told')
  t.ok(total('wipes') > seeds, 'disks were lost')
  t.ok(total('mails') > 10 * seeds, 'mails had to be there')
})

await t.test('a store that forgets conditions: in most stories no mail is lost, and mostly somebody notices', { timeout: 100_000 }, async (t) => {
  const outcomes: OwnersOutcome[] = []
  let noticed = 0
  for (const forgets of [10, 60]) {
    // (Not whatever happens: where 60 of 100 conditions are forgotten, two owners give one UID to two mails, nobody notices, and one of these is
    // expunged, verification takes the other for it. That is one seed in twenty to forty; 3 and 28 are such.)
    for (let seed = 4; seed <= 7; seed++) {
      let told = false
      const outcome = await tellOwners(seed, { forgets, onTrace: (line) => { told ||= line.includes('store.condition_ignored') } })
      if (outcome.failure !== undefined) t.fail(`seed ${seed}: ${outcome.failure}`, { replay: `npm run sim -- --seed ${seed} --steps 150 --owners --forgets ${forgets}` })
      if (told) noticed++
      outcomes.push(outcome)
    }
  }
  t.comment(`${noticed} noticed; ${ownersSummary(outcomes)}`)
  t.equal(outcomes.filter(({ failure }) => failure !== undefined).length, 0, 'no promise was broken')
  t.ok(noticed > 1, 'it was noticed')
})

const isManifest = (key: string): boolean => key.includes('/idx/manifest')

const sabotages: Record<string, (effects: Effects) => Effects> = {
  'a backend that never finds out that it has lost the user': (effects) => {
    let known: ObjectStat | undefined
    return withStore(effects, (store) => ({
      stat: async (key, context) => {
        if (!isManifest(key)) return store.stat(key, context)
        return known ??= await store.stat(key, context)
      },
      write: async (key, body, context, options) => {
        const { condition, ...rest } = options ?? {}
        const written = await store.write(key, body, context, isManifest(key) ? rest : { ...rest, ...(condition === undefined ? {} : { condition }) })
        if (isManifest(key)) known = { etag: written.etag, size: body.size, modifiedMs: 0, metadata: options?.metadata ?? {} }
        return written
      },
    }))
  },
  'what a loser leaves behind that is acknowledged and never written': (effects) => withStore(effects, (store) => ({
    write: async (key, body, context, options) => (key.includes('/orphan.') ? { etag: 'none' } : store.write(key, body, context, options)),
  })),
}

for (const [name, sabotage] of Object.entries(sabotages)) {
  await t.test(name, async (t) => {
    for (let seed = 1; seed <= 30; seed++) {
      const { failure } = await tellOwners(seed, { sabotage })
      if (failure === undefined) continue
      t.pass(`found by seed ${seed}: ${failure.slice(0, 200)}`)
      return
    }
    t.fail('30 seeds did not find it')
  })
}
