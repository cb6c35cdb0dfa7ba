// `culver conf`: the configuration as Culver understands it, printed as doveconf prints it.

import { parseArgs } from 'node:util'
import { dump, dumpFilters, find } from '../../conf/dump.ts'
import type { DumpOptions } from '../../conf/dump.ts'
import { expand, userVariables } from '../../conf/expand.ts'
import type { Variables } from '../../conf/expand.ts'
import type { Config, Connection } from '../../conf/load.ts'
import { entriesFor, loadConfig, settingsFor } from '../../conf/load.ts'
import { explainServices } from '../../conf/service-limits.ts'
import { nearest } from '../../conf/nearest.ts'
import type { Entry } from '../../conf/read.ts'
import { coreSettings, pluginSettings } from '../../conf/settings.ts'
import { ConfigError } from '../../runtime/errors.ts'
import { command } from './command.ts'

const usage = `conf [-c FILE] [-n | -a | -d] [-h] [-P] [-w] [-f FILTER] [-u USER] [-o SETTING=VALUE] [NAME …]
  -n            only what differs from the defaults (the default)
  -a            everything
  -d            the defaults, without a file
  -h            values without names
  -P            passwords too
  -w, --where   the file and line each value comes from
  -f FILTER     what holds for such a connection: protocol=imap, lip=ADDRESS, rip=ADDRESS, lname=NAME, user=USER
  -u USER       with %variables expanded for this user
  -o NAME=VALUE as if it stood in the file; plugin/NAME for plugin {}
  NAME          a setting (mail_home, plugin/obox_fs) or section (service/lmtp, passdb)`

const options = {
  config: { type: 'string', short: 'c' },
  'non-default': { type: 'boolean', short: 'n' },
  all: { type: 'boolean', short: 'a' },
  defaults: { type: 'boolean', short: 'd' },
  'hide-names': { type: 'boolean', short: 'h' },
  passwords: { type: 'boolean', short: 'P' },
  where: { type: 'boolean', short: 'w' },
  filter: { type: 'string', short: 'f', multiple: true },
  user: { type: 'string', short: 'u' },
  option: { type: 'string', short: 'o', multiple: true },
} as const

export default command({
  name: 'conf',
  summary: 'show the configuration',
  usage,
  async run(args) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const file = values.config ?? '/etc/dovecot/dovecot.conf'
    const config: Config = values.defaults === true
      ? { path: file, warnings: [], notActedOn: [], entries: [], clients: [] }
      : loadConfig(file, values.option ?? [])
    const filters = (values.filter ?? []).map(parseFilter)
    const connection: Connection = Object.assign({}, ...filters.map(({ connection: part }) => part))
    const user = values.user ?? filters.find((filter) => filter.user !== undefined)?.user
    // Defaults are shown in the places of a setting asked for by name, too.
    const show: DumpOptions = {
      all: values.all === true || values.defaults === true || (positionals.length > 0 && values['non-default'] !== true),
      secrets: values.passwords === true,
      where: values.where === true,
      ...user === undefined ? {} : { variables: variablesOf(config, connection, user) },
    }
    const entries = entriesFor(config, connection)
    if (positionals.length > 0) return printNamed(entries, positionals, show, values['hide-names'] === true)
    const lines = [...dump(entries, show), ...Object.keys(connection).length === 0 ? dumpFilters(config.entries, show) : []]
    write([`# ${file}`, ...config.warnings.map((warning) => `# Warning: ${warning}`), ...explainServices(config).map((line) => `# ${line}`), ...lines])
    return 0
  },
})

/** Of a command line that is wrong. */
const usageCode = 64

const parseFilter = (text: string): { connection: Connection; user?: string } => {
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(text) ?? []
  switch (name) {
    case 'protocol': case 'service': return { connection: { protocol: value } }
    case 'rip': case 'remote': return { connection: { remoteIp: value } }
    case 'lip': case 'local': return { connection: { localIp: value } }
    case 'lname': return { connection: { localName: value } }
    case 'user': return { connection: {}, user: value }
    default: throw new ConfigError(`-f ${text}: unknown filter (known: protocol=, rip=, lip=, lname=, user=)`)
  }
}

const variablesOf = (config: Config, connection: Connection, user: string): Variables => {
  const about = { user, ...connection, service: connection.protocol ?? '' }
  return userVariables({ ...about, home: expand(settingsFor(config, connection).mail_home, userVariables(about)) })
}

const printNamed = (entries: readonly Entry[], names: readonly string[], show: DumpOptions, valuesOnly: boolean): number => {
  let code = 0
  for (const name of names) {
    const found = find(entries, name, show)
    if (found === undefined) {
      // A known setting of plugin {} that is not set, or one left out by -n, has nothing to print.
      const known = [...Object.keys(coreSettings), ...Object.keys(pluginSettings).map((key) => `plugin/${key}`)]
      if (known.includes(name)) continue
      const meant = nearest(name, known)
      console.error(`culver conf: unknown setting or section '${name}'${meant === undefined ? '' : `; did you mean '${meant}'?`}`)
      code = usageCode
    } else if ('lines' in found) {
      write(found.lines)
    } else {
      const comment = show.where ? ` # ${found.where}` : ''
      write([valuesOnly ? `${found.value}${comment}` : `${name} = ${found.value}${comment}`])
    }
  }
  return code
}

const write = (lines: readonly string[]): void => { process.stdout.write(lines.map((line) => `${line}\n`).join('')) }
