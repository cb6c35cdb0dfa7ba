import t from 'tap'
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { authDouble, passdb, userdb } from './double.ts'

const users = `# comment
tim:{PLAIN}tanstaaf:1000:1000:Tim:/srv/tim:/bin/false:userdb_quota_rule=*:storage=1G user=tim
plain:secret::::::
crypt:$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1
nohash:::::::
open:::::::nopassword
short:{PLAIN}pw
tim:{PLAIN}second::::::
:nobody:::::
template:{PLAIN}pw::::::userdb_mail=obox:%d/%n/%s nodelay=y
`

const files = (args: string) => ({ passdb: [passdb({ driver: 'passwd-file', args })], userdb: [userdb({ driver: 'passwd-file', args })] })

t.test('lines, columns and extra fields', async (t) => {
  const path = `${t.testdir({ users })}/users`
  const auth = authDouble(files(`scheme=PLAIN username_format=%Ln ${path}`))
  t.same(await auth.login('tim', 'tanstaaf'), {
    status: 'ok', account: { user: 'tim', home: '/srv/tim', fields: { uid: '1000', gid: '1000', quota_rule: '*:storage=1G' } },
  }, 'colons in extra fields stay')
  t.match(await auth.login('tim', 'second'), { status: 'refused' }, 'the first line of a user counts')
  t.same(await auth.login('plain', 'secret'), { status: 'ok', account: { user: 'plain', home: '/home/plain', fields: {} } }, 'scheme= is the default scheme')
  t.match(await auth.login('short', 'pw'), { status: 'ok' }, 'missing columns are empty')
  t.match(await auth.login('nohash', 'x'), { status: 'refused' }, 'no password is nobody\'s password')
  t.match(await auth.login('open', 'anything'), { status: 'ok' }, 'but nopassword says so')
  t.match(await auth.login('nobody', 'x'), { status: 'refused' })
  t.match(await auth.login('TEMPLATE@example.com', 'pw'),
    { status: 'ok', account: { user: 'template@example.com', fields: { mail: 'obox:example.com/template/imap' } } }, 'fields are expanded, names formatted')
  t.match(await auth.lookup('tim'), { status: 'ok', account: { home: '/srv/tim' } })
  t.match(await auth.lookup('nobody'), { status: 'unknown' })
})

t.test('CRYPT is the default scheme', async (t) => {
  const auth = authDouble(files(`${t.testdir({ users })}/users`))
  t.match(await auth.login('crypt', 'Hello world!'), { status: 'ok' })
  t.match(await auth.login('crypt', 'Hello world?'), { status: 'refused' })
  t.match(await auth.login('plain', 'secret'), { status: 'temporary' }, 'a secret that cannot be checked is nobody\'s fault but the file\'s')
  t.ok(auth.events.some((event) => event.level === 'error' && event.text.includes('DES crypt is not supported')), 'and is logged')
})

t.test('a changed file is read again', async (t) => {
  const path = `${t.testdir({ users: 'a:{PLAIN}one\n' })}/users`
  const auth = authDouble(files(path))
  t.match(await auth.login('a', 'one'), { status: 'ok' })
  writeFileSync(path, 'a:{PLAIN}two\n')
  utimesSync(path, 1, 1)
  t.match(await auth.login('a', 'two'), { status: 'ok' }, 'another time')
  writeFileSync(path, 'a:{PLAIN}three\n')
  utimesSync(path, 1, 1)
  t.match(await auth.login('a', 'three'), { status: 'ok' }, 'another size')
})

t.test('a missing file is a temporary failure', async (t) => {
  const path = `${t.testdir({ users })}/users`
  const auth = authDouble(files(path))
  t.match(await auth.lookup('tim'), { status: 'ok' })
  rmSync(path)
  t.match(await auth.login('tim', 'tanstaaf'), { status: 'temporary' })
  t.match(await auth.lookup('tim'), { status: 'temporary' })
  t.match(await auth.lookup('nobody'), { status: 'temporary' })
  mkdirSync(path)
  t.match(await auth.lookup('tim'), { status: 'temporary' }, 'a directory is no file')
})

t.test('a file for each domain', async (t) => {
  const directory = t.testdir({ 'users.example.com': 'a@example.com:{PLAIN}pw\n', 'users.a_b': 'a@a/b:{PLAIN}pw\n', sub: { 'users.x': 'a@/sub/x:{PLAIN}pw' } })
  const auth = authDouble({ ...files(`${directory}/users.%d`), auth_username_chars: '' })
  t.match(await auth.login('a@example.com', 'pw'), { status: 'ok' })
  t.match(await auth.lookup('a@example.org'), { status: 'unknown' }, 'no file, no such users')
  t.match(await auth.login('a@a/b', 'pw'), { status: 'ok' }, 'a slash chooses no directory')
  const away = authDouble(files(`${directory}/away/users.%d`))
  t.match(await away.lookup('a@example.com'), { status: 'temporary' }, 'the directory is away')
})

t.test('arguments that cannot be read', async (t) => {
  for (const args of ['', 'users', 'scheme=NOSUCH /etc/users', 'colour=red /etc/users']) {
    const auth = authDouble(files(args))
    t.match(await auth.lookup('a'), { status: 'temporary' }, args)
  }
})

t.test('an unknown user takes the time of a hash', async (t) => {
  // Made slow enough (20 times the usual rounds) that nothing else counts.
  const slow = '{SHA512-CRYPT}$6$rounds=100000$saltstring$K4H7jNYmdvCgwYCyHLVMBEyDRDKXOZGpPSXGrIMmm7E7Cq1pXFqyGdPmmyvU0E1vlLxrpBKb4fkWvCLBZ2tGa0'
  const auth = authDouble(files(`${t.testdir({ users: `tim:${slow}\n` })}/users`))
  const took = async (user: string): Promise<number> => {
    const begun = performance.now()
    t.same(await auth.login(user, 'wrong'), { status: 'refused' })
    return performance.now() - begun
  }
  await took('tim')
  const [known, unknown] = [await took('tim'), await took('nobody')]
  t.ok(unknown > known / 4, `${unknown} ms for an unknown user, ${known} ms for a wrong password`)
})
