// A log file that has been moved away (logrotate) is begun anew at SIGUSR1 or `culver adm log reopen`; nothing is lost on the way.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer } from '../fixtures/server.ts'

const directory = t.testdir({ logs: {} })
const at = (name: string): string => path.join(directory, 'logs', name)
const server = await TestServer.start({ workers: 1, directory, config: `log_path = ${at('errors')}\ninfo_log_path = ${at('infos')}\n` })
t.teardown(() => server.stop())

const root = path.resolve(import.meta.dirname, '../..')
const reopen = (): ReturnType<typeof runProgram> =>
  runProgram(process.execPath, [path.join(root, 'workers/cli.ts'), 'adm', '-c', path.join(directory, 'culver.conf'), 'log', 'reopen'])

const textOf = (name: string): string => (fs.existsSync(at(name)) ? fs.readFileSync(at(name), 'utf8') : '')

/** Waits until a file holds `text`. */
async function says(name: string, text: string): Promise<void> {
  while (!textOf(name).includes(text)) await new Promise((resolve) => setTimeout(resolve, 10))
}

async function wrongLogin(user: string): Promise<void> {
  const client = await LineClient.connect(server.imapPort)
  await client.command('a', `LOGIN ${user} wrong`)
  client.close()
}

void t.test('by signal, and by command', async (t) => {
  await wrongLogin('first')
  await says('infos', 'user=<first>')
  fs.renameSync(at('infos'), at('infos.1'))
  await wrongLogin('second')
  await says('infos.1', 'user=<second>')
  server.signal('SIGUSR1')
  await says('infos', 'log files have been opened anew')
  await wrongLogin('third')
  await says('infos', 'user=<third>')
  t.notMatch(textOf('infos.1'), 'third')
  fs.renameSync(at('infos'), at('infos.2'))
  fs.renameSync(at('errors'), at('errors.1'))
  t.match(await reopen(), { code: 0, stdout: '', stderr: '' })
  await wrongLogin('fourth')
  await says('infos', 'user=<fourth>')
  t.ok(fs.existsSync(at('errors')))
  t.equal(fs.statSync(at('infos')).mode & 0o777, 0o600)
})

void t.test('a directory that is gone: the open file serves on, and it is told', async (t) => {
  fs.renameSync(at(''), path.join(directory, 'elsewhere'))
  const { code, stderr } = await reopen()
  t.equal(code, 75)
  t.match(stderr, /log file .*errors cannot be opened: ENOENT/)
  await wrongLogin('fifth')
  const moved = (name: string): string => fs.readFileSync(path.join(directory, 'elsewhere', name), 'utf8')
  while (!moved('infos').includes('user=<fifth>')) await new Promise((resolve) => setTimeout(resolve, 10))
  t.match(moved('errors'), /Error: log file .*errors cannot be opened: ENOENT/)
  fs.renameSync(path.join(directory, 'elsewhere'), at(''))
  t.equal((await reopen()).code, 0)
})
