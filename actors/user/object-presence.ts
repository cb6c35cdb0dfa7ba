// Whether a mail's object is in the store. A listing proves nothing, as it may lag.

import type { RequestContext } from '../../runtime/effects.ts'
import { ObjectNotFound } from '../../runtime/errors.ts'
import type { LoadedMailbox } from './mailbox.ts'

/** Asks for the object itself: one HEAD. TempFail. */
export async function isThere({ world, guid }: Pick<LoadedMailbox, 'guid'> & { world: Pick<LoadedMailbox['world'], 'obox'> }, context: RequestContext, oid: string): Promise<boolean> {
  try {
    await world.obox.stat(context, guid, oid)
    return true
  } catch (error) {
    if (error instanceof ObjectNotFound) return false
    throw error
  }
}
