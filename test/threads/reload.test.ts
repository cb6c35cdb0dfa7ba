// The configuration read again while the server runs: by signal and by command, right and wrong.

import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import type { Finished } from '../fixtures/program.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer, configuration, freePort } from '../fixtures/server.ts'

const directory = fs.mkdtempSync(path.join(t.testdir(), 'reload-'))
const users = path.join(directory, 'users')
fs.writeFileSync(users, 'alice@example.com:{PLAIN}secret::::/srv/alice\n')
const server = await TestServer.start({ directory, databases: `passdb {\n driver = passwd-file\n args = ${users}\n}\n` })
t.teardown(() => server.stop())

const root = path.resolve(import.meta.dirname, '../..')
const file = path.join(directory, 'culver.conf')
const adm = (...args: string[]): Promise<Finished> => runProgram(process.execPath, [path.join(root, 'workers/cli.ts'), 'adm', '-S', path.join(directory, 'run/doveadm-server'), ...args])

/** Adds lines to the configuration. */
const say = (lines: string): void => fs.appendFileSync(file, `\n${lines}\n`)

async function greeting(): Promise<string | undefined> {
  const client = await LineClient.connect(server.imapPort)
  const line = await client.line()
  client.close()
  return line
}

async function login(name: string, password: string): Promise<string> {
  const client = await LineClient.connect(server.imapPort)
  const [answer = ''] = (await client.command('a', `LOGIN ${name} ${password}`)).slice(-1)
  client.close()
  return answer
}

void t.test('by command', async (t) => {
  const kept = await LineClient.connect(server.imapPort)
  t.teardown(() => kept.close())
  await kept.line()
  t.match(await kept.command('a', 'LOGIN alice@example.com secret'), [/^a OK/])
  say('login_greeting = Changed.\nlisten = 127.0.0.1, ::1')
  const { code, stdout } = await adm('reload')
  t.equal(code, 0)
  t.match(stdout, /waits for the next start: listen\n/)
  t.match(await greeting(), /Changed\.$/)
  t.match(server.output, /reloaded, changed: login_greeting\n/)
  t.match(await kept.command('b', 'SELECT INBOX'), [/./], 'who is there notices nothing')
})

void t.test('what is wrong changes nothing', async (t) => {
  const before = fs.readFileSync(file, 'utf8')
  say('login_greeting = Never.\nlogin_greting = x')
  const { code, stderr } = await adm('reload')
  t.equal(code, 65)
  t.match(stderr, /stays as it was:\n.*culver\.conf:\d+: unknown setting 'login_greting'/)
  t.match(await greeting(), /Changed\.$/)
  fs.writeFileSync(file, before)
  say('passdb {\n driver = ldpa\n}')
  t.match((await adm('reload')).stderr, /unknown driver 'ldpa'/)
  t.match(await login('alice@example.com', 'secret'), /^a OK/)
  fs.writeFileSync(file, before)
})

void t.test('by SIGHUP: other users, more workers', async (t) => {
  const others = path.join(directory, 'others')
  fs.writeFileSync(others, 'bob@example.com:{PLAIN}secret::::/srv/bob\n')
  t.match(await login('bob@example.com', 'secret'), /^a NO \[AUTHENTICATIONFAILED\]/)
  say(`passdb {\n driver = passwd-file\n args = ${others}\n}\nauth_worker_max_count = 7`)
  server.signal('SIGHUP')
  await server.says('reloaded, changed:')
  t.match(await login('bob@example.com', 'secret'), /^a OK/)
  t.match(await login('alice@example.com', 'secret'), /^a OK/)
  const workers = async (...args: string[]): Promise<string | undefined> => (await adm('-f', 'flow', 'workers', ...args)).stdout.split('\n').find((line) => line.startsWith('kind=auth'))
  t.match(await workers(), / at a time=7 /)
  t.match(await workers('auth', '3'), / at a time=3 /)
  t.match(await login('bob@example.com', 'secret'), /^a OK/)
  t.match(await adm('workers', 'auth', '0'), { code: 64 })
  t.match(await adm('workers', 'session', '2'), { code: 64, stderr: /taken at start/ })
})

void t.test('who is a recipient', async (t) => {
  const before = fs.readFileSync(file, 'utf8')
  const rcpt = async (): Promise<string> => {
    const client = await LineClient.connect(server.lmtpPort)
    void client.send('LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<zoe@example.com>\r\nRCPT TO:<zoe@example.com>\r\nQUIT\r\n')
    const [, reply = ''] = (await client.until(/^221 /)).slice(-3)
    client.close()
    return reply
  }
  const everywhere = (): Promise<string[]> => Promise.all(Array.from({ length: 12 }, rcpt))
  t.same((await everywhere()).filter((reply) => !reply.startsWith('250 ')), [], 'without any userdb everybody is known')
  say('userdb {\n driver = static\n args = home=/srv/%u\n}')
  t.equal((await adm('reload')).code, 0)
  t.same((await everywhere()).filter((reply) => !reply.startsWith('550 ')), [], 'no worker goes on with what it had heard')
  fs.writeFileSync(file, before)
  t.equal((await adm('reload')).code, 0)
  t.same((await everywhere()).filter((reply) => !reply.startsWith('250 ')), [])
})

void t.test('SIGHUP while the server starts: the configuration is read again when it has started', { timeout: 60_000 }, async (t) => {
  // A store that says nothing, so that starting takes as long as it is given (limits.storeProbeMs).
  const asked = Promise.withResolvers<void>()
  const silent = net.createServer(() => { asked.resolve() })
  await new Promise<void>((resolve) => { silent.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { silent.close() })
  const { port } = silent.address() as net.AddressInfo
  const ports = { imap: await freePort(), lmtp: await freePort() }
  const place = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-hup-'))
  t.teardown(() => fs.rmSync(place, { recursive: true, force: true }))
  const text = configuration(place, ports.imap, ports.lmtp, { store: `s3:http://key:secret@127.0.0.1:${port}/?bucket=b&timeout=1s&max_retries=0` })
  const starting = TestServer.of(place, text, ports)
  t.teardown(() => starting.kill())
  const ready = starting.run()
  await asked.promise
  fs.appendFileSync(path.join(place, 'culver.conf'), '\nlogin_greeting = Changed meanwhile.\n')
  starting.signal('SIGHUP')
  await ready
  await starting.logs(/reloaded, changed: login_greeting/)
})
