// Looks at what lies in an fscache directory: at start, now and then, and on demand. Files in the making that a crash left
// are removed. Slow on purpose: the cache serves meanwhile.
//
// Layout: `XX/…` entries, XX the first two and … the other thirty hex digits of the name; `.tmp/` files in the making; `.used`.
// Nothing else in the directory is touched. Storage workers that share one have some XX each.

import path from 'node:path'
import type { Clock, Timers } from '../../runtime/effects.ts'
import { limits } from '../../runtime/limits.ts'
import type { CacheDisk } from './cache-disk.ts'
import { blocksOf } from './cache-index.ts'
import type { CacheIndex } from './cache-index.ts'
import { pause } from './driver.ts'
import type { Share } from './driver.ts'
import { errnoOf } from './fs-errors.ts'

export interface ScanWorld {
  disk: CacheDisk
  directory: string
  index: CacheIndex
  share: Share
  clock: Clock
  timers: Timers
  /** Whether a file in `.tmp/` is being made here. */
  making(file: string): boolean
  stopped(): boolean
}

/** Where entries with names that begin so lie. */
export const shardOf = (directory: string, name: string): string => path.join(directory, name.slice(0, 2))
export const pathOf = (directory: string, name: string): string => path.join(directory, name.slice(0, 2), name.slice(2))
export const temporaryDirectory = (directory: string): string => path.join(directory, '.tmp')

/** The first of the XX that are an own share; those of the next share begin where they end. */
const firstShard = ({ index, count }: Share): number => Math.ceil((256 * index) / count)

/** A name of an own share for a hash: its XX is moved there. */
export const nameWithin = (hash: string, share: Share | undefined): string => {
  if (share === undefined || share.count === 1) return hash
  const [first, end] = [firstShard(share), firstShard({ ...share, index: share.index + 1 })]
  const shard = first + (Number.parseInt(hash.slice(0, 2), 16) % (end - first))
  return shard.toString(16).padStart(2, '0') + hash.slice(2)
}

let scans = 0

/** Brings the index up to date. Rejects with the disk's error; the index is then as far as it got. */
export const scan = async (world: ScanWorld): Promise<void> => {
  const { disk, directory, index, share, clock, timers } = world
  const number = ++scans
  const since = clock.now()
  let looked = 0
  const slowly = async (): Promise<void> => {
    if (++looked % limits.cacheScanFiles === 0) await pause(timers, limits.cacheScanPauseMs)
  }
  const others = await scanTemporary(world, since, slowly)
  const end = firstShard({ ...share, index: share.index + 1 })
  for (let shard = firstShard(share); shard < end && !world.stopped(); shard++) {
    const prefix = shard.toString(16).padStart(2, '0')
    for (const rest of await namesIn(disk, path.join(directory, prefix))) {
      if (!/^[0-9a-f]{30}$/.test(rest)) continue
      await slowly()
      const stats = await ifThere(() => disk.stat(path.join(directory, prefix, rest)))
      if (stats) index.adopt(prefix + rest, blocksOf(stats.size), stats.mtimeMs).scan = number
    }
  }
  if (!world.stopped()) index.scanned(number, since, others)
}

/** Blocks of the files that others are making. */
const scanTemporary = async ({ disk, directory, making }: ScanWorld, now: number, slowly: () => Promise<void>): Promise<number> => {
  let others = 0
  const temporary = temporaryDirectory(directory)
  for (const name of await namesIn(disk, temporary)) {
    const file = path.join(temporary, name)
    if (!/^\d+-[0-9a-f]+$/.test(name) || making(file)) continue
    await slowly()
    const stats = await ifThere(() => disk.stat(file))
    if (!stats) continue
    if (isDead(Number.parseInt(name, 10)) || now - stats.mtimeMs > limits.cacheAbandonedMs) await ifThere(() => disk.unlink(file))
    else others += blocksOf(stats.size)
  }
  return others
}

const namesIn = async (disk: CacheDisk, directory: string): Promise<string[]> => (await ifThere(() => disk.readdir(directory))) ?? []

const ifThere = async <T>(action: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await action()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** No process with this number runs here. (One in another container may: losing its file makes it step aside, no more.) */
const isDead = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return errnoOf(error) === 'ESRCH'
  }
}
