// Crowds that do the server no good: they cost bounded memory, and the others do not notice.

import net from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { residentBytes } from '../bench/measure.ts'
import { deliverLetters } from '../fixtures/deliver.ts'
import type { LineClient } from '../fixtures/line-client.ts'
import { TestServer, password } from '../fixtures/server.ts'
import { login, usersAt } from './users.ts'

const workers = 2
const megabyte = 2 ** 20

const server = await TestServer.start({ workers })
t.teardown(() => server.stop())

const watchers = await Promise.all([0, 1].map(async (home) => {
  const [user] = usersAt(home, workers, 1)
  await deliverLetters(server.lmtpPort, user!, 1, 10)
  const client = await login(server.imapPort, user!)
  await client.command('a', 'SELECT INBOX')
  return client
}))

/** Milliseconds that a small command takes: the median of many, of users on both workers. */
async function latency(clients: LineClient[] = watchers): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 50; i++) {
    for (const client of clients) {
      const started = performance.now()
      await client.command('f', 'FETCH 1:10 (FLAGS BODY.PEEK[TEXT])')
      times.push(performance.now() - started)
    }
  }
  return times.sort((a, b) => a - b)[times.length / 2]!
}

await latency() // warm

function connect(): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.imapPort, '127.0.0.1')
    socket.on('error', () => {})
    socket.once('error', reject)
    socket.once('connect', () => resolve(socket))
  })
}

void t.test('500 that connect and say nothing', async (t) => {
  const before = await latency()
  const memory = residentBytes(server.pid)
  const silent = await Promise.all(Array.from({ length: 500 }, connect))
  await Promise.all(silent.map((socket) => once(socket, 'data')))
  const during = await latency()
  const each = (residentBytes(server.pid) - memory) / silent.length
  t.comment(`${(each / 1024).toFixed(1)} KB each; the others' latency × ${(during / before).toFixed(2)}`)
  t.ok(each < 40 * 1024)
  t.ok(during < 3 * before + 2, 'the others do not notice')
  for (const socket of silent) socket.destroy()
})

void t.test('200 that ask for much and read nothing', async (t) => {
  const owners = [usersAt(0, workers, 2)[1]!, usersAt(1, workers, 2)[1]!]
  for (const owner of owners) {
    const writer = await login(server.imapPort, owner)
    for (let n = 0; n < 6; n++) {
      void writer.send(`a APPEND INBOX {${megabyte}+}\r\n`)
      void writer.send(Buffer.alloc(megabyte, 'x'))
      void writer.send('\r\n')
      await writer.until(/^a OK/)
    }
    writer.close()
  }
  const before = await latency()
  const memory = residentBytes(server.pid)
  const greedy = await Promise.all(Array.from({ length: 200 }, async (_, n) => {
    const socket = await connect()
    socket.write(`a LOGIN ${owners[n % 2]} ${password}\r\nb SELECT INBOX\r\nc FETCH 1:* BODY.PEEK[]\r\nd FETCH 1:* BODY.PEEK[]\r\n`)
    await once(socket, 'readable')
    return socket
  }))
  // 2.4 GB are asked for. Let them get what the kernel holds for them, and the server what it buffers.
  const during = await latency()
  const after = await latency()
  const grown = residentBytes(server.pid) - memory
  t.comment(`${(grown / megabyte).toFixed(0)} MB for 200; the others' latency × ${(during / before).toFixed(2)}, × ${(after / before).toFixed(2)}`)
  // 0.75 MB of windows each (unsent bytes, the store's pieces, the relay's), which the C library's arenas may hold twice; of 12 MB asked for.
  t.ok(grown < 200 * 2.5 * megabyte, 'windows are what they cost')
  t.ok(after < 3 * before + 2, 'the others do not notice')
  // One that reads at last gets everything.
  const late = greedy[0]!
  let tail = ''
  late.on('data', (bytes: Buffer) => { tail = (tail + bytes.toString('latin1', Math.max(0, bytes.length - 100))).slice(-200) })
  while (!/\r\nd OK .*\r\n$/.test(tail)) await once(late, 'data')
  for (const socket of greedy) socket.destroy()
  t.ok(await latency() < 3 * before + 2)
})

void t.test('a storm of clients that connect, log in and vanish', async (t) => {
  const names = [0, 1].flatMap((home) => usersAt(home, workers, 10))
  let logins = 0
  const storm = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      const socket = await connect()
      socket.write(`a LOGIN ${names[(logins + i) % names.length]} ${password}\r\nb SELECT INBOX\r\n`)
      // Some go at once, some in the middle of it, some properly.
      if (i % 3 === 0) socket.destroy()
      else if (i % 3 === 1) {
        await once(socket, 'data')
        socket.resetAndDestroy()
      } else {
        socket.write('c LOGOUT\r\n')
        socket.resume()
        await once(socket, 'end')
        logins++
      }
    }
  }
  await Promise.all(Array.from({ length: 30 }, storm))
  t.equal(logins, 30 * 6, 'who stays to the end is served')
  for (const client of watchers) t.match((await client.command('g', 'NOOP')).at(-1), /^g OK/)
})

void t.test('nothing of it is left', async (t) => {
  for (const client of watchers) client.close()
  t.equal(await server.terminate(), 0)
  const logins = server.output.match(/ Info: Login: /g)?.length ?? 0
  const logouts = server.output.match(/ Info: Disconnected: .* in=/g)?.length ?? 0
  t.ok(logins > 400)
  t.equal(logouts, logins, 'every session that began has ended')
})
