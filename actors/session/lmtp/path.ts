// Paths and parameters of MAIL and RCPT. RFC 5321 §4.1.2: `FROM:<@route:local@domain> KEY=VALUE …`.
// Taken more widely than the RFC: local parts without a domain, UTF-8, and what lmtp_client_workarounds allow.

import { Buffer } from 'node:buffer'
import { limits } from '../../../runtime/limits.ts'
import { badCommand } from './reply.ts'

/** An address; `<>` has an empty `text`. */
export interface Path {
  /** As sent, without angle brackets and source route. */
  text: string
  /** Unquoted. */
  local: string
  /** Empty where there is none. */
  domain: string
}

export interface PathAndParams { path: Path; params: [string, string][] }

export interface PathOptions { keyword: 'FROM' | 'TO'; workarounds: readonly string[] }

/** Local part (quoted, or anything that needs no quotes to be told apart), then perhaps a domain. */
const mailboxForm = /^("(?:[^"\\]|\\.)*"|[^\s"<>@\\]+)(?:@([^\s"<>@\\]+))?/

/** Reads what follows `MAIL ` or `RCPT `. Refusal 501. */
export function parsePath(text: string, { keyword, workarounds }: PathOptions): PathAndParams {
  const fail = (why: string) => badCommand(`501 5.5.4 Invalid ${keyword}: ${why}`)
  if (text.slice(0, keyword.length + 1).toUpperCase() !== `${keyword}:`) throw fail(`${keyword}:<address> expected`)
  let rest = text.slice(keyword.length + 1)
  if (workarounds.includes('whitespace-before-path')) rest = rest.replace(/^[ \t]+/, '')
  const bracket = rest.startsWith('<')
  if (!bracket && !workarounds.includes('mailbox-for-path')) throw fail('Missing \'<\'')
  if (bracket) rest = rest.slice(1).replace(/^@[^:<>"\s]*:/, '')
  const { path, after } = parseMailbox(rest, fail)
  if (bracket && !after.startsWith('>')) throw fail('Missing \'>\'')
  const params = bracket ? after.slice(1) : after
  if (params !== '' && !/^[ \t]/.test(params)) throw fail('Blank expected after the path')
  return { path, params: parseParams(params) }
}

function parseMailbox(text: string, fail: (why: string) => Error): { path: Path; after: string } {
  const found = mailboxForm.exec(text)
  if (found === null) {
    if (text.startsWith('>') || text === '') return { path: { text: '', local: '', domain: '' }, after: text }
    throw fail('Not an address')
  }
  const [whole, local = '', domain = ''] = found
  if (Buffer.byteLength(whole, 'utf8') > limits.userNameBytes) throw fail('Address too long')
  const unquoted = local.startsWith('"') ? local.slice(1, -1).replace(/\\(.)/g, '$1') : local
  return { path: { text: whole, local: unquoted, domain }, after: text.slice(whole.length) }
}

function parseParams(text: string): [string, string][] {
  return text.split(/[ \t]+/).filter((word) => word !== '').map((word) => {
    const equals = word.indexOf('=')
    return equals < 0 ? [word.toUpperCase(), ''] : [word.slice(0, equals).toUpperCase(), word.slice(equals + 1)]
  })
}

/** xtext: `+XX` stands for a byte. RFC 3461 §4. */
export const decodeXtext = (text: string): string =>
  Buffer.from(text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1').toString('utf8')

/**
 * User name and detail: `tim+lists@example.com` is `tim@example.com` with detail `lists`. `delimiters` is a set of
 * characters (recipient_delimiter).
 */
export function splitDetail(path: Path, delimiters: string): { user: string; detail?: string } {
  const at = [...path.local].findIndex((char, index) => index > 0 && delimiters.includes(char))
  const chars = [...path.local]
  const name = at < 0 ? path.local : chars.slice(0, at).join('')
  const user = path.domain === '' ? name : `${name}@${path.domain}`
  return at < 0 ? { user } : { user, detail: chars.slice(at + 1).join('') }
}
