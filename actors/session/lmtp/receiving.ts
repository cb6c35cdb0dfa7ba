// Message content on its way in, as it takes it out of the client's bytes: of DATA (RFC 5321 §4.1.1.4), of one BDAT (RFC 3030 §2),
// and of a BDAT that was refused, whose bytes come all the same.

import type { MessageIntake } from '../message-intake.ts'
import type { Transaction } from './command.ts'
import { DotReader } from './dots.ts'
import type { Input } from './input.ts'

/**
 * What taking a piece has come to: `more` may be there, or is `missing`; the message is `whole`; this is the `end` of a piece
 * of it, which has its `reply`. A promise: more when it has settled.
 */
export type Taken = 'more' | 'missing' | 'whole' | 'end' | Promise<void>

export interface Receiving {
  readonly command: 'DATA' | 'BDAT'
  /** What the message is gathered in, and whom it is for; absent where it is thrown away. */
  readonly intake?: MessageIntake
  readonly transaction?: Transaction
  /** To the piece, at its end. */
  readonly reply: string
  /** Takes a piece out of `input`. */
  take(input: Input): Taken
}

export class DataContent implements Receiving {
  readonly command = 'DATA'
  readonly reply = ''
  readonly intake: MessageIntake
  readonly transaction: Transaction
  readonly #dots = new DotReader()

  constructor(intake: MessageIntake, transaction: Transaction) {
    this.intake = intake
    this.transaction = transaction
  }

  take(input: Input): Taken {
    const bytes = input.peek()
    if (bytes.length === 0) return 'missing'
    const { content, used, done } = this.#dots.read(bytes)
    const stored = this.intake.push(content)
    input.drop(used)
    return done ? 'whole' : stored ?? 'more'
  }
}

export class ChunkContent implements Receiving {
  readonly command = 'BDAT'
  readonly reply = '250 2.0.0 OK'
  readonly intake: MessageIntake
  readonly transaction: Transaction
  readonly #last: boolean
  #left: number

  constructor(size: number, last: boolean, intake: MessageIntake, transaction: Transaction) {
    this.#left = size
    this.#last = last
    this.intake = intake
    this.transaction = transaction
  }

  take(input: Input): Taken {
    if (this.#left === 0) return this.#last ? 'whole' : 'end'
    const bytes = input.peek(this.#left)
    if (bytes.length === 0) return 'missing'
    const stored = this.intake.push(bytes)
    this.#left -= bytes.length
    input.drop(bytes.length)
    return stored ?? 'more'
  }
}

export class WastedChunk implements Receiving {
  readonly command = 'BDAT'
  readonly reply: string
  #left: number

  constructor(size: number, refusal: string) {
    this.#left = size
    this.reply = refusal
  }

  take(input: Input): Taken {
    if (this.#left === 0) return 'end'
    const { length } = input.peek(this.#left)
    if (length === 0) return 'missing'
    this.#left -= length
    input.drop(length)
    return 'more'
  }
}
