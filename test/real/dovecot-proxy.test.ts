// Debian's Dovecot 2.3 as proxy for IMAP and LMTP in front of a Culver, which sees the client behind it: address, session id,
// fields for the passdb, master logins.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Test as Tap } from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, password } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'
import { Dovecot, dovecotAddress, dovecotPackages } from './dovecot.ts'

/** The proxy comes from 127.0.0.1; everybody else is a stranger. */
const config = (late: string): string => `
login_trusted_networks = 127.0.0.1
mail_max_userip_connections = 2
auth_verbose = yes
passdb {
  driver = passwd-file
  args = ${late}
  username_filter = late*
  result_failure = return-fail
  result_internalfail = return-fail
}
passdb {
  driver = static
  args = password=referred nologin=yes host=other.example.com port=1143
  username_filter = referred*
}
passdb {
  driver = static
  args = password=of-all-proxies
  result_success = continue
}
passdb {
  driver = static
  args = password=%{passdb:forward_secret:there-is-none}
}
remote 203.0.113.0/24 {
  imap_id_send = name filtered
}
passdb {
  driver = static
  args = password=masterpw
  master = yes
  username_filter = proxyadmin
}
`

/** `late`: a file that is not there yet: the database of users whose names begin so. */
interface Parts { culver: TestServer; dovecot: Dovecot; late: string }

async function start(t: Tap): Promise<Parts> {
  const late = path.join(t.testdir({}), 'late')
  const culver = await TestServer.start({ config: config(late) })
  t.teardown(() => culver.stop())
  const proxied = `proxy=y host=127.0.0.1 port=${culver.imapPort}`
  const dovecot = await Dovecot.start({
    users: {
      imap: [
        `tim@example.com:{PLAIN}${password}::::::${proxied}`,
        `forwarded@example.com:{PLAIN}dc1::::::${proxied} forward_secret=dc1`,
        `master@example.com:{PLAIN}own::::::${proxied} master=proxyadmin pass=masterpw proxy_mech=plain`,
        `shared@example.com:{PLAIN}own::::::${proxied} pass=of-all-proxies`,
        `quiet@example.com:{PLAIN}${password}::::::${proxied} pass=of-all-proxies proxy_not_trusted=y`,
        `late@example.com:{PLAIN}own::::::${proxied} pass=late`,
        `referred@example.com:{PLAIN}own::::::${proxied} pass=referred`,
        `stale@example.com:{PLAIN}stale::::::${proxied}`,
      ],
      lmtp: [`tim@example.com:::::::proxy=y nopassword=y host=127.0.0.1 port=${culver.lmtpPort} forward_site=dc1`],
    },
  })
  t.teardown(() => dovecot.stop())
  return { culver, dovecot, late }
}

/** Connects to Dovecot's IMAP port as a client of `localAddress` and logs in. The tagged reply and the client. */
async function login({ dovecot }: Parts, user: string, secret: string, localAddress = '127.0.0.5'): Promise<{ client: LineClient; reply: string }> {
  const client = await LineClient.connect(dovecot.imapPort, { host: dovecotAddress, localAddress })
  await client.line()
  return { client, reply: (await client.command('a', `LOGIN ${user} ${secret}`)).at(-1)! }
}

