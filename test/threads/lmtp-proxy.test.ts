// Culver as LMTP proxy (lmtp_proxy): recipients whom the passdb gives to other servers, next to its own.

import fs from 'node:fs'
import t from 'tap'
import type { Test } from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { ScriptedBackend } from '../fixtures/scripted-backend.ts'
import { TestServer, freePort, password } from '../fixtures/server.ts'

async function proxy(t: Test, users: (lmtp: number) => string[]): Promise<TestServer> {
  const file = `${t.testdir({})}/users`
  const server = await TestServer.start({
    databases: `passdb {\n driver = passwd-file\n args = ${file}\n}\nuserdb {\n driver = static\n args = home=${t.testdirName}/home/%u\n}`,
    config: 'lmtp_proxy = yes\nlogin_trusted_networks = 127.0.0.1\nlogin_proxy_timeout = 3 s\nhostname = mx.example.com',
  })
  t.teardown(() => server.stop())
  fs.writeFileSync(file, users(server.lmtpPort).map((line) => `${line}\n`).join(''))
  return server
}

const far = (name: string, fields: string): string => `${name}:::::::proxy=y nopassword=y host=127.0.0.1 ${fields}`

async function connect(server: TestServer, localAddress = '127.0.0.9'): Promise<LineClient> {
  const client = await LineClient.connect(server.lmtpPort, { localAddress })
  await client.line()
  void client.send('LHLO mail.example.org\r\n')
  await client.until(/^250 /)
  return client
}

/** Replies to the recipients, and to the message for those that were taken. */
async function deliver(client: LineClient, recipients: string[], message: string, before = ''): Promise<string[]> {
  if (before !== '') {
    void client.send(before)
    await client.until(/^220 /)
    void client.send('LHLO mail.example.org\r\n')
    await client.until(/^250 /)
  }
  void client.send('MAIL FROM:<s@example.org>\r\n')
  await client.line()
  const replies: string[] = []
  let taken = 0
  for (const recipient of recipients) {
    void client.send(`RCPT TO:<${recipient}>\r\n`)
    replies.push((await client.line())!)
    if (replies.at(-1)!.startsWith('250')) taken++
  }
  if (taken === 0) {
    void client.send('RSET\r\n')
    await client.line()
    return replies
  }
  void client.send('DATA\r\n')
  await client.until(/^354 /)
  void client.send(`${message}.\r\n`)
  for (let n = 0; n < taken; n++) replies.push((await client.line())!)
  return replies
}

