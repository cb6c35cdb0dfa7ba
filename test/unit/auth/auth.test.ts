import t from 'tap'
import type { AuthAnswer } from '../../../actors/auth-messages.ts'
import type { LookupResult, LookupTask } from '../../../actors/auth/lookup.ts'
import { authDouble, passdb, userdb } from './double.ts'

const fixed = (password = 'pw', more = '') => passdb({ driver: 'static', args: `password=${password} ${more}` })
const everybody = userdb({ driver: 'static', args: 'allow_all_users=yes' })
const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false
  void promise.then(() => { settled = true })
  for (let n = 0; n < 50; n++) await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  return settled
}
const okUser = (answer: AuthAnswer): string | undefined => (answer.status === 'ok' ? answer.account.user : undefined)

t.test('names', async (t) => {
  const settings = { passdb: [fixed()], userdb: [everybody] }
  t.equal(okUser(await authDouble(settings).login('Tim@EXAMPLE.com', 'pw')), 'tim@example.com', 'auth_username_format is %Lu')
  t.equal(okUser(await authDouble({ ...settings, auth_username_format: '%Ln' }).login('Tim@EXAMPLE.com', 'pw')), 'tim')
  t.equal(okUser(await authDouble({ ...settings, auth_username_format: '' }).login('Tim', 'pw')), 'Tim')
  t.equal(okUser(await authDouble({ ...settings, auth_default_realm: 'example.com' }).login('tim', 'pw')), 'tim@example.com')
  t.equal(okUser(await authDouble({ ...settings, auth_username_translation: '%@#@' }).login('tim#example.com', 'pw')), 'tim@example.com')
  const strict = authDouble(settings)
  for (const name of ['', 'a b', 'a/b', 'tim\0', 'grün', 'a%u']) t.same(await strict.login(name, 'pw'), { status: 'refused' }, JSON.stringify(name))
  t.equal(strict.tasks.length, 0, 'and no database was asked')
  t.match(strict.events.at(-1)?.text, /disallowed by auth_username_chars: 0x25/)
  t.same(await strict.lookup('a b'), { status: 'unknown' })
  await strict.login('x,203.0.113.9,y): Unknown user', 'pw')
  t.match(strict.events.at(-1)?.text, /^auth\(x\?203\.0\.113\.9\?y\?: Unknown user,192\.0\.2\.1,<s1>\): Username character disallowed/, 'and none says that it is of another address')
  const lax = authDouble({ ...settings, auth_username_chars: '' })
  t.equal(okUser(await lax.login('grün', 'pw')), 'grün')
  t.match(await lax.login('../tim', 'pw'), { status: 'temporary' }, 'a name must not climb out of mail_home')
})

t.test('passwords', async (t) => {
  const auth = authDouble({ passdb: [passdb({ driver: 'static', args: 'nopassword=yes' })], userdb: [everybody] })
  t.match(await auth.login('a', 'whatever'), { status: 'ok' })
  t.same(await auth.login('a', ''), { status: 'refused' }, 'never an empty one')
  const both = authDouble({ passdb: [fixed('pw', 'nopassword=yes')], userdb: [everybody] })
  t.same(await both.login('a', 'whatever'), { status: 'refused' }, 'where there is a password, it is needed')
  t.match(both.events.at(-1)?.text, /nopassword does not count beside a password/)
  t.match(await both.login('a', 'pw'), { status: 'ok' })
  const unknown = authDouble({ passdb: [fixed('{CRYPT}$md5$salt$hash')], userdb: [everybody] })
  t.same(await unknown.login('a', 'pw'), { status: 'temporary' }, 'a hash that nobody here can compute says nothing of the password')
  t.match(unknown.events.at(-1), { level: 'error', text: 'static(a,192.0.2.1,<s1>): crypt $md5$ is not supported: use $2y$, $5$ or $6$' })
  const bare = authDouble({ passdb: [passdb({ driver: 'static', args: 'password_noscheme={x}pw' })], userdb: [everybody] })
  t.match(await bare.login('a', '{x}pw'), { status: 'ok' }, 'password_noscheme')
  const other = authDouble({ passdb: [fixed()], userdb: [everybody] })
  t.same(await other.login('a', 'PW'), { status: 'refused' })
  t.equal(other.events.at(-1)?.text, 'static(a,192.0.2.1,<s1>): Password mismatch')
  t.equal(other.events.at(-1)?.level, 'info')
  t.notOk(JSON.stringify(other.events).includes('PW'), 'no password in a log')
  const quiet = authDouble({ passdb: [fixed()], userdb: [everybody], auth_verbose: false })
  await quiet.login('a', 'x')
  t.equal(quiet.events.at(-1)?.level, 'debug')
  t.same(await authDouble({}).login('a', 'x'), { status: 'refused' }, 'without a passdb nobody logs in')
})

