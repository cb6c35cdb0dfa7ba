// Quota as it is configured, in Dovecot 2.3's words: `quota = count:User quota`, `quota2 = …`, and each root's rules
// `quota_rule`, `quota_rule2` …, `quota2_rule` …: `<mailboxes>:<limits>`. Fields of the user database stand above `plugin {}`.
//
// - `*:…` (or `?:…`) limits the user; a later rule for the same mailboxes replaces what it names of an earlier one. 0 is no limit.
// - A rule for other mailboxes (`*` and `?` are wildcards) counts on top of that: `Trash:storage=+100M`, `+10%`; `ignore`: they do not count.
// - storage is KiB without a unit (b, k, M, G, T, %), bytes and messages are numbers.
// - Whatever the driver is called, mails are counted from the indexes. A rule that cannot be read limits nothing, and is told.

/** Limits in bytes and messages; undefined: none. */
export interface QuotaLimits { readonly bytes: number | undefined; readonly messages: number | undefined }

export interface QuotaRoot {
  readonly name: string
  /** Not told to IMAP clients. */
  readonly hidden: boolean
  /** To be enforced. */
  readonly enforcing: boolean
  /** Only mailboxes whose names begin with this count; undefined: all. */
  readonly prefix: string | undefined
  /** The user's. */
  readonly limits: QuotaLimits
  /** What some mailboxes may hold on top; a percentage has become a number. */
  readonly more: readonly { readonly matches: RegExp; readonly bytes: number; readonly messages: number }[]
  readonly ignored: readonly RegExp[]
}

const units: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** `name`, `name2`, `name3` … as far as they are set, with their values. */
function* numbered(name: string, values: Readonly<Record<string, string>>): Generator<[string, string]> {
  for (let n = 1; ; n++) {
    const key = n === 1 ? name : `${name}${n}`
    const value = values[key]
    // A gap ends it, as in Dovecot; quota_rule2 alone is what a user database adds.
    if (value === undefined && n > 1) return
    if (value !== undefined && value !== '') yield [key, value]
  }
}

/** `values`: of `plugin {}` and the user database, expanded. `wrong`: what could not be read, a line each. */
export function quotaRoots(values: Readonly<Record<string, string>>): { roots: QuotaRoot[]; wrong: string[] } {
  const wrong: string[] = []
  const roots: QuotaRoot[] = []
  for (const [key, value] of numbered('quota', values)) {
    const [, name = '', ...options] = value.split(':')
    const rules: Rule[] = []
    for (const [rule, said] of numbered(`${key}_rule`, values)) {
      try {
        rules.push(parseRule(said))
      } catch (error) {
        wrong.push(`${rule} = ${said}: ${(error as Error).message}`)
      }
    }
    roots.push(rootOf(name, options, rules))
  }
  return { roots, wrong }
}

interface Amount { readonly value: number; readonly percent: boolean }
interface Rule { readonly mask: string; readonly ignore: boolean; readonly bytes?: Amount; readonly messages?: Amount }

const isDefault = ({ mask }: Rule): boolean => mask === '*' || mask === '?'

function parseRule(text: string): Rule {
  const end = text.indexOf(':')
  if (end <= 0) throw new Error('it has the form <mailboxes>:<limits>')
  let rule: Rule = { mask: text.slice(0, end), ignore: false }
  for (const word of text.slice(end + 1).split(':').filter((one) => one !== '')) {
    const [name = '', value = ''] = word.split('=')
    if (name === 'ignore') rule = { ...rule, ignore: true }
    else if (name === 'storage') rule = { ...rule, bytes: amount(value, units['k']!) }
    else if (name === 'bytes') rule = { ...rule, bytes: amount(value, 1) }
    else if (name === 'messages') rule = { ...rule, messages: amount(value, 1) }
    else if (name !== 'backend') throw new Error(`unknown limit '${name}'`)
  }
  return rule
}

/** `unit`: of a number without one. */
function amount(text: string, unit: number): Amount {
  const [, sign, digits, suffix = ''] = /^([+-]?)(\d{1,15})(%|[bkmgt]?)$/i.exec(text) ?? []
  if (digits === undefined) throw new Error(`'${text}' is not an amount`)
  const value = (sign === '-' ? -1 : 1) * Number(digits)
  return suffix === '%' ? { value, percent: true } : { value: value * (units[suffix.toLowerCase()] ?? unit), percent: false }
}

function rootOf(name: string, options: readonly string[], rules: readonly Rule[]): QuotaRoot {
  const limit = (of: 'bytes' | 'messages'): number | undefined => rules.filter(isDefault).findLast((rule) => rule[of] !== undefined)?.[of]?.value || undefined
  const limits = { bytes: limit('bytes'), messages: limit('messages') }
  const on = (base: number | undefined, more: Amount | undefined): number => (more === undefined ? 0 : more.percent ? Math.trunc((base ?? 0) * more.value / 100) : more.value)
  const others = rules.filter((rule) => !isDefault(rule))
  return {
    name, limits, hidden: options.includes('hidden'), enforcing: !options.includes('noenforcing'),
    prefix: options.find((option) => option.startsWith('ns='))?.slice(3),
    more: others.filter(({ ignore }) => !ignore).map(({ mask, bytes, messages }) => ({ matches: wildcards(mask), bytes: on(limits.bytes, bytes), messages: on(limits.messages, messages) })),
    ignored: others.filter(({ ignore }) => ignore).map(({ mask }) => wildcards(mask)),
  }
}

const wildcards = (mask: string): RegExp =>
  new RegExp(`^${mask.replace(/\*+/g, '*').replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')

/** What a mailbox's mails may grow to all together: the user's limits, and what there is on top for this mailbox. */
export function limitsFor({ limits, more }: QuotaRoot, mailbox: string): QuotaLimits {
  const extra = more.find(({ matches }) => matches.test(mailbox))
  if (extra === undefined) return limits
  return { bytes: limits.bytes === undefined ? undefined : limits.bytes + extra.bytes, messages: limits.messages === undefined ? undefined : limits.messages + extra.messages }
}

/** Whether a mailbox's mails count. */
export const counts = ({ prefix, ignored }: QuotaRoot, mailbox: string): boolean => belongs(prefix, mailbox) && !ignored.some((mask) => mask.test(mailbox))

/** Whether the root limits what goes into a mailbox of that name. */
export const covers = ({ prefix }: QuotaRoot, mailbox: string): boolean => belongs(prefix, mailbox)

const belongs = (prefix: string | undefined, mailbox: string): boolean => prefix === undefined || mailbox.startsWith(prefix)
