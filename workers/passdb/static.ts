// passdb static: everybody, with the fields of `args`: `password=SECRET` or `nopassword=yes`, and any others.

import { parseFields } from '../../actors/auth/fields.ts'
import { expandFields } from '../../actors/auth/variables.ts'
import { passdb } from '../databases.ts'

export default passdb('static', parseFields, (templates) => ({
  async lookup(variables) {
    const { password, ...fields } = expandFields(templates, variables)
    return password === undefined ? { status: 'ok', fields } : { status: 'ok', fields, secret: { text: password, scheme: 'PLAIN' } }
  },
}))
