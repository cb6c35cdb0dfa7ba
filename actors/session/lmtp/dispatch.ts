// From a line to a command and what follows its name. Pure.

import type { LmtpCommand } from './command.ts'
import { all as commands } from './commands/index.ts'
import { badCommand } from './reply.ts'

const byName = new Map(commands.map((command) => [command.name, command]))
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Finds the command. Refusal: there is none, or the line is none. */
export function readCommand(line: Uint8Array): { command: LmtpCommand; text: string } {
  const [, name = '', text = ''] = /^([^ ]*) *(.*?) *$/s.exec(readText(line)) ?? []
  const command = byName.get(name.toUpperCase())
  if (command === undefined) throw badCommand('500 5.5.1 Unknown command')
  return { command, text }
}

/** The line as text. Refusal: not UTF-8, or with control characters that would end up in headers and logs. */
function readText(line: Uint8Array): string {
  let text: string
  try {
    text = utf8.decode(line)
  } catch {
    throw badCommand('500 5.5.2 Command is not valid UTF-8')
  }
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text)) throw badCommand('500 5.5.2 Invalid character in command')
  return text
}
