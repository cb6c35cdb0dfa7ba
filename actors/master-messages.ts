// What an administrator can ask of the process as a whole (address `master`, on the main thread). Structured-clonable.

export type MasterMessage =
  /** Reads the configuration again. Rejects with ConfigError where it is wrong: then everything stays as it was. */
  | { kind: 'reload' }
  /** How many workers of each kind there are. */
  | { kind: 'workers' }
  /** So many look-ups at a time from now on, until the next reload or start. */
  | { kind: 'auth-workers'; count: number }

/** Of `reload`: lines for people. */
export type ReloadAnswer = string[]

/** Of the other two. `threads`: how many run. `limit`: look-ups at a time, of which `busy` run and `waiting` wait. */
export interface WorkersAnswer {
  session: { threads: number }
  storage: { threads: number }
  auth: { threads: number; limit: number; busy: number; waiting: number }
}
