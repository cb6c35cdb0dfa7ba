// %variables: `%u`, `%{user}`, `%2.3Mu`, `%{userdb:quota_rule:none}`, `%{if;%d;eq;example.com;a;b}`, `%%`.
// A variable whose name is not known is an error, never an empty string: a misspelt mail_home would put all users into one
// directory. One that is known and has no value here (%{session} of a background task) is empty.

import { hostname } from 'node:os'
import { ConfigError, messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { condition } from './condition.ts'
import type { Cut } from './modifiers.ts'
import { hash, isHash, isModifier, modify } from './modifiers.ts'
import type { Settings } from './settings.ts'
import { coreSettings, pluginSettings } from './settings.ts'
import { namespaceSettings } from './settings/mail.ts'

/**
 * Values by name, long (`user`) or short (`u`); a record is a family: `{ userdb: { quota_rule: '…' } }` is %{userdb:quota_rule}.
 * Short names not given are looked up under the long one.
 */
export interface Variables { readonly [name: string]: string | undefined | Readonly<Record<string, string>> }

/** Expansion that goes deeper than this is no configuration. */
const deepest = 10

/** Read once: every line of the log has them. */
const machine = { pid: String(process.pid), hostname: hostname() }

const longNames: Record<string, string> = {
  u: 'user', n: 'username', d: 'domain', s: 'service', h: 'home', r: 'rip', l: 'lip', a: 'lport', b: 'rport', p: 'pid', i: 'uid',
  w: 'password', c: 'secured', k: 'cert', m: 'mech', e: 'mail_pid',
}

/** Makes a value harmless where not all characters are: in a filter, a DN, a query. */
export type Escape = (value: string) => string

const asItIs: Escape = (value) => value

/** Expands all variables in `text`; what they stand for passes through `escape`. Throws ConfigError for an unknown variable or bad syntax. */
export const expand = (text: string, variables: Variables, escape: Escape = asItIs): string => {
  try {
    return expandAt(text, variables, escape, 0)
  } catch (error) {
    throw new ConfigError(`${messageOf(error)} in "${text}"`)
  }
}

const expandAt = (text: string, variables: Variables, escape: Escape, depth: number): string => {
  if (depth > deepest) throw new ConfigError('%variables are nested too deeply')
  if (!text.includes('%')) return text
  let result = ''
  for (const piece of piecesOf(text)) result += typeof piece === 'string' ? piece : expandItem(piece, variables, escape, depth)
  return result
}

/** What texts consist of, text and variables: settings are expanded for each user, mail and line of the log. */
const known = new Map<string, readonly (string | Item)[]>()

const piecesOf = (text: string): readonly (string | Item)[] => {
  let pieces = known.get(text)
  if (pieces !== undefined) return pieces
  if (known.size >= limits.parsedTemplates) known.clear()
  known.set(text, pieces = parsePieces(text))
  return pieces
}

const parsePieces = (text: string): (string | Item)[] => {
  const pieces: (string | Item)[] = []
  let from = 0
  for (let percent = text.indexOf('%'); percent >= 0; percent = text.indexOf('%', from)) {
    const item = parseItem(text, percent + 1)
    pieces.push(text.slice(from, percent), item.name === '%' ? '%' : item)
    from = item.end
  }
  pieces.push(text.slice(from))
  return pieces
}

const expandItem = ({ name, modifiers, cut }: Item, variables: Variables, escape: Escape, depth: number): string => {
  if (name.startsWith('if;')) {
    const outcome = condition(name.slice(3), (operand) => expandAt(operand, variables, asItIs, depth + 1))
    return modify(expandAt(outcome, variables, escape, depth + 1), modifiers, cut)
  }
  const value = valueOf(name, variables)
  // %Dd makes syntax of a value's dots: what is escaped is the value. All else could undo an escape, so it comes before.
  return modifiers.includes('D') ? modify(escape(value), modifiers, cut) : escape(modify(value, modifiers, cut))
}

/** The names of all variables in `text`, the long ones; of a family with its member: `passdb:forward_x`. Throws ConfigError as `expand`. */
export const namesIn = (text: string): string[] => {
  const names = new Set<string>()
  for (let percent = text.indexOf('%'); percent >= 0;) {
    const { name, end } = parseItem(text, percent + 1)
    for (const found of name === '%' ? [] : namesOf(name)) names.add(found)
    percent = text.indexOf('%', end)
  }
  return [...names]
}

const namesOf = (name: string): string[] => {
  if (name.startsWith('if;')) return namesIn(name)
  const colon = name.indexOf(':')
  if (colon < 0) return [longNames[name] ?? name]
  const [family = ''] = name.split(/[:;]/)
  const rest = name.slice(colon + 1)
  return isHash(family) ? namesOf(rest) : [`${family}:${rest.split(':')[0]}`]
}

interface Item { name: string; modifiers: string; cut: Cut; end: number }

/** `[[-]offset.][0][-]width modifiers name`, beginning after the '%'. */
const parseItem = (text: string, start: number): Item => {
  const pattern = /(?:(-?)(\d{0,6})(\.))?(-?)(\d{0,6})/y
  pattern.lastIndex = start
  const [all = '', minus, offset, dot, widthMinus, width = ''] = pattern.exec(text) ?? []
  let at = start + all.length
  const modifiersAt = at
  // The last letter is the variable, even if it could be a modifier.
  while (isModifier(text[at] ?? '') && at + 1 < text.length) at++
  const cut = {
    offset: dot === undefined ? 0 : Number(offset) * (minus === '-' ? -1 : 1),
    width: Number(width) * (widthMinus === '-' && dot !== undefined ? -1 : 1),
    pad: width.startsWith('0') && Number(width) > 0,
  }
  const modifiers = text.slice(modifiersAt, at)
  const first = text[at]
  if (first === undefined) throw new ConfigError("'%' at the end (write %% for a percent sign)")
  if (first !== '{') return { name: first, modifiers, cut, end: at + 1 }
  const close = closingBrace(text, at)
  return { name: text.slice(at + 1, close), modifiers, cut, end: close + 1 }
}

const closingBrace = (text: string, open: number): number => {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  throw new ConfigError("'%{' without '}'")
}

const valueOf = (name: string, variables: Variables): string => {
  const colon = name.indexOf(':')
  if (colon < 0) return lookUp(name, variables)
  const [, family = '', parameters] = /^([^;]*)(?:;(.*))?$/s.exec(name.slice(0, colon)) ?? []
  const rest = name.slice(colon + 1)
  if (isHash(family)) return hash(family, parameters, lookUp(rest, variables))
  const members = family === 'env' ? process.env : variables[family]
  if (members === undefined || typeof members === 'string') throw new ConfigError(`unknown variable %{${name}}`)
  const [, member = '', fallback = ''] = /^([^:]*):?(.*)$/s.exec(rest) ?? []
  return Object.hasOwn(members, member) ? members[member] ?? fallback : fallback
}

const lookUp = (name: string, variables: Variables): string => {
  const direct = Object.hasOwn(variables, name) ? variables[name] : undefined
  const value = direct ?? (Object.hasOwn(longNames, name) ? variables[longNames[name]!] : undefined)
  if (typeof value === 'string') return value
  const shown = name.length === 1 ? `%${name}` : `%{${name}}`
  throw new ConfigError(`unknown variable ${shown} (a percent sign is written %%)`)
}

/** What is known of a user and its connection. */
export interface About {
  user: string
  home?: string
  session?: string
  remoteIp?: string
  localIp?: string
  remotePort?: number
  localPort?: number
  /** imap, lmtp … */
  service?: string
  /** userdb fields: %{userdb:x}, and uid and gid. */
  fields?: Readonly<Record<string, string>>
}

/** The variables of mail settings and logs. All names are present, so that only a misspelt one fails. */
export const userVariables = (about: About): Variables => {
  const { user, home = '', session = '', remoteIp = '', localIp = '', service = '', fields = {} } = about
  const at = user.indexOf('@')
  const username = at < 0 ? user : user.slice(0, at)
  const domain = at < 0 ? '' : user.slice(at + 1)
  return {
    user, username, domain, service, home, session,
    rip: remoteIp, remote_ip: remoteIp, real_rip: remoteIp, real_remote_ip: remoteIp,
    lip: localIp, local_ip: localIp, real_lip: localIp, real_local_ip: localIp,
    rport: String(about.remotePort ?? ''), remote_port: String(about.remotePort ?? ''),
    lport: String(about.localPort ?? ''), local_port: String(about.localPort ?? ''),
    auth_user: user, auth_username: username, auth_domain: domain,
    orig_user: user, orig_username: username, orig_domain: domain,
    ...machine, local_name: '',
    uid: fields['uid'] ?? '', gid: fields['gid'] ?? '',
    userdb: fields, passdb: {},
  }
}

const perUserNames = new Set(Object.entries({ ...coreSettings, ...pluginSettings })
  .filter(([, setting]) => 'perUser' in setting && setting.perUser === true).map(([name]) => name))
const perUserInNamespace = Object.entries(namespaceSettings)
  .filter(([, setting]) => 'perUser' in setting && setting.perUser === true).map(([name]) => name)

/** Whether %variables in this setting are expanded for each user: the rows marked `perUser`, and numbered ones of them. */
export const isPerUser = (name: string): boolean => perUserNames.has(name)

/** The settings of one user: those that Dovecot expands for each user are expanded, namespaces and `plugin {}` included. */
export const expandSettings = (settings: Settings, variables: Variables): Settings => {
  const expanded: Record<string, unknown> = { ...settings }
  for (const name of perUserNames) expanded[name] = expand(expanded[name] as string, variables)
  expanded['plugin'] = Object.fromEntries(Object.entries(settings.plugin).map(([name, value]) => [name, expand(value, variables)]))
  expanded['namespace'] = settings.namespace.map((namespace) => {
    const own: Record<string, unknown> = { ...namespace }
    for (const name of perUserInNamespace) own[name] = expand(own[name] as string, variables)
    return own
  })
  return expanded as Settings
}
