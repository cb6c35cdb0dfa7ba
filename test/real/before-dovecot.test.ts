// Culver as proxy in front of Debian's Dovecot 2.3, which is told whose connections and mails they are: ID and XCLIENT as its own
// proxies say them, a master user's login, forwarded fields, refusals.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import type { Test as Tap } from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'
import { Dovecot, dovecotAddress, dovecotPackages } from './dovecot.ts'

interface Parts { culver: TestServer; dovecot: Dovecot }

const backend = (directory: string): string => `
login_trusted_networks = 127.0.0.1
first_valid_uid = 1
mail_uid = 65534
mail_gid = 65534
auth_debug = no
mail_location = maildir:${directory}/mail/%u
passdb {
  driver = static
  args = password=bosspw
  master = yes
  username_filter = boss
}
passdb {
  driver = static
  args = password=%{passdb:forward_word:there}
}
userdb {
  driver = static
  args = home=${directory}/mail/%u
}
`

async function start(t: Tap): Promise<Parts> {
  const mail = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-before-dovecot-'))
  t.teardown(() => fs.rmSync(mail, { recursive: true, force: true }))
  fs.chmodSync(mail, 0o755) // Dovecot's processes are other users'
  fs.mkdirSync(`${mail}/mail`)
  fs.chownSync(`${mail}/mail`, 65534, 65534)
  const dovecot = await Dovecot.start({ more: backend(mail).replace('mail_location', 'lmtp_proxy = no\nmail_location') })
  t.teardown(() => dovecot.stop())
  const users = `${mail}/users`
  const far = (name: string, fields: string): string => `${name}:{PLAIN}here::::::proxy=y host=${dovecotAddress} port=%{if;%s;eq;lmtp;${dovecot.lmtpPort};${dovecot.imapPort}} ${fields}\n`
  fs.writeFileSync(users, [far('tim', 'pass=there'), far('word', 'forward_word=other pass=other'), far('master', 'master=boss pass=bosspw'), far('renamed', 'destuser=tim pass=there'), far('stale', 'pass=old')].join(''))
  const culver = await TestServer.start({
    databases: `passdb {\n driver = passwd-file\n args = ${users}\n}\nuserdb {\n driver = static\n args = home=${mail}/home/%u\n}`,
    config: 'lmtp_proxy = yes\nhostname = culver.example.com',
  })
  t.teardown(() => culver.stop())
  return { culver, dovecot }
}

/** Waits until Dovecot has logged `pattern`. */
async function logged({ dovecot }: Parts, pattern: RegExp): Promise<void> {
  for (const since = performance.now(); !pattern.test(dovecot.log);) {
    if (performance.now() - since > 20_000) throw new Error(`${pattern} is not in the log:\n${dovecot.log}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function login({ culver }: Parts, user: string): Promise<{ client: LineClient; reply: string }> {
  const client = await LineClient.connect(culver.imapPort, { localAddress: '127.0.0.7' })
  await client.line()
  return { client, reply: (await client.command('a', `LOGIN ${user} here`)).at(-1)! }
}

const absent = requirePackages(dovecotPackages)
const skip = absent.length > 0 ? `needs ${absent.join(', ')}` : process.getuid?.() === 0 ? false : 'needs root'

void t.test('Culver in front of Dovecot', { skip, timeout: 120_000 }, async (t) => {
  const parts = await start(t)
  const { client, reply } = await login(parts, 'tim')
  t.match(reply, /^a OK \[CAPABILITY IMAP4rev1 .*\] Logged in$/, 'in Dovecot\'s own words')
  await parts.culver.logs(/proxy\(tim,.*Started proxying to <127\.0\.0\.2>/)
  const session = /Started proxying to .* session=<([^>]+)>/.exec(parts.culver.output)![1]!
  await logged(parts, new RegExp(`imap-login: Info: Login: user=<tim>, method=PLAIN, rip=127\\.0\\.0\\.7, lip=127\\.0\\.0\\.1, .*session=<${session.replace(/[+/]/g, '\\$&')}>`))
  t.match((await client.command('b', 'SELECT INBOX')).at(-1), /^b OK \[READ-WRITE\]/)
  for (const [user, name] of [['word', 'word'], ['master', 'master'], ['renamed', 'tim']] as const) {
    const other = await login(parts, user)
    t.match(other.reply, /^a OK /, user)
    await logged(parts, new RegExp(`Login: user=<${name}>, method=PLAIN, rip=127\\.0\\.0\\.7,`))
    other.client.close()
  }
  const stale = await login(parts, 'stale')
  t.equal(stale.reply, 'a NO [AUTHENTICATIONFAILED] Authentication failed.')
  stale.client.close()

  const mta = await LineClient.connect(parts.culver.lmtpPort, { localAddress: '127.0.0.8' })
  void mta.send('LHLO mx.example.org\r\nMAIL FROM:<s@example.org>\r\nRCPT TO:<tim>\r\nRCPT TO:<word>\r\nDATA\r\n')
  await mta.until(/^354 /)
  void mta.send('Subject: by way of Culver\r\n\r\n..dots\r\n.\r\n')
  t.match([await mta.line(), await mta.line()], [/^250 2\.0\.0 <tim> \S+ Saved$/, /^250 2\.0\.0 <word> \S+ Saved$/])
  mta.close()
  await client.command('n', 'NOOP')
  const text = (await client.command('f', 'FETCH 1 BODY.PEEK[]')).join('\n')
  t.match(text, /Received: from mx\.example\.org \(\[127\.0\.0\.8\]\)\n\tby \S+ with LMTP\n\tid /, 'Dovecot knows the MTA')
  t.match(text, /Received: from mx\.example\.org \(\[127\.0\.0\.8\]\)\n\tby culver\.example\.com with LMTP\n\tid /, 'and Culver has said that it was there')
  t.match(text, /\n\.dots\n/)
  client.close()
})
