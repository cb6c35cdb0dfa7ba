// A wire over a real socket: order, backpressure both ways, slow and silent clients, and every way a connection ends.

import { Buffer } from 'node:buffer'
import zlib from 'node:zlib'
import t from 'tap'
import { Cancelled } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import { ManualTime } from '../../fixtures/imap-session.ts'
import { Heard, connect, fill, plenty } from './wires.ts'

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

void t.test('strings and bytes leave in order', async (t) => {
  const { wire, client } = await connect(t)
  wire.write('a')
  wire.write(Uint8Array.of(0x62, 0xff))
  wire.write('')
  wire.write('c\xe9')
  await turn()
  wire.write('d')
  await client.heard.until(({ bytes }) => bytes === 6)
  t.equal(client.heard.text, 'ab\xffc\xe9d')
  t.equal(wire.bytesOut, 6)
})

void t.test('a reader that waits for a slow client goes on when it reads', async (t) => {
  const { wire, client } = await connect(t, { paused: true })
  const piece = new Uint8Array(64 * 1024)
  let sent = 0
  let waits = 0
  const producing = (async () => {
    while (sent < plenty) {
      wire.write(piece)
      sent += piece.length
      if (wire.pending <= limits.wireHighBytes) continue
      if (wire.pending > limits.wireHighBytes + piece.length) t.fail('more than the bound waits')
      waits++
      if (waits === 1) client.socket.resume()
      await wire.drained()
      if (wire.pending > limits.wireLowBytes) t.fail('drained means drained')
    }
  })()
  await producing
  await client.heard.until(({ bytes }) => bytes === sent)
  t.ok(waits > 0, `the producer waited ${waits} times`)
  await t.resolves(wire.drained(), 'nothing to wait for')
})

void t.test('small writes beside a waiting producer do not keep it waiting', async (t) => {
  const { wire, client } = await connect(t, { paused: true })
  await fill(wire)
  const drained = wire.drained()
  const noise = setInterval(() => wire.write('* 1 EXISTS\r\n'), 1)
  t.teardown(() => clearInterval(noise))
  client.socket.resume()
  await drained
  t.pass()
})

void t.test('who does not read and is sent more than wireMaxBytes unasked is cut off', async (t) => {
  const { wire, heard } = await connect(t, { paused: true })
  const waiting = new Promise<unknown>((resolve) => {
    const piece = new Uint8Array(1024 * 1024)
    for (let i = 0; i <= limits.wireMaxBytes / piece.length; i++) {
      wire.write(piece)
      if (i === 0) wire.drained().catch(() => {})
      if (i === 3) wire.drained().catch(resolve)
    }
  })
  t.type(await waiting, Cancelled)
  await heard.until(({ hangups }) => hangups === 1)
  t.equal(wire.pending, 0, 'nothing is kept for it')
  await t.rejects(wire.drained(), Cancelled)
})

void t.test('who takes nothing for slowClientMs is cut off; who takes a little is not', async (t) => {
  const time = new ManualTime()
  const { wire, heard, client } = await connect(t, { paused: true, timers: time })
  await fill(wire)
  const { pending } = wire
  client.socket.resume()
  await client.heard.until(() => wire.pending < pending)
  client.socket.pause()
  await fill(wire)
  time.pass(limits.slowClientMs)
  await turn()
  t.equal(heard.hangups, 0)
  t.ok(wire.pending > 0)
  time.pass(limits.slowClientMs)
  await heard.until(({ hangups }) => hangups === 1)
})

void t.test('a socket is given back when all has left: a client that takes nothing for slowClientMs is cut off', async (t) => {
  const time = new ManualTime()
  const { wire, client } = await connect(t, { paused: true, timers: time })
  // Little enough that no producer would wait.
  for (let quiet = 0; quiet < 20; quiet = wire.pending >= limits.wireLowBytes / 2 ? quiet + 1 : 0) {
    if (wire.pending < limits.wireLowBytes / 2) wire.write(new Uint8Array(16 * 1024))
    await turn()
  }
  const detached = wire.detach()
  for (let n = 0; n < 2; n++) {
    await turn()
    time.pass(limits.slowClientMs)
  }
  t.equal(await detached, undefined)
  await client.heard.until(({ hangups, ends }) => { client.socket.resume(); return hangups + ends > 0 })
})

void t.test('pause and resume', async (t) => {
  const { wire, heard, client } = await connect(t)
  wire.pause()
  client.socket.write(new Uint8Array(plenty))
  await turn()
  const before = heard.bytes
  await turn()
  t.equal(heard.bytes, before)
  t.ok(client.socket.writableLength > 0, 'the client feels it')
  wire.resume()
  await heard.until(({ bytes }) => bytes === plenty)
})

void t.test('the client\'s FIN: after all it sent, and it is still answered', async (t) => {
  const { wire, heard, client } = await connect(t)
  client.socket.end('a NOOP\r\nb LOGOUT\r\n')
  await heard.until(({ ends }) => ends === 1)
  t.equal(heard.text, 'a NOOP\r\nb LOGOUT\r\n')
  t.equal(heard.hangups, 0)
  wire.write('bye')
  wire.close()
  await client.heard.until(({ ends }) => ends === 1)
  t.equal(client.heard.text, 'bye')
  await heard.until(({ hangups }) => hangups === 1)
})

void t.test('the FIN of a paused client waits for its bytes', async (t) => {
  const { wire, heard, client } = await connect(t)
  wire.pause()
  client.socket.end('last words')
  await turn()
  await turn()
  t.equal(heard.ends, 0)
  wire.resume()
  await heard.until(({ ends }) => ends === 1)
  t.equal(heard.text, 'last words')
})

