// `service … { process_limit }` and connections from one address, held by a whole server.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer } from '../fixtures/server.ts'

/** Waits until `ps` would show this of a process. */
async function shows(pid: number, title: string): Promise<void> {
  while (fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/[\0 ]+$/, '') !== title) await new Promise((resolve) => setTimeout(resolve, 20))
}

void t.test('bounded services', { timeout: 60_000 }, async (t) => {
  const server = await TestServer.start({ workers: 1, config: `
service imap-login {
  process_limit = 3
}
service imap {
  process_limit = 2
}
service lmtp {
  process_limit = 1
}
culver_login_ip_connections = 2
verbose_proctitle = yes
` })
  t.teardown(() => server.stop())
  t.match(server.output, /service imap: at most 2 IMAP connections that have logged in/)
  const connect = (localAddress: string): Promise<LineClient> => LineClient.connect(server.imapPort, { localAddress })

  const [first, second] = [await connect('127.0.0.2'), await connect('127.0.0.2')]
  t.match([await first.line(), await second.line()], [/^\* OK/, /^\* OK/])
  const third = await connect('127.0.0.2')
  t.equal(await third.line(), undefined, 'a third one from that address')
  t.match(await first.command('a', 'LOGIN tim secret'), [/^a OK/])
  const fourth = await connect('127.0.0.2')
  t.match(await fourth.line(), /^\* OK/, 'who has logged in is no stranger')

  const fifth = await connect('127.0.0.3')
  await fifth.line()
  const sixth = await connect('127.0.0.4')
  t.match(await sixth.line(), /^\* OK/)
  t.match(await second.line(), /^\* BYE Disconnected: Connection queue full/, 'the oldest stranger makes room')

  t.match(await fourth.command('a', 'LOGIN tom secret'), [/^a OK/])
  t.match((await fifth.command('a', 'LOGIN tam secret')).at(-1), /^a NO \[UNAVAILABLE\] Too many connections, try again later\./)
  await shows(server.pid, 'culver [2 imap]')
  await first.command('b', 'LOGOUT')
  let reply = ''
  while (!reply.startsWith('c OK')) reply = (await fifth.command('c', 'LOGIN tam secret')).at(-1)!
  t.pass('until one has gone')

  const mailer = await LineClient.connect(server.lmtpPort)
  t.match(await mailer.line(), /^220 /)
  const waiting = await LineClient.connect(server.lmtpPort)
  void waiting.send('LHLO two\r\n')
  void mailer.send('LHLO one\r\nNOOP\r\n')
  t.match((await mailer.until(/^250 2\.0\.0/)).at(-1), /^250 /)
  void mailer.send('QUIT\r\n')
  await mailer.until(/^221 /)
  t.match(await waiting.line(), /^220 /, 'the next one is served when the first has gone')
  t.match((await waiting.until(/^250 /)).at(-1), /^250/)
  for (const client of [sixth, fourth, fifth, waiting]) client.close()
})

void t.test("settings among a user's fields", { timeout: 60_000 }, async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-own-'))
  const users = path.join(directory, 'users')
  const fields = ['userdb_mail_max_userip_connections=1 userdb_imap_capability=+X-OWN', '', 'userdb_mail_fsync=sometimes']
  fs.writeFileSync(users, fields.map((own, n) => `u${n}:{PLAIN}secret:::::: ${own}\n`).join(''))
  const database = `{\n driver = passwd-file\n args = ${users}\n}`
  // On two workers, so that some session logs in where its user's home is not.
  const server = await TestServer.start({ workers: 2, directory, databases: `passdb ${database}\nuserdb ${database}\n` })
  t.teardown(async () => {
    await server.stop()
    fs.rmSync(directory, { recursive: true, force: true })
  })
  const clients: LineClient[] = []
  const login = async (user: string): Promise<string> => {
    const client = await LineClient.connect(server.imapPort)
    clients.push(client)
    return (await client.command('a', `LOGIN ${user} secret`)).at(-1)!
  }
  t.match(await login('u0'), /^a OK \[CAPABILITY IMAP4rev1 .* X-OWN\]/)
  t.match(await login('u0'), /mail_max_userip_connections=1\)/)
  for (let n = 0; n < 3; n++) t.match(await login('u1'), /^a OK (?!.*X-OWN)/)
  t.match(await login('u2'), /^a NO \[UNAVAILABLE\]/)
  await server.logs(/userdb\(u2.*userdb field mail_fsync: unknown value 'sometimes'/)
  for (const client of clients) client.close()
})

void t.test('connections of a user and address, as `protocol` and `remote` say', { timeout: 60_000 }, async (t) => {
  const server = await TestServer.start({ workers: 2, config: `
mail_max_userip_connections = 1
protocol imap {
  mail_max_userip_connections = 2
}
remote 127.0.0.7 {
  mail_max_userip_connections = 0
}
` })
  t.teardown(() => server.stop())
  const clients: LineClient[] = []
  const login = async (localAddress: string): Promise<string> => {
    const client = await LineClient.connect(server.imapPort, { localAddress })
    clients.push(client)
    return (await client.command('a', 'LOGIN tim secret')).at(-1)!
  }
  t.match([await login('127.0.0.2'), await login('127.0.0.2')], [/^a OK/, /^a OK/])
  t.match(await login('127.0.0.2'), /^a NO \[LIMIT\] Maximum number of connections from user\+IP exceeded \(mail_max_userip_connections=2\)/)
  for (let n = 0; n < 4; n++) t.match(await login('127.0.0.7'), /^a OK/)
  for (const client of clients) client.close()
})

void t.test('who guesses waits, but not a proxy', { timeout: 60_000 }, async (t) => {
  const server = await TestServer.start({ workers: 1, config: `
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0600
  }
}
login_trusted_networks = 127.0.0.8
auth_failure_delay = 0
` })
  t.teardown(() => server.stop())
  const login = async (localAddress: string, password: string): Promise<{ reply: string; ms: number }> => {
    const client = await LineClient.connect(server.imapPort, { localAddress })
    const started = performance.now()
    const reply = (await client.command('a', `LOGIN tim ${password}`)).at(-1)!
    client.close()
    return { reply: reply.slice(0, 4), ms: performance.now() - started }
  }
  for (const address of ['127.0.0.7', '127.0.0.8']) t.match((await login(address, 'wrong')).reply, 'a NO')
  const [guesser, proxy] = await Promise.all([login('127.0.0.7', 'secret'), login('127.0.0.8', 'secret')])
  t.same([guesser.reply, proxy.reply], ['a OK', 'a OK'])
  t.ok(guesser.ms >= 3999, `the one after ${Math.round(guesser.ms)} ms`)
  t.ok(proxy.ms < guesser.ms, `the other after ${Math.round(proxy.ms)}`)
})
