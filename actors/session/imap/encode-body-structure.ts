// BODY and BODYSTRUCTURE: the MIME tree as nested lists. RFC 3501 §7.4.2.

import { joinContinuations } from '../../mail/parameters.ts'
import type { MimePart } from '../../mail/types.ts'
import { nstring, string } from './encode.ts'
import { encodeEnvelope } from './encode-envelope.ts'

/** The parenthesised structure, Latin-1. `extended`: BODYSTRUCTURE's extension data too. */
export function encodeBodyStructure(part: MimePart, extended: boolean): string {
  return part.type === 'multipart' ? multipart(part, extended) : single(part, extended)
}

/** What a multipart without parts is shown to hold: the grammar wants one at least (Dovecot does the same). */
const emptyPart: MimePart = {
  type: 'text', subtype: 'plain', params: [], encoding: '7bit', headerOffset: 0, headerSize: 0, bodySize: 0, bodyLines: 0,
}

function multipart(part: MimePart, extended: boolean): string {
  const parts = part.parts && part.parts.length > 0 ? part.parts : [emptyPart]
  const bodies = parts.map((each) => encodeBodyStructure(each, extended)).join('')
  const extension = extended ? ` ${params(joinContinuations(part.params))} ${tail(part)}` : ''
  return `(${bodies} ${string(part.subtype)}${extension})`
}

function single(part: MimePart, extended: boolean): string {
  const text = part.type === 'text'
  // A text part without a charset is in US-ASCII (RFC 2045 §5.2); Dovecot says so, and clients have come to expect it.
  const given = joinContinuations(part.params)
  const named: typeof given = text && !given.some(([name]) => name === 'charset') ? [...given, ['charset', 'us-ascii']] : given
  const fields = [
    string(part.type), string(part.subtype), params(named), nstring(part.id), nstring(part.description), string(part.encoding),
    String(part.bodySize),
  ]
  const message = embedded(part)
  if (message) {
    fields.push(encodeEnvelope(message.envelope ?? {}), encodeBodyStructure(message, extended), String(part.bodyLines))
  } else if (text) {
    fields.push(String(part.bodyLines))
  }
  if (extended) fields.push(nstring(part.md5), tail(part))
  return `(${fields.join(' ')})`
}

/** body-fld-param: ("name" "value" …) or NIL. */
const params = (pairs: readonly (readonly [string, string])[]): string =>
  (pairs.length === 0 ? 'NIL' : `(${pairs.map(([name, value]) => `${string(name)} ${string(value)}`).join(' ')})`)

/** body-fld-dsp SP body-fld-lang SP body-fld-loc */
function tail({ disposition, language, location }: MimePart): string {
  const dsp = disposition ? `(${string(disposition.type)} ${params(joinContinuations(disposition.params))})` : 'NIL'
  const lang = language && language.length > 0 ? `(${language.map(string).join(' ')})` : 'NIL'
  return `${dsp} ${lang} ${nstring(location)}`
}

/** The message in a message/rfc822 part. */
const embedded = (part: MimePart): MimePart | undefined => (part.type === 'message' ? part.parts?.[0] : undefined)