t.test('a refusal takes auth_failure_delay from the request on', async (t) => {
  const auth = authDouble({ passdb: [fixed()], userdb: [everybody], auth_failure_delay: 2000 })
  const refused = auth.login('a', 'wrong')
  t.equal(await isSettled(refused), false)
  auth.hand.advance(1999)
  t.equal(await isSettled(refused), false)
  auth.hand.advance(1)
  t.same(await refused, { status: 'refused' })
  t.match(await auth.login('a', 'pw'), { status: 'ok' }, 'a success does not wait')
  const last = auth.login('a', 'wrong')
  await isSettled(last)
  await auth.actor.stop(0)
  t.same(await last, { status: 'refused' }, 'stopping waits for nobody')
  t.equal(auth.hand.waiting, 0)
})

t.test('the fields of a passdb', async (t) => {
  const login = (more: string, password = 'pw'): Promise<AuthAnswer> =>
    authDouble({ passdb: [fixed('pw', more)], userdb: [userdb({ driver: 'prefetch' }), everybody] }).login('a', password)
  t.same(await login('nologin reason=Moved'), { status: 'disabled', reason: 'Moved' })
  t.same(await login('nologin'), { status: 'disabled' })
  t.same(await login('nologin host=b.example.com'), { status: 'disabled', elsewhere: { host: 'b.example.com', user: 'a' } })
  t.same(await login('nologin host=::1 port=1143 destuser=b@x reason=Moved'), { status: 'disabled', reason: 'Moved', elsewhere: { host: '::1', port: 1143, user: 'b@x' } })
  t.same(await login('nologin host=evil/][ port=x'), { status: 'disabled' }, 'no host at all')
  t.match(await login('nologin proxy host=b.example.com'), { status: 'proxy', to: { host: 'b.example.com' } }, 'what is for a proxy goes there, and not by the client')
  t.same(await login('nologin proxy_maybe host=192.0.2.9'), { status: 'disabled' })
  t.match(await login('host=b.example.com'), { status: 'ok' })
  t.same(await login('nologin', 'wrong'), { status: 'refused' }, 'only who has the password learns that')
  t.match(await login('allow_nets=10.0.0.0/8,192.0.2.0/24'), { status: 'ok' })
  t.same(await login('allow_nets=10.0.0.0/8,local'), { status: 'refused' })
  t.match(await login('allow_nets=nonsense'), { status: 'temporary' })
  t.equal(okUser(await login('user=b@%s')), 'b@imap', 'user= is the name from here on')
  t.same(await login('userdb_home=/srv/%u userdb_quota_rule=*:storage=5M'),
    { status: 'ok', account: { user: 'a', home: '/srv/a', fields: { quota_rule: '*:storage=5M' } } }, 'prefetch')
})

t.test('default_fields and override_fields', async (t) => {
  const auth = authDouble({
    passdb: [passdb({ driver: 'static', args: 'password=pw userdb_x=found', default_fields: 'userdb_x=default userdb_y=default', override_fields: 'userdb_z=%Uu' })],
    userdb: [userdb({ driver: 'prefetch', default_fields: 'y=no w=default', override_fields: 'home=/over/%{userdb:x}' })],
  })
  t.same(await auth.login('a', 'pw'), { status: 'ok', account: { user: 'a', home: '/over/found', fields: { x: 'found', y: 'default', z: 'A', w: 'default' } } })
})

