// passdb sql: `args` is the SQL file; the row of password_query has the password, and the fields. With a field `nopassword` the
// query itself has checked it (`%w`).

import { ConfigError, messageOf } from '../../runtime/errors.ts'
import type { PassdbSource, Secret } from '../databases.ts'
import { passdb, takeSecret } from '../databases.ts'
import { requireScheme } from '../password/verify.ts'
import { fieldsOf, openDatabase, sampleOf } from '../sql/database.ts'

export default passdb('sql', (args) => args, (args, world): PassdbSource => {
  const database = openDatabase(args, world)
  const query = database.query('password_query', sampleOf())
  const { settings: { default_pass_scheme: scheme }, where, notes } = database.file
  try {
    requireScheme(scheme)
  } catch (error) {
    throw new ConfigError(`${where('default_pass_scheme')}: ${messageOf(error)}`)
  }
  /** Of the user found last. */
  let decoy: Secret | undefined
  const remembered = database.remembered('password_query')
  return {
    notes,
    ...(remembered === undefined ? {} : { remembered }),
    async lookup(variables) {
      const row = await database.find('password_query', query.for({ password: '', ...variables }))
      if (row === undefined) return { status: 'unknown', ...(decoy === undefined ? {} : { decoy }) }
      const found = takeSecret(fieldsOf(row, String(variables['user'])), scheme)
      decoy = found.secret ?? decoy
      return { status: 'ok', ...found }
    },
  }
}, { waits: true })
