// What the two ends of a relayed connection say to each other, over the Link of their workers. Each end numbers the connections
// whose sockets it has.

import type { SessionSeed } from '../actors/session/seed.ts'
import { limits } from '../runtime/limits.ts'

export type ToHome =
  | { op: 'open'; id: number; seed: SessionSeed; bytesIn: number; bytesOut: number; compressed: boolean }
  | { op: 'input'; id: number; bytes: Uint8Array }
  | { op: 'output-taken'; id: number; count: number }
  | { op: 'end'; id: number; why?: string }
  /** Nothing more is sent home until what was has come back. */
  | { op: 'held'; id: number }
  | { op: 'hangup'; id: number }

export type ToSocket =
  | { op: 'output'; id: number; bytes: Uint8Array | string }
  | { op: 'input-taken'; id: number; count: number }
  | { op: 'deflate'; id: number }
  | { op: 'park'; id: number }
  | { op: 'hold'; id: number }
  /** Behind `held`: `bytes` come before what is held, and all of it is compressed. */
  | { op: 'inflate'; id: number; bytes: Uint8Array }
  /** Behind `held`: the session has logged out, and another begins at the socket's side with `bytes` and what is held. */
  /** `last`: still the old session's, compressed if it was; as soon as the client has it, it may speak plainly. */
  | { op: 'again'; id: number; seed: SessionSeed; bytes: Uint8Array; last: Uint8Array | string }
  | { op: 'close'; id: number }

/** The way to the other end of one connection. */
export interface Way<Message> {
  tell(message: Message, transfer?: readonly unknown[]): void
  gone(): void
}

export type Without<M> = M extends { id: number } ? Omit<M, 'id'> : never

/** Bytes taken before the other side is told: little enough that what is untold never keeps anyone waiting. */
export const inputStep = limits.inputHighBytes / 4
export const outputStep = limits.wireLowBytes / 2

/** One piece, in a buffer of its own. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}
