// The mailbox list as clients see it, computed from the root: mailboxes, names for children only, and the parents that are
// missing. In hierarchical order, INBOX and what is below it first.

import { placeKey } from './namespace.ts'
import type { Namespaces } from './namespace.ts'
import type { RootEntry } from './root-changes.ts'
import type { RootState } from './root-state.ts'
import type { MailboxInfo } from './types.ts'

/** An entry's visible name and place in the order. Entries never change: worked out once, not for every list. */
interface Placed { readonly name: string; readonly separator: string; readonly key: string }
export type PlacedEntries = WeakMap<RootEntry, Placed>

export class MailboxList {
  readonly infos: readonly MailboxInfo[]
  readonly subscriptions: readonly string[]
  readonly #byName: Map<string, MailboxInfo>
  readonly #byGuid = new Map<string, { name: string; uidValidity: number }>()

  /** `placed`: of this user's earlier lists. */
  constructor(state: RootState, namespaces: Namespaces, placed: PlacedEntries = new WeakMap()) {
    const subscribed = subscribedNames(state, namespaces)
    const uses = new Map(namespaces.auto.map(({ place, specialUse }) => [placeKey(place), specialUse]))
    const byName = new Map<string, MailboxInfo>()
    const keys = new Map<string, string>()
    for (const [key, entry] of state.entries) {
      const { guid, uidValidity, specialUse } = entry
      let at = placed.get(entry)
      if (at === undefined) placed.set(entry, at = placeOf(entry, namespaces))
      const { name, separator } = at
      keys.set(name, at.key)
      if (guid !== undefined) this.#byGuid.set(guid, { name, uidValidity })
      byName.set(name, {
        name, separator, noSelect: guid === undefined, hasChildren: false, subscribed: subscribed.has(name),
        specialUse: [...new Set([...uses.get(key) ?? [], ...specialUse])], ...(guid === undefined ? {} : { guid }),
      })
    }
    for (const info of [...byName.values()]) addParents(byName, info, subscribed)
    const sorted = Array.from(byName.values(), (info) => ({ info, key: keys.get(info.name) ?? sortKey(info) }))
    this.infos = sorted.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ info }) => info)
    this.subscriptions = [...subscribed].sort()
    this.#byName = byName
  }

  /** By visible name in its exact spelling. */
  find(name: string): MailboxInfo | undefined { return this.#byName.get(name) }

  /** Visible name of a mailbox; undefined if there is none. */
  nameOf(guid: string): string | undefined { return this.#byGuid.get(guid)?.name }

  /** UIDVALIDITY of a mailbox; undefined if there is none. */
  uidValidityOf(guid: string): number | undefined { return this.#byGuid.get(guid)?.uidValidity }
}

/** Explicit subscriptions, and those of the configuration (which cannot be taken back). */
function subscribedNames(state: RootState, namespaces: Namespaces): Set<string> {
  const names = new Set([...state.subscriptions.values()].map((place) => namespaces.visible(place)))
  for (const { place, subscribe } of namespaces.auto) if (subscribe) names.add(namespaces.visible(place))
  return names
}

function addParents(byName: Map<string, MailboxInfo>, { name, separator }: MailboxInfo, subscribed: ReadonlySet<string>): void {
  for (let end = name.lastIndexOf(separator); end > 0; end = name.lastIndexOf(separator, end - 1)) {
    const parent = name.slice(0, end)
    const known = byName.get(parent)
    if (known?.hasChildren) return
    if (known !== undefined) known.hasChildren = true
    else byName.set(parent, { name: parent, separator, noSelect: true, hasChildren: true, subscribed: subscribed.has(parent), specialUse: [] })
  }
}

function placeOf({ place }: RootEntry, namespaces: Namespaces): Placed {
  const name = namespaces.visible(place)
  const separator = namespaces.separatorOf(place)
  return { name, separator, key: sortKey({ name, separator }) }
}

/** Sorts parents before children, siblings by name, INBOX first. */
const sortKey = ({ name, separator }: { name: string; separator: string }): string => {
  const levels = name.split(separator)
  return (levels[0] === 'INBOX' ? '\0' : '\u0001') + levels.join('\0')
}

/** Whether an entry of the root is below a path. */
export const isBelow = (key: string, parentKey: string): boolean => key.startsWith(`${parentKey}\0`)

