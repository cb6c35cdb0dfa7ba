// BINARY over the real engine: long parts are decoded on their way, short ones in memory, with the same result.

import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { imapEngine } from '../../fixtures/imap-engine.ts'
import { limits } from '../../../runtime/limits.ts'

const lines = (text: string): string => text.replace(/.{76}/g, '$&\r\n')

t.test('base64, short and long, whole and in part', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  const text = (length: number): string => Array.from({ length }, (_, i) => String.fromCharCode(97 + (i * 7 + (i >> 5)) % 26)).join('')
  const contents = [text(0), text(1), text(1000), text(limits.memoryBodyBytes), text(3 * limits.memoryBodyBytes + 1)]
  for (const content of contents) {
    const message = `Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines(Buffer.from(content).toString('base64'))}\r\n`
    t.match((await c.say(`APPEND INBOX {${message.length}+}\r\n${message}`)).at(-1), /^OK/)
  }
  await c.say('SELECT INBOX')
  const fetched = async (seq: number, item: string): Promise<string> => (await c.say(`FETCH ${seq} ${item}`)).slice(0, -1).join('\n')
  for (const [i, content] of contents.entries()) {
    t.equal(await fetched(i + 1, 'BINARY.SIZE[1]'), `* ${i + 1} FETCH (BINARY.SIZE[1] ${content.length})`)
    t.ok(await fetched(i + 1, 'BINARY.PEEK[1]') === `* ${i + 1} FETCH (BINARY[1] {${content.length}}\n${content})`, `${content.length} bytes`)
  }
  const part = fc.tuple(fc.nat(contents.length - 1), fc.nat(4 * limits.memoryBodyBytes), fc.integer({ min: 1, max: 200_000 }))
  await fc.assert(fc.asyncProperty(part, async ([i, start, length]) => {
    const wanted = contents[i]!.slice(start, start + length)
    return await fetched(i + 1, `BINARY.PEEK[1]<${start}.${length}>`) === `* ${i + 1} FETCH (BINARY[1]<${start}> {${wanted.length}}\n${wanted})`
  }), { numRuns: 25 })
})
