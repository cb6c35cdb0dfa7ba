// Whatever is done through an fscache gives what the bare store gives: with hardly any room, with a disk that fails and
// with a parent that fails; and the room is never exceeded.

import t from 'tap'
import fc from 'fast-check'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ObjectNotFound, TempFail } from '../../../runtime/errors.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import type { CacheDisk } from '../../../workers/storage/cache-disk.ts'
import { realDisk } from '../../../workers/storage/cache-disk.ts'
import type { OpenStore } from '../../../workers/storage/driver.ts'
import { cachedStore, context, get, put, spaceOf } from '../../fixtures/cached-store.ts'

type Step =
  | { do: 'write'; key: string; size: number; byte: number }
  | { do: 'read'; key: string; start: number; length: number; atOnce: number }
  | { do: 'delete'; keys: string[] }
  | { do: 'copy'; key: string; to: string }
  | { do: 'disk'; fails: string | undefined }
  | { do: 'rescan' } | { do: 'restart' } | { do: 'later' }

const key = fc.constantFrom('a/1', 'a/2', 'b/3', 'b/4', 'c')
const size = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 9000 }) }, fc.integer({ min: 100_000, max: 200_000 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), key, size, byte: fc.integer({ min: 1, max: 255 }) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('read' as const), key, start: fc.nat(12_000), length: fc.oneof(fc.constant(0), fc.nat(150_000)), atOnce: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), keys: fc.array(key, { maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('copy' as const), key, to: key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('disk' as const), fails: fc.constantFrom('ENOSPC', 'EIO', undefined) }) },
  fc.constantFrom<Step>({ do: 'rescan' }, { do: 'restart' }, { do: 'later' }, { do: 'later' }),
)

/** What came of it: bytes, or the kind of failure. */
const outcome = async (action: Promise<unknown>): Promise<string> => {
  try {
    const value = await action
    return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : 'done'
  } catch (error) {
    if (error instanceof ObjectNotFound || error instanceof TempFail) return error.name
    throw error
  }
}

const perform = async (store: OpenStore, step: Step): Promise<string> => {
  switch (step.do) {
    case 'write': return outcome(put(store, step.key, Buffer.alloc(step.size, step.byte)))
    case 'read': {
      const range = step.length === 0 ? undefined : { start: step.start, end: step.start + step.length }
      const all = await Promise.all(Array.from({ length: step.atOnce }, () => outcome(get(store, step.key, range))))
      return [...new Set(all)].join('\n')
    }
    case 'delete': return outcome(store.deleteMany(step.keys, context))
    case 'copy': return outcome(store.copy(step.key, step.to, context))
    default: return ''
  }
}

/** A disk that fails with what `code` says, at every second chance. */
const failingDisk = (code: () => string | undefined): Partial<CacheDisk> => {
  let chances = 0
  const fail = (): void => {
    const now = code()
    if (now !== undefined && ++chances % 2 === 0) throw Object.assign(new Error(now), { code: now })
  }
  return {
    open: async (file, flags) => {
      fail()
      const real = await realDisk.open(file, flags)
      return {
        stat: () => real.stat(), close: () => real.close(),
        write: async (...args) => { fail(); return real.write(...args) },
        read: async (...args) => { fail(); return real.read(...args) },
      }
    },
    rename: async (...args) => { fail(); return realDisk.rename(...args) },
    writeText: async (...args) => { fail(); return realDisk.writeText(...args) },
    mkdir: async (...args) => { fail(); return realDisk.mkdir(...args) },
  }
}

void t.test('the cache makes no difference', { timeout: 150_000 }, async (t) => {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-cache-'))
  t.teardown(() => fs.rmSync(base, { recursive: true, force: true }))
  let runs = 0
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), fc.constantFrom(8, 24, 64, 1024), async (steps, kib) => {
    const run = ++runs
    const directory = path.join(base, String(run))
    const bare = buildStack(`memory:bare-${run}`)
    const parent = buildStack(`memory:parent-${run}`)
    let fails: string | undefined
    const ends: (() => void | Promise<void>)[] = []
    const open = (): ReturnType<typeof cachedStore> =>
      cachedStore({ teardown: (end) => ends.push(end) }, { bytes: kib * 1024, directory, parent, disk: failingDisk(() => fails) })
    let cached = open()
    for (const step of steps) {
      if (step.do === 'disk') fails = step.fails
      else if (step.do === 'later') cached.later(20_000)
      else if (step.do === 'rescan') await cached.cache.rescan()
      else if (step.do === 'restart') { cached.cache.stop(); await cached.cache.idle(); cached = open() }
      else if (await perform(cached.store, step) !== await perform(bare, step)) throw new Error(`not as in the bare store: ${JSON.stringify(step)}`)
      if (fs.existsSync(directory) && spaceOf(directory) > kib * 1024) throw new Error(`${spaceOf(directory)} bytes of ${kib} KiB after ${JSON.stringify(step)}`)
    }
    for (const end of ends) await end()
    fs.rmSync(directory, { recursive: true, force: true })
  }), { numRuns: 150 })
  t.ok(runs >= 150)
})
