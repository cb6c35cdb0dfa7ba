// What a command of `culver` is. One file each in this folder; see index.ts.

export interface Command {
  readonly name: string
  /** A few words for the list of commands. */
  readonly summary: string
  /** What follows `culver `: `conf -c FILE [-n | -a] …`, and further lines on the options. */
  readonly usage: string
  /** Of what these arguments name, where the command has commands of its own. */
  usageOf?(args: readonly string[]): string
  /** Resolves with the exit code (sysexits: 64 usage, 78 configuration). A thrown ConfigError is told as one line, and exit code 78. */
  run(args: string[]): Promise<number>
}

export const command = (definition: Command): Command => definition
