// culver_storage_workers: users are hashed over several threads that do object I/O. Each has its own connections, and its part
// of every local cache; together they keep to the cache's size.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { askServer } from '../../workers/cli/adm/ask.ts'
import { formats } from '../../workers/cli/adm/formats.ts'
import { nameWithin } from '../../workers/storage/cache-scan.ts'
import { placeOf } from '../../runtime/placement.ts'
import { deliverLetters } from '../fixtures/deliver.ts'
import { TestServer } from '../fixtures/server.ts'
import { login } from './users.ts'

t.setTimeout(120_000)

void t.test('the parts of a cache are apart, and all of it is somebody\'s', (t) => {
  for (const count of [1, 2, 3, 7, 256]) {
    const owners = new Map<string, number>()
    for (let index = 0; index < count; index++) {
      for (let shard = 0; shard < 256; shard++) {
        const hash = shard.toString(16).padStart(2, '0') + 'a'.repeat(30)
        const name = nameWithin(hash, { index, count })
        if (name.slice(2) !== hash.slice(2) || (owners.get(name.slice(0, 2)) ?? index) !== index) t.fail(`${hash} of ${index} of ${count}: ${name}`)
        owners.set(name.slice(0, 2), index)
      }
    }
    t.equal(owners.size, 256)
  }
  t.end()
})

void t.test('mails of many users over three storage workers', async (t) => {
  const objects = t.testdir()
  const cache = path.join(objects, 'cache')
  const server = await TestServer.start({
    workers: 2, store: `fscache:96k:${cache}:posix:prefix=${objects}/objects/:no-fsync`, config: 'culver_storage_workers = 3\n',
  })
  const { directory } = server
  t.teardown(() => server.stop())
  t.notMatch(server.output, /no effect yet:[^\n]*culver_storage_workers/)
  const users = Array.from({ length: 12 }, (_, n) => `user${n}@example.com`)
  t.equal(new Set(users.map((user) => placeOf(user, 3))).size, 3, 'some for each')
  await Promise.all(users.map((user) => deliverLetters(server.lmtpPort, user, 1, 4)))
  const read = async (): Promise<void> => {
    await Promise.all(users.map(async (user) => {
      const client = await login(server.imapPort, user)
      await client.command('a', 'SELECT INBOX')
      const text = (await client.command('b', 'FETCH 1:* BODY.PEEK[TEXT]')).join('\n')
      for (let n = 1; n <= 4; n++) t.match(text, `This is letter ${n}.`)
      client.close()
    }))
  }
  const status = async (): Promise<{ parts: number; entries: number; bytes: number; of: number }> => {
    let text = ''
    await askServer(path.join(directory, 'run/doveadm-server'), { command: 'fscache rescan', options: {}, args: [] }, formats['tab']!, { out: (more) => { text += more }, complain: (more) => { t.fail(more) } })
    const rows = text.trimEnd().split('\n').slice(1).map((line) => line.split('\t'))
    const sum = (column: number): number => rows.reduce((total, row) => total + Number(row[column]), 0)
    return { parts: rows.length, entries: sum(1), bytes: sum(2), of: sum(3) }
  }
  const onDisk = (): number => fs.globSync(path.join(cache, '[0-9a-f][0-9a-f]/*')).length
  await read()
  const before = await status()
  t.match(before, { parts: 3, of: 96 * 1024 })
  t.ok(before.entries > 3 && before.bytes <= before.of, JSON.stringify(before))
  t.equal(onDisk(), before.entries, 'each counts its own, and none is left out')
  await server.terminate()
  fs.writeFileSync(path.join(directory, 'culver.conf'), fs.readFileSync(path.join(directory, 'culver.conf'), 'utf8').replace('culver_storage_workers = 3', 'culver_storage_workers = 1'))
  await server.run()
  await read()
  const after = await status()
  t.match(after, { parts: 1, of: 96 * 1024 })
  t.ok(after.bytes <= after.of, 'nor is what others have left')
  t.equal(onDisk(), after.entries)
})
