// Mail bodies as Debian's Dovecot writes them with `zlib_save`: read whatever they are.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { SimRandom } from '../../runtime/sim/random.ts'
import { buildStack } from '../../workers/fs/stack.ts'
import { bodyOf } from '../../workers/storage/body.ts'
import { get } from '../fixtures/cached-store.ts'
import { requirePackages } from '../packages.ts'

const absent = requirePackages(['dovecot-core'])
const skip = absent.length > 0 ? `needs ${absent.join(', ')}` : false

const dice = new SimRandom(5)
const words = ['dove', 'coo', 'river', 'aaaaaaaaaaaaaaaaaaaa', 'stone', 'mail', 'x']
const linesOf = (count: number, word: () => string): string => Array.from({ length: count }, () => `${word()} ${word()} ${word()}\r\n`).join('')
const mails: Record<string, string> = {
  short: 'Subject: short\r\n\r\ncoo\r\n',
  words: `Subject: words\r\n\r\n${linesOf(12_000, () => dice.pick(words))}`,
  // Compresses badly.
  noise: `Subject: noise\r\n\r\n${linesOf(4000, () => Buffer.from(Array.from({ length: 20 }, () => dice.below(256))).toString('base64'))}`,
  same: `Subject: same\r\n\r\n${'a line like every other one\r\n'.repeat(20_000)}`,
}

/** A mail as Dovecot stores it in a maildir. */
function saved(directory: string, method: string, text: string): Buffer {
  const maildir = path.join(directory, method)
  fs.rmSync(maildir, { recursive: true, force: true })
  const nobody = process.getuid?.() === 0 ? 65_534 : process.getuid!()
  const settings = [
    `mail_location=maildir:${maildir}`, `base_dir=${directory}/run`, `state_dir=${directory}/run`, 'log_path=/dev/stderr', 'ssl=no', 'mail_plugins=zlib', 'mail_save_crlf=yes',
    `mail_uid=${nobody}`, `mail_gid=${nobody}`, 'first_valid_uid=1', `plugin/zlib_save=${method}`,
  ]
  const conf = path.join(directory, 'dovecot.conf')
  fs.writeFileSync(conf, '')
  const run = spawnSync('doveadm', ['-c', conf, ...settings.flatMap((setting) => ['-o', setting]), 'save', '-m', 'INBOX'], {
    input: text, encoding: 'utf8', cwd: directory, env: { ...process.env, USER: 'nobody', HOME: directory },
  })
  const [file] = fs.globSync(path.join(maildir, '{new,cur}/*'))
  if (file === undefined) throw new Error(`doveadm save: ${run.stderr}`)
  return fs.readFileSync(file)
}

void t.test('bodies of a real Dovecot', { skip }, async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-bodies-'))
  fs.chmodSync(directory, 0o777)
  t.teardown(() => { fs.rmSync(directory, { recursive: true, force: true }) })
  const bare = buildStack('memory:bodies')
  const store = buildStack('zlib:::memory:bodies')
  for (const method of ['lz4', 'bz2', 'gz', 'zstd']) {
    for (const [name, text] of Object.entries(mails)) {
      const bytes = saved(directory, method, text)
      t.notOk(bytes.toString('latin1') === text, `${method}: ${name} is compressed`)
      await bare.write('k', bodyOf(bytes), { user: 'dove', reason: 'test' }, { metadata: { size: String(text.length) } })
      t.ok((await get(store, 'k')).toString('latin1') === text, `${method}: ${name}`)
      const middle = text.length >> 1
      t.ok((await get(store, 'k', { start: middle, end: middle + 100 })).toString('latin1') === text.slice(middle, middle + 100), `${method}: a piece of ${name}`)
    }
  }
})
