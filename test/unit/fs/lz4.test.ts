// LZ4 as Dovecot saved mails: blocks by hand, after the description of the format. Whole mails of a real Dovecot: real/dovecot-bodies.

import { Buffer } from 'node:buffer'
import t from 'tap'
import { decodeBlock } from '../../../workers/storage/lz4.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import { bodyOf } from '../../../workers/storage/body.ts'
import { SimRandom } from '../../../runtime/sim/random.ts'
import { get } from '../../fixtures/cached-store.ts'

const context = { user: 'dove', reason: 'test' }
const four = (n: number): Buffer => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(n); return bytes }
const stream = (...blocks: Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.from('Dovecot-LZ4\r\x2a\x9b\xc5', 'latin1'), four(65_536), ...blocks.flatMap((block) => [four(block.length), block])])
/** A sequence: literals, and a match where there is one. */
const sequence = (literals: string, match?: { distance: number; length: number }): Buffer => {
  const rest = (length: number): number[] => (length < 15 ? [] : [...Array<number>(Math.floor((length - 15) / 255)).fill(255), (length - 15) % 255])
  const more = match === undefined ? 0 : match.length - 4
  return Buffer.concat([
    Buffer.from([Math.min(15, literals.length) << 4 | Math.min(15, more), ...rest(literals.length)]), Buffer.from(literals),
    ...(match === undefined ? [] : [Buffer.from([match.distance & 255, match.distance >> 8, ...rest(more)])]),
  ])
}
const text = (block: Uint8Array, most = 65_536): string => Buffer.from(decodeBlock(block, most)).toString()

void t.test('literals, matches, matches that repeat themselves, long lengths', (t) => {
  t.equal(text(sequence('coo')), 'coo')
  t.equal(text(sequence('c'.repeat(15))), 'c'.repeat(15))
  t.equal(text(sequence('c'.repeat(15 + 255 + 3))), 'c'.repeat(273))
  t.equal(text(Buffer.concat([sequence('dove, ', { distance: 6, length: 6 }), sequence('!')])), 'dove, dove, !')
  t.equal(text(Buffer.concat([sequence('ab', { distance: 2, length: 400 }), sequence('.')])), `${'ab'.repeat(201)}.`)
  t.equal(text(Buffer.concat([sequence('x', { distance: 1, length: 4 + 15 + 255 }), sequence('y')])), `${'x'.repeat(275)}y`)
  t.end()
})

void t.test('a block that is cut, reaches before its beginning or beyond its end', (t) => {
  const good = Buffer.concat([sequence('a dove says coo', { distance: 5, length: 20 }), sequence('and flies')])
  const wrong = [
    sequence('ab', { distance: 3, length: 4 }), sequence('ab', { distance: 0, length: 4 }), Buffer.from([0xf0]), Buffer.from([0xf0, 255]), Buffer.from([0x30, 1, 2]),
  ]
  for (const block of wrong) t.throws(() => decodeBlock(block, 65_536), /corrupted/)
  t.throws(() => decodeBlock(good, 43), /corrupted/, 'longer than a chunk may be')
  t.equal(decodeBlock(good, 44).length, 44)
  const dice = new SimRandom(7)
  for (let n = 0; n < 20_000; n++) {
    const block = Uint8Array.from({ length: dice.below(40) }, () => dice.below(256))
    try {
      if (decodeBlock(block, 1000).length > 1000) t.fail('too long')
    } catch (error) {
      if (!/corrupted/.test(String(error))) t.fail(String(error))
    }
  }
  t.end()
})

void t.test('a mail of several chunks; what is broken says so', async (t) => {
  const bare = buildStack('memory:lz4')
  const store = buildStack('zlib:::memory:lz4')
  const save = (key: string, bytes: Uint8Array, size: number): Promise<unknown> => bare.write(key, bodyOf(bytes), context, { metadata: { size: String(size) } })
  const whole = stream(sequence('Subject: coo\r\n\r\n'), Buffer.concat([sequence('coo\r\n', { distance: 5, length: 500 }), sequence('.\r\n')]))
  const plain = `Subject: coo\r\n\r\n${'coo\r\n'.repeat(101)}.\r\n`
  await save('k', whole, plain.length)
  t.equal((await get(store, 'k')).toString(), plain)
  t.equal((await get(store, 'k', { start: 16, end: 26 })).toString(), 'coo\r\ncoo\r\n')
  t.equal((await get(buildStack('compress:maybe-gz:6:memory:lz4'), 'k')).toString(), plain)
  await bare.write('sizeless', bodyOf(whole), context)
  t.equal((await store.stat('sizeless', context)).size, plain.length)
  for (const [why, bytes] of [['cut', whole.subarray(0, -1)], ['end of lz4', whole.subarray(0, 17)], ['header', Buffer.concat([whole.subarray(0, 15), four(2 ** 21), whole.subarray(19)])], ['chunk of 0', stream(Buffer.alloc(0))], ['corrupted', stream(Buffer.from([0x30]))]] as const) {
    await save('bad', bytes, plain.length)
    await t.rejects(get(store, 'bad'), { name: 'TempFail', message: why === 'cut' ? /end of lz4/ : new RegExp(why) }, why)
  }
  await save('bomb', stream(...Array<Uint8Array>(100).fill(Buffer.concat([sequence('x', { distance: 1, length: 60_000 }), sequence('y')]))), 1000)
  await t.rejects(get(store, 'bomb'), /more than 1000 bytes/)
})
