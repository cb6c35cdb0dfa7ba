// What an administrator can ask of the process as a whole (address `master`, on the main thread). Structured-clonable.

export type MasterMessage =
  /** Reads the configuration again. Rejects with ConfigError where it is wrong: then everything stays as it was. */
  | { kind: 'reload' }
  /** Opens log files anew. The answer: why some could not be, a line for each. */
  | { kind: 'reopen-logs' }
  /** How many workers of each kind there are. */
  | { kind: 'workers' }
  /** So many look-ups at a time from now on, until the next reload or start. */
  | { kind: 'auth-workers'; count: number }
  /** How the local caches of mails (fscache) are. */
  | { kind: 'caches' }
  /** Counts what lies in them, or in one, anew. */
  | { kind: 'rescan-caches'; directory?: string }

/** Of `reload`: lines for people. */
export type ReloadAnswer = string[]

/** Of `caches` and `rescan-caches`: one for each directory in use. Bytes; objects; reads and writes since the start. */
export type CacheAnswer = { directory: string; entries: number; used: number; budget: number; hits: number; misses: number; writes: number; failures: number }[]

/** Of `workers` and `auth-workers`. `threads`: how many run. `limit`: look-ups at a time, of which `busy` run and `waiting` wait. */
export interface WorkersAnswer {
  session: { threads: number }
  storage: { threads: number }
  auth: { threads: number; limit: number; busy: number; waiting: number }
}
