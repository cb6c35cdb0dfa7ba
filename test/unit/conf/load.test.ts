import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { loadConfig, settingsFor } from '../../../conf/load.ts'
import type { Config } from '../../../conf/load.ts'
import { limits } from '../../../runtime/limits.ts'

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-conf-'))
t.teardown(() => fs.rmSync(directory, { recursive: true }))

const write = (name: string, text: string): string => {
  const file = path.join(directory, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, text)
  return file
}
const load = (text: string, overrides?: string[]): Config => loadConfig(write('c.conf', text), overrides)
const fails = (t: Test, text: string, message: string): void => {
  t.throws(() => load(text), { name: 'ConfigError', message: message.replaceAll('@', path.join(directory, 'c.conf:')) }, text)
}

t.test('errors name file, line and the nearest name', (t) => {
  fails(t, '\nmail_hmoe = x', "@2: unknown setting 'mail_hmoe'; did you mean 'mail_home'?")
  fails(t, 'qwertyuiop = x', "@1: unknown setting 'qwertyuiop'")
  fails(t, 'obox_fs = memory:', "@1: 'obox_fs' belongs into plugin {}")
  fails(t, 'namspace x {\n  inbox = yes\n}', "@1: unknown section 'namspace {}'; did you mean 'namespace'?")
  fails(t, 'passdb {\n  dirver = x\n}', "@2: unknown setting 'dirver' in passdb {}; did you mean 'driver'?")
  fails(t, 'service imap-login {\n  inet_listener imap {\n    prot = 1\n  }\n}', "@3: unknown setting 'prot' in service {} / inet_listener {}; did you mean 'port'?")
  fails(t, 'ssl = requierd', "@1: ssl: unknown value 'requierd' (did you mean 'required'? known: no, yes, required)")
  fails(t, 'protocols = imap smtp', "@1: protocols: unknown value 'smtp' (did you mean 'lmtp'? known: imap, pop3, lmtp, sieve, submission, none)")
  fails(t, 'mail_debug = true', "@1: mail_debug: 'true' is neither yes nor no")
  fails(t, 'culver_storage_workers = 65', '@1: culver_storage_workers: 65 is not between 1 and 64')
  fails(t, 'culver_storage_workers = 0', '@1: culver_storage_workers: 0 is not between 1 and 64')
  fails(t, 'culver_session_workers = unlimited', `@1: culver_session_workers: ${Number.MAX_SAFE_INTEGER} is not between 0 and 256`)
  fails(t, 'mail_prefetch_count = 5x', "@1: mail_prefetch_count: '5x' is not a number")
  fails(t, 'imap_max_line_length = 5x', "@1: imap_max_line_length: '5x' is not a size: unknown unit 'x' (known: B, k, M, G, T)")
  fails(t, 'imap_idle_notify_interval = 5', "@1: imap_idle_notify_interval: '5' is a time without a unit (add e.g. 's' for seconds)")
  fails(t, 'plugin {\n  metacache_upload_interval = soon\n}', "@2: metacache_upload_interval: 'soon' is not a time (say e.g. 5 mins)")
  fails(t, 'login_trusted_networks = 10.0.0.0/33', "@1: login_trusted_networks: '10.0.0.0/33' is not a network: the number after '/' must be in 0..32")
  fails(t, 'service lmtp {\n  inet_listener lmtp {\n    port = 70000\n  }\n}', '@3: port: 70000 is not a port (0..65535)')
  fails(t, 'mail_home = /m/%{usr}', '@1: mail_home: unknown variable %{usr} (a percent sign is written %%) in "/m/%{usr}"')
  for (const name of ['mail_log_prefix', 'auth_username_format', 'login_log_format']) fails(t, `${name} = %{usr}`, `@1: ${name}: unknown variable %{usr} (a percent sign is written %%) in "%{usr}"`)
  for (const name of ['args', 'default_fields', 'override_fields']) {
    fails(t, `passdb {\n  driver = static\n  ${name} = pass=5%off\n}`, `@3: ${name}: unknown variable %o (a percent sign is written %%)`)
    fails(t, `userdb {\n  driver = static\n  ${name} = home=/%{usr}\n}`, `@3: ${name}: unknown variable %{usr} (a percent sign is written %%)`)
  }
  fails(t, 'plugin {\n  quota_warning = storage=95% quota-warning\n}', '@2: quota_warning: unknown variable %  (a percent sign is written %%) in "storage=95% quota-warning"')
  fails(t, 'mail_home = $nosuch', '@1: $nosuch is not a setting')
  fails(t, 'ssl_cert = </nothere', '@1: ssl_cert: cannot read /nothere: no such file')
  fails(t, 'protocol imap {\n  protocol lmtp {\n  }\n}', '@2: protocol {} cannot stand in protocol {}')
  fails(t, 'plugin {\n  protocol imap {\n  }\n}', '@2: protocol {} cannot stand in plugin {} (put plugin {} into protocol {})')
  fails(t, 'protocol imap {\n  service imap {\n  }\n}', '@2: service {} cannot stand in protocol {}')
  fails(t, 'remote somewhere {\n}', "@1: remote: 'somewhere' is not an address or network (say e.g. 10.0.0.0/8)")
  fails(t, 'passdb x {\n}\npassdb x {\n}', '@3: there is a passdb x already')
  fails(t, 'plugin {\n}\n}', "@3: unexpected '}'")
  fails(t, 'a = b\nc = d', "@1: unknown setting 'a'\n@2: unknown setting 'c'")
  fails(t, 'auth_worker_max_count = 0', '@1: auth_worker_max_count: at least 1 is needed')
  fails(t, 'auth_mechanisms = plain logn', "@1: auth_mechanisms: unknown value 'logn' (did you mean 'login'? known: plain, login, scram-sha-1, scram-sha-256, oauthbearer, xoauth2, external, anonymous, cram-md5, digest-md5, apop, otp, skey, rpa, ntlm, gssapi, gss-spnego, dovecot-token)")
  fails(t, 'auth_cache_size = 10', '@1: auth_cache_size: less than 1 k is no cache (0 switches it off)')
  const file = path.join(directory, 'c.conf')
  t.throws(() => load('plugin {\n'), { message: `${file}: '}' is missing for the section begun at ${file}:1` })
  t.throws(() => load('namespace a {\n}'), { message: `${file}: no namespace has inbox = yes` })
  t.throws(() => load('namespace a {\n inbox = yes\n}\nnamespace b {\n inbox = yes\n}'), { message: `${file}: more than one namespace has inbox = yes: namespace a, namespace b` })
  t.throws(() => loadConfig('/nothere.conf'), { name: 'ConfigError', message: 'cannot read /nothere.conf: no such file' })
  t.throws(() => load('', ['mail_hom=x']), { message: "-o mail_hom: unknown setting 'mail_hom'; did you mean 'mail_home'?" })
  t.throws(() => load('', ['x']), { message: '-o x: expected name=value' })
  t.end()
})

