// userdb static: the same fields for everybody, with %variables. Whether the user exists is for the passdb to say, or for
// `allow_all_users=yes` (actors/auth/userdb-chain.ts).

import { parseFields } from '../../actors/auth/fields.ts'
import { expandFields } from '../../actors/auth/variables.ts'
import { userdb } from '../databases.ts'

export default userdb('static', parseFields, ({ allow_all_users: _, ...templates }) => ({
  constant: true,
  async lookup(variables) {
    return { status: 'ok', fields: expandFields(templates, variables) }
  },
}))
