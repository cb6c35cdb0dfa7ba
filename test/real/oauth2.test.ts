// Logins with bearer tokens by other people's clients, imapflow and curl, over a provider of the test's own; and with a token
// that is signed.

import fs from 'node:fs'
import path from 'node:path'
import { ImapFlow } from 'imapflow'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { OAuthProvider, jwt } from '../fixtures/oauth-provider.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'

const absent = requirePackages(['curl'])
const secret = Buffer.from('0123456789abcdef0123456789abcdef')

void t.test('bearer tokens', { timeout: 120_000 }, async (t) => {
  let away = false
  const provider = await OAuthProvider.start(({ authorization }) => (away ? { status: 503, json: {} }
    : authorization === 'Bearer opaque-token' ? { json: { email: 'tim@example.com' } } : { status: 401, json: { error: 'invalid_token' } }))
  t.teardown(() => provider.stop())
  const keys = t.testdir({ default: { HS256: { default: secret.toString('base64') } } })
  const file = path.join(keys, 'dovecot-oauth2.conf.ext')
  fs.writeFileSync(file, `introspection_url = ${provider.url}/userinfo\nlocal_validation_key_dict = fs:posix:prefix=${keys}/\n`)
  const databases = `
passdb {
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = ${file}
}
passdb {
  driver = static
  mechanisms = plain login
  args = password=secret
}
userdb {
  driver = static
  args = home=${keys}/home/%u
}`
  const server = await TestServer.start({ databases, config: 'auth_mechanisms = plain oauthbearer xoauth2\nauth_verbose = yes' })
  t.teardown(() => server.stop())
  const token = jwt({ alg: 'HS256' }, { sub: 'x', exp: Math.floor(Date.now() / 1000) + 600, email: 'tim@example.com', long: 'x'.repeat(6000) }, secret)

  for (const [name, accessToken, good] of [['opaque', 'opaque-token', true], ['signed', token, true], ['wrong', 'nonsense', false], ['forged', `${token.slice(0, -3)}abc`, false]] as const) {
    const client = new ImapFlow({ host: '127.0.0.1', port: server.imapPort, secure: false, auth: { user: 'tim@example.com', accessToken }, logger: false })
    const outcome = await client.connect().then(() => 'in', (error: { authenticationFailed?: boolean }) => (error.authenticationFailed === true ? 'refused' : String(error)))
    t.equal(outcome, good ? 'in' : 'refused', `imapflow, ${name} token`)
    if (good) await client.logout()
  }
  t.match(server.output, /Login: user=<tim@example\.com>, method=(OAUTHBEARER|XOAUTH2), rip=127\.0\.0\.1/)

  if (absent.length === 0) {
    for (const [mechanism, bearer, code] of [['OAUTHBEARER', 'opaque-token', 0], ['XOAUTH2', 'opaque-token', 0], ['OAUTHBEARER', 'nonsense', 67], ['XOAUTH2', 'nonsense', 67]] as const) {
      const run = await runProgram('curl', ['-s', '--login-options', `AUTH=${mechanism}`, '-u', 'tim@example.com:', '--oauth2-bearer', bearer, `imap://127.0.0.1:${server.imapPort}/`])
      t.equal(run.code, code, `curl, ${mechanism}, ${bearer}`)
    }
  }

  const client = await LineClient.connect(server.imapPort)
  t.teardown(() => client.close())
  await client.line()
  const message = (user: string, bearer: string): string => Buffer.from(`n,a=${user},\u0001host=x\u0001port=143\u0001auth=Bearer ${bearer}\u0001\u0001`).toString('base64')
  for (const answer of ['AQ==', '*', 'nonsense!']) {
    void client.send(`a AUTHENTICATE OAUTHBEARER ${message('tim@example.com', 'nonsense')}\r\n`)
    const challenge = (await client.line())!
    t.equal(Buffer.from(challenge.slice(2), 'base64').toString(), '{"status":"invalid_token","schemes":"bearer"}')
    void client.send(`${answer}\r\n`)
    t.equal(await client.line(), 'a NO [AUTHENTICATIONFAILED] Authentication failed.', 'whatever the client says to that')
  }
  void client.send(`b AUTHENTICATE OAUTHBEARER ${message('tom@example.com', 'opaque-token')}\r\n`)
  t.match(await client.line(), /^\+ /)
  void client.send('AQ==\r\n')
  t.equal(await client.line(), 'b NO [AUTHENTICATIONFAILED] Authentication failed.', 'a token of somebody else')
  client.close()
  away = true
  const other = await LineClient.connect(server.imapPort)
  await other.line()
  t.match((await other.command('a', `AUTHENTICATE OAUTHBEARER ${message('tim@example.com', 'opaque-token')}`)).at(-1), /^a NO \[UNAVAILABLE\]/, 'a provider that is away refuses nobody')
  t.match((await other.command('b', 'LOGIN somebody secret')).at(-1), /^b OK /, 'and passwords are not its business')
  other.close()
  t.notMatch(server.output, /opaque-token|nonsense/, 'no token in the log')
})
