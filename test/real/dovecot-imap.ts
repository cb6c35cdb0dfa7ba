// One IMAP session with Debian's Dovecot, without its master process: commands in, everything it says out.

import { spawn } from 'node:child_process'
import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import path from 'node:path'

/** Runs `said` (bytes) as user `dovecot` with a fresh mail store in `scratch`; `more`: further configuration. What it answered, Latin-1. */
export async function dovecotImap(scratch: string, said: Uint8Array, more = ''): Promise<string> {
  for (const folder of ['mail', 'home', 'run']) fs.mkdirSync(path.join(scratch, folder), { recursive: true })
  const asRoot = process.getuid?.() === 0
  const config = path.join(scratch, 'dovecot.conf')
  fs.writeFileSync(config, `base_dir = ${scratch}/run
mail_location = sdbox:${scratch}/mail
mail_home = ${scratch}/home
log_path = ${scratch}/log
ssl = no
protocols = imap
${asRoot ? 'mail_uid = 65534\nmail_gid = 65534\nfirst_valid_uid = 1' : ''}
${more}
`)
  fs.writeFileSync(path.join(scratch, 'log'), '')
  // It refuses to be root, and becomes nobody.
  if (asRoot) {
    for (const folder of [path.dirname(scratch), scratch]) fs.chmodSync(folder, 0o755)
    for (const name of ['mail', 'home', 'log']) fs.chownSync(path.join(scratch, name), 65534, 65534)
  }
  fs.writeFileSync(path.join(scratch, 'said'), said)
  // It wants no socket for its standard input and output.
  const child = spawn('sh', ['-c', 'cat "$1" | /usr/lib/dovecot/imap -c "$0" | cat', config, path.join(scratch, 'said')], {
    cwd: scratch, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, USER: 'dovecot', HOME: `${scratch}/home` },
  })
  const heard: Buffer[] = []
  for await (const bytes of child.stdout) heard.push(bytes as Buffer)
  const log = fs.readFileSync(path.join(scratch, 'log'), 'utf8')
  if (heard.length === 0) throw new Error(`Dovecot has said nothing: ${log}`)
  return Buffer.concat(heard).toString('latin1')
}
