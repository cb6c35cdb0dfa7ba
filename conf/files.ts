// The configuration's own files: reading them, and finding those that `!include` names.

import { readFileSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { ConfigError, messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'

/** A file's text. Throws ConfigError if it cannot be read or is larger than limits.configFileBytes. */
export const readText = (file: string): string => {
  try {
    const { size } = statSync(file)
    if (size > limits.configFileBytes) throw new ConfigError(`${size} bytes, more than ${limits.configFileBytes}`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError(`cannot read ${file}: ${systemReason(error)}`)
  }
}

/** The files that a pattern with `*`, `?` and `[a-z]` names, in the order of their names. */
export const glob = (pattern: string): string[] => {
  const [first = '', ...rest] = path.resolve(pattern).split(path.sep)
  let found = [first === '' ? path.sep : first]
  for (const part of rest) {
    if (part === '') continue
    found = /[*?[]/.test(part)
      ? found.flatMap((directory) => namesIn(directory).filter(matcher(part)).map((name) => path.join(directory, name)))
      : found.map((directory) => path.join(directory, part))
  }
  return found.filter((file) => statSync(file, { throwIfNoEntry: false }) !== undefined)
}

const namesIn = (directory: string): string[] => {
  try {
    return readdirSync(directory).sort()
  } catch {
    return []
  }
}

/** As in a shell: a wildcard does not match a dot at the beginning. */
const matcher = (pattern: string): (name: string) => boolean => {
  const source = pattern.replace(/\[!?[^\]]+\]|./gs, (token) =>
    token === '*' ? '.*' : token === '?' ? '.' : token.length > 1 ? token.replace('[!', '[^').replaceAll('\\', '\\\\') : token.replace(/\W/, '\\$&'))
  const expression = new RegExp(`^${source}$`, 's')
  return (name) => expression.test(name) && (!name.startsWith('.') || pattern.startsWith('.'))
}

const systemReason = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'permission denied' : code === 'EISDIR' ? 'it is a directory' : messageOf(error)
}
