// TLS handshakes over real listeners, with a clock that runs a thousand times as fast: those that take too long, too many at a
// time, what is no TLS, a PROXY header before TLS.

import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import t from 'tap'
import type { Test as Tap } from 'tap'
import { loadConfig } from '../../../conf/load.ts'
import type { Effects } from '../../../runtime/effects.ts'
import type { LogEvent } from '../../../runtime/events.ts'
import { limits } from '../../../runtime/limits.ts'
import { realClock, realTimers } from '../../../runtime/real-effects.ts'
import { Listeners } from '../../../workers/net.ts'
import { SessionHost } from '../../../workers/session-host.ts'
import { newTicketKeys } from '../../../workers/tls/context.ts'
import { Handshakes } from '../../../workers/tls/handshakes.ts'
import { Authority, certificatePackages } from '../../fixtures/certificates.ts'
import { configuration, freePort } from '../../fixtures/server.ts'
import { smallWorld } from '../../fixtures/small-world.ts'
import { requirePackages } from '../../packages.ts'

const absent = requirePackages(certificatePackages)
const skip = absent.length > 0 ? `needs ${absent.join(', ')}` : false

interface Parts { port: number; host: SessionHost; log: LogEvent[]; logged(pattern: RegExp): Promise<void> }

/** One listener with TLS from the first byte. `faster`: the clock. */
async function listen(t: Tap, { faster = 1, atOnce = 1000, haproxy = false, config: more = '' }, filter = ''): Promise<Parts> {
  const world = smallWorld(t)
  const port = await freePort()
  const file = path.join(world.directory, 'culver.conf')
  const authority = new Authority(path.join(world.directory, 'ca'))
  const { cert, key } = authority.pair('mail', '/CN=mail.example.com', ['mail.example.com'])
  const other = authority.pair('other', '/CN=filtered.example.com')
  const filtered = filter === '' ? '' : `${filter} {\n  ssl_cert = <${other.cert}\n  ssl_key = <${other.key}\n}\n`
  fs.writeFileSync(file, configuration(world.directory, await freePort(), await freePort(), { config: `ssl = yes\nssl_cert = <${cert}\nssl_key = <${key}\nhaproxy_trusted_networks = 127.0.0.1\n${filtered}${more}` }))
  const log: LogEvent[] = []
  let wake = (): void => {}
  const effects: Effects = {
    ...world.effects,
    clock: { now: realClock.now, monotonic: () => realClock.monotonic() * faster },
    timers: { after: (ms, action) => realTimers.after(ms / faster, action) },
    emit: (event) => { log.push(event); wake() },
  }
  const config = loadConfig(file)
  const handshakes = new Handshakes(effects, () => config, newTicketKeys(), { atOnce })
  const host = new SessionHost(effects, config, { index: 0, count: 1, relayTo: () => { throw new Error('there is only one') } }, handshakes)
  const listeners = new Listeners(effects, () => config, host, handshakes)
  await listeners.listen([{ protocol: 'imap', kind: 'inet', address: '127.0.0.1', port, ssl: true, ...(haproxy ? { haproxy: true } : {}) }], true)
  t.teardown(async () => {
    await host.finish('The test is over.', 1000)
    await listeners.close()
  })
  const logged = async (pattern: RegExp): Promise<void> => {
    while (!log.some(({ text }) => pattern.test(text))) await new Promise<void>((resolve) => { wake = resolve })
  }
  return { port, host, log, logged }
}

const connected = async (port: number, greeting = ''): Promise<net.Socket> => {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (greeting !== '') socket.write(greeting)
  return socket
}

/** Whichever way the server ends it. */
const gone = (socket: net.Socket): Promise<void> => new Promise((resolve) => { socket.resume().once('close', () => resolve()) })

const secured = async (socket: net.Socket): Promise<tls.TLSSocket> => {
  const inner = tls.connect({ socket, servername: 'mail.example.com', rejectUnauthorized: false })
  await once(inner, 'secureConnect')
  return inner
}

void t.test('who takes too long', { skip }, async (t) => {
  const { port, host, log } = await listen(t, { faster: 100 })
  const started = performance.now()
  // The beginning of a record of 512 bytes, and then a byte now and then.
  const socket = await connected(port, '\x16\x03\x01\x02\x00\x01')
  const typing = setInterval(() => socket.write('\0'), 10)
  await gone(socket)
  clearInterval(typing)
  t.ok((performance.now() - started) * 100 >= limits.tlsHandshakeMs, 'not before')
  t.match(log.map(({ text }) => text), [/^Disconnected: Connection closed: Handshake took too long \(no auth attempts in [3-9]\d+ secs\): user=<>, rip=127\.0\.0\.1, lip=127\.0\.0\.1, TLS handshaking, session=<.+>$/])
  t.equal(host.sessionCount, 0)
})

