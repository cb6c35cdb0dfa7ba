// Session ids as operators know them from Dovecot: base64 of microseconds (48 bits), port and address of the client.
// Unique for nine years on one address, short, and free of characters that logs or proxies would have to quote.

import { Buffer } from 'node:buffer'
import net from 'node:net'
import type { Endpoint } from '../actors/session/seed.ts'

function addressBytes(ip: string): number[] {
  if (net.isIPv4(ip)) return ip.split('.').map(Number)
  if (!net.isIPv6(ip)) return []
  const [head = '', tail] = ip.replace(/%.*$/, '').split('::')
  const words = (text: string): number[] => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)))
  const front = words(head)
  const back = tail === undefined ? [] : words(tail)
  const zeros: number[] = new Array(Math.max(0, 8 - front.length - back.length)).fill(0)
  return [...front, ...(tail === undefined ? [] : zeros), ...back].flatMap((word) => [(word >> 8) & 255, word & 255])
}

let last = 0

/** A session id for a connection that came at `nowMs` from `remote`. */
export function sessionId(nowMs: number, remote: Endpoint): string {
  // Two connections of one client within a millisecond, or a clock that jumps back, must not share an id.
  last = Math.max(last + 1, nowMs * 1000)
  const bytes = [0, 8, 16, 24, 32, 40].map((shift) => Math.floor(last / 2 ** shift) & 255)
  bytes.push(remote.port & 255, remote.port >> 8, ...addressBytes(remote.ip))
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '')
}
