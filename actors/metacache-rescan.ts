// Counts the local files of all users anew, below metacache_roots: what the disk really has. Slowly, beside other work.

import type { Effects } from '../runtime/effects.ts'
import { limits } from '../runtime/limits.ts'
import { onDisk } from './user/local-space.ts'
import { userOfRoot } from './user/root-codec.ts'

/** Local files of a user: `user` undefined if they do not say whose they are. */
export interface FoundUser { directory: string; user?: string; rootBytes: number; mailboxBytes: number }

/** The directories in which users' indexes are: as configured, or what mail_home begins with whoever the user is. */
export function metacacheRoots({ metacache_roots, mail_home }: { metacache_roots: string; mail_home: string }): string[] {
  if (metacache_roots !== '') return metacache_roots.split(':').filter((root) => root !== '')
  const fixed = mail_home.split('%', 1)[0]!
  const root = fixed.slice(0, fixed.lastIndexOf('/'))
  return root === '' ? [] : [root]
}

/** Every user's local files below the roots. `known`: whether the name of the user in a directory is known already. */
export async function* usersBelow(effects: Effects, roots: readonly string[], known: (directory: string) => boolean): AsyncGenerator<FoundUser> {
  const pace = new Pace(effects)
  for (const root of roots) yield* below(effects, pace, root, known, 0)
}

async function* below(effects: Effects, pace: Pace, directory: string, known: (directory: string) => boolean, depth: number): AsyncGenerator<FoundUser> {
  const names = await effects.files.list(directory)
  await pace.step(1)
  if (names.includes('root') && (await effects.files.stat(`${directory}/root/journal`)) !== undefined) {
    const snapshot = known(directory) ? undefined : await effects.files.read(`${directory}/root/snapshot`)
    const user = snapshot && userOfRoot(snapshot)
    yield {
      directory, ...(user === undefined ? {} : { user }),
      rootBytes: await bytesBelow(effects, pace, `${directory}/root`, 0), mailboxBytes: await bytesBelow(effects, pace, `${directory}/mailboxes`, 0),
    }
    return
  }
  if (depth >= limits.metacacheDepth) return
  for (const name of names) {
    const inner = `${directory}/${name}`
    if ((await effects.files.stat(inner))?.directory === true) yield* below(effects, pace, inner, known, depth + 1)
  }
}

async function bytesBelow(effects: Effects, pace: Pace, directory: string, depth: number): Promise<number> {
  let bytes = 0
  for (const name of await effects.files.list(directory)) {
    const path = `${directory}/${name}`
    const stat = await effects.files.stat(path)
    await pace.step(1)
    if (stat === undefined) continue
    bytes += stat.directory && depth < 2 ? await bytesBelow(effects, pace, path, depth + 1) : onDisk(stat.size)
  }
  return bytes
}

/** A pause now and then. */
class Pace {
  readonly #effects: Effects
  #files = 0

  constructor(effects: Effects) { this.#effects = effects }

  async step(files: number): Promise<void> {
    this.#files += files
    if (this.#files < limits.cacheScanFiles) return
    this.#files = 0
    await new Promise<void>((resolve) => { this.#effects.timers.after(limits.cacheScanPauseMs, resolve) })
  }
}
