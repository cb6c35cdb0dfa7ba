// The ssl_* settings: what is wrong in them is told by name, and holds in handshakes as Dovecot means it.

import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { execFileSync } from 'node:child_process'
import t from 'tap'
import type { Test as Tap } from 'tap'
import { loadConfig, settingsFor } from '../../../conf/load.ts'
import type { Config } from '../../../conf/load.ts'
import { ConfigError } from '../../../runtime/errors.ts'
import { listenerName, listenersOf } from '../../../workers/listeners.ts'
import { checkTls, someoneHasTls } from '../../../workers/tls/check.ts'
import { newTicketKeys, serverTls } from '../../../workers/tls/context.ts'
import { Authority, certificatePackages } from '../../fixtures/certificates.ts'
import { requirePackages } from '../../packages.ts'

const absent = requirePackages(certificatePackages)
const skip = absent.length > 0 ? `needs ${absent.join(', ')}` : false
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-tls-settings-'))
t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
const authority = skip === false ? new Authority(directory) : undefined
const pair = authority?.pair('mail', '/CN=mail.example.com', ['mail.example.com'])
const other = authority?.pair('other', '/CN=other.example.com', ['other.example.com'])
const own = `ssl_cert = <${pair?.cert}\nssl_key = <${pair?.key}\n`

function config(text: string): Config {
  const file = path.join(directory, 'culver.conf')
  fs.writeFileSync(file, `protocols = imap lmtp\nlisten = 127.0.0.1\nbase_dir = /run/x\n${text}`)
  return loadConfig(file)
}

void t.test('what is wrong', { skip }, async (t) => {
  for (const [text, line, message] of [
    ['ssl = required\n', 4, /: ssl = required, but ssl_cert is not set$/],
    ['ssl = required\nprotocol imap {\n ssl_cert = <other.crt\n ssl_key = <other.key\n}\n', 4, /: ssl = required, but ssl_cert is not set$/],
    [`ssl_cert = <${pair!.cert}\n`, 4, /: ssl_cert is set, but ssl_key is not$/],
    [`ssl_cert = <${pair!.cert}\nssl_key = <${other!.key}\n`, 5, /: ssl_key is not the key of ssl_cert$/],
    [`ssl_cert = <${pair!.key}\nssl_key = <${pair!.key}\n`, 4, /: ssl_cert: /],
    [`ssl_cert = ${pair!.cert}\nssl_key = ${pair!.key}\n`, 4, /: ssl_cert: /],
    [`${own}ssl_alt_cert = <${other!.cert}\n`, 6, /: ssl_alt_cert and ssl_alt_key are of use together only$/],
    [`${own}ssl_cipher_list = NONE-SUCH\n`, 6, /: ssl_cipher_list or ssl_cipher_suites: /],
    [`${own}ssl_curve_list = none\n`, 6, /: ssl_curve_list: /],
    [`${own}ssl_dh = <${pair!.key}\n`, 6, /: ssl_dh holds no Diffie-Hellman parameters$/],
    [`${own}ssl_verify_client_cert = yes\n`, undefined, /: client certificates are asked for, but ssl_ca is not set$/],
    [`${own}local_name other.example.com {\n ssl_cert = <${other!.cert}\n}\n`, 5, /: local_name other\.example\.com: ssl_key is not the key of ssl_cert$/],
  ] as const) {
    t.throws(() => checkTls(config(text)), { name: 'ConfigError', message }, text)
    const place = line === undefined ? '' : `:${line}`
    t.throws(() => checkTls(config(text)), { message: new RegExp(`^${directory}/culver\\.conf${place}: `) }, `${text} is named by its line`)
  }
  t.throws(() => config(`${own}ssl_min_protocol = TLSv2\n`), ConfigError)
  t.throws(() => config(`${own}ssl_options = sslv3\n`), ConfigError)
})

void t.test('what is told', { skip }, async (t) => {
  t.same(checkTls(config('ssl = no\n')), [])
  t.same(checkTls(config('ssl = yes\n')), ['ssl = yes, but ssl_cert is not set: TLS is not offered'])
  t.same(checkTls(config(own)), [])
  t.same(checkTls(config(`${own}ssl_ca = <${authority!.cert}\nssl_verify_client_cert = yes\n`)),
    ['no client certificate will be valid: ssl_require_crl = yes, and ssl_ca has no revocation list'])
  t.same(checkTls(config(`${own}ssl_ca = <${authority!.cert}\nssl_verify_client_cert = yes\nssl_require_crl = no\n`)), [])
})

