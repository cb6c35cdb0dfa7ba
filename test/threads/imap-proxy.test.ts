// Culver as login proxy: clients of one server whose passdb gives them to another one. What the backend hears, what the client
// hears, and that nothing is kept of the bytes in between.

import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import type { Finished } from '../fixtures/program.ts'
import { ScriptedBackend } from '../fixtures/scripted-backend.ts'
import type { BackendConnection } from '../fixtures/scripted-backend.ts'
import { TestServer, freePort, password } from '../fixtures/server.ts'
import { eventually } from './users.ts'

/** A proxy whose users are the lines of a passwd-file. */
async function proxy(t: Test, users: (port: number) => string[], config = ''): Promise<TestServer> {
  const file = `${t.testdir({})}/users`
  const server = await TestServer.start({
    databases: `passdb {\n driver = passwd-file\n args = ${file}\n}\nuserdb {\n driver = static\n args = home=${t.testdirName}/home/%u\n}`,
    config: `login_trusted_networks = 127.0.0.1\nlogin_proxy_timeout = 4 s\n${config}`,
  })
  t.teardown(() => server.stop())
  fs.writeFileSync(file, users(server.imapPort).map((line) => `${line}\n`).join(''))
  return server
}

async function connect(server: TestServer, localAddress = '127.0.0.1'): Promise<LineClient> {
  const client = await LineClient.connect(server.imapPort, { localAddress })
  await client.line()
  return client
}

async function scripted(t: Test, serve: (connection: BackendConnection, n: number) => Promise<void>): Promise<ScriptedBackend> {
  const backend = await ScriptedBackend.start(serve)
  t.teardown(() => backend.stop())
  return backend
}

const user = (name: string, fields: string): string => `${name}:{PLAIN}pw::::::proxy=y host=127.0.0.1 ${fields}`