t.test('fields that mend others, and names in parts', async (t) => {
  const auth = authDouble({
    passdb: [
      passdb({ driver: 'static', args: 'password=pw userdb_a=1 userdb_b=1 userdb_c=1 forward_x=1', result_success: 'continue' }),
      passdb({
        driver: 'static', args: 'password=no domain=example.com userdb_a:protected=2 userdb_b=2 userdb_c:remove userdb_d:protected=2 userdb_userdb_import=e=2',
        override_fields: 'username=%Uu userdb_d:protected=3',
      }),
    ],
    userdb: [userdb({ driver: 'prefetch', override_fields: 'a:remove b:protected=4 f:protected=4' }), everybody],
  })
  t.same(await auth.login('a', 'pw'), { status: 'ok', account: { user: 'A@example.com', home: '/home/A@example.com', fields: { b: '2', d: '2', e: '2', f: '4' } } })
  t.equal(okUser(await authDouble({ passdb: [fixed('pw', 'username=b domain=x')], userdb: [everybody] }).login('a@y', 'pw')), 'b@x')
  const empty = authDouble({ passdb: [fixed('pw', 'user=')], userdb: [everybody] })
  t.same(await empty.login('a', 'pw'), { status: 'refused' }, 'nobody without a name')
  t.match(empty.events.at(-1), { level: 'error', text: 'static(a,192.0.2.1,<s1>): username attempted to be changed to empty' })
})

t.test('allow_real_nets is about the proxy', async (t) => {
  const auth = authDouble({ passdb: [fixed('pw', 'allow_real_nets=10.0.0.0/8 userdb_x=%{real_rip}')], userdb: [userdb({ driver: 'prefetch' })] })
  t.match(await auth.login('a', 'pw', { peer: { ip: '10.0.0.1', port: 1 } }), { status: 'ok', account: { fields: { x: '10.0.0.1' } } })
  t.same(await auth.login('a', 'pw', { peer: { ip: '192.0.2.1', port: 1 }, remote: { ip: '10.0.0.1', port: 1 } }), { status: 'refused' })
  t.match(auth.events.at(-1)?.text, /allow_real_nets check failed/)
  t.same(await auth.login('a', 'pw'), { status: 'refused' }, 'who comes by himself is his own peer')
})

t.test('delay_until holds the answer back', async (t) => {
  const of = (value: string) => authDouble({ passdb: [fixed('pw', `delay_until=${value}`)], userdb: [everybody] })
  const auth = of('100+7')
  const answer = auth.login('a', 'pw')
  t.equal(await isSettled(answer), false)
  auth.hand.advance(99_999)
  t.equal(await isSettled(answer), false)
  auth.hand.advance(1)
  t.match(await answer, { status: 'ok' })
  t.match(await auth.login('a', 'pw'), { status: 'ok' }, 'a time that has passed delays nobody')
  for (const [value, said] of [['9999999', /too much in the future/], ['soon', /Invalid delay_until 'soon'/]] as const) {
    const wrong = of(value)
    t.same(await wrong.login('a', 'pw'), { status: 'refused' }, value)
    t.match(wrong.events.at(-1), { level: 'error', text: said })
  }
})

t.test('login_user makes a master of whoever logs in', async (t) => {
  const passdbs = [passdb({ driver: 'static', args: 'password=pw login_user=tim', username_filter: ['admin'], result_success: 'continue' }), fixed('other', 'userdb_x=%u:%{auth_user}')]
  const auth = authDouble({ passdb: passdbs, userdb: [userdb({ driver: 'prefetch' })] })
  t.match(await auth.login('admin', 'pw'), { status: 'ok', account: { user: 'tim', fields: { x: 'tim:admin' } } })
  t.same(await auth.login('tim', 'pw'), { status: 'refused' })
  const ever = authDouble({ passdb: [passdb({ driver: 'static', args: 'password=pw login_user=tim', result_success: 'continue' })], userdb: [everybody] })
  t.equal(okUser(await ever.login('admin', 'pw')), 'tim', 'once')
})

/** Databases that answer by their args: `ok`, `mismatch`, `unknown`, `temporary`, with more words as fields. */
const scripted = async (task: LookupTask): Promise<LookupResult> => {
  const [status = '', ...fields] = task.args.split(' ')
  if (status === 'throw') throw new Error('died')
  return { status: status as LookupResult['status'], fields: Object.fromEntries(fields.map((field) => field.split('=') as [string, string])) }
}
const chain = (...passdbs: Parameters<typeof passdb>[0][]) =>
  authDouble({ passdb: passdbs.map((given) => passdb({ driver: 'x', ...given })), userdb: [] }, scripted)

