// Any interleaving of several sessions' appends, expunges, flag changes and syncs: a client that only believes what its
// view tells must end with what the server has, and must never be told what the RFC forbids (RFC 3501 §7.4.1).

import t from 'tap'
import fc from 'fast-check'
import { View } from '../../../actors/session/imap/view.ts'
import type { SyncMode, ViewEvents } from '../../../actors/session/imap/view.ts'
import { ModelMailbox } from '../../fixtures/model-mailbox.ts'

/** What a client knows: flags by sequence number, undefined for a message it has not asked about. */
class Client implements ViewEvents {
  readonly mailbox: ModelMailbox
  readonly view: View
  known: (number | undefined)[]
  mode: SyncMode = 'all'
  recentSeen: number
  toldNow = new Set<number>()
  newsFrom = 0
  /** Of a client that hears VANISHED instead of EXPUNGE. */
  readonly vanished: ((uids: readonly number[]) => void) | undefined

  constructor(mailbox: ModelMailbox, readOnly: boolean, hearsVanished = false) {
    this.mailbox = mailbox
    if (hearsVanished) this.vanished = (uids) => { this.#vanish(uids) }
    this.view = new View(mailbox, { readOnly })
    this.known = []
    this.recentSeen = this.view.recentCount
    this.fetchUnknown(this.view.count)
  }

  expunge(seq: number): void {
    if (this.mode !== 'all') throw new Error('EXPUNGE told where it is forbidden')
    if (this.vanished !== undefined) throw new Error('EXPUNGE told to one who hears VANISHED')
    this.#drop(seq)
  }

  /** The view changes its numbers after it has told. */
  #vanish(uids: readonly number[]): void {
    if (this.mode !== 'all') throw new Error('VANISHED told where it is forbidden')
    if (uids.length === 0 || uids.some((uid, i) => i > 0 && uid <= uids[i - 1]!)) throw new Error(`VANISHED ${uids.join(',')}`)
    for (const uid of uids.toReversed()) this.#drop(this.view.seqOf(uid))
  }

  #drop(seq: number): void {
    if (!(seq >= 1 && seq <= this.known.length)) throw new Error(`EXPUNGE of ${seq}, the client has ${this.known.length}`)
    this.known.splice(seq - 1, 1)
    if (seq <= this.newsFrom) this.newsFrom--
  }

  exists(count: number): void {
    if (this.mode === 'flags') throw new Error('EXISTS told where only flags may be')
    if (count <= this.known.length) throw new Error(`EXISTS ${count}, the client has ${this.known.length}`)
    while (this.known.length < count) this.known.push(undefined)
  }

  recent(count: number): void { this.recentSeen = count }

  flags(seq: number, uid: number, row: number): void {
    if (!(seq >= 1 && seq <= this.newsFrom)) throw new Error(`flags of ${seq}, the client knew ${this.newsFrom}`)
    if (this.toldNow.has(uid)) throw new Error(`flags of UID ${uid} told twice`)
    if (this.mailbox.uids[row] !== uid || this.view.uidAt(seq) !== uid) throw new Error('uid, sequence number and row disagree')
    this.toldNow.add(uid)
    this.known[seq - 1] = this.mailbox.flags[row]
  }

  keywords(): void {}
  gone(): void {}

  sync(mode: SyncMode): void {
    this.mode = mode
    this.toldNow.clear()
    this.newsFrom = this.known.length
    this.view.sync(mode, this)
    if (this.known.length !== this.view.count) throw new Error(`the client counts ${this.known.length}, the view ${this.view.count}`)
    this.fetchUnknown(this.view.count)
  }

  /** As clients do after EXISTS: asks for the flags of what is new. What is gone already stays unknown. */
  fetchUnknown(count: number): void {
    for (let seq = 1; seq <= count; seq++) {
      const row = this.view.rowOf(seq)
      if (this.known[seq - 1] === undefined) this.known[seq - 1] = row < 0 ? undefined : this.mailbox.flags[row]
    }
  }

  /** A silent store by this session: the client itself knows what it did. */
  storeSilently(seq: number, flags: number): void {
    if (this.view.rowOf(seq) < 0) return
    this.mailbox.setFlags([this.view.uidAt(seq)], flags, this.view)
    this.known[seq - 1] = flags
  }

  /** Where the client and the server agree at last. */
  check(): void {
    this.sync('all')
    const { uids } = this.mailbox
    for (let seq = 1; seq <= this.mailbox.count; seq++) {
      if (this.view.uidAt(seq) !== uids[seq - 1]) throw new Error(`UID of ${seq} differs`)
      if (this.view.seqOf(uids[seq - 1]!) !== seq) throw new Error(`seqOf disagrees at ${seq}`)
      if (this.known[seq - 1] !== this.mailbox.flags[seq - 1]) throw new Error(`flags of ${seq}: the client has ${this.known[seq - 1]}`)
    }
    if (this.known.length !== this.mailbox.count) throw new Error('the counts differ')
    if (this.recentSeen < this.view.recentCount) throw new Error('RECENT was not told')
  }
}

