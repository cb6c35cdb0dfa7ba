// imap_client_workarounds = delay-newmail: new mail and expunges are told to NOOP, CHECK, IDLE, and to commands that themselves
// make them; flags as ever. As Dovecot does.

import t from 'tap'
import { append, imapEngine } from '../../fixtures/imap-engine.ts'

t.test('news of numbers are held back until the client asks', async (t) => {
  const { login } = await imapEngine(t)
  const other = await login()
  for (let n = 0; n < 4; n++) await append(other)
  await other.say('SELECT INBOX')
  const slow = await login({ imap_client_workarounds: ['delay-newmail'] })
  await slow.say('SELECT INBOX')
  await append(other)
  await other.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
  t.same(await slow.say('FETCH 2 (UID)'), ['* 2 FETCH (UID 2)', '* 1 FETCH (FLAGS (\\Deleted))', 'OK Fetch completed.'])
  await other.say('EXPUNGE')
  t.same(await slow.say('UID FETCH 2 (UID)'), ['* 2 FETCH (UID 2)', 'OK Fetch completed.'])
  t.equal((await slow.say('SEARCH ALL'))[0], '* SEARCH 2 3 4', 'its numbers are the old ones')
  t.same(await slow.say('UID STORE 2 +FLAGS (\\Seen)'), ['* 2 FETCH (UID 2 FLAGS (\\Seen))', 'OK Store completed.'])
  t.same(await slow.say('STATUS INBOX (UIDNEXT)'), ['* STATUS INBOX (UIDNEXT 6)', 'OK Status completed.'])
  t.same(await slow.say('NOOP'), ['* 1 EXPUNGE', '* 4 EXISTS', '* 0 RECENT', 'OK NOOP completed.'])

  await append(other)
  t.same(await slow.say('FETCH 4 (UID)'), ['* 4 FETCH (UID 5)', 'OK Fetch completed.'])
  t.same((await slow.say('CHECK')).slice(0, 1), ['* 5 EXISTS'])
  await append(other)
  slow.send('i IDLE\r\n')
  t.match(await slow.until(/EXISTS\r\n/), /\* 6 EXISTS/)
  slow.send('DONE\r\n')
  await slow.answer('i')
  await append(other)
  t.same(await slow.say('UID EXPUNGE 2'), ['* 7 EXISTS', '* 0 RECENT', 'OK Expunge completed.'])
  t.same(await slow.say('UID MOVE 3 INBOX').then((lines) => lines.filter((line) => /EXPUNGE|EXISTS/.test(line))), ['* 2 EXPUNGE', '* 7 EXISTS'])
})

t.test('a client with QRESYNC learns that it is behind', async (t) => {
  const { login } = await imapEngine(t)
  const other = await login()
  await append(other)
  await append(other)
  await other.say('SELECT INBOX')
  const slow = await login({ imap_client_workarounds: ['delay-newmail'] })
  await slow.say('ENABLE QRESYNC')
  t.ok((await slow.say('SELECT INBOX')).includes('* OK [HIGHESTMODSEQ 3] Highest'))
  await append(other)
  await other.say('STORE 1 +FLAGS.SILENT (\\Seen)')
  t.same(await slow.say('SEARCH SEEN'), [
    '* 1 FETCH (UID 1 MODSEQ (5) FLAGS (\\Seen))', '* OK [HIGHESTMODSEQ 3] Highest', '* SEARCH 1', 'OK Search completed.'])
  t.same(await slow.say('NOOP'), ['* 3 EXISTS', '* 0 RECENT', '* OK [HIGHESTMODSEQ 5] Highest', 'OK NOOP completed.'])
})
