// What is in a mailbox's index bundle: its snapshot, then its message cache file as it lies (the snapshot's places are
// offsets in it). Neither end holds the cache in memory: it goes from the file to the store and from the store to the file.

import type { Body, Files, ObjectReader } from '../../runtime/effects.ts'
import type { Limits } from '../../runtime/limits.ts'
import { concatBytes } from '../mail/byte-strings.ts'
import type { MailboxState } from './mailbox-state.ts'
import { cachePath } from './message-cache.ts'
import type { MessageCache } from './message-cache.ts'
import { decodeSnapshot, encodeSnapshot, snapshotBytes, snapshotHeadBytes } from './snapshot.ts'
import type { Snapshot } from './snapshot.ts'

/** The bundle of now. The state is taken at once, before the first await. */
export async function mailboxBundle(state: MailboxState, inFlight: readonly number[], ceiling: number, cache: MessageCache): Promise<Body> {
  const snapshot = encodeSnapshot(state, 0, inFlight, ceiling)
  const cacheBytes = await cache.size()
  const parts: Body['parts'] = [snapshot]
  if (cacheBytes > 0) parts.push({ path: cache.path, offset: 0, length: cacheBytes })
  return { size: snapshot.length + cacheBytes, parts }
}

/** Reads a bundle; its cache goes to a file in `directory`. undefined: damaged. TempFail: the store failed on the way. */
export async function readMailboxBundle(reader: ObjectReader, files: Files, directory: string, limits: Limits): Promise<Snapshot | undefined> {
  let head: Uint8Array[] = []
  let have = 0
  let snapshot: Snapshot | undefined
  for await (const chunk of reader.body) {
    if (snapshot !== undefined) {
      await files.append(cachePath(directory, snapshot.state.cacheGeneration), chunk)
      continue
    }
    head.push(chunk)
    have += chunk.length
    if (have < snapshotHeadBytes) continue
    const bytes = head = [concatBytes(head)]
    const end = snapshotBytes(bytes[0]!)
    if (have < end) continue
    snapshot = decodeSnapshot(bytes[0]!, limits)
    if (snapshot === undefined) return undefined
    const path = cachePath(directory, snapshot.state.cacheGeneration)
    await files.remove(path)
    if (have > end) await files.append(path, bytes[0]!.subarray(end))
    head = []
  }
  return snapshot
}
