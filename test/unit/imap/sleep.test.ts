// Sessions that sleep (imap_hibernate_timeout): the mailbox is closed under them, and they hear of everything all the same.

import t from 'tap'
import { append, imapEngine } from '../../fixtures/imap-engine.ts'
import type { ImapEngine } from '../../fixtures/imap-engine.ts'
import type { ImapClient } from '../../fixtures/imap-session.ts'
import { TempFail } from '../../../runtime/errors.ts'

const mailboxes = ({ user }: ImapEngine): number => user.describe().values!['mailboxes']!

/** Lets the sessions fall asleep, and waits until no mailbox is loaded. */
async function sleep(engine: ImapEngine, ...clients: ImapClient[]): Promise<void> {
  do {
    for (const client of clients) client.time.pass(30_000)
    await new Promise((resolve) => { setTimeout(resolve, 1) })
  } while (mailboxes(engine) > 0)
}

async function asleep(t: Parameters<typeof imapEngine>[0], command?: string): Promise<{ engine: ImapEngine; client: ImapClient; other: ImapClient }> {
  const engine = await imapEngine(t, { metacache_upload_interval: 1 }, { mailboxIdleMs: 0 })
  const client = await engine.login({ imap_idle_notify_interval: 0 })
  const other = await engine.login()
  for (let n = 0; n < 3; n++) await append(client)
  await client.say('SELECT INBOX')
  await client.say('SEARCH RETURN (SAVE) 2')
  if (command !== undefined) {
    client.send(`i ${command}\r\n`)
    await client.until(/\+ idling\r\n/)
  }
  await sleep(engine, client)
  return { engine, client, other }
}

t.test('in IDLE: mails, flags and expunges are told when they happen', async (t) => {
  const { engine, client, other } = await asleep(t, 'IDLE')
  await append(other)
  t.equal(await client.until(/RECENT\r\n/), '* 4 EXISTS\r\n* 4 RECENT\r\n')
  await sleep(engine, client, other)
  await other.say('SELECT INBOX')
  await other.say('STORE 3 +FLAGS (\\Flagged mine)')
  t.equal(await client.until(/\* 3 FETCH.*\r\n/), '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft mine)\r\n'
    + '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft mine \\*)] Flags permitted.\r\n* 3 FETCH (FLAGS (\\Flagged \\Recent mine))\r\n')
  await sleep(engine, client, other)
  await other.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
  await client.until(/\* 1 FETCH.*\r\n/)
  await other.say('EXPUNGE')
  t.equal(await client.until(/EXPUNGE\r\n/), '* 1 EXPUNGE\r\n')
  await sleep(engine, client, other)
  client.send('DONE\r\n')
  t.same(await client.answer('i'), ['OK Idle completed.'])
  t.same(await client.say('FETCH $ UID'), ['* 1 FETCH (UID 2)', 'OK Fetch completed.'], '$ is what it was')
})

t.test('without a command: everything is told with the next one', async (t) => {
  const { engine, client, other } = await asleep(t)
  await append(other)
  await other.say('SELECT INBOX')
  await other.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
  await other.say('STORE 2 +FLAGS.SILENT (\\Seen)')
  await other.say('EXPUNGE')
  await sleep(engine, other)
  t.same(await client.say('FETCH 1:* UID'), ['* 2 FETCH (UID 2)', '* 3 FETCH (UID 3)', '* 2 FETCH (FLAGS (\\Seen \\Recent))', 'OK [EXPUNGEISSUED] Some of the requested messages no longer exist.'])
  t.same(await client.say('NOOP'), ['* 1 EXPUNGE', '* 3 EXISTS', '* 2 RECENT', 'OK NOOP completed.'])
})

t.test('DONE and the next command in one packet', async (t) => {
  const { client } = await asleep(t, 'IDLE')
  client.send('DONE\r\nx FETCH 3 UID\r\n')
  t.match(await client.answer('x'), [/^i OK Idle completed/, '* 3 FETCH (UID 3)', 'OK Fetch completed.'])
})

t.test('an IDLE that ends otherwise', async (t) => {
  const { client, other } = await asleep(t, 'IDLE')
  await append(other)
  await client.until(/RECENT\r\n/)
  client.time.pass(30_000)
  client.send('STOP\r\nx NOOP\r\n')
  t.match(await client.answer('x'), [/^i BAD .*Expected DONE/, 'OK NOOP completed.'])
  client.send('i IDLE\r\n')
  await client.until(/\+ idling\r\n/)
  client.time.pass(30_000)
  client.send(`${'x'.repeat(70_000)}\r\n`)
  t.match(await client.answer('i'), [/^BAD .*Too long line/])
})

