import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parseLdapFile, readLdapFile } from '../../../conf/ldap-file.ts'
import { Databases } from '../../../workers/auth-lookup.ts'
import { RealFiles } from '../../../runtime/real-files.ts'

const seed = path.resolve(import.meta.dirname, '../../../conf/dovecot-ldap-backend.conf.ext')
const least = 'hosts = a\nbase = dc=x\n'

t.test('the seed', async (t) => {
  const { settings, notes, where } = readLdapFile(seed)
  t.match(settings, {
    hosts: ['ldap.example.com'], dn: 'cn=admin,dc=example,dc=com', dnpass: 'secret', base: 'dc=example,dc=com', auth_bind: true, blocking: true,
    pass_attrs: '=user=%{ldap:mailRoutingAddress}, =password=%{ldap:userPassword}, =userdb_quota_rule=*:storage=%{ldap:messageQuotaHard}k',
    user_filter: '(mailRoutingAddress=%u)', scope: 'subtree', deref: 'never', default_pass_scheme: 'CRYPT',
  })
  t.same(notes, [])
  t.equal(where('base'), `${seed}:7`)
  t.equal(where('scope'), seed)
})

t.test('lines', async (t) => {
  const { settings } = parseLdapFile(`${least}  # comment\n\ndnpass = "a#b"  # more\nuser_attrs = \\\n  a=b, \\\n  c=d\nuris=\n`, 'f')
  t.equal(settings.dnpass, 'a#b')
  t.equal(settings.user_attrs, 'a=b, c=d')
})

t.test('mistakes are told all at once, each with its line', async (t) => {
  t.throws(() => parseLdapFile('hosts = a\nbase = x\nauht_bind = yes\nscope = sub\nnonsense_at_all = 1\nblocking = maybe\npassdb {\n}\n!include x\n', 'x.ext'), {
    name: 'ConfigError',
    message: [
      "x.ext:3: unknown setting 'auht_bind'; did you mean 'auth_bind'?",
      "x.ext:4: scope: unknown value 'sub' (known: subtree, onelevel, base)",
      "x.ext:5: unknown setting 'nonsense_at_all'",
      "x.ext:6: blocking: 'maybe' is neither yes nor no",
      'x.ext:7: an LDAP file has no sections',
      'x.ext:8: an LDAP file has no sections',
      'x.ext:9: an LDAP file cannot include others',
    ].join('\n'),
  })
  const error = (text: string): string => {
    try { parseLdapFile(text, 'x') } catch (error) { return (error as Error).message }
    return 'no error'
  }
  t.equal(error('base = x'), 'x: no server: set hosts or uris')
  t.equal(error('hosts = a'), 'x: base is not set')
  t.match(error(`${least}ldap_version = 2`), /^x:3: .*only version 3/)
  t.match(error(`${least}sasl_bind = yes`), /^x:3: sasl_bind needs sasl_mech/)
  t.match(error(`${least}sasl_bind = yes\nsasl_mech = GSSAPI`), /^x:4: sasl_mech: unknown value 'GSSAPI'/)
  t.match(error(`${least}sasl_bind = yes\nsasl_mech = PLAIN`), /^x:3: SASL PLAIN needs dn/)
  t.match(error(`${least}sasl_bind = yes\nsasl_mech = EXTERNAL\nsasl_realm = r`), /^x:5: SASL EXTERNAL has no realm/)
  t.match(error('base=x\nuris = http://a'), /^x:2: 'http:\/\/a' is not an LDAP URI/)
  t.match(error('base=x\nuris = ldaps://a\ntls = yes'), /^x:3: tls = yes is StartTLS/)
  t.equal(error('base =\nhosts = a'), 'no error', 'an empty base is one')
})

t.test('settings without effect are noted', async (t) => {
  const { notes } = parseLdapFile(`${least}debug_level = 1\nldaprc_path = /x\nblocking = no\n`, 'x')
  t.same(notes, ['x:4: ldaprc_path has no effect', 'x:3: debug_level has no effect'])
})

t.test('what only the databases can check', async (t) => {
  const directory = t.testdir({})
  const error = (lines: string, kind: 'passdb' | 'userdb' = 'passdb'): string => {
    const file = path.join(directory, 'x.ext')
    fs.writeFileSync(file, least + lines)
    try { new Databases({ files: new RealFiles() })[kind]('ldap', file) } catch (error) { return (error as Error).message.replace(file, 'x') }
    return 'no error'
  }
  t.match(error('pass_filter = (uid=%n'), /^x:3: pass_filter: not an LDAP filter/)
  t.match(error('pass_filter = (uid=%{usr})'), /^x:3: pass_filter: unknown variable %{usr}/)
  t.match(error('base = dc=%{dmain}'), /^x:3: base: unknown variable/)
  t.match(error('pass_attrs = =a=%{ldpa:x}'), /^x:3: pass_attrs: unknown variable/)
  t.match(error('pass_attrs = uid=user=%$@%{dmain}'), /^x:3: pass_attrs: unknown variable/)
  t.match(error('pass_attrs = @a=b'), /^x:3: pass_attrs: .*other entries/)
  t.match(error('auth_bind_userdn = uid=%q'), /^x:3: auth_bind_userdn: unknown variable %q/)
  t.match(error('default_pass_scheme = ROT13'), /^x:3: Unknown scheme ROT13/)
  t.match(error('tls_ca_cert_file = /nonexistent'), /^x:3: tls_ca_cert_file: ENOENT/)
  t.match(error('tls_cipher_suite = nonsense'), /^x: the tls_ settings cannot be used/)
  t.match(error('hosts = a:b'), /^x:3: 'a:b' is not host or host:port/)
  t.match(error('uris = ldapi://'), /^x:3: 'ldapi:\/\/' names no socket/)
  t.match(error('user_filter = (uid=%w)', 'userdb'), /^x:3: user_filter: unknown variable %w/, 'a userdb has no password')
  t.match(error('iterate_filter = uid', 'userdb'), /^x:3: iterate_filter: not an LDAP filter/)
  t.equal(error('pass_filter = (&(uid=%n)(x=%w)(o=%d)(p=%s)(r=%r)(m=%{orig_user}%m%c))'), 'no error')
  t.throws(() => new Databases({ files: new RealFiles() }).passdb('ldap', '/nonexistent.ext'), { name: 'ConfigError', message: /no such file/ })
  t.throws(() => new Databases({ files: new RealFiles() }).passdb('ldap', ' '), { name: 'ConfigError', message: /must name the LDAP file/ })
})
