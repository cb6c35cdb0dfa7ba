import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { loadConfig } from '../../../conf/load.ts'
import { connectionBound, explainServices } from '../../../conf/service-limits.ts'

const directory = t.testdir({})
const load = (text: string) => {
  const file = path.join(directory, 'x.conf')
  fs.writeFileSync(file, text)
  return loadConfig(file)
}

t.test('defaults bound nothing', async (t) => {
  const config = load('default_client_limit = 20\n')
  t.same(['imap-login', 'imap', 'lmtp', 'nothing'].map((service) => connectionBound(config, service)), [undefined, undefined, undefined, undefined])
  t.same(explainServices(config), [])
})

t.test('processes times clients', async (t) => {
  const config = load(`
service imap-login {
  service_count = 0
  process_limit = 4
  client_limit = 250
  process_min_avail = 4
  vsz_limit = 1G
}
service imap {
  process_limit = 2048
}
service lmtp {
  process_limit = 10
}
service auth {
  client_limit = 5000
}
`)
  t.same(['imap-login', 'imap', 'lmtp', 'auth'].map((service) => connectionBound(config, service)), [1000, 2048, 10, 5000])
  t.same(explainServices(config), [
    'service auth: client_limit of no effect: threads serve all connections',
    'service imap: at most 2048 IMAP connections that have logged in',
    'service imap-login: at most 1000 IMAP connections that have not logged in (each session worker has its part; beyond it the oldest one is ended)',
    'service imap-login: process_min_avail, vsz_limit of no effect: threads serve all connections',
    'service lmtp: at most 10 LMTP connections served at a time (each session worker has its part; others wait)',
  ])
  t.equal(connectionBound(load('service imap-login {\n process_limit = 30\n}\n'), 'imap-login'), 30, 'a login process has one client, unless service_count says otherwise')
  t.equal(connectionBound(load('default_client_limit = 7\nservice imap-login {\n process_limit = 30\n service_count = 0\n}\n'), 'imap-login'), 210)
})
