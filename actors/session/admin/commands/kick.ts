// Ends connections: their running commands finish, and the clients are told.

import type { Connection } from '../../../anvil-messages.ts'
import { chosen } from '../chosen.ts'
import { AdminError, adminCommand, exitCode, lines } from '../command.ts'

export default adminCommand({
  name: 'kick',
  summary: 'end the connections of users',
  usage: 'kick USER MASK [IP[/BITS]] | kick IP[/BITS]',
  options: {},
  args: { min: 1, max: 2 },
  async run({ args }, world) {
    const keys = (await chosen(args, world)).map(({ key }) => key)
    const kicked = await world.effects.ask<Connection[]>('anvil', { kind: 'kick', keys })
    if (kicked.length === 0) throw new AdminError(exitCode.nothing, 'no users kicked')
    return lines(['kicked connections from the following users:', ...new Set(kicked.map(({ user }) => user))])
  },
})
