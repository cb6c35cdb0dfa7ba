// passdb static: everybody, with the fields of `args`: `password=SECRET` or `nopassword=yes`, and any others.

import { parseFields } from '../../actors/auth/fields.ts'
import { expandFields } from '../../actors/auth/variables.ts'
import { passdb, takeSecret } from '../databases.ts'

export default passdb('static', parseFields, (templates) => ({
  constant: true,
  lookup: async (variables) => ({ status: 'ok', ...takeSecret(expandFields(templates, variables), 'PLAIN') }),
}))
