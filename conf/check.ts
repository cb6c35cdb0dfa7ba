// Is what was written also meant? Every entry is held against the tables: unknown and misspelt names, values of the wrong
// kind, %variables that do not exist, settings that Culver knows and does not act on yet.
//
// An unknown setting is an error, with the nearest name. In `plugin {}` it is a warning: other plugins' settings are
// harmless. All errors of a configuration are reported at once.

import { messageOf } from '../runtime/errors.ts'
import { expand, userVariables } from './expand.ts'
import type { Variables } from './expand.ts'
import { convert } from './format.ts'
import type { SectionKind } from './grammar.ts'
import { rowOf, sectionKind } from './grammar.ts'
import { nearest } from './nearest.ts'
import { parseNetwork } from './network.ts'
import { isPasswordForm } from './shown-password.ts'
import type { Condition, Entry } from './read.ts'
import { saysNothing } from './read.ts'
import type { Setting } from './setting.ts'
import { coreSettings, pluginSettings } from './settings.ts'

export interface Findings {
  errors: string[]
  warnings: string[]
  /** `name (file:line)` of settings that are known and not acted on yet; of a list some words of which are, `name: the others (file:line)`. */
  idle: string[]
}

export const check = (entries: readonly Entry[]): Findings => {
  const findings: Findings = { errors: [], warnings: [], idle: [] }
  for (const entry of entries) checkEntry(entry, findings)
  checkOrder(entries, findings)
  // The same setting in several places is told once, at its last.
  findings.idle = [...new Map(findings.idle.map((line) => [line.replace(/(?:: [^(]*)? \([^)]*\)$/, ''), line])).values()]
  return findings
}

const checkEntry = (entry: Entry, findings: Findings): void => {
  const { where, path, key, conditions } = entry
  if (saysNothing(entry)) return checkCondition(conditions.at(-1)!, where, findings)
  const found = sectionKind(path)
  if ('wrong' in found) {
    // The section's beginning has told already.
    if (key !== undefined && !where.startsWith('-o ')) return
    const meant = nearest(found.wrong, Object.keys(found.around.sections))
    findings.errors.push(`${where}: unknown section '${found.wrong} {}'${didYouMean(meant)}`)
    return
  }
  if (path[0] === 'service' && conditions.length > 0 && key === undefined) findings.errors.push(`${where}: service {} cannot stand in ${conditions.at(-1)!.kind} {}`)
  if (key === undefined) return
  const row = rowOf(found.kind.table, key)
  if (row === undefined) unknown(entry, key, found.kind, findings)
  else checkValue(entry, key, row, findings)
}

const didYouMean = (name: string | undefined): string => (name === undefined ? '' : `; did you mean '${name}'?`)

const unknown = (entry: Entry, key: string, kind: SectionKind, findings: Findings): void => {
  const { where, path, value } = entry
  const meant = nearest(key, Object.keys(kind.table))
  if (kind.table === pluginSettings) {
    const misplaced = Object.hasOwn(coreSettings, key) ? '; it belongs outside of plugin {}' : didYouMean(meant)
    findings.warnings.push(`${where}: unknown plugin setting '${key}' is ignored${misplaced}`)
    checkExpansion(value, where, key, findings)
  } else if (kind.free) {
    if (kind.idle === true) findings.idle.push(`${path[0]} ${key} (${where})`)
  } else if (path.length === 0 && Object.hasOwn(pluginSettings, key)) {
    findings.errors.push(`${where}: '${key}' belongs into plugin {}`)
  } else {
    const section = path.length === 0 ? '' : ` in ${path.filter((_, index) => index % 2 === 0).join(' {} / ')} {}`
    findings.errors.push(`${where}: unknown setting '${key}'${section}${didYouMean(meant)}`)
  }
}

const checkValue = ({ where, path, value }: Entry, key: string, row: Setting<unknown>, findings: Findings): void => {
  try {
    const converted = convert(row, value)
    ruleOf(key, path)?.(converted)
    const name = [...path.filter((step) => step !== ''), key].join('/')
    if (!actsOn(row, converted) && String(converted) !== String(row.default)) findings.idle.push(`${name}${idleWords(row, converted)} (${where})`)
  } catch (error) {
    findings.errors.push(`${where}: ${key}: ${messageOf(error)}`)
    return
  }
  if (row.perUser === true || path[0] === 'plugin') checkExpansion(value, where, key, findings)
}

const actsOn = ({ acts, kind }: Setting<unknown>, value: unknown): boolean => {
  if (typeof acts === 'boolean') return acts
  if (kind === 'list') return (value as string[]).every((word) => acts.includes(word))
  return acts.includes(kind === 'bool' ? (value === true ? 'yes' : 'no') : String(value))
}

