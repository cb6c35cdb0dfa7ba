// ENVELOPE, BODYSTRUCTURE, sizes, sections and BINARY of many odd mails, as Culver and Debian's Dovecot 2.3 answer them.
//
// Sections are compared byte for byte. In ENVELOPE and BODYSTRUCTURE it does not count whether a string is quoted or a literal, and in
// BODYSTRUCTURE the letter case (Dovecot leaves it as sent, Culver writes types and names in lower case). Every other difference is in
// the table below with its reason; one that is not there fails, and so does a line of the table that explains nothing.
// Mails with NULs are not among them: APPEND takes those in binary parts only, and Dovecot takes them anywhere.

import { Buffer } from 'node:buffer'
import { LineClient } from '../fixtures/line-client.ts'
import { crlf, parse, sample, sampleNames } from '../fixtures/mails/mails.ts'
import { oddMail, oddNames } from '../fixtures/mails/odd-mails.ts'
import { sectionNumbers } from '../fixtures/mails/section-numbers.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'
import { dovecotImap } from './dovecot-imap.ts'
import { fetchAnswers } from './fetch-answers.ts'
import type { Answer } from './fetch-answers.ts'

/** A difference that is meant: of these mails, in these items; where it is always of one form, that form is checked. */
interface Difference { mails: RegExp; items: RegExp; why: string; form?(ours: string, theirs: string): boolean }

const unanswered = '(none)'
/** Unfolded literals: their sizes differ when their texts do. */
const withoutSizes = (text: string): string => text.replace(/\d+/g, '#')

