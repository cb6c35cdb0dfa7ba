// passdb and userdb sql over a real PostgreSQL: queries, hostile names, a database that goes and comes back, and two of them.

import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import { setTimeout as wait } from 'node:timers/promises'
import type { AuthAnswer, UsersAnswer } from '../../actors/auth-messages.ts'
import { parseSqlFile } from '../../conf/sql-file.ts'
import { Database } from '../../workers/sql/database.ts'
import { Authority } from '../fixtures/certificates.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, freePort } from '../fixtures/server.ts'
import { authDouble, passdb, userdb } from '../unit/auth/double.ts'
import { Postgres } from './postgres.ts'

const postgres = await Postgres.create()
const skip = postgres === undefined ? 'needs postgresql, and root' : false
const sha = '{SHA512-CRYPT}$6$kG1EcWaMBI.p0ArU$wJwAcaWmRhgT/sWTFDSzOKc524N.YZKWVKysWgwDxEBuRxkbE5hsAI.wfHD3K/6AuQTPB9vkQQcjdklMZvzHM.'

if (postgres !== undefined) {
  t.teardown(() => postgres.stop())
  postgres.sql(`
    CREATE TABLE users (username text, domain text, password text, home text, uid int, quota bigint, locked boolean DEFAULT false);
    INSERT INTO users VALUES ('tim', 'example.com', '${sha}', '/srv/tim', 5000, 1000, false), ('plain', 'example.com', '{PLAIN}p''w', NULL, 5001, NULL, false),
      ('locked', 'example.com', '{PLAIN}pw', NULL, NULL, NULL, true), ('twice', 'example.com', '{PLAIN}pw', '/a', 1, 1, false), ('twice', 'example.com', '{PLAIN}pw', '/b', 1, 1, false),
      ('o''brien\\', 'example.com', '{PLAIN}pw', '/srv/o', 1, 1, false);
    INSERT INTO users SELECT 'u' || n, 'example.org', '{PLAIN}pw' || n, '/srv/u' || n, n, n FROM generate_series(1, 2500) n;
  `)
}

const queries = `
password_query = SELECT username, domain, password, locked::text = 'true' AND NULL AS nothing, CASE WHEN locked THEN 'yes' END AS nologin, home AS userdb_home \\
  FROM users WHERE username = '%n' AND domain = '%d'
user_query = SELECT coalesce(home, '/srv/%d/%n') AS home, uid, '*:bytes=' || quota AS quota_rule, locked FROM users WHERE username = '%n' AND domain = '%d'
iterate_query = SELECT username, domain FROM users WHERE domain = 'example.org'
`

function sqlFile(t: Test, connect: string, more = queries): string {
  const file = path.join(t.testdir({}), 'dovecot-sql.conf.ext')
  fs.writeFileSync(file, `driver = pgsql\nconnect = ${connect}\ndefault_pass_scheme = PLAIN\n${more}`)
  return file
}

const shown = (answer: AuthAnswer): unknown => (answer.status === 'ok' ? answer.account : answer.status)

