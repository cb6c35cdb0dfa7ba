// Where the configuration says to listen, and whether that can be had.

import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { loadConfig, settingsFor } from '../../../conf/load.ts'
import type { Settings } from '../../../conf/settings.ts'
import { ConfigError } from '../../../runtime/errors.ts'
import { listenerName, listenersOf, probe } from '../../../workers/listeners.ts'

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-listeners-'))
t.teardown(() => fs.rmSync(directory, { recursive: true }))

function settings(text: string): Settings {
  const file = path.join(directory, 'culver.conf')
  fs.writeFileSync(file, text)
  return settingsFor(loadConfig(file), {})
}

const names = (text: string): string[] => listenersOf(settings(text)).map((listener) => `${listener.protocol} ${listenerName(listener)}`)

void t.test('listeners of the enabled protocols', (t) => {
  const services = `
service imap-login {
  inet_listener imap {
    port = 1143
  }
  inet_listener imaps {
    port = 1993
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = 1024
  }
  unix_listener lmtp {
    mode = 0600
  }
  unix_listener /run/other {
    mode = 0
  }
}
`
  t.same(names(`protocols = imap lmtp\nlisten = *, ::\nbase_dir = /run/x\nssl = no\n${services}`),
    ['imap 0.0.0.0:1143', 'imap [::]:1143', 'lmtp 127.0.0.1:1024', 'lmtp /run/x/lmtp', 'admin /run/x/doveadm-server'])
  t.same(names(`protocols = lmtp\nbase_dir = /run/x\n${services}`), ['lmtp 127.0.0.1:1024', 'lmtp /run/x/lmtp', 'admin /run/x/doveadm-server'])
  t.same(names('protocols = imap\nlisten = ::1\nservice imap-login {\n inet_listener imap {\n port = 0\n }\n}\nservice doveadm {\n unix_listener doveadm-server {\n mode = 0\n }\n}\n'), [])
  t.end()
})

void t.test('two at one place', (t) => {
  const twice = settings('protocols = imap lmtp\nlisten = 127.0.0.1\nssl = no\nservice imap-login {\n inet_listener imap {\n port = 1143\n }\n}\nservice lmtp {\n inet_listener lmtp {\n port = 1143\n }\n}\n')
  t.throws(() => listenersOf(twice), new ConfigError('imap and lmtp both listen on 127.0.0.1:1143'))
  t.end()
})

const listening = async (t: { teardown(action: () => void): unknown }, where: number | string): Promise<net.Server> => {
  const server = net.createServer()
  await new Promise<void>((resolve) => { typeof where === 'number' ? server.listen(where, '127.0.0.1', resolve) : server.listen(where, resolve) })
  t.teardown(() => { server.close() })
  return server
}

void t.test('a port in use, and a free one', async (t) => {
  const server = await listening(t, 0)
  const { port } = server.address() as net.AddressInfo
  const listener = { protocol: 'imap', kind: 'inet', address: '127.0.0.1', port } as const
  await t.rejects(probe(listener), new ConfigError(`cannot listen for imap on 127.0.0.1:${port}: the port is in use by another program`))
  await new Promise((resolve) => { server.close(resolve) })
  t.equal(await probe(listener), true)
})

void t.test('an address that this machine does not have', async (t) => {
  await t.rejects(probe({ protocol: 'imap', kind: 'inet', address: '192.0.2.1', port: 1143 }), { name: 'ConfigError', message: /does not have that address/ })
})

void t.test('a UNIX socket', async (t) => {
  const at = (name: string) => ({ protocol: 'lmtp', kind: 'unix', path: path.join(directory, name), mode: 0o600 }) as const
  t.equal(await probe(at('new/deep/lmtp')), true)
  await listening(t, at('taken').path)
  await t.rejects(probe(at('taken')), { name: 'ConfigError', message: /another program listens there/ })
  t.ok(fs.existsSync(at('taken').path))

  fs.writeFileSync(at('file').path, 'precious')
  await t.rejects(probe(at('file')), { name: 'ConfigError', message: /no socket/ })
  t.equal(fs.readFileSync(at('file').path, 'utf8'), 'precious', 'and it stays as it was')

  await t.rejects(probe(at('x'.repeat(120))), { name: 'ConfigError', message: /: the path of a socket has at most 107 bytes$/ })
  await t.rejects(probe(at('file/below')), { name: 'ConfigError', message: /^cannot listen for lmtp on / })
})
