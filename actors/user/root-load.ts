// Brings a user's root into memory. The manifest decides whether the local files are the newest state there is:
//
// - The local root's tag is the manifest's: they are. One HEAD.
// - The owner it names is the local root's: they are, but the manifest may say what is not true (Root: doubtful).
// - Anything else, and there is a manifest: the user is taken over (manifest.ts); local files are of no use any more.
// - It is damaged, gone, or older than the local files (somebody has put it back): nobody can tell who had the user last. The newest
//   list there is takes its place, of the local files or of the manifest's copy; where there is none, names are lost. The user is
//   taken in an epoch that nobody can have reached, so that whoever had it leaves what only it has, as these local files do.
// - There has been none: the root is that of the local files, of the newest root bundle (as there were before there was a
//   manifest), or, where there is nothing, of the mailboxes that have objects, whose names are lost. The first is written.
//
// Rule: a store that does not answer gives TempFail, never an empty root.

import { createHash } from 'node:crypto'
import type { RequestContext } from '../../runtime/effects.ts'
import { ConditionFailed, TempFail } from '../../runtime/errors.ts'
import { concatBytes } from '../mail/byte-strings.ts'
import { lossWith } from './boots.ts'
import type { JournalStart } from './journal.ts'
import { readLocal, writeLocal } from './local-state.ts'
import type { Kept, Local } from './local-state.ts'
import { isOverwritten, tellForgotten } from './conditions.ts'
import { published } from './manifest.ts'
import type { FoundManifest, ManifestFacts } from './manifest.ts'
import { isBundleName, isGuid, newestFirst } from './object-names.ts'
import type { Obox } from './obox.ts'
import { Root } from './root.ts'
import type { RootWorld } from './root.ts'
import { orphansOf } from './salvage.ts'
import type { Places } from './salvage.ts'
import type { OrphanNote, RootChange } from './root-changes.ts'
import { decodeRoot, decodeRootChanges, encodeRoot } from './root-codec.ts'
import { RootState } from './root-state.ts'

export interface OpenedRoot {
  root: Root
  /** GUIDs of mailboxes that have objects in the store and no name. */
  nameless: string[]
}

/** How often a user is tried to be taken that others take at the same time. */
const attempts = 5

export async function openRoot(world: RootWorld, obox: Obox, places: Places, context: RequestContext): Promise<OpenedRoot> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryOpen(world, obox, places, context)
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error
      if (attempt === attempts) throw new TempFail(`${world.user} is being opened by other backends`, { cause: error })
    }
  }
}

/**
 * The root of the local files, where the manifest says that another backend has the user; an empty one where the root is damaged, so that
 * nobody can tell whose the files are: left as if they were another's they are merged, whoever that is.
 */
export async function lostRoot(world: RootWorld, places: Places, context: RequestContext): Promise<RootState | undefined> {
  const local = await readLocal(world.effects, keptRoot(world, places.root))
  if (local === undefined) return (await world.manifest.facts(context))?.owner ? new RootState() : undefined
  if (local.state.epoch === 0) return undefined
  const facts = await world.manifest.facts(context)
  return facts === undefined || facts.owner === '' || facts.owner === local.state.owner || facts.epoch < local.state.epoch ? undefined : local.state
}

/** Where a user is that is not in memory. `elsewhere`: another backend has it, and has not handed it over; `nowhere`: there is nothing of it. */
export type Standing = 'here' | 'elsewhere' | 'nowhere'

/** What opening the user would do: nothing to others (`here`), take it from another backend, or make it. Nothing has changed. TempFail. */
export async function standing(world: RootWorld, obox: Obox, places: Places, context: RequestContext): Promise<Standing> {
  const local = await readLocal(world.effects, keptRoot(world, places.root))
  const found = await world.manifest.read(context)
  if (found !== undefined) return found.owner === '' || found.owner === local?.state.owner || found.state?.clean === true ? 'here' : 'elsewhere'
  const known = local !== undefined || (await world.bundles.list(context)).length > 0 || (await obox.mailboxes(context)).length > 0
  return known ? 'here' : 'nowhere'
}