t.test('warnings and settings not acted on', (t) => {
  const config = load('protocol impa {\n  mail_debug = yes\n}\nplugin {\n  obox_sf = x\n  foo = bar\n  mail_home = /x\n}\nversion_ignore = yes\nssl = yes\nmail_debug = no\n')
  const file = path.join(directory, 'c.conf')
  t.same(config.warnings, [
    `${file}:1: no protocol is called 'impa'; did you mean 'imap'?`,
    `${file}:5: unknown plugin setting 'obox_sf' is ignored; did you mean 'obox_fs'?`,
    `${file}:6: unknown plugin setting 'foo' is ignored`,
    `${file}:7: unknown plugin setting 'mail_home' is ignored; it belongs outside of plugin {}`,
    `${file}:11: setting mail_debug here does not change it in the filter at ${file}:2; put it before that`,
  ])
  t.same(config.notActedOn, [`version_ignore (${file}:9)`], 'a default is not told')
  const lists = load('protocols = imap pop3 sieve\nmail_plugins = obox notify\nprotocol lmtp {\n  mail_plugins = $mail_plugins zlib sieve\n}\nmail_access_groups = a b\n')
  t.same(lists.notActedOn.map((line) => line.replace(/\(.*:/, '(')), ['protocols: pop3 sieve (1)', 'mail_plugins: notify sieve (4)', 'mail_access_groups (6)'], 'of lists the words that are idle')
  t.same(settingsFor(config, {}).plugin, { obox_sf: 'x', foo: 'bar', mail_home: '/x' })
  t.end()
})

t.test('the names of mechanisms count in any letter case', (t) => {
  const config = load('auth_mechanisms = PLAIN Login CRAM-MD5')
  t.same(settingsFor(config, {}).auth_mechanisms, ['plain', 'login', 'cram-md5'])
  t.same(config.notActedOn.map((line) => line.replace(/\(.*:/, '(')), ['auth_mechanisms: cram-md5 (1)'])
  t.end()
})

t.test('values have the unit of the program', (t) => {
  const { ...settings } = settingsFor(load(
    'imap_max_line_length = 5 kb\nimap_idle_notify_interval = 5mi\nauth_policy_server_timeout_msecs = 30\nprotocols = imap, lmtp\n'
    + 'plugin {\n  metacache_close_delay = 1500ms\n  metacache_max_space = 200G\n}\nmail_temp_dir = ./tmp\nmail_debug = YES\n'), {})
  t.equal(settings.imap_max_line_length, 5 * 1024)
  t.equal(settings.imap_idle_notify_interval, 300_000)
  t.equal(settings.auth_policy_server_timeout_msecs, 30)
  t.same(settings.protocols, ['imap', 'lmtp'])
  t.equal(settings.metacache_close_delay, 1500)
  t.equal(settings.metacache_max_space, 200 * 2 ** 30)
  t.equal(settings.mail_temp_dir, path.resolve('tmp'))
  t.equal(settings.mail_debug, true)
  t.end()
})

t.test('paths that begin with ./ are relative to where the process was started', (t) => {
  const settings = settingsFor(load('mail_home = ./home/%u\nmail_location = obox:a./%u:INDEX=./idx\npassdb {\n  driver = passwd-file\n  args = username_format=%n ./users\n}\nplugin {\n  obox_fs = compress:gz:6:posix:prefix=./o/\n}\n'), {})
  t.equal(settings.mail_home, path.resolve('home/%u'))
  t.equal(settings.mail_location, `obox:a./%u:INDEX=${path.resolve('idx')}`)
  t.equal(settings.passdb[0]?.args, `username_format=%n ${path.resolve('users')}`)
  t.equal(settings.obox_fs, `compress:gz:6:posix:prefix=${path.resolve('o')}/`)
  t.equal(settings.obox_index_fs, settings.obox_fs)
  t.end()
})

t.test('defaults that depend on others', (t) => {
  const settings = settingsFor(load('mail_prefetch_count = 7\nplugin {\n  obox_fs = memory:\n  obox_max_parallel_copies = 3\n}'), {})
  t.equal(settings.obox_index_fs, 'memory:')
  t.same([settings.obox_max_parallel_writes, settings.obox_max_parallel_copies], [7, 3])
  t.match(settings.namespace, [{ inbox: true, separator: '/', prefix: '' }], 'there is a namespace where none is configured')
  t.same(settings.service['imap-login']?.inet_listener['imaps'], { address: [], port: 993, ssl: true, reuse_port: false, haproxy: false })
  t.same(settings.service['auth']?.unix_listener['auth-userdb'], { mode: 0o666, user: 'dovecot', group: '' })
  t.end()
})

t.test('sections merge by name; databases and nameless ones do not', (t) => {
  const settings = settingsFor(load(
    'namespace a {\n inbox = yes\n mailbox Sent {\n  auto = create\n }\n}\nnamespace a {\n mailbox Sent {\n  special_use = \\Sent\n }\n prefix = "x "\n}\n'
    + 'namespace {\n prefix = q/\n}\nnamespace {\n prefix = r/\n}\npassdb {\n driver = static\n}\npassdb {\n driver = ldap\n}\n'
    + 'service lmtp {\n unix_listener "a b" {\n }\n}\nservice lmtp {\n client_limit = 5\n}\nnamespace off {\n disabled = yes\n}\n'), {})
  t.same(settings.namespace.map(({ name, prefix }) => [name, prefix]), [['a', 'x '], ['', 'q/'], ['', 'r/']])
  t.match(settings.namespace[0]?.mailbox, [{ name: 'Sent', auto: 'create', special_use: ['\\Sent'] }])
  t.same(settings.passdb.map(({ driver }) => driver), ['static', 'ldap'])
  t.match(settings.service['lmtp'], { client_limit: 5, unix_listener: { 'a b': { mode: 0o600 }, lmtp: { mode: 0o666 } } })
  t.end()
})

t.test('$name, <file, includes', (t) => {
  write('inc/10-b.conf', 'mail_plugins = $mail_plugins b\n')
  write('inc/20-c.conf', 'mail_plugins = $mail_plugins c\n!include_try nothere.conf\n')
  write('inc/.hidden.conf', 'nonsense\n')
  write('secret', 'x\ny')
  const settings = settingsFor(load('mail_plugins = a\n!include inc/*.conf\nssl_key = <secret\nssl_cert = "<secret"\nmail_gid = "$mail_plugins"\nplugin {\n  a = 1\n  b = $a   $mail_plugins 2\n  c = x$a\n}'), {})
  t.same(settings.mail_plugins, ['a', 'b', 'c'])
  t.equal(settings.ssl_key, 'x\ny')
  t.equal(settings.ssl_cert, '<secret', 'quoted: as it stands')
  t.equal(settings.mail_gid, '$mail_plugins')
  t.same(settings.plugin, { a: '1', b: '1 a b c 2', c: 'x$a' })
  fails(t, '!include nothere/*.conf', "@1: no file matches 'nothere/*.conf'")
  write('bad.conf', '\nmail_hmoe = 1\n')
  t.throws(() => load('!include bad.conf'), { message: `${path.join(directory, 'bad.conf')}:2: unknown setting 'mail_hmoe'; did you mean 'mail_home'?` })
  write('open.conf', 'plugin {\n')
  t.throws(() => load('!include open.conf'), { message: /'\}' is missing for the section begun at .*open\.conf:1$/ })
  write('close.conf', '}\n')
  t.throws(() => load('plugin {\n!include close.conf\n}'), { message: /close\.conf:1: unexpected '\}'/ })
  t.end()
})

t.test('limits', (t) => {
  t.throws(() => load('!include c.conf'), { message: /c\.conf:1: .*c\.conf includes itself$/ })
  write('big.conf', '#'.repeat(limits.configFileBytes + 1))
  t.throws(() => load('!include big.conf'), { message: /c\.conf:1: cannot read .*big\.conf: \d+ bytes, more than / })
  t.throws(() => load('plugin {\n'.repeat(limits.configDepth + 1)), { message: /nested more than/ })
  t.end()
})

t.test('filters', (t) => {
  const config = load(`mail_plugins = base
remote 10.0.0.0/8 {
  mail_plugins = $mail_plugins a
  protocol imap {
    mail_plugins = $mail_plugins b
  }
}
remote 10.1.0.0/16 {
  protocol imap {
    mail_plugins = c
  }
}
protocol imap {
  mail_plugins = d
  imap_idle_notify_interval = 1s
}
protocol !imap {
  mail_plugins = e
}
local_name "imap.example.com *.example.org" {
  mail_plugins = f
}
local "127.0.0.1 fd00::/8" {
  mail_plugins = g
}
`)
  const plugins = (connection: Parameters<typeof settingsFor>[1]): string => settingsFor(config, connection).mail_plugins.join(' ')
  t.equal(plugins({}), 'base')
  // These three as doveconf -f answers; the others it refuses as conflicts.
  t.equal(plugins({ protocol: 'imap' }), 'd')
  t.equal(plugins({ protocol: 'lmtp' }), 'e')
  t.equal(settingsFor(config, { protocol: 'imap' }).imap_idle_notify_interval, 1000)
  t.equal(plugins({ protocol: 'imap', remoteIp: '10.2.2.3' }), 'base a b')
  t.equal(plugins({ protocol: 'imap', remoteIp: '::ffff:10.1.2.3' }), 'c')
  t.equal(plugins({ protocol: 'lmtp', remoteIp: '10.2.2.3' }), 'base a')
  t.equal(plugins({ protocol: 'imap', remoteIp: '10.1.2.3', localIp: '127.0.0.1' }), 'g')
  t.equal(plugins({ localIp: 'fd12::1' }), 'g')
  t.equal(plugins({ localIp: 'fe80::1%eth0' }), 'base')
  t.equal(plugins({ localIp: '127.0.0.1', localName: 'IMAP.example.com' }), 'f')
  t.equal(plugins({ localName: 'a.example.org' }), 'f')
  t.equal(plugins({ localName: 'a.b.example.org' }), 'base')
  t.equal(settingsFor(config, { protocol: 'imap', remoteIp: '10.2.0.1' }), settingsFor(config, { protocol: 'imap', remoteIp: '10.3.0.1' }), 'equal ones are one object')
  t.equal(settingsFor(structuredClone(config), { protocol: 'imap' }).mail_plugins[0], 'd', 'a clone in another thread is as good')
  t.end()
})

t.test('overrides hold against all, filters too', (t) => {
  const config = load('protocol imap {\n  mail_debug = no\n}', ['mail_debug=yes', 'plugin/obox_fs=memory:', 'service/lmtp/inet_listener/lmtp/port=2424'])
  const settings = settingsFor(config, { protocol: 'imap' })
  t.equal(settings.mail_debug, true)
  t.equal(settings.obox_fs, 'memory:')
  t.equal(settings.service['lmtp']?.inet_listener['lmtp']?.port, 2424)
  t.end()
})

t.test('the shipped files load', (t) => {
  const conf = (name: string): Config => loadConfig(path.join(import.meta.dirname, '../../../conf', name))
  for (const name of ['standalone.conf', 'imaptest.conf']) {
    const config = conf(name)
    t.same([config.warnings, config.notActedOn], [[], []], name)
  }
  const backend = conf('dovecot-backend.conf')
  t.same(backend.warnings, [])
  const settings = settingsFor(backend, { protocol: 'imap' })
  t.same(settings.mail_plugins, ['obox', 'zlib', 'notify', 'mail_log', 'quota', 'imap_quota'])
  t.same(settings.userdb.map(({ driver }) => driver), ['prefetch', 'ldap'])
  t.equal(settings.namespace[0]?.mailbox.length, 4)
  t.equal(settings.service['anvil']?.unix_listener['anvil-auth-penalty']?.mode, 0)
  t.equal(settings.obox_max_parallel_deletes, 10)
  t.same(settings.login_trusted_networks, ['10.0.0.0/24'])
  t.end()
})
