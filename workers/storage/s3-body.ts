// The body of an S3 object, that goes on where it broke off: after a lost connection, and after a reader that took
// nothing for so long that its connection was given back.

import { messageOf, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { pause } from './driver.ts'
import type { FsWorld } from './driver.ts'
import type { Answer } from './http.ts'
import { HttpFailure } from './http.ts'
import { backoffMs } from './retry.ts'
import { etagOf } from './s3-requests.ts'

export interface Resumable {
  key: string
  /** Bytes [start, end) of the object are being read. */
  start: number
  end: number
  etag: string
  answer: Answer
  /** Asks for the bytes [from, to) anew. */
  again(from: number, to: number): Promise<Answer>
  maxRetries: number
  world: FsWorld
  signal: AbortSignal | undefined
}

/** The bytes; `release` gives the connection up for good. TempFail when they cannot be had, or the object has changed meanwhile. */
export const bodyWithResume = (from: Resumable): { chunks: AsyncGenerator<Uint8Array>; release(): void } => {
  const { key, world, signal } = from
  let answer: Answer | undefined = from.answer
  let ended = false
  const giveBack = (): void => { answer?.discard(); answer = undefined }

  const open = async (at: number): Promise<Answer> => {
    const next = await from.again(at, from.end)
    if (etagOf(next) === from.etag && !ended) return next
    next.discard()
    throw new TempFail(`${key} was changed while it was read`)
  }

  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = from.start, failures = 0; at < from.end && !ended;) {
      try {
        answer ??= await open(at)
        for await (const chunk of answer.chunks()) {
          at += chunk.length
          const disarm = world.timers.after(limits.stalledReadMs, giveBack)
          try { yield chunk } finally { disarm() }
          if (!answer) break
        }
        if (answer && at < from.end) throw new HttpFailure('the answer ended early', false)
      } catch (error) {
        giveBack()
        if (!(error instanceof HttpFailure) || ended) throw error
        if (++failures > from.maxRetries) throw new TempFail(`GET ${key}: ${messageOf(error)} after ${failures} attempts`)
        await pause(world.timers, backoffMs(failures, world.random, undefined), signal)
      }
    }
    answer?.drain()
  }
  return { chunks: chunks(), release: () => { ended = true; giveBack() } }
}
