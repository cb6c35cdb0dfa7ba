// Between the names that clients see and the places where mailboxes are kept.
//
// A place is a namespace and a path of parts; separators and prefixes exist in visible names only, so an operator can
// change them and all mailboxes stay where they are. INBOX is one place, `INBOX` in any letter case, in the namespace with
// `inbox = yes`. Namespaces of other types than private have no mailboxes here.

import { Buffer } from 'node:buffer'
import type { NamespaceSettings } from '../../conf/settings.ts'
import { ConfigError } from '../../runtime/errors.ts'
import type { Limits } from '../../runtime/limits.ts'
import { MailError } from './errors.ts'
import type { NamespaceInfo } from './types.ts'

/** Where a mailbox is kept. */
export interface Place { namespace: string; path: readonly string[] }

/** A mailbox that the configuration promises. */
export interface AutoMailbox { place: Place; create: boolean; subscribe: boolean; specialUse: string[] }

interface Namespace { name: string; prefix: string; separator: string; settings: NamespaceSettings }

/** A level of a name, bytes: a file name's length, as in Dovecot. */
const levelBytes = 255

export const placeKey = ({ namespace, path }: Place): string => [namespace, ...path].join('\0')

export const isInbox = ({ path }: Place): boolean => path.length === 1 && path[0] === 'INBOX'

/** `INBOX` in any case of its ASCII letters: a dotless i has the same capital, and makes another name. */
const saysInbox = (name: string): boolean => /^inbox$/i.test(name)

export class Namespaces {
  readonly #namespaces: Namespace[]
  readonly #inbox: Namespace
  readonly #limits: Limits
  readonly #auto: AutoMailbox[]

  /** Without any namespace: one with INBOX, no prefix and `/`. ConfigError for settings that contradict each other. */
  constructor(settings: readonly NamespaceSettings[], limits: Limits) {
    const used = settings.filter((one) => !one.disabled && one.type === 'private')
    this.#namespaces = used.map((one) => ({ name: one.name, prefix: one.prefix, separator: one.separator || '/', settings: one }))
    if (this.#namespaces.length === 0) this.#namespaces.push({ name: 'inbox', prefix: '', separator: '/', settings: plain })
    const withInbox = this.#namespaces.filter(({ settings: one }) => one.inbox)
    if (withInbox.length > 1) throw new ConfigError('more than one namespace has inbox = yes')
    this.#inbox = withInbox[0] ?? this.#namespaces.find(({ prefix }) => prefix === '') ?? this.#namespaces[0]!
    this.#limits = limits
    for (const { name, prefix, separator } of this.#namespaces) {
      if (separator.length !== 1) throw new ConfigError(`namespace ${name}: separator '${separator}' is not one character`)
      if (prefix !== '' && !prefix.endsWith(separator)) throw new ConfigError(`namespace ${name}: prefix '${prefix}' does not end in its separator '${separator}'`)
      if (this.#namespaces.some((other) => other.name !== name && other.prefix === prefix)) throw new ConfigError(`two namespaces have the prefix '${prefix}'`)
    }
    this.#auto = this.#namespaces.flatMap((namespace) => namespace.settings.mailbox.map((box) => ({
      place: this.#place(namespace, box.name), create: box.auto !== 'no', subscribe: box.auto === 'subscribe', specialUse: box.special_use,
    })))
  }

  get infos(): NamespaceInfo[] {
    return this.#namespaces.map((one) => ({
      type: 'private', prefix: one.prefix, separator: one.separator, list: one.settings.list !== 'no', hidden: one.settings.hidden, inbox: one === this.#inbox,
    }))
  }

  get inbox(): Place { return { namespace: this.#inbox.name, path: ['INBOX'] } }

  /** INBOX, and what `mailbox { auto = … }` promises. */
  get auto(): readonly AutoMailbox[] {
    const listed = this.#auto.some(({ place }) => placeKey(place) === placeKey(this.inbox))
    const inbox: AutoMailbox = { place: this.inbox, create: true, subscribe: false, specialUse: [] }
    return [...(listed ? [] : [inbox]), ...this.#auto.map((one) => (isInbox(one.place) ? { ...one, create: true } : one))]
  }

  separatorOf({ namespace }: Place): string { return this.#named(namespace)?.separator ?? '/' }

  /** The place a visible name means; its path is empty for the namespace itself. undefined: in no namespace. */
  find(name: string): Place | undefined {
    if (saysInbox(name)) return this.inbox
    let best: Namespace | undefined
    for (const one of this.#namespaces) {
      if (beginsWith(name + one.separator, one.prefix) && (best === undefined || one.prefix.length > best.prefix.length)) best = one
    }
    return best && this.#place(best, name.slice(best.prefix.length))
  }

  /** The visible name of a place. Places of a namespace that is not configured any more show below its name. */
  visible(place: Place): string {
    const namespace = this.#named(place.namespace)
    if (namespace === undefined) return [...place.path].join('/')
    if (namespace === this.#inbox && isInbox(place)) return 'INBOX'
    return namespace.prefix + place.path.join(namespace.separator)
  }

  /** The place of a name that is to be created; one separator at the end is fine. CANNOT for names that cannot be. */
  forCreation(name: string): Place {
    const place = this.find(name)
    if (place === undefined) throw new MailError('CANNOT', 'No namespace has such names')
    const path = place.path.at(-1) === '' ? place.path.slice(0, -1) : place.path
    const separator = this.separatorOf(place)
    const problem = path.length === 0 ? 'The name is empty'
      : path.length > this.#limits.mailboxLevels ? `The name has more than ${this.#limits.mailboxLevels} levels`
      : Buffer.byteLength(path.join(separator)) > this.#limits.mailboxNameBytes ? 'The name is too long'
      : path.map(levelProblem).find((found) => found !== undefined)
    if (problem !== undefined) throw new MailError('CANNOT', problem)
    return { ...place, path }
  }

  #place(namespace: Namespace, rest: string): Place {
    const path = rest === '' ? [] : rest.split(namespace.separator)
    if (namespace === this.#inbox && path[0] !== undefined && saysInbox(path[0])) path[0] = 'INBOX'
    return { namespace: namespace.name, path }
  }

  #named(name: string): Namespace | undefined { return this.#namespaces.find((one) => one.name === name) }
}

/** INBOX in a prefix may be written in any letter case: `inbox.Sent`. */
function beginsWith(name: string, prefix: string): boolean {
  if (name.startsWith(prefix)) return true
  return saysInbox(prefix.slice(0, 5)) && saysInbox(name.slice(0, 5)) && name.slice(5).startsWith(prefix.slice(5))
}

function levelProblem(level: string): string | undefined {
  if (level === '') return 'A level of the name is empty'
  if (Buffer.byteLength(level) > levelBytes) return 'A level of the name is too long'
  // Control characters break log lines and clients; wildcards could never be listed again. RFC 3501 §5.1.
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(level)) return 'The name has control characters'
  if (/[*%]/.test(level)) return 'The name has wildcards'
  if (!level.isWellFormed()) return 'The name is not valid Unicode'
  return undefined
}

/** What holds where no namespace is configured. */
const plain: NamespaceSettings = {
  name: 'inbox', mailbox: [], type: 'private', separator: '/', prefix: '', location: '', inbox: true, hidden: false, list: 'yes',
  subscriptions: true, ignore_on_failure: false, disabled: false, order: 0, alias_for: '',
}
