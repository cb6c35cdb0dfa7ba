import { generateKeyPairSync } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { all } from '../../../actors/session/sasl/index.ts'
import { Databases } from '../../../workers/auth-lookup.ts'
import { RealFiles } from '../../../runtime/real-files.ts'
import { freePort } from '../../fixtures/server.ts'
import { OAuthProvider, jwt } from '../../fixtures/oauth-provider.ts'
import type { Asked, Said } from '../../fixtures/oauth-provider.ts'
import { authDouble, passdb, userdb } from './double.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const step = (name: string, message: string) =>
  all.find((mechanism) => mechanism.name === name)!.start({ bytes: (n) => new Uint8Array(n), below: () => 0 }).next(bytes(message))

t.test('OAUTHBEARER and XOAUTH2 messages', async (t) => {
  t.match(step('OAUTHBEARER', 'n,a=user@example.com,\u0001host=server.example.com\u0001port=143\u0001auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u0001\u0001'),
    { kind: 'credentials', username: 'user@example.com', password: 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==' }, 'RFC 7628 §4.1')
  t.match(step('OAUTHBEARER', 'y,a=us=2Cer=3D,\u0001auth=bearer  x\u0001\u0001'), { username: 'us,er=', password: 'x' })
  t.match(step('XOAUTH2', 'user=someuser@example.com\u0001auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\u0001\u0001'), { kind: 'credentials', username: 'someuser@example.com', password: 'ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg' })
  for (const message of ['', 'n,,', 'n,,\u0001auth=Bearer x\u0001\u0001', 'n,a=u,\u0001auth=Basic x\u0001\u0001', 'n,a=u,\u0001auth=Bearer \u0001\u0001', 'n,a=u,\u0001auth=Bearer x\u0001', 'p=y,a=u,\u0001auth=Bearer x\u0001\u0001',
    'n,a=u,\u0001auth=Bearer x y\u0001\u0001', 'n,a=u=,\u0001auth=Bearer x\u0001\u0001', 'n,a=u,\u0001\u0001', `n,a=u,\u0001auth=Bearer ${'x'.repeat(16385)}\u0001\u0001`]) t.equal(step('OAUTHBEARER', message).kind, 'error', JSON.stringify(message.slice(0, 40)))
  for (const message of ['', 'user=u\u0001\u0001', 'auth=Bearer x\u0001\u0001', 'user=\u0001auth=Bearer x\u0001\u0001', 'user=u\u0001auth=Bearer x\u0001']) t.equal(step('XOAUTH2', message).kind, 'error', JSON.stringify(message))
  t.equal(step('XOAUTH2', `user=u\u0001auth=Bearer ${'x'.repeat(16384)}\u0001\u0001`).kind, 'credentials')
})

/** A login with a token; its outcome, and what the log says last. */
async function outcome(t: Test, lines: string, token: string, user = 'Tim@Example.com'): Promise<string> {
  const args = path.join(t.testdir({}), 'oauth2.ext')
  fs.writeFileSync(args, lines)
  const auth = authDouble({ passdb: [passdb({ driver: 'oauth2', args, mechanisms: ['oauthbearer', 'xoauth2'] })], userdb: [userdb({ driver: 'static', args: 'allow_all_users=yes' })] })
  const answer = await auth.login(user, token, { mechanism: 'OAUTHBEARER' })
  t.notOk(JSON.stringify(auth.events).includes(token), 'no token in a log')
  if (answer.status === 'ok') return `ok ${answer.account.user} ${JSON.stringify(answer.account.fields)}`
  return `${answer.status} ${auth.events.at(-1)?.text?.replace(/^.*?\): /, '') ?? ''}`
}

async function provider(t: Test, answer: (asked: Asked) => Said | undefined): Promise<OAuthProvider> {
  const started = await OAuthProvider.start(answer)
  t.teardown(() => started.stop())
  return started
}

const good = { email: 'tim@EXAMPLE.com', scope: 'mail read', active: true, inner: { quota: '5M' }, list: ['a', 'b'] }

t.test('introspection', async (t) => {
  const { url, asked } = await provider(t, ({ url, authorization, body }) => {
    const token = authorization?.startsWith('Bearer ') ? authorization.slice(7) : new URLSearchParams(body).get('token') ?? url.split('token=')[1]
    return token === 'good' ? { json: good } : { status: 401, json: { error: 'invalid_token' } }
  })
  const mode = (mode: string, more = ''): string => `introspection_url = ${url}/at${mode === 'get' ? '?token=' : ''}\nintrospection_mode = ${mode}\n${more}`
  t.equal(await outcome(t, mode('auth', 'pass_attrs = userdb_quota_rule=*:bytes=%{oauth2:inner_quota} userdb_list=%{oauth2:list} userdb_none=%{oauth2:none:x}\n'), 'good'),
    'ok tim@example.com {"quota_rule":"*:bytes=5M","list":"a b","none":"x"}')
  t.same(asked.at(-1), { method: 'GET', url: '/at', authorization: 'Bearer good', body: '' })
  t.match(await outcome(t, mode('auth'), 'bad'), /^refused the provider says 401 invalid_token/)
  t.match(await outcome(t, mode('get'), 'good'), /^ok /)
  t.match(asked.at(-1), { url: '/at?token=good', authorization: undefined })
  t.match(await outcome(t, mode('post', 'client_id = me\nclient_secret = s&c\n').replace('http://', 'http://client:p%%40ss@').replace('%%', '%'), 'good'), /^ok /)
  t.same(asked.at(-1), { method: 'POST', url: '/at', authorization: `Basic ${Buffer.from('client:p@ss').toString('base64')}`, body: 'token=good&client_id=me&client_secret=s%26c' })
  t.match(await outcome(t, mode('post'), 'bad'), /^temporary the provider says 401/, 'there it is our own name that is not known')
  t.match(await outcome(t, mode('auth'), 'good', 'tom@example.com'), /^refused Username 'tom@example\.com' did not match 'tim@example\.com'/)
  t.match(await outcome(t, mode('auth', 'username_format = %Ld\n'), 'good', 'tom@example.com'), /^ok tom@example\.com/)
  t.match(await outcome(t, mode('auth', 'scope = read\n'), 'good'), /^ok /)
  t.match(await outcome(t, mode('auth', 'scope = write\n'), 'good'), /^refused Token is not valid for scope 'write'/)
  t.match(await outcome(t, mode('auth', 'active_attribute = active\nactive_value = true\n'), 'good'), /^ok /)
  t.match(await outcome(t, mode('auth', 'active_attribute = active\nactive_value = yes\n'), 'good'), /^refused User account is not active/)
  t.match(await outcome(t, mode('auth', 'active_attribute = enabled\n'), 'good'), /^refused User account is not active/)
  t.match(await outcome(t, mode('auth', 'username_attribute = uid\n'), 'good'), /^temporary the answer has no uid/)
})

t.test('connections are kept between logins', async (t) => {
  const { url, connections } = await OAuthProvider.start(() => ({ json: good })).then((started) => {
    t.teardown(() => started.stop())
    return { url: started.url, connections: () => started.connections }
  })
  const args = path.join(t.testdir({}), 'oauth2.ext')
  fs.writeFileSync(args, `introspection_url = ${url}/\n`)
  const databases = new Databases({ files: new RealFiles() })
  for (let n = 0; n < 5; n++) t.match(await databases.run({ kind: 'verify', driver: 'oauth2', args, variables: { user: 'tim@example.com' }, password: 'token' }), { status: 'ok' })
  t.equal(connections(), 1)
})

t.test('answers that are none', async (t) => {
  const answers: [said: Said | undefined, wanted: RegExp][] = [
    [{ json: { ...good, active: false } }, /^refused the token is not active/], [{ json: { ...good, exp: 1 } }, /^refused the token has expired/],
    [{ json: { ...good, expires_in: 0 } }, /^refused the token is not active/], [{ json: { active: false } }, /^refused /],
    [{ text: '[]' }, /^temporary .*not a JSON object/], [{ text: '{' }, /^temporary /], [{ text: 'x'.repeat(100_000) }, /^temporary .*too long/],
    [{ status: 500, json: {} }, /^temporary the provider says 500/], [{ status: 302, json: good, headers: { location: '/x' } }, /^temporary the provider says 302/],
    [{ status: 403, json: {} }, /^refused the provider says 403/], [undefined, /^temporary http:\/\/127\.0\.0\.1:\d+: no answer (from|within)/],
    [{ json: JSON.parse('{"__proto__": {"email": "tim@example.com"}, "constructor": 1}') }, /^temporary the answer has no email/],
  ]
  for (const [said, wanted] of answers) {
    const { url } = await provider(t, () => said)
    t.match(await outcome(t, `introspection_url = ${url}/\ntimeout_msecs = ${said === undefined ? 100 : 5000}\n`, 'sometoken'), wanted, JSON.stringify(said)?.slice(0, 60))
  }
  t.match(await outcome(t, `introspection_url = http://127.0.0.1:${await freePort()}/\n`, 'sometoken'), /^temporary .*ECONNREFUSED/)
})

t.test('token info, and more behind it; a password grant', async (t) => {
  const { url, asked } = await provider(t, ({ url, body }) => {
    if (url.startsWith('/info')) return url.endsWith('=good') ? { json: { expires_in: 100 } } : url.endsWith('=whole') ? { json: good } : { status: 400, json: { error: 'invalid_token' } }
    if (url === '/grant') return new URLSearchParams(body).get('password') === 'pw' ? { json: { access_token: 'bought', expires_in: 60 } } : { status: 400, json: { error: body.includes('odd') ? 'invalid_client' : 'invalid_grant' } }
    return { json: good }
  })
  const both = `tokeninfo_url = ${url}/info?token=\nintrospection_url = ${url}/more\n`
  t.match(await outcome(t, both, 'good'), /^ok /)
  t.same(asked.splice(0).map(({ url }) => url), ['/info?token=good', '/more'], 'who the user is says the second')
  t.match(await outcome(t, both, 'whole'), /^ok /)
  t.same(asked.splice(0).map(({ url }) => url), ['/info?token=whole'])
  t.match(await outcome(t, `${both}force_introspection = yes\n`, 'whole'), /^ok /)
  t.equal(asked.splice(0).length, 2)
  t.match(await outcome(t, both, 'bad'), /^refused the provider says 400 invalid_token/)
  asked.length = 0
  const grant = `grant_url = ${url}/grant\nuse_grant_password = yes\nclient_id = me\nclient_secret = secret\nintrospection_url = ${url}/more\npass_attrs = userdb_token=%{oauth2:access_token}\n`
  t.match(await outcome(t, grant, 'pw'), /^ok .*"token":"bought"/)
  t.match(asked, [{ method: 'POST', body: 'grant_type=password&username=tim%40example.com&password=pw&client_id=me&client_secret=secret' }, { url: '/more', authorization: 'Bearer bought' }])
  t.match(await outcome(t, grant, 'wrong'), /^refused the provider says 400 invalid_grant/)
  t.match(await outcome(t, grant, 'odd'), /^temporary the provider says 400/)
})

t.test('keys here', async (t) => {
  const secret = Buffer.from('0123456789abcdef0123456789abcdef')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const other = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
  const pem = (key: typeof rsa.publicKey): string => key.export({ type: 'spki', format: 'pem' }) as string
  const keys = t.testdir({
    default: { HS256: { default: `${secret.toString('base64')}\n`, 'a%2fb%25': secret.toString('base64') }, RS256: { one: pem(rsa.publicKey) }, ES256: { default: pem(ec.publicKey), wrong: pem(other.publicKey) }, HS512: { default: '!' } },
    app: { HS256: { default: secret.toString('base64') } },
  })
  const now = Math.floor(Date.now() / 1000)
  const claims = { sub: '1', exp: now + 100, email: 'tim@example.com', scope: 'mail' }
  const config = `local_validation_key_dict = fs:posix:prefix=${keys}/\n`
  const login = async (token: string, more = ''): Promise<string> => {
    const args = path.join(keys, 'oauth2.ext')
    fs.writeFileSync(args, config + more)
    const result = await new Databases({ files: new RealFiles() }).run({ kind: 'verify', driver: 'oauth2', args, variables: { user: 'tim@example.com', username: 'tim', domain: 'example.com' }, password: token })
    return `${result.status} ${result.reason ?? ''}`
  }
  const hs = { alg: 'HS256' }
  t.equal(await login(jwt(hs, claims, secret)), 'ok ')
  t.equal(await login(jwt({ alg: 'RS256', kid: 'one' }, claims, rsa.privateKey)), 'ok ')
  t.equal(await login(jwt({ alg: 'ES256', typ: 'JWT' }, claims, ec.privateKey)), 'ok ')
  t.equal(await login(jwt({ ...hs, kid: 'a/b%' }, claims, secret)), 'ok ')
  t.equal(await login(jwt(hs, { ...claims, azp: 'app', aud: ['x', 'me'], iss: 'https://i' }, secret), 'client_id = me\nissuers = https://i https://j\nscope = mail\n'), 'ok ')
  const bad: [token: string, wanted: RegExp, more?: string][] = [
    [jwt(hs, claims, Buffer.from('x')), /^mismatch the signature is wrong/], [jwt(hs, { ...claims, exp: now - 1 }, secret), /expired/], [jwt(hs, { ...claims, exp: undefined }, secret), /no exp/],
    [jwt(hs, { ...claims, exp: 'never' }, secret), /expired/], [jwt(hs, { ...claims, nbf: now + 1000 }, secret), /not valid yet/], [jwt(hs, { ...claims, iat: now + 1000 }, secret), /not valid yet/],
    [jwt(hs, { ...claims, sub: undefined }, secret), /no sub/], [jwt({ ...hs, crit: ['x'] }, claims, secret), /critical/], [jwt({ ...hs, kid: '../../app/HS256/default' }, claims, secret), /names no key/],
    [jwt(hs, { ...claims, azp: '..' }, secret), /names no key/], [jwt({ ...hs, kid: 'nothing' }, claims, secret), /there is no key/], [jwt({ alg: 'HS384' }, claims, secret), /there is no key/],
    // The public key as a secret: the algorithm is not the token's to choose (RFC 8725 §2.1).
    [jwt({ ...hs, kid: 'one' }, claims, Buffer.from(pem(rsa.publicKey))), /there is no key/],
    [`${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`, /unsupported algorithm/],
    [jwt({ alg: 'ES256', kid: 'wrong' }, claims, other.privateKey), /^temporary the key is none of ES256/], [jwt({ alg: 'HS512' }, claims, secret), /^temporary .*not base64/],
    [jwt(hs, claims, secret), /not meant for client_id/, 'client_id = me\n'], [jwt(hs, claims, secret), /issuer 'undefined' is not allowed/, 'issuers = https://i\n'],
    [jwt(hs, claims, secret), /not valid for scope/, 'scope = admin\n'], [jwt(hs, { ...claims, email: 'tom@example.com' }, secret), /did not match/], ['opaque', /^mismatch Not a JWT token/], ['a.b.c', /Not a JWT/], ['a.b', /Not a JWT/],
  ]
  for (const [token, wanted, more] of bad) t.match(await login(token, more), wanted)
  const valid = jwt(hs, claims, secret)
  t.match(await login(valid.slice(0, -2)), /signature/)
  t.match(await login(valid.replace('.', '.A')), /^mismatch/)
})

t.test('files that cannot work', async (t) => {
  const opening = (text: string): void => {
    const args = path.join(t.testdir({}), 'oauth2.ext')
    fs.writeFileSync(args, text)
    new Databases({ files: new RealFiles() }).passdb('oauth2', args)
  }
  const errors: [string, RegExp][] = [
    ['', /nobody to ask/], ['introspection_url = ldap://x\n', /not an http/], ['introspection_url = http://x\nintrospection_mode = put\n', /unknown value 'put'/], ['introspection_url = http://x\nuser_attribute = x\n', /unknown setting 'user_attribute'/],
    ['introspection_url = http://x\npass_attrs = a=%{nothing}\n', /:2: pass_attrs: unknown variable/], ['local_validation_key_dict = fs:posix:prefix=keys\n', /must be fs:posix/], ['introspection_mode = local\nintrospection_url = http://x\n', /needs local_validation/],
    ['use_grant_password = yes\nintrospection_url = http://x\n', /needs grant_url/], ['introspection_url = https://x\ntls_ca_cert_file = /no/such/file\n', /tls_ca_cert_file: ENOENT/],
  ]
  for (const [text, wanted] of errors) t.throws(() => opening(text), { message: wanted }, text)
})
