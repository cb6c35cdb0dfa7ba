// A real S3 store for tests: Debian's radosgw over one monitor and one OSD, in a temporary directory, on loopback, for as
// long as the test process wants it. Starting takes about 20 s: one for each test file, with a prefix for each test.

import { execFile, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { buildStack } from '../../workers/fs/stack.ts'
import { bodyOf } from '../../workers/storage/body.ts'
import { Signer, emptyPayloadHash } from '../../workers/storage/sigv4.ts'
import type { Pair } from '../fixtures/certificates.ts'
import { requirePackages } from '../packages.ts'

export interface Radosgw {
  /** http://127.0.0.1:PORT */
  endpoint: string
  /** https://127.0.0.1:PORT, where it was given a certificate; else ''. */
  secureEndpoint: string
  accessKey: string
  secretKey: string
  /** Exists. */
  bucket: string
  /** The configured string of a store whose keys all begin with `prefix`/. */
  fsString(prefix: string): string
  /** Stops what was started, and removes its data. */
  stop(): Promise<void>
}

const run = promisify(execFile)
const bucket = 'mails'
const startMs = 180_000

/** Starts a radosgw (with `certificate`: one that speaks https, too); undefined where its packages are missing and cannot be installed (with CI=true that throws). */
export async function startRadosgw(options: { certificate?: Pair } = {}): Promise<Radosgw | undefined> {
  const missing = requirePackages(['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-common'])
  if (missing.length > 0) return undefined
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-radosgw-'))
  const [port, monV2, monV1, securePort] = await freePorts(4) as [number, number, number, number]
  const { certificate } = options
  const secure = certificate === undefined ? '' : ` ssl_endpoint=127.0.0.1:${securePort} ssl_certificate=${certificate.cert} ssl_private_key=${certificate.key}`
  const credentials = { accessKey: 'AKIATEST', secretKey: randomBytes(12).toString('hex') }
  const stop = (): Promise<void> => stopAll(directory)
  const orphaned = (): void => { for (const pid of pidsOf(directory)) kill(pid, 'SIGKILL') }
  process.once('exit', orphaned)
  try {
    await startDaemons(directory, configuration(directory, `endpoint=127.0.0.1:${port}${secure}`, monV2, monV1), `[v2:127.0.0.1:${monV2},v1:127.0.0.1:${monV1}]`)
    const admin = ['user', 'create', '--uid=mail', '--display-name=mail', `--access-key=${credentials.accessKey}`, `--secret-key=${credentials.secretKey}`]
    await run('radosgw-admin', admin, { env: environment(directory), timeout: startMs })
    const fsString = (prefix: string): string =>
      `s3:http://${credentials.accessKey}:${credentials.secretKey}@127.0.0.1:${port}/?bucket=${bucket}&prefix=${prefix}/&timeout=60s`
    await warmUp(`http://127.0.0.1:${port}`, credentials, fsString('warm-up'))
    return {
      endpoint: `http://127.0.0.1:${port}`, secureEndpoint: certificate === undefined ? '' : `https://127.0.0.1:${securePort}`, ...credentials, bucket, fsString,
      stop: async () => { process.off('exit', orphaned); await stop() },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const environment = (directory: string): NodeJS.ProcessEnv => ({ ...process.env, CEPH_CONF: path.join(directory, 'ceph.conf') })

const configuration = (directory: string, endpoints: string, monV2: number, monV1: number): string => `[global]
fsid = ${randomUUID()}
mon host = [v2:127.0.0.1:${monV2}/0,v1:127.0.0.1:${monV1}/0]
mon initial members = a
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms mon client mode = crc
ms mon service mode = crc
ms mon cluster mode = crc
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon warn on pool no redundancy = false
osd crush chooseleaf type = 0
osd objectstore = bluestore
bluestore block size = 10737418240
bluestore block create = true
osd memory target = 1073741824
mon data = ${directory}/mon
osd data = ${directory}/osd
run dir = ${directory}/run
admin socket = ${directory}/run/$cluster-$name.asok
pid file = ${directory}/run/$name.pid
log file = ${directory}/log/$name.log
mon cluster log file = ${directory}/log/cluster.log
mon data avail crit = 1
mon data avail warn = 2
[client.rgw]
rgw frontends = beast ${endpoints} tcp_nodelay=1
rgw data = ${directory}/rgw
rgw thread pool size = 64
rgw dns name = 127.0.0.1
`

async function startDaemons(directory: string, configured: string, monitor: string): Promise<void> {
  for (const name of ['mon', 'osd', 'run', 'log', 'rgw']) fs.mkdirSync(path.join(directory, name))
  fs.writeFileSync(path.join(directory, 'ceph.conf'), configured)
  const fsid = /^fsid = (.*)$/m.exec(configured)![1]!
  const env = environment(directory)
  const step = (command: string, ...args: string[]): Promise<{ stdout: string }> => run(command, args, { env, timeout: startMs })
  const map = path.join(directory, 'monmap')
  await step('monmaptool', '--create', '--clobber', '--fsid', fsid, '--addv', 'a', monitor, map)
  await step('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map)
  await daemon('ceph-mon', ['-i', 'a'], env)
  const uuid = randomUUID()
  const { stdout } = await step('ceph', 'osd', 'new', uuid)
  if (stdout.trim() !== '0') throw new Error(`the OSD has the number ${stdout.trim()}`)
  await step('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', uuid)
  await step('ceph', 'osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', 'host=localhost')
  await daemon('ceph-osd', ['-i', '0'], env)
  await until('the OSD', async () => (await step('ceph', 'osd', 'stat')).stdout.includes('1 up'))
  await daemon('radosgw', ['-n', 'client.rgw'], env)
}

/** Runs a program that puts itself into the background. */
function daemon(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: 'ignore', timeout: startMs })
    child.on('error', reject)
    child.on('exit', (code) => { if (code === 0) resolve(); else reject(new Error(`${command} ended with ${code}`)) })
  })
}

/** The first bucket and the first object make pools, which takes seconds that no test should measure. */
async function warmUp(endpoint: string, { accessKey, secretKey }: { accessKey: string; secretKey: string }, spec: string): Promise<void> {
  await until('radosgw', async () => (await fetch(endpoint)).ok)
  const host = new URL(endpoint).host
  const headers = new Signer({ accessKey, secretKey }, 'us-east-1').sign(
    { method: 'PUT', path: `/${bucket}`, query: [], headers: { host }, payloadHash: emptyPayloadHash }, Date.now())
  const created = await fetch(`${endpoint}/${bucket}`, { method: 'PUT', headers })
  if (!created.ok) throw new Error(`the bucket cannot be made: ${created.status} ${await created.text()}`)
  const store = buildStack(spec)
  await store.write('warm', bodyOf(new Uint8Array(1)), { user: 'test', reason: 'test' })
  store.close()
}

async function until(what: string, probe: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + startMs; Date.now() < deadline; await wait(200)) {
    if (await probe().catch(() => false)) return
  }
  throw new Error(`${what} did not come up within ${startMs} ms`)
}

/** Ports that were free a moment ago. All are held at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise<net.Server>((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => resolve(server))
  })))
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function pidsOf(directory: string): number[] {
  const folder = path.join(directory, 'run')
  if (!fs.existsSync(folder)) return []
  return fs.readdirSync(folder).filter((name) => name.endsWith('.pid')).map((name) => Number(fs.readFileSync(path.join(folder, name), 'utf8').trim())).filter((pid) => pid > 1)
}

function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try { return process.kill(pid, signal) } catch { return false }
}

/** The data is thrown away, so nothing needs a clean end. */
async function stopAll(directory: string): Promise<void> {
  const pids = pidsOf(directory)
  for (const pid of pids) kill(pid, 'SIGKILL')
  for (const deadline = Date.now() + 10_000; Date.now() < deadline && pids.some((pid) => kill(pid, 0)); await wait(20));
  fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
}
