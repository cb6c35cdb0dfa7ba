// The disk of mail_home is full while a whole server works on it: nobody is refused for good, nothing that was acknowledged is
// lost, and when there is room again all goes on by itself. Needs to mount a small file system: skipped by name where that may not be.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { figure } from '../bench/measure.ts'
import { TestServer } from '../fixtures/server.ts'
import { Deliverer, eventually, login, lost } from './users.ts'

t.setTimeout(110_000)
const users = Array.from({ length: 4 }, (_, n) => `tight${n}@example.com`)

/** A file system of a few megabytes at `place`; whether there is one. */
function mounted(place: string): boolean {
  fs.mkdirSync(place)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'culver-test', place], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Takes all the room there is; a function that gives it back. */
function fill(place: string): () => void {
  const file = path.join(place, 'ballast')
  const fd = fs.openSync(file, 'w')
  try {
    for (const size of [65_536, 1]) for (;;) try { if (fs.writeSync(fd, Buffer.alloc(size)) === 0) break } catch { break }
  } finally { fs.closeSync(fd) }
  return () => { fs.rmSync(file) }
}

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-full-'))
const home = path.join(directory, 'home')
if (!mounted(home)) {
  fs.rmSync(directory, { recursive: true })
  void t.test('a full disk', { skip: 'file systems cannot be mounted here' }, () => {})
} else {
  const unmount = (): void => { execFileSync('umount', ['-l', home]) }
  process.once('exit', unmount)
  const server = await TestServer.start({ directory, workers: 2, config: 'plugin {\n  metacache_upload_interval = 1 s\n}' })
  t.teardown(async () => {
    await server.stop()
    process.off('exit', unmount)
    unmount()
    fs.rmSync(directory, { recursive: true, force: true })
  })
  const all: Deliverer[] = []
  const begin = (): Deliverer[] => {
    const some = Array.from({ length: 2 }, (_, n) => new Deliverer(server.lmtpPort, `${all.length}-${n}`, users))
    all.push(...some)
    return some
  }

  for (const end of ['room again', 'killed while it is full'] as const) {
    await t.test(end, async (t) => {
      const deliverers = begin()
      await Promise.all(deliverers.map((one) => one.progress(12)))
      const session = await login(server.imapPort, users[0]!)
      t.match((await session.command('s', 'SELECT INBOX')).at(-1), /^s OK/)
      const empty = fill(home)
      const before = deliverers.map(({ refusals }) => refusals.length)
      await eventually(async () => { if (deliverers.some(({ refusals }, n) => refusals.length < before[n]! + 10)) throw new Error('nothing is refused') })
      const during = deliverers.flatMap(({ refusals }, n) => refusals.slice(before[n]))
      t.same(during.filter((reply) => !/^4\d\d |: 4\d\d /.test(reply)), [], 'refused for now, never for good')
      t.match((await session.command('f', 'FETCH 1 (FLAGS BODY.PEEK[HEADER])')).at(-1), /^f OK/, 'reading goes on')
      const stored = (await session.command('f', 'STORE 1 +FLAGS (\\Flagged)')).at(-1)!
      t.match(stored, /^f (OK|NO \[UNAVAILABLE\])/)
      for (const user of users) (await login(server.imapPort, user)).close()
      t.pass('everybody can log in')
      if (end !== 'room again') {
        await server.kill()
        await Promise.all(deliverers.map((one) => one.stop()))
        await server.run()
        for (const user of users) (await login(server.imapPort, user)).close()
        t.pass('and after a restart, too')
        t.same(await lost(server.imapPort, all), [], 'nothing acknowledged is lost while it is full')
      }
      session.close()
      empty()
      const later = end === 'room again' ? deliverers : begin()
      await Promise.all(later.map((one) => one.progress(8)))
      await Promise.all(all.map((one) => one.stop()))
      t.same(await lost(server.imapPort, all), [], 'nothing acknowledged is lost')
      figure(t, `${end}: ${all.reduce((sum, { count }) => sum + count, 0)} letters acknowledged, ${during.length} refused for now, 0 lost`)
    })
  }
}