async function tryOpen(world: RootWorld, obox: Obox, places: Places, context: RequestContext): Promise<OpenedRoot> {
  const { manifest } = world
  const since = world.effects.clock.monotonic()
  const local = await readLocal(world.effects, keptRoot(world, places.root))
  if (local !== undefined && local.state.epoch > 0) {
    const facts = await manifest.facts(context)
    if (facts !== undefined && facts.owner === local.state.owner) return ours(world, obox, places, context, local, facts, since)
  }
  const found = await manifest.read(context)
  if (found !== undefined && found.owner !== '' && local?.state.owner === found.owner) return ours(world, obox, places, context, local, found, since)
  if (found !== undefined || (local !== undefined && local.state.tag !== '')) return take(world, obox, places, context, found, local?.state, since)
  if (local !== undefined) return first(world, places, context, local.state, await leftNameless(obox, context, local.state), since)
  const all = await world.bundles.names(context)
  // Others have seen this store forget conditions.
  if (manifest.findListed(all)) return tryOpen(world, obox, places, context)
  const names = all.filter(isBundleName)
  const state = await newestRoot(world, context, names)
  // Where every change of the list was uploaded before it was true, the bundle knows all mailboxes there are.
  const complete = state !== undefined && !world.policy.backgroundRootUploads
  const root = state ?? new RootState()
  root.statuses.clear()
  root.bundles.clear()
  for (const name of names) root.bundles.add(name)
  const nameless = complete ? [] : await withoutName(obox, context, root)
  if (names.length === 0 && nameless.length === 0) return newUser(world, places, since)
  // Mailboxes, and none of another server: there was a manifest.
  if (state === undefined && await manifest.readCopy(context) !== undefined) return take(world, obox, places, context, undefined, undefined, since)
  // There may have been one, and who wrote it must not believe that this one is older.
  if (state === undefined) root.epoch = world.limits.epochLeap
  return first(world, places, context, root, nameless, since)
}

/** The local state is the newest there is. */
async function ours(world: RootWorld, obox: Obox, places: Places, context: RequestContext, local: Local<RootState>, facts: ManifestFacts, since: number): Promise<OpenedRoot> {
  const { state, journal, torn } = local
  const cut = torn || state.boots.isShort(world.effects.bootId)
  const doubtful = facts.tag !== state.tag
  // Somebody else has been at it.
  let notes: readonly OrphanNote[] = []
  if (doubtful && facts.write !== state.write) {
    const found = await world.manifest.read(context)
    // What the journal has lost may be that a mailbox was created: the manifest had that before it was true.
    if (cut && found?.state !== undefined && found.owner === state.owner && !world.policy.backgroundRootUploads) return restored(world, obox, places, context, found, found.state, local, since)
    notes = found?.state?.orphans ?? []
  }
  state.tag = facts.tag
  state.epoch = Math.max(state.epoch, facts.epoch)
  // A list that is uploaded later may have lost mailboxes here that it has nowhere else.
  const nameless = cut && world.policy.backgroundRootUploads ? await withoutName(obox, context, state) : await leftNameless(obox, context, state)
  const root = new Root(world, state, journal, doubtful, since)
  // Kept here before the manifest is written again: whoever dies in between must still know of them.
  if (notes.length > 0) await root.note({ kind: 'orphans', notes: [...notes] })
  const changes = [...await perhapsTouched(world, places, local), ...perhapsLooking(local), ...booted(world, state)]
  if (changes.length > 0) await root.note(...changes)
  tellDoubts(world, state)
  return { root, nameless }
}

/** A user that has no mailbox at all was taken over, and its mailboxes were given no names before the process ended. */
const leftNameless = async (obox: Obox, context: RequestContext, state: RootState): Promise<string[]> =>
  (state.entries.size === 0 ? withoutName(obox, context, state) : [])

/** What the root is to know of this run of the machine before anything else is written in it. */
function booted({ effects, policy }: RootWorld, { boots }: RootState): RootChange[] {
  const boot = boots.begin(effects.bootId, policy.fsync === 'never')
  return boot === undefined ? [] : [{ kind: 'boot', boot }]
}

