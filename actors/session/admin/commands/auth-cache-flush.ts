// Forgets what the databases have answered about users, or about all.

import type { FlushAnswer } from '../../../auth-messages.ts'
import { adminCommand, lines } from '../command.ts'

export default adminCommand({
  name: 'auth cache flush',
  summary: 'forget remembered look-ups',
  usage: 'auth cache flush [USER …]',
  options: {},
  args: { min: 0, max: Infinity },
  async run({ args }, { effects }) {
    const { flushed } = await effects.ask<FlushAnswer>('auth', { kind: 'flush', users: args })
    return lines([`${flushed} cache entries flushed`])
  },
})
