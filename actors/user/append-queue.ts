// UIDs are given out before the mails are written, so that writes run in parallel and the object's name can carry the UID;
// mails become visible in UID order all the same: a batch lands when all before it have landed or failed.

/** What was given out at once: to a draft, or to all of a multi-append or copy. */
export interface Batch {
  readonly uids: readonly number[]
  /** Present: its rows are ready; `land` puts them in the mailbox and settles its asker. */
  land?: () => Promise<void>
}

export class AppendQueue {
  /** In UID order; the head is the oldest that has not landed. */
  readonly #batches: Batch[] = []
  #landing = 0
  readonly #idle: (() => void)[] = []

  /** A batch at the end. */
  add(uids: readonly number[]): Batch {
    const batch: Batch = { uids }
    this.#batches.push(batch)
    return batch
  }

  /** The batch's mails are written: lands it when its turn has come. Settles as `land` does. */
  ready<T>(batch: Batch, land: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      batch.land = () => land().then(resolve, reject)
      this.#advance()
    })
  }

  /** Its mails will not come: leaves a gap and lets the next ones pass. */
  failed(batch: Batch): void {
    this.#remove(batch)
    this.#advance()
  }

  /** The smallest UID that is still to land, undefined if none is. */
  get first(): number | undefined { return this.#batches[0]?.uids[0] }

  /** All UIDs given out and not landed, ascending. */
  inFlight(): number[] { return this.#batches.flatMap((batch) => batch.uids) }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    while (this.#batches.length > 0) await new Promise<void>((resolve) => { this.#idle.push(resolve) })
  }

  /** Begins to land all that may: the journal keeps their order. */
  #advance(): void {
    for (;;) {
      const batch = this.#batches[this.#landing]
      if (batch?.land === undefined) return
      this.#landing++
      void batch.land().finally(() => {
        this.#landing--
        this.#remove(batch)
      })
    }
  }

  #remove(batch: Batch): void {
    const at = this.#batches.indexOf(batch)
    if (at >= 0) this.#batches.splice(at, 1)
    if (this.#batches.length === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
