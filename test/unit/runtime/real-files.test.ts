// Real files: order of appends, descriptors that follow their paths, failures as TempFail.

import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { TempFail } from '../../../runtime/errors.ts'
import { RealFiles } from '../../../runtime/real-files.ts'

const text = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : Buffer.from(bytes).toString())
const bytes = (s: string): Uint8Array => Buffer.from(s)

function world(t: { teardown(action: () => void): unknown }, maxOpen?: number): { files: RealFiles; at: (name: string) => string } {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-files-'))
  const files = new RealFiles(maxOpen)
  t.teardown(() => {
    files.close()
    fs.rmSync(directory, { recursive: true })
  })
  return { files, at: (name) => path.join(directory, name) }
}

/** Descriptors of this process that are open below a directory. */
const openBelow = (directory: string): string[] => fs.readdirSync('/proc/self/fd').flatMap((fd) => {
  try {
    const target = fs.readlinkSync(`/proc/self/fd/${fd}`)
    return target.startsWith(directory) ? [target] : []
  } catch {
    return []
  }
})

void t.test('appends to one file keep their order, small and large, durable or not', async (t) => {
  const { files, at } = world(t)
  let expected = ''
  const appends: Promise<void>[] = []
  for (let i = 0; i < 200; i++) {
    const piece = `${i}:${'x'.repeat(i % 7 === 0 ? 20_000 + i : i)}\n`
    expected += piece
    appends.push(files.append(at('deep/down/journal'), bytes(piece), i % 11 === 0))
  }
  await Promise.all(appends)
  t.ok(text(await files.read(at('deep/down/journal'))) === expected)
  t.equal(fs.statSync(at('deep/down/journal')).mode & 0o777, 0o600)
  t.equal(fs.statSync(at('deep/down')).mode & 0o777, 0o700)
})

void t.test('read: whole, in part, beyond the end, absent', async (t) => {
  const { files, at } = world(t)
  await files.append(at('f'), bytes('0123456789'))
  t.equal(text(await files.read(at('f'))), '0123456789')
  t.equal(text(await files.read(at('f'), 3, 4)), '3456')
  t.equal(text(await files.read(at('f'), 8)), '89')
  t.equal(text(await files.read(at('f'), 8, 100)), '89')
  t.equal(text(await files.read(at('f'), 100)), '')
  t.equal(await files.read(at('absent')), undefined)
  t.equal(await files.read(at('f/below-a-file')), undefined)
  t.equal(await files.stat(at('f/below-a-file')), undefined)
  t.same(await files.list(at('f/below-a-file')), [])
  t.same(await files.list(at('absent')), [])
})

void t.test('an append goes to the file that has the path now', async (t) => {
  const { files, at } = world(t)
  const appended = async (name: string, before: string): Promise<void> => {
    await files.append(at(name), bytes('+'))
    t.equal(text(await files.read(at(name))), `${before}+`)
  }
  await files.append(at('a'), bytes('one'))
  await files.replace(at('a'), bytes('two'))
  await appended('a', 'two')

  await files.append(at('b'), bytes('other'))
  await files.rename(at('b'), at('a'))
  await appended('a', 'other')
  await appended('b', '')

  await files.remove(at('a'))
  await appended('a', '')

  await files.append(at('folder/journal'), bytes('x'))
  await files.rename(at('folder'), at('moved'))
  await appended('folder/journal', '')
  await appended('moved/journal', 'x')
  await files.remove(at('folder'))
  await appended('folder/journal', '')

  await files.truncate(at('moved/journal'), 1)
  await appended('moved/journal', 'x')
})

