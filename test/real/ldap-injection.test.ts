// What strangers type where a name or password is expected, at a server over a real directory: it stays a value, or is refused
// before anybody looks. By LOGIN, AUTHENTICATE and RCPT.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer } from '../fixtures/server.ts'
import { Slapd, user } from './slapd.ts'

const root = path.resolve(import.meta.dirname, '../..')
const slapd = await Slapd.create({
  users: 2,
  // Names that are harmless only where they are escaped; the DN of the last one has a comma.
  ldif: user('star', '*@example.com', 'of-star') + user('paren', 'a(b)\\c@example.com', 'of-paren') + user('x\\,y', 'comma@example.com', 'of-comma'),
})
const skip = slapd === undefined ? 'needs slapd' : false

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

void t.test('strange names and passwords', { skip, timeout: 90_000 }, async (t) => {
  t.teardown(() => slapd!.stop())
  const ext = path.join(slapd!.directory, 'ldap.ext')
  fs.writeFileSync(ext, fs.readFileSync(path.join(root, 'conf/dovecot-ldap-backend.conf.ext'), 'utf8').replace(/^hosts = .*$/m, `hosts = 127.0.0.1:${slapd!.port}`))
  const database = (kind: string): string => `${kind} {\n  driver = ldap\n  args = ${ext}\n}\n`
  const server = await TestServer.start({
    databases: `${database('passdb')}userdb {\n  driver = prefetch\n}\n${database('userdb')}`,
    // Every character reaches the directory; a cache stands before it.
    config: 'auth_username_chars =\nauth_cache_size = 1M\nauth_verbose = yes\nauth_failure_delay = 0',
  })
  t.teardown(() => server.stop())

  const say = async (command: string | Uint8Array): Promise<string> => {
    const client = await LineClient.connect(server.imapPort)
    await client.line()
    void client.send(command)
    const reply = (await client.until(/^(a |\* BYE)/)).at(-1)!
    client.close()
    return reply
  }
  const login = (name: string, password: string): Promise<string> => say(`a LOGIN ${quoted(name)} ${quoted(password)}\r\n`)
  const plain = (...parts: (string | Uint8Array)[]): Promise<string> => {
    const message = Buffer.concat(parts.flatMap((part, n) => (n === 0 ? [Buffer.from(part)] : [Buffer.from([0]), Buffer.from(part)])))
    return say(`a AUTHENTICATE PLAIN ${message.toString('base64')}\r\n`)
  }
  const refused = /^a NO \[AUTHENTICATIONFAILED\]/

  t.match(await login('u1@example.com', 'pw1'), /^a OK/)
  t.match(await login('*@example.com', 'of-star'), /^a OK/, 'a star is a name like others')
  t.match(await login('a(b)\\c@example.com', 'of-paren'), /^a OK/)
  t.match(await login('comma@example.com', 'of-comma'), /^a OK/)
  const filters = [
    '*', 'u1*', 'u1@example.com)(objectClass=*', '*)(mailRoutingAddress=u1@example.com', 'u1@example.com)(|(uid=*', 'u1@example.com))(&(uid=*)',
    'u1@example.com\\2a', '\\75\\31@example.com', '%u', '%{ldap:userPassword}', 'u1@example.com,dc=example,dc=com', 'uid=u1', "u1@example.com' OR '1'='1",
  ]
  for (const name of filters) t.match(await login(name, 'pw1'), refused, `LOGIN ${name}`)
  for (const password of ['', '*', 'pw1\\00', '{CLEARTEXT}pw1', 'pw1)', '{SSHA}AAAA']) t.match(await login('u1@example.com', password), refused, `password ${password}`)

  t.match(await plain('', 'u1@example.com', 'pw1'), /^a OK/)
  t.match(await plain('', 'u1@example.com', 'pw1', 'more'), /^a BAD/, 'NUL in a password')
  t.match(await plain('u2@example.com', 'u1@example.com', 'pw1'), refused, 'another identity without being a master user')
  t.match(await plain('', 'u1@example.com\r\n* OK injected', 'pw1'), refused, 'CR and LF in a name')
  t.match(await plain('', 'u1@example.com', 'pw1\r\n'), refused)
  t.match(await plain('', Buffer.from([0x75, 0xff, 0xfe]), 'pw1'), /^a BAD/, 'a name that is not UTF-8')
  t.match(await plain('', 'u1@example.com', Buffer.from([0xc0, 0x80])), /^a BAD/, 'nor a password')
  t.match(await plain('', 'u'.repeat(2000), 'pw1'), /^a BAD/, 'a name of 2000 bytes')
  t.match(await plain('', 'u1@example.com', 'p'.repeat(2000)), /^a BAD/)
  t.match(await login('u'.repeat(1000), 'x'), refused, 'a long one that may be')
  t.match(await say(`a LOGIN "u1@example.com\0" pw1\r\n`), /^a BAD/)
  t.match(await say('a LOGIN {100000000+}\r\n'), /^(a|\*) (BAD|NO|BYE)/)

  const lmtp = await LineClient.connect(server.lmtpPort)
  await lmtp.until(/^220 /)
  void lmtp.send('LHLO test\r\nMAIL FROM:<a@example.org>\r\n')
  await lmtp.until(/^250 2\.1\.0/)
  for (const name of ['"*"', 'u1*', '"u1@example.com)(objectClass=*"', '"a\\\\2a"', `${'u'.repeat(900)}`]) {
    void lmtp.send(`RCPT TO:<${name}@example.com>\r\n`)
    t.match(await lmtp.line(), name === '"*"' ? /^250 / : /^5\d\d 5\./, `RCPT ${name}`)
  }
  lmtp.close()

  const lines = server.output.split('\n')
  t.notMatch(server.output, '\n* OK injected')
  t.ok(lines.some((line) => line.includes('u1@example.com??* OK injected')), 'what would forge a line does not')
  t.notMatch(server.output, /Internal error|failed:.*\n +at /, 'and nothing of it is a bug')
})