void t.test('what a backend hears', { timeout: 60_000 }, async (t) => {
  const greeting = { full: '* OK [CAPABILITY IMAP4rev1 SASL-IR ID AUTH=PLAIN] Ready\r\n', bare: '* OK Ready\r\n', noIr: '* OK [CAPABILITY IMAP4rev1 ID] Ready\r\n' }
  let greets = greeting.full
  const backend = await scripted(t, async (connection) => {
    connection.send(greets)
    for (let line = await connection.line(); line !== undefined; line = await connection.line()) {
      if (line.startsWith('I ')) connection.send('* ID NIL\r\nI OK\r\n')
      else if (line.startsWith('C ')) connection.send('* CAPABILITY IMAP4rev1\r\nC OK\r\n')
      else if (/^L AUTHENTICATE PLAIN$/.test(line)) connection.send('+ \r\n')
      else if (line.startsWith('L ') || /^[A-Za-z0-9+/=]+$/.test(line)) connection.send('* CAPABILITY X\r\nL OK [CAPABILITY IMAP4rev1 X-TEST] In\r\n')
      else if (line === 'x LOGOUT') { connection.send('* BYE\r\nx OK\r\n'); connection.end() }
      else connection.send(`${line.split(' ')[0]} OK echo ${line}\r\n`)
    }
  })
  const server = await proxy(t, () => [
    user('tim', `port=${backend.port}`), user('other', `port=${backend.port} destuser=o"ther pass=back\\slash`), user('master', `port=${backend.port} master=boss pass=bosspw`),
    user('mech', `port=${backend.port} proxy_mech=plain`), user('secret', `port=${backend.port} proxy_not_trusted=y`), user('forward', `port=${backend.port} forward_site=dc1 proxy_nopipelining=y`), user('token', `port=${backend.port} proxy_mech=xoauth2`),
  ])
  const login = async (name: string, before = '', more = ''): Promise<string[]> => {
    backend.heard.length = 0
    const client = await connect(server)
    void client.send(`${before}a LOGIN ${name} pw\r\n${more}`)
    const lines = await client.until(/^a /)
    t.match(await client.command('b', 'NOOP'), more === '' ? ['b OK echo b NOOP'] : ['p OK echo p NOOP', 'b OK echo b NOOP'])
    t.match((await client.command('x', 'LOGOUT')).at(-1), 'x OK')
    t.equal(await client.line(), undefined, 'the backend has ended it')
    return lines
  }
  t.same(await login('tim'), ['* CAPABILITY X', 'a OK [CAPABILITY IMAP4rev1 X-TEST] In'], 'the client hears the backend')
  t.match(backend.heard[0], /^I ID \("x-session-id" "[^"]+" "x-originating-ip" "127\.0\.0\.1" "x-originating-port" "\d+" "x-connected-ip" "127\.0\.0\.1" "x-connected-port" "\d+" "x-proxy-ttl" "4"\)$/)
  t.same(backend.heard.slice(1), ['L LOGIN "tim" "pw"', 'b NOOP', 'x LOGOUT'])
  await login('tim', 'i ID ("x-originating-ip" "203.0.113.9" "x-originating-port" "44" "x-session-id" "abc" "x-proxy-ttl" "3" "x-forward-foo" "bar")\r\n', 'p NOOP\r\n')
  t.match(backend.heard[0], /^I ID \("x-session-id" "abc" "x-originating-ip" "203\.0\.113\.9" "x-originating-port" "44" .*"x-proxy-ttl" "2" "x-forward-foo" "bar"\)$/, 'a trusted proxy\'s client; and what was pipelined goes on')
  await login('other')
  t.equal(backend.heard[1], 'L LOGIN "o\\"ther" "back\\\\slash"')
  await login('forward')
  t.match(backend.heard[0], /"x-forward-site" "dc1"\)$/)
  await login('secret')
  t.equal(backend.heard[0], 'L LOGIN "secret" "pw"', 'proxy_not_trusted')
  await login('master')
  t.equal(backend.heard[1], `L AUTHENTICATE PLAIN ${Buffer.from('master\0boss\0bosspw').toString('base64')}`)
  await login('mech')
  t.equal(backend.heard[1], `L AUTHENTICATE PLAIN ${Buffer.from('\0mech\0pw').toString('base64')}`)
  await login('token')
  t.equal(backend.heard[1], `L AUTHENTICATE xoauth2 ${Buffer.from('user=token\u0001auth=Bearer pw\u0001\u0001').toString('base64')}`.replace('xoauth2', 'XOAUTH2'))
  greets = greeting.bare
  await login('tim')
  t.same(backend.heard.slice(0, 2), ['C CAPABILITY', 'L LOGIN "tim" "pw"'], 'capabilities are asked for; without ID it is not used')
  greets = greeting.noIr
  await login('mech')
  t.same(backend.heard.slice(1, 3), ['L AUTHENTICATE PLAIN', Buffer.from('\0mech\0pw').toString('base64')])
  await server.logs(/imap-login\(tim\)<\d+><[^>]+>: Info: proxy\(tim,127\.0\.0\.1:\d+\): Started proxying to <127\.0\.0\.1>/)
  await server.logs(/proxy\(tim,127\.0\.0\.1:\d+\): Disconnected: by server \(\d+s, in=\d+, out=\d+\)/)
})

