import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { dump, dumpFilters } from '../../../conf/dump.ts'
import { format } from '../../../conf/format.ts'
import type { Config, Connection } from '../../../conf/load.ts'
import { entriesFor, loadConfig, settingsFor } from '../../../conf/load.ts'
import type { Setting } from '../../../conf/setting.ts'
import type { Settings } from '../../../conf/settings.ts'
import { coreSettings, pluginSettings } from '../../../conf/settings.ts'
import { passdbSettings } from '../../../conf/settings/auth.ts'
import { quote } from '../../../conf/syntax.ts'

const root = path.join(import.meta.dirname, '../../..')
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-dump-'))
t.teardown(() => fs.rmSync(directory, { recursive: true }))

const file = path.join(directory, 'c.conf')
const load = (text: string): Config => {
  fs.writeFileSync(file, text)
  return loadConfig(file)
}
const everything = (config: Config, all: boolean): string => {
  const options = { all, secrets: true, where: false }
  return [...dump(entriesFor(config, {}), options), ...dumpFilters(config.entries, options)].join('\n')
}
const culver = async (...args: string[]): Promise<{ stdout: string; stderr: string; code: number }> => {
  try {
    return { ...await promisify(execFile)(process.execPath, ['workers/cli.ts', ...args], { cwd: root }), code: 0 }
  } catch (error) {
    return error as { stdout: string; stderr: string; code: number }
  }
}

const text = fc.string({ minLength: 1, maxLength: 20 }).map((value) => value.replaceAll('%', '%%').replaceAll('\r', ''))
const word = fc.stringMatching(/^[a-zA-Z0-9_.*:/-]{1,10}$/)

/** Some legal way to write a value of this setting. */
const written = (row: Setting<unknown>): fc.Arbitrary<string> => {
  const [least, most] = row.range ?? [0, 100_000]
  const number = fc.integer({ min: least, max: most })
  switch (row.kind) {
    case 'bool': return fc.constantFrom('yes', 'no', 'YES')
    case 'number': return number.map(String)
    case 'octal': return fc.nat(0o777).map((mode) => `0${mode.toString(8)}`)
    case 'size': return fc.tuple(fc.integer({ min: 1024, max: 100_000 }), fc.constantFrom('', 'k', ' M', 'GB')).map((parts) => parts.join(''))
    case 'time': return row.milliseconds ? number.map(String) : fc.tuple(number, fc.constantFrom('s', ' mins', 'h', 'ms')).map((parts) => parts.join(''))
    case 'choice': return fc.constantFrom(...row.values!)
    case 'list': return fc.array(row.values ? fc.constantFrom(...row.values) : word, { maxLength: 4 }).map((words) => words.join(' '))
    case 'text': case 'path': return text.map(quote)
  }
}

/** Networks and the like have rules of their own, told in load.test.ts. */
const ruled = ['login_trusted_networks', 'haproxy_trusted_networks', 'culver_storage_workers', 'auth_worker_max_count', 'auth_verbose_passwords']

const linesOf = (table: Record<string, Setting<unknown>>, indent: string): fc.Arbitrary<string> => {
  const names = Object.keys(table).filter((name) => !ruled.includes(name))
  const line = fc.constantFrom(...names).chain((name) => written(table[name]!).map((value) => `${indent}${name} = ${value}\n`))
  return fc.array(line, { maxLength: 8 }).map((lines) => lines.join(''))
}

