// The seed's authentication over a real slapd, through a whole server: logins by IMAP, recipients of LMTP, a directory that
// goes and comes back, and two of them.

import fs from 'node:fs'
import path from 'node:path'
import { Attribute, Change, Client } from 'ldapts'
import t from 'tap'
import type { Test } from 'tap'
import { setTimeout as wait } from 'node:timers/promises'
import { letter } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer } from '../fixtures/server.ts'
import { Slapd, admin, ssha, suffix, user } from './slapd.ts'

const conf = path.resolve(import.meta.dirname, '../../conf')
const seed = fs.readFileSync(path.join(conf, 'dovecot-backend.conf'), 'utf8')
const seedFile = fs.readFileSync(path.join(conf, 'dovecot-ldap-backend.conf.ext'), 'utf8')

const options = { users: 300, ldif: user('mixed', 'Mixed.Case@Example.com', 'mixed') }
const directories = [await Slapd.create(options), await Slapd.create(options)].filter((slapd) => slapd !== undefined)
const skip = directories.length < 2 ? 'needs slapd' : false

/** A server with the passdb and userdb blocks of the seed, and its LDAP file, over `slapds`. */
async function start(t: Test, slapds: readonly Slapd[], config = ''): Promise<TestServer> {
  const ext = path.join(slapds[0]!.directory, 'dovecot-ldap.conf.ext')
  fs.writeFileSync(ext, seedFile.replace(/^hosts = .*$/m, `hosts = ${slapds.map(({ port }) => `127.0.0.1:${port}`).join(' ')}`))
  const blocks = seed.match(/^(passdb|userdb) \{[^}]*^\}/gm)!
  t.equal(blocks.length, 3, 'the seed has a passdb, prefetch and a userdb')
  const server = await TestServer.start({ databases: blocks.join('\n').replaceAll('/etc/dovecot/dovecot-ldap.conf.ext', ext), config: `auth_verbose = yes\n${config}` })
  t.teardown(() => server.stop())
  return server
}

/** The tagged reply to a LOGIN on a connection of its own. */
async function login(server: TestServer, name: string, password: string): Promise<string> {
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  const reply = (await client.command('a', `LOGIN "${name}" "${password}"`)).at(-1)!
  client.close()
  return reply
}

/** Replies to RCPT, one for each recipient. */
async function recipients(server: TestServer, ...names: string[]): Promise<string[]> {
  const client = await LineClient.connect(server.lmtpPort)
  await client.until(/^220 /)
  void client.send('LHLO test\r\n')
  await client.until(/^250 /)
  void client.send('MAIL FROM:<sender@example.org>\r\n')
  await client.line()
  const replies: string[] = []
  for (const name of names) {
    void client.send(`RCPT TO:<${name}>\r\n`)
    replies.push(await client.line() ?? '')
  }
  client.close()
  return replies
}

async function deliver(server: TestServer, name: string, subject: string): Promise<string | undefined> {
  const client = await LineClient.connect(server.lmtpPort)
  await client.until(/^220 /)
  void client.send(`LHLO test\r\nMAIL FROM:<sender@example.org>\r\nRCPT TO:<${name}>\r\nDATA\r\n${letter(subject)}.\r\n`)
  await client.until(/^354 /)
  const reply = await client.line()
  client.close()
  return reply
}

/** Tries until a reply matches: as a client would that is told to come again. */
async function eventually(ask: () => Promise<string>, wanted: RegExp): Promise<string> {
  for (const deadline = Date.now() + 30_000; ; await wait(50)) {
    const reply = await ask()
    if (wanted.test(reply) || Date.now() > deadline) return reply
  }
}

const ok = /^a OK /
const refused = /^a NO \[AUTHENTICATIONFAILED\] /
const away = /^a NO \[UNAVAILABLE\] /

