// HAProxy in front of Culver, with both versions of its PROXY header: the client's own address in the log, in limits and in
// the trace of a mail. Without a header, or from elsewhere, nobody is served on such a port.

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type tls from 'node:tls'
import t from 'tap'
import { Authority, certificatePackages } from '../fixtures/certificates.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, freePort, password } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'

const front = '127.0.0.2'

interface Ports { imap: number; lmtp: number }

const culverConfig = ({ imap, lmtp }: Ports): string => `
haproxy_trusted_networks = 127.0.0.1
haproxy_timeout = 1 s
mail_max_userip_connections = 1
service imap-login {
  inet_listener balanced {
    port = ${imap}
    haproxy = yes
  }
}
service lmtp {
  inet_listener balanced {
    port = ${lmtp}
    haproxy = yes
  }
}
`

/** One `listen` section for each of `listeners`: front port → Culver's port, with `send`. Resolves when they answer. */
async function startHaproxy(test: { teardown(action: () => unknown): unknown }, listeners: { port: number; to: number; send: string; bind?: string }[]): Promise<void> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-haproxy-'))
  const file = path.join(directory, 'haproxy.cfg')
  const sections = listeners.map(({ port, to, send, bind = '' }, n) => `listen l${n}\n  bind ${front}:${port} ${bind}\n  server culver 127.0.0.1:${to} ${send}\n`)
  fs.writeFileSync(file, `defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n${sections.join('')}`)
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => { said += bytes.toString() })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  test.teardown(async () => {
    child.kill('SIGTERM')
    await exited
    fs.rmSync(directory, { recursive: true, force: true })
  })
  for (const { port } of listeners) {
    for (const since = performance.now(); ;) {
      const client = await LineClient.connect(port, { host: front }).catch(() => undefined)
      client?.close()
      if (client !== undefined) break
      if (child.exitCode !== null || performance.now() - since > 20_000) throw new Error(`HAProxy does not answer: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

const absent = requirePackages(['haproxy'])

void t.test('HAProxy', { skip: absent.length > 0 ? `needs ${absent.join(', ')}` : false, timeout: 120_000 }, async (t) => {
  const ports = { imap: await freePort(), lmtp: await freePort() }
  const culver = await TestServer.start({ config: culverConfig(ports) })
  t.teardown(() => culver.stop())
  const [one, two, lmtp] = [await freePort(), await freePort(), await freePort()]
  await startHaproxy(t, [
    { port: one, to: ports.imap, send: 'send-proxy' }, { port: two, to: ports.imap, send: 'send-proxy-v2 check' }, { port: lmtp, to: ports.lmtp, send: 'send-proxy-v2' },
  ])
  const logged = async (pattern: RegExp): Promise<void> => {
    for (const since = performance.now(); !pattern.test(culver.output);) {
      if (performance.now() - since > 20_000) throw new Error(`${pattern} is not in the log:\n${culver.output}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const connect = async (port: number, localAddress: string): Promise<LineClient> => {
    const client = await LineClient.connect(port, { host: front, localAddress })
    t.match(await client.line(), /^\* OK /)
    return client
  }

  const first = await connect(one, '127.0.0.5')
  t.match((await first.command('a', `LOGIN tim ${password}`)).at(-1), /^a OK /, 'version 1')
  await logged(/Login: user=<tim>, method=PLAIN, rip=127\.0\.0\.5, lip=127\.0\.0\.2,/)
  const second = await connect(two, '127.0.0.6')
  t.match((await second.command('a', `LOGIN tim ${password}`)).at(-1), /^a OK /, 'version 2')
  await logged(/Login: user=<tim>, method=PLAIN, rip=127\.0\.0\.6, lip=127\.0\.0\.2,/)
  const third = await connect(two, '127.0.0.5')
  t.match((await third.command('a', `LOGIN tim ${password}`)).at(-1), /^a NO \[LIMIT\] Maximum number of connections/, 'one connection an address')
  for (const client of [first, second, third]) client.close()

  const sender = await LineClient.connect(lmtp, { host: front, localAddress: '127.0.0.5' })
  void sender.send('LHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<mail>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n')
  await sender.until(/ Saved$/)
  sender.close()
  const reader = await connect(one, '127.0.0.7')
  await reader.command('a', `LOGIN mail ${password}`)
  await reader.command('s', 'SELECT INBOX')
  t.match((await reader.command('f', 'FETCH 1 BODY[HEADER]')).join('\n'), /Received: from mx \(\[127\.0\.0\.5\]\)/, 'LMTP')
  reader.close()

  const silent = await LineClient.connect(ports.imap)
  t.equal(await silent.line(), undefined, 'who waits for a greeting is dropped')
  await logged(/haproxy: Client dropped: no PROXY header in time \(rip=127\.0\.0\.1\)/)
  const elsewhere = await LineClient.connect(ports.imap, { localAddress: '127.0.0.9' })
  t.equal(await elsewhere.line(), undefined)
  await logged(/haproxy: Client dropped: not in haproxy_trusted_networks \(rip=127\.0\.0\.9\)/)
})

const withoutTls = requirePackages(['haproxy', ...certificatePackages])

void t.test('HAProxy ends TLS', { skip: withoutTls.length > 0 ? `needs ${withoutTls.join(', ')}` : false, timeout: 120_000 }, async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-haproxy-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
  const authority = new Authority(directory)
  const mail = authority.pair('mail', '/CN=mail.example.com', ['mail.example.com'])
  const alice = authority.pair('alice', '/CN=alice')
  const both = path.join(directory, 'both.pem')
  fs.writeFileSync(both, fs.readFileSync(mail.cert, 'utf8') + fs.readFileSync(mail.key, 'utf8'))
  const [imap, port] = [await freePort(), await freePort()]
  const culver = await TestServer.start({
    config: `${culverConfig({ imap, lmtp: await freePort() })}
ssl = no
disable_plaintext_auth = yes
auth_ssl_username_from_cert = yes
auth_mechanisms = plain external
local_name named.example.com {
  login_greeting = Named.
}
`,
  })
  t.teardown(() => culver.stop())
  await startHaproxy(t, [{ port, to: imap, send: 'send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,authority', bind: `ssl crt ${both} ca-file ${authority.cert} verify optional` }])
  const connect = async (options: tls.ConnectionOptions): Promise<{ client: LineClient; greeting: string }> => {
    const client = await LineClient.connect(port, { host: front, localAddress: '127.0.0.5' })
    t.teardown(() => client.close())
    await client.startTls(options)
    return { client, greeting: (await client.line())! }
  }
  const plain = await connect({ servername: 'named.example.com' })
  t.match(plain.greeting, /AUTH=PLAIN\] Named\.$/, 'TLS is known, and the name that was asked for')
  t.notMatch(plain.greeting, /STARTTLS|LOGINDISABLED|EXTERNAL/)
  t.match((await plain.client.command('a', `LOGIN bob ${password}`)).at(-1), /^a OK /)
  await culver.logs(/Login: user=<bob>, method=PLAIN, rip=127\.0\.0\.5, lip=127\.0\.0\.2, mpid=\d+, TLS, /)
  const certified = await connect({ servername: 'mail.example.com', cert: fs.readFileSync(alice.cert), key: fs.readFileSync(alice.key) })
  t.match(certified.greeting, /AUTH=EXTERNAL/)
  t.match((await certified.client.command('a', 'AUTHENTICATE EXTERNAL =')).at(-1), /^a OK /)
  await culver.logs(/Login: user=<alice>, method=EXTERNAL, /)
})
