// The header by which a load balancer tells whose connection it passes on: PROXY protocol, versions 1 (a line) and 2 (binary),
// https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt. It precedes everything else, TLS too.
//
// Who sends no whole header in time, or anything else, is not served: a guess would be a client with a wrong address.

import { Buffer } from 'node:buffer'
import type net from 'node:net'
import type { ClientCertificate, Endpoint, TlsProperties } from '../actors/session/seed.ts'
import { canonicalAddress } from '../conf/network.ts'
import type { Timers } from '../runtime/effects.ts'
import { limits } from '../runtime/limits.ts'
import { hostName } from './tls/host-name.ts'

/** Whose connection it is: from where, to where. */
export interface Proxied { remote: Endpoint; local: Endpoint; /** The balancer has ended the client's TLS. */ tls?: TlsProperties }

/**
 * `used` bytes were the header; no `proxied`: the balancer speaks for itself (a health check), or cannot tell. `incomplete`:
 * more bytes are needed. `bad`: it is none, and why.
 */
export type ParsedHeader =
  | { kind: 'header'; used: number; proxied?: Proxied }
  | { kind: 'incomplete' }
  | { kind: 'bad'; why: string }

const incomplete: ParsedHeader = { kind: 'incomplete' }
const bad = (why: string): ParsedHeader => ({ kind: 'bad', why })

const textStart = Buffer.from('PROXY ', 'latin1')
const binaryStart = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** A version 1 line with its CRLF is never longer. */
const longestLine = 107
const binaryHead = 16

/** Reads the header at the beginning of `bytes`. */
export function parseProxyHeader(bytes: Uint8Array): ParsedHeader {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, limits.proxyHeaderBytes))
  const begins = (signature: Buffer): boolean => {
    const known = Math.min(start.length, signature.length)
    return start.subarray(0, known).equals(signature.subarray(0, known))
  }
  if (begins(textStart)) return start.length < textStart.length ? incomplete : parseLine(start)
  if (begins(binaryStart)) return start.length < binaryHead ? incomplete : parseBinary(start, bytes.length)
  return bad('not a PROXY header')
}

