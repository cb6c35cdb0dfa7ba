// passdb passwd: the system's users and their passwords, from shadow where passwd says `x` (which takes root, or the group
// shadow). args: `[blocking=no]`, which changes nothing here.

import { ConfigError } from '../../runtime/errors.ts'
import { passdb } from '../databases.ts'
import { findSystemUser, systemPassword } from '../system-users.ts'

/** ConfigError: something that is no option. */
function parseArgs(args: string): void {
  const unknown = args.split(/\s+/).find((word) => word !== '' && !/^blocking=(yes|no)$/.test(word))
  if (unknown !== undefined) throw new ConfigError(`passwd: unknown option '${unknown}' in args`)
}

const dayMs = 86_400_000

export const systemPassdb = (name: string) => passdb(name, parseArgs, () => ({
  async lookup({ user }) {
    const found = await findSystemUser(String(user))
    const text = found === undefined ? undefined : await systemPassword(found, Math.floor(Date.now() / dayMs))
    return found === undefined ? { status: 'unknown' } : { status: 'ok', fields: {}, ...(text === undefined ? {} : { secret: { text, scheme: 'CRYPT' } }) }
  },
}), { waits: true })

export default systemPassdb('passwd')