void t.test('what a backend hears, and says', { timeout: 60_000 }, async (t) => {
  let extensions = ['XCLIENT ADDR PORT TTL TIMEOUT HELO PROTO LOGIN SESSION', 'XRCPTFORWARD', 'PIPELINING']
  let afterData = '250 2.0.0 saved there'
  const backend = await ScriptedBackend.start(async (connection) => {
    connection.send('220 backend\r\n')
    let data = false
    let recipients = 0
    for (let line = await connection.line(); line !== undefined; line = await connection.line()) {
      if (data && line === '.') {
        data = false
        if (afterData === '') { connection.end(); return }
        for (let n = 0; n < recipients; n++) connection.send(`${afterData} ${n}\r\n`)
      } else if (data) continue
      else if (line.startsWith('LHLO')) connection.send(`250-backend\r\n${extensions.map((word, n) => `250${n < extensions.length - 1 ? '-' : ' '}${word}\r\n`).join('')}`)
      else if (line.startsWith('XCLIENT')) connection.send('220 again\r\n')
      else if (line === 'DATA') { data = true; connection.send('354 go\r\n') }
      else if (line.includes('nobody')) connection.send('550 5.1.1 <nobody> No such user there\r\n')
      else if (line === 'QUIT') { connection.send('221 bye\r\n'); connection.end() }
      else { if (line.startsWith('RCPT')) recipients++; connection.send('250 2.1.0 ok\r\n') }
    }
  })
  t.teardown(() => backend.stop())
  const dead = await freePort()
  const server = await proxy(t, (lmtp) => [
    far('one', `port=${backend.port}`), far('two', `port=${backend.port} forward_site=dc1 forward_tier=a+b`), far('nobody', `port=${backend.port}`), far('tim', `port=${backend.port} destuser=tom@example.net`),
    far('dead', `port=${dead}`), far('loop', `port=${lmtp}`), far('shy', `port=${backend.port} proxy_not_trusted=y`), 'here:{PLAIN}x', 'broken:::::::proxy=y nopassword=y',
  ])
  const client = await connect(server)
  const message = 'Subject: x\r\n\r\n..dot\r\n...\r\na.b\r\nlast\r\n'
  const replies = await deliver(client, ['one', 'here', 'Two', 'nobody', 'tim+box', 'unknown', 'dead', 'loop', 'broken'], message)
  t.match(replies.slice(0, 9), [/^250 /, /^250 /, /^250 /, /^550 5\.1\.1 <nobody> No such user there$/, /^250 /, /^550 5\.1\.1 <unknown> /, /^451 4\.4\.0 /, /^554 5\.4\.6 /, /^451 4\.3\.0 /])
  t.match(replies.slice(9), ['250 2.0.0 saved there 0', /^250 2\.0\.0 <here> \S+ Saved$/, '250 2.0.0 saved there 1', '250 2.0.0 saved there 2'], 'in the order of the recipients')
  t.match(backend.heard, [
    'LHLO mx.example.com', /^XCLIENT HELO=mail\.example\.org PROTO=LMTP SESSION=[^ ]+:P1 TTL=4 PORT=\d+ ADDR=127\.0\.0\.9$/, 'LHLO mx.example.com', 'MAIL FROM:<s@example.org>', 'RCPT TO:<one>',
    'RCPT TO:<Two> XRCPTFORWARD=site+3Ddc1+09tier+3Da+2Bb', 'RCPT TO:<nobody>', 'RCPT TO:<tom+box@example.net>', 'DATA',
    /^Received: from mail\.example\.org \(\[127\.0\.0\.9\]\)$/, /^\tby mx\.example\.com with LMTP$/, /^\tid \S+; /, 'Subject: x', '', '..dot', '...', 'a.b', 'last', '.',
  ], 'one connection, one transaction')
  t.equal(backend.connections, 1)

  backend.heard.length = 0
  client.close()
  const trusted = await connect(server, '127.0.0.1')
  t.match(await deliver(trusted, ['one'], message, 'XCLIENT ADDR=203.0.113.9 PORT=44 SESSION=abc TTL=2 HELO=orig PROTO=ESMTP\r\n'), [/^250 /, /^250 /])
  t.ok(backend.heard.includes('XCLIENT HELO=orig PROTO=ESMTP SESSION=abc:P1 TTL=1 PORT=44 ADDR=203.0.113.9'), 'a chain of proxies')
  t.ok(backend.heard.some((line) => /^\tid abc:\d+$/.test(line)))
  backend.heard.length = 0
  t.match(await deliver(trusted, ['shy'], message), [/^250 /, /^250 /])
  t.notOk(backend.heard.some((line) => line.startsWith('XCLIENT')), 'proxy_not_trusted')
  extensions = ['XCLIENT ADDR', 'PIPELINING']
  backend.heard.length = 0
  t.match(await deliver(trusted, ['two'], message), [/^250 /, /^250 /])
  t.ok(backend.heard.includes('XCLIENT ADDR=203.0.113.9') && backend.heard.includes('RCPT TO:<two>'), 'only what it knows')
  afterData = '452 4.2.2 full'
  t.match(await deliver(trusted, ['one'], message), [/^250 /, '452 4.2.2 full 0'])
  afterData = ''
  t.match(await deliver(trusted, ['one', 'here'], message), [/^250 /, /^250 /, '451 4.4.0 <one> Remote server not answering', /^250 2\.0\.0 <here>/], 'a server that goes away takes only its own along')
  trusted.close()
})

void t.test('two Cullvers', { timeout: 60_000 }, async (t) => {
  const backend = await TestServer.start({ config: 'login_trusted_networks = 127.0.0.1' })
  t.teardown(() => backend.stop())
  const server = await proxy(t, () => [far('tim', `port=${backend.lmtpPort}`), far('tom', `port=${backend.lmtpPort}`), 'here:{PLAIN}x'])
  const client = await connect(server)
  const lines = Array.from({ length: 30_000 }, (_, n) => `${n % 7 === 0 ? '..' : ''}line ${n} ${'x'.repeat(n % 60)}\r\n`).join('')
  const replies = await deliver(client, ['tim', 'here', 'tom'], `Subject: large\r\n\r\n${lines}`)
  t.match(replies, [/^250/, /^250/, /^250/, /^250 2\.0\.0 <tim> .* Saved$/, /^250 2\.0\.0 <here> .* Saved$/, /^250 2\.0\.0 <tom> .* Saved$/])
  client.close()
  const reader = await LineClient.connect(backend.imapPort)
  await reader.line()
  await reader.command('a', `LOGIN tom ${password}`)
  await reader.command('b', 'SELECT INBOX')
  const text = (await reader.command('c', 'FETCH 1 BODY.PEEK[TEXT]')).slice(1, -2).map((line) => `${line}\r\n`).join('')
  t.equal(text, lines.replace(/^\.\./gm, '.'), 'spooled, with its dots, and whole')
  const header = (await reader.command('d', 'FETCH 1 BODY.PEEK[HEADER]')).join('\n')
  t.match(header, /Received: from mail\.example\.org \(\[127\.0\.0\.9\]\)\n\tby \S+ with LMTP\n\tid \S+:P1:\d+\n/, 'the backend knows whose mail it is')
  reader.close()
})
