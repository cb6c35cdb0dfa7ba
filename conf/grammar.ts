// Which sections there are, where they may stand, and which table of settings holds in each.

import type { Setting, Table } from './setting.ts'
import { coreSettings, pluginSettings } from './settings.ts'
import { passdbSettings, userdbSettings } from './settings/auth.ts'
import { mailboxSettings, namespaceSettings } from './settings/mail.ts'
import { fileListenerSettings, inetListenerSettings, serviceSettings } from './settings/service.ts'

export interface SectionKind {
  table: Table
  sections: Record<string, SectionKind>
  /** Any name may be set in it. */
  free?: boolean
  /** Known, and not acted on yet. */
  idle?: boolean
}

const leaf = (table: Table): SectionKind => ({ table, sections: {} })
const free = (table: Table, idle: boolean): SectionKind => ({ table, sections: {}, free: true, idle })

const top: SectionKind = {
  table: coreSettings,
  sections: {
    plugin: free(pluginSettings, false),
    namespace: { table: namespaceSettings, sections: { mailbox: leaf(mailboxSettings) } },
    passdb: leaf(passdbSettings),
    userdb: leaf(userdbSettings),
    service: {
      table: serviceSettings,
      sections: { inet_listener: leaf(inetListenerSettings), unix_listener: leaf(fileListenerSettings), fifo_listener: leaf(fileListenerSettings) },
    },
    dict: free({}, true),
    metric: free({}, true),
    event_exporter: free({}, true),
  },
}

/** The kind of a section by its path (types and names in turn); where there is none, the type that is wrong and what stands around it. */
export const sectionKind = (path: readonly string[]): { kind: SectionKind } | { wrong: string; around: SectionKind } => {
  let kind = top
  for (let i = 0; i < path.length; i += 2) {
    const type = path[i]!
    const inner = Object.hasOwn(kind.sections, type) ? kind.sections[type] : undefined
    if (inner === undefined) return { wrong: type, around: kind }
    kind = inner
  }
  return { kind }
}

/** The row of a setting. In `plugin {}` also of numbered ones: quota_rule2, quota2_rule3, sieve_before2. */
export const rowOf = (table: Table, name: string): Setting<unknown> | undefined => {
  if (Object.hasOwn(table, name)) return table[name]
  const base = name.replace(/^quota\d+/, 'quota').replace(/\d+$/, '')
  const row = Object.hasOwn(table, base) ? table[base] : undefined
  return row?.numbered === true ? row : undefined
}
