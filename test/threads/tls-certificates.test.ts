// Client certificates, over a whole server: who has a valid one logs in by it (SASL EXTERNAL), and as nobody else; revoked ones
// and those of other authorities count for nothing. And `ssl = required`.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import type { ConnectionOptions } from 'node:tls'
import { Authority, certificatePackages } from '../fixtures/certificates.ts'
import type { Pair } from '../fixtures/certificates.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, freePort, password } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'

const absent = requirePackages(certificatePackages)
const skip = absent.length > 0 ? `needs ${absent.join(', ')}` : false
const stranger = '127.0.0.9'

const showing = ({ cert, key }: Pair): ConnectionOptions => ({ cert: fs.readFileSync(cert), key: fs.readFileSync(key), servername: 'mail.example.com' })

for (const runtime of ['node', 'deno'] as const) {
  void t.test(`on ${runtime}`, { skip, timeout: 120_000 }, async (t) => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-tls-'))
    t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
    const authority = new Authority(path.join(directory, 'ca'))
    const alice = authority.pair('alice', '/O=Example/CN=alice/emailAddress=alice@example.com')
    const revoked = authority.pair('revoked', '/CN=revoked')
    const nameless = authority.pair('nameless', '/O=Example')
    const foreign = new Authority(path.join(directory, 'other')).pair('foreign', '/CN=alice')
    const { cert, key } = authority.pair('mail', '/CN=mail.example.com', ['mail.example.com'])
    const imaps = await freePort()
    const server = await TestServer.start({
      runtime,
      config: `
ssl = required
disable_plaintext_auth = no
ssl_cert = <${cert}
ssl_key = <${key}
ssl_ca = <${authority.withRevoked('revoked-list', [revoked])}
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
auth_mechanisms = plain external
auth_verbose = yes
service imap-login {
  inet_listener imaps {
    port = ${imaps}
    ssl = yes
  }
}
`,
    })
    t.teardown(() => server.stop())

    const connect = async (options: ConnectionOptions): Promise<{ client: LineClient; greeting: string }> => {
      const client = await LineClient.connectTls(imaps, options)
      t.teardown(() => client.close())
      return { client, greeting: (await client.line())! }
    }

    if (runtime === 'node') {
      void t.test('a valid certificate', async (t) => {
        const { client, greeting } = await connect(showing(alice))
        t.match(greeting, /AUTH=PLAIN AUTH=EXTERNAL/)
        t.match((await client.command('a', 'AUTHENTICATE EXTERNAL =')).at(-1), /^a OK/)
        await server.logs(/Login: user=<alice>, method=EXTERNAL, rip=127\.0\.0\.1, lip=127\.0\.0\.1, mpid=\d+, TLS, /)
        const { client: later } = await connect(showing(alice))
        void later.send('a AUTHENTICATE EXTERNAL\r\n')
        t.equal(await later.line(), '+ ')
        await later.send('\r\n')
        t.match(await later.line(), /^a OK/, 'asked for')
      })

      void t.test('whatever name is said, it is the certificate that counts', async (t) => {
        const { client } = await connect(showing(alice))
        t.match((await client.command('a', `LOGIN bob ${password}`)).at(-1), /^a OK/)
        await server.logs(/Login: user=<alice>, method=PLAIN, /)
        t.notMatch(server.output, /user=<bob>/)
        const { client: other } = await connect(showing(alice))
        const asBob = Buffer.from('bob').toString('base64')
        t.match((await other.command('a', `AUTHENTICATE EXTERNAL ${asBob}`)).at(-1), /^a NO \[AUTHENTICATIONFAILED\]/, 'as somebody else only by a master passdb')
      })
    } else {
      t.match(server.output, /Deno does not check client certificates: none will be valid/)
    }

    void t.test('certificates that count for nothing', async (t) => {
      for (const [name, pair] of Object.entries({ revoked, foreign, ...(runtime === 'node' ? {} : { alice }) })) {
        const { client, greeting } = await connect(showing(pair))
        t.notMatch(greeting, /EXTERNAL/, name)
        t.match((await client.command('a', 'AUTHENTICATE EXTERNAL =')).at(-1), /^a NO/, name)
        t.match((await client.command('b', `LOGIN ${name} ${password}`)).at(-1), /^b OK/, 'a password does, under its own name')
        await server.logs(new RegExp(`Login: user=<${name}>, method=PLAIN`))
      }
      const { client, greeting } = await connect({ servername: 'mail.example.com' })
      t.notMatch(greeting, /EXTERNAL/, 'none')
      t.match((await client.command('a', `LOGIN none ${password}`)).at(-1), /^a OK/)
      if (runtime !== 'node') return
      const { client: unnamed } = await connect(showing(nameless))
      t.match((await unnamed.command('a', 'AUTHENTICATE EXTERNAL =')).at(-1), /^a NO/)
      await server.logs(/The client certificate has no commonName/)
    })

    void t.test('ssl = required: nobody logs in before TLS, even where passwords may be plain', async (t) => {
      const client = await LineClient.connect(server.imapPort, { localAddress: stranger })
      const greeting = await client.line()
      t.match(greeting, / STARTTLS .*LOGINDISABLED/)
      t.notMatch(greeting, /AUTH=/)
      t.match(await client.command('a', `LOGIN user ${password}`), [/^\* BAD \[ALERT\]/, /^a NO \[PRIVACYREQUIRED\] Authentication not allowed until SSL\/TLS is enabled\.$/])
      t.match(await client.command('b', 'AUTHENTICATE PLAIN AHVzZXIAc2VjcmV0'), [/^b NO \[PRIVACYREQUIRED\]/])
      client.close()
      const lmtp = await LineClient.connect(server.lmtpPort, { localAddress: stranger })
      await lmtp.line()
      await lmtp.send('LHLO me\r\nMAIL FROM:<>\r\n')
      t.match((await lmtp.until(/^530 /)).at(-1), '530 5.7.0 TLS required')
      lmtp.close()
      const local = await LineClient.connect(server.imapPort)
      t.match(await local.line(), /AUTH=PLAIN/, 'from this host it needs none')
      local.close()
    })
  })
}
