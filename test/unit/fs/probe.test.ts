// The trial at start: whether a store keeps its word about conditions.

import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import t from 'tap'
import type { ObjectStore } from '../../../runtime/effects.ts'
import { Bug, TempFail } from '../../../runtime/errors.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import { probe } from '../../../workers/storage/probe.ts'

const random = { bytes: (count: number) => randomBytes(count), below: (bound: number) => randomInt(bound) }
const { signal } = new AbortController()
const store = (): ObjectStore => buildStack(`memory:${randomUUID()}`)

/** The store, with writes of a test's own. */
function writing(inner: ObjectStore, write: ObjectStore['write']): ObjectStore {
  return new Proxy(inner, {
    get(_, name) {
      if (name === 'write') return write
      const value: unknown = Reflect.get(inner, name, inner)
      return typeof value === 'function' ? value.bind(inner) : value
    },
  })
}

t.test('an honest store, of which nothing is left behind', async (t) => {
  const honest = store()
  t.equal(await probe(honest, random, signal), 'honest')
  t.same((await honest.list('', { user: '', reason: 'test' })).objects, [])
})

t.test('one that ignores If-None-Match, or If-Match, or both', async (t) => {
  for (const ignored of [['ifAbsent'], ['ifMatch'], ['ifAbsent', 'ifMatch']]) {
    const inner = store()
    const liar = writing(inner, (key, body, context, options = {}) => {
      const { condition, ...rest } = options
      return inner.write(key, body, context, condition !== undefined && ignored.some((name) => name in condition) ? rest : options)
    })
    t.equal(await probe(liar, random, signal), 'dishonest', ignored.join())
  }
})

t.test('one that is away is not called a liar; a bug is told', async (t) => {
  t.equal(await probe(writing(store(), async () => { throw new TempFail('away') }), random, signal), 'unknown')
  await t.rejects(probe(writing(store(), async () => { throw new Bug('oh') }), random, signal), { name: 'Bug' })
})
