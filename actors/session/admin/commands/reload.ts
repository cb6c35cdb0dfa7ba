// Reads the configuration again. Connections and users that there are keep what they began with.

import type { ReloadAnswer } from '../../../master-messages.ts'
import { ConfigError } from '../../../../runtime/errors.ts'
import { AdminError, adminCommand, exitCode, lines } from '../command.ts'

export default adminCommand({
  name: 'reload',
  summary: 'read the configuration again',
  usage: 'reload',
  options: {},
  args: { min: 0, max: 0 },
  async run(_, { effects }) {
    try {
      return lines(await effects.ask<ReloadAnswer>('master', { kind: 'reload' }))
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      throw new AdminError(exitCode.data, `the configuration stays as it was:\n${error.message}`)
    }
  },
})
