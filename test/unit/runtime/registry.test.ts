// The registry: one actor a key, never two at once, whatever opens, closes and fails meanwhile.

import t from 'tap'
import type { Actor } from '../../../runtime/actor.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { realClock } from '../../../runtime/real-effects.ts'
import { Registry } from '../../../runtime/registry.ts'

/** An actor whose end the test decides; it notices when another one of its key is open. */
class Probe implements Actor<string, string> {
  static open = 0
  readonly #stop: () => Promise<void>
  constructor(stop: () => Promise<void> = async () => {}) {
    this.#stop = stop
    if (++Probe.open > 1) throw new Error('two are open')
  }
  receive(message: string): string { return `got ${message}` }
  async stop(): Promise<void> {
    try { await this.#stop() } finally { Probe.open-- }
  }
  describe(): { kind: string; name: string } { return { kind: 'probe', name: 'p' } }
}

const deferred = (): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } => Promise.withResolvers<void>()

void t.beforeEach(() => { Probe.open = 0 })

void t.test('whoever asks while it opens shares it', async (t) => {
  const registry = new Registry<Probe>(realClock)
  const opening = deferred()
  let opened = 0
  const open = async (): Promise<Probe> => { opened++; await opening.promise; return new Probe() }
  const all = [registry.get('a', open), registry.get('a', open), registry.send<string>('a', open, 'm')]
  opening.resolve()
  const [one, two, answer] = await Promise.all(all)
  t.equal(one, two)
  t.equal(answer, 'got m')
  t.equal(opened, 1)
  t.equal(registry.size, 1)
})

void t.test('a failed opening fails all who waited for it, and nobody after', async (t) => {
  const registry = new Registry<Probe>(realClock)
  const failing = async (): Promise<Probe> => { throw new TempFail('store away') }
  const results = await Promise.allSettled([registry.get('a', failing), registry.get('a', failing), registry.send('a', failing, 'm')])
  t.same(results.map((result) => result.status), ['rejected', 'rejected', 'rejected'])
  t.equal(registry.size, 0)
  await registry.get('a', async () => new Probe())
  t.equal(registry.size, 1)
})

void t.test('who asks while it closes gets a new one, after the end of the old one', async (t) => {
  const registry = new Registry<Probe>(realClock)
  const ending = deferred()
  const first = await registry.get('a', async () => new Probe(() => ending.promise))
  const closing = registry.close('a', 1000)
  t.equal(registry.close('a', 1000), closing, 'closing twice is one closing')
  const second = registry.get('a', async () => new Probe())
  const answer = registry.send('a', async () => new Probe(), 'm')
  ending.resolve()
  t.not(await second, first)
  t.equal(await answer, 'got m')
  await closing
  t.equal(registry.size, 1)
})

void t.test('an end that fails is told to whoever asked for it, and to no one else', async (t) => {
  const registry = new Registry<Probe>(realClock)
  const ending = deferred()
  await registry.get('a', async () => new Probe(() => ending.promise))
  const closing = registry.close('a', 1000)
  const next = registry.get('a', async () => new Probe())
  ending.reject(new TempFail('not uploaded'))
  await t.rejects(closing, { message: 'not uploaded' })
  await next
  t.equal(registry.size, 1)
})

void t.test('closed while it opens: it opens, then ends', async (t) => {
  const registry = new Registry<Probe>(realClock)
  const opening = deferred()
  const first = registry.get('a', async () => { await opening.promise; return new Probe() })
  const closing = registry.close('a', 1000)
  const second = registry.get('a', async () => new Probe())
  opening.resolve()
  await closing
  t.not(await second, await first)
})

void t.test('closed while an opening fails: nothing is left behind', async (t) => {
  const registry = new Registry<Probe>(realClock)
  const opening = deferred()
  const first = registry.get('a', async () => { await opening.promise; return new Probe() })
  const closing = registry.close('a', 1000)
  const second = registry.get('a', async () => new Probe())
  opening.reject(new TempFail('store away'))
  await t.rejects(first)
  await t.rejects(closing)
  await second
  t.equal(registry.size, 1, 'the later one is known, the failed one forgotten')
})

void t.test('stop ends all, also after a failure, and opens none any more', async (t) => {
  const registry = new Registry<Probe>(realClock)
  let ended = 0
  await registry.get('a', async () => new Probe(async () => { throw new TempFail('not uploaded') }))
  Probe.open = 0
  await registry.get('b', async () => new Probe(async () => { ended++ }))
  const stopping = registry.stop(1000)
  const late = registry.get('b', async () => new Probe())
  await t.rejects(stopping, { message: 'not uploaded' })
  t.equal(ended, 1)
  await t.rejects(late, TempFail)
  await t.rejects(registry.send('c', async () => new Probe(), 'm'), TempFail)
  t.equal(registry.size, 0)
})

void t.test('closing what is not there is nothing', (t) => {
  return t.resolves(new Registry<Probe>(realClock).close('a', 1000))
})
