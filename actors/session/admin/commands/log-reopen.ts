// After log files have been moved away (logrotate): new ones are begun. SIGUSR1 does the same.

import { AdminError, adminCommand, exitCode, lines } from '../command.ts'

export default adminCommand({
  name: 'log reopen',
  summary: 'open the log files anew, after they have been moved away',
  usage: 'log reopen',
  options: {},
  args: { min: 0, max: 0 },
  async run(_, { effects }) {
    const failed = await effects.ask<string[]>('master', { kind: 'reopen-logs' })
    if (failed.length > 0) throw new AdminError(exitCode.temporary, `${failed.join('\n')}\nlines go on where they went`)
    return lines([])
  },
})
