// Dovecot's SQL file (dovecot-sql.conf.ext), as conf/database-file.ts reads such files.

import type { DatabaseFile } from './database-file.ts'
import { parseDatabaseFile } from './database-file.ts'
import { readText } from './files.ts'
import { sqlSettings } from './settings/sql.ts'

export type SqlFile = DatabaseFile<typeof sqlSettings>

/** Reads and checks an SQL file. Throws ConfigError, a line for each error. */
export const readSqlFile = (path: string): SqlFile => parseSqlFile(readText(path), path)

/** The same of its text. */
export const parseSqlFile = (source: string, path: string): SqlFile => parseDatabaseFile(source, path, {
  name: 'an SQL file', table: sqlSettings,
  contradictions: ({ settings, where }) => [
    ...(settings.driver === '' ? [`${where('driver')}: driver is not set (known: pgsql)`] : []),
    ...(settings.connect === '' ? [`${where('connect')}: connect is not set`] : []),
  ],
})
