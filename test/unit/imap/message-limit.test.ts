// MESSAGELIMIT and SAVELIMIT (RFC 9738) over the real engine: what one command works on, and how a client goes on from there.

import t from 'tap'
import { append, imapEngine } from '../../fixtures/imap-engine.ts'
import type { ImapClient } from '../../fixtures/imap-session.ts'

const last = (lines: string[]): string => lines.at(-1)!

async function withMessages(t: Parameters<typeof imapEngine>[0], count: number, settings: Parameters<typeof imapEngine>[1]): Promise<ImapClient> {
  const { login } = await imapEngine(t, settings)
  const writer = await login({ culver_imap_message_limit: 0, culver_imap_save_limit: 0 })
  for (let n = 0; n < count; n++) await append(writer)
  await writer.say('CREATE Other')
  const client = await login()
  await client.say('SELECT INBOX')
  return client
}

t.test('CAPABILITY tells a limit where there is one', async (t) => {
  const { login } = await imapEngine(t)
  t.notMatch((await (await login()).say('CAPABILITY'))[0], /SAVELIMIT|MESSAGELIMIT/)
  t.notMatch((await (await login({ culver_imap_message_limit: 1000, culver_imap_save_limit: 500 })).say('CAPABILITY'))[0], /SAVELIMIT/)
  t.match((await (await login({ culver_imap_message_limit: 1000 })).say('CAPABILITY'))[0], / MESSAGELIMIT=1000( |$)/)
  t.match((await (await login({ culver_imap_save_limit: 2000 })).say('CAPABILITY'))[0], / SAVELIMIT=2000( |$)/)
})

t.test('the newest messages come first, and the code says how far', async (t) => {
  const c = await withMessages(t, 7, { culver_imap_message_limit: 3 })
  t.same(await c.say('FETCH 1:* UID'), ['* 5 FETCH (UID 5)', '* 6 FETCH (UID 6)', '* 7 FETCH (UID 7)', 'OK [MESSAGELIMIT 3 5] Fetch completed.'])
  t.same(await c.say('FETCH 1:2,4,6:* UID'), ['* 4 FETCH (UID 4)', '* 6 FETCH (UID 6)', '* 7 FETCH (UID 7)', 'OK [MESSAGELIMIT 3 4] Fetch completed.'])
  t.same(await c.say('UID FETCH 1:4 UID'), ['* 2 FETCH (UID 2)', '* 3 FETCH (UID 3)', '* 4 FETCH (UID 4)', 'OK [MESSAGELIMIT 3 2] Fetch completed.'])
  t.same(await c.say('FETCH 1:3 UID'), ['* 1 FETCH (UID 1)', '* 2 FETCH (UID 2)', '* 3 FETCH (UID 3)', 'OK Fetch completed.'], 'as many as may be')
  t.same(await c.say('UID FETCH 1:* UID (PARTIAL -1:-3)'), ['* 5 FETCH (UID 5)', '* 6 FETCH (UID 6)', '* 7 FETCH (UID 7)', 'OK Fetch completed.'])
  t.same(await c.say('UID FETCH 1:* UID (PARTIAL -2:-5)'), ['NO [MESSAGELIMIT 3] At most 3 messages at once.'], 'a part that is too long')
  t.same(await c.say('UID FETCH 1 BODY.PEEK[TEXT]'), ['* 1 FETCH (UID 1 BODY[TEXT] {3}', 'x', ')', 'OK Fetch completed.'])
  t.match(last(await c.say('FETCH 1:* BODY.PEEK[TEXT]')), /^OK \[MESSAGELIMIT 3 5\]/)
  t.same(await c.say('SEARCH ALL'), ['* SEARCH 5 6 7', 'OK [MESSAGELIMIT 3 5] Search completed.'])
  t.same(await c.say('SEARCH UIDBEFORE 5 UIDAFTER 1'), ['* SEARCH 2 3 4', 'OK Search completed.'], 'how to go on')
  t.same(await c.say('UID SEARCH RETURN (SAVE COUNT) 1:6'), ['* ESEARCH (TAG "t13") UID COUNT 3', 'OK [MESSAGELIMIT 3 4] Search completed.'])
  t.same(await c.say('SEARCH $'), ['* SEARCH 4 5 6', 'OK Search completed.'], '$ is cut as well')
  t.same(await c.say('SORT (REVERSE ARRIVAL) UTF-8 ALL').then(last), 'OK [MESSAGELIMIT 3 5] Sort completed.')
  t.same(await c.say('THREAD REFERENCES UTF-8 ALL'), ['NO [MESSAGELIMIT 3] At most 3 messages at once.'])
})

t.test('STORE, MOVE and UID EXPUNGE are cut short, COPY and APPEND are refused', async (t) => {
  const c = await withMessages(t, 7, { culver_imap_message_limit: 3 })
  t.same(await c.say('STORE 1:* +FLAGS.SILENT (\\Seen)'), ['OK [MESSAGELIMIT 3 5] Store completed.'])
  t.same(await c.say('SEARCH SEEN'), ['* SEARCH 5 6 7', 'OK Search completed.'])
  t.same(await c.say('COPY 1:* Other'), ['NO [MESSAGELIMIT 3 5] At most 3 messages at once.'])
  t.same(await c.say('STATUS Other (MESSAGES)'), ['* STATUS Other (MESSAGES 0)', 'OK Status completed.'])
  t.match(last(await c.say('COPY 1:3 Other')), /^OK \[COPYUID \d+ 1:3 1:3\]/)
  t.match(last(await c.say('APPEND Other {1+}\r\nx {1+}\r\nx {1+}\r\nx {1+}\r\nx')), /^NO \[MESSAGELIMIT 3\]/)
  t.match(last(await c.say('MOVE 1:* Other')), /^OK \[MESSAGELIMIT 3 5\]/)
})

t.test('SAVELIMIT is for COPY and APPEND alone', async (t) => {
  const c = await withMessages(t, 4, { culver_imap_save_limit: 2 })
  t.same(await c.say('COPY 1:3 Other'), ['NO [MESSAGELIMIT 2 2] At most 2 messages at once.'])
  t.match(last(await c.say('COPY 1:2 Other')), /^OK \[COPYUID/)
  t.match(last(await c.say('APPEND Other {1+}\r\nx {1+}\r\nx {1+}\r\nx')), /^NO \[MESSAGELIMIT 2\]/)
  t.same(await c.say('SEARCH ALL'), ['* SEARCH 1 2 3 4', 'OK Search completed.'])
  t.match(last(await c.say('MOVE 1:* Other')), /^OK Move completed/)
})

t.test('a reply has room for one code: the other comes before it', async (t) => {
  const c = await withMessages(t, 5, { culver_imap_message_limit: 3 })
  await c.say('ENABLE CONDSTORE')
  await c.say('STORE 3:* +FLAGS.SILENT (\\Deleted)')
  await c.say('UID STORE 1:2 +FLAGS.SILENT (\\Deleted)')
  const lines = await c.say('UID EXPUNGE 1:*')
  t.same(lines.slice(0, -1), ['* 5 EXPUNGE', '* 4 EXPUNGE', '* 3 EXPUNGE', '* NO [MESSAGELIMIT 3 3] The other messages are left for the next command.'])
  t.match(last(lines), /^OK \[HIGHESTMODSEQ \d+\] Expunge completed\.$/)
  t.match(last(await c.say('EXPUNGE')), /^OK \[HIGHESTMODSEQ \d+\]/, 'EXPUNGE itself is not bounded')
})
