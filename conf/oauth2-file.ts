// Dovecot's OAuth2 file (dovecot-oauth2.conf.ext), as conf/database-file.ts reads such files.

import type { DatabaseFile } from './database-file.ts'
import { parseDatabaseFile } from './database-file.ts'
import { readText } from './files.ts'
import { oauth2Settings } from './settings/oauth2.ts'

export type OAuth2File = DatabaseFile<typeof oauth2Settings>

/** Reads and checks an OAuth2 file. Throws ConfigError, a line for each error. */
export const readOAuth2File = (path: string): OAuth2File => parseOAuth2File(readText(path), path)

/** The same of its text. */
export const parseOAuth2File = (source: string, path: string): OAuth2File =>
  parseDatabaseFile(source, path, { name: 'an OAuth2 file', table: oauth2Settings, contradictions })

function contradictions({ settings, where }: OAuth2File): string[] {
  const { tokeninfo_url, introspection_url, grant_url, use_grant_password, local_validation_key_dict: keys, introspection_mode } = settings
  const errors: string[] = []
  if ([tokeninfo_url, introspection_url, grant_url, keys].every((value) => value === '')) {
    errors.push(`${where('introspection_url')}: nobody to ask: set introspection_url, tokeninfo_url, grant_url or local_validation_key_dict`)
  }
  for (const name of ['tokeninfo_url', 'introspection_url', 'grant_url'] as const) {
    const url = settings[name]
    if (url !== '' && !/^https?:$/.test(URL.parse(url)?.protocol ?? '')) errors.push(`${where(name)}: ${name} is not an http:// or https:// URL`)
  }
  if (use_grant_password && grant_url === '') errors.push(`${where('use_grant_password')}: use_grant_password needs grant_url`)
  if (introspection_mode === 'local' && keys === '') errors.push(`${where('introspection_mode')}: introspection_mode = local needs local_validation_key_dict`)
  if (keys !== '' && !/^fs:posix:prefix=\/.*\/$/.test(keys)) errors.push(`${where('local_validation_key_dict')}: local_validation_key_dict must be fs:posix:prefix=/DIRECTORY/`)
  if ((settings.tls_cert_file === '') !== (settings.tls_key_file === '')) errors.push(`${where('tls_cert_file')}: tls_cert_file and tls_key_file are of use together only`)
  return errors
}
