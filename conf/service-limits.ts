// What `process_limit`, `client_limit` and `service_count` of a service bound here. A Dovecot service is processes, each with so many
// clients; here threads serve all of them, and what is bounded is the product: how many connections there are at a time. A bound
// counts only where the configuration sets process_limit or client_limit of that service: the defaults are the sizes of another
// architecture.

import type { Config } from './load.ts'
import { settingsFor } from './load.ts'
import { unlimited } from './setting.ts'

/** Services whose connections are bounded, and which connections those are. */
const bounded: Readonly<Record<string, string>> = {
  'imap-login': 'IMAP connections that have not logged in (each session worker has its part; beyond it the oldest one is ended)',
  imap: 'IMAP connections that have logged in',
  lmtp: 'LMTP connections served at a time (each session worker has its part; others wait)',
}

const bounding: readonly string[] = ['process_limit', 'client_limit']
const sized: readonly string[] = [...bounding, 'service_count', 'process_min_avail', 'idle_kill', 'vsz_limit']

/** The names of `keys` that a section of a service sets. */
const setIn = ({ entries }: Config, service: string, keys: readonly string[]): string[] =>
  [...new Set(entries.filter(({ path }) => path.length === 2 && path[0] === 'service' && path[1] === service).flatMap(({ key }) => (key !== undefined && keys.includes(key) ? [key] : [])))]

/** How many connections of a service there may be at a time; undefined: no bound. */
export function connectionBound(config: Config, service: string): number | undefined {
  if (setIn(config, service, bounding).length === 0) return undefined
  const settings = settingsFor(config, {})
  const section = settings.service[service]
  if (section === undefined) return undefined
  const processes = section.process_limit || settings.default_process_limit
  const clients = section.service_count === 1 ? 1 : section.client_limit || settings.default_client_limit
  return Math.min(processes * clients, unlimited)
}

/** A line for each service whose sizes are set: what comes of them. */
export function explainServices(config: Config): string[] {
  const services = new Set(config.entries.flatMap(({ path }) => (path.length === 2 && path[0] === 'service' ? [path[1]!] : [])))
  return [...services].sort().flatMap((service) => {
    const set = setIn(config, service, sized)
    if (set.length === 0) return []
    const bound = Object.hasOwn(bounded, service) ? connectionBound(config, service) : undefined
    const idle = set.filter((key) => bound === undefined || !(bounding.includes(key) || key === 'service_count'))
    const lines = bound === undefined ? [] : [`service ${service}: at most ${bound} ${bounded[service]}`]
    return idle.length === 0 ? lines : [...lines, `service ${service}: ${idle.join(', ')} of no effect: threads serve all connections`]
  })
}
