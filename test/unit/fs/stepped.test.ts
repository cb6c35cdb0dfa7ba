// A decompressor of our own between a source and a reader, each at its own pace: everything comes out, and no more is made than taken.

import { Buffer } from 'node:buffer'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { SimRandom } from '../../../runtime/sim/random.ts'
import { Stepped } from '../../../workers/storage/stepped.ts'
import type { Steps } from '../../../workers/storage/stepped.ts'

/** Makes of each byte so many kilobytes of it, in pieces. */
class Swelling {
  made = 0
  readonly steps = this.#steps()
  #input: number[] = []
  feed(bytes: Uint8Array): void { this.#input.push(...bytes) }
  unfinished(): undefined { return undefined }
  *#steps(): Steps<void> {
    for (;;) {
      const byte = this.#input.shift()
      if (byte === undefined) { yield undefined; continue }
      for (let left = byte * 1024; left > 0; left -= 40_000) {
        const piece = Buffer.alloc(Math.min(left, 40_000), byte)
        this.made += piece.length
        yield piece
      }
      yield new Uint8Array(0)
    }
  }
}

const within = async <T>(work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => { reject(new Error('it has come to a halt')) }, 20_000) })
  try { return await Promise.race([work, late]) } finally { clearTimeout(timer) }
}

t.test('any pace of source and reader', async (t) => {
  const dice = new SimRandom(11)
  for (let round = 0; round < 60; round++) {
    const input = Array.from({ length: 1 + dice.below(30) }, () => dice.below(dice.below(4) === 0 ? 200 : 12))
    const pieces: Buffer[] = []
    for (let at = 0; at < input.length;) {
      const length = 1 + dice.below(8)
      pieces.push(Buffer.from(input.slice(at, at + length)))
      at += length
    }
    const source = Readable.from((async function* () { for (const piece of pieces) { if (dice.below(3) === 0) await turn(); yield piece } })(), { objectMode: false })
    const work = new Swelling()
    const stepped = new Stepped(work)
    const want = input.reduce((sum, byte) => sum + byte * 1024, 0)
    let [got, most] = [0, 0]
    const take = async (bytes: Uint8Array): Promise<void> => {
      got += bytes.length
      most = Math.max(most, work.made - got)
      if (dice.below(3) === 0) await turn()
    }
    if (round % 3 === 0) await within((async () => { source.pipe(stepped); for await (const bytes of stepped) await take(bytes as Uint8Array) })())
    else if (round % 3 === 1) await within(pipeline(source, stepped, new Writable({ write(bytes: Uint8Array, _, done) { void take(bytes).then(() => { done() }) } })))
    else {
      stepped.on('data', (bytes: Uint8Array) => { got += bytes.length })
      await within(pipeline(source, stepped, { end: true }))
    }
    if (got !== want) t.fail(`round ${round}: ${got} of ${want} bytes`)
    if (most > 400_000) t.fail(`round ${round}: ${most} bytes waited for the reader`)
  }
  t.pass('everything has come')
})
