// Two backends that write the manifest at the same time where the store holds no conditions: the one that comes second yields, and
// where it cannot take its own back any more, it counts for nothing all the same.

import t from 'tap'
import { Manifest } from '../../../actors/user/manifest.ts'
import { RootState } from '../../../actors/user/root-state.ts'
import { ConditionFailed, TempFail } from '../../../runtime/errors.ts'
import { context } from './fixture.ts'
import { HookedStore } from './hooked-store.ts'

const prefix = 'jane/idx/'

/** A state of its own, known by `write`: names are ordered by that. */
function stateOf(epoch: number, digit: string): RootState {
  const state = new RootState()
  state.epoch = epoch
  state.owner = digit.repeat(32)
  state.write = digit.repeat(32)
  return state
}

const aMillisecond = async (): Promise<void> => {
  for (const began = Date.now(); Date.now() === began;) await new Promise((resolve) => { setImmediate(resolve) })
}

/** The second writer's object comes when the first has been told that its own is there, and cannot be taken back. */
async function race(store: HookedStore, first: RootState, second: RootState): Promise<{ tag: string; failed: unknown }> {
  const [one, other] = [new Manifest(store, prefix, 'jane'), new Manifest(store, prefix, 'jane')]
  const tag = await one.write(context, stateOf(1, '1'), '')
  const held = Promise.withResolvers<void>()
  const began = Promise.withResolvers<void>()
  store.before = async (operation, key) => {
    if (operation === 'write' && key.endsWith(second.write)) {
      began.resolve()
      await held.promise
    }
    // Nor is what both have replaced deleted for now.
    if (operation === 'delete' || operation === 'deleteMany') throw new TempFail('503')
  }
  const losing = other.write(context, second, tag).then(() => undefined, (error: unknown) => error)
  await began.promise
  const written = await one.write(context, first, tag)
  await aMillisecond()
  held.resolve()
  const failed = await losing
  store.before = () => {}
  return { tag: written, failed }
}

for (const [what, first, second] of [
  ['of the same epoch, whose name comes later', stateOf(1, '2'), stateOf(1, 'e')],
  ['of the next epoch', stateOf(1, 'e'), stateOf(2, '2')],
] as const) {
  void t.test(`one that came second, ${what}, and was not taken back`, async (t) => {
    const store = Object.assign(new HookedStore(), { conditionalWrites: false })
    const { tag, failed } = await race(store, first, second)
    t.type(failed, ConditionFailed)
    t.equal((await store.keys(`${prefix}manifest.`)).filter((key) => key.endsWith(second.write)).length, 1, 'it is there')
    const reader = new Manifest(store, prefix, 'jane')
    t.match(await reader.read(context), { write: first.write })
    t.match(await reader.facts(context), { write: first.write })
    const again = stateOf(1, '3')
    const next = await new Manifest(store, prefix, 'jane').write(context, again, tag)
    t.match(await reader.facts(context), { write: again.write })
    t.same(await store.keys(`${prefix}manifest.`), [next.slice(0, next.lastIndexOf(' '))], 'it goes with the next one')
    store.operations()
    await reader.facts(context)
    t.same(store.operations(), ['list', 'stat'], 'and asks nothing more')
  })
}
