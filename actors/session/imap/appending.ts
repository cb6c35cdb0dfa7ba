// Takes in the messages of APPEND and REPLACE. They stream: in memory up to limits.memoryBodyBytes, in mail_temp_dir beyond.

import { limits } from '../../../runtime/limits.ts'
import type { Draft } from '../../user/types.ts'
import { MessageIntake } from '../message-intake.ts'
import type { ReceivedMessage } from '../message-intake.ts'
import type { AppendSegment, AppendStep } from './append-arguments.ts'
import type { ImapSession } from './command.ts'
import { mustBeSavable } from './message-limit.ts'
import { Bad, No } from './result.ts'
import { speaksUtf8 } from './revision.ts'
import { mustHave, permittedFlags } from './rights.ts'
import { urlText } from './url-text.ts'
import { withoutBinary } from './without-binary.ts'

/** A client need not send what has nowhere to go, or may not go there. */
export function mustExist(name: string, s: ImapSession): void {
  const info = s.user.find(name)
  if (info === undefined || info.guid === undefined || info.noSelect) throw new No('TRYCREATE', `Mailbox doesn't exist: ${name}`)
  mustHave('i', name, s)
}

/** Messages that arrive. `release` frees what they hold, also after a failure. */
export class Arrivals {
  readonly drafts: Draft[] = []
  readonly #s: ImapSession
  readonly #name: string
  readonly #releases: (() => Promise<void>)[] = []
  /** The message that is arriving. */
  #intake: MessageIntake | undefined
  /** It came as literal8. */
  #binary = false
  #begun: Extract<AppendStep, { kind: 'begin' }> | undefined
  /** Bytes in memory. */
  #held = 0

  /** `name`: where they go. */
  constructor(name: string, s: ImapSession) {
    this.#name = name
    this.#s = s
  }

  /** All messages of the command. Throws No, Bad, LimitExceeded, TempFail; what reading a URL throws. */
  async receive(first: AppendSegment): Promise<readonly Draft[]> {
    for (let segment = first; ;) {
      for (const step of segment.steps) await this.#take(step)
      if (segment.next === undefined) return this.drafts
      segment = await this.#s.behindLiteral(segment.next)
    }
  }

  async release(): Promise<void> {
    await this.#intake?.discard()
    for (const release of this.#releases.splice(0)) await release()
  }

  async #take(step: AppendStep): Promise<void> {
    switch (step.kind) {
      case 'begin': return this.#begin(step)
      case 'literal': return this.#fill(this.#literal(step), step.head.binary)
      case 'url': return this.#fill(urlText(step.url, this.#s, this.#s.context('imap:cmd_append')), false)
      case 'end': return this.#end()
    }
  }

  #begin(step: Extract<AppendStep, { kind: 'begin' }>): void {
    mustBeSavable(this.drafts.length + 1, this.#s)
    if (this.drafts.length >= limits.appendMessages) throw new No('LIMIT', `At most ${limits.appendMessages} messages can be appended at once.`)
    this.#begun = step
  }

  #literal({ head, utf8 }: Extract<AppendStep, { kind: 'literal' }>): AsyncIterable<Uint8Array> {
    if (utf8 && !speaksUtf8(this.#s)) throw new Bad(`Error in IMAP command ${this.#s.running.name}: UTF8 used without enabling it.`)
    return this.#s.literal(head)
  }

  /** `exact`: a literal8, whose line ends may be none. */
  async #fill(pieces: AsyncIterable<Uint8Array>, exact: boolean): Promise<void> {
    if (exact && this.#intake !== undefined) throw new No('UNKNOWN-CTE', 'A literal8 must be a whole message.')
    this.#binary ||= exact
    this.#intake ??= this.#newIntake(exact)
    for await (const piece of pieces) await this.#intake.push(piece)
  }

  #newIntake(exact: boolean): MessageIntake {
    const room = Math.max(limits.appendMemoryBytes - this.#held, limits.appendMemoryBytes / limits.appendMessages)
    return new MessageIntake(this.#s.effects, {
      temporaryDirectory: this.#s.settings.mail_temp_dir, memoryBytes: Math.min(limits.memoryBodyBytes, room), exact,
    })
  }

  async #whole(): Promise<ReceivedMessage> {
    if (this.#intake!.size === 0) throw new No('', 'Can\'t save a zero byte message.')
    const received = await this.#intake!.finish()
    this.#intake = undefined
    this.#releases.push(received.release)
    if (!this.#binary) return received
    this.#binary = false
    await this.#fill(withoutBinary(received.body, received.summary, this.#s.effects.files), false)
    await received.release()
    return this.#whole()
  }

  async #end(): Promise<void> {
    const { body, summary } = await this.#whole()
    const { flags, internalDate } = this.#begun!
    this.drafts.push({ body, summary, flags: permittedFlags(flags, this.#name, this.#s), ...(internalDate === undefined ? {} : { internalDate }) })
    for (const part of body.parts) if (part instanceof Uint8Array) this.#held += part.length
  }
}
