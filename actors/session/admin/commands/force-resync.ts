// Puts mailboxes right by what the store has: `obox verify --fix` under doveadm's name.

import { userNames } from '../accounts.ts'
import { AdminError, adminCommand, exitCode } from '../command.ts'
import { verifying } from '../verifying.ts'

export default adminCommand({
  name: 'force-resync',
  summary: 'put mailboxes right by what the store has',
  usage: 'force-resync -u USER|MASK | -A MAILBOX MASK',
  options: { user: { type: 'string', short: 'u' }, all: { type: 'boolean', short: 'A' } },
  args: { min: 1, max: 1 },
  async run({ args: [mask = '*'], options: { user, all } }, world) {
    const wanted = all === true ? '*' : user
    if (typeof wanted !== 'string') throw new AdminError(exitCode.usage, 'force-resync: whose? -u USER or -A')
    return verifying(await userNames([wanted], world), world, mask === '*' ? { fix: true } : { fix: true, mask })
  },
})
