// userdb sql: `args` is the SQL file; the columns of user_query's row are the fields.

import { TempFail } from '../../runtime/errors.ts'
import { userdb } from '../databases.ts'
import { fieldsOf, openDatabase, sampleOf } from '../sql/database.ts'

export default userdb('sql', (args) => args, (args, world) => {
  const database = openDatabase(args, world)
  const query = database.query('user_query', sampleOf())
  const listing = database.query('iterate_query', sampleOf())
  return {
    notes: database.file.notes,
    remembered: database.remembered('user_query') ?? [],
    async lookup(variables) {
      const row = await database.find('user_query', query.for(variables))
      return row === undefined ? { status: 'unknown' } : { status: 'ok', fields: fieldsOf(row, String(variables['user'])) }
    },
    async* iterate() {
      for await (const row of database.list(listing.for(sampleOf()))) {
        const { user = '' } = fieldsOf(row, '')
        if (user === '') throw new TempFail('iterate_query gives neither user nor username')
        yield user
      }
    },
  }
}, { waits: true })
