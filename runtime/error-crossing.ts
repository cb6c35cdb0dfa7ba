// How an error crosses to another thread: a structured clone keeps neither class nor fields, so the kinds of errors.ts
// are taken apart here and put together again there. Kinds of other layers (MailError) are registered by the threads' entries.

import { Bug, Cancelled, ConditionFailed, ConfigError, LimitExceeded, messageOf, ObjectNotFound, TempFail } from './errors.ts'

/** An error on its way: `fields` is whatever the kind needs to be built again. */
export interface PackedError { name: string; fields: unknown }

interface Kind { to(error: any): unknown; from(fields: any): Error }

const kinds = new Map<string, Kind>()

/**
 * Makes a further error class survive the crossing, in this thread; the other thread must do the same.
 * `name` is the `name` of its instances; `to` gives clonable fields, `from` builds the error of them.
 */
export const registerError = <E extends Error, Fields>(name: string, to: (error: E) => Fields, from: (fields: Fields) => E): void => {
  kinds.set(name, { to, from })
}

const message = (error: Error): string => error.message
registerError('TempFail', message, (text) => new TempFail(text))
registerError('Cancelled', message, (text) => new Cancelled(text))
registerError('ConfigError', message, (text) => new ConfigError(text))
registerError('Bug', message, (text) => new Bug(text))
registerError('ObjectNotFound', (error: ObjectNotFound) => error.key, (key) => new ObjectNotFound(key))
registerError('ConditionFailed', (error: ConditionFailed) => error.key, (key) => new ConditionFailed(key))
registerError('LimitExceeded', (error: LimitExceeded) => [error.limit, error.message] as const, ([limit, text]) => new LimitExceeded(limit, text))

/** Any thrown value as something clonable. What is of no registered kind becomes a Bug that carries its stack as text. */
export const packError = (error: unknown): PackedError => {
  const kind = error instanceof Error ? kinds.get(error.name) : undefined
  if (kind) return { name: (error as Error).name, fields: kind.to(error) }
  return { name: 'Bug', fields: error instanceof Error ? error.stack ?? messageOf(error) : messageOf(error) }
}

/** The error again, of the class it had. */
export const unpackError = (packed: PackedError): Error => {
  const kind = kinds.get(packed.name)
  return kind ? kind.from(packed.fields) : new Bug(`${packed.name}: ${String(packed.fields)}`)
}
