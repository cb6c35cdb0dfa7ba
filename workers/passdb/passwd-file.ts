// passdb passwd-file: password and extra fields of a line (workers/passwd-file.ts).

import { parseFields } from '../../actors/auth/fields.ts'
import { expandFields } from '../../actors/auth/variables.ts'
import { passdb } from '../databases.ts'
import { findEntry, parsePasswdFileArgs } from '../passwd-file.ts'

export default passdb('passwd-file', parsePasswdFileArgs, (options, { files }) => ({
  async lookup(variables) {
    const found = await findEntry(options, variables, files)
    if (!('entry' in found)) {
      return found.any === undefined ? { status: 'unknown' } : { status: 'unknown', decoy: { text: found.any, scheme: options.scheme } }
    }
    const { password, extra } = found.entry
    const fields = expandFields(parseFields(extra), variables)
    return password === '' ? { status: 'ok', fields } : { status: 'ok', fields, secret: { text: password, scheme: options.scheme } }
  },
}))