/** Waits until `log` holds `pattern`, and gives its first group. */
async function logged(log: () => string, pattern: RegExp): Promise<string> {
  for (const since = performance.now(); ;) {
    const found = pattern.exec(log())
    if (found !== null) return found[1] ?? ''
    if (performance.now() - since > 20_000) throw new Error(`${pattern} is not in the log:\n${log()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function imap(t: Tap, parts: Parts): Promise<void> {
  const { culver, dovecot } = parts
  const { client, reply } = await login(parts, 'tim@example.com', password)
  t.match(reply, /^a OK \[CAPABILITY IMAP4rev1 .*\] Logged in$/)
  t.match((await client.command('b', 'SELECT INBOX')).at(-1), /^b OK \[READ-WRITE\]/)
  const session = await logged(() => dovecot.log, /user=<tim@example\.com>.*rip=127\.0\.0\.5.*session=<([^>]+)>/)
  await logged(() => culver.output, new RegExp(`Login: user=<tim@example\\.com>, method=PLAIN, rip=127\\.0\\.0\\.5, lip=${dovecotAddress.replaceAll('.', '\\.')}, mpid=\\d+, secured, session=<${session.replace(/[+/]/g, '\\$&')}>`))
  t.pass('the client\'s address and session id in the log')
  client.close()

  const forwarded = await login(parts, 'forwarded@example.com', 'dc1')
  t.match(forwarded.reply, /^a OK /, 'a passdb that looks at a forwarded field')
  const master = await login(parts, 'master@example.com', 'own')
  t.match(master.reply, /^a OK /, 'a master user\'s login')
  await logged(() => culver.output, /Login: user=<master@example\.com>.* rip=127\.0\.0\.5/)
  const shared = await login(parts, 'shared@example.com', 'own')
  t.match(shared.reply, /^a OK /, 'the password of all proxies, with a passdb in front that knows it and goes on')
  const quiet = await login(parts, 'quiet@example.com', password)
  t.match(quiet.reply, /^a OK /)
  await logged(() => culver.output, /Login: user=<quiet@example\.com>, method=PLAIN, rip=127\.0\.0\.1, lip=127\.0\.0\.1,/)
  t.pass('proxy_not_trusted: nothing is handed over, and the connection is the proxy\'s')
  const stale = await login(parts, 'stale@example.com', 'stale')
  t.equal(stale.reply, 'a NO [AUTHENTICATIONFAILED] Authentication failed.', 'what Culver refuses is passed through')
  await logged(() => culver.output, /static\(stale@example\.com,127\.0\.0\.5,<[^>]+>\): Password mismatch/)
  for (const { client } of [forwarded, master, shared, quiet, stale]) client.close()
}

async function limits(t: Tap, parts: Parts): Promise<void> {
  const open = []
  for (const address of ['127.0.0.6', '127.0.0.6', '127.0.0.7', '127.0.0.7']) {
    const { client, reply } = await login(parts, 'tim@example.com', password, address)
    t.match(reply, /^a OK /, `${address} counts for itself`)
    open.push(client)
  }
  const stranger = async (): Promise<LineClient> => {
    const client = await LineClient.connect(parts.culver.imapPort, { localAddress: '127.0.0.7' })
    await client.line()
    return client
  }
  const third = await stranger()
  void third.send(`a LOGIN tim@example.com ${password}\r\nb NOOP\r\n`)
  t.equal(await third.line(), 'a NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=2)')
  t.equal(await third.line(), undefined, 'and the connection is closed')
  await logged(() => parts.culver.output, /Maximum number of connections from user\+IP exceeded \(mail_max_userip_connections=2\): user=<tim@example\.com>, method=PLAIN, rip=127\.0\.0\.7, lip=127\.0\.0\.1, session=</)
  for (const client of open) client.close()

  const liar = await stranger()
  void liar.send(`i ID ("x-originating-ip" "203.0.113.66" "x-session-id" "lie")\r\na LOGIN liar ${password}\r\n`)
  await liar.until(/^a OK /)
  await logged(() => parts.culver.output, /Login: user=<liar>, method=PLAIN, rip=127\.0\.0\.7/)
  t.notMatch(parts.culver.output, /203\.0\.113\.66|<lie>/, 'a stranger\'s ID')
  liar.close()
}

/** A database that is away and comes back while the proxy tries again; a user who is another server's. */
async function elsewhere(t: Tap, parts: Parts): Promise<void> {
  const waiting = login(parts, 'late@example.com', 'own')
  await logged(() => parts.culver.output, /passwd-file\(late@example\.com,127\.0\.0\.5,.*does not exist/)
  fs.writeFileSync(parts.late, 'late@example.com:{PLAIN}late\n')
  const { client, reply } = await waiting
  t.match(reply, /^a OK /, 'NO [UNAVAILABLE] makes the proxy try again, and the client does not notice')
  client.close()
  const referred = await login(parts, 'referred@example.com', 'own')
  t.match(referred.reply, /^a NO \[REFERRAL imap:\/\/referred%40example\.com;AUTH=PLAIN@other\.example\.com:1143\/\] /, 'a referral reaches the client')
  referred.client.close()
}

/** What is said by hand from the trusted address. */
async function byHand(t: Tap, { culver }: Parts): Promise<void> {
  const client = await LineClient.connect(culver.imapPort)
  await client.line()
  void client.send(`i ID ("X-ORIGINATING-IP" "203.0.113.66" "x-session-id" "by-hand")\r\na LOGIN hand ${password}\r\n`)
  t.equal((await client.until(/^i OK /))[0], '* ID ("name" "filtered")', 'settings for the client\'s address')
  await client.until(/^a OK /)
  await logged(() => culver.output, /imap-login: Info: Login: user=<hand>, method=PLAIN, rip=203\.0\.113\.66, lip=127\.0\.0\.1, mpid=\d+, secured, session=<by-hand>/)
  await client.command('x', 'LOGOUT')
  await logged(() => culver.output, /imap\(hand\)<\d+><by-hand>: Info: Disconnected: Logged out/)
  client.close()
}

async function lmtp(t: Tap, parts: Parts): Promise<void> {
  const { culver, dovecot } = parts
  const client = await LineClient.connect(dovecot.lmtpPort, { host: dovecotAddress, localAddress: '127.0.0.5' })
  await client.line()
  void client.send('LHLO mx.example.org\r\n')
  await client.until(/^250 /)
  for (const command of ['MAIL FROM:<s@example.org>', 'RCPT TO:<tim@example.com>']) {
    void client.send(`${command}\r\n`)
    t.match(await client.line(), /^250 2\.1\.[05] /, command)
  }
  void client.send('DATA\r\n')
  await client.until(/^354 /)
  void client.send('Subject: by LMTP\r\n\r\nx\r\n.\r\n')
  const saved = await client.line()
  t.match(saved, /^250 2\.0\.0 <tim@example\.com> \S+ Saved$/)
  const session = saved!.split(' ')[3]!
  client.close()
  await logged(() => culver.output, new RegExp(`lmtp\\(tim@example\\.com\\)<\\d+><${session.replace(/[+/]/g, '\\$&')}:P1:1>: .*saved mail to INBOX`))
  t.pass('the proxy\'s session id in the log')

  const reader = await login(parts, 'tim@example.com', password)
  await reader.client.command('s', 'SELECT INBOX')
  const text = (await reader.client.command('f', 'FETCH * BODY[HEADER]')).join('\n')
  t.match(text, /Received: from mx\.example\.org \(\[127\.0\.0\.5\]\)\n\tby \S+ with LMTP\n/, 'the client that the mail came from')
  reader.client.close()
}

const absent = requirePackages(dovecotPackages)
const skip = absent.length > 0 ? `needs ${absent.join(', ')}` : process.getuid?.() === 0 ? false : 'needs root'

void t.test('Dovecot as a proxy', { skip, timeout: 240_000 }, async (t) => {
  const parts = await start(t)
  await t.test('IMAP', (t) => imap(t, parts))
  await t.test('limits', (t) => limits(t, parts))
  await t.test('elsewhere', (t) => elsewhere(t, parts))
  await t.test('by hand', (t) => byHand(t, parts))
  await t.test('LMTP', (t) => lmtp(t, parts))
})
