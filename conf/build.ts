// Checked entries → the Settings object.

import type { Entry } from './read.ts'
import { convert } from './format.ts'
import { rowOf } from './grammar.ts'
import type { Table, Values } from './setting.ts'
import { defaultsOf } from './setting.ts'
import type { MailboxSettings, NamespaceSettings, ServiceSettings, Settings } from './settings.ts'
import { coreSettings, defaultSettings, pluginSettings } from './settings.ts'
import { passdbSettings, userdbSettings } from './settings/auth.ts'
import { mailboxSettings, namespaceSettings } from './settings/mail.ts'
import { fileListenerSettings, inetListenerSettings, knownServices, serviceSettings } from './settings/service.ts'

type Loose = Record<string, unknown>

/** Puts entries, the most general first, together to Settings. They have been checked: values convert, sections exist. */
export const build = (entries: readonly Entry[]): Settings => {
  const settings = defaultSettings()
  const set = new Set<string>()
  const builder = new Builder(settings)
  for (const entry of knownServiceEntries()) builder.add(entry)
  for (const entry of entries) {
    builder.add(entry)
    if (entry.key !== undefined && (entry.path.length === 0 || entry.path[0] === 'plugin')) set.add(entry.key)
  }
  const loose: Loose = settings
  for (const [name, row] of Object.entries<{ from?: string }>({ ...coreSettings, ...pluginSettings })) {
    if (row.from !== undefined && !set.has(name)) loose[name] = loose[row.from]
  }
  return finish(settings)
}

/** The services that are there without being configured, as if they had been written. */
export const knownServiceEntries = (): Entry[] =>
  Object.entries(knownServices).flatMap(([name, { set, ...listeners }]) => [
    ...sectionEntries(['service', name], set),
    ...Object.entries(listeners).flatMap(([kind, ofKind]) =>
      Object.entries(ofKind).flatMap(([listener, values]) => sectionEntries(['service', name, kind, listener], values))),
  ])

const sectionEntries = (path: string[], values: Record<string, string> = {}): Entry[] => {
  const entry = { conditions: [], path, where: 'default' }
  return [{ ...entry, value: '', shown: path.at(-1)! }, ...Object.entries(values).map(([key, value]) => ({ ...entry, key, value, shown: value }))]
}

/** What can only be said when all is known. */
const finish = (settings: Settings): Settings => {
  settings.namespace = settings.namespace.filter((namespace) => !namespace.disabled)
  if (settings.namespace.length === 0) settings.namespace.push({ name: 'inbox', mailbox: [], ...defaultsOf(namespaceSettings), inbox: true })
  for (const namespace of settings.namespace) if (namespace.separator === '') namespace.separator = '/'
  const loose: Loose = settings
  const resolve = (value: string): string => (value.startsWith('$') ? String(loose[value.slice(1)] ?? value) : value)
  for (const service of Object.values(settings.service)) {
    service.user = resolve(service.user)
    for (const listener of [...Object.values(service.unix_listener), ...Object.values(service.fifo_listener)]) {
      listener.user = resolve(listener.user)
      listener.group = resolve(listener.group)
    }
  }
  return settings
}

class Builder {
  #settings: Settings
  /** Sections by path, for those that are kept in lists. */
  #sections = new Map<string, Loose>()

  constructor(settings: Settings) { this.#settings = settings }

  add({ path, key, value, where }: Entry): void {
    const [type = '', name = ''] = path
    switch (type) {
      case '': return this.#put(this.#settings, coreSettings, key, value)
      case 'plugin':
        if (key === undefined) return
        this.#settings.plugin[key] = value
        if (Object.hasOwn(pluginSettings, key)) this.#put(this.#settings, pluginSettings, key, value)
        return
      case 'dict':
        if (key !== undefined) this.#settings.dict[key] = value
        return
      case 'passdb': return this.#put(this.#listed(path, () => push(this.#settings.passdb, { where, ...defaultsOf(passdbSettings) })), passdbSettings, key, value)
      case 'userdb': return this.#put(this.#listed(path, () => push(this.#settings.userdb, { where, ...defaultsOf(userdbSettings) })), userdbSettings, key, value)
      case 'namespace': return this.#namespace(path, key, value, where)
      case 'service': return this.#service(name, path.slice(2), key, value)
    }
  }

  #put(target: object, table: Table, key: string | undefined, value: string): void {
    const row = key === undefined ? undefined : rowOf(table, key)
    if (row !== undefined) (target as Loose)[key!] = convert(row, value)
  }

  #listed(path: readonly string[], create: () => object): object {
    const id = JSON.stringify(path)
    const section = this.#sections.get(id) ?? create() as Loose
    this.#sections.set(id, section)
    return section
  }

  #namespace(path: readonly string[], key: string | undefined, value: string, where: string): void {
    const name = (label: string): string => (label.startsWith('#') ? '' : label)
    const namespace = this.#listed(path.slice(0, 2), () =>
      push(this.#settings.namespace, { name: name(path[1]!), mailbox: [], where, ...defaultsOf(namespaceSettings) })) as NamespaceSettings
    if (path.length === 2) return this.#put(namespace, namespaceSettings, key, value)
    const mailbox = this.#listed(path, (): MailboxSettings => push(namespace.mailbox, { name: name(path[3]!), ...defaultsOf(mailboxSettings) }))
    this.#put(mailbox, mailboxSettings, key, value)
  }

  #service(name: string, listener: readonly string[], key: string | undefined, value: string): void {
    const service = this.#settings.service[name] ??= { ...defaultsOf(serviceSettings), inet_listener: {}, unix_listener: {}, fifo_listener: {} } satisfies ServiceSettings
    const [kind, label = ''] = listener
    if (kind === undefined) this.#put(service, serviceSettings, key, value)
    else if (kind === 'inet_listener') this.#put(service.inet_listener[label] ??= defaultsOf(inetListenerSettings), inetListenerSettings, key, value)
    else {
      const files: Record<string, Values<typeof fileListenerSettings>> = kind === 'unix_listener' ? service.unix_listener : service.fifo_listener
      this.#put(files[label] ??= defaultsOf(fileListenerSettings), fileListenerSettings, key, value)
    }
  }
}

const push = <T>(list: T[], item: T): T => {
  list.push(item)
  return item
}
