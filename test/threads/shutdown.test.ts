// SIGTERM and SIGINT: running commands finish, clients are told, everything is there at the next start, and the process
// ends in time whatever clients do.

import net from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { limits } from '../../runtime/limits.ts'
import { LmtpClient } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, password } from '../fixtures/server.ts'
import { Deliverer, login, lost, subjects, usersAt } from './users.ts'

const workers = 2
const users = [...usersAt(0, workers, 2), ...usersAt(1, workers, 2)]

/** All lines up to the end of the connection. */
async function rest(client: LineClient): Promise<string[]> {
  const lines: string[] = []
  for (let line = await client.line(); line !== undefined; line = await client.line()) lines.push(line)
  return lines
}

void t.test('SIGTERM under load', async (t) => {
  const server = await TestServer.start({ workers })
  t.teardown(() => server.stop())
  const deliverers = users.map((user, i) => new Deliverer(server.lmtpPort, `load-${i}`, [user]))
  // Enough of each that both workers have some, with users of both.
  const idle = await Promise.all(users.flatMap((user) => [1, 2, 3].map(() => login(server.imapPort, user))))
  const strangers = await Promise.all(Array.from({ length: 6 }, () => LineClient.connect(server.imapPort)))
  for (const client of strangers) await client.line()
  const idling = await Promise.all(users.flatMap((user) => [1, 2, 3].map(() => login(server.imapPort, user))))
  for (const client of idling) {
    await client.command('a', 'SELECT INBOX')
    void client.send('b IDLE\r\n')
    await client.until(/^\+ /)
  }
  const quietMta = await LineClient.connect(server.lmtpPort)
  await quietMta.line()
  await deliverers[0]!.progress(5)

  const started = performance.now()
  const exited = server.terminate()
  const endings = await Promise.all([...idle, ...strangers, ...idling].map(rest))
  t.equal(endings.filter((lines) => lines.at(-1)?.startsWith('* BYE') !== true).length, 0, `all ${endings.length} IMAP clients hear BYE, relayed or not`)
  t.match((await rest(quietMta)).at(-1), /^421 4\.3\.2 /)
  t.equal(await exited, 0)
  t.ok(performance.now() - started < limits.shutdownMs, 'in time')
  await Promise.all(deliverers.map((deliverer) => deliverer.stop()))
  const refused = deliverers.flatMap(({ refusals }) => refusals)
  t.same(refused.filter((reply) => !/^(Error: |4\d\d |\(connection closed\))/.test(reply)), [])

  await server.run()
  t.same(await lost(server.imapPort, deliverers), [], `all of ${deliverers.reduce((sum, { count }) => sum + count, 0)} acknowledged letters are there`)
  t.equal(await server.terminate(), 0)
  server.wipeHomes()
  await server.run()
  t.same(await lost(server.imapPort, deliverers), [], 'also for a machine that has only the store')
})

void t.test('a running command finishes', async (t) => {
  const server = await TestServer.start({ workers })
  t.teardown(() => server.stop())
  const size = 8 * 1024 * 1024
  const fetching = await Promise.all(users.slice(0, 3).map(async (user) => {
    const writer = await login(server.imapPort, user)
    void writer.send(`a APPEND INBOX {${size}+}\r\n`)
    await writer.send(Buffer.alloc(size, 'x'))
    void writer.send('\r\n')
    await writer.until(/^a OK/)
    writer.close()
    const socket = net.connect(server.imapPort, '127.0.0.1')
    let received = 0
    let tail = ''
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length
      tail = (tail + bytes.toString('latin1', Math.max(0, bytes.length - 300))).slice(-300)
    })
    socket.write(`a LOGIN ${user} ${password}\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[]\r\n`)
    while (received < 100_000) await once(socket, 'data')
    socket.pause()
    return { socket, tail: () => tail, received: () => received }
  }))
  server.signal('SIGTERM')
  await server.says('Stopping')
  const ends = fetching.map(({ socket }) => once(socket, 'end'))
  for (const { socket } of fetching) socket.resume()
  await Promise.all(ends)
  for (const { tail, received } of fetching) {
    t.ok(received() > size)
    t.match(tail(), /\r\nc OK .*\r\n\* BYE .*\r\n$/)
  }
  t.equal(await server.exited, 0)
})

void t.test('a second signal ends it at once', async (t) => {
  const server = await TestServer.start({ workers })
  t.teardown(() => server.stop())
  const [user] = users
  const writer = await LmtpClient.connect(server.lmtpPort)
  await writer.deliver([user!], `Subject: big\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(20_000)}`)
  await writer.deliver([user!], 'Subject: small\r\n\r\n')
  writer.close()
  // Its FETCH cannot finish: it does not read.
  const stuck = net.connect(server.imapPort, '127.0.0.1')
  stuck.on('error', () => {})
  stuck.write(`a LOGIN ${user} ${password}\r\nb SELECT INBOX\r\nc FETCH 1:* BODY.PEEK[]\r\n`)
  await once(stuck, 'readable')
  server.signal('SIGINT')
  await server.says('Stopping')
  // One Ctrl-C may come twice: only a later one means it.
  const again = setInterval(() => server.signal('SIGINT'), 100)
  t.equal(await server.exited, 1)
  clearInterval(again)
  stuck.destroy()

  await server.run()
  t.same(await subjects(server.imapPort, user!), ['big', 'small'])
})
