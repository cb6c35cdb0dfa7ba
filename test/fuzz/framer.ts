// The framer with the IMAP fuzzer's input, whole and cut: the same commands and literals come out, whatever the pieces.
//
//   node test/fuzz/framer.ts [--inputs 100000] [--seed 1]

import { Buffer } from 'node:buffer'
import { parseArgs } from 'node:util'
import { Framer } from '../../actors/session/framer.ts'
import { SimRandom } from '../../runtime/sim/random.ts'
import { ImapInput } from './imap-input.ts'

/** What a reader makes of these pieces; `choose` decides what becomes of each literal. */
function framed(pieces: readonly Uint8Array[], seed: number): string[] {
  const framer = new Framer({ lineBytes: 8192, swallowBytes: 1_000_000 })
  const dice = new SimRandom(seed, 'literals')
  const told: string[] = []
  let streamed = ''
  const read = (): boolean => {
    for (let chunk = framer.chunk(); chunk !== undefined; chunk = framer.chunk()) streamed += Buffer.from(chunk).toString('latin1')
    if (framer.left > 0) return true
    const next = framer.next()
    if (next === undefined) return true
    if (streamed !== '') told.push(`streamed ${streamed}`)
    streamed = ''
    if (next.kind === 'endless') {
      told.push('endless')
      return false
    }
    if (next.kind !== 'literal') told.push(`${next.kind} ${Buffer.from(next.kind === 'command' ? next.bytes : next.prefix.subarray(0, 100)).toString('latin1')}`)
    else {
      told.push(`literal ${next.size} ${next.sync} ${Buffer.from(next.prefix).toString('latin1')}`)
      const choice = next.size > 100_000 ? 2 : dice.below(3)
      if (choice === 0) framer.collect()
      else if (choice === 1) framer.stream()
      else framer.refuse()
    }
    return read()
  }
  for (const piece of pieces) {
    framer.push(piece)
    if (!read()) return told
    if (framer.buffered > 400_000) throw new Error(`${framer.buffered} bytes wait`)
  }
  return told
}

/** Throws at the first input that is not framed alike whole and cut. How many commands and literals there were. */
export function fuzzFramer(inputs: number, seed: number): number {
  let events = 0
  for (let n = seed; n < seed + inputs; n++) {
    const input = new ImapInput(new SimRandom(n, 'framer'))
    const pieces = Array.from({ length: 3 }, () => input.pieces()).flat().map((piece) => Buffer.from(piece, 'latin1'))
    const cut = framed(pieces, n)
    // Of a line that is too long the beginning is told as far as it is here.
    const plain = (told: readonly string[]): string => told.map((one) => (one.startsWith('tooLong') ? 'tooLong' : one)).join('\n')
    const whole = framed([Buffer.concat(pieces)], n)
    if (plain(cut) !== plain(whole)) throw new Error(`seed ${n}: whole ${JSON.stringify(whole)}, cut ${JSON.stringify(cut)}`)
    events += whole.length
  }
  return events
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { inputs: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } } })
  console.log(`${fuzzFramer(Number(values.inputs), Number(values.seed))} commands and literals in ${values.inputs} inputs: borne`)
}
