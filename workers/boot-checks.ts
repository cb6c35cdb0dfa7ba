// At start and at every reload: what can be known to fail for every user, before the first one comes. The errors name file and line.

import { Namespaces } from '../actors/user/namespace.ts'
import { bodyStoreOf } from '../actors/user/policy.ts'
import type { Config } from '../conf/load.ts'
import { settingsFor } from '../conf/load.ts'
import { checkLocation } from '../conf/location.ts'
import { placed, whereOf } from '../conf/place.ts'
import { ConfigError, messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { checkStorage } from './fs/stack.ts'

/** ConfigError: no store of mails or of indexes can be made of what the configuration says. */
export function checkStores(config: Config): void {
  const settings = settingsFor(config, {})
  const check = (key: 'obox_fs' | 'obox_index_fs' | 'zlib_save', spec: string): void => {
    placed(`${whereOf(config, 'plugin', key)}: ${key}`, () => { checkStorage(spec) })
  }
  if (settings.obox_fs === '') throw new ConfigError(`${whereOf(config, 'plugin', 'obox_fs')}: obox_fs is not set in plugin {}: there is no store for mail`)
  check('obox_fs', settings.obox_fs)
  if (settings.obox_index_fs !== '' && settings.obox_index_fs !== settings.obox_fs) check('obox_index_fs', settings.obox_index_fs)
  check('zlib_save', bodyStoreOf(settings, settings.obox_fs))
}

/** ConfigError: the value of mail_location that is in force is no place in an object store. Unset, or `%{userdb:…}`, it is not known yet. */
export function checkMailLocation(config: Config): void {
  const { mail_location } = settingsFor(config, {})
  try {
    if (!/^($|%)/.test(mail_location)) checkLocation(mail_location)
  } catch (error) {
    throw new ConfigError(`${whereOf(config, '', 'mail_location')}: mail_location: ${messageOf(error)}`)
  }
}

/** ConfigError: the namespaces contradict themselves, or each other, so that no user could be opened. */
export function checkNamespaces(config: Config): void {
  const { namespace: namespaces } = settingsFor(config, {})
  for (const one of namespaces) placed(one.where, () => new Namespaces([one], limits))
  placed(config.path, () => new Namespaces(namespaces, limits))
}

/** Lines for the log: nothing is wrong, and yet nobody can log in, or has a place for mail. */
export function noteUsers(config: Config): string[] {
  const { passdb, mail_location, userdb, protocols } = settingsFor(config, {})
  const notes: string[] = []
  if (passdb.length === 0 && protocols.includes('imap')) notes.push('there is no passdb {}: nobody can log in')
  const mayGive = userdb.some(({ driver, args, default_fields, override_fields }) => driver !== 'static' || /(^| )mail=/.test([args, default_fields, override_fields].join(' ')))
  if (mail_location === '' && !mayGive) notes.push('mail_location is not set: nobody has a place for mail')
  return notes
}
