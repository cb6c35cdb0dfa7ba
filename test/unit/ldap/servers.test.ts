import t from 'tap'
import { parseLdapFile } from '../../../conf/ldap-file.ts'
import { limits } from '../../../runtime/limits.ts'
import { Servers, parseServers } from '../../../workers/ldap/servers.ts'

const parsed = (line: string) => parseServers(parseLdapFile(`base = x\n${line}`, 'x'))

t.test('where servers are', async (t) => {
  t.same(parsed('hosts = a b:390 [::1]:391 10.0.0.1').map(({ at, secure }) => ({ ...at, secure })), [
    { host: 'a', port: 389, secure: false }, { host: 'b', port: 390, secure: false }, { host: '::1', port: 391, secure: false }, { host: '10.0.0.1', port: 389, secure: false },
  ])
  t.same(parsed('uris = ldap://a ldaps://b/ ldaps://[::1]:700 LDAP://c:1 ldapi://%2frun%2fldapi ldap:///').map(({ at, secure }) => ({ ...at, secure })), [
    { host: 'a', port: 389, secure: false }, { host: 'b', port: 636, secure: true }, { host: '::1', port: 700, secure: true },
    { host: 'c', port: 1, secure: false }, { path: '/run/ldapi', secure: false }, { host: 'localhost', port: 389, secure: false },
  ])
  t.equal(parsed('hosts = a\nuris = ldap://b').length, 1, 'uris count')
  for (const line of ['hosts = a:0', 'hosts = a:70000', 'hosts = a:b', 'hosts = ::1', 'uris = ldap://a:x', 'uris = ldapi://x']) t.throws(() => parsed(line), { name: 'ConfigError' }, line)
})

t.test('those that fail are passed over, longer each time', async (t) => {
  let now = 1000
  const servers = new Servers(parsed('hosts = a b'), () => now)
  const [a, b] = servers.all as [typeof servers.all[0], typeof servers.all[0]]
  t.equal(servers.next(), a)
  servers.failed(a, 'is down')
  t.equal(servers.next(), b)
  servers.failed(b, 'is down too')
  t.throws(() => servers.next(), { name: 'TempFail', message: 'no LDAP server answers (a: is down; b: is down too)' })
  now += limits.databaseRetryMs
  t.equal(servers.next(), a, 'the first again')
  servers.failed(a, 'is down')
  now += limits.databaseRetryMs
  t.equal(servers.next(), b, 'twice as long')
  for (let n = 0; n < 40; n++) servers.failed(a, 'is down')
  now += limits.databaseRetryMaxMs - 1
  t.equal(servers.next(), b)
  now += 1
  t.equal(servers.next(), a, 'but not for ever')
  servers.answered(a)
  servers.failed(a, 'is down')
  now += limits.databaseRetryMs
  t.equal(servers.next(), a, 'an answer makes good')
})
