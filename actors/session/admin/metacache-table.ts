import type { MetacacheStatus } from '../../metacache-messages.ts'
import type { Rows, Table } from './command.ts'

/** One line for each figure. */
export const metacacheTable = (status: MetacacheStatus): Table => ({ columns: ['field', 'value'], header: true, rows: rowsOf(status) })

function* rowsOf({ users, open, unsaved, space, most, grace, refusing, evicted, stayed }: MetacacheStatus): Rows {
  const { root, inbox, other } = space
  const figures = {
    users, 'users in memory': open, 'users with changes': unsaved,
    'bytes used': root + inbox + other, 'bytes used by roots': root, 'bytes used by INBOX and Junk': inbox, 'bytes used by other mailboxes': other,
    'metacache_max_space': most, 'metacache_max_grace': grace, 'refuses users': refusing ? 'yes' : 'no',
    'users evicted since start': evicted, 'evictions that failed since start': stayed,
  }
  for (const [field, value] of Object.entries(figures)) yield [field, String(value)]
}
