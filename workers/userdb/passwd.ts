// userdb passwd: uid, gid and home of a user of the system. args: `[blocking=no]` and fields for everybody, with %variables (`%h`
// is the user's home). Listed are users with uids between first_valid_uid's default (500) and 65533, as distributions have it.

import { parseFields } from '../../actors/auth/fields.ts'
import { expandFields } from '../../actors/auth/variables.ts'
import { userdb } from '../databases.ts'
import { findSystemUser, listSystemUsers } from '../system-users.ts'

const [lowestUid, highestUid] = [500, 65_533]

export default userdb('passwd', parseFields, ({ blocking: _, ...templates }) => ({
  async lookup(variables) {
    const found = await findSystemUser(String(variables['user']))
    if (found === undefined) return { status: 'unknown' }
    const { name, uid, gid, home } = found
    return { status: 'ok', fields: { system_groups_user: name, uid, gid, home, ...expandFields(templates, { ...variables, home }) } }
  },
  async* iterate() {
    for await (const { name, uid } of listSystemUsers()) if (Number(uid) >= lowestUid && Number(uid) <= highestUid) yield name
  },
}), { waits: true })
