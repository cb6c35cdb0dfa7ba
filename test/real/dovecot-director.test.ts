// Debian's Dovecot 2.3 as director over two Cullvers that share an object store: users stay with their backend, move to the
// other one while they are connected, are kicked, and lose nothing when their backend is killed.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import type { Test as Tap } from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, freePort, password } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'
import { Dovecot, dovecotAddress, dovecotPackages } from './dovecot.ts'

const backends = ['127.0.0.3', '127.0.0.4'] as const

interface Ports { imap: number; lmtp: number }

/** The director wants the same ports of all backends. */
const backendConfig = (address: string, { imap, lmtp }: Ports): string => `
login_trusted_networks = 127.0.0.1
service imap-login {
  inet_listener directed {
    address = ${address}
    port = ${imap}
  }
}
service lmtp {
  inet_listener directed {
    address = ${address}
    port = ${lmtp}
  }
}
`

const directorConfig = ({ imap, lmtp }: Ports, ring: number): string => `
director_servers = 127.0.0.1:${ring}
director_mail_servers = ${backends.join(' ')}
director_user_kick_delay = 0
director_user_expire = 1 min
passdb {
  driver = static
  args = proxy=y nopassword=y port=%{if;%s;eq;lmtp;${lmtp};${imap}}
}
service director {
  unix_listener login/director {
    mode = 0666
  }
  fifo_listener login/proxy-notify {
    mode = 0666
  }
  unix_listener director-userdb {
    mode = 0600
  }
  inet_listener {
    address = 127.0.0.1
    port = ${ring}
  }
}
service ipc {
  unix_listener ipc {
    user = dovecot
  }
}
service imap-login {
  executable = imap-login director
}
protocol lmtp {
  auth_socket_path = director-userdb
}
`

interface Parts { cullvers: Record<string, TestServer>; dovecot: Dovecot }

async function start(t: Tap): Promise<Parts> {
  const ports = { imap: await freePort(), lmtp: await freePort() }
  const objects = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-objects-'))
  t.teardown(() => fs.rmSync(objects, { recursive: true, force: true }))
  const cullvers: Record<string, TestServer> = {}
  for (const address of backends) {
    const server = await TestServer.start({ config: backendConfig(address, ports), store: `posix:prefix=${objects}/` })
    t.teardown(() => server.stop())
    cullvers[address] = server
  }
  const dovecot = await Dovecot.start({ more: directorConfig(ports, await freePort()) })
  t.teardown(() => dovecot.stop())
  return { cullvers, dovecot }
}

async function login({ dovecot }: Parts, user: string): Promise<LineClient> {
  const client = await LineClient.connect(dovecot.imapPort, { host: dovecotAddress, localAddress: '127.0.0.5' })
  await client.line()
  await client.command('a', `LOGIN ${user} ${password}`)
  return client
}

