// TLS as clients of others speak it: curl, openssl s_client, imapflow, and Dovecot 2.3 as proxy in front.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ImapFlow } from 'imapflow'
import t from 'tap'
import type { Test as Tap } from 'tap'
import { Authority, certificatePackages } from '../fixtures/certificates.ts'
import { deliverLetters } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer, freePort, password } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'
import { Dovecot, dovecotAddress, dovecotPackages } from './dovecot.ts'

const absent = requirePackages([...certificatePackages, 'curl', ...dovecotPackages])

interface Parts { server: TestServer; imaps: number; ca: string }

async function start(t: Tap): Promise<Parts> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-tls-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
  fs.chmodSync(directory, 0o755)
  const authority = new Authority(directory)
  const { cert, key } = authority.pair('mail', '/CN=localhost', ['localhost', '127.0.0.1'])
  const imaps = await freePort()
  const server = await TestServer.start({
    config: `
ssl = yes
disable_plaintext_auth = yes
login_trusted_networks = 127.0.0.7
ssl_cert = <${cert}
ssl_key = <${key}
service imap-login {
  inet_listener imaps {
    port = ${imaps}
    ssl = yes
  }
}
`,
  })
  t.teardown(() => server.stop())
  return { server, imaps, ca: authority.cert }
}

async function curl(t: Tap, { server, imaps, ca }: Parts): Promise<void> {
  const run = async (...args: string[]): Promise<string> => {
    const done = await runProgram('curl', ['-sS', '--cacert', ca, '-u', `curl:${password}`, ...args])
    t.equal(done.code, 0, `curl ${args.join(' ')}: ${done.stderr}`)
    return done.stdout
  }
  await deliverLetters(server.lmtpPort, 'curl', 1, 2)
  t.match(await run(`imaps://localhost:${imaps}/INBOX;MAILINDEX=2`, '-4'), /This is letter 2\./)
  t.match(await run('--ssl-reqd', `imap://localhost:${server.imapPort}/INBOX;MAILINDEX=1`, '-4', '--interface', '127.0.0.9'), /This is letter 1\./, 'STARTTLS')
  const wrong = await runProgram('curl', ['-sS', '-4', '-u', `curl:${password}`, `imaps://localhost:${imaps}/`])
  t.equal(wrong.code, 60, 'the certificate is not one that everybody trusts')
}

async function openssl(t: Tap, { server, imaps, ca }: Parts): Promise<void> {
  const run = async (args: string[], input: string): Promise<string> =>
    (await runProgram('openssl', ['s_client', '-quiet', '-verify_return_error', '-CAfile', ca, '-servername', 'localhost', ...args], { input })).stdout
  const imap = `a LOGIN openssl ${password}\r\nb STATUS INBOX (MESSAGES)\r\nc LOGOUT\r\n`
  t.match(await run(['-connect', `127.0.0.1:${imaps}`], imap), /\* STATUS INBOX \(MESSAGES 0\)[\s\S]*c OK/)
  t.match(await run(['-starttls', 'imap', '-connect', `127.0.0.1:${server.imapPort}`], imap), /\* STATUS INBOX \(MESSAGES 0\)[\s\S]*c OK/)
  t.match(await run(['-starttls', 'lmtp', '-connect', `127.0.0.1:${server.lmtpPort}`], 'LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<openssl>\r\nDATA\r\nSubject: s\r\n\r\nb\r\n.\r\nQUIT\r\n'), /250 2\.0\.0 [\s\S]*221/)
}

async function imapflow(t: Tap, { server, imaps, ca }: Parts): Promise<void> {
  const common = { host: 'localhost', auth: { user: 'imapflow', pass: password }, logger: false, tls: { ca: fs.readFileSync(ca), servername: 'localhost' } } as const
  for (const [name, options] of Object.entries({ 'TLS from the first byte': { port: imaps, secure: true }, STARTTLS: { port: server.imapPort, secure: false, doSTARTTLS: true } })) {
    const client = new ImapFlow({ ...common, ...options })
    await client.connect()
    t.ok(client.secureConnection, name)
    const { uid } = await client.append('Drafts', 'Subject: under TLS\r\n\r\nbody\r\n') as { uid: number }
    await client.mailboxOpen('Drafts')
    t.match((await client.fetchOne(String(uid), { envelope: true }, { uid: true }) as { envelope: { subject: string } }).envelope.subject, 'under TLS')
    await client.logout()
  }
}

/** The proxy comes from 127.0.0.1, which is the server's own address: it is not trusted, and TLS is what secures it. */
async function proxy(t: Tap, { server, imaps }: Parts): Promise<void> {
  const proxied = 'proxy=y host=127.0.0.1'
  const dovecot = await Dovecot.start({
    users: {
      imap: [
        `tls@example.com:{PLAIN}${password}::::::${proxied} port=${imaps} ssl=any-cert`,
        `starttls@example.com:{PLAIN}${password}::::::${proxied} port=${server.imapPort} starttls=any-cert`,
      ],
      lmtp: [`starttls@example.com:::::::nopassword=y ${proxied} port=${server.lmtpPort} starttls=any-cert`],
    },
  })
  t.teardown(() => dovecot.stop())
  for (const user of ['tls@example.com', 'starttls@example.com']) {
    const client = await LineClient.connect(dovecot.imapPort, { host: dovecotAddress, localAddress: '127.0.0.5' })
    await client.line()
    t.match((await client.command('a', `LOGIN ${user} ${password}`)).at(-1), /^a OK/, dovecot.log)
    t.match(await client.command('b', 'STATUS INBOX (MESSAGES)'), ['* STATUS INBOX (MESSAGES 0)', /^b OK/])
    await server.logs(new RegExp(`Login: user=<${user}>, method=PLAIN, .*, TLS, session=<`))
    client.close()
  }
  const lmtp = await LineClient.connect(dovecot.lmtpPort, { host: dovecotAddress })
  await lmtp.line()
  await lmtp.send('LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<starttls@example.com>\r\nDATA\r\n')
  t.match((await lmtp.until(/^(354|5|4)/)).at(-1), /^354/, dovecot.log)
  await lmtp.send('Subject: by the proxy\r\n\r\nbody\r\n.\r\nQUIT\r\n')
  t.match((await lmtp.until(/^221/))[0], /^250 2\.0\.0 /, dovecot.log)
  lmtp.close()
}

void t.test('clients with TLS', { skip: absent.length > 0 ? `needs ${absent.join(', ')}` : false, timeout: 240_000 }, async (t) => {
  const parts = await start(t)
  await t.test('curl', (t) => curl(t, parts))
  await t.test('openssl s_client', (t) => openssl(t, parts))
  await t.test('imapflow', (t) => imapflow(t, parts))
  await t.test('Dovecot as proxy', (t) => proxy(t, parts))
})
