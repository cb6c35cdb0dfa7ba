// Mistakes that show when the server starts name file and line, like those of the grammar; secrets are not told.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { loadConfig, settingsFor } from '../../../conf/load.ts'
import type { Config } from '../../../conf/load.ts'
import { AuthPool } from '../../../workers/auth-pool.ts'
import { checkMailLocation, checkNamespaces, checkStores, noteUsers } from '../../../workers/boot-checks.ts'

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-boot-'))
t.teardown(() => fs.rmSync(directory, { recursive: true }))
const file = path.join(directory, 'c.conf')

function load(text: string): Config {
  fs.writeFileSync(file, text)
  return loadConfig(file)
}

const openDatabases = (config: Config): void => { new AuthPool(settingsFor(config, {})) }

function fails(check: (config: Config) => void, text: string, line: number | undefined, message: RegExp): void {
  const place = line === undefined ? file : `${file}:${line}`
  try {
    check(load(text))
    t.fail(`nothing is wrong with ${text}`)
  } catch (error) {
    t.equal((error as Error).name, 'ConfigError', text)
    t.ok((error as Error).message.startsWith(`${place}: `), `${(error as Error).message} names ${place}`)
    t.match((error as Error).message, message)
  }
}

const store = (text: string): string => `\nplugin {\n  ${text}\n}\n`

t.test('stores', async (t) => {
  fails(checkStores, '', undefined, /obox_fs is not set/)
  fails(checkStores, store('obox_fs = s4:https://KEY:HUSH@host/'), 3, /: obox_fs: 's4' is no driver/)
  fails(checkStores, store('obox_fs = fscache:1Q:/x:posix:prefix=/x/'), 3, /: obox_fs: fscache: '1Q' is no size/)
  fails(checkStores, store('obox_fs = memory:\n  obox_index_fs = compres:gz:6:memory:'), 4, /: obox_index_fs: 'compres' is no driver/)
  fails(checkStores, `mail_plugins = zlib${store('obox_fs = memory:\n  zlib_save = bz2')}`, 4, /: zlib_save: zlib_save: Support not compiled in/)
  try {
    checkStores(load(store('obox_fs = s4:https://KEY:HUSH@host/')))
  } catch (error) {
    t.notMatch((error as Error).message, /HUSH|zlib:/, 'neither a secret nor what nobody has written')
  }
  checkStores(load(store('obox_fs = memory:')))
})

t.test('databases', async () => {
  fails(openDatabases, '\npassdb {\n  driver = ldpa\n}\n', 2, /passdb: unknown driver 'ldpa'/)
  fails(openDatabases, 'passdb {\n  driver = static\n}\n\nuserdb {\n  driver = ldap\n  args = /nothere.ext\n}\n', 5, /cannot read \/nothere\.ext: no such file/)
  fails(openDatabases, 'passdb {\n  driver = sql\n}\n', 1, /sql: args must be a path/)
  const ext = path.join(directory, 'ldap.ext')
  fs.writeFileSync(ext, 'base = dc=x\n')
  fails(openDatabases, `passdb {\n  driver = ldap\n  args = ${ext}\n}\n`, 1, /ldap\.ext: no server/)
  fs.writeFileSync(ext, 'bsae = dc=x\n')
  t.throws(() => { openDatabases(load(`passdb {\n  driver = ldap\n  args = ${ext}\n}\n`)) }, { message: `${ext}:1: unknown setting 'bsae'; did you mean 'base'?` }, 'a file that names its own line needs no other')
})

t.test('namespaces', async () => {
  const inbox = 'namespace a {\n  inbox = yes\n}\n'
  fails(checkNamespaces, `${inbox}namespace b {\n  prefix = b/\n  separator = ab\n}\n`, 4, /namespace b: separator 'ab' is not one character/)
  fails(checkNamespaces, `${inbox}namespace b {\n  prefix = b\n}\n`, 4, /prefix 'b' does not end in its separator/)
  fails(checkNamespaces, `${inbox}namespace b {\n}\n`, undefined, /two namespaces have the prefix ''/)
  checkNamespaces(load(`${inbox}namespace b {\n  prefix = %u.\n  separator = .\n}\n`))
  checkNamespaces(load(''))
})

t.test('where mail is', async () => {
  fails(checkMailLocation, '\nmail_location = maildir:~/Maildir', 2, /: mail_location: mail is kept in object stores only, not in 'maildir' \(say obox:/)
  checkMailLocation(load('mail_location = mbox:~/mail\nmail_location = obox:%u:INDEX=~/'))
  for (const location of ['', '%{userdb:location}', 'obox:%u:INDEX=~/']) checkMailLocation(load(`mail_location = ${location}`))
})

t.test('what is right by itself, and no use to anybody', async (t) => {
  t.same(noteUsers(load('protocols = imap')), ['there is no passdb {}: nobody can log in', 'mail_location is not set: nobody has a place for mail'])
  const passdb = 'passdb {\n  driver = static\n}\n'
  t.same(noteUsers(load(`${passdb}mail_location = obox:%u:INDEX=~/`)), [])
  t.same(noteUsers(load(`${passdb}userdb {\n  driver = ldap\n  args = /x\n}`)), [], 'the directory may say where mail is')
  t.same(noteUsers(load(`${passdb}userdb {\n  driver = static\n  args = home=/x mail=obox:%u:INDEX=~/\n}`)), [])
  t.same(noteUsers(load('protocols = lmtp\nmail_location = obox:%u:INDEX=~/')), [], 'LMTP asks no passdb')
})
