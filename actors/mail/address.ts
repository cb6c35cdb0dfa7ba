// Address lists of From, To, Cc …: RFC 5322 §3.4, the obsolete forms of §4.4, and what else mail servers put up with.
//
// Values are byte strings, without quoting; encoded-words are left as sent. What an address lacks is filled in as Dovecot
// does it (MISSING_MAILBOX, MISSING_DOMAIN), since to an IMAP client an absent host means the start of a group.

import type { Address } from './types.ts'
import { addressTokens } from './address-tokens.ts'
import type { AddressToken } from './address-tokens.ts'

export const missingMailbox = 'MISSING_MAILBOX'
export const missingDomain = 'MISSING_DOMAIN'

/** The addresses of a list, groups as RFC 3501 §7.4.2 has them: a start (mailbox: its name), the members, an end ({}). */
export const parseAddressList = (value: string): Address[] => new AddressListReader(value).read()

/** A list that parses to these addresses. Addresses with missing parts are written without them. */
export const formatAddressList = (addresses: readonly Address[]): string => {
  let text = ''
  let separator = ''
  for (const address of addresses) {
    if (address.host === undefined && address.mailbox === undefined) {
      text += ';'
      separator = ', '
    } else if (address.host === undefined) {
      text += `${separator}${quotePhrase(address.mailbox!)}: `
      separator = ''
    } else {
      text += separator + formatAddress(address)
      separator = ', '
    }
  }
  return text
}

/** `"Name" <mailbox@host>`, or without a name `<mailbox@host>`. */
const formatAddress = ({ name, route, mailbox, host }: Address): string => {
  const local = mailbox === undefined || mailbox === missingMailbox ? '' : quoteLocalPart(mailbox)
  const domain = host === missingDomain ? '' : `@${host}`
  return `${name === undefined ? '' : `${quotePhrase(name)} `}<${route === undefined ? '' : `${route}:`}${local}${domain}>`
}

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

const quotePhrase = (text: string): string => (/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(text) ? text : quote(text))

const quoteLocalPart = (text: string): string => (/^[^\x00-\x20"(),.:;<>@[\\\]\x7f]+(?:\.[^\x00-\x20"(),.:;<>@[\\\]\x7f]+)*$/.test(text) ? text : quote(text))

class AddressListReader {
  readonly #tokens: AddressToken[]
  #at = 0
  #inGroup = false
  readonly #addresses: Address[] = []

  constructor(value: string) { this.#tokens = addressTokens(value) }

  read(): Address[] {
    while (this.#at < this.#tokens.length) this.#readOne()
    if (this.#inGroup) this.#addresses.push({})
    return this.#addresses
  }

  #special(): string | undefined {
    const token = this.#tokens[this.#at]
    return token?.kind === 'special' ? token.text : undefined
  }

  /** A mailbox or the start of a group, with the separator after it. */
  #readOne(): void {
    const words = this.#wordsUntil(this.#inGroup ? ',;<' : ',;<:')
    const special = this.#special()
    if (special === ':') {
      this.#at++
      this.#inGroup = true
      this.#addresses.push({ mailbox: phrase(words) })
      return
    }
    if (special === '<') this.#readAngle(words)
    else if (words.some((token) => token.kind !== 'comment')) this.#addresses.push(bareAddress(words))
    if (this.#special() === ';' && this.#inGroup) {
      this.#inGroup = false
      this.#addresses.push({})
    }
    this.#at++
  }

  /** The tokens up to one of these specials; a colon after an `@` starts no group. */
  #wordsUntil(stops: string): AddressToken[] {
    const words: AddressToken[] = []
    let sawAt = false
    for (; this.#at < this.#tokens.length; this.#at++) {
      const token = this.#tokens[this.#at]!
      if (token.kind === 'special') {
        if (stops.includes(token.text) && !(token.text === ':' && sawAt)) break
        if (token.text === '@') sawAt = true
      }
      words.push(token)
    }
    return words
  }

  /** `<[route:]local@domain>`, and whatever follows it up to the next separator (only a comment says anything there). */
  #readAngle(nameWords: AddressToken[]): void {
    this.#at++
    const route = this.#route()
    const spec = this.#wordsUntil('>,;')
    if (this.#special() === '>') this.#at++
    const after = this.#wordsUntil(',;')
    const name = phrase(nameWords) || lastComment([...nameWords, ...spec, ...after])
    const { mailbox, host } = addrSpec(spec)
    this.#addresses.push({ ...(name && { name }), ...(route !== undefined && { route }), mailbox, host })
  }

  /** `@a,@b:` of RFC 822, obsolete and still shown by IMAP. */
  #route(): string | undefined {
    if (this.#special() !== '@') return undefined
    const start = this.#at
    let route = ''
    for (let at = start; at < this.#tokens.length; at++) {
      const { kind, text } = this.#tokens[at]!
      if (kind === 'special' && text === ':') {
        this.#at = at + 1
        return route
      }
      if (kind === 'special' && '<>;'.includes(text)) break
      if (kind !== 'comment') route += text
    }
    return undefined
  }
}

/** An address without angle brackets: `local@domain (Name)`, or a name and a bare address after it. */
const bareAddress = (words: AddressToken[]): Address => {
  const tokens = words.filter((token) => token.kind !== 'comment')
  const at = lastAt(tokens)
  // Words that are no address are somebody's name; a single word is a local mailbox.
  if (at === -1 && tokens.some((token, i) => i > 0 && !joined(tokens[i - 1]!, token))) return { name: phrase(tokens), mailbox: missingMailbox, host: missingDomain }
  let start = at === -1 ? 0 : at
  while (start > 1 && joined(tokens[start - 1]!, tokens[start]!)) start--
  if (start === 1 && joined(tokens[0]!, tokens[1]!)) start = 0
  const name = phrase(tokens.slice(0, start)) || lastComment(words)
  const { mailbox, host } = addrSpec(tokens.slice(start))
  return { ...(name && { name }), mailbox, host }
}

/** Whether two tokens belong to one address: no space between, or a dot or `@` at it (obsolete syntax allows spaces there). */
const joined = (left: AddressToken, right: AddressToken): boolean => !right.spaced || right.kind === 'special' || left.kind === 'special'

const lastAt = (tokens: AddressToken[]): number => tokens.findLastIndex(({ kind, text }) => kind === 'special' && text === '@')

const addrSpec = (words: AddressToken[]): { mailbox: string; host: string } => {
  const tokens = words.filter((token) => token.kind !== 'comment')
  const at = lastAt(tokens)
  const local = at === -1 ? tokens : tokens.slice(0, at)
  const domain = at === -1 ? [] : tokens.slice(at + 1)
  return { mailbox: glued(local) || missingMailbox, host: glued(domain) || missingDomain }
}

/** Texts one after the other, with a space only between two words. */
const glued = (tokens: AddressToken[]): string => {
  let text = ''
  for (const [index, token] of tokens.entries()) {
    text += (index > 0 && !joined(tokens[index - 1]!, token) ? ' ' : '') + token.text
  }
  return text
}

/** A display name: its words with one space where white space was; `Q. Public` keeps its dot. */
const phrase = (tokens: AddressToken[]): string => {
  let text = ''
  for (const { kind, text: word, spaced } of tokens) {
    if (kind !== 'comment') text += (text !== '' && spaced ? ' ' : '') + word
  }
  return text
}

const lastComment = (tokens: AddressToken[]): string => tokens.findLast((token) => token.kind === 'comment')?.text ?? ''
