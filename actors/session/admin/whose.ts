// Whose data a command is about, as doveadm's commands for mail have it: -u USER or mask, or -A for all; also as plain words.

import type { AdminOption, AdminRequest } from './command.ts'
import { AdminError, exitCode } from './command.ts'

export const whoseOptions: Readonly<Record<string, AdminOption>> = { user: { type: 'string', short: 'u', multiple: true }, all: { type: 'boolean', short: 'A' } }

export const whoseUsage = '[-A | -u USER|MASK … | USER|MASK …]'

/** Names and masks. AdminError: nobody is named. */
export function whose({ command, args, options: { all, user = [] } }: AdminRequest): string[] {
  if (all === true) return ['*']
  const words = [...user as readonly string[], ...args]
  if (words.length === 0) throw new AdminError(exitCode.usage, `${command}: whose? USER, or -A`)
  return words
}
