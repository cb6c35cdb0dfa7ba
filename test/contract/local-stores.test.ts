// The contract over the stores that need no server: memory, posix, and every wrapper around them.

import t from 'tap'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Timers } from '../../runtime/effects.ts'
import { buildStack } from '../../workers/fs/stack.ts'
import { countsOf } from '../../workers/fs/count.ts'
import { objectStoreContract } from './object-store.ts'
import type { ContractOptions } from './object-store.ts'

/** Timers that keep this process alive: nothing else does while a delay passes. */
const timers: Timers = {
  after: (ms, action) => {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
}

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-stores-'))
t.teardown(() => fs.rmSync(directory, { recursive: true }))

const stacks: [string, ContractOptions][] = [
  ['memory:contract', {}],
  [`posix:prefix=${directory}/one/`, {}],
  [`posix:prefix=${directory}/two:no-fsync`, {}],
  ['compress:gz:6:memory:gz', { storedSizes: true }],
  ['compress:zstd::memory:zstd', { storedSizes: true }],
  [`compress:maybe-gz:1:posix:prefix=${directory}/three/:no-fsync`, { storedSizes: true }],
  ['compress:deflate:1:memory:deflate', { storedSizes: true }],
  ['zlib:gz:6:memory:bodies', { storedSizes: true }],
  ['zlib:zstd::memory:bodies-zstd', { storedSizes: true }],
  ['zlib:::memory:bodies-plain', {}],
  [`zlib:gz:6:fscache:8M:${directory}/bodies:posix:prefix=${directory}/five/:no-fsync`, { storedSizes: true, counts: false }],
  ['count:contract:delay:0-1:fault:rate=0:memory:wrapped', {}],
  [`fscache:1G:${directory}/cache:memory:cached`, { counts: false }],
  [`fscache:64k:${directory}/small:memory:cached-little`, { counts: false }],
  [`fscache:8M:${directory}/stacked:compress:gz:6:posix:prefix=${directory}/four/:no-fsync`, { storedSizes: true, counts: false }],
]

for (const [spec, options] of stacks) {
  void t.test(spec.replaceAll(directory, 'DIR'), async (t) => {
    const store = buildStack(spec, { tempDirectory: directory, timers })
    await objectStoreContract(t, store, 'b5/899/dove@example.com', options)
    store.close()
  })
}

void t.test('count has counted', async (t) => {
  const counts = countsOf('contract')
  t.ok(counts.write > 50 && counts.read > 50 && counts.list > 10 && counts.deleteMany > 2)
  t.ok(counts.byReason['test:contract']! > 200)
})

void t.test('nothing is left behind', async (t) => {
  t.same(fs.readdirSync(path.join(directory, 'one/.tmp')), [])
  t.same(fs.readdirSync(directory).filter((name) => name.startsWith('culver-compress')), [])
})
