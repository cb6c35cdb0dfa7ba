// Who is logged in. doveadm's columns, but for its process ids: here a connection is on a worker thread.

import type { Connection } from '../../../anvil-messages.ts'
import { chosen } from '../chosen.ts'
import type { Rows } from '../command.ts'
import { adminCommand } from '../command.ts'

export default adminCommand({
  name: 'who',
  summary: 'who is logged in',
  usage: 'who [-1] [USER MASK] [IP[/BITS]]\n  -1  a line for each connection',
  options: { separate: { type: 'boolean', short: '1' } },
  args: { min: 0, max: 2 },
  async run({ options, args }, world) {
    const connections = await chosen(args, world)
    return options['separate'] === true
      ? { columns: ['username', 'proto', 'worker', 'ip', 'session'], header: true, keys: ['username', 'service', 'worker', 'ip', 'session'], rows: separately(connections) }
      : { columns: ['username', '#', 'proto', '(workers)', '(ips)'], header: true, keys: ['username', 'connections', 'service', 'workers', 'ips'], rows: together(connections) }
  },
})

function* separately(connections: readonly Connection[]): Rows {
  for (const { user, service, worker, ip, session } of connections) yield [user, service, String(worker), ip, session]
}

/** One row for each user and protocol. `connections` are sorted by them. */
function* together(connections: readonly Connection[]): Rows {
  for (let from = 0, to = 0; from < connections.length; from = to) {
    const { user, service } = connections[from]!
    while (to < connections.length && connections[to]!.user === user && connections[to]!.service === service) to++
    const group = connections.slice(from, to)
    const list = (values: (string | number)[]): string => `(${[...new Set(values)].sort().join(' ')})`
    yield [user, String(group.length), service, list(group.map(({ worker }) => worker)), list(group.map(({ ip }) => ip))]
  }
}
