// Compares users with the store: objects that no mail has, mails that have no object, leavings of mailboxes and indexes.

import { AdminError, adminCommand, exitCode } from '../command.ts'
import { verifying } from '../verifying.ts'
import { whose, whoseOptions, whoseUsage } from '../whose.ts'

export default adminCommand({
  name: 'obox verify',
  summary: 'find objects without mails and mails without objects',
  usage: `obox verify [-n | --fix] [-m MAILBOX MASK] ${whoseUsage}
  -n, --dry-run  only tell (that is the default)
  --fix          lost mails are adopted, objects of expunged ones deleted, mails without an object expunged
  -m MASK        mailboxes of these names alone
Who is named is taken from the backend that has the user, if that is another one; masks and -A pass over such users.
Exit code 65: something is wrong, and was only told.`,
  options: { ...whoseOptions, 'dry-run': { type: 'boolean', short: 'n' }, fix: { type: 'boolean' }, mailbox: { type: 'string', short: 'm' } },
  args: { min: 0, max: 1000 },
  async run(request, world) {
    const { options } = request
    const fix = options['fix'] === true
    if (fix && options['dry-run'] === true) throw new AdminError(exitCode.usage, 'obox verify: either --dry-run or --fix')
    const mask = options['mailbox']
    return verifying(whose(request), world, { fix, ...(typeof mask === 'string' ? { mask } : {}) })
  },
})
