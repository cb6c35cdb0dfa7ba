// A proxy that speaks TLS with its backends, IMAP and LMTP: from the first byte or by STARTTLS, with certificates that it checks,
// unless the passdb says that any will do.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { Authority, certificatePackages } from '../fixtures/certificates.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { ScriptedBackend } from '../fixtures/scripted-backend.ts'
import { TestServer, freePort, password } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'

const absent = requirePackages(certificatePackages)

void t.test('TLS with backends', { skip: absent.length > 0 ? `needs ${absent.join(', ')}` : false, timeout: 90_000 }, async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-proxy-tls-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
  const authority = new Authority(directory)
  const { cert, key } = authority.pair('server', '/CN=backend', ['127.0.0.1'])
  const imaps = await freePort()
  const backend = await TestServer.start({
    config: `ssl = required\nssl_cert = <${cert}\nssl_key = <${key}\nservice imap-login {\n inet_listener imaps {\n port = ${imaps}\n ssl = yes\n }\n}`,
  })
  t.teardown(() => backend.stop())
  // Somebody in between who sends more behind the reply to STARTTLS than is the server's.
  const injector = await ScriptedBackend.start(async (connection) => {
    connection.send('* OK [CAPABILITY IMAP4rev1 STARTTLS] Ready\r\n')
    await connection.line()
    connection.send('S OK go on\r\nL OK You are in\r\n')
    await connection.line()
  })
  t.teardown(() => injector.stop())
  const users = path.join(directory, 'users')
  const far = (name: string, fields: string): string => `${name}:::::::proxy=y nopassword=y host=127.0.0.1 pass=${password} proxy_timeout=3 ${fields}\n`
  fs.writeFileSync(users, [
    far('implicit', `port=${imaps} ssl=yes`), far('start', `port=${backend.imapPort} starttls=yes`), far('any', `port=${backend.imapPort} starttls=any-cert`),
    far('injected', `port=${injector.port} starttls=any-cert`), far('mail', `port=${backend.lmtpPort} starttls=yes`), far('mailany', `port=${backend.lmtpPort} starttls=any-cert`),
  ].join(''))
  const start = async (more: string): Promise<TestServer> => {
    const server = await TestServer.start({
      databases: `passdb {\n driver = passwd-file\n args = ${users}\n}\nuserdb {\n driver = static\n args = home=${directory}/home/%u\n}`, config: `lmtp_proxy = yes\nlogin_proxy_max_reconnects = 0\n${more}`,
    })
    t.teardown(() => server.stop())
    return server
  }
  const login = async (server: TestServer, name: string): Promise<string> => {
    const client = await LineClient.connect(server.imapPort)
    await client.line()
    const reply = (await client.command('a', `LOGIN ${name} x`)).at(-1)!
    if (reply.startsWith('a OK')) t.match((await client.command('b', 'STATUS INBOX (MESSAGES)')).at(-1), /^b OK /)
    client.close()
    return reply
  }
  const recipient = async (server: TestServer, name: string): Promise<string> => {
    const client = await LineClient.connect(server.lmtpPort)
    void client.send(`LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<${name}>\r\n`)
    await client.until(/^250 2\.1\.0/)
    const reply = (await client.line())!
    client.close()
    return reply
  }
  const trusting = await start(`ssl_client_ca_file = ${authority.cert}`)
  t.match(await login(trusting, 'implicit'), /^a OK \[CAPABILITY/)
  t.match(await login(trusting, 'start'), /^a OK \[CAPABILITY/)
  await backend.logs(/Login: user=<start>.*TLS/)
  t.match(await login(trusting, 'injected'), /^a NO \[UNAVAILABLE\]/, 'what came before TLS is not believed')
  t.match(await recipient(trusting, 'mail'), /^250 /)
  const strict = await start('')
  t.match(await login(strict, 'implicit'), /^a NO \[UNAVAILABLE\]/, 'an authority that is not known')
  t.match(await login(strict, 'start'), /^a NO \[UNAVAILABLE\]/)
  await strict.logs(/proxy\(start,127\.0\.0\.1:\d+\): Login failed: .*certificate/)
  t.match(await login(strict, 'any'), /^a OK /)
  t.match(await recipient(strict, 'mail'), /^451 4\.4\.0 /)
  t.match(await recipient(strict, 'mailany'), /^250 /)
})
