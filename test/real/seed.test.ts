// The seed's configuration as a whole, with only hosts, paths, ports and the system user changed: it loads, names what is not built
// yet, and serves IMAP and LMTP to users of a directory, over a real S3 store and over files. And its trap: a proxy in front that logs in
// with a master password.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { loadConfig } from '../../conf/load.ts'
import { letter } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, freePort } from '../fixtures/server.ts'
import { startRadosgw } from './radosgw.ts'
import { Slapd } from './slapd.ts'

const conf = path.resolve(import.meta.dirname, '../../conf')
t.setTimeout(400_000)
const slapd = await Slapd.create({ users: 20 })
const skip = slapd === undefined ? 'needs slapd' : false
t.teardown(() => slapd?.stop())
const radosgw = slapd === undefined ? undefined : await startRadosgw()
t.teardown(() => radosgw?.stop())

/** `store` is what stands in the place of the seed's `s3:…`. */
interface Changes { change?: (text: string) => string; store?: string }

/** The seed with the places of this machine. */
function seedIn(directory: string, ports: { imap: number; lmtp: number }, { change = (text) => text, store = `posix:prefix=${directory}/objects/` }: Changes): string {
  const ext = path.join(directory, 'ldap.ext')
  fs.writeFileSync(ext, fs.readFileSync(path.join(conf, 'dovecot-ldap-backend.conf.ext'), 'utf8').replace(/^hosts = .*$/m, `hosts = 127.0.0.1:${slapd!.port}`))
  const places: [from: RegExp, to: string][] = [
    [/\/etc\/dovecot\/dovecot-ldap\.conf\.ext/g, ext],
    [/\/var\/vmail/g, `${directory}/vmail`],
    [/\/var\/cache\/mails/g, `${directory}/cache`],
    [/= vmail$/gm, `= ${os.userInfo().username}`],
    [/^mail_temp_dir = .*$/m, `mail_temp_dir = ${directory}`],
    [/s3:https:\/\/ACCESSKEY:SECRET@BUCKETNAME\.s3\.amazonaws\.com\/\?region=us-east-1/g, store],
    [/port = 24$/m, `port = ${ports.lmtp}`],
  ]
  const seed = places.reduce((text, [from, to]) => text.replace(from, to), fs.readFileSync(path.join(conf, 'dovecot-backend.conf'), 'utf8'))
  return `${change(seed)}
listen = 127.0.0.1
base_dir = ${directory}/run
log_path = /dev/stderr
service imap-login {
  inet_listener imap {
    port = ${ports.imap}
  }
}
`
}

async function start(t: Test, changes: Changes = {}): Promise<{ server: TestServer; ports: { imap: number; lmtp: number } }> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-seed-'))
  const ports = { imap: await freePort(), lmtp: await freePort() }
  const server = TestServer.of(directory, seedIn(directory, ports, changes), ports)
  await server.run()
  t.teardown(async () => {
    await server.terminate()
    fs.rmSync(directory, { recursive: true, force: true })
  })
  return { server, ports }
}

async function login(port: number, name: string, password: string): Promise<LineClient | undefined> {
  const client = await LineClient.connect(port)
  await client.line()
  const reply = await client.command('a', `LOGIN ${name} ${password}`)
  if (reply.at(-1)!.startsWith('a OK')) return client
  client.close()
  return undefined
}

void t.test('the seed serves', { skip, timeout: 120_000 }, async (t) => serves(t, await start(t)))

void t.test('over S3, and again on a new machine', { skip: radosgw === undefined ? 'needs slapd and radosgw' : false, timeout: 120_000 }, async (t) => {
  const started = await start(t, { store: radosgw!.fsString('seed') })
  const { server, ports } = started
  t.match(fs.readFileSync(path.join(server.directory, 'culver.conf'), 'utf8'), /obox_fs = fscache:1G:.*:s3:http.*\n.*obox_index_fs = compress:gz:6:s3:http/, 'as the seed has it')
  await serves(t, started)
  t.ok(filesIn(server, 'cache').length > 0, 'the mail is in the local cache')
  t.equal(await server.terminate(), 0)
  for (const local of ['vmail', 'cache']) fs.rmSync(path.join(server.directory, local), { recursive: true })
  await server.run()
  const client = await login(ports.imap, 'u7@example.com', 'pw7')
  t.ok((await client!.command('b', 'SELECT INBOX')).includes('* 1 EXISTS'))
  t.match((await client!.command('c', 'FETCH 1 (FLAGS BODY.PEEK[])')).join('\n'), /FLAGS \(\\Flagged\).*Subject: letter seed/s)
  client!.close()
  t.notMatch(server.output, /Error:/)
  t.notMatch(server.output, radosgw!.secretKey, 'the key of the store is not in the log')
})

