// Puts a user actor together: its stores, its root (and with it the user's ownership), its mailbox list.

import type { Settings } from '../../conf/settings.ts'
import type { Effects, ObjectStore, RequestContext } from '../../runtime/effects.ts'
import { limits as defaultLimits } from '../../runtime/limits.ts'
import type { Limits } from '../../runtime/limits.ts'
import { Bundles } from './bundles.ts'
import { copyThrough } from './copy-through.ts'
import { MailboxFolders } from './folders.ts'
import type { MailboxWorld } from './mailbox.ts'
import { guessInbox } from './inbox-guess.ts'
import { Manifest } from './manifest.ts'
import { Namespaces } from './namespace.ts'
import { ObjectIds } from './object-names.ts'
import { Obox } from './obox.ts'
import { policyOf } from './policy.ts'
import type { Policy } from './policy.ts'
import type { RootWorld } from './root.ts'
import { lostRoot, openRoot, standing } from './root-load.ts'
import type { Standing } from './root-load.ts'
import { forgetUser, leaveUser } from './salvage.ts'
import type { Places } from './salvage.ts'
import type { Account } from './types.ts'
import { UserActor } from './user.ts'
import type { UserOptions } from './user.ts'
import { Watchers } from './watchers.ts'

/**
 * Opens a user. `settings`: %-expanded for the user. The first opening ever creates INBOX and the mailboxes with `auto`.
 * TempFail: disk or store are away, or hold what cannot be read now; nothing was changed. ConfigError: the settings.
 */
export async function openUser(effects: Effects, settings: Settings, account: Account, options: UserOptions = {}): Promise<UserActor> {
  const { limits, policy, ids, indexStore, obox, places, rootWorld } = worldOf(effects, settings, account, options)
  for (const line of policy.wrongQuota) effects.emit({ level: 'warning', name: 'user.bad_quota', user: account.user, text: `This rule limits nothing: ${line}` })
  const { path } = policy.location
  const context: RequestContext = { user: account.user, reason: 'obox:user_open' }
  const { root, nameless } = await openRoot(rootWorld, obox, places, context)
  const world: Omit<MailboxWorld, 'target'> = {
    effects, limits, policy, obox, indexes: policy.indexStore === policy.mailStore ? obox : new Obox(indexStore, path, policy.username), ids, user: account.user, ownership: root, watchers: new Watchers(),
    bundles: places.bundles,
  }
  const folders = new MailboxFolders(world, root, new Namespaces(policy.namespaces, limits), places.mailboxes)
  await folders.prepare(context, nameless, root.state.entries.size === 0 ? await guessInbox(obox, context, nameless, limits) : undefined)
  const user = new UserActor(account, world, folders, { ...options, leave: () => leaveUser(rootWorld, places, root.state), forget: () => forgetUser(effects, places) })
  if (root.state.distrusted) user.verifyLater()
  const merge = (): void => {
    if (policy.merging) user.mergeOrphans()
    else effects.emit({ level: 'warning', name: 'metacache.not_merged', user: account.user, text: `What another backend has left of ${account.user} stays unmerged in the store (metacache_index_merging, metacache_disable_merging)` })
  }
  root.listen({ lost: (error) => { user.lose(error) }, orphans: merge, look: () => { user.lookLater() }, distrust: () => { user.verifyLater() } })
  if (root.state.orphans.length > 0) merge()
  return user
}

/**
 * Removes the local files of a user that is not in memory where another backend has it, after what only they have is left to that one.
 * False: it is not so, and nothing has changed. TempFail as of openUser.
 */
export async function leaveIfLost(effects: Effects, settings: Settings, account: Account): Promise<boolean> {
  const { places, rootWorld } = worldOf(effects, settings, account, {})
  const root = await lostRoot(rootWorld, places, { user: account.user, reason: 'metacache:clean' })
  if (root === undefined) return false
  await leaveUser(rootWorld, places, root)
  return true
}

/** Where a user is that is not in memory (root-load.ts). TempFail as of openUser. */
export function standingOf(effects: Effects, settings: Settings, account: Account): Promise<Standing> {
  const { obox, places, rootWorld } = worldOf(effects, settings, account, {})
  return standing(rootWorld, obox, places, { user: account.user, reason: 'obox:owner' })
}

interface UserWorld { limits: Limits; policy: Policy; ids: ObjectIds; indexStore: ObjectStore; obox: Obox; places: Places; rootWorld: RootWorld }

function worldOf(effects: Effects, settings: Settings, account: Account, options: UserOptions): UserWorld {
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const policy = policyOf(settings, account)
  const { path, index } = policy.location
  const ids = new ObjectIds(effects.clock, effects.random)
  const indexStore = effects.storage(policy.indexStore)
  const mails = effects.storage(policy.bodyStore)
  const { copyThrough: through, tempDirectory } = policy
  const obox = new Obox(mails, path, policy.username, through ? (context, from, to) => copyThrough(mails, effects.files, tempDirectory, limits, context, from, to) : undefined)
  const bundles = new Bundles(indexStore, `${path}/idx/`, policy.username)
  const manifest = new Manifest(indexStore, `${path}/idx/`, policy.username)
  const places: Places = {
    root: `${index}/root`, mailboxes: `${index}/mailboxes`, obox,
    bundles: (guid) => new Bundles(indexStore, `${obox.mailboxPrefix(guid)}idx/`, policy.username),
  }
  const rootWorld: RootWorld = { effects, limits, policy, ids, user: account.user, manifest, bundles }
  return { limits, policy, ids, indexStore, obox, places, rootWorld }
}
