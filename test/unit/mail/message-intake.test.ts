// A message on its way in: in memory, spooled, too large, on a full disk, given up.

import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Body, Files } from '../../../runtime/effects.ts'
import { LimitExceeded, TempFail } from '../../../runtime/errors.ts'
import { MessageIntake } from '../../../actors/session/message-intake.ts'
import { crlf, parse, sample } from '../../fixtures/mails/mails.ts'
import { smallWorld } from '../../fixtures/small-world.ts'

const bytesOfBody = (body: Body): Buffer => Buffer.concat(body.parts.map((part) =>
  part instanceof Uint8Array ? part : fs.readFileSync(part.path).subarray(part.offset, part.offset + part.length)))

const filesIn = (directory: string): string[] => (fs.existsSync(directory) ? fs.readdirSync(directory) : [])

void t.test('a small message stays in memory', async (t) => {
  const { effects, directory } = smallWorld(t)
  const temporaryDirectory = path.join(directory, 'temp')
  const intake = new MessageIntake(effects, { temporaryDirectory })
  const source = Buffer.from('Subject: x\n\nbare\r\nlines\n')
  t.equal(intake.push(source), undefined)
  source.fill(0)
  const { body, summary, release } = await intake.finish()
  const expected = crlf('Subject: x\n\nbare\nlines\n')
  t.same(bytesOfBody(body), expected)
  t.equal(body.size, expected.length)
  t.same(summary, { ...parse(expected), preview: 'bare lines' })
  t.same(filesIn(temporaryDirectory), [])
  await release()
})

void t.test('an empty message', async (t) => {
  const { effects, directory } = smallWorld(t)
  const { body, summary } = await new MessageIntake(effects, { temporaryDirectory: directory }).finish()
  t.same(body, { size: 0, parts: [] })
  t.equal(summary.size, 0)
})

void t.test('a large message is spooled, and its file removed by release', async (t) => {
  const { effects, directory } = smallWorld(t)
  const temporaryDirectory = path.join(directory, 'temp')
  const intake = new MessageIntake(effects, { temporaryDirectory })
  const message = Buffer.concat([sample('alternative-with-image'), crlf('epilogue line\n'.repeat(40_000))])
  let waits = 0
  for (let at = 0; at < message.length; at += 5000) {
    const waiting = intake.push(message.subarray(at, at + 5000))
    if (waiting !== undefined) waits++
    await waiting
  }
  const { body, summary, release } = await intake.finish()
  t.ok(waits > 1, 'there was backpressure')
  t.ok(body.parts.length === 2 && (body.parts[1] as Uint8Array).length <= 64 * 1024, 'the last bytes need no file')
  t.ok(bytesOfBody(body).equals(message))
  t.same(summary, parse(message))
  t.equal(filesIn(temporaryDirectory).length, 1)
  await release()
  await release()
  t.same(filesIn(temporaryDirectory), [])
})

void t.test('chunks that come without waiting keep their order', async (t) => {
  const { effects, directory } = smallWorld(t)
  const intake = new MessageIntake(effects, { temporaryDirectory: directory, memoryBytes: 100 })
  const message = crlf(`A: b\n\n${Array.from({ length: 2000 }, (_, line) => `line ${line}\n`).join('')}`)
  for (let at = 0; at < message.length; at += 37) void intake.push(message.subarray(at, at + 37))
  const { body, release } = await intake.finish()
  t.ok(bytesOfBody(body).equals(message))
  await release()
})

void t.test('too large: the rest is swallowed, nothing is left', async (t) => {
  const { effects, directory } = smallWorld(t)
  const temporaryDirectory = path.join(directory, 'temp')
  const intake = new MessageIntake(effects, { temporaryDirectory, memoryBytes: 1000, maxBytes: 5000 })
  for (let i = 0; i < 100; i++) await intake.push(Buffer.alloc(100, 'x'))
  t.type(intake.failure, LimitExceeded)
  t.equal(intake.size, 5000)
  await t.rejects(intake.finish(), { name: 'LimitExceeded', limit: 'messageBytes' })
  t.same(filesIn(temporaryDirectory), [])
})

void t.test('the bound counts what is stored: CRLF form', async (t) => {
  const { effects, directory } = smallWorld(t)
  const intake = new MessageIntake(effects, { temporaryDirectory: directory, maxBytes: 10 })
  void intake.push(Buffer.from('\n'.repeat(6)))
  await t.rejects(intake.finish(), { name: 'LimitExceeded' })
})

void t.test('a full disk is a temporary failure', async (t) => {
  const { effects, directory } = smallWorld(t)
  let writes = 0
  const files: Files = {
    read: (...given) => effects.files.read(...given), replace: (...given) => effects.files.replace(...given),
    truncate: (...given) => effects.files.truncate(...given), rename: (...given) => effects.files.rename(...given),
    remove: (...given) => effects.files.remove(...given), list: (...given) => effects.files.list(...given),
    stat: (...given) => effects.files.stat(...given), temporary: (...given) => effects.files.temporary(...given),
    append: async (...given) => {
      if (++writes === 2) throw new Error('ENOSPC: no space left on device')
      await effects.files.append(...given)
    },
  }
  const temporaryDirectory = path.join(directory, 'temp')
  const intake = new MessageIntake({ files }, { temporaryDirectory, memoryBytes: 1000 })
  for (let i = 0; i < 100; i++) await intake.push(Buffer.alloc(100, 'x'))
  t.equal(writes, 2, 'no more is tried')
  await t.rejects(intake.finish(), { name: new TempFail('').name, message: /cannot spool to .*ENOSPC/ })
  t.same(filesIn(temporaryDirectory), [])
})

void t.test('given up', async (t) => {
  const { effects, directory } = smallWorld(t)
  const temporaryDirectory = path.join(directory, 'temp')
  const intake = new MessageIntake(effects, { temporaryDirectory, memoryBytes: 1000 })
  for (let i = 0; i < 100; i++) void intake.push(Buffer.alloc(100, 'x'))
  await intake.discard()
  t.equal(intake.push(Buffer.from('more')), undefined)
  await intake.discard()
  t.same(filesIn(temporaryDirectory), [])
})