void t.test('an append while the file is being replaced does not stay with the old one', async (t) => {
  const { files, at } = world(t)
  for (let i = 0; i < 50; i++) {
    await files.append(at('j'), bytes('old'))
    const replacing = files.replace(at('j'), bytes('new'))
    // Before, during and after the rename: whichever file these reach, the next one reaches the new file.
    const meanwhile: Promise<void>[] = []
    let done = false
    void replacing.then(() => { done = true })
    while (!done) {
      meanwhile.push(files.append(at('j'), bytes('.')))
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    await Promise.all([replacing, ...meanwhile])
    await files.append(at('j'), bytes('!'))
    if (!/^new\.*!$/.test(text(await files.read(at('j')))!)) t.fail(String(text(await files.read(at('j')))))
  }
  t.pass()
})

void t.test('replace is whole or not at all, and leaves nothing lying around', async (t) => {
  const { files, at } = world(t)
  await files.replace(at('d/f'), bytes('one'), true)
  await files.replace(at('d/f'), bytes('two'), true)
  t.equal(text(await files.read(at('d/f'))), 'two')
  t.same(await files.list(at('d')), ['f'])
  fs.mkdirSync(at('d/taken/x'), { recursive: true })
  await t.rejects(files.replace(at('d/taken'), bytes('three')), TempFail)
  t.same((await files.list(at('d'))).sort(), ['f', 'taken'], 'no temporary file after a failure')
  await t.rejects(files.replace(at('d/f/below-a-file'), bytes('four')), TempFail)
})

void t.test('descriptors: few stay open, none of a file in use is closed, none is left', async (t) => {
  const { files, at } = world(t, 4)
  const large = bytes('y'.repeat(100_000))
  const busy = Array.from({ length: 20 }, (_, i) => files.append(at(`busy${i}`), large, i % 2 === 0))
  const quick = Array.from({ length: 20 }, (_, i) => files.append(at(`quick${i}`), bytes('z'), i % 2 === 0))
  await files.remove(at('busy3'))
  await Promise.all([...busy, ...quick])
  for (let i = 0; i < 20; i++) {
    if (i !== 3) t.equal((await files.stat(at(`busy${i}`)))?.size, large.length)
    t.equal((await files.stat(at(`quick${i}`)))?.size, 1)
  }
  await files.append(at('later'), bytes('z'))
  t.equal(openBelow(at('')).length, 4)
  files.close()
  t.same(openBelow(at('')), [])
})

void t.test('the least recently used descriptor is closed first', async (t) => {
  const { files, at } = world(t, 2)
  for (const name of ['a', 'b', 'a', 'c']) await files.append(at(name), bytes('.'))
  t.same(openBelow(at('')).sort(), [at('a'), at('c')])
})

void t.test('a full disk, and what cannot be written, is TempFail', async (t) => {
  const { files, at } = world(t)
  fs.symlinkSync('/dev/full', at('full'))
  await t.rejects(files.append(at('full'), bytes('x')), { name: 'TempFail', message: /^cannot append to .*full: ENOSPC/ })
  await t.rejects(files.append(at('full'), Buffer.alloc(100_000)), { name: 'TempFail', message: /ENOSPC/ })
  await files.append(at('f'), bytes('x'))
  await t.rejects(files.append(at('f/below-a-file'), bytes('x')), TempFail)
  await t.rejects(files.rename(at('absent'), at('g')), TempFail)
  await t.rejects(files.truncate(at('absent'), 0), TempFail)
  await files.remove(at('absent'))
})

void t.test('names of spool files differ', (t) => {
  const { files } = world(t)
  t.not(files.temporary('/spool'), files.temporary('/spool'))
  t.equal(path.dirname(files.temporary('/spool')), '/spool')
  t.end()
})

void t.test('pieces: the file stays open, and is never one that another has taken the place of', async (t) => {
  const { files, at } = world(t, 2)
  await files.replace(at('cache'), bytes('0123456789'))
  t.equal(text(await files.read(at('cache'), 2, 3)), '234')
  t.same(openBelow(at('')), [at('cache')])
  t.equal(text(await files.read(at('cache'), 4, 3)), '456')
  t.same(openBelow(at('')), [at('cache')], 'once')
  await files.replace(at('cache'), bytes('abcdefghij'))
  t.same(openBelow(at('')), [])
  t.equal(text(await files.read(at('cache'), 2, 3)), 'cde')
  fs.writeFileSync(at('other'), 'ABCDEFGHIJ')
  fs.renameSync(at('other'), at('cache'))
  t.equal(text(await files.read(at('cache'), 2, 3)), 'CDE', 'somebody else has replaced it')
  fs.rmSync(at('cache'))
  t.equal(await files.read(at('cache'), 2, 3), undefined)
  for (const name of ['a', 'b', 'c']) {
    await files.replace(at(name), bytes(name))
    await files.read(at(name), 0, 1)
  }
  t.same(openBelow(at('')), [at('b'), at('c')], 'the least recently used are closed')
})
