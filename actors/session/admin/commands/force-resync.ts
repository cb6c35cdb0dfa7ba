// Puts mailboxes right by what the store has: `obox verify --fix` under doveadm's name.

import { userNames } from '../accounts.ts'
import { adminCommand } from '../command.ts'
import { verifying } from '../verifying.ts'
import { whose, whoseOptions } from '../whose.ts'

export default adminCommand({
  name: 'force-resync',
  summary: 'put mailboxes right by what the store has',
  usage: 'force-resync -u USER|MASK … | -A  MAILBOX MASK',
  options: whoseOptions,
  args: { min: 1, max: 1 },
  async run(request, world) {
    const [mask = '*'] = request.args
    // Its word is a mailbox.
    const users = await userNames(whose({ ...request, args: [] }), world)
    return verifying(users, world, mask === '*' ? { fix: true } : { fix: true, mask })
  },
})