t.test('a mailbox that is renamed meanwhile is the same, one that is deleted is gone', async (t) => {
  for (const command of ['IDLE', undefined]) {
    const { engine, client, other } = await asleep(t, command)
    if (command !== undefined) {
      client.send('DONE\r\n')
      await client.answer('i')
    }
    await client.say('CREATE box')
    await append(client, 'box')
    await client.say('SELECT box')
    if (command !== undefined) {
      client.send(`i ${command}\r\n`)
      await client.until(/\+ idling\r\n/)
    }
    await sleep(engine, client)
    await other.say('RENAME box other')
    await append(other, 'other')
    if (command !== undefined) await client.until(/\* 2 EXISTS\r\n/)
    else t.same((await client.say('NOOP'))[0], '* 2 EXISTS')
    await sleep(engine, client, other)
    await other.say('DELETE other')
    if (command === undefined) client.send('n NOOP\r\n')
    t.match(await client.end(), /\* BYE Selected mailbox was deleted/)
  }
})

t.test('what cannot be opened again ends the session, and loses nothing', async (t) => {
  const { engine, client } = await asleep(t)
  const open = engine.user.open.bind(engine.user)
  engine.user.open = () => Promise.reject(new TempFail('the disk is away'))
  client.send('n NOOP\r\n')
  t.match(await client.end(), /^\* BYE \[UNAVAILABLE\]/)
  engine.user.open = open
})

t.test('who hangs up asleep, or while waking, leaves nothing open', async (t) => {
  const { engine, client, other } = await asleep(t, 'IDLE')
  client.hangup()
  await client.end()
  const second = await engine.login()
  await second.say('SELECT INBOX')
  await sleep(engine, second)
  second.send('n NOOP\r\n')
  second.hangup()
  await second.end()
  await sleep(engine, other)
  t.equal(client.time.count + second.time.count, 0, 'nor a timer')
})

t.test('with NOTIFY, in IDLE or not', async (t) => {
  for (const command of ['IDLE', undefined]) {
    const { engine, client, other } = await asleep(t)
    await client.say('NOTIFY SET (selected (MessageNew (UID) MessageExpunge FlagChange)) (mailboxes box (MessageNew MessageExpunge))')
    if (command !== undefined) {
      client.send(`i ${command}\r\n`)
      await client.until(/\+ idling\r\n/)
    }
    await sleep(engine, client)
    await other.say('CREATE box')
    await append(other, 'box')
    t.equal(await client.until(/\r\n/), '* STATUS box (MESSAGES 1 UIDNEXT 2 UNSEEN 1)\r\n', 'another mailbox does not wake it')
    await sleep(engine, other)
    await append(other)
    t.equal(await client.until(/FETCH.*\r\n/), '* 4 EXISTS\r\n* 4 RECENT\r\n* 4 FETCH (UID 4)\r\n')
    await sleep(engine, client, other)
    await other.say('SELECT INBOX')
    await other.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
    t.equal(await client.until(/FETCH.*\r\n/), '* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))\r\n')
    await sleep(engine, client, other)
    await other.say('EXPUNGE')
    t.equal(await client.until(/EXPUNGE\r\n/), '* 1 EXPUNGE\r\n')
    if (command !== undefined) {
      client.send('DONE\r\n')
      t.same(await client.answer('i'), ['OK Idle completed.'])
    }
  }
})

t.test('with NOTIFY NONE the view stands still', async (t) => {
  const { engine, client, other } = await asleep(t)
  await client.say('NOTIFY NONE')
  await sleep(engine, client)
  await append(other)
  await sleep(engine, other)
  t.same(await client.say('NOOP'), ['OK NOOP completed.'])
  t.same(await client.say('NOTIFY SET (selected (MessageNew MessageExpunge))'), ['* 4 EXISTS', '* 4 RECENT', 'OK NOTIFY completed.'])
})

t.test('searches that go on keep it awake', async (t) => {
  const engine = await imapEngine(t, {}, { mailboxIdleMs: 0 })
  const client = await engine.login()
  await client.say('SELECT INBOX')
  await client.say('SEARCH RETURN (UPDATE COUNT) ALL')
  client.time.pass(300_000)
  const other = await engine.login()
  await append(other)
  t.match((await client.say('NOOP')).at(-2), /ESEARCH .* ADDTO/)
})
