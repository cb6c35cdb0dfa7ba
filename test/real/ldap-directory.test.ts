// The LDAP drivers over a real slapd: ways to connect, ways to check a password, what becomes of an entry.

import fs from 'node:fs'
import path from 'node:path'
import { spawnSync } from 'node:child_process'
import t from 'tap'
import type { LookupResult, LookupTask } from '../../actors/auth/lookup.ts'
import { RealFiles } from '../../runtime/real-files.ts'
import { Databases } from '../../workers/auth-lookup.ts'
import { authDouble, passdb, userdb } from '../unit/auth/double.ts'
import { Slapd, admin, suffix, user } from './slapd.ts'

const seed = fs.readFileSync(path.resolve(import.meta.dirname, '../../conf/dovecot-ldap-backend.conf.ext'), 'utf8')

const ldif = [
  user('mixed', 'Mixed.Case@Example.com', 'mixed', 'messageQuotaHard: 77\nmailLocalAddress: alias@example.com\n'),
  user('twin1', 'twin@example.com', 'twin'), user('twin2', 'twin@example.com', 'twin'),
  user('many', 'many@example.com', 'many', 'mail: first@example.com\nmail: second@example.com\n'),
  user('stars*(and)\\5Cslashes', 'stars*(and)\\slashes@example.com', 'stars'),
  user('weiß', 'weiss@example.com', 'groß'),
  `\ndn: ou=apart,${suffix}\nobjectClass: organizationalUnit\nou: apart\n`,
  user('apart,ou=apart', 'apart@example.com', 'apart').replace('uid: apart,ou=apart', 'uid: apart'),
  `\ndn: cn=link,${suffix}\nobjectClass: alias\nobjectClass: extensibleObject\ncn: link\naliasedObjectName: ou=apart,${suffix}\n`,
  `\ndn: uid=none,${suffix}\nobjectClass: inetOrgPerson\nobjectClass: smiMessageRecipient\nuid: none\ncn: none\nsn: none\nmailRoutingAddress: none@example.com\n`,
].join('')

const slapd = await Slapd.create({ users: 1200, ldif, tls: true })

let files = 0

/** An LDAP file of the seed with other lines, and another way there. */
function file(lines = '', way = `hosts = 127.0.0.1:${slapd!.port}`): string {
  const name = path.join(slapd!.directory, `${++files}.ext`)
  fs.writeFileSync(name, `${seed.replace(/^hosts = .*$/m, way)}\n${lines}\n`)
  return name
}

function run(args: string, kind: LookupTask['kind'], user: string, password?: string): Promise<LookupResult> {
  const [username = '', domain = ''] = user.split('@')
  const variables = { user, username, domain, service: 'imap' }
  return new Databases({ files: new RealFiles() }).run({ kind, driver: 'ldap', args, variables, ...(password === undefined ? {} : { password }) })
}