void t.test('more than there may be at a time: the oldest is given up', { skip }, async (t) => {
  const { port, logged } = await listen(t, { atOnce: 3 })
  const first = await connected(port)
  const given = gone(first)
  const others = [await connected(port), await connected(port), await connected(port)]
  await given
  await logged(/too many handshakes at a time/)
  t.same(others.map(({ destroyed }) => destroyed), [false, false, false])
  const late = await secured(others[0]!)
  t.match(String((await once(late, 'data'))[0]), /^\* OK /, 'those that wait are served')
  for (const socket of others) socket.destroy()
})

void t.test('what is no TLS', { skip }, async (t) => {
  const { port, host, logged } = await listen(t, {})
  for (const text of ['GET / HTTP/1.0\r\n\r\n', 'a LOGIN user secret\r\n', '\0'.repeat(5000)]) {
    const socket = await connected(port, text)
    await gone(socket)
  }
  await logged(/Disconnected: Connection closed: SSL_accept\(\) failed: .*(http request|HTTP)/)
  const short = await connected(port, '\x16\x03\x01')
  short.end()
  await gone(short)
  await logged(/Remote closed connection/)
  t.equal(host.sessionCount, 0)
})

void t.test('a certificate for some addresses', { skip }, async (t) => {
  for (const [filter, name] of [['local 127.0.0.0/8', 'filtered'], ['remote 127.0.0.1', 'filtered'], ['remote 127.0.0.2', 'mail'], ['local 127.0.0.2', 'mail']] as const) {
    const { port } = await listen(t, {}, filter)
    const client = await secured(await connected(port))
    t.equal(client.getPeerCertificate().subject.CN, `${name}.example.com`, filter)
    client.destroy()
  }
})

void t.test('verbose_ssl tells of each handshake', { skip }, async (t) => {
  const silent = await listen(t, {})
  const quiet = await secured(await connected(silent.port))
  await once(quiet, 'data')
  t.same(silent.log.filter(({ name }) => name === 'tls.debug'), [])
  quiet.destroy()
  const { port, log, logged } = await listen(t, { config: 'remote 127.0.0.1 {\n  verbose_ssl = yes\n}\n' })
  const client = await secured(await connected(port))
  await logged(/^SSL: TLSv1\.3 with cipher TLS_\w+, server name mail\.example\.com, new session, \d+ ms: rip=127\.0\.0\.1, lip=127\.0\.0\.1, session=<.+>$/)
  client.destroy()
  const older = { port, host: '127.0.0.1', servername: 'mail.example.com', rejectUnauthorized: false, maxVersion: 'TLSv1.2' } as const
  const first = tls.connect(older)
  await once(first, 'data')
  const again = tls.connect({ ...older, session: first.getSession()! })
  await logged(/^SSL: TLSv1\.2 .*, resumed session, /)
  first.destroy()
  again.destroy()
  ;(await connected(port, 'GET / HTTP/1.0\r\n\r\n')).resume()
  await logged(/^SSL error: SSL_accept\(\) failed: .*http request.*: rip=127\.0\.0\.1/)
  t.ok(log.every(({ name, level, service }) => name !== 'tls.debug' || (level === 'debug' && service === 'imap-login')))
})

void t.test('an old client', { skip }, async (t) => {
  const { port, logged } = await listen(t, {})
  const client = tls.connect({ port, host: '127.0.0.1', maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0', rejectUnauthorized: false })
  await t.rejects(once(client, 'secureConnect'))
  await logged(/SSL_accept\(\) failed: .*unsupported protocol/)
})

void t.test('a PROXY header before TLS', { skip }, async (t) => {
  const { port, host, log } = await listen(t, { haproxy: true })
  const client = await secured(await connected(port, 'PROXY TCP4 198.51.100.7 203.0.113.1 36723 993\r\n'))
  t.match(String((await once(client, 'data'))[0]), /^\* OK .*AUTH=PLAIN/)
  t.equal(host.sessionCount, 1)
  client.write('a LOGOUT\r\n')
  await gone(client)
  t.match(log.at(-1)?.text, /rip=198\.51\.100\.7, lip=203\.0\.113\.1, TLS, /)
})

void t.test('handshakes end with the server', { skip }, async (t) => {
  const { port, host, logged } = await listen(t, {})
  const socket = await connected(port)
  const done = await secured(await connected(port)) // so that the first one has been accepted
  const ended = Promise.all([gone(socket), gone(done)])
  await host.finish('Server shutting down.', 1000)
  await ended
  await logged(/server shutting down/)
})
