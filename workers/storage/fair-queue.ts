// Who may make a request to the store now. So many run at once in all, so many of one kind for one user, and the users
// take turns: one user's thousand reads do not stand before another's first. Work in the background (uploads of indexes) lets
// everything else go first and runs so many requests at a time at most; but one of it always has its turn, so that it goes on.

import { Cancelled, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'

export type Kind = 'read' | 'write' | 'copy' | 'delete'

export interface QueueLimits {
  /** Requests that run at once. */
  running: number
  /** Of these, of one user and one kind. */
  perUser: Record<Kind, number>
  /** Requests that may wait, in all and of one user; one more fails with TempFail. */
  waiting: number
  waitingPerUser: number
  /** Background requests that run at once. */
  background: number
}

/** How a request stands to others. Who has made it may take it out of the background while it waits, and calls `pump`. */
export interface Pace { background: boolean }

interface Job { kind: Kind; pace: Pace; start(): void }
interface Lane { waiting: Job[]; running: Record<Kind, number> }

export class FairQueue {
  limits: QueueLimits
  /** In the order of their turns: a user that was served goes to the end. */
  readonly #lanes = new Map<string, Lane>()
  #running = 0
  #waiting = 0
  /** Of those that run. */
  #background = 0
  #idle: (() => void)[] = []

  constructor(most: Partial<QueueLimits> = {}) {
    this.limits = {
      running: limits.storageConnections, perUser: { read: 10, write: 10, copy: 10, delete: 10 },
      waiting: limits.storageQueue, waitingPerUser: limits.storageQueuePerUser, background: limits.storageConnections, ...most,
    }
  }

  get load(): { running: number; waiting: number; users: number } {
    return { running: this.#running, waiting: this.#waiting, users: this.#lanes.size }
  }

  /** Runs `action` when it is its turn. TempFail when too many wait; Cancelled when `signal` is aborted before it began. */
  async run<T>(user: string, kind: Kind, signal: AbortSignal | undefined, action: () => Promise<T>, pace: Pace = { background: false }): Promise<T> {
    if (signal?.aborted) throw new Cancelled()
    const lane = this.#lane(user)
    const background = this.#isFree(lane, kind, pace) ? this.#begin(user, lane, kind, pace) : await this.#turn(user, lane, kind, signal, pace)
    try {
      return await action()
    } finally {
      this.#running--
      if (background) this.#background--
      lane.running[kind]--
      this.#forget(user, lane)
      this.pump()
    }
  }

  /** Starts what may start; to be called after the limits have grown. */
  pump(): void {
    while (this.#waiting > 0 && this.#running < this.limits.running && this.#startOne());
    if (this.#running === 0 && this.#waiting === 0) for (const settle of this.#idle.splice(0)) settle()
  }

  /** Settles when nothing runs or waits. */
  idle(): Promise<void> {
    return this.#running === 0 && this.#waiting === 0 ? Promise.resolve() : new Promise((resolve) => { this.#idle.push(resolve) })
  }

  #lane(user: string): Lane {
    let lane = this.#lanes.get(user)
    if (!lane) this.#lanes.set(user, lane = { waiting: [], running: { read: 0, write: 0, copy: 0, delete: 0 } })
    return lane
  }

  #forget(user: string, lane: Lane): void {
    const { read, write, copy, delete: deletes } = lane.running
    if (lane.waiting.length === 0 && read + write + copy + deletes === 0 && this.#lanes.get(user) === lane) this.#lanes.delete(user)
  }

  /** Nobody waits that could be passed by, and it may run. */
  #isFree(lane: Lane, kind: Kind, pace: Pace): boolean {
    return this.#waiting === 0 && !pace.background && this.#running < this.limits.running && this.#mayRun(lane, kind)
  }

  #mayRun(lane: Lane, kind: Kind): boolean { return lane.running[kind] < Math.max(1, this.limits.perUser[kind]) }

  /** Counts one in that begins now. Answers whether it counts among those in the background. */
  #begin(user: string, lane: Lane, kind: Kind, { background }: Pace): boolean {
    this.#lanes.delete(user)
    this.#lanes.set(user, lane)
    this.#running++
    if (background) this.#background++
    lane.running[kind]++
    return background
  }

  /** Settles as `#begin` answers, when it may begin. */
  #turn(user: string, lane: Lane, kind: Kind, signal: AbortSignal | undefined, pace: Pace): Promise<boolean> {
    if (this.#waiting >= this.limits.waiting) return Promise.reject(new TempFail('too many requests wait for the store'))
    if (lane.waiting.length >= this.limits.waitingPerUser) return Promise.reject(new TempFail('too many requests of one user wait for the store'))
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        lane.waiting.splice(lane.waiting.indexOf(job), 1)
        this.#waiting--
        reject(new Cancelled())
      }
      const job: Job = {
        kind,
        pace,
        start: () => {
          signal?.removeEventListener('abort', onAbort)
          resolve(this.#begin(user, lane, kind, pace))
        },
      }
      signal?.addEventListener('abort', onAbort)
      lane.waiting.push(job)
      this.#waiting++
      this.pump()
    })
  }

  /** Starts the next job that may run. */
  #startOne(): boolean {
    if (this.#background === 0) return this.#startFirst(() => true)
    return this.#startFirst(({ pace }) => !pace.background) || (this.#background < this.limits.background && this.#startFirst(({ pace }) => pace.background))
  }

  /** Starts the first of these jobs that may run, of the user whose turn is nearest. */
  #startFirst(wanted: (job: Job) => boolean): boolean {
    for (const lane of this.#lanes.values()) {
      const at = lane.waiting.findIndex((job) => wanted(job) && this.#mayRun(lane, job.kind))
      if (at < 0) continue
      const [job] = lane.waiting.splice(at, 1)
      this.#waiting--
      job!.start()
      return true
    }
    return false
  }
}