void t.test('ldap', { skip: slapd === undefined ? 'needs slapd' : false, timeout: 120_000 }, async (t) => {
  if (slapd === undefined) return
  t.teardown(() => slapd.stop())

  await t.test('the seed', async (t) => {
    const args = file()
    t.same(await run(args, 'verify', 'u7@example.com', 'pw7'), { status: 'ok', fields: { user: 'u7@example.com', userdb_quota_rule: '*:storage=7000k' } })
    t.match(await run(args, 'verify', 'u7@example.com', 'pw8'), { status: 'mismatch', fields: {}, reason: 'Password mismatch (for LDAP bind)' })
    t.same(await run(args, 'verify', 'nobody@example.com', 'pw7'), { status: 'unknown', fields: {} })
    t.match(await run(args, 'verify', 'u7@example.com', ''), { status: 'mismatch' }, 'an empty password is none')
    t.match(await run(args, 'verify', 'none@example.com', 'x'), { status: 'mismatch' }, 'who has no password')
    t.match(await run(args, 'verify', 'twin@example.com', 'twin'), { status: 'temporary', reason: 'pass_filter matched multiple objects, aborting' })
    t.match(await run(file('pass_filter = (uid=%n)'), 'verify', 'weiß@example.com', 'groß'), { status: 'ok' }, 'UTF-8')
    t.same(await run(args, 'find', 'u7@example.com'), { status: 'ok', fields: { user: 'u7@example.com', userdb_quota_rule: '*:storage=7000k' } }, 'behind a master password')
    t.same(await run(args, 'user', 'u7@example.com'), { status: 'ok', fields: { user: 'u7@example.com', quota_rule: '*:storage=7000k' } })
    t.same(await run(args, 'user', 'nobody@example.com'), { status: 'unknown', fields: {} })
    t.match(await run(args, 'user', 'twin@example.com'), { status: 'temporary', reason: 'user_filter matched multiple objects, aborting' })
    t.match(await run(file('dnpass = wrong'), 'user', 'u7@example.com'), { status: 'temporary', reason: /binding failed \(dn cn=admin/ })
    t.match(await run(file('base = dc=nowhere'), 'user', 'u7@example.com'), { status: 'temporary', reason: /NoSuchObject/ })
  })

  await t.test('the account of a login', async (t) => {
    const args = file('pass_filter = (|(mailRoutingAddress=%u)(mailLocalAddress=%u))\nuser_filter = (|(mailRoutingAddress=%u)(mailLocalAddress=%u))')
    const auth = authDouble({ passdb: [passdb({ driver: 'ldap', args })], userdb: [userdb({ driver: 'prefetch' }), userdb({ driver: 'ldap', args })] })
    const account = { status: 'ok', account: { user: 'Mixed.Case@Example.com', home: '/home/Mixed.Case@Example.com', fields: { quota_rule: '*:storage=77k' } } }
    for (const name of ['mixed.case@example.com', 'MIXED.CASE@EXAMPLE.COM', 'alias@example.com']) {
      auth.tasks.length = 0
      t.same(await auth.login(name, 'mixed'), account, name)
      t.same(auth.tasks.map((task) => task.kind), ['verify'], 'in one look-up')
      t.same(await auth.lookup(name), account, `${name} as a recipient`)
    }
    t.same(await auth.login('alias@example.com', 'wrong'), { status: 'refused' })
    t.same(await auth.login('nobody@example.com', 'wrong'), { status: 'refused' })
    t.same(await auth.lookup('nobody@example.com'), { status: 'unknown' })
    const master = authDouble({
      passdb: [passdb({ driver: 'static', args: 'password=of-the-proxy', result_success: 'continue' }), passdb({ driver: 'ldap', args })],
      userdb: [userdb({ driver: 'prefetch' }), userdb({ driver: 'ldap', args })],
    })
    t.same(await master.login('alias@example.com', 'of-the-proxy'), account, 'behind a proxy with a master password')
    t.same(await master.login('alias@example.com', 'mixed'), account, 'and with the user\'s own')
    t.same(await master.login('nobody@example.com', 'of-the-proxy'), { status: 'refused' }, 'who is not there stays out')
  })

  await t.test('names that would like to be filters', async (t) => {
    const args = file()
    for (const name of ['*', 'u1*', '*)(objectClass=*', 'u1@example.com)(|(uid=*', 'x)(|(objectClass=*)', 'u1@example.com\\2a', '\\2a', '(', ')', '\\', 'a'.repeat(1000)]) {
      t.same(await run(args, 'user', name), { status: 'unknown', fields: {} }, JSON.stringify(name.slice(0, 40)))
      t.match(await run(args, 'verify', name, 'pw1'), { status: 'unknown' })
    }
    const auth = authDouble({ auth_username_chars: '', passdb: [passdb({ driver: 'ldap', args })], userdb: [userdb({ driver: 'prefetch' })] })
    for (const name of ['u1@example.com\0', 'u1@example.com\r\n', 'u1\t@example.com']) t.same(await auth.login(name, 'pw1'), { status: 'refused' }, JSON.stringify(name))
    t.equal(auth.tasks.length, 0, 'which slapd would take for u1@example.com, and never sees')
    t.match(await run(args, 'verify', 'stars*(and)\\slashes@example.com', 'stars'), { status: 'ok' }, 'somebody is really called so')
    const named = file(`auth_bind_userdn = uid=%n,${suffix}`)
    t.same(await run(named, 'verify', 'u1@example.com', 'pw1'), { status: 'ok', fields: {} }, 'by a DN')
    t.match(await run(named, 'verify', 'u1@example.com', 'pw2'), { status: 'mismatch' })
    t.match(await run(named, 'verify', 'nobody@example.com', 'pw2'), { status: 'mismatch' })
    for (const name of ['u1,uid=u2', 'u1+sn=u1', 'u1"', '#u1', 'x\0', '']) t.match(await run(named, 'verify', name, 'pw1'), { status: 'mismatch' }, JSON.stringify(name))
  })

  await t.test('passwords compared here', async (t) => {
    const compare = file('auth_bind = no\npass_attrs = =user=%{ldap:mailRoutingAddress},userPassword=password')
    t.same(await run(compare, 'verify', 'u3@example.com', 'pw3'), { status: 'ok', fields: { user: 'u3@example.com' } })
    t.match(await run(compare, 'verify', 'u3@example.com', 'pw4'), { status: 'mismatch' })
    t.match(await run(compare, 'verify', 'nobody@example.com', 'pw4'), { status: 'unknown' })
    t.match(await run(compare, 'verify', 'none@example.com', 'pw4'), { status: 'mismatch', reason: /No password returned/ })
    const nobody = file('auth_bind = no\npass_attrs = userPassword=password\ndn =\ndnpass =')
    t.match(await run(nobody, 'verify', 'u3@example.com', 'pw3'), { status: 'mismatch', reason: /No password returned/ }, 'a directory that shows no passwords')
    const free = file('auth_bind = no\npass_attrs = uid=user,=nopassword=y')
    t.same(await run(free, 'verify', 'u3@example.com', 'any'), { status: 'ok', fields: { user: 'u3', nopassword: 'y' } })
  })

  await t.test('where it searches', async (t) => {
    const found = async (lines: string, name = 'apart@example.com'): Promise<string> => (await run(file(lines), 'user', name)).status
    t.equal(await found(''), 'ok')
    t.equal(await found('scope = onelevel'), 'unknown')
    t.equal(await found('scope = base'), 'unknown')
    t.equal(await found(`scope = base\nbase = uid=apart,ou=apart,${suffix}`), 'ok')
    t.equal(await found('base = dc=%Dd', 'u1@example.com'), 'ok', 'the domain as a DN')
    t.equal(await found('base = dc=%Dd\nuser_filter = (uid=u1)', 'u1@example.org'), 'unknown', 'a domain that is not there')
    t.equal(await found(`base = ou=%n,${suffix}`), 'ok')
    t.equal(await found(`deref = always\nbase = cn=link,${suffix}`), 'ok', 'an alias')
    t.equal(await found(`deref = finding\nbase = cn=link,${suffix}`), 'ok')
    t.equal(await found(`deref = never\nbase = cn=link,${suffix}`), 'unknown')
    t.equal(await found('user_filter = (&(objectClass=smiMessageRecipient)(|(uid=%n)(mail=%u))(!(uid=%n*x)))'), 'ok')
  })

  await t.test('several values', async (t) => {
    t.match(await run(file('user_attrs = mail=mail, uid=x'), 'user', 'many@example.com'),
      { status: 'ok', fields: { mail: 'first@example.com', x: 'many' }, warning: 'more than one value of mail: the first one is used' })
  })

  await t.test('all users, though a directory gives out 500 at a time', async (t) => {
    const source = new Databases({ files: new RealFiles() }).userdb('ldap', file('dn =\ndnpass ='))
    const names = await Array.fromAsync(source.iterate!())
    t.equal(names.length, new Set(names).size + 1, 'the twins have one name')
    for (const name of ['u1@example.com', 'u1200@example.com', 'Mixed.Case@Example.com']) t.ok(names.includes(name), name)
    t.equal(names.length, 1200 + 8)
    const linked = new Databases({ files: new RealFiles() }).userdb('ldap', file(`deref = always\nbase = cn=link,${suffix}`))
    t.same(await Array.fromAsync(linked.iterate!()), ['apart@example.com'], 'behind an alias')
    const away = new Databases({ files: new RealFiles() }).userdb('ldap', file('base = dc=nowhere'))
    await t.rejects(Array.fromAsync(away.iterate!()), { name: 'TempFail', message: /listing dc=nowhere failed/ })
  })

  await t.test('TLS', async (t) => {
    const cert = path.join(slapd.directory, 'cert.pem')
    const verified = (lines: string, way?: string): Promise<LookupResult> => run(file(lines, way), 'verify', 'u5@example.com', 'pw5')
    const startTls = `hosts = localhost:${slapd.port}`
    const ldaps = (host: string): string => `uris = ldaps://${host}:${slapd.tlsPort}`
    t.match(await verified(`tls = yes\ntls_ca_cert_file = ${cert}`, startTls), { status: 'ok' }, 'StartTLS')
    t.match(await verified(`tls = yes\ntls_ca_cert_file = ${cert}`), { status: 'ok' }, 'StartTLS to an address')
    t.match(await verified('tls = yes', startTls), { status: 'temporary', reason: /self-signed certificate/ }, 'an unknown authority')
    t.match(await verified('tls = yes\ntls_require_cert = never', startTls), { status: 'ok' })
    t.match(await verified(`tls_ca_cert_file = ${cert}`, ldaps('localhost')), { status: 'ok' }, 'ldaps')
    t.match(await verified(`tls_ca_cert_dir = ${slapd.directory}`, ldaps('127.0.0.1')), { status: 'ok' }, 'ldaps, with a directory of certificates')
    t.match(await verified('', ldaps('localhost')), { status: 'temporary', reason: /self-signed certificate/ })
    const foreign = path.join(slapd.directory, 'foreign')
    spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=x', '-keyout', `${foreign}.key`, '-out', foreign])
    t.match(await verified(`tls_ca_cert_file = ${foreign}`, ldaps('localhost')), { status: 'temporary', reason: /certificate/ }, 'another authority')
    t.match(await verified(`tls_ca_cert_file = ${cert}`, ldaps('127.0.0.2')), { status: 'temporary', reason: /127\.0\.0\.2 is not in the cert/ }, 'a certificate for another host')
  })

  await t.test('a UNIX socket, and who this process is to it', async (t) => {
    const way = `uris = ldapi://${encodeURIComponent(slapd.socket)}`
    t.match(await run(file('', way), 'user', 'u5@example.com'), { status: 'ok' })
    t.match(await run(file('dn =\ndnpass =\nsasl_bind = yes\nsasl_mech = EXTERNAL', way), 'user', 'u5@example.com'), { status: 'ok' })
    t.match(await run(file(`sasl_bind = yes\nsasl_mech = PLAIN\ndn = ${admin.dn}`, way), 'user', 'u5@example.com'), { status: 'temporary', reason: /binding failed/ }, 'what slapd does not offer')
  })
})
