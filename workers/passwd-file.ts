// passwd-file: `user:password:uid:gid:gecos:home:shell:extra_fields` lines, as passdb and as userdb. Comments begin with #;
// later columns may be missing; extra_fields run to the end of the line, colons included, separated by blanks.
//
// args: `[scheme=SCHEME] [username_format=FORMAT] PATH`. The path may have %variables (`/etc/users.%d`).
// A file is read again when its time or size has changed. One that cannot be read is TempFail, never an unknown user; but
// of a path with variables, a missing file in an existing directory only says that there are no such users.

import { Buffer } from 'node:buffer'
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
  if (!rest.startsWith('/')) throw new ConfigError(`passwd-file: args must end in an absolute path, not '${rest}'`)
  try {
    requireScheme(options.scheme)
  } catch (error) {
    throw new ConfigError(`passwd-file: ${messageOf(error)} in args`)
  }
  return { ...options, path: rest }
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

const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')))

/** The passwd-files of one worker, the most recently used ones kept. */
class PasswdFiles {
  readonly #kept = new Map<string, Parsed>()

  async get(path: string, files: DatabaseWorld['files']): Promise<Parsed | undefined> {
    const stat = await files.stat(path)
    const kept = this.#kept.get(path)
    this.#kept.delete(path)
    if (stat === undefined || stat.directory) return undefined
    const fresh = kept !== undefined && kept.modifiedMs === stat.modifiedMs && kept.size === stat.size
    const parsed = fresh ? kept : await this.#read(path, stat.modifiedMs, stat.size, files)
    this.#kept.set(path, parsed)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= limits.passwdFiles) break
      this.#kept.delete(oldest)
    }
    return parsed
  }

  async #read(path: string, modifiedMs: number, size: number, files: DatabaseWorld['files']): Promise<Parsed> {
    if (size > limits.passwdFileBytes) throw new TempFail(`passwd-file ${path} is larger than ${limits.passwdFileBytes} bytes`)
    const bytes = await files.read(path)
    if (bytes === undefined) throw new TempFail(`passwd-file ${path} has just vanished`)
    return { modifiedMs, size, lines: parseLines(Buffer.from(bytes).toString('utf8')) }
  }
}

const passwdFiles = new PasswdFiles()

/** The entry of a user; `any`: another user's password instead, for a decoy. TempFail if the file cannot be read. */
export async function findEntry(
  options: PasswdFileOptions, variables: Variables, files: DatabaseWorld['files'],
): Promise<{ entry: PasswdEntry } | { any?: string }> {
  // A name must not choose another directory.
  const path = expand(options.path, changedVariables(variables, (value) => value.replace(/[/\0]/g, '_')))
  const parsed = await passwdFiles.get(path, files)
  if (parsed === undefined) {
    if (path !== options.path && (await files.stat(parentOf(path)))?.directory === true) return {}
    throw new TempFail(`passwd-file ${path} does not exist`)
  }
  const line = parsed.lines.get(expand(options.usernameFormat, variables))
  if (line !== undefined) return { entry: splitLine(line) }
  for (const other of parsed.lines.values()) {
    const { password } = splitLine(other)
    if (password !== '') return { any: password }
  }
  return {}
}
