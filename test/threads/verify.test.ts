// `culver adm obox verify`, `force-resync`, `metacache flush` and `fscache` against a running server with two workers, whose
// objects somebody has been at.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { deliverLetters, letter } from '../fixtures/deliver.ts'
import { askServer } from '../../workers/cli/adm/ask.ts'
import { formats } from '../../workers/cli/adm/formats.ts'
import { TestServer } from '../fixtures/server.ts'
import { usersAt } from './users.ts'

t.setTimeout(120_000)

const directory = fs.mkdtempSync(path.join(t.testdir(), 'verify-'))
const cache = path.join(directory, 'cache')
const server = await TestServer.start({ workers: 2, directory, store: `fscache:10M:${cache}:posix:prefix=${directory}/objects/` })
t.teardown(() => server.stop())

interface Answered { code: number; stdout: string; stderr: string }

/** As `culver adm -f tab` does. */
async function adm(command: string, args: string[], options: Record<string, string | boolean | string[]> = {}): Promise<Answered> {
  const answer = { stdout: '', stderr: '' }
  const code = await askServer(path.join(directory, 'run/doveadm-server'), { command, options, args }, formats['tab']!, {
    out: (text) => { answer.stdout += text }, complain: (text) => { answer.stderr += text },
  })
  return { code, ...answer }
}
const rows = ({ stdout }: Answered): string[][] => stdout.replace(/\n$/, '').split('\n').slice(1).map((line) => line.split('\t'))

/** The files of a user's mails. */
function mailsOf(user: string): string[] {
  const mailboxes = path.join(directory, 'objects', user, 'mailboxes')
  return fs.readdirSync(mailboxes).flatMap((guid) => fs.readdirSync(path.join(mailboxes, guid)).filter((name) => /^[0-9a-f]+$/.test(name)).map((name) => path.join(mailboxes, guid, name)))
}

const [here, there] = [usersAt(0, 2, 1)[0]!, usersAt(1, 2, 1)[0]!]

void t.test('a mail without an object, an object without a mail', async (t) => {
  for (const user of [here, there]) await deliverLetters(server.lmtpPort, user, 1, 3)
  t.same(rows(await adm('obox verify', [here, there])).map(([user, , problem]) => [user, problem]), [[here, 'none'], [there, 'none']], 'on whichever worker')
  const [first] = mailsOf(here)
  fs.rmSync(first!)
  fs.writeFileSync(path.join(path.dirname(first!), 'd88ff1001d4bf753a1b800001accfe22'), letter('found'))
  const dry = await adm('obox verify', [here], { 'dry-run': true })
  t.equal(dry.code, 65)
  t.same(rows(dry).map(([user, mailbox, problem, , , , done]) => [user, mailbox, problem, done]), [[here, 'INBOX', 'lost', ''], [here, 'INBOX', 'missing', '']])
  t.match(await adm('obox verify', [here], { 'dry-run': true, fix: true }), { code: 64 })
  const fixed = await adm('obox verify', [here], { fix: true })
  t.equal(fixed.code, 0)
  t.same(rows(fixed).map(([, , problem, , , , done]) => [problem, done]), [['lost', 'adopted'], ['missing', 'expunged']])
  t.match(await adm('obox verify', [here]), { code: 0, stdout: /none[^]*3 mails/ })
})

void t.test('force-resync', async (t) => {
  fs.rmSync(mailsOf(there)[0]!)
  t.match(await adm('force-resync', ['INBOX']), { code: 64, stderr: 'whose? USER, or -A' })
  t.same(rows(await adm('force-resync', ['Arch*'], { user: [there] })).map(([, , problem]) => problem), ['none'])
  t.same(rows(await adm('force-resync', ['INB*'], { user: [there] })).map(([, , problem, , , , done]) => [problem, done]), [['missing', 'expunged']])
})

void t.test('metacache flush', async (t) => {
  const bundles = (): string[] => fs.globSync(path.join(directory, 'objects', here, 'mailboxes/*/idx/*')).map((name) => `${name} ${fs.statSync(name).mtimeMs}`)
  await deliverLetters(server.lmtpPort, here, 4, 4)
  const before = bundles()
  t.match(await adm('metacache flush', [here]), { code: 0, stdout: `${here}\tflushed` })
  t.notSame(bundles(), before, 'the delivery is in the index in the store')
  t.match(await adm('metacache flush', []), { code: 64 })
})

void t.test('fscache status and rescan', async (t) => {
  const [[place, entries] = []] = rows(await adm('fscache status', []))
  t.equal(place, cache)
  t.ok(Number(entries) >= 5, `${entries} entries`)
  for (const name of fs.globSync(path.join(cache, '**'))) if (fs.statSync(name, { throwIfNoEntry: false })?.isFile()) fs.rmSync(name)
  t.same(rows(await adm('fscache rescan', [cache])).map(([where, count, bytes]) => [where, count, bytes]), [[cache, '0', '0']])
})
