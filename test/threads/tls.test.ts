// TLS with clients, over a whole server: STARTTLS in IMAP and LMTP, TLS from the first byte, certificates by name, nothing of
// what was sent in plaintext behind STARTTLS, certificates reloaded while sessions live. On Node and on Deno.

import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import t from 'tap'
import type { Test as Tap } from 'tap'
import { Authority, certificatePackages } from '../fixtures/certificates.ts'
import type { Pair } from '../fixtures/certificates.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer, freePort, password } from '../fixtures/server.ts'
import type { Runtime, ServerOptions } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'

const absent = requirePackages(certificatePackages)
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-tls-'))
t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
const authority = absent.length > 0 ? undefined : new Authority(directory)

/** Clients of these addresses have come over a network, as far as the server can tell: passwords need TLS. */
const stranger = '127.0.0.9'
const trustedPeer = '127.0.0.8'

const tlsConfig = (imaps: number, { cert, key }: Pair, more = ''): string => `
ssl = yes
disable_plaintext_auth = yes
ssl_cert = <${cert}
ssl_key = <${key}
service imap-login {
  inet_listener imaps {
    port = ${imaps}
    ssl = yes
  }
}
${more}
`

const ca = (): Buffer => fs.readFileSync(authority!.cert)
const trusting = (servername: string): { ca: Buffer; servername: string; rejectUnauthorized: true } => ({ ca: ca(), servername, rejectUnauthorized: true })

async function serve(t: Tap, runtime: Runtime, more = '', options: ServerOptions = {}): Promise<{ server: TestServer; imaps: number; pair: Pair }> {
  const imaps = await freePort()
  const file = fs.mkdtempSync(path.join(directory, 'server-'))
  const pair = authority!.pair(path.basename(file), '/CN=mail.example.com', ['mail.example.com', '127.0.0.1'])
  const server = await TestServer.start({ runtime, config: tlsConfig(imaps, pair, more), ...options })
  t.teardown(() => server.stop())
  return { server, imaps, pair }
}

const greeted = async (client: LineClient): Promise<LineClient> => {
  await client.line()
  return client
}

/** The first bytes that a client sends. */
function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const stream = new Duplex({
      read() {},
      write(bytes: Buffer, _, done) {
        resolve(Buffer.from(bytes))
        done()
      },
    })
    tls.connect({ socket: stream, servername: 'mail.example.com' }).on('error', () => {})
  })
}

