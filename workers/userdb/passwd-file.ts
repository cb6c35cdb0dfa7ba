// userdb passwd-file: uid, gid and home of a line, and those of its extra fields that begin with `userdb_`, without that.

import { parseFields, prefetched } from '../../actors/auth/fields.ts'
import { expandFields } from '../../actors/auth/variables.ts'
import { userdb } from '../databases.ts'
import { findEntry, listUsers, parsePasswdFileArgs } from '../passwd-file.ts'

export default userdb('passwd-file', parsePasswdFileArgs, (options, { files }) => ({
  async lookup(variables) {
    const found = await findEntry(options, variables, files)
    if (!('entry' in found)) return { status: 'unknown' }
    const { uid, gid, home, extra } = found.entry
    const columns = Object.fromEntries(Object.entries({ uid, gid, home }).filter(([, value]) => value !== ''))
    return { status: 'ok', fields: { ...columns, ...expandFields(prefetched(parseFields(extra)), variables) } }
  },
  iterate: () => listUsers(options, files),
}))
