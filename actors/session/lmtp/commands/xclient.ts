// XCLIENT: a trusted proxy hands its client over, and the connection begins anew with the greeting. Postfix' extension
// (XCLIENT_README) with Dovecot's attributes; values are xtext (RFC 3461 §4).

import { limits } from '../../../../runtime/limits.ts'
import { take } from '../../hand-over.ts'
import type { Attribute, HandOver } from '../../hand-over.ts'
import { command } from '../command.ts'
import type { Proxied } from '../command.ts'
import { decodeXtext } from '../path.ts'
import { badCommand, Refusal } from '../reply.ts'

interface Said extends HandOver, Proxied {}

/** Reads a decoded value into `said`; false: it is malformed. */
type Reader = (said: Said, value: string) => boolean

const isNumber = (value: string): boolean => /^[0-9]{1,9}$/.test(value)
const attribute = (name: Attribute): Reader => (said, value) => take(said, name, value)

/** By name. */
const readers: Record<string, Reader> = {
  // IPv6 comes with and without its tag.
  ADDR: (said, value) => {
    const tagged = /^IPV6:/i.test(value)
    const ip = tagged ? value.slice(5) : value
    return (!tagged || ip.includes(':')) && take(said, 'remoteIp', ip)
  },
  PORT: attribute('remotePort'),
  PROTO: (said, value) => {
    if (!/^(SMTP|ESMTP|LMTP)$/i.test(value)) return false
    said.protocol = value.toUpperCase()
    return true
  },
  HELO: (said, value) => {
    if (!/^[^\s()<>\\;]{1,255}$/.test(value)) return false
    said.helo = value
    return true
  },
  // The name that the client has logged in with, and the seconds that the proxy waits: nothing here depends on them.
  LOGIN: (_, value) => value.length <= limits.userNameBytes,
  SESSION: attribute('session'),
  TTL: attribute('ttl'),
  TIMEOUT: (_, value) => isNumber(value),
}

/** As LHLO shows them. */
export const attributes = Object.keys(readers).join(' ')

/** Values that say nothing. */
const isUnavailable = (value: string): boolean => /^\[(UNAVAILABLE|TEMPUNAVAIL)\]$/i.test(value)

function parse(text: string): Said {
  const said: Said = {}
  for (const word of text.split(/ +/)) {
    const equals = word.indexOf('=')
    const name = word.slice(0, Math.max(0, equals)).toUpperCase()
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined
    if (reader === undefined) throw badCommand('501 5.5.4 Invalid XCLIENT attribute')
    const value = xtext(word.slice(equals + 1))
    if (value === undefined || (!isUnavailable(value) && !reader(said, value))) throw badCommand(`501 5.5.4 Invalid ${name} value`)
  }
  return said
}

/** undefined: it is no xtext, or hides control characters. */
function xtext(text: string): string | undefined {
  if (!/^([!-*,-<>-~]|\+[0-9A-F]{2})+$/.test(text)) return undefined
  const value = decodeXtext(text)
  return /[\u0000-\u001f\u007f\ufffd]/.test(value) ? undefined : value
}

export default command({
  name: 'XCLIENT',
  parse(text, { world }) {
    if (!world.seed.trusted) throw new Refusal('550 5.7.14 You are not from trusted IP')
    return parse(text)
  },
  run({ helo, protocol, ...said }, connection) {
    if (connection.transaction !== undefined) throw new Refusal('503 5.5.1 XCLIENT not allowed during a transaction')
    if (said.ttl === 0) throw new Refusal('554 5.4.6 Proxying loops', { close: 'Proxying loops: the TTL has reached zero' })
    connection.world.handOver(said)
    connection.proxied = { ...(helo === undefined ? {} : { helo }), ...(protocol === undefined ? {} : { protocol }) }
    connection.helo = ''
    connection.greet()
  },
})
