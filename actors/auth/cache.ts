// What databases have answered, remembered for a while (auth_cache_size, auth_cache_ttl, auth_cache_negative_ttl).
//
// - Of a password only a keyed hash is kept, with a key that lives as long as the process. It is one HMAC to compare, so there is
//   no work for auth_cache_verify_password_with_worker to move elsewhere.
// - A password that is not the one remembered as right is asked of the database: a changed one works at once; the old one works
//   until auth_cache_ttl has passed or somebody has logged in with the new one (as in Dovecot).
// - What was wrong, and who was unknown, is asked again after limits.authAgainMs, and each time twice as long after, up to
//   auth_cache_negative_ttl: a phone with an old password costs the directory little, and a user just made, or a password just
//   set that had been tried before, is not refused for an hour. (Dovecot's cache would; that is why we differ.)
// - What has expired stays as long as there is room, for the time when its database is away; but nobody becomes unknown by it.
// - The least recently used go first.

import { createHmac } from 'node:crypto'
import type { Clock } from '../../runtime/effects.ts'
import { limits } from '../../runtime/limits.ts'
import type { Fields, LookupResult } from './lookup.ts'

export interface CacheTimes { sizeBytes: number; ttlMs: number; negativeTtlMs: number }

/** A refusal: until when it counts, and how long it will the next time. */
interface Refusal { until: number; waitMs: number }

interface Entry {
  /** The name that was looked up, for `flush`. */
  user: string
  bytes: number
  /** The last good answer; `print`: of the password that was right, absent where none was asked. */
  found?: { fields: Fields; until: number; print: string | undefined }
  unknown?: Refusal
  wrong: Map<string, Refusal>
}

/** What a question is remembered by: made by `AuthCache.key`. `print` is absent where there is no password. */
export interface CacheKey { id: string; user: string; print: string | undefined }

export interface CacheFigures { entries: number; bytes: number; hits: number; misses: number }

/** What an entry takes beside its fields: names, numbers and the table's own. */
const entryBytes = 400
const wrongBytes = 150

export class AuthCache {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #secret: Uint8Array
  #times: CacheTimes
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0
  #hits = 0
  #misses = 0
  #flushes = 0

  /** `secret`: the key of all hashes. */
  constructor(clock: Pick<Clock, 'monotonic'>, secret: Uint8Array, times: CacheTimes) {
    this.#clock = clock
    this.#secret = secret
    this.#times = times
  }

  get figures(): CacheFigures { return { entries: this.#entries.size, bytes: this.#bytes, hits: this.#hits, misses: this.#misses } }

  /** Changes with every flush: an answer on its way since before must not be remembered. */
  get flushes(): number { return this.#flushes }

  /** `what`: everything that decides the answer but the password. */
  key(user: string, what: readonly unknown[], password: string | undefined): CacheKey {
    const id = this.#hash(JSON.stringify([user, ...what]))
    return { id, user, print: password === undefined ? undefined : this.#hash(`${id}\0${password}`) }
  }

  /** The remembered answer, if it still counts. */
  get({ id, print }: CacheKey): LookupResult | undefined {
    const entry = this.#entries.get(id)
    const result = entry === undefined ? undefined : this.#answer(entry, print)
    if (result === undefined) this.#misses++
    else this.#hits++
    if (entry !== undefined) this.#touch(id, entry)
    return result
  }

  /** The last good answer however old, for the time when the database is away. */
  getExpired({ id, print }: CacheKey): LookupResult | undefined {
    const found = this.#entries.get(id)?.found
    return found !== undefined && found.print === print ? { status: 'ok', fields: { ...found.fields } } : undefined
  }

  /** Remembers what the database has just answered. */
  put({ id, user, print }: CacheKey, { status, fields }: LookupResult): void {
    if (status === 'temporary' || this.#times.sizeBytes === 0) return
    const entry: Entry = this.#entries.get(id) ?? { user, bytes: 0, wrong: new Map() }
    const now = this.#clock.monotonic()
    if (status === 'ok') {
      entry.found = { fields: { ...fields }, until: now + this.#times.ttlMs, print }
      entry.wrong.clear()
      delete entry.unknown
    } else if (status === 'unknown') {
      delete entry.found
      entry.wrong.clear()
      entry.unknown = this.#refusal(entry.unknown, now)
    } else if (print !== undefined) {
      this.#putWrong(entry, print, now)
    }
    this.#measure(entry)
    this.#touch(id, entry)
    this.#makeRoom()
  }

  /** Other sizes and times, and nothing remembered. */
  reset(times: CacheTimes): void {
    this.#times = times
    this.flush()
  }

  /** Forgets what is known of `users`, or everything; how many entries. */
  flush(users?: ReadonlySet<string>): number {
    this.#flushes++
    const before = this.#entries.size
    for (const [id, entry] of this.#entries) if (users === undefined || users.has(entry.user)) this.#drop(id, entry)
    return before - this.#entries.size
  }

  #answer({ found, unknown, wrong }: Entry, print: string | undefined): LookupResult | undefined {
    const now = this.#clock.monotonic()
    if (found !== undefined && found.print === print && found.until > now) return { status: 'ok', fields: { ...found.fields }, lastsMs: found.until - now }
    if (unknown !== undefined && unknown.until > now) return { status: 'unknown', fields: {} }
    if (print !== undefined && (wrong.get(print)?.until ?? 0) > now) return { status: 'mismatch', fields: {} }
    return undefined
  }

  #putWrong(entry: Entry, print: string, now: number): void {
    delete entry.unknown
    if (entry.found?.print === print) delete entry.found
    const before = entry.wrong.get(print)
    entry.wrong.delete(print)
    entry.wrong.set(print, this.#refusal(before, now))
    for (const oldest of entry.wrong.keys()) {
      if (entry.wrong.size <= limits.authWrongPasswords) break
      entry.wrong.delete(oldest)
    }
  }

  #refusal(before: Refusal | undefined, now: number): Refusal {
    const waitMs = Math.min(before === undefined ? limits.authAgainMs : before.waitMs * 2, this.#times.negativeTtlMs)
    return { until: now + waitMs, waitMs }
  }

  #touch(id: string, entry: Entry): void {
    this.#entries.delete(id)
    this.#entries.set(id, entry)
  }

  #measure(entry: Entry): void {
    const fields = entry.found === undefined ? 0 : 2 * JSON.stringify(entry.found.fields).length
    this.#bytes -= entry.bytes
    entry.bytes = entryBytes + 2 * entry.user.length + fields + wrongBytes * entry.wrong.size
    this.#bytes += entry.bytes
  }

  #makeRoom(): void {
    for (const [id, entry] of this.#entries) {
      if (this.#bytes <= this.#times.sizeBytes) return
      this.#drop(id, entry)
    }
  }

  #drop(id: string, entry: Entry): void {
    this.#entries.delete(id)
    this.#bytes -= entry.bytes
  }

  #hash(text: string): string { return createHmac('sha256', this.#secret).update(text).digest('base64') }
}
