// Uploads what the store lacks of users' indexes: before a backend is taken away, a user moved by hand.

import { userNames } from '../accounts.ts'
import { adminCommand } from '../command.ts'
import { flushOptions, flushing, importantUsage } from '../flushing.ts'
import { whose, whoseOptions, whoseUsage } from '../whose.ts'

export default adminCommand({
  name: 'metacache flush',
  summary: 'upload what the store lacks of users',
  usage: `metacache flush [-i] ${whoseUsage}${importantUsage}`,
  options: { ...whoseOptions, ...flushOptions },
  args: { min: 0, max: 1000 },
  async run(request, world) { return flushing(await userNames(whose(request), world), world) },
})
