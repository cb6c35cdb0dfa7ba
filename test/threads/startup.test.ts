// What keeps the server from starting is said in one clear line, with an exit code that is not 0; a socket file that a
// killed server has left behind keeps nobody.

import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { letter } from '../fixtures/deliver.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer, configuration, freePort } from '../fixtures/server.ts'
import { login } from './users.ts'

const root = path.resolve(import.meta.dirname, '../..')
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-startup-'))
t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
const imapPort = await freePort()
const lmtpPort = await freePort()
fs.writeFileSync(path.join(directory, 'file'), '')

let files = 0

/** Starts with that configuration at its end; it must fail. What it printed. */
async function refused(t: Tap, config: string, options: { store?: string } = {}): Promise<string> {
  const file = path.join(directory, `culver${files++}.conf`)
  fs.writeFileSync(file, configuration(directory, imapPort, lmtpPort, { config, workers: 1, ...options }))
  const { code, stdout, stderr } = await runProgram(process.execPath, [path.join(root, 'workers/cli.ts'), 'serve', '-c', file], { timeoutMs: 30_000 })
  t.ok(code !== 0 && code !== null, `exit code ${code}`)
  t.equal(stdout, '', 'it is not ready')
  // Lines of the log, should the configuration be so far all right, have their time before them.
  const lines = stderr.trimEnd().split('\n').filter((line) => !/^\w{3} \d\d \d\d:\d\d:\d\d /.test(line))
  t.equal(lines.length, 1, `one line: ${stderr}`)
  return lines[0]!
}

type Tap = { ok(value: unknown, text: string): unknown; equal(a: unknown, b: unknown, text: string): unknown }

void t.test('a port in use', async (t) => {
  const server = net.createServer()
  await new Promise<void>((resolve) => { server.listen(lmtpPort, '127.0.0.1', resolve) })
  t.equal(await refused(t, ''), `culver: cannot listen for lmtp on 127.0.0.1:${lmtpPort}: the port is in use by another program`)
  await new Promise((resolve) => { server.close(resolve) })
})

void t.test('another Culver on the same ports', async (t) => {
  const other = await TestServer.start({ workers: 1 })
  t.teardown(() => other.stop())
  const file = path.join(directory, 'second.conf')
  fs.writeFileSync(file, configuration(directory, other.imapPort, lmtpPort, { workers: 1 }))
  const { code, stderr } = await runProgram(process.execPath, [path.join(root, 'workers/cli.ts'), 'serve', '-c', file], { timeoutMs: 30_000 })
  t.equal(code, 78)
  t.match(stderr, /in use by another program/)
  ;(await login(other.imapPort, 'a@example.com')).close()
})

void t.test('directories that cannot be written', async (t) => {
  const cases: [Promise<string>, RegExp][] = [
    [refused(t, `mail_temp_dir = ${directory}/file/tmp`), /^culver: mail_temp_dir = .*\/file\/tmp cannot be written: /],
    [refused(t, `log_path = ${directory}/file/log`), /^culver: log file .*\/file\/log cannot be opened: /],
    [refused(t, '', { store: `posix:prefix=${directory}/file/objects/` }), /^culver: .*file\/objects/],
    [refused(t, `service lmtp {\n unix_listener ${directory}/file/lmtp {\n mode = 0600\n }\n}\n`), /^culver: cannot listen for lmtp on .*\/file\/lmtp: /],
  ]
  for (const [line, wanted] of cases) t.match(await line, wanted)
})

void t.test('settings that are wrong', async (t) => {
  const cases: [Promise<string>, RegExp][] = [
    [refused(t, 'mail_max_userip_connection = 3'), /^culver: .*culver\d+\.conf:\d+.*mail_max_userip_connections/],
    [refused(t, 'culver_session_workers = many'), /^culver: .*culver\d+\.conf:\d+/],
    [refused(t, '', { store: 's4:https://host/' }), /^culver: .*culver\d+\.conf:\d+: obox_fs: 's4'/],
    [refused(t, 'passdb {\n driver = oracle\n}'), /^culver: .*culver\d+\.conf:\d+: passdb: .*oracle/],
    [refused(t, 'service lmtp {'), /^culver: .*culver\d+\.conf:\d+/],
    [refused(t, 'protocols ='), /^culver: nothing to serve/],
    [refused(t, `service lmtp {\n inet_listener other {\n port = ${imapPort}\n }\n}\n`), /^culver: imap and lmtp both listen on /],
  ]
  for (const [line, wanted] of cases) t.match(await line, wanted)
})

void t.test('a configuration that is not there', async (t) => {
  const { code, stderr } = await runProgram(process.execPath, [path.join(root, 'workers/cli.ts'), 'serve', '-c', path.join(directory, 'absent.conf')])
  t.equal(code, 78)
  t.match(stderr, /^culver: .*absent\.conf[^\n]*\n$/)
})

/** Delivers one letter over a UNIX socket; the last reply. */
function deliverOver(socketPath: string, user: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path: socketPath, allowHalfOpen: true })
    let text = ''
    socket.on('data', (bytes: Buffer) => { text += bytes.toString() })
    socket.once('error', reject)
    socket.once('end', () => resolve(text.trimEnd().split('\r\n').at(-1)!))
    socket.end(`LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<${user}>\r\nDATA\r\n${letter('unix')}.\r\n`)
  })
}

void t.test('LMTP over a UNIX socket, also after kill -9', async (t) => {
  const socketPath = path.join(directory, 'sockets/lmtp')
  const server = await TestServer.start({ workers: 2, config: `service lmtp {\n unix_listener ${socketPath} {\n mode = 0660\n }\n}\n` })
  t.teardown(() => server.stop())
  t.equal(fs.statSync(socketPath).mode & 0o777, 0o660)
  t.match(await deliverOver(socketPath, 'unix@example.com'), /^250 2\.0\.0 /)
  await server.kill()
  t.ok(fs.existsSync(socketPath), 'the file is left')
  await server.run()
  for (let n = 0; n < 4; n++) t.match(await deliverOver(socketPath, `unix${n}@example.com`), /^250 2\.0\.0 /)
  t.match((await (await login(server.imapPort, 'unix@example.com')).command('a', 'STATUS INBOX (MESSAGES)'))[0], /MESSAGES 1/)
  t.equal(await server.terminate(), 0)
  t.notOk(fs.existsSync(socketPath), 'a clean stop leaves none')
})
