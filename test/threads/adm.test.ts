// `culver adm` against a running server with two workers, and what a stranger to its wire form hears.

import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import type { Finished } from '../fixtures/program.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer } from '../fixtures/server.ts'

const directory = fs.mkdtempSync(path.join(t.testdir(), 'adm-'))
const users = path.join(directory, 'users')
const homeOf = (user: string): string => path.join(directory, 'home', user)
fs.writeFileSync(users, ['alice', 'bob', 'carol'].map((user) => `${user}@example.com:{PLAIN}secret::::${homeOf(user)}::userdb_quota_rule=*:storage=1G\n`).join(''))
const database = `{\n driver = passwd-file\n args = ${users}\n}`
const server = await TestServer.start({
  workers: 2, directory, databases: `passdb ${database}\nuserdb ${database}\n`,
})
t.teardown(() => server.stop())

const root = path.resolve(import.meta.dirname, '../..')
const adm = (...args: string[]): Promise<Finished> =>
  runProgram(process.execPath, [path.join(root, 'workers/cli.ts'), 'adm', '-c', path.join(directory, 'culver.conf'), ...args])

async function login(user: string): Promise<LineClient> {
  const client = await LineClient.connect(server.imapPort)
  const [answer] = (await client.command('a', `LOGIN ${user}@example.com secret`)).slice(-1)
  if (!answer?.startsWith('a OK')) throw new Error(answer)
  return client
}

void t.test('user lists, finds and does not find', async (t) => {
  t.same((await adm('user', '*@example.com')).stdout.split('\n').sort(), ['', 'alice@example.com', 'bob@example.com', 'carol@example.com'])
  t.equal((await adm('user', 'b*', '*car?l*')).stdout, 'bob@example.com\ncarol@example.com\n')
  t.match((await adm('user', 'bob@example.com')).stdout, /^field +value\n[^]*quota_rule +\*:storage=1G\n/)
  t.equal((await adm('user', '-f', 'home', 'bob@example.com')).stdout, `${homeOf('bob')}\n`)
  t.equal((await adm('user', '-f', 'mail', 'bob@example.com')).stdout, 'obox:bob@example.com:INDEX=~/:CONTROL=~/\n')
  const nobody = await adm('user', 'nobody')
  t.equal(nobody.code, 67)
  t.match(nobody.stderr, "user nobody doesn't exist")
})

void t.test('auth test, login, lookup', async (t) => {
  t.match(await adm('auth', 'test', 'bob@example.com', 'secret'), { code: 0, stdout: 'passdb: bob@example.com auth succeeded\n' })
  t.match(await adm('auth', 'test', 'bob@example.com', 'wrong'), { code: 77, stdout: 'passdb: bob@example.com auth failed\n' })
  t.match(await adm('auth', 'login', 'bob@example.com', 'secret'), { code: 0, stdout: `  home=${homeOf('bob')}\n` })
  t.match(await adm('auth', 'lookup', 'bob@example.com', 'nobody'), { code: 67, stdout: "passdb: bob@example.com\n" })
  t.notMatch(server.output, 'secret', 'no password reaches the log')
})

