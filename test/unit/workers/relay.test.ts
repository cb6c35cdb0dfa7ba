// The relay between two workers, over a real socket and real ports: windows in both directions, and every order in which
// the client, the session and the other thread can end.

import { Buffer } from 'node:buffer'
import { MessageChannel } from 'node:worker_threads'
import zlib from 'node:zlib'
import t from 'tap'
import type { SessionSeed } from '../../../actors/session/seed.ts'
import { Cancelled } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import { realTimers } from '../../../runtime/real-effects.ts'
import { Link } from '../../../runtime/transport.ts'
import { flushThisTurn } from '../../../workers/outgoing.ts'
import { Relay } from '../../../workers/relay.ts'
import type { RelayWire } from '../../../workers/relay-wire.ts'
import type { SocketWire } from '../../../workers/socket-wire.ts'
import { Heard, connect, fill, plenty } from './wires.ts'
import type { Client, Connected } from './wires.ts'

const seed: SessionSeed = {
  protocol: 'imap', id: 'S', remote: { ip: '127.0.0.1', port: 1 }, local: { ip: '127.0.0.1', port: 2 }, secured: true, trusted: false,
}
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

interface Relayed extends Connected {
  /** The session's end: its wire, and what it is told. */
  home: RelayWire
  session: Heard
  links: [socketSide: Link, homeSide: Link]
  client: Client
  /** The next session at the socket's side. */
  again: Promise<{ wire: SocketWire; input: Uint8Array }>
}

async function relayed(t: { teardown(action: () => void): unknown }, options: { paused?: boolean; before?(connected: Connected): Promise<void> } = {}): Promise<Relayed> {
  const connected = await connect(t, options)
  await options.before?.(connected)
  const { port1, port2 } = new MessageChannel()
  const links = [port1, port2].map((port) => new Link(port, { timers: realTimers, turn: (flush) => flushThisTurn({ flush }) })) as [Link, Link]
  t.teardown(() => { for (const link of links) link.close() })
  const session = new Heard()
  const opened = Promise.withResolvers<RelayWire>()
  const again = Promise.withResolvers<{ wire: SocketWire; input: Uint8Array }>()
  const farewell = (): string => '* BYE dead\r\n'
  const socketSide = new Relay(links[0], { continueSession: () => { throw new Error('not here') }, farewell, beginAgain: (_, wire, input) => { again.resolve({ wire, input }) } })
  new Relay(links[1], { continueSession: (_, wire) => { opened.resolve(wire); return session }, farewell, beginAgain: () => { throw new Error('not here') } })
  socketSide.send(seed, connected.wire)
  return { ...connected, home: await opened.promise, session, links, again: again.promise }
}

void t.test('bytes cross, both ways, in order, and are counted', async (t) => {
  const { home, session, client } = await relayed(t)
  client.socket.write('a NOOP\r\n')
  await session.until(({ bytes }) => bytes === 8)
  t.equal(session.text, 'a NOOP\r\n')
  home.write('a OK')
  home.write(Uint8Array.of(0xff))
  await client.heard.until(({ bytes }) => bytes === 5)
  t.equal(client.heard.text, 'a OK\xff')
  t.same([home.bytesIn, home.bytesOut, home.pending >= 0], [8, 5, true])
})

void t.test('a session far away waits for a slow client', async (t) => {
  const { home, wire, client } = await relayed(t, { paused: true })
  const piece = new Uint8Array(50_000)
  let sent = 0
  let waits = 0
  while (sent < plenty) {
    home.write(piece)
    sent += piece.length
    if (home.pending <= limits.wireHighBytes) continue
    if (home.pending > limits.wireHighBytes + piece.length) t.fail('too much waits')
    if (wire.pending > limits.wireHighBytes + limits.wireLowBytes + piece.length) t.fail(`too much waits at the socket: ${wire.pending}`)
    if (++waits === 1) client.socket.resume()
    await home.drained()
  }
  await client.heard.until(({ bytes }) => bytes === sent)
  t.ok(waits > 0)
  await home.drained()
})

void t.test('little answers never make a session wait', async (t) => {
  const { home } = await relayed(t)
  for (let i = 0; i < 2000; i++) {
    home.write('x'.repeat(100))
    await turn()
    await home.drained()
  }
  t.ok(home.pending <= limits.wireLowBytes, 'though not every one is told of as taken')
})

void t.test('a client waits for a session that has paused', async (t) => {
  const { home, session, client, wire } = await relayed(t)
  home.pause()
  client.socket.write(new Uint8Array(plenty))
  client.socket.end('the end')
  // The window fills: then the socket is paused, and the client's kernel holds the rest.
  while (wire.bytesIn <= limits.inputHighBytes) await turn()
  for (let i = 0; i < 50; i++) await turn()
  t.ok(wire.bytesIn < plenty / 2, `${wire.bytesIn} bytes were let in`)
  t.ok(client.socket.writableLength > 0)
  t.equal(session.bytes, 0)
  home.resume()
  await session.until(({ ends }) => ends > 0)
  t.equal(session.bytes, plenty + 7, 'the end comes after all of it')
})

void t.test('a session may pause again within what is held', async (t) => {
  const { home, session, client } = await relayed(t)
  home.pause()
  for (let i = 0; i < 5; i++) {
    client.socket.write('x')
    while (home.bytesIn < i + 1) await turn()
  }
  client.socket.end()
  const input = session.input.bind(session)
  session.input = (bytes) => { input(bytes); home.pause() }
  for (let i = 1; i <= 5; i++) {
    t.equal(session.ends, 0)
    home.resume()
    t.equal(session.bytes, i - 1, 'not from within')
    await turn()
    t.equal(session.bytes, i)
  }
  await session.until(({ ends }) => ends > 0)
})

