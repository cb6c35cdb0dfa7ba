// Mistakes that show only when the server starts (a store's URL, a database's file) name the place where they were made, as those
// that conf/check.ts finds do.

import { ConfigError, messageOf } from '../runtime/errors.ts'
import type { Config } from './load.ts'
import type { Condition, Entry } from './read.ts'

/** `file:line` of the value that a setting has under `filter` (none: where no filter holds); the file itself where nobody sets it. */
export function whereOf({ entries, path: file }: Config, section: '' | 'plugin', key: string, filter: readonly Condition[] = []): string {
  const isMeant = (entry: Entry): boolean => entry.key === key && (entry.path[0] ?? '') === section
  const under = (conditions: readonly Condition[]): Entry | undefined =>
    entries.findLast((entry) => isMeant(entry) && JSON.stringify(entry.conditions) === JSON.stringify(conditions))
  return (under(filter) ?? under([]))?.where ?? file
}

/** Runs `action`. A ConfigError of it gets `where` (undefined: not known) before it, unless each of its lines names one. */
export function placed<T>(where: string | undefined, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof ConfigError) || where === undefined) throw error
    const message = messageOf(error)
    throw message.split('\n').every((line) => /^\S+:\d+: /.test(line)) ? error : new ConfigError(`${where}: ${message}`)
  }
}
