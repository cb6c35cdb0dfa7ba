import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { differenceOf } from '../../../conf/diff.ts'
import { loadConfig } from '../../../conf/load.ts'

const directory = t.testdir({})
const load = (text: string) => {
  const file = path.join(directory, 'x.conf')
  fs.writeFileSync(file, text)
  return loadConfig(file)
}

t.test('what a reload changes', async (t) => {
  const before = load('login_greeting = a\nmail_home = /x\nprotocol imap {\n  mail_plugins = quota\n}\nservice lmtp {\n inet_listener lmtp {\n  port = 24\n }\n}\nplugin {\n zlib_save = gz\n}\n')
  t.same(differenceOf(before, before), { now: [], atNextStart: [] })
  const after = load('login_greeting = b\nprotocol imap {\n  mail_plugins = acl\n}\nservice lmtp {\n inet_listener lmtp {\n  port = 25\n }\n unix_listener x {\n }\n}\nplugin {\n zlib_save = zstd\n}\n')
  t.same(differenceOf(before, after), {
    now: ['login_greeting', 'mail_home', 'protocol imap:/mail_plugins', 'plugin/zlib_save'],
    atNextStart: ['service/lmtp/inet_listener/lmtp/port', 'service/lmtp/unix_listener/x'],
  })
})
