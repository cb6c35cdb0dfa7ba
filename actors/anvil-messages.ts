// What is said to anvil (address `anvil`, on the main thread) and what it answers. Structured-clonable.

/**
 * A connection with a user. `key` is its own; session ids that proxies give may come twice. `worker` is the session worker that
 * has the socket, or where it went on.
 */
export interface Connection { key: string; session: string; service: string; user: string; ip: string; worker: number }

export type AnvilMessage =
  /** `most`: mail_max_userip_connections as it is in force for this connection; 0: no bound. */
  | ({ kind: 'connect'; most: number } & Connection)
  | { kind: 'disconnect'; key: string }
  | { kind: 'who' }
  | { kind: 'kick'; keys: string[] }

/** Of `connect`. */
export type Admission = { admitted: true } | { admitted: false; reason: string; limit: 'mail_max_userip_connections' | 'service' }
/** Admission; all connections; those that were kicked; nothing. */
export type AnvilAnswer = Admission | Connection[] | undefined
