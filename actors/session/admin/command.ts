// What an admin command is: the server's end of `culver adm NAME …`. One file each in commands/. Names, columns and exit
// codes are doveadm's.

import type { SessionWorld } from '../types.ts'

/** Of an option, as node:util's parseArgs takes it: the client parses by it. */
export interface AdminOption { type: 'boolean' | 'string'; short?: string; multiple?: boolean }

/** What a client asks for; options by their long names. */
export interface AdminRequest {
  command: string
  options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>
  args: readonly string[]
}

/** Rows of as many cells as there are columns. Their return value is the exit code; none: 0. */
export type Rows = AsyncGenerator<readonly string[], number | void> | Generator<readonly string[], number | void>

/** What a command answers. */
export interface Table {
  columns: readonly string[]
  /** Lines for people (`passdb: … auth succeeded`) have no header in any format. */
  header: boolean
  /** What programs call the columns (JSON), where people read something else. */
  keys?: readonly string[]
  rows: Rows
}

export interface AdminCommand {
  /** One word or more: `who`, `auth test`, `auth cache flush`. */
  readonly name: string
  readonly summary: string
  /** What follows `culver adm `. */
  readonly usage: string
  readonly options: Readonly<Record<string, AdminOption>>
  /** How many arguments it takes. */
  readonly args: { readonly min: number; readonly max: number }
  /** AdminError: it cannot be done; the text is for the administrator. TempFail likewise, for now. */
  run(request: AdminRequest, world: SessionWorld): Promise<Table> | Table
}

export const adminCommand = (command: AdminCommand): AdminCommand => command

/** sysexits.h, as doveadm uses them. */
export const exitCode = { ok: 0, failure: 1, usage: 64, data: 65, noUser: 67, nothing: 68, temporary: 75, denied: 77 } as const

/** A command that cannot be carried out. */
export class AdminError extends Error {
  readonly exit: number

  constructor(exit: number, text: string) {
    super(text)
    this.exit = exit
  }
}

function* linesOf(text: Iterable<string>, exit: number): Rows {
  for (const line of text) yield [line]
  return exit
}

/** A table of lines for people. */
export const lines = (text: Iterable<string>, exit: number = exitCode.ok): Table => ({ columns: ['text'], header: false, rows: linesOf(text, exit) })
