// Uploads what the store lacks of whoever is known to have something here: before a backend is shut down. Users who have nothing
// that is not uploaded are not opened.

import { adminCommand } from '../command.ts'
import { flushOptions, flushing, importantUsage } from '../flushing.ts'
import { knownUsers } from '../known-users.ts'

export default adminCommand({
  name: 'metacache flushall',
  summary: 'upload what the store lacks of all users with local indexes',
  usage: `metacache flushall [-i] [USER|MASK …]${importantUsage}`,
  options: flushOptions,
  args: { min: 0, max: 1000 },
  async run({ args }, world) {
    const known = await knownUsers(args.length === 0 ? ['*'] : args, world)
    // What is said of users in memory is some seconds old.
    return flushing(known.filter(({ open, unsaved }) => open || unsaved).map(({ user }) => user), world)
  },
})
