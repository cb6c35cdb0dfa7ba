import t from 'tap'
import { defaultSettings } from '../../../conf/settings.ts'
import { settingsOfUser, wrongField } from '../../../conf/user-settings.ts'

t.test('fields that are settings stand for them', (t) => {
  const settings = defaultSettings()
  t.equal(settingsOfUser(settings, { home: '/srv/a', uid: '7', anything: 'x' }), settings, 'others change nothing')
  const own = settingsOfUser(settings, { mail_max_userip_connections: '3', imap_metadata: 'yes', imap_hibernate_timeout: '1 mins', mail_location: 'obox:%u' })
  t.match(own, { mail_max_userip_connections: 3, imap_metadata: true, imap_hibernate_timeout: 60_000, mail_location: 'obox:%u' })
  t.equal(settings.mail_max_userip_connections, 10, 'nobody else sees it')
  t.match(settingsOfUser(settings, { obox_max_parallel_writes: '5', quota_rule2: 'Trash:storage=+1M' }), { obox_max_parallel_writes: 5, plugin: { obox_max_parallel_writes: '5', quota_rule2: 'Trash:storage=+1M' } })
  t.end()
})

t.test('values that cannot be', (t) => {
  t.equal(wrongField({ home: '/', mail_fsync: 'never' }), undefined)
  t.match(wrongField({ mail_fsync: 'sometimes' }), /^userdb field mail_fsync: unknown value 'sometimes'/)
  t.equal(wrongField({ mail: 'obox:a:INDEX=~/' }), undefined)
  t.match(wrongField({ mail: 'maildir:~/Maildir' }), /^userdb field mail: mail is kept in object stores only, not in 'maildir'/)
  t.match(wrongField({ mail_location: '' }), /^userdb field mail_location: /)
  t.match(wrongField({ mail_max_userip_connections: 'many' }), /^userdb field mail_max_userip_connections: /)
  t.end()
})