for (const runtime of ['node', 'deno'] as const) {
  void t.test(`on ${runtime}`, { skip: absent.length > 0 ? `needs ${absent.join(', ')}` : false, timeout: 120_000 }, async (t) => {
    const named = authority!.pair(`named-${runtime}`, '/CN=other.example.com', ['other.example.com'])
    const balanced = await freePort()
    const { server, imaps, pair } = await serve(t, runtime, `haproxy_trusted_networks = 127.0.0.1
login_trusted_networks = ${trustedPeer}
service imap-login {
  inet_listener balanced {
    port = ${balanced}
    ssl = yes
    haproxy = yes
  }
}
local_name other.example.com {\n  ssl_cert = <${named.cert}\n  ssl_key = <${named.key}\n  login_greeting = Other ready.\n}\n`)

    t.match(server.output, new RegExp(`IMAP +127\\.0\\.0\\.1:${imaps} \\(TLS\\)\n`))

    void t.test('STARTTLS, and login only behind it', async (t) => {
      const client = await LineClient.connect(server.imapPort, { localAddress: stranger })
      const greeting = await client.line()
      t.match(greeting, / STARTTLS /)
      t.match(greeting, / LOGINDISABLED/)
      t.notMatch(greeting, /AUTH=/)
      t.match(await client.command('a', `LOGIN user ${password}`), [/^\* BAD \[ALERT\]/, /^a NO \[PRIVACYREQUIRED\]/])
      t.same(await client.command('b', 'STARTTLS'), ['b OK Begin TLS negotiation now.'])
      const secured = await client.startTls(trusting('mail.example.com'))
      t.match(secured.getProtocol(), /^TLSv1\.[23]$/)
      const [capabilities = ''] = await client.command('c', 'CAPABILITY')
      t.match(capabilities, / AUTH=PLAIN/)
      t.notMatch(capabilities, /STARTTLS|LOGINDISABLED/)
      t.match(await client.command('d', 'STARTTLS'), [/^d BAD /], 'once only')
      const [loggedIn = ''] = await client.command('e', `LOGIN user ${password}`)
      t.match(loggedIn, /^e OK \[CAPABILITY /)
      t.notMatch(loggedIn, /STARTTLS/)
      await client.command('f', 'LOGOUT')
      await server.logs(/imap-login: Info: Login: user=<user>, method=PLAIN, rip=127\.0\.0\.9, lip=127\.0\.0\.1, mpid=\d+, TLS, session=</)
    })

    void t.test('eight users, at home on two workers: their sockets may be on the other one', async (t) => {
      await Promise.all(Array.from({ length: 8 }, async (_, n) => {
        const client = await LineClient.connect(server.imapPort, { localAddress: stranger })
        await client.line()
        await client.command('a', 'STARTTLS')
        await client.startTls(trusting('mail.example.com'))
        t.match((await client.command('b', `LOGIN user${n} ${password}`)).at(-1), /^b OK/)
        const text = `Subject: ${n}\r\n\r\n${'x'.repeat(200_000)}\r\n`
        t.match((await client.command('c', `APPEND INBOX {${text.length}+}\r\n${text}`)).at(-1), /^c OK/)
        t.match((await client.command('d', 'COMPRESS DEFLATE')).at(-1), /^d OK/)
        client.compress()
        await client.command('e', 'SELECT INBOX')
        const lines = await client.command('f', 'FETCH 1 BODY.PEEK[]')
        t.equal(lines.slice(1, -2).join('\r\n').length, text.length - 2, 'the mail comes back, deflated under TLS')
        await client.command('g', 'LOGOUT')
        client.close()
      }))
    })

    void t.test('TLS from the first byte, and the certificate for the name', async (t) => {
      const client = await LineClient.connectTls(imaps, trusting('mail.example.com'))
      t.match(await client.line(), /^\* OK \[CAPABILITY (?!.*STARTTLS).*AUTH=PLAIN.*Culver ready\./)
      t.match((await client.command('a', `LOGIN user ${password}`)).at(-1), /^a OK/)
      client.close()
      const other = await LineClient.connectTls(imaps, trusting('other.example.com'))
      t.match(await other.line(), /Other ready\./, 'local_name holds for its settings, too')
      other.close()
      const unknown = await LineClient.connectTls(imaps, { servername: 'unknown.example.com' })
      t.match(await unknown.line(), /Culver ready\./)
      unknown.close()
    })

    void t.test('what is sent in plaintext behind STARTTLS is not done', async (t) => {
      for (const [n, behind] of [
        `b LOGIN injected ${password}\r\n`, `b LOGIN injected {${password.length}+}\r\n${password}\r\n`, `b LOGIN injected {${password.length}}\r\n`, 'b NOOP\r\nc NOO', 'x'.repeat(70_000),
      ].entries()) {
        const client = await greeted(await LineClient.connect(server.imapPort, { localAddress: stranger }))
        await client.send(`a STARTTLS\r\n${behind}`)
        t.match(await client.line(), /^a OK/)
        // Either all of it came with the command, and is lost; or some came as the beginning of a handshake, which fails.
        const secured = await client.startTls(trusting('mail.example.com')).catch(() => undefined)
        if (secured !== undefined) t.match(await client.command('z', 'NOOP'), ['z OK NOOP completed.'], `nothing is answered but what came under TLS (${n})`)
        client.close()
      }
      t.notMatch(server.output, /injected/)
      const client = await greeted(await LineClient.connect(server.imapPort, { localAddress: stranger }))
      t.match(await client.command('a', 'STARTTLS {6+}\r\nb NOOP'), [/^a BAD/], 'a literal is no argument of it')
      t.match(await client.command('c', 'NOOP'), ['c OK NOOP completed.'])
      client.close()
    })

    void t.test('what a trusted peer has said before TLS counts no more, either', async (t) => {
      const client = await greeted(await LineClient.connect(server.imapPort, { localAddress: trustedPeer }))
      await client.command('a', 'ID ("x-originating-ip" "203.0.113.1")')
      await client.command('b', 'STARTTLS')
      await client.startTls(trusting('mail.example.com'))
      t.match((await client.command('c', `LOGIN unsaid ${password}`)).at(-1), /^c OK/)
      await server.logs(/Login: user=<unsaid>, method=PLAIN, rip=127\.0\.0\.8,/)
      client.close()
      const again = await greeted(await LineClient.connect(server.imapPort, { localAddress: trustedPeer }))
      await again.command('a', 'ID ("x-originating-ip" "203.0.113.1")')
      await again.command('b', 'STARTTLS')
      await again.startTls(trusting('mail.example.com'))
      await again.command('c', 'ID ("x-originating-ip" "203.0.113.2")')
      t.match((await again.command('d', `LOGIN said ${password}`)).at(-1), /^d OK/)
      await server.logs(/Login: user=<said>, method=PLAIN, rip=203\.0\.113\.2,/)
      again.close()
    })

    void t.test('a PROXY header in the same packet as the beginning of TLS', async (t) => {
      const raw = await new Promise<net.Socket>((resolve) => { const socket = net.connect(balanced, '127.0.0.1', () => resolve(socket)) })
      let header = Buffer.from('PROXY TCP4 198.51.100.7 203.0.113.1 36723 993\r\n')
      const stream = new Duplex({
        read() {},
        write(bytes: Buffer, _, done) {
          raw.write(Buffer.concat([header, bytes]), () => done())
          header = Buffer.alloc(0)
        },
      })
      raw.on('data', (bytes) => { stream.push(bytes) })
      const client = tls.connect({ socket: stream, ...trusting('mail.example.com') })
      const [greeting] = await once(client, 'data') as [Buffer]
      t.match(String(greeting), /^\* OK .*AUTH=PLAIN/)
      client.write(`a LOGIN balanced ${password}\r\n`)
      t.match(String((await once(client, 'data'))[0]), /^a OK/)
      await server.logs(/Login: user=<balanced>, method=PLAIN, rip=198\.51\.100\.7, lip=203\.0\.113\.1, mpid=\d+, TLS, /)
      raw.destroy()
    })

    void t.test('LMTP', async (t) => {
      const client = await greeted(await LineClient.connect(server.lmtpPort, { localAddress: stranger }))
      await client.send('LHLO me\r\n')
      t.ok((await client.until(/^250 /)).some((line) => line.endsWith('STARTTLS')))
      await client.send('STARTTLS\r\nLHLO injected\r\nMAIL FROM:<injected@example.com>\r\n')
      t.match(await client.line(), /^220 /)
      await client.startTls(trusting('mail.example.com'))
      await client.send('MAIL FROM:<>\r\n')
      t.match(await client.line(), /^503 /, 'the LHLO of before counts no more')
      await client.send('STARTTLS\r\nLHLO me\r\n')
      t.match(await client.line(), /^502 .*already active/)
      t.notOk((await client.until(/^250 /)).some((line) => line.endsWith('STARTTLS')))
      await client.send('MAIL FROM:<me@example.com>\r\nRCPT TO:<lmtp@example.com>\r\nDATA\r\n')
      await client.until(/^354 /)
      await client.send('Subject: under TLS\r\n\r\nHello\r\n.\r\nQUIT\r\n')
      t.match(await client.until(/^221 /), [/^250 2\.0\.0 /, /^221/])
      client.close()
    })

    // The workers' common ticket keys are Node's to use.
    if (runtime === 'node') void t.test('a TLS session is resumed on any worker', async (t) => {
      const first = await LineClient.connectTls(imaps, { ...trusting('mail.example.com'), maxVersion: 'TLSv1.2' })
      await first.line()
      const session = (first.socket as tls.TLSSocket).getSession()
      first.close()
      for (let n = 0; n < 10; n++) {
        const client = await LineClient.connectTls(imaps, { ...trusting('mail.example.com'), maxVersion: 'TLSv1.2', session })
        t.ok((client.socket as tls.TLSSocket).isSessionReused())
        client.close()
      }
      const other = await LineClient.connectTls(imaps, { ...trusting('other.example.com'), maxVersion: 'TLSv1.2', session })
      t.notOk((other.socket as tls.TLSSocket).isSessionReused(), 'but not under another certificate')
      other.close()
    })

    void t.test('handshakes that are broken off anywhere', async (t) => {
      const hello = await clientHello()
      for (let at = 0; at <= hello.length; at += Math.ceil(hello.length / 60)) {
        const socket = net.connect(imaps, '127.0.0.1')
        socket.on('error', () => {})
        await once(socket, 'connect')
        const closed = new Promise((resolve) => { socket.once('close', resolve) })
        if (at > 0) socket.write(hello.subarray(0, at))
        if (at % 2 === 0) socket.resetAndDestroy()
        else socket.resume().end()
        await closed
      }
      const client = await LineClient.connectTls(imaps, trusting('mail.example.com'))
      t.match(await client.line(), /^\* OK/)
      client.close()
    })

    void t.test('new certificates for new connections, and no session ends', async (t) => {
      const before = await greeted(await LineClient.connectTls(imaps, trusting('mail.example.com')))
      await before.command('a', `LOGIN user ${password}`)
      const renewed = authority!.pair(`renewed-${runtime}`, '/CN=renewed.example.com', ['mail.example.com'])
      fs.copyFileSync(renewed.cert, pair.cert)
      fs.copyFileSync(renewed.key, pair.key)
      server.signal('SIGHUP')
      await server.says('changed: ssl_cert, ssl_key')
      const after = await LineClient.connectTls(imaps, trusting('mail.example.com'))
      t.equal((after.socket as tls.TLSSocket).getPeerCertificate().subject.CN, 'renewed.example.com')
      t.match(await before.command('b', 'NOOP'), [/^b OK/])
      fs.writeFileSync(pair.key, 'no key')
      const said = server.says('not reloaded: ')
      server.signal('SIGHUP')
      await said
      const other = authority!.pair(`other-${runtime}`, '/CN=other.example.com')
      fs.copyFileSync(other.key, pair.key)
      const adm = [path.resolve(import.meta.dirname, '../../workers/cli.ts'), 'adm', '-S', path.join(server.directory, 'run/doveadm-server'), 'reload']
      t.match(await runProgram(process.execPath, adm), { code: 65, stderr: /the configuration stays as it was:\n.*ssl_key is not the key of ssl_cert/ }, 'by command, too, which says why')
      const still = await LineClient.connectTls(imaps, trusting('mail.example.com'))
      t.match(await still.line(), /^\* OK/, 'what is wrong changes nothing')
      for (const client of [before, after, still]) client.close()
    })

    void t.test('a farewell under TLS', async (t) => {
      const client = await greeted(await LineClient.connectTls(imaps, trusting('mail.example.com')))
      await client.command('a', `LOGIN user ${password}`)
      server.signal('SIGTERM')
      t.equal(await client.line(), '* BYE Server shutting down.')
      t.equal(await client.line(), undefined, 'and an orderly end')
      t.equal(await server.exited, 0)
    })
  })
}