const differences: readonly Difference[] = [
  { mails: /^(boundary-prefixes|forwarded|inner-reuses-boundary|nested-(5|60|150)|rfc822-in-multipart)$/, items: /^(BODY|BINARY)\[/,
    why: 'The line break before a boundary line belongs to it (RFC 2046 §5.1.1); after a closed inner multipart Dovecot counts it into that one.',
    form: (ours, theirs) => theirs === `${ours}\r\n` || withoutSizes(theirs) === withoutSizes(ours) },
  { mails: /^(forwarded|rfc822-in-multipart|rfc822-cut-by-boundary)$/, items: /^BODY(STRUCTURE)?$|^BINARY\.SIZE/, why: 'The same line break, in sizes.',
    form: (ours, theirs) => withoutSizes(ours) === withoutSizes(theirs) },
  { mails: /^(boundary-prefixes|inner-reuses-boundary|nested-(5|60|150))$/, items: /^BINARY\.SIZE/, why: 'The same line break, in sizes.', form: (ours, theirs) => Number(theirs) === Number(ours) + 2 },
  { mails: /^rfc822-cut-by-boundary$/, items: /^(BODY|BINARY)\[/, why: 'The same line break, behind a header that a boundary cuts short.', form: (ours, theirs) => theirs === `${ours}\r\n` },
  { mails: /^(headers-only-parts|parts-empty)$/, items: /\.MIME\]$/, why: 'The empty line that ends a header is part of it, even where a boundary line follows at once.',
    form: (ours, theirs) => ours === `${theirs}\r\n` },
  { mails: /^(broken-header|fields-empty|type-(slash|no-type|junk|no-semicolon|two-slashes|none-of-both))$/, items: /^BODY(STRUCTURE)?$/,
    why: 'A type that cannot be read is text/plain (RFC 2045 §5.2), or what can be read of it; Dovecot shows empty strings, which no client knows to show.' },
  { mails: /^multipart-(no-boundary-parameter|empty-boundary)$/, items: /./, why: 'A multipart without boundary is shown as the text it is; Dovecot shows an empty part, and the text is lost to readers.' },
  { mails: /^boundary-(parameter-spaces|unquoted-specials|long)$/, items: /./,
    why: 'Boundaries as mailers write them: spaces at the end, specials without quotes, more than 70 characters. Dovecot finds no part, or one too many.' },
  { mails: /^(nested-150|rfc822-depth-120)$/, items: /./, why: 'Beyond 100 levels the rest is one text here, and of application/octet-stream, a level earlier, in Dovecot.' },
  { mails: /^message-global$/, items: /./, why: 'RFC 6532 and RFC 9051 show the message in message/global as they do that in message/rfc822; Dovecot 2.3 does not know it.' },
  { mails: /^cr-(only|in-body|cr-lf|before-boundary)$/, items: /./, why: 'Dovecot takes the CRs before a line break, and at the very end, out of a mail that it stores; Culver stores every byte.' },
  { mails: /^fields-repeated$/, items: /^ENVELOPE$/, why: 'Of a repeated Subject, Date or Message-ID the first counts, as in SEARCH and SORT (in Dovecot too); in ENVELOPE Dovecot takes the last.' },
  { mails: /^fields-(folded|trailing-space)$/, items: /^(ENVELOPE|BODY|BODYSTRUCTURE)$/, why: 'White space at the ends of a value says nothing; Dovecot keeps some.', form: (ours, theirs) => ours.replaceAll(' ', '') === theirs.replace(/ |\\t/g, '') },
  { mails: /^(fields-quotes|disposition-|language-odd|params-2231-disposition|qp-cut)/, items: /^BODY(STRUCTURE)?$/, why: 'Without Content-Type Dovecot takes a mail for plain text, and looks at no other Content field.' },
  { mails: /^addresses-(no-local|unclosed-angle|angle-only-text)$/, items: /^ENVELOPE$/, why: 'Dovecot writes INVALID_ROUTE or SYNTAX_ERROR into addresses that can be read.' },
  { mails: /^addresses-(spaces|two-ats|backslash|trailing-dot|unclosed-quote|unclosed-comment|semicolons)$/, items: /^ENVELOPE$/, why: 'Where Dovecot gives up, and forgets the rest of the list, the rest is read.' },
  { mails: /^addresses-commas$/, items: /^ENVELOPE$/, why: 'Nothing between two commas is no address (RFC 5322 §4.4); Dovecot shows one that lacks all.' },
  { mails: /^addresses-quotes-midword$/, items: /^ENVELOPE$/, why: 'A name has spaces where it was sent with spaces.', form: (ours, theirs) => ours.replaceAll(' ', '') === theirs.replaceAll(' ', '') },
  { mails: /^type-(semicolons|parameter-(no-value|unquoted-spaces|unclosed-quote|comma|equals))$/, items: /^BODY(STRUCTURE)?$/, why: 'Parameters as mailers write them; Dovecot stops at the first one it cannot read, or at a space.' },
  { mails: /^type-parameter-twice$/, items: /^BODY(STRUCTURE)?$/, why: 'Of a repeated parameter the first counts; Dovecot shows both.' },
  { mails: /^params-2231-late-star$/, items: /^BODY(STRUCTURE)?$/, why: 'A space is percent-encoded too (RFC 2231 §7); Dovecot leaves it.', form: (ours, theirs) => ours.replace('%20', ' ') === theirs },
  { mails: /^encoding-(junk|quoted)$/, items: /^BODY(STRUCTURE)?$/, why: 'An encoding with something behind it, or in quotes, is that encoding; Dovecot calls it 7bit.' },
  { mails: /^(fields-empty|encoding-quoted)$/, items: /^BINARY/, why: 'An encoding that is empty, or has quotes around it, is understood here.' },
  { mails: /^(base64-(plain|odd)|qp-odd)$/, items: /^BINARY/, why: 'What is broken in an encoded body is passed over (RFC 2045 §6.8); Dovecot refuses with PARSE.' },
  { mails: /^rfc822-base64$/, items: /^BINARY/, why: 'BINARY decodes what a part says it is encoded in; of message/rfc822, which must not be encoded, Dovecot gives the body undecoded and its size as 0.' },
  { mails: /^alternative-with-image$/, items: /^BINARY(\.SIZE)?\[1\]$/, why: 'Of a whole multipart Dovecot decodes the parts, and changes their headers; Culver gives it as it was sent, for RFC 3516 asks for leaves only.' },
]

// Dovecot ends the session at BINARY of a body whose encoding is cut short.
const noBinary = new Set(['base64-unfinished', 'qp-cut', 'qp-odd'])

const mails: readonly (readonly [string, Buffer])[] = [
  ...sampleNames().map((name) => [name, sample(name)] as const),
  ...oddNames.filter((name) => name !== 'empty' && !name.startsWith('nul-')).map((name) => [name, oddMail(name)] as const),
]

interface Asked { tag: string; mail: string; items: string }

/** Everything that is said to both, and what of it is compared. */
function conversation(): { said: Buffer; asked: Asked[] } {
  const asked: Asked[] = []
  const said: string[] = ['c CREATE box\r\n']
  for (const [i, [, bytes]] of mails.entries()) said.push(`p${i} APPEND box {${bytes.length}+}\r\n${bytes.toString('latin1')}\r\n`)
  for (const [i, [mail, bytes]] of mails.entries()) {
    // Dovecot answers several FETCHes at a time: a SELECT between them keeps their answers apart.
    const fetch = (items: string): void => {
      const tag = `t${asked.length}`
      asked.push({ tag, mail, items })
      said.push(`s SELECT box\r\n${tag} FETCH ${i + 1} (${items})\r\n`)
    }
    fetch('RFC822.SIZE ENVELOPE BODYSTRUCTURE')
    fetch('BODY')
    fetch('BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)] BODY.PEEK[99]')
    const all = sectionNumbers(parse(crlf(bytes)).root)
    for (const part of all.length > 40 ? [...all.slice(0, 20), ...all.slice(-5)] : all) {
      fetch(`BODY.PEEK[${part}] BODY.PEEK[${part}.MIME] BODY.PEEK[${part}.HEADER] BODY.PEEK[${part}.TEXT] BODY.PEEK[${part}]<1.7>`)
      if (noBinary.has(mail)) continue
      fetch(`BINARY.PEEK[${part}]`)
      fetch(`BINARY.SIZE[${part}]`)
    }
  }
  said.push('end LOGOUT\r\n')
  return { said: Buffer.from(said.join(''), 'latin1'), asked }
}

/** A value in a form in which equals are equal. */
function normal(item: string, value: string | undefined): string {
  if (value === undefined) return unanswered
  if (/^(BODY|BINARY)\[/.test(item)) return value.replace(/^~?\{\d+\}\r\n/, '')
  const flat = withQuotedStrings(value)
  return item === 'ENVELOPE' ? flat : flat.toLowerCase()
}

/** Every string, literal or not, as a quoted one. */
function withQuotedStrings(value: string): string {
  let flat = ''
  for (let at = 0; at < value.length;) {
    const literal = value[at] === '{' ? /^\{(\d+)\}\r\n/.exec(value.slice(at, at + 20)) : null
    const quoted = value[at] === '"' ? /^"((?:[^"\\]|\\[^])*)"/.exec(value.slice(at)) : null
    if (literal !== null) {
      const start = at + literal[0].length
      at = start + Number(literal[1])
      flat += JSON.stringify(value.slice(start, at))
    } else if (quoted !== null) {
      at += quoted[0].length
      flat += JSON.stringify(quoted[1]!.replace(/\\([^])/g, '$1'))
    } else flat += value[at++]!
  }
  return flat
}

