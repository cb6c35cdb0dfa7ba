// A store out of the configured string: `wrapper:arguments:…:driver:arguments`. Every wrapper takes its own arguments;
// everything behind the driver's name is the driver's, colons and all.

import { randomBytes, randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { ConfigError } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { realClock, realTimers } from '../../runtime/real-effects.ts'
import type { Driver, FsWorld, OpenStore, Wrapper } from '../storage/driver.ts'
import { redact } from '../storage/redact.ts'
import { usualTls } from '../storage/tls.ts'
import { all } from './index.ts'

const byName = new Map<string, Driver | Wrapper>(all.map((declared) => [declared.name, declared]))

interface Layer { wrapper: Wrapper; options: unknown }
interface Parsed { layers: Layer[]; driver: Driver; text: string }

/** Mail bodies are decompressed on their way into the cache, not on each way out of it: fs/zlib.ts. */
const cacheFirst = (spec: string): string => spec.replace(/^(zlib:[^:]*:[^:]*:)\s*(fscache:[^:]*:[^:]*:)/, '$2$1')

const parse = (spec: string): Parsed => {
  const layers: Layer[] = []
  let rest = cacheFirst(spec.trim())
  for (;;) {
    const colon = rest.indexOf(':')
    const name = (colon < 0 ? rest : rest.slice(0, colon)).trim()
    const declared = byName.get(name)
    if (!declared || colon < 0) {
      const why = declared ? `nothing behind '${name}'; its form is ${declared.form}` : `'${redact(name)}' is no driver or wrapper`
      throw new ConfigError(`${why} (known: ${[...byName.keys()].sort().join(', ')}) in '${redact(spec)}'`)
    }
    rest = rest.slice(colon + 1)
    if (declared.kind === 'driver') return { layers, driver: declared, text: rest }
    const { options, rest: behind } = inSpec(spec, () => declared.parse(rest))
    layers.push({ wrapper: declared, options })
    rest = behind.trimStart()
  }
}

const inSpec = <T>(spec: string, action: () => T): T => {
  try {
    return action()
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${error.message} in '${redact(spec)}'`)
    throw error
  }
}

/** The machine itself, for stores that are used in the thread that opens them. */
export const machine: FsWorld = {
  clock: realClock,
  timers: realTimers,
  random: { bytes: (count) => randomBytes(count), below: (bound) => randomInt(bound) },
  emit: () => {},
  tempDirectory: tmpdir(),
  maxConnections: () => limits.storageConnections,
  tls: usualTls,
  auth: { timeoutMs: 10_000, retries: 1 },
}

/**
 * Opens the store that `spec` describes; no I/O yet. What `world` leaves out is the machine's.
 * ConfigError: the string is wrong; its text names the place and no secret.
 */
export const buildStack = (spec: string, world: Partial<FsWorld> = {}): OpenStore => {
  const { layers, driver, text } = parse(spec)
  const whole = { ...machine, ...world }
  return inSpec(spec, () => layers.reduceRight(
    (parent, { wrapper, options }) => wrapper.open(options, parent, whole),
    driver.open(text, whole),
  ))
}

/** Checks a configured string at boot: its grammar, and what is local about it. ConfigError says what is wrong. */
export const checkStorage = (spec: string): void => {
  buildStack(spec).close()
  const { driver, text } = parse(spec)
  inSpec(spec, () => driver.check?.(text))
}