/** Whether the kernel keeps asking if the other end of a connection to `port` is there: a keep-alive timer runs. */
const isKeptAlive = (port: number): boolean => fs.readFileSync('/proc/net/tcp', 'utf8').split('\n')
  .some((line) => line.split(/\s+/)[3]?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`) && / 01 [0-9A-F]{8}:[0-9A-F]{8} 02:/.test(line))

void t.test('a client that has said all before it is passed on is answered', { timeout: 60_000 }, async (t) => {
  const backend = await scripted(t, async (connection) => {
    connection.send('* OK [CAPABILITY IMAP4rev1] Ready\r\n')
    for (let line = await connection.line(); line !== undefined; line = await connection.line()) connection.send(`${line.split(' ')[0]} OK done\r\n`)
    connection.end()
  })
  // However busy this machine is, the backend is not given up.
  const server = await proxy(t, () => [user('tim', `port=${backend.port}`)], 'login_proxy_timeout = 40 s')
  const client = net.connect({ port: server.imapPort, host: '127.0.0.1', allowHalfOpen: true })
  client.end('a LOGIN tim pw\r\nb NOOP\r\nc NOOP\r\n')
  let said = ''
  client.on('data', (bytes: Buffer) => { said += bytes.toString('latin1') })
  await once(client, 'end')
  t.match(said, /^a OK done\r\nb OK done\r\nc OK done\r\n$/m)

  const idle = await connect(server)
  t.match((await idle.command('a', 'LOGIN tim pw')).at(-1), /^a OK/)
  for (const [whose, port] of [['the backend', backend.port], ['the client', (idle.socket.address() as net.AddressInfo).port]] as const) {
    await eventually(() => (isKeptAlive(port) ? Promise.resolve() : Promise.reject(new Error(`nobody would notice that ${whose} vanishes`))))
    t.pass(`it would be noticed that ${whose} vanishes`)
  }
  idle.close()
})

void t.test('refusals, backends that are away, loops', { timeout: 120_000 }, async (t) => {
  let says = 'NO [AUTHENTICATIONFAILED] Nobody like that'
  let after = 0
  const backend = await scripted(t, async (connection, n) => {
    connection.send('* OK [CAPABILITY IMAP4rev1] Ready\r\n')
    await connection.line()
    connection.send(`L ${n < after ? 'NO [UNAVAILABLE] not yet' : says}\r\n`)
    await connection.line()
  })
  const dead = await freePort()
  const server = await proxy(t, (imap) => [
    user('tim', `port=${backend.port}`), user('dead', `port=${dead} proxy_timeout=2`), user('loop', `port=${imap}`), user('nowhere', '').replace('host=127.0.0.1 ', ''), user('badport', 'port=99999'),
    `maybe:{PLAIN}pw::::::proxy_maybe=y host=127.0.0.1 port=${imap}`, 'maybe2:{PLAIN}pw::::::proxy_maybe=y host=127.0.0.1', `self:{PLAIN}pw::::::proxy_maybe=y host=192.0.2.77 port=${imap}`,
    `there:{PLAIN}pw::::::nologin=y host=192.0.2.77 port=1143 destuser=tom`,
  ], 'auth_proxy_self = 192.0.2.77\nlogin_proxy_max_reconnects = 3')
  const login = async (name: string, secret = 'pw', before = ''): Promise<string> => {
    const client = await connect(server)
    void client.send(`${before}a LOGIN ${name} ${secret}\r\n`)
    const reply = (await client.until(/^[ai] (?!OK ID)/)).at(-1)!
    client.close()
    return reply
  }
  t.equal(await login('tim'), 'a NO [AUTHENTICATIONFAILED] Nobody like that', 'the backend\'s own words')
  t.match(await login('tim', 'wrong'), /^a NO \[AUTHENTICATIONFAILED\] Authentication failed/)
  t.equal(backend.connections, 1, 'and who is refused here is not passed on')
  says = 'NO [REFERRAL imap://tim@elsewhere/] Not here'
  t.equal(await login('tim'), 'a NO [REFERRAL imap://tim@elsewhere/] Not here')
  says = 'OK in'
  after = backend.connections + 2
  t.equal(await login('tim'), 'a OK in', 'UNAVAILABLE twice, and the third time in')
  t.equal(backend.connections, after + 1)
  says = 'NO [UNAVAILABLE] never'
  const before = backend.connections
  t.equal(await login('tim'), 'a NO [UNAVAILABLE] Account is temporarily unavailable.')
  t.ok(backend.connections - before >= 2 && backend.connections - before <= 4, 'tried again, and not for ever')
  t.equal(await login('dead'), 'a NO [UNAVAILABLE] Account is temporarily unavailable.')
  await server.logs(/proxy\(dead,127\.0\.0\.1:\d+\): Login failed: connect ECONNREFUSED/)
  for (const name of ['nowhere', 'badport']) t.match(await login(name), /^a NO \[UNAVAILABLE\]/, name)
  await server.logs(/proxy\(nowhere.*no usable host/)
  t.equal(await login('loop'), 'a NO [UNAVAILABLE] Account is temporarily unavailable.')
  t.equal(await login('tim', 'pw', 'i ID ("x-proxy-ttl" "1")\r\n'), 'a NO [UNAVAILABLE] Account is temporarily unavailable.')
  await server.logs(/proxy\(loop,127\.0\.0\.1:\d+\): Proxying loops/)
  await server.logs(/proxy\(tim,127\.0\.0\.1:\d+\): Proxying loops/)
  for (const name of ['maybe', 'maybe2', 'self']) t.match(await login(name), /^a OK \[CAPABILITY /, `${name} is served here`)
  t.match(await login('there'), /^a NO \[REFERRAL imap:\/\/tom;AUTH=PLAIN@192\.0\.2\.77:1143\/\]/)
})

void t.test('two Cullvers', { timeout: 120_000 }, async (t) => {
  const backend = await TestServer.start({ config: 'login_trusted_networks = 127.0.0.1\nauth_verbose = yes' })
  t.teardown(() => backend.stop())
  const server = await proxy(t, () => [user('tim', `port=${backend.imapPort} pass=${password}`)])
  const client = await connect(server, '127.0.0.9')
  t.match((await client.command('a', 'LOGIN tim pw')).at(-1), /^a OK \[CAPABILITY IMAP4rev1 .*\] Logged in$/)
  await backend.logs(/Login: user=<tim>, method=PLAIN, rip=127\.0\.0\.9, lip=127\.0\.0\.1,.* session=</)
  const size = 8_000_000
  void client.send(`b APPEND INBOX {${size}+}\r\n`)
  const line = `${'x'.repeat(998)}\r\n`
  void client.send(line.repeat(size / 1000))
  void client.send('\r\n')
  t.match((await client.until(/^b /)).at(-1), /^b OK /)
  t.match((await client.command('c', 'SELECT INBOX')).at(-1), /^c OK /)

  // A client that asks for much and does not read: the proxy must not keep it.
  const slow = net.connect({ port: server.imapPort, host: '127.0.0.1' })
  let received = 0
  let last = ''
  slow.on('data', (bytes: Buffer) => {
    received += bytes.length
    last = (last + bytes.toString('latin1')).slice(-100)
  })
  const said = async (pattern: RegExp): Promise<void> => { while (!pattern.test(last)) await once(slow, 'data') }
  slow.write('a LOGIN tim pw\r\ns SELECT INBOX\r\n')
  await said(/^s OK /m)
  const memory = (): number => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]) / 1024
  const before = memory()
  slow.pause()
  slow.write(Array.from({ length: 12 }, (_, n) => `f${n} FETCH 1 BODY.PEEK[]\r\n`).join(''))
  for (let n = 0; n < 20; n++) await client.command(`n${n}`, 'NOOP')
  t.ok(memory() - before < 40, `${Math.round(memory() - before)} MB more`)
  slow.resume()
  await said(/^f11 OK /m)
  t.ok(received > 12 * size, 'and all of it comes in the end')
  slow.destroy()

  // Passed through or not, an administrator sees who is there.
  const adm = (...args: string[]): Promise<Finished> => runProgram(process.execPath, [path.resolve(import.meta.dirname, '../../workers/cli.ts'), 'adm', '-c', path.join(server.directory, 'culver.conf'), ...args])
  const kicked = await connect(server, '127.0.0.8')
  t.match((await kicked.command('a', 'LOGIN tim pw')).at(-1), /^a OK /)
  t.match((await adm('who', '-1')).stdout, /tim +imap-proxy +\d +127\.0\.0\.8 /)
  t.equal((await adm('kick', 'tim', '127.0.0.8')).code, 0)
  t.equal(await kicked.line(), undefined)
  t.notMatch((await adm('who', '-1')).stdout, /127\.0\.0\.8/)

  // The client's FIN reaches the backend, whose answers reach the client.
  void client.send('y NOOP\r\nz LOGOUT\r\n')
  t.match((await client.until(/^z /)).at(-1), /^z OK /)
  t.equal(await client.line(), undefined)

  const idle = await connect(server)
  await idle.command('a', 'LOGIN tim pw')
  await backend.kill()
  t.equal(await idle.line(), undefined, 'a backend that dies takes its clients along')
  const late = await connect(server)
  t.match((await late.command('a', 'LOGIN tim pw')).at(-1), /^a NO \[UNAVAILABLE\]/)
  await backend.run()
  t.match((await late.command('b', 'LOGIN tim pw')).at(-1), /^b OK /, 'and lets them in when it is back')
  t.equal(await server.terminate(), 0, 'the proxy ends with a client passed through')
  t.equal(await late.line(), undefined)
})
