// The heads of many summaries: from the message cache alone, in the order asked for, whatever is missing or damaged.

import t from 'tap'
import fs from 'node:fs'
import { Buffer } from 'node:buffer'
import type { Mailbox } from '../../../actors/user/types.ts'
import { context, draft, newWorld, open, within } from './fixture.ts'

/** `UID subject` for each, `-` where the head is missing; and how many came at a time. */
async function subjects(mailbox: Mailbox, uids: readonly number[]): Promise<{ told: string[]; batches: number }> {
  const told: string[] = []
  let batches = 0
  for await (const batch of mailbox.heads(context, uids)) {
    batches++
    for (const { uid, head } of batch) told.push(`${uid} ${head ? /^Subject: (\w+)/m.exec(Buffer.from(head.header).toString())![1]! : '-'}`)
  }
  return { told, batches }
}

t.test('heads', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  const count = 2000
  await user.append(context, 'INBOX', Array.from({ length: count }, (_, n) => draft(`m${n + 1}`)))
  world.store.operations()
  const all = Array.from({ length: count }, (_, n) => n + 1)
  await within(user, 'INBOX', async (inbox) => {
    const { told, batches } = await subjects(inbox, all)
    t.strictSame(told, all.map((uid) => `${uid} m${uid}`))
    t.ok(batches > 1 && batches < count / 20, 'some windows of many')
    t.strictSame((await subjects(inbox, [1999, 3, 2, 3])).told, ['1999 m1999', '3 m3', '2 m2', '3 m3'], 'in any order')
    await inbox.expunge(context, [5])
    t.strictSame((await subjects(inbox, [4, 5, 6, 9999])).told, ['4 m4', '5 -', '6 m6', '9999 -'])
    t.strictSame((await subjects(inbox, [])).told, [])
    t.notOk(world.store.operations().includes('read'), 'nothing is read from the store')

    const name = fs.readdirSync(world.directory, { recursive: true, encoding: 'utf8' }).find((file) => /\/cache\.\d+$/.test(file))!
    const file = `${world.directory}/${name}`
    const bytes = fs.readFileSync(file)
    const broken = Buffer.from(bytes)
    broken[broken.indexOf('m7\r') + 1]! ^= 1
    fs.writeFileSync(file, broken)
    t.strictSame((await subjects(inbox, [6, 7, 8])).told, ['6 m6', '7 -', '8 m8'], 'a damaged record is none')
    fs.truncateSync(file, bytes.indexOf('m1001\r'))
    t.strictSame((await subjects(inbox, [999, 1500])).told, ['999 m999', '1500 -'], 'nor is one behind the end of the file')
    t.match(Buffer.from((await inbox.summary(context, 1500)).header).toString(), /Subject: m1500/, 'the message itself has it')
    fs.rmSync(file)
    t.strictSame((await subjects(inbox, [1])).told, ['1 -'])
  })
  await user.stop(10_000)
})