void t.test('queries', { skip, timeout: 120_000 }, async (t) => {
  const args = sqlFile(t, postgres!.connect)
  const auth = authDouble({ passdb: [passdb({ driver: 'sql', args })], userdb: [userdb({ driver: 'sql', args })], auth_username_chars: '' })
  t.same(shown(await auth.login('tim@example.com', 'pässword 1')), { user: 'tim@example.com', home: '/srv/tim', fields: { uid: '5000', quota_rule: '*:bytes=1000', locked: 'no' } })
  t.equal(shown(await auth.login('tim@example.com', 'x')), 'refused')
  t.same(shown(await auth.login('plain@example.com', 'p\'w')), { user: 'plain@example.com', home: '/srv/example.com/plain', fields: { uid: '5001', locked: 'no' } }, 'NULL is no field')
  t.equal(shown(await auth.login('nobody@example.com', 'x')), 'refused')
  t.equal(shown(await auth.login('locked@example.com', 'pw')), 'disabled')
  t.same(shown(await auth.lookup('tim@example.com')), shown(await auth.login('tim@example.com', 'pässword 1')))
  t.equal(shown(await auth.lookup('nobody@example.com')), 'unknown')
  t.equal(shown(await auth.login('twice@example.com', 'pw')), 'temporary', 'two of one name are none')
  t.match(auth.events.at(-1)?.text, /^sql\(twice@example\.com,.*password_query returned 2 rows/)
  t.same(shown(await auth.login('o\'brien\\@example.com', 'pw')), { user: 'o\'brien\\@example.com', home: '/srv/o', fields: { uid: '1', quota_rule: '*:bytes=1', locked: 'no' } })
  const users = await auth.actor.receive({ kind: 'users' }) as UsersAnswer & { status: 'ok' }
  t.equal(users.users.length, 2500)
  t.ok(users.users.includes('u2500@example.org'))

  const hostile = ['\' OR \'1\'=\'1', 'tim@example.com\' OR \'\'=\'', '\\\' OR 1=1 --', 'x\'; DROP TABLE users; --', '\'||pg_sleep(5)||\'', '$$', '%u', 'tim@example.com\\', '\u{1f600}\'', '%27 OR 1=1', 'ʼ OR 1=1', '\uff07 OR 1=1 --']
  for (const name of [...hostile, ...hostile.map((name) => `${name}@example.com`), ...hostile.map((name) => `tim@${name}`)]) {
    t.equal(shown(await auth.login(name, 'pw')), 'refused', JSON.stringify(name))
    t.equal(shown(await auth.lookup(name)), 'unknown')
  }
  t.equal(postgres!.sql('SELECT count(*) FROM users').trim(), '2506', 'and nothing has happened to the table')
})

void t.test('any value is a value, wherever it stands', { skip, timeout: 120_000 }, async (t) => {
  const database = new Database(parseSqlFile(`driver = pgsql\nconnect = ${postgres!.connect}\npassword_query = SELECT '%u' AS plain, 'a''%u\\' AS within, E'\\\\%u\\'' AS escaped, %u AS bare, '%u' = %u AS same -- 100%%\n`, 'f'))
  const query = database.query('password_query', { user: 'x' })
  const hostile = fc.array(fc.constantFrom('\'', '\\', '"', '$$', '--', '/*', ';', ' OR ', '%', 'E', '\n', '\u2019', '\u{1f600}', 'x', '\'\''), { maxLength: 12 }).map((parts) => parts.join(''))
  await fc.assert(fc.asyncProperty(fc.oneof(hostile, fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => !text.includes('\0') && text.isWellFormed())), async (user) => {
    const row = await database.find('password_query', query.for({ user }))
    return row?.['plain'] === user && row['within'] === `a'${user}\\` && row['escaped'] === `\\${user}'` && row['bare'] === user && row['same'] === 'yes'
  }), { numRuns: 200 })
  t.pass('200 values')
  t.throws(() => query.for({ user: 'a\0b' }), { name: 'TempFail' })
})

void t.test('the query that checks the password itself, and queries that fail', { skip, timeout: 120_000 }, async (t) => {
  const everybody = userdb({ driver: 'static', args: 'allow_all_users=yes' })
  const one = (name: string, query: string): ReturnType<typeof authDouble> => {
    const args = sqlFile(t, postgres!.connect, `password_query = ${query}\n`)
    const renamed = path.join(path.dirname(args), name)
    fs.renameSync(args, renamed)
    return authDouble({ passdb: [passdb({ driver: 'sql', args: renamed })], userdb: [everybody], auth_username_chars: '' })
  }
  const checking = one('checking', 'SELECT NULL AS password, \'y\' AS nopassword, lower(\'%u\') AS user FROM users WHERE username = E\'%n\' AND domain = %d AND substr(password, 8) = \'%w\'')
  t.match(await checking.login('plain@example.com', 'p\'w'), { status: 'ok', account: { user: 'plain@example.com' } })
  for (const password of ['p', '\' OR \'\'=\'', '\\\' OR 1=1 --']) t.equal(shown(await checking.login('plain@example.com', password)), 'refused', password)
  t.match(await checking.login('o\'brien\\@example.com', 'pw'), { status: 'ok', account: { user: 'o\'brien\\@example.com' } })
  t.match(await one('cast', 'SELECT password FROM users WHERE uid = \'%n\'').login('u1x', 'pw'), { status: 'temporary' }, 'a value of another type')
  const broken = one('broken', 'SELECT nonsense FROM users')
  t.equal(shown(await broken.login('a', 'pw')), 'temporary')
  t.match(broken.events.at(-1)?.text, /query failed: column "nonsense" does not exist/)
  t.match(await one('empty', 'SELECT \'\' AS password').login('a', 'pw'), { status: 'refused' }, 'no password is no way in')
  const opening = (text: string): void => { authDouble({}); new Database(parseSqlFile(text, 'f')).query('password_query', { user: 'u', username: 'n', domain: 'd' }) }
  t.throws(() => opening('driver = pgsql\nconnect = host=a\npassword_query = SELECT %{nothing}\n'), { name: 'ConfigError', message: /^f:3: password_query: unknown variable/ })
  t.throws(() => opening('driver = pgsql\nconnect = host=a hots=b\n'), { name: 'ConfigError', message: /^f:2: connect: unknown parameter 'hots'; did you mean 'host'/ })
  t.throws(() => opening('driver = mysql\nconnect = host=a\n'), { name: 'ConfigError', message: /f:1: driver: unknown value 'mysql'/ })
  t.throws(() => opening('pasword_query = x\n'), { name: 'ConfigError', message: /did you mean 'password_query'/ })
})

