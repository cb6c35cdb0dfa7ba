// NOTIFY where clients are slow: what waits is bounded, and a response is never cut by another one.

import t from 'tap'
import { limits } from '../../../runtime/limits.ts'
import { append, imapEngine } from '../../fixtures/imap-engine.ts'

void t.test('a client that takes nothing loses its notifications, and is told', async (t) => {
  const { login, user } = await imapEngine(t, { imap_metadata: true, mail_fsync: 'never' })
  const client = await login()
  const other = { user: 'u', session: 'another', reason: 'test' }
  t.match(await client.say('NOTIFY SET (personal (MailboxMetadataChange))'), ['OK NOTIFY completed.'])
  const annotate = (n: number): Promise<void> => user.setMetadata(other, 'INBOX', new Map([['/private/comment', String(n)]]))
  await annotate(0)
  await client.until(/\* METADATA INBOX \/private\/comment\r\n/)
  client.stalled = true
  client.pending = limits.wireHighBytes + 1
  for (let n = 0; n <= limits.notifyPending; n++) await annotate(n)
  client.take()
  t.equal(await client.until(/\* OK [^\n]*\n/), '* OK [NOTIFICATIONOVERFLOW] Too many events, NOTIFY is off.\r\n', 'and nothing before it')
  await annotate(1)
  t.same(await client.say('NOOP'), ['OK NOOP completed.'], 'it is off')
  t.match(await client.say('NOTIFY SET (personal (MailboxMetadataChange))'), ['OK NOTIFY completed.'])
  await annotate(2)
  await client.until(/\* METADATA INBOX \/private\/comment\r\n/)
})

void t.test('a long FETCH response nobody asked for is whole, whatever else is to be said', async (t) => {
  const { login } = await imapEngine(t)
  const [client, other] = [await login(), await login()]
  await client.say('SELECT INBOX')
  await client.say('NOTIFY SET (selected (MessageNew (UID BODY.PEEK[]) MessageExpunge FlagChange))')
  const body = 'x'.repeat(4 * limits.wireHighBytes)
  client.stalled = true
  await append(other, 'INBOX', '', body)
  await client.until(/\* 1 FETCH \(UID 1 BODY\[\] \{\d+\}\r\n/)
  await other.say('SELECT INBOX')
  await other.say('STORE 1 +FLAGS.SILENT (\\Flagged)')
  client.send('n NOOP\r\n')
  client.take()
  const text = await client.until(/\nn OK [^\n]*\n/)
  t.equal(text.slice(0, text.indexOf(')\r\n')), `Subject: ${body}\r\n\r\n${body}\r\n`, 'the message')
  t.match(text.slice(text.indexOf(')\r\n')), /^\)\r\n\* 1 FETCH \(UID 1 FLAGS \(\\Flagged( \\Recent)?\)\)\r\nn OK /, 'then the rest')
})

void t.test('NOTIFY loads no mailbox', async (t) => {
  const { login, user } = await imapEngine(t)
  const client = await login()
  for (let n = 0; n < 20; n++) await user.create({ user: 'u', reason: 'test' }, `box${n}`)
  await client.say('NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))')
  t.equal(user.describe().values!['mailboxes'], 0)
})

void t.test('IDLE with NOTIFY hears of other mailboxes, and is kept alive', async (t) => {
  const { login } = await imapEngine(t)
  const [client, other] = [await login({ imap_idle_notify_interval: 120_000 }), await login()]
  await client.say('NOTIFY SET (inboxes (MessageNew MessageExpunge))')
  client.send('i IDLE\r\n')
  await client.until(/\+ idling\r\n/)
  await append(other)
  t.equal(await client.until(/\* [^\n]*\n/), '* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UNSEEN 1)\r\n')
  client.time.pass(120_000)
  t.equal(await client.until(/\* [^\n]*\n/), '* OK Still here\r\n')
  client.send('DONE\r\n')
  await client.until(/i OK Idle completed/)
})

void t.test('inboxes are all mailboxes that mail may be delivered to (RFC 5465 §6.3)', async (t) => {
  for (const [setting, told] of [[false, false], [true, true]] as const) {
    const { login } = await imapEngine(t, { lmtp_save_to_detail_mailbox: setting })
    const [client, other] = [await login(), await login()]
    await other.say('CREATE detail')
    await client.say('NOTIFY SET (inboxes (MessageNew MessageExpunge))')
    await append(other, 'detail')
    await append(other, 'INBOX')
    t.equal((await client.until(/\* STATUS INBOX .*\r\n/)).includes('STATUS detail'), told)
  }
})
