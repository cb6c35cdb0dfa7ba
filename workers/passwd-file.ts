// passwd-file: `user:password:uid:gid:gecos:home:shell:extra_fields` lines, as passdb and as userdb. Comments begin with #;
// later columns may be missing; extra_fields run to the end of the line, colons included, separated by blanks.
//
// args: `[scheme=SCHEME] [username_format=FORMAT] PATH`. The path may have %variables (`/etc/users.%d`); `./` is the directory
// in which the server was started.
// A file is read again when its time or size has changed. One that cannot be read is TempFail, never an unknown user; but
// of a path with variables, a missing file in an existing directory only says that there are no such users.

import { Buffer } from 'node:buffer'
import path from 'node:path'
import { changedVariables } from '../actors/auth/variables.ts'
import type { Variables } from '../conf/expand.ts'
import { expand } from '../conf/expand.ts'
import { ConfigError, TempFail, messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import type { DatabaseWorld } from './databases.ts'
import { requireScheme } from './password/verify.ts'

export interface PasswdFileOptions { scheme: string; usernameFormat: string; path: string }

/** One line, split; empty columns are ''. */
export interface PasswdEntry { password: string; uid: string; gid: string; home: string; extra: string }

/** Reads `args`. ConfigError: no path, an unknown option or scheme. */
export function parsePasswdFileArgs(args: string): PasswdFileOptions {
  const options: PasswdFileOptions = { scheme: 'CRYPT', usernameFormat: '%u', path: '' }
  let rest = args.trim()
  for (let word = /^(\w+)=(\S*)\s*/.exec(rest); word !== null; word = /^(\w+)=(\S*)\s*/.exec(rest)) {
    const [whole, name, value = ''] = word
    if (name === 'scheme') options.scheme = value
    else if (name === 'username_format') options.usernameFormat = value
    else throw new ConfigError(`passwd-file: unknown option '${name}' in args`)
    rest = rest.slice(whole.length)
  }
  if (!rest.startsWith('/') && !rest.startsWith('./')) throw new ConfigError(`passwd-file: args must end in a path, /… or ./…, not '${rest}'`)
  try {
    requireScheme(options.scheme)
  } catch (error) {
    throw new ConfigError(`passwd-file: ${messageOf(error)} in args`)
  }
  return { ...options, path: path.resolve(rest) }
}

/** A file as it was when it had this time and size. Lines are split only when their user is asked for. */
interface Parsed { modifiedMs: number; size: number; lines: Map<string, string> }

function parseLines(text: string): Map<string, string> {
  const lines = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (line.startsWith('#') || colon === 0 || line === '') continue
    // The first line of a user counts, as in Dovecot.
    const user = colon < 0 ? line : line.slice(0, colon)
    if (!lines.has(user)) lines.set(user, colon < 0 ? '' : line.slice(colon + 1))
  }
  return lines
}

function splitLine(line: string): PasswdEntry {
  const [password = '', uid = '', gid = '', , home = '', , ...extra] = line.split(':')
  return { password, uid, gid, home, extra: extra.join(':') }
}

/** The passwd-files of one worker, the most recently used ones kept. */
class PasswdFiles {
  readonly #kept = new Map<string, Parsed>()

  async get(file: string, files: DatabaseWorld['files']): Promise<Parsed | undefined> {
    const stat = await files.stat(file)
    const kept = this.#kept.get(file)
    this.#kept.delete(file)
    if (stat === undefined || stat.directory) return undefined
    const fresh = kept !== undefined && kept.modifiedMs === stat.modifiedMs && kept.size === stat.size
    const parsed = fresh ? kept : await this.#read(file, stat.modifiedMs, stat.size, files)
    this.#kept.set(file, parsed)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= limits.passwdFiles) break
      this.#kept.delete(oldest)
    }
    return parsed
  }

  async #read(file: string, modifiedMs: number, size: number, files: DatabaseWorld['files']): Promise<Parsed> {
    if (size > limits.passwdFileBytes) throw new TempFail(`passwd-file ${file} is larger than ${limits.passwdFileBytes} bytes`)
    const bytes = await files.read(file)
    if (bytes === undefined) throw new TempFail(`passwd-file ${file} has just vanished`)
    return { modifiedMs, size, lines: parseLines(Buffer.from(bytes).toString('utf8')) }
  }
}

const passwdFiles = new PasswdFiles()

/** The entry of a user; `any`: another user's password instead, for a decoy. TempFail if the file cannot be read. */
export async function findEntry(
  options: PasswdFileOptions, variables: Variables, files: DatabaseWorld['files'],
): Promise<{ entry: PasswdEntry } | { any?: string }> {
  // A name must not choose another directory.
  const file = expand(options.path, changedVariables(variables, (value) => value.replace(/[/\0]/g, '_')))
  const parsed = await passwdFiles.get(file, files)
  if (parsed === undefined) {
    if (file !== options.path && (await files.stat(path.dirname(file)))?.directory === true) return {}
    throw new TempFail(`passwd-file ${file} does not exist`)
  }
  const line = parsed.lines.get(expand(options.usernameFormat, variables))
  if (line !== undefined) return { entry: splitLine(line) }
  for (const other of parsed.lines.values()) {
    const { password } = splitLine(other)
    if (password !== '') return { any: password }
  }
  return {}
}

/** The names of a file's users. TempFail as `findEntry`; a path with %variables has no list. */
export async function* listUsers(options: PasswdFileOptions, files: DatabaseWorld['files']): AsyncGenerator<string> {
  if (options.path.includes('%')) throw new TempFail(`passwd-file ${options.path}: a path with variables cannot be listed`)
  const parsed = await passwdFiles.get(options.path, files)
  if (parsed === undefined) throw new TempFail(`passwd-file ${options.path} does not exist`)
  yield* parsed.lines.keys()
}
