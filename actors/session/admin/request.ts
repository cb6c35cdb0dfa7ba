// Requests as they come over the wire: one line of JSON each, `{"command":"auth test","options":{"service":"imap"},"args":["a","b"]}`.

import type { AdminCommand, AdminRequest } from './command.ts'
import { AdminError, exitCode } from './command.ts'

const refuse = (text: string): never => { throw new AdminError(exitCode.usage, text) }

const isText = (value: unknown): value is string => typeof value === 'string'

/** The request of a line, and its command. AdminError: it is none. */
export function requestOf(line: string, commands: ReadonlyMap<string, AdminCommand>): { command: AdminCommand; request: AdminRequest } {
  let said: unknown
  try {
    said = JSON.parse(line)
  } catch {
    return refuse('A request is one line of JSON')
  }
  if (typeof said !== 'object' || said === null) return refuse('A request is a JSON object')
  const { command: name, options = {}, args = [] } = said as Record<string, unknown>
  const command = isText(name) ? commands.get(name) : undefined
  if (command === undefined) return refuse(`Unknown command: ${String(name)}`)
  if (!Array.isArray(args) || !args.every(isText)) return refuse('args: strings in an array')
  if (args.length < command.args.min || args.length > command.args.max) return refuse(`Usage: culver adm ${command.usage}`)
  if (typeof options !== 'object' || options === null) return refuse('options: an object')
  for (const [option, value] of Object.entries(options)) {
    const known = command.options[option] ?? refuse(`${command.name}: unknown option '${option}'`)
    const fits = known.multiple === true ? Array.isArray(value) && value.every(isText) : typeof value === known.type
    if (!fits) refuse(`${command.name}: option '${option}' needs a ${known.type}`)
  }
  return { command, request: { command: command.name, options: options as AdminRequest['options'], args } }
}
