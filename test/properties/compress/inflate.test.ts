// Inflating as far as the bytes have come, against zlib and fflate, two that have nothing in common: any text, any way of deflating it, cut anywhere, read in pieces of
// any size, put away at any moment. And what is no deflate stream ends in NotDeflated wherever it does in zlib.

import zlib from 'node:zlib'
import fc from 'fast-check'
import { Inflate, deflateSync } from 'fflate'
import t from 'tap'
import { realTimers } from '../../../runtime/real-effects.ts'
import { Compression } from '../../../workers/compression.ts'
import { Inflater, NotDeflated } from '../../../workers/inflate.ts'

/** Texts with repetitions near and far, and such without any. */
const text = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 700 })), { maxLength: 12 })
  .map((pieces) => Buffer.concat(pieces.flatMap(([piece, times]) => Array<Uint8Array>(times).fill(piece))))

const way = fc.record({
  level: fc.integer({ min: 0, max: 9 }), strategy: fc.integer({ min: 0, max: 4 }), memLevel: fc.integer({ min: 1, max: 9 }), windowBits: fc.integer({ min: 9, max: 15 }),
})

/** All the text of `bytes`, which come in pieces of `cuts` bytes; it is put away after every `parks`th. */
function inflated(bytes: Uint8Array, cuts: readonly number[], most: number, parks: number): { text: Buffer; ended: boolean } {
  const inflater = new Inflater()
  const pieces: Uint8Array[] = []
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const length = cuts[n % cuts.length]!
    inflater.push(bytes.slice(at, at + length))
    at += length
    for (let piece = inflater.read(most); piece !== undefined; piece = inflater.read(most)) {
      if (piece.length > most + 258) throw new Error(`${piece.length} bytes where ${most} were asked for`)
      pieces.push(piece)
    }
    if (n % parks === 0) inflater.park()
  }
  return { text: Buffer.concat(pieces), ended: inflater.ended }
}

const cuts = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 5 })
const few = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 })

void t.test('what zlib deflates', (t) => {
  fc.assert(fc.property(text, way, cuts, fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 9 }), (text, way, cuts, most, parks) => {
    const found = inflated(zlib.deflateRawSync(text, way), cuts, most, parks)
    return found.ended && found.text.equals(text)
  }), { numRuns: 200 })
  t.end()
})

void t.test('what fflate deflates', (t) => {
  const level = fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
  fc.assert(fc.property(text, level, cuts, fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 9 }), (text, level, cuts, most, parks) => {
    const found = inflated(deflateSync(text, { level: level as 0 }), cuts, most, parks)
    return found.ended && found.text.equals(text)
  }), { numRuns: 200 })
  t.end()
})

void t.test('a client with fflate reads each batch as it comes, whatever rests lie between', (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(text, fc.boolean()), { minLength: 1, maxLength: 8 }), (batches) => {
    const ours = new Compression({ pause() {}, resume() {} }, realTimers, { input() {}, dry() {}, ended() {} }, 0)
    const read: Uint8Array[] = []
    const client = new Inflate((chunk) => { read.push(chunk) })
    const sent: Uint8Array[] = []
    try {
      for (const [batch, rests] of batches) {
        client.push(ours.deflate(batch))
        sent.push(batch)
        if (!Buffer.concat(read).equals(Buffer.concat(sent))) return false
        if (rests) ours.park()
      }
      return true
    } finally {
      ours.stop()
    }
  }), { numRuns: 100 })
  t.end()
})

void t.test('a byte or a few at a time, with flushes of every kind between the texts', (t) => {
  const { Z_SYNC_FLUSH, Z_FULL_FLUSH } = zlib.constants
  fc.assert(fc.property(fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 80 }), way, fc.constantFrom(Z_SYNC_FLUSH, Z_FULL_FLUSH)), { minLength: 1, maxLength: 6 }), few, (parts, cuts) => {
    const stream = Buffer.concat(parts.map(([text, way, finishFlush]) => zlib.deflateRawSync(text, { ...way, finishFlush })))
    const found = inflated(stream, cuts, 100, 1)
    return !found.ended && found.text.toString() === parts.map(([text]) => text).join('')
  }), { numRuns: 200 })
  t.end()
})

void t.test('garbage is refused where zlib refuses it, and gives the same text up to there', (t) => {
  fc.assert(fc.property(text, way, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }), (text, way, damage) => {
    const bytes = zlib.deflateRawSync(text, way)
    for (const [at, bits] of damage) bytes[at % bytes.length]! ^= bits
    let expected: Buffer | undefined
    try {
      expected = zlib.inflateRawSync(bytes, { finishFlush: zlib.constants.Z_SYNC_FLUSH })
    } catch { /* no deflate stream */ }
    try {
      const found = inflated(bytes, [997], 16_384, 3)
      return expected !== undefined && found.text.equals(expected)
    } catch (error) {
      if (!(error instanceof NotDeflated)) throw error
      return expected === undefined
    }
  }), { numRuns: 500 })
  t.end()
})

void t.test('an idle stream is small', (t) => {
  const inflater = new Inflater()
  const text = Buffer.from(Array.from({ length: 2000 }, (_, i) => `a${i} UID FETCH ${i * 7} (FLAGS BODY.PEEK[])\r\n`).join(''))
  inflater.push(zlib.deflateRawSync(text, { finishFlush: zlib.constants.Z_SYNC_FLUSH }))
  while (inflater.read(16_384) !== undefined) { /* all of it */ }
  const before = inflater.memory
  inflater.park()
  t.ok(before >= 32_768, `${before} bytes while it runs`)
  t.ok(inflater.memory < 10_000 && inflater.memory > 0, `${inflater.memory} bytes put away`)
  t.end()
})
