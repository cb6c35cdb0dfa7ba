// Memory: what an idle logged-in session costs, with and without TLS, and that streaming 500 MB of mail needs no memory to speak of.

import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { Authority, certificatePackages } from '../fixtures/certificates.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, password } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'
import { Peak, figure, megabytes, residentBytes } from './measure.ts'

const sessions = 2000
/** Logins under way at once while the sessions are being made. */
const abreast = 50
/** Sessions made before the first look: heaps have then grown to their working size, which is not a session's. */
const warmUp = 500
/** Asserted with room for the noise of garbage collection; the figure printed is the one to watch. */
const bytesPerSessionAtMost = 48 * 1024

void t.test(`${sessions} idle sessions`, async (t) => {
  const server = await TestServer.start({ workers: 2 })
  t.teardown(() => server.stop())
  const clients: LineClient[] = []
  const login = async (n: number): Promise<void> => {
    const client = await LineClient.connect(server.imapPort)
    clients.push(client)
    await client.line()
    const reply = await client.command('a', `LOGIN user${n % 200}@example.com ${password}`)
    if (!reply.at(-1)!.startsWith('a OK')) throw new Error(reply.join('\n'))
  }
  for (let n = 0; n < warmUp; n += abreast) await Promise.all(Array.from({ length: abreast }, (_, i) => login(n + i)))
  const before = residentBytes(server.pid)
  for (let n = 0; n < sessions; n += abreast) await Promise.all(Array.from({ length: abreast }, (_, i) => login(n + i)))
  const each = (residentBytes(server.pid) - before) / sessions
  figure(t, `${(each / 1024).toFixed(1)} KB RSS an idle logged-in session (${sessions} more sessions of 200 users on 2 workers; process before: ${megabytes(before)})`)
  t.ok(each < bytesPerSessionAtMost, `less than ${bytesPerSessionAtMost / 1024} KB each`)
  for (const client of clients) client.close()
})

/** The socket's TLS: OpenSSL's state, and the runtime's objects around it. */
const tlsBytesAtMost = 128 * 1024
const tlsSessions = 1000
const absent = requirePackages(certificatePackages)

void t.test(`${tlsSessions} idle sessions under TLS`, { skip: absent.length > 0 ? `needs ${absent.join(', ')}` : false }, async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-memory-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
  const { cert, key } = new Authority(directory).pair('mail', '/CN=mail.example.com', ['mail.example.com'])
  const server = await TestServer.start({ workers: 2, config: `ssl = yes\nssl_cert = <${cert}\nssl_key = <${key}\n` })
  t.teardown(() => server.stop())
  const clients: LineClient[] = []
  const login = async (n: number): Promise<void> => {
    const client = await LineClient.connect(server.imapPort)
    clients.push(client)
    await client.line()
    await client.command('s', 'STARTTLS')
    await client.startTls({ servername: 'mail.example.com' })
    const reply = await client.command('a', `LOGIN user${n % 100}@example.com ${password}`)
    if (!reply.at(-1)!.startsWith('a OK')) throw new Error(reply.join('\n'))
  }
  for (let n = 0; n < warmUp; n += abreast) await Promise.all(Array.from({ length: abreast }, (_, i) => login(n + i)))
  const before = residentBytes(server.pid)
  for (let n = 0; n < tlsSessions; n += abreast) await Promise.all(Array.from({ length: abreast }, (_, i) => login(n + i)))
  const each = (residentBytes(server.pid) - before) / tlsSessions
  figure(t, `${(each / 1024).toFixed(1)} KB RSS an idle logged-in session under TLS (${tlsSessions} more sessions of 100 users on 2 workers)`)
  t.ok(each < tlsBytesAtMost, `less than ${tlsBytesAtMost / 1024} KB each`)
  for (const client of clients) client.close()
})

const mailBytes = 2 ** 20
const mails = 500
/** Windows between storage worker and socket are a few hundred KB a message in flight; the rest is garbage not collected yet. */
const growthAtMost = 128 * 2 ** 20

void t.test(`FETCH 1:* BODY.PEEK[] over ${mails} mails of 1 MB`, { timeout: 300_000 }, async (t) => {
  const server = await TestServer.start({ workers: 1 })
  t.teardown(() => server.stop())
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  await client.command('a', `LOGIN big@example.com ${password}`)
  const message = `Subject: big\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(Math.ceil(mailBytes / 78))}`.slice(0, mailBytes - 2) + '\r\n'
  for (let n = 0; n < mails; n++) {
    client.send(`b APPEND INBOX {${message.length}+}\r\n`)
    client.send(message)
    client.send('\r\n')
    await client.until(/^b /)
  }
  client.close()
  const before = residentBytes(server.pid)
  const peak = new Peak(() => residentBytes(server.pid))
  const received = await fetchAll(server.imapPort)
  const growth = peak.stop() - before
  figure(t, `${megabytes(received)} fetched; the server grew by ${megabytes(growth)} at most (bound ${megabytes(growthAtMost)})`)
  t.ok(received > mails * mailBytes, 'every byte came')
  t.ok(growth < growthAtMost, 'memory stays bounded')
})

/** Fetches everything and throws it away; the bytes received. */
function fetchAll(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let received = 0
    let tail = ''
    socket.on('error', reject)
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length
      tail = (tail + bytes.toString('latin1', Math.max(0, bytes.length - 200))).slice(-200)
      if (/^z OK .*\r\n$/m.test(tail)) {
        socket.destroy()
        resolve(received)
      } else if (/^z (NO|BAD) .*$/m.test(tail)) reject(new Error(tail))
    })
    socket.write(`x LOGIN big@example.com ${password}\r\ny EXAMINE INBOX\r\nz FETCH 1:* BODY.PEEK[]\r\n`)
  })
}