/** The backend of each login of `user`, in order. */
async function backendsOf({ dovecot }: Parts, user: string, logins: number): Promise<string[]> {
  for (const since = performance.now(); ;) {
    const found = [...dovecot.log.matchAll(new RegExp(`proxy\\(${user},[^)]*\\): Started proxying to <([^>]+)>`, 'g'))].map(([, address]) => address!)
    if (found.length >= logins) return found
    if (performance.now() - since > 20_000) throw new Error(`${user} logged in ${found.length} times only:\n${dovecot.log}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function logged(server: TestServer, pattern: RegExp): Promise<void> {
  for (const since = performance.now(); !pattern.test(server.output);) {
    if (performance.now() - since > 20_000) throw new Error(`${pattern} is not in the log:\n${server.output}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const other = (address: string): string => backends.find((backend) => backend !== address)!

/** Appends a mail with `subject`. False: it was not acknowledged. */
async function append(client: LineClient, subject: string): Promise<boolean> {
  const message = `Subject: ${subject}\r\n\r\nx\r\n`
  const lines = await client.command('p', `APPEND INBOX {${message.length}+}\r\n${message}`).catch(() => [])
  return lines.at(-1)?.startsWith('p OK ') ?? false
}

async function subjects(client: LineClient): Promise<string[]> {
  await client.command('s', 'SELECT INBOX')
  const lines = await client.command('f', 'FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]')
  return lines.flatMap((line) => /^Subject: (.*)$/.exec(line)?.[1] ?? []).sort()
}

async function deliver({ dovecot }: Parts, user: string, subject: string): Promise<string> {
  const client = await LineClient.connect(dovecot.lmtpPort, { host: dovecotAddress, localAddress: '127.0.0.5' })
  void client.send(`LHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<${user}>\r\n`)
  await client.until(/^250 2\.1\.0 /)
  const recipient = (await client.line())!
  if (recipient.startsWith('250 ')) {
    void client.send(`DATA\r\nSubject: ${subject}\r\n\r\nx\r\n.\r\nQUIT\r\n`)
    await client.until(/^354 /)
  }
  const reply = recipient.startsWith('250 ') ? (await client.line())! : recipient
  client.close()
  return reply
}

const users = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6']

async function stickiness(t: Tap, parts: Parts): Promise<void> {
  const homes = new Set<string>()
  for (const user of users) {
    for (let n = 0; n < 3; n++) {
      const client = await login(parts, user)
      t.ok(await append(client, `imap ${n}`))
      client.close()
    }
    const found = new Set(await backendsOf(parts, user, 3))
    t.equal(found.size, 1, `${user} stays with ${[...found].join()}`)
    for (const address of found) {
      homes.add(address)
      await logged(parts.cullvers[address]!, new RegExp(`Login: user=<${user}>, method=PLAIN, rip=127\\.0\\.0\\.5, lip=127\\.0\\.0\\.2,`))
      t.match(await deliver(parts, user, 'lmtp'), /^250 2\.0\.0 /)
      await logged(parts.cullvers[address]!, new RegExp(`lmtp\\(${user}\\)<.*saved mail to INBOX`))
      t.pass('LMTP too')
    }
    const client = await login(parts, user)
    t.same(await subjects(client), ['imap 0', 'imap 1', 'imap 2', 'lmtp'])
    client.close()
  }
  t.equal(homes.size, 2, 'both backends have users')
}

/** A writer that logs in again when it is sent away by the move. */
async function move(t: Tap, parts: Parts): Promise<void> {
  const user = 'mover'
  let client = await login(parts, user)
  const [first] = await backendsOf(parts, user, 1)
  const acknowledged: string[] = []
  for (let n = 0; n < 30; n++) {
    if (n === 10) parts.dovecot.doveadm('director', 'move', user, other(first!))
    if (await append(client, `mail ${n}`)) acknowledged.push(`mail ${n}`)
    else {
      client.close()
      client = await login(parts, user)
      if (await append(client, `again ${n}`)) acknowledged.push(`again ${n}`)
    }
  }
  t.same(await backendsOf(parts, user, 2), [first, other(first!)], 'the session is ended by the move, and the next one is there')
  t.equal(acknowledged.length, 30)
  const there = await subjects(client)
  t.same(acknowledged.filter((subject) => !there.includes(subject)), [], 'nothing is lost')

  parts.dovecot.doveadm('proxy', 'kick', user)
  await client.until(/^\* BYE /).catch(() => {})
  t.equal(await client.line(), undefined, 'kicked')
  client.close()
  const next = await login(parts, user)
  t.equal((await backendsOf(parts, user, 3)).at(-1), other(first!), 'and at the same backend again')
  t.equal((await subjects(next)).length, there.length)
  next.close()
}

async function death(t: Tap, parts: Parts): Promise<void> {
  const user = 'survivor'
  const client = await login(parts, user)
  const [home] = await backendsOf(parts, user, 1)
  for (let n = 0; n < 5; n++) t.ok(await append(client, `mail ${n}`))
  await parts.cullvers[home!]!.kill()
  t.equal(await client.line(), undefined, 'its clients are cut off')
  parts.dovecot.doveadm('director', 'down', home!)
  parts.dovecot.doveadm('director', 'flush', home!)
  const next = await login(parts, user)
  t.equal((await backendsOf(parts, user, 2)).at(-1), other(home!))
  t.same(await subjects(next), ['mail 0', 'mail 1', 'mail 2', 'mail 3', 'mail 4'], 'every mail is in the object store')
  next.close()
}

const absent = requirePackages(dovecotPackages)
const skip = absent.length > 0 ? `needs ${absent.join(', ')}` : process.getuid?.() === 0 ? false : 'needs root'

void t.test('Dovecot as a director', { skip, timeout: 240_000 }, async (t) => {
  const parts = await start(t)
  await t.test('users stay with their backend', (t) => stickiness(t, parts))
  await t.test('a user moves while it is connected, and is kicked', (t) => move(t, parts))
  await t.test('a backend dies', (t) => death(t, parts))
})