void t.test('servers that are away, and slow', { skip, timeout: 120_000 }, async (t) => {
  let ignored = 0
  const silent = net.createServer(() => { ignored++ }) // accepts, and says nothing
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => { silent.close() })
  const times = { connectMs: 2_000, answerMs: 3_000, lookupMs: 20_000 }
  const database = (connect: string): Database => new Database(parseSqlFile(`driver = pgsql\nconnect = ${connect}\n`, 'f'), times)
  const { port: deaf } = silent.address() as net.AddressInfo
  const first = database(`host=127.0.0.1 host=127.0.0.1 host=127.0.0.1 port=${await freePort()},${deaf},${postgres!.port} dbname=mail user=postgres`)
  t.same(await first.find('q', 'SELECT 1 AS one, true AS yes, NULL AS nothing'), { one: '1', yes: 'yes', nothing: null }, 'the third one answers')
  for (let n = 0; n < 20; n++) await first.find('q', 'SELECT 1')
  t.equal(ignored, 1, 'and is asked first from then on')
  await t.rejects(first.find('q', 'SELECT pg_sleep(60)'), { name: 'TempFail' }, 'a query that takes too long')
  await t.rejects(database(`host=127.0.0.1 port=${await freePort()} dbname=mail`).find('q', 'SELECT 1'), { name: 'TempFail', message: /no SQL server answers \(127\.0\.0\.1:\d+: .*ECONNREFUSED/ })
  await t.rejects(database(`host=127.0.0.1 port=${postgres!.port} dbname=nothing user=postgres`).find('q', 'SELECT 1'), { name: 'TempFail', message: /database "nothing" does not exist/ })
  await t.rejects(database(`${postgres!.connect} options='-c standard_conforming_strings=off'`).find('q', 'SELECT 1'), { name: 'TempFail', message: /standard_conforming_strings/ })
  t.match(await database(`host=${postgres!.directory} port=${postgres!.port} dbname=mail user=postgres`).find('q', 'SELECT 1 AS one'), { one: '1' }, 'a UNIX socket')
})