const byTag = (answers: readonly Answer[]): Map<string, Answer> => new Map(answers.map((answer) => [answer.tag, answer]))

clientTest('odd mails as in Dovecot', ['dovecot-imapd'], async (t, { server, scratch }) => {
  const { said, asked } = conversation()
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  await client.command('login', `LOGIN user ${password}`)
  const sent = client.send(said)
  const lines: string[] = []
  for (let line = await client.line(); line !== undefined; line = await client.line()) lines.push(line, '\r\n')
  await sent
  const ours = byTag(fetchAnswers(lines.join('')))
  const theirs = byTag(fetchAnswers(await dovecotImap(scratch, said)))
  for (const [i, [name]] of mails.entries()) t.same([ours.get(`p${i}`)?.status, theirs.get(`p${i}`)?.status], ['OK', 'OK'], `APPEND ${name}`)

  const used = new Set<Difference>()
  let compared = 0
  const check = (mail: string, item: string, mine: string, other: string): void => {
    compared++
    if (mine === other) return
    const found = differences.find(({ mails, items, form }) => mails.test(mail) && items.test(item) && (form === undefined || form(mine, other)))
    if (found === undefined) t.equal(mine, other, `${mail}: ${item}`)
    else used.add(found)
  }
  for (const { tag, mail, items } of asked) {
    const [mine, other] = [ours.get(tag), theirs.get(tag)]
    check(mail, items, mine?.status ?? unanswered, other?.status ?? unanswered)
    // Dovecot begins the response of what it then refuses.
    if (mine?.status !== 'OK' || other?.status !== 'OK') continue
    for (const item of new Set([...mine.items.keys(), ...other.items.keys()])) {
      check(mail, item, normal(item, mine.items.get(item)), normal(item, other.items.get(item)))
    }
  }
  t.ok(compared > 4000, `${compared} answers are compared`)
  t.same(differences.filter((one) => !used.has(one)).map(({ why }) => why), [], 'every explanation explains something')
})
