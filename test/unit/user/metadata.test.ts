// Annotations and access control lists: kept over the loss of the local state; gone with their mailbox; bounded.

import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import t from 'tap'
import { decodeRoot, encodeRoot } from '../../../actors/user/root-codec.ts'
import { RootState } from '../../../actors/user/root-state.ts'
import { crc32 } from '../../../runtime/crc32.ts'
import { limits } from '../../../runtime/limits.ts'
import { context, newWorld, open } from './fixture.ts'

t.test('they are kept', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'Work')
  await user.setMetadata(context, '', new Map([['/private/a', '1']]))
  await user.setMetadata(context, 'Work', new Map([['/private/a', 'w\xff'], ['/shared/b', '']]))
  await user.setMetadata(context, 'Work', new Map([['/shared/b', undefined], ['/private/c', '3']]))
  await user.rename(context, 'Work', 'Play')
  const check = (opened: typeof user): void => {
    t.same([...opened.metadata('')], [['/private/a', '1']])
    t.same([...opened.metadata('Play')], [['/private/a', 'w\xff'], ['/private/c', '3']])
    t.same([...opened.metadata('INBOX')], [])
    t.throws(() => opened.metadata('Work'), { code: 'NONEXISTENT' })
  }
  check(user)
  await user.stop(5000)
  const again = await open(world)
  check(again)
  await again.stop(5000)
  fs.rmSync(`${world.directory}/jane`, { recursive: true })
  const recovered = await open(world)
  check(recovered)
  await recovered.delete(context, 'Play')
  await recovered.create(context, 'Play')
  t.same([...recovered.metadata('Play')], [])
  await recovered.stop(5000)
})

t.test('a user has room for so much', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, { limits: { metadataBytes: 30 } })
  await user.setMetadata(context, 'INBOX', new Map([['/private/a', 'x'.repeat(10)]]))
  await t.rejects(user.setMetadata(context, '', new Map([['/private/a', 'x'.repeat(10)]])), { code: 'LIMIT' })
  t.same([...user.metadata('')], [], 'nothing was set')
  await user.setMetadata(context, 'INBOX', new Map([['/private/a', 'y'.repeat(20)]]))
  await user.setMetadata(context, 'INBOX', new Map([['/private/a', undefined]]))
  await user.setMetadata(context, '', new Map([['/private/a', 'x'.repeat(20)]]))
  await user.stop(5000)
  t.ok(limits.metadataBytes >= limits.metadataValueBytes)
})

t.test('a root that was written before there were annotations', async (t) => {
  const bytes = Buffer.from(encodeRoot(new RootState(), 7))
  const json = Buffer.from(bytes.subarray(16).toString().replace('"metadata":[],"acls":[],', ''))
  t.equal(json.length, bytes.length - 16 - '"metadata":[],"acls":[],'.length)
  const older = Buffer.concat([bytes.subarray(0, 16), json])
  older.writeUInt32LE(crc32(json, crc32(older.subarray(8, 12))), 12)
  t.same(decodeRoot(older)?.state.metadata.size, 0)
  t.equal(decodeRoot(older)?.generation, 7)
})

t.test('access control lists are kept, go with their mailbox, and are bounded', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, { limits: { aclEntries: 3 } })
  await user.create(context, 'Work')
  await user.setAcl(context, 'Work', 'bob', 'lr')
  await user.setAcl(context, 'Work', '-bob', 's')
  await user.setAcl(context, 'INBOX', 'bob', '')
  await t.rejects(user.setAcl(context, 'INBOX', 'carol', 'l'), { code: 'LIMIT' })
  await user.setAcl(context, 'Work', '-bob', 'st')
  await user.rename(context, 'Work', 'Play')
  const check = (opened: typeof user): void => {
    t.same([...opened.acl('Play')], [['bob', 'lr'], ['-bob', 'st']])
    t.same([...opened.acl('INBOX')], [['bob', '']])
    t.throws(() => opened.acl('Work'), { code: 'NONEXISTENT' })
  }
  check(user)
  await user.stop(5000)
  fs.rmSync(`${world.directory}/jane`, { recursive: true })
  const recovered = await open(world)
  check(recovered)
  await recovered.setAcl(context, 'INBOX', 'bob', undefined)
  t.same([...recovered.acl('INBOX')], [])
  await recovered.delete(context, 'Play')
  await recovered.create(context, 'Play')
  t.same([...recovered.acl('Play')], [])
  await recovered.stop(5000)
})