void t.test('the client is gone', async (t) => {
  const { home, session, client } = await relayed(t, { paused: true })
  await fill(home)
  const waiting = home.drained()
  client.socket.resetAndDestroy()
  await t.rejects(waiting, Cancelled)
  await session.until(({ hangups }) => hangups === 1)
  home.write('x')
  home.close()
  await turn()
  t.same([session.hangups, home.pending], [1, 0])
  await t.rejects(home.drained(), Cancelled)
})

void t.test('the client was gone before its session moved', async (t) => {
  const { session } = await relayed(t, {
    before: async ({ heard, client }) => {
      client.socket.resetAndDestroy()
      await heard.until(({ hangups }) => hangups === 1)
    },
  })
  await session.until(({ hangups }) => hangups === 1)
  t.pass('and the session hears of it')
})

void t.test('the client had ended its input before its session moved', async (t) => {
  const { home, session, client } = await relayed(t, {
    before: async ({ heard, client: { socket } }) => {
      socket.end()
      await heard.until(({ ends }) => ends === 1)
    },
  })
  await session.until(({ ends }) => ends === 1)
  home.write('still answered')
  home.close()
  await client.heard.until(({ ends }) => ends === 1)
  t.equal(client.heard.text, 'still answered')
})

void t.test('the session closes: everything it wrote arrives', async (t) => {
  const { home, session, client } = await relayed(t, { paused: true })
  home.write(new Uint8Array(8 * 1024 * 1024))
  home.write('bye')
  home.close()
  home.write('never')
  client.socket.resume()
  await client.heard.until(({ ends }) => ends === 1)
  t.equal(client.heard.bytes, 8 * 1024 * 1024 + 3)
  t.equal(session.hangups, 1, 'its wire is gone')
  client.socket.end('too late')
  await client.heard.until(({ hangups }) => hangups === 1)
  t.equal(session.bytes, 0)
})

void t.test('both close at once', async (t) => {
  const { home, session, client } = await relayed(t)
  client.socket.end()
  home.close()
  await client.heard.until(({ hangups }) => hangups === 1)
  t.equal(session.hangups, 1)
})

void t.test('a session that writes without end is cut off', async (t) => {
  const { home, session, client } = await relayed(t, { paused: true })
  for (let i = 0; i < 20; i++) home.write(new Uint8Array(1024 * 1024))
  await session.until(({ hangups }) => hangups === 1)
  t.equal(home.pending, 0)
  client.socket.resume()
  await client.heard.until(({ ends }) => ends === 1)
})

void t.test('the thread at home dies: the client is told', async (t) => {
  const { links, client } = await relayed(t)
  links[1].close()
  await client.heard.until(({ ends }) => ends === 1)
  t.equal(client.heard.text, '* BYE dead\r\n')
})

void t.test('the thread of the socket dies: the session hears that its client is gone', async (t) => {
  const { links, session } = await relayed(t)
  links[0].close()
  await session.until(({ hangups }) => hangups === 1)
  t.pass()
})

const { Z_SYNC_FLUSH } = zlib.constants
const deflated = (text: string): Buffer => zlib.deflateRawSync(text, { finishFlush: Z_SYNC_FLUSH })

void t.test('compression begins at the socket; input that was on its way home comes back and is inflated', async (t) => {
  const { home, session, client } = await relayed(t)
  // What a client says too early is with the session already, or crosses the recall.
  const stream = deflated('b NOOP\r\n')
  client.socket.write(Buffer.concat([Buffer.from('a COMPRESS DEFLATE\r\n'), stream.subarray(0, 3)]))
  await session.until(({ bytes }) => bytes === 23)
  session.text = session.text.slice(0, 20)
  home.write('a OK\r\n')
  client.socket.write(stream.subarray(3, 5))
  await turn()
  home.compress(stream.subarray(0, 3))
  client.socket.write(stream.subarray(5))
  await session.until(({ bytes }) => bytes === 31)
  t.equal(session.text, 'a COMPRESS DEFLATE\r\nb NOOP\r\n')
  home.write('b OK\r\n')
  home.close()
  await client.heard.until(({ ends }) => ends === 1)
  const heard = Buffer.from(client.heard.text, 'latin1')
  t.equal(heard.toString('latin1', 0, 6), 'a OK\r\n')
  t.equal(zlib.inflateRawSync(heard.subarray(6)).toString(), 'b OK\r\n', 'and the stream comes to its end')
  t.ok(home.compressed)
  t.equal(home.bytesIn, 28, 'text is what is counted')
})

void t.test('a session that logs out gives the socket back with all its input', async (t) => {
  const { home, session, client, again } = await relayed(t)
  client.socket.write('a UNAUTHENTICATE\r\nb LOGIN\r\n')
  await session.until(({ bytes }) => bytes === 27)
  home.write('a OK\r\n')
  client.socket.write('c SELECT\r\n')
  home.giveBack(seed, Buffer.from('b LOGIN\r\n'))
  const { wire, input } = await again
  const next = new Heard()
  next.input(input)
  wire.feed(next)
  wire.resume()
  await next.until(({ bytes }) => bytes >= 19)
  t.equal(next.text, 'b LOGIN\r\nc SELECT\r\n')
  wire.write('b OK\r\n')
  await client.heard.until(({ bytes }) => bytes === 12)
  t.equal(client.heard.text, 'a OK\r\nb OK\r\n')
  client.socket.end()
  await next.until(({ ends }) => ends === 1)
  t.same([session.ends, session.hangups], [0, 0], 'the session that left hears no more')
})
