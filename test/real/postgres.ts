// A real SQL database for tests: Debian's PostgreSQL in a temporary directory, on loopback, with TLS, and without passwords but for `careful`. Ended by its pid; `start`
// begins again with the same data on the same port.

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Authority, certificatePackages } from '../fixtures/certificates.ts'
import { freePort } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'

export class Postgres {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-postgres-'))
  readonly port: number
  /** Who has signed its certificate. */
  readonly authority: Authority
  /** PostgreSQL does not run as root. */
  readonly #as: { uid: number; gid: number }
  readonly #bin: string
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()

  /** A running one with a database `mail`; undefined where its package is missing and cannot be installed (with CI=true that throws). */
  static async create(): Promise<Postgres | undefined> {
    if (requirePackages(['postgresql', ...certificatePackages]).length > 0 || process.getuid?.() !== 0) return undefined
    const [, , uid = '', gid = ''] = spawnSync('getent', ['passwd', 'postgres'], { encoding: 'utf8' }).stdout.split(':')
    const [version = ''] = fs.readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a))
    const postgres = new Postgres(await freePort(), { uid: Number(uid), gid: Number(gid) }, path.join('/usr/lib/postgresql', version, 'bin'))
    fs.chownSync(postgres.directory, Number(uid), Number(gid))
    postgres.#execute('initdb', ['-D', postgres.#data, '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C', '-U', 'postgres'])
    const { cert, key } = postgres.authority.pair('server', '/CN=localhost', ['localhost', '127.0.0.1'])
    for (const [from, to] of [[cert, 'server.crt'], [key, 'server.key']] as const) {
      fs.copyFileSync(from, path.join(postgres.#data, to))
      fs.chownSync(path.join(postgres.#data, to), Number(uid), Number(gid))
      fs.chmodSync(path.join(postgres.#data, to), 0o600)
    }
    fs.writeFileSync(path.join(postgres.#data, 'pg_hba.conf'), 'local all all trust\nhost all careful 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n')
    await postgres.start()
    postgres.sql('CREATE DATABASE mail', 'postgres')
    postgres.sql('CREATE ROLE careful LOGIN PASSWORD \'it\'\'s \\ secret\'', 'postgres')
    return postgres
  }

  private constructor(port: number, as: { uid: number; gid: number }, bin: string) {
    this.port = port
    this.authority = new Authority(path.join(this.directory, 'ca'))
    this.#as = as
    this.#bin = bin
  }

  get #data(): string { return path.join(this.directory, 'data') }

  /** What an SQL file says to reach it. */
  get connect(): string { return `host=127.0.0.1 port=${this.port} dbname=mail user=postgres` }

  /** Starts it; settles when it answers. */
  async start(): Promise<void> {
    const child = spawn(path.join(this.#bin, 'postgres'), [
      '-D', this.#data, '-p', String(this.port), '-k', this.directory, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'ssl=on',
    ], { ...this.#as, cwd: this.directory, stdio: 'ignore' })
    this.#child = child
    this.#exited = new Promise((resolve) => child.once('exit', resolve))
    for (const deadline = Date.now() + 30_000; Date.now() < deadline && child.exitCode === null; await wait(50)) {
      if (spawnSync(path.join(this.#bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(this.port)]).status === 0) return
    }
    throw new Error('PostgreSQL does not start')
  }

  /** Runs statements; their output, unaligned. */
  sql(text: string, database = 'mail'): string {
    return this.#execute('psql', ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'postgres', '-d', database, '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text])
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGQUIT')
    await this.#exited
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.kill()
    fs.rmSync(this.directory, { recursive: true, force: true })
  }

  #execute(command: string, args: string[]): string {
    const { status, stdout, stderr } = spawnSync(path.join(this.#bin, command), args, { ...this.#as, cwd: this.directory, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`)
    return stdout
  }
}