void t.test('who and kick', async (t) => {
  const clients = [await login('alice'), await login('alice'), await login('bob'), await login('carol')]
  t.teardown(() => { for (const client of clients) client.close() })
  const { stdout } = await adm('-f', 'tab', 'who')
  const rows = stdout.trimEnd().split('\n').map((line) => line.split('\t'))
  t.same(rows[0], ['username', '#', 'proto', '(workers)', '(ips)'])
  t.same(rows.slice(1).map(([user, count, proto, , ips]) => [user, count, proto, ips]), [
    ['alice@example.com', '2', 'imap', '(127.0.0.1)'], ['bob@example.com', '1', 'imap', '(127.0.0.1)'], ['carol@example.com', '1', 'imap', '(127.0.0.1)'],
  ])
  const separate = JSON.parse((await adm('-f', 'json', 'who', '-1', 'alice*', '127.0.0.0/8')).stdout) as Record<string, string>[]
  t.same(separate.map(({ username, service }) => [username, service]), [['alice@example.com', 'imap'], ['alice@example.com', 'imap']])
  t.match(JSON.parse((await adm('-f', 'json', 'who', 'bob*')).stdout), [{ username: 'bob@example.com', connections: '1', service: 'imap', ips: '(127.0.0.1)' }], 'as doveadm calls them')
  t.equal((await adm('-f', 'tab', 'who', '192.0.2.0/24')).stdout.split('\n').length, 2, 'the header alone')

  const kicked = await adm('kick', 'alice@example.com')
  t.equal(kicked.stdout, 'kicked connections from the following users:\nalice@example.com\n')
  for (const client of clients.slice(0, 2)) {
    t.equal(await client.line(), '* BYE Kicked by admin.')
    t.equal(await client.line(), undefined)
  }
  t.match((await clients[2]!.command('b', 'NOOP')).at(-1), /^b OK/, 'others stay')
  t.match(await adm('kick', 'alice@example.com'), { code: 68, stderr: 'no users kicked' })
})

void t.test('whose mailboxes: by name, by mask, all', async (t) => {
  const told = ({ code, stdout }: Finished): unknown => [code, ...stdout.trimEnd().split('\n').slice(1).map((line) => line.split('\t').slice(0, 3).join(' '))]
  const all = ['alice@example.com  none', 'bob@example.com  none', 'carol@example.com  none']
  t.same(told(await adm('-f', 'tab', 'obox', 'verify', '-A')), [0, ...all])
  t.same(told(await adm('-f', 'tab', 'obox', 'verify', '-u', 'b*', '-u', 'alice@example.com', 'c*')), [0, ...all])
  t.same(told(await adm('-f', 'tab', 'force-resync', '-A', '*')), [0, ...all])
  t.same(told(await adm('-f', 'tab', 'force-resync', '-u', '*l*c*@*', '-u', 'bob@example.com', 'INBOX')), [0, ...all.slice(0, 2).reverse()])
  for (const command of [['obox', 'verify'], ['force-resync', '*']]) t.match(await adm(...command), { code: 64, stderr: 'whose? USER, or -A' })
  t.match(await adm('obox', 'verify', '-u', 'nobody@example.com'), { code: 67, stdout: "doesn't exist" })
})

void t.test('commands that there are not', async (t) => {
  t.match(await adm('whoo'), { code: 64, stderr: "did you mean 'who'?" })
  t.match(await adm('user'), { code: 64, stderr: 'usage: culver adm user' })
  t.match(await adm('-S', '/nowhere/socket', 'who'), { code: 75, stderr: 'no server is running there' })
})

/** What the socket answers to raw bytes. */
function said(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path.join(directory, 'run/doveadm-server'))
    let text = ''
    socket.on('data', (data: Buffer) => { text += data.toString() })
    socket.once('error', reject)
    socket.once('close', () => resolve(text))
    socket.write(bytes, () => { if (bytes.endsWith('\n')) socket.end() })
  })
}

void t.test('requests that are none are answered, and the connection goes on', async (t) => {
  const good = '{"command":"user","args":["bob*"]}\n'
  for (const bad of ['', 'no json', '17', 'null', '{}', '{"command":"none"}', '{"command":"who","args":[1]}', '{"command":"who","args":["a","b","c"]}',
    '{"command":"who","options":{"x":true}}', '{"command":"who","options":{"separate":"yes"}}', '{"command":"who","options":null}', '{"command":"__proto__"}']) {
    const [first = '', ...rest] = (await said(`${bad}\n${good}`)).trimEnd().split('\n')
    t.match(JSON.parse(first), { exit: 64, error: String }, bad)
    t.match(rest, ['{"columns":["text"],"header":false}', '{"row":["bob@example.com"]}', '{"exit":0}'])
  }
  t.match(await said('x'.repeat(300_000)), '"error":"Request too long"')
})
