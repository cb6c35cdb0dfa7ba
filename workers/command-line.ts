// `culver COMMAND …`: the commands are the files of workers/cli/.

import { nearest } from '../conf/nearest.ts'
import { ConfigError, messageOf } from '../runtime/errors.ts'
import type { Command } from './cli/command.ts'
import { all } from './cli/index.ts'

/** Exit codes of sysexits.h. */
const exitCode = { ok: 0, failure: 1, usage: 64, configuration: 78 }

const commands: readonly Command[] = all

const help = (): string => {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return ['Usage: culver COMMAND …', '', ...lines, '', 'culver help COMMAND tells more.'].join('\n')
}

const unknown = (name: string): number => {
  const meant = nearest(name, commands.map((command) => command.name))
  console.error(`culver: unknown command '${name}'${meant === undefined ? '' : `; did you mean '${meant}'?`} (culver help lists them)`)
  return exitCode.usage
}

const showHelp = (name: string | undefined, args: readonly string[] = []): number => {
  const command = commands.find((candidate) => candidate.name === name)
  if (name !== undefined && command === undefined) return unknown(name)
  console.log(command === undefined ? help() : `culver ${command.usageOf?.(args) ?? command.usage}`)
  return exitCode.ok
}

/** parseArgs' complaints have such codes. */
const isUsageError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')

const outcomeOf = async ([name, ...args]: string[]): Promise<number> => {
  if (name === undefined) {
    console.error(help())
    return exitCode.usage
  }
  if (name === 'help' || name === '--help') return showHelp(args[0], args.slice(1))
  const command = commands.find((candidate) => candidate.name === name)
  if (command === undefined) return unknown(name)
  if (args.includes('--help')) return showHelp(name, args)
  try {
    return await command.run(args)
  } catch (error) {
    if (isUsageError(error)) {
      console.error(`culver ${name}: ${messageOf(error)}\nculver ${command.usage}`)
      return exitCode.usage
    }
    if (error instanceof ConfigError) {
      console.error(`culver: ${error.message}`)
      return exitCode.configuration
    }
    console.error(error)
    return exitCode.failure
  }
}

/** Runs the command that `words` say, and leaves its exit code to the process. */
export async function run(words: string[]): Promise<void> {
  // The pipe's reader may go first (`culver conf | head`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCode.ok)
    throw error
  })
  process.exitCode = await outcomeOf(words)
}
