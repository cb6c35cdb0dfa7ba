// A message that is being searched: what is at hand of it, and fetching more where the keys have asked for it.

import type { RequestContext } from '../../../../runtime/effects.ts'
import { limits } from '../../../../runtime/limits.ts'
import { concatBytes } from '../../../mail/byte-strings.ts'
import { searchMessage } from '../../../mail/text-search.ts'
import type { Needle } from '../../../mail/text-search.ts'
import { coversFields } from '../../../mail/summary.ts'
import type { Summary, SummaryHead } from '../../../mail/types.ts'
import type { Messages } from '../../../user/types.ts'
import type { View } from '../view.ts'
import type { Matcher, SearchedMessage } from './key.ts'

export class Searched implements SearchedMessage {
  readonly view: View
  seq = 0
  uid = 0
  row = 0
  #head: SummaryHead | undefined
  #summary: Summary | undefined
  #header: Uint8Array | undefined
  readonly #found = new Map<Needle, boolean>()
  /** What the matchers have asked for and not got. */
  #wantsSummary = false
  #wantsHeader = false
  readonly #wantsTexts: Needle[] = []

  constructor(view: View, seq: number) {
    this.view = view
    this.at(seq)
  }

  /** On to another message, of which nothing has been loaded but perhaps the head. */
  at(seq: number, head?: SummaryHead): void {
    this.seq = seq
    this.#head = head
    this.uid = this.view.uidAt(seq)
    this.row = this.view.rowOf(seq)
  }

  get messages(): Messages { return this.view.mailbox.messages }

  get summary(): SummaryHead | undefined {
    const head = this.#head ?? this.#summary
    if (!head) this.#wantsSummary = true
    return head
  }

  get header(): Uint8Array | undefined {
    if (!this.#header) this.#wantsHeader = true
    return this.#header
  }

  found(needle: Needle): boolean | undefined {
    const result = this.#found.get(needle)
    if (result === undefined) this.#wantsTexts.push(needle)
    return result
  }

  /** Asks with what is at hand. A message that has been expunged matches nothing. */
  ask(matches: Matcher): boolean | undefined {
    this.#wantsSummary = this.#wantsHeader = false
    this.#wantsTexts.length = 0
    return this.row >= 0 && matches(this)
  }

  /** Asks, and loads what is missing, the cheapest first, until the answer is known. Throws what reading throws. */
  async decide(matches: Matcher, context: RequestContext): Promise<boolean> {
    for (;;) {
      const result = this.ask(matches)
      if (result !== undefined) return result
      await this.#load(context)
      this.row = this.view.rowOf(this.seq)
    }
  }

  /** A header block that has all fields of these lower-case names, whatever it costs. Throws what reading throws. */
  async fields(names: readonly string[], context: RequestContext): Promise<Uint8Array> {
    const summary = await this.view.mailbox.summary(context, this.uid)
    return coversFields(summary, names) ? summary.header : this.#readHeader(summary, context)
  }

  async #readHeader(summary: Summary, context: RequestContext): Promise<Uint8Array> {
    const end = Math.min(summary.root.headerSize, limits.headerBytes)
    const pieces: Uint8Array[] = []
    for await (const chunk of await this.view.mailbox.read(context, this.uid, { start: 0, end })) pieces.push(chunk)
    return concatBytes(pieces)
  }

  async #load(context: RequestContext): Promise<void> {
    const { mailbox } = this.view
    if (this.#wantsSummary || !this.#summary) {
      this.#summary = await mailbox.summary(context, this.uid)
    } else if (this.#wantsHeader) {
      this.#header = await this.#readHeader(this.#summary, context)
    } else {
      const needles = [...this.#wantsTexts]
      const results = await searchMessage(this.#summary, await mailbox.read(context, this.uid), needles)
      for (const [i, needle] of needles.entries()) this.#found.set(needle, results[i]!)
    }
  }
}
