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
auth_verbose = yes
passdb {
  driver = static
  args = password=masterpw
  master = yes
  username_filter = proxyadmin
}
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
  username_filter = boss*
  args = proxy=y nopassword=y master=proxyadmin pass=masterpw proxy_mech=plain port=%{if;%s;eq;lmtp;${lmtp};${imap}}
}
passdb {
  driver = static
  username_filter = !boss*
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

/** The director's own master user, for users whose passwords the backends do not have. */
async function master(t: Tap, parts: Parts): Promise<void> {
  const client = await LineClient.connect(parts.dovecot.imapPort, { host: dovecotAddress, localAddress: '127.0.0.5' })
  await client.line()
  t.match((await client.command('a', 'LOGIN boss1 whatever')).at(-1), /^a OK /)
  const [home] = await backendsOf(parts, 'boss1', 1)
  await logged(parts.cullvers[home!]!, /Login: user=<boss1>, method=PLAIN, rip=127\.0\.0\.5, lip=127\.0\.0\.2,/)
  t.ok(await append(client, 'as boss'))
  client.close()
  t.match(await deliver(parts, 'boss1', 'for boss'), /^250 2\.0\.0 /)
  const direct = await LineClient.connect(parts.cullvers[home!]!.imapPort)
  await direct.line()
  await direct.command('a', `LOGIN boss1 ${password}`)
  t.same(await subjects(direct), ['as boss', 'for boss'], 'and it is that user\'s mail')
  t.match((await direct.command('x', 'LOGOUT')).at(-1), /^x OK /)
  direct.close()
}

/** Several sessions, one of them in IDLE, and mail that keeps coming: nothing that was acknowledged is lost, nothing is there twice. */
async function crowd(t: Tap, parts: Parts): Promise<void> {
  const user = 'crowd'
  const idle = await login(parts, user)
  const [first] = await backendsOf(parts, user, 1)
  await idle.command('s', 'SELECT INBOX')
  void idle.send('i IDLE\r\n')
  await idle.until(/^\+ /)
  const sure: string[] = []
  const maybe: string[] = []
  let moved = false
  /** Twelve mails, half of them behind the move. */
  const writer = async (name: string, write: (subject: string) => Promise<boolean>): Promise<void> => {
    for (let n = 0; n < 12; n++) {
      if (n === 6 && !moved) {
        moved = true
        parts.dovecot.doveadm('director', 'move', user, other(first!))
      }
      const subject = `${name} ${n}`
      ;(await write(subject) ? sure : maybe).push(subject)
    }
  }
  const appending = async (name: string): Promise<void> => {
    let client = await login(parts, user)
    await writer(name, async (subject) => {
      if (await append(client, subject)) return true
      client.close()
      client = await login(parts, user)
      return false
    })
    client.close()
  }
  await Promise.all([appending('one'), appending('two'), writer('mail', async (subject) => (await deliver(parts, user, subject).catch(() => '')).startsWith('250 2.0.0 '))])
  await idle.until(/^\* BYE /).catch(() => [])
  t.equal(await idle.line(), undefined, 'who idles is sent away, too')
  idle.close()
  const client = await login(parts, user)
  t.equal((await backendsOf(parts, user, 2)).at(-1), other(first!))
  const there = await subjects(client)
  t.ok(sure.length >= 24, `${sure.length} were acknowledged`)
  t.same(sure.filter((subject) => !there.includes(subject)), [], 'nothing is lost')
  t.same(sure.filter((subject) => there.filter((found) => found === subject).length !== 1), [], 'nothing is there twice')
  t.same(there.filter((subject) => !sure.includes(subject) && !maybe.includes(subject)), [], 'nothing is invented')
  const uids = (await client.command('u', 'UID SEARCH ALL')).flatMap((line) => (line.startsWith('* SEARCH') ? line.split(' ').slice(2) : []))
  t.equal(new Set(uids).size, there.length, 'every UID is one message\'s')
  client.close()
}

async function death(t: Tap, parts: Parts): Promise<void> {
  const user = 'survivor'
  const client = await login(parts, user)
  const [home] = await backendsOf(parts, user, 1)
  for (let n = 0; n < 5; n++) t.ok(await append(client, `mail ${n}`))
  for (let n = 5; n < 10; n++) t.match(await deliver(parts, user, `mail ${n}`), /^250 2\.0\.0 /)
  t.match((await client.command('g', 'SELECT INBOX')).at(-1), /^g OK /)
  t.match((await client.command('h', 'STORE 2 +FLAGS (\\Flagged)')).at(-1), /^h OK /)
  await parts.cullvers[home!]!.kill()
  await client.until(/^\* BYE /).catch(() => [])
  t.equal(await client.line(), undefined, 'its clients are cut off')
  t.match(await deliver(parts, user, 'mail 10'), /^4\d\d /, 'and mail waits at the MTA until somebody says that it is down')
  parts.dovecot.doveadm('director', 'down', home!)
  parts.dovecot.doveadm('director', 'flush', home!)
  const next = await login(parts, user)
  t.equal((await backendsOf(parts, user, 2)).at(-1), other(home!))
  t.match(await deliver(parts, user, 'mail 10'), /^250 2\.0\.0 /)
  const all = Array.from({ length: 11 }, (_, n) => `mail ${n}`).sort()
  t.same(await subjects(next), all, 'every mail is in the object store, and the new one')
  t.ok(await append(next, 'last'))
  next.close()
  await parts.cullvers[home!]!.run()
  parts.dovecot.doveadm('director', 'up', home!)
  parts.dovecot.doveadm('director', 'move', user, home!)
  const back = await login(parts, user)
  t.equal((await backendsOf(parts, user, 3)).at(-1), home, 'back at the first one, whose local state is from before')
  t.same(await subjects(back), [...all, 'last'].sort())
  back.close()
}

const absent = requirePackages(dovecotPackages)
const skip = absent.length > 0 ? `needs ${absent.join(', ')}` : process.getuid?.() === 0 ? false : 'needs root'

void t.test('Dovecot as a director', { skip, timeout: 240_000 }, async (t) => {
  const parts = await start(t)
  await t.test('users stay with their backend', (t) => stickiness(t, parts))
  await t.test('a user moves while it is connected, and is kicked', (t) => move(t, parts))
  await t.test('master user', (t) => master(t, parts))
  await t.test('a user moves while mail comes from all sides', (t) => crowd(t, parts))
  await t.test('a backend dies', (t) => death(t, parts))
})
