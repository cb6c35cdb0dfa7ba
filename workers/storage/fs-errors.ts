// What a local file system's refusal means for an object.

import { LimitExceeded, messageOf, TempFail } from '../../runtime/errors.ts'

/** The errno name of whatever was thrown. */
export const errnoOf = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code

/** An error of node:fs as one of the house's kinds; those that are one already stay. Absence is decided by the caller. */
export const fsFailure = (error: unknown, doing: string): Error => {
  const code = errnoOf(error)
  if (code === undefined && error instanceof Error) return error
  if (code === 'ENAMETOOLONG') return new LimitExceeded('objectKeyBytes', `${doing}: a name is too long for this file system`)
  return new TempFail(`${doing}: ${messageOf(error)}`)
}
