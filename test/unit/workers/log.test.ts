// Log lines: their form, that nobody can forge one, and where they go.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { defaultSettings } from '../../../conf/settings.ts'
import type { Settings } from '../../../conf/settings.ts'
import { ConfigError } from '../../../runtime/errors.ts'
import { formatLine, formatTimestamp, openLog } from '../../../workers/log.ts'

const now = new Date(2026, 0, 2, 3, 4, 5)
const line = (event: Partial<Parameters<typeof formatLine>[1]>, settings: Partial<Settings> = {}): string =>
  formatLine({ ...defaultSettings(), log_timestamp: '%b %d %H:%M:%S ', mail_log_prefix: '%s(%u)<%{session}>: ', ...settings }, { level: 'info', name: 'x', text: 'text', ...event }, now)

void t.test('with and without a user', (t) => {
  t.equal(line({ service: 'imap', user: 'a@b.c', session: 'S1', text: 'Disconnected' }), 'Jan 02 03:04:05 imap(a@b.c)<S1>: Info: Disconnected')
  t.equal(line({ service: 'imap-login', level: 'error' }), 'Jan 02 03:04:05 imap-login: Error: text')
  t.equal(line({ level: 'warning' }), 'Jan 02 03:04:05 master: Warning: text')
  t.equal(line({ level: 'debug' }), 'Jan 02 03:04:05 master: Debug: text')
  t.end()
})

void t.test('control characters of clients forge no line', (t) => {
  t.equal(line({ text: 'a\r\nJan 02 root: Info: b\u0000\u001b[31m\u007f\tc' }), 'Jan 02 03:04:05 master: Info: a??Jan 02 root: Info: b??[31m?\tc')
  t.notMatch(line({ service: 'imap', user: 'a\r\nb', session: 'S' }), /[\r\n]/, 'not in user names either')
  t.end()
})

void t.test('timestamps', (t) => {
  t.equal(formatTimestamp('%a %e %h %y %I:%M %p %R %D', now), 'Fri  2 Jan 26 03:04 AM 03:04 01/02/26')
  t.match(formatTimestamp('%FT%T%z', now), /^2026-01-02T03:04:05[+-]\d{4}$/)
  t.equal(formatTimestamp('%s', now), String(now.getTime() / 1000))
  t.equal(formatTimestamp('%F %T %Y-%m-%d %H:%M:%S %% %q', now), '2026-01-02 03:04:05 2026-01-02 03:04:05 % %q')
  t.end()
})

void t.test('files by level', (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-log-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true }))
  const at = (name: string): string => path.join(directory, name)
  const write = (settings: Partial<Settings>): void => {
    const log = openLog(() => ({ ...defaultSettings(), ...settings }))
    for (const level of ['debug', 'info', 'warning', 'error'] as const) log({ level, name: 'x', text: `one ${level}` })
  }
  const levels = (name: string): string[] => fs.readFileSync(at(name), 'utf8').trimEnd().split('\n').map((text) => text.replace(/.*one /, ''))
  write({ log_path: at('all') })
  t.same(levels('all'), ['info', 'warning', 'error'], 'debug only where asked for')
  write({ log_path: at('errors'), info_log_path: at('infos'), debug_log_path: at('debugs'), mail_debug: true })
  t.same([levels('errors'), levels('infos'), levels('debugs')], [['warning', 'error'], ['info'], ['debug']])
  t.equal(fs.statSync(at('all')).mode & 0o777, 0o600)
  t.throws(() => openLog(() => ({ ...defaultSettings(), log_path: at('absent/log') })), ConfigError)
  t.end()
})

/** A program that logs `count` lines of 100 bytes to its standard error, which is a pipe here, and has as much patience as it takes. */
const flood = (count: number): string => `
  import { LogTarget } from ${JSON.stringify(new URL('../../../workers/log-target.ts', import.meta.url).href)}
  process.stderr // makes the pipe one that does not block, as threads do
  const log = new LogTarget(2, (lost) => 'Warning: ' + lost + ' lines could not be written', Infinity)
  let i = 0
  for (; i < ${count}; i++) log.write('line ' + i + '.'.repeat(90))
  process.stdin.once('data', () => { log.write('the last'); process.stdin.destroy() })
`

/** What a reader gets that begins to read only when all has been logged. */
async function readLate(count: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', `${flood(count)}\nconsole.log('logged')`], { stdio: ['pipe', 'pipe', 'pipe'] })
  await once(child.stdout, 'data')
  let text = ''
  let told = false
  child.stderr.on('data', (bytes: Buffer) => {
    text += bytes.toString()
    if (!told && text.endsWith('\n')) {
      told = true
      child.stdin.write('x')
    }
  })
  await once(child, 'close')
  return text.trimEnd().split('\n')
}

void t.test('a pipe that is read late', async (t) => {
  const lines = await readLate(5000)
  t.same(lines.map((text) => /line \d+|the last/.exec(text)?.[0]), [...Array.from({ length: 5000 }, (_, i) => `line ${i}`), 'the last'])
})

void t.test('a pipe whose reader is too slow: the loss is told', async (t) => {
  const lines = await readLate(50_000)
  // The last one may be lost as well: not all has been read when it is written.
  const kept = lines.filter((text) => /^line \d|^the last$/.test(text)).length
  const lost = lines.flatMap((text) => /Warning: (\d+) lines could not be written/.exec(text)?.slice(1).map(Number) ?? [])
  t.ok(kept > 5000)
  t.equal(kept + lost.reduce((sum, count) => sum + count, 0), 50_001)
  t.match(lines.at(-1), /the last|could not be written/)
})

void t.test('a pipe that nobody reads is given up, and the program ends', async (t) => {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', `${flood(5000).replace('Infinity', '3')}\nprocess.stdin.destroy()`], { stdio: ['pipe', 'pipe', 'pipe'] })
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
})
