// The fscache directories of this thread: one for all stores that name it, for as long as one does.

import path from 'node:path'
import { CacheDirectory } from './cache-directory.ts'
import type { CacheStatistics } from './cache-directory.ts'
import { Fetches } from './cache-fetches.ts'
import type { FsWorld } from './driver.ts'

export interface SharedCache { readonly cache: CacheDirectory; readonly fetches: Fetches; release(): void }

interface Shared { cache: CacheDirectory; fetches: Fetches; uses: number; bytes: number }

const directories = new Map<string, Shared>()

/** Opens a directory, or uses the one that is open. The size said last holds for all. */
export const acquireCache = (directory: string, size: number, world: FsWorld): SharedCache => {
  const place = path.resolve(directory)
  const bytes = Math.floor(size / (world.share?.count ?? 1))
  let shared = directories.get(place)
  if (!shared) {
    const cache = new CacheDirectory(place, bytes, world)
    directories.set(place, shared = { cache, fetches: new Fetches(cache), uses: 0, bytes })
  }
  if (shared.bytes !== bytes) shared.cache.resize(shared.bytes = bytes)
  shared.uses++
  const { cache, fetches } = shared
  let released = false
  return {
    cache, fetches,
    release: () => {
      if (released) return
      released = true
      if (--shared.uses > 0) return
      cache.stop()
      directories.delete(place)
    },
  }
}

/** Counts what lies in the open directories, or in one of them, anew. Answers how they are then. */
export const rescanCaches = async (directory?: string): Promise<CacheStatistics[]> => {
  const wanted = [...directories.values()].filter(({ cache }) => directory === undefined || cache.path === path.resolve(directory))
  await Promise.all(wanted.map(({ cache }) => cache.rescan()))
  return wanted.map(({ cache }) => cache.statistics)
}

/** How every open directory is. */
export const cacheStatistics = (): CacheStatistics[] => [...directories.values()].map(({ cache }) => cache.statistics)