/** Of a list that is acted on in part: the words that are not. */
const idleWords = ({ acts, kind }: Setting<unknown>, value: unknown): string =>
  (kind === 'list' && typeof acts !== 'boolean' && acts.length > 0 ? `: ${(value as string[]).filter((word) => !acts.includes(word)).join(' ')}` : '')

/** Rules of single settings beyond their kind. They throw. */
const ruleOf = (key: string, path: readonly string[]): ((value: unknown) => void) | undefined => {
  if (key === 'port' && path.includes('inet_listener')) return (value) => { if (value as number > 65_535) throw new Error(`${value} is not a port (0..65535)`) }
  if (key === 'login_trusted_networks' || key === 'haproxy_trusted_networks') return (value) => { (value as string[]).forEach(parseNetwork) }
  if (key === 'auth_cache_size') return (value) => { if (value as number > 0 && value as number < 1024) throw new Error('less than 1 k is no cache (0 switches it off)') }
  if (key === 'auth_verbose_passwords') return (value) => { if (!isPasswordForm(value as string)) throw new Error(`'${value}' is not one of no, plain, sha1, with :LENGTH`) }
  const variables = variablesOf(key, path[0])
  if (variables === inLogins) return (value) => { expandSecretly(value as string, variables) }
  if (variables !== undefined) return (value) => { expand(value as string, variables) }
  if (key === 'culver_storage_workers' || key === 'auth_worker_max_count') return (value) => { if (value === 0) throw new Error('at least 1 is needed') }
  return undefined
}

/** Has every field that a database might give, so that only names that can never be known fail. */
const anyField: Record<string, string> = new Proxy({}, {
  get: () => '0',
  getOwnPropertyDescriptor: () => ({ value: '0', enumerable: true, configurable: true }),
})
const sample = userVariables({ user: 'user@example.com', fields: anyField })

/** Beside those, what lines about logins may name. */
const inLoginLines = {
  ...sample, mech: '', mail_pid: '', secured: '', cert: '', ssl_security: '', login_user: '', listener: '', real_rport: '', real_lport: '', $: '', s: '',
}

/** What databases are asked by, and make of their answers. */
const inLogins = { ...sample, mech: '', cert: '', secured: '', login_user: '', password: '', passdb: anyField }

/** The %variables of settings that are expanded and are not a user's; undefined: it is none. */
const variablesOf = (key: string, section: string | undefined): Variables | undefined => {
  if (key === 'login_log_format' || key === 'login_log_format_elements') return inLoginLines
  if (key === 'mail_log_prefix' || key === 'auth_username_format') return sample
  const ofDatabase = (section === 'passdb' || section === 'userdb') && (key === 'args' || key === 'default_fields' || key === 'override_fields')
  return ofDatabase ? inLogins : undefined
}

/** What databases are given may hold passwords: the error does not show it. */
const expandSecretly = (text: string, variables: Variables): void => {
  try {
    expand(text, variables)
  } catch (error) {
    throw new Error(messageOf(error).replace(` in "${text}"`, ''))
  }
}

const checkExpansion = (value: string, where: string, key: string, findings: Findings): void => {
  try {
    expand(value, sample)
  } catch (error) {
    findings.errors.push(`${where}: ${key}: ${messageOf(error)}`)
  }
}

const protocolNames = ['imap', 'pop3', 'lmtp', 'lda', 'sieve', 'submission', 'doveadm', 'auth', 'indexer-worker', 'quota-status', 'imap-urlauth', 'dsync']

const checkCondition = ({ kind, value }: Condition, where: string, { errors, warnings }: Findings): void => {
  if (kind === 'protocol') {
    const name = value.replace(/^!/, '')
    if (!protocolNames.includes(name)) warnings.push(`${where}: no protocol is called '${name}'${didYouMean(nearest(name, protocolNames))}`)
  }
  if (kind !== 'local' && kind !== 'remote') return
  try {
    value.split(/[\s,]+/).forEach(parseNetwork)
  } catch (error) {
    errors.push(`${where}: ${kind}: ${messageOf(error)}`)
  }
}

/** `mail_plugins = $mail_plugins x` in a filter has taken the value of that point: setting it globally below has no effect there. */
const checkOrder = (entries: readonly Entry[], { warnings }: Findings): void => {
  const filtered = new Map<string, Entry>()
  for (const entry of entries) {
    if (entry.key === undefined || entry.path.length > 0) continue
    if (entry.conditions.length > 0) filtered.set(entry.key, entry)
    else if (filtered.has(entry.key)) {
      warnings.push(`${entry.where}: setting ${entry.key} here does not change it in the filter at ${filtered.get(entry.key)!.where}; put it before that`)
    }
  }
}
