// The body of an object over HTTP, that goes on where it broke off: after a lost connection, and after a reader that took
// nothing for so long that its connection was given back.

import { messageOf, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { pause } from './driver.ts'
import type { FsWorld } from './driver.ts'
import { HttpFailure } from './http.ts'
import { backoffMs } from './retry.ts'

/** Bytes of an object on their way, and which version of it they are of. */
export interface Source { etag: string; chunks(): AsyncGenerator<Uint8Array>; drain(): void; discard(): void }

export interface Resumable {
  key: string
  /** Bytes [start, end) of the object are being read. */
  start: number
  end: number
  etag: string
  source: Source
  /** Asks for the bytes [from, to) anew. */
  again(from: number, to: number): Promise<Source>
  maxRetries: number
  world: FsWorld
  signal: AbortSignal | undefined
}

/** The bytes; `release` gives the connection up for good. TempFail when they cannot be had, or the object has changed meanwhile. */
export const bodyWithResume = (from: Resumable): { chunks: AsyncGenerator<Uint8Array>; release(): void } => {
  const { key, world, signal } = from
  let source: Source | undefined = from.source
  let ended = false
  const giveBack = (): void => { source?.discard(); source = undefined }

  const open = async (at: number): Promise<Source> => {
    const next = await from.again(at, from.end)
    if (next.etag === from.etag && !ended) return next
    next.discard()
    throw new TempFail(`${key} was changed while it was read`)
  }

  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = from.start, failures = 0; at < from.end && !ended;) {
      try {
        source ??= await open(at)
        for await (const chunk of source.chunks()) {
          at += chunk.length
          const disarm = world.timers.after(limits.stalledReadMs, giveBack)
          try { yield chunk } finally { disarm() }
          if (!source) break
        }
        if (source && at < from.end) throw new HttpFailure('the answer ended early', false)
      } catch (error) {
        giveBack()
        if (!(error instanceof HttpFailure) || ended) throw error
        if (++failures > from.maxRetries) throw new TempFail(`GET ${key}: ${messageOf(error)} after ${failures} attempts`)
        await pause(world.timers, backoffMs(failures, world.random, undefined), signal)
      }
    }
    source?.drain()
  }
  return { chunks: chunks(), release: () => { ended = true; giveBack() } }
}
