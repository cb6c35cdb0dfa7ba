import t from 'tap'
import { authDouble, passdb, userdb } from './double.ts'

const everybody = userdb({ driver: 'static', args: 'allow_all_users=yes' })
const auth = (fields: string, more: object = {}) => authDouble({ passdb: [passdb({ driver: 'static', args: `password=pw ${fields}` })], userdb: [everybody], ...more })

t.test('fields that make a proxy', async (t) => {
  t.same(await auth('proxy=y host=192.0.2.5').login('tim', 'pw'), {
    status: 'proxy', to: { host: '192.0.2.5', user: 'tim', renamed: false, password: 'pw', tls: 'none', verify: true, trusted: true, patient: false, forward: {} },
  })
  t.same(await auth('proxy=y host=b.example.com port=1143 destuser=tom@%d pass=x master=boss proxy_mech=plain proxy_timeout=5 ssl=any-cert proxy_not_trusted=y proxy_nopipelining=y forward_site=dc1').login('tim@d', 'pw', { forward: { tier: 'gold' } }), {
    status: 'proxy', to: {
      host: 'b.example.com', port: 1143, user: 'tom@d', renamed: true, password: 'x', master: 'boss', mechanism: 'PLAIN', timeoutMs: 5000, tls: 'implicit', verify: false, trusted: false, patient: true, forward: { tier: 'gold', site: 'dc1' },
    },
  })
  t.match(await auth('proxy=y host=b proxy_timeout=300ms starttls=yes').login('tim', 'pw'), { to: { timeoutMs: 300, tls: 'starttls', verify: true } })
  t.match(await auth('proxy=y host=name hostip=192.0.2.9').login('tim', 'pw'), { to: { host: '192.0.2.9' } })
  t.match(await auth('proxy=y host=b nologin=y').login('tim', 'pw'), { status: 'proxy' })
  t.match(await auth('proxy=no host=b').login('tim', 'pw'), { status: 'ok' })
  t.match(await auth('proxy=y host=b').login('tim', 'wrong'), { status: 'refused' })
  for (const fields of ['proxy=y', 'proxy=y host=a/b', 'proxy=y host=b port=0', 'proxy=y host=b port=x', 'proxy=y host=b proxy_timeout=never']) {
    const double = auth(fields)
    t.match(await double.login('tim', 'pw'), { status: 'temporary' }, fields)
    t.match(double.events.at(-1), { level: 'error', text: /^proxy\(tim/ })
  }
})

t.test('a master user is passed on as one, whose password it is', async (t) => {
  const masters = (fields: string) => authDouble({
    auth_master_user_separator: '*',
    passdb: [passdb({ driver: 'static', args: 'password=bosspw', master: true, result_success: 'continue' }), passdb({ driver: 'static', args: `nopassword=y proxy=y host=b ${fields}` })], userdb: [everybody],
  })
  t.match(await masters('').login('tim*boss', 'bosspw'), { status: 'proxy', to: { user: 'tim', master: 'boss', password: 'bosspw' } })
  t.match(await masters('master=other pass=x').login('tim*boss', 'bosspw'), { status: 'proxy', to: { user: 'tim', master: 'other', password: 'x' } }, 'unless the passdb has another one')
})

t.test('proxy_maybe', async (t) => {
  const login = async (fields: string, self: string[] = []) => (await auth(`proxy_maybe=y ${fields}`, { auth_proxy_self: self }).login('tim', 'pw')).status
  t.equal(await login('host=192.0.2.9'), 'ok', 'the address that the client has connected to')
  t.equal(await login('host=192.0.2.9 port=143'), 'ok')
  t.equal(await login('host=192.0.2.9 port=1143'), 'proxy', 'another port is another server')
  t.equal(await login('host=192.0.2.10'), 'proxy')
  t.equal(await login('host=192.0.2.10', ['192.0.2.11', '192.0.2.10']), 'ok', 'auth_proxy_self')
  t.equal(await login('host=::ffff:c000:209'), 'ok', 'however it is written')
  t.equal(await login('host=b.example.com'), 'proxy')
})

t.test('recipients', async (t) => {
  const here = auth('proxy_maybe=y nopassword=y host=192.0.2.5 port=24', { passdb: [passdb({ driver: 'static', args: 'nopassword=y proxy=y host=192.0.2.5 port=24', username_filter: ['far'] })] })
  t.same(await here.lookup('far', { proxy: true }), { status: 'proxy', to: { host: '192.0.2.5', port: 24, user: 'far', renamed: false, password: '', tls: 'none', verify: true, trusted: true, patient: false, forward: {} } })
  t.match(await here.lookup('far'), { status: 'ok' }, 'who does not ask for a proxy gets none')
  t.match(await here.lookup('near', { proxy: true }), { status: 'ok', account: { user: 'near' } }, 'whom no passdb gives away is ours')
  const away = authDouble({ passdb: [passdb({ driver: 'x' })], userdb: [everybody] }, async (task) => (task.driver === 'x' ? { status: 'temporary', fields: {} } : { status: 'ok', fields: {} }))
  t.match(await away.lookup('far', { proxy: true }), { status: 'temporary' })
})