/** What a torn journal may have said of the mailboxes that have local files: that they were written to. */
async function perhapsTouched({ effects, policy }: RootWorld, places: Places, { state, torn }: Local<RootState>): Promise<RootChange[]> {
  const loss = lossWith(policy.fsync)
  if (!torn || effects.bootId === '' || loss === undefined) return []
  const there = (await effects.files.list(places.mailboxes)).filter(isGuid)
  return there.filter((guid) => !state.boots.hasTouched(guid, loss)).map((guid) => ({ kind: 'touched', guid, loss }))
}

/**
 * And that mailboxes made from the store are to be listed once more, by who takes it for damage that the last record is cut (it was forced
 * to disk): rows that have lost their objects are found. Which mails may still come is not known any more: what is looked for is in no list.
 */
const perhapsLooking = ({ state, torn }: Local<RootState>): RootChange[] =>
  (torn ? [...state.built].filter((guid) => knows(state, guid) && !state.looks.has(guid)).map((guid) => ({ kind: 'look', look: { guid, uids: [], before: pastAllUids } })) : [])

/** UIDs have 32 bits. */
const pastAllUids = 0x1_0000_0000

function tellDoubts({ effects, user }: RootWorld, { boots: { doubtful } }: RootState): void {
  if (doubtful.size === 0) return
  effects.emit({
    level: 'info', name: 'user.machine_restarted', user, values: { mailboxes: doubtful.size },
    text: `The machine was started anew while mailboxes of ${user} were in use: what a loss of power may have taken of ${doubtful.size} of them is made up for when they are opened`,
  })
}

/** The manifest's list, with what of the local state is not in any list. */
async function restored(world: RootWorld, obox: Obox, places: Places, context: RequestContext, found: FoundManifest, state: RootState, read: Local<RootState>, since: number): Promise<OpenedRoot> {
  const { state: local, torn } = read
  for (const { guid = '' } of state.entries.values()) {
    const [kept, look] = [local.statuses.get(guid), local.looks.get(guid)]
    if (kept !== undefined) state.statuses.set(guid, kept)
    if (look !== undefined) state.looks.set(guid, look)
  }
  // That their files were made may be among what is lost: they are not as the manifest once handed them over.
  for (const guid of [...local.built, ...(await world.effects.files.list(places.mailboxes)).filter(isGuid)]) state.built.add(guid)
  // With all the end of the journal gone, what is left of it may have been uploaded, and changed again, since.
  const later = torn ? local.pending : local.pending.slice(Math.max(0, local.pending.length - Math.max(0, local.changes - state.changes)))
  for (const change of later) if (change.kind === 'subscribe' || change.kind === 'metadata' || change.kind === 'acl') state.apply(change)
  state.apply({ kind: 'orphans', notes: [...local.orphans] })
  state.tag = found.tag
  state.taken = local.taken
  state.boots.copy(local.boots)
  for (const change of [...await perhapsTouched(world, places, read), ...perhapsLooking({ ...read, state })]) state.apply(change)
  const journal = await lay(world, places, state)
  tellDoubts(world, state)
  return { root: new Root(world, state, journal, false, since), nameless: await leftNameless(obox, context, state) }
}

/** Makes the user ours, whoever had it. `found` undefined: there was a manifest. ConditionFailed: somebody else was faster. */
async function take(world: RootWorld, obox: Obox, places: Places, context: RequestContext, found: FoundManifest | undefined, local: RootState | undefined, since: number): Promise<OpenedRoot> {
  const { effects, user, ids, manifest, policy } = world
  const forgotten = found !== undefined && local !== undefined && isOverwritten(local, found)
  if (forgotten && manifest.distrust()) {
    tellForgotten(effects, user)
    throw new ConditionFailed('manifest')
  }
  const good = found?.state !== undefined && found.epoch >= (local?.epoch ?? 0)
  const state = good ? found.state! : await insteadOf(world, context, found, local)
  const nameless = !good || policy.backgroundRootUploads ? await withoutName(obox, context, state) : await leftNameless(obox, context, state)
  state.apply({ kind: 'orphans', notes: await orphansOf(world, places, context, local, good ? state : undefined) })
  state.epoch = state.taken = good ? found.epoch + 1 : state.epoch + world.limits.epochLeap
  state.distrusted ||= forgotten
  state.took = good ? { owner: found.owner, epoch: found.epoch, writes: state.writes } : undefined
  state.writes = 0
  state.owner = ids.guid()
  state.write = ids.guid()
  if (!state.clean || state.distrusted) state.handed = new Map()
  state.clean = false
  state.tag = await manifest.write(context, state, found?.tag ?? '')
  // Last the root: until it is there, the next opening takes the user once more.
  await effects.files.remove(places.mailboxes)
  const journal = await lay(world, places, state)
  effects.emit({ level: 'info', name: 'user.taken', user, text: `${user} is served by this backend now (epoch ${state.epoch})` })
  return { root: new Root(world, state, journal, false, since), nameless }
}

