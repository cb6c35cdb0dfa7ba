// The sample mails and the odd ones as postal-mime, an independent parser, reads them: subject, addresses, attachments with their
// names, types and decoded bytes, the text of the parts. Where the two differ, the table below says why; a difference that is not there fails, and
// so does a line of the table that explains nothing.

import { Buffer } from 'node:buffer'
import PostalMime, { addressParser } from 'postal-mime'
import type { Address as Other, Email } from 'postal-mime'
import t from 'tap'
import { parseAddressList } from '../../../actors/mail/address.ts'
import { decodeEncodedWords } from '../../../actors/mail/encoded-words.ts'
import { envelopeFields } from '../../../actors/mail/envelope.ts'
import { headerFields } from '../../../actors/mail/headers.ts'
import { decodeParams } from '../../../actors/mail/parameters.ts'
import { bodyRange, headerRange } from '../../../actors/mail/summary.ts'
import { transferDecoder } from '../../../actors/mail/transfer-encoding.ts'
import type { MimePart } from '../../../actors/mail/types.ts'
import { crlf, parse, sample, sampleNames } from '../../fixtures/mails/mails.ts'
import { oddMail, oddNames } from '../../fixtures/mails/odd-mails.ts'

interface Difference { mails: RegExp; aspects: RegExp; why: string }

const differences: readonly Difference[] = [
  { mails: /^(broken-header|text-before-header|space-first-line|fields-name-odd)$/, aspects: /^fields$/, why: 'Lines without a field name are no fields; postal-mime names them after what they say.' },
  { mails: /^(broken-header|fields-empty|type-(none-of-both|slash|no-type|junk|two-slashes))$/, aspects: /^(attachments|texts)$/,
    why: 'A type that cannot be read is text/plain (RFC 2045 §5.2), or what can be read of it; postal-mime makes an attachment of it.' },
  { mails: /^type-(spaces|no-semicolon)$/, aspects: /^(attachments|texts)$/, why: 'White space around the slash, a forgotten semicolon: text/html all the same.' },
  { mails: /^multipart-(no-boundary-parameter|empty-boundary)$/, aspects: /^texts$/, why: 'A multipart without boundary is shown as the text it is; postal-mime shows nothing.' },
  { mails: /^boundary-parameter-spaces$/, aspects: /^texts$/, why: 'Spaces at the end of a boundary do not count (RFC 2046 §5.1.1).' },
  { mails: /^nested-150$/, aspects: /^texts$/, why: 'Beyond limits.mimeDepth the rest is one text.' },
  { mails: /^cr-(in-body|cr-lf)$/, aspects: /^texts$/, why: 'A bare CR is a byte like others; postal-mime takes CR CR LF for a line break.' },
  { mails: /^cr-in-header$/, aspects: /^to$/, why: 'White space beside the @ of an address does not count (RFC 5322 §4.4); postal-mime leaves it.' },
  { mails: /^nul-in-header$/, aspects: /^(subject|from)$/, why: 'IMAP strings hold no NUL: it becomes 0x80, as in Dovecot.' },
  { mails: /^fields-folded$/, aspects: /^subject$/, why: 'A fold is one space, as in Dovecot; postal-mime keeps its white space.' },
  { mails: /^(fields|addresses)-8bit$/, aspects: /^(subject|from)$/, why: 'Text that is no UTF-8 is guessed to be windows-1252.' },
  { mails: /^type-8bit$/, aspects: /^attachments$/, why: 'The bytes of a type stay bytes; postal-mime decodes them.' },
  { mails: /^addresses-(comments|nested-comment|quotes-midword|two-angles|unclosed-angle)$/, aspects: /^from$/, why: 'Comments nest, belong to one address and end at its comma; postal-mime mixes what stands around the angle brackets.' },
  { mails: /^addresses-route$/, aspects: /^from$/, why: 'A route is no part of the address.' },
  { mails: /^addresses-no-domain$/, aspects: /^from$/, why: 'A single word is a local mailbox; postal-mime takes it for a name.' },
  { mails: /^addresses-quoted-local$/, aspects: /^from$/, why: 'Of a quoted local part the quotes are no part, in angle brackets either.' },
  { mails: /^addresses-spaces$/, aspects: /^from$/, why: 'White space around the dots and the @ of an address does not count (RFC 5322 §4.4).' },
  { mails: /^disposition-odd$/, aspects: /^attachments$/, why: 'A forgotten semicolon: an attachment all the same.' },
  { mails: /^qp-(plain|odd)$/, aspects: /^attachments$/, why: 'White space at the end of an encoded line is deleted, and so is a soft line break with space behind it (RFC 2045 §6.7).' },
]

/** What is compared: aspects, in a form in which equals are equal. */
type Opinion = Record<string, unknown>

const addressText = (name: string, address: string): string => `${name.replace(/\s+/g, ' ').trim()} <${address}>`

