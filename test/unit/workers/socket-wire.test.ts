// A wire over a real socket: order, backpressure both ways, slow and silent clients, and every way a connection ends.

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
