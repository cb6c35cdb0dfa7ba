// Brings a user's root into memory: from its local files; where these are lost, from the newest root bundle that can be
// read; where there is none, from the mailboxes that have objects, whose names are lost.
//
// Rule: a store that does not answer gives TempFail, never an empty root.

import { createHash } from 'node:crypto'
import type { RequestContext } from '../../runtime/effects.ts'
import { concatBytes } from '../mail/byte-strings.ts'
import { readLocal, writeLocal } from './local-state.ts'
import type { Kept } from './local-state.ts'
import type { Obox } from './obox.ts'
import { Root } from './root.ts'
import type { RootWorld } from './root.ts'
import { RootState, decodeRoot, decodeRootChanges, encodeRoot } from './root-state.ts'

export interface OpenedRoot {
  root: Root
  /** GUIDs of mailboxes that have objects in the store and no name. */
  nameless: string[]
}

export async function openRoot(world: RootWorld, obox: Obox, directory: string, context: RequestContext): Promise<OpenedRoot> {
  const kept = keptRoot(world, directory)
  const local = await readLocal(world.effects, kept)
  if (local !== undefined) return { root: new Root(world, local.state, local.journal), nameless: [] }
  const names = await world.bundles.list(context)
  const found = await newestRoot(world, context, names)
  // Where every change of the list was uploaded before it was true, the bundle knows all mailboxes there are.
  const complete = found !== undefined && !world.policy.backgroundRootUploads
  const state = found ?? new RootState()
  const nameless = complete ? [] : (await obox.mailboxes(context)).filter((guid) => !knows(state, guid))
  state.statuses.clear()
  state.bundles.clear()
  for (const name of names) state.bundles.add(name)
  const { journal } = await writeLocal(world.effects, kept, state, world.policy.fsync !== 'never')
  return { root: new Root(world, state, journal), nameless }
}

/** The newest bundle that is whole; undefined without any. */
async function newestRoot(world: RootWorld, context: RequestContext, names: readonly string[]): Promise<RootState | undefined> {
  for (const name of names.toSorted().reverse()) {
    const reader = await world.bundles.read(context, name)
    if (reader === undefined) continue
    const chunks: Uint8Array[] = []
    for await (const chunk of reader.body) chunks.push(chunk)
    const found = decodeRoot(concatBytes(chunks))
    if (found !== undefined) {
      found.state.bundle = name
      found.state.unsaved = 0
      return found.state
    }
    world.effects.emit({ level: 'error', name: 'metacache.bundle_damaged', user: world.user, text: `Root bundle ${name} is damaged; an older one is tried` })
  }
  return undefined
}

const knows = (state: RootState, guid: string): boolean =>
  state.deleting.has(guid) || state.entries.values().some((entry) => entry.guid === guid)

const keptRoot = (world: RootWorld, directory: string): Kept<RootState> => ({
  user: world.user, what: 'the mailbox list', directory,
  identity: createHash('md5').update(world.user).digest('hex'),
  empty: () => new RootState(),
  decode: decodeRoot,
  encode: encodeRoot,
  replay: (state, record) => { for (const change of decodeRootChanges(record)) state.apply(change) },
})