t.test('sequences of passdbs', async (t) => {
  const status = async (...passdbs: Parameters<typeof passdb>[0][]) => (await chain(...passdbs).login('a', 'pw')).status
  t.equal(await status({ args: 'unknown' }, { args: 'ok' }), 'ok', 'the second one knows')
  t.equal(await status({ args: 'mismatch' }, { args: 'unknown' }), 'refused')
  t.equal(await status({ args: 'temporary' }, { args: 'ok' }), 'ok')
  t.equal(await status({ args: 'throw' }, { args: 'ok' }), 'ok', 'a dead worker is a database that is away')
  t.equal(await status({ args: 'temporary' }, { args: 'unknown' }), 'temporary', 'it might have been in the first one')
  t.equal(await status({ args: 'unknown' }, { args: 'throw' }), 'temporary')
  t.equal(await status({ args: 'mismatch', result_failure: 'return' }, { args: 'ok' }), 'refused')
  t.equal(await status({ args: 'mismatch', result_failure: 'return-fail' }, { args: 'ok' }), 'refused')
  t.equal(await status({ args: 'temporary', result_internalfail: 'return-fail' }, { args: 'ok' }), 'temporary')
  t.equal(await status({ args: 'ok', result_success: 'return-fail' }), 'refused')
  t.equal(await status({ args: 'ok', result_success: 'continue-fail' }, { args: 'unknown' }), 'refused')
  t.equal(await status({ args: 'ok', result_success: 'continue' }, { args: 'unknown' }), 'refused', 'the password alone is not enough')
  t.equal(await status({ args: 'ok', result_success: 'continue-ok' }, { args: 'unknown' }), 'ok')
  t.equal(await status({ args: 'ok', result_success: 'continue-ok' }, { args: 'temporary' }), 'ok')
  t.equal(await status({ args: 'ok', result_success: 'continue-ok' }, { args: 'temporary', skip: 'authenticated' }), 'ok')
  t.equal(await status({ args: 'mismatch' }, { args: 'ok', skip: 'unauthenticated' }), 'refused')
  t.equal(await status({ args: 'ok', deny: true }, { args: 'ok' }), 'refused')
  t.equal(await status({ args: 'unknown', deny: true }, { args: 'ok' }), 'ok')
  t.equal(await status({ args: 'temporary', deny: true }, { args: 'ok' }), 'temporary')
  t.equal(await status({ args: 'ok', mechanisms: ['login'] }), 'refused')
  t.equal(await status({ args: 'ok', mechanisms: ['!login'] }), 'ok')
  t.equal(await status({ args: 'ok', username_filter: ['*@example.com'] }), 'refused')
  t.equal(await status({ args: 'ok', username_filter: ['?', '!b'] }), 'ok')
})

t.test('after "continue" the next passdb is asked without the password', async (t) => {
  const auth = chain({ args: 'ok', result_success: 'continue' }, { args: 'ok user=b userdb_home=/srv/b' })
  t.same(await auth.login('a', 'master-password'), { status: 'ok', account: { user: 'b', home: '/srv/b', fields: {} } })
  t.same(auth.tasks.map((task) => [task.kind, 'password' in task]), [['verify', true], ['find', false]])
})

t.test('whether the next passdb is asked for the password, too', async (t) => {
  const kinds = async (first: Parameters<typeof passdb>[0]): Promise<string[]> => {
    const auth = chain(first, { args: 'mismatch' })
    await auth.login('a', 'pw')
    return auth.tasks.map(({ kind }) => kind)
  }
  t.same(await kinds({ args: 'ok', result_success: 'continue' }), ['verify', 'find'])
  t.same(await kinds({ args: 'ok', result_success: 'continue-ok' }), ['verify', 'find'])
  t.same(await kinds({ args: 'ok', result_success: 'continue-fail' }), ['verify', 'verify'], 'it has failed so far: both must know it')
  t.same(await kinds({ args: 'unknown' }), ['verify', 'verify'])
  t.same(await kinds({ args: 'unknown', result_failure: 'continue-ok' }), ['verify', 'find'], 'it is as good as right')
  t.same(await kinds({ args: 'temporary', result_internalfail: 'continue-ok' }), ['verify', 'find'])
})

t.test('fields of a failed look-up are forgotten', async (t) => {
  const auth = chain({ args: 'ok allow_nets=10.0.0.1 nologin=y user=evil' }, { args: 'ok' })
  t.equal(okUser(await auth.login('a', 'pw')), 'a')
})

