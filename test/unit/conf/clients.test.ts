// conf/clients/*.json: every profile is for the clients it gives as examples, and for no other profile's.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { loadClients, workaroundsFor } from '../../../conf/clients.ts'
import type { ClientProfile } from '../../../conf/clients.ts'
import { ConfigError } from '../../../runtime/errors.ts'

const profiles = loadClients()

t.ok(profiles.length > 0)
for (const profile of profiles) {
  t.test(profile.name, (t) => {
    for (const said of profile.examples) t.same(workaroundsFor(profiles, new Map(Object.entries(said))), profile.workarounds, JSON.stringify(said))
    t.end()
  })
}

t.test('clients that need nothing', (t) => {
  for (const said of [{}, { name: 'iPhone Mail', version: '20A362', os: 'iOS' }, { name: 'Mac OS X Mail', version: '16.0 (3774.300)' }, { name: 'Microsoft Outlook' }, { vendor: 'Thunderbird' }]) {
    t.same(workaroundsFor(profiles, new Map(Object.entries(said))), [], JSON.stringify(said))
  }
  t.end()
})

t.test('a mask is matched whole, whatever the case; all fields count; several profiles add up', (t) => {
  const about = { about: '', examples: [] }
  const some: ClientProfile[] = [
    { name: 'a', ...about, match: { name: ['A.?*'], os: ['x', 'y'] }, workarounds: ['delay-newmail'] },
    { name: 'b', ...about, match: { os: ['*'] }, workarounds: ['delay-newmail', 'tb-lsub-flags'] },
  ]
  const said = (fields: Record<string, string | undefined>): string[] => workaroundsFor(some, new Map(Object.entries(fields)))
  t.same(said({ name: 'a.bc', os: 'Y' }), ['delay-newmail', 'tb-lsub-flags'])
  t.same(said({ name: 'axbc' }), [])
  t.same(said({ name: 'a.' , os: undefined }), [])
  t.end()
})

t.test('what is no profile is told with its file', (t) => {
  const directory = t.testdir({})
  const good = { name: 'n', about: 'a', match: { name: ['x'] }, examples: [{ name: 'x' }], workarounds: ['delay-newmail'] }
  const load = (text: string): unknown => {
    fs.writeFileSync(path.join(directory, 'one.json'), text)
    return loadClients(directory)
  }
  t.same(load(JSON.stringify(good)), [good])
  for (const bad of ['{', 'null', '[]', ...[{ match: {} }, { match: { nmae: ['x'] } }, { match: { name: 'x' } }, { workarounds: ['delay'] }, { examples: [] }, { more: 1 }, { about: 1 }]
    .map((change) => JSON.stringify({ ...good, ...change }))]) {
    t.throws(() => load(bad), { constructor: ConfigError, message: /one\.json: / }, bad)
  }
  t.end()
})
