// Settings of single users: a field of a userdb that is called as a setting stands for it (mail_max_userip_connections,
// imap_fetch_failure, mail_fsync, zlib_save …), as in Dovecot. What counts before a login, or for the server as a whole, has no user
// yet, and does not change by this.

import { messageOf } from '../runtime/errors.ts'
import { convert } from './format.ts'
import { rowOf } from './grammar.ts'
import { checkLocation } from './location.ts'
import type { Settings } from './settings.ts'
import { coreSettings, pluginSettings } from './settings.ts'

type Fields = Readonly<Record<string, string>>

/** `settings` with the values of `fields`, in which no %variables are left to be expanded. Error: a value that its setting cannot have. */
export function settingsOfUser(settings: Settings, fields: Fields): Settings {
  const own = valuesIn(fields)
  if (own.length === 0) return settings
  const plugin = own.filter(({ inPlugin }) => inPlugin).map(({ name }) => [name, fields[name]!] as const)
  return {
    ...settings,
    ...Object.fromEntries(own.filter(({ name }) => Object.hasOwn(settings, name)).map(({ name, value }) => [name, value])),
    plugin: { ...settings.plugin, ...Object.fromEntries(plugin) },
  }
}

/** Which field has a value that its setting cannot have, and why; undefined: none. */
export function wrongField(fields: Fields): string | undefined {
  try {
    valuesIn(fields)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function valuesIn(fields: Fields): { name: string; value: unknown; inPlugin: boolean }[] {
  return Object.entries(fields).flatMap(([name, text]) => {
    const core = rowOf(coreSettings, name)
    const row = core ?? rowOf(pluginSettings, name)
    const isLocation = name === 'mail' || name === 'mail_location'
    if (row === undefined && !isLocation) return []
    try {
      if (isLocation) checkLocation(text)
      if (row === undefined) return []
      return [{ name, value: convert(row, text), inPlugin: core === undefined }]
    } catch (error) {
      throw new Error(`userdb field ${name}: ${messageOf(error)}`)
    }
  })
}
