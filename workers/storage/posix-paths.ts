// Where the posix driver keeps an object and its metadata. The object is a plain file at its key; names that begin with
// a dot are ours: `.tmp/` (writes under way) and `.NAME.meta` (metadata, JSON, beside the file NAME).
// A level of a key that begins with a dot, or holds a '%', is escaped, so no key can reach our files or leave the prefix.

import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ListOptions, Metadata } from '../../runtime/effects.ts'
import { compareKeys, isBefore } from './keys.ts'
import { errnoOf } from './fs-errors.ts'

const escapeLevel = (level: string): string => level.replaceAll('%', '%25').replace(/^\./, '%2E')
const unescapeLevel = (name: string): string => name.replace(/^%2E/, '.').replaceAll('%25', '%')

/** The path of a key below `prefix`. */
export const pathOf = (prefix: string, key: string): string => path.join(prefix, ...key.split('/').map(escapeLevel))

const sidecarOf = (file: string): string => path.join(path.dirname(file), `.${path.basename(file)}.meta`)

/** Metadata by the identity of the file they belong to: of the file in place, and while it is being replaced of its successor too. */
type Sidecar = Record<string, Metadata>

const readSidecar = async (file: string): Promise<Sidecar | undefined> => {
  try {
    return JSON.parse(await readFile(sidecarOf(file), 'utf8')) as Sidecar
  } catch (error) {
    if (error instanceof SyntaxError || errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}

/** The metadata of a file. A tree copied without its times still has one entry for each file: then that is it. */
export const readMetadata = async (file: string, identity: string): Promise<Metadata> => {
  const sidecar = await readSidecar(file)
  if (!sidecar) return {}
  return sidecar[identity] ?? Object.values(sidecar).at(-1) ?? {}
}

/**
 * Notes the metadata of the file that is about to be put in place, keeping those of the one that is there: whatever
 * happens between this and the rename, each of the two finds its own.
 */
export const writeMetadata = async (file: string, identity: string, metadata: Metadata, present: string | undefined, temporary: string): Promise<void> => {
  const old = await readSidecar(file)
  if (!old && Object.keys(metadata).length === 0) return
  const sidecar: Sidecar = {}
  if (present !== undefined) sidecar[present] = old?.[present] ?? {}
  sidecar[identity] = metadata
  await writeFile(temporary, JSON.stringify(sidecar), { mode: 0o600 })
  await inDirectory(file, () => rename(temporary, sidecarOf(file)))
}

/** Removes the metadata of a deleted file, and directories left empty by it. */
export const forget = async (prefix: string, file: string): Promise<void> => {
  await rm(sidecarOf(file), { force: true })
  await prune(prefix, path.dirname(file))
}

const prune = async (prefix: string, directory: string): Promise<void> => {
  for (let at = directory; at.length > prefix.length; at = path.dirname(at)) {
    try { await rmdir(at) } catch { return }
  }
}

/** Runs an action that needs the directory of `file`, making the directory when it is missing (and again if another writer's delete removed it). */
export const inDirectory = async <T>(file: string, action: () => Promise<T>): Promise<T> => {
  for (let tries = 0; ; tries++) {
    try {
      return await action()
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || tries === 5) throw error
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    }
  }
}

/** The keys with `prefix`, in key order, one directory of names in memory for each level. With '/' as delimiter a directory is one key that ends in it. */
export async function* walk(root: string, prefix: string, options: ListOptions): AsyncGenerator<string> {
  const base = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  yield* walkDirectory(root, base, prefix, options)
}

async function* walkDirectory(root: string, base: string, prefix: string, options: ListOptions): AsyncGenerator<string> {
  for (const entry of await entriesOf(base === '' ? root : pathOf(root, base.slice(0, -1)), base)) {
    const directory = entry.endsWith('/')
    if (!entry.startsWith(prefix) && !(directory && prefix.startsWith(entry))) continue
    if (!directory) {
      if (!isBefore(entry, options)) yield entry
    } else if (options.delimiter === '/' && entry.startsWith(prefix) && entry.length > prefix.length) {
      if (!isBefore(entry, options)) yield entry
    } else if (options.after === undefined || options.after.startsWith(entry) || compareKeys(entry, options.after) > 0) {
      yield* walkDirectory(root, entry, prefix, options)
    }
  }
}

/** Keys of a directory's files and, ending in '/', of its directories, in key order. */
const entriesOf = async (directory: string, base: string): Promise<string[]> => {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return entries
      .filter((entry) => !entry.name.startsWith('.') && (entry.isFile() || entry.isDirectory()))
      .map((entry) => base + unescapeLevel(entry.name) + (entry.isDirectory() ? '/' : ''))
      .sort(compareKeys)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return []
    throw error
  }
}