/** The newest list there is, where the manifest is of no use; and the latest epoch that is known. */
async function insteadOf({ effects, user, manifest }: RootWorld, context: RequestContext, found: FoundManifest | undefined, local: RootState | undefined): Promise<RootState> {
  const copy = await manifest.readCopy(context)
  const newest = [local, copy, found?.state].reduce((one, other) => (other !== undefined && other.epoch > (one?.epoch ?? -1) ? other : one), undefined)
  const what = found === undefined ? 'gone' : found.state === undefined ? 'damaged' : 'older than the local files'
  const rest = newest === undefined ? 'names of its mailboxes are lost' : newest === local ? 'the local list takes its place' : 'its copy may lack what was changed last'
  effects.emit({ level: 'error', name: 'metacache.manifest_damaged', user, text: `The manifest of ${user} is ${what}: ${rest}` })
  const state = newest === undefined ? new RootState() : published(newest)
  state.epoch = Math.max(state.epoch, local?.epoch ?? 0, found?.epoch ?? 0)
  // The copy may have been made when a former owner left the user whole.
  state.clean = false
  return state
}

/** A user of whom the store knows nothing. The manifest comes with the first mailboxes. */
async function newUser(world: RootWorld, places: Places, since: number): Promise<OpenedRoot> {
  const state = new RootState()
  state.epoch = state.taken = 1
  state.owner = world.ids.guid()
  const journal = await lay(world, places, state)
  return { root: new Root(world, state, journal, true, since), nameless: [] }
}

/** Writes the first manifest; the local files, where there are any, are the newest state. */
async function first(world: RootWorld, places: Places, context: RequestContext, state: RootState, nameless: string[], since: number): Promise<OpenedRoot> {
  const { ids, manifest } = world
  state.epoch++
  state.owner = ids.guid()
  state.write = ids.guid()
  state.clean = false
  state.tag = await manifest.write(context, state, '')
  state.unsaved = 0
  const journal = await lay(world, places, state)
  return { root: new Root(world, state, journal, false, since), nameless }
}

/** Writes the local root anew: forced to disk, and with it whatever was removed before. */
async function lay(world: RootWorld, places: Places, state: RootState): Promise<JournalStart> {
  for (const change of booted(world, state)) state.apply(change)
  return (await writeLocal(world.effects, keptRoot(world, places.root), state, true)).journal
}

const withoutName = async (obox: Obox, context: RequestContext, state: RootState): Promise<string[]> =>
  (await obox.mailboxes(context)).filter((guid) => !knows(state, guid))

/** The newest bundle that is whole; undefined without any. */
async function newestRoot(world: RootWorld, context: RequestContext, names: readonly string[]): Promise<RootState | undefined> {
  for (const name of newestFirst(names)) {
    const reader = await world.bundles.read(context, name)
    if (reader === undefined) continue
    const chunks: Uint8Array[] = []
    for await (const chunk of reader.body) chunks.push(chunk)
    const found = decodeRoot(concatBytes(chunks))
    if (found !== undefined) {
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
  encode: (state, generation) => encodeRoot(state, generation, world.user),
  replay: (state, record) => {
    for (const change of decodeRootChanges(record)) state.apply(change)
    return 0
  },
})
