// Which bundle an upload makes, so that it costs as much as has changed: a base has everything, a diff what has changed since
// the bundle it is upon. What the store has of a mailbox is a chain of at most three:
//
//   base ◄── diff of many changes ◄── diff of the latest changes
//
// - The last diff is replaced by each upload, and holds all changes since the one below it, up to limits.bundleDiffBytes. It is the
//   head (bundles.ts), and so is a base that is small enough. Nothing is ever upon a head: what is larger is followed by a head of
//   its own at once, which has next to nothing to say.
// - Then it is merged: a new diff upon the base takes the place of both, up to 1/limits.bundleDiffShare of the base.
// - Then it is merged: a new base takes the place of all. A bundle that is small enough is a base anyway.
//
// So most uploads write a few KB whatever the mailbox's size, and a machine without local state reads three objects at most.
// What a new bundle has replaced is deleted when the new one is known to be there. What a diff is going to be upon is asked for first:
// where somebody has deleted or changed it, there is a new base.

import type { Limits } from '../../runtime/limits.ts'
import type { ByteReader, ByteWriter } from './binary.ts'

/** What a diff upon a bundle has to know of it. */
export interface LinkFacts {
  /** Rows with larger modseqs have changed since, and UIDs of the expunge log behind `expunged` have gone. */
  modseq: number
  expunged: number
  /** Rows from this UID on are new since. */
  nextUid: number
  /** The message cache's file, and how much of it is in the bundle and those below. */
  cacheGeneration: number
  cacheBytes: number
  /** Of the bundle, uncompressed. */
  bytes: number
}

export interface BundleLink extends LinkFacts { readonly name: string; /** Of its object, as it was written or read; '': not known. */ readonly etag: string }

/** A bundle was uploaded upon the first `kept` of the chain. */
export interface Linked { kept: number; link: LinkFacts }
/** Under this name. */
export interface Uploaded extends Linked { name: string; etag: string }

/** The bundles of a chain that the next diff may be upon. */
export function foundation(chain: readonly BundleLink[], { bundleDiffBytes }: Pick<Limits, 'bundleDiffBytes'>): readonly BundleLink[] {
  const [base, merged] = chain
  if (base === undefined || base.bytes <= bundleDiffBytes) return []
  return merged !== undefined && merged.bytes > bundleDiffBytes ? [base, merged] : [base]
}

/** The chain with a bundle upon its first `kept`. */
export const chainWith = (chain: readonly BundleLink[], { name, kept, link, etag }: Uploaded): BundleLink[] => [...chain.slice(0, kept), { name, ...link, etag }]

/** A diff ready to be uploaded: `kept` as of Linked. */
export interface Candidate { kept: number; bytes: number }

/** The diff to be uploaded next, made by `diff` upon the first `kept` bundles; undefined: a base. */
export function chooseDiff<Diff extends Candidate>(chain: readonly BundleLink[], limits: Pick<Limits, 'bundleDiffBytes' | 'bundleDiffShare'>, diff: (kept: number) => Diff): Diff | undefined {
  const [base, merged] = chain
  if (base === undefined || base.bytes <= limits.bundleDiffBytes) return undefined
  if (merged !== undefined && merged.bytes > limits.bundleDiffBytes) {
    const latest = diff(2)
    if (latest.bytes <= limits.bundleDiffBytes) return latest
  }
  const all = diff(1)
  return all.bytes <= base.bytes / limits.bundleDiffShare ? all : undefined
}

export function writeLink(to: ByteWriter, { modseq, expunged, nextUid, cacheGeneration, cacheBytes, bytes }: LinkFacts): void {
  to.varint(modseq).varint(expunged).varint(nextUid).varint(cacheGeneration).varint(cacheBytes).varint(bytes)
}

export const readLink = (from: ByteReader): LinkFacts => ({
  modseq: from.varint(), expunged: from.varint(), nextUid: from.varint(), cacheGeneration: from.varint(), cacheBytes: from.varint(), bytes: from.varint(),
})
