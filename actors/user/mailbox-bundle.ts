// What is in a mailbox's index bundle: its snapshot, or how it differs from another bundle's (bundle-diff.ts); then its
// message cache file as it lies, or what that has grown by (the places of summaries are offsets in the file). Neither end holds
// the cache in memory: it goes from the file to the store and from the store to the file.

import type { Body, Files, ObjectReader } from '../../runtime/effects.ts'
import type { Limits } from '../../runtime/limits.ts'
import { concatBytes } from '../mail/byte-strings.ts'
import { chooseDiff } from './bundle-chain.ts'
import type { BundleLink, Linked } from './bundle-chain.ts'
import { applyDiff, canDiffer, encodeDiff } from './bundle-diff.ts'
import type { MailboxState } from './mailbox-state.ts'
import { cachePath } from './message-cache.ts'
import { decodeSnapshot, encodeSnapshot, frameHeadBytes, framedBytes } from './snapshot.ts'

/** A bundle to be written: upon the first `kept` bundles of the mailbox's chain. */
export interface MailboxBundle extends Linked { body: Body; /** Name of the bundle it is upon. */ upon?: string }

/**
 * The bundle of now, upon those of `lasting` that it pays to keep. `cache`: the message cache's file and how many of its bytes go along.
 * `all`: upon all of them, whatever it pays.
 */
export function mailboxBundle(
  state: MailboxState, inFlight: readonly number[], ceiling: number, cache: { path: string; bytes: number }, limits: Limits,
  lasting: readonly BundleLink[], all = false,
): MailboxBundle {
  const chain = lasting.every((link) => canDiffer(state, link, cache.bytes)) ? lasting : []
  const made = (kept: number, state: Uint8Array, cacheFrom: number) => ({ kept, state, cacheFrom, bytes: state.length + cache.bytes - cacheFrom })
  const diff = (kept: number) => {
    const below = chain[kept - 1]!
    return made(kept, encodeDiff(state, below, inFlight, ceiling), below.cacheBytes)
  }
  const chosen = (all && chain.length > 0 ? diff(chain.length) : chooseDiff(chain, limits, diff)) ?? made(0, encodeSnapshot(state, 0, inFlight, ceiling), 0)
  const parts: Body['parts'] = [chosen.state]
  if (cache.bytes > chosen.cacheFrom) parts.push({ path: cache.path, offset: chosen.cacheFrom, length: cache.bytes - chosen.cacheFrom })
  return {
    kept: chosen.kept, body: { size: chosen.bytes, parts },
    link: {
      modseq: state.highestModseq, expunged: state.highestModseq, nextUid: nextUid(state),
      cacheGeneration: state.cacheGeneration, cacheBytes: cache.bytes, bytes: chosen.bytes,
    },
    ...(chosen.kept === 0 ? {} : { upon: chain[chosen.kept - 1]!.name }),
  }
}

/** Mails come in behind all that are there. */
const nextUid = ({ columns }: MailboxState): number => (columns.count === 0 ? 1 : columns.uids[columns.count - 1]! + 1)

/** What a chain of bundles says. Rows that the diff at place n of the chain has touched have the modseq n, all others 0. */
export interface ReadBundles { state: MailboxState; inFlight: number[]; ceiling: number }

/**
 * Reads the bundles `names`, a base and the diffs upon it; the message cache goes to a file in `directory`. A text names the
 * one that is damaged. TempFail: the store failed on the way.
 */
export async function readBundles(names: readonly string[], readers: readonly ObjectReader[], files: Files, directory: string, limits: Limits): Promise<ReadBundles | string> {
  const links: BundleLink[] = []
  let read: ReadBundles | undefined
  let cacheBytes = 0
  for (const [at, name] of names.entries()) {
    const bundle = await readOne(readers[at]!, (head) => {
      if (read === undefined) {
        const found = decodeSnapshot(head, limits)
        if (found === undefined) return undefined
        read = { state: found.state, inFlight: found.inFlight, ceiling: found.state.ceiling }
        read.state.columns.modseqs.fill(0)
        return cachePath(directory, found.state.cacheGeneration)
      }
      const applied = applyDiff(read.state, head, names[at - 1]!, cacheBytes, at)
      Object.assign(read, applied)
      return applied && cachePath(directory, read.state.cacheGeneration)
    }, files, cacheBytes)
    if (bundle === undefined || read === undefined) return name
    cacheBytes += bundle.cacheBytes
    const { state } = read
    links.push({
      name, modseq: at, expunged: state.highestModseq, nextUid: nextUid(state),
      cacheGeneration: state.cacheGeneration, cacheBytes, bytes: bundle.headBytes + bundle.cacheBytes, etag: readers[at]!.etag,
    })
  }
  if (read === undefined) return ''
  read.state.chain = links
  read.state.bundle = names.at(-1)!
  return read
}

/** Reads a bundle: `take` gets its state and answers where its share of the message cache goes; undefined from it, or here: it is damaged. */
async function readOne(reader: ObjectReader, take: (state: Uint8Array) => string | undefined, files: Files, cacheFrom: number): Promise<{ headBytes: number; cacheBytes: number } | undefined> {
  /** Until its state is whole: put together once, as it may be long. */
  const pieces: Uint8Array[] = []
  let come = 0
  let path: string | undefined
  let headBytes = 0
  let cacheBytes = 0
  const cache = async (chunk: Uint8Array): Promise<void> => {
    if (chunk.length > 0) await files.append(path!, chunk)
    cacheBytes += chunk.length
  }
  for await (const chunk of reader.body) {
    if (path !== undefined) {
      await cache(chunk)
      continue
    }
    pieces.push(chunk)
    come += chunk.length
    if (headBytes === 0 && come >= frameHeadBytes) headBytes = framedBytes(concatBytes(pieces))
    if (headBytes === 0 || come < headBytes) continue
    const bytes = concatBytes(pieces.splice(0))
    path = take(bytes.subarray(0, headBytes))
    if (path === undefined) return undefined
    if (cacheFrom === 0) await files.remove(path)
    await cache(bytes.subarray(headBytes))
  }
  return path === undefined ? undefined : { headBytes, cacheBytes }
}
