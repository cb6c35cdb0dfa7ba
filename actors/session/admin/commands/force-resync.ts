// Puts mailboxes right by what the store has: `obox verify --fix` under doveadm's name.

import { adminCommand } from '../command.ts'
import { verifying } from '../verifying.ts'
import { whose, whoseOptions } from '../whose.ts'

export default adminCommand({
  name: 'force-resync',
  summary: 'put mailboxes right by what the store has',
  usage: `force-resync -u USER|MASK … | -A  MAILBOX MASK
Who is named is taken from the backend that has the user, if that is another one; masks and -A pass over such users.`,
  options: whoseOptions,
  args: { min: 1, max: 1 },
  async run(request, world) {
    const [mask = '*'] = request.args
    // Its word is a mailbox.
    return verifying(whose({ ...request, args: [] }), world, mask === '*' ? { fix: true } : { fix: true, mask })
  },
})