const session = fc.nat(3)
const step = fc.oneof(
  fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 4 }), gap: fc.nat(2) }),
  fc.record({ do: fc.constant('expunge' as const), picks: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }) }),
  fc.record({ do: fc.constant('flags' as const), picks: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }), flags: fc.nat(31) }),
  fc.record({ do: fc.constant('silent' as const), session, pick: fc.nat(30), flags: fc.nat(31) }),
  fc.record({ do: fc.constant('sync' as const), session, mode: fc.constantFrom<SyncMode>('all', 'no-expunge', 'flags') }),
  fc.record({ do: fc.constant('reopen' as const), session, readOnly: fc.boolean(), hearsVanished: fc.boolean() }),
  fc.record({ do: fc.constant('move' as const), picks: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }), back: fc.boolean() }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const pickUids = (mailbox: ModelMailbox, picks: readonly number[]): number[] =>
  [...new Set(picks.map((pick) => mailbox.uids[pick % Math.max(1, mailbox.count)]).filter((uid) => uid !== undefined))].sort((a, b) => a - b)

function play(steps: readonly Step[], keptUpdates: number): void {
  const mailbox = new ModelMailbox(keptUpdates)
  mailbox.add(5)
  const clients = [false, false, true, false].map((readOnly, i) => new Client(mailbox, readOnly, i === 1))
  let elsewhere = 0
  for (const s of steps) {
    if (s.do === 'append') mailbox.add(s.count, s.gap)
    else if (s.do === 'expunge') mailbox.remove(pickUids(mailbox, s.picks))
    else if (s.do === 'move' && s.back) {
      if (elsewhere > 0) mailbox.add(elsewhere)
      elsewhere = 0
    } else if (s.do === 'move') {
      const uids = pickUids(mailbox, s.picks)
      elsewhere += uids.length
      mailbox.remove(uids)
    } else if (s.do === 'flags') mailbox.setFlags(pickUids(mailbox, s.picks), s.flags)
    else if (s.do === 'sync') clients[s.session]!.sync(s.mode)
    else if (s.do === 'reopen') clients[s.session] = new Client(mailbox, s.readOnly, s.hearsVanished)
    else if (clients[s.session]!.view.count > 0) clients[s.session]!.storeSilently(1 + (s.pick % clients[s.session]!.view.count), s.flags)
  }
  for (const client of clients) client.check()
}

t.test('every client that believes its view ends with the server\'s state', async () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => { play(steps, 4096) }), { numRuns: 3000 })
})

t.test('also when the log is so short that views fall behind it', async () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (steps, kept) => { play(steps, kept) }), { numRuns: 3000 })
})

t.test('a message is \\Recent in exactly one session that may write', async () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const mailbox = new ModelMailbox()
    const views = [0, 1].map(() => new View(mailbox, { readOnly: false }))
    const silent: ViewEvents = { expunge() {}, exists() {}, recent() {}, flags() {}, keywords() {}, gone() {} }
    for (const s of steps) {
      if (s.do === 'append') mailbox.add(s.count, s.gap)
      else if (s.do === 'expunge') mailbox.remove(pickUids(mailbox, s.picks))
      else if (s.do === 'sync') views[s.session % 2]!.sync('all', silent)
    }
    views.forEach((view) => { view.sync('all', silent) })
    for (const uid of mailbox.uids) if (views.filter((view) => view.isRecent(uid)).length !== 1) throw new Error(`\\Recent of ${uid}`)
    if (views[0]!.recentCount + views[1]!.recentCount !== mailbox.count) throw new Error('the recent counts do not add up')
  }), { numRuns: 1000 })
})
