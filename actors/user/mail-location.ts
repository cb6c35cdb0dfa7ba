// `mail_location`: `obox:<path in the store>[:INDEX=<dir>][:CONTROL=<dir>]`, %variables already expanded. `~/` is the
// user's home. CONTROL is accepted and, as everything local lies together here, means what INDEX means.

import { ConfigError } from '../../runtime/errors.ts'
import type { Account } from './types.ts'

export interface MailLocation {
  /** What all object keys of the user begin with; no slash at either end. */
  path: string
  /** Absolute directory of the local state; no slash at the end. */
  index: string
}

/** ConfigError for what is no obox location. */
export function parseMailLocation(location: string, account: Account): MailLocation {
  const [driver, rawPath, ...options] = location.split(':')
  if (driver !== 'obox') throw new ConfigError(`mail_location: '${location}' does not begin with obox:`)
  const path = (rawPath ?? '').replace(/^\/+|\/+$/g, '')
  if (path === '' || path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw new ConfigError(`mail_location: '${rawPath ?? ''}' is no path in the store`)
  }
  let index: string | undefined
  let control: string | undefined
  for (const option of options) {
    const [name = '', value = ''] = [option.slice(0, option.indexOf('=')), option.slice(option.indexOf('=') + 1)]
    if (name === 'INDEX') index = value
    else if (name === 'CONTROL') control = value
    else throw new ConfigError(`mail_location: unknown option '${option}' (known: INDEX=, CONTROL=)`)
  }
  return { path, index: localDirectory(index ?? control ?? '~/', account) }
}

function localDirectory(directory: string, account: Account): string {
  const whole = directory === '~' || directory.startsWith('~/') ? account.home && account.home + directory.slice(1) : directory
  if (!/^\/+[^/]/.test(whole)) throw new ConfigError(`mail_location: '${directory}' is no directory of the user's own (home of ${account.user}: '${account.home}')`)
  return whole.replace(/\/+$/, '')
}
