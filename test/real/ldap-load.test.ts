// A directory that is slowed, stopped and started again while clients log in and mail comes: nobody is refused for good, nothing
// sticks, and afterwards everybody comes in. And the number of look-ups at a time changed meanwhile.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer } from '../fixtures/server.ts'
import { Slapd } from './slapd.ts'

const users = 40
const lanes = 6
const slapd = await Slapd.create({ users })
const root = path.resolve(import.meta.dirname, '../..')

/** How often each kind of answer came. */
class Tally {
  readonly counts = new Map<string, number>()
  readonly #waiting: { kind: string; more: number; resolve: () => void }[] = []

  add(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    for (const one of this.#waiting) if (one.kind === kind && --one.more === 0) one.resolve()
  }

  get kinds(): string[] { return [...this.counts.keys()].sort() }

  /** Waits for `more` further answers of a kind. */
  further(kind: string, more: number): Promise<void> { return new Promise((resolve) => { this.#waiting.push({ kind, more, resolve }) }) }
}

void t.test('a directory in trouble', { skip: slapd === undefined ? 'needs slapd' : false, timeout: 120_000 }, async (t) => {
  if (slapd === undefined) return
  t.teardown(() => slapd.stop())
  const ext = path.join(slapd.directory, 'ldap.ext')
  fs.writeFileSync(ext, fs.readFileSync(path.join(root, 'conf/dovecot-ldap-backend.conf.ext'), 'utf8').replace(/^hosts = .*$/m, `hosts = 127.0.0.1:${slapd.port}`))
  const database = (kind: string): string => `${kind} {\n  driver = ldap\n  args = ${ext}\n}\n`
  const server = await TestServer.start({ databases: `${database('passdb')}userdb {\n  driver = prefetch\n}\n${database('userdb')}`, config: 'auth_worker_max_count = 4' })
  t.teardown(() => server.stop())
  const adm = async (...args: string[]): Promise<string> =>
    (await runProgram(process.execPath, [path.join(root, 'workers/cli.ts'), 'adm', '-S', path.join(server.directory, 'run/doveadm-server'), '-f', 'flow', ...args])).stdout

  const imap = new Tally()
  const lmtp = new Tally()
  let running = true
  const logins = async (lane: number): Promise<void> => {
    for (let n = lane; running; n += lanes) {
      const client = await LineClient.connect(server.imapPort)
      await client.line()
      const id = n % users + 1
      const reply = (await client.command('a', `LOGIN u${id}@example.com pw${id}`)).at(-1)!
      imap.add(/^a (OK|NO \[\w+\])/.exec(reply)?.[1] ?? reply)
      client.close()
    }
  }
  const recipients = async (): Promise<void> => {
    const client = await LineClient.connect(server.lmtpPort)
    await client.until(/^220 /)
    void client.send('LHLO test\r\nMAIL FROM:<a@example.org>\r\n')
    await client.until(/^250 2\.1\.0/)
    for (let n = 0; running; n++) {
      void client.send(`RCPT TO:<u${n % users + 1}@example.com>\r\n`)
      lmtp.add((await client.line() ?? '').slice(0, 3))
      if (n % 50 !== 49) continue
      void client.send('RSET\r\nMAIL FROM:<a@example.org>\r\n')
      await client.until(/^250 2\.1\.0/)
    }
    client.close()
  }
  const load = Promise.all([...Array.from({ length: lanes }, (_, lane) => logins(lane)), recipients()])

  await Promise.all([imap.further('OK', 30), lmtp.further('250', 20)])
  t.same([imap.kinds, lmtp.kinds], [['OK'], ['250']], 'in peace')

  await adm('workers', 'auth', '9')
  await imap.further('OK', 20)
  await adm('workers', 'auth', '2')
  await imap.further('OK', 20)
  t.same([imap.kinds, lmtp.kinds], [['OK'], ['250']], 'more and fewer look-ups at a time lose none')

  for (let n = 0; n < 10; n++) {
    slapd.freeze()
    await new Promise((resolve) => { setTimeout(resolve, 30) })
    slapd.thaw()
    await imap.further('OK', 2)
  }
  t.same([imap.kinds, lmtp.kinds], [['OK'], ['250']], 'a slow directory is a directory')

  await slapd.kill()
  await Promise.all([imap.further('NO [UNAVAILABLE]', 20), lmtp.further('451', 20)])
  t.same([imap.kinds, lmtp.kinds], [['NO [UNAVAILABLE]', 'OK'], ['250', '451']], 'without one nobody is refused for good')

  await slapd.start()
  await Promise.all([imap.further('OK', 40), lmtp.further('250', 40)])
  running = false
  await load
  t.same([imap.kinds, lmtp.kinds], [['NO [UNAVAILABLE]', 'OK'], ['250', '451']])
  const all = await Promise.all(Array.from({ length: users }, async (_, n) => {
    const client = await LineClient.connect(server.imapPort)
    await client.line()
    const reply = (await client.command('a', `LOGIN u${n + 1}@example.com pw${n + 1}`)).at(-1)!
    client.close()
    return reply.slice(0, 4)
  }))
  t.same([...new Set(all)], ['a OK'], 'afterwards everybody comes in')
  t.match(await adm('workers'), /kind=auth threads=\d+ at a time=2 busy=0 waiting=0/, 'and nothing sticks')
})
