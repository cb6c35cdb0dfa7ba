// What a compressed connection keeps: in use, at rest, and what a pair of zlib's own streams would keep for the same session.

import zlib from 'node:zlib'
import t from 'tap'
import { realTimers } from '../../runtime/real-effects.ts'
import { Compression } from '../../workers/compression.ts'
import { figure, residentBytes } from './measure.ts'

const { Z_SYNC_FLUSH } = zlib.constants
const connections = 300
const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KB`

/** A session's worth: some 40 KB of commands, as much again of answers. */
const commands = Array.from({ length: 800 }, (_, n) => `a${n} UID FETCH ${n * 37 % 5000} (FLAGS BODY.PEEK[HEADER])\r\n`).join('')
const sent = zlib.deflateRawSync(commands, { finishFlush: Z_SYNC_FLUSH })
const answers = Buffer.from(Array.from({ length: 800 }, (_, n) => `* ${n} FETCH (UID ${n * 37 % 5000} FLAGS (\\Seen))\r\n`).join(''))

void t.test('a connection at rest', async (t) => {
  const alive = setInterval(() => {}, 1000) // the server's timers do not keep a process
  t.teardown(() => clearInterval(alive))
  const ours = await Promise.all(Array.from({ length: connections }, async () => {
    const read = Promise.withResolvers<void>()
    const one = new Compression({ pause() {}, resume() {} }, realTimers, { input() {}, dry: () => read.resolve(), ended() {} }, 0)
    one.begin(new Uint8Array(sent), 0)
    one.deflate(answers)
    await read.promise
    return one
  }))
  const used = ours[0]!.memory
  for (const one of ours) {
    one.park()
    one.stop()
  }
  const parked = ours[0]!.memory

  const before = residentBytes(process.pid)
  const pairs = await Promise.all(Array.from({ length: connections }, async () => {
    const pair = { inflate: zlib.createInflateRaw(), deflate: zlib.createDeflateRaw() }
    pair.inflate.resume()
    pair.deflate.resume()
    await new Promise<void>((resolve) => { pair.inflate.write(sent, () => resolve()) })
    await new Promise<void>((resolve) => { pair.deflate.write(answers); pair.deflate.flush(Z_SYNC_FLUSH, () => resolve()) })
    return pair
  }))
  const pair = (residentBytes(process.pid) - before) / connections
  for (const { inflate, deflate } of pairs) {
    inflate.destroy()
    deflate.destroy()
  }
  figure(t, `a compressed connection keeps ${kilobytes(used)} in use, ${kilobytes(parked)} at rest; a pair of zlib's streams ${kilobytes(pair)} RSS, always`)
  t.ok(parked < used / 4, 'at rest less than a quarter')
  t.ok(parked < pair / 10, 'and less than a tenth of zlib\'s')
})
