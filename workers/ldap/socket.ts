// The way to an LDAP server: TCP or a UNIX socket, with TLS from the first byte (ldaps) or by StartTLS (RFC 4511 §4.14).
//
// StartTLS is done here and not by ldapts: that would keep bytes which somebody in between slipped in before TLS, and read
// them as the beginning of what the server says behind it.

import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import { BerReader } from 'ldapts'
import type { LdapFile, LdapSettingName } from '../../conf/ldap-file.ts'
import { ConfigError, TempFail, messageOf } from '../../runtime/errors.ts'
import type { LdapServer } from './servers.ts'

/** How TLS is spoken; `startTls`: on connections that begin without. */
export interface Tls { startTls: boolean; options: tls.ConnectionOptions }

/** The tls_* settings. ConfigError: a file that cannot be read or used. */
export function tlsOf({ settings, where }: LdapFile): Tls {
  const read = (name: LdapSettingName, file: string): string => {
    try {
      return fs.readFileSync(file, 'utf8')
    } catch (error) {
      throw new ConfigError(`${where(name)}: ${name}: ${messageOf(error)}`)
    }
  }
  const { tls_ca_cert_file: caFile, tls_ca_cert_dir: caDirectory, tls_cert_file: cert, tls_key_file: key, tls_cipher_suite: ciphers } = settings
  const ca = [
    ...(caFile === '' ? [] : [read('tls_ca_cert_file', caFile)]),
    ...(caDirectory === '' ? [] : certificatesIn(caDirectory, (file) => read('tls_ca_cert_dir', file))),
  ]
  const options: tls.ConnectionOptions = {
    rejectUnauthorized: settings.tls_require_cert !== 'never' && settings.tls_require_cert !== 'allow',
    ...(ca.length === 0 ? {} : { ca }),
    ...(cert === '' ? {} : { cert: read('tls_cert_file', cert) }),
    ...(key === '' ? {} : { key: read('tls_key_file', key) }),
    ...(ciphers === '' ? {} : { ciphers }),
  }
  try {
    tls.createSecureContext(options)
  } catch (error) {
    throw new ConfigError(`${where('tls_cert_file')}: the tls_ settings cannot be used: ${messageOf(error)}`)
  }
  return { startTls: settings.tls, options }
}

function certificatesIn(directory: string, read: (file: string) => string): string[] {
  if (!fs.existsSync(directory)) return [read(directory)]
  return fs.readdirSync(directory).map((name) => path.join(directory, name))
    .filter((file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true)
    .map(read).filter((text) => text.includes('-----BEGIN CERTIFICATE-----'))
}

/** Long enough that no firewall forgets an idle connection, and that a dead one is known before it is needed. */
const keepAliveMs = 30_000

/** A connection to `server` with TLS as configured, within `ms`. TempFail. */
export async function openSocket(server: LdapServer, { startTls, options }: Tls, ms: number): Promise<net.Socket> {
  const opened: net.Socket[] = []
  const add = <Socket extends net.Socket>(socket: Socket): Socket => {
    opened.push(socket)
    // There is no moment without a listener: an error nobody listens for would end the thread.
    return socket.on('error', () => {})
  }
  const identity = 'host' in server.at ? { host: server.at.host, ...(net.isIP(server.at.host) === 0 ? { servername: server.at.host } : {}) } : {}
  const timer = setTimeout(() => opened.at(-1)?.destroy(new Error(`no connection within ${ms} ms`)), ms)
  try {
    const plain = add(net.connect({ ...server.at, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs }))
    await until(plain, 'connect')
    if (!server.secure && !startTls) return plain
    if (!server.secure) await askForTls(plain)
    const secure = add(tls.connect({ ...options, ...identity, socket: plain }))
    await until(secure, 'secureConnect')
    return secure
  } catch (error) {
    for (const socket of opened) socket.destroy()
    throw new TempFail(messageOf(error))
  } finally {
    clearTimeout(timer)
  }
}

/** Settles with the first `event`; rejects when the socket breaks before. */
function until(socket: net.Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void => { reject(new Error('the server closed the connection')) }
    socket.once('error', reject)
    socket.once('close', closed)
    socket.once(event, () => {
      socket.off('error', reject)
      socket.off('close', closed)
      resolve()
    })
  })
}

/** LDAPMessage { messageID 1, extendedReq { requestName 1.3.6.1.4.1.1466.20037 } } */
const startTlsRequest = Buffer.concat([Buffer.from([0x30, 0x1d, 2, 1, 1, 0x77, 0x18, 0x80, 0x16]), Buffer.from('1.3.6.1.4.1.1466.20037')])

/** More than any answer to that; none ends later than its first packets. */
const longestAnswer = 4096

/** Settles when the server is ready for the TLS handshake. */
function askForTls(socket: net.Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0)
    const closed = (): void => { reject(new Error('the server closed the connection')) }
    const read = (bytes: Buffer): void => {
      answer = Buffer.concat([answer, bytes])
      const code = startTlsCode(answer)
      if (code === undefined && answer.length <= longestAnswer) return
      // From here on the bytes are TLS's.
      socket.pause().off('data', read).off('error', reject).off('close', closed)
      if (code === 0) resolve()
      else reject(new Error(typeof code === 'number' ? `the server refuses StartTLS (result ${code})` : 'the answer to StartTLS is none'))
    }
    socket.on('data', read).on('error', reject).on('close', closed)
    socket.write(startTlsRequest)
  })
}

/** The result code of an answer; undefined: not whole yet. Exactly one message may stand before TLS. */
function startTlsCode(answer: Buffer): number | 'garbage' | undefined {
  try {
    const reader = new BerReader(answer)
    if (reader.readSequence(0x30) === null || reader.remain < reader.length) return undefined
    if (reader.remain > reader.length || reader.readInt() !== 1 || reader.readSequence(0x78) === null) return 'garbage'
    return reader.readEnumeration() ?? 'garbage'
  } catch {
    return 'garbage'
  }
}
