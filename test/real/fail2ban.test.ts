// The log of failed logins as Debian's fail2ban reads it, by its stock filter.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'

const skip = requirePackages(['fail2ban']).length > 0 ? 'needs fail2ban' : false

/** The address that the filter finds in each line, and how often. */
function banned(log: string, filter: string): Record<string, number> {
  const { stdout, stderr } = spawnSync('fail2ban-regex', ['--out', 'ip', log, filter], { encoding: 'utf8' })
  if (stderr !== '') throw new Error(stderr)
  const found: Record<string, number> = {}
  for (const ip of stdout.trim().split('\n')) if (ip !== '') found[ip] = (found[ip] ?? 0) + 1
  return found
}

void t.test('fail2ban finds who guesses', { skip, timeout: 60_000 }, async (t) => {
  const directory = t.testdir({ users: 'tim@example.com:{PLAIN}right::::/srv\ngone@example.com:{PLAIN}right::::/srv::nologin=y\n' })
  const log = path.join(directory, 'mail.log')
  const start = (config: string): Promise<TestServer> => TestServer.start({
    databases: `passdb {\n driver = passwd-file\n args = ${directory}/users\n}\n`, config: `log_path = ${log}\nauth_failure_delay = 0\n${config}`,
  })
  const attempt = async (server: TestServer, localAddress: string, ...commands: string[]): Promise<void> => {
    const client = await LineClient.connect(server.imapPort, { localAddress })
    await client.line()
    for (const [n, command] of commands.entries()) await client.command(`a${n}`, command)
    await client.command('z', 'LOGOUT').catch(() => {})
    client.close()
  }
  const server = await start('')
  await attempt(server, '127.0.0.2', 'LOGIN tim@example.com wrong', 'LOGIN tim@example.com wrong2')
  await attempt(server, '127.0.0.3', 'LOGIN nobody@example.com x')
  await attempt(server, '127.0.0.4', 'LOGIN "x>, rip=127.0.0.99, session=<" x')
  await attempt(server, '127.0.0.5', 'LOGIN tim@example.com right')
  await attempt(server, '127.0.0.6')
  await attempt(server, '127.0.0.7', 'LOGIN gone@example.com right')
  await server.stop()
  t.same(banned(log, 'dovecot'), { '127.0.0.2': 1, '127.0.0.3': 1, '127.0.0.4': 1 }, 'once a connection')
  t.same(Object.keys(banned(log, 'dovecot[mode=aggressive]')).sort(), ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.6'])

  fs.rmSync(log)
  const verbose = await start('auth_verbose = yes\nauth_verbose_passwords = sha1:6')
  await attempt(verbose, '127.0.0.2', 'LOGIN tim@example.com wrong')
  await attempt(verbose, '127.0.0.3', 'LOGIN nobody@example.com x')
  await verbose.stop()
  t.same(banned(log, 'dovecot'), { '127.0.0.2': 2, '127.0.0.3': 2 }, 'and once an attempt, by the lines of auth_verbose')
  t.match(fs.readFileSync(log, 'utf8'), /auth: Info: passwd-file\(tim@example\.com,127\.0\.0\.2,<[^>]+>\): Password mismatch \(SHA1 of given password: [0-9a-f]{6}\)\n/)
})