function parseLine(start: Buffer): ParsedHeader {
  const end = start.subarray(0, longestLine).indexOf('\r\n')
  if (end < 0) return start.length < longestLine ? incomplete : bad('PROXY line too long')
  const line = start.toString('latin1', 0, end)
  const used = end + 2
  if (/^PROXY UNKNOWN( |$)/.test(line)) return { kind: 'header', used }
  const [, family, ...said] = /^PROXY TCP([46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) ([0-9]{1,5}) ([0-9]{1,5})$/.exec(line) ?? []
  const [from = '', to = '', fromPort = '', toPort = ''] = said
  if (family === undefined || from.includes(':') !== (family === '6') || to.includes(':') !== (family === '6')) return bad('malformed PROXY line')
  return addressed(used, { ip: from, port: Number(fromPort) }, { ip: to, port: Number(toPort) })
}

/** Version 2: signature, version and command, family, length of the rest: addresses and TLVs. */
function parseBinary(start: Buffer, have: number): ParsedHeader {
  const command = start[12]!
  const family = start[13]!
  const length = start.readUInt16BE(14)
  const used = binaryHead + length
  if (command !== 0x20 && command !== 0x21) return bad('unknown version or command in PROXY header')
  if (used > limits.proxyHeaderBytes) return bad('PROXY header too long')
  if (have < used) return incomplete
  if (command === 0x20 || family === 0x00 || family === 0x31) return { kind: 'header', used } // LOCAL; UNSPEC; UNIX sockets have no address
  const size = family === 0x11 ? 4 : family === 0x21 ? 16 : undefined
  if (size === undefined) return bad('PROXY header of something other than TCP')
  if (length < 2 * size + 4) return bad('PROXY header without addresses')
  const at = (offset: number): string => addressOf(start.subarray(binaryHead + offset, binaryHead + offset + size))
  const port = (offset: number): number => start.readUInt16BE(binaryHead + 2 * size + offset)
  const tls = tlsIn(start.subarray(binaryHead + 2 * size + 4, used))
  return addressed(used, { ip: at(0), port: port(0) }, { ip: at(size), port: port(2) }, tls)
}

// §2.2.7: type, length, value, one after another. Of those about TLS, PP2_TYPE_SSL holds others.
const tlv = { authority: 0x02, ssl: 0x20, version: 0x21, commonName: 0x22, cipher: 0x23 } as const
const clientHasTls = 0x01
const clientHasCertificate = 0x02 | 0x04

/** The values by type; what follows a malformed one is not looked at. */
function valuesIn(bytes: Buffer): Map<number, Buffer> {
  const values = new Map<number, Buffer>()
  for (let at = 0; at + 3 <= bytes.length;) {
    const end = at + 3 + bytes.readUInt16BE(at + 1)
    if (end > bytes.length) break
    values.set(bytes[at]!, bytes.subarray(at + 3, end))
    at = end
  }
  return values
}

const textOf = (bytes: Buffer | undefined): string | undefined => {
  const text = bytes?.toString('utf8')
  return text === undefined || text === '' || /[\u0000-\u001f\u007f\ufffd]/.test(text) ? undefined : text
}

/** What the balancer tells of its client's TLS; undefined: there was none. */
function tlsIn(bytes: Buffer): TlsProperties | undefined {
  const values = valuesIn(bytes)
  const ssl = values.get(tlv.ssl)
  if (ssl === undefined || ssl.length < 5 || (ssl[0]! & clientHasTls) === 0) return undefined
  const inner = valuesIn(ssl.subarray(5))
  const name = textOf(inner.get(tlv.commonName))
  const valid = ssl.readUInt32BE(1) === 0
  const certificate: ClientCertificate = { valid, ...(name === undefined ? {} : { name }), ...(valid ? {} : { why: 'refused by the load balancer' }) }
  const serverName = hostName(textOf(values.get(tlv.authority)))
  return {
    protocol: textOf(inner.get(tlv.version)) ?? 'TLS',
    cipher: textOf(inner.get(tlv.cipher)) ?? '',
    ...(serverName === undefined ? {} : { serverName }),
    ...((ssl[0]! & clientHasCertificate) === 0 ? {} : { certificate }),
  }
}

const addressOf = (bytes: Buffer): string =>
  (bytes.length === 4 ? [...bytes].join('.') : Array.from({ length: 8 }, (_, n) => bytes.readUInt16BE(2 * n).toString(16)).join(':'))

function addressed(used: number, from: Endpoint, to: Endpoint, tls?: TlsProperties): ParsedHeader {
  const [fromIp, toIp] = [canonicalAddress(from.ip), canonicalAddress(to.ip)]
  if (fromIp === undefined || toIp === undefined || from.port > 65535 || to.port > 65535) return bad('malformed address in PROXY header')
  return { kind: 'header', used, proxied: { remote: { ip: fromIp, port: from.port }, local: { ip: toIp, port: to.port }, ...(tls === undefined ? {} : { tls }) } }
}

/** What becomes of a connection that must begin with a header. Exactly one of them is called, once. */
export interface HeaderReader {
  /** The socket is paused, and what it gives next follows the header. */
  read(proxied: Proxied | undefined): void
  /** The socket has been dropped; why, for the log. */
  failed(why: string): void
}

/** Reads the header off a fresh socket, within `timeoutMs`. */
export function readProxyHeader(socket: net.Socket, timers: Timers, timeoutMs: number, reader: HeaderReader): void {
  let received = Buffer.alloc(0)
  const fail = (why: string): void => {
    stop()
    socket.destroy()
    reader.failed(why)
  }
  const more = (bytes: Buffer): void => {
    received = Buffer.concat([received, bytes])
    const parsed = parseProxyHeader(received)
    if (parsed.kind === 'incomplete') return
    if (parsed.kind === 'bad') return fail(parsed.why)
    stop()
    socket.pause()
    if (parsed.used < received.length) socket.unshift(received.subarray(parsed.used))
    reader.read(parsed.proxied)
  }
  const gone = (): void => fail('the connection ended before the PROXY header')
  const stop = (): void => {
    cancel()
    socket.off('data', more)
    socket.off('end', gone)
    socket.off('close', gone)
  }
  const cancel = timers.after(timeoutMs, () => fail('no PROXY header in time'))
  socket.on('error', () => {}) // 'close' follows
  socket.on('data', more)
  socket.on('end', gone)
  socket.on('close', gone)
}