void t.test('our FIN: what was written before arrives whole, though the client goes on sending', async (t) => {
  const { wire, heard, client } = await connect(t, { paused: true })
  wire.pause()
  client.socket.write(new Uint8Array(plenty))
  await turn()
  wire.write(new Uint8Array(4 * 1024 * 1024))
  wire.write('bye')
  wire.close()
  wire.write('never')
  client.socket.resume()
  await client.heard.until(({ ends }) => ends === 1)
  t.equal(client.heard.bytes, 4 * 1024 * 1024 + 3)
  t.equal(heard.bytes, 0, 'nobody hears what comes after close')
  client.socket.end()
  await heard.until(({ hangups }) => hangups === 1)
})

void t.test('a client that never answers our FIN is dropped after lingerMs', async (t) => {
  const time = new ManualTime()
  const { wire, heard, client } = await connect(t, { timers: time })
  wire.close()
  await client.heard.until(({ ends }) => ends === 1)
  await turn()
  t.equal(heard.hangups, 0)
  time.pass(limits.lingerMs)
  await heard.until(({ hangups }) => hangups === 1)
  t.equal(time.count, 0, 'no timer is left')
})

void t.test('a client that is reset', async (t) => {
  const { wire, heard, client } = await connect(t, { paused: true })
  await fill(wire)
  const waiting = wire.drained()
  client.socket.resetAndDestroy()
  await t.rejects(waiting, Cancelled)
  await heard.until(({ hangups }) => hangups === 1)
  t.equal(heard.ends, 0)
  wire.write('into the void')
  wire.close()
  wire.destroy()
  await turn()
  t.equal(heard.hangups, 1, 'said once')
})

void t.test('whoever is fed later learns how things stand', async (t) => {
  const ended = await connect(t)
  ended.client.socket.end()
  await ended.heard.until(({ ends }) => ends === 1)
  const second = new Heard()
  ended.wire.feed(second)
  t.same([second.ends, second.hangups], [1, 0])

  const gone = await connect(t)
  gone.client.socket.resetAndDestroy()
  await gone.heard.until(({ hangups }) => hangups === 1)
  const third = new Heard()
  gone.wire.feed(third)
  t.same([third.ends, third.hangups], [0, 1])
})

const { Z_SYNC_FLUSH } = zlib.constants

void t.test('a few bytes that stand for many megabytes come as fast as they are taken', async (t) => {
  const { wire, heard, client } = await connect(t)
  wire.compress(new Uint8Array(0))
  wire.pause()
  const bomb = zlib.deflateRawSync(new Uint8Array(plenty), { finishFlush: Z_SYNC_FLUSH })
  t.ok(bomb.length < plenty / 500, `${bomb.length} bytes`)
  let most = 0
  let before = 0
  const { input } = heard
  heard.input = (bytes): void => {
    most = Math.max(most, bytes.length)
    input.call(heard, bytes)
    if (heard.bytes - before > limits.inputHighBytes) wire.pause() // as a session with nobody to read
  }
  client.socket.end(bomb)
  for (let turns = 0; turns < 5; turns++) await turn()
  t.equal(heard.bytes, 0, 'nothing while it is paused')
  while (heard.bytes < plenty) {
    before = heard.bytes
    wire.resume()
    await heard.until(({ bytes }) => bytes - before > limits.inputHighBytes || bytes === plenty)
    if (heard.bytes - before > limits.inputHighBytes + 2 * limits.inflatePieceBytes) t.fail(`${heard.bytes - before} bytes though it was paused`)
    if (heard.bytes < plenty) t.equal(heard.ends, 0)
  }
  await heard.until(({ ends }) => ends > 0)
  t.ok(most <= limits.inflatePieceBytes + 258, `${most} bytes at a time`)
})

void t.test('each batch can be read to its end as it comes; a rest between them breaks nothing', async (t) => {
  const time = new ManualTime()
  const { wire, heard, client } = await connect(t, { timers: time })
  wire.compress(new Uint8Array(0))
  time.pass(0)
  const inflate = zlib.createInflateRaw()
  let text = ''
  let wake = (): void => {}
  inflate.on('data', (bytes: Buffer) => { text += bytes.toString('latin1'); wake() })
  client.socket.pipe(inflate)
  const deflate = zlib.createDeflateRaw({ flush: Z_SYNC_FLUSH })
  deflate.pipe(client.socket)
  let expected = ''
  for (let n = 0; n < 40; n++) {
    const line = `* ${n} FETCH (UID ${n} FLAGS (\\Seen))\r\n`.repeat(n % 5 === 0 ? 200 : 1)
    wire.write(line)
    expected += line
    while (text.length < expected.length) await new Promise<void>((resolve) => { wake = resolve })
    deflate.write(line)
    await heard.until(({ bytes }) => bytes === expected.length)
    if (n % 3 === 0) time.pass(2 * limits.compressionRestMs)
  }
  t.equal(text, expected)
  t.same([wire.bytesIn, wire.bytesOut], [expected.length, expected.length], 'what is counted is the text')
  t.ok(client.socket.bytesRead < expected.length / 10, `${client.socket.bytesRead} bytes for ${expected.length}`)
})

void t.test('who sends no deflate stream is told so, after what could be read', async (t) => {
  const { wire, heard, client } = await connect(t)
  const said: (string | undefined)[] = []
  const { end } = heard
  heard.end = (why?: string): void => { said.push(why); end.call(heard) }
  wire.compress(zlib.deflateRawSync('a NOOP\r\n', { finishFlush: Z_SYNC_FLUSH }))
  client.socket.write(Uint8Array.of(0x07))
  await heard.until(({ ends }) => ends === 1)
  t.equal(heard.text, 'a NOOP\r\n')
  t.match(said[0], /^Compressed input is broken: invalid block type/)
})