void t.test('the seed over a directory', { skip, timeout: 180_000 }, async (t) => {
  const [slapd] = directories as [Slapd]
  const server = await start(t, [slapd])

  t.match(await login(server, 'u1@example.com', 'pw1'), ok, 'the right password')
  t.match(await login(server, 'U1@Example.COM', 'pw1'), ok, 'the name in any case')
  t.match(await login(server, 'u1@example.com', 'pw2'), refused, 'a wrong one')
  t.match(await login(server, 'u1@example.com', ''), refused, 'none')
  t.match(await login(server, 'nobody@example.com', 'pw1'), refused, 'an unknown user')
  for (const name of ['*', 'u1*', 'u1@example.com)(uid=*', 'u1@example.com\\\\2a']) t.match(await login(server, name, 'pw1'), refused, name)

  t.match(await recipients(server, 'u2@example.com', 'nobody@example.com', 'U3@EXAMPLE.com'),
    [/^250 /, /^550 5\.1\.1 <nobody@example\.com> /, /^250 /], 'recipients are users of the directory')
  t.match(await deliver(server, 'mixed.case@example.com', 'one'), /^250 2\.0\.0 /)
  const session = await LineClient.connect(server.imapPort)
  t.teardown(() => session.close())
  await session.line()
  t.match((await session.command('a', 'LOGIN mixed.case@example.com mixed')).at(-1), ok)
  t.ok((await session.command('b', 'SELECT INBOX')).includes('* 1 EXISTS'), 'what was delivered is read')
  t.same(fs.readdirSync(path.join(server.directory, 'home')).filter((name) => /mixed/i.test(name)), ['Mixed.Case@Example.com'], 'as the user that the directory names')
  const herd = await Promise.all(Array.from({ length: 60 }, (_, n) => login(server, `u${n + 1}@example.com`, `pw${n + (n % 3 === 0 ? 2 : 1)}`)))
  t.same(herd.map((reply) => ok.test(reply)), Array.from({ length: 60 }, (_, n) => n % 3 !== 0), 'sixty at a time, each third with a wrong password')

  await slapd.kill()
  t.match(await login(server, 'u1@example.com', 'pw1'), away, 'without directory')
  t.match(await recipients(server, 'u2@example.com', 'nobody@example.com'), [/^451 4\.3\.0 /, /^451 4\.3\.0 /], 'nobody is unknown')
  t.match(await login(server, 'u1@example.com', ''), refused, 'an empty password needs no directory')
  t.match((await session.command('c', 'FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]')).join('\n'), /Subject: letter one/, 'who is logged in reads on')
  t.match(server.output, /ldap\(u1@example\.com.*\): no LDAP server answers \(127\.0\.0\.1:\d+: .*ECONNREFUSED/, 'and the log says why')

  await slapd.start()
  t.match(await eventually(() => login(server, 'u1@example.com', 'pw1'), ok), ok, 'it is back')
  t.match(await eventually(async () => (await recipients(server, 'u2@example.com'))[0]!, /^250 /), /^250 /)
  t.match(await eventually(() => login(server, 'u1@example.com', 'pw2'), refused), refused)

  slapd.freeze()
  let answered = false
  const slow = login(server, 'u4@example.com', 'pw4').finally(() => { answered = true })
  for (const tag of ['d', 'e', 'f']) await session.command(tag, 'NOOP')
  t.equal(answered, false, 'while a directory thinks, others are served')
  slapd.thaw()
  t.match(await slow, ok, 'and a slow answer is an answer')
})

void t.test('an auth cache before a directory', { skip, timeout: 180_000 }, async (t) => {
  const [slapd] = directories as [Slapd]
  const server = await start(t, [slapd], 'auth_cache_size = 10M')
  t.match(await login(server, 'u5@example.com', 'pw5'), ok)
  t.match(await login(server, 'u5@example.com', 'wrong'), refused)
  t.match(await recipients(server, 'u6@example.com', 'nobody@example.com'), [/^250 /, /^550 /])
  await slapd.kill()
  t.match(await login(server, 'U5@example.com', 'pw5'), ok, 'a login that the directory need not be asked about')
  t.match(await login(server, 'u5@example.com', 'wrong'), refused)
  t.match(await login(server, 'u5@example.com', 'other'), away)
  t.match(await login(server, 'u6@example.com', 'pw6'), away)
  t.match(await recipients(server, 'u6@example.com'), [/^250 /])
  const adm = (...args: string[]) => runProgram(process.execPath, [path.join(conf, '../workers/cli.ts'), 'adm', '-S', path.join(server.directory, 'run/doveadm-server'), ...args])
  t.match(await adm('auth', 'cache', 'flush', 'u5@example.com'), { code: 0, stdout: '1 cache entries flushed\n' })
  t.match(await login(server, 'u5@example.com', 'pw5'), away)
  const everywhere = async (): Promise<string[]> => (await Promise.all(Array.from({ length: 12 }, () => recipients(server, 'u6@example.com', 'u6@example.com')))).flat()
  t.same((await everywhere()).filter((reply) => !reply.startsWith('250 ')), [])
  t.match(await adm('auth', 'cache', 'flush'), { code: 0, stdout: / cache entries flushed\n$/ })
  t.same((await everywhere()).filter((reply) => !reply.startsWith('451 ')), [], 'no worker keeps a recipient through a flush')
  await slapd.start()
  t.match(await eventually(() => login(server, 'u5@example.com', 'pw5'), ok), ok)
  const changed = await passwordChanged(slapd, 'u5', 'new5')
  t.ok(changed)
  t.match(await login(server, 'u5@example.com', 'new5'), ok, 'a changed password works at once')
  t.match(await login(server, 'u5@example.com', 'pw5'), refused)
})

/** Sets a user's password in the directory, as another program would. */
async function passwordChanged(slapd: Slapd, uid: string, password: string): Promise<boolean> {
  const client = new Client({ url: `ldap://127.0.0.1:${slapd.port}` })
  await client.bind(admin.dn, admin.password)
  await client.modify(`uid=${uid},${suffix}`, new Change({ operation: 'replace', modification: new Attribute({ type: 'userPassword', values: [ssha(password)] }) }))
  await client.unbind()
  return true
}

void t.test('two directories', { skip, timeout: 180_000 }, async (t) => {
  const [first, second] = directories as [Slapd, Slapd]
  const server = await start(t, [first, second])
  t.teardown(() => Promise.all([first.stop(), second.stop()]))
  t.match(await login(server, 'u1@example.com', 'pw1'), ok)
  await first.kill()
  for (let n = 1; n <= 10; n++) t.match(await login(server, `u${n}@example.com`, `pw${n}`), ok, 'the second one serves, and nobody notices')
  t.match(await login(server, 'u1@example.com', 'x'), refused)
  t.match(await recipients(server, 'u2@example.com', 'nobody@example.com'), [/^250 /, /^550 /])
  await first.start()
  await second.kill()
  t.match(await eventually(() => login(server, 'u1@example.com', 'pw1'), ok), ok, 'and the first one again')
  await first.kill()
  t.match(await login(server, 'u1@example.com', 'pw1'), away)
})
