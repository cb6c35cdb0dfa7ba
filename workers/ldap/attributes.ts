// pass_attrs, user_attrs and iterate_attrs: which attributes of an entry become which fields.
//
//   ldapAttr=field                 its value
//   ldapAttr=field=prefix%$        a template in which %$ is the value
//   ldapAttr                       a field of the same name
//   =field=template                a template with %{ldap:attr}, %{ldap:attr:default}, %{ldap_ptr:attr}, %{ldap_dn}, %variables
//   !ldapAttr                      only fetched, for %{ldap_ptr:…}
//
// Of several values the first one counts, with a warning. A field of an absent attribute is absent; one of the third form is
// always there. (All as Dovecot 2.3.19 does it. What its `@` does, other entries' attributes, is refused.)

import type { Fields } from '../../actors/auth/lookup.ts'
import type { Variables } from '../../conf/expand.ts'
import { expand } from '../../conf/expand.ts'
import { ConfigError } from '../../runtime/errors.ts'

/** What a directory knows of somebody. */
export interface LdapEntry {
  dn: string
  /** Values by the attribute's name in lower case. */
  values: ReadonlyMap<string, readonly string[]>
}

interface Item {
  /** As in the file; absent: the template alone decides. */
  attribute?: string
  /** Absent: only fetched. */
  field?: string
  template: string
}

export class AttributeMap {
  readonly #items: readonly Item[]
  /** Attributes to ask for. */
  readonly attributes: readonly string[]
  readonly #inTemplates: readonly string[]

  /** ConfigError: not a list as above. Fields in `except` are left out, and what only they need is not asked for. */
  constructor(text: string, except: readonly string[] = []) {
    this.#items = splitItems(text).map(parseItem).filter(({ field }) => field === undefined || !except.includes(field))
    this.#inTemplates = unique(this.#items.flatMap(({ template }) => [...template.matchAll(/\{ldap(?:_ptr)?:([^:;}]*)/g)].map(([, name = '']) => name)))
    this.attributes = unique([...this.#items.flatMap(({ attribute }) => attribute ?? []), ...this.#inTemplates])
  }

  /** The values of a plain `attribute=field`, all of them: user names when all users are listed. */
  valuesOf(field: string, entry: LdapEntry): readonly string[] {
    return this.#items.flatMap((item) => (item.field === field && item.attribute !== undefined ? valuesOf(entry, item.attribute) : []))
  }

  /** Tries all templates out. ConfigError: an unknown variable. */
  check(variables: Variables): void {
    for (const { template } of this.#items) expand(template, { ...variables, ldap: {}, ldap_ptr: {}, ldap_dn: '', $: '' })
  }

  /** `warning`: something in the entry is not as it should be. ConfigError: an unknown variable. */
  fields(entry: LdapEntry, variables: Variables): { fields: Fields; warning?: string } {
    const fields: Fields = {}
    const several = new Set<string>()
    const first = (attribute: string): string | undefined => {
      const values = valuesOf(entry, attribute)
      if (values.length > 1) several.add(attribute)
      return values[0]
    }
    const all = { ...variables, ...this.#ldapVariables(entry, first) }
    for (const { attribute, field, template } of this.#items) {
      const value = attribute === undefined ? '' : first(attribute)
      if (field !== undefined && value !== undefined) fields[field] = expand(template, { ...all, $: value })
    }
    if (several.size === 0) return { fields }
    return { fields, warning: `more than one value of ${[...several].join(', ')}: the first one is used` }
  }

  #ldapVariables(entry: LdapEntry, first: (attribute: string) => string | undefined): Variables {
    const ldap: Record<string, string> = {}
    const pointed: Record<string, string> = {}
    for (const name of this.#inTemplates) {
      const value = first(name)
      if (value === undefined) continue
      ldap[name] = value
      const target = valuesOf(entry, value)[0]
      if (target !== undefined) pointed[name] = target
    }
    return { ldap, ldap_ptr: pointed, ldap_dn: entry.dn }
  }
}

const unique = (names: readonly string[]): string[] => [...new Set(names)]

const valuesOf = (entry: LdapEntry, attribute: string): readonly string[] => entry.values.get(attribute.toLowerCase()) ?? []

/** Commas inside of %{…} separate nothing. */
function splitItems(text: string): string[] {
  const items = ['']
  let depth = 0
  for (const char of text) {
    if (char === '{') depth++
    if (char === '}') depth--
    if (char === ',' && depth <= 0) items.push('')
    else items[items.length - 1] += char
  }
  return items.map((item) => item.trim()).filter((item) => item !== '')
}

function parseItem(text: string): Item {
  if (/^[^={]*@/.test(text) || text.startsWith('=@')) throw new ConfigError(`'${text}': attributes of other entries (@) cannot be had`)
  if (text.startsWith('!')) return { attribute: text.slice(1), template: '' }
  const [, attribute = '', field, template] = /^([^=]*)(?:=([^=]*)(?:=(.*))?)?$/s.exec(text) ?? []
  if (attribute === '') {
    if (field === undefined || field === '') throw new ConfigError(`'${text}': the field's name is missing`)
    return { field, template: template ?? '' }
  }
  if (!/^[\w.-]+(;[\w-]+)*$/.test(attribute)) throw new ConfigError(`'${attribute}' is not an attribute's name`)
  if (field === '') throw new ConfigError(`'${text}': the field's name is missing`)
  return { attribute, field: field ?? attribute, template: template ?? '%$' }
}
