// At start and at every reload: whether the ssl_* settings hold together, under every filter that says something of them. What
// this runtime cannot do is told, not left out in silence.

import type { Config, Connection } from '../../conf/load.ts'
import { settingsFor } from '../../conf/load.ts'
import { whereOf } from '../../conf/place.ts'
import type { Condition } from '../../conf/read.ts'
import type { Settings } from '../../conf/settings.ts'
import { sslSettings } from '../../conf/settings/login.ts'
import { ConfigError, messageOf } from '../../runtime/errors.ts'
import { asksCertificate, newTicketKeys, offersTls, serverTls } from './context.ts'

/** Whether some connection may have TLS. */
export const someoneHasTls = (config: Config): boolean => scenes(config).some(({ settings }) => offersTls(settings))

/** Lines for the log. ConfigError: TLS would fail for somebody, with these settings. */
export function checkTls(config: Config): string[] {
  const notes = new Set<string>()
  for (const { settings, under, filter } of scenes(config)) {
    const where = under === '' ? '' : `${under}: `
    /** At the first setting that the message names. */
    const wrong = (message: string): ConfigError => new ConfigError(`${whereOf(config, '', /ssl(_\w+)?/.exec(message)?.[0] ?? 'ssl', filter)}: ${where}${message}`)
    if (settings.ssl === 'required' && settings.ssl_cert === '') throw wrong('ssl = required, but ssl_cert is not set')
    if (settings.ssl === 'yes' && settings.ssl_cert === '') notes.add(`${where}ssl = yes, but ssl_cert is not set: TLS is not offered`)
    if (!offersTls(settings)) continue
    try {
      const { invalid } = serverTls(settings, newTicketKeys())
      if (invalid !== undefined) notes.add(`${where}no client certificate will be valid: ${invalid}`)
    } catch (error) {
      throw wrong(messageOf(error))
    }
    if (process.versions['deno'] !== undefined) for (const note of notOnDeno(settings)) notes.add(note)
  }
  return [...notes]
}

/** Its TLS has versions 1.2 and 1.3, one certificate, ciphers and curves of its own choice, and shows client certificates without having checked them. */
function* notOnDeno(settings: Settings): Generator<string> {
  const { ssl_min_protocol, ssl_alt_cert, ssl_cipher_list, ssl_cipher_suites, ssl_curve_list, ssl_dh, ssl_prefer_server_ciphers, ssl_options } = settings
  const idle = Object.entries({ ssl_alt_cert, ssl_cipher_suites, ssl_curve_list, ssl_dh, ssl_prefer_server_ciphers, ssl_options: ssl_options.join(' ') })
    .filter(([, value]) => value !== '' && value !== false).map(([name]) => name)
  if (ssl_cipher_list !== sslSettings.ssl_cipher_list.default) idle.push('ssl_cipher_list')
  if (ssl_min_protocol !== 'TLSv1.2' && ssl_min_protocol !== 'TLSv1.3') idle.push('ssl_min_protocol below TLSv1.2')
  if (idle.length > 0) yield `without effect on Deno: ${idle.join(', ')}`
  if (asksCertificate(settings)) yield 'Deno does not check client certificates: none will be valid'
}

/** Settings of connections that fall under filters in which ssl settings stand, and of those under none. */
function scenes(config: Config): { settings: Settings; under: string; filter: readonly Condition[] }[] {
  const filters = new Map<string, Condition[]>([['', []]])
  for (const { conditions, key } of config.entries) {
    if (key !== undefined && /^(auth_)?ssl/.test(key)) filters.set(conditions.map(({ kind, value }) => `${kind} ${value}`).join(' / '), conditions)
  }
  return [...filters].map(([under, conditions]) => ({ under, filter: conditions, settings: settingsFor(config, exampleOf(conditions)) }))
}

/** A connection for which the conditions hold. */
function exampleOf(conditions: readonly Condition[]): Connection {
  const first = (value: string): string => value.split(/[\s,]+/)[0]!.split('/')[0]!
  const example: Connection = {}
  for (const { kind, value } of conditions) {
    if (kind === 'local_name') example.localName = exampleName(value)
    else if (kind === 'local') example.localIp = first(value)
    else if (kind === 'remote') example.remoteIp = first(value)
    else example.protocol = value.replace(/^!.*/, 'none')
  }
  return example
}

/** A name for which `local_name VALUE` holds. */
export const exampleName = (value: string): string => value.split(/\s+/)[0]!.replace('*', 'x')
