// What is known of users' local files, kept over restarts (metacache_userdb): a text file to which a line is added for each user
// whose figures have changed. The last line of a user counts. Whatever of it is lost is counted anew (metacache-rescan.ts).
//
//   culver-metacache 1
//   ["user","directory",last used (UNIX seconds),root bytes,INBOX bytes,other bytes,1 if the store lacks something]
//   ["user"]                                                                          it has no local files any more

import { Buffer } from 'node:buffer'
import type { Cancel, Effects } from '../runtime/effects.ts'
import { messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import type { LocalSpace } from './user/local-space.ts'

/** A user with local files. */
export interface KnownUser { directory: string; /** UNIX seconds. */ lastUsed: number; space: LocalSpace; unsaved: boolean }

const head = 'culver-metacache 1'

export class MetacacheUserdb {
  readonly #effects: Effects
  readonly #path: string
  readonly #users: ReadonlyMap<string, KnownUser>
  readonly #changed = new Set<string>()
  #lines = 0
  #timer: Cancel | undefined
  #writing: Promise<void> = Promise.resolve()
  #failed = false

  /** `users`: what is to be kept, as it is when it is written. */
  constructor(effects: Effects, path: string, users: ReadonlyMap<string, KnownUser>) {
    this.#effects = effects
    this.#path = path
    this.#users = users
  }

  /** What the file says; undefined: there is none. */
  async read(): Promise<Map<string, KnownUser> | undefined> {
    const bytes = await this.#effects.files.read(this.#path)
    const [first, ...lines] = bytes === undefined ? [] : Buffer.from(bytes).toString().split('\n')
    if (first !== head) return undefined
    const users = new Map<string, KnownUser>()
    for (const line of lines) {
      const [user, known] = parsed(line) ?? []
      if (user === undefined) continue
      users.delete(user)
      if (known !== undefined) users.set(user, known)
    }
    return users
  }

  /** Its figures have changed. */
  note(user: string): void {
    this.#changed.add(user)
    this.#timer ??= this.#effects.timers.after(limits.spaceWriteMs, () => { void this.write() })
  }

  /** Writes what has changed. Never rejects. */
  write(): Promise<void> {
    this.#timer?.()
    this.#timer = undefined
    return this.#writing = this.#writing.then(() => this.#write()).then(() => { this.#failed = false }, (error: unknown) => {
      if (!this.#failed) this.#effects.emit({ level: 'warning', name: 'metacache.userdb_failed', text: `metacache_userdb ${this.#path} cannot be written: ${messageOf(error)}` })
      this.#failed = true
    })
  }

  async #write(): Promise<void> {
    const changed = [...this.#changed]
    this.#changed.clear()
    // Anew at first, and when most lines are old.
    if (this.#lines === 0 || this.#failed || this.#lines > 2 * this.#users.size + limits.openFiles) {
      await this.#effects.files.replace(this.#path, Buffer.from(`${[head, ...[...this.#users.keys()].map((user) => this.#line(user))].join('\n')}\n`))
      this.#lines = 1 + this.#users.size
    } else if (changed.length > 0) {
      await this.#effects.files.append(this.#path, Buffer.from(changed.map((user) => `${this.#line(user)}\n`).join('')))
      this.#lines += changed.length
    }
  }

  #line(user: string): string {
    const known = this.#users.get(user)
    if (known === undefined) return JSON.stringify([user])
    const { directory, lastUsed, space: { root, inbox, other }, unsaved } = known
    return JSON.stringify([user, directory, lastUsed, root, inbox, other, unsaved ? 1 : 0])
  }
}

/** A line; undefined where it is damaged. */
function parsed(line: string): [user: string, known?: KnownUser] | undefined {
  let values: unknown
  try { values = JSON.parse(line) } catch { return undefined }
  if (!Array.isArray(values)) return undefined
  const [user, directory, ...numbers] = values as unknown[]
  if (typeof user !== 'string') return undefined
  if (values.length === 1) return [user]
  if (typeof directory !== 'string' || numbers.length !== 5 || !numbers.every((value) => typeof value === 'number' && value >= 0)) return undefined
  const [lastUsed, root, inbox, other, unsaved] = numbers as [number, number, number, number, number]
  return [user, { directory, lastUsed, space: { root, inbox, other }, unsaved: unsaved !== 0 }]
}
