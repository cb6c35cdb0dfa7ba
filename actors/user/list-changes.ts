// CREATE, DELETE and RENAME as decisions: what must change in the root, or why it is refused. RFC 3501 §6.3.3–6.3.5.
// A mailbox's parents need not exist: they are listed as \NonExistent as long as they have children.

import type { Limits } from '../../runtime/limits.ts'
import { MailError } from './errors.ts'
import { isBelow } from './mailbox-list.ts'
import { isInbox, placeKey } from './namespace.ts'
import type { Namespaces, Place } from './namespace.ts'
import type { RootChange } from './root-changes.ts'
import type { RootState } from './root-state.ts'

const missing = (name: string): MailError => new MailError('NONEXISTENT', `Mailbox doesn't exist: ${name}`)

const hasChildren = (state: RootState, key: string): boolean => state.entries.keys().some((other) => isBelow(other, key))

/** Where a new mailbox goes. `nameOnly`: the name ended in a separator, so that it is for children only. */
export function decideCreate(state: RootState, namespaces: Namespaces, name: string, limits: Limits): { place: Place; nameOnly: boolean } {
  const place = namespaces.forCreation(name)
  const nameOnly = name.endsWith(namespaces.separatorOf(place))
  const existing = state.entries.get(placeKey(place))
  if (existing !== undefined && (existing.guid !== undefined || nameOnly)) throw new MailError('ALREADYEXISTS', `Mailbox already exists: ${name}`)
  if (state.entries.size >= limits.mailboxes) throw new MailError('LIMIT', `A user has at most ${limits.mailboxes} mailboxes`)
  return { place, nameOnly }
}

/** Children stay: the name is then listed as their parent. */
export function decideDelete(state: RootState, namespaces: Namespaces, name: string): RootChange[] {
  const place = namespaces.find(name)
  if (place === undefined) throw missing(name)
  if (isInbox(place)) throw new MailError('CANNOT', 'INBOX can\'t be deleted')
  const key = placeKey(place)
  const entry = state.entries.get(key)
  if (entry?.guid === undefined && hasChildren(state, key)) throw new MailError('HASCHILDREN', `Mailbox has children: ${name}`)
  if (entry === undefined) throw missing(name)
  if (namespaces.auto.some((auto) => auto.create && placeKey(auto.place) === key)) throw new MailError('CANNOT', `Mailbox is created automatically: ${name}`)
  return [{ kind: 'delete', place }]
}

/** Of anything but INBOX, with all children. */
export function decideRename(state: RootState, namespaces: Namespaces, fromName: string, toName: string): (RootChange & { kind: 'move' })[] {
  const from = namespaces.find(fromName)
  if (from === undefined || from.path.length === 0) throw missing(fromName)
  const to = namespaces.forCreation(toName)
  const [fromKey, toKey] = [placeKey(from), placeKey(to)]
  const moved = [...state.entries].filter(([key]) => key === fromKey || isBelow(key, fromKey))
  if (moved.length === 0) throw missing(fromName)
  if (isBelow(toKey, fromKey)) throw new MailError('CANNOT', 'A mailbox can\'t become its own child')
  if (state.entries.has(toKey) || hasChildren(state, toKey)) throw new MailError('ALREADYEXISTS', `Mailbox already exists: ${toName}`)
  return moved.map(([, { place }]) => {
    const target: Place = { namespace: to.namespace, path: [...to.path, ...place.path.slice(from.path.length)] }
    namespaces.forCreation(namespaces.visible(target))
    return { kind: 'move', from: place, to: target }
  })
}

/** A change that another backend made of a list that has changed meanwhile, as it is to be made here. */
export function mergedChange(state: RootState, change: RootChange): RootChange[] {
  const known = (guid: string): boolean => guid === '' || state.entries.values().some((entry) => entry.guid === guid)
  switch (change.kind) {
    case 'subscribe': return [change]
    case 'metadata': case 'acl': return known(change.guid) ? [change] : []
    case 'create': {
      const { entry } = change
      if (entry.guid === undefined || known(entry.guid) || state.deleting.has(entry.guid)) return []
      if (!state.entries.has(placeKey(entry.place))) return [change]
      // Both made one of this name: both stay.
      const path = [...entry.place.path.slice(0, -1), `${entry.place.path.at(-1) ?? 'INBOX'}-${entry.guid}`]
      return [{ kind: 'create', entry: { ...entry, place: { ...entry.place, path } } }]
    }
    default: return []
  }
}
