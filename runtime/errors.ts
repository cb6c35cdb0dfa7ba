// The few kinds of failure that cross a module border. Everything that is none of these is a bug: it is logged
// with its stack, the one command fails, and the session goes on or dies alone.
// Failures with a mail meaning (no such mailbox, over quota) are `MailError` in actors/user/errors.ts.

/** Something outside (store, directory, another thread) is away or slow. The same request may succeed later; nothing was lost. */
export class TempFail extends Error {
  override readonly name = 'TempFail'
}

/** The asker went away (client closed, session stopped, shutdown), so the work was given up. Never logged as an error. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled'
  constructor(message = 'cancelled') { super(message) }
}

/** A bound of runtime/limits.ts was reached. `limit` is its name there. */
export class LimitExceeded extends Error {
  override readonly name = 'LimitExceeded'
  readonly limit: string
  constructor(limit: string, message: string) { super(message); this.limit = limit }
}

/** An object (or range of it) that the store answered for, and does not have. */
export class ObjectNotFound extends Error {
  override readonly name = 'ObjectNotFound'
  readonly key: string
  constructor(key: string) { super(`no such object: ${key}`); this.key = key }
}

/** A conditional write whose condition did not hold (HTTP 412). */
export class ConditionFailed extends Error {
  override readonly name = 'ConditionFailed'
  readonly key: string
  constructor(key: string) { super(`the object changed meanwhile: ${key}`); this.key = key }
}

/** A setting, listener or directory that cannot be used as configured: one clear line, and exit code 78 (EX_CONFIG) or 1. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** A state that cannot be. */
export class Bug extends Error {
  override readonly name = 'Bug'
}

/** The message of whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
