// A real LDAP directory for tests: Debian's slapd in a temporary directory, on loopback, with the schema that the seed's
// configuration speaks of and some users. Stopped by its pid; `start` begins again with the same data on the same port.

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { lastingPort } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'

export const suffix = 'dc=example,dc=com'
export const admin = { dn: `cn=admin,${suffix}`, password: 'secret' }

export interface SlapdOptions {
  /** `u1@example.com` … each with the password `pw<number>` and a quota of `<number>000` KiB. */
  users: number
  /** Further entries, as LDIF. */
  ldif?: string
  /** Make a certificate for localhost and 127.0.0.1, and listen for ldaps there and on 127.0.0.2. */
  tls?: boolean
}

const schema = `
attributetype ( 1.3.6.1.4.1.32473.1.1 NAME 'messageQuotaHard' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.32473.2.1 NAME 'smiMessageRecipient' SUP top AUXILIARY MAY ( mailRoutingAddress $ mailLocalAddress $ mailHost $ messageQuotaHard ) )
`

const configuration = (directory: string, tls: boolean): string => `
${['core', 'cosine', 'nis', 'inetorgperson', 'misc'].map((name) => `include /etc/ldap/schema/${name}.schema`).join('\n')}
include ${directory}/mail.schema
pidfile ${directory}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
${tls ? `TLSCertificateFile ${directory}/cert.pem\nTLSCertificateKeyFile ${directory}/key.pem` : ''}
database mdb
maxsize 268435456
directory ${directory}/db
suffix ${suffix}
rootdn ${admin.dn}
rootpw ${admin.password}
# As many directories do: no more than 500 entries at a time, except page by page.
limits anonymous size=500 size.prtotal=unlimited
index objectClass eq
index uid,mail,mailRoutingAddress eq
access to attrs=userPassword by anonymous auth by * none
access to * by * read
`

/** A password as directories keep it. */
export function ssha(password: string): string {
  const salt = randomBytes(8)
  return `{SSHA}${Buffer.concat([createHash('sha1').update(password).update(salt).digest(), salt]).toString('base64')}`
}

/** The entry of one mail user. */
export const user = (uid: string, address: string, password: string, more = ''): string => `
dn: uid=${uid},${suffix}
objectClass: inetOrgPerson
objectClass: smiMessageRecipient
uid: ${uid}
cn: ${uid}
sn: ${uid}
mailRoutingAddress: ${address}
userPassword: ${ssha(password)}
${more}`

const numbered = (count: number): string => Array.from({ length: count }, (_, index) =>
  user(`u${index + 1}`, `u${index + 1}@example.com`, `pw${index + 1}`, `messageQuotaHard: ${index + 1}000\n`)).join('')

export class Slapd {
  readonly directory: string
  readonly port: number
  /** Of ldaps. */
  readonly tlsPort: number
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()

  /** A running one; undefined where its packages are missing and cannot be installed (with CI=true that throws). */
  static async create(options: SlapdOptions): Promise<Slapd | undefined> {
    if (requirePackages(['slapd']).length > 0) return undefined
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-slapd-'))
    const tls = options.tls === true
    fs.mkdirSync(path.join(directory, 'db'))
    fs.writeFileSync(path.join(directory, 'mail.schema'), schema)
    fs.writeFileSync(path.join(directory, 'slapd.conf'), configuration(directory, tls))
    if (tls) makeCertificate(directory)
    const organisation = `dn: ${suffix}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n`
    fs.writeFileSync(path.join(directory, 'users.ldif'), organisation + numbered(options.users) + (options.ldif ?? ''))
    execute('/usr/sbin/slapadd', ['-q', '-f', path.join(directory, 'slapd.conf'), '-l', path.join(directory, 'users.ldif')])
    const slapd = new Slapd(directory, await lastingPort(), tls ? await lastingPort() : 0)
    await slapd.start()
    return slapd
  }

  private constructor(directory: string, port: number, tlsPort: number) {
    this.directory = directory
    this.port = port
    this.tlsPort = tlsPort
  }

  /** Its UNIX socket. */
  get socket(): string { return path.join(this.directory, 'ldapi') }

  /** Starts it again, on the same port; settles when it accepts connections. */
  async start(): Promise<void> {
    const urls = [`ldap://127.0.0.1:${this.port}/`, `ldapi://${encodeURIComponent(this.socket)}`, ...(this.tlsPort > 0 ? [`ldaps://127.0.0.1:${this.tlsPort}/`, `ldaps://127.0.0.2:${this.tlsPort}/`] : [])]
    // Any debug level, 0 too, keeps it in the foreground.
    const child = spawn('/usr/sbin/slapd', ['-d', '0', '-f', path.join(this.directory, 'slapd.conf'), '-h', urls.join(' ')], { stdio: 'ignore' })
    this.#child = child
    this.#exited = new Promise((resolve) => child.once('exit', resolve))
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await wait(20)) {
      if (await accepts(this.port)) return
    }
    throw new Error('slapd does not start')
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#exited
  }

  /** Holds it still: connections stay, nothing is answered. */
  freeze(): void { this.#child?.kill('SIGSTOP') }
  thaw(): void { this.#child?.kill('SIGCONT') }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.kill()
    fs.rmSync(this.directory, { recursive: true, force: true })
  }
}

const accepts = (port: number): Promise<boolean> => new Promise((resolve) => {
  const socket = net.connect({ port, host: '127.0.0.1' })
  const settle = (answer: boolean): void => {
    socket.destroy()
    resolve(answer)
  }
  socket.once('connect', () => settle(true)).once('error', () => settle(false))
})

/** cert.pem, signed by itself, is also what a client must trust. */
const makeCertificate = (directory: string): void => execute('openssl', [
  'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
  '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', path.join(directory, 'key.pem'), '-out', path.join(directory, 'cert.pem'),
])

function execute(command: string, args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`)
}