t.test('master users', async (t) => {
  const passdbs = [passdb({ driver: 'x', args: 'ok', master: true, result_success: 'continue' }), passdb({ driver: 'x', args: 'ok userdb_x=1' })]
  const auth = authDouble({ passdb: passdbs, auth_master_user_separator: '*' }, scripted)
  t.equal(okUser(await auth.login('Admin', 'pw', { authzid: 'Tim' })), 'tim')
  t.same(auth.tasks.map((task) => [task.kind, task.variables['user']]), [['verify', 'admin'], ['find', 'tim']])
  t.equal(okUser(await auth.login('tim*admin', 'pw')), 'tim', 'by separator')
  t.equal(okUser(await auth.login('tim', 'pw', { authzid: 'tim' })), 'tim', 'oneself is no master')
  const none = chain({ args: 'ok' })
  t.same(await none.login('admin', 'pw', { authzid: 'tim' }), { status: 'refused' })
  t.equal(none.tasks.length, 0)
  const unknown = authDouble({ passdb: [passdbs[0]!, passdb({ driver: 'x', args: 'unknown' })] }, scripted)
  t.same(await unknown.login('admin', 'pw', { authzid: 'tim' }), { status: 'refused' }, 'a master cannot be somebody who is not')
})

t.test('sequences of userdbs', async (t) => {
  const status = async (...userdbs: Parameters<typeof userdb>[0][]) =>
    (await authDouble({ userdb: userdbs.map((given) => userdb({ driver: 'x', ...given })) }, scripted).lookup('a')).status
  t.equal(await status({ args: 'unknown' }, { args: 'ok' }), 'ok')
  t.equal(await status({ args: 'unknown' }, { args: 'temporary' }), 'temporary')
  t.equal(await status({ args: 'temporary' }, { args: 'unknown' }), 'temporary', 'never unknown while one is away')
  t.equal(await status({ args: 'throw' }), 'temporary')
  t.equal(await status({ args: 'unknown' }), 'unknown')
  t.equal(await status({ driver: 'prefetch' }), 'unknown', 'nothing was fetched before')
  t.equal(await status({ args: 'ok', result_success: 'return-fail' }), 'unknown')
  t.equal(await status({ args: 'ok', result_success: 'continue-ok' }, { args: 'unknown', skip: 'found' }), 'ok')
  t.equal(await status({ args: 'ok tempfail=yes' }), 'temporary')
})

t.test('a user without a userdb entry cannot be logged in, and may try again', async (t) => {
  const auth = authDouble({ passdb: [passdb({ driver: 'x', args: 'ok' })], userdb: [userdb({ driver: 'x', args: 'unknown' })] }, scripted)
  t.same(await auth.login('a', 'pw'), { status: 'temporary' })
  t.match(auth.events.at(-1), { level: 'error', text: /not found from any userdb/ })
})

t.test('the static userdb believes the passdb about who exists', async (t) => {
  const lookup = async (args: string, passdbArgs: string): Promise<AuthAnswer> =>
    authDouble({ passdb: [passdb({ driver: 'x', args: passdbArgs })], userdb: [userdb({ driver: 'static', args })] },
      async (task) => (task.driver === 'static' ? { status: 'ok', fields: { home: '/srv' } } : scripted(task))).lookup('a')
  t.match(await lookup('home=/srv', 'ok'), { status: 'ok', account: { home: '/srv' } })
  t.match(await lookup('home=/srv', 'ok user=b'), { status: 'ok', account: { user: 'b' } })
  t.match(await lookup('home=/srv', 'unknown'), { status: 'unknown' })
  t.match(await lookup('home=/srv', 'temporary'), { status: 'temporary' })
  t.match(await lookup('home=/srv allow_all_users=yes', 'unknown'), { status: 'ok' })
})

t.test('homes', async (t) => {
  const home = async (mail_home: string, args = 'allow_all_users=y') => {
    const answer = await authDouble({ mail_home, userdb: [userdb({ driver: 'static', args })] }).lookup('tim@example.com')
    return answer.status === 'ok' ? answer.account.home : answer.status
  }
  t.equal(await home('/var/vmail/%2Mu/%u'), '/var/vmail/f2/tim@example.com')
  t.equal(await home('/x', 'allow_all_users=y home=/srv/%d/%n'), '/srv/example.com/tim', 'userdb first')
  t.equal(await home('/x', 'allow_all_users=y mail_home=/own/%n'), '/own/tim', 'or its mail_home')
  t.equal(await home(''), 'temporary')
  t.equal(await home('relative/%u'), 'temporary')
  t.equal(await home('/x/../y'), 'temporary')
})

