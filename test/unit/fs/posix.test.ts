// What only the posix driver has: files that people read, crashes between two steps, a disk that goes away.

import t from 'tap'
import type { Test } from 'tap'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { RequestContext } from '../../../runtime/effects.ts'
import { LimitExceeded, ObjectNotFound, TempFail } from '../../../runtime/errors.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import { bodyOf, collect } from '../../../workers/storage/body.ts'
import type { OpenStore } from '../../../workers/storage/driver.ts'

const context: RequestContext = { user: 'dove', reason: 'test' }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const fresh = (t: Test): { directory: string; store: OpenStore } => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-posix-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
  return { directory, store: buildStack(`posix:prefix=${directory}/store:no-fsync`) }
}
const text = async (store: OpenStore, key: string): Promise<string> => new TextDecoder().decode(await collect((await store.read(key, context)).body))

void t.test('an object is a plain file with its content', async (t) => {
  const { directory, store } = fresh(t)
  await store.write('b5/899/dove@example.com/mail', bodyOf(bytes('Subject: coo\r\n')), context, { metadata: { guid: 'g1' } })
  const file = `${directory}/store/b5/899/dove@example.com/mail`
  t.equal(fs.readFileSync(file, 'utf8'), 'Subject: coo\r\n')
  t.equal(fs.statSync(file).mode & 0o777, 0o600)
  t.same(fs.readdirSync(path.dirname(file)).sort(), ['.mail.meta', 'mail'])
  await store.delete('b5/899/dove@example.com/mail', context)
  t.same(fs.readdirSync(`${directory}/store`), ['.tmp'], 'nothing is left')
})

void t.test('keys cannot reach our own files', async (t) => {
  const { directory, store } = fresh(t)
  await store.write('mail', bodyOf(bytes('x')), context, { metadata: { guid: 'g1' } })
  await store.write('.mail.meta', bodyOf(bytes('evil')), context)
  await store.write('.tmp/x', bodyOf(bytes('y')), context)
  t.equal((await store.stat('mail', context)).metadata.guid, 'g1')
  t.same((await store.list('', context)).objects.map(({ key }) => key), ['.mail.meta', '.tmp/x', 'mail'])
  t.ok(fs.existsSync(`${directory}/store/%2Email.meta`))
})

void t.test('a crash between metadata and rename leaves the old object with its old metadata', async (t) => {
  const { directory, store } = fresh(t)
  await store.write('mail', bodyOf(bytes('old')), context, { metadata: { guid: 'old' } })
  const kept = fs.readFileSync(`${directory}/store/mail`)
  const { mtime, atime } = fs.statSync(`${directory}/store/mail`)
  const bigint = fs.statSync(`${directory}/store/mail`, { bigint: true })
  await store.write('mail', bodyOf(bytes('new')), context, { metadata: { guid: 'new' } })
  t.equal((await store.stat('mail', context)).metadata.guid, 'new')
  // The file of before comes back under the sidecar of after, as if the last rename had not happened.
  fs.writeFileSync(`${directory}/store/mail`, kept)
  fs.utimesSync(`${directory}/store/mail`, atime, mtime)
  fs.utimesSync(`${directory}/store/mail`, Number(bigint.mtimeNs / 1000n) / 1e6 + 5e-7, Number(bigint.mtimeNs / 1000n) / 1e6 + 5e-7)
  t.equal((await store.stat('mail', context)).metadata.guid, 'old')
})

void t.test('a tree that was copied without its times keeps its metadata', async (t) => {
  const { directory, store } = fresh(t)
  await store.write('a/mail', bodyOf(bytes('x')), context, { metadata: { guid: 'g1' } })
  fs.cpSync(`${directory}/store`, `${directory}/copy`, { recursive: true })
  t.equal((await buildStack(`posix:prefix=${directory}/copy`).stat('a/mail', context)).metadata.guid, 'g1')
})

void t.test('what a crash left in .tmp is swept after a day', async (t) => {
  const { directory, store } = fresh(t)
  fs.mkdirSync(`${directory}/store/.tmp`, { recursive: true })
  for (const name of ['old', 'young']) fs.writeFileSync(`${directory}/store/.tmp/${name}`, 'x')
  const long = Date.now() / 1000 - 2 * 24 * 3600
  fs.utimesSync(`${directory}/store/.tmp/old`, long, long)
  t.same((await store.list('', context)).objects, [])
  t.same(fs.readdirSync(`${directory}/store/.tmp`), ['young'])
})

void t.test('a directory that goes away is TempFail and not "no such object"', async (t) => {
  const { directory, store } = fresh(t)
  await store.write('mail', bodyOf(bytes('x')), context)
  fs.renameSync(`${directory}/store`, `${directory}/unmounted`)
  fs.mkdirSync(`${directory}/store`)
  const actions: (() => Promise<unknown>)[] = [() => store.stat('mail', context), () => store.read('mail', context), () => store.list('', context), () => store.delete('mail', context)]
  for (const action of actions) await t.rejects(action(), TempFail)
  t.same(await store.deleteMany(['mail'], context), ['mail'])
  fs.rmdirSync(`${directory}/store`)
  fs.renameSync(`${directory}/unmounted`, `${directory}/store`)
  t.equal(await text(store, 'mail'), 'x')
})

void t.test('a name too long for the file system; a key below an object', async (t) => {
  const { store } = fresh(t)
  await t.rejects(store.write('k'.repeat(300), bodyOf(bytes('x')), context), LimitExceeded)
  await store.write('mail', bodyOf(bytes('x')), context)
  await t.rejects(store.write('mail/below', bodyOf(bytes('x')), context), TempFail)
  await t.rejects(store.stat('mail/below', context), ObjectNotFound)
  t.equal(await text(store, 'mail'), 'x')
})

void t.test('writers and deleters of one directory do not disturb each other', async (t) => {
  const { store } = fresh(t)
  await Promise.all(Array.from({ length: 40 }, async (_, n) => {
    for (let round = 0; round < 5; round++) {
      await store.write(`a/b/${n}`, bodyOf(bytes(`${n}`)), context, { metadata: { guid: `${n}` } })
      t.equal((await store.stat(`a/b/${n}`, context)).metadata.guid, `${n}`)
      await store.delete(`a/b/${n}`, context)
    }
  }))
  t.same((await store.list('', context)).objects, [])
})
