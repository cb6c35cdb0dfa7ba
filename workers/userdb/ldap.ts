// userdb ldap: `args` is the LDAP file; the user is found by user_filter, and user_attrs says what is known of it.

import { userdb } from '../databases.ts'
import { ldapPath, openDirectory, sampleVariables } from '../ldap/directory.ts'

export default userdb('ldap', ldapPath, (path, world) => {
  const directory = openDirectory(path, world)
  const attributes = directory.attributes('user_attrs')
  const listed = directory.attributes('iterate_attrs')
  directory.check('user_filter', attributes, 'user_attrs', sampleVariables())
  directory.check('iterate_filter', listed, 'iterate_attrs', sampleVariables())
  return {
    notes: directory.file.notes,
    remembered: directory.remembered('base', 'user_filter', 'user_attrs') ?? [],
    async lookup(variables) {
      const entry = await directory.find('user_filter', attributes, variables)
      return entry === undefined ? { status: 'unknown' } : { status: 'ok', ...attributes.fields(entry, variables) }
    },
    iterate: () => directory.users(listed),
  }
}, { waits: true })
