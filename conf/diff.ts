// What a reload changes: the settings that two readings of a configuration give different values, by name and place.

import { rowOf, sectionKind } from './grammar.ts'
import type { Config } from './load.ts'
import type { Entry } from './read.ts'

/** Settings that differ, each once: those in force from now on, and those that a running server cannot change. */
export interface Difference { now: string[]; atNextStart: string[] }

/** `name` or `section/name`, with the filters around it. */
const nameOf = ({ conditions, path, key }: Entry): string =>
  [...conditions.map(({ kind, value }) => `${kind} ${value}:`), ...path.filter((step) => step !== ''), key ?? ''].join('/')

/** The value that counts of each setting: the last one; sections of their own count as set. */
function valuesOf({ entries }: Config): Map<string, { entry: Entry; value: string }> {
  const values = new Map<string, { entry: Entry; value: string }>()
  for (const entry of entries) values.set(nameOf(entry), { entry, value: entry.value })
  return values
}

function isAtStart({ path, key }: Entry): boolean {
  const found = sectionKind(path)
  if (key === undefined || !('kind' in found)) return path.some((step) => step.endsWith('_listener'))
  return rowOf(found.kind.table, key)?.atStart === true
}

/** Compares two readings of a configuration. Secrets are compared, and never shown: names only. */
export function differenceOf(before: Config, after: Config): Difference {
  const old = valuesOf(before)
  const fresh = valuesOf(after)
  const difference: Difference = { now: [], atNextStart: [] }
  for (const name of new Set([...old.keys(), ...fresh.keys()])) {
    const [was, is] = [old.get(name), fresh.get(name)]
    if (was?.value === is?.value && was !== undefined && is !== undefined) continue
    const { entry } = (is ?? was)!
    ;(isAtStart(entry) ? difference.atNextStart : difference.now).push(name.replace(/\/$/, ''))
  }
  return difference
}