void t.test('TLS, and a password of our own', { skip, timeout: 120_000 }, async (t) => {
  const ssl = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
  const { connect, authority, port } = postgres!
  const other = new Authority(`${postgres!.directory}/other`)
  const asked = (connect: string): Promise<unknown> => new Database(parseSqlFile(`driver = pgsql\nconnect = ${connect}\n`, 'f')).find('q', ssl).then((row) => row?.['ssl'], (error: Error) => `${error.name} ${error.message}`)
  t.equal(await asked(connect), 'yes', 'where there is TLS, it is used')
  t.equal(await asked(`${connect} sslmode=disable`), 'no')
  t.equal(await asked(`${connect} sslmode=require`), 'yes')
  t.equal(await asked(`${connect} sslmode=verify-full sslrootcert=${authority.cert}`), 'yes')
  t.match(await asked(`${connect} sslmode=verify-ca sslrootcert=${other.cert}`), /^TempFail .*certificate/)
  t.match(await asked(`${connect} sslmode=require sslrootcert=${other.cert}`), /^TempFail .*certificate/)
  t.equal(await asked(`host=${postgres!.directory} port=${port} dbname=mail user=postgres sslmode=require`), 'no', 'a UNIX socket needs none')
  t.equal(await asked(`host=127.0.0.1 port=${port} dbname=mail user=careful password='it\\'s \\\\ secret'`), 'yes')
  t.match(await asked(`host=127.0.0.1 port=${port} dbname=mail user=careful password=wrong`), /^TempFail .*password authentication failed/)
  t.match(await asked(`host=127.0.0.1 port=${port} dbname=mail user=careful`), /^TempFail /)

  // Without TLS on the other side, `prefer` does without, and `require` does not.
  const { server, port: bare } = await withoutTls(port)
  t.teardown(() => { server.close() })
  t.equal(await asked(connect.replace(String(port), String(bare))), 'no')
  t.match(await asked(`${connect.replace(String(port), String(bare))} sslmode=require`), /^TempFail .*does not support SSL/)
})

/** A way to the database on which TLS is refused, as by one that has none. */
async function withoutTls(port: number): Promise<{ server: net.Server; port: number }> {
  const server = net.createServer((client) => {
    client.once('data', (bytes: Buffer) => {
      const wantsTls = bytes.length === 8 && bytes.readInt32BE(4) === 80877103
      const there = net.connect({ port, host: '127.0.0.1' })
      for (const socket of [client, there]) socket.on('error', () => { client.destroy(); there.destroy() })
      if (wantsTls) client.write('N')
      else there.write(bytes)
      client.pipe(there).pipe(client)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as net.AddressInfo).port }
}

/** The tagged reply to a LOGIN on a connection of its own. */
async function login(server: TestServer, name: string, secret: string): Promise<string> {
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  const reply = (await client.command('a', `LOGIN "${name}" "${secret}"`)).at(-1)!
  client.close()
  return reply
}

async function recipient(server: TestServer, name: string): Promise<string> {
  const client = await LineClient.connect(server.lmtpPort)
  await client.until(/^220 /)
  void client.send(`LHLO test\r\nMAIL FROM:<>\r\nRCPT TO:<${name}>\r\n`)
  await client.until(/^250 2\.1\.0/)
  const reply = (await client.line())!
  client.close()
  return reply
}

async function eventually(ask: () => Promise<string>, wanted: RegExp): Promise<string> {
  for (const deadline = Date.now() + 30_000; ; await wait(50)) {
    const reply = await ask()
    if (wanted.test(reply) || Date.now() > deadline) return reply
  }
}

void t.test('a whole server', { skip, timeout: 180_000 }, async (t) => {
  const args = sqlFile(t, postgres!.connect, queries.replace(/'\/srv\/%d\/%n'/, `'${t.testdirName}/home/%d/%n'`).replace('home AS userdb_home', '1 AS one'))
  const server = await TestServer.start({ databases: `passdb {\n driver = sql\n args = ${args}\n}\nuserdb {\n driver = sql\n args = ${args}\n}`, config: 'auth_verbose = yes' })
  t.teardown(() => server.stop())
  t.match(await login(server, 'plain@example.com', 'p\'w'), /^a OK /)
  t.match(await login(server, 'plain@example.com', 'pw'), /^a NO \[AUTHENTICATIONFAILED\]/)
  t.match(await recipient(server, 'plain@example.com'), /^250 /)
  t.match(await recipient(server, 'nobody@example.com'), /^550 5\.1\.1 /)
  await postgres!.kill()
  t.match(await login(server, 'plain@example.com', 'p\'w'), /^a NO \[UNAVAILABLE\] /)
  t.match(await recipient(server, 'nobody@example.com'), /^451 4\.3\.0 /)
  t.match(server.output, /sql\(plain@example\.com.*\): no SQL server answers/)
  await postgres!.start()
  t.match(await eventually(() => login(server, 'plain@example.com', 'p\'w'), /^a OK /), /^a OK /, 'it is back')
  t.match(await eventually(() => recipient(server, 'nobody@example.com'), /^550 /), /^550 /)
})
