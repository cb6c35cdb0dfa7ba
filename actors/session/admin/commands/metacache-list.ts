// Users with local indexes, in the order in which they would be evicted. Columns as doveadm's where there is the same: its
// priorities are 0 (user roots), 2 (INBOX and \Junk), 3 (others); all of a user goes at once here, so that it has one time and one weight.

import { matcher } from '../../../../conf/mask.ts'
import type { ListedUser } from '../../../metacache-messages.ts'
import type { Rows } from '../command.ts'
import { adminCommand } from '../command.ts'

export default adminCommand({
  name: 'metacache list',
  summary: 'users with local indexes, in the order of their eviction',
  usage: `metacache list [USER|MASK …]
  last-access: UNIX time; changes: whether the store lacks something of it; in-memory: not to be evicted now.
Without metacache_max_space only users in memory are known.`,
  options: {},
  args: { min: 0, max: 1000 },
  async run({ args }, { effects }) {
    const wanted = args.map(matcher)
    const users = await effects.ask<ListedUser[]>('metacache', { kind: 'list' })
    return {
      columns: ['username', 'bytes-used(0)', 'bytes-used(2)', 'bytes-used(3)', 'last-access', 'changes', 'in-memory', 'cleanup-weight', 'directory'],
      header: true,
      rows: rowsOf(users.filter(({ user }) => wanted.length === 0 || wanted.some((matches) => matches(user)))),
    }
  },
})

function* rowsOf(users: readonly ListedUser[]): Rows {
  for (const { user, space: { root, inbox, other }, lastUsed, unsaved, open, weight, directory } of users) {
    yield [user, String(root), String(inbox), String(other), String(lastUsed), unsaved ? 'some' : 'none', open ? 'yes' : 'no', String(weight), directory]
  }
}
