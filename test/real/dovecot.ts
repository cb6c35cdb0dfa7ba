// Debian's Dovecot as a proxy or director in front of Culver: its own directories and ports, stopped by its pid.

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { LineClient } from '../fixtures/line-client.ts'
import { freePort } from '../fixtures/server.ts'

export const dovecotPackages = ['dovecot-core', 'dovecot-imapd', 'dovecot-lmtpd']

/** Where it listens: not where Culver does, so that addresses tell who is who. */
export const dovecotAddress = '127.0.0.2'

export class Dovecot {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-dovecot-'))
  readonly imapPort: number
  readonly lmtpPort: number
  #child: ChildProcess | undefined

  private constructor(imapPort: number, lmtpPort: number) {
    this.imapPort = imapPort
    this.lmtpPort = lmtpPort
  }

  /**
   * `users`: lines of a passwd-file, by service (imap, lmtp). `more`: further configuration in place of that passdb. Waits
   * until both ports answer.
   */
  static async start(options: { users?: Record<string, string[]>; more?: string }): Promise<Dovecot> {
    const dovecot = new Dovecot(await freePort(), await freePort())
    fs.chmodSync(dovecot.directory, 0o755) // the auth process is another user's
    for (const [service, lines] of Object.entries(options.users ?? {})) {
      fs.writeFileSync(path.join(dovecot.directory, `users.${service}`), lines.map((line) => `${line}\n`).join(''), { mode: 0o644 })
    }
    fs.writeFileSync(dovecot.#file('dovecot.conf'), dovecot.#configuration(options.more ?? (`passdb {\n  driver = passwd-file\n  args = ${dovecot.directory}/users.%s\n}`)))
    await dovecot.#run()
    return dovecot
  }

  /** Everything it has logged. */
  get log(): string { return fs.existsSync(this.#file('log')) ? fs.readFileSync(this.#file('log'), 'utf8') : '' }

  /** `doveadm` on this instance. Its output. */
  doveadm(...args: string[]): string {
    const run = spawnSync('doveadm', ['-c', this.#file('dovecot.conf'), ...args], { encoding: 'utf8' })
    if (run.status !== 0) throw new Error(`doveadm ${args.join(' ')}: ${run.stderr}`)
    return run.stdout
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child !== undefined && child.exitCode === null) {
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await exited
    }
    fs.rmSync(this.directory, { recursive: true, force: true })
  }

  #file(name: string): string { return path.join(this.directory, name) }

  #configuration(more: string): string {
    return `
protocols = imap lmtp
listen = ${dovecotAddress}
base_dir = ${this.directory}/run
state_dir = ${this.directory}/state
log_path = ${this.directory}/log
ssl = no
disable_plaintext_auth = no
auth_verbose = yes
auth_failure_delay = 0
lmtp_proxy = yes
mail_location = maildir:~/Maildir
service imap-login {
  inet_listener imap {
    port = ${this.imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    address = ${dovecotAddress}
    port = ${this.lmtpPort}
  }
  unix_listener lmtp {
    mode = 0
  }
}
${more}
`
  }

  async #run(): Promise<void> {
    const child = spawn('dovecot', ['-F', '-c', this.#file('dovecot.conf')], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child = child
    let said = ''
    child.stderr.on('data', (bytes: Buffer) => { said += bytes.toString() })
    let ended = false
    child.once('exit', () => { ended = true })
    for (const port of [this.imapPort, this.lmtpPort]) {
      for (const since = performance.now(); ;) {
        if (ended || performance.now() - since > 30_000) throw new Error(`Dovecot does not answer on port ${port}:\n${said}${this.log}`)
        const client = await LineClient.connect(port, { host: dovecotAddress }).catch(() => undefined)
        client?.close()
        if (client !== undefined) break
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
}
