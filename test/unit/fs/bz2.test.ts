// bzip2 as Dovecot saved mails: streams that the program bzip2 has made. Whole mails of a real Dovecot: real/dovecot-bodies.

import { Buffer } from 'node:buffer'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { bz2Decompressor, isBz2 } from '../../../workers/storage/bz2.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import { bodyOf } from '../../../workers/storage/body.ts'
import { get } from '../../fixtures/cached-store.ts'

const context = { user: 'dove', reason: 'test' }
const made = {
  empty: 'QlpoORdyRThQkAAAAAA=',
  one: 'QlpoOTFBWSZTWXdLsBQAAAAAgABAIAAhGEaC7kinChIO6XYCgA==',
  runs: 'QlpoMTFBWSZTWeQf/+wAAAZRAOBAACA8AAAIIAAiv1NDTUIMmIxtdXjtw5kiIW0XXxdyRThQkOQf/+w=',
  text: 'QlpoMTFBWSZTWXk9I9sAAO7bgAASQAF/8AgAPhCPIDAA2tgZFPU8SBoAANCYU9TTQAAEUSaENPU0AbKQKvycgV7YBXTaN7bFrUztXcpSIMs4rEzXNIdFdGzlbUUUpY0zFHEtDIvYBJqASazGDtfdWhBIRKXupB2cJWWBHCwrGCiitEmbgSzw01mB11kCdMopSAKTqUHiNgVv5RXiAVvgFePCK3RXAK6AroCtL1BXAK/xdyRThQkHk9I9sA==',
  bomb: 'QlpoOTFBWSZTWaD+oGEAEyWEAaAAAIAACCAAMMwFKaakRRsFEUeLuSKcKEhQf1AwgA==',
}
const packed = (name: keyof typeof made): Buffer => Buffer.from(made[name], 'base64')
const plain = {
  empty: '', one: 'x', runs: `${'aaaa'.repeat(3)}bbbbb${'c'.repeat(259)}${'d'.repeat(300)}aaaa`,
  text: `Subject: coo\r\n\r\n${Array.from({ length: 60 }, (_, n) => `${(n * n) % 97} doves say coo.\r\n`).join('')}`,
}

/** What comes out, where the input comes in pieces of so many bytes. */
async function decompressed(bytes: Uint8Array, piece = 65_536): Promise<string> {
  const stream = bz2Decompressor()
  const parts: Uint8Array[] = []
  stream.on('data', (part: Uint8Array) => { parts.push(part) })
  const end = new Promise<void>((resolve, reject) => { stream.once('end', resolve).once('error', reject) })
  for (let at = 0; at < bytes.length; at += piece) stream.write(bytes.subarray(at, at + piece))
  stream.end()
  await end
  return Buffer.concat(parts).toString('latin1')
}

void t.test('streams, in one piece and byte by byte; one behind the other', async (t) => {
  for (const [name, text] of Object.entries(plain) as [keyof typeof plain, string][]) {
    t.ok(isBz2(packed(name)), name)
    for (const piece of [65_536, 1, 7]) t.ok(await decompressed(packed(name), piece) === text, `${name} in pieces of ${piece}`)
  }
  t.ok(await decompressed(Buffer.concat([packed('text'), packed('runs')])) === plain.text + plain.runs)
  t.notOk(isBz2(Buffer.from('BZh: a header field\r\n')))
  t.notOk(isBz2(packed('text').subarray(0, 9)))
})

void t.test('cut anywhere, or with any bit flipped, it is an error and never another mail', async (t) => {
  const bytes = packed('text')
  for (let end = 0; end < bytes.length; end += 3) await t.rejects(decompressed(bytes.subarray(0, end)), /bz2: /)
  let noticed = 0
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const bent = Buffer.from(bytes)
    bent[bit >> 3]! ^= 1 << (bit & 7)
    const got = await decompressed(bent).catch((error: unknown) => {
      if (!/bz2: /.test(String(error))) t.fail(String(error))
      noticed++
      return plain.text
    })
    if (got !== plain.text) t.fail(`bit ${bit} makes another mail`)
  }
  // The level may be another one, and the last checksum is that of all blocks, which have their own.
  t.ok(noticed > bytes.length * 8 - 50, `${noticed} of ${bytes.length * 8} noticed`)
})

void t.test('no more is made than is taken', async (t) => {
  const stream = bz2Decompressor()
  stream.write(Buffer.concat(Array.from({ length: 500 }, () => packed('bomb'))))
  await turn()
  t.ok(stream.readableLength > 0 && stream.readableLength < 200_000, `${stream.readableLength} bytes wait for the reader`)
  stream.destroy()
  const bare = buildStack('memory:bz2')
  const store = buildStack('zlib:::memory:bz2')
  const save = (key: string, bytes: Uint8Array, size: number): Promise<unknown> => bare.write(key, bodyOf(bytes), context, { metadata: { size: String(size) } })
  await save('bomb', packed('bomb'), 1000)
  await t.rejects(get(store, 'bomb'), /more than 1000 bytes/)
  await save('k', packed('text'), plain.text.length)
  t.equal((await get(store, 'k')).toString(), plain.text)
  t.equal((await get(store, 'k', { start: 16, end: 30 })).toString(), plain.text.slice(16, 30))
})