void t.test('listeners', { skip }, async (t) => {
  const names = (text: string): string[] => {
    const read = config(text)
    return listenersOf(settingsFor(read, {}), someoneHasTls(read)).flatMap((listener) => (listener.kind === 'unix' ? [] : [`${listener.ssl ? 'tls' : 'plain'} ${listenerName(listener)}`]))
  }
  t.same(names(own), ['plain 127.0.0.1:143', 'tls 127.0.0.1:993'], 'by default, where there is a certificate')
  t.same(names(`local_name other.example.com {\n ${own}}\n`), ['plain 127.0.0.1:143', 'tls 127.0.0.1:993'])
  t.same(names('ssl = yes\n'), ['plain 127.0.0.1:143'])
  t.same(names(`ssl = no\n${own}`), ['plain 127.0.0.1:143'])
  t.same(names(`${own}service lmtp {\n inet_listener lmtps {\n port = 1024\n ssl = yes\n }\n}\n`), ['plain 127.0.0.1:143', 'tls 127.0.0.1:993', 'tls 127.0.0.1:1024'])
})

/** One handshake with these settings. */
async function shake(t: Tap, text: string, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const { context } = serverTls(settingsFor(config(`${own}${text}`), {}), newTicketKeys())
  const server = net.createServer((socket) => { new tls.TLSSocket(socket, { isServer: true, secureContext: context }).on('error', () => {}) })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const client = tls.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  t.teardown(() => { client.destroy(); server.close() })
  await once(client, 'secureConnect')
  return client
}

void t.test('versions, ciphers, keys', { skip }, async (t) => {
  t.equal((await shake(t, '')).getProtocol(), 'TLSv1.3')
  t.equal((await shake(t, '', { maxVersion: 'TLSv1.2' })).getProtocol(), 'TLSv1.2')
  await t.rejects(shake(t, 'ssl_min_protocol = TLSv1.3\n', { maxVersion: 'TLSv1.2' }))
  t.equal((await shake(t, 'ssl_cipher_suites = TLS_AES_128_GCM_SHA256\n')).getCipher().name, 'TLS_AES_128_GCM_SHA256')
  t.equal((await shake(t, 'ssl_cipher_list = ECDHE-ECDSA-AES128-GCM-SHA256\n', { maxVersion: 'TLSv1.2' })).getCipher().name, 'ECDHE-ECDSA-AES128-GCM-SHA256')
  t.equal((await shake(t, 'ssl_cipher_list = ECDHE-ECDSA-AES128-GCM-SHA256\n')).getProtocol(), 'TLSv1.3', 'a list without TLS 1.3 ciphers leaves TLS 1.3 alone')
  const order = 'ssl_cipher_list = ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256\n'
  const asked = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384' } as const
  t.equal((await shake(t, order, asked)).getCipher().name, 'ECDHE-ECDSA-AES128-GCM-SHA256')
  t.equal((await shake(t, `${order}ssl_prefer_server_ciphers = yes\n`, asked)).getCipher().name, 'ECDHE-ECDSA-AES256-GCM-SHA384')
  t.match((await shake(t, 'ssl_curve_list = P-521\n')).getEphemeralKeyInfo(), { name: 'secp521r1' })
  const tickets = async (text: string): Promise<number> => {
    const client = await shake(t, text, { maxVersion: 'TLSv1.2' })
    return client.getTLSTicket()?.length ?? 0
  }
  t.ok(await tickets('') > 0)
  t.equal(await tickets('ssl_options = no_ticket\n'), 0)

  const [locked, rsa] = [path.join(directory, 'locked.key'), path.join(directory, 'rsa.crt')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-passout', 'pass:sesame', '-subj', '/CN=rsa.example.com', '-days', '2', '-keyout', locked, '-out', rsa], { stdio: 'ignore' })
  const alternative = `ssl_alt_cert = <${rsa}\nssl_alt_key = <${locked}\n`
  t.throws(() => checkTls(config(`${own}${alternative}`)), { message: /: ssl_alt_key: / })
  const signed = async (ciphers: string): Promise<unknown> =>
    (await shake(t, `${alternative}ssl_key_password = sesame\n`, { maxVersion: 'TLSv1.2', ciphers })).getPeerCertificate().subject.CN
  t.equal(await signed('ECDHE-ECDSA-AES128-GCM-SHA256'), 'mail.example.com')
  t.equal(await signed('ECDHE-RSA-AES128-GCM-SHA256'), 'rsa.example.com', 'who cannot do with the first certificate has the second')
})
