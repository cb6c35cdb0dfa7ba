// `fault:seed=N,rate=R,…:…` — a store that fails by chance, the same way for the same seed (as Dovecot's randomfail).
//
// rate=R       probability that an operation fails with TempFail; read=, write=, copy=, delete=, list=, stat= for one kind
// body=R       probability that a body being read breaks off before its end
// lost=R       share of the failing writes, copies and deletes that happen all the same, only the answer is lost (default 0.5)

import type { ByteRange, ObjectReader, RequestContext } from '../../runtime/effects.ts'
import { ConfigError, TempFail } from '../../runtime/errors.ts'
import { readerOf } from '../storage/body.ts'
import { wrapper } from '../storage/driver.ts'
import type { OpenStore } from '../storage/driver.ts'
import { argument, Around } from '../storage/wrapping.ts'
import type { Operation } from '../storage/wrapping.ts'

interface FaultOptions { seed: number; rates: Record<Operation, number>; body: number; lost: number }

const form = 'fault:seed=N,rate=R,read=R,…:…'
const operations: Operation[] = ['read', 'write', 'copy', 'delete', 'list', 'stat']

const parse = (text: string): FaultOptions => {
  const given = new Map<string, number>()
  for (const option of text.split(',').filter((part) => part !== '')) {
    const [name = '', value = ''] = option.split('=')
    const number = Number(value)
    const known = ['seed', 'rate', 'body', 'lost', ...operations].includes(name)
    if (!known || value === '' || !(number >= 0) || (name !== 'seed' && number > 1)) throw new ConfigError(`fault: '${option}' is no option; its form is ${form}`)
    given.set(name, number)
  }
  const rateOf = (name: string): number => given.get(name) ?? given.get('rate') ?? 0
  return {
    seed: given.get('seed') ?? 1,
    rates: { read: rateOf('read'), write: rateOf('write'), copy: rateOf('copy'), delete: rateOf('delete'), deleteMany: rateOf('delete'), list: rateOf('list'), stat: rateOf('stat') },
    body: given.get('body') ?? 0,
    lost: given.get('lost') ?? 0.5,
  }
}

/** Numbers in [0, 1) that only depend on the seed (mulberry32). */
const chances = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

class FaultyStore extends Around {
  readonly #options: FaultOptions
  readonly #chance: () => number
  constructor(parent: OpenStore, options: FaultOptions) { super(parent); this.#options = options; this.#chance = chances(options.seed) }

  protected override async around<T>(operation: Operation, run: () => Promise<T>): Promise<T> {
    if (this.#chance() >= this.#options.rates[operation]) return run()
    const changes = operation === 'write' || operation === 'copy' || operation === 'delete' || operation === 'deleteMany'
    if (changes && this.#chance() < this.#options.lost) {
      await run()
      throw new TempFail(`injected fault: ${operation} done, its answer lost`)
    }
    throw new TempFail(`injected fault: ${operation}`)
  }

  override async read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> {
    const reader = await super.read(key, context, range)
    if (this.#chance() >= this.#options.body) return reader
    return readerOf(reader, breaking(reader), () => reader.cancel())
  }
}

async function* breaking(reader: ObjectReader): AsyncGenerator<Uint8Array> {
  for await (const chunk of reader.body) {
    if (chunk.length > 1) yield chunk.subarray(0, chunk.length >> 1)
    break
  }
  throw new TempFail('injected fault: the body broke off')
}

export default wrapper({
  name: 'fault',
  form,
  parse(text) {
    const { value, rest } = argument('fault', form, text)
    return { options: parse(value), rest }
  },
  open: (options: FaultOptions, parent) => new FaultyStore(parent, options),
})