const sectionName = text.filter((name) => !name.startsWith('#')).map((name) => `"${name.replace(/["\\]/g, '\\$&')}"`)
const block = (head: fc.Arbitrary<string>, body: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(head, body).map(([type, lines]) => `${type} {\n${lines}}\n`)
const condition = fc.constantFrom('protocol imap', 'protocol !imap', 'remote 10.0.0.0/8', 'local_name "a.example *.b.example"', 'local ::1')
const mailbox = block(sectionName.map((name) => `mailbox ${name}`), fc.constantFrom('', 'auto = create\n', 'special_use = \\Sent \\Junk\n'))
const configuration = fc.array(fc.oneof(
  linesOf(coreSettings, ''),
  block(fc.constant('plugin'), linesOf(pluginSettings, '  ')),
  block(condition, linesOf(coreSettings, '  ')),
  block(condition, block(fc.constant('plugin'), linesOf(pluginSettings, '    '))),
  block(fc.constant('passdb'), linesOf(passdbSettings, '  ')),
  block(fc.constant('namespace inbox'), mailbox.map((inner) => `inbox = yes\n${inner}`)),
  block(fc.constant('namespace'), mailbox),
  block(fc.constantFrom('service imap-login', 'service "a b"'), fc.constantFrom('', 'client_limit = 0\n', 'unix_listener x {\n}\n', 'inet_listener imap {\n  port = 143\n}\n')),
), { maxLength: 8 }).map((parts) => `${parts.join('')}namespace inbox {\n  inbox = yes\n}\n`)

const connections: Connection[] = [{}, { protocol: 'imap' }, { protocol: 'lmtp', remoteIp: '10.1.1.1' }, { localIp: '::1', localName: 'x.b.example' }]

/** Without the places, which are others in what is printed. */
const unplaced = (settings: Settings): Settings =>
  ({ ...settings, ...Object.fromEntries((['namespace', 'passdb', 'userdb'] as const).map((key) => [key, settings[key].map(({ where: _, ...one }) => one)])) })

t.test('what conf -n and conf -a print means the same when it is read again', (t) => {
  fc.assert(fc.property(configuration, (source) => {
    const config = load(source)
    const meant = connections.map((connection) => settingsFor(config, connection))
    for (const all of [false, true]) {
      const printed = everything(config, all)
      const again = load(printed)
      // Printed defaults are settings: these take their values from others only while unset.
      const derived = { obox_index_fs: '', obox_max_parallel_writes: 0, obox_max_parallel_copies: 0, obox_max_parallel_deletes: 0 }
      const read = connections.map((connection) => settingsFor(again, connection))
      const compared = (many: Settings[]): object[] => many.map((settings) => ({ ...unplaced(settings), ...all ? derived : {} }))
      // Hundreds of settings, some hundred times: what finds out where they differ is too slow for those that do not.
      if (isDeepStrictEqual(compared(read), compared(meant))) continue
      t.strictSame(compared(read), compared(meant), printed)
      return false
    }
    return true
  }), { numRuns: 100 })
  t.end()
})

t.test('every default can be written and read', (t) => {
  const config = load(everything(load(''), true))
  const standard = settingsFor(load(''), {})
  t.strictSame(unplaced(settingsFor(config, {})), unplaced(standard))
  for (const [name, row] of Object.entries({ ...coreSettings, ...pluginSettings })) t.type(format(row, row.default), 'string', name)
  t.end()
})

t.test('conf -n prints as doveconf does', (t) => {
  const config = load(`protocols = imap
mail_debug = no
imap_idle_notify_interval = 120s
imap_hibernate_timeout = 90s
auth_cache_size = 2048
service lmtp {
  inet_listener lmtp {
    port = 24
  }
  client_limit = 1
}
passdb {
  driver = static
  args = password=xyz user=a
}
doveadm_password = foo
plugin {
  obox_fs = s3:http://a:b@x/
}
namespace "a b" {
  inbox = yes
  prefix = "x "
  mailbox "Sent Mail" {
    auto = subscribe
  }
}
remote 10.0.0.0/8 {
  protocol imap {
    mail_debug = no
  }
}
`)
  const options = { all: false, secrets: false, where: false }
  t.same([...dump(entriesFor(config, {}), options), ...dumpFilters(config.entries, options)], [
    'auth_cache_size = 2 k',
    'doveadm_password = # hidden, use -P to show it',
    'imap_hibernate_timeout = 90 secs',
    'namespace "a b" {', '  inbox = yes', '  mailbox "Sent Mail" {', '    auto = subscribe', '  }', '  prefix = "x "', '}',
    'passdb {', '  args = password=#hidden_use-P_to_show# user=a', '  driver = static', '}',
    'plugin {', '  obox_fs = s3:http://#hidden_use-P_to_show#@x/', '}',
    'protocols = imap',
    'service lmtp {', '  inet_listener lmtp {', '    port = 24', '  }', '}',
    'remote 10.0.0.0/8 {', '  protocol imap {', '    mail_debug = no', '  }', '}',
  ])
  t.end()
})

t.test('the command', async (t) => {
  const backend = ['conf', '-c', 'conf/dovecot-backend.conf']
  t.equal((await culver(...backend, '-h', '-f', 'protocol=imap', 'mail_plugins')).stdout, 'obox zlib notify mail_log quota imap_quota\n')
  t.match((await culver(...backend, '-w', 'mail_home')).stdout, /^mail_home = \/var\/vmail\/%2Mu\/%u # conf\/dovecot-backend\.conf:\d+\n$/)
  t.equal((await culver(...backend, '-u', 'user@example.com', 'mail_location')).stdout, 'mail_location = obox:b5/899/user@example.com:INDEX=~/:CONTROL=~/\n')
  t.match((await culver(...backend, '-n', '-P', '-o', 'mail_debug=yes')).stdout, /^# conf\/dovecot-backend\.conf\n(.*\n)*mail_debug = yes\n(.*\n)*  obox_fs = fscache:.*ACCESSKEY:SECRET@/)
  t.equal((await culver('conf', '-d', 'metacache_close_delay', 'imap_max_line_length')).stdout, 'imap_max_line_length = 64 k\n', 'nothing for what stands in plugin {} and is not set')
  t.match(await culver(...backend, 'mail_hom'), { code: 64, stderr: /unknown setting or section 'mail_hom'; did you mean 'mail_home'\?/ })
  t.match(await culver('conf', '-c', '/nothere'), { code: 78, stderr: 'culver: cannot read /nothere: no such file\n' })
  t.match(await culver('conf', '--foo'), { code: 64, stderr: /--foo/ })
  t.match(await culver('cnof'), { code: 64, stderr: /unknown command 'cnof'; did you mean 'conf'\?/ })
  t.match(await culver('help'), { code: 0, stdout: /\n  conf +show the configuration\n/ })
  for (const words of [['adm', 'help'], ['adm', '--help'], ['help', 'adm']]) t.match(await culver(...words), { code: 0, stdout: /^culver adm .*\n(.*\n)*  who +who is logged in\n/ }, words.join(' '))
  t.match(await culver('adm', 'help', 'obox', 'verify'), { code: 0, stdout: /^culver adm obox verify / })
  t.match(await culver('adm', 'help', 'nope'), { code: 64, stderr: /unknown command 'nope'/ })
  const auth = /is no command; there are auth cache flush, auth login, auth lookup, auth test$/m
  for (const words of [['adm', 'auth'], ['adm', 'auth', 'tset', 'u', 'hush'], ['adm', 'help', 'auth']]) t.match(await culver(...words), { code: 64, stderr: auth })
})
