// A drill as an operator would have it: `fault:` and `delay:` in front of the store, by the configuration alone. MTAs hear 451 and
// try again, clients read what is there; without the drill everything acknowledged is there, and `obox verify` tidies up.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { askServer } from '../../workers/cli/adm/ask.ts'
import { formats } from '../../workers/cli/adm/formats.ts'
import { TestServer } from '../fixtures/server.ts'
import { Deliverer, lost } from './users.ts'

t.setTimeout(120_000)

void t.test('a drill with faults, delays and lost answers', async (t) => {
  const objects = t.testdir()
  const drill = 'fault:seed=7,rate=0.15,lost=0.5,body=0.02:delay:0-5:'
  const server = await TestServer.start({ workers: 2, store: `${drill}posix:prefix=${objects}/:no-fsync` })
  t.teardown(() => server.stop())
  const users = Array.from({ length: 6 }, (_, n) => `user${n}@example.com`)
  const deliverers = Array.from({ length: 3 }, (_, n) => new Deliverer(server.lmtpPort, `d${n}`, users))
  await Promise.all(deliverers.map((deliverer) => deliverer.progress(40)))
  await Promise.all(deliverers.map((deliverer) => deliverer.stop()))
  const refusals = deliverers.flatMap(({ refusals }) => refusals)
  t.ok(refusals.some((reply) => reply.startsWith('451 ')), 'the drill is felt')
  t.same(refusals.filter((reply) => !/^451 |: (?:451|undefined)/.test(reply)), [], 'and nothing is refused for good')
  await server.terminate()
  const file = path.join(server.directory, 'culver.conf')
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replaceAll(drill, ''))
  await server.run()
  t.same(await lost(server.imapPort, deliverers), [], 'every acknowledged mail is there')

  const verify = async (options: Record<string, boolean>): Promise<{ code: number; rows: string[][] }> => {
    let text = ''
    const code = await askServer(path.join(server.directory, 'run/doveadm-server'), { command: 'obox verify', options, args: users }, formats['tab']!, { out: (more) => { text += more }, complain: (more) => { t.fail(more) } })
    return { code, rows: text.split('\n').slice(1).map((line) => line.split('\t')) }
  }
  t.equal((await verify({ fix: true })).code, 0)
  const after = await verify({})
  t.equal(after.code, 0, JSON.stringify(after.rows))
  t.same(await lost(server.imapPort, deliverers), [], 'and still is')
})
