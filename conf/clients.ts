// What is known of mail programs: conf/clients/*.json, one a file. A client that says by IMAP's ID (RFC 2971) that it is one of
// them has the workarounds it needs, whatever imap_client_workarounds says. A new client is a new file.

import path from 'node:path'
import { ConfigError, messageOf } from '../runtime/errors.ts'
import { glob, readText } from './files.ts'
import { matcher } from './mask.ts'
import { imapSettings } from './settings/imap.ts'
import type { Settings } from './settings.ts'

type Workaround = Settings['imap_client_workarounds'][number]

/** Structured-clonable. */
export interface ClientProfile {
  /** What people call it. */
  readonly name: string
  /** Why it needs what it gets. */
  readonly about: string
  /** Masks (`*`, `?`; case does not matter) for fields of ID: of each field one must match. */
  readonly match: Readonly<Record<string, readonly string[]>>
  /** What such clients say, for the test. */
  readonly examples: readonly Readonly<Record<string, string>>[]
  /** As in imap_client_workarounds. */
  readonly workarounds: readonly Workaround[]
}

const known = imapSettings.imap_client_workarounds.values ?? []
const isKnown = (workaround: unknown): workaround is Workaround => (known as readonly unknown[]).includes(workaround)

const fields = ['name', 'version', 'vendor', 'os', 'os-version']
const directory = path.join(import.meta.dirname, 'clients')

/** Every profile of a directory, in the order of the files' names. ConfigError: a file is none. */
export const loadClients = (from = directory): ClientProfile[] => glob(path.join(from, '*.json')).map(read)

function read(file: string): ClientProfile {
  const bad = (why: string): ConfigError => new ConfigError(`${file}: ${why}`)
  let found: unknown
  try {
    found = JSON.parse(readText(file))
  } catch (error) {
    throw error instanceof ConfigError ? error : bad(messageOf(error))
  }
  const { name, about, match, examples, workarounds, ...more } = (found ?? {}) as Record<string, unknown>
  const [unknown] = Object.keys(more)
  if (unknown !== undefined) throw bad(`unknown key ${unknown}`)
  if (typeof name !== 'string' || typeof about !== 'string') throw bad('name and about are texts')
  if (!isMasks(match)) throw bad(`match has masks for some of ${fields.join(', ')}: { "name": ["…"] }`)
  if (!Array.isArray(workarounds) || !workarounds.every(isKnown)) throw bad(`workarounds are some of ${known.join(', ')}`)
  if (!isExamples(examples)) throw bad('examples are what such clients say: [{ "name": "…" }]')
  return { name, about, match, examples, workarounds }
}

const isMasks = (match: unknown): match is ClientProfile['match'] => typeof match === 'object' && match !== null && Object.keys(match).length > 0
  && Object.entries(match).every(([field, masks]) => fields.includes(field) && Array.isArray(masks) && masks.length > 0 && masks.every((mask) => typeof mask === 'string'))

const isExamples = (examples: unknown): examples is ClientProfile['examples'] => Array.isArray(examples) && examples.length > 0
  && examples.every((said) => typeof said === 'object' && said !== null && Object.values(said).every((value) => typeof value === 'string'))

/** The workarounds that a client needs which says this of itself (names of fields in lower case). */
export const workaroundsFor = (profiles: readonly ClientProfile[], said: ReadonlyMap<string, string | undefined>): Workaround[] => {
  const fitting = profiles.filter(({ match }) => Object.entries(match).every(([field, masks]) => {
    const value = said.get(field)?.toLowerCase()
    return value !== undefined && masks.some((mask) => matcher(mask.toLowerCase())(value))
  }))
  return [...new Set(fitting.flatMap(({ workarounds }) => workarounds))]
}
