// `culver adm metacache …` against a running server: what the local indexes of users take, and how they go by hand. No mail is
// lost by it.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { LmtpClient, letter } from '../fixtures/deliver.ts'
import type { Finished } from '../fixtures/program.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer } from '../fixtures/server.ts'
import { login, subjects, usersAt } from './users.ts'

t.setTimeout(110_000)

const users = [...usersAt(0, 2, 2), ...usersAt(1, 2, 1)] as [string, string, string]

async function serverFor(t: { teardown(end: () => Promise<void>): void }, space: string): Promise<{ server: TestServer; adm: (...args: string[]) => Promise<Finished>; table: (...args: string[]) => Promise<Record<string, string>[]> }> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-metacache-'))
  const server = await TestServer.start({ workers: 2, directory, config: `state_dir = ${directory}/state\nplugin {\n  metacache_max_space = ${space}\n}\n` })
  t.teardown(async () => {
    await server.stop()
    fs.rmSync(directory, { recursive: true, force: true })
  })
  const cli = path.resolve(import.meta.dirname, '../../workers/cli.ts')
  const adm = (...args: string[]): Promise<Finished> => runProgram(process.execPath, [cli, 'adm', '-c', path.join(directory, 'culver.conf'), ...args])
  const table = async (...args: string[]): Promise<Record<string, string>[]> => JSON.parse((await adm('-f', 'json', ...args)).stdout) as Record<string, string>[]
  return { server, adm, table }
}

const filesOf = (server: TestServer, user: string): string[] => fs.readdirSync(`${server.directory}/home/${user}`).filter((name) => name === 'root' || name === 'mailboxes')

await t.test('list, status, clean', async (t) => {
  const { server, adm, table } = await serverFor(t, '1G')
  const mta = await LmtpClient.connect(server.lmtpPort)
  for (const user of users) t.match(await mta.deliver([user], letter('first')), [/^250 /])
  mta.close()
  const [busy, idle, other] = users
  const client = await login(server.imapPort, busy)
  t.match(await table('metacache', 'list', busy), [{ username: busy, 'in-memory': 'yes' }])
  const used = await adm('metacache', 'clean', '-u', busy)
  t.equal(used.code, 75)
  t.match(used.stdout, /somebody uses it/)
  client.close()

  // The next start knows of them without opening any.
  t.equal(await server.terminate(), 0)
  await server.run()
  const status = Object.fromEntries((await table('metacache', 'status')).map(({ field, value }) => [field, value]))
  t.match(status, { users: '3', 'users in memory': '0', 'users with changes': '3', metacache_max_space: String(2 ** 30), 'refuses users': 'no', 'users evicted since start': '0' })
  const listed = await table('metacache', 'list')
  t.same(listed.map(({ username }) => username).sort(), [...users].sort())
  for (const row of listed) {
    t.match(row, { changes: 'some', 'in-memory': 'no', directory: `${server.directory}/home/${row['username']}` })
    for (const column of ['bytes-used(0)', 'bytes-used(2)', 'last-access', 'cleanup-weight']) t.ok(Number(row[column]) > 0, column)
  }
  t.equal(Number(status['bytes used']), listed.reduce((sum, row) => sum + Number(row['bytes-used(0)']) + Number(row['bytes-used(2)']) + Number(row['bytes-used(3)']), 0))

  t.equal((await adm('metacache', 'clean', '-d', '1', '-A')).stdout, 'username result\n', 'nobody has been away for a day')
  t.equal((await adm('metacache', 'clean')).code, 64)
  t.match(await adm('metacache', 'clean', '-u', idle, 'nobody@example.com'), { code: 0, stdout: new RegExp(`${idle} +cleaned\nnobody@example.com +it has no local indexes\n`) })
  t.same(filesOf(server, idle), [])
  t.same((await table('metacache', 'list')).map(({ username }) => username).sort(), [busy, other].sort())
  fs.rmSync(`${server.directory}/home/${other}`, { recursive: true })
  const counted = Object.fromEntries((await table('metacache', 'rescan')).map(({ field, value }) => [field, value]))
  t.match(counted, { users: '1', 'users evicted since start': '1' })
  t.match(await adm('metacache', 'clean', '-A'), { code: 0, stdout: new RegExp(`${busy} +cleaned\n`) })
  for (const user of users) t.same(await subjects(server.imapPort, user), ['letter first'], user)
})

await t.test('flushall uploads what the store lacks, and cleaning works without a bound too', async (t) => {
  const { server, adm, table } = await serverFor(t, '0')
  const [user, unknown] = users
  const client = await login(server.imapPort, user)
  await client.command('a', 'SELECT INBOX')
  const mta = await LmtpClient.connect(server.lmtpPort)
  t.match(await mta.deliver([user, unknown], letter('flagged')), [/^250 /, /^250 /])
  mta.close()
  t.match((await client.command('b', 'NOOP')).at(-1), /^b OK/)
  t.match((await client.command('c', 'STORE 1 +FLAGS (\\Flagged)')).at(-1), /^c OK/)
  t.match((await adm('metacache', 'flushall', '-i')).stdout, new RegExp(`${user} +flushed\n`))
  client.close()
  server.signal('SIGKILL')
  await server.exited
  fs.rmSync(`${server.directory}/home/${user}`, { recursive: true })
  await server.run()
  const again = await login(server.imapPort, user)
  await again.command('a', 'SELECT INBOX')
  t.match((await again.command('b', 'FETCH 1 FLAGS')).join('\n'), /\\Flagged/, 'the flag is in the store')
  again.close()

  t.equal(await server.terminate(), 0)
  await server.run()
  t.same(await table('metacache', 'list'), [], 'only users in memory are known')
  t.not(filesOf(server, unknown).length, 0)
  t.match(await adm('metacache', 'clean', unknown), { code: 0, stdout: new RegExp(`${unknown} +cleaned\n`) })
  t.same(filesOf(server, unknown), [])
  t.same(await subjects(server.imapPort, unknown), ['letter flagged'])
})
