// `delay:MS:…` or `delay:MIN-MAX:…` — every operation begins that many milliseconds later: a far store, for tests.

import type { RequestContext } from '../../runtime/effects.ts'
import { ConfigError } from '../../runtime/errors.ts'
import { pause, wrapper } from '../storage/driver.ts'
import type { FsWorld, OpenStore } from '../storage/driver.ts'
import { argument, Around } from '../storage/wrapping.ts'
import type { Operation } from '../storage/wrapping.ts'

interface DelayOptions { min: number; max: number }

const form = 'delay:MS:… or delay:MIN-MAX:…'

class DelayingStore extends Around {
  readonly #options: DelayOptions
  readonly #world: FsWorld
  constructor(parent: OpenStore, options: DelayOptions, world: FsWorld) { super(parent); this.#options = options; this.#world = world }

  protected override async around<T>(_operation: Operation, run: () => Promise<T>, context: RequestContext): Promise<T> {
    const { min, max } = this.#options
    await pause(this.#world.timers, min + (max > min ? this.#world.random.below(max - min + 1) : 0), context.signal)
    return run()
  }
}

export default wrapper({
  name: 'delay',
  form,
  parse(text) {
    const { value, rest } = argument('delay', form, text)
    const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(value)
    const min = Number(match?.[1])
    const max = Number(match?.[2] ?? match?.[1])
    if (!match || max < min) throw new ConfigError(`delay: '${value}' is no time; its form is ${form}`)
    return { options: { min, max }, rest }
  },
  open: (options: DelayOptions, parent, world) => new DelayingStore(parent, options, world),
})