function otherAddresses(list: readonly Other[] | Other | undefined): string[] {
  if (list === undefined) return []
  return (Array.isArray(list) ? list as readonly Other[] : [list as Other]).flatMap((one) => (one.group === undefined ? [addressText(one.name, one.address)] : [`${one.name}:`, ...otherAddresses(one.group), ';']))
}

const ourAddresses = (value: string | undefined): string[] => parseAddressList(value ?? '').map(({ name, mailbox, host }) => {
  if (mailbox === undefined) return ';'
  if (host === undefined) return `${decodeEncodedWords(mailbox)}:`
  const address = host === 'MISSING_DOMAIN' ? mailbox.replace('MISSING_MAILBOX', '') : `${mailbox.replace('MISSING_MAILBOX', '')}@${host}`
  return addressText(decodeEncodedWords(name ?? ''), decodeEncodedWords(address))
})

/** Bytes as postal-mime gives them: it makes LF of line breaks, and adds one to the end of some parts. */
const unix = (bytes: Buffer): string => bytes.toString('latin1').replace(/\r\n/g, '\n').replace(/\n+$/, '')

/** The parts that have no parts, of this message and of those in it. */
function leaves(part: MimePart): MimePart[] {
  return part.type === 'message' || part.parts === undefined ? [part] : part.parts.flatMap(leaves)
}

function ourOpinion(message: Buffer): Opinion {
  const { root } = parse(message)
  const head = headerRange(root)
  const block = message.subarray(head.start, head.end)
  const fields = envelopeFields(block)
  const content = (part: MimePart): Buffer => {
    const { start, end } = bodyRange(part)
    const decoder = transferDecoder(part.encoding)
    const body = message.subarray(start, end)
    return decoder === undefined ? body : Buffer.concat([decoder.push(Buffer.from(body)), decoder.finish()])
  }
  const parts = leaves(root)
  const attached = parts.filter((part) => part.disposition?.type === 'attachment' || (part.type !== 'text' || (part.subtype !== 'plain' && part.subtype !== 'html')))
  const name = (part: MimePart): string | null => {
    const decoded = (params: readonly [string, string][], wanted: string): string | undefined => decodeParams(params).find(([key]) => key === wanted)?.[1]
    return decoded(part.disposition?.params ?? [], 'filename') ?? decoded(part.params, 'name') ?? null
  }
  return {
    fields: [...headerFields(block)].filter((field) => field.name !== '').map((field) => field.name.toLowerCase()),
    subject: decodeEncodedWords(fields.subject ?? ''),
    messageId: fields.messageId ?? '',
    from: ourAddresses(fields.from),
    to: ourAddresses(fields.to),
    cc: ourAddresses(fields.cc),
    attachments: attached.map((part) => [`${part.type}/${part.subtype}`, name(part), part.disposition?.type ?? null, part.id ?? null, unix(content(part))]),
    texts: parts.length - attached.length === 1 ? parts.filter((part) => !attached.includes(part)).map((part) => unix(content(part)).trim()) : [],
  }
}

function otherOpinion(email: Email, texts: boolean): Opinion {
  return {
    fields: email.headers.map(({ key }) => key),
    subject: email.subject ?? '',
    messageId: email.messageId ?? '',
    ...Object.fromEntries(['from', 'to', 'cc'].map((name) => [name, email.headers.filter(({ key }) => key === name).flatMap(({ value }) => otherAddresses(addressParser(value)))])),
    attachments: email.attachments.map(({ mimeType, filename, disposition, contentId, content }) => [mimeType, filename, disposition, contentId ?? null, unix(Buffer.from(content as ArrayBuffer))]),
    texts: texts ? [(email.text ?? email.html ?? '').replace(/\r\n/g, '\n').trim()] : [],
  }
}

const mails = [...sampleNames().map((name) => [name, sample(name)] as const), ...oddNames.map((name) => [name, crlf(oddMail(name))] as const)]

void t.test('mails as postal-mime reads them', async (t) => {
  const used = new Set<Difference>()
  let agreed = 0
  for (const [name, message] of mails) {
    const ours = ourOpinion(message)
    const theirs = otherOpinion(await PostalMime.parse(message, { forceRfc822Attachments: true, maxNestingDepth: 200, maxHeadersSize: 10_000_000 }), (ours['texts'] as string[]).length > 0)
    for (const aspect of Object.keys(ours)) {
      const [mine, other] = [JSON.stringify(ours[aspect]), JSON.stringify(theirs[aspect])]
      const found = differences.find(({ mails, aspects }) => mails.test(name) && aspects.test(aspect))
      if (mine === other) agreed++
      else if (found === undefined) t.equal(mine, other, `${name}: ${aspect}`)
      else used.add(found)
    }
  }
  t.ok(agreed > 1000, `${agreed} aspects agree`)
  t.same(differences.filter((one) => !used.has(one)).map(({ why }) => why), [], 'every explanation explains something')
})
