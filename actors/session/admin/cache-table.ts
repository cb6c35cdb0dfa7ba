// The local caches of mails as a table.

import type { CacheAnswer } from '../../master-messages.ts'
import type { Rows, Table } from './command.ts'

export const cacheTable = (caches: CacheAnswer): Table =>
  ({ columns: ['directory', 'entries', 'bytes', 'of', 'hits', 'misses', 'writes', 'failures'], header: true, rows: rowsOf(caches) })

function* rowsOf(caches: CacheAnswer): Rows {
  for (const { directory, entries, used, budget, hits, misses, writes, failures } of caches) {
    yield [directory, ...[entries, used, budget, hits, misses, writes, failures].map(String)]
  }
}
