// Whether a store honours the conditions of a write, tried out on an object of its own: ownership of users rests on it
// (actors/user/manifest.ts). There are stores that ignore If-None-Match and If-Match without a word.

import { Buffer } from 'node:buffer'
import type { ObjectStore, Random, RequestContext, WriteCondition } from '../../runtime/effects.ts'
import { Cancelled, ConditionFailed, TempFail } from '../../runtime/errors.ts'

/** `unknown`: the store does not answer. */
export type Honesty = 'honest' | 'dishonest' | 'unknown'

export async function probe(store: ObjectStore, random: Random, signal: AbortSignal): Promise<Honesty> {
  if (!store.conditionalWrites) return 'dishonest'
  const context: RequestContext = { user: '', reason: 'culver:probe', signal }
  const key = `culver-probe/${Buffer.from(random.bytes(16)).toString('hex')}`
  const write = (text: string, condition: WriteCondition): Promise<{ etag: string }> =>
    store.write(key, { size: text.length, parts: [Buffer.from(text)] }, context, { condition })
  const refused = (condition: WriteCondition): Promise<boolean> =>
    write('must not be', condition).then(() => false, (error: unknown) => {
      if (error instanceof ConditionFailed) return true
      throw error
    })
  try {
    const { etag } = await write('one', { ifAbsent: true })
    if (!await refused({ ifAbsent: true }) || !await refused({ ifMatch: '"00000000000000000000000000000000"' })) return 'dishonest'
    await write('two', { ifMatch: etag })
    return await refused({ ifMatch: etag }) ? 'honest' : 'dishonest'
  } catch (error) {
    // What should have been done was refused.
    if (error instanceof ConditionFailed) return 'dishonest'
    if (error instanceof TempFail || error instanceof Cancelled) return 'unknown'
    throw error
  } finally {
    await store.delete(key, { user: '', reason: 'culver:probe' }).catch(() => {})
  }
}
