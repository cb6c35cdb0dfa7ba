// SCRAM with other people's programs: GNU SASL as client, verifiers made by Dovecot's doveadm and plain passwords in a
// passwd-file.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'

const absent = requirePackages(['gsasl', 'dovecot-core'])
const skip = absent.length > 0 ? `needs ${absent.join(', ')}` : false

const made = (scheme: string, secret: string): string => spawnSync('doveadm', ['-O', 'pw', '-s', scheme, '-p', secret], { encoding: 'utf8' }).stdout.trim()

void t.test('SCRAM', { skip, timeout: 120_000 }, async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-scram-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
  const secrets = { one: made('SCRAM-SHA-1', 'pw,=1'), two: made('SCRAM-SHA-256', 'pw,=2') }
  t.match(secrets.two, /^\{SCRAM-SHA-256\}4096,/)
  fs.writeFileSync(path.join(directory, 'users'), `one:${secrets.one}\ntwo:${secrets.two}\nplain:{PLAIN}p w\n`)
  const server = await TestServer.start({
    config: 'auth_mechanisms = plain scram-sha-256 scram-sha-1\ndisable_plaintext_auth = yes\nauth_verbose = yes',
    databases: `passdb {\n driver = passwd-file\n args = ${directory}/users\n}\nuserdb {\n driver = static\n args = allow_all_users=yes\n}`,
  })
  t.teardown(() => server.stop())

  /** What gsasl says of a login. */
  const gsasl = async (mechanism: string, user: string, secret: string): Promise<boolean> => {
    const { code, stdout, stderr } = await runProgram('gsasl', [
      '--imap', '--client', '--no-starttls', '--no-cb', '--quality-of-protection=qop-auth', `--mechanism=${mechanism}`, `--authentication-id=${user}`,
      `--password=${secret}`, `--connect=127.0.0.1:${server.imapPort}`,
    ])
    if (code !== 0 && !/NO \[AUTHENTICATIONFAILED\]/.test(stdout + stderr)) t.comment(stdout + stderr)
    return code === 0
  }
  const outcomes: [mechanism: string, user: string, secret: string, ok: boolean][] = [
    ['SCRAM-SHA-256', 'two', 'pw,=2', true], ['SCRAM-SHA-256', 'two', 'pw', false], ['SCRAM-SHA-256', 'plain', 'p w', true],
    ['SCRAM-SHA-1', 'one', 'pw,=1', true], ['SCRAM-SHA-1', 'plain', 'p w', true], ['SCRAM-SHA-1', 'two', 'pw,=2', false], ['SCRAM-SHA-256', 'nobody', 'x', false],
    ['PLAIN', 'one', 'pw,=1', true],
  ]
  for (const [mechanism, user, secret, ok] of outcomes) t.equal(await gsasl(mechanism, user, secret), ok, `${mechanism} ${user} ${secret}`)
  t.match(server.output, /Login: user=<two>, method=SCRAM-SHA-256, rip=127\.0\.0\.1/)

  const client = await LineClient.connect(server.imapPort)
  t.teardown(() => client.close())
  t.match(await client.line(), / AUTH=PLAIN AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1\]/)
  const first = `n,,n=two,r=${'abc'}`
  void client.send(`a AUTHENTICATE SCRAM-SHA-256 ${Buffer.from(first).toString('base64')}\r\n`)
  t.match(Buffer.from((await client.line())!.slice(2), 'base64').toString(), /^r=abc.{20,},s=.+,i=4096$/)
  void client.send('*\r\n')
  t.match(await client.line(), /^a BAD Authentication aborted by client/)
  void client.send('b AUTHENTICATE SCRAM-SHA-256\r\n')
  t.equal(await client.line(), '+ ')
  void client.send(`${Buffer.from('p=tls-unique,,n=two,r=abc').toString('base64')}\r\n`)
  t.match(await client.line(), /^b BAD /)
})
