// What a machine that was started anew may have lost of a user's local files. After a loss of power a file may end where a write
// ended that nobody had forced to disk: it looks whole, and mails that were acknowledged are in the store and not in the index.
//
// - The root says in which run of the machine (Effects.bootId) it was written last; and, before the first record of a mailbox's
//   journal in this run, that it is written to, and what could be lost of it. This is forced to disk whatever mail_fsync says: once
//   a run for the user and for each mailbox.
// - Opened in another run, the root makes these mailboxes doubtful, in the same record. A doubtful mailbox is compared with the
//   store when it is loaded next (mailbox-load.ts), which ends the doubt.
// - When the user is stopped, and not for want of use alone, what was closed is at rest: how long its journal is is kept, so that one
//   that has become shorter is found out (Kept.least). Before it is written to again, the root says so once more.

/** The mails and whatever else came last; or only what is not forced to disk with mail_fsync = optimized. */
export type Loss = 'mails' | 'flags'

/** What mail_fsync leaves to the kernel; undefined: nothing. */
export const lossWith = (fsync: 'optimized' | 'never' | 'always'): Loss | undefined => (fsync === 'always' ? undefined : fsync === 'never' ? 'mails' : 'flags')

/** What was begun in a run of the machine. `loose`: the root itself is not forced to disk. */
export interface Boot { id: string; loose: boolean }

interface Encoded { boot: Boot; touched: [guid: string, Loss][]; doubtful: [guid: string, Loss][] }

export class Boots {
  /** The run of the machine that has written last; id '': nobody knows. */
  boot: Boot = { id: '', loose: false }
  /** Mailboxes written to in it. */
  readonly touched = new Map<string, Loss>()
  /** Mailboxes that an earlier run may have left short. */
  readonly doubtful = new Map<string, Loss>()

  /** What has to be known of this run before anything is written; undefined: it is. */
  begin(id: string, loose: boolean): Boot | undefined {
    const { boot } = this
    if (id === '' || (boot.id === id && (boot.loose || !loose))) return undefined
    return { id, loose }
  }

  /** Whether the root's own journal may have lost its end, seen from this run. */
  isShort(id: string): boolean { return this.boot.loose && id !== '' && this.boot.id !== id }

  /** What may have been lost of a mailbox, seen from this run. */
  lossOf(guid: string, id: string): Loss | undefined {
    const before = this.doubtful.get(guid)
    return before === 'mails' || id === '' || this.boot.id === id ? before : this.touched.get(guid) ?? before
  }

  /** Answers which mailboxes have become doubtful. */
  began(boot: Boot): string[] {
    const fresh = this.boot.id === boot.id ? [] : [...this.touched.keys()]
    for (const guid of fresh) if (this.doubtful.get(guid) !== 'mails') this.doubtful.set(guid, this.touched.get(guid)!)
    if (this.boot.id !== boot.id) this.touched.clear()
    this.boot = boot
    return fresh
  }

  /** Whether that this much could be lost of the mailbox is known. */
  hasTouched(guid: string, loss: Loss): boolean {
    const known = this.touched.get(guid)
    return known === loss || known === 'mails'
  }

  touch(guid: string, loss: Loss): void { if (!this.hasTouched(guid, loss)) this.touched.set(guid, loss) }

  /** The mailbox is no more. */
  forget(guid: string): void {
    this.touched.delete(guid)
    this.doubtful.delete(guid)
  }

  clear(): void { this.copy(new Boots()) }

  copy(other: Boots): void {
    this.boot = other.boot
    this.touched.clear()
    this.doubtful.clear()
    for (const [guid, loss] of other.touched) this.touched.set(guid, loss)
    for (const [guid, loss] of other.doubtful) this.doubtful.set(guid, loss)
  }

  encode(): Encoded { return { boot: this.boot, touched: [...this.touched], doubtful: [...this.doubtful] } }

  /** undefined: written before there was this. */
  decode(encoded: Encoded | undefined): void {
    if (encoded === undefined) return
    this.boot = encoded.boot
    for (const [guid, loss] of encoded.touched) this.touched.set(guid, loss)
    for (const [guid, loss] of encoded.doubtful) this.doubtful.set(guid, loss)
  }
}