const filesIn = (server: TestServer, folder: string): string[] =>
  fs.readdirSync(path.join(server.directory, folder), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => name)

async function serves(t: Test, { server, ports }: Awaited<ReturnType<typeof start>>): Promise<void> {
  const idle = loadConfig(path.join(server.directory, 'culver.conf')).notActedOn
  t.same(idle.filter((name) => !server.output.includes(name)), [], 'what is not built yet is named')
  t.notMatch(server.output, /Error:/)
  const lmtp = await LineClient.connect(ports.lmtp)
  await lmtp.until(/^220 /)
  void lmtp.send(`LHLO test\r\nMAIL FROM:<sender@example.org>\r\nRCPT TO:<U7@example.com>\r\nRCPT TO:<nobody@example.com>\r\nDATA\r\n${letter('seed')}.\r\nQUIT\r\n`)
  t.match((await lmtp.until(/^250 2\.0\.0 .*Saved/)).join('\n'), /^550 5\.1\.1 <nobody@example\.com>/m)
  lmtp.close()
  const client = await login(ports.imap, 'u7@example.com', 'pw7')
  if (client === undefined) throw new Error('no login')
  t.ok((await client.command('b', 'SELECT INBOX')).includes('* 1 EXISTS'))
  t.match((await client.command('c', 'FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]')).join('\n'), /letter seed/)
  t.match((await client.command('d', 'LIST (SPECIAL-USE) "" "*"')).join('\n'), /\\Drafts.*\\Junk.*\\Sent.*\\Trash/s)
  t.match((await client.command('e', 'GETQUOTAROOT INBOX')).join('\n'), /\* QUOTA "User quota" \(STORAGE \d+ 7000\)/, 'the quota of the directory')
  t.match((await client.command('f', 'STORE 1 +FLAGS (\\Flagged)')).at(-1), /^f OK/)
  client.close()
  t.equal(await login(ports.imap, 'u7@example.com', 'wrong'), undefined)
  const homes = fs.readdirSync(path.join(server.directory, 'vmail'), { recursive: true, encoding: 'utf8' })
  t.match(homes.find((name) => name.endsWith('u7@example.com')), /^[0-9a-f]{2}\/u7@example\.com$/, 'homes are where mail_home says')
}

void t.test('behind a proxy that logs in with a master password', { skip, timeout: 120_000 }, async (t) => {
  // As conf/dovecot-backend.conf says it: the comment signs go, the password is set.
  const { server, ports } = await start(t, { change: (seed) => seed
    .replace(/^#passdb \{[^]*?^#\}/m, (block) => block.replace(/^#/gm, ''))
    .replace('MASTER-PASSWORD', 'of-the-proxy') })
  const client = await login(ports.imap, 'u3@example.com', 'of-the-proxy')
  t.ok(client !== undefined, 'the master password opens every mailbox of the directory')
  t.match((await client!.command('b', 'GETQUOTAROOT INBOX')).join('\n'), /STORAGE \d+ 3000/, 'with the fields that the directory has')
  client!.close()
  const own = await login(ports.imap, 'u3@example.com', 'pw3')
  t.ok(own !== undefined, 'the own password does too, as in Dovecot: a failure of the first passdb goes on to the second')
  own?.close()
  t.equal(await login(ports.imap, 'nobody@example.com', 'of-the-proxy'), undefined, 'and it opens none that is not there')
  await slapd!.kill()
  const away = await LineClient.connect(ports.imap)
  await away.line()
  t.match((await away.command('a', 'LOGIN u4@example.com of-the-proxy')).at(-1), /^a NO \[UNAVAILABLE\]/)
  away.close()
  await slapd!.start()
  t.notMatch(server.output, 'of-the-proxy')
})

void t.test('and shuts out who comes past that proxy', { skip, timeout: 120_000 }, async (t) => {
  const { ports } = await start(t, { change: (seed) => seed
    .replace(/^#passdb \{[^]*?^#\}/m, (block) => block.replace(/^#/gm, ''))
    .replace('MASTER-PASSWORD', 'of-the-proxy')
    .replace('result_success = continue', 'result_success = continue\n  result_failure = return-fail') })
  t.equal(await login(ports.imap, 'u3@example.com', 'pw3'), undefined)
  const client = await login(ports.imap, 'u3@example.com', 'of-the-proxy')
  t.ok(client !== undefined)
  client?.close()
})
