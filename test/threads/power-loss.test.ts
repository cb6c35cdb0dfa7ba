// A server on a machine that loses power under load, with mail_fsync = never: killed, the files under mail_home cut where one record
// ends and the next began, and started again as if the kernel were another. Everything that was acknowledged is there.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { decodeJournal, encodeJournalHeader, encodeJournalRecord } from '../../actors/user/journal.ts'
import { decodeRoot, encodeRoot } from '../../actors/user/root-codec.ts'
import { bootId } from '../../runtime/real-files.ts'
import { figure } from '../bench/measure.ts'
import { TestServer } from '../fixtures/server.ts'
import { Deliverer, eventually, login, lost } from './users.ts'

t.setTimeout(110_000)
const rounds = 2
const users = Array.from({ length: 6 }, (_, n) => `blackout${n}@example.com`)

const journalsOf = (home: string): string[] => fs.readdirSync(`${home}/mailboxes`).map((guid) => `${home}/mailboxes/${guid}/journal`).filter((file) => fs.existsSync(file))

/** Takes records off a journal's end. Answers how many. */
function cut(file: string, round: number): number {
  const { records } = decodeJournal(fs.readFileSync(file))!
  const kept = Math.floor(records.length * ((round * 0.37 + 0.29) % 1))
  fs.truncateSync(file, records.slice(0, kept).reduce((end, record) => end + 8 + record.length, 32))
  return records.length - kept
}

/** Makes the root one that was written in another run of the machine. */
function startAnew(directory: string, run: string): void {
  const was = Buffer.from(bootId())
  const { identity, generation, records } = decodeJournal(fs.readFileSync(`${directory}/journal`))!
  const replaced = records.map((record) => encodeJournalRecord(Buffer.from(Buffer.from(record).toString().replaceAll(was.toString(), run))))
  fs.writeFileSync(`${directory}/journal`, Buffer.concat([encodeJournalHeader(identity, generation), ...replaced]))
  const { state, generation: snapshot } = decodeRoot(fs.readFileSync(`${directory}/snapshot`))!
  if (state.boots.boot.id === was.toString()) state.boots.boot = { ...state.boots.boot, id: run }
  fs.writeFileSync(`${directory}/snapshot`, encodeRoot(state, snapshot))
}

await t.test('power lost, again and again', { skip: bootId() === '' ? 'the kernel does not say that it was started anew' : false }, async (t) => {
  const server = await TestServer.start({ workers: 2, config: 'mail_fsync = never\n' })
  t.teardown(() => server.stop())
  const deliverers: Deliverer[] = []
  let records = 0
  for (let round = 0; round < rounds; round++) {
    const deliverer = new Deliverer(server.lmtpPort, `round-${round}`, users)
    deliverers.push(deliverer)
    const reader = await eventually(() => login(server.imapPort, users[round]!))
    await reader.command('s', 'SELECT INBOX')
    await deliverer.progress(5 * users.length)
    await reader.command('f', 'STORE 1:* +FLAGS (\\Flagged)')
    await server.kill()
    reader.close()
    await deliverer.stop()
    for (const user of users) {
      const home = path.join(server.directory, 'home', user)
      for (const file of journalsOf(home)) records += cut(file, round)
      startAnew(`${home}/root`, `round ${round}`)
    }
    await server.run()
    const status = await login(server.imapPort, users[round]!)
    const letters = deliverers.reduce((sum, one) => sum + (one.acknowledged.get(users[round]!)?.length ?? 0), 0)
    const messages = Number(/MESSAGES (\d+)/.exec((await status.command('m', 'STATUS INBOX (MESSAGES)')).join())?.[1])
    t.ok(messages >= letters, `STATUS knows ${messages} mails of ${letters} that were acknowledged`)
    status.close()
  }
  t.same(await lost(server.imapPort, deliverers), [], 'nothing acknowledged is lost')
  const count = deliverers.reduce((sum, one) => sum + one.count, 0)
  figure(t, `power lost ${rounds} times under load, ${records} records cut off: ${count} letters acknowledged, 0 lost`)
  t.ok(records > rounds * users.length, 'there was something to be lost')
  t.notMatch(server.output, /torn tail/, 'and nothing of it could be seen')
})
