// A lock that processes of one machine, and of others that share the directory, hold for a moment: a symbolic link that says who holds it.
//
// - A holder that is dead (killed in that moment) is found out at once, if it ran here: this boot, this space of process numbers.
// - Of others nobody can tell: their lock is broken when it is older than any can be that is held.
// - Only one breaks a lock at a time, and looks again before: what it breaks is what it has seen.

import { readFileSync, readlinkSync } from 'node:fs'
import { lstat, readlink, rm, symlink } from 'node:fs/promises'
import { TempFail } from '../../runtime/errors.ts'
import { pause } from './driver.ts'
import type { FsWorld } from './driver.ts'
import { errnoOf } from './fs-errors.ts'

/** A lock is held for a rename and a sync: one this old was left by a crash (ms). Waits for it, of so many ms each. */
const abandonedMs = 30_000
const waitsAtMost = 8_000
const waitMs = 5

let place: string | undefined

/** Where process numbers mean what they mean to us; '': nobody knows. */
function herePlace(): string {
  try {
    place ??= `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    place ??= ''
  }
  return place
}

/** Whether who holds it is known to live no more. */
function isDead(holder: string): boolean {
  const at = holder.lastIndexOf('/')
  const pid = Number(holder.slice(at + 1))
  if (herePlace() === '' || holder.slice(0, at) !== herePlace() || !Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return errnoOf(error) === 'ESRCH'
  }
}

/** Runs `action` while `lock` (a path that is nothing else) is held. TempFail: another does not let it go. */
export async function whileLocked<T>(world: FsWorld, lock: string, action: () => Promise<T>): Promise<T> {
  for (let waits = 0; ; waits++) {
    if (await taken(lock)) break
    if (waits > waitsAtMost) throw new TempFail(`${lock} is held by another process`)
    if (!await broken(world, lock)) await pause(world.timers, waitMs)
  }
  try { return await action() } finally { await rm(lock, { force: true }) }
}

async function taken(lock: string): Promise<boolean> {
  try {
    await symlink(`${herePlace()}/${process.pid}`, lock)
    return true
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    return false
  }
}

/** Breaks a lock that a crash has left. Answers whether it did. */
async function broken(world: FsWorld, lock: string): Promise<boolean> {
  if (!await isAbandoned(world, lock)) return false
  const breaking = `${lock}.breaking`
  if (!await taken(breaking)) {
    if (await isAbandoned(world, breaking)) await rm(breaking, { force: true })
    return false
  }
  try {
    if (!await isAbandoned(world, lock)) return false
    await rm(lock, { force: true })
    return true
  } finally { await rm(breaking, { force: true }) }
}

async function isAbandoned(world: FsWorld, lock: string): Promise<boolean> {
  const [stats, holder] = await Promise.all([lstat(lock).catch(() => undefined), readlink(lock).catch(() => '')])
  return stats !== undefined && (isDead(holder) || world.clock.now() - stats.ctimeMs > abandonedMs)
}
