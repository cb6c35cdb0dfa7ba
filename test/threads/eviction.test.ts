// A bounded metacache in a whole server: users over two workers are evicted when the disk is too full, nobody new is let in when it
// is fuller than that, and nothing is lost by either, nor by kill -9 in between.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { LmtpClient, letter } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, password } from '../fixtures/server.ts'
import { Deliverer, eventually, login, lost, subjects, usersAt } from './users.ts'

// A user is closed after some 15 s without a session.
t.setTimeout(150_000)

const workers = 2
const users = [...usersAt(0, workers, 3), ...usersAt(1, workers, 3)]

const bytesBelow = (directory: string): number => fs.readdirSync(directory, { recursive: true, withFileTypes: true })
  .reduce((sum, entry) => sum + (entry.isFile() ? Math.ceil(fs.statSync(`${entry.parentPath}/${entry.name}`).size / 4096) * 4096 : 0), 0)

/** Users with local indexes. */
const local = (server: TestServer): string[] => fs.readdirSync(`${server.directory}/home`).filter((user) => fs.existsSync(`${server.directory}/home/${user}/root`))

const bounded = (most: number, grace: number, directory: string): string => `
state_dir = ${directory}/state
plugin {
  metacache_max_space = ${most}k
  metacache_max_grace = ${grace}k
}
`

void t.test('users beyond metacache_max_space go, and come back whole', async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-eviction-'))
  const server = await TestServer.start({ workers, directory, config: bounded(90, 10_000, directory) })
  t.teardown(async () => {
    await server.stop()
    fs.rmSync(directory, { recursive: true, force: true })
  })
  const deliverers = users.map((user, at) => new Deliverer(server.lmtpPort, `mail-${at}`, [user]))
  await Promise.all(deliverers.map((deliverer) => deliverer.progress(5)))
  await Promise.all(deliverers.map((deliverer) => deliverer.stop()))
  t.ok(bytesBelow(`${directory}/home`) > 90 * 1024, 'they are too many')
  // Sessions and users would be closed after 15 seconds; the next start finds them closed.
  t.equal(await server.terminate(), 0)
  await server.run()
  await eventually(async () => { if (await Promise.resolve(bytesBelow(`${directory}/home`)) > 90 * 1024) throw new Error('still too many') })
  t.ok(local(server).length > 0, 'not all of them have gone')
  t.match(server.output, /Local indexes of \S+ are gone/)
  server.signal('SIGKILL')
  await server.exited
  await server.run()
  t.same(await lost(server.imapPort, deliverers), [])
})

void t.test('beyond metacache_max_grace who is not in memory is refused for a while', async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-eviction-'))
  const server = await TestServer.start({ workers, directory, config: bounded(1, 1, directory) })
  t.teardown(async () => {
    await server.stop()
    fs.rmSync(directory, { recursive: true, force: true })
  })
  const [first, second] = users as [string, string]
  const client = await login(server.imapPort, first)
  if (!server.output.includes('no more users are opened')) await server.says('no more users are opened')
  const other = await LineClient.connect(server.imapPort)
  await other.line()
  t.match((await other.command('a', `LOGIN ${second} ${password}`)).at(-1), /^a NO \[UNAVAILABLE\] /)
  other.close()
  const lmtp = await LmtpClient.connect(server.lmtpPort)
  t.match(await lmtp.deliver([second], letter('later')), [/^451 /])
  t.match(await lmtp.deliver([first], letter('now')), [/^250 /], 'who is in memory goes on')
  await client.command('b', 'LOGOUT')
  await server.says('There is room for local indexes again')
  await eventually(async () => {
    if (!/^250 /.test((await lmtp.deliver([second], letter('later')))[0]!)) throw new Error('still refused')
  })
  lmtp.close()
  t.same(await eventually(() => subjects(server.imapPort, first)), ['letter now'])
})
