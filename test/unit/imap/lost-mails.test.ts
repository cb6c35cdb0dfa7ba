// obox_fetch_lost_mails_as_empty as operators are told to use it: for some connections (a webmail's, in `remote {}`), beside others of
// the same user that are to hear of the loss.

import { Buffer } from 'node:buffer'
import t from 'tap'
import { append, imapEngine } from '../../fixtures/imap-engine.ts'

const context = { user: 'u', reason: 'test' }

t.test('it is the connection that says how a lost mail reads, whatever others have asked before', async (t) => {
  const { user, world, login } = await imapEngine(t)
  const strict = await login()
  await append(strict, 'INBOX', '', 'one')
  await append(strict, 'INBOX', '', 'two')
  const { objects } = await world.store.list('', context)
  const lost = objects.find(({ key }) => key.includes('/mailboxes/') && !key.includes('/idx/') && key.slice(-27, -19) === '00000001')!
  await world.store.delete(lost.key, context)
  const webmail = await login({ obox_fetch_lost_mails_as_empty: true })
  for (const client of [strict, webmail]) await client.say('SELECT INBOX')
  for (let round = 0; round < 2; round++) {
    t.match((await webmail.say('FETCH 1:2 BODY.PEEK[]')).join('\n'), /^\* 1 FETCH \(BODY\[\] \{\d+\}\s+\)\s+\* 2 FETCH [^]*two[^]*OK Fetch completed/)
    t.match((await strict.say('FETCH 1:2 BODY.PEEK[]')).join('\n'), /^\* 2 FETCH [^]*two[^]*\nNO \[UNAVAILABLE\]/)
  }
  await user.flush()
})

t.test('nor is what stands for a lost mail kept when it is back', async (t) => {
  const { user, world, login } = await imapEngine(t)
  const client = await login({ obox_fetch_lost_mails_as_empty: true })
  // Not read up to now, nor in the message cache.
  const guid = (await user.status(context, 'INBOX')).guid
  const key = `${world.directory.split('/').at(-1)}/mailboxes/${guid}/d88ff1001d4bf753a1b800001accfe22`
  const bytes = Buffer.from('Subject: three\r\n\r\nthree\r\n')
  const put = (): Promise<unknown> => world.store.write(key, { size: bytes.length, parts: [bytes] }, context, { metadata: { size: String(bytes.length) } })
  await put()
  await user.receive({ kind: 'verify', account: user.account, fix: true })
  await client.say('SELECT INBOX')
  await world.store.delete(key, context)
  t.match((await client.say('FETCH 1 ENVELOPE')).join('\n'), /ENVELOPE \(NIL NIL [^]*OK/)
  await put()
  t.match((await client.say('FETCH 1 ENVELOPE')).join('\n'), /ENVELOPE \(NIL "three" [^]*OK/)
})
