// A command that does one thing to one user after the other. One that fails does not keep the others from their turn: what is
// wrong with it is its row, and the exit code tells of it.

import { TempFail, messageOf } from '../../../runtime/errors.ts'
import type { Account } from '../../user/types.ts'
import type { SessionWorld } from '../types.ts'
import { accountOf } from './accounts.ts'
import type { Rows } from './command.ts'
import { AdminError, exitCode } from './command.ts'

/** Rows of `action` (which is told under what name the user was asked for), whose return value is the user's exit code; `failed` makes a row of a failure. The worst exit code is the answer. */
export async function* eachUser(
  users: readonly string[], world: SessionWorld, action: (account: Account, user: string) => Rows, failed: (user: string, why: string) => readonly string[],
): AsyncGenerator<readonly string[], number> {
  let worst: number = exitCode.ok
  for (const user of users) {
    try {
      worst = Math.max(worst, (yield* action(await accountOf(user, world), user)) ?? exitCode.ok)
    } catch (error) {
      if (!(error instanceof AdminError || error instanceof TempFail)) throw error
      yield failed(user, messageOf(error))
      worst = Math.max(worst, error instanceof AdminError ? error.exit : exitCode.temporary)
    }
  }
  return worst
}
