// Postfix hands mail over by LMTP: two recipients in one transaction, five hundred mails, and a store that is away: the queue
// keeps the mail (451), and delivers when the store is back.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { freePort, password } from '../fixtures/server.ts'
import type { TestServer } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'

const mails = 500

function configure(directory: string, smtpPort: number, lmtpPort: number): string {
  const etc = path.join(directory, 'etc')
  for (const part of ['etc', 'queue', 'data']) fs.mkdirSync(path.join(directory, part), { recursive: true })
  fs.chmodSync(directory, 0o755)
  spawnSync('chown', ['postfix', path.join(directory, 'data')])
  fs.writeFileSync(path.join(etc, 'main.cf'), `
compatibility_level = 3.6
queue_directory = ${directory}/queue
data_directory = ${directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = example.com
virtual_mailbox_maps = static:ok
virtual_transport = lmtp:inet:127.0.0.1:${lmtpPort}
default_transport = error:not here
alias_maps =
alias_database =
maillog_file = ${directory}/maillog
maillog_file_prefixes = ${directory}, /var
minimal_backoff_time = 2s
maximal_backoff_time = 2s
queue_run_delay = 2s
`)
  fs.writeFileSync(path.join(etc, 'master.cf'), `
127.0.0.1:${smtpPort} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 2 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`)
  fs.writeFileSync(path.join(etc, 'dynamicmaps.cf'), '')
  return etc
}

/** Waits until the user's INBOX holds `count` mails; rejects after a minute. */
async function waitForMails(server: TestServer, user: string, count: number): Promise<void> {
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  await client.command('a', `LOGIN ${user} ${password}`)
  const started = performance.now()
  for (;;) {
    const status = (await client.command('b', 'STATUS INBOX (MESSAGES)'))[0]!
    if (status.includes(`MESSAGES ${count})`)) break
    if (performance.now() - started > 60_000) throw new Error(`${user}: ${status}`)
  }
  client.close()
}

clientTest('postfix', ['postfix'], async (t, { server }) => {
  const directory = fs.mkdtempSync('/tmp/culver-postfix-')
  const smtpPort = await freePort()
  const etc = configure(directory, smtpPort, server.lmtpPort)
  const postfix = (...args: string[]): ReturnType<typeof runProgram> => runProgram('postfix', ['-c', etc, ...args])
  const started = await postfix('start')
  t.equal(started.code, 0, started.stdout + started.stderr)
  t.teardown(async () => {
    await postfix('stop')
    fs.rmSync(directory, { recursive: true, force: true })
  })
  const source = (...args: string[]): ReturnType<typeof runProgram> => runProgram('smtp-source', ['-f', 'sender@example.org', ...args, `127.0.0.1:${smtpPort}`])

  t.equal((await source('-r', '2', '-t', 'pf@example.com', '-m', '1')).code, 0)
  await waitForMails(server, 'pf@example.com', 1)
  await waitForMails(server, '2pf@example.com', 1)
  t.pass('two recipients in one transaction')

  t.equal((await source('-s', '10', '-l', '5120', '-m', String(mails), '-t', 'many@example.com')).code, 0)
  await waitForMails(server, 'many@example.com', mails)
  t.pass(`${mails} mails`)

  const objects = path.join(server.directory, 'objects')
  fs.renameSync(objects, `${objects}.away`)
  fs.writeFileSync(objects, 'the store is away')
  t.equal((await source('-m', '1', '-t', 'many@example.com')).code, 0)
  const log = path.join(directory, 'maillog')
  for (const since = performance.now(); !/status=deferred \(.*451 4\.[23]\.0/.test(fs.readFileSync(log, 'utf8'));) {
    if (performance.now() - since > 60_000) throw new Error(fs.readFileSync(log, 'utf8').slice(-2000))
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.notMatch(fs.readFileSync(log, 'utf8'), /status=bounced/, 'nothing bounces while the store is away')
  fs.rmSync(objects)
  fs.renameSync(`${objects}.away`, objects)
  await waitForMails(server, 'many@example.com', mails + 1)
  t.pass('delivered when the store was back')
})
