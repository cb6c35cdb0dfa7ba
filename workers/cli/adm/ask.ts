// One question to the server's admin socket (actors/session/admin/machine.ts tells the wire form).

import net from 'node:net'
import { createInterface } from 'node:readline'
import type { AdminRequest } from '../../../actors/session/admin/command.ts'
import { messageOf } from '../../../runtime/errors.ts'
import type { Format, Printer } from './formats.ts'

interface Streams { out(text: string): void; complain(text: string): void }

type Message = { columns: string[]; header: boolean; keys?: string[] } | { row: string[] } | { exit: number; error?: string }

/** Nobody answers at the socket: EX_TEMPFAIL. */
const awayCode = 75

/** Asks, prints what comes as it comes, and resolves with the exit code. */
export async function askServer(socketPath: string, request: AdminRequest, format: Format, streams: Streams): Promise<number> {
  const socket = net.connect(socketPath)
  let printer: Printer | undefined
  try {
    socket.end(`${JSON.stringify(request)}\n`)
    for await (const line of createInterface({ input: socket })) {
      const message = JSON.parse(line) as Message
      if ('columns' in message) printer = format(message.columns, message.header, streams.out, message.keys)
      else if ('row' in message) printer?.row(message.row)
      else {
        printer?.end()
        if (message.error !== undefined) streams.complain(message.error)
        return message.exit
      }
    }
    streams.complain('the server has closed the connection')
    return awayCode
  } catch (error) {
    streams.complain(`${socketPath}: ${reasonOf(error)}`)
    return awayCode
  } finally {
    socket.destroy()
  }
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT': case 'ECONNREFUSED': return 'no server is running there'
    case 'EACCES': return 'not permitted (run as the server\'s user)'
    default: return messageOf(error)
  }
}