t.test('equal look-ups that run together are made once', async (t) => {
  const waiting: (() => void)[] = []
  const auth = authDouble({ passdb: [passdb({ driver: 'x', args: 'ok' })] }, async (task) => {
    await new Promise<void>((resolve) => { waiting.push(resolve) })
    return scripted(task)
  })
  const logins = [
    auth.login('a', 'pw', { session: '1', remote: { ip: '192.0.2.1', port: 1 } }),
    auth.login('a', 'pw', { session: '2', remote: { ip: '192.0.2.1', port: 2 } }),
    auth.login('a', 'other'),
    auth.login('b', 'pw'),
  ]
  await isSettled(Promise.all(logins))
  t.equal(auth.tasks.length, 3)
  for (const release of waiting) release()
  t.same((await Promise.all(logins)).map(okUser), ['a', 'a', 'a', 'b'])
  const again = auth.login('a', 'pw')
  await isSettled(again)
  t.equal(auth.tasks.length, 4, 'nothing is remembered')
  waiting.at(-1)?.()
  await again
})

t.test('what a proxy forwards is there for the databases', async (t) => {
  const auth = authDouble({
    passdb: [passdb({ driver: 'static', args: 'password=pw userdb_site=%{passdb:forward_site}' })],
    userdb: [userdb({ driver: 'prefetch' }), everybody],
  })
  t.match(await auth.login('a', 'pw', { forward: { site: 'dc1' } }), { account: { fields: { site: 'dc1' } } })
  t.match(auth.tasks[0]?.variables, { passdb: { forward_site: 'dc1' } })
  await auth.login('a', 'pw')
  t.same(auth.tasks.at(-1)?.variables['passdb'], {})
  await auth.lookup('a', { forward: { site: 'dc2' } })
  t.match(auth.tasks.at(-1)?.variables, { passdb: { forward_site: 'dc2' } })
})

t.test('client certificates', async (t) => {
  const settings = { passdb: [fixed()], userdb: [everybody] }
  const tls = (certificate?: { valid: boolean; name?: string }) => ({ tls: { protocol: 'TLSv1.3', cipher: 'x', ...(certificate === undefined ? {} : { certificate }) } })
  const named = { ...settings, auth_ssl_username_from_cert: true }
  const external = { mechanism: 'EXTERNAL' }
  const alice = tls({ valid: true, name: 'Alice' })
  t.equal(okUser(await authDouble(named).login('', '', { ...external, ...alice })), 'alice', 'normalised as any name')
  t.equal(okUser(await authDouble(named).login('bob', 'pw', alice)), 'alice', 'the certificate names the user')
  t.same(await authDouble(named).login('bob', 'wrong', alice), { status: 'refused' }, 'and proves it to EXTERNAL alone')
  t.same(await authDouble(named).login('alice', '', alice), { status: 'refused' }, 'an empty password is none')
  t.same(await authDouble(settings).login('', '', { ...external, ...alice }), { status: 'refused' }, 'without auth_ssl_username_from_cert nobody is named')
  for (const certificate of [undefined, { valid: false, name: 'alice' }, { valid: true }]) {
    t.same(await authDouble(named).login('', '', { ...external, ...tls(certificate) }), { status: 'refused' }, JSON.stringify(certificate))
  }
  t.same(await authDouble(named).login('alice', '', { ...external, ...tls({ valid: false, name: 'alice' }) }), { status: 'refused' }, 'whatever name the session says')
  t.equal(okUser(await authDouble(named).login('bob', 'pw', tls({ valid: false, name: 'alice' }))), 'bob', 'a bad certificate names nobody')
  t.same(await authDouble(named).login('', '', { ...external, ...alice, authzid: 'bob' }), { status: 'refused' }, 'no master passdb, no other user')
  const masters = { ...named, passdb: [passdb({ driver: 'static', args: 'password=x', master: true }), fixed()] }
  t.equal(okUser(await authDouble(masters).login('', '', { ...external, ...alice, authzid: 'bob' })), 'bob', 'a master user by certificate')
  const separated = { ...masters, auth_master_user_separator: '*', auth_username_chars: '' }
  t.equal(okUser(await authDouble(separated).login('', '', { ...external, ...tls({ valid: true, name: 'bob*alice' }) })), 'bob*alice', 'a certificate names one user')
  const demanded = { ...settings, auth_ssl_require_client_cert: true }
  t.same(await authDouble(demanded).login('alice', 'pw'), { status: 'refused' })
  t.same(await authDouble(demanded).login('alice', 'pw', tls({ valid: false, name: 'alice' })), { status: 'refused' })
  t.equal(okUser(await authDouble(demanded).login('bob', 'pw', alice)), 'bob')
})
