import { execFileSync } from 'node:child_process'
import os from 'node:os'
import t from 'tap'
import { identityNotes } from '../../../workers/system-identity.ts'

const { uid, gid, username } = os.userInfo()
const group = execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim()

t.test('a server that is who the settings say is silent', async (t) => {
  for (const asked of [{ mail_uid: '', mail_gid: '' }, { mail_uid: username, mail_gid: group }, { mail_uid: String(uid), mail_gid: String(gid) }]) {
    t.same(await identityNotes(asked), [])
  }
})

t.test('another one says so', async (t) => {
  t.same(await identityNotes({ mail_uid: username, mail_gid: '77' }, { uid: uid + 1, gid: 78 }), [
    `mail_uid = ${username}: the server was started as ${uid + 1}, to whom all local files belong; start it as ${username}`,
    'mail_gid = 77: the server was started as 78, to whom all local files belong; start it as 77',
  ])
  t.same(await identityNotes({ mail_uid: 'nobody-of-that-name', mail_gid: 'none-of-that-name' }), [
    'mail_uid = nobody-of-that-name: the system does not know that name', 'mail_gid = none-of-that-name: the system does not know that name',
  ])
  t.match(await identityNotes({ mail_uid: '%u', mail_gid: '' }), [/^mail_uid = %u: local files of all users belong/])
})
