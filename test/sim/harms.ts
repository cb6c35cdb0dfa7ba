// What was done to index objects (index-damage.ts), and what it may cost. As long as the machine that has the user has its local files, it
// costs nothing, and is mended with the next upload. Where an object must be read that was damaged and is not mended:
//
// - A bundle: flags of its mailbox may be any they ever were, or none; expunged mails may be back whose objects are still there;
//   UIDNEXT may be told lower than before, but no UID is given again.
// - The manifest: mailboxes may have any name they ever had, or (of those that have mails) a new one and a new UIDVALIDITY;
//   subscriptions may be lost; those that have no mails may be gone, those that were deleted be back, and then give their UIDs again. Where an
//   older one was put back, mailboxes that were created since are found by verification.
// - An orphan: what the loss of the disk whose it was would have cost. The manifest's copy, a bundle's share of the message cache: nothing.
//
// One thing at a time: nothing more is damaged before that is mended, and the list (the manifest, or its copy) once.
//
// An acknowledged mail is there all the same, no UID means two mails, and no login fails for it.

import type { SimRandom } from '../../runtime/sim/random.ts'
import type { SimMachine, SimWorld } from '../../runtime/sim-effects.ts'
import type { Harm, IndexDamage } from './index-damage.ts'
import type { Model } from './model.ts'

export class Harms {
  readonly #world: SimWorld
  readonly #damage: IndexDamage
  readonly #model: Model
  readonly #dice: SimRandom
  #standing: Harm[] = []
  #listHarmed = false

  constructor(world: SimWorld, damage: IndexDamage, model: Model) {
    this.#world = world
    this.#damage = damage
    this.#model = model
    this.#dice = world.random('harms')
  }

  get dice(): SimRandom { return this.#dice }

  /** The list may be an older one, and nobody can tell but by looking at all that is there. */
  older = false

  /** Damages something. `machine`: where the user is open, or (not `whole` yet) is being opened; undefined: nowhere. */
  async strike(machine: SimMachine | undefined, whole = false): Promise<void> {
    // UIDVALIDITY is of the second in which a mailbox was made: two lists made in one second could give the same.
    if (this.#world.agenda.now < 5000) return
    await this.#sort()
    if (this.#standing.length > 0) return
    const harm = await this.#damage.harm(this.#dice, (key) => !this.#listHarmed || !/\/idx\/manifest[^/]*$/.test(key))
    if (harm === undefined) return
    this.#listHarmed ||= harm.mailbox === ''
    this.#world.count(`index object ${harm.how}`)
    this.#world.trace(`index damage: ${harm.key} ${harm.how}${harm.silent ? ', silently' : ''}`)
    this.#standing.push(harm)
    if (harm.what === 'orphan') this.#model.mailboxes.get(harm.mailbox)?.loseDisk()
    else if (machine !== undefined && (!whole || !hasFiles(machine, harm))) this.#cost(harm)
  }

  /** The user is going to be opened on a machine. `whole`: which has had it last, and has its local files. */
  async opening(machine: SimMachine, whole: boolean): Promise<void> {
    await this.#sort()
    for (const harm of this.#standing) if (!whole || !hasFiles(machine, harm)) this.#cost(harm)
  }

  /** Those that were not mended, and could have been noticed. */
  async left(): Promise<Harm[]> {
    await this.#sort()
    return this.#standing.filter(({ silent, what }) => !silent && (what === 'bundle' || what === 'manifest'))
  }

  async #sort(): Promise<void> {
    const left: Harm[] = []
    for (const harm of this.#standing) if (!await this.#damage.isMended(harm)) left.push(harm)
    this.#standing = left
  }

  #cost({ what, mailbox, how }: Harm): void {
    if (how === 'older') this.older = true
    if (what === 'bundle') this.#model.mailboxes.get(mailbox)?.loseIndex()
    if (what === 'manifest') this.#model.loseNames()
  }
}

const hasFiles = (machine: SimMachine, { mailbox }: Harm): boolean =>
  machine.disk.stat(mailbox === '' ? '/mail/user/root/journal' : `/mail/user/mailboxes/${mailbox}/journal`) !== undefined
